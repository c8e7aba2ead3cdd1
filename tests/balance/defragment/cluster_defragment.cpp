// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/cluster_defragment.hpp"

#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "balance/defragment/tight_fleets.hpp"
#include "common/cluster_of.hpp"
#include "common/random_events.hpp"
#include "common/small_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace berth;
using berth_test::check_sound;
using berth_test::gpus_of;
using berth_test::make_tight;
using berth_test::need;
using berth_test::node_spec;
using berth_test::on_node;
using berth_test::random_events;
using berth_test::tight_fleet;

namespace {

/// A cluster of the nodes and tasks of a fleet, at the same positions.
void enter(cluster& c, const tight_fleet& f) {
    berth_test::join_all(c, f.machines);
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        const task_handle task = berth_test::admit_copy(c, f.work, task_index{t});
        REQUIRE(task.position() == t);
        if (f.initial[t].placed()) REQUIRE(c.occupy(task, f.initial[t]));
    }
}

void check_equal(const eviction_plan& a, const eviction_plan& b) {
    CHECK(a.outcome == b.outcome);
    CHECK(a.where == b.where);
    CHECK(a.plan == b.plan);
    CHECK(a.fragmentation == b.fragmentation);
    CHECK(a.proven == b.proven);
}

/// Carries a plan out by events, step by step with both ends held, and places the task. Returns the first fault.
std::string fault_on(cluster& c, task_handle task, const eviction_plan& r) {
    for (std::size_t w = 0; w < r.plan.wave_count(); ++w) {
        for (const migration_step& s : r.plan.wave(w)) {
            if (c.slots()[s.task.value()] != s.from) return "a step starts elsewhere";
            const group_index group = c.workload().group(s.task);
            const bool gang = group.valid() && c.workload().is_gang(group);
            if (!s.to.placed()) {
                if (gang) return "a task of a gang is parked";
                continue;
            }
            if (gang && c.workload().same_model(group) && s.to.gpus != 0) {
                const auto model = [&](const slot& at) {
                    return c.fleet().model(c.fleet().gpu(at.node, lowest_gpu(at.gpus)));
                };
                if (model(s.from) != model(s.to)) return "a gang has GPUs of two models";
            }
            if (!(s.from.placed() ? c.begin_move(s.task, s.to) : c.place(s.task, s.to))) return "a target refuses";
        }
        for (const migration_step& s : r.plan.wave(w)) {
            if (!s.from.placed()) continue;
            if (!(s.to.placed() ? c.finish_move(s.task) : c.release(s.task))) return "a step does not end";
        }
    }
    return c.place(task, r.where) ? "" : "the task does not fit";
}

/// The slots of all tasks, and the free amounts.
bool same_state(const cluster& a, const cluster& b) {
    for (std::size_t t = 0; t < a.slots().size(); ++t) {
        if (a.slots()[t] != b.slots()[t] || a.targets()[t] != b.targets()[t]) return false;
    }
    return a.ledger().counters().size() == b.ledger().counters().size() &&
           std::equal(a.ledger().counters().begin(), a.ledger().counters().end(), b.ledger().counters().begin());
}

/// Nodes of one GPU each, with tasks of 400, 300, ... thousandths.
struct lone_gpus {
    cluster c{{.gpu = {"share"}, .node = {}, .domain = {}}};
    std::vector<task_handle> tasks;

    explicit lone_gpus(std::size_t nodes) {
        for (std::size_t n = 0; n < nodes; ++n) join("n" + std::to_string(n));
    }
    node_handle join(const std::string& name, std::string_view model = "A100") {
        return need(c.join(*node_spec{.name = name, .gpus = gpus_of(1, model)}));
    }
    task_handle admit(amount share, std::string_view gang = {}, bool same_model = false) {
        const amount wanted[] = {share};
        return need(c.admit(task_description{.gpu_demand = wanted,
                                             .same_model = same_model,
                                             .group = gang,
                                             .gang = !gang.empty(),
                                             .min_tasks = gang.empty() ? 0U : 1U}));
    }
    task_handle run(amount share, std::size_t node, std::string_view gang = {}, bool same_model = false) {
        const task_handle task = admit(share, gang, same_model);
        REQUIRE(c.occupy(task, on_node(node, 1)));
        return task;
    }
};

}  // namespace

TEST_CASE("cluster_defragment: plans are those of the form on a problem") {
    std::size_t evicted = 0;
    for (const auto& shape : {berth_test::plain, berth_test::with_gangs, berth_test::with_domains}) {
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            CAPTURE(seed);
            CAPTURE(shape.domains);
            const tight_fleet f = make_tight(seed, shape);
            const defragment how{{.max_steps = 4, .park = true, .step_cost = seed % 5 == 0 ? 100.0 : 0.0}};
            cluster c{f.machines.schema()};
            enter(c, f);
            auto room = how.start(c);
            std::size_t asked = 0;
            for (std::size_t t = f.initial.size(); t-- > 0 && asked < 4;) {
                if (f.initial[t].placed()) continue;
                ++asked;
                const task_handle task = c.handle(task_index{t});
                const eviction_plan answer = room.make_room(task);
                auto expected = how.start(f.problem());
                for (std::size_t u = 0; u < f.initial.size(); ++u) {
                    if (c.slots()[u].placed()) REQUIRE(expected.occupy(task_index{u}, c.slots()[u]));
                }
                const eviction_plan by_problem = expected.make_room(task_index{t});
                check_equal(answer, by_problem);
                if (answer.placed()) CHECK(answer.evaluations == by_problem.evaluations);
                check_equal(room.make_room(c.handle(c.workload().shape(task_index{t}))), answer);
                evicted += answer.outcome == eviction_outcome::evicted ? 1 : 0;
                if (answer.outcome != eviction_outcome::evicted) continue;
                CHECK(room.carry_out(task, answer));
                CHECK(expected.carry_out(task_index{t}, answer));
                CHECK(std::equal(c.slots().begin(), c.slots().end(), expected.slots().begin()));
                check_sound(c);
            }
        }
    }
    CHECK(evicted > 20);
}

TEST_CASE(
    "cluster_defragment: after any events it answers like one that is started now, and plans can be carried out") {
    std::size_t evicted = 0;
    std::size_t parked = 0;
    std::size_t below_zero = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        random_events events{seed};
        cluster c{events.schema()};
        events.add_domains(c);
        xoshiro256 g{seed};
        const defragment how{{.max_steps = 4, .park = true, .max_evaluations = 3000}};
        auto room = how.start(
            c, cluster_defragment_options{.table_bytes = seed % 2 == 0 ? 4096U : 1U << 20U, .mix_tolerance = 0.0});
        for (int round = 0; round < 60; ++round) {
            CAPTURE(round);
            for (int i = 0; i < 12; ++i) events.step(c);
            std::vector<task_handle> waiting;
            for (std::size_t t = 0; t < c.slots().size(); ++t) {
                if (c.workload().present(task_index{t}) && !c.slots()[t].placed())
                    waiting.push_back(c.handle(task_index{t}));
            }
            if (waiting.empty()) continue;
            for (const amount left : c.ledger().counters()) below_zero += left < 0 ? 1 : 0;
            task_handle task;
            eviction_plan answer;
            for (int tried = 0; tried < 3 && answer.outcome != eviction_outcome::evicted; ++tried) {
                task = waiting[berth_test::below(g, waiting.size())];
                answer = room.make_room(task);
            }
            cluster copy{c};
            REQUIRE(same_state(copy, c));
            auto fresh = how.start(copy, cluster_defragment_options{.mix_tolerance = 0.0});
            check_equal(answer, fresh.make_room(task));
            if (!answer.placed()) continue;
            REQUIRE(fault_on(copy, task, answer) == "");
            for (std::size_t t = 0; t < copy.slots().size(); ++t) {
                if (c.slots()[t].placed()) REQUIRE(copy.slots()[t].placed());
                if (c.targets()[t].placed()) REQUIRE(copy.targets()[t] == c.targets()[t]);
            }
            cluster at_once{c};
            auto other = how.start(at_once);
            REQUIRE(other.carry_out(task, answer));
            CHECK(same_state(at_once, copy));
            check_sound(at_once);
            CHECK_FALSE(other.carry_out(task, answer));
            evicted += answer.outcome == eviction_outcome::evicted ? 1 : 0;
            parked += answer.plan.extra_steps;
            if (round % 2 == 0) CHECK(room.carry_out(task, answer));
        }
    }
    CHECK(evicted > 20);
    CHECK(parked > 0);
    CHECK(below_zero > 20);
}

TEST_CASE("cluster_defragment: a plan is for migration_run, after which the task has its place") {
    std::size_t runs = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, berth_test::plain);
        cluster c{f.machines.schema()};
        enter(c, f);
        const task_handle task = c.handle(f.waiting);
        auto room = defragment{{.max_steps = 6, .park = true}}.start(c);
        const eviction_plan answer = room.make_room(task);
        if (answer.outcome != eviction_outcome::evicted) continue;
        cluster at_once{c};
        REQUIRE(defragment{}.start(at_once).carry_out(task, answer));
        simulated_executor<> executor{c};
        migration_run run = start_migration(c, answer.plan, seed);
        double now = 0.0;
        while (run.advance(executor, now)) now = std::max(now, std::min(executor.next_event(), run.wake_at()));
        CHECK(executor.violations() == 0);
        CHECK(c.place(task, answer.where));
        CHECK(same_state(c, at_once));
        CHECK(room.make_room(task).outcome == eviction_outcome::not_waiting);
        ++runs;
    }
    CHECK(runs > 3);
}

TEST_CASE("cluster_defragment: late and wrong plans, tasks and demands are refused, and change nothing") {
    lone_gpus f{3};
    const task_handle a = f.run(600, 0);
    (void)f.run(900, 1);
    const task_handle b = f.run(400, 2);
    const task_handle waits = f.admit(900);
    auto room = defragment{}.start(f.c);
    const eviction_plan plan = room.make_room(waits);
    REQUIRE(plan.outcome == eviction_outcome::evicted);
    REQUIRE(plan.plan.steps.size() == 1);
    REQUIRE(plan.tasks.size() == 1);
    REQUIRE(plan.nodes.size() == 2);
    CHECK(f.c.find(plan.tasks[0]) == plan.plan.steps[0].task);
    CHECK((plan.tasks[0] == a || plan.tasks[0] == b));

    const auto refused = [&](task_handle task, const eviction_plan& wrong) {
        const cluster before{f.c};
        CHECK_FALSE(room.carry_out(task, wrong));
        CHECK_FALSE(room.carry_out(shape_handle{99, 1}, wrong));
        CHECK(same_state(before, f.c));
        check_sound(f.c);
    };
    for (const task_handle wrong : {a, task_handle{}, task_handle{77, 1}}) {
        CHECK(room.make_room(wrong).outcome == eviction_outcome::not_waiting);
        refused(wrong, plan);
    }
    CHECK(room.make_room(shape_handle{}).outcome == eviction_outcome::not_waiting);
    CHECK(room.make_room(shape_handle{99, 1}).outcome == eviction_outcome::not_waiting);
    refused(waits, {});
    eviction_plan wrong = plan;
    wrong.tasks.clear();
    refused(waits, wrong);
    wrong = plan;
    wrong.tasks[0] = waits;
    refused(waits, wrong);
    wrong = plan;
    wrong.nodes[0] = {};
    refused(waits, wrong);
    wrong = plan;
    wrong.where = on_node(99, 1);
    refused(waits, wrong);
    wrong = plan;
    wrong.where = on_node(1, 1);  // full
    wrong.nodes[1] = f.c.handle(node_index{1});
    refused(waits, wrong);
    wrong = plan;
    wrong.plan.steps[0].from = on_node(1, 1);
    refused(waits, wrong);
    wrong = plan;
    wrong.plan.steps[0].to = unplaced;
    wrong.plan.steps[0].from = unplaced;
    refused(waits, wrong);
    wrong = plan;
    wrong.plan.wave_ends = {2};
    refused(waits, wrong);
    wrong.plan.wave_ends.clear();
    refused(waits, wrong);
    wrong = plan;  // a task twice
    wrong.plan.steps.push_back(wrong.plan.steps[0]);
    wrong.plan.wave_ends = {2};
    wrong.tasks.push_back(wrong.tasks[0]);
    wrong.nodes.insert(wrong.nodes.begin(), wrong.nodes[0]);
    refused(waits, wrong);

    // Another task of the same demand in the same slot, at the same position.
    const slot from = plan.plan.steps[0].from;
    const amount share = plan.tasks[0] == a ? 600 : 400;
    REQUIRE(f.c.retire(plan.tasks[0]));
    const task_handle other = f.run(share, from.node.value());
    REQUIRE(other.position() == plan.tasks[0].position());
    refused(waits, plan);
    eviction_plan again = room.make_room(waits);
    CHECK(again.plan == plan.plan);
    // Another node at the position of the target.
    const node_index target = again.plan.steps[0].to.node;
    const eviction_plan late = again;
    REQUIRE(f.c.leave(f.c.handle(target)));
    REQUIRE(f.join("other").position() == target.value());
    CHECK(room.make_room(waits).outcome == eviction_outcome::fits);
    refused(waits, late);
    const eviction_plan fits = room.make_room(waits);
    CHECK(fits.plan.steps.empty());
    CHECK(fits.nodes.size() == 1);
    CHECK(room.carry_out(waits, fits));
    CHECK(f.c.where(waits) == fits.where);
    CHECK(room.make_room(waits).outcome == eviction_outcome::not_waiting);
    refused(waits, fits);
}

TEST_CASE("cluster_defragment: demands and tasks of own types, the room is reserved") {
    lone_gpus f{2};
    (void)f.run(400, 0);
    (void)f.run(300, 1);
    auto room = defragment{}.start(f.c);
    struct job {
        int gpus = 1;
        int gpu_demand = 700;
    };
    const auto answer = room.make_room(job{.gpu_demand = 800});
    REQUIRE(answer);
    CHECK(answer->outcome == eviction_outcome::evicted);
    CHECK(room.make_room(job{.gpu_demand = 1001}).value().outcome == eviction_outcome::no_node);
    CHECK_FALSE(room.make_room(job{.gpus = 65}));
    const shape_handle shape = f.c.shape_of(job{.gpu_demand = 800}).value();
    const auto reserved = room.carry_out(shape, *answer);
    REQUIRE(reserved);
    CHECK(f.c.where(*reserved) == answer->where);
    check_sound(f.c);
    // What is reserved stays.
    CHECK(room.make_room(job{}).value().outcome == eviction_outcome::not_found);
    CHECK_FALSE(room.carry_out(shape, *answer));
    CHECK(f.c.release(*reserved));
    CHECK(room.make_room(job{}).value().outcome == eviction_outcome::fits);
}

TEST_CASE("cluster_defragment: a task that moves holds both ends, and becomes movable again where its move ends") {
    lone_gpus f{3};
    const task_handle a = f.run(500, 0);
    const task_handle b = f.run(500, 1);
    (void)f.run(200, 2);
    const task_handle waits = f.admit(900);
    auto room = defragment{}.start(f.c);
    CHECK(room.make_room(waits).outcome == eviction_outcome::evicted);
    REQUIRE(f.c.begin_move(a, on_node(1, 1)));
    const eviction_plan answer = room.make_room(waits);  // the 200 goes beside a
    CHECK(answer.outcome == eviction_outcome::evicted);
    for (const task_handle t : answer.tasks) CHECK(t != a);
    REQUIRE(f.c.begin_move(b, on_node(2, 1)));
    CHECK(room.make_room(waits).outcome == eviction_outcome::not_found);  // every GPU holds 500 of one that moves
    REQUIRE(f.c.cancel_move(a));
    REQUIRE(f.c.cancel_move(b));
    const eviction_plan both = room.make_room(waits);
    cluster copy{f.c};
    auto fresh = defragment{}.start(copy);
    check_equal(both, fresh.make_room(waits));
    REQUIRE(room.carry_out(waits, both));
    check_sound(f.c);
}

TEST_CASE("cluster_defragment: a node with less capacity than runs there gets nothing until it is relieved") {
    cluster c{{.gpu = {"share"}, .node = {"memory"}, .domain = {}}};
    const auto n0 = need(c.join(*node_spec{.name = "n0", .capacity = {64}, .gpus = gpus_of(2)}));
    (void)need(c.join(*node_spec{.name = "n1", .capacity = {64}, .gpus = gpus_of(2)}));
    const auto admit = [&](amount memory, amount share) {
        const amount host[] = {memory};
        const amount wanted[] = {share};
        return need(c.admit(task_description{.gpu_demand = wanted, .node_demand = host}));
    };
    const auto a = admit(30, 300);
    const auto b = admit(30, 300);
    REQUIRE(c.occupy(a, on_node(0, 1)));
    REQUIRE(c.occupy(b, on_node(0, 2)));
    REQUIRE(c.change(n0, *node_spec{.capacity = {48}, .gpus = gpus_of(2)}));
    REQUIRE(c.ledger().free(node_index{0})[0] == -12);
    auto room = defragment{}.start(c);
    // 18 are free on n0 once one of the two has left; 64 on n1, where nothing has to leave.
    const auto whole = admit(50, 1000);
    CHECK(room.make_room(whole).where.node == node_index{1});
    REQUIRE(c.place(whole, on_node(1, 1)));
    const auto small = admit(18, 100);
    CHECK(room.make_room(small).outcome == eviction_outcome::not_found);  // 14 are free on n1: nobody goes there
    REQUIRE(c.retire(whole));
    const auto pinned = admit(20, 1000);
    REQUIRE(c.place(pinned, on_node(1, 2)));
    const auto large = admit(40, 200);
    const eviction_plan direct = room.make_room(large);
    CHECK(direct.outcome == eviction_outcome::fits);
    REQUIRE(c.place(large, on_node(1, 1)));
    CHECK(room.make_room(small).outcome == eviction_outcome::not_found);
    REQUIRE(c.retire(pinned));
    const auto three = admit(24, 900);  // nowhere: -12 and 24 free, the GPU of n1 that has 24 is free
    CHECK(room.make_room(three).outcome == eviction_outcome::fits);
    REQUIRE(c.retire(large));
    // Of 64 on n1: one of the two goes there; 18 are free on n0 then, and 34 on n1.
    const auto needs_n0 = admit(18, 800);
    const auto fills_n1 = admit(0, 1000);
    const auto fills_too = admit(0, 600);
    REQUIRE(c.place(fills_n1, on_node(1, 1)));
    REQUIRE(c.place(fills_too, on_node(1, 2)));
    const eviction_plan relief = room.make_room(needs_n0);
    REQUIRE(relief.outcome == eviction_outcome::evicted);
    CHECK(relief.where.node == node_index{0});
    CHECK(room.carry_out(needs_n0, relief));
    CHECK(c.ledger().free(node_index{0})[0] == 0);
    check_sound(c);
}

TEST_CASE("cluster_defragment: gangs keep their GPU model and are never parked") {
    lone_gpus f{0};
    (void)f.join("a0", "A100");
    (void)f.join("a1", "A100");
    (void)f.join("h0", "H100");
    (void)f.join("h1", "H100");
    const task_handle first = f.run(600, 0, "gang", true);
    (void)f.run(600, 1, "gang", true);
    (void)f.run(300, 2);
    (void)f.run(900, 3);
    auto room = defragment{}.start(f.c);
    // 700 would fit on A100 if a task of the gang went to h0, which has 700 free; the 300 has nowhere to go but a0, a1.
    const task_handle waits = f.admit(800);
    const eviction_plan answer = room.make_room(waits);
    REQUIRE(answer.outcome == eviction_outcome::evicted);
    CHECK(answer.where.node == node_index{2});
    const task_handle later = f.admit(200, "gang", true);  // 700 is free on h0, 400 on a0 and a1
    CHECK(room.make_room(later).where.node.value() < 2);
    CHECK(room.make_room(f.admit(200)).placed());
    const task_handle wide = f.admit(500, "gang", true);  // 700 on h0 is of no use
    const eviction_plan none = room.make_room(wide);
    CHECK(none.outcome == eviction_outcome::not_found);
    CHECK(room.make_room(f.admit(500)).where.node == node_index{2});
    // An H100 only, in a gang that has A100.
    const amount share[] = {100};
    const std::string_view accepted[] = {"H100"};
    const auto stranger = need(f.c.admit(task_description{.gpu_demand = share,
                                                          .accepted_models = accepted,
                                                          .same_model = true,
                                                          .group = "gang",
                                                          .gang = true,
                                                          .min_tasks = 1}));
    const eviction_plan nowhere = room.make_room(stranger);
    CHECK(nowhere.outcome == eviction_outcome::no_node);
    CHECK_FALSE(room.carry_out(stranger, nowhere));
    CHECK(f.c.state(first) == task_state::running);

    // 300 and 400 have to trade GPUs: one of them waits in host memory, unless they are of a gang.
    for (const bool gang : {false, true}) {
        lone_gpus trade{2};
        for (const amount size : {600, 300}) (void)trade.run(size, 0, gang ? "gang" : "");
        for (const amount size : {500, 400}) (void)trade.run(size, 1, gang ? "gang" : "");
        const eviction_plan parked =
            defragment{{.max_steps = 4, .park = true}}.start(trade.c).make_room(trade.admit(200));
        CHECK(parked.placed() == !gang);
        CHECK(parked.plan.extra_steps == (gang ? 0 : 1));
    }
}

TEST_CASE("cluster_defragment: a policy that throws leaves nothing behind, nor does a plan that is taken back") {
    std::size_t thrown = 0;
    std::size_t entered = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, berth_test::with_domains);
        cluster c{f.machines.schema()};
        enter(c, f);
        std::size_t left = 0;
        const auto movable = [&left](const task_move&) {
            if (left > 0 && --left == 0) throw 1;
            return true;
        };
        const defragment how{{.max_steps = 4, .park = true}, expected_fragmentation_cost{}, movable};
        auto room = how.start(c);
        auto fresh = how.start(c);
        const eviction_plan expected = fresh.make_room(c.handle(f.waiting));
        for (const std::size_t last : {1U, 2U, 5U, 30U, 200U}) {
            left = last;
            try {
                (void)room.make_room(c.handle(f.waiting));
            } catch (int) { ++thrown; }
            left = 0;
            check_equal(room.make_room(c.handle(f.waiting)), expected);
        }
        for (const std::size_t closed : {c.fleet().node_count(), std::size_t{0}}) {
            // Later nodes take nothing, so that a plan is refused on its way.
            for (std::size_t n = closed; n < c.fleet().node_count(); n += 2)
                (void)c.set_open(c.handle(node_index{n}), false);
            const cluster before{c};
            {
                berth::detail::plan_entry entry{c, expected};
                entered += entry.enter() ? expected.plan.steps.size() : 0;
            }
            CHECK(same_state(before, c));
            check_sound(c);
        }
    }
    CHECK(thrown > 5);
    CHECK(entered > 5);
}

TEST_CASE("cluster_defragment: what a question finds does not depend on the memory for it, nor on a cost that is old") {
    random_events events{40};
    cluster c{events.schema()};
    events.add_domains(c);
    const defragment how{{.max_steps = 3}};
    auto small = how.start(c, cluster_defragment_options{.table_bytes = 1});
    auto large = how.start(c);
    const workload mix = workload_builder{c.fleet()}.build().value();
    auto given = how.start(c, cluster_defragment_options{}, &mix);
    for (int i = 0; i < 300; ++i) {
        events.step(c);
        if (i % 10 != 0) continue;
        for (std::size_t t = 0; t < c.slots().size(); ++t) {
            if (!c.workload().present(task_index{t}) || c.slots()[t].placed()) continue;
            const task_handle task = c.handle(task_index{t});
            check_equal(small.make_room(task), large.make_room(task));
            CHECK(given.make_room(task).outcome == large.make_room(task).outcome);
            break;
        }
    }
    CHECK(small.preparations() == large.preparations());
    CHECK(large.table_bytes() > 1);
    CHECK(small.table_bytes() < large.table_bytes());
}

TEST_CASE("cluster_defragment: a demand that takes the position of one that went is another one") {
    lone_gpus f{3};
    (void)f.run(600, 0);
    (void)f.run(900, 1);
    (void)f.run(400, 2);
    auto room = defragment{}.start(f.c);
    const auto demand_of = [&](amount share) {
        const amount wanted[] = {share};
        return f.c.shape_of(demand_view{.gpu = wanted, .gpus = 1}).value();
    };
    const shape_handle before = demand_of(890);
    CHECK(room.make_room(before).outcome == eviction_outcome::evicted);
    CHECK(room.make_room(demand_of(1000)).outcome == eviction_outcome::evicted);
    for (amount share = 1; share < 1200; ++share) (void)demand_of(2000 + share);  // unused demands go
    const shape_handle after = demand_of(100);
    REQUIRE_FALSE(f.c.find(before));
    for (std::size_t s = 0; s < f.c.workload().shape_count(); s += 7) {
        cluster copy{f.c};
        auto fresh = defragment{}.start(copy);
        const shape_handle shape = f.c.handle(shape_index{s});
        check_equal(room.make_room(shape), fresh.make_room(shape));
    }
    // What has its position now is not what was asked about.
    CHECK(room.make_room(before).outcome == eviction_outcome::not_waiting);
    CHECK_FALSE(room.carry_out(before, room.make_room(after)));
    check_equal(room.make_room(after), defragment{}.start(f.c).make_room(after));
}

TEST_CASE("cluster_defragment: tasks keep the alternative that they run with, and one may get room") {
    lone_gpus f{2};
    const amount own[] = {1000};
    const amount less[] = {300};
    const auto admit = [&] {
        const alternative_description others[] = {{.gpu_demand = less, .speed = 0.5}};
        return need(f.c.admit(task_description{.gpu_demand = own, .alternatives = others}));
    };
    (void)f.run(600, 0);
    const task_handle slow = admit();
    REQUIRE(f.c.occupy(slow, on_node(0, 1), 1));
    (void)f.run(500, 1);
    (void)f.run(400, 1);
    const task_handle waits = f.admit(200);
    auto room = defragment{{.max_steps = 4, .park = true}}.start(f.c);
    const eviction_plan parked = room.make_room(waits);  // 300 and 400 trade GPUs
    REQUIRE(parked.placed());
    CHECK(parked.plan.extra_steps == 1);
    {
        const cluster before{f.c};
        {
            berth::detail::plan_entry entry{f.c, parked};
            REQUIRE(entry.enter());
            CHECK(f.c.alternative(slow) == 1);
        }
        CHECK(same_state(before, f.c));
        CHECK(f.c.alternative(slow) == 1);
    }
    REQUIRE(room.carry_out(waits, parked));
    CHECK(f.c.alternative(slow) == 1);
    check_sound(f.c);

    (void)f.join("n2");
    (void)f.run(700, 2);
    const task_handle other = admit();
    CHECK_FALSE(room.make_room(other).placed());
    const auto shape = f.c.handle(f.c.alternatives(*f.c.find(other))[1].shape);
    REQUIRE(f.c.retire(waits));
    const eviction_plan smaller = room.make_room(shape);
    REQUIRE(smaller.placed());
    CHECK_FALSE(room.carry_out(other, smaller));
    CHECK_FALSE(room.carry_out(other, smaller, 2));
    CHECK(room.carry_out(other, smaller, 1));
    CHECK(f.c.alternative(other) == 1);
    check_sound(f.c);
}
