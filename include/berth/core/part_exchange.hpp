// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// The parts of a computation that one process holds: `first` to `end - 1`.
struct held_parts {
    std::size_t first = 0;  ///< the first part held
    std::size_t end = 0;    ///< one past the last

    /// Number of parts held.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return end - first; }
    /// True if the part is one of them.
    [[nodiscard]] constexpr bool holds(std::size_t part) const noexcept { return part >= first && part < end; }
    /// The same parts.
    friend constexpr bool operator==(const held_parts&, const held_parts&) noexcept = default;
};

/// A customisation point: carries messages between the parts (or islands) of a computation, wherever they are held.
/// Algorithms number the parts and give each its own random streams, so that where a part is held changes nothing.
///
/// 1. `x.held(parts)`: the parts that this process holds, of so many. Over all processes every part is held once, in
///    ascending order.
/// 2. `x.share(parts, records, size)`: `records` has `size` bytes for every part. On entry those of held parts are
///    set, on return all are.
/// 3. `x.send(parts, to, boxes)`: there is a box for every held part; the box of part i goes to part `to[i]`. `to` is a
///    permutation of all parts. On return the boxes are those that arrived.
/// 4. `x.tell(parts, part, box)`: the box of the process that holds `part` is copied to all.
///
/// Every process makes the same calls in the same order. A process that is lost ends the computation.
///
/// `one_process` is the default; `mpi::ranks` (`mpi/ranks.hpp`) spreads the parts over MPI ranks.
template <class X>
concept part_exchange = std::copy_constructible<X> &&
                        requires(X& x, std::size_t n, std::span<std::byte> records, std::span<const std::uint32_t> to,
                                 std::span<byte_box> boxes, byte_box& box) {
                            { x.held(n) } -> std::same_as<held_parts>;
                            x.share(n, records, n);
                            x.send(n, to, boxes);
                            x.tell(n, n, box);
                        };

/// Holds all parts: messages are moved, nothing is copied.
struct one_process {
    /// All of them. Makes the memory for `send`.
    [[nodiscard]] held_parts held(std::size_t parts) const {
        if (arrived_.size() < parts) arrived_.resize(parts);
        return {0, parts};
    }
    /// Nothing to do.
    void share(std::size_t, std::span<std::byte>, std::size_t) const noexcept {}
    /// Puts every box in its place.
    void send(std::size_t parts, std::span<const std::uint32_t> to, std::span<byte_box> boxes) const {
        BERTH_ASSERT(to.size() == parts && boxes.size() == parts, "berth: one process holds every part");
        if (arrived_.size() < parts) arrived_.resize(parts);
        // Swaps, so that no memory is lost.
        for (std::size_t i = 0; i < parts; ++i) arrived_[to[i]].swap(boxes[i]);
        for (std::size_t i = 0; i < parts; ++i) boxes[i].swap(arrived_[i]);
    }
    /// Nothing to do.
    void tell(std::size_t, std::size_t, byte_box&) const noexcept {}

private:
    mutable std::vector<byte_box> arrived_;  // scratch
};

static_assert(part_exchange<one_process>);

namespace detail {

/// `part_exchange::share` for records of a type: `all` has one for every part.
template <class Exchange, class Record>
void share_records(Exchange& exchange, std::span<Record> all) {
    static_assert(std::is_trivially_copyable_v<Record>);
    exchange.share(all.size(), std::as_writable_bytes(all), sizeof(Record));
}

}  // namespace detail

}  // namespace berth::inline v0
