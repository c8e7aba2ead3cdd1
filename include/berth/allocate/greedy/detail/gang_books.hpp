// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// What the search for a gang asks of whoever keeps the ledger. An abstract class, so that the search is compiled once,
/// not for every policy. *Members* are the positions of the gang's tasks.
template <class Ledger>
class gang_books {
public:
    [[nodiscard]] virtual std::size_t size() const = 0;
    /// Members of equal shape have equal demands.
    [[nodiscard]] virtual shape_index shape(std::size_t member) const = 0;
    /// Valid as long as the books.
    [[nodiscard]] virtual demand_view demand(std::size_t member) const = 0;
    [[nodiscard]] virtual const Ledger& ledger() const = 0;
    /// All nodes, in order of preference.
    [[nodiscard]] virtual std::span<const node_index> nodes() const = 0;
    /// False for a node that takes nothing new.
    [[nodiscard]] virtual bool open(node_index n) const = 0;

    /// Takes the best slot with GPUs of these models (bit m for model m); `unplaced` changes nothing.
    [[nodiscard]] virtual slot place(std::size_t member, std::uint64_t models) = 0;
    /// Takes exactly this slot, if it fits and the policy admits it; false changes nothing.
    [[nodiscard]] virtual bool place_at(std::size_t member, const slot& where) = 0;
    /// Undoes either exactly. Does not throw.
    virtual void remove(std::size_t member, const slot& where) = 0;

    /// The policy looks at the demand and at the slot's node only, so that what it refused once it refuses again.
    [[nodiscard]] virtual bool by_shape() const = 0;
    /// The policy treats equal nodes alike.
    [[nodiscard]] virtual bool anonymous() const = 0;

protected:
    gang_books() = default;
    gang_books(const gang_books&) = default;
    gang_books& operator=(const gang_books&) = default;
    ~gang_books() = default;
};

}  // namespace berth::inline v0::detail
