// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_events.hpp"
#include "berth/model/resources.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace berth::inline v0::io {

// The decisions of an event log, version 1: what a scheduler answers to events.

/// A node and names of its GPUs.
struct log_place {
    std::string node{};               ///< name of the node
    std::vector<std::string> gpus{};  ///< names of the GPUs
    /// Equal members.
    friend bool operator==(const log_place&, const log_place&) = default;
};

/// A task starts.
struct start_decision {
    double time = 0;                 ///< seconds
    std::string job{};               ///< the job
    std::uint32_t task = 0;          ///< position of the task in the job
    log_place place{};               ///< where
    std::optional<mig_slice> mig{};  ///< its slice
    /// Equal members.
    friend bool operator==(const start_decision&, const start_decision&) = default;
};

/// A task is stopped; its room is held for another job until that starts.
struct evict_decision {
    double time = 0;                       ///< seconds
    std::string job{};                     ///< the job
    std::uint32_t task = 0;                ///< position of the task in the job
    log_place place{};                     ///< where it runs
    std::optional<std::string> for_job{};  ///< key `for`
    std::string reason{};                  ///< for people and programs
    /// Equal members.
    friend bool operator==(const evict_decision&, const evict_decision&) = default;
};

/// A task moves.
struct move_decision {
    double time = 0;                      ///< seconds
    std::string job{};                    ///< the job
    std::uint32_t task = 0;               ///< position of the task in the job
    log_place from{};                     ///< where it runs
    log_place to{};                       ///< where it will run
    std::uint32_t wave = 0;               ///< moves of one wave may happen at the same time
    std::string reason{};                 ///< for people and programs
    std::optional<mig_slice> from_mig{};  ///< its slice at `from`
    std::optional<mig_slice> to_mig{};    ///< its slice at `to`
    /// Equal members.
    friend bool operator==(const move_decision&, const move_decision&) = default;
};

/// A job waits, or waits for other reasons than before.
struct wait_decision {
    double time = 0;                                               ///< seconds
    std::string job{};                                             ///< the job
    std::vector<std::pair<std::string, std::uint64_t>> reasons{};  ///< reason, number of places
    std::optional<std::string> nearest_node{};                     ///< the node that lacks least
    counter_amounts missing{};                                     ///< what that node lacks
    std::optional<double> at{};                                    ///< when it is expected to start
    /// Equal members.
    friend bool operator==(const wait_decision&, const wait_decision&) = default;
};

/// A task is lost with its place.
struct lost_decision {
    double time = 0;         ///< seconds
    std::string job{};       ///< the job
    std::uint32_t task = 0;  ///< position of the task in the job
    std::string reason{};    ///< for people and programs
    /// Equal members.
    friend bool operator==(const lost_decision&, const lost_decision&) = default;
};

/// One line of a log of decisions.
using decision = std::variant<start_decision, evict_decision, move_decision, wait_decision, lost_decision>;

/// The name of a decision as the log has it, such as `start`.
[[nodiscard]] inline std::string_view decision_name(const decision& d) noexcept {
    constexpr std::string_view names[] = {"start", "evict", "move", "wait", "lost"};
    return names[d.index()];
}

}  // namespace berth::inline v0::io
