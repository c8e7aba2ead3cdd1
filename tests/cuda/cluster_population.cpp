// SPDX-License-Identifier: Apache-2.0
// Populations made from a cluster: vacant positions, missing GPUs and unlimited counters evaluate as a compact fleet does,
// in the plain loop, in the evaluator of the host and in the code of the kernel.
#include "berth/allocate/assignment/assignment_door.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/allocate/cluster_scope.hpp"
#include "berth/core/random.hpp"
#include "berth/cuda/evaluation_ref.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/lower.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct card {
    std::string model;
    std::vector<amount> capacity;
    std::string uuid{};
};
struct machine {
    std::string name;
    std::vector<amount> capacity;
    std::vector<card> gpus;
};
struct service {
    std::string name;
    std::size_t gpus = 1;
    std::array<amount, 2> gpu_demand{};
    std::array<amount, 2> node_demand{};
    std::string accepted_models{};
};

/// Costs by names, so that both problems have the same.
struct named_cost {
    const fleet* machines;
    const workload* tasks;

    double operator()(task_index t, gpu_index g) const {
        for (std::size_t i = 0; i < machines->node_count(); ++i) {
            const node_index n{i};
            for (std::size_t k = 0; k < machines->gpu_count(n); ++k) {
                if (machines->gpu(n, k) != g) continue;
                const std::string name = tasks->name(t) + machines->name(n) + static_cast<char>('a' + k);
                std::uint64_t hash = 1;
                for (const char c : name) hash = splitmix64(hash ^ static_cast<unsigned char>(c));
                return static_cast<double>(hash % 50);
            }
        }
        return 0.0;
    }
};

/// Values of a population, by the plain definition of a packed problem, the evaluator and the kernel's functor.
template <class Word>
std::vector<assignment_value> values_of(const packed_problem& packed, const std::vector<std::uint16_t>& genes,
                                        std::size_t rows) {
    std::vector<assignment_value> values(rows);
    const population_view<std::uint16_t> population{genes.data(), rows, packed.tasks()};
    auto state = tiled_evaluator{}.prepare(packed);
    (void)state.evaluate(population, values);
    const evaluation_ref<Word> ref{packed.table<Word>()};
    std::vector<Word> loads(packed.gpus());
    for (std::size_t i = 0; i < rows; ++i) {
        REQUIRE(ref.value_of(genes.data() + i * packed.tasks(), loads.data()) == values[i]);
    }
    return values;
}

void evaluates_like_compact(bool unlimited_share, std::uint64_t seed) {
    CAPTURE(seed);
    CAPTURE(unlimited_share);
    xoshiro256 random{seed};
    // CPU is the second counter of a node, GPU memory (in bytes) the second of a GPU.
    const resource_schema schema{.gpu = {"share", "memory"}, .node = {"disk", "cpu"}, .domain = {}};
    const amount share = unlimited_share ? max_amount : 1000;
    cluster living{schema};
    std::vector<machine> compact;
    std::vector<node_handle> nodes;
    for (std::size_t n = 0; n < 7; ++n) {
        machine m{"m" + std::to_string(n), {max_amount, 1'000'000}, {}};
        for (std::size_t k = 0; k < 1 + n % 3; ++k) {
            m.gpus.push_back({n % 2 == 0 ? "A" : "B",
                              {share, unlimited_share ? amount{80} << 30U : max_amount},
                              m.name + "/" + std::to_string(k)});
        }
        nodes.push_back(need(living.join(m)));
        if (n != 1 && n != 4) compact.push_back(m);
    }
    REQUIRE(living.leave(nodes[1]));  // vacant positions
    REQUIRE(living.leave(nodes[4]));
    std::vector<service> services;
    std::vector<task_handle> tasks;
    for (std::size_t t = 0; t < 12; ++t) {
        services.push_back({"t" + std::to_string(t),
                            1,
                            {unlimited_share ? 0 : static_cast<amount>(100 + 100 * below(random, 5)),
                             unlimited_share ? static_cast<amount>(1 + below(random, 3)) << 25U : amount{5}},
                            {0, static_cast<amount>(below(random, 4))},
                            t % 4 == 0 ? "A" : ""});
        tasks.push_back(need(living.admit(services.back())));
    }
    REQUIRE(living.retire(tasks[3]));
    services.erase(services.begin() + 3);

    const fleet f = need(make_fleet(compact, schema));
    const workload w = need(make_workload(services, f));
    const auto small = need(to_assignment_problem(problem{f, w}, named_cost{&f, &w}));
    std::vector<task_index> waiting;
    for (std::size_t t = 0; t < living.workload().task_count(); ++t) {
        if (living.workload().present(task_index{t})) waiting.emplace_back(t);
    }
    const search_scope scope{.tasks = std::span<const task_index>{waiting}, .free = &living.ledger()};
    const auto large = need(to_assignment_problem(living.problem(), named_cost{&living.fleet(), &living.workload()},
                                                  living.slots(), scope));
    const auto small_packed = need(pack_assignments(small.problem()));
    const auto large_packed = need(pack_assignments(large.problem()));
    REQUIRE(small_packed.tasks() == large_packed.tasks());
    REQUIRE(small_packed.word_bits() == large_packed.word_bits());

    // GPUs of the compact fleet, by position in the cluster.
    std::vector<std::uint16_t> position;
    for (const machine& m : compact) {
        const node_index n = *living.find(*living.find_node(m.name));
        for (std::size_t k = 0; k < m.gpus.size(); ++k) {
            position.push_back(static_cast<std::uint16_t>(living.fleet().gpu(n, k).value()));
        }
    }
    constexpr std::size_t rows = 40;
    std::vector<std::uint16_t> genes;
    std::vector<std::uint16_t> moved;
    for (std::size_t i = 0; i < rows * small_packed.tasks(); ++i) {
        genes.push_back(static_cast<std::uint16_t>(below(random, position.size())));
        moved.push_back(position[genes.back()]);
    }
    const auto values = [&](const packed_problem& packed, const std::vector<std::uint16_t>& of) {
        return packed.word_bits() == 32 ? values_of<std::uint32_t>(packed, of, rows)
                                        : values_of<std::uint64_t>(packed, of, rows);
    };
    CHECK(values(small_packed, genes) == values(large_packed, moved));
    // No task may be on a position that is vacant.
    std::vector<std::uint8_t> there(large_packed.gpus(), 0);
    for (const std::uint16_t g : position) there[g] = 1;
    for (std::size_t g = 0; g < large_packed.gpus(); ++g) {
        if (there[g] != 0) continue;
        const std::vector<std::uint16_t> all(rows * large_packed.tasks(), static_cast<std::uint16_t>(g));
        CHECK(values(large_packed, all)[0].excess > 0);
    }
}

}  // namespace

TEST_CASE("a population of a cluster with vacant positions evaluates as one of a compact fleet") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        evaluates_like_compact(false, seed);
        evaluates_like_compact(true, seed);
    }
}
