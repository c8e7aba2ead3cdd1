// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/cluster_placer.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "allocate/problems.hpp"
#include "common/cluster_of.hpp"
#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// A cluster under random events: tasks of a workload arrive, end and move, nodes of a fleet leave, come back, fall ill
/// and recover, room is reserved.
class random_events {
public:
    random_events(cluster& c, const fleet& machines, const workload& work, std::uint64_t seed)
        : cluster_{c}, machines_{machines}, work_{work}, random_{seed} {
        join_all(c, machines);
    }

    template <class Place>
    void next(const Place& place) {
        const std::uint32_t kind = bounded(random_, 100);
        if (kind < 50) {
            const task_handle t = admit_copy(cluster_, work_, task_index{any(work_.task_count())});
            if (place(t).placed()) {
                running_.push_back(t);
            } else {
                REQUIRE(cluster_.retire(t));
            }
        } else if (kind < 80) {
            if (running_.empty()) return;
            (void)cluster_.retire(take());  // it may have lost its node
        } else if (kind < 86) {
            move();
        } else if (kind < 92) {
            const node_index n{any(machines_.node_count())};
            const std::string& name = machines_.name(n);
            if (const auto there = cluster_.find_node(name)) {
                if (bounded(random_, 2) == 0) return change(*there, n);
                REQUIRE(cluster_.leave(*there));
            } else {
                REQUIRE(cluster_.join(reported_node{machines_, n}.description()));
            }
        } else if (kind < 96) {
            const auto there = cluster_.find_node(machines_.name(node_index{any(machines_.node_count())}));
            if (!there) return;
            if (bounded(random_, 2) == 0) REQUIRE(cluster_.set_open(*there, bounded(random_, 2) == 0));
            REQUIRE(cluster_.set_healthy(*there, bounded(random_, 3) != 0));
            const node_index n = *cluster_.find(*there);
            for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1) {
                if (bounded(random_, 3) != 0) continue;
                REQUIRE(cluster_.set_healthy(cluster_.handle(n, lowest_gpu(rest)), bounded(random_, 2) == 0));
            }
        } else if (reserved_.size() < 5) {
            const auto shape = work_.demand(task_index{any(work_.task_count())});
            for (std::size_t n = 0; n < machines_.node_count(); ++n) {
                const slot where{node_index{n}, first_gpus(shape.gpus)};
                const auto known = cluster_.shape_of(task_description{.gpus = shape.gpus,
                                                                      .gpu_demand = shape.gpu,
                                                                      .node_demand = shape.node,
                                                                      .domain_demand = shape.domain});
                REQUIRE(known);
                if (const auto held = cluster_.reserve(*known, where)) {
                    reserved_.push_back(*held);
                    break;
                }
            }
        } else {
            (void)cluster_.release(reserved_.back());
            reserved_.pop_back();
        }
    }

private:
    [[nodiscard]] std::size_t any(std::size_t count) { return bounded(random_, static_cast<std::uint32_t>(count)); }
    [[nodiscard]] task_handle take() {
        const std::size_t i = any(running_.size());
        const task_handle t = running_[i];
        running_[i] = running_.back();
        running_.pop_back();
        return t;
    }
    /// The node is reported with other capacities, and with more or fewer GPUs.
    void change(node_handle there, node_index n) {
        std::vector<gpu_description> gpus(1 + any(machines_.gpu_count(n) + 4));
        std::vector<amount> capacity(machines_.capacity(n).begin(), machines_.capacity(n).end());
        const std::size_t like = any(machines_.gpu_count());
        for (gpu_description& gpu : gpus) {
            gpu.model = machines_.name(machines_.model(gpu_index{like}));
            gpu.capacity = machines_.capacity(gpu_index{like});
        }
        for (amount& each : capacity)
            each = each > 0 && each < max_amount ? 1 + each / 2 + static_cast<amount>(any(3)) : each;
        (void)cluster_.change(there, node_description{.capacity = capacity, .gpus = gpus});  // refused beyond 64 GPUs
    }
    void move() {
        if (running_.empty()) return;
        const task_handle t = running_[any(running_.size())];
        switch (cluster_.state(t)) {
            case task_state::waiting: break;
            case task_state::moving:
                REQUIRE((bounded(random_, 2) == 0 ? cluster_.finish_move(t) : cluster_.cancel_move(t)));
                break;
            case task_state::running: {
                const demand_view demand = cluster_.workload().demand(*cluster_.find(t));
                const node_index n{any(cluster_.fleet().node_count())};
                gpu_mask fitting = cluster_.ledger().fitting_gpus(demand, n);
                gpu_mask gpus = 0;
                for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
                (void)cluster_.begin_move(t, {n, gpus});
            }
        }
    }

    cluster& cluster_;
    const fleet& machines_;
    const workload& work_;
    xoshiro256 random_;
    std::vector<task_handle> running_;
    std::vector<reservation_handle> reserved_;
};

/// The next placements of a placer that has lived long are those of one that starts on a copy of the cluster with its
/// memory.
template <class Policy>
void decides_like_a_fresh_one(const Policy& policy, const problem_options& options, std::uint64_t seed,
                              std::size_t events) {
    CAPTURE(seed);
    const auto [machines, work] = random_problem(seed, options);
    cluster living{machines.schema()};
    random_events world{living, machines, work, seed};
    auto old = policy.start(
        living, cluster_placer_options{.board_bytes = seed % 2 == 0 ? std::size_t{1} << 16U : default_board_bytes,
                                       .mix = {.half_life = 300.0, .tolerance = 0.2}});
    for (std::size_t i = 0; i < events; ++i) world.next([&](task_handle t) { return old.place(t); });

    cluster copy{living};
    auto fresh =
        policy.start(copy, cluster_placer_options{.mix = {.half_life = 300.0, .tolerance = 0.2}}, old.memory());
    xoshiro256 random{seed};
    std::size_t placed = 0;
    for (std::size_t i = 0; i < 100; ++i) {
        CAPTURE(i);
        const task_index t{bounded(random, static_cast<std::uint32_t>(work.task_count()))};
        const task_handle a = admit_copy(living, work, t);
        const task_handle b = admit_copy(copy, work, t);
        REQUIRE(a == b);
        const slot where = old.place(a);
        REQUIRE(where == fresh.place(b));
        placed += where.placed() ? 1 : 0;
    }
    CHECK(placed > 0);
}

}  // namespace

TEST_CASE("a placer that has lived long decides like a fresh one with its memory") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        const problem_options options{.gangs = false};
        decides_like_a_fresh_one(greedy{best_fit{}}, options, seed, 1000);
        decides_like_a_fresh_one(greedy{worst_fit{}, loosest_gpu{}, random_order{seed}}, options, seed, 400);
        decides_like_a_fresh_one(greedy{fgd{}, best_scored_gpu{}}, options, seed, 1000);
        decides_like_a_fresh_one(greedy{scarcity{}}, options, seed, 1000);
        decides_like_a_fresh_one(greedy{first_fit{}, gpu_scored_by{fgd{}}}, options, seed, 400);
        decides_like_a_fresh_one(greedy{random_score{seed}}, options, seed, 200);
        decides_like_a_fresh_one(greedy{tiers{scarcity{}, best_fit{}}}, options, seed, 400);
        decides_like_a_fresh_one(greedy{tiers{fgd{}, best_fit{}}, best_scored_gpu{}}, options, seed, 400);
        decides_like_a_fresh_one(
            greedy{weighted_sum{weighted{0.3, rescaled{best_fit{}}}, weighted{0.7, fgd{}}}, best_scored_gpu{}}, options,
            seed, 400);
        const weighted_sum both{weighted{2.0, rescaled{best_fit{}}}, weighted{1.0, scarcity{.reprice_after = 0.01}}};
        decides_like_a_fresh_one(greedy{tiers{gpu_packing{}, both}, gpu_scored_by{scarcity{}}}, options, seed, 400);
    }
}

TEST_CASE("a score that counts placements by itself does not follow a cluster, in whatever it stands") {
    namespace detail = berth::detail;
    static_assert(detail::follows_cluster<prepared<decltype(tiers{fgd{}, scarcity{}})>>);
    static_assert(!detail::follows_cluster<prepared<gpu_clustering>>);
    static_assert(!detail::follows_cluster<prepared<decltype(tiers{scarcity{}, gpu_clustering{}})>>);
    static_assert(!detail::follows_cluster<gpu_scored_by<gpu_clustering>::prepared_selection>);
    static_assert(detail::follows_cluster<gpu_scored_by<fgd>::prepared_selection>);
}

namespace {

/// One node with GPUs of these models.
struct machine {
    struct gpu {
        std::string model;
    };
    std::string name;
    std::vector<gpu> gpus;
};
struct job {
    std::string name;
    std::size_t gpus = 1;
    std::string group{};
    bool gang = false;
    bool same_model = false;
    std::string accepted_models{};
    std::size_t min_tasks = 0;
};

machine host(const std::string& name, const std::string& model, std::size_t gpus) {
    return {name, std::vector<machine::gpu>(gpus, machine::gpu{model})};
}

}  // namespace

TEST_CASE("own types: admitted and placed, found, explained and reserved") {
    cluster living;
    REQUIRE(living.join(host("a", "A100", 2)));
    auto placer = greedy{}.start(living);
    CHECK_FALSE(placer.mix_known());
    const auto first = placer.place(job{"first", 2});
    REQUIRE(first);
    CHECK(living.where(*first) == slot{node_index{0}, 0b11});
    const auto second = placer.place(job{"second"});
    REQUIRE(second);
    CHECK(living.state(*second) == task_state::waiting);
    CHECK(placer.explain(*second).nodes == 1);
    CHECK(*placer.find(job{"third"}) == unplaced);
    CHECK_FALSE(placer.place(job{"second"}));  // the name is there
    CHECK(placer.explain(job{"third", 65}).error().message.find("gpus is 65") != std::string::npos);
    REQUIRE(living.retire(*first));
    CHECK_FALSE(living.retire(*first));
    CHECK(placer.place(*first) == unplaced);  // gone
    CHECK(placer.place(*second) == slot{node_index{0}, 0b1});
    CHECK(placer.place(*second) == unplaced);  // it runs
    const auto room = placer.reserve(*living.shape_of(job{"room"}));
    REQUIRE(room);
    CHECK(living.where(*room) == slot{node_index{0}, 0b10});
    CHECK_FALSE(placer.reserve(*living.shape_of(job{"room"})));
    // A demand whose position is that of another by now is gone.
    REQUIRE(living.release(*room));
    const amount part[] = {77};
    const auto old = *living.shape_of(task_description{.gpu_demand = part});
    REQUIRE(placer.find(old).placed());
    REQUIRE(placer.explain(old).nodes > 0);
    for (amount share = 1; share < 1500; ++share) {
        const amount wanted[] = {2000 + share};
        REQUIRE(living.shape_of(task_description{.gpu_demand = wanted}));
    }
    CHECK_FALSE(living.find(old));
    CHECK(living.workload().generation(shape_index{old.position()}) > old.generation());
    CHECK_FALSE(placer.find(old).placed());
    CHECK(placer.explain(old).nodes == 0);
    CHECK_FALSE(placer.reserve(old));
}

TEST_CASE("gangs on a cluster: whole or not, in any order, of one model, elastic") {
    cluster living;
    REQUIRE(living.join(host("a", "A100", 2)));
    REQUIRE(living.join(host("h", "H100", 4)));
    auto placer = greedy{best_fit{}}.start(living);
    std::vector<task_handle> gang;
    for (int i = 0; i < 4; ++i) {
        gang.push_back(*living.admit(job{"g" + std::to_string(i), 1, "g", true, true, "A100|H100"}));
    }
    const auto placed = placer.place_gang(*living.workload().find_group("g"));
    REQUIRE(placed.placed());
    for (const task_handle t : gang) CHECK(living.where(t).node == node_index{1});
    for (const task_handle t : gang) REQUIRE(living.release(t));

    // Members of unlike demands, the small one first: it must not take the room of the large one.
    std::vector<task_handle> mixed{*living.admit(job{"small", 1, "m", true}), *living.admit(job{"large", 4, "m", true}),
                                   *living.admit(job{"other", 1, "m", true})};
    REQUIRE(placer.place_all(mixed));
    CHECK(living.where(mixed[1]) == slot{node_index{1}, 0b1111});
    for (const task_handle t : mixed) REQUIRE(living.release(t));

    // Seven tasks where six fit: none runs, or at least four.
    std::vector<task_handle> many;
    for (int i = 0; i < 7; ++i) many.push_back(*living.admit(job{"e" + std::to_string(i), 1, "e", true}));
    const auto before = living.ledger();
    const auto none = placer.place_gang(many);
    CHECK(none.outcome == gang_outcome::absent);
    CHECK(living.ledger() == before);
    for (const task_handle t : many) CHECK(living.state(t) == task_state::waiting);
    const auto some = placer.place_gang(many, {.min_tasks = 4});
    CHECK(some.placed());
    std::size_t running = 0;
    for (const task_handle t : many) running += living.state(t) == task_state::running ? 1 : 0;
    CHECK(running == 6);
    CHECK(placer.place_gang(many).outcome == gang_outcome::absent);  // some run already
}

TEST_CASE("boards stay within their memory however many demands come") {
    cluster living{{.node = {"cpu"}}};
    for (int n = 0; n < 40; ++n) REQUIRE(living.join(host("n" + std::to_string(n), "A100", 4)));
    const std::size_t limit = 64U << 10U;
    auto placer = greedy{fgd{}, best_scored_gpu{}}.start(living, cluster_placer_options{.board_bytes = limit});
    for (amount i = 0; i < 3000; ++i) {
        const amount share[] = {1 + i % 900};
        const amount cpu[] = {i};
        const auto t = living.admit(task_description{.gpu_demand = share, .node_demand = cpu});
        REQUIRE(t);
        REQUIRE(placer.place(*t).placed());
        REQUIRE(living.retire(*t));
        REQUIRE(placer.board_bytes() <= limit + 4096);
    }
    CHECK(living.workload().shape_count() < 1200);
    CHECK(placer.mix().demand_count() <= 4096);
}

TEST_CASE("a node that outgrows its room, and health of GPUs, leave no trace in the values of others") {
    cluster living;
    for (int n = 0; n < 6; ++n) REQUIRE(living.join(host("n" + std::to_string(n), "A100", 2)));
    auto old = greedy{}.start(living, cluster_placer_options{.mix = {.half_life = 50.0}});
    for (int i = 0; i < 300; ++i) {
        const std::string name = "t" + std::to_string(i);
        const auto t = old.place(job{name, 1 + static_cast<std::size_t>(i % 2)});
        REQUIRE(t);
        if (i % 7 == 0)
            REQUIRE(living.report(host("n" + std::to_string(i % 6), "A100", 2 + static_cast<std::size_t>(i / 60))));
        if (i % 5 == 0) {
            const node_index n{static_cast<std::size_t>(i % 6)};
            REQUIRE(living.set_healthy(living.handle(n, static_cast<std::size_t>(i % 2)), i % 3 != 0));
        }
        if (i % 3 != 0) REQUIRE(living.retire(*t));
    }
    cluster copy{living};
    auto fresh = greedy{}.start(copy, cluster_placer_options{.mix = {.half_life = 50.0}}, old.memory());
    for (int i = 0; i < 20; ++i) {
        const job next{"next" + std::to_string(i), 1 + static_cast<std::size_t>(i % 2)};
        const auto a = old.place(next);
        const auto b = fresh.place(next);
        REQUIRE((a && b));
        REQUIRE(living.where(*a) == copy.where(*b));
    }
}

namespace {

/// Throws at the n-th call of `on_place`; counts what is in place.
struct fussy {
    struct state {
        int* calls;
        int* in_place;
        [[nodiscard]] double operator()(const candidate& c) const { return -static_cast<double>(c.node.index.value()); }
        void on_place(const candidate&) {
            if (--*calls == 0) throw std::runtime_error{"fussy"};
            ++*in_place;
        }
        void on_remove(const candidate&) { --*in_place; }
        void on_node(const node_view&) {}
    };
    int* calls;
    int* in_place;
    [[nodiscard]] state prepare(const problem&) const { return {calls, in_place}; }
};

}  // namespace

TEST_CASE("a score that throws while a task or a gang is placed leaves nothing") {
    for (int at = 1; at <= 4; ++at) {
        CAPTURE(at);
        int calls = 0;
        int in_place = 0;
        cluster living;
        for (int n = 0; n < 3; ++n) REQUIRE(living.join(host("n" + std::to_string(n), "A100", 2)));
        auto placer = greedy{fussy{&calls, &in_place}}.start(living);
        std::vector<task_handle> gang;
        for (int i = 0; i < 4; ++i) gang.push_back(*living.admit(job{"g" + std::to_string(i)}));
        const auto before = living.ledger();
        calls = at;
        CHECK_THROWS(static_cast<void>(placer.place_gang(gang)));
        CHECK(living.ledger() == before);
        CHECK(in_place == 0);
        for (const task_handle t : gang) CHECK(living.state(t) == task_state::waiting);
        const std::size_t known = living.task_count();
        calls = 1;
        CHECK_THROWS(static_cast<void>(placer.place(job{"lost"})));
        CHECK(living.task_count() == known);
        calls = 0;
        CHECK(placer.place_gang(gang).placed());
        CHECK(in_place == 4);
    }
}

TEST_CASE("nodes of other hardware are not taken for those that left, whose number they get") {
    cluster living;
    REQUIRE(living.join(host("a", "A100", 2)));
    const auto left = living.join(host("b", "T4", 4));
    REQUIRE(left);
    auto placer = greedy{}.start(living);
    for (int i = 0; i < 5; ++i) CHECK(placer.place(job{"t" + std::to_string(i), 1}));
    const std::size_t hardware = living.fleet().hardware(node_index{1});
    REQUIRE(living.leave(*left));
    REQUIRE(living.join(host("c", "A100", 8)));
    REQUIRE(living.fleet().hardware(node_index{living.find(*living.find_node("c"))->value()}) == hardware);
    const auto prepared_before = placer.preparations();
    const auto wide = living.admit(job{"wide", 8});
    REQUIRE(wide);
    CHECK(placer.place(*wide).placed());
    CHECK(placer.preparations() > prepared_before);
}
