// expect: berth: the third argument of an annealer is a cooling schedule
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/annealer.hpp"

struct number {
    using move = int;
    int now = 5;
    int best = 5;
    int value() const { return now; }
    int delta(int step) const { return step; }
    void apply(int step) { now += step; }
    void keep() { best = now; }
    void restore() { now = best; }
};
struct down {
    bool propose(number& n, berth::xoshiro256&, int& step) const {
        step = -1;
        return n.now > 0;
    }
};
struct nothing {};

#ifdef BERTH_FIXED
berth::annealer search{number{}, down{}, berth::geometric_cooling{}};
#else
berth::annealer<number, down, nothing> search{number{}};
#endif

int main() { return search.best_value(); }
