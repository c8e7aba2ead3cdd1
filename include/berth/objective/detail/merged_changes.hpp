// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// Calls `consume(place, change)` once for every place that the moves change, with the sum of their changes there.
/// `enumerate(move, f)` calls `f(place, change)` for each place that one move changes, each place once. Quadratic in
/// the moves, which are few, because it has no memory of its own.
template <class Enumerate, class Consume>
constexpr void merged_changes(task_moves all, const Enumerate& enumerate, const Consume& consume) {
    if (all.size() == 1) {
        enumerate(all[0], consume);
        return;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        enumerate(all[i], [&](std::size_t place, amount change) {
            bool seen = false;
            for (std::size_t j = 0; j < i; ++j) {
                enumerate(all[j], [&](std::size_t other, amount) { seen = seen || other == place; });
            }
            if (seen) return;
            amount sum = change;
            for (std::size_t j = i + 1; j < all.size(); ++j) {
                enumerate(all[j], [&](std::size_t other, amount more) { sum += other == place ? more : 0; });
            }
            consume(place, sum);
        });
    }
}

/// The GPUs that a move leaves and those that it enters, without those of both slots.
struct gpus_touched {
    gpu_mask left = 0;
    gpu_mask taken = 0;

    constexpr explicit gpus_touched(const task_move& r) noexcept : left{r.from.gpus}, taken{r.to.gpus} {
        if (r.from.node != r.to.node) return;
        left &= ~r.to.gpus;
        taken &= ~r.from.gpus;
    }
};

}  // namespace berth::inline v0::detail
