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
#include "berth/migrate/order/detail/order_run.hpp"
#include "berth/migrate/order/detail/wave_planner.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// One run of `migration_order`: what is left of the moves is put in order; where a group of them cannot be, something
/// is dropped and all begins again.
class order_engine {
public:
    order_engine(const problem& p, const migration_estimates& cost, const order_options& options)
        : problem_{&p}, numbers_{p.fleet()}, cost_{cost}, options_{&options} {}

    [[nodiscard]] migration_plan run(std::span<const slot> observed, std::span<const slot> wanted,
                                     task_moves in_flight) {
        read(observed, wanted, in_flight);
        for (std::size_t m = 0; m < wanted_.size(); ++m) {
            if (!within_limits(wanted_[m])) drops_.drop(m, drop_reason::limit_reached);
        }
        drops_.make_consistent(drop_reason::no_room);
        migration_plan plan;
        for (std::size_t round = 0;; ++round) {
            wave_planner planner{*problem_, numbers_, cost_, *options_, wanted_, moves_, free_};
            if (order(planner, round)) {
                planner.finish(plan);
                break;
            }
        }
        plan.proven = proven_;
        for (std::size_t m = 0; m < wanted_.size(); ++m) {
            if (drops_.dropped(m)) refused_.push_back({wanted_[m], drops_.reason(m)});
        }
        const auto by_task = sorted_positions(refused_.size(), [this](std::size_t a, std::size_t b) {
            return refused_[a].wanted.task < refused_[b].wanted.task;
        });
        for (const std::size_t i : by_task) plan.dropped.push_back(refused_[i]);
        return plan;
    }

private:
    void read(std::span<const slot> observed, std::span<const slot> wanted, task_moves in_flight) {
        const workload& work = problem_->workload();
        BERTH_ASSERT(observed.size() == work.task_count() && wanted.size() == work.task_count(),
                     "berth: both placements have a slot for every task");
        BERTH_ASSERT(options_->step_price >= 0.0 && options_->drop_price >= 0.0,
                     "berth: the prices of order_options are not below 0");
        BERTH_ASSERT(options_->host_memory.empty() || options_->host_memory.size() == problem_->fleet().node_count(),
                     "berth: order_options::host_memory has an entry for each node, or none");
        for (std::size_t t = 0; t < observed.size(); ++t) {
            BERTH_ASSERT(is_slot(task_index{t}, observed[t]) && is_slot(task_index{t}, wanted[t]),
                         "berth: a placement has slots that exist, with as many GPUs as their tasks want");
        }
        free_ = numbers_.capacities();
        flat<std::uint8_t> flying(work.task_count(), 0);
        for (const task_move& r : in_flight) {
            BERTH_ASSERT(r.task.value() < flying.size() && flying[r.task.value()] == 0 && is_slot(r.task, r.from) &&
                             is_slot(r.task, r.to),
                         "berth: a task in flight between two slots, once");
            flying[r.task.value()] = 1;
            take(r.task, r.from);
            take(r.task, r.to);
            const slot& target = wanted[r.task.value()];
            if (!(target == r.to) && !(target == r.from)) {
                refused_.push_back({{r.task, observed[r.task.value()], target}, drop_reason::not_movable});
            }
        }
        for (std::size_t t = 0; t < observed.size(); ++t) {
            if (flying[t] != 0) continue;
            const task_index task{t};
            take(task, observed[t]);
            if (observed[t] == wanted[t]) continue;
            wanted_.push_back({task, observed[t], wanted[t]});
            numbers_.append(work.demand(task), observed[t], moves_.touches());
            moves_.end_part();
            numbers_.append(work.demand(task), wanted[t], moves_.touches());
            moves_.end_part();
        }
        drops_.begin(moves_, free_.view());
        for (std::size_t m = 0; m < wanted_.size(); ++m) price_.push_back(price_of_breaking(m));
    }
    [[nodiscard]] bool is_slot(task_index t, const slot& where) const noexcept {
        return where == unplaced || problem_->fleet().has(where, problem_->workload().demand(t).gpus);
    }
    void take(task_index task, const slot& where) {
        touches_.clear();
        numbers_.append(problem_->workload().demand(task), where, touches_);
        for (const counter_touch& t : touches_) free_[t.counter] -= t.demand;
    }
    /// An extra step and the downtime of one more move. Much dearer if there is neither memory nor, at the beginning or at the
    /// end, a third slot; infinite if there can be neither.
    [[nodiscard]] double price_of_breaking(std::size_t m) const {
        constexpr double doubtful = 16.0;
        const task_move& r = wanted_[m];
        if (!r.from.placed() || !r.to.placed()) return order_run::no_limit;
        const bool memory = options_->parking &&
                            (options_->host_memory.empty() ||
                             options_->host_memory[r.from.node.value()] >= problem_->workload().state_bytes(r.task));
        if (!memory && !options_->staging) return order_run::no_limit;
        const double again = cost_(*problem_, r).downtime;
        const double price = options_->step_price + (again > 0.0 ? again : 0.0) + 1e-9;
        return memory || has_third_slot(r, free_.view()) || has_third_slot(r, drops_.at_end()) ? price
                                                                                               : doubtful * price;
    }
    [[nodiscard]] bool has_third_slot(const task_move& r, std::span<const amount> free) const {
        const fleet& machines = problem_->fleet();
        const demand_view demand = problem_->workload().demand(r.task);
        const auto fits = [free](std::size_t first, std::span<const amount> wanted) {
            for (std::size_t i = 0; i < wanted.size(); ++i) {
                if (free[first + i] < wanted[i]) return false;
            }
            return true;
        };
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            if (!machines.healthy(n) || !fits(numbers_.first(n), demand.node)) continue;
            gpu_mask found = 0;
            for (gpu_mask rest = machines.healthy_gpus(n); rest != 0 && demand.gpus > 0; rest &= rest - 1) {
                const gpu_index g = machines.gpu(n, lowest_gpu(rest));
                const bool accepted = (demand.accepted_models >> machines.model(g).value() & 1U) != 0;
                if (accepted && fits(numbers_.first(g), demand.gpu)) found |= rest & (~rest + 1);
            }
            const slot all{n, found};
            if (has_gpus(found, demand.gpus) && !(all == r.from) && !(all == r.to)) return true;
        }
        return false;
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
        for (std::size_t m = 0; m < moves_.size(); ++m) {
            if (drops_.dropped(m)) continue;
            active_.push_back(static_cast<std::uint32_t>(m));
            left.touches().append(moves_.from(m));
            left.end_part();
            left.touches().append(moves_.to(m));
            left.end_part();
        }
        order_run rules{left, free_.view()};
        rules.settle();
        for (const std::uint32_t m : rules.first()) planner.go(active_[m], 0);
        bool complete = true;
        if (rules.left() > 0) {
            groups_.split(left, rules, free_.size());
            flat<std::size_t> waiting;
            for (std::size_t g = 0; g < groups_.size(); ++g) waiting.push_back(g);
            // A group that finds no third slot may find one when others have moved.
            for (std::size_t before = waiting.size() + 1; !waiting.empty() && waiting.size() < before;) {
                before = waiting.size();
                std::size_t kept = 0;
                for (std::size_t i = 0; i < before; ++i) {
                    if (!break_group(planner, left, rules, groups_[waiting[i]], round)) waiting[kept++] = waiting[i];
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
    /// Drops something of a group that cannot be ordered; all of it, when that went on for long.
    void give_up(std::span<const std::uint32_t> stuck, std::size_t round) {
        members_.clear();
        for (const std::uint32_t m : stuck) {
            if (!drops_.dropped(active_[m])) members_.push_back(active_[m]);
        }
        if (members_.size() < stuck.size()) return;
        if (round < most_rounds) {
            drops_.drop_cheapest(members_.view(), drop_reason::cycle);
            return;
        }
        for (const std::uint32_t m : members_) {
            if (!drops_.dropped(m)) drops_.drop_with_others(m, drop_reason::cycle);
        }
    }
    /// Orders a group and hands it to the planner. Moves that can neither be staged nor parked are not broken the next time.
    bool break_group(wave_planner& planner, const move_table& left, const order_run& rules,
                     std::span<const std::uint32_t> group, std::size_t round) {
        move_table local;
        flat<amount> free;
        flat<std::uint32_t> used;
        const auto add = [&](std::span<const counter_touch> touches) {
            for (const counter_touch& t : touches) {
                if (!rules.contested(t.counter)) continue;
                if (local_number_.empty()) local_number_.assign(free_.size(), 0);
                if (local_number_[t.counter] == 0) {
                    free.push_back(rules.free()[t.counter]);
                    used.push_back(t.counter);
                    local_number_[t.counter] = static_cast<std::uint32_t>(free.size());
                }
                local.touches().push_back({local_number_[t.counter] - 1, t.demand});
            }
            local.end_part();
        };
        flat<double> price;
        for (const std::uint32_t m : group) {
            add(left.from(m));
            add(left.to(m));
            price.push_back(price_[active_[m]]);
        }
        for (const std::uint32_t c : used) local_number_[c] = 0;

        const std::size_t attempts = group.size() <= order_oracle::most_moves ? 4 * group.size() : 8;
        const double dearest = options_->drop_price * static_cast<double>(group.size());
        for (std::size_t attempt = 0; attempt <= attempts; ++attempt) {
            cycle_search search{local, free.view(), price.view(), stream_seed(options_->seed, group[0], attempt)};
            const std::size_t share = options_->effort / groups_.moves() * group.size();
            move_order found = search.find(attempt + round < 20 ? share >> (attempt + round) : 0);
            proven_ = proven_ && found.proven && attempt == 0;
            if (!found.found) return false;
            if (options_->drop_price < order_options::never && found.cost > options_->drop_price &&
                (found.cost > dearest || cheaper_to_drop(group, found.cost))) {
                return false;
            }
            for (std::uint32_t& m : found.order) m = active_[group[m]];
            members_.clear();
            for (const std::uint32_t m : found.broken) members_.push_back(active_[group[m]]);
            const std::size_t failed = planner.carry_out(found.order.view(), members_.view());
            if (failed == members_.size()) return true;
            price[found.broken[failed]] = order_run::no_limit;
        }
        return false;
    }
    [[nodiscard]] bool cheaper_to_drop(std::span<const std::uint32_t> group, double cost) {
        constexpr std::size_t tried = 64;
        for (std::size_t i = 0; i < group.size() && i < tried; ++i) {
            if (static_cast<double>(drops_.would_drop(active_[group[i]])) * options_->drop_price < cost) return true;
        }
        return false;
    }

    static constexpr std::size_t most_rounds = 64;

    const problem* problem_;
    counter_numbers numbers_;
    migration_estimates cost_;
    const order_options* options_;
    flat<task_move> wanted_;
    move_table moves_;
    flat<amount> free_;
    move_drops drops_;
    flat<double> price_;
    flat<dropped_move> refused_;
    flat<std::uint32_t> active_;
    move_groups groups_;
    flat<std::uint32_t> members_;
    flat<std::uint32_t> local_number_;
    flat<counter_touch> touches_;
    bool proven_ = true;
};

}  // namespace berth::inline v0::detail
