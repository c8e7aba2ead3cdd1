// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/events.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/queue/orders.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using golden_times = std::map<std::string, std::pair<double, double>, std::less<>>;

/// Start and end of each job under each "trace policy".
std::map<std::string, golden_times, std::less<>> read_golden(const std::string& path) {
    const auto text = bench::read_text(path);
    REQUIRE(text.has_value());
    const auto in = bench::csv_table::parse(path, *text);
    REQUIRE(in.has_value());
    std::map<std::string, golden_times, std::less<>> out;
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        const std::string key = std::string{in->cell(row, 0)} + ' ' + std::string{in->cell(row, 1)};
        out[key][std::string{in->cell(row, 2)}] = {*in->number(row, 3, 0.0, 1e15), *in->number(row, 4, 0.0, 1e15)};
    }
    return out;
}

/// How many jobs start and end exactly as published.
template <class Order>
std::size_t equal_jobs(const bench::simulation_trace& trace, const Order& order, const berth::event_rules& rules,
                       const golden_times& golden, std::uint64_t* preemptions = nullptr) {
    const berth::event_simulation<> simulation{trace.jobs, 8, 8, rules, {}};
    const auto run = simulation.run(order);
    REQUIRE(run.has_value());
    std::size_t equal = 0;
    for (std::size_t j = 0; j < trace.jobs.size(); ++j) {
        const auto entry = golden.find(trace.names[j]);
        REQUIRE(entry != golden.end());
        equal += run->jobs[j].start_s == entry->second.first && run->jobs[j].end_s == entry->second.second ? 1U : 0U;
    }
    if (preemptions != nullptr) *preemptions = run->preemptions;
    return equal;
}

bench::simulation_trace read_trace(const std::string& path, const std::string& select) {
    const auto text = bench::read_text(path);
    REQUIRE(text.has_value());
    auto trace = bench::parse_muri_trace(path, *text, select);
    REQUIRE(trace.has_value());
    return std::move(*trace);
}

std::vector<berth::simulated_job> random_jobs(std::uint64_t seed, std::size_t count) {
    berth::xoshiro256 draw{seed};
    std::vector<berth::simulated_job> jobs;
    double at = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
        at += static_cast<double>(berth::bounded(draw, 4));
        jobs.push_back({.arrival_s = at,
                        .steps = static_cast<double>(1 + berth::bounded(draw, 40)),
                        .step_s = 0.5 + berth::uniform01(draw),
                        .restart_s = static_cast<double>(berth::bounded(draw, 3)),
                        .gpus = std::uint32_t{1} << berth::bounded(draw, 4)});
    }
    return jobs;
}

struct usage_check {
    double* most;
    void operator()(double, std::uint64_t gpus, std::size_t) const {
        *most = std::max(*most, static_cast<double>(gpus));
    }
};

}  // namespace

TEST_CASE("events: start and end of each job equal those of Muri's simulator to the last bit") {
    const std::string folder = bench::own_data_folder("loop");
    const auto golden = read_golden(folder + "/muri_golden.csv.xz");
    bench::simulation_trace trace = read_trace(folder + "/muri_trace3.csv.xz", "trace3");
    std::uint64_t preemptions = 0;
    CHECK(equal_jobs(trace, berth::shortest_remaining{}, berth::muri_rules(), golden.at("trace3 srtf"), &preemptions) ==
          992);
    CHECK(preemptions == 1049);
    CHECK(equal_jobs(trace, berth::shortest_service{}, berth::muri_rules(), golden.at("trace3 srsf"), &preemptions) ==
          992);
    CHECK(preemptions == 813);
    CHECK(equal_jobs(trace, berth::least_attained{}, berth::muri_level_rules(), golden.at("trace3 tiresias"),
                     &preemptions) == 992);
    CHECK(preemptions == 1483);
    bench::arrive_at_zero(trace);
    CHECK(equal_jobs(trace, berth::shortest_remaining{}, berth::muri_rules(), golden.at("trace3_pr srtf")) == 992);
    CHECK(equal_jobs(trace, berth::shortest_service{}, berth::muri_rules(), golden.at("trace3_pr srsf")) == 992);
    CHECK(equal_jobs(trace, berth::least_attained{}, berth::muri_level_rules(), golden.at("trace3_pr tiresias")) ==
          992);
}

TEST_CASE("events: the larger published traces, where BERTH_DATA has them") {
    const std::string path = bench::outside_data_folder("loop") + "/muri-traces.csv.xz";
    if (const auto text = bench::read_text(path); !text) {
        MESSAGE("skipped: " << text.error().message);
        return;
    }
    const auto golden = read_golden(bench::outside_data_folder("loop") + "/muri-golden.csv.xz");
    bench::simulation_trace trace = read_trace(path, "trace1");
    std::uint64_t preemptions = 0;
    CHECK(equal_jobs(trace, berth::shortest_service{}, berth::muri_rules(), golden.at("trace1 srsf"), &preemptions) ==
          1494);
    CHECK(preemptions == 2643);
}

TEST_CASE("events: time on GPUs is work and restarts, and no more GPUs are in use than there are") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto jobs = random_jobs(seed, 60);
        for (const berth::seating seats :
             {berth::seating::packed, berth::seating::kept, berth::seating::repacked, berth::seating::pooled}) {
            double most = 0.0;
            const berth::event_simulation<usage_check> simulation{jobs, 3, 8, {.seats = seats}, {&most}};
            const auto run = simulation.run(berth::shortest_service{});
            REQUIRE(run.has_value());
            CHECK(most <= 24.0);
            CHECK(run->stop == berth::stop_reason::completed);
            double busy = 0.0;
            for (std::size_t j = 0; j < jobs.size(); ++j) {
                const berth::job_record& r = run->jobs[j];
                REQUIRE(r.done());
                CHECK(r.start_s >= jobs[j].arrival_s);
                CHECK(r.ran_s <= r.end_s - jobs[j].arrival_s + 1e-9);
                const double work = jobs[j].steps * jobs[j].step_s;
                const double restarts = jobs[j].restart_s * (1.0 + r.preemptions + r.migrations);
                // A restart may be cut short by the next one.
                CHECK(r.ran_s >= work + std::min(jobs[j].restart_s, restarts) - 1e-6);
                CHECK(r.ran_s <= work + restarts + 1e-6);
                if (r.preemptions + r.migrations == 0) CHECK(std::fabs(r.ran_s - work - jobs[j].restart_s) < 1e-9);
                busy += r.ran_s * jobs[j].gpus;
            }
            CHECK(std::fabs(busy - run->busy_gpu_s) < 1e-6);
            const auto again = simulation.run(berth::shortest_service{});
            REQUIRE(again.has_value());
            CHECK(again->end_s == run->end_s);
        }
    }
}

TEST_CASE("events: who runs stays unless a job before it needs its GPUs") {
    // Two long jobs fill a node each; a short one takes only as many as it needs, and the other long one never moves.
    const std::vector<berth::simulated_job> jobs{{.arrival_s = 0.0, .steps = 100.0, .restart_s = 1.0, .gpus = 8},
                                                 {.arrival_s = 0.0, .steps = 200.0, .restart_s = 1.0, .gpus = 8},
                                                 {.arrival_s = 10.0, .steps = 5.0, .restart_s = 1.0, .gpus = 8}};
    const berth::event_simulation<> simulation{jobs, 2, 8, {}, {}};
    const auto run = simulation.run(berth::shortest_remaining{});
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].end_s == 101.0);
    CHECK(run->jobs[0].preemptions == 0);
    CHECK(run->jobs[1].preemptions == 1);  // the one with more left gives way
    CHECK(run->jobs[2].start_s == 10.0);
    CHECK(run->jobs[2].end_s == 16.0);
    CHECK(run->jobs[1].end_s == 208.0);  // 201, 6 of waiting, another restart
    CHECK(run->migrations == 0);
}

TEST_CASE("events: smaller jobs move where a larger one finds no node, and stay where nobody needs theirs") {
    // Three jobs of half a node start on two nodes; when the first ends, each node is half full.
    const std::vector<berth::simulated_job> jobs{
        {.arrival_s = 0.0, .steps = 10.0, .restart_s = 1.0, .gpus = 4},
        {.arrival_s = 0.0, .steps = 100.0, .restart_s = 1.0, .gpus = 4},
        {.arrival_s = 0.0, .steps = 100.0, .restart_s = 1.0, .gpus = 4},
        {.arrival_s = 20.0, .steps = 30.0, .restart_s = 1.0, .gpus = 8},
    };
    const berth::event_simulation<> packed{jobs, 2, 8, {}, {}};
    const auto run = packed.run(berth::shortest_remaining{});
    REQUIRE(run.has_value());
    CHECK(run->jobs[3].start_s == 20.0);
    CHECK(run->migrations == 1);
    CHECK(run->preemptions == 0);
    CHECK(run->jobs[1].end_s + run->jobs[2].end_s == 101.0 + 102.0);  // one of them pays for its move
    const berth::event_simulation<> kept{jobs, 2, 8, {.seats = berth::seating::kept}, {}};
    const auto stays = kept.run(berth::fifo{});
    REQUIRE(stays.has_value());
    CHECK(stays->jobs[3].start_s == 101.0);
    CHECK(stays->migrations == 0);
}

TEST_CASE("events: where the nodes cannot be packed, the order decides who sits") {
    // Six GPUs are wanted and eight are there, but no node holds two jobs of three.
    const std::vector<berth::simulated_job> jobs{
        {.steps = 10.0, .gpus = 3}, {.steps = 10.0, .gpus = 3}, {.steps = 10.0, .gpus = 3}, {.steps = 5.0, .gpus = 1}};
    const berth::event_simulation<> simulation{jobs, 2, 5, {}, {}};
    const auto run = simulation.run(berth::fifo{});
    REQUIRE(run.has_value());
    CHECK(run->jobs[1].start_s == 0.0);
    CHECK(run->jobs[2].start_s == 10.0);
    CHECK(run->jobs[3].end_s == 5.0);
}

TEST_CASE("events: idle gaps, equal times, completions before arrivals") {
    const std::vector<berth::simulated_job> jobs{{.arrival_s = 5.0, .steps = 5.0, .gpus = 8},
                                                 {.arrival_s = 10.0, .steps = 1.0, .gpus = 8},
                                                 {.arrival_s = 10.0, .steps = 1.0, .gpus = 8},
                                                 {.arrival_s = 1000.0, .steps = 1.0, .gpus = 8}};
    const berth::event_simulation<> simulation{jobs, 1, 8, {}, {}};
    const auto run = simulation.run(berth::fifo{});
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].end_s == 10.0);
    CHECK(run->jobs[1].start_s == 10.0);  // half-open: not one of them waits for nothing
    CHECK(run->jobs[2].start_s == 11.0);
    CHECK(run->jobs[3].start_s == 1000.0);
    CHECK(run->preemptions == 0);
    CHECK(run->end_s == 1001.0);

    const berth::event_simulation<> empty{{}, 1, 8, {}, {}};
    REQUIRE(empty.run(berth::fifo{}).has_value());
}

TEST_CASE("events: a budget ends a run with what is done") {
    const auto jobs = random_jobs(1, 60);
    const berth::event_simulation<> simulation{jobs, 3, 8, {}, {}};
    const auto run = simulation.run(berth::fifo{}, berth::run_control<>{.max_evaluations = 40});
    REQUIRE(run.has_value());
    CHECK(run->stop == berth::stop_reason::budget_exhausted);
    const auto done = std::count_if(run->jobs.begin(), run->jobs.end(), [](const auto& r) { return r.done(); });
    CHECK(done > 0);
    CHECK(done < 60);
}

TEST_CASE("events: jobs that cannot be simulated are refused with a sentence") {
    const auto refused = [](std::vector<berth::simulated_job> jobs, std::string_view what) {
        const berth::event_simulation<> simulation{jobs, 2, 8, {}, {}};
        const auto run = simulation.run(berth::fifo{});
        REQUIRE_FALSE(run.has_value());
        CHECK_MESSAGE(run.error().message.find(what) != std::string::npos, run.error().message);
    };
    const double nan = std::nan("");
    refused({{.arrival_s = 1.0}, {.arrival_s = 0.5}}, "job 1: arrival_s is before");
    refused({{.arrival_s = nan}}, "job 0: arrival_s");
    refused({{.steps = 0.0}}, "steps");
    refused({{.steps = nan}}, "steps");
    refused({{.step_s = -1.0}}, "step_s");
    refused({{.restart_s = nan}}, "restart_s");
    refused({{.gpus = 0}}, "gpus is 0");
    refused({{.weight = 0.0}}, "weight");
    refused({{.gpus = 17}}, "all nodes have 16");
    refused({{.gpus = 12}}, "not whole nodes of 8");
    const berth::event_simulation<> nothing{{}, 0, 8, {}, {}};
    CHECK_FALSE(nothing.run(berth::fifo{}).has_value());
}

TEST_CASE("events: unknown durations leave the order to age") {
    const std::vector<berth::simulated_job> jobs{{.steps = 100.0, .gpus = 8},
                                                 {.arrival_s = 1.0, .steps = 1.0, .gpus = 8}};
    const berth::event_simulation<> simulation{jobs, 1, 8, {.steps_known = false}, {}};
    const auto run = simulation.run(berth::shortest_remaining{});
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].end_s == 100.0);
    CHECK(run->preemptions == 0);
}
