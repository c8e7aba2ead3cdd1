// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/round_policy.hpp"
#include "berth/simulate/metrics.hpp"
#include "berth/simulate/rounds.hpp"

#include "support/data_folders.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

/// Gavel's continuous trace on 8 V100, 16 P100 and 24 K80, under its rules.
struct gavel_trace {
    bench::simulation_trace trace;
    bench::model_counts models;
    std::vector<double> speeds;  // of each job on each model

    explicit gavel_trace(bool at_zero = false) {
        const std::string folder = bench::own_data_folder("loop") + "/";
        auto counts = bench::parse_model_counts("v100:8,p100:16,k80:24");
        const auto jobs = bench::read_text(folder + "gavel_trace.csv.xz");
        const auto table = bench::read_text(folder + "gavel_speeds.csv.xz");
        REQUIRE((counts && jobs && table));
        auto parsed = bench::parse_gavel_trace("trace", *jobs, "");
        REQUIRE(parsed);
        auto read = bench::parse_job_speeds("speeds", *table, "physical", *parsed, *counts);
        REQUIRE(read);
        trace = std::move(*parsed);
        models = std::move(*counts);
        speeds = std::move(*read);
        if (at_zero) bench::arrive_at_zero(trace);
    }
    [[nodiscard]] berth::matrix_view<const double> table() const {
        return {speeds.data(), trace.jobs.size(), models.gpus.size()};
    }
    /// Completion times when speeds are as in the table, and known.
    template <class Policy>
    [[nodiscard]] berth::completion_times times(const Policy& policy, bool steps_known) const {
        berth::table_speeds known{table()};
        return times(policy, steps_known, known, known);
    }
    template <class Policy, class Truth, class Beliefs>
    [[nodiscard]] berth::completion_times times(const Policy& policy, bool steps_known, const Truth& truth,
                                                Beliefs& beliefs) const {
        berth::round_rules rules = berth::gavel_rounds();
        rules.steps_known = steps_known;
        const berth::round_simulation<> simulation{trace.jobs, models.gpus, {models.order}, rules, {}};
        const auto run = simulation.run(policy, truth, beliefs);
        REQUIRE(run);
        return berth::completion(trace.jobs, run->jobs);
    }
};
