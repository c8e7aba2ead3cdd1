// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log_calls.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/event_log_reader.hpp"
#include "berth/scheduler/any_scheduler.hpp"

#include "history.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace top {

/// What the log said of a job, and what was last decided about it.
struct job_facts {
    berth::io::job_event what{};
    double waits_since = 0.0;
    std::optional<berth::io::wait_decision> wait{};  ///< why it waits, if that was told
};
/// A number that was measured, and when. NaN: never.
struct measured {
    double value = unknown;
    double time = unknown;
};
/// What was measured last at a place.
struct place_readings {
    measured load{};         ///< share
    measured temperature{};  ///< °C
    measured power{};        ///< W
    measured memory{};       ///< MiB
};
/// A decision whose end was not reported yet.
struct step_under_way {
    berth::io::decision what{};  ///< a move or an eviction
    double since = 0.0;
};

/// What to read, and how far.
struct log_settings {
    std::string file{};
    std::optional<std::string> policy{};                     ///< absent: the log's
    double until = std::numeric_limits<double>::infinity();  ///< events after it are left out
    bool follow = false;                                     ///< the log is still being written, or not there yet
};

/// An event log, finished or still being written, and the scheduler that it drives: the one that wrote it, once more.
///
/// Decisions are taken as `berth-bench replay` takes them: once after the last event of each time, and whenever the
/// scheduler wakes in between. A log that is replaced or shortened, and one that names a new counter, is read again
/// from its beginning; so is one that goes on at a time for which `settle` has decided already.
class fleet_log {
public:
    explicit fleet_log(log_settings settings);
    fleet_log(const fleet_log&) = delete;
    fleet_log& operator=(const fleet_log&) = delete;
    ~fleet_log();

    /// Reads what was written since.
    ///
    /// @return whether anything was; an error names file, line and field, and stays
    [[nodiscard]] berth::result<bool> poll();
    /// Decides what is due at the time of the last event: nothing more of that time is expected.
    [[nodiscard]] berth::result<void> settle();
    /// Goes to another time of the log, back or ahead. Reads it again.
    [[nodiscard]] berth::result<void> go_to(double time);
    /// The last time with an event before, or the first one after; nothing if there is none.
    [[nodiscard]] std::optional<double> moment_before(double time) const;
    [[nodiscard]] std::optional<double> moment_after(double time) const;

    [[nodiscard]] const log_settings& settings() const { return settings_; }
    /// The scheduler; null before the first line.
    [[nodiscard]] const berth::any_scheduler* engine() const { return engine_ ? &*engine_ : nullptr; }
    [[nodiscard]] const std::string& policy() const { return policy_; }
    [[nodiscard]] double now() const { return now_.value_or(0.0); }
    /// An expectation was read: nothing follows.
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] std::size_t lines() const { return reader_.line(); }
    /// Jobs that wait or run, by name.
    [[nodiscard]] const std::map<std::string, job_facts, std::less<>>& jobs() const { return jobs_; }
    /// By name of the GPU, or of the node for a node as a whole.
    [[nodiscard]] const place_readings* readings(std::string_view gpu) const;
    [[nodiscard]] const std::map<std::pair<std::string, std::uint32_t>, step_under_way>& under_way() const {
        return under_way_;
    }
    /// The last decisions, the oldest first.
    [[nodiscard]] const std::deque<berth::io::decision>& recent() const { return recent_; }
    [[nodiscard]] const sampled_history& history() const { return history_; }
    [[nodiscard]] const gpu_lanes& lanes() const { return lanes_; }

private:
    static constexpr std::size_t most_recent = 200;

    struct placed_task {
        std::string node{};
        std::vector<std::string> gpus{};
        friend bool operator==(const placed_task&, const placed_task&) = default;
    };

    [[nodiscard]] berth::result<bool> read_on();
    [[nodiscard]] berth::result<bool> open_file();
    void start_anew();
    [[nodiscard]] berth::result<void> take(berth::io::event&& e);
    [[nodiscard]] berth::result<void> make_scheduler(const berth::io::event& first);
    [[nodiscard]] berth::result<void> advance(double next);
    [[nodiscard]] berth::result<void> decide(double time);
    [[nodiscard]] berth::result<void> apply(const berth::io::event& e);
    void note(const berth::io::event& e);
    void note(const berth::io::decision& d);
    void note_reading(const berth::io::reading_event& e);
    void note_report(const berth::io::task_event& e);
    void follow_jobs(double time);
    void follow_places(double time);
    void take_sample(double time);

    log_settings settings_;
    int file_ = -1;
    std::uint64_t inode_ = 0;
    std::uint64_t offset_ = 0;
    std::optional<berth::error> failure_;

    // Of the whole log, kept when it is read again.
    berth::io::log_counters counters_;
    bool scanning_ = true;  // for counters and times only
    bool again_ = false;
    std::vector<double> moments_;

    // Of this reading of it.
    berth::io::event_reader reader_;
    berth::io::event_log_calls calls_{{}};
    std::optional<berth::any_scheduler> engine_;
    std::string policy_;
    std::optional<double> now_;
    double decided_at_ = -1.0;
    bool settled_ = false;
    bool ended_ = false;
    std::map<std::string, job_facts, std::less<>> jobs_;
    std::map<std::string, place_readings, std::less<>> readings_;
    std::map<std::pair<std::string, std::uint32_t>, step_under_way> under_way_;
    std::deque<berth::io::decision> recent_;
    double peak_ = unknown;  // °C since the last sample
    sampled_history history_;
    gpu_lanes lanes_;
    std::set<std::string> touched_jobs_;
    std::set<std::string> touched_nodes_;
    std::map<std::string, std::vector<placed_task>, std::less<>> places_;                  // of each job's tasks
    std::map<std::string, std::map<std::string, lane_segment::kind>, std::less<>> marks_;  // node, GPU
};

}  // namespace top
