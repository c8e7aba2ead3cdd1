// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/place_of.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The number of tasks of every group in every place. A small hash table per group: memory is O(tasks + nodes), a
/// lookup O(1), however large groups and fleets are.
///
/// Lookups take moves that count as done but are not applied yet; they cost O(1) each.
class group_places {
public:
    using place = std::uint32_t;
    static constexpr place nowhere = ~place{0};

    group_places(place_of what, const problem& p, std::span<const slot> start) : tasks_{&p.workload()} {
        for (std::size_t n = 0; n < p.fleet().node_count(); ++n) {
            place_of_node_.push_back(find(what, p.fleet(), node_index{n}));
        }
        std::size_t first = 0;
        for (std::size_t g = 0; g < tasks_->group_count(); ++g) {
            std::uint32_t bits = 1;
            while (std::size_t{1} << bits < 2 * tasks_->members(group_index{g}).size()) ++bits;
            groups_.push_back({.first = first, .bits = bits});
            first += std::size_t{1} << bits;
        }
        cells_.resize(first, {nowhere, 0});
        for (std::size_t t = 0; t < start.size(); ++t) apply({task_index{t}, unplaced, start[t]});
    }

    /// The place of a slot; `nowhere` if it is unplaced, or on a node that has no domain of the level.
    [[nodiscard]] place at(const slot& where) const noexcept {
        return where.placed() ? place_of_node_[where.node.value()] : nowhere;
    }
    [[nodiscard]] group_index group(const task_move& r) const noexcept { return tasks_->group(r.task); }

    /// The number of tasks of a group in a place that is not `nowhere`.
    [[nodiscard]] std::int64_t count(group_index g, place where, task_moves done) const noexcept {
        const record& group = groups_[g.value()];
        std::int64_t tasks = cells_[group.first + cell_of(group, where)].tasks;
        for (const task_move& r : done) {
            if (tasks_->group(r.task) != g) continue;
            tasks += (at(r.to) == where ? 1 : 0) - (at(r.from) == where ? 1 : 0);
        }
        return tasks;
    }
    /// The number of tasks of a group in any place.
    [[nodiscard]] std::int64_t placed(group_index g, task_moves done) const noexcept {
        std::int64_t tasks = groups_[g.value()].placed;
        for (const task_move& r : done) {
            if (tasks_->group(r.task) != g) continue;
            tasks += (at(r.to) != nowhere ? 1 : 0) - (at(r.from) != nowhere ? 1 : 0);
        }
        return tasks;
    }
    /// The number of places with a task of the group.
    [[nodiscard]] std::int64_t distinct(group_index g) const noexcept { return groups_[g.value()].distinct; }

    /// `f(place, tasks)` for every place with a task of the group, in no particular order.
    template <class F>
    void each_place(group_index g, const F& f) const {
        const record& group = groups_[g.value()];
        for (std::size_t i = 0; i < std::size_t{1} << group.bits; ++i) {
            const cell& one = cells_[group.first + i];
            if (one.tasks > 0) f(one.where, static_cast<std::int64_t>(one.tasks));
        }
    }

    void apply(const task_move& r) {
        const group_index g = tasks_->group(r.task);
        const place from = at(r.from);
        const place to = at(r.to);
        if (!g.valid() || from == to) return;
        if (from != nowhere) take(groups_[g.value()], from);
        if (to != nowhere) put(groups_[g.value()], to);
    }

private:
    struct record {
        std::size_t first = 0;   // of the cells
        std::uint32_t bits = 1;  // of the number of cells, at least twice the tasks
        std::int32_t distinct = 0;
        std::int64_t placed = 0;
    };
    struct cell {
        place where;
        std::uint32_t tasks;  // 0: the cell is free
    };

    [[nodiscard]] static place find(place_of what, const fleet& machines, node_index n) noexcept {
        if (what.level == place_of::node_level) return static_cast<place>(n.value());
        for (const domain_index d : machines.domains(n)) {
            if (machines.level(d) == what.level) return static_cast<place>(d.value());
        }
        return nowhere;
    }
    [[nodiscard]] static std::size_t hash(const record& group, place where) noexcept {
        return (where * std::uint32_t{0x9e3779b1}) >> (32U - group.bits);
    }
    /// The cell of a place, or the free one where it would be.
    [[nodiscard]] std::size_t cell_of(const record& group, place where) const noexcept {
        const std::size_t last = (std::size_t{1} << group.bits) - 1;
        const cell* cells = cells_.data() + group.first;
        std::size_t i = hash(group, where);
        while (cells[i].tasks != 0 && cells[i].where != where) i = (i + 1) & last;
        return i;
    }
    void put(record& group, place where) noexcept {
        cell& found = cells_[group.first + cell_of(group, where)];
        if (found.tasks == 0) ++group.distinct;
        found.where = where;
        ++found.tasks;
        ++group.placed;
    }
    void take(record& group, place where) noexcept {
        const std::size_t last = (std::size_t{1} << group.bits) - 1;
        cell* cells = cells_.data() + group.first;
        std::size_t hole = cell_of(group, where);
        --group.placed;
        if (--cells[hole].tasks > 0) return;
        --group.distinct;
        // Following cells move up if their probe sequence passes the hole.
        for (std::size_t i = (hole + 1) & last; cells[i].tasks != 0; i = (i + 1) & last) {
            const std::size_t wanted = hash(group, cells[i].where);
            if (((i - wanted) & last) < ((i - hole) & last)) continue;
            cells[hole] = cells[i];
            cells[i].tasks = 0;
            hole = i;
        }
    }

    const workload* tasks_;
    flat<place> place_of_node_;
    flat<record> groups_;
    flat<cell> cells_;
};

}  // namespace berth::inline v0::detail
