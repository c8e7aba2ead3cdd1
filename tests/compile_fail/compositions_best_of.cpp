// expect: berth: every part of best_of\{...\} is an assignment allocator
// SPDX-License-Identifier: Apache-2.0
// `run` without const: descriptions are shared between threads.
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/exact.hpp"

struct mutable_run {
    template <class Control>
    berth::assignment_plan run(const berth::priced_problem& p, berth::warm_start start, Control control)
#ifdef BERTH_FIXED
        const
#endif
    {
        return berth::exact{}.run(p, start, control);
    }
};

const berth::best_of both{mutable_run{}, berth::exact{}};
