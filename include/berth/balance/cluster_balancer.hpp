// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// A balancer on a living cluster. Made by `balancer::start(cluster)`.
///
/// ```
/// auto balancer = policy.start(cluster);
/// const auto round = balancer.round({.time = now, .gpu_load = loads, .task_load = task_loads});
/// for (const auto& c : round->chosen) (void)cluster.begin_move(c.move.task, c.move.to);
/// ```
///
/// Slots, moves in flight, health and room are the cluster's own; only what is measured comes from the caller. Alarms,
/// peaks and cooldowns survive whatever arrives, leaves or joins; what takes a vacated position inherits none of them.
/// A closed node takes no tasks, and those that run there stay; a sick one is drained, and a GPU that is missing as
/// well.
///
/// Deterministic. The cluster outlives it. Copies are independent. Memory O(tasks + GPUs + nodes).
template <class Triggers, class Choice, class Budget>
class cluster_balancer {
public:
    /// As `balancer::start`.
    cluster_balancer(const balancer<Triggers, Choice, Budget>& policy, const cluster& lender)
        : cluster_{&lender}, state_{policy, lender.problem()} {}

    /// Which moves the cluster needs, as `balancer_state::round`.
    ///
    /// @param read     per position of the cluster's tasks, GPUs and nodes, vacant positions included; its arrays are
    ///                 copied. A NaN is right for whatever is not there
    /// @param waiting  positions of tasks without a slot that `fragmented` is to make room for, in the order of the
    ///                 queue
    /// @param control  as `balancer_state::round`
    /// @return         the round; positions in it are those of the moment. An error as of `balancer_state::round`
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] result<balance_round> round(const fleet_readings& read, std::span<const task_index> waiting = {},
                                              run_control<Stop, Observer> control = {}) {
        const fleet& machines = cluster_->fleet();
        forget_what_left();
        healthy_.assign(machines.node_count(), 0);
        node_healthy_.assign(machines.node_count(), 0);
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            healthy_[i] = cluster_->healthy_gpus(node_index{i});
            node_healthy_[i] = cluster_->healthy(node_index{i}) ? 1 : 0;
        }
        in_flight_.clear();
        for (std::size_t t = 0; t < cluster_->targets().size() && !cluster_->moving().empty(); ++t) {
            const slot& to = cluster_->targets()[t];
            if (to.placed()) in_flight_.push_back({task_index{t}, cluster_->slots()[t], to});
        }
        return state_.round({.placement = cluster_->slots(),
                             .in_flight = in_flight_.view(),
                             .waiting = waiting,
                             .healthy = healthy_.view(),
                             .node_healthy = node_healthy_.view()},
                            read, std::move(control), &cluster_->ledger(), cluster_->structure_version());
    }

    /// The fleet as it will be after the last round's choices. Valid until this is destroyed or moved from.
    [[nodiscard]] const projected_state& projected() const noexcept { return state_.projected(); }

private:
    static constexpr std::uint64_t nothing = std::numeric_limits<std::uint64_t>::max();

    template <class Tag>
    [[nodiscard]] static std::uint64_t name_of(basic_handle<Tag> h) noexcept {
        return std::uint64_t{h.position()} << 32U | h.generation();
    }
    /// Compares who is at each position with who was there at the round before.
    template <class Index>
    void compare(detail::flat<std::uint64_t>& known, std::size_t position, std::uint64_t name) {
        if (known.size() <= position) known.resize(position + 1, nothing);
        if (known[position] != name && known[position] != nothing) state_.forget(Index{position});
        known[position] = name;
    }
    void forget_what_left() {
        const fleet& machines = cluster_->fleet();
        for (std::size_t t = 0; t < cluster_->workload().task_count(); ++t)
            compare<task_index>(tasks_, t, name_of(cluster_->handle(task_index{t})));
        if (structure_ == cluster_->structure_version() && gpus_.size() == machines.gpu_count()) return;
        structure_ = cluster_->structure_version();
        names_.assign(machines.gpu_count(), nothing - 1);  // vacant
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            compare<node_index>(nodes_, i, machines.present(n) ? name_of(cluster_->handle(n)) : nothing - 1);
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1)
                names_[machines.gpu(n, lowest_gpu(rest)).value()] = name_of(cluster_->handle(n, lowest_gpu(rest)));
        }
        for (std::size_t g = 0; g < names_.size(); ++g) compare<gpu_index>(gpus_, g, names_[g]);
    }

    const cluster* cluster_;
    balancer_state<Triggers, Choice, Budget> state_;
    std::uint64_t structure_ = 0;
    detail::flat<std::uint64_t> nodes_;  // per position: who was there, as a number
    detail::flat<std::uint64_t> gpus_;
    detail::flat<std::uint64_t> tasks_;
    detail::flat<std::uint64_t> names_;
    detail::flat<gpu_mask> healthy_;
    detail::flat<std::uint8_t> node_healthy_;
    detail::flat<task_move> in_flight_;
};

}  // namespace berth::inline v0
