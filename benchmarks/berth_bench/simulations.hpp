// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/simulate/simulated_job.hpp"
#include "berth/simulate/speeds.hpp"

#include "support/openb.hpp"
#include "support/progress.hpp"
#include "support/simulation_traces.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// How many GPUs were in use from a moment on, and how many jobs waited.
struct usage_sample {
    double at_s = 0.0;
    double gpus = 0.0;
    double waiting = 0.0;
};

/// A job on GPUs of a place (a node; in rounds a GPU model) from one moment to another.
struct stay {
    double from_s = 0.0;
    double to_s = 0.0;
    std::uint32_t job = 0;
    std::uint32_t place = 0;
    std::uint32_t gpus = 0;
};

/// What both kinds of simulation share.
struct simulation_setup {
    std::span<const berth::simulated_job> jobs{};
    bool steps_known = true;
    std::uint64_t seed = 0;
    progress_line* line = nullptr;
    std::vector<usage_sample>* usage = nullptr;  ///< filled in if not null
    std::vector<stay>* stays = nullptr;          ///< likewise
};

/// Jobs on equal nodes, from event to event.
struct event_setup : simulation_setup {
    node_counts cluster;
    bool muri = false;  ///< the rules of Muri's simulator
};

/// What a round policy knows of speeds.
enum class known_speeds : std::uint8_t { yes, no, learned };

/// What berth's policy of rounds is after; `fitting`: as fits the trace.
enum class wanted_aim : std::uint8_t { fitting, completion, makespan };

/// Jobs on GPU models, in rounds.
struct round_setup : simulation_setup {
    const simulation_trace* trace = nullptr;
    const model_counts* models = nullptr;
    std::span<const double> speeds{};  ///< of each job on each model
    bool gavel = false;                ///< the rules of Gavel's simulator
    known_speeds known = known_speeds::yes;
    wanted_aim aim = wanted_aim::fitting;
    double noise = 0.0;
    std::span<const berth::speed_drift> drifts{};
    /// The order in which models are filled in each round; empty: as given, or at random for policies that ask for it.
    std::span<const std::vector<berth::model_index>> orders{};
};

/// Jobs on a fleet of nodes, decided by a scheduler.
struct engine_setup : simulation_setup {
    std::span<const openb_node> nodes{};
    std::map<std::string, double>* busy_gpu_s = nullptr;  ///< of each GPU model; filled in if not null
};

/// Ends a run on Ctrl-C.
struct on_interrupt {
    [[nodiscard]] bool stop_requested() const noexcept { return interrupted(); }
};
/// Shows the progress of a run.
struct shown_progress {
    progress_line* line = nullptr;

    void on_progress(const berth::progress& p) const {
        if (line != nullptr) line->update(p.done);
    }
};
[[nodiscard]] inline auto control_of(const simulation_setup& setup) {
    return berth::run_control<on_interrupt, shown_progress>{.stop = {}, .observer = {setup.line}};
}

/// A policy of time by name.
struct event_policy {
    std::string_view name;
    std::string_view about;
    std::function<berth::result<berth::simulation_run>(const event_setup&)> run;
};
struct round_policy_entry {
    std::string_view name;
    std::string_view about;
    bool shuffles = false;  ///< fills the models in a random order in each round
    std::function<berth::result<berth::simulation_run>(const round_setup&)> run;
};

struct engine_policy {
    std::string_view name;
    std::string_view about;
    std::function<berth::result<berth::simulation_run>(const engine_setup&)> run;
};

/// The tables; adding a policy is one line.
[[nodiscard]] std::span<const event_policy> event_policies();
[[nodiscard]] std::span<const round_policy_entry> round_policies();
[[nodiscard]] std::span<const engine_policy> engine_policies();

}  // namespace bench
