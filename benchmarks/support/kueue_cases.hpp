// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/topology/domain_assignment.hpp"
#include "berth/core/result.hpp"
#include "berth/queue/kueue_preemption.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// One case of Kueue's test of preemption: what it decides about, and what it expects.
struct preemption_case {
    std::string name;
    std::vector<berth::cohort_queue> queues;
    std::vector<berth::cohort_job> running;
    berth::cohort_job job;
    std::vector<bool> needed;
    std::vector<berth::preemption_victim> expected;  ///< in the order of the file
};

/// Reads the cases; may be compressed with xz. Errors name the file and what is wrong.
[[nodiscard]] berth::result<std::vector<preemption_case>> read_preemption_cases(const std::string& path);

/// One case of Kueue's test of topology-aware scheduling: nodes, and pod sets that are placed one after the other.
struct domain_case {
    /// Tasks in each domain of the lowest level.
    using leaf_counts = std::vector<std::pair<std::vector<std::string>, std::size_t>>;

    struct pod_set {
        berth::domain_request request;
        std::optional<leaf_counts> expected;  ///< nothing: it is refused. Only the last label where that is the host
    };
    std::string name;
    std::size_t levels = 0;
    std::size_t counters = 0;
    bool hosts = false;  ///< the lowest level is the host
    std::vector<berth::domain_leaf> leaves;
    std::vector<pod_set> pod_sets;
};

/// Reads the cases; may be compressed with xz. Errors name the file and what is wrong.
[[nodiscard]] berth::result<std::vector<domain_case>> read_domain_cases(const std::string& path);

}  // namespace bench
