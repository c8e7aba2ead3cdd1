// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/virtual_time.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Follows a list of (time, decision); keeps what it hears.
class scripted_engine {
public:
    struct line {
        double time;
        berth::simulated_decision what;
    };
    explicit scripted_engine(std::vector<line> script) : script_{std::move(script)} {}

    berth::result<void> arrive(double time, std::uint32_t job) {
        heard += "a" + std::to_string(job) + '@' + std::to_string(static_cast<int>(time)) + ' ';
        return {};
    }
    berth::result<void> finish(double time, std::uint32_t job) {
        heard += "f" + std::to_string(job) + '@' + std::to_string(static_cast<int>(time)) + ' ';
        return {};
    }
    berth::result<std::span<const berth::simulated_decision>> decide(double time) {
        told_.clear();
        for (; next_ < script_.size() && script_[next_].time <= time; ++next_) told_.push_back(script_[next_].what);
        return std::span<const berth::simulated_decision>{told_};
    }
    [[nodiscard]] double wake_at() const {
        return next_ < script_.size() ? script_[next_].time : std::numeric_limits<double>::infinity();
    }

    std::string heard;

private:
    std::vector<line> script_;
    std::size_t next_ = 0;
    std::vector<berth::simulated_decision> told_;
};

using berth::simulated_act;

}  // namespace

TEST_CASE("virtual time: completions come before arrivals, and the engine is woken when it asks") {
    const std::vector<berth::simulated_job> jobs{{.steps = 10.0}, {.arrival_s = 10.0, .steps = 5.0}};
    scripted_engine engine{{{0.0, {simulated_act::start, 0, 1.0}}, {12.0, {simulated_act::start, 1, 2.0}}}};
    const auto run = berth::virtual_time{jobs}.run(engine);
    REQUIRE(run.has_value());
    CHECK(engine.heard == "a0@0 f0@10 a1@10 f1@14 ");
    CHECK(run->jobs[1].start_s == 12.0);
    CHECK(run->jobs[1].end_s == 14.5);
    CHECK(run->busy_gpu_s == 12.5);
    CHECK(run->end_s == 14.5);
}

TEST_CASE("virtual time: stops keep what is done, restarts and moves cost, old ends are forgotten") {
    const std::vector<berth::simulated_job> jobs{{.steps = 100.0, .restart_s = 5.0}};
    scripted_engine engine{{{0.0, {simulated_act::start, 0, 1.0}},
                            {45.0, {simulated_act::stop, 0, 1.0}},
                            {50.0, {simulated_act::start, 0, 1.0}},
                            {65.0, {simulated_act::move, 0, 2.0}}}};
    const auto run = berth::virtual_time{jobs}.run(engine);
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].end_s == 95.0);  // 40 until 45, 10 until 65, 50 at speed 2 from 70 on
    CHECK(run->jobs[0].preemptions == 1);
    CHECK(run->jobs[0].migrations == 1);
    CHECK(run->jobs[0].ran_s == 90.0);
}

TEST_CASE("virtual time: decisions that contradict what is so, and jobs left for ever, are refused") {
    const std::vector<berth::simulated_job> jobs{{.steps = 10.0}, {.arrival_s = 1.0, .steps = 10.0}};
    const auto refused = [&](std::vector<scripted_engine::line> script, std::string_view what) {
        scripted_engine engine{std::move(script)};
        const auto run = berth::virtual_time{jobs}.run(engine);
        REQUIRE_FALSE(run.has_value());
        CHECK_MESSAGE(run.error().message.find(what) != std::string::npos, run.error().message);
    };
    refused({{0.0, {simulated_act::start, 1, 1.0}}}, "starts job 1, which does not wait");
    refused({{0.0, {simulated_act::stop, 0, 1.0}}}, "job 0, which does not run");
    refused({{0.0, {simulated_act::start, 9, 1.0}}}, "job 9");
    refused({{0.0, {simulated_act::start, 0, 0.0}}}, "a decision about job 0: speed is not above 0");
    refused({{0.0, {simulated_act::start, 0, std::numeric_limits<double>::quiet_NaN()}}}, "speed is not above 0");
    refused({{0.0, {simulated_act::start, 0, 1.0}}, {1.0, {simulated_act::move, 0, -1.0}}}, "speed is not above 0");
    refused({{0.0, {simulated_act::start, 0, 1.0}}}, "1 are left that the engine does not start");
    berth::counting_engine counts;
    const std::vector<berth::simulated_job> late{{.arrival_s = 1.0}, {.arrival_s = 0.0}};
    CHECK_FALSE(berth::virtual_time{late}.run(counts).has_value());
}

TEST_CASE("virtual time: what still runs when the control stops it is counted until then") {
    const std::vector<berth::simulated_job> jobs{
        {.steps = 10.0, .gpus = 2}, {.steps = 100.0, .gpus = 4}, {.steps = 5.0}};
    scripted_engine engine{{{0.0, {simulated_act::start, 0, 1.0}}, {3.0, {simulated_act::start, 1, 1.0}}}};
    const auto run = berth::virtual_time{jobs}.run(engine, berth::run_control<>{.max_evaluations = 5});
    REQUIRE(run.has_value());
    CHECK(run->stop == berth::stop_reason::budget_exhausted);
    CHECK(run->end_s == 10.0);
    CHECK(run->jobs[0].ran_s == 10.0);  // done at that moment, not counted twice
    CHECK(run->jobs[1].ran_s == 7.0);
    CHECK(run->jobs[2].ran_s == 0.0);
    CHECK_FALSE(run->jobs[1].done());
    CHECK(run->busy_gpu_s == 2 * 10.0 + 4 * 7.0);
}

TEST_CASE("virtual time: a count of all jobs, a budget") {
    std::vector<berth::simulated_job> jobs(100);
    for (std::size_t j = 0; j < jobs.size(); ++j) jobs[j] = {.arrival_s = static_cast<double>(j / 2), .steps = 1.0};
    berth::counting_engine counts;
    const auto run = berth::virtual_time{jobs}.run(counts);
    REQUIRE(run.has_value());
    CHECK(counts.finished() == 100);
    CHECK(run->events == 200);
    berth::counting_engine again;
    const auto some = berth::virtual_time{jobs}.run(again, berth::run_control<>{.max_evaluations = 50});
    REQUIRE(some.has_value());
    CHECK(some->stop == berth::stop_reason::budget_exhausted);
    CHECK(again.finished() > 0);
    CHECK(again.finished() < 100);
}
