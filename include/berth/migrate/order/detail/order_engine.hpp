// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/cycle_search.hpp"
#include "berth/migrate/order/detail/move_drops.hpp"
#include "berth/migrate/order/detail/move_groups.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/order_input.hpp"
#include "berth/migrate/order/detail/order_oracle.hpp"
#include "berth/migrate/order/detail/order_run.hpp"
#include "berth/migrate/order/detail/temporary_host.hpp"
#include "berth/migrate/order/detail/wave_planner.hpp"
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

/// One run of `migration_order`, over input that `check_order_input` accepts: rules order what they can, each group of
/// moves that wait for each other is searched; where a group cannot be ordered, something of it is dropped and all
/// begins again.
class order_engine {
public:
    order_engine(const problem& p, const migration_estimates& cost, const order_options& options,
                 order_control& control)
        : problem_{&p}, cost_{cost}, options_{&options}, control_{&control} {}

    [[nodiscard]] migration_plan run(std::span<const slot> initial, std::span<const slot> wanted,
                                     task_moves in_flight) {
        BERTH_ASSERT(check_order_input(*problem_, initial, wanted, in_flight, *options_).has_value(),
                     "berth: order_engine takes input that check_order_input accepts");
        order_input in{*problem_, initial, wanted, in_flight};
        return run(in);
    }
    [[nodiscard]] migration_plan run(order_input& in) {
        in_ = &in;
        (void)control_->poll();
        drops_.begin(in.moves, in.free.view());
        for (std::size_t m = 0; m < in.wanted.size(); ++m) weight_.push_back(weight_of_breaking(m));
        for (std::size_t m = 0; m < in.wanted.size(); ++m) {
            if (!within_limits(in.wanted[m])) drops_.drop(m, drop_reason::limit_reached);
        }
        drops_.make_consistent(drop_reason::no_room);
        migration_plan plan;
        for (std::size_t round = 0;; ++round) {
            wave_planner planner{*problem_, in.numbers, cost_, *options_, in.wanted, in.moves, in.free, *control_};
            if (order(planner, round)) {
                planner.finish(plan);
                break;
            }
        }
        plan.proven = proven_;
        plan.evaluations = control_->evaluations();
        plan.stopped = control_->reason();
        for (std::size_t m = 0; m < in.wanted.size(); ++m) {
            if (drops_.dropped(m)) in.refused.push_back({in.wanted[m], drops_.reason(m)});
        }
        const auto by_task = sorted_positions(in.refused.size(), [&in](std::size_t a, std::size_t b) {
            return in.refused[a].wanted.task < in.refused[b].wanted.task;
        });
        for (const std::size_t i : by_task) plan.dropped.push_back(in.refused[i]);
        return plan;
    }

private:
    /// An extra step and the downtime of one more move. Much heavier if there is neither host memory nor, at the
    /// beginning or at the end, a temporary host; infinite if there can be neither.
    [[nodiscard]] double weight_of_breaking(std::size_t m) const {
        constexpr double doubtful = 16.0;
        const task_move& r = in_->wanted[m];
        if (!r.from.placed() || !r.to.placed()) return order_run::no_limit;
        const bool memory = options_->parking &&
                            (options_->host_memory.empty() ||
                             options_->host_memory[r.from.node.value()] >= problem_->workload().state_bytes(r.task));
        if (!memory && !options_->staging) return order_run::no_limit;
        const double again = cost_(*problem_, r).downtime;
        const double weight = options_->step_cost + (again > 0.0 ? again : 0.0) + 1e-9;
        if (memory || control_->work(1)) return weight;
        const bool possible = has_temporary_host(*problem_, in_->numbers, r, in_->free.view(), *control_) ||
                              has_temporary_host(*problem_, in_->numbers, r, drops_.at_end(), *control_);
        return possible ? weight : doubtful * weight;
    }
    [[nodiscard]] bool within_limits(const task_move& r) const noexcept {
        if (options_->per_wave == 0 || options_->per_node == 0) return false;
        return options_->per_link > 0 || !r.from.placed() || !r.to.placed() || r.from.node == r.to.node;
    }

    /// One attempt. False if something was dropped.
    bool order(wave_planner& planner, std::size_t round) {
        proven_ = true;
        active_.clear();
        move_table left;
        for (std::size_t m = 0; m < in_->moves.size(); ++m) {
            if (drops_.dropped(m)) continue;
            active_.push_back(static_cast<std::uint32_t>(m));
            left.touches().append(in_->moves.from(m));
            left.end_part();
            left.touches().append(in_->moves.to(m));
            left.end_part();
        }
        order_run rules{left, in_->free.view(), *control_};
        rules.settle();
        for (const std::uint32_t m : rules.first()) planner.go(active_[m], 0);
        bool complete = true;
        if (rules.left() > 0) {
            groups_.split(left, rules, in_->free.size());
            flat<std::size_t> waiting;
            for (std::size_t g = 0; g < groups_.size(); ++g) waiting.push_back(g);
            // A group that finds no temporary host may find one when others have moved.
            for (std::size_t before = waiting.size() + 1; !waiting.empty() && waiting.size() < before;) {
                before = waiting.size();
                std::size_t kept = 0;
                for (std::size_t i = 0; i < before; ++i) {
                    if (!break_group(planner, left, rules, groups_[waiting[i]], round)) waiting[kept++] = waiting[i];
                    control_->show(planner.size(), active_.size(), 0.0);
                }
                waiting.resize(kept);
            }
            for (const std::size_t g : waiting) {
                complete = false;
                give_up(groups_[g], round);
            }
        }
        if (!complete) return false;
        for (std::size_t i = rules.last().size(); i > 0; --i) planner.go(active_[rules.last()[i - 1]], 0);
        return true;
    }
    /// Drops the cheapest move of a group that cannot be ordered; the whole group after many rounds, or after a stop.
    void give_up(std::span<const std::uint32_t> stuck, std::size_t round) {
        members_.clear();
        for (const std::uint32_t m : stuck) {
            if (!drops_.dropped(active_[m])) members_.push_back(active_[m]);
        }
        if (members_.size() < stuck.size()) return;
        if (round < max_rounds && !control_->stopped()) {
            drops_.drop_cheapest(members_.view(), drop_reason::cycle, *control_);
            return;
        }
        for (const std::uint32_t m : members_) {
            if (!drops_.dropped(m)) drops_.drop_with_others(m, drop_reason::cycle);
        }
    }
    /// Orders a group and hands it to the planner. A move that can neither be staged nor parked is not broken in the
    /// next attempt.
    bool break_group(wave_planner& planner, const move_table& left, const order_run& rules,
                     std::span<const std::uint32_t> group, std::size_t round) {
        move_table local;
        flat<amount> free;
        flat<std::uint32_t> used;
        const auto add = [&](std::span<const counter_touch> touches) {
            for (const counter_touch& t : touches) {
                if (!rules.contested(t.counter)) continue;
                if (local_number_.empty()) local_number_.assign(in_->free.size(), 0);
                if (local_number_[t.counter] == 0) {
                    free.push_back(rules.free()[t.counter]);
                    used.push_back(t.counter);
                    local_number_[t.counter] = static_cast<std::uint32_t>(free.size());
                }
                local.touches().push_back({local_number_[t.counter] - 1, t.demand});
            }
            local.end_part();
        };
        flat<double> weight;
        for (const std::uint32_t m : group) {
            add(left.from(m));
            add(left.to(m));
            weight.push_back(weight_[active_[m]]);
        }
        for (const std::uint32_t c : used) local_number_[c] = 0;

        const std::size_t attempts = group.size() <= order_oracle::max_moves ? 4 * group.size() : 8;
        const double most = options_->drop_cost * static_cast<double>(group.size());
        for (std::size_t attempt = 0; attempt <= attempts; ++attempt) {
            cycle_search search{local, free.view(), weight.view(), stream_seed(options_->seed, group[0], attempt),
                                *control_};
            move_order found = search.find(share_of(group.size(), attempt + round));
            proven_ = proven_ && found.proven && attempt == 0;
            if (!found.found) return false;
            if (options_->drop_cost < order_options::never && found.cost > options_->drop_cost &&
                (found.cost > most || cheaper_to_drop(group, found.cost))) {
                return false;
            }
            for (std::uint32_t& m : found.order) m = active_[group[m]];
            members_.clear();
            for (const std::uint32_t m : found.broken) members_.push_back(active_[group[m]]);
            const std::size_t failed = planner.carry_out(found.order.view(), members_.view());
            if (failed == members_.size()) return true;
            weight[found.broken[failed]] = order_run::no_limit;
        }
        return false;
    }
    /// The group's part of the budget, halved in every further attempt.
    [[nodiscard]] std::size_t share_of(std::size_t moves, std::size_t attempt) const noexcept {
        const std::uint64_t share = options_->max_evaluations / groups_.moves() * moves;
        const std::uint64_t halved = attempt < 20 ? share >> attempt : 0;
        const std::uint64_t left = control_->evaluations_left();
        return static_cast<std::size_t>(halved < left ? halved : left);
    }
    [[nodiscard]] bool cheaper_to_drop(std::span<const std::uint32_t> group, double cost) {
        constexpr std::size_t max_tried = 64;
        for (std::size_t i = 0; i < group.size() && i < max_tried && !control_->work(1); ++i) {
            if (static_cast<double>(drops_.would_drop(active_[group[i]])) * options_->drop_cost < cost) return true;
        }
        return false;
    }

    static constexpr std::size_t max_rounds = 64;

    const problem* problem_;
    migration_estimates cost_;
    const order_options* options_;
    order_control* control_;
    order_input* in_ = nullptr;
    move_drops drops_;
    flat<double> weight_;  // of breaking each move
    flat<std::uint32_t> active_;
    move_groups groups_;
    flat<std::uint32_t> members_;
    flat<std::uint32_t> local_number_;
    bool proven_ = true;
};

}  // namespace berth::inline v0::detail
