// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/model/slot.hpp"

#include "berth_bench/recorder.hpp"
#include "support/openb.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace bench {

/// Limits on the moves for an arrival that fits nowhere.
struct relocation_rules {
    std::size_t most = 0;          ///< steps for one arrival; 0: nothing moves
    bool park = true;              ///< host memory may break cycles; a parked task takes two steps
    double step_price = 115.0;     ///< GPU thousandths of expected fragmentation that each step must save
    double least_share = 0.0;      ///< GPU thousandths that an arrival must want for each step
    std::size_t beam_width = 100;  ///< of chains of three steps and more
};

/// Finds room for arrivals that fit nowhere. Knows the slot of every running task; every arrival is a task of its own.
class relocation_desk {
public:
    relocation_desk(const experiment& input, const relocation_rules& rules);
    ~relocation_desk();
    relocation_desk(const relocation_desk&) = delete;
    relocation_desk& operator=(const relocation_desk&) = delete;

    /// Enters an arrival in its slot.
    void note(std::size_t arrival, const berth::slot& where);
    /// Finds an eviction plan for an arrival, and records it as done if there is one.
    [[nodiscard]] berth::eviction_plan eviction_plan(std::size_t arrival);

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// As `place_all`, but an arrival that fits nowhere may move others. The clock also runs during the search for room.
/// @param placer  `slot place(task_index)`, `void remove(task_index, slot)`, `bool occupy(task_index, slot)`
template <class Placer>
[[nodiscard]] placement_run place_relocating(const experiment& input, Placer& placer,
                                             const std::function<bool(std::size_t)>& watch,
                                             const relocation_rules& rules) {
    constexpr std::size_t block = 64;
    placement_run run;
    relocation_desk desk{input, rules};
    run.placements.reserve(input.arrivals.size());
    for (std::size_t i = 0; i < input.arrivals.size(); ++i) {
        if (i % block == 0 && !watch(i)) {
            run.stopped = true;
            return run;
        }
        const auto start = std::chrono::steady_clock::now();
        berth::slot where = placer.place(input.arrivals[i]);
        if (where.placed()) {
            desk.note(i, where);
        } else if (const berth::eviction_plan found = desk.eviction_plan(i); found.placed()) {
            for (const auto& s : found.plan.steps) {
                if (s.from.placed()) placer.remove(input.arrivals[s.task.value()], s.from);
            }
            bool entered = true;
            for (const auto& s : found.plan.steps) {
                if (s.to.placed()) entered = placer.occupy(input.arrivals[s.task.value()], s.to) && entered;
            }
            where = found.where;
            entered = placer.occupy(input.arrivals[i], where) && entered;
            if (!entered) {
                run.stopped = true;
                return run;
            }
            run.rescues.push_back({i, found.plan});
        }
        run.placements.push_back(where);
        run.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return run;
}

}  // namespace bench
