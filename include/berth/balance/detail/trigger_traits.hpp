// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/projected_state.hpp"

namespace berth::inline v0::detail {

/// The optional members of a trigger's state, with their defaults.
template <class State>
struct trigger_traits {
    [[nodiscard]] static constexpr bool urgent() noexcept {
        if constexpr (requires { State::urgent; }) {
            return State::urgent;
        } else {
            return false;
        }
    }
    [[nodiscard]] static constexpr bool drains() noexcept {
        if constexpr (requires { State::drains; }) {
            return State::drains;
        } else {
            return false;
        }
    }
    [[nodiscard]] static constexpr bool needs_load() noexcept {
        if constexpr (requires { State::needs_load; }) {
            return State::needs_load;
        } else {
            return false;
        }
    }
    [[nodiscard]] static bool gain_falls_with_load(const State& trigger, const projected_state& now) noexcept {
        if constexpr (requires { trigger.gain_falls_with_load(now); }) {
            return trigger.gain_falls_with_load(now);
        } else {
            return false;
        }
    }
};

}  // namespace berth::inline v0::detail
