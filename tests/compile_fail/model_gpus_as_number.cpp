// expect: berth: `gpus` of a node is a range of GPUs, not their number
// SPDX-License-Identifier: Apache-2.0
#include <berth/model/lower.hpp>

#include <string>
#include <vector>

struct card {
    std::string model;
};
struct host {
#ifdef BERTH_FIXED
    std::vector<card> gpus;
#else
    int gpus = 8;
#endif
};

int main() { return berth::make_fleet(std::vector<host>{}) ? 0 : 1; }
