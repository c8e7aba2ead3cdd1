// SPDX-License-Identifier: Apache-2.0
// An allocator of your own for assignment problems, compared with one of the library: gap by CPU time.
#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"

#include "support/comparison.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>

/// Restarts: assigns every task to a random GPU of its short list, lets `priced_greedy` repair the result, and keeps
/// the best.
struct random_restarts {
    std::uint64_t seed = 0;

    template <class Stop = berth::never_stop, class Observer = berth::no_observer>
    [[nodiscard]] berth::assignment_plan run(const berth::priced_problem& p, berth::warm_start start = {},
                                             berth::run_control<Stop, Observer> control = {}) const {
        const berth::priced_greedy finish{.seed = seed};
        berth::assignment_plan best = finish.run(p, start);
        std::uint64_t evaluations = best.evaluations;
        for (berth::xoshiro256 random{seed};;) {
            if (best.feasible()) {
                berth::notify::step(control.observer, {.evaluations = evaluations, .objective = best.cost});
            }
            if (control.check(evaluations) != berth::stop_reason::completed) break;
            berth::gpu_assignment guess;
            for (std::size_t t = 0; t < p.tasks(); ++t) {
                const auto near = p.candidates().of(berth::task_index{t});
                guess.push_back(near[berth::bounded(random, static_cast<std::uint32_t>(near.size()))]);
            }
            const berth::assignment_plan next = finish.run(p, guess);
            evaluations += next.evaluations;
            if (better(next, best)) best = next;
        }
        best.evaluations = evaluations;
        best.stopped = control.check(evaluations);
        return best;
    }
};
static_assert(berth::assignment_allocator<random_restarts>);

int main() {
    // The rows of `berth-bench compare` if these were in benchmarks/berth_bench/allocators.cpp.
    bench::comparison table{
        {bench::name_allocator("greedy", "by price",
                               [](const auto& run) { return berth::priced_greedy{.seed = run.seed}; }),
         bench::name_allocator("restarts", "mine", [](const auto& run) { return random_restarts{run.seed}; })},
        {.seconds = {0.005, 0.02}, .seeds = 3}};
    bench::progress_line quiet{bench::progress_line::mode::off};
    for (const char type : {'c', 'd', 'e'}) {
        table.add(bench::generate_gap_instance(type, 10, 60, 1), std::nullopt, quiet);
    }
    std::fputs(table.text().c_str(), stdout);
    return table.faults().empty() ? 0 : 1;
}
