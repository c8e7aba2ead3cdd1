// SPDX-License-Identifier: Apache-2.0
// Islands over MPI ranks: annealers that hand their best assignment on in a ring, with checkpoints. The answer is the
// same for any number of ranks:
//
//     mpirun -n 2 mpi_islands [CHECKPOINT_FOLDER]
#include "berth/berth.hpp"
#include "berth/mpi/checkpoints.hpp"
#include "berth/mpi/ranks.hpp"
#include "berth/mpi/session.hpp"

#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

namespace {

struct gpu {
    const char* model = "A100";
};
struct job {
    std::size_t gpus = 1;
    berth::amount share = 400;
    [[nodiscard]] std::vector<berth::amount> gpu_demand() const { return {share}; }
};

}  // namespace

int main(int argc, char** argv) {
    const berth::mpi::session session;
    berth::mpi::traffic traffic;
    const berth::mpi::ranks ranks{MPI_COMM_WORLD, &traffic};

    const auto fleet = berth::make_fleet(std::vector<gpu>(40));
    const auto work = berth::make_workload(std::vector<job>(75), *fleet);
    const berth::problem problem{*fleet, *work};
    const auto cost = [](berth::task_index t, berth::gpu_index g) {
        return static_cast<double>(berth::stream_seed(1, t.value(), g.value()) % 1000);
    };
    const berth::objective wish{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost})};
    using values = berth::tier_values<3>;
    using answer = berth::island_answer<berth::slot, values>;

    // A turn of an island: an annealing as cold as its share of the run says, from the best that the island knows.
    const auto turn = [&](const berth::island_turn& now, const answer& from) {
        const double warm = 100.0 * (1.0 - now.elapsed) + 0.1;
        const berth::local_search annealer{berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}},
                                           berth::annealing{berth::geometric_cooling{warm, warm / 2}},
                                           berth::any_node{},
                                           {.seed = now.seed}};
        auto found =
            annealer.run(problem, wish, from.genes, berth::run_control<>{.max_evaluations = now.max_evaluations});
        const values value = wish.prepare(problem, found.assignment).value();
        return answer{std::move(found.assignment), value, found.counters.evaluations};
    };

    const berth::assignment start = berth::sampled_greedy{}.run(problem, cost).assignment;
    berth::island_run<berth::slot, values, berth::mpi::ranks> islands{
        {.seed = 7, .islands = 8, .turn_evaluations = 2'000}, {start, wish.prepare(problem, start).value(), 0}, ranks};
    const berth::run_control<> budget{.max_evaluations = 400'000};

    berth::mpi::checkpoints saved{argc > 1 ? argv[1] : "", ranks, {.every = 5}};
    const bool keep = argc > 1;
    if (keep) {
        if (const auto found = saved.resume(islands); !found) {
            std::fprintf(stderr, "%s\n", found.error().message.c_str());
            return 2;
        }
    }
    const auto best =
        islands.improve(turn, berth::sequential{}, budget, [&](const auto& run) { return !keep || saved(run); });
    if (ranks.rank() == 0) {
        std::printf("cost %.0f, greedy %.0f; found on island %zu, %llu evaluations\n", best.best.value[2],
                    wish.prepare(problem, start).value()[2], best.island,
                    static_cast<unsigned long long>(best.best.evaluations));
    }
    return best.best.value[0] == 0.0 && best.best.value[1] == 0.0 ? 0 : 1;
}
