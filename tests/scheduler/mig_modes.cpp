// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/mig_modes.hpp"

#include "berth/core/random.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/testing/check_cluster.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using berth::mig_mode_step;

berth::mig_board a100() {
    return *berth::mig_board::make("A100-80", 7, 8,
                                   {{"1g.10gb", 1, 1, {0, 1, 2, 3, 4, 5, 6}, 7, 9728},
                                    {"2g.20gb", 2, 2, {0, 2, 4}, 3, 19968},
                                    {"3g.40gb", 3, 4, {0, 4}, 2, 40192},
                                    {"4g.40gb", 4, 4, {0}, 1, 40192},
                                    {"7g.80gb", 7, 8, {0}, 1, 80896}});
}

/// Nodes of four GPUs, whose modes are switched as advised; jobs end after their durations.
template <class Engine>
class switched_fleet {
public:
    explicit switched_fleet(Engine& engine, std::size_t nodes, bool advised = true)
        : engine_{engine},
          advised_{advised},
          sliced_(4 * nodes, false),
          modes_{a100(), "A100", {.keep_seconds = 300.0}} {
        REQUIRE(engine_.mig_board(a100()));
        for (std::size_t n = 0; n < nodes; ++n) report(0.0, n);
    }
    void ask(double time, std::string_view profile, std::size_t gpus, double seconds) {
        const std::string name = "job" + std::to_string(jobs_.size());
        if (profile.empty()) {
            REQUIRE(engine_.job(time, {.name = name, .gpus = gpus}));
        } else {
            REQUIRE(engine_.job(time, {.name = name, .mig_profile = profile}));
        }
        jobs_.push_back({name, time, seconds});
    }
    void step(double time) {
        for (std::size_t g = 0; g < under_way_.size(); ++g) {
            if (under_way_[g] < 0.0 || under_way_[g] > time) continue;
            under_way_[g] = -1.0;
            finish_switch(time, g);
        }
        for (job& j : jobs_) {
            if (j.started < 0.0 || j.ended || j.started + j.seconds > time) continue;
            REQUIRE(engine_.finish(time, j.name));
            j.ended = true;
        }
        const auto decisions = engine_.decide(time);
        REQUIRE(decisions);
        for (const berth::decision& d : *decisions) {
            for (job& j : jobs_) {
                if (d.kind == berth::decision_kind::start && j.name == engine_.name(d.job)) j.started = time;
            }
        }
        CHECK(berth::check_cluster(engine_.cluster()));
        if (!advised_) return;
        const auto given = modes_.advise(engine_);
        for (const berth::mig_mode_advice& a : std::vector<berth::mig_mode_advice>(given.begin(), given.end())) {
            carry_out(time, a);
        }
    }
    [[nodiscard]] double longest_wait(double now) const {
        double longest = 0.0;
        for (const job& j : jobs_) {
            const double wait = (j.started < 0.0 ? now : j.started) - j.arrived;
            longest = wait > longest ? wait : longest;
        }
        return longest;
    }
    [[nodiscard]] std::size_t never_started() const {
        std::size_t count = 0;
        for (const job& j : jobs_) count += j.started < 0.0 ? 1 : 0;
        return count;
    }
    [[nodiscard]] std::size_t switches() const { return switches_; }
    [[nodiscard]] std::size_t moves() const { return moves_; }

private:
    struct job {
        std::string name;
        double arrived;
        double seconds;
        double started = -1.0;
        bool ended = false;
    };
    void report(double time, std::size_t node) {
        std::vector<std::string> names;
        std::vector<berth::gpu_description> gpus;
        for (std::size_t g = 4 * node; g < 4 * node + 4; ++g) names.push_back("GPU-" + std::to_string(g));
        for (std::size_t g = 0; g < 4; ++g) {
            gpus.push_back({.model = "A100", .uuid = names[g], .mig_board = sliced_[4 * node + g] ? "A100-80" : ""});
        }
        const std::string name = "n" + std::to_string(node);
        REQUIRE(engine_.node(time, berth::node_description{.name = name, .gpus = gpus}));
    }
    void carry_out(double time, const berth::mig_mode_advice& a) {
        const berth::cluster& living = engine_.cluster();
        const berth::slot at = living.find(a.gpu);
        REQUIRE(at.placed());
        if (a.step == mig_mode_step::empty) {
            moves_ += a.moves;
            REQUIRE((a.moves > 0 ? engine_.drain(time, a.gpu) : engine_.close(time, a.gpu)));
        } else if (a.step == mig_mode_step::reopen) {
            REQUIRE(engine_.open(time, a.gpu));
        } else {
            for (const berth::slot& used : living.slots()) {
                CHECK_FALSE((used.placed() && used.node == at.node && (used.gpus & at.gpus) != 0));
            }
            const std::string& uuid = living.uuid(at.node, berth::lowest_gpu(at.gpus));
            const auto gpu = static_cast<std::size_t>(std::stoul(uuid.substr(4)));
            CHECK(sliced_[gpu] == (a.step == mig_mode_step::unslice));
            if (under_way_[gpu] >= 0.0) return;  // it takes two minutes, and advice is repeated meanwhile
            under_way_[gpu] = time + 120.0;
            REQUIRE(engine_.close(time, a.gpu));
            ++switches_;
        }
    }

    void finish_switch(double time, std::size_t gpu) {
        sliced_[gpu] = !sliced_[gpu];
        report(time, gpu / 4);
        const auto known = engine_.cluster().find_gpu("GPU-" + std::to_string(gpu));
        REQUIRE(known);
        REQUIRE(engine_.open(time, *known));
    }

    Engine& engine_;
    bool advised_;
    std::vector<bool> sliced_;
    std::vector<double> under_way_ = std::vector<double>(sliced_.size(), -1.0);  // until when each GPU is switched
    berth::mig_modes modes_;
    std::vector<job> jobs_;
    std::size_t switches_ = 0;
    std::size_t moves_ = 0;
};

/// Whole GPUs by day, slices by night, and some of each always.
template <class Fleet>
void days(Fleet& fleet, std::uint64_t seed, double until) {
    constexpr std::string_view profiles[] = {"1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb"};
    berth::xoshiro256 random{seed};
    double time = 0.0;
    for (; time < until; time += 100.0) {
        const bool day = static_cast<std::uint64_t>(time / 10'000.0) % 2 == 0;
        for (std::uint32_t k = berth::bounded(random, 3); k > 0; --k) {
            const bool whole = berth::bounded(random, 10) < (day ? 9U : 1U);
            const double seconds = 200.0 + berth::bounded(random, 800);
            fleet.ask(time, whole ? std::string_view{} : profiles[berth::bounded(random, 4)],
                      1 + berth::bounded(random, 2), seconds);
        }
        fleet.step(time);
    }
    for (; time < until + 30'000.0; time += 100.0) fleet.step(time);
}

}  // namespace

TEST_CASE("GPUs follow demand into MIG mode and out of it, and every job starts") {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        CAPTURE(seed);
        berth::scheduler engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{})};
        switched_fleet fleet{engine, 3};
        days(fleet, seed, 60'000.0);
        CHECK(fleet.never_started() == 0);
        CHECK(fleet.longest_wait(90'000.0) <= 5000.0);
        CHECK(fleet.switches() >= 6);
        CHECK(fleet.switches() < 200);
        // Without advice nothing that needs a slice ever starts.
        berth::scheduler fixed_engine{berth::scheduler_policies<>{}};
        switched_fleet fixed{fixed_engine, 3, false};
        days(fixed, seed, 60'000.0);
        CHECK(fixed.never_started() > 0);
    }
}

TEST_CASE("advice is for GPUs of the model that are well and open") {
    berth::any_scheduler engine{berth::scheduler_policies<>{}};
    REQUIRE(engine.mig_board(a100()));
    const std::vector<berth::gpu_description> gpus{
        {.model = "A100", .uuid = "GPU-0"}, {.model = "A100", .uuid = "GPU-1"}, {.model = "T4", .uuid = "GPU-2"}};
    REQUIRE(engine.node(0.0, berth::node_description{.name = "n0", .gpus = gpus}));
    berth::mig_modes modes{a100(), "A100"};
    CHECK(modes.advise(engine).empty());

    REQUIRE(engine.job(1.0, {.name = "slice", .mig_profile = "1g.10gb"}));
    REQUIRE(engine.decide(1.0));
    REQUIRE(modes.advise(engine).size() == 1);
    CHECK(modes.advise(engine)[0].step == mig_mode_step::slice);
    CHECK(engine.cluster().find(modes.advise(engine)[0].gpu).gpus == 0b1);

    // Sick GPUs and those that were closed for other reasons are not switched.
    REQUIRE(engine.health(2.0, {"n0", "GPU-0"}, false));
    REQUIRE(engine.close(2.0, {"n0", "GPU-1"}));
    REQUIRE(engine.decide(2.0));
    CHECK(modes.advise(engine).empty());
    CHECK(berth::mig_modes{a100(), "H100"}.advise(engine).empty());
}

TEST_CASE("advice counts jobs that wait for GPUs, not those for which CPU or their queue has no room") {
    berth::scheduler engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}),
                            berth::resource_schema{.node = {"cpu"}}};
    REQUIRE(engine.mig_board(a100()));
    const std::vector<berth::gpu_description> gpus{{.model = "A100", .uuid = "GPU-0", .mig_board = "A100-80"},
                                                   {.model = "A100", .uuid = "GPU-1", .mig_board = "A100-80"}};
    const std::vector<berth::amount> eight{8};
    const std::vector<berth::amount> nine{9};
    REQUIRE(engine.node(0.0, berth::node_description{.name = "n0", .capacity = eight, .gpus = gpus}));
    berth::mig_modes modes{a100(), "A100"};

    REQUIRE(engine.job(1.0, {.name = "cpu", .gpus = 0, .node_demand = nine}));
    REQUIRE(engine.decide(1.0));
    const auto cpu = *engine.find_job("cpu");
    CHECK_FALSE(engine.waits_for_gpus(cpu));
    CHECK(modes.advise(engine).empty());

    const std::vector<berth::queue_amount> none{{"gpu", 0}};
    REQUIRE(engine.queue(2.0, {.name = "none", .limit = none}));
    REQUIRE(engine.job(2.0, {.name = "limited", .terms = {.queue = "none"}}));
    REQUIRE(engine.decide(2.0));
    CHECK_FALSE(engine.waits_for_gpus(*engine.find_job("limited")));
    CHECK(modes.advise(engine).empty());

    REQUIRE(engine.job(3.0, {.name = "gpu"}));
    REQUIRE(engine.decide(3.0));
    CHECK(engine.waits_for_gpus(*engine.find_job("gpu")));
    REQUIRE(modes.advise(engine).size() == 1);
    CHECK(modes.advise(engine)[0].step == mig_mode_step::unslice);

    REQUIRE(engine.cancel(4.0, "gpu"));
    CHECK_FALSE(engine.waits_for_gpus(cpu));
    CHECK_FALSE(engine.waits_for_gpus({}));
}

TEST_CASE("a switch that takes long is one switch, and room that is held for a job is not switched") {
    berth::scheduler engine{berth::scheduler_policies<>{}};
    REQUIRE(engine.mig_board(a100()));
    const std::vector<berth::gpu_description> gpus{{.model = "A100", .uuid = "GPU-0"},
                                                   {.model = "A100", .uuid = "GPU-1"}};
    REQUIRE(engine.node(0.0, berth::node_description{.name = "n0", .gpus = gpus}));
    REQUIRE(engine.job(1.0, {.name = "slice", .mig_profile = "1g.10gb"}));
    REQUIRE(engine.decide(1.0));
    berth::mig_modes modes{a100(), "A100"};
    REQUIRE(modes.advise(engine).size() == 1);
    const berth::gpu_handle first = modes.advise(engine)[0].gpu;
    REQUIRE(engine.close(2.0, first));
    for (const double time : {2.0, 60.0, 120.0}) {
        REQUIRE(engine.decide(time));
        const auto again = modes.advise(engine);
        REQUIRE(again.size() == 1);
        CHECK(again[0].gpu == first);
        CHECK(again[0].step == mig_mode_step::slice);
    }
    REQUIRE(engine.cancel(130.0, "slice"));
    REQUIRE(engine.decide(130.0));
    REQUIRE(modes.advise(engine).size() == 1);
    CHECK(modes.advise(engine)[0].step == mig_mode_step::reopen);
}
