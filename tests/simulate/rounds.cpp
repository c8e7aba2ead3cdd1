// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/rounds.hpp"

#include "berth/queue/priority_rounds.hpp"
#include "berth/queue/time_shares.hpp"
#include "berth/simulate/speeds.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

std::string read_data(const std::string& name) {
    const auto text = bench::read_text(bench::own_data_folder("loop") + '/' + name);
    REQUIRE(text.has_value());
    return *text;
}

/// The published rounds of a policy: what runs where, by job.
struct golden_rounds {
    std::vector<std::string> running;
    std::vector<std::vector<berth::model_index>> orders;
};

golden_rounds read_rounds(const std::string& policy, const bench::model_counts& models) {
    const std::string text = read_data("gavel_rounds.csv.xz");
    golden_rounds out;
    const auto in = bench::csv_table::parse("rounds", text);
    REQUIRE(in.has_value());
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        if (in->cell(row, 1) == policy) out.running.emplace_back(in->cell(row, 5));
    }
    const auto orders = bench::parse_round_orders("rounds", text, "continuous", policy, models);
    REQUIRE(orders.has_value());
    out.orders = *orders;
    return out;
}

struct golden_order {
    const golden_rounds* golden;
    std::span<const berth::model_index> given;
    std::span<const berth::model_index> operator()(std::uint64_t round) const {
        const auto& order = golden->orders.at(round);
        return order.empty() ? given : std::span<const berth::model_index>{order};
    }
};

struct golden_watch {
    const golden_rounds* golden;
    const bench::model_counts* models;
    std::size_t* equal;
    void operator()(std::uint64_t round, const berth::round_view& view,
                    std::span<const berth::model_index> chosen) const {
        std::string text;
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            if (!chosen[j].valid()) continue;
            text += (text.empty() ? "" : " ") + std::to_string(view.jobs[j].id) + ':' +
                    models->names[chosen[j].value()] + ':' + std::to_string(view.jobs[j].gpus);
        }
        *equal += text == golden->running.at(round) ? 1U : 0U;
    }
};

struct gavel_case {
    bench::model_counts models;
    bench::simulation_trace trace;
    std::vector<double> speeds;
};

gavel_case read_case() {
    gavel_case out;
    out.models = *bench::parse_model_counts("v100:8,p100:16,k80:24");
    out.trace = *bench::parse_gavel_trace("trace", read_data("gavel_trace.csv.xz"), "continuous");
    out.speeds =
        *bench::parse_job_speeds("speeds", read_data("gavel_speeds.csv.xz"), "physical", out.trace, out.models);
    return out;
}

template <class Shares>
void check_golden(const gavel_case& c, const std::string& policy, Shares shares, std::size_t rounds) {
    const golden_rounds golden = read_rounds(policy, c.models);
    std::size_t equal = 0;
    const berth::round_simulation<golden_order, golden_watch> simulation{
        c.trace.jobs, c.models.gpus, {&golden, c.models.order}, berth::gavel_rounds(), {&golden, &c.models, &equal}};
    berth::table_speeds speeds{{c.speeds.data(), c.trace.jobs.size(), 3}};
    const auto run = simulation.run(berth::priority_rounds<Shares>{shares}, speeds, speeds);
    REQUIRE_MESSAGE(run.has_value(), (run ? "" : run.error().message));
    CHECK(run->rounds == rounds);
    CHECK(equal == rounds);
    const auto in = bench::csv_table::parse("golden", read_data("gavel_golden.csv.xz"));
    REQUIRE(in.has_value());
    std::size_t same = 0;
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        if (in->cell(row, 1) != policy) continue;
        const auto job = static_cast<std::size_t>(*in->integer(row, 2, 0, 95));
        same += run->jobs[job].end_s - c.trace.jobs[job].arrival_s == *in->number(row, 3, 0.0, 1e9) ? 1U : 0U;
    }
    CHECK(same == 96);
}

/// Each job on the first model with room, from the oldest on.
struct oldest_first {
    struct state {
        void choose(const berth::round_view& view, std::span<berth::model_index> chosen) {
            std::vector<std::uint32_t> left(view.gpus.begin(), view.gpus.end());
            for (std::size_t j = 0; j < view.jobs.size(); ++j) {
                for (const berth::model_index m : view.order) {
                    if (chosen[j].valid() || !(view.speeds(j, m.value()) > 0.0)) continue;
                    if (view.jobs[j].gpus > left[m.value()]) continue;
                    left[m.value()] -= view.jobs[j].gpus;
                    chosen[j] = m;
                }
            }
        }
    };
    state start(std::size_t) const { return {}; }
};

/// Does what it is told to.
struct scripted {
    std::vector<berth::model_index> choice;
    struct state {
        std::vector<berth::model_index> choice;
        void choose(const berth::round_view&, std::span<berth::model_index> chosen) {
            for (std::size_t j = 0; j < chosen.size() && j < choice.size(); ++j) chosen[j] = choice[j];
        }
    };
    state start(std::size_t) const { return {choice}; }
};

const std::vector<berth::model_index> two_models{berth::model_index{0}, berth::model_index{1}};
const std::vector<std::uint32_t> two_each{2, 2};

}  // namespace

TEST_CASE("rounds: completion times and decisions equal those of Gavel's simulator to the last bit") {
    const gavel_case c = read_case();
    check_golden(c, "fifo_perf", berth::fifo_shares{}, 190);
    check_golden(c, "isolated", berth::isolated_shares{}, 203);
}

TEST_CASE("rounds: a job ends within its round, a round ends with its last job") {
    const std::vector<berth::simulated_job> jobs{
        {.steps = 100.0}, {.steps = 50.0}, {.arrival_s = 10.0, .steps = 1000.0}};
    const std::vector<double> table{1.0, 0.5, 1.0, 0.5, 1.0, 0.5};
    berth::table_speeds speeds{{table.data(), 3, 2}};
    const berth::round_simulation<> simulation{jobs, two_each, {two_models}, {}, {}};
    const auto run = simulation.run(oldest_first{}, speeds, speeds);
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].end_s == 100.0);
    CHECK(run->jobs[1].end_s == 50.0);
    CHECK(run->jobs[2].start_s == 100.0);
    CHECK(run->jobs[2].end_s == 1100.0);
    CHECK(run->rounds == 4);
    CHECK(run->busy_gpu_s == 1150.0);
    CHECK(run->model_busy_gpu_s == std::vector<double>{1150.0, 0.0});
    CHECK(run->preemptions == 0);
}

TEST_CASE("rounds: restarts are charged where a job starts, resumes or moves, and not while it stays") {
    const std::vector<berth::simulated_job> jobs{{.steps = 700.0, .restart_s = 20.0}};
    const std::vector<double> table{1.0, 1.0};
    berth::table_speeds speeds{{table.data(), 1, 2}};
    const auto end = [&](berth::round_rules rules) {
        const berth::round_simulation<> simulation{jobs, two_each, {two_models}, rules, {}};
        const auto run = simulation.run(oldest_first{}, speeds, speeds);
        REQUIRE(run.has_value());
        return run->jobs[0].end_s;
    };
    CHECK(end({}) == 720.0);
    CHECK(end({.charge_restarts = false}) == 700.0);
    CHECK(end(berth::gavel_rounds()) == 700.0);
}

TEST_CASE("rounds: under whole steps a round that is too short for one step of each GPU fails, and five end the job") {
    const std::vector<berth::simulated_job> jobs{{.steps = 363.0, .gpus = 2}};
    berth::round_rules rules = berth::gavel_rounds();
    rules.round_s = 181.0;
    const auto run = [&](double speed) {
        const std::vector<double> table{speed, 0.0};
        berth::table_speeds speeds{{table.data(), 1, 2}};
        const berth::round_simulation<> simulation{jobs, two_each, {two_models}, rules, {}};
        auto made = simulation.run(oldest_first{}, speeds, speeds);
        REQUIRE(made.has_value());
        return std::move(*made);
    };
    CHECK_FALSE(run(0.01).jobs[0].done());  // 1 step in a round
    CHECK(run(0.01).rounds == 5);
    CHECK(run(1.0).jobs[0].end_s == 363.0);  // 1 step is left after two rounds, and does not fail
    CHECK(run(1.0).rounds == 3);
}

TEST_CASE("rounds: choices that do not fit are refused") {
    const std::vector<berth::simulated_job> jobs{{.steps = 10.0, .gpus = 2}, {.steps = 10.0, .gpus = 2}};
    const std::vector<double> table{1.0, 0.0, 1.0, 0.0};
    berth::table_speeds speeds{{table.data(), 2, 2}};
    const berth::round_simulation<> simulation{jobs, two_each, {two_models}, {}, {}};
    const auto refused = [&](const std::vector<berth::model_index>& choice, std::string_view what) {
        const auto run = simulation.run(scripted{choice}, speeds, speeds);
        REQUIRE_FALSE(run.has_value());
        CHECK_MESSAGE(run.error().message.find(what) != std::string::npos, run.error().message);
    };
    const berth::model_index first{0}, second{1}, third{2};
    refused({first, first}, "round 0: the policy chose 4 GPUs of model 0, which has 2");
    refused({first, second}, "where job 1 cannot run");
    refused({third}, "cannot run");
    refused({}, "the policy chooses none of them");
    const std::vector<berth::model_index> twice{first, first};
    const berth::round_simulation<> confused{jobs, two_each, {twice}, {}, {}};
    CHECK_FALSE(confused.run(oldest_first{}, speeds, speeds).has_value());
    const std::vector<berth::simulated_job> late{{.arrival_s = 2.0}, {.arrival_s = 1.0}};
    const berth::round_simulation<> backwards{late, two_each, {two_models}, {}, {}};
    CHECK_FALSE(backwards.run(oldest_first{}, speeds, speeds).has_value());
}

TEST_CASE("rounds: noise and drift depend on the seed alone, a budget ends a run") {
    const gavel_case c = read_case();
    const berth::round_simulation<> simulation{c.trace.jobs, c.models.gpus, {c.models.order}, {}, {}};
    const berth::matrix_view<const double> table{c.speeds.data(), c.trace.jobs.size(), 3};
    berth::table_speeds beliefs{table};
    const std::vector<berth::speed_drift> drifts{{berth::model_index{2}, 0.5, 20'000.0}};
    const auto end = [&](std::uint64_t seed, double noise) {
        const auto run = simulation.run(berth::priority_rounds<berth::fifo_shares>{},
                                        berth::uneven_speeds{table, noise, seed, drifts}, beliefs);
        REQUIRE(run.has_value());
        return run->end_s;
    };
    CHECK(end(1, 0.2) == end(1, 0.2));
    CHECK(end(1, 0.2) != end(2, 0.2));
    CHECK(end(1, 0.0) == end(2, 0.0));
    CHECK(end(1, 0.0) > 68'321.0);
    const auto some = simulation.run(berth::priority_rounds<berth::fifo_shares>{}, beliefs, beliefs,
                                     berth::run_control<>{.max_evaluations = 50});
    REQUIRE(some.has_value());
    CHECK(some->stop == berth::stop_reason::budget_exhausted);
}
