// expect: berth: a GPU offers at least `model` or `capacity`
// SPDX-License-Identifier: Apache-2.0
// A misspelt member of the GPUs of a node.
#include <berth/model/lower.hpp>

#include <string>
#include <vector>

struct card {
#ifdef BERTH_FIXED
    std::string model;
#else
    std::string modell;
#endif
};
struct host {
    std::vector<card> gpus;
};

int main() { return berth::make_fleet(std::vector<host>{}) ? 0 : 1; }
