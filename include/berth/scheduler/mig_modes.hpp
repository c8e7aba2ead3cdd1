// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/allocate/mig/mig_mode.hpp"
#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/detail/events_of.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// What to do with a GPU of a scheduler.
struct mig_mode_advice {
    gpu_handle gpu{};                           ///< which
    node_handle node{};                         ///< on which node
    mig_mode_step step = mig_mode_step::slice;  ///< what to do
    std::size_t moves = 0;                      ///< of `empty`: slices that have room elsewhere
};

/// Which GPUs of one model a scheduler should have in MIG mode, as its demand changes. Advice: the caller carries it
/// out, because a switch is a matter of drivers and minutes.
///
/// ```
/// berth::mig_modes modes{*engine.find_mig_board("A100-80"), "A100"};
/// // now and then, after a decision:
/// for (const berth::mig_mode_advice& a : modes.advise(engine)) {
///     switch (a.step) {
///         case berth::mig_mode_step::empty: a.moves > 0 ? engine.drain(t, a.gpu) : engine.close(t, a.gpu); break;
///         case berth::mig_mode_step::reopen: engine.open(t, a.gpu); break;
///         default: engine.close(t, a.gpu);  // so that nothing starts there during the switch: `nvidia-smi -mig`; then
///                                           // report the node, with or without the board, and open the GPU
///     }
/// }
/// ```
///
/// Only healthy GPUs count that are open, or closed because of this advice. What was done is seen in the scheduler: a
/// GPU that is closed or drained after advice is on its way to the other mode, until it has it or is opened. A job that
/// waits for GPUs (`scheduler_events::waits_for_gpus`) counts with as many tasks as it still needs to start.
class mig_modes {
public:
    /// Advice for the GPUs of one model.
    ///
    /// @param board    into which slices they can be cut: the scheduler's board of that name
    /// @param model    their name, in MIG mode and out of it
    /// @param options  when to switch
    explicit mig_modes(mig_board board, std::string model, mig_mode_options options = {})
        : board_{std::make_unique<mig_board>(std::move(board))},
          positions_{*board_},
          model_{std::move(model)},
          options_{options} {}

    /// What to do now; call it after `decide`, as often as you like.
    ///
    /// @param engine  a `scheduler`, `any_scheduler` or `journalled_scheduler`, each time the same one
    /// @return        valid until the next call
    ///
    /// O(nodes + GPUs + tasks) and `choose_mig_modes`.
    template <class Scheduler>
    [[nodiscard]] std::span<const mig_mode_advice> advise(const Scheduler& engine) {
        const scheduler_events& events = detail::events_of(engine);
        advice_.clear();
        handles_.clear();
        gpus_.clear();
        const auto model = events.cluster().fleet().find_model(model_);
        if (!model) return advice_;
        look_at_gpus(events, *model);
        const mig_mode_demand demand = look_at_jobs(events, *model);
        for (const mig_mode_change& c : choose_mig_modes(positions_, gpus_, demand, options_, events.now())) {
            const slot at = events.cluster().find(handles_[c.gpu]);
            advice_.push_back({handles_[c.gpu], events.cluster().handle(at.node), c.step, c.moves});
            known_[handles_[c.gpu].position()].emptying = c.step != mig_mode_step::reopen;
        }
        return advice_;
    }

private:
    /// What was advised and seen of a GPU.
    struct known_gpu {
        gpu_handle gpu{};
        bool sliced = false;
        bool emptying = false;
        double switched = -1e300;
    };

    void look_at_gpus(const scheduler_events& events, model_index model) {
        const cluster& living = events.cluster();
        used_.assign(living.fleet().node_count(), 0);
        for (const auto& ends : {living.slots(), living.targets()}) {
            for (const slot& at : ends) {
                if (at.placed()) used_[at.node.value()] |= at.gpus;
            }
        }
        for (std::size_t i = 0; i < living.fleet().node_count(); ++i) {
            const node_index n{i};
            // A node whose room is held for a job that is to start there takes nothing else, either.
            if (!living.fleet().present(n) || !living.open(n) || !events.status(living.handle(n)).usable()) continue;
            for (gpu_mask rest = living.gpus_there(n); rest != 0; rest &= rest - 1) {
                const std::size_t g = lowest_gpu(rest);
                if (living.fleet().model(living.fleet().gpu(n, g)) == model)
                    look_at_gpu(events, n, g, (used_[i] >> g & 1U) == 0);
            }
        }
    }
    void look_at_gpu(const scheduler_events& events, node_index n, std::size_t g, bool idle) {
        const gpu_handle gpu = events.cluster().handle(n, g);
        const std::string_view board = events.mig_board_of(gpu);
        const bool sliced = !board.empty();
        if (sliced && board != board_->name()) return;
        if (gpu.position() >= known_.size()) known_.resize(gpu.position() + 1);
        known_gpu& known = known_[gpu.position()];
        if (known.gpu != gpu) known = {.gpu = gpu, .sliced = sliced};
        if (known.sliced != sliced) known = {.gpu = gpu, .sliced = sliced, .switched = events.now()};
        place_status status = events.status(gpu);
        known.emptying = known.emptying && (status.closed || status.draining);
        if (known.emptying) status.closed = status.draining = false;
        if (!status.usable()) return;
        const mig_layout slices = sliced ? events.mig_slices(gpu) : mig_layout{};
        const std::size_t profiles = board_->profiles().size();
        if (std::ranges::any_of(slices.slices(), [&](const mig_slice& s) { return s.profile >= profiles; })) return;
        gpus_.push_back({.sliced = sliced,
                         .idle = idle,
                         .emptying = known.emptying,
                         .node = static_cast<std::uint32_t>(n.value()),
                         .switched = known.switched,
                         .slices = slices});
        handles_.push_back(gpu);
    }
    [[nodiscard]] mig_mode_demand look_at_jobs(const scheduler_events& events, model_index model) {
        slices_.assign(board_->profiles().size(), 0);
        amount shares = 0;
        const cluster& living = events.cluster();
        for (const job_handle job : events.jobs()) {
            if (!events.waits_for_gpus(job)) continue;
            std::size_t lacking = events.least_to_start(job);
            const std::string_view profile = events.mig_profile(job);
            const auto known = profile.empty() ? std::nullopt : board_->find(profile);
            if (known) slices_[*known] += lacking;
            if (!profile.empty()) continue;
            for (std::uint32_t k = 0; k < events.task_count(job) && lacking > 0; ++k) {
                const auto t = living.find(events.task(job, k));
                if (!t || living.slots()[t->value()].placed()) continue;
                const demand_view demand = living.workload().demand(*t);
                if ((demand.accepted_models >> model.value() & 1U) == 0) continue;
                shares += static_cast<amount>(demand.gpus) * demand.gpu[counter_roles::share];
                --lacking;
            }
        }
        return {slices_, static_cast<std::size_t>((shares + whole_gpu - 1) / whole_gpu)};
    }

    std::unique_ptr<mig_board> board_;  // where it stays when this is moved
    mig_positions positions_;
    std::string model_;
    mig_mode_options options_;
    std::vector<known_gpu> known_;  // by the positions of handles
    std::vector<mig_mode_gpu> gpus_;
    std::vector<gpu_handle> handles_;
    std::vector<std::size_t> slices_;
    std::vector<gpu_mask> used_;  // of each node: something runs there, or is on its way
    std::vector<mig_mode_advice> advice_;
};

}  // namespace berth::inline v0
