// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <vector>

namespace berth::inline v0 {

/// Bandwidth between two nodes: `link(problem, from, to)` yields bytes per second, above zero. Either node may be
/// invalid: host memory of an unknown node, or storage. Write one if bandwidth depends on racks or link types; a lambda
/// is one:
///
/// ```
/// const auto link = [](const problem&, node_index a, node_index b) { return a == b ? 50e9 : 12e9; };
/// const migration_order order{stop_and_copy{criu_vllm_h100, false, 1e12, link}};
/// ```
///
/// Read-only and deterministic.
template <class L>
concept link_bandwidth = std::copy_constructible<L> && requires(const L& link, const problem& p, node_index n) {
    { link(p, n, n) } -> std::convertible_to<double>;
};

/// The same bandwidth between all nodes. Default: 100 Gb/s Ethernet, and PCIe 5 x16 within a node. Other measured
/// values: PCIe 4 x16 25e9, NVLink 4 450e9 in each direction, 400 Gb/s 48e9, network storage 1e9 to 9e9.
struct uniform_link {
    double between_nodes = 12e9;  ///< bytes per second
    double within_node = 50e9;    ///< bytes per second

    /// Bytes per second. O(1).
    [[nodiscard]] double operator()(const problem&, node_index from, node_index to) const noexcept {
        return from.valid() && from == to ? within_node : between_nodes;
    }
};

/// The narrowest of source, link and target, of which a migration gets a share: B = min(out, link, in) * share. All in
/// bytes per second, above zero.
struct node_links {
    std::vector<double> out;  ///< of each node
    std::vector<double> in;   ///< of each node
    double link = 48e9;       ///< between nodes
    double share = 1.0;       ///< in (0, 1]: what other traffic leaves

    /// Bytes per second. O(1).
    [[nodiscard]] double operator()(const problem&, node_index from, node_index to) const noexcept {
        double narrowest = link;
        if (from.valid()) {
            BERTH_ASSERT(from.value() < out.size(), "berth: node_links::out has an entry for each node");
            narrowest = out[from.value()] < narrowest ? out[from.value()] : narrowest;
        }
        if (to.valid()) {
            BERTH_ASSERT(to.value() < in.size(), "berth: node_links::in has an entry for each node");
            narrowest = in[to.value()] < narrowest ? in[to.value()] : narrowest;
        }
        return narrowest * share;
    }
};

/// A property of a task, `f(problem, task)` in bytes or in bytes per second, such as its dirty rate. A lambda is one.
template <class F>
concept task_quantity = std::copy_constructible<F> && requires(const F& f, const problem& p, task_index t) {
    { f(p, t) } -> std::convertible_to<double>;
};

/// The same amount for every task, or the same part of its state.
struct part_of_state {
    double part = 0.0;      ///< of `workload::state_bytes`
    double constant = 0.0;  ///< added to it

    /// Bytes, or bytes per second. O(1).
    [[nodiscard]] double operator()(const problem& p, task_index t) const noexcept {
        return constant + part * static_cast<double>(p.workload().state_bytes(t));
    }
};

static_assert(link_bandwidth<uniform_link> && link_bandwidth<node_links> && task_quantity<part_of_state>);

}  // namespace berth::inline v0
