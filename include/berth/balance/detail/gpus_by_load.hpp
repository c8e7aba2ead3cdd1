// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// True if the first GPU is less loaded: those of known load first, then those that the fewest tasks of unknown load
/// come to or leave, those not measured last. Equal ones are neither way.
[[nodiscard]] inline bool less_loaded(const projected_state& now, gpu_index a, gpu_index b) noexcept {
    const double x = now.load(a);
    const double y = now.load(b);
    const bool measured = !std::isnan(x);
    if (measured != !std::isnan(y)) return measured;
    const std::size_t unknown = now.unknown_changes(a);
    if (unknown != now.unknown_changes(b)) return unknown < now.unknown_changes(b);
    return x < y;
}

/// The GPUs of a fleet by projected load, see `less_loaded`: least loaded first, lowest index first among equals.
class gpus_by_load {
public:
    explicit gpus_by_load(std::size_t gpus) : rank_(gpus, 0) {
        gpus_.reserve(gpus);
        for (std::size_t g = 0; g < gpus; ++g) gpus_.push_back(g);
    }

    [[nodiscard]] std::span<const std::size_t> gpus() const noexcept { return gpus_.view(); }

    /// O(GPUs log GPUs).
    void sort(const projected_state& now) {
        for (std::size_t g = gpus_.size(); g < now.machines().gpu_count(); ++g) {
            gpus_.push_back(g);
            rank_.push_back(g);
        }
        sort_positions(gpus_, [&now](std::size_t a, std::size_t b) { return before(now, a, b); });
        for (std::size_t i = 0; i < gpus_.size(); ++i) rank_[gpus_[i]] = i;
    }
    /// Restores the order after a move. O(positions that its GPUs change by), repeated while one of them displaces
    /// another.
    void update(const projected_state& now, const task_move& r) {
        for (bool moved = true; moved;) {
            moved = false;
            for (const slot& end : {r.from, r.to}) {
                for (gpu_mask rest = end.gpus; rest != 0; rest &= rest - 1) {
                    moved = reposition(now, now.machines().gpu(end.node, lowest_gpu(rest)).value()) || moved;
                }
            }
        }
    }

private:
    /// Moves a GPU to its position. False if it was there.
    bool reposition(const projected_state& now, std::size_t g) {
        const std::size_t start = rank_[g];
        std::size_t i = start;
        const auto put = [&](std::size_t other) {
            gpus_[i] = other;
            rank_[other] = i;
        };
        for (; i > 0 && before(now, g, gpus_[i - 1]); --i) put(gpus_[i - 1]);
        for (; i + 1 < gpus_.size() && before(now, gpus_[i + 1], g); ++i) put(gpus_[i + 1]);
        put(g);
        return i != start;
    }
    [[nodiscard]] static bool before(const projected_state& now, std::size_t a, std::size_t b) noexcept {
        const double x = now.load(gpu_index{a});
        const double y = now.load(gpu_index{b});
        if (!now.has_unknown_changes() && (x < y || x > y)) return x < y;  // nearly always
        if (less_loaded(now, gpu_index{a}, gpu_index{b})) return true;
        return a < b && !less_loaded(now, gpu_index{b}, gpu_index{a});
    }

    flat<std::size_t> gpus_;
    flat<std::size_t> rank_;  // position of each GPU in `gpus_`
};

/// The highest load of the GPUs of a slot; 0 if it has none. Unknown loads rank above all others.
[[nodiscard]] inline double highest_load(const projected_state& now, const slot& where) noexcept {
    constexpr double above_all = 1e9;
    double highest = 0.0;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const gpu_index g = now.machines().gpu(where.node, lowest_gpu(rest));
        double load = now.load(g);
        load = std::isnan(load) ? std::numeric_limits<double>::infinity()
                                : load + above_all * static_cast<double>(now.unknown_changes(g));
        highest = load > highest ? load : highest;
    }
    return highest;
}

/// The `wanted` GPUs of a mask with the least load, lowest index first among equals. The mask has at least as many.
[[nodiscard]] inline gpu_mask least_loaded(const projected_state& now, node_index n, gpu_mask open,
                                           std::size_t wanted) noexcept {
    gpu_mask taken = 0;
    for (std::size_t i = 0; i < wanted; ++i) {
        std::size_t least = max_gpus_per_node;
        for (gpu_mask rest = open & ~taken; rest != 0; rest &= rest - 1) {
            const std::size_t g = lowest_gpu(rest);
            if (least == max_gpus_per_node || less_loaded(now, now.machines().gpu(n, g), now.machines().gpu(n, least)))
                least = g;
        }
        taken |= gpu_mask{1} << least;
    }
    return taken;
}

/// The least loaded GPUs for a demand; with `same_model` those of the model whose highest load is least; none if
/// there are not enough.
[[nodiscard]] inline gpu_mask least_loaded_alike(const projected_state& now, const demand_view& demand, node_index n,
                                                 gpu_mask open) {
    const fleet& machines = now.machines();
    if (!demand.same_model || machines.one_model({n, open})) return least_loaded(now, n, open, demand.gpus);
    gpu_mask best = 0;
    while (open != 0) {
        const gpu_mask first = gpu_mask{1} << lowest_gpu(open);
        gpu_mask alike = 0;
        for (gpu_mask rest = open; rest != 0; rest &= rest - 1) {
            const gpu_mask one = gpu_mask{1} << lowest_gpu(rest);
            if (machines.one_model({n, first | one})) alike |= one;
        }
        open &= ~alike;
        if (!has_gpus(alike, demand.gpus)) continue;
        const gpu_mask taken = least_loaded(now, n, alike, demand.gpus);
        if (best == 0 || highest_load(now, {n, taken}) < highest_load(now, {n, best})) best = taken;
    }
    return best;
}

}  // namespace berth::inline v0::detail
