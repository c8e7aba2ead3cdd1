// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

class migration_budget_state;

/// How much may move in one round. What is in flight when the round begins counts where moves run side by side: against
/// `in_flight`, `per_node` and `per_link`.
struct migration_budget {
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    std::size_t moves = unlimited;                ///< new ones
    amount bytes = std::numeric_limits<amount>::max();  ///< that they carry, in all
    std::size_t in_flight = unlimited;                  ///< at the same time
    std::size_t per_node = unlimited;                   ///< that begin or end on a node
    std::size_t per_link = unlimited;                   ///< between two nodes, either way

    [[nodiscard]] migration_budget_state prepare(const problem& p) const;
};

/// What is left in one round. Allocates with the number of links in use.
class migration_budget_state {
public:
    migration_budget_state(const migration_budget& budget, const problem& p)
        : budget_{budget}, at_node_(p.fleet().node_count(), 0) {}

    void begin(const projected_state& now) {
        for (std::uint32_t& count : at_node_) count = 0;
        links_.clear();
        moves_ = 0;
        bytes_ = 0;
        in_flight_ = 0;
        for (const task_move& r : now.seen().in_flight) count(r, true);
    }
    [[nodiscard]] bool allows(const task_move& r, const migration_estimate& e) const noexcept {
        if (moves_ >= budget_.moves || in_flight_ >= budget_.in_flight) return false;
        if (e.bytes > budget_.bytes - bytes_) return false;
        if (at_node_[r.from.node.value()] >= budget_.per_node || at_node_[r.to.node.value()] >= budget_.per_node)
            return false;
        if (budget_.per_link == migration_budget::unlimited || r.from.node == r.to.node) return true;
        const std::size_t at = find(r);
        return (at == links_.size() ? 0 : links_[at].count) < budget_.per_link;
    }
    void spend(const task_move& r, const migration_estimate& e) {
        ++moves_;
        bytes_ += e.bytes;
        count(r, true);
    }
    void refund(const task_move& r, const migration_estimate& e) {
        --moves_;
        bytes_ -= e.bytes;
        count(r, false);
    }

private:
    struct link {
        node_index a;
        node_index b;
        std::uint32_t count;
    };
    [[nodiscard]] std::size_t find(const task_move& r) const noexcept {
        const bool up = r.from.node < r.to.node;
        const node_index a = up ? r.from.node : r.to.node;
        const node_index b = up ? r.to.node : r.from.node;
        std::size_t i = 0;
        while (i < links_.size() && !(links_[i].a == a && links_[i].b == b)) ++i;
        return i;
    }
    void count(const task_move& r, bool more) {
        const auto change = [more](auto& counter) { more ? ++counter : --counter; };
        change(in_flight_);
        if (r.from.placed()) change(at_node_[r.from.node.value()]);
        if (r.to.placed() && r.to.node != r.from.node) change(at_node_[r.to.node.value()]);
        if (budget_.per_link == migration_budget::unlimited || !r.from.placed() || !r.to.placed() ||
            r.from.node == r.to.node)
            return;
        const std::size_t at = find(r);
        if (at == links_.size()) {
            const bool up = r.from.node < r.to.node;
            links_.push_back({up ? r.from.node : r.to.node, up ? r.to.node : r.from.node, 0});
        }
        change(links_[at].count);
    }

    migration_budget budget_;
    detail::flat<std::uint32_t> at_node_;
    detail::flat<link> links_;
    std::size_t moves_ = 0;
    std::size_t in_flight_ = 0;
    amount bytes_ = 0;
};

inline migration_budget_state migration_budget::prepare(const problem& p) const { return {*this, p}; }

static_assert(move_budget<migration_budget>);

}  // namespace berth::inline v0
