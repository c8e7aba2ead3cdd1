// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/model/slot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// Tasks without which a demand fits on a node, none of them to spare.
struct eviction {
    node_index node{};
    std::uint32_t count = 0;
    std::array<task_index, 3> tasks{};
    amount share = 0;  ///< GPU thousandths of the tasks
    amount left = 0;   ///< thousandths left on the demand's own GPU afterwards

    [[nodiscard]] std::span<const task_index> all() const noexcept { return {tasks.data(), count}; }
};

/// For every shape: on which nodes it fits, and on which it fits without one, two, or three tasks of one GPU. Kept from question to
/// question and repaired where nodes changed.
///
/// Single evictions are complete. Pairs are those of which neither does alone; triples are of one GPU. Tasks of equal shape on equal
/// GPUs stand for each other if `alike`. First look: O(nodes × tasks of a node²) fits; later looks: the nodes that changed.
class eviction_table {
public:
    struct entry {
        flat<node_index> direct;  ///< nodes that take the shape as they are, ascending
        flat<eviction> options;
        flat<std::size_t> best_first;  ///< options, most left over first; the first few of each kind
        std::uint64_t seen = 0;
        std::uint64_t listed = 0;
    };

    /// @param alike  tasks of one shape on the same GPUs are interchangeable: it does not matter which of them leaves
    eviction_table(std::size_t shapes, std::size_t nodes, bool alike)
        : entries_(shapes), changed_(nodes), alike_{alike} {}

    [[nodiscard]] const entry& of(shape_index s, occupied_fleet& fleet) {
        entry& e = entries_[s.value()];
        if (e.seen == fleet.changes().now()) return e;
        BERTH_ASSERT(fleet.ledger().depth() == 0, "berth: an eviction table is made of the observed placement");
        if (e.seen == 0) {
            for (std::size_t n = 0; n < changed_.size(); ++n) look(s, node_index{n}, fleet, e);
        } else {
            repair(s, fleet, e);
        }
        e.seen = fleet.changes().now();
        return e;
    }
    /// As `of`, with `best_first` made: of options with the same shapes the `alternatives` that leave most.
    [[nodiscard]] const entry& listed(shape_index s, occupied_fleet& fleet, std::size_t alternatives) {
        (void)of(s, fleet);
        entry& e = entries_[s.value()];
        if (e.listed != e.seen) {
            list(fleet, e, alternatives);
            e.listed = e.seen;
        }
        return e;
    }

    /// Appends what one node offers as the ledger stands. Tasks with a flag are not there.
    void look(shape_index s, node_index n, occupied_fleet& fleet, entry& e, std::span<const std::uint8_t> absent = {}) {
        const demand_view demand = fleet.work().demand(s);
        if (!could_host(demand, n, fleet.machines())) return;
        if (fleet.ledger().fits(demand, n)) {
            e.direct.push_back(n);
            return;
        }
        collect(demand, n, fleet, absent);
        ledger& ledger = fleet.ledger();
        const std::size_t count = near_.size();
        const bool one_gpu = demand.gpus == 1 && ledger.host_fits(demand, n);
        for (std::size_t i = 0; i < count; ++i) {
            if (rank_[i] > 0) {
                single_[i] = single_[first_like_[i]];
                continue;
            }
            take(fleet, i);
            single_[i] = ledger.fits(demand, n) ? 1 : 0;
            if (single_[i] != 0) record(e, demand, n, fleet, {near_[i]});
            give(fleet, i);
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (single_[i] != 0 || rank_[i] > 0) continue;
            take(fleet, i);
            for (std::size_t j = i + 1; j < count; ++j) {
                if (single_[j] != 0 || rank_[j] != alike(i, j)) continue;
                const gpu_mask common = fleet.where(near_[i]).gpus & fleet.where(near_[j]).gpus;
                // Where only one GPU is short, tasks of two GPUs are one too many.
                if (one_gpu && common == 0) continue;
                take(fleet, j);
                if (ledger.fits(demand, n)) {
                    record(e, demand, n, fleet, {near_[i], near_[j]});
                } else if (demand.gpus == 1 && common != 0) {
                    triples(e, demand, n, fleet, i, j);
                }
                give(fleet, j);
            }
            give(fleet, i);
        }
    }
    /// True if the node would take the demand if it were empty.
    [[nodiscard]] static bool could_host(const demand_view& demand, node_index n, const fleet& machines) noexcept {
        if (!machines.healthy(n)) return false;
        const auto room = machines.capacity(n);
        for (std::size_t r = 0; r < room.size(); ++r) {
            if (room[r] < demand.node[r]) return false;
        }
        if (demand.gpus == 0) return true;
        return (machines.models_on(n) & demand.accepted_models) != 0 && machines.gpu_count(n) >= demand.gpus;
    }

private:
    /// Tasks whose leaving may help: those of the node, and where a domain is short those of its other nodes.
    void collect(const demand_view& demand, node_index n, const occupied_fleet& fleet,
                 std::span<const std::uint8_t> absent) {
        near_.clear();
        const auto add_all = [&](node_index m) {
            for (const task_index t : fleet.tasks_on(m)) {
                if (absent.empty() || absent[t.value()] == 0) near_.push_back(t);
            }
        };
        add_all(n);
        if (fleet.domains_count()) {
            other_nodes_.clear();
            for (const domain_index d : fleet.machines().domains(n)) {
                const auto left = fleet.ledger().free(d);
                bool lacks = false;
                for (std::size_t r = 0; r < left.size(); ++r) lacks = lacks || left[r] < demand.domain[r];
                if (!lacks) continue;
                for (const node_index m : fleet.machines().nodes_in(d)) {
                    bool known = m == n;
                    for (const node_index other : other_nodes_) known = known || other == m;
                    if (!known) other_nodes_.push_back(m);
                }
            }
            for (const node_index m : other_nodes_) add_all(m);
        }
        rank_.assign(near_.size(), 0);
        first_like_.assign(near_.size(), 0);
        single_.assign(near_.size(), 0);
        for (std::size_t i = 0; i < near_.size(); ++i) {
            first_like_[i] = i;
            if (!alike_) continue;
            for (std::size_t j = 0; j < i; ++j) {
                if (fleet.work().shape(near_[i]) == fleet.work().shape(near_[j]) &&
                    fleet.where(near_[i]) == fleet.where(near_[j])) {
                    if (rank_[i] == 0) first_like_[i] = j;
                    ++rank_[i];
                }
            }
        }
    }
    void triples(entry& e, const demand_view& demand, node_index n, occupied_fleet& fleet, std::size_t i,
                 std::size_t j) {
        const gpu_mask gpus = fleet.where(near_[i]).gpus & fleet.where(near_[j]).gpus;
        for (std::size_t k = j + 1; k < near_.size(); ++k) {
            if (single_[k] != 0 || rank_[k] != alike(i, k) + alike(j, k)) continue;
            if ((fleet.where(near_[k]).gpus & gpus) == 0) continue;
            take(fleet, k);
            if (fleet.ledger().fits(demand, n)) record(e, demand, n, fleet, {near_[i], near_[j], near_[k]});
            give(fleet, k);
        }
    }
    void record(entry& e, const demand_view& demand, node_index n, const occupied_fleet& fleet,
                std::initializer_list<task_index> tasks) const {
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
    [[nodiscard]] std::uint32_t alike(std::size_t a, std::size_t b) const noexcept {
        return first_like_[a] == first_like_[b] ? 1 : 0;
    }
    void take(occupied_fleet& fleet, std::size_t i) const {
        fleet.ledger().remove(fleet.work().demand(near_[i]), fleet.where(near_[i]));
    }
    void give(occupied_fleet& fleet, std::size_t i) const {
        fleet.ledger().place(fleet.work().demand(near_[i]), fleet.where(near_[i]));
    }

    void repair(shape_index s, occupied_fleet& fleet, entry& e) {
        now_changed_.clear();
        fleet.changes().for_each_since(e.seen, [&](std::size_t n) {
            changed_[n] = 1;
            now_changed_.push_back(n);
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
        for (const std::size_t n : now_changed_) {
            look(s, node_index{n}, fleet, e);
            changed_[n] = 0;
        }
    }
    /// Of options of one kind, which evict tasks of the same shapes, the few that leave most; then all of these, most left first.
    void list(const occupied_fleet& fleet, entry& e, std::size_t alternatives) {
        const auto before = [&](std::size_t a, std::size_t b) {
            const eviction& x = e.options[a];
            const eviction& y = e.options[b];
            if (x.left != y.left) return x.left > y.left;
            if (x.node != y.node) return x.node < y.node;
            for (std::size_t i = 0; i < 3; ++i) {
                if (x.tasks[i] != y.tasks[i]) return x.tasks[i] < y.tasks[i];
            }
            return false;
        };
        kinds_.assign(1024, {});
        kept_.clear();
        for (std::size_t o = 0; o < e.options.size(); ++o) {
            kind& k = kind_of(fleet, e.options[o], alternatives);
            std::size_t at = k.count;
            if (at == alternatives) {
                if (!before(o, kept_[k.first + at - 1])) continue;
                --at;
            } else {
                ++k.count;
            }
            for (; at > 0 && before(o, kept_[k.first + at - 1]); --at) kept_[k.first + at] = kept_[k.first + at - 1];
            kept_[k.first + at] = o;
        }
        e.best_first.clear();
        for (const kind& k : kinds_) {
            for (std::size_t i = 0; i < k.count; ++i) e.best_first.push_back(kept_[k.first + i]);
        }
        sort_positions(e.best_first, before);
    }
    struct kind {
        std::uint64_t key = 0;
        std::size_t first = 0;
        std::size_t count = 0;
    };
    kind& kind_of(const occupied_fleet& fleet, const eviction& o, std::size_t alternatives) {
        std::uint64_t key = o.count;
        for (const task_index t : o.all()) key += splitmix64(fleet.work().shape(t).value() + 1);
        if (key == 0) key = 1;
        if (kept_.size() * 2 > kinds_.size() * alternatives) grow();
        std::size_t at = key & (kinds_.size() - 1);
        while (kinds_[at].key != 0 && kinds_[at].key != key) at = (at + 1) & (kinds_.size() - 1);
        if (kinds_[at].key == 0) {
            kinds_[at] = {key, kept_.size(), 0};
            kept_.resize(kept_.size() + alternatives);
        }
        return kinds_[at];
    }
    void grow() {
        flat<kind> wider(kinds_.size() * 2);
        for (const kind& k : kinds_) {
            if (k.key == 0) continue;
            std::size_t at = k.key & (wider.size() - 1);
            while (wider[at].key != 0) at = (at + 1) & (wider.size() - 1);
            wider[at] = k;
        }
        kinds_.swap(wider);
    }

    flat<kind> kinds_;
    flat<std::size_t> kept_;
    std::vector<entry> entries_;
    flat<std::uint8_t> changed_;
    flat<std::size_t> now_changed_;
    bool alike_;
    flat<task_index> near_;     // scratch of one node
    flat<std::uint32_t> rank_;  // how many alike stand before a task
    flat<std::size_t> first_like_;
    flat<std::uint8_t> single_;
    flat<node_index> other_nodes_;
};

}  // namespace berth::inline v0::detail
