// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/sites/site_links.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What the cost of a transfer is.
enum class transfer_quantity : std::uint8_t {
    price,    ///< money (egress)
    seconds,  ///< bytes / bandwidth
};

/// Which way the bytes of a transfer go.
enum class transfer_way : std::uint8_t {
    to_gpu,    ///< input: from the site in the task's row to the GPU's
    from_gpu,  ///< output: from the GPU's site to the one in the task's row
};

/// A site as a number in a feature row: its position, -1 if it is not valid.
[[nodiscard]] inline double site_feature(site_index site) noexcept {
    return site.valid() ? static_cast<double>(site.value()) : -1.0;
}

namespace detail {

/// The site that `site_feature` wrote; not valid for any other number.
[[nodiscard]] inline site_index site_from_feature(double number, const site_links& links) noexcept {
    if (!(number >= 0.0 && number < static_cast<double>(links.count()))) return {};
    return site_index{static_cast<std::size_t>(number)};
}

}  // namespace detail

/// The price, or the time, of carrying a task's data between the site where they are and the GPU's site. Without bytes
/// 0, wherever they are not. A cost model like any other: a term of `weighted_terms`, one for every data set of a task.
/// O(1).
struct transfer_cost {
    const site_links* links = nullptr;                  ///< outlives the model
    transfer_quantity what = transfer_quantity::price;  ///< money or seconds
    transfer_way way = transfer_way::to_gpu;            ///< input or output
    std::size_t data_site = 0;                          ///< column of a task row: `site_feature`
    std::size_t gigabytes = 1;                          ///< column of a task row: 1e9 bytes, 0 or more
    std::size_t gpu_site = 0;                           ///< column of a GPU row: `site_feature`
    /// The cost if the link does not say: missing is not free. Infinity forbids the pair.
    double unknown = 1e9;

    /// The cost of a pair.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        BERTH_ASSERT(links != nullptr && data_site < task.size() && gigabytes < task.size() && gpu_site < gpu.size(),
                     "berth: transfer_cost reads a column that the feature row does not have");
        if (task[gigabytes] == 0.0) return 0.0;
        const site_index data = detail::site_from_feature(task[data_site], *links);
        const site_index runs = detail::site_from_feature(gpu[gpu_site], *links);
        const double bytes = task[gigabytes] * 1e9;
        const site_transfer t =
            way == transfer_way::to_gpu ? links->transfer(data, runs, bytes) : links->transfer(runs, data, bytes);
        const double cost = what == transfer_quantity::price ? t.price : t.seconds;
        return cost == cost ? cost : unknown;
    }
};

/// The bound of a service's latency: nothing if the round trip from its users' site to the GPU's site is known and
/// within the bound, else `over`. A cost model; one term for every site with users. O(1).
struct latency_bound {
    const site_links* links = nullptr;  ///< outlives the model
    std::size_t user_site = 0;          ///< column of a task row: `site_feature`
    std::size_t round_trip = 1;         ///< column of a task row: seconds, the largest that is allowed
    std::size_t gpu_site = 0;           ///< column of a GPU row: `site_feature`
    /// The cost beyond the bound. Infinity forbids the pair.
    double over = 1e9;

    /// The cost of a pair.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        BERTH_ASSERT(links != nullptr && user_site < task.size() && round_trip < task.size() && gpu_site < gpu.size(),
                     "berth: latency_bound reads a column that the feature row does not have");
        const double measured = links
                                    ->link(detail::site_from_feature(task[user_site], *links),
                                           detail::site_from_feature(gpu[gpu_site], *links))
                                    .round_trip;
        return measured <= task[round_trip] ? 0.0 : over;  // unknown: over
    }
};

/// Bandwidth between nodes by their sites, in the form that the costs of a migration ask for (`link_bandwidth`):
/// `stop_and_copy{criu_vllm_h100, false, 1e12, site_bandwidth{&links, sites}}`. O(1).
struct site_bandwidth {
    const site_links* links = nullptr;    ///< outlives it
    std::span<const site_index> sites{};  ///< of each node, see `sites_of_nodes`; outlives it
    double within_site = 12e9;            ///< bytes per second between nodes of a site, above 0
    double within_node = 50e9;            ///< bytes per second within a node, above 0
    double unknown = 1e6;  ///< bytes per second where the link does not say, above 0: missing is not fast

    /// Bytes per second.
    [[nodiscard]] double operator()(const problem&, node_index from, node_index to) const noexcept {
        if (from.valid() && from == to) return within_node;
        const site_index a = from.below(sites.size()) ? sites[from.value()] : site_index{};
        const site_index b = to.below(sites.size()) ? sites[to.value()] : site_index{};
        const double measured = links->link(a, b).bytes_per_second;
        if (a.valid() && a == b && !(measured < within_site)) return within_site;
        return measured == measured ? measured : unknown;
    }
};

/// The egress price of a migration: the state of the task over the link between the sites of its nodes. A task that
/// starts, ends or stays within a node costs nothing. O(1).
struct migration_egress {
    const site_links* links = nullptr;    ///< outlives it
    std::span<const site_index> sites{};  ///< of each node, see `sites_of_nodes`; outlives it
    double unknown = 1e9;                 ///< the price if the link does not say

    /// The price in money.
    ///
    /// @param from, to  nodes; not valid: the task does not run there
    [[nodiscard]] double operator()(const problem& p, task_index task, node_index from, node_index to) const noexcept {
        if (!from.below(sites.size()) || !to.below(sites.size()) || from == to) return 0.0;
        const auto bytes = static_cast<double>(p.workload().state_bytes(task));
        if (bytes == 0.0) return 0.0;
        const double price = links->transfer(sites[from.value()], sites[to.value()], bytes).price;
        return price == price ? price : unknown;
    }
    /// The price of a move: anything with `task`, `from` and `to`, of which the ends have a `node`.
    template <class Move>
    [[nodiscard]] double operator()(const problem& p, const Move& move) const noexcept {
        return (*this)(p, move.task, move.from.node, move.to.node);
    }
};

static_assert(cost_model<transfer_cost> && cost_model<latency_bound>);

}  // namespace berth::inline v0
