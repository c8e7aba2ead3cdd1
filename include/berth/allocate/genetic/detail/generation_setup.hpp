// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/detail/generation.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace berth::inline v0 {

/// Summary of a population after a generation.
struct generation_report {
    std::uint32_t generation = 0;
    assignment_value best{};     ///< of all generations so far: elites keep it
    double mean_cost = 0.0;      ///< of the members
    std::uint32_t feasible = 0;  ///< members without excess
};

namespace detail::evolution {

/// The numbers of a run of this description. The penalty is capped so that no sum of penalties overflows.
template <class Description, class Word>
[[nodiscard]] generation_rules rules_of(const Description& g, const packed_table<Word>& table) noexcept {
    using bits = packing<Word>;
    double range = 0.0;
    double mean_load = 0.0;
    double most_load = 0.0;
    for (std::size_t t = 0; t < table.tasks; ++t) {
        std::uint64_t dearest = 0;
        std::uint64_t largest = 0;
        double sum = 0.0;
        for (const Word* word = table.words + t * table.gpus; word != table.words + (t + 1) * table.gpus; ++word) {
            dearest = bits::cost(*word) > dearest ? bits::cost(*word) : dearest;
            largest = bits::load(*word) > largest ? bits::load(*word) : largest;
            sum += static_cast<double>(bits::load(*word));
        }
        range += static_cast<double>(dearest);  // the cheapest GPU has 0
        mean_load += sum / static_cast<double>(table.gpus);
        most_load += static_cast<double>(largest);
    }
    double penalty = mean_load > 0.0 && range > 0.0 ? 2.0 * range / mean_load : 1.0;
    if (g.penalty > 0.0) penalty = g.penalty / table.unit;
    const double most = 0x1p60 / (most_load + 1.0);
    if (!(penalty < most)) penalty = most;
    constexpr double whole = 0x1p32;
    const auto below = [](double rate) { return static_cast<std::uint64_t>((rate < 1.0 ? rate : 1.0) * whole); };
    return {.seed = g.seed,
            .population = static_cast<std::uint32_t>(g.population),
            .tournament = static_cast<std::uint32_t>(g.tournament),
            .elite_group = static_cast<std::uint32_t>(g.elite_group),
            .steps = static_cast<std::uint32_t>(g.steps),
            .crossed_below = below(g.crossover_rate),
            .mutated_below = below(table.tasks == 0 ? 0.0
                                                    : g.mutations * static_cast<double>(chunk_genes) /
                                                          static_cast<double>(table.tasks)),
            .penalty = penalty < 1.0 ? 1 : static_cast<std::int64_t>(penalty)};
}
template <class Description>
[[nodiscard]] generation_rules rules_of(const Description& g, const packed_problem& p) noexcept {
    return p.word_bits() == 32 ? rules_of(g, p.table<std::uint32_t>()) : rules_of(g, p.table<std::uint64_t>());
}

/// Candidate lists as genes.
[[nodiscard]] inline flat<std::uint16_t> genes_of(const candidate_lists& lists, std::size_t tasks) {
    flat<std::uint16_t> genes;
    genes.reserve(tasks * lists.width());
    for (std::size_t t = 0; t < tasks && lists.width() > 0; ++t) {
        for (const gpu_index g : lists.of(task_index{t})) genes.push_back(static_cast<std::uint16_t>(g.value()));
    }
    return genes;
}
[[nodiscard]] inline flat<gene_chunk> chunks_of(warm_start start) {
    flat<gene_chunk> chunks(chunks_of(start.size()));
    for (std::size_t t = 0; t < start.size(); ++t) {
        chunks[t / chunk_genes].set(t % chunk_genes, static_cast<std::uint16_t>(start[t].value()));
    }
    return chunks;
}
[[nodiscard]] inline gpu_assignment assignment_of(const gene_chunk* chunks, std::size_t tasks) {
    gpu_assignment gpu_of(tasks);
    for (std::size_t t = 0; t < tasks; ++t) gpu_of[t] = gpu_index{chunks[t / chunk_genes].get(t % chunk_genes)};
    return gpu_of;
}

/// A value in the problem's own units.
[[nodiscard]] inline assignment_value value_of(const packed_problem& p, const member_value& value) noexcept {
    const std::int64_t base = p.word_bits() == 32 ? p.table<std::uint32_t>().base : p.table<std::uint64_t>().base;
    return {static_cast<double>(base + value.cost) * p.cost_unit(), value.excess};
}
[[nodiscard]] inline generation_report report_of(const packed_problem& p, std::uint32_t generation,
                                                 const population_summary& summary) noexcept {
    const double base = value_of(p, member_value{}).cost;
    return {generation, value_of(p, summary.best), base + summary.mean_cost() * p.cost_unit(), summary.feasible};
}

/// Maximum number of generations of a run.
template <class Description, class Stop, class Observer>
[[nodiscard]] constexpr std::size_t most_generations(const Description& g,
                                                     const run_control<Stop, Observer>& control) noexcept {
    if (g.max_generations > 0) return g.max_generations;
    const bool endless =
        std::same_as<Stop, never_stop> && control.max_evaluations == std::numeric_limits<std::uint64_t>::max();
    return endless ? Description::usual_generations : std::numeric_limits<std::size_t>::max();
}

/// The loop of runs on host and device. `state` advances by up to `at_once` generations between two polls.
template <class Description, class State, class Stop, class Observer>
[[nodiscard]] stop_reason run_generations(const Description& g, std::size_t at_once, State& state,
                                          run_control<Stop, Observer>& control) {
    const std::size_t most = most_generations(g, control);
    const auto seen = [&] {
        const generation_report report = state.report();
        return progress{.done = report.generation,
                        .total = most == std::numeric_limits<std::size_t>::max() ? 0 : most,
                        .evaluations = state.evaluations(),
                        .objective =
                            report.best.excess == 0 ? report.best.cost : std::numeric_limits<double>::infinity()};
    };
    const auto ends = [&] { return control.check(0) != stop_reason::completed; };
    notify::begin(control.observer, seen());
    stop_reason reason = control.check(state.evaluations());
    while (reason == stop_reason::completed && state.generation() < most) {
        const std::uint64_t left = (control.max_evaluations - state.evaluations() + g.population - 1) / g.population;
        std::size_t count = most - state.generation() < at_once ? most - state.generation() : at_once;
        count = left < count ? static_cast<std::size_t>(left) : count;
        bool made = false;
        if constexpr (requires { state.advance(count, ends); }) {
            made = state.advance(count, ends);
        } else {
            made = state.advance(count);
        }
        if (!made) {
            reason = control.check(state.evaluations());
            break;
        }
        notify::step(control.observer, seen());
        reason = control.check(state.evaluations());
    }
    notify::end(control.observer, seen());
    return reason;
}

/// Turns the plan of a packed problem into one of the problem before packing, which may have rounded costs.
[[nodiscard]] inline assignment_plan plan_of(const priced_problem& p, warm_start start, assignment_plan found) {
    assignment_plan plan = p.plan_of(std::move(found.gpu_of));
    if (!start.empty()) {
        assignment_plan from = p.plan_of({start.begin(), start.end()});
        if (better(from, plan)) plan = std::move(from);
    }
    plan.evaluations = found.evaluations;
    plan.accepted = found.accepted;
    plan.stopped = found.stopped;
    return plan;
}

}  // namespace detail::evolution

}  // namespace berth::inline v0
