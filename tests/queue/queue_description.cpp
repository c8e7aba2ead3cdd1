// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/queue_description.hpp"

#include "berth/scheduler/scheduler.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace {

using engine_type = berth::scheduler<decltype(berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}))>;

void job(engine_type& engine, const std::string& name, std::string_view leaf, bool preemptible = true,
         std::size_t gpus = 1) {
    REQUIRE(
        engine.job(engine.now(), {.name = name, .gpus = gpus, .terms = {.preemptible = preemptible, .queue = leaf}}));
}
/// Decides, and counts the jobs of this prefix that run.
std::size_t running(engine_type& engine, const std::string& prefix, std::size_t count) {
    REQUIRE(engine.decide(engine.now() + 1.0));
    std::size_t all = 0;
    for (std::size_t i = 0; i < count; ++i) all += engine.running(*engine.find_job(prefix + std::to_string(i)));
    return all;
}
void jobs(engine_type& engine, const std::string& prefix, std::string_view leaf, std::size_t count,
          bool preemptible = true) {
    for (std::size_t i = 0; i < count; ++i) job(engine, prefix + std::to_string(i), leaf, preemptible);
}
berth::wait_reason why_waits(engine_type& engine, const char* name) {
    for (const berth::decision& d : engine.last_decisions()) {
        if (d.kind == berth::decision_kind::wait && engine.name(d.job) == name && !d.reasons.empty())
            return d.reasons[0].reason;
    }
    return berth::wait_reason::never;
}
std::string refusal(engine_type& engine, const berth::queue_description& described) {
    const auto outcome = engine.queue(engine.now(), described);
    return outcome ? std::string{} : outcome.error().message;
}

}  // namespace

TEST_CASE("a queue: its quota is there for it, weights divide the rest, and priority goes before weight") {
    engine_type engine;
    join(engine, {"n0", "n1"}, 5);
    const berth::queue_amount two[] = {{"gpu", 2000}};
    REQUIRE(engine.queue(0.0, {.name = "a", .quota = two, .weight = 1.0}));
    REQUIRE(engine.queue(0.0, {.name = "b", .quota = two, .weight = 2.0}));
    jobs(engine, "a", "a", 10);
    jobs(engine, "b", "b", 10);
    CHECK(running(engine, "a", 10) == 4);  // two of its own, and two of the six that are over
    CHECK(running(engine, "b", 10) == 6);
    CHECK(*engine.queue(engine.now(), {.name = "a", .quota = two, .weight = 1.0, .priority = 1}));
    CHECK(running(engine, "a", 10) == 8);  // all that is over
    CHECK(running(engine, "b", 10) == 2);
}

TEST_CASE("a queue: weight 0 has no right to what is over, and takes what is idle all the same") {
    engine_type engine;
    join(engine, {"n0"}, 4);
    const berth::queue_amount one[] = {{"gpu", 1000}};
    REQUIRE(engine.queue(0.0, {.name = "guest", .weight = 0.0}));
    REQUIRE(engine.queue(0.0, {.name = "host", .quota = one}));
    jobs(engine, "g", "guest", 4);
    CHECK(running(engine, "g", 4) == 4);
    jobs(engine, "h", "host", 3);
    CHECK(running(engine, "h", 3) == 3);
    CHECK(running(engine, "g", 4) == 1);
}

TEST_CASE("a queue: nobody gets above its limit, which holds for all below it, and jobs are told so") {
    engine_type engine;
    join(engine, {"n0"}, 8);
    const berth::queue_amount three[] = {{"gpu", 3000}};
    REQUIRE(engine.queue(0.0, {.name = "team", .limit = three}));
    REQUIRE(engine.queue(0.0, {.name = "x", .parent = "team"}));
    REQUIRE(engine.queue(0.0, {.name = "y", .parent = "team"}));
    jobs(engine, "x", "x", 2);
    jobs(engine, "y", "y", 2);
    const std::size_t of_x = running(engine, "x", 2);
    const char* waits = of_x == 2 ? "y1" : "x1";
    CHECK(why_waits(engine, waits) == berth::wait_reason::limit);
    CHECK(of_x + running(engine, "y", 2) == 3);
    const berth::queue_amount unlimited[] = {{"gpu", berth::queue_amount::unlimited}};
    CHECK(*engine.queue(engine.now(), {.name = "team", .limit = unlimited}));
    CHECK(running(engine, "x", 2) + running(engine, "y", 2) == 4);
}

TEST_CASE("a queue: what may not be stopped lives on the quota, and waits for it") {
    engine_type engine;
    join(engine, {"n0"}, 4);
    const berth::queue_amount two[] = {{"gpu", 2000}};
    REQUIRE(engine.queue(0.0, {.name = "q", .quota = two}));
    jobs(engine, "hard", "q", 3, false);
    CHECK(running(engine, "hard", 3) == 2);
    CHECK(why_waits(engine, "hard2") == berth::wait_reason::quota);
    jobs(engine, "soft", "q", 3);
    CHECK(running(engine, "soft", 3) == 2);
    REQUIRE(engine.queue(engine.now(), {.name = "all", .unlimited_quota = true}));
    jobs(engine, "sure", "all", 2, false);
    CHECK(running(engine, "sure", 2) == 2);
    CHECK(running(engine, "soft", 3) == 0);
}

TEST_CASE("a queue: jobs run for as long as their queue says before others stop them") {
    for (const bool inherited : {false, true}) {
        engine_type engine;
        join(engine, {"n0"}, 1);
        REQUIRE(engine.queue(0.0, {.name = "root", .min_runtime_reclaim = inherited ? 100.0 : 0.0}));
        REQUIRE(engine.queue(0.0, {.name = "young",
                                   .parent = "root",
                                   .min_runtime_reclaim = inherited ? berth::queue_description::inherited : 100.0}));
        const berth::queue_amount one[] = {{"gpu", 1000}};
        REQUIRE(engine.queue(0.0, {.name = "owner", .parent = "root", .quota = one}));
        jobs(engine, "y", "young", 1);
        CHECK(running(engine, "y", 1) == 1);  // since 1
        jobs(engine, "o", "owner", 1);
        CHECK(running(engine, "o", 1) == 0);
        CHECK(engine.wake_at() == 101.0);
        REQUIRE(engine.decide(100.0));
        CHECK(engine.running(*engine.find_job("y0")) == 1);
        REQUIRE(engine.decide(101.0));
        CHECK(engine.running(*engine.find_job("y0")) == 0);
        CHECK(engine.running(*engine.find_job("o0")) == 1);
    }
}

TEST_CASE("a queue: who used more before is due less of what is over") {
    engine_type engine;
    join(engine, {"n0"}, 6);
    const berth::queue_amount none[] = {{"gpu", 0}};  // it is divided all the same
    REQUIRE(engine.queue(0.0, {.name = "greedy", .quota = none, .usage = 0.9}));
    REQUIRE(engine.queue(0.0, {.name = "thrifty", .quota = none, .usage = 0.0}));
    jobs(engine, "g", "greedy", 6);
    jobs(engine, "t", "thrifty", 6);
    CHECK(running(engine, "t", 6) > running(engine, "g", 6));
}

TEST_CASE("a queue: described again it is the same, and only what differs counts") {
    engine_type engine;
    join(engine, {"n0"}, 2);
    const berth::queue_amount one[] = {{"gpu", 1000}};
    CHECK(*engine.queue(0.0, {.name = "q", .quota = one}));
    CHECK_FALSE(*engine.queue(1.0, {.name = "q", .quota = one}));
    CHECK(engine.counts().duplicates == 1);
    CHECK(*engine.queue(2.0, {.name = "q", .quota = one, .weight = 2.0}));
    CHECK(engine.counts().duplicates == 1);
}

TEST_CASE("a queue: what is wrong is refused with queue and field, and nothing is changed") {
    engine_type engine;
    join(engine, {"n0"}, 2);
    constexpr double inf = std::numeric_limits<double>::infinity();
    REQUIRE(engine.queue(0.0, {.name = "p"}));
    REQUIRE(engine.queue(0.0, {.name = "c", .parent = "p"}));
    CHECK(refusal(engine, {}) == "a queue has no name");
    CHECK(refusal(engine, {.name = "x", .parent = "nobody"}) == "queue \"x\": parent \"nobody\" is unknown");
    CHECK(refusal(engine, {.name = "x", .parent = "x"}) == "queue \"x\": parent \"x\" is unknown");
    CHECK(refusal(engine, {.name = "p", .parent = "c"}) == "queue \"p\": parent lies below the queue itself");
    CHECK(refusal(engine, {.name = "p", .parent = "p"}) == "queue \"p\": parent lies below the queue itself");
    for (const double weight : {-1.0, inf, unknown})
        CHECK(refusal(engine, {.name = "x", .weight = weight}) == "queue \"x\": weight is no finite number from 0 on");
    for (const double seconds : {-1.0, inf}) {
        CHECK(refusal(engine, {.name = "x", .min_runtime_preempt = seconds}) ==
              "queue \"x\": min_runtime is no finite number from 0 on");
        CHECK(refusal(engine, {.name = "x", .min_runtime_reclaim = seconds}) ==
              "queue \"x\": min_runtime is no finite number from 0 on");
    }
    for (const double usage : {-0.1, 1.1, inf})
        CHECK(refusal(engine, {.name = "x", .usage = usage}) == "queue \"x\": usage is not in 0..1");
    const berth::queue_amount negative[] = {{"gpu", -1}};
    const berth::queue_amount odd[] = {{"gpu", 1}, {"licences", 1}};
    CHECK(refusal(engine, {.name = "x", .quota = negative}) == "queue \"x\": quota of \"gpu\" is -1, out of range");
    CHECK(refusal(engine, {.name = "x", .limit = negative}) == "queue \"x\": limit of \"gpu\" is -1, out of range");
    CHECK(refusal(engine, {.name = "x", .quota = odd}) ==
          "queue \"x\": quota names \"licences\", which is no counter of the schema");
    CHECK(refusal(engine, {.name = "x", .limit = odd}) ==
          "queue \"x\": limit names \"licences\", which is no counter of the schema");
    const auto unknown_queue = engine.job(0.0, {.name = "j", .terms = {.queue = "x"}});
    REQUIRE_FALSE(unknown_queue);  // none of them came into being
    CHECK(unknown_queue.error().message == "job \"j\": queue \"x\" is unknown");
    const auto inner = engine.job(0.0, {.name = "j", .terms = {.queue = "p"}});
    REQUIRE_FALSE(inner);
    CHECK(inner.error().message == "job \"j\": queue \"p\" has queues below it; jobs wait in those");
    job(engine, "j", "c");
    CHECK(refusal(engine, {.name = "x", .parent = "c"}) == "queue \"x\": parent \"c\" has jobs of its own");
}
