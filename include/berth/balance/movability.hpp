// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstdint>
#include <span>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

// Which moves may happen; a lambda `bool(const move&)` is one as well.
//
//   all_movable      every task, anywhere it fits
//   except_pinned    not the tasks of a list of flags
//   same_gpu_model   a checkpoint is restored on the chip it was made on, nowhere else
//   all_of           several at once

/// Any task may go anywhere it fits.
struct all_movable {
    [[nodiscard]] constexpr bool operator()(const task_move&) const noexcept { return true; }
};

/// Pinned tasks stay.
struct except_pinned {
    std::span<const std::uint8_t> pinned;  ///< one for each task, not 0: stays; outlives the balancer

    [[nodiscard]] bool operator()(const task_move& r) const noexcept {
        BERTH_ASSERT(r.task.value() < pinned.size(), "berth: except_pinned has an entry for each task");
        return pinned[r.task.value()] == 0;
    }
};

/// Only between GPUs of equal models, as driver checkpoints demand. O(GPUs of the slots).
struct same_gpu_model {
    const fleet* machines;  ///< outlives the balancer

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

/// What all of them allow.
template <movability... Policies>
struct all_of {
    std::tuple<Policies...> policies;

    constexpr explicit all_of(Policies... each) : policies{std::move(each)...} {}
    [[nodiscard]] constexpr bool operator()(const task_move& r) const {
        return std::apply([&](const Policies&... each) { return (static_cast<bool>(each(r)) && ...); }, policies);
    }
};

static_assert(movability<all_movable> && movability<except_pinned> && movability<same_gpu_model>);
static_assert(movability<all_of<all_movable, except_pinned>>);

}  // namespace berth::inline v0
