// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/expected_start.hpp"

#include "berth/core/random.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using berth::expected_start;
using start = std::optional<double>;

template <class Engine>
start expected(const Engine& engine, std::string_view job) {
    return expected_start(engine, *engine.find_job(job));
}

}  // namespace

TEST_CASE("a job is expected to start when enough that runs has ended, on one node") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 2);
    // n0: ends at 30 and 50. n1: ends at 40, and nobody knows.
    REQUIRE(engine.job(0.0, {.name = "a", .terms = {.duration = 30.0}}));
    REQUIRE(engine.job(0.0, {.name = "b", .terms = {.duration = 50.0}}));
    REQUIRE(engine.job(0.0, {.name = "c", .terms = {.work = 80.0}}));
    REQUIRE(engine.job(0.0, {.name = "d"}));
    for (const auto& [job, node, gpu] :
         {std::tuple{"a", "n0", "n0-0"}, {"b", "n0", "n0-1"}, {"c", "n1", "n1-0"}, {"d", "n1", "n1-1"}}) {
        const std::string_view gpus[] = {gpu};
        REQUIRE(engine.running(0.0, job, 0, node, gpus));
    }
    REQUIRE(engine.progress(0.0, "c", 2.0));  // so that it ends at 40
    REQUIRE(engine.job(1.0, {.name = "one"}));
    REQUIRE(engine.job(1.0, {.name = "two", .gpus = 2}));
    REQUIRE(engine.job(1.0, {.name = "gang", .task_count = 3}));
    REQUIRE(engine.job(1.0, {.name = "pair", .task_count = 4, .min_tasks = 2}));
    REQUIRE(engine.job(1.0, {.name = "all", .task_count = 4}));
    REQUIRE(engine.job(1.0, {.name = "wide", .gpus = 3}));
    REQUIRE(engine.decide(1.0));
    CHECK(expected(engine, "one") == start{30.0});
    CHECK(expected(engine, "two") == start{50.0});   // at 40 two GPUs are free, one on each node
    CHECK(expected(engine, "gang") == start{50.0});  // its tasks need not be on one node
    CHECK(expected(engine, "pair") == start{40.0});
    CHECK(expected(engine, "all") == std::nullopt);   // nobody knows when d ends
    CHECK(expected(engine, "wide") == std::nullopt);  // fits nowhere ever
    CHECK(expected(engine, "a") == std::nullopt);     // runs
    CHECK_FALSE(expected_start(engine, berth::job_handle{}));
    // Nothing of it was left behind, and the same is said of any scheduler.
    CHECK(expected(engine, "one") == start{30.0});

    // What ends sooner or later is seen, and what has run longer than it said has no end.
    REQUIRE(engine.progress(20.0, "c", 3.2));  // 16 s of its work are left
    REQUIRE(engine.decide(20.0));
    CHECK(expected(engine, "one") == start{25.0});
    REQUIRE(engine.decide(35.0));
    CHECK(expected(engine, "two") == std::nullopt);
    REQUIRE(engine.finish(36.0, "a"));
    REQUIRE(engine.decide(36.0));
    CHECK(engine.running(*engine.find_job("one")) == 1);
}

TEST_CASE(
    "a closed place, a GPU model that is not accepted, and a job of one model are not expected where they cannot go") {
    berth::any_scheduler engine{berth::scheduler_policies<>{}};
    join(engine, {"a0"}, 2, "A");
    join(engine, {"b0", "b1"}, 1, "B");
    const auto run = [&](const char* job, double seconds, const char* node, const char* gpu) {
        const std::string_view gpus[] = {gpu};
        REQUIRE(engine.job(0.0, {.name = job, .terms = {.duration = seconds}}));
        REQUIRE(engine.running(0.0, job, 0, node, gpus));
    };
    run("a", 10.0, "a0", "a0-0");
    run("b", 40.0, "a0", "a0-1");
    run("c", 20.0, "b0", "b0-0");
    run("d", 30.0, "b1", "b1-0");
    const std::string_view only_b[] = {"B"};
    REQUIRE(engine.job(1.0, {.name = "on B", .accepted_models = only_b}));
    REQUIRE(engine.job(1.0, {.name = "alike", .task_count = 2, .same_model = true}));
    REQUIRE(engine.job(1.0, {.name = "any", .task_count = 2}));
    REQUIRE(engine.decide(1.0));
    CHECK(expected(engine, "on B") == start{20.0});
    CHECK(expected(engine, "alike") == start{30.0});
    CHECK(expected(engine, "any") == start{20.0});
    REQUIRE(engine.close(2.0, "b0"));
    REQUIRE(engine.decide(2.0));
    CHECK(expected(engine, "on B") == start{30.0});
    CHECK(expected(engine, "alike") == start{40.0});
    CHECK(expected(engine, "any") == start{30.0});
}

TEST_CASE("jobs that run as long as they said: the first in line starts when it was expected to") {
    // Only the head of the line: who waits behind it may be served later than the room for it alone comes.
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 random{seed};
        const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
        berth::scheduler engine{berth::scheduler_policies<>{}, {}, {.pass_over = false}};
        join(engine, {"n0", "n1", "n2"}, 4);
        struct lasting {
            std::string name;
            double seconds;
        };
        std::vector<lasting> waiting;
        std::vector<std::pair<double, std::string>> ends;
        for (int j = 0; j < 30; ++j) {
            const std::string name = "j" + std::to_string(j);
            waiting.push_back({name, 1.0 + static_cast<double>(below(100))});
            REQUIRE(engine.job(0.0, {.name = name,
                                     .task_count = 1 + below(3),
                                     .gpus = 1 + below(4),
                                     .terms = {.duration = waiting.back().seconds}}));
        }
        double now = 0.0;
        std::string head;
        start promised;
        std::size_t kept = 0;
        while (true) {
            const auto decided = engine.decide(now);
            REQUIRE(decided);
            std::vector<std::string> started;
            for (const berth::decision& d : *decided) {
                if (d.kind != berth::decision_kind::start || d.task != 0) continue;
                started.emplace_back(engine.name(d.job));
            }
            for (const std::string& name : started) {
                const auto at = std::find_if(waiting.begin(), waiting.end(), [&](auto& w) { return w.name == name; });
                ends.emplace_back(now + at->seconds, name);
                waiting.erase(at);
                if (name != head) continue;
                CHECK(promised == start{now});
                ++kept;
            }
            if (waiting.empty()) break;
            if (head != waiting.front().name) {
                head = waiting.front().name;
                promised = expected(engine, head);
                REQUIRE(promised);
            } else {
                CHECK(expected(engine, head) == promised);
            }
            now = std::min_element(ends.begin(), ends.end())->first;
            std::erase_if(ends, [&](const auto& end) {
                if (end.first != now) return false;
                REQUIRE(engine.finish(now, end.second));
                return true;
            });
        }
        CHECK(kept > 5);
    }
}
