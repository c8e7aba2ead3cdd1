// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstdint>
#include <span>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

// Movability policies; a lambda `bool(const task_move&)` is one as well.
//
//   all_movable      every task, to any slot that it fits
//   except_pinned    flagged tasks never move
//   same_gpu_model   for checkpoints that can only be restored on the chip model they were made on
//   all_of           several policies at once

/// Allows every move.
struct all_movable {
    /// Always true.
    [[nodiscard]] constexpr bool operator()(const task_move&) const noexcept { return true; }
};

/// Forbids moves of pinned tasks.
struct except_pinned {
    std::span<const std::uint8_t> pinned;  ///< one entry per task, not 0: pinned; must outlive the balancer

    /// True if the task is not pinned. O(1).
    [[nodiscard]] bool operator()(const task_move& r) const noexcept {
        BERTH_ASSERT(r.task.value() < pinned.size(), "berth: except_pinned has an entry for each task");
        return pinned[r.task.value()] == 0;
    }
};

/// Allows moves between GPUs of equal models only, as driver checkpoints require.
struct same_gpu_model {
    const fleet* machines;  ///< must outlive the balancer

    /// True if the i-th GPU of the source and of the target have the same model, for every i. O(GPUs of the slots).
    [[nodiscard]] bool operator()(const task_move& r) const noexcept {
        gpu_mask to = r.to.gpus;
        for (gpu_mask from = r.from.gpus; from != 0 && to != 0; from &= from - 1, to &= to - 1) {
            const gpu_index a = machines->gpu(r.from.node, lowest_gpu(from));
            const gpu_index b = machines->gpu(r.to.node, lowest_gpu(to));
            if (machines->model(a) != machines->model(b)) return false;
        }
        return true;
    }
};

/// Allows the moves that every one of several policies allows.
template <movability... Policies>
struct all_of {
    std::tuple<Policies...> policies;  ///< evaluated in this order, up to the first that forbids the move

    /// Takes the policies by value.
    constexpr explicit all_of(Policies... each) : policies{std::move(each)...} {}
    /// True if every policy allows the move.
    [[nodiscard]] constexpr bool operator()(const task_move& r) const {
        return std::apply([&](const Policies&... each) { return (static_cast<bool>(each(r)) && ...); }, policies);
    }
};

static_assert(movability<all_movable> && movability<except_pinned> && movability<same_gpu_model>);
static_assert(movability<all_of<all_movable, except_pinned>>);

}  // namespace berth::inline v0
