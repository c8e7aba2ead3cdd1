// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log_calls.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/gpu_metrics.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/watch/fleet_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_watch {

/// How a fleet is watched.
struct watch_settings {
    double interval = 15.0;                ///< s between two samples of a GPU, above 0
    std::string unnamed_node = "unnamed";  ///< of GPUs whose exporter does not say on which host they are
    berth::io::log_counters counters{};    ///< that jobs may ask for, beside the share of GPUs
    double grace = 60.0;                   ///< s, as of the scheduler
};

/// How often what happened, since the start.
struct watch_counts {
    std::uint64_t rounds = 0;
    std::uint64_t samples = 0;     ///< of GPUs, that were news
    std::uint64_t refused = 0;     ///< lines and values of exporters that could not be read
    std::uint64_t migrations = 0;  ///< moves that were reported as done
    std::uint64_t failures = 0;    ///< moves, starts and evictions that were reported as failed
    double decide_seconds = 0.0;   ///< of the last decision
};

/// From what exporters say to decisions: readings go into a watch, its verdicts and all readings into a scheduler, and
/// everything that the scheduler is told into an event log, so that the log repeats the decisions. Does no I/O.
///
/// Nodes and GPUs that nobody has declared are taken from the readings: a GPU by its UUID, on the node that its
/// exporter names. What is silent stays where it is; a watch judges silence.
class watcher {
public:
    explicit watcher(watch_settings settings);
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;

    /// One look at the fleet.
    ///
    /// @param metrics  text of exporters; empty where none was to be had
    /// @param events   what others report; their times do not count. One that makes no sense is a finding, and left out
    /// @param now      s since 1970, not less than before
    /// @return         an error only if the time goes back
    [[nodiscard]] berth::result<void> look(std::string_view metrics, std::span<const berth::io::event> events,
                                           double now);

    /// The lines that the last look added to the event log.
    [[nodiscard]] const std::string& log() const { return log_; }
    /// What the last look decided.
    [[nodiscard]] const std::vector<berth::io::decision>& decisions() const { return decisions_; }
    /// What the watch found in the last look, as sentences.
    [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }
    [[nodiscard]] const berth::scheduler<>& engine() const { return engine_; }
    [[nodiscard]] berth::gpu_watched state(berth::gpu_handle gpu) const { return watch_.state(gpu); }
    [[nodiscard]] const watch_counts& counts() const { return counts_; }

private:
    [[nodiscard]] berth::result<void> tell(const berth::io::event& e);
    void tell_of_others(std::span<const berth::io::event> events, double now);
    [[nodiscard]] berth::result<void> report_nodes(double now);
    [[nodiscard]] berth::result<void> report_readings(double now);
    [[nodiscard]] berth::result<void> report_health(double now);
    [[nodiscard]] berth::result<void> decide(double now);

    watch_settings settings_;
    berth::io::event_log_calls calls_;
    berth::scheduler<> engine_;
    berth::cluster_watch<berth::fleet_watch<>> watch_;
    berth::io::exporter_reader exporter_;
    std::set<std::string, std::less<>> declared_;                      // GPUs and nodes that others have declared
    std::map<std::string, berth::io::node_event, std::less<>> found_;  // nodes as they were found
    std::map<std::string, double, std::less<>> sampled_;               // GPU, the time of its last sample
    std::set<std::pair<std::string, std::uint32_t>> moving_;           // tasks, of moves that are not reported yet
    bool begun_ = false;
    std::string log_;
    std::vector<berth::io::decision> decisions_;
    std::vector<std::string> findings_;
    watch_counts counts_;
};

}  // namespace berth_watch
