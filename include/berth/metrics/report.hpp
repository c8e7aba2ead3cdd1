// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/metrics/fairness.hpp"
#include "berth/metrics/utilisation.hpp"
#include "berth/model/ledger.hpp"
#include "berth/objective/concepts.hpp"

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <vector>

namespace berth::inline v0 {

/// The argument of `measure_placement` for a measure that is not needed.
struct no_measure {};

/// The sum of a measure over all nodes, in their order. One call of the measure per node.
///
/// @param state  the ledger of the placement
/// @param f      returns a number for a `node_view`
template <node_measure F>
[[nodiscard]] double total_over_nodes(const ledger& state, const F& f) {
    double sum = 0.0;
    for (std::size_t n = 0; n < state.fleet().node_count(); ++n)
        sum += static_cast<double>(f(state.node(node_index{n})));
    return sum;
}

/// Fragmented GPU share as a part of all GPU share, in percent: the *fragmentation amount* of Weng et al. (FGD, USENIX
/// ATC 2023). 0 without GPUs.
///
/// @param fragmented  GPU thousandths
/// @param capacity    GPU thousandths of the fleet
[[nodiscard]] constexpr double fragmentation_amount_percent(double fragmented, amount capacity) noexcept {
    return capacity > 0 ? 100.0 * fragmented / static_cast<double>(capacity) : 0.0;
}
/// Fragmented GPU share as a part of the idle share, in percent: the *fragmentation ratio* of the same paper. 0 if
/// nothing is idle.
///
/// @param fragmented  GPU thousandths
/// @param idle        GPU thousandths not in use
[[nodiscard]] constexpr double fragmentation_ratio_percent(double fragmented, amount idle) noexcept {
    return idle > 0 ? 100.0 * fragmented / static_cast<double>(idle) : 0.0;
}

/// The quality of a placement, as a plain value.
struct placement_metrics {
    std::size_t gpus = 0;                                ///< GPUs of the fleet
    std::size_t gpus_in_use = 0;                         ///< see `gpus_in_use`
    std::size_t nodes = 0;                               ///< nodes of the fleet
    std::size_t nodes_in_use = 0;                        ///< see `nodes_in_use`
    gpu_share_use share;                                 ///< GPU thousandths
    double allocation_percent = 0.0;                     ///< used GPU share
    double unallocated_percent = 0.0;                    ///< 100 - allocation_percent
    double fairness = 1.0;                               ///< Jain's index of the used share of GPUs
    std::vector<counter_use> gpu_counters;               ///< in the order of the schema
    std::vector<counter_use> node_counters;              ///< in the order of the schema
    std::optional<double> fragmented;                    ///< sum of F(n), GPU thousandths; empty without the measure
    std::optional<double> fragmentation_amount_percent;  ///< of all GPU share; empty without the measure
    std::optional<double> fragmentation_ratio_percent;   ///< of the idle GPU share; empty without the measure
    std::optional<double> power;                         ///< sum over nodes, unit of the measure; empty without it
};

/// Computes the metrics of a placement. O(places × counters) and one call of each measure per node.
///
/// @param state          the ledger of the placement
/// @param fragmentation  F(n) of a node in GPU thousandths (`objective/measures/fragmentation.hpp`), or `no_measure{}`
/// @param power          power draw of a node in watts (`objective/measures/power.hpp`), or `no_measure{}`
template <class Fragmentation = no_measure, class Power = no_measure>
[[nodiscard]] placement_metrics measure_placement(const ledger& state, const Fragmentation& fragmentation = {},
                                                  const Power& power = {}) {
    placement_metrics m;
    m.gpus = state.fleet().gpu_count();
    m.gpus_in_use = gpus_in_use(state);
    m.nodes = state.fleet().node_count();
    m.nodes_in_use = nodes_in_use(state);
    m.share = gpu_share(state);
    m.allocation_percent = m.share.allocation_percent();
    m.unallocated_percent = 100.0 - m.allocation_percent;
    m.fairness = gpu_load_fairness(state);
    m.gpu_counters = gpu_utilisation(state);
    m.node_counters = node_utilisation(state);
    if constexpr (!std::same_as<Fragmentation, no_measure>) {
        static_assert(node_measure<Fragmentation>,
                      "berth: the fragmentation measure of measure_placement is a callable double(const node_view&)");
        const double fragmented = total_over_nodes(state, fragmentation);
        m.fragmented = fragmented;
        m.fragmentation_amount_percent = berth::fragmentation_amount_percent(fragmented, m.share.capacity);
        m.fragmentation_ratio_percent = berth::fragmentation_ratio_percent(fragmented, m.share.idle());
    }
    if constexpr (!std::same_as<Power, no_measure>) {
        static_assert(node_measure<Power>,
                      "berth: the power measure of measure_placement is a callable double(const node_view&)");
        m.power = total_over_nodes(state, power);
    }
    return m;
}

}  // namespace berth::inline v0
