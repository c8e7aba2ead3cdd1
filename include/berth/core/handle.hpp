// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace berth::inline v0 {

/// Names one thing of a living table for as long as it is there: a position and the generation of its occupant. A
/// position that is vacated and taken again has another generation, so the handle of something that is gone is never
/// mistaken for another thing. Eight bytes, trivially copyable. A default-constructed handle names nothing.
///
/// Where a thing is found by its handle, `cluster` answers false or nothing for one that is gone, in every build.
///
/// @tparam Tag  any type; it only keeps the handles of different tables apart
template <class Tag>
class basic_handle {
public:
    /// A handle that names nothing.
    constexpr basic_handle() noexcept = default;
    /// @param position    0..2^32 - 2
    /// @param generation  of the occupant, from 1
    constexpr basic_handle(std::uint32_t position, std::uint32_t generation) noexcept
        : position_{position}, generation_{generation} {}

    /// False for a default-constructed handle. Whether the thing is still there only its table knows.
    [[nodiscard]] constexpr bool valid() const noexcept { return generation_ != 0; }
    /// The position in its table.
    [[nodiscard]] constexpr std::uint32_t position() const noexcept { return position_; }
    /// How many things had this position so far, this one included.
    [[nodiscard]] constexpr std::uint32_t generation() const noexcept { return generation_; }

    /// The same thing.
    friend constexpr bool operator==(basic_handle, basic_handle) noexcept = default;
    /// By position, then by generation.
    friend constexpr auto operator<=>(basic_handle, basic_handle) noexcept = default;

private:
    std::uint32_t position_ = 0;
    std::uint32_t generation_ = 0;
};

using node_handle = basic_handle<struct node_tag>;                ///< a node of a cluster
using gpu_handle = basic_handle<struct gpu_tag>;                  ///< a GPU of a cluster
using task_handle = basic_handle<struct task_tag>;                ///< a task of a cluster
using shape_handle = basic_handle<struct shape_tag>;              ///< a demand that a cluster knows
using reservation_handle = basic_handle<struct reservation_tag>;  ///< room that is held in a cluster

}  // namespace berth::inline v0
