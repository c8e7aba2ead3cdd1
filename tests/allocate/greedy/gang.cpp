// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/gang.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// A few small nodes whose capacities differ, and one gang of unlike members. Odd seeds are tight: their members fit by
/// the sums, but often not into the nodes.
struct small_gang {
    fleet machines;
    workload work;
    bool same_model;
    std::size_t least;

    static small_gang make(std::uint64_t seed) {
        xoshiro256 g{seed};
        const bool domains = seed % 8 < 2;
        const bool tight = seed % 2 == 1;
        const auto rack_list = [&](std::string_view& rack) {
            return std::span<const std::string_view>{&rack, domains ? std::size_t{1} : std::size_t{0}};
        };
        const auto between = [&](std::size_t low, std::size_t high) {
            return static_cast<amount>(low + below(g, high - low + 1));
        };
        resource_schema schema{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}};
        if (domains) schema.domain = {"power"};
        fleet_builder builder{schema};
        for (const char* rack : {"r0", "r1"}) {
            const amount power[] = {between(0, 7)};
            if (domains) (void)need(builder.add_domain(rack, 0, power));
        }
        const std::size_t nodes = 1 + below(g, tight ? 3 : 4);
        for (std::size_t n = 0; n < nodes; ++n) {
            std::vector<std::array<amount, 2>> capacities(tight ? 1 + below(g, 3) : below(g, 4));
            std::vector<gpu_description> gpus;
            for (auto& capacity : capacities) {
                capacity = {100 * between(tight ? 5 : 2, 10), between(tight ? 5 : 2, 10)};
                gpus.push_back(
                    {.model = chance(g, 50) ? "A" : "B", .capacity = capacity, .healthy = tight || !chance(g, 5)});
            }
            const amount cpu[] = {between(tight ? 5 : 2, tight ? 12 : 8)};
            std::string_view rack = chance(g, 50) ? "r0" : "r1";
            (void)need(builder.add_node(
                {.capacity = cpu, .gpus = gpus, .domains = rack_list(rack), .healthy = tight || !chance(g, 5)}));
        }
        fleet machines = need(std::move(builder).build());

        struct kind {
            std::size_t gpus;
            std::array<amount, 2> gpu;
            std::array<amount, 1> cpu;
            std::array<amount, 1> power;
            std::vector<std::string_view> accepted;
        };
        std::vector<kind> kinds(1 + below(g, 4));
        for (kind& one : kinds) {
            one.gpus = chance(g, 10) ? 0U : chance(g, 70) ? 1U : 2U;
            if (one.gpus > 0) one.gpu = {100 * between(1, tight ? 5 : 8), between(1, 4)};
            one.cpu = {between(0, 3)};
            one.power = {between(0, 2)};
            if (chance(g, 15)) one.accepted = {chance(g, 50) ? "A" : "B"};
        }
        const bool same_model = chance(g, 20);
        const std::size_t members = tight ? 3 + below(g, 4) : 1 + below(g, 5);
        const std::size_t least = chance(g, 25) ? 1 + below(g, members) : members;
        workload_builder tasks{machines};
        for (std::size_t m = 0; m < members; ++m) {
            const kind& one = kinds[below(g, kinds.size())];
            (void)need(tasks.add_task({.gpus = one.gpus,
                                       .gpu_demand = one.gpu,
                                       .node_demand = one.cpu,
                                       .domain_demand = {one.power.data(), domains ? std::size_t{1} : std::size_t{0}},
                                       .accepted_models = one.accepted,
                                       .same_model = same_model || chance(g, 20),
                                       .group = "gang",
                                       .gang = true,
                                       .min_tasks = least}));
        }
        workload work = need(std::move(tasks).build());
        return {std::move(machines), std::move(work), same_model, least};
    }
};

/// Whether at least so many tasks have slots together, by trying everything.
template <class Admits>
bool exists(ledger& free, const workload& work, std::size_t task, std::size_t left_out, std::uint64_t models,
            const Admits& admits) {
    if (task == work.task_count()) return true;
    if (left_out > 0 && exists(free, work, task + 1, left_out - 1, models, admits)) return true;
    demand_view demand = work.demand(task_index{task});
    demand.accepted_models &= models;
    for (std::size_t n = 0; n < free.fleet().node_count(); ++n) {
        for (gpu_mask gpus = 0; gpus <= first_gpus(free.fleet().gpu_count(node_index{n})); ++gpus) {
            const slot where{node_index{n}, gpus};
            if (!free.fits(demand, where) || !admits(where)) continue;
            free.place(demand, where);
            const bool found = exists(free, work, task + 1, left_out, models, admits);
            free.remove(demand, where);
            if (found) return true;
        }
    }
    return false;
}
template <class Admits>
bool exists(const small_gang& in, const Admits& admits) {
    ledger free{in.machines};
    const std::size_t slack = in.work.task_count() - in.least;
    if (!in.same_model) return exists(free, in.work, 0, slack, ~std::uint64_t{0}, admits);
    for (std::size_t m = 0; m < in.machines.model_count(); ++m) {
        if (exists(free, in.work, 0, slack, std::uint64_t{1} << m, admits)) return true;
    }
    // Tasks without GPUs need no model.
    return in.machines.model_count() == 0 && exists(free, in.work, 0, slack, 0, admits);
}

/// The slots are a placement of the gang on the empty fleet, and the ledger says so.
void check_slots(const small_gang& in, const std::vector<task_index>& tasks, const gang_placement& found,
                 const ledger& after) {
    ledger replay{in.machines};
    std::size_t placed = 0;
    std::uint64_t models = 0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!found.slots[i].placed()) continue;
        ++placed;
        REQUIRE(replay.fits(in.work.demand(tasks[i]), found.slots[i]));
        replay.place(in.work.demand(tasks[i]), found.slots[i]);
        for (gpu_mask rest = found.slots[i].gpus; rest != 0; rest &= rest - 1) {
            models |=
                std::uint64_t{1} << in.machines.model(in.machines.gpu(found.slots[i].node, lowest_gpu(rest))).value();
        }
    }
    REQUIRE(replay == after);
    REQUIRE(placed >= (found.placed() ? in.least : 0));
    REQUIRE((placed > 0) <= found.placed());
    if (in.same_model) REQUIRE(gpu_count(models) <= 1);
}

struct tally {
    std::size_t placed = 0;
    std::size_t absent = 0;
    std::size_t undecided = 0;
    std::size_t searched = 0;
};

template <class Policy, class Admits>
tally against_brute_force(const Policy& policy, std::uint64_t seeds, const Admits& admits) {
    tally all;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        CAPTURE(seed);
        const small_gang in = small_gang::make(seed);
        const bool possible = exists(in, admits);
        std::vector<task_index> tasks(in.work.task_count());
        for (std::size_t t = 0; t < tasks.size(); ++t) tasks[t] = task_index{t};
        xoshiro256 g{seed};
        for (int order = 0; order < 2; ++order) {
            auto placer = policy.start(problem{in.machines, in.work});
            const gang_placement found = placer.place_gang(tasks, {.min_tasks = in.least, .same_model = in.same_model});
            check_slots(in, tasks, found, placer.ledger());
            REQUIRE(found.slots.size() == tasks.size());
            if (found.outcome != gang_outcome::undecided) REQUIRE(found.placed() == possible);
            (found.placed() ? all.placed : found.outcome == gang_outcome::absent ? all.absent : all.undecided) += 1;
            all.searched += found.steps > 0 ? 1 : 0;
            shuffle(g, std::span{tasks});
        }
    }
    return all;
}

struct odd_nodes {
    static constexpr score_scope scope = score_scope::shape;
    double operator()(const candidate& c) const { return c.node.index.value() % 2 == 1 ? 1.0 : not_admitted; }
};

constexpr auto anywhere = [](const slot&) { return true; };

}  // namespace

TEST_CASE("a gang is placed, or proven absent, as brute force says, in whatever order its members are listed") {
    const auto check = [](const auto& policy, std::uint64_t seeds) {
        const tally all = against_brute_force(policy, seeds, anywhere);
        CHECK(all.placed > seeds / 4);
        CHECK(all.absent > seeds / 4);
        CHECK(all.undecided == 0);
        CHECK(all.searched > seeds / 60);
    };
    check(greedy{random_score{1}, random_gpu{1}}, 2500);  // often needs the search
    check(greedy{best_fit{}}, 200);
    check(greedy{scarcity{}}, 100);
    check(greedy{fgd{}}, 100);
    check(greedy{best_fit{}}.exhaustive(), 100);
    check(greedy{[](const candidate& c) { return static_cast<double>(c.node.free_cpu()); }}, 100);
}

TEST_CASE("slots that the policy refuses are not used, and refusals prove absence only if they last") {
    // Even nodes are refused: by a score that looks at the node only, and by one that might look at anything.
    const auto on_odd = [](const slot& where) { return where.node.value() % 2 == 1; };
    const tally lasting = against_brute_force(greedy{odd_nodes{}}, 500, on_odd);
    CHECK(lasting.placed > 50);
    CHECK(lasting.absent > 50);
    CHECK(lasting.undecided == 0);
    const tally open = against_brute_force(
        greedy{[](const candidate& c) { return c.node.index.value() % 2 == 1 ? 1.0 : not_admitted; }}, 500, on_odd);
    CHECK(open.placed == lasting.placed);
    CHECK(open.undecided > 0);
    CHECK(open.absent + open.undecided == lasting.absent);

    // A selection that gives GPU 0 to nobody, whatever is offered.
    const auto not_the_first = [](const node_view&, const demand_view& demand, gpu_mask fitting) {
        fitting &= ~gpu_mask{1};
        gpu_mask picked = 0;
        for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) picked |= fitting & (~fitting + 1);
        return picked;
    };
    const tally spared = against_brute_force(greedy{best_fit{}, not_the_first}, 500,
                                             [](const slot& where) { return (where.gpus & 1U) == 0; });
    CHECK(spared.placed > 50);
    CHECK(spared.undecided == 0);
}

namespace {

struct gang_case {
    fleet machines;
    workload work;

    [[nodiscard]] std::vector<task_index> members() const {
        std::vector<task_index> all(work.task_count());
        for (std::size_t t = 0; t < all.size(); ++t) all[t] = task_index{t};
        return all;
    }
};

gang_case of_models(const std::vector<std::string_view>& models, std::size_t tasks, bool same_model,
                    std::size_t least = 0) {
    fleet_builder builder{{}};
    for (const std::string_view model : models) {
        const gpu_description gpu[] = {{.model = model}};
        (void)need(builder.add_node({.gpus = gpu}));
    }
    fleet machines = need(std::move(builder).build());
    workload_builder workers{machines};
    const std::string_view accepted[] = {"A100", "H100"};
    for (std::size_t i = 0; i < tasks; ++i) {
        (void)need(workers.add_task(
            {.accepted_models = accepted, .same_model = same_model, .group = "job", .gang = true, .min_tasks = least}));
    }
    workload work = need(std::move(workers).build());
    return {std::move(machines), std::move(work)};
}

}  // namespace

TEST_CASE("a gang of one model, of those that have enough") {
    const gang_case four = of_models({"A100", "A100", "H100", "H100", "H100", "H100"}, 4, true);
    const plan all = greedy{first_fit{}}.run(problem{four.machines, four.work});
    for (std::size_t t = 0; t < 4; ++t) CHECK(all.assignment[t].node.value() == t + 2);
    // Without the wish, two of each.
    const gang_case any = of_models({"A100", "A100", "H100", "H100", "H100", "H100"}, 4, false);
    CHECK(greedy{first_fit{}}.run(problem{any.machines, any.work}).assignment[0].node.value() == 0);

    const gang_case five = of_models({"A100", "A100", "H100", "H100", "H100", "H100"}, 5, true);
    auto placer = greedy{first_fit{}}.start(problem{five.machines, five.work});
    const gang_placement none = placer.place_gang(five.members(), {.same_model = true});
    CHECK(none.outcome == gang_outcome::absent);
    CHECK(std::string{to_string(none.outcome)} == "proven absent");
    // A model that both accept is in no fleet.
    const gang_case gone = of_models({"T4", "T4"}, 1, true);
    CHECK(greedy{first_fit{}}
              .start(problem{gone.machines, gone.work})
              .place_gang(gone.members(), {.same_model = true})
              .outcome == gang_outcome::absent);
}

TEST_CASE("an elastic gang starts with fewer tasks, the others are added later") {
    const gang_case in = of_models({"A100", "A100", "A100"}, 5, false, 3);
    const problem p{in.machines, in.work};
    const plan batch = greedy{first_fit{}}.run(p, arrival_order{}, {}, explain_left_out::yes);
    CHECK(batch.counters.placed == 3);
    CHECK(batch.left_out == std::vector<task_index>{task_index{3}, task_index{4}});
    CHECK(batch.explanations[0][refusal::whole_gpus] == 3);
    CHECK(batch.undecided_gangs.empty());

    auto placer = greedy{first_fit{}}.start(p);
    CHECK(placer.place_gang(in.members(), {.min_tasks = 4}).outcome == gang_outcome::absent);
    const gang_placement some = placer.place_gang(in.members(), {.min_tasks = 2});
    CHECK(some.placed());
    CHECK(some.slots[2].placed());
    CHECK(!some.slots[3].placed());
    placer.remove(task_index{0}, some.slots[0]);
    CHECK(placer.place(task_index{3}) == some.slots[0]);
    // More than there are is all.
    CHECK(placer.place_gang(in.members(), {.min_tasks = 9}).outcome == gang_outcome::absent);
}

TEST_CASE("the best place in turn fails, another combination does not") {
    // Two nodes of 6 and 4 CPU: only 3 + 3 and 2 + 2 fits. A score that likes the fuller node puts the first 3 with the
    // 4, as listed here and with the largest first.
    const auto machines = hand_fleet({{{1000}, 6}, {{1000}, 4}});
    const auto work = hand_workload(
        machines, {{.gpus = 0, .cpu = 2}, {.gpus = 0, .cpu = 3}, {.gpus = 0, .cpu = 3}, {.gpus = 0, .cpu = 2}});
    const problem p{machines, work};
    std::vector<task_index> tasks{task_index{1}, task_index{0}, task_index{2}, task_index{3}};
    const auto small_first = [](const candidate& c) { return -static_cast<double>(c.node.free_cpu()); };
    auto without = greedy{small_first}.start(p);
    CHECK(without.place_gang(tasks, {.max_steps = 0}).outcome == gang_outcome::undecided);
    std::sort(tasks.begin(), tasks.end());
    do {
        auto placer = greedy{small_first}.start(p);
        const auto slots = placer.place_all(tasks);
        REQUIRE(slots.has_value());
        CHECK(placer.ledger().free(node_index{0})[0] == 0);
        CHECK(placer.ledger().free(node_index{1})[0] == 0);
    } while (std::next_permutation(tasks.begin(), tasks.end()));

    // By shapes; and a shape that does not exist.
    auto placer = greedy{small_first}.start(p);
    const std::vector<shape_index> shapes{work.shape(task_index{0}), work.shape(task_index{1}),
                                          work.shape(task_index{1}), work.shape(task_index{0})};
    auto by_shapes = greedy{best_fit{}}.start(p);
    CHECK(by_shapes.place_all(shapes).has_value());
    CHECK(!by_shapes.place_all(std::vector{shape_index{7}}).has_value());
    CHECK(by_shapes.place_gang(std::vector{shape_index{7}}).slots == std::vector<slot>{unplaced});
    // A closed node is not used.
    CHECK(placer.close(node_index{1}));
    CHECK(placer.place_gang(tasks).outcome == gang_outcome::absent);
}

TEST_CASE("a large gang: found in turn, and absence proven by counting") {
    std::vector<hand_node> nodes(1000, hand_node{{1000, 1000, 1000, 1000}, 64});
    const auto machines = hand_fleet(nodes);
    const auto work = hand_workload(machines, {{.gpus = 4, .share = 1000, .cpu = 8, .copies = 64},
                                               {.gpus = 1, .share = 500, .cpu = 8, .copies = 400}});
    auto placer = greedy{best_fit{}}.start(problem{machines, work});
    std::vector<task_index> gang(64);
    for (std::size_t t = 0; t < gang.size(); ++t) gang[t] = task_index{t};
    const gang_placement found = placer.place_gang(gang);
    CHECK(found.placed());
    CHECK(found.steps == 0);
    const std::vector<task_index> too_many(1001 - 64, task_index{0});
    CHECK(placer.place_gang(too_many).outcome == gang_outcome::absent);
    CHECK(placer.place_gang(std::span{too_many}.first(936)).placed());
    // A stop ends the search, not the attempts in turn; here none of them is needed.
    struct stopped {
        [[nodiscard]] bool stop_requested() const { return true; }
    };
    CHECK(placer.place_gang(too_many, {}, run_control<stopped>{}).outcome == gang_outcome::absent);
}

namespace {

/// Throws at the n-th call, from the evaluation or from `on_place`.
struct failing_score {
    struct trouble {};
    int* calls_left;
    bool in_on_place;

    double operator()(const candidate& c) const {
        if (!in_on_place) count();
        return -static_cast<double>(c.node.index.value());
    }
    void on_place(const candidate&) const {
        if (in_on_place) count();
    }
    void on_remove(const candidate&) const {}
    void count() const {
        if (--*calls_left == 0) throw trouble{};
    }
};

}  // namespace

TEST_CASE("an exception in the middle of placing a gang leaves nothing in the ledger") {
    const auto machines = hand_fleet({{{1000}, 6}, {{1000}, 4}});
    const auto work = hand_workload(
        machines, {{.gpus = 0, .cpu = 2, .copies = 3}, {.gpus = 1, .share = 500, .cpu = 3}, {.gpus = 0, .cpu = 1}});
    const std::vector<task_index> tasks{task_index{0}, task_index{1}, task_index{2}, task_index{3}, task_index{4}};
    for (const bool in_on_place : {false, true}) {
        int calls_left = 0;
        int thrown = 0;
        for (int calls = 1; calls < 60; ++calls) {
            auto placer = greedy{failing_score{&calls_left, in_on_place}}.start(problem{machines, work});
            calls_left = 0;
            REQUIRE(placer.place(task_index{4}).placed());
            const ledger before = placer.ledger();
            calls_left = calls;
            try {
                (void)placer.place_gang(tasks, {.min_tasks = 5});
            } catch (const failing_score::trouble&) {
                ++thrown;
                REQUIRE(placer.ledger() == before);
                REQUIRE(placer.ledger().depth() == 0);
            }
        }
        CHECK(thrown > 5);
        CHECK(thrown < 59);
    }
}
