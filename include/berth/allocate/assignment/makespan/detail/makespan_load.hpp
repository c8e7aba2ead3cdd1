// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"

#include <limits>
#include <type_traits>

namespace berth::inline v0::detail {

/// A load as a whole number. An infinite one, or one that is no number, is the largest amount: forbidden.
template <class Load>
[[nodiscard]] amount makespan_load(Load load) noexcept {
    if constexpr (std::is_floating_point_v<Load>) {
        return load < 0x1p62 ? static_cast<amount>(load) : std::numeric_limits<amount>::max();
    } else {
        return static_cast<amount>(load);
    }
}

}  // namespace berth::inline v0::detail
