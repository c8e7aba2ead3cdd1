// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"
#include "berth/watch/samples.hpp"

namespace berth_test {

/// A health check that sees one sample after the other, with no trend.
template <class Check>
struct seen {
    Check check{};
    typename Check::state state{};

    berth::evidence sees(const berth::gpu_sample& s, double step = 60.0) {
        return check.judge(state, {s, step, {s.temperature, 0.0, 0.0}, {s.load, 0.0, 0.0}});
    }
};

}  // namespace berth_test
