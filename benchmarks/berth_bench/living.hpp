// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/descriptions.hpp"

#include "support/openb.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What a cluster is told about a node of an experiment. Refers to the experiment.
class node_report {
public:
    node_report(const berth::fleet& from, berth::node_index n);

    [[nodiscard]] berth::node_description description() const noexcept {
        return {.name = name_, .capacity = capacity_, .gpus = gpus_};
    }
    /// GPU thousandths of the node.
    [[nodiscard]] berth::amount capacity_milli() const noexcept {
        return static_cast<berth::amount>(gpus_.size()) * berth::whole_gpu;
    }

private:
    std::string_view name_;
    std::span<const berth::amount> capacity_;
    std::vector<berth::gpu_description> gpus_;
};

/// What a cluster is told about a task of an experiment, without its name, because a pod arrives several times. Refers to
/// the experiment.
class task_report {
public:
    task_report(const berth::workload& from, berth::task_index t);

    [[nodiscard]] berth::task_description description() const noexcept {
        return {
            .gpus = demand_.gpus, .gpu_demand = demand_.gpu, .node_demand = demand_.node, .accepted_models = models_};
    }
    [[nodiscard]] berth::amount total_milli() const noexcept { return demand_.total_share(); }

private:
    berth::demand_view demand_;
    std::vector<std::string_view> models_;
};

/// One of each, in the order of the experiment.
[[nodiscard]] std::vector<node_report> node_reports(const experiment& input);
[[nodiscard]] std::vector<task_report> task_reports(const experiment& input);

/// The nodes join in their order.
[[nodiscard]] berth::result<void> join_all(berth::cluster& living, const std::vector<node_report>& nodes);

}  // namespace bench
