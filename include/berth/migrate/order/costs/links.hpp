// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <vector>

namespace berth::inline v0 {

/// Bytes per second between two nodes, above zero; either may be no node (host memory of an unknown node, or storage). A
/// function of the pair: a lambda will do. Read-only and deterministic.
template <class L>
concept link_bandwidth = std::copy_constructible<L> && requires(const L& link, const problem& p, node_index n) {
    { link(p, n, n) } -> std::convertible_to<double>;
};

/// The same between all nodes. Default: 100 Gb/s Ethernet, and PCIe 5 x16 within a node. Others that were measured: PCIe 4 x16
/// 25e9, NVLink 4 450e9 in each direction, 400 Gb/s 48e9, network storage 1e9 to 9e9.
struct uniform_link {
    double between_nodes = 12e9;
    double within_node = 50e9;

    [[nodiscard]] double operator()(const problem&, node_index from, node_index to) const noexcept {
        return from.valid() && from == to ? within_node : between_nodes;
    }
};

/// The narrowest of source, link and target, of which a migration gets a share: B = min(out, link, in) * share.
struct node_links {
    std::vector<double> out;  ///< of each node
    std::vector<double> in;   ///< of each node
    double link = 48e9;
    double share = 1.0;  ///< in (0, 1]: what other traffic leaves

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

/// A property of a task in bytes, or in bytes per second. A lambda will do.
template <class F>
concept task_quantity = std::copy_constructible<F> && requires(const F& f, const problem& p, task_index t) {
    { f(p, t) } -> std::convertible_to<double>;
};

/// The same for every task, or the same part of what a task has to move.
struct part_of_state {
    double part = 0.0;      ///< of `workload::state_bytes`
    double constant = 0.0;  ///< added to it

    [[nodiscard]] double operator()(const problem& p, task_index t) const noexcept {
        return constant + part * static_cast<double>(p.workload().state_bytes(t));
    }
};

static_assert(link_bandwidth<uniform_link> && link_bandwidth<node_links> && task_quantity<part_of_state>);

}  // namespace berth::inline v0
