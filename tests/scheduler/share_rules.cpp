// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/share_rules.hpp"

#include "berth/core/random.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_text.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using policies = decltype(berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}));
using engine_type = berth::scheduler<policies>;

policies with(const berth::share_rules& rules) { return berth::scheduler_policies<>{}.with_preemption(rules); }

struct without_max_claims {
    static constexpr bool preempts = false;
    static constexpr bool by_shares = true;
    bool consolidate = true;
    bool reclaim = true;
    bool preempt = true;
    std::size_t max_moves = 8;
    std::uint64_t max_trials = 500;
    bool operator()(const berth::queued_job&, const berth::queue_key&, const berth::queued_job&,
                    const berth::queue_key&) const {
        return false;
    }
};
static_assert(berth::share_policy<berth::share_rules> && berth::follows_shares<berth::share_rules>);
static_assert(!berth::share_policy<without_max_claims> && berth::follows_shares<without_max_claims>);
static_assert(!berth::follows_shares<berth::no_preemption> && !berth::preempts<berth::share_rules>);

void queue(engine_type& engine, const char* name, berth::amount gpus) {
    const berth::queue_amount quota[] = {{"gpu", gpus * berth::whole_gpu}};
    REQUIRE(engine.queue(engine.now(), {.name = name, .quota = quota}));
}
void job(engine_type& engine, double time, const std::string& name, const char* leaf, std::size_t gpus,
         int priority = 0, bool preemptible = true) {
    REQUIRE(engine.job(
        time,
        {.name = name, .gpus = gpus, .priority = priority, .terms = {.preemptible = preemptible, .queue = leaf}}));
}
std::vector<std::string> decide(engine_type& engine, double time) {
    const auto decisions = engine.decide(time);
    REQUIRE(decisions);
    std::vector<std::string> words;
    for (const berth::decision& d : *decisions) words.push_back(in_words(engine, d));
    return words;
}
std::size_t evictions(const engine_type& engine) {
    return static_cast<std::size_t>(engine.counts().decisions[static_cast<std::size_t>(berth::decision_kind::evict)]);
}

/// `rich` has all four GPUs and is promised two; `poor`, promised two, wants them.
void lend_and_want_back(engine_type& engine) {
    join(engine, {"n0", "n1"}, 2);
    queue(engine, "rich", 2);
    queue(engine, "poor", 2);
    for (const char* name : {"r0", "r1", "r2", "r3"}) job(engine, 1.0, name, "rich", 1);
    (void)decide(engine, 1.0);
    REQUIRE(engine.running(*engine.find_job("r3")) == 1);
    for (const char* name : {"p0", "p1", "p2"}) job(engine, 2.0, name, "poor", 1);
    (void)decide(engine, 2.0);
}
std::size_t running_of(const engine_type& engine, const std::string& prefix, std::size_t count) {
    std::size_t running = 0;
    for (std::size_t i = 0; i < count; ++i) running += engine.running(*engine.find_job(prefix + std::to_string(i)));
    return running;
}

/// Two nodes of two GPUs, and a job of one GPU on each, in the queue "q": one for two GPUs needs a move.
void half_full_nodes(engine_type& engine) {
    join(engine, {"n0", "n1"}, 2);
    queue(engine, "q", 4);
    for (const char* name : {"a", "b", "c", "d"}) job(engine, 1.0, name, "q", 1);
    (void)decide(engine, 1.0);
    // One remains on each node.
    const auto node_of = [&](const char* name) {
        return engine.cluster().where(engine.task(*engine.find_job(name), 0)).node;
    };
    const std::string other = node_of("b") == node_of("a") ? "c" : "b";
    REQUIRE(node_of("a") != node_of(other.c_str()));
    for (const char* name : {"b", "c", "d"}) {
        if (name != other) REQUIRE(engine.finish(2.0, name));
    }
}

}  // namespace

TEST_CASE("share_rules: a queue takes back what it is promised, no more, and reclaim can be closed") {
    engine_type open{with({})};
    lend_and_want_back(open);
    CHECK(running_of(open, "p", 3) == 2);
    CHECK(running_of(open, "r", 4) == 2);
    CHECK(evictions(open) == 2);

    engine_type closed{with({.reclaim = false})};
    lend_and_want_back(closed);
    CHECK(running_of(closed, "p", 3) == 0);
    CHECK(evictions(closed) == 0);
}

TEST_CASE("share_rules: nobody is evicted where no claim may fail, or no set of victims is tried") {
    for (const berth::share_rules& rules : {berth::share_rules{.max_claims = 0}, berth::share_rules{.max_trials = 0}}) {
        engine_type engine{with(rules)};
        lend_and_want_back(engine);
        CHECK(evictions(engine) == 0);
        (void)decide(engine, 3.0);
        CHECK(evictions(engine) == 0);
    }
}

TEST_CASE(
    "share_rules: the higher priority of a queue takes the place of the youngest lower one, unless that is closed") {
    for (const bool preempt : {true, false}) {
        engine_type engine{with({.preempt = preempt})};
        join(engine, {"n0"}, 2);
        queue(engine, "q", 2);
        job(engine, 1.0, "old", "q", 1);
        job(engine, 2.0, "young", "q", 1);
        (void)decide(engine, 2.0);
        job(engine, 3.0, "equal", "q", 1);
        CHECK(decide(engine, 3.0).size() == 1);  // it waits, and is told why
        job(engine, 4.0, "urgent", "q", 1, 1);
        const auto words = decide(engine, 4.0);
        CHECK(engine.running(*engine.find_job("urgent")) == (preempt ? 1U : 0U));
        CHECK(engine.running(*engine.find_job("young")) == (preempt ? 0U : 1U));
        CHECK(engine.running(*engine.find_job("old")) == 1);
        if (preempt) CHECK(words[0] == "evict young/0 n0 preemption in queue \"q\": priority 1 over 0 for urgent");
    }
}

TEST_CASE("share_rules: jobs move so that a wide one fits, at most so many of them, unless that is closed") {
    for (const berth::share_rules& rules :
         {berth::share_rules{}, berth::share_rules{.max_moves = 1}, berth::share_rules{.max_moves = 0},
          berth::share_rules{.consolidate = false}}) {
        engine_type engine{with(rules)};
        half_full_nodes(engine);
        job(engine, 2.0, "wide", "q", 2);
        (void)decide(engine, 2.0);
        CHECK(engine.running(*engine.find_job("wide")) == (rules.consolidate && rules.max_moves > 0 ? 1U : 0U));
        CHECK(evictions(engine) == 0);
    }
}

TEST_CASE("share_rules: room that is made by moves is the claimant's, however the moving jobs come to leave") {
    const std::string ways[] = {"moved", "finish", "cancel", "node_gone", "running elsewhere", "failed"};
    for (const std::string& way : ways) {
        CAPTURE(way);
        engine_type engine{with({}), {}, {.acknowledge = berth::acknowledgement::reported}};
        half_full_nodes(engine);
        job(engine, 2.0, "wide", "q", 2);
        const auto decided = decide(engine, 2.0);
        REQUIRE(decided.size() == 1);
        const berth::decision move = engine.last_decisions()[0];
        REQUIRE(move.kind == berth::decision_kind::move);
        const std::string name{engine.name(move.job)};
        const std::string to{engine.cluster().fleet().name(move.where.node)};
        CHECK(engine.claims(*engine.find_job("wide")));
        if (way == "moved") REQUIRE(engine.moved(3.0, name));
        if (way == "finish") REQUIRE(engine.finish(3.0, name));
        if (way == "cancel") REQUIRE(engine.cancel(3.0, name));
        if (way == "node_gone") REQUIRE(engine.node_gone(3.0, to));
        if (way == "failed") REQUIRE(engine.failed(3.0, name));
        if (way == "running elsewhere") {
            const std::string there = to + "-" + std::to_string(berth::lowest_gpu(move.where.gpus));
            const std::string_view gpus[] = {there};
            REQUIRE(engine.running(3.0, name, 0, to, gpus));
        }
        (void)decide(engine, 3.0);
        const bool starts = way != "node_gone" && way != "failed";
        CHECK(engine.running(*engine.find_job("wide")) == (starts ? 1U : 0U));
        // A claim that cannot be met is given up, and its node is free for others.
        CHECK_FALSE(engine.claims(*engine.find_job("wide")));
        const berth::fleet& machines = engine.cluster().fleet();
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const berth::node_index n{i};
            if (machines.present(n)) CHECK(engine.cluster().open(n));
        }
    }
}

// ---- claims that fail -------------------------------------------------------------------------------------------------

namespace {

/// A job for a part of a GPU of model B, which a job that may not be stopped has: its claims fail. Each part is another
/// demand.
void doomed(engine_type& engine, double time, std::size_t i) {
    const berth::amount share[] = {static_cast<berth::amount>(999 - i)};
    const std::string_view only[] = {"B"};
    const std::string name = "doomed" + std::to_string(i);
    REQUIRE(engine.job(time, {.name = name, .gpu_demand = share, .accepted_models = only, .terms = {.queue = "poor"}}));
}
constexpr std::size_t first_doomed = 20;

/// `late` has a right to the GPU that `lent` has, and its turn comes after twenty that have no chance.
std::unique_ptr<engine_type> doomed_before_late(const berth::share_rules& rules = {}) {
    auto engine = std::make_unique<engine_type>(with(rules));
    join_described(*engine, "a", 1, "A");
    join_described(*engine, "b", 1, "B");
    queue(*engine, "poor", 40);
    queue(*engine, "rich", 0);
    const std::string_view b[] = {"B"};
    REQUIRE(engine->job(1.0, {.name = "kept", .accepted_models = b, .terms = {.preemptible = false, .queue = "poor"}}));
    job(*engine, 1.0, "lent", "rich", 1);
    (void)decide(*engine, 1.0);
    REQUIRE(engine->running(*engine->find_job("kept")) == 1);
    REQUIRE(engine->running(*engine->find_job("lent")) == 1);
    for (std::size_t i = 0; i < first_doomed; ++i) doomed(*engine, 3.0, i);
    const std::string_view only[] = {"A"};
    REQUIRE(engine->job(3.0, {.name = "late", .accepted_models = only, .terms = {.queue = "poor"}}));
    return engine;
}

/// The most decisions until each of so many claimants was tried: the rest of a sweep, and a whole one.
std::size_t bound(std::size_t claimants, const berth::share_rules& rules = {}) {
    const std::size_t onwards = rules.max_claims - rules.max_claims / 2;
    return 2 * ((claimants + onwards - 1) / onwards) + 1;
}

}  // namespace

TEST_CASE("share_rules: a claimant whose turn comes after many that fail gets its room within a bounded number of "
          "decisions") {
    for (const std::uint64_t claims : {1U, 2U, 8U, 100U}) {
        CAPTURE(claims);
        const berth::share_rules rules{.max_claims = claims};
        const auto engine = doomed_before_late(rules);
        std::size_t decisions = 0;
        while (engine->running(*engine->find_job("late")) == 0 && decisions < 1000) {
            ++decisions;
            (void)decide(*engine, 3.0 + static_cast<double>(decisions));
        }
        CHECK(decisions <= bound(first_doomed + 1, rules));
        CHECK((claims < 100 ? decisions > 1 : decisions == 1));
        CHECK(engine->running(*engine->find_job("lent")) == 0);
        CHECK(running_of(*engine, "doomed", first_doomed) == 0);
    }
}

TEST_CASE("share_rules: newcomers that fail do not keep an older claimant from its try") {
    const auto engine = doomed_before_late();
    std::size_t made = first_doomed;
    std::size_t decisions = 0;
    while (engine->running(*engine->find_job("late")) == 0 && decisions < 100) {
        ++decisions;
        const double now = 3.0 + static_cast<double>(decisions);
        for (int k = 0; k < 6; ++k) doomed(*engine, now, made++);
        (void)decide(*engine, now);
    }
    CHECK(decisions <= bound(first_doomed + 1));
    CHECK(decisions > 1);
}

TEST_CASE("share_rules: where nothing changes, claims end once all have failed") {
    const auto engine = doomed_before_late();
    for (int i = 0; i < 100; ++i) (void)decide(*engine, 4.0 + i);
    REQUIRE(engine->running(*engine->find_job("late")) == 1);
    const std::uint64_t before = engine->cluster().changes().now();
    for (int i = 0; i < 10; ++i) CHECK(decide(*engine, 200.0 + i).empty());
    CHECK(engine->cluster().changes().now() == before);  // nothing was tried
}

TEST_CASE("share_rules: a scheduler that is killed after each decision goes on with the claims where it stopped") {
    auto lives = doomed_before_late();
    auto dies = doomed_before_late();
    std::size_t decisions = 0;
    while (lives->running(*lives->find_job("late")) == 0 && decisions < 100) {
        ++decisions;
        const double now = 3.0 + static_cast<double>(decisions);
        CHECK(lives->save() == dies->save());
        auto again = berth::load_scheduler(dies->save(), with({}));
        REQUIRE(again);
        dies = std::move(*again);
        CHECK(decide(*lives, now) == decide(*dies, now));
    }
    CHECK(decisions <= bound(first_doomed + 1));
    CHECK(decisions > 1);
}

// ---- who has evicted whom ---------------------------------------------------------------------------------------------

namespace {

/// Days on which the demand of five queues goes up and down. Each has one job that stays all day and that leaves before
/// others, because it is less important.
class restless_day {
public:
    restless_day(std::uint64_t seed, bool restarts) : random_{seed}, restarts_{restarts} {
        engine_ = std::make_unique<engine_type>(with({}));
        join(*engine_, {"n0", "n1", "n2", "n3", "n4"}, 2);
        for (const char* name : queues) {
            queue(*engine_, name, 2);
            job(*engine_, 0.0, name, name, 2, -1);
        }
    }
    void run(std::size_t steps) {
        for (std::size_t i = 0; i < steps; ++i) {
            now_ += 1.0;
            const std::size_t q = random_() % 5;
            if (random_() % 3 < shorts_[q].size()) {
                REQUIRE(engine_->finish(now_, shorts_[q].back()));
                shorts_[q].pop_back();
            } else {
                shorts_[q].push_back("short" + std::to_string(i));
                job(*engine_, now_, shorts_[q].back(), queues[q], 1);
            }
            if (restarts_) restart();
            (void)decide(*engine_, now_);
            for (const berth::decision& d : engine_->last_decisions()) {
                if (d.kind == berth::decision_kind::evict)
                    ++taken_[{std::string{engine_->name(d.job)}, std::string{engine_->name(d.beneficiary)}}];
            }
        }
    }
    /// How often the pair that did so most evicted each other, of both directions the rarer one.
    [[nodiscard]] std::size_t most_in_turn() const {
        std::size_t most = 0;
        for (const auto& [pair, times] : taken_) {
            const auto back = taken_.find({pair.second, pair.first});
            if (back != taken_.end()) most = std::max(most, std::min(times, back->second));
        }
        return most;
    }
    [[nodiscard]] std::size_t evicted() const { return evictions(*engine_); }

private:
    static constexpr const char* queues[] = {"p", "q", "r", "s", "t"};
    void restart() {
        const std::string text = engine_->save();
        auto again = berth::load_scheduler(text, with({}));
        REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().message));
        CHECK((*again)->save() == text);
        engine_ = std::move(*again);
    }

    berth::xoshiro256 random_;
    bool restarts_;
    double now_ = 0.0;
    std::unique_ptr<engine_type> engine_;
    std::vector<std::string> shorts_[5];
    std::map<std::pair<std::string, std::string>, std::size_t> taken_;  // victim, whom for
};

}  // namespace

TEST_CASE("share_rules: no two jobs evict each other twice, restarted or not") {
    std::size_t in_turn = 0;
    std::size_t evicted = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const bool restarts = seed > 5;
        CAPTURE(seed);
        restless_day day{seed, restarts};
        day.run(restarts ? 400 : 4000);
        CHECK(day.most_in_turn() <= 1);
        in_turn += day.most_in_turn();
        evicted += day.evicted();
    }
    MESSAGE(evicted << " evictions, on " << in_turn << " days somebody took the place of one that had taken its own");
    CHECK(in_turn > 0);
    CHECK(evicted > 500);
}
