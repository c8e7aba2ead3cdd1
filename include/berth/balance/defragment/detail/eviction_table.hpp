// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction.hpp"
#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/balance/defragment/detail/eviction_ranking.hpp"
#include "berth/balance/defragment/detail/nearby_tasks.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/recency_list.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

// Length: the enumeration for one node, and the memory of all of them.

namespace berth::inline v0::detail {

/// For every shape: the nodes that it fits on, and those that it fits on without one, two, or three tasks of one GPU.
/// Kept from question to question and repaired for nodes that changed. On a fleet that lives (`Fleet::lives`) nodes are
/// listed in ascending order, so that what is listed does not depend on what was asked before, and entries are dropped
/// with their demands and for want of memory (`follow`).
///
/// Single evictions are complete. Pairs are those of which neither task does alone; triples are of one GPU. With T
/// tasks nearby, those of the node and of the other nodes of its short domains, a node takes O(T) to collect them and
/// O(T²) fits for pairs: a short domain of many nodes is quadratic in the tasks of the domain.
class eviction_table {
public:
    struct entry {
        flat<node_index> direct;  ///< nodes that take the shape as they are
        flat<eviction> options;
        flat<std::size_t> ranked;  ///< of `options`, see `eviction_ranking`

        /// False while an interrupted search has not looked at all nodes. What is listed is right even then.
        template <class Fleet>
        [[nodiscard]] bool complete(const Fleet& fleet) const noexcept {
            return next == fleet.machines().node_count() && pending.empty();
        }

    private:
        friend class eviction_table;
        std::uint64_t seen = 0;  // time of the fleet's changes that are known
        std::uint64_t ranked_at = 0;
        std::size_t next = 0;       // the first node that was never looked at
        flat<std::size_t> pending;  // nodes to be looked at again
        std::uint32_t generation = 0;

        [[nodiscard]] std::size_t bytes() const noexcept {
            return direct.capacity() * sizeof(node_index) + options.capacity() * sizeof(eviction) +
                   (ranked.capacity() + pending.capacity()) * sizeof(std::size_t);
        }
    };

    /// @param alike  tasks of one shape on the same GPUs are interchangeable: it does not matter which of them leaves
    eviction_table(std::size_t shapes, std::size_t nodes, bool alike)
        : entries_(shapes), changed_(nodes), nearby_{nodes, alike} {}

    /// Makes room for what came, drops entries of demands that went, and then those that were not used for the longest
    /// time while all have more than `max_bytes`. Not while an entry is in use. O(entries in use), and what grows.
    void follow(const workload& work, std::size_t nodes, std::size_t max_bytes) {
        recent_.resize(work.shape_count());
        if (entries_.size() < work.shape_count()) entries_.resize(work.shape_count());
        nearby_.resize(nodes);
        changed_.resize(nodes, 0);
        dropped_.clear();
        bytes_ = 0;
        recent_.for_each([&](std::size_t s) {
            if (entries_[s].generation != work.generation(shape_index{s})) {
                dropped_.push_back(s);
            } else {
                bytes_ += entries_[s].bytes();
            }
        });
        for (const std::size_t s : dropped_) drop(s);
        while (bytes_ > max_bytes && recent_.size() > 0) {
            const std::size_t oldest = recent_.oldest();
            bytes_ -= entries_[oldest].bytes();
            drop(oldest);
        }
    }
    /// Bytes of all entries when `follow` was called last.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// The entry of a shape for the occupied slots.
    template <class Fleet>
    [[nodiscard]] const entry& of(shape_index s, Fleet& fleet, stop_poll& poll) {
        entry& e = entries_[s.value()];
        if constexpr (Fleet::lives) {
            recent_.touch(s.value());
            e.generation = fleet.work().generation(s);
        }
        if (e.seen == fleet.changes().now() && (e.complete(fleet) || poll.interrupted(0))) return e;
        BERTH_ASSERT(fleet.ledger().depth() == 0, "berth: an eviction table is made of the occupied slots");
        if (e.seen != fleet.changes().now()) {
            forget_changed(fleet, e);
            (void)poll.interrupted(static_cast<std::uint32_t>(e.options.size() / 64));
        }
        if constexpr (Fleet::lives) sort_positions(e.pending, [](std::size_t a, std::size_t b) { return a < b; });
        const std::size_t direct = e.direct.size();
        const std::size_t options = e.options.size();
        std::size_t done = 0;
        while (done < e.pending.size() && look(s, node_index{e.pending[done]}, fleet, e, poll)) ++done;
        for (std::size_t i = done; i < e.pending.size(); ++i) e.pending[i - done] = e.pending[i];
        e.pending.resize(e.pending.size() - done);
        if constexpr (Fleet::lives) {
            merge(e.direct, direct, spare_nodes_, [](node_index n) { return n; });
            merge(e.options, options, spare_options_, [](const eviction& o) { return o.node; });
        }
        while (e.pending.empty() && e.next < changed_.size() && look(s, node_index{e.next}, fleet, e, poll)) ++e.next;
        return e;
    }
    /// As `of`, with `ranked` made; empty if it was interrupted.
    template <class Fleet>
    [[nodiscard]] const entry& ranked(shape_index s, Fleet& fleet, std::size_t alternatives, stop_poll& poll) {
        (void)of(s, fleet, poll);
        entry& e = entries_[s.value()];
        if (e.complete(fleet) && e.ranked_at == e.seen) return e;
        const bool whole = ranking_.rank(fleet.work(), e.options, alternatives, poll, e.ranked);
        e.ranked_at = whole && e.complete(fleet) ? e.seen : 0;
        return e;
    }

    /// Appends the evictions of one node as the ledger stands. Tasks flagged in `absent` do not count. False, with
    /// nothing appended, if the poll interrupts it.
    template <class Fleet>
    bool look(shape_index s, node_index n, Fleet& fleet, entry& e, stop_poll& poll,
              std::span<const std::uint8_t> absent = {}) {
        if (poll.interrupted()) return false;
        const demand_view demand = fleet.work().demand(s);
        if (!could_host(demand, n, fleet.machines())) return true;
        if (fleet.ledger().fits(demand, n)) {
            e.direct.push_back(n);
            return true;
        }
        nearby_.collect(demand, n, fleet, absent);
        if (poll.interrupted(static_cast<std::uint32_t>(nearby_.size() / 4))) return false;
        const std::size_t before = e.options.size();
        singles(demand, n, fleet, e);
        if (pairs(demand, n, fleet, e, poll)) return true;
        e.options.resize(before);
        return false;
    }
    /// True if the node would take the demand if it were empty.
    [[nodiscard]] static bool could_host(const demand_view& demand, node_index n, const fleet& machines) noexcept {
        if (!machines.healthy(n)) return false;
        const auto room = machines.capacity(n);
        for (std::size_t r = 0; r < room.size(); ++r) {
            if (room[r] < demand.node[r]) return false;
        }
        if (demand.gpus == 0) return true;
        if ((machines.models_on(n) & demand.accepted_models) == 0) return false;
        std::size_t enough = 0;
        for (gpu_mask rest = machines.healthy_gpus(n); rest != 0; rest &= rest - 1) {
            const gpu_index g = machines.gpu(n, lowest_gpu(rest));
            bool large = (demand.accepted_models >> machines.model(g).value() & 1U) != 0;
            for (std::size_t r = 0; r < demand.gpu.size(); ++r)
                large = large && machines.capacity(g)[r] >= demand.gpu[r];
            enough += large ? 1 : 0;
        }
        return enough >= demand.gpus;
    }

private:
    template <class Fleet>
    void singles(const demand_view& demand, node_index n, Fleet& fleet, entry& e) {
        single_.assign(nearby_.size(), 0);
        for (std::size_t i = 0; i < nearby_.size(); ++i) {
            if (nearby_.rank(i) > 0) {
                single_[i] = single_[nearby_.first_alike(i)];
                continue;
            }
            take(fleet, i);
            single_[i] = fleet.ledger().fits(demand, n) ? 1 : 0;
            if (single_[i] != 0) record(e, demand, n, fleet, {nearby_[i]});
            give(fleet, i);
        }
    }
    /// False if the poll interrupts it.
    template <class Fleet>
    bool pairs(const demand_view& demand, node_index n, Fleet& fleet, entry& e, stop_poll& poll) {
        const std::size_t count = nearby_.size();
        const bool one_gpu = demand.gpus == 1 && fleet.ledger().host_fits(demand, n);
        bool go_on = true;
        for (std::size_t i = 0; i < count && go_on; ++i) {
            if (single_[i] != 0 || nearby_.rank(i) > 0) continue;
            take(fleet, i);
            for (std::size_t j = i + 1; j < count && go_on; ++j) {
                if (single_[j] != 0 || nearby_.rank(j) != nearby_.alike(i, j)) continue;
                const gpu_mask common = fleet.where(nearby_[i]).gpus & fleet.where(nearby_[j]).gpus;
                // Where only one GPU is short, of tasks on two GPUs one is not necessary.
                if (one_gpu && common == 0) continue;
                take(fleet, j);
                if (fleet.ledger().fits(demand, n)) {
                    record(e, demand, n, fleet, {nearby_[i], nearby_[j]});
                } else if (demand.gpus == 1 && common != 0) {
                    triples(e, demand, n, fleet, i, j);
                    go_on = !poll.interrupted(static_cast<std::uint32_t>(1 + (count - j) / 32));
                }
                give(fleet, j);
            }
            give(fleet, i);
            go_on = go_on && !poll.interrupted(static_cast<std::uint32_t>((count - i) / 32));
        }
        return go_on;
    }
    template <class Fleet>
    void triples(entry& e, const demand_view& demand, node_index n, Fleet& fleet, std::size_t i, std::size_t j) {
        const gpu_mask gpus = fleet.where(nearby_[i]).gpus & fleet.where(nearby_[j]).gpus;
        for (std::size_t k = j + 1; k < nearby_.size(); ++k) {
            if (single_[k] != 0 || nearby_.rank(k) != nearby_.alike(i, k) + nearby_.alike(j, k)) continue;
            if ((fleet.where(nearby_[k]).gpus & gpus) == 0) continue;
            take(fleet, k);
            if (fleet.ledger().fits(demand, n)) { record(e, demand, n, fleet, {nearby_[i], nearby_[j], nearby_[k]}); }
            give(fleet, k);
        }
    }
    template <class Fleet>
    static void record(entry& e, const demand_view& demand, node_index n, const Fleet& fleet,
                       std::initializer_list<task_index> tasks) {
        eviction found{.node = n};
        for (const task_index t : tasks) {
            found.tasks[found.count++] = t;
            found.share += fleet.work().demand(t).total_share();
        }
        if (demand.gpus == 1) {
            const node_view node = fleet.ledger().node(n);
            found.left = max_amount;
            for (gpu_mask rest = fleet.ledger().fitting_gpus(demand, n); rest != 0; rest &= rest - 1) {
                const amount left = node.free_share(lowest_gpu(rest)) - demand.gpu[0];
                if (left < found.left) found.left = left;
            }
        }
        e.options.push_back(found);
    }
    template <class Fleet>
    void take(Fleet& fleet, std::size_t i) const {
        fleet.ledger().remove(fleet.work().demand(nearby_[i]), fleet.where(nearby_[i]));
    }
    template <class Fleet>
    void give(Fleet& fleet, std::size_t i) const {
        put_back(fleet.ledger(), fleet.work().demand(nearby_[i]), fleet.where(nearby_[i]));
    }

    /// Drops what is listed of changed nodes, which become pending.
    template <class Fleet>
    void forget_changed(const Fleet& fleet, entry& e) {
        for (const std::size_t n : e.pending) changed_[n] = 1;
        fleet.changes().for_each_since(e.seen, [&](std::size_t n) {
            if (n >= e.next || changed_[n] != 0) return;
            changed_[n] = 1;
            e.pending.push_back(n);
        });
        std::size_t kept = 0;
        for (const node_index n : e.direct) {
            if (changed_[n.value()] == 0) e.direct[kept++] = n;
        }
        e.direct.resize(kept);
        kept = 0;
        for (const eviction& o : e.options) {
            if (changed_[o.node.value()] == 0) e.options[kept++] = o;
        }
        e.options.resize(kept);
        for (const std::size_t n : e.pending) changed_[n] = 0;
        e.seen = fleet.changes().now();
    }

    void drop(std::size_t s) {
        entries_[s] = entry{};
        recent_.remove(s);
    }
    /// Merges the values before `middle` with those from there on, both in ascending order of nodes. No node
    /// is in both.
    template <class T, class NodeOf>
    static void merge(flat<T>& list, std::size_t middle, flat<T>& spare, NodeOf node_of) {
        if (middle == 0 || middle == list.size()) return;
        spare.clear();
        spare.append(list.view().subspan(middle));
        std::size_t left = middle;
        std::size_t right = spare.size();
        for (std::size_t to = list.size(); right > 0;) {
            const bool later = left > 0 && node_of(spare[right - 1]) < node_of(list[left - 1]);
            list[--to] = later ? list[--left] : spare[--right];
        }
    }

    std::vector<entry> entries_;
    recency_list recent_;  // entries in use, on a fleet that lives
    std::size_t bytes_ = 0;
    flat<std::size_t> dropped_;  // scratch, as the next two
    flat<node_index> spare_nodes_;
    flat<eviction> spare_options_;
    flat<std::uint8_t> changed_;  // per node
    nearby_tasks nearby_;         // of one node
    flat<std::uint8_t> single_;   // per nearby task: it does alone
    eviction_ranking ranking_;
};

}  // namespace berth::inline v0::detail
