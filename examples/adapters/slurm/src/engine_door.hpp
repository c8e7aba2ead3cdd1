// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_events.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth_slurm {

/// Who goes first: larger priority, then the older, or the one with the fewest GPU seconds to run.
struct slurm_order {
    bool shortest = false;  ///< jobs with a short time limit first among equal priorities

    /// The negated priority, then GPU seconds if they count.
    [[nodiscard]] constexpr berth::queue_key operator()(const berth::queued_job& job) const noexcept {
        return {-static_cast<double>(job.priority), shortest ? job.remaining_seconds * job.gpus : 0.0};
    }
};
static_assert(berth::queue_order<slurm_order>);

/// Lower priority leaves for higher, if that is wanted.
struct slurm_preemption {
    bool wanted = true;

    /// True if the claimant has the higher priority.
    [[nodiscard]] constexpr bool operator()(const berth::queued_job& claimant, const berth::queue_key&,
                                            const berth::queued_job& victim, const berth::queue_key&) const noexcept {
        return wanted && claimant.priority > victim.priority;
    }
};
static_assert(berth::preemption_policy<slurm_preemption>);

/// A job of several nodes is one job for Slurm: it is started again as a whole, so none of its tasks moves alone.
struct single_tasks_move {
    std::shared_ptr<const std::vector<std::uint8_t>> stays;  ///< by position of the task; not 0: it stays

    /// True if the task may move.
    [[nodiscard]] bool operator()(const berth::task_move& move) const noexcept {
        return move.task.value() >= stays->size() || (*stays)[move.task.value()] == 0;
    }
};

/// The policies: by priority, with relief of what is sick, hot or drained, and preemption.
[[nodiscard]] inline auto slurm_policies(bool shortest, bool preempt,
                                         std::shared_ptr<const std::vector<std::uint8_t>> stays) {
    const berth::relief_balancer relief = berth::default_relief();
    const berth::move_choice<berth::payback<>, single_tasks_move> choice{
        relief.choice.valuation, single_tasks_move{std::move(stays)}, relief.choice.options};
    return berth::scheduler_policies{}
        .with_order(slurm_order{shortest})
        .with_preemption(slurm_preemption{preempt})
        .with_balance(
            berth::balancer<decltype(relief.when), std::remove_const_t<decltype(choice)>, decltype(relief.budget)>{
                relief.when, choice, relief.budget, relief.limits});
}

/// The engine's type: compiled once, in engine_door.cpp.
using slurm_engine = berth::scheduler<decltype(slurm_policies(false, false, nullptr))>;

}  // namespace berth_slurm

extern template class berth::scheduler<decltype(berth_slurm::slurm_policies(false, false, nullptr))>;

namespace berth_slurm {

/// The engine, told by lines of an event log: what is written down is what was decided on.
class engine_door {
public:
    /// @param shortest  see `slurm_order`
    /// @param preempt   see `slurm_preemption`
    engine_door(bool shortest, bool preempt);

    /// Tells the engine, and writes down what it has accepted. An error is the engine's.
    berth::result<void> tell(const berth::io::event& e);
    /// What was written down since the last call.
    [[nodiscard]] std::string take_log() { return std::exchange(log_, {}); }

    [[nodiscard]] slurm_engine& engine() noexcept { return engine_; }              ///< for decisions and questions
    [[nodiscard]] const slurm_engine& engine() const noexcept { return engine_; }  ///< for questions

    /// The name of a GPU: that of its node, and its index.
    [[nodiscard]] static std::string gpu_name(std::string_view node, std::size_t index) {
        return std::string{node} + "/i" + std::to_string(index);
    }
    /// The indices that a slot stands for, which are in the names of its GPUs.
    [[nodiscard]] berth::gpu_mask indices(const berth::slot& where) const;
    /// The name of a slot's node.
    [[nodiscard]] const std::string& node_name(const berth::slot& where) const {
        return engine_.cluster().fleet().name(where.node);
    }

private:
    berth::result<void> take(const berth::io::node_event& e);
    berth::result<void> take(const berth::io::job_event& e);
    berth::result<void> take(const berth::io::task_event& e);

    std::shared_ptr<std::vector<std::uint8_t>> stays_;
    slurm_engine engine_;
    std::string log_;
};

}  // namespace berth_slurm
