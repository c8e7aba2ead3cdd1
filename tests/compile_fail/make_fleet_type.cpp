// expect: berth: this type is neither a node nor a GPU; give it a member `gpus`
// SPDX-License-Identifier: Apache-2.0
// A GPU whose members are called otherwise, without a gpu_traits.
#include <berth/model/lower.hpp>

#include <string>
#include <vector>

struct card {
#ifdef BERTH_FIXED
    std::string model;
#else
    std::string product;
#endif
};

int main() { return berth::make_fleet(std::vector<card>{}) ? 0 : 1; }
