// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/detail/breaker_search.hpp"
#include "berth/migrate/detail/move_table.hpp"
#include "berth/migrate/detail/order_run.hpp"
#include "berth/migrate/detail/wave_planner.hpp"
#include "berth/migrate/migration_cost.hpp"
#include "berth/migrate/migration_plan.hpp"
#include "berth/migrate/order_options.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::detail {

/// One run of `migration_order`: what is left of the relocations is put in order; where a group of them cannot be, something
/// is dropped and all begins again.
class order_engine {
public:
    order_engine(const problem& p, const migration_pricing& cost, const order_options& options)
        : problem_{&p}, numbers_{p.fleet()}, cost_{cost}, options_{&options} {}

    [[nodiscard]] migration_plan run(std::span<const slot> observed, std::span<const slot> wanted,
                                     relocations in_flight) {
        read(observed, wanted, in_flight);
        for (std::size_t m = 0; m < wanted_.size(); ++m) {
            if (!within_limits(wanted_[m])) drop(m, drop_reason::limit_reached);
        }
        make_consistent(drop_reason::no_room);
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
            if (dropped_[m] != 0) refused_.push_back({wanted_[m], reasons_[m]});
        }
        const auto by_task = sorted_positions(refused_.size(), [this](std::size_t a, std::size_t b) {
            return refused_[a].wanted.task < refused_[b].wanted.task;
        });
        for (const std::size_t i : by_task) plan.dropped.push_back(refused_[i]);
        return plan;
    }

private:
    void read(std::span<const slot> observed, std::span<const slot> wanted, relocations in_flight) {
        const workload& work = problem_->workload();
        BERTH_ASSERT(observed.size() == work.task_count() && wanted.size() == work.task_count(),
                     "berth: both placements have a slot for every task");
        BERTH_ASSERT(options_->host_memory.empty() || options_->host_memory.size() == problem_->fleet().node_count(),
                     "berth: order_options::host_memory has an entry for each node, or none");
        free_ = numbers_.capacities();
        flat<std::uint8_t> flying(work.task_count(), 0);
        for (const relocation& r : in_flight) {
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
        at_end_.append(free_.view());
        for (std::size_t m = 0; m < moves_.size(); ++m) settle_end(m, +1);
        dropped_.assign(wanted_.size(), 0);
        reasons_.assign(wanted_.size(), drop_reason::cycle);
        for (std::size_t m = 0; m < wanted_.size(); ++m) price_.push_back(price_of_breaking(m));
        list_arrivals();
    }
    void take(task_index task, const slot& where) {
        touches_.clear();
        numbers_.append(problem_->workload().demand(task), where, touches_);
        for (const counter_touch& t : touches_) free_[t.counter] -= t.demand;
    }
    /// An extra step and the downtime of one more relocation. Much dearer if there is neither memory nor, at the beginning or at the
    /// end, a third slot; infinite if there can be neither.
    [[nodiscard]] double price_of_breaking(std::size_t m) const {
        constexpr double doubtful = 16.0;
        const relocation& r = wanted_[m];
        if (!r.from.placed() || !r.to.placed()) return order_run::no_limit;
        const bool memory = options_->parking &&
                            (options_->host_memory.empty() ||
                             options_->host_memory[r.from.node.value()] >= problem_->workload().state_bytes(r.task));
        if (!memory && !options_->staging) return order_run::no_limit;
        const double again = cost_(*problem_, r).downtime;
        const double price = options_->step_price + (again > 0.0 ? again : 0.0) + 1e-9;
        return memory || has_third_slot(r, free_) || has_third_slot(r, at_end_) ? price : doubtful * price;
    }
    [[nodiscard]] bool has_third_slot(const relocation& r, const flat<amount>& free) const {
        const fleet& machines = problem_->fleet();
        const demand_view demand = problem_->workload().demand(r.task);
        const auto fits = [&free](std::size_t first, std::span<const amount> wanted) {
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
    /// Adds (or takes back) what a move does to the final state.
    void settle_end(std::size_t m, int sign) {
        for (const counter_touch& t : moves_.from(m)) at_end_[t.counter] += sign * t.demand;
        for (const counter_touch& t : moves_.to(m)) at_end_[t.counter] -= sign * t.demand;
    }
    /// For every counter the moves that come there.
    void list_arrivals() {
        arrival_ends_.assign(free_.size(), 0);
        for (std::size_t m = 0; m < moves_.size(); ++m) {
            for (const counter_touch& t : moves_.to(m)) ++arrival_ends_[t.counter];
        }
        for (std::size_t c = 1; c < arrival_ends_.size(); ++c) arrival_ends_[c] += arrival_ends_[c - 1];
        arrivals_.assign(arrival_ends_.empty() ? 0 : arrival_ends_.back(), 0);
        flat<std::uint32_t> at;
        at.append(arrival_ends_.view());
        for (std::size_t m = moves_.size(); m > 0; --m) {
            for (const counter_touch& t : moves_.to(m - 1))
                arrivals_[--at[t.counter]] = static_cast<std::uint32_t>(m - 1);
        }
    }

    [[nodiscard]] bool within_limits(const relocation& r) const noexcept {
        if (options_->per_wave == 0 || options_->per_node == 0) return false;
        return options_->per_link > 0 || !r.from.placed() || !r.to.placed() || r.from.node == r.to.node;
    }

    void drop(std::size_t m, drop_reason why) {
        dropped_[m] = 1;
        reasons_[m] = why;
        settle_end(m, -1);
    }
    /// Drops, until every counter has room at the end. Returns how many; `touched` has the counters to look at.
    void make_consistent(drop_reason why) {
        for (std::size_t c = 0; c < at_end_.size(); ++c) {
            while (at_end_[c] < 0) {
                const std::size_t m = arrival_to_drop(c);
                if (m == moves_.size()) break;
                drop(m, why);
                follow(m, why);
            }
        }
    }
    /// What has to be dropped because a move stays where it is. Returns the number, itself included.
    std::size_t follow(std::size_t m, drop_reason why) {
        std::size_t count = 1;
        stack_.clear();
        stack_.push_back(static_cast<std::uint32_t>(m));
        while (!stack_.empty()) {
            const std::size_t next = stack_.back();
            stack_.pop_back();
            for (const counter_touch& t : moves_.from(next)) {
                while (at_end_[t.counter] < 0) {
                    const std::size_t other = arrival_to_drop(t.counter);
                    if (other == moves_.size()) break;
                    drop(other, why);
                    trail_.push_back(static_cast<std::uint32_t>(other));
                    stack_.push_back(static_cast<std::uint32_t>(other));
                    ++count;
                }
            }
        }
        return count;
    }
    /// The smallest arrival that makes enough room, or the largest.
    [[nodiscard]] std::size_t arrival_to_drop(std::size_t c) const noexcept {
        std::size_t best = moves_.size();
        amount best_demand = 0;
        for (std::uint32_t i = c == 0 ? 0 : arrival_ends_[c - 1]; i < arrival_ends_[c]; ++i) {
            const std::size_t m = arrivals_[i];
            if (dropped_[m] != 0) continue;
            amount demand = 0;
            for (const counter_touch& t : moves_.to(m)) demand = t.counter == c ? t.demand : demand;
            const bool enough = demand >= -at_end_[c];
            const bool best_enough = best_demand >= -at_end_[c];
            if (best == moves_.size() || (enough && (!best_enough || demand < best_demand)) ||
                (!enough && !best_enough && demand > best_demand)) {
                best = m;
                best_demand = demand;
            }
        }
        return best;
    }
    /// Drops the move of a group that takes the fewest others with it.
    void drop_cheapest(std::span<const std::uint32_t> group) {
        constexpr std::size_t tried = 256;
        std::size_t best = group[0];
        std::size_t fewest = 0;
        for (std::size_t i = 0; i < group.size() && i < tried; ++i) {
            const std::size_t count = would_drop(group[i]);
            if (i == 0 || count < fewest) {
                best = group[i];
                fewest = count;
            }
        }
        drop(best, drop_reason::cycle);
        follow(best, drop_reason::cycle);
    }
    [[nodiscard]] std::size_t would_drop(std::size_t m) {
        trail_.clear();
        drop(m, drop_reason::cycle);
        const std::size_t count = follow(m, drop_reason::cycle);
        trail_.push_back(static_cast<std::uint32_t>(m));
        for (const std::uint32_t back : trail_) {
            dropped_[back] = 0;
            settle_end(back, +1);
        }
        return count;
    }

    /// One attempt. False if something was dropped.
    bool order(wave_planner& planner, std::size_t round) {
        proven_ = true;
        active_.clear();
        move_table left;
        for (std::size_t m = 0; m < moves_.size(); ++m) {
            if (dropped_[m] != 0) continue;
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
            split(left, rules);
            flat<std::size_t> waiting;
            for (std::size_t g = 0; g + 1 < group_begin_.size(); ++g) waiting.push_back(g);
            // A group that finds no third slot may find one when others have moved.
            for (std::size_t before = waiting.size() + 1; !waiting.empty() && waiting.size() < before;) {
                before = waiting.size();
                std::size_t kept = 0;
                for (std::size_t i = 0; i < before; ++i) {
                    if (!break_group(planner, left, rules, group(waiting[i]), round)) waiting[kept++] = waiting[i];
                }
                waiting.resize(kept);
            }
            for (const std::size_t g : waiting) {
                complete = false;
                give_up(group(g), round);
            }
        }
        if (!complete) return false;
        for (std::size_t i = rules.last().size(); i > 0; --i) planner.go(active_[rules.last()[i - 1]], 0);
        return true;
    }
    [[nodiscard]] std::span<const std::uint32_t> group(std::size_t g) const noexcept {
        return {groups_.data() + group_begin_[g], group_begin_[g + 1] - group_begin_[g]};
    }
    /// Drops something of a group that cannot be ordered; all of it, when that went on for long.
    void give_up(std::span<const std::uint32_t> stuck, std::size_t round) {
        members_.clear();
        for (const std::uint32_t m : stuck) {
            if (dropped_[active_[m]] == 0) members_.push_back(active_[m]);
        }
        if (members_.size() < stuck.size()) return;
        if (round < most_rounds) {
            drop_cheapest(members_.view());
            return;
        }
        for (const std::uint32_t m : members_) {
            if (dropped_[m] != 0) continue;
            drop(m, drop_reason::cycle);
            follow(m, drop_reason::cycle);
        }
    }
    /// Groups of moves that share contested counters.
    void split(const move_table& left, const order_run& rules) {
        flat<std::uint32_t> parent(left.size(), 0);
        for (std::size_t m = 0; m < left.size(); ++m) parent[m] = static_cast<std::uint32_t>(m);
        const auto root = [&parent](std::uint32_t m) {
            while (parent[m] != m) {
                parent[m] = parent[parent[m]];
                m = parent[m];
            }
            return m;
        };
        constexpr std::uint32_t none = ~std::uint32_t{0};
        flat<std::uint32_t> seen(free_.size(), none);
        for (std::size_t m = 0; m < left.size(); ++m) {
            if (!rules.pending(m)) continue;
            for (const auto& part : {left.from(m), left.to(m)}) {
                for (const counter_touch& t : part) {
                    if (!rules.contested(t.counter)) continue;
                    if (seen[t.counter] == none) {
                        seen[t.counter] = static_cast<std::uint32_t>(m);
                        continue;
                    }
                    const std::uint32_t a = root(seen[t.counter]);
                    const std::uint32_t b = root(static_cast<std::uint32_t>(m));
                    if (a < b) {
                        parent[b] = a;
                    } else {
                        parent[a] = b;
                    }
                }
            }
        }
        flat<std::uint32_t> pending;
        for (std::size_t m = 0; m < left.size(); ++m) {
            if (rules.pending(m)) pending.push_back(static_cast<std::uint32_t>(m));
        }
        const auto sorted = sorted_positions(pending.size(), [&](std::size_t a, std::size_t b) {
            const std::uint32_t of_a = root(pending[a]);
            const std::uint32_t of_b = root(pending[b]);
            return of_a != of_b ? of_a < of_b : pending[a] < pending[b];
        });
        groups_.clear();
        group_begin_.clear();
        for (std::size_t i = 0; i < sorted.size(); ++i) {
            const std::uint32_t m = pending[sorted[i]];
            if (i == 0 || root(m) != root(groups_.back())) group_begin_.push_back(i);
            groups_.push_back(m);
        }
        group_begin_.push_back(groups_.size());
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
            breaker_search search{local, free.view(), price.view(), stream_seed(options_->seed, group[0], attempt)};
            const std::size_t share = options_->effort / groups_.size() * group.size();
            move_order found = search.find(attempt + round < 20 ? share >> (attempt + round) : 0);
            proven_ = proven_ && found.proven;
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
            if (static_cast<double>(would_drop(active_[group[i]])) * options_->drop_price < cost) return true;
        }
        return false;
    }

    static constexpr std::size_t most_rounds = 64;

    const problem* problem_;
    counter_numbers numbers_;
    migration_pricing cost_;
    const order_options* options_;
    flat<relocation> wanted_;
    move_table moves_;
    flat<amount> free_;
    flat<amount> at_end_;
    flat<double> price_;
    flat<std::uint8_t> dropped_;
    flat<drop_reason> reasons_;
    flat<dropped_relocation> refused_;
    flat<std::uint32_t> arrival_ends_;
    flat<std::uint32_t> arrivals_;
    flat<std::uint32_t> active_;
    flat<std::uint32_t> groups_;
    flat<std::size_t> group_begin_;
    flat<std::uint32_t> members_;
    flat<std::uint32_t> local_number_;
    flat<std::uint32_t> stack_;
    flat<std::uint32_t> trail_;
    flat<counter_touch> touches_;
    bool proven_ = true;
};

}  // namespace berth::detail
