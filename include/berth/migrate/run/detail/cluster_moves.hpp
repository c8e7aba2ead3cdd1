// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace berth::inline v0::detail {

/// What has happened to a step under way since the run looked last, by others than the run.
enum class step_news : std::uint8_t {
    none,
    task_gone,    ///< retired
    not_ours,     ///< released or placed by others
    source_gone,  ///< the source's node has left, so the task has no place
    kept,         ///< the same, and the task is entered at the target
    target_gone,  ///< the target is not held any more: its node has left, or the move was cancelled by others
    not_healthy,  ///< of the target
};

/// What is true of a move whose source or target has left, whatever an executor says: nothing is held there, and no
/// task and no image is there. A task that is parked is in host memory, if the executor says so.
[[nodiscard]] constexpr migration_state without_ends(const task_move& move, migration_state seen, bool no_source,
                                                     bool no_target) noexcept {
    using enum task_location;
    if (no_source) {
        seen.source_held = false;
        seen.image_at_source = false;
        const bool in_memory = seen.task == arrived && !move.to.placed();
        if (seen.task >= runs_at_source && seen.task <= arrived && !in_memory) seen.task = lost;
    }
    if (no_target) {
        seen.target_held = false;
        if (seen.task == arrived) seen.task = suspended;
        if (seen.task == locked_at_target || seen.task == runs_at_target) seen.task = lost;
    }
    return seen;
}

/// Enters the steps of a plan in a cluster. Positions are taken again by others, so each step knows by handles which
/// task, nodes and GPUs it means; what is not as the step has left it is not touched.
class cluster_moves {
public:
    cluster_moves() = default;
    /// Of the plan's present positions; those that do not exist are gone for good.
    cluster_moves(cluster& lender, const migration_plan& plan) : cluster_{&lender} {
        for (const migration_step& step : plan.steps) {
            tasks_.push_back(step.task.below(work().task_count()) && work().present(step.task)
                                 ? lender.handle(step.task)
                                 : task_handle{});
            // A task that is parked on the way comes back with the demand that it runs with now.
            runs_with_.push_back(lender.find(tasks_.back()) ? lender.alternative(tasks_.back()) : 0);
            for (const slot& end : {step.from, step.to}) {
                const bool there = exists(end);
                nodes_.push_back(there ? lender.handle(end.node) : node_handle{});
                for (gpu_mask rest = there ? end.gpus : 0; rest != 0; rest &= rest - 1) {
                    gpus_.push_back(lender.handle(end.node, lowest_gpu(rest)));
                }
                gpu_ends_.push_back(gpus_.size());
            }
        }
    }

    [[nodiscard]] bool lives() const noexcept { return cluster_ != nullptr; }
    [[nodiscard]] task_handle task(std::size_t i) const noexcept { return lives() ? tasks_[i] : task_handle{}; }

    /// Holds the target. Nothing has changed if there is a reason against it.
    [[nodiscard]] migration_failure begin(std::size_t i, const task_move& move) {
        const auto t = cluster_->find(tasks_[i]);
        if (!t) return migration_failure::task_gone;
        if (!is_there(i, false, move.from) || !is_there(i, true, move.to)) return migration_failure::node_gone;
        if (at(*t) != move.from || target(*t).placed()) return migration_failure::not_there;
        if (!move.to.placed()) return migration_failure::none;
        if (!healthy(move.to)) return migration_failure::not_healthy;
        if (!cluster_->open(move.to.node)) return migration_failure::closed;
        const bool held =
            move.from.placed() ? cluster_->begin_move(*t, move.to) : cluster_->place(*t, move.to, runs_with_[i]);
        return held ? migration_failure::none : migration_failure::no_room;
    }
    [[nodiscard]] step_news look(std::size_t i, const task_move& move) const {
        const auto t = cluster_->find(tasks_[i]);
        if (!t) return step_news::task_gone;
        const bool source = has_node(i, false, move.from);
        const bool target_node = has_node(i, true, move.to);
        const bool fetches = !move.from.placed();
        const slot& stays = fetches ? move.to : move.from;
        if ((fetches ? target_node : source) && at(*t) == stays) {
            if (!fetches && move.to.placed() && !(target_node && target(*t) == move.to)) return step_news::target_gone;
            return move.to.placed() && !healthy(move.to) ? step_news::not_healthy : step_news::none;
        }
        if (is_kept(*t, i, move)) return source ? step_news::none : step_news::kept;
        if (at(*t).placed()) return step_news::not_ours;
        if (fetches) return target_node ? step_news::not_ours : step_news::target_gone;
        return source ? step_news::not_ours : step_news::source_gone;
    }
    /// True if the node of an end is there, so that something can still be held there.
    [[nodiscard]] bool has_node(std::size_t i, bool is_target, const slot& end) const {
        return !end.placed() || cluster_->find(nodes_[2 * i + (is_target ? 1 : 0)]).has_value();
    }

    /// After the source's node has left, the task waits. If it is restored at the target it is there to stay: so it is
    /// placed there at once, before somebody else takes the room or starts it anew.
    bool keep_target(std::size_t i, const task_move& move) {
        const auto t = cluster_->find(tasks_[i]);
        return t && move.to.placed() && is_there(i, true, move.to) && cluster_->place(*t, move.to, runs_with_[i]);
    }
    /// The task is at the target. It is entered there even if the run no longer holds it: reality wins.
    void finish(std::size_t i, const task_move& move) {
        const auto t = cluster_->find(tasks_[i]);
        if (!t) return;
        const bool at_source = move.from.placed() && has_node(i, false, move.from) && at(*t) == move.from;
        if (at_source && move.to.placed() && target(*t) == move.to && has_node(i, true, move.to)) {
            (void)cluster_->finish_move(*t);
            return;
        }
        if (at_source) (void)cluster_->release(*t);
        if (move.to.placed() && !at(*t).placed() && is_there(i, true, move.to))
            (void)cluster_->occupy(*t, move.to, runs_with_[i]);
    }
    /// The task is at the source.
    void cancel(std::size_t i, const task_move& move) {
        const auto t = cluster_->find(tasks_[i]);
        if (!t || look(i, move) == step_news::not_ours || !has_node(i, true, move.to)) return;
        if (!move.from.placed()) {
            if (at(*t) == move.to) (void)cluster_->release(*t);
        } else if (is_kept(*t, i, move)) {
            (void)cluster_->release(*t);
            if (is_there(i, false, move.from)) (void)cluster_->occupy(*t, move.from, runs_with_[i]);
        } else if (at(*t) == move.from && target(*t) == move.to) {
            (void)cluster_->cancel_move(*t);
        }
    }
    /// The task is nowhere: it waits.
    void lose(std::size_t i, const task_move& move) {
        const auto t = cluster_->find(tasks_[i]);
        const slot& stays = move.from.placed() ? move.from : move.to;
        if (!t) return;
        const bool ours = has_node(i, !move.from.placed(), stays) && at(*t) == stays;
        if (ours || is_kept(*t, i, move)) (void)cluster_->release(*t);
    }

    /// Brings one task to where a journal has it, if it waits or is at one of the places of its steps.
    ///
    /// @param ours    the places of its steps
    /// @param stays   where it is; `unplaced` if nowhere
    /// @param moves_to  its target; `unplaced` if it does not move
    [[nodiscard]] bool restore(std::size_t i, std::span<const slot> ours, const slot& stays, const slot& moves_to) {
        const auto t = cluster_->find(tasks_[i]);
        if (!t || (at(*t) == stays && target(*t) == moves_to)) return true;
        if (stays.placed() && !exists(stays) && at(*t) == moves_to) return true;  // it was kept there
        bool known = !at(*t).placed();
        for (const slot& each : ours) known = known || each == at(*t);
        if (!known) return true;
        if (at(*t) != stays) {
            (void)cluster_->release(*t);
            if (stays.placed() && !cluster_->occupy(*t, stays)) return !exists(stays);
        } else {
            (void)cluster_->cancel_move(*t);
        }
        return !moves_to.placed() || !exists(moves_to) || cluster_->begin_move(*t, moves_to);
    }

private:
    /// True if the task is entered at the target already, since the source's node has left (and is there again, maybe).
    [[nodiscard]] bool is_kept(task_index t, std::size_t i, const task_move& move) const {
        return move.from.placed() && move.to.placed() && at(t) == move.to && has_node(i, true, move.to);
    }
    [[nodiscard]] const workload& work() const noexcept { return cluster_->workload(); }
    [[nodiscard]] const slot& at(task_index t) const noexcept { return cluster_->slots()[t.value()]; }
    [[nodiscard]] const slot& target(task_index t) const noexcept { return cluster_->targets()[t.value()]; }
    [[nodiscard]] bool exists(const slot& where) const {
        return where.node.below(cluster_->fleet().node_count()) && cluster_->fleet().present(where.node) &&
               cluster_->fleet().has(where, gpu_count(where.gpus));
    }
    [[nodiscard]] bool healthy(const slot& where) const {
        return cluster_->healthy(where.node) && (where.gpus & ~cluster_->healthy_gpus(where.node)) == 0;
    }
    /// True if node and GPUs of an end are the same as when the run began.
    [[nodiscard]] bool is_there(std::size_t i, bool is_target, const slot& end) const {
        if (!end.placed()) return true;
        if (!has_node(i, is_target, end) || !exists(end)) return false;
        const std::size_t e = 2 * i + (is_target ? 1 : 0);
        std::size_t k = e == 0 ? 0 : gpu_ends_[e - 1];
        for (gpu_mask rest = end.gpus; rest != 0; rest &= rest - 1, ++k) {
            if (cluster_->handle(end.node, lowest_gpu(rest)) != gpus_[k]) return false;
        }
        return true;
    }

    cluster* cluster_ = nullptr;
    flat<task_handle> tasks_;      // of each step
    flat<std::size_t> runs_with_;  // per step: the alternative that its task runs with
    flat<node_handle> nodes_;      // source and target of each step
    flat<gpu_handle> gpus_;        // of all ends
    flat<std::size_t> gpu_ends_;   // source and target of each step
};

/// The same interface over a ledger of the user's.
template <class Ledger>
struct ledger_moves {
    Ledger& ledger;

    [[nodiscard]] migration_failure begin(std::size_t, const task_move& move) {
        const bool held = !move.to.placed() || ledger.begin(move);
        return held ? migration_failure::none : migration_failure::no_room;
    }
    [[nodiscard]] static constexpr step_news look(std::size_t, const task_move&) noexcept { return step_news::none; }
    [[nodiscard]] static constexpr bool has_node(std::size_t, bool, const slot&) noexcept { return true; }
    void finish(std::size_t, const task_move& move) { ledger.finish(move); }
    void cancel(std::size_t, const task_move& move) { ledger.cancel(move); }
    static constexpr bool keep_target(std::size_t, const task_move&) noexcept { return false; }
    void lose(std::size_t, const task_move& move) { ledger.lose(move); }
};

}  // namespace berth::inline v0::detail
