// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// True if a mask has exactly `wanted` GPUs. Cheaper than counting for the small numbers that tasks want.
[[nodiscard]] constexpr bool has_exactly(gpu_mask gpus, std::size_t wanted) noexcept {
    return has_gpus(gpus, wanted) && !has_gpus(gpus, wanted + 1);
}

/// Those of these GPUs that are of the model of GPU i.
[[nodiscard]] constexpr gpu_mask like_gpu(const node_view& node, gpu_mask gpus, std::size_t i) {
    gpu_mask alike = 0;
    for (; gpus != 0; gpus &= gpus - 1) {
        if (node.model(lowest_gpu(gpus)) == node.model(i)) alike |= gpus & (~gpus + 1);
    }
    return alike;
}

/// `pick(GPUs)` on the GPUs of each model of which enough fit, so that a task gets GPUs of one model where it can: of
/// those picks the one whose `sum(picked)` comes first by `before`, then of the model with the fewest that fit, then
/// the lowest. The pick of all GPUs if no model has enough.
template <class Pick, class Sum, class Before>
[[nodiscard]] constexpr gpu_mask pick_alike(const node_view& node, const demand_view& demand, gpu_mask fitting,
                                            Pick pick, Sum sum, Before before) {
    const std::uint64_t models = node.fleet->models_on(node.index);
    if (demand.gpus < 2 || (models & (models - 1)) == 0) [[likely]]
        return pick(fitting);
    gpu_mask best = 0;
    std::size_t fewest = 0;
    for (gpu_mask others = fitting; others != 0;) {
        const gpu_mask alike = like_gpu(node, others, lowest_gpu(others));
        others &= ~alike;
        const std::size_t count = gpu_count(alike);
        if (count < demand.gpus) continue;
        const gpu_mask picked = pick(alike);
        const bool wins =
            best == 0 || before(sum(picked), sum(best)) || (!before(sum(best), sum(picked)) && count < fewest);
        if (!wins) continue;
        best = picked;
        fewest = count;
    }
    return best != 0 ? best : pick(fitting);
}

/// The room of a GPU, or of several together, as rules compare it.
struct gpu_room {
    amount memory_class;  // doublings of capacity; 0 unless the task wants memory that is limited there
    amount share;
    amount memory;
};
[[nodiscard]] constexpr gpu_room operator+(const gpu_room& a, const gpu_room& b) noexcept {
    return {a.memory_class + b.memory_class, a.share + b.share, a.memory + b.memory};
}
struct less_room {
    [[nodiscard]] constexpr bool operator()(amount a, amount b) const noexcept { return a < b; }
    [[nodiscard]] constexpr bool operator()(const gpu_room& a, const gpu_room& b) const noexcept {
        if (a.memory_class != b.memory_class) return a.memory_class < b.memory_class;
        return a.share != b.share ? a.share < b.share : a.memory < b.memory;
    }
};
struct more_room {
    [[nodiscard]] constexpr bool operator()(amount a, amount b) const noexcept { return a > b; }
    [[nodiscard]] constexpr bool operator()(const gpu_room& a, const gpu_room& b) const noexcept {
        return a.share != b.share ? a.share > b.share : a.memory > b.memory;
    }
};

/// The GPUs that the task gets if those come first whose `room(GPU)` does by `before`, ties to the lowest position; of
/// one model if that many of a model fit.
template <class Room, class Before>
[[nodiscard]] constexpr gpu_mask pick_by(const node_view& node, const demand_view& demand, gpu_mask fitting, Room room,
                                         Before before) {
    const auto pick = [&](gpu_mask of) {
        if (gpu_count(of) == demand.gpus) return of;
        gpu_mask picked = 0;
        for (std::size_t k = 0; k < demand.gpus; ++k) {
            std::size_t best = lowest_gpu(of);
            for (gpu_mask rest = of & (of - 1); rest != 0; rest &= rest - 1) {
                const std::size_t i = lowest_gpu(rest);
                if (before(room(i), room(best))) best = i;
            }
            picked |= gpu_mask{1} << best;
            of &= ~(gpu_mask{1} << best);
        }
        return picked;
    };
    const auto sum = [&](gpu_mask picked) {
        auto all = room(lowest_gpu(picked));
        for (picked &= picked - 1; picked != 0; picked &= picked - 1) all = all + room(lowest_gpu(picked));
        return all;
    };
    return pick_alike(node, demand, fitting, pick, sum, before);
}
/// The same by free share for `before(a, b)` of two amounts or two rooms; with memory where the task wants memory.
template <class Before>
[[nodiscard]] constexpr gpu_mask pick_gpus(const node_view& node, const demand_view& demand, gpu_mask fitting,
                                           Before before) {
    const std::size_t role = node.gpu_counters > 1 ? node.fleet->roles().gpu_memory : counter_roles::none;
    if (role == counter_roles::none || demand.gpu[role] == 0) [[likely]]
        return pick_by(node, demand, fitting, [&](std::size_t i) { return node.free_share(i); }, before);
    const auto room = [&](std::size_t i) {
        const gpu_index g = node.fleet->gpu(node.index, i);
        if (node.fleet->unlimited(g, role)) return gpu_room{0, node.free_share(i), 0};
        const auto capacity = static_cast<std::uint64_t>(node.fleet->capacity(g)[role]);
        return gpu_room{static_cast<amount>(std::bit_width(capacity)), node.free_share(i), node.free_gpu(i)[role]};
    };
    return pick_by(node, demand, fitting, room, before);
}

/// True if one of these GPUs equals GPU i in model, capacities and free counters.
[[nodiscard]] constexpr bool like_one_of(const node_view& node, gpu_mask gpus, std::size_t i) {
    const auto alike = [&](std::size_t j) {
        if (node.free_share(i) != node.free_share(j) || node.model(i) != node.model(j)) return false;
        const auto capacity_i = node.fleet->capacity(node.fleet->gpu(node.index, i));
        const auto capacity_j = node.fleet->capacity(node.fleet->gpu(node.index, j));
        for (std::size_t r = 0; r < node.gpu_counters; ++r) {
            if (node.free_gpu(i)[r] != node.free_gpu(j)[r] || capacity_i[r] != capacity_j[r]) return false;
        }
        return true;
    };
    for (; gpus != 0; gpus &= gpus - 1) {
        if (alike(lowest_gpu(gpus))) return true;
    }
    return false;
}
/// True if the GPUs of a node differ in their free share alone.
[[nodiscard]] constexpr bool equal_gpus(const node_view& node) {
    if (node.gpu_counters > 1) return false;
    for (std::size_t i = 1; i < node.gpu_count(); ++i) {
        const amount capacity = node.fleet->capacity(node.fleet->gpu(node.index, i))[0];
        if (node.model(i) != node.model(0) || capacity != node.fleet->capacity(node.fleet->gpu(node.index, 0))[0]) {
            return false;
        }
    }
    return true;
}
/// True if an earlier GPU of the mask equals GPU i.
[[nodiscard]] constexpr bool repeats_earlier_gpu(const node_view& node, gpu_mask fitting, std::size_t i) {
    return like_one_of(node, fitting & first_gpus(i), i);
}

/// For a task on one GPU: the GPU with the best `value(shares, GPU)` of the node's free shares without the task, one
/// evaluation for equal GPUs. A later GPU wins only by more than `margin`.
template <class Shares, class Value>
[[nodiscard]] constexpr scored_gpus<double> best_gpu_by_shares(const candidate& c, gpu_mask fitting, Shares shares,
                                                               double margin, Value value) {
    scored_gpus<double> found{};
    gpu_mask evaluated = 0;
    for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
        const std::size_t i = lowest_gpu(rest);
        if (like_one_of(c.node, evaluated, i)) continue;
        evaluated |= gpu_mask{1} << i;
        const amount left = c.node.free_share(i);
        shares.replace(left, left - c.demand.gpu[0]);
        const double v = value(shares, gpu_mask{1} << i);
        shares.replace(left - c.demand.gpu[0], left);
        if (found.gpus == 0 || v > found.value + margin) found = {v, gpu_mask{1} << i};
    }
    return found;
}

}  // namespace berth::inline v0::detail
