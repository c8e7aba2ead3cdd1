// SPDX-License-Identifier: Apache-2.0
#pragma once

// The genetic algorithm of CUDA devices, for any compiler: its description, and the same generations on the CPU.
//
//   philox_genetic       the description; an assignment allocator that runs on the CPU
//   philox_genetic_run   the state of a run on the CPU
//   cuda::genetic        runs it on a device (cuda/genetic.cuh)
//
// Take it if a device is idle anyway and the problem is large. On a CPU take `genetic` (allocate/genetic/genetic.hpp),
// which finds far better plans in the same time (docs/cuda.md has figures).

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/allocate/genetic/detail/generation_setup.hpp"
#include "berth/allocate/genetic/philox_genetic_run.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// A genetic algorithm made for devices: thousands of members, random numbers that depend on their position alone
/// (`philox4x32`), sums of integers (`packed_problem`). A seed gives the same generations, bit for bit, on any device
/// and on the CPU.
///
/// A generation replaces all members. A child is a copy of a parent chosen by tournament, with probability
/// `crossover_rate` with a sixteenth of its genes from a second one; some genes become a GPU of the task's short list;
/// then `steps` random tasks move to where they cost least, alone or in exchange with another task, which repairs
/// overloads and improves. Excess has a penalty there and in tournaments, so that infeasible members stay in the
/// population. The first member of every `elite_group` is an elite: the best of its group in the last generation by
/// excess and then cost, improved in the same way.
///
/// Deterministic. A generation is O(population × (tasks + GPUs + steps × candidates)).
struct philox_genetic {
    std::uint64_t seed = 0;           ///< of all random numbers
    std::size_t population = 8192;    ///< 2 or more, at most 2^20
    std::size_t tournament = 2;       ///< members compared for a parent, 1 to 1024; 1 is uniform
    double crossover_rate = 0.3;      ///< 0 to 1
    double mutations = 0.5;           ///< genes of a child drawn anew, on average; up to one for eight tasks
    std::size_t steps = 8;            ///< tasks of a child to repair and improve; at most 2^20
    std::size_t elite_group = 16;     ///< 1 or more members; 1 keeps all of them
    std::size_t max_generations = 0;  ///< 0: until the control ends the run, or 1000 if nothing bounds it
    /// Penalty of a unit of excess. 0: twice the average range of a task's costs per unit of load, so that excess
    /// rarely pays.
    double penalty = 0.0;

    static constexpr std::size_t usual_generations = 1000;  ///< of a run that nothing bounds

    /// Success, or which option is out of its range.
    [[nodiscard]] result<void> validate() const {
        const auto wrong = [](const char* option, const char* expected) -> result<void> {
            return detail::refuse(error_code::invalid_value, {"philox_genetic.", option, " is not ", expected});
        };
        constexpr std::size_t million = std::size_t{1} << 20U;
        if (population < 2 || population > million) return wrong("population", "within 2..1048576");
        if (tournament < 1 || tournament > 1024) return wrong("tournament", "within 1..1024");
        if (!(crossover_rate >= 0.0 && crossover_rate <= 1.0)) return wrong("crossover_rate", "within 0..1");
        if (!(mutations >= 0.0 && mutations <= 0x1p32)) return wrong("mutations", "a number from 0 to 2^32");
        if (steps > million) return wrong("steps", "within 0..1048576");
        if (elite_group < 1 || elite_group > million) return wrong("elite_group", "within 1..1048576");
        if (!(penalty >= 0.0 && penalty <= 0x1p52)) return wrong("penalty", "a number from 0 to 2^52");
        return {};
    }
    /// Success, or why this cannot run on a problem and a start: options, too many GPUs or tasks, a start with gaps.
    /// O(tasks).
    [[nodiscard]] result<void> validate(const packed_problem& p, warm_start start = {}) const {
        using detail::refuse;
        if (auto options = validate(); !options) return options;
        if (p.gpus() > packed_problem::max_narrow_gpus) {
            return refuse(error_code::limit_exceeded, {"philox_genetic: ", p.gpus(), " GPUs, more than the ",
                                                       packed_problem::max_narrow_gpus, " that a gene can name"});
        }
        if (p.tasks() >= std::size_t{1} << 31U) {
            return refuse(error_code::limit_exceeded,
                          {"philox_genetic: ", p.tasks(), " tasks, expected fewer than 2^31"});
        }
        if (!start.empty() && start.size() != p.tasks()) {
            return refuse(error_code::inconsistent,
                          {"philox_genetic: the warm start has ", start.size(), " tasks, the problem ", p.tasks()});
        }
        for (std::size_t t = 0; t < start.size(); ++t) {
            if (start[t].valid() && start[t].value() < p.gpus()) continue;
            return refuse(error_code::invalid_value,
                          {"philox_genetic: the warm start has no GPU of the problem for task ", t});
        }
        return {};
    }
    /// The same, and whether the problem can be packed. O(tasks × GPUs).
    [[nodiscard]] result<void> validate(const priced_problem& p, warm_start start = {}) const {
        const auto packed = pack_assignments(p.tables());
        if (!packed) return packed.error();
        return validate(*packed, start);
    }

    /// Makes the state of a run on the CPU, and its first generation. A start with gaps is ignored. Options and problem
    /// are those that `validate` accepts; the problem outlives the state.
    [[nodiscard]] philox_genetic_run start(const packed_problem& p, const candidate_lists& lists = {},
                                           warm_start start = {}) const;
    /// Runs on the CPU until the control ends the run or `max_generations` are made. Polls at least once per
    /// millisecond of work, except while it makes the first generation.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const packed_problem& p, const candidate_lists& lists, warm_start given = {},
                                      run_control<Stop, Observer> control = {}) const;
    /// The same for a priced problem, with its candidate lists; costs of the plan are those of the problem before
    /// packing.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start given = {},
                                      run_control<Stop, Observer> control = {}) const;
};

inline philox_genetic_run philox_genetic::start(const packed_problem& p, const candidate_lists& lists,
                                                warm_start start) const {
    BERTH_ASSERT(validate(p).has_value(), "berth: philox_genetic needs a problem that validate(problem) accepts");
    const bool complete = validate(p, start).has_value();
    return {detail::evolution::rules_of(*this, p), p, lists, complete ? start : warm_start{}};
}

template <class Stop, class Observer>
assignment_plan philox_genetic::run(const packed_problem& p, const candidate_lists& lists, warm_start given,
                                    run_control<Stop, Observer> control) const {
    auto state = start(p, lists, given);
    const stop_reason stopped = detail::evolution::run_generations(*this, 1, state, control);
    assignment_plan plan = state.best();
    plan.stopped = stopped;
    return plan;
}

template <class Stop, class Observer>
assignment_plan philox_genetic::run(const priced_problem& p, warm_start given,
                                    run_control<Stop, Observer> control) const {
    const auto packed = pack_assignments(p.tables());
    BERTH_ASSERT(packed.has_value(), "berth: philox_genetic needs a problem that validate(problem) accepts");
    const gpu_assignment complete = complete_start(p, given);
    return detail::evolution::plan_of(p, complete, run(*packed, p.candidates(), complete, control));
}

static_assert(assignment_allocator<philox_genetic>);

}  // namespace berth::inline v0
