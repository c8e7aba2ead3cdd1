// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/migration_estimates.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/temporary_host.hpp"
#include "berth/migrate/order/detail/wave_board.hpp"
#include "berth/migrate/order/detail/wave_compaction.hpp"
#include "berth/migrate/order/detail/wave_schedule.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Turns an order of single moves into waves. Each move is entered in the earliest wave from which on its target has
/// room for good; broken moves leave as late and come back as early as they can. Only then a temporary host or host
/// memory is looked for. Entering a step is linear in the changes of its counters, and O(waves / 64) for limits.
class wave_planner {
public:
    wave_planner(const problem& p, const counter_numbers& numbers, const migration_estimates& cost,
                 const order_options& options, const flat<task_move>& wanted, const move_table& moves,
                 const flat<amount>& free, order_control& control)
        : problem_{&p},
          numbers_{&numbers},
          cost_{cost},
          options_{&options},
          wanted_{&wanted},
          control_{&control},
          board_{moves, free, {options.per_node, options.per_link, options.per_wave}},
          memory_{host_memory(options)} {}

    /// Enters a move that goes directly, not before wave `first`.
    void go(std::size_t m, std::size_t first) {
        const task_move& r = (*wanted_)[m];
        const step_kind kind = !r.from.placed() ? step_kind::fetch
                               : !r.to.placed() ? step_kind::park
                                                : step_kind::move_task;
        enter({.move = static_cast<std::uint32_t>(m), .from = r.from, .to = r.to, .kind = kind}, first);
    }
    /// Enters direct moves in their order, with the broken moves away meanwhile. Returns the number of broken moves, or
    /// the position of one that can wait nowhere; then nothing was entered.
    [[nodiscard]] std::size_t carry_out(std::span<const std::uint32_t> order, std::span<const std::uint32_t> broken) {
        const std::size_t failed = attempt(order, broken, 0);
        if (failed == broken.size() || board_.waves() == 0) return failed;
        return attempt(order, broken, board_.waves());
    }

    /// Steps that are entered.
    [[nodiscard]] std::size_t size() const noexcept { return board_.size(); }

    /// Tightens the schedule and writes it into the plan.
    void finish(migration_plan& plan) {
        wave_compaction{board_, !options_->host_memory.empty(), *control_}.run();
        write(plan);
    }

private:
    [[nodiscard]] static flat<amount> host_memory(const order_options& options) {
        flat<amount> bytes;
        bytes.append(options.host_memory);
        return bytes;
    }

    [[nodiscard]] migration_estimate estimate(std::size_t m, const slot& from, const slot& to) const {
        return cost_(*problem_, {(*wanted_)[m].task, from, to});
    }

    std::size_t enter(planned_step s, std::size_t first) {
        s.cost = estimate(s.move, s.from, s.to);
        return board_.enter(s, first);
    }
    std::size_t attempt(std::span<const std::uint32_t> order, std::span<const std::uint32_t> broken,
                        std::size_t first) {
        const std::size_t begin = board_.size();
        for (const std::uint32_t m : broken) {
            enter({.move = m, .from = (*wanted_)[m].from, .to = unplaced, .kind = step_kind::park}, first);
        }
        for (const std::uint32_t m : order) go(m, first);
        for (std::size_t i = 0; i < broken.size(); ++i) {
            const std::uint32_t m = broken[i];
            planned_step& park = board_[begin + i];
            park.partner = static_cast<std::uint32_t>(board_.size());
            const std::size_t after = park.wave + 1;
            enter({.move = m,
                   .from = unplaced,
                   .to = (*wanted_)[m].to,
                   .kind = step_kind::fetch,
                   .partner = static_cast<std::uint32_t>(begin + i)},
                  after);
        }
        for (std::size_t i = broken.size(); i > 0; --i) leave_late(board_[begin + i - 1]);
        for (std::size_t i = 0; i < broken.size(); ++i) {
            if (find_place(begin + i)) continue;
            for (std::size_t back = begin; back < board_.size(); ++back) {
                if (board_[back].in_memory) hold_memory(board_[back], +1);
            }
            board_.leave_from(begin);
            return i;
        }
        return broken.size();
    }
    /// Moves a step out to the latest wave up to which its source can be kept.
    void leave_late(planned_step& park) {
        const std::size_t end = board_[park.partner].wave;
        std::size_t wave = park.wave;
        for (std::size_t w = park.wave + 1; w < end && board_.source_is_free(park, w); ++w) {
            if (board_.admits(park, w)) wave = w;
        }
        board_.change_wave(park, wave);
    }

    /// Stages or parks a broken move, whichever has less downtime. False if there is room for neither.
    bool find_place(std::size_t at) {
        planned_step& out = board_[at];
        planned_step& in = board_[out.partner];
        double wait = board_.longest(out.wave) - out.cost.duration;
        for (std::size_t w = out.wave + 1; w < in.wave; ++w) wait += board_.longest(w);
        const double parked = out.cost.downtime + in.cost.downtime + (wait > 0.0 ? wait : 0.0);
        const bool may_park = options_->parking && memory_is_free(out);

        board_.count(out, -1);
        board_.count(in, -1);
        slot third = unplaced;
        if (options_->staging && !(may_park && control_->stopped())) {
            const task_index task = (*wanted_)[out.move].task;
            third = temporary_host{*problem_, *numbers_, cost_, board_, *control_}.find(
                task, out, in, may_park ? parked : order_options::never, may_park);
        }
        if (third.placed()) {
            touches_.clear();
            numbers_->append_target(problem_->workload().demand((*wanted_)[out.move].task), third, touches_);
            board_.stage(out, in, third, touches_.view());
            out.cost = estimate(out.move, out.from, out.to);
            in.cost = estimate(in.move, in.from, in.to);
            board_.note(out);
            board_.note(in);
        }
        board_.count(out, +1);
        board_.count(in, +1);
        if (third.placed()) return true;
        if (!may_park) return false;
        hold_memory(out, -1);
        out.in_memory = true;
        return true;
    }
    [[nodiscard]] counter_touch memory_touch(const planned_step& park) const noexcept {
        return {static_cast<std::uint32_t>(park.from.node.value()),
                problem_->workload().state_bytes((*wanted_)[park.move].task)};
    }
    [[nodiscard]] bool memory_is_free(const planned_step& park) const noexcept {
        if (options_->host_memory.empty()) return true;
        const counter_touch bytes = memory_touch(park);
        return memory_.free_during({&bytes, 1}, park.wave, board_[park.partner].wave);
    }
    void hold_memory(const planned_step& park, int sign) {
        if (options_->host_memory.empty()) return;
        const counter_touch bytes = memory_touch(park);
        memory_.add({&bytes, 1}, park.wave, sign);
        memory_.add({&bytes, 1}, board_[park.partner].wave + 1, -sign);
    }

    void write(migration_plan& plan) const {
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        board_.list_waves(by_wave, first);
        const auto order = sorted_positions(board_.size(), [this](std::size_t a, std::size_t b) {
            if (board_[a].wave != board_[b].wave) return board_[a].wave < board_[b].wave;
            return (*wanted_)[board_[a].move].task < (*wanted_)[board_[b].move].task;
        });
        flat<double> begin_of(board_.waves(), 0.0);
        for (std::size_t w = 0; w < board_.waves(); ++w) {
            begin_of[w] = plan.duration;
            double longest = 0.0;
            for (std::size_t i = first[w]; i < first[w + 1]; ++i) {
                const planned_step& s = board_[order[i]];
                plan.steps.push_back({(*wanted_)[s.move].task, s.from, s.to, s.kind, s.cost.duration, s.cost.downtime});
                plan.downtime += s.cost.downtime;
                longest = s.cost.duration > longest ? s.cost.duration : longest;
            }
            plan.duration += longest;
            if (first[w + 1] > first[w]) plan.wave_ends.push_back(first[w + 1]);
        }
        for (const std::size_t i : order) {
            const planned_step& s = board_[i];
            const bool leaves = s.kind == step_kind::park && s.partner != planned_step::none;
            if (leaves || s.kind == step_kind::stage) ++plan.extra_steps;
            if (leaves) plan.downtime += begin_of[board_[s.partner].wave] - begin_of[s.wave] - s.cost.duration;
        }
    }

    const problem* problem_;
    const counter_numbers* numbers_;
    migration_estimates cost_;
    const order_options* options_;
    const flat<task_move>* wanted_;
    order_control* control_;
    wave_board board_;
    wave_room memory_;
    flat<counter_touch> touches_;
};

}  // namespace berth::inline v0::detail
