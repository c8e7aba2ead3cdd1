// expect: berth: a trigger has name\(\) and prepare\(problem\)
// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"

struct too_loud {
    static constexpr const char* name() { return "too loud"; }
};

int main() {
#ifdef BERTH_FIXED
    (void)berth::balancer{berth::triggers{berth::load_above{}}};
#else
    (void)berth::balancer{berth::triggers{berth::load_above{}, too_loud{}}};
#endif
}
