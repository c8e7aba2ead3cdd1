// SPDX-License-Identifier: Apache-2.0
// Run by mpirun on some ranks: messages arrive, and what is computed over the ranks equals what each rank computes alone.
#include "berth/allocate/genetic/genetic.hpp"
#include "berth/allocate/search/island_run.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/core/random.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/model/lower.hpp"
#include "berth/mpi/ranks.hpp"
#include "berth/mpi/session.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    ++failures;
    std::fprintf(stderr, "FAILED: %s\n", what);
}

/// Boxes of many lengths, one of them of several megabytes, over random permutations.
void messages(const berth::mpi::ranks& ranks) {
    const auto length = [](std::size_t round, std::size_t part) {
        const std::size_t drawn = berth::stream_seed(1, round, part) % 5000;
        return drawn < 500 ? 0 : round == 3 && part == 2 ? std::size_t{5} << 20U : drawn;
    };
    for (const std::size_t parts : {std::size_t{1}, std::size_t{3}, std::size_t{16}, std::size_t{40'000}}) {
        const berth::held_parts held = ranks.held(parts);
        std::vector<std::uint64_t> records(parts, 0);
        for (std::size_t i = held.first; i < held.end; ++i) records[i] = 7 * i + 1;
        auto exchange = ranks;
        berth::detail::share_records(exchange, std::span{records});
        bool same = true;
        for (std::size_t i = 0; i < parts; ++i) same = same && records[i] == 7 * i + 1;
        check(same, "share: every record of every part");
        for (std::size_t round = 0; round < (parts > 100 ? 1U : 5U); ++round) {
            std::vector<std::uint32_t> to(parts);
            for (std::size_t i = 0; i < parts; ++i) to[i] = static_cast<std::uint32_t>(i);
            berth::xoshiro256 random{round};
            berth::shuffle(random, std::span{to});
            std::vector<berth::byte_box> boxes(held.size());
            for (std::size_t i = held.first; i < held.end; ++i)
                boxes[i - held.first].assign(parts > 100 ? i % 3 : length(round, i), std::byte(i % 251));
            exchange.send(parts, to, boxes);
            bool arrived = true;
            for (std::size_t i = 0; i < parts; ++i) {
                if (!held.holds(to[i])) continue;
                const berth::byte_box& box = boxes[to[i] - held.first];
                arrived = arrived && box.size() == (parts > 100 ? i % 3 : length(round, i));
                for (const std::byte one : box) arrived = arrived && one == std::byte(i % 251);
            }
            check(arrived, "send: every box where it belongs");
        }
        berth::byte_box told;
        const std::size_t teller = parts - 1;
        if (held.holds(teller)) told.assign(777, std::byte{9});
        exchange.tell(parts, teller, told);
        check(told == berth::byte_box(777, std::byte{9}), "tell: the box of one part reaches all");
    }
}

void genetic_islands(const berth::mpi::ranks& ranks) {
    // Type D of the literature: costs that fall with the load, tight capacities.
    constexpr std::size_t tasks = 80;
    constexpr std::size_t gpus = 8;
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    std::vector<berth::amount> capacities(gpus, 0);
    berth::xoshiro256 random{1};
    for (std::size_t i = 0; i < tasks * gpus; ++i) {
        loads.push_back(1 + static_cast<berth::amount>(berth::bounded(random, 100)));
        costs.push_back(static_cast<double>(101 - loads.back()) + berth::bounded(random, 21));
        capacities[i % gpus] += loads.back();
    }
    for (berth::amount& capacity : capacities) capacity = capacity * 8 / 10 / static_cast<berth::amount>(gpus);
    const berth::priced_problem p{berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                                            berth::matrix_load{{loads.data(), tasks, gpus}},
                                                            std::span<const berth::amount>{capacities}}};
    const berth::genetic<> alone{.seed = 9, .population = 6, .islands = {.count = 7, .interval = 4, .copies = 2}};
    const berth::run_control<> budget{.max_evaluations = 30'000};
    auto here = alone.start(p);
    const auto expected = here.run(budget);
    auto spread = alone.start(p, {}, ranks);
    const auto found = spread.run(budget);
    check(found.gpu_of == expected.gpu_of, "genetic islands over ranks: the plan of one process");
    check(found.evaluations == expected.evaluations, "genetic islands over ranks: as many evaluations");
    check(found.accepted == expected.accepted, "genetic islands over ranks: as many exchanges");
    berth::thread_pool threads{2};
    auto both = alone.with_threads(&threads).start(p, {}, ranks);
    check(both.run(budget).gpu_of == expected.gpu_of, "genetic islands over ranks of two threads");
}

struct task {
    std::array<berth::amount, 1> gpu_demand() const { return {300}; }
};
struct gpu {
    std::array<berth::amount, 1> capacity() const { return {1000}; }
};

void annealer_islands(const berth::mpi::ranks& ranks) {
    berth::resource_schema only_gpus;
    only_gpus.node = {};
    const auto fleet = berth::make_fleet(std::vector<gpu>(30), only_gpus);
    const auto work = berth::make_workload(std::vector<task>(80), *fleet);
    const berth::problem problem{*fleet, *work};
    const auto cost = [](berth::task_index t, berth::gpu_index g) {
        return static_cast<double>(berth::stream_seed(5, t.value(), g.value()) % 1000);
    };
    const berth::objective wish{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost})};
    using values = berth::tier_values<3>;
    using answer = berth::island_answer<berth::slot, values>;
    const auto turn = [&](const berth::island_turn& now, const answer& from) {
        // Cools over the whole run: each turn is as cold as its share of the run says.
        const double first = 200.0 * (1.0 - now.elapsed) + 0.1;
        const berth::local_search search{berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}},
                                         berth::annealing{berth::geometric_cooling{first, first / 2}},
                                         berth::any_node{},
                                         {.seed = now.seed}};
        auto found =
            search.run(problem, wish, from.genes, berth::run_control<>{.max_evaluations = now.max_evaluations});
        const values value = wish.prepare(problem, found.assignment).value();
        return answer{std::move(found.assignment), value, found.counters.evaluations};
    };
    const berth::assignment nowhere(80, berth::unplaced);
    const answer start{nowhere, wish.prepare(problem, nowhere).value(), 0};
    const berth::island_options options{.seed = 4, .islands = 7, .turn_evaluations = 400};
    const berth::run_control<> budget{.max_evaluations = 20'000};
    berth::island_run<berth::slot, values> here{options, start};
    const auto expected = here.improve(turn, berth::sequential{}, budget);
    berth::thread_pool threads{2};
    berth::island_run<berth::slot, values, berth::mpi::ranks> spread{options, start, ranks};
    const auto found = spread.improve(turn, threads, budget);
    check(found.best.genes == expected.best.genes, "annealers over ranks: the assignment of one process");
    check(found.best.evaluations == expected.best.evaluations, "annealers over ranks: as many evaluations");
    check(found.island == expected.island, "annealers over ranks: of the same island");
    check(found.best.value[1] == 0.0 && found.best.value[2] < 0.5 * 80 * 500,
          "annealers over ranks: a good assignment");
}

}  // namespace

int main() {
    const berth::mpi::session session;
    const berth::mpi::ranks ranks;
    messages(ranks);
    genetic_islands(ranks);
    annealer_islands(ranks);
    int all = 0;
    MPI_Allreduce(&failures, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (ranks.rank() == 0) std::printf("%d ranks, %d failures\n", ranks.size(), all);
    return all == 0 ? 0 : 1;
}
