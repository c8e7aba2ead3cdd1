// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/result.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// Jobs of a trace, in order of arrival; jobs that arrive at the same time in the order of the file.
struct simulation_trace {
    std::string file;
    std::vector<berth::simulated_job> jobs;
    std::vector<std::string> names;    ///< as in the file
    std::vector<std::string> classes;  ///< the model or job type of each; empty where there is none
    std::vector<std::size_t> lines;    ///< where each job is in the file
};

/// A trace of Muri: `job_id,num_gpu,submit_ms,iterations,model,iteration_ms`; with a column `trace` that holds several
/// names, `select` picks one. Steps are iterations; restarts cost what their simulator charges for the model.
[[nodiscard]] berth::result<simulation_trace> parse_muri_trace(const std::string& file, std::string_view text,
                                                               const std::string& select);
/// A trace of Gavel: `job,job_type,scale_factor,total_steps,arrival_s`, and `trace` as above.
[[nodiscard]] berth::result<simulation_trace> parse_gavel_trace(const std::string& file, std::string_view text,
                                                                const std::string& select);
/// Jobs with durations: `submit_s,duration_s,gpus`. A step is a second; no restarts.
[[nodiscard]] berth::result<simulation_trace> parse_duration_trace(const std::string& file, std::string_view text);

/// Jobs drawn again from those of a trace, with durations and GPUs as they are, that arrive at random at a rate that
/// makes Σ GPUs × duration = load × GPUs × span. Jobs of more than `most_gpus` are not drawn.
[[nodiscard]] berth::result<simulation_trace> draw_jobs(const simulation_trace& from, std::size_t count, double load,
                                                        double gpus, std::uint32_t most_gpus, std::uint64_t seed);

/// All jobs arrive at 0.
void arrive_at_zero(simulation_trace& trace);

/// GPU models of a cluster with their numbers: `v100:8,p100:16,k80:24`. Models are numbered by name, `order` is as given.
struct model_counts {
    std::vector<std::string> names;
    std::vector<std::uint32_t> gpus;
    std::vector<berth::model_index> order;
};
[[nodiscard]] berth::result<model_counts> parse_model_counts(const std::string& text);

/// Equal nodes: `8x8` are 8 nodes of 8 GPUs.
struct node_counts {
    std::uint32_t nodes = 0;
    std::uint32_t gpus = 0;
};
[[nodiscard]] berth::result<node_counts> parse_node_counts(const std::string& text);

/// Speeds of a table, `gpu,job_type,scale_factor,steps_per_s`; with a column `table` that holds several names, `select`
/// picks one. Returns one row for each job of a trace, one column for each model.
[[nodiscard]] berth::result<std::vector<double>> parse_job_speeds(const std::string& file, std::string_view text,
                                                                  const std::string& select,
                                                                  const simulation_trace& trace,
                                                                  const model_counts& models);

/// Orders in which models are filled, one for each round: the column `type_order` holds the first letters of models.
/// Rows are those of `policy` and of `select` if there are columns `policy` and `trace`. Nothing if no row is.
[[nodiscard]] berth::result<std::vector<std::vector<berth::model_index>>>
parse_round_orders(const std::string& file, std::string_view text, const std::string& select, const std::string& policy,
                   const model_counts& models);

}  // namespace bench
