// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// A 0-based position in one table. Positions in different tables have different types, so that a task cannot be passed
/// where a node is expected. Four bytes, trivially copyable. A default-constructed index is not valid: it refers to no
/// entry.
///
/// @tparam Tag  any type; it only keeps the indices of different tables apart
template <class Tag>
class basic_index {
public:
    using value_type = std::uint32_t;  ///< the stored type

    /// An index that is not valid.
    constexpr basic_index() noexcept = default;
    /// @param value  0..2^32 - 2
    BERTH_HD constexpr explicit basic_index(std::size_t value) noexcept : value_{static_cast<value_type>(value)} {
        BERTH_ASSERT(value < none_value, "berth: a position does not fit in 32 bits");
    }

    /// False for a default-constructed index. Whether the table has such an entry is not checked: see `below`.
    [[nodiscard]] BERTH_HD constexpr bool valid() const noexcept { return value_ != none_value; }
    /// True if the index is valid and less than `count`: the range check for an index that comes from outside.
    ///
    /// @param count  number of entries of the table
    [[nodiscard]] BERTH_HD constexpr bool below(std::size_t count) const noexcept { return valid() && value_ < count; }
    /// The position. The index must be valid, which only an assertion checks; ask `valid` or `below` first where it may
    /// not be.
    [[nodiscard]] BERTH_HD constexpr std::size_t value() const noexcept {
        BERTH_ASSERT(valid(), "berth: basic_index::value() of an index that is not valid");
        return value_;
    }

    /// Equal positions, or both not valid.
    friend constexpr bool operator==(basic_index, basic_index) noexcept = default;
    /// By position; an index that is not valid comes last.
    friend constexpr auto operator<=>(basic_index, basic_index) noexcept = default;

private:
    static constexpr value_type none_value = ~value_type{0};
    value_type value_ = none_value;
};

using node_index = basic_index<struct node_tag>;            ///< a node of a fleet
using gpu_index = basic_index<struct gpu_tag>;              ///< a GPU of a fleet, numbered over all nodes
using model_index = basic_index<struct model_tag>;          ///< a GPU model of a fleet
using domain_index = basic_index<struct domain_tag>;        ///< a rack, a zone, ... of a fleet
using task_index = basic_index<struct task_tag>;            ///< a task of a workload
using shape_index = basic_index<struct shape_tag>;          ///< a distinct demand of a workload
using model_set_index = basic_index<struct model_set_tag>;  ///< a distinct list of accepted models of a workload
using group_index = basic_index<struct group_tag>;          ///< a group (job, service) of a workload

}  // namespace berth::inline v0
