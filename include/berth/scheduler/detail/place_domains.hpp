// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/scheduler/place_rule.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

inline constexpr std::size_t no_domain = ~std::size_t{0};

/// The domain of a node at a level, as a number; of the innermost level the node itself.
[[nodiscard]] inline std::size_t domain_at(const fleet& of, node_index n, domain_level level) noexcept {
    if (level == host_level) return n.value();
    for (const domain_index d : of.domains(n)) {
        if (of.level(d) == level) return d.value();
    }
    return no_domain;
}
/// The next level above one.
[[nodiscard]] constexpr domain_level above(domain_level level) noexcept { return level == host_level ? 0 : level + 1; }
/// True if one level lies above another.
[[nodiscard]] constexpr bool is_above(domain_level a, domain_level b) noexcept {
    return a != host_level && (b == host_level || a > b);
}

}  // namespace berth::inline v0::detail
