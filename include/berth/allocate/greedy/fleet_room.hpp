// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What is free in a whole cluster, by counter: of nodes together, of GPUs by model. Only open and healthy nodes and
/// healthy GPUs count; unlimited counters and free amounts below 0 count as 0. Made by a `cluster_placer` for an
/// `alternative_choice`.
///
/// Memory O(counters). A cluster's changes are followed in O(changed nodes × their counters); a change of its structure
/// in O(all counters). Deterministic.
class fleet_room {
public:
    /// The free amount of a host counter, over all nodes.
    [[nodiscard]] amount on_nodes(std::size_t counter) const noexcept {
        return counter < nodes_.size() ? nodes_[counter] : 0;
    }
    /// The free amount of a GPU counter, over all GPUs of a model.
    [[nodiscard]] amount on_gpus(model_index model, std::size_t counter) const noexcept {
        const std::size_t at = model.value() * gpu_counters_ + counter;
        return model.valid() && at < models_.size() ? models_[at] : 0;
    }

    /// Brings the sums up to date with the cluster.
    void follow(const cluster& of) {
        const bool same = structure_ == of.structure_version() && counted_.size() == of.ledger().counters().size() &&
                          models_.size() == of.fleet().model_count() * gpu_counters_ && known_;
        if (!same) {
            known_ = false;
            gpu_counters_ = of.fleet().schema().gpu.size();
            nodes_.assign(of.fleet().schema().node.size(), 0);
            models_.assign(of.fleet().model_count() * gpu_counters_, 0);
            counted_.assign(of.ledger().counters().size(), 0);
            for (std::size_t n = 0; n < of.fleet().node_count(); ++n) count(of, node_index{n});
            structure_ = of.structure_version();
            known_ = true;
        } else {
            of.changes().for_each_since(seen_, [&](std::size_t n) { count(of, node_index{n}); });
        }
        seen_ = of.changes().now();
    }

private:
    /// Replaces what is counted of a node by what it has now.
    void count(const cluster& of, node_index n) {
        const fleet& machines = of.fleet();
        if (!machines.present(n)) return;
        amount* known = counted_.data() + machines.first_counter(n);
        const amount* now = of.ledger().counters().data() + machines.first_counter(n);
        const auto take = [&](amount& sum, bool counts) {
            const amount left = counts && *now > 0 ? *now : 0;
            sum += left - *known;
            *known++ = left;
            ++now;
        };
        for (std::size_t r = 0; r < nodes_.size(); ++r) {
            take(nodes_[r], machines.healthy(n) && !machines.unlimited(n, r));
        }
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const gpu_index g = machines.gpu(n, i);
            const bool healthy = (machines.healthy_gpus(n) >> i & 1U) != 0;
            amount* const sums = models_.data() + machines.model(g).value() * gpu_counters_;
            for (std::size_t r = 0; r < gpu_counters_; ++r) take(sums[r], healthy && !machines.unlimited(g, r));
        }
    }

    detail::flat<amount> nodes_;
    detail::flat<amount> models_;   // by model, then counter
    detail::flat<amount> counted_;  // where the ledger has its counters
    std::size_t gpu_counters_ = 0;
    std::uint64_t structure_ = 0;
    std::uint64_t seen_ = 0;
    bool known_ = false;
};

}  // namespace berth::inline v0
