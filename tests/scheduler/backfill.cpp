// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/backfill.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/backfill/easy_queue.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/expected_start.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_text.hpp"
#include "berth/scheduler/share_rules.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

static_assert(!berth::backfill_policy<berth::no_preemption>);

const auto easy = berth::scheduler_policies<>{}.with_backfill(berth::easy_backfill{});
const auto easy_with_queues = easy.with_preemption(berth::share_rules{});

/// All starts of a decision, and the waits with their reasons.
template <class Engine>
std::vector<std::string> decide_on(Engine& engine, double time) {
    std::vector<std::string> out;
    const auto decided = engine.decide(time);
    REQUIRE_MESSAGE(decided.has_value(), (decided ? "" : decided.error().message));
    for (const berth::decision& d : *decided) out.push_back(in_words(engine, d));
    return out;
}
template <class Engine>
double reserved_from(const Engine& engine, std::string_view job) {
    for (const berth::job_reservation& r : engine.reservations()) {
        if (engine.name(r.job) == job) return r.from;
    }
    return -1.0;
}
using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("backfill: a wide job is reserved for, and others start beside it or end before") {
    berth::scheduler engine{easy};
    join(engine, {"n0", "n1"}, 4);
    REQUIRE(engine.job(0.0, {.name = "a", .gpus = 3, .terms = {.duration = 100.0}}));
    REQUIRE(engine.job(0.0, {.name = "b", .gpus = 2, .terms = {.duration = 60.0}}));
    REQUIRE(engine.job(1.0, {.name = "wide", .gpus = 4, .terms = {.duration = 50.0}}));
    REQUIRE(engine.job(2.0, {.name = "long", .terms = {.duration = 500.0}}));
    REQUIRE(engine.job(2.0, {.name = "long2", .terms = {.duration = 500.0}}));
    REQUIRE(engine.job(3.0, {.name = "short", .terms = {.duration = 50.0}}));
    REQUIRE(engine.job(3.0, {.name = "unknown"}));
    CHECK(decide_on(engine, 5.0) == lines{"start a/0 n0", "start b/0 n1", "start long/0 n0", "start short/0 n1",
                                          "wait wide reserved from 65 s on for wide gpu=2",
                                          "wait long2 room is kept from 65 s on for wide held=1 gpu=1",
                                          "wait unknown room is kept from 65 s on for wide held=1 gpu=1"});
    const auto reserved = engine.reservations();
    REQUIRE(reserved.size() == 1);
    CHECK(engine.name(reserved[0].job) == "wide");
    CHECK(reserved[0].from == 65.0);
    CHECK(reserved[0].where == std::vector<berth::slot>{{engine.cluster().fleet().find_node("n1").value(), 15}});
    CHECK(engine.wake_at() == 65.0);
    const auto d = engine.last_decisions();
    CHECK(describe(d[5], engine) == "job \"long2\" waits: held on 1 node, gpu on 1 node: room is kept from 65 s on");
    // Nothing is told twice, and the promise is kept.
    REQUIRE(engine.finish(55.0, "short"));
    CHECK(decide_on(engine, 55.0).empty());
    REQUIRE(engine.finish(65.0, "b"));
    CHECK(decide_on(engine, 65.0).front() == "start wide/0 n1");
    CHECK(reserved_from(engine, "long2") == 105.0);
}

TEST_CASE("backfill: without it small jobs starve a wide one, with it they do not") {
    const auto start_of_wide = [](auto policies) {
        berth::scheduler engine{policies};
        join(engine, {"n0"}, 2);
        // Each of these comes while the one before it still runs.
        std::map<std::string, double> ends;
        double started = -1.0;
        for (int k = 0; k < 40; ++k) {
            const double now = 10.0 * k;
            for (auto at = ends.begin(); at != ends.end();) {
                if (at->second > now) {
                    ++at;
                    continue;
                }
                REQUIRE(engine.finish(now, std::string_view{at->first}));
                at = ends.erase(at);
            }
            const std::string name = "small" + std::to_string(k);
            if (k == 2) REQUIRE(engine.job(now, {.name = "wide", .gpus = 2, .terms = {.duration = 15.0}}));
            REQUIRE(engine.job(now, {.name = name, .terms = {.duration = 15.0}}));
            const auto decided = engine.decide(now);
            for (const berth::decision& d : *decided) {
                if (d.kind != berth::decision_kind::start) continue;
                ends[std::string{engine.name(d.job)}] = now + 15.0;
                if (engine.name(d.job) == "wide") started = now;
            }
        }
        return started;
    };
    CHECK(start_of_wide(berth::scheduler_policies<>{}) == -1.0);
    CHECK(start_of_wide(easy) == 30.0);
    CHECK(start_of_wide(easy_with_queues) == 30.0);
}

TEST_CASE("backfill: gangs over nodes, counters of nodes, and parts of GPUs") {
    berth::scheduler engine{easy, berth::resource_schema{.gpu = {"share"}, .node = {"cpu"}}};
    const std::vector<berth::gpu_description> gpus(2);
    const berth::amount cpus[] = {8};
    for (const char* name : {"n0", "n1", "n2"}) {
        REQUIRE(engine.node(0.0, berth::node_description{.name = name, .capacity = cpus, .gpus = gpus}));
    }
    const berth::amount two[] = {2};
    const berth::amount six[] = {6};
    const berth::amount half[] = {500};
    REQUIRE(engine.job(0.0, {.name = "x", .gpus = 1, .node_demand = two, .terms = {.duration = 30.0}}));
    REQUIRE(engine.job(0.0, {.name = "y", .gpus = 2, .node_demand = two, .terms = {.duration = 50.0}}));
    REQUIRE(engine.job(0.0, {.name = "z", .gpus = 2, .node_demand = two, .terms = {.duration = 70.0}}));
    REQUIRE(decide_on(engine, 0.0).size() == 3);
    // Two whole nodes with 6 of 8 CPUs: at 50.
    REQUIRE(
        engine.job(1.0, {.name = "gang", .task_count = 2, .gpus = 2, .node_demand = six, .terms = {.duration = 9.0}}));
    // Half a GPU on the node of x would be there beyond 50; CPUs alone fit beside the gang: two on each of its nodes.
    REQUIRE(engine.job(1.0, {.name = "half", .gpus = 1, .gpu_demand = half, .terms = {.duration = 80.0}}));
    REQUIRE(engine.job(
        1.0,
        {.name = "cpu3", .gpus = 0, .node_demand = std::array<berth::amount, 1>{3}, .terms = {.duration = 1000.0}}));
    REQUIRE(engine.job(1.0, {.name = "cpu6", .gpus = 0, .node_demand = six, .terms = {.duration = 1000.0}}));
    REQUIRE(engine.job(1.0, {.name = "cpu2", .gpus = 0, .node_demand = two, .terms = {.duration = 1000.0}}));
    const lines told = decide_on(engine, 1.0);
    CHECK(reserved_from(engine, "gang") == 50.0);
    const auto starts = [&](std::string_view job) {
        return std::count_if(told.begin(), told.end(), [&](const std::string& one) {
            return one.rfind("start " + std::string{job} + "/", 0) == 0;
        });
    };
    CHECK(starts("half") == 0);
    // z's node is not reserved: 6 CPUs are free there, once 3 are taken no 6 are.
    CHECK(starts("cpu3") == 1);
    CHECK(starts("cpu6") == 0);
    CHECK(starts("cpu2") == 1);
    REQUIRE(engine.finish(30.0, "x"));
    (void)decide_on(engine, 30.0);
    REQUIRE(engine.finish(50.0, "y"));
    CHECK(decide_on(engine, 50.0).front().rfind("start gang/0", 0) == 0);
}

TEST_CASE(
    "backfill: what outlives its estimate is expected to run twice as long, and who is unknown promises nothing") {
    CHECK(berth::detail::seconds_to_go(100.0, unknown, 40.0) == 60.0);
    CHECK(berth::detail::seconds_to_go(100.0, unknown, 100.0) == 100.0);
    CHECK(berth::detail::seconds_to_go(100.0, unknown, 450.0) == 350.0);
    CHECK(berth::detail::seconds_to_go(100.0, 300.0, 250.0) == 50.0);
    CHECK(berth::detail::seconds_to_go(100.0, 300.0, 300.0) == 100.0);  // nobody has ended it
    CHECK(berth::detail::seconds_to_go(0.0, unknown, 0.0) == 1.0);
    berth::scheduler engine{easy};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "a", .terms = {.duration = 100.0}}));
    REQUIRE(decide_on(engine, 0.0).size() == 1);
    REQUIRE(engine.job(10.0, {.name = "wide", .gpus = 2, .terms = {.duration = 10.0}}));
    REQUIRE(engine.job(10.0, {.name = "b", .terms = {.duration = 95.0}}));
    (void)decide_on(engine, 10.0);
    CHECK(reserved_from(engine, "wide") == 100.0);
    CHECK(engine.wake_at() == 100.0);
    // a runs on: now it is expected to end at 200, and b ends before that.
    CHECK(decide_on(engine, 100.0) == lines{"start b/0 n0"});
    CHECK(reserved_from(engine, "wide") == 200.0);
    REQUIRE(engine.cancel(101.0, "a"));
    REQUIRE(engine.job(101.0, {.name = "forever"}));
    REQUIRE(engine.cancel(101.0, "b"));
    CHECK(decide_on(engine, 101.0) ==
          lines{"start wide/0 n0", "wait forever reserved from 111 s on for forever gpu=1"});
    REQUIRE(engine.finish(111.0, "wide"));
    CHECK(decide_on(engine, 111.0) == lines{"start forever/0 n0"});
    REQUIRE(engine.job(112.0, {.name = "late", .gpus = 2}));
    REQUIRE(engine.job(112.0, {.name = "c"}));
    CHECK(decide_on(engine, 112.0) == lines{"start c/0 n0", "wait late gpu=1"});
    CHECK(engine.reservations().empty());
}

TEST_CASE("backfill: a deeper line has more reservations, none of which takes the room of one before it") {
    const auto policies = berth::scheduler_policies<>{}.with_backfill(berth::easy_backfill{.depth = 2});
    berth::scheduler engine{policies};
    join(engine, {"n0", "n1"}, 2);
    for (const auto& [name, seconds] : {std::pair{"a", 20.0}, {"b", 30.0}, {"c", 40.0}})
        REQUIRE(engine.job(0.0, {.name = name, .terms = {.duration = seconds}}));
    REQUIRE(decide_on(engine, 0.0).size() == 3);
    REQUIRE(engine.job(1.0, {.name = "first", .gpus = 2, .terms = {.duration = 100.0}}));
    REQUIRE(engine.job(1.0, {.name = "second", .gpus = 2, .terms = {.duration = 100.0}}));
    REQUIRE(engine.job(1.0, {.name = "long", .terms = {.duration = 60.0}}));
    REQUIRE(engine.job(1.0, {.name = "short", .terms = {.duration = 25.0}}));
    (void)decide_on(engine, 1.0);
    const double first = reserved_from(engine, "first");
    const double second = reserved_from(engine, "second");
    CHECK(first < second);
    CHECK(engine.running(*engine.find_job("short")) == 1);
    CHECK(engine.running(*engine.find_job("long")) == 0);  // it would delay the second one
    const auto reserved = engine.reservations();
    REQUIRE(reserved.size() == 2);
    CHECK(reserved[0].where[0].node != reserved[1].where[0].node);
}

TEST_CASE("backfill: labels, levels and limits of queues hold for reservations") {
    berth::scheduler engine{easy_with_queues};
    join(engine, {"n0", "n1"}, 2);
    const std::string_view fast[] = {"fast"};
    REQUIRE(engine.labels(0.0, "n1", fast));
    const berth::queue_amount none[] = {{"gpu", 0}};
    const berth::queue_amount all[] = {{"gpu", 4000}};
    REQUIRE(engine.queue(0.0, {.name = "q", .quota = all}));
    REQUIRE(engine.queue(0.0, {.name = "barred", .quota = none, .limit = none}));
    REQUIRE(engine.job(0.0, {.name = "a", .gpus = 1, .terms = {.duration = 10.0, .queue = "q"}}));
    REQUIRE(engine.job(
        0.0, {.name = "b", .gpus = 1, .terms = {.duration = 90.0, .queue = "q", .place = {.required_labels = fast}}}));
    REQUIRE(decide_on(engine, 0.0).size() == 2);
    REQUIRE(engine.job(1.0, {.name = "no", .gpus = 2, .terms = {.duration = 5.0, .queue = "barred"}}));
    REQUIRE(engine.job(
        1.0,
        {.name = "wide", .gpus = 2, .terms = {.duration = 5.0, .queue = "q", .place = {.required_labels = fast}}}));
    REQUIRE(engine.job(2.0, {.name = "c", .gpus = 1, .terms = {.duration = 500.0, .queue = "q"}}));
    REQUIRE(engine.job(2.0, {.name = "d", .gpus = 1, .terms = {.duration = 500.0, .queue = "q"}}));
    (void)decide_on(engine, 2.0);
    CHECK(reserved_from(engine, "no") == -1.0);    // its queue lets it take nothing
    CHECK(reserved_from(engine, "wide") == 90.0);  // on n1, though n0 is free at 10
    // One of the two has the free GPU of n0; the one of n1 is kept.
    CHECK(engine.running(*engine.find_job("c")) + engine.running(*engine.find_job("d")) == 1);
}

namespace {

/// Random jobs in a machine of two counters.
struct machine_job {
    std::int64_t arrival = 0;
    std::int64_t estimate = 1;
    std::int64_t runs = 1;  // at most the estimate
    berth::amount demand[2] = {0, 0};
};

}  // namespace

TEST_CASE("backfill: on one machine all starts are those of easy_queue") {
    berth::xoshiro256 random{7};
    const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
    for (int round = 0; round < 12; ++round) {
        std::vector<machine_job> jobs(150);
        std::int64_t at = 0;
        for (machine_job& j : jobs) {
            at += below(12);
            j.arrival = at;
            j.estimate = 1 + below(round % 2 == 0 ? 60 : 200);
            j.runs = round % 3 == 0 ? j.estimate : 1 + below(static_cast<std::uint64_t>(j.estimate));
            j.demand[0] = 1 + below(below(5) == 0 ? 16 : 5);
            j.demand[1] = below(4);
        }
        const berth::amount capacity[2] = {16, 6};
        berth::easy_queue queue{capacity, berth::backfill_mode::queue};
        berth::scheduler engine{easy,
                                berth::resource_schema{.gpu = {"share"}, .node = {"cpu", "licence"}},
                                {.waits = berth::wait_reports::none}};
        REQUIRE(engine.node(0.0, berth::node_description{.name = "m", .capacity = capacity}));
        std::vector<std::int64_t> by_queue(jobs.size(), -1);
        std::vector<std::int64_t> by_engine(jobs.size(), -1);
        std::vector<berth::job_handle> handles(jobs.size());
        std::size_t arrived = 0;
        for (std::int64_t now = 0; arrived < jobs.size() || engine.job_count() > 0; ++now) {
            bool happens = false;
            for (std::size_t j = 0; j < arrived; ++j) {
                if (by_queue[j] >= 0 && by_queue[j] + jobs[j].runs == now) {
                    REQUIRE(queue.finish(j, now));
                    happens = true;
                }
                if (by_engine[j] >= 0 && by_engine[j] + jobs[j].runs == now) {
                    REQUIRE(engine.finish(static_cast<double>(now), handles[j]));
                    happens = true;
                }
            }
            for (; arrived < jobs.size() && jobs[arrived].arrival == now; ++arrived) {
                const machine_job& j = jobs[arrived];
                REQUIRE(queue.submit(now, j.estimate, j.demand));
                const auto told = engine.job(
                    static_cast<double>(now),
                    {.gpus = 0, .node_demand = j.demand, .terms = {.duration = static_cast<double>(j.estimate)}});
                REQUIRE_MESSAGE(told.has_value(), (told ? "" : told.error().message));
                handles[arrived] = *told;
                happens = true;
            }
            if (!happens) continue;
            queue.pass(now, [&](berth::backfill_job j) { by_queue[j] = now; });
            const auto decided = engine.decide(static_cast<double>(now));
            REQUIRE(decided.has_value());
            for (const berth::decision& d : *decided) {
                const auto which =
                    std::find(handles.begin(), handles.begin() + static_cast<std::ptrdiff_t>(arrived), d.job);
                by_engine[static_cast<std::size_t>(which - handles.begin())] = now;
            }
            REQUIRE(by_queue == by_engine);
        }
    }
}

namespace {

/// Days of random jobs with exact durations on unlike nodes. What is checked after each decision: the first reservation is
/// as early as if nobody behind it had started, whoever was promised a start has it by then, and counters hold.
template <class Policies>
class random_day {
public:
    random_day(Policies policies, std::uint64_t seed, std::size_t jobs, bool queues, std::size_t restart_every)
        : policies_{policies}, random_{seed}, left_{jobs}, restart_every_{restart_every} {
        engine_ = std::make_unique<berth::scheduler<Policies>>(policies, schema(), options());
        const std::size_t nodes = 2 + below(4);
        for (std::size_t n = 0; n < nodes; ++n) {
            const std::vector<berth::gpu_description> gpus(1 + below(4), {.model = n % 2 == 0 ? "A" : "B"});
            const berth::amount cpus[] = {static_cast<berth::amount>(4 + below(8))};
            const std::string name = "n" + std::to_string(n);
            REQUIRE(engine_->node(0.0, berth::node_description{.name = name, .capacity = cpus, .gpus = gpus}));
        }
        for (const char* name : {"p", "q"}) {
            const berth::queue_amount quota[] = {{"gpu", 3000}};
            if (queues) REQUIRE(engine_->queue(0.0, {.name = name, .quota = quota}));
            queues_ = queues;
        }
    }
    void run() {
        while (left_ > 0 || !ends_.empty()) {
            const double next_end = next();
            const bool arrives = left_ > 0 && (ends_.empty() || arrival_ <= next_end);
            now_ = arrives ? arrival_ : next_end;
            if (arrives) arrive();
            finish();
            decide();
        }
        CHECK(promised_ > 0);
        if (queues_) CHECK(kept_ > 0);
    }

private:
    static berth::resource_schema schema() { return {.gpu = {"share"}, .node = {"cpu"}}; }
    static berth::scheduler_options options() { return {.gang_steps = 100'000}; }
    [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    [[nodiscard]] double next() const {
        double at = 1e300;
        for (const auto& [job, end] : ends_) at = std::min(at, end);
        return at;
    }
    void arrive() {
        --left_;
        arrival_ = now_ + static_cast<double>(below(12));
        const std::string name = "j" + std::to_string(left_);
        const berth::amount cpus[] = {static_cast<berth::amount>(below(4))};
        const berth::amount half[] = {500};
        const std::string_view one_model[] = {"A"};
        berth::job_description d{.name = name, .task_count = 1, .gpus = 1, .node_demand = cpus};
        if (below(4) == 0) d.task_count = 2 + below(2);
        if (below(3) == 0) d.gpus = 1 + below(3);
        if (below(6) == 0) d.gpu_demand = half, d.gpus = 1;
        if (below(6) == 0) d.accepted_models = one_model;
        if (below(8) == 0) d.gpus = 0, d.gpu_demand = {}, d.accepted_models = {};
        d.terms.duration = static_cast<double>(1 + below(60));
        if (queues_) d.terms.queue = below(2) == 0 ? "p" : "q";
        durations_[name] = d.terms.duration;
        const auto told = engine_->job(now_, d);
        REQUIRE_MESSAGE(told.has_value(), (told ? "" : told.error().message));
    }
    void finish() {
        for (auto at = ends_.begin(); at != ends_.end();) {
            if (at->second > now_) {
                ++at;
                continue;
            }
            const auto told = engine_->finish(now_, std::string_view{at->first});
            REQUIRE_MESSAGE(told.has_value(), (told ? "" : told.error().message));
            at = ends_.erase(at);
        }
    }
    void decide() {
        std::unique_ptr<berth::scheduler<Policies>> other;
        if (restart_every_ > 0 && ++decisions_ % restart_every_ == 0) {
            auto loaded = berth::load_scheduler(berth::save_scheduler(*engine_), policies_, options());
            REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
            other = std::move(*loaded);
            CHECK(other->wake_at() == engine_->wake_at());
        }
        const lines told = decide_on(*engine_, now_);
        if (other) {
            REQUIRE(decide_on(*other, now_) == told);
            CHECK(other->wake_at() == engine_->wake_at());
        }
        bool evicted = false;
        for (const berth::decision& d : engine_->last_decisions()) {
            const std::string name{engine_->name(d.job)};
            evicted = evicted || d.kind == berth::decision_kind::evict || d.kind == berth::decision_kind::move;
            if (d.kind == berth::decision_kind::evict && ends_.count(name) > 0) {  // it goes on where it was
                durations_[name] = ends_[name] - now_;
                ends_.erase(name);
            }
            if (d.kind != berth::decision_kind::start) continue;
            ends_[name] = now_ + durations_[name];
            const auto promise = promises_.find(name);
            if (promise != promises_.end()) CHECK_MESSAGE(now_ <= promise->second, name);
        }
        const auto reserved = engine_->reservations();
        if (reserved.empty()) first_.clear();
        for (const berth::job_reservation& r : reserved) {
            const std::string name{engine_->name(r.job)};
            CHECK(r.from > now_);
            if (name != engine_->name(reserved[0].job)) continue;
            // As early as if nobody who waits went before it, by another way of counting.
            const auto alone = berth::expected_start(*engine_, r.job);
            REQUIRE(alone.has_value());
            CHECK(*alone <= r.from);
            if (queues_) {
                // It may lose its turn, but while it keeps it, and nobody is evicted, it is not told a later time.
                if (name == first_ && !evicted) {
                    CHECK_MESSAGE(r.from <= first_from_, name);
                    ++kept_;
                }
                first_ = name;
                first_from_ = r.from;
                continue;
            }
            CHECK(*alone == r.from);
            // First come, first served: nobody comes before it any more.
            promised_ += promises_.count(name) == 0 ? 1 : 0;
            const auto [at, is_new] = promises_.emplace(name, r.from);
            CHECK_MESSAGE(r.from <= at->second, name);
            at->second = r.from;
        }
        if (queues_) promised_ += reserved.size();
        for (std::size_t i = 0; i < engine_->cluster().fleet().node_count(); ++i) {
            const berth::node_view at = engine_->cluster().ledger().node(berth::node_index{i});
            for (const berth::amount free : at.free_node) CHECK(free >= 0);
            for (const berth::amount free : at.free_gpus) CHECK(free >= 0);
        }
        if (!other) return;
        engine_ = std::move(other);
    }

    Policies policies_;
    berth::xoshiro256 random_;
    std::size_t left_;
    std::size_t restart_every_;
    std::size_t decisions_ = 0;
    std::size_t promised_ = 0;
    std::size_t kept_ = 0;
    std::string first_;  // with queues: who has the first reservation
    double first_from_ = 0.0;
    bool queues_ = false;
    double now_ = 0.0;
    double arrival_ = 0.0;
    std::unique_ptr<berth::scheduler<Policies>> engine_;
    std::map<std::string, double> durations_;
    std::map<std::string, double> ends_;
    std::map<std::string, double> promises_;
};

}  // namespace

TEST_CASE(
    "backfill: with exact durations nobody starts later than promised, on random days of unlike nodes and gangs") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        random_day{easy, seed, 150, false, 0}.run();
    }
}

TEST_CASE("backfill: with queues the first of the line is not told a later time while it keeps its turn") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        random_day{easy.with_order(berth::fifo{}), seed, 150, true, 0}.run();
        random_day{easy_with_queues, seed, 150, true, 0}.run();
    }
}

TEST_CASE("backfill: restarted schedulers decide alike, with and without queues") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        random_day{easy, seed, 80, false, 3}.run();
        random_day{easy_with_queues, seed, 80, true, 3}.run();
    }
}

TEST_CASE("backfill: any_scheduler has it, too") {
    berth::any_scheduler engine{easy};
    const std::vector<berth::gpu_description> gpus(2);
    REQUIRE(engine.node(0.0, berth::node_description{.name = "n0", .gpus = gpus}));
    REQUIRE(engine.job(0.0, {.name = "a", .terms = {.duration = 10.0}}));
    REQUIRE(engine.decide(0.0));
    REQUIRE(engine.job(1.0, {.name = "wide", .gpus = 2, .terms = {.duration = 10.0}}));
    REQUIRE(engine.job(1.0, {.name = "b", .terms = {.duration = 10.0}}));
    REQUIRE(engine.decide(1.0));
    CHECK(engine.running(*engine.find_job("b")) == 0);
    CHECK(engine.known().reservations().size() == 1);
}
