// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// A position in one particular table. Positions in different tables are different types, so a task cannot be passed
/// where a node is wanted. Four bytes, trivially copyable; a default-constructed index names nothing.
///
/// @tparam Tag  any type, used only to keep indices apart.
template <class Tag>
class basic_index {
public:
    using value_type = std::uint32_t;

    constexpr basic_index() noexcept = default;
    /// @param value  less than 2^32 - 1.
    BERTH_HD constexpr explicit basic_index(std::size_t value) noexcept : value_{static_cast<value_type>(value)} {
        BERTH_ASSERT(value < none_value, "berth: a position does not fit in 32 bits");
    }

    /// True if the index names an entry at all. Range checks belong to the table.
    [[nodiscard]] BERTH_HD constexpr bool valid() const noexcept { return value_ != none_value; }
    /// The position, 0-based.
    [[nodiscard]] BERTH_HD constexpr std::size_t value() const noexcept { return value_; }

    friend constexpr bool operator==(basic_index, basic_index) noexcept = default;
    friend constexpr auto operator<=>(basic_index, basic_index) noexcept = default;

private:
    static constexpr value_type none_value = ~value_type{0};
    value_type value_ = none_value;
};

using node_index = basic_index<struct node_tag>;            ///< a node of a fleet
using gpu_index = basic_index<struct gpu_tag>;              ///< a GPU of a fleet, counted over all nodes
using model_index = basic_index<struct model_tag>;          ///< a GPU model of a fleet
using domain_index = basic_index<struct domain_tag>;        ///< a rack, a zone, ... of a fleet
using task_index = basic_index<struct task_tag>;            ///< a task of a workload
using shape_index = basic_index<struct shape_tag>;          ///< a distinct demand of a workload
using model_set_index = basic_index<struct model_set_tag>;  ///< a distinct list of accepted models of a workload
using group_index = basic_index<struct group_tag>;          ///< a group (job, service) of a workload

}  // namespace berth::inline v0
