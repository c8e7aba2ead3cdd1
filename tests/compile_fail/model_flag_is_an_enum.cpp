// expect: berth: `healthy`, `gang` and `same_model` are bool; compare yours in the traits
// SPDX-License-Identifier: Apache-2.0
// An enumeration whose zero means "well" must not read as unhealthy.
#include <berth/model/lower.hpp>

#include <string>
#include <vector>

enum class state { well, sick };
struct card {
    std::string model;
#ifdef BERTH_FIXED
    bool healthy = true;
#else
    state healthy = state::well;
#endif
};

int main() { return berth::make_fleet(std::vector<card>{}) ? 0 : 1; }
