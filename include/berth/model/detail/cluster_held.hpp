// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster_interface.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// What is held of a node of a `cluster`, and what is left when its capacities or domains change.

namespace berth::inline v0 {

/// Calls `visit(demand, GPUs)` for all that tasks, targets and reservations hold of a node.
template <class Visit>
void cluster::for_each_held(node_index n, Visit visit) const {
    for (const task_index t : tasks_on(n)) visit(work_.demand(t), where_[t.value()].gpus);
    for (const task_index t : arriving_[n.value()]) visit(work_.demand(t), target_[t.value()].gpus);
    for (const std::uint32_t r : reserved_on_[n.value()]) {
        visit(work_.demand(reserved_[r].shape), reserved_[r].where.gpus);
    }
}
/// Room that is held of a node in its domains.
inline void cluster::move_domain_room(node_index n, std::span<const domain_index> domains, amount sign) noexcept {
    const std::size_t counters = fleet_.schema().domain.size();
    if (counters == 0) return;
    for_each_held(n, [&](const demand_view& demand, gpu_mask) {
        for (const domain_index d : domains) {
            for (std::size_t r = 0; r < counters; ++r) {
                amount& free = ledger_.free_of_domains_[d.value() * counters + r];
                if (free != max_amount) free += sign * demand.domain[r];
            }
        }
    });
}

/// What is in use of every counter of a node and its GPUs, in the order of the ledger; `not_known` of one without a
/// limit.
inline void cluster::collect_used(node_index n, detail::flat<amount>& used) const {
    const auto append = [&](std::span<const amount> capacity, std::span<const amount> free) {
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            used.push_back(capacity[r] == max_amount ? not_known : capacity[r] - free[r]);
        }
    };
    append(fleet_.capacity(n), ledger_.free(n));
    for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) {
        append(fleet_.capacity(fleet_.gpu(n, i)), ledger_.free(fleet_.gpu(n, i)));
    }
}
/// Free amounts from the node's capacities and what is in use; nothing is in use of GPUs beyond.
inline void cluster::set_free_from(node_index n, std::span<const amount> used) noexcept {
    std::size_t at = 0;
    bool recount = false;
    amount* const free = ledger_.free_.data() + fleet_.first_counter(n);
    const auto put = [&](std::span<const amount> capacity) {
        for (const amount all : capacity) {
            const amount taken = at < used.size() ? used[at] : 0;
            recount = recount || (taken == not_known && all != max_amount);
            free[at++] = all == max_amount || taken == not_known ? all : all - taken;
        }
    };
    put(fleet_.capacity(n));
    for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) put(fleet_.capacity(fleet_.gpu(n, i)));
    if (recount) count_held(n, used);
}
/// A counter that had no limit has one now: what is in use of it is counted from all that is held.
inline void cluster::count_held(node_index n, std::span<const amount> used) noexcept {
    const std::size_t hosts = fleet_.schema().node.size();
    const std::size_t counters = fleet_.schema().gpu.size();
    amount* const free = ledger_.free_.data() + fleet_.first_counter(n);
    const auto is_new = [&](std::size_t at) {
        return at < used.size() && used[at] == not_known && free[at] != max_amount;
    };
    for_each_held(n, [&](const demand_view& demand, gpu_mask gpus) {
        for (std::size_t r = 0; r < hosts; ++r) free[r] -= is_new(r) ? demand.node[r] : 0;
        for (; gpus != 0; gpus &= gpus - 1) {
            const std::size_t first = hosts + lowest_gpu(gpus) * counters;
            for (std::size_t r = 0; r < counters; ++r) free[first + r] -= is_new(first + r) ? demand.gpu[r] : 0;
        }
    });
}
/// The GPUs of a node that something is held of.
inline gpu_mask cluster::held_gpus(node_index n) const {
    gpu_mask held = 0;
    for_each_held(n, [&](const demand_view&, gpu_mask gpus) { held |= gpus; });
    return held;
}

}  // namespace berth::inline v0
