// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0::io {

/// What must hold at the end of a log that is a test. Lists are lower bounds: what is listed must hold, the rest is
/// free. An empty expectation holds always.
struct expectation {
    /// A job and names of nodes, GPUs, models or reasons.
    using names_of_job = std::pair<std::string, std::vector<std::string>>;

    std::vector<std::string> running{};                 ///< jobs with at least `min_tasks` tasks running
    std::vector<std::string> waiting{};                 ///< jobs that wait, with fewer
    std::vector<std::string> evicted{};                 ///< jobs that lost a task to another
    std::vector<std::string> moved{};                   ///< jobs of which a task was moved
    std::vector<std::string> stopped{};                 ///< jobs of which a task was stopped
    std::vector<std::string> lost{};                    ///< jobs that lost a task with its node
    std::vector<names_of_job> on{};                     ///< nodes that the tasks of a job may be on
    std::vector<std::vector<std::string>> same_node{};  ///< jobs whose tasks are all on one node
    std::vector<std::pair<std::vector<std::string>, std::string>> apart{};  ///< jobs, level: no two tasks in one domain
    std::vector<std::pair<std::string, std::uint32_t>> tasks{};             ///< number of tasks of a job that run
    std::vector<std::pair<std::string, double>> started_at{};               ///< time at which a job started
    std::optional<std::uint64_t> at_most_evicted{};                         ///< decisions `evict`
    std::optional<std::uint64_t> at_most_moved{};                           ///< decisions `move`
    std::vector<names_of_job> models{};                                     ///< model of each GPU of a job, sorted
    std::vector<names_of_job> gpus{};                                       ///< names of all GPUs of a job
    std::vector<names_of_job> reasons{};                                    ///< reasons in the last `wait` of a job
    std::vector<expectation> any_of{};  ///< one of these holds; empty: no more is asked
    /// Equal members.
    friend bool operator==(const expectation&, const expectation&) = default;
};

}  // namespace berth::inline v0::io
