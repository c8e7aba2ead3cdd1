// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

class migration_budget_state;

/// The default `move_budget`: limits for one round. Moves already in flight when the round begins count against
/// `in_flight`, `per_node` and `per_link`, not against `moves` and `bytes`. Limits of 0 forbid every move.
struct migration_budget {
    /// No limit; the default of every count.
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    std::size_t moves = unlimited;  ///< chosen in the round
    amount bytes =
        std::numeric_limits<amount>::max();  ///< carried by the chosen moves together, in the unit of `state_bytes`
    std::size_t in_flight = unlimited;       ///< moves at the same time
    std::size_t per_node = unlimited;        ///< moves at the same time that start or end on one node
    std::size_t per_link = unlimited;        ///< moves at the same time between two nodes, in either direction

    /// The state for one balancer. O(nodes).
    [[nodiscard]] migration_budget_state prepare(const problem& p) const;
};

/// What is left of a `migration_budget` in one round. Memory O(nodes + links in use); no allocation once a round had as
/// many links.
class migration_budget_state {
public:
    /// The full budget. O(nodes).
    migration_budget_state(const migration_budget& budget, const problem& p)
        : budget_{budget}, at_node_(p.fleet().node_count(), 0), links_(16) {}

    /// Opens a round: the full budget, less the moves in flight. O(nodes + links of the last round + moves in flight).
    void begin(const projected_state& now) {
        at_node_.assign(now.machines().node_count(), 0);
        if (used_links_ > 0) links_.assign(links_.size(), {});
        used_links_ = 0;
        moves_ = 0;
        bytes_ = 0;
        in_flight_ = 0;
        for (const task_move& r : now.moves_in_flight()) count(r, true);
    }
    /// True if the budget has room for the move. O(1).
    [[nodiscard]] bool allows(const task_move& r, const migration_estimate& e) const noexcept {
        if (moves_ >= budget_.moves || in_flight_ >= budget_.in_flight) return false;
        if (e.bytes > budget_.bytes - bytes_) return false;
        if (at_node_[r.from.node.value()] >= budget_.per_node || at_node_[r.to.node.value()] >= budget_.per_node)
            return false;
        return !uses_link(r) || links_[find(r)].count < budget_.per_link;
    }
    /// Debits the move. O(1), amortised.
    void spend(const task_move& r, const migration_estimate& e) {
        ++moves_;
        bytes_ += e.bytes;
        count(r, true);
    }
    /// Credits a move that was debited. O(1).
    void refund(const task_move& r, const migration_estimate& e) {
        --moves_;
        bytes_ -= e.bytes;
        count(r, false);
    }

private:
    struct link {
        node_index a{};  // the lower one; invalid: the entry is free
        node_index b{};
        std::uint32_t count = 0;
    };
    [[nodiscard]] bool uses_link(const task_move& r) const noexcept {
        return budget_.per_link != migration_budget::unlimited && r.from.placed() && r.to.placed() &&
               r.from.node != r.to.node;
    }
    [[nodiscard]] static link link_of(const task_move& r) noexcept {
        const bool up = r.from.node < r.to.node;
        return {up ? r.from.node : r.to.node, up ? r.to.node : r.from.node, 0};
    }
    /// Position of the link's entry in the hash table, or of a free one.
    [[nodiscard]] std::size_t find(const task_move& r) const noexcept {
        const link wanted = link_of(r);
        const std::size_t mask = links_.size() - 1;
        std::size_t at = splitmix64(wanted.a.value() << 32U ^ wanted.b.value()) & mask;
        while (links_[at].a.valid() && !(links_[at].a == wanted.a && links_[at].b == wanted.b)) at = (at + 1) & mask;
        return at;
    }
    void count(const task_move& r, bool more) {
        const auto change = [more](auto& counter) { more ? ++counter : --counter; };
        change(in_flight_);
        if (r.from.placed()) change(at_node_[r.from.node.value()]);
        if (r.to.placed() && r.to.node != r.from.node) change(at_node_[r.to.node.value()]);
        if (!uses_link(r)) return;
        std::size_t at = find(r);
        if (!links_[at].a.valid()) {
            if (2 * ++used_links_ > links_.size()) {
                grow();
                at = find(r);
            }
            links_[at] = link_of(r);
        }
        change(links_[at].count);
    }
    void grow() {
        detail::flat<link> old(2 * links_.size());
        old.swap(links_);
        for (const link& l : old) {
            if (l.a.valid()) links_[find({{}, {l.a, 0}, {l.b, 0}})] = l;
        }
    }

    migration_budget budget_;
    detail::flat<std::uint32_t> at_node_;
    detail::flat<link> links_;  // a hash table with linear probing
    std::size_t used_links_ = 0;
    std::size_t moves_ = 0;
    std::size_t in_flight_ = 0;
    amount bytes_ = 0;
};

inline migration_budget_state migration_budget::prepare(const problem& p) const { return {*this, p}; }

static_assert(move_budget<migration_budget>);

}  // namespace berth::inline v0
