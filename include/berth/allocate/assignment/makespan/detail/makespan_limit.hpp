// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/makespan/detail/makespan_load.hpp"
#include "berth/allocate/detail/counter_places.hpp"
#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// The highest makespan up to which every capacity is kept, whatever the assignment.
struct makespan_limit {
    amount value = std::numeric_limits<amount>::max();  // the maximum: no capacity can run out
    counter_place place{};                              // where capacity runs out above it
    std::size_t counter = 0;

    /// Takes note of one counter of a place. Tasks that keep within a load M on a GPU take at most M times the highest
    /// ratio of the counter to the load of a task, and never more than all of them together.
    ///
    /// @param base     load that the GPUs have in any case
    /// @param highest  no assignment has a higher makespan
    template <load_source Load>
    void note(const counter_places& places, const gpu_pairs& pairs, std::span<const task_index> tasks, const Load& load,
              std::span<const amount> base, amount highest, counter_place p, std::size_t r) {
        const amount room = places.room(p, r);
        if (places.wanted(p, r) <= room) return;
        struct part {
            double ratio;
            double free_of;
            double all;
            double base;
        };
        flat<part> parts;
        places.each_gpu(p, [&](std::size_t g) {
            part here{0.0, 0.0, 0.0, static_cast<double>(base[g])};
            for (std::size_t i = 0; i < tasks.size(); ++i) {
                if (!pairs.may(pairs.rows().of(i), g)) continue;
                const auto taken =
                    static_cast<double>(counter_places::taken(p, r, pairs.rows().demand(pairs.rows().of(i))));
                const amount whole = makespan_load(load(tasks[i], gpu_index{g}));
                if (whole > max_amount) continue;  // forbidden
                const auto loaded = static_cast<double>(whole);
                here.all += taken;
                if (loaded == 0.0) here.free_of += taken;
                if (loaded > 0.0 && taken / loaded > here.ratio) here.ratio = taken / loaded;
            }
            parts.push_back(here);
        });
        // Never below what is taken: the ratio is rounded, hence the factor; what is taken is whole, hence the floor.
        const auto keeps = [&](amount makespan) {
            double most = 0.0;
            for (const part& one : parts) {
                const double left = static_cast<double>(makespan) - one.base;
                const double limited = one.free_of + (left > 0.0 ? std::floor(one.ratio * left * (1.0 + 1e-12)) : 0.0);
                most += limited < one.all ? limited : one.all;
            }
            return most <= static_cast<double>(room);
        };
        amount low = -1;  // keeps
        amount high = highest < value ? highest : value;
        if (keeps(high)) return;
        while (high - low > 1) {
            const amount middle = low + (high - low) / 2;
            (keeps(middle) ? low : high) = middle;
        }
        value = low;
        place = p;
        counter = r;
    }
};

}  // namespace berth::inline v0::detail
