// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_events.hpp"

namespace berth::inline v0::detail {

/// What a `scheduler`, `any_scheduler` or `journalled_scheduler` knows.
template <class Scheduler>
[[nodiscard]] const scheduler_events& events_of(const Scheduler& engine) noexcept {
    if constexpr (requires { engine.known(); }) {
        return engine.known();
    } else {
        return engine;
    }
}

}  // namespace berth::inline v0::detail
