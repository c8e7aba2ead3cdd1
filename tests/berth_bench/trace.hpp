// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/openb.hpp"
#include "support/power_csv.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace bench_test {

template <class T>
[[nodiscard]] T need(berth::result<T> value) {
    if (!value) FAIL(value.error().message);
    return *std::move(value);
}

/// An experiment on one of the openb traces in a folder.
[[nodiscard]] inline bench::experiment trace(const std::string& folder, const std::string& name, int seed = 42) {
    const auto nodes = need(bench::read_openb_nodes(folder + "/openb_node_list_gpu_node.csv"));
    const auto pods = need(bench::read_openb_pods(folder + "/openb_pod_list_" + name + ".csv"));
    const auto order = need(bench::read_order(folder + "/orders/order_" + name + '_' + std::to_string(seed) + ".txt",
                                              pods.pods.size(), nodes.nodes.size()));
    auto made = need(bench::make_experiment(nodes, pods, order));
    made.power = need(bench::read_power_table(std::string{BERTH_OPENB_DIR} + "/power_watts.csv"));
    return made;
}

/// The project's own trace.
[[nodiscard]] inline bench::experiment default_trace() { return trace(BERTH_OPENB_DIR, "default"); }

/// A fleet and arrivals small enough to follow by hand; the order is the order of the rows.
[[nodiscard]] inline bench::experiment small_trace(const std::string& node_rows, const std::string& pod_rows) {
    const auto nodes = need(bench::parse_openb_nodes("nodes.csv", "sn,cpu_milli,memory_mib,gpu,model\n" + node_rows));
    const auto pods =
        need(bench::parse_openb_pods("pods.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + pod_rows));
    bench::arrival_order order;
    for (std::size_t p = 0; p < pods.pods.size(); ++p) order.arrivals.push_back(static_cast<std::uint32_t>(p));
    for (std::size_t n = 0; n < nodes.nodes.size(); ++n) order.priorities.push_back(static_cast<std::uint32_t>(n));
    auto made = need(bench::make_experiment(nodes, pods, order));
    made.power = need(bench::read_power_table(std::string{BERTH_OPENB_DIR} + "/power_watts.csv"));
    return made;
}

/// Never stops.
inline bool go_on(std::size_t) { return true; }

}  // namespace bench_test
