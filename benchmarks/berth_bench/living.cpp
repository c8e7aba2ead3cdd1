// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/living.hpp"

namespace bench {

node_report::node_report(const berth::fleet& from, berth::node_index n)
    : name_{from.name(n)}, capacity_{from.capacity(n)} {
    for (std::size_t i = 0; i < from.gpu_count(n); ++i) {
        const berth::gpu_index g = from.gpu(n, i);
        gpus_.push_back({.model = from.name(from.model(g)), .capacity = from.capacity(g)});
    }
}

task_report::task_report(const berth::workload& from, berth::task_index t) : demand_{from.demand(t)} {
    std::string_view rest = from.accepted_text(from.shape(t));
    while (!rest.empty()) {
        const std::size_t bar = rest.find('|');
        models_.push_back(rest.substr(0, bar));
        rest.remove_prefix(bar == std::string_view::npos ? rest.size() : bar + 1);
    }
}

std::vector<node_report> node_reports(const experiment& input) {
    std::vector<node_report> nodes;
    nodes.reserve(input.fleet->node_count());
    for (std::size_t n = 0; n < input.fleet->node_count(); ++n) nodes.emplace_back(*input.fleet, berth::node_index{n});
    return nodes;
}

std::vector<task_report> task_reports(const experiment& input) {
    std::vector<task_report> tasks;
    tasks.reserve(input.workload->task_count());
    for (std::size_t t = 0; t < input.workload->task_count(); ++t) {
        tasks.emplace_back(*input.workload, berth::task_index{t});
    }
    return tasks;
}

berth::result<void> join_all(berth::cluster& living, const std::vector<node_report>& nodes) {
    for (const node_report& node : nodes) {
        if (const auto joined = living.join(node.description()); !joined) return joined.error();
    }
    return {};
}

}  // namespace bench
