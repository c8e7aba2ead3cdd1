// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/scheduler.hpp"

#include "berth/queue/least_attained.hpp"
#include "berth/testing/check_cluster.hpp"
#include "berth/watch/fleet_watch.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using berth::decision_kind;

/// The decisions as words: kind, job, task, node.
template <class Engine>
std::vector<std::string> decided(Engine& engine, double time) {
    std::vector<std::string> all;
    const auto answer = engine.decide(time);
    REQUIRE(answer);
    for (const berth::decision& d : *answer) all.push_back(in_words(engine, d));
    CHECK(berth::check_cluster(engine.cluster()));
    return all;
}
using words = std::vector<std::string>;

}  // namespace

TEST_CASE("a job starts where it fits, waits with counted reasons, and starts when room comes") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 2);
    REQUIRE(engine.job(1.0, {.name = "a", .gpus = 2}));
    REQUIRE(engine.job(1.0, {.name = "b", .gpus = 2}));
    REQUIRE(engine.job(1.0, {.name = "c", .gpus = 1}));
    CHECK(decided(engine, 1.0) == words{"start a/0 n0", "start b/0 n1", "wait c gpu=2"});
    CHECK(decided(engine, 2.0).empty());
    CHECK(*engine.finish(3.0, "a"));
    CHECK(decided(engine, 3.0) == words{"start c/0 n0"});
    CHECK(engine.job_count() == 2);
    CHECK(engine.wake_at() == std::numeric_limits<double>::infinity());
}

TEST_CASE("a gang starts as a whole, a smaller one with its least, and grows") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 2);
    REQUIRE(engine.job(0.0, {.name = "one", .gpus = 1}));
    REQUIRE(engine.job(1.0, {.name = "gang", .task_count = 2, .gpus = 2}));
    REQUIRE(engine.job(2.0, {.name = "elastic", .task_count = 4, .min_tasks = 2, .gpus = 1}));
    CHECK(decided(engine, 2.0) ==
          words{"start one/0 n0", "start elastic/0 n0", "start elastic/1 n1", "start elastic/2 n1", "wait gang gpu=2"});
    CHECK(*engine.finish(3.0, "one"));
    CHECK(decided(engine, 3.0) == words{"start elastic/3 n0"});
    CHECK(*engine.finish(4.0, "elastic"));
    CHECK(decided(engine, 4.0) == words{"start gang/0 n0", "start gang/1 n1"});
}

TEST_CASE("a gang of one GPU model grows on that model alone, and so does one that lost a task") {
    berth::scheduler engine{};
    join(engine, {"a0", "a1"}, 1, "A100");
    REQUIRE(engine.job(0.0, {.name = "gang", .task_count = 3, .min_tasks = 2, .gpus = 1, .same_model = true}));
    CHECK(decided(engine, 0.0).size() == 2);
    join(engine, {"t0", "t1"}, 1, "T4");
    CHECK(decided(engine, 1.0) == words{});
    REQUIRE(engine.job(2.0, {.name = "other", .task_count = 2, .min_tasks = 1, .gpus = 1}));
    CHECK(decided(engine, 2.0) == words{"start other/0 t0", "start other/1 t1"});  // not held back by the gang
    CHECK(*engine.finish(3.0, "other"));
    REQUIRE(engine.node_gone(4.0, "a1"));
    const words lost = decided(engine, 4.0);
    REQUIRE_FALSE(lost.empty());
    CHECK(lost.front().starts_with("lost gang/1"));
    join(engine, {"a2", "a3"}, 1, "A100");
    CHECK(decided(engine, 5.0) == words{"start gang/1 a2", "start gang/2 a3"});
}

TEST_CASE("a demand that fits nowhere ever waits with reason never, and does not hold others back") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "huge", .gpus = 3}));
    REQUIRE(engine.job(0.0, {.name = "small", .gpus = 2}));
    CHECK(decided(engine, 0.0) == words{"start small/0 n0", "wait huge never=1 gpu=1"});
    CHECK(engine.explain(*engine.find_job("huge")).never());
}

TEST_CASE("strict order: what fits nowhere holds back all that come after it") {
    berth::scheduler engine{berth::scheduler_policies<>{}.with_order(berth::fifo{}), {}, {.pass_over = false}};
    join(engine, {"n0"}, 4);
    REQUIRE(engine.job(0.0, {.name = "a", .gpus = 3}));
    REQUIRE(engine.job(1.0, {.name = "b", .gpus = 2}));
    REQUIRE(engine.job(2.0, {.name = "c", .gpus = 1}));
    CHECK(decided(engine, 2.0) == words{"start a/0 n0", "wait b gpu=1"});
    CHECK(*engine.finish(3.0, "a"));
    CHECK(decided(engine, 3.0) == words{"start b/0 n0", "start c/0 n0"});
}

TEST_CASE("the order decides who goes first") {
    berth::scheduler engine{berth::scheduler_policies<>{}.with_order(berth::shortest_remaining{})};
    join(engine, {"n0"}, 1);
    REQUIRE(engine.job(0.0, {.name = "run", .terms = {.duration = 10.0}}));
    (void)decided(engine, 0.0);
    REQUIRE(engine.job(1.0, {.name = "unknown"}));
    REQUIRE(engine.job(2.0, {.name = "long", .terms = {.duration = 100.0}}));
    REQUIRE(engine.job(3.0, {.name = "short", .terms = {.work = 5.0}}));
    CHECK(decided(engine, 3.0) == words{"wait unknown gpu=1", "wait long gpu=1", "wait short gpu=1"});
    for (const std::string name : {"run", "short", "long"}) CHECK(*engine.finish(4.0, name));
    CHECK(decided(engine, 4.0) == words{"start unknown/0 n0"});
}

TEST_CASE("a drained node gives its tasks away in waves, and keeps what has no place") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 2);
    for (const char* name : {"a", "b", "c"}) REQUIRE(engine.job(0.0, {.name = name}));
    REQUIRE(decided(engine, 0.0).size() == 3);
    REQUIRE(engine.cluster().tasks_on(berth::node_index{0}).size() == 2);
    CHECK(*engine.drain(1.0, "n0"));
    CHECK_FALSE(*engine.drain(1.0, "n0"));
    CHECK(decided(engine, 1.0) == words{"move a/0 n0 n1 drain"});
    CHECK(*engine.finish(2.0, "c"));
    CHECK(decided(engine, 2.0) == words{"move b/0 n0 n1 drain"});
    CHECK(engine.counts().duplicates == 1);
    REQUIRE(engine.job(3.0, {.name = "d"}));
    CHECK(decided(engine, 3.0) == words{"wait d closed=1 gpu=1"});
    CHECK(*engine.open(4.0, "n0"));
    CHECK(decided(engine, 4.0) == words{"start d/0 n0"});
}

TEST_CASE("a closed GPU keeps what runs there, a sick one loses it") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "a"}));
    (void)decided(engine, 0.0);
    CHECK(*engine.close(1.0, {"n0", "n0-0"}));
    CHECK(decided(engine, 1.0).empty());
    CHECK(*engine.health(2.0, {"n0", "n0-0"}, false));
    CHECK(decided(engine, 2.0) == words{"move a/0 n0 n1 unhealthy"});
}

TEST_CASE("moves are pending until they are reported, and back off when they fail") {
    berth::scheduler engine{
        berth::scheduler_policies{}, {}, {.acknowledge = berth::acknowledgement::reported, .back_off = 10.0}};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "a"}));
    (void)decided(engine, 0.0);
    CHECK(*engine.drain(1.0, "n0"));
    CHECK(decided(engine, 1.0) == words{"move a/0 n0 n1 drain"});
    REQUIRE(engine.job(1.0, {.name = "b"}));
    CHECK(decided(engine, 1.0).size() == 1);  // waits: both ends are held
    CHECK(*engine.failed(2.0, "a"));
    CHECK(decided(engine, 2.0) == words{"start b/0 n1"});
    CHECK(*engine.finish(3.0, "b"));
    CHECK(decided(engine, 3.0).empty());
    CHECK(engine.wake_at() == 12.0);
    CHECK(decided(engine, 12.0) == words{"move a/0 n0 n1 drain"});
    CHECK(*engine.moved(13.0, "a"));
    CHECK_FALSE(*engine.moved(13.0, "a"));
    CHECK(decided(engine, 13.0).empty());
    CHECK(engine.cluster().tasks_on(berth::node_index{1}).size() == 1);
}

TEST_CASE("a node that leaves loses its tasks, they wait again unless the job says otherwise") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "again"}));
    REQUIRE(engine.job(0.0, {.name = "once", .terms = {.restart = false}}));
    (void)decided(engine, 0.0);
    CHECK(*engine.node_gone(1.0, "n0"));
    const words lost = decided(engine, 1.0);
    CHECK(lost == words{"lost again/0 node gone", "lost once/0 node gone"});
    CHECK(engine.job_count() == 1);
    join(engine, {"n1"}, 2);
    CHECK(decided(engine, 2.0) == words{"start again/0 n1"});
    CHECK_FALSE(*engine.finish(3.0, "once"));  // it has ended already
}

TEST_CASE("a gang that lost a task grows again, or is stopped after its grace") {
    berth::scheduler engine{berth::scheduler_policies{}, {}, {.grace = 20.0}};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "gang", .task_count = 2}));
    CHECK(decided(engine, 0.0).size() == 2);
    CHECK(*engine.node_gone(5.0, "n1"));
    CHECK(decided(engine, 5.0) == words{"lost gang/1 node gone", "wait gang gpu=1"});
    CHECK(engine.wake_at() == 25.0);
    SUBCASE("in time") {
        join(engine, {"n2"}, 1);
        CHECK(decided(engine, 10.0) == words{"start gang/1 n2"});
        CHECK(decided(engine, 30.0).empty());
    }
    SUBCASE("too late") {
        CHECK(decided(engine, 25.0) == words{"evict gang/0 n0 gang", "wait gang gang=1"});
        CHECK(engine.running(*engine.find_job("gang")) == 0);
    }
}

TEST_CASE("reality wins: what is observed to run is entered, and what is over-committed is relieved first") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "a"}));
    REQUIRE(engine.job(0.0, {.name = "b"}));
    const std::vector<std::string_view> gpus{"n0-0"};
    CHECK(*engine.running(0.0, "a", 0, "n0", gpus));
    CHECK(*engine.running(0.0, "b", 0, "n0", gpus));
    CHECK_FALSE(*engine.running(0.0, "b", 0, "n0", gpus));
    CHECK(decided(engine, 0.0) == words{"move a/0 n0 n1 overcommitted"});
    CHECK(engine.cluster().ledger().free(berth::gpu_index{0})[0] == 0);
    CHECK_FALSE(engine.running(1.0, "a", 3, "n0", gpus));
    CHECK_FALSE(engine.running(1.0, "a", 0, "n0", {}));
}

TEST_CASE("a hot GPU is drained until it has cooled down") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "a"}));
    (void)decided(engine, 0.0);
    CHECK(*engine.threshold(1.0, {.temperature = 85.0}));
    CHECK(*engine.reading(1.0, {"n0", "n0-0"}, {.temperature = 84.0}));
    CHECK(decided(engine, 1.0).empty());
    CHECK(*engine.reading(2.0, {"n0", "n0-0"}, {.temperature = 90.0, .age = 1000.0}));  // too old to be believed
    CHECK(decided(engine, 2.0).empty());
    CHECK(*engine.reading(3.0, {"n0", "n0-0"}, {.temperature = 86.0}));
    CHECK(decided(engine, 3.0) == words{"move a/0 n0 n1 temperature"});
    REQUIRE(engine.job(4.0, {.name = "b"}));
    CHECK(*engine.reading(4.0, {"n0", "n0-0"}, {.temperature = 82.0}));
    CHECK(decided(engine, 4.0).size() == 1);          // waits
    CHECK(*engine.reading(5.0, {"n0", "n0-0"}, {}));  // not measured: nothing is known, nothing changes
    CHECK(decided(engine, 5.0).empty());
    CHECK(*engine.reading(6.0, {"n0", "n0-0"}, {.temperature = 79.0}));
    CHECK(decided(engine, 6.0) == words{"start b/0 n0"});
}

TEST_CASE("with replan, shorter jobs evict longer ones, and no more of them than needed") {
    berth::scheduler engine{
        berth::scheduler_policies{}.with_order(berth::shortest_remaining{}).with_preemption(berth::replan{})};
    join(engine, {"n0", "n1"}, 2);
    REQUIRE(engine.job(0.0, {.name = "long", .gpus = 2, .terms = {.duration = 100.0}}));
    REQUIRE(engine.job(0.0, {.name = "longer", .terms = {.duration = 200.0}}));
    REQUIRE(engine.job(0.0, {.name = "fixed", .terms = {.preemptible = false, .duration = 300.0}}));
    CHECK(decided(engine, 0.0).size() == 3);
    REQUIRE(engine.job(10.0, {.name = "short", .terms = {.duration = 5.0}}));
    CHECK(decided(engine, 10.0) == words{"evict longer/0 n1 order for short", "start short/0 n1", "wait longer gpu=2"});
    REQUIRE(engine.job(11.0, {.name = "late", .gpus = 2, .terms = {.duration = 50.0, .delay = 30.0}}));
    CHECK(decided(engine, 11.0).size() == 1);  // it may not evict yet
    CHECK(engine.wake_at() == 41.0);
    CHECK(*engine.finish(15.0, "short"));
    CHECK(decided(engine, 15.0) == words{"start longer/0 n1"});
    CHECK(decided(engine, 41.0) == words{"evict long/0 n0 order for late", "start late/0 n0", "wait long gpu=2"});
}

TEST_CASE("room that is being freed is held for the one that it was freed for") {
    berth::scheduler engine{berth::scheduler_policies{}.with_preemption(berth::for_priority{}),
                            {},
                            {.acknowledge = berth::acknowledgement::reported}};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "low"}));
    REQUIRE(engine.job(0.0, {.name = "low too"}));
    CHECK(decided(engine, 0.0).size() == 2);
    REQUIRE(engine.job(1.0, {.name = "high", .gpus = 2, .priority = 1}));
    CHECK(decided(engine, 1.0) == words{"evict low too/0 n0 order for high", "evict low/0 n0 order for high"});
    CHECK(*engine.stopped(2.0, "low"));
    REQUIRE(engine.job(2.0, {.name = "thief", .gpus = 1, .priority = 0}));
    CHECK(decided(engine, 2.0) == words{"wait low held=1", "wait thief held=1"});
    SUBCASE("and it starts") {
        CHECK(*engine.stopped(3.0, "low too"));
        CHECK(decided(engine, 3.0).front() == "start high/0 n0");
    }
    SUBCASE("or the claim is given up when a victim stays") {
        CHECK(*engine.failed(3.0, "low too"));
        CHECK(decided(engine, 3.0) == words{"start low/0 n0", "wait high delay=1", "wait thief gpu=1"});
    }
    SUBCASE("or when the claimant is withdrawn") {
        CHECK(*engine.cancel(3.0, "high"));
        CHECK(decided(engine, 3.0).front() == "start low/0 n0");
    }
}

TEST_CASE("what is wrong is refused with event, item and field, and changes nothing") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 1);
    REQUIRE(engine.job(1.0, {.name = "a"}));
    const auto message = [](const auto& outcome) { return outcome ? std::string{} : outcome.error().message; };
    CHECK(message(engine.finish(0.5, "a")) == "event finish: time is before that of the event before");
    CHECK(message(engine.finish(unknown, "a")) == "event finish: time is not a finite number");
    CHECK(message(engine.finish(1.0, "b")) == "event finish: job \"b\" is unknown");
    CHECK(message(engine.finish(1.0, "a", 1)) == "event finish: job \"a\" has no task 1");
    CHECK(message(engine.finish(1.0, berth::job_handle{})) == "event finish: there was no such job");
    CHECK(message(engine.close(1.0, "n1")) == "event close: node \"n1\" is not there");
    CHECK(message(engine.close(1.0, {"n0", "x"})) == "event close: node \"n0\" has no GPU \"x\"");
    CHECK(message(engine.job(1.0, {.name = "a"})) == "job \"a\": there is a job of this name");
    CHECK(message(engine.job(1.0, {.name = "c", .task_count = 0})) == "job \"c\": task_count is 0, expected 1 or more");
    CHECK(message(engine.job(1.0, {.name = "c", .min_tasks = 2})) == "job \"c\": min_tasks is 2, expected 0..1");
    CHECK(message(engine.job(1.0, {.name = "c", .terms = {.work = 0.0}})) ==
          "job \"c\": work is not a finite number above 0");
    CHECK(message(engine.job(1.0, {.name = "c", .gpus = 65})).starts_with("job \"c\": task "));
    CHECK(message(engine.progress(1.0, "a", -1.0)) == "event progress: rate is not a finite number of 0 or more");
    CHECK(message(engine.reading(1.0, "n0", {.power = -1.0})) ==
          "event reading: power is neither a number of its range nor absent");
    CHECK(engine.cluster().task_count() == 1);
    CHECK(*engine.finish(1.0, "a"));
    CHECK_FALSE(*engine.finish(1.0, "a"));
    CHECK(message(engine.job(1.0, {.name = "a"})) == "job \"a\": a job of this name has ended");
    CHECK(engine.counts().duplicates == 1);
}

TEST_CASE("nothing runs on a node that is gone, whatever its slot says") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 1);
    REQUIRE(engine.job(0.0, {.name = "a"}));
    REQUIRE(engine.node_gone(1.0, "n1"));
    const auto observed = engine.running(1.0, "a", 0, berth::slot{berth::node_index{1}, 1});
    REQUIRE_FALSE(observed);
    CHECK(observed.error().message == "event running: job \"a\" task 0: there is no such place");
    CHECK(decided(engine, 1.0) == words{"start a/0 n0"});
}

TEST_CASE("a reading of one thing leaves what is known of the others") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 1);
    const berth::place_ref gpu{"n0", "n0-0"};
    REQUIRE(engine.threshold(0.0, {.power = 300.0, .load = 0.9}));
    const auto waits = [&](const char* name, double time) {
        REQUIRE(engine.job(time, {.name = name}));
        return decided(engine, time).size() == 1 && engine.running(*engine.find_job(name)) == 0;
    };
    REQUIRE(engine.reading(1.0, gpu, {.load = 0.95}));
    REQUIRE(engine.reading(1.0, gpu, {.power = 100.0}));
    CHECK(waits("a", 1.0));
    REQUIRE(engine.reading(2.0, gpu, {.load = 0.5}));
    CHECK(decided(engine, 2.0) == words{"start a/0 n0"});
    REQUIRE(engine.finish(3.0, "a"));
    REQUIRE(engine.reading(3.0, gpu, {.power = 400.0}));
    REQUIRE(engine.reading(3.0, gpu, {.load = 0.1, .temperature = 40.0}));
    CHECK(waits("b", 3.0));
    CHECK(engine.last_reading(gpu).power == 400.0);
    CHECK(engine.last_reading(gpu).load == 0.1);
    REQUIRE(engine.reading(4.0, gpu, {.power = 200.0}));
    CHECK(decided(engine, 4.0) == words{"start b/0 n0"});
}

TEST_CASE("a short gang that could not be stopped is stopped again, and nothing wakes meanwhile") {
    berth::scheduler engine{berth::scheduler_policies{},
                            {},
                            {.acknowledge = berth::acknowledgement::reported, .grace = 20.0, .back_off = 10.0}};
    join(engine, {"n0", "n1", "n2"}, 1);
    REQUIRE(engine.job(0.0, {.name = "gang", .task_count = 3}));
    CHECK(decided(engine, 0.0).size() == 3);
    CHECK(*engine.node_gone(5.0, "n2"));
    (void)decided(engine, 5.0);
    CHECK(decided(engine, 25.0) == words{"evict gang/0 n0 gang", "evict gang/1 n1 gang"});
    CHECK(engine.wake_at() == std::numeric_limits<double>::infinity());
    SUBCASE("none is stopped") {
        CHECK(*engine.failed(26.0, "gang"));
        CHECK(decided(engine, 26.0).empty());
        CHECK(engine.wake_at() == 46.0);
        CHECK(decided(engine, 46.0) == words{"evict gang/0 n0 gang", "evict gang/1 n1 gang"});
    }
    SUBCASE("one is stopped, the other is not") {
        CHECK(*engine.stopped(26.0, "gang", 0));
        CHECK(*engine.failed(26.0, "gang", 1));
        (void)decided(engine, 26.0);
        CHECK(engine.wake_at() == 46.0);
        CHECK(decided(engine, 46.0).front() == "evict gang/1 n1 gang");
    }
    SUBCASE("both are") {
        CHECK(*engine.stopped(26.0, "gang"));
        (void)decided(engine, 26.0);
        CHECK(engine.wake_at() == std::numeric_limits<double>::infinity());
    }
}

TEST_CASE("limits that are none are refused, and an event that is refused leaves the clock") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 1);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    for (const berth::place_limits wrong :
         {berth::place_limits{.temperature = infinite}, berth::place_limits{.temperature = -infinite},
          berth::place_limits{.power = -1.0}, berth::place_limits{.power = infinite}, berth::place_limits{.load = -0.5},
          berth::place_limits{.load = infinite}}) {
        CHECK_FALSE(engine.threshold(9.0, wrong));
        CHECK_FALSE(engine.threshold(9.0, "n0", wrong));
    }
    CHECK(engine.threshold(1.0, {.temperature = -10.0, .power = 0.0, .load = 0.0}));
    CHECK_FALSE(engine.finish(9.0, "nobody"));
    CHECK_FALSE(engine.close(9.0, "n9"));
    CHECK_FALSE(engine.job(9.0, {.name = "a", .task_count = 0}));
    CHECK_FALSE(engine.running(9.0, "a", 0, berth::slot{berth::node_index{0}, 1}));
    CHECK(engine.now() == 1.0);
    CHECK(engine.job(2.0, {.name = "a"}));
    CHECK(engine.now() == 2.0);
}

TEST_CASE("what is reported and what the watch sees do not undo each other") {
    berth::scheduler engine{berth::scheduler_policies{}.with_watch(berth::fleet_watch<>{})};
    join(engine, {"n0"}, 2);
    const berth::place_ref silent{"n0", "n0-1"};
    double time = 0.0;
    const auto samples = [&](int minutes, bool both) {
        for (int m = 0; m < minutes; ++m, time += 60.0) {
            REQUIRE(engine.reading(time, {"n0", "n0-0"}, {.load = 0.1, .temperature = 40.0}));
            if (both) REQUIRE(engine.reading(time, silent, {.load = 0.1, .temperature = 40.0}));
            (void)decided(engine, time);
        }
        return (engine.cluster().healthy_gpus(berth::node_index{0}) >> 1U & 1U) != 0;
    };
    CHECK(samples(2, true));
    CHECK_FALSE(samples(20, false));
    CHECK_FALSE(*engine.health(time, silent, true));  // nobody has reported it sick
    CHECK_FALSE(samples(1, false));
    CHECK(*engine.health(time, silent, false));
    CHECK_FALSE(samples(60, true));  // the watch sees it well
    CHECK(*engine.health(time, silent, true));
    CHECK(samples(1, true));
}
