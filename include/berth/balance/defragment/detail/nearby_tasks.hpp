// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Tasks whose leaving may make room on a node: those of the node, and of the other nodes of its domains that are
/// short. O(nodes and tasks there).
class nearby_tasks {
public:
    /// @param alike  tasks of one shape on the same GPUs are interchangeable, unless they are of different gangs
    nearby_tasks(std::size_t nodes, bool alike) : known_(nodes, 0), alike_{alike} {}

    /// More nodes.
    void resize(std::size_t nodes) { known_.resize(nodes, 0); }
    /// @param absent  empty, or one flag per task: a flagged task does not count
    template <class Fleet>
    void collect(const demand_view& demand, node_index n, const Fleet& fleet, std::span<const std::uint8_t> absent) {
        tasks_.clear();
        nodes_.clear();
        nodes_.push_back(n);
        known_[n.value()] = 1;
        if (fleet.domains_count()) {
            for (const domain_index d : fleet.machines().domains(n)) {
                if (is_short(demand, d, fleet)) add_nodes(d, fleet);
            }
        }
        for (const node_index m : nodes_) {
            known_[m.value()] = 0;
            for (const task_index t : fleet.tasks_on(m)) {
                if (absent.empty() || absent[t.value()] == 0) tasks_.push_back(t);
            }
        }
        group(fleet);
    }

    [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }
    [[nodiscard]] task_index operator[](std::size_t i) const noexcept { return tasks_[i]; }
    /// How many interchangeable tasks come before.
    [[nodiscard]] std::uint32_t rank(std::size_t i) const noexcept { return rank_[i]; }
    /// The first interchangeable task; the task itself if there is none before.
    [[nodiscard]] std::size_t first_alike(std::size_t i) const noexcept { return first_alike_[i]; }
    /// 1 if the two are interchangeable, 0 if not.
    [[nodiscard]] std::uint32_t alike(std::size_t a, std::size_t b) const noexcept {
        return first_alike_[a] == first_alike_[b] ? 1 : 0;
    }

private:
    template <class Fleet>
    [[nodiscard]] static bool is_short(const demand_view& demand, domain_index d, const Fleet& fleet) {
        const auto left = fleet.ledger().free(d);
        for (std::size_t r = 0; r < left.size(); ++r) {
            if (left[r] < demand.domain[r]) return true;
        }
        return false;
    }
    template <class Fleet>
    void add_nodes(domain_index d, const Fleet& fleet) {
        for (const node_index m : fleet.machines().nodes_in(d)) {
            if (known_[m.value()] != 0) continue;
            known_[m.value()] = 1;
            nodes_.push_back(m);
        }
    }
    /// Finds interchangeable tasks by a hash table of the first one of each group.
    template <class Fleet>
    void group(const Fleet& fleet) {
        rank_.assign(tasks_.size(), 0);
        first_alike_.assign(tasks_.size(), 0);
        for (std::size_t i = 0; i < tasks_.size(); ++i) first_alike_[i] = i;
        if (!alike_) return;
        members_.assign(tasks_.size(), 0);
        std::size_t capacity = 16;
        while (capacity < 2 * tasks_.size()) capacity *= 2;
        groups_.assign(capacity, none);
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            const slot& where = fleet.where(tasks_[i]);
            const shape_index shape = fleet.work().shape(tasks_[i]);
            std::size_t at =
                splitmix64(splitmix64(where.gpus) ^ (where.node.value() << 32U) ^ shape.value()) & (capacity - 1);
            for (; groups_[at] != none; at = (at + 1) & (capacity - 1)) {
                const task_index other = tasks_[groups_[at]];
                if (fleet.work().shape(other) == shape && fleet.where(other) == where &&
                    gang_of(fleet.work(), other) == gang_of(fleet.work(), tasks_[i]))
                    break;
            }
            if (groups_[at] == none) groups_[at] = i;
            first_alike_[i] = groups_[at];
            rank_[i] = members_[groups_[at]]++;
        }
    }

    [[nodiscard]] static group_index gang_of(const workload& work, task_index t) noexcept {
        return in_gang(work, t) ? work.group(t) : group_index{};
    }

    static constexpr std::size_t none = ~std::size_t{0};

    flat<task_index> tasks_;
    flat<std::uint32_t> rank_;
    flat<std::size_t> first_alike_;
    flat<node_index> nodes_;
    flat<std::uint8_t> known_;  // per node: in `nodes_`
    flat<std::size_t> groups_;  // positions of the first of each group
    flat<std::uint32_t> members_;
    bool alike_;
};

}  // namespace berth::inline v0::detail
