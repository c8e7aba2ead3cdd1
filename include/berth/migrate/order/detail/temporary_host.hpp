// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/migrate/order/detail/migration_estimates.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/wave_board.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// True if a healthy slot of an accepted model has room for the task of a move, at neither of its ends, by what is
/// free. Also true after a stop.
[[nodiscard]] inline bool has_temporary_host(const problem& p, const counter_numbers& numbers, const task_move& r,
                                             std::span<const amount> free, order_control& control) {
    const fleet& machines = p.fleet();
    const demand_view demand = p.workload().demand(r.task);
    const auto fits = [free](std::size_t first, std::span<const amount> wanted) {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (free[first + i] < wanted[i]) return false;
        }
        return true;
    };
    for (std::size_t i = 0; i < machines.node_count(); ++i) {
        if (control.work(1)) return true;
        const node_index n{i};
        if (!machines.healthy(n) || !fits(numbers.first(n), demand.node)) continue;
        gpu_mask found = 0;
        for (gpu_mask rest = machines.healthy_gpus(n); rest != 0 && demand.gpus > 0; rest &= rest - 1) {
            const gpu_index g = machines.gpu(n, lowest_gpu(rest));
            const bool accepted = (demand.accepted_models >> machines.model(g).value() & 1U) != 0;
            if (accepted && fits(numbers.first(g), demand.gpu)) found |= rest & (~rest + 1);
        }
        const slot all{n, found};
        if (has_gpus(found, demand.gpus) && !(all == r.from) && !(all == r.to)) return true;
    }
    return false;
}

/// Looks for temporary hosts: slots where the task of a broken move can wait between its two steps.
class temporary_host {
public:
    temporary_host(const problem& p, const counter_numbers& numbers, const migration_estimates& cost,
                   const wave_board& board, order_control& control) noexcept
        : problem_{&p}, numbers_{&numbers}, cost_{cost}, board_{&board}, control_{&control} {}

    /// The slot with the least downtime, then with the least left over; the first of several. `unplaced` if none has
    /// less downtime than `limit`. After a stop the first one that was found; `optional` if none is needed then.
    [[nodiscard]] slot find(task_index task, const planned_step& out, const planned_step& in, double limit,
                            bool optional) const {
        const fleet& machines = problem_->fleet();
        const demand_view demand = problem_->workload().demand(task);
        const wave_traffic& traffic = board_->traffic();
        slot best{};
        double least = 0.0;
        amount best_left = 0;
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            if (control_->work(1) && (optional || best.placed())) break;
            const node_index n{i};
            if (!machines.healthy(n) || (demand.gpus > 0 && (machines.models_on(n) & demand.accepted_models) == 0)) {
                continue;
            }
            amount left = 0;
            const slot there = tightest(n, demand, out.wave, in.wave, left);
            if (!there.placed() || there == out.from || there == in.to) continue;
            if (!traffic.admits(out.wave, out.from.node, n) || !traffic.admits(in.wave, n, in.to.node)) continue;
            const double downtime =
                cost_(*problem_, {task, out.from, there}).downtime + cost_(*problem_, {task, there, in.to}).downtime;
            if (downtime > limit) continue;
            if (!best.placed() || downtime < least || (downtime == least && left < best_left)) {
                best = there;
                best_left = left;
                least = downtime;
            }
        }
        return best;
    }

private:
    /// The GPUs of a node that would have least left over.
    [[nodiscard]] slot tightest(node_index n, const demand_view& demand, std::size_t first, std::size_t last,
                                amount& left_over) const {
        const fleet& machines = problem_->fleet();
        if (!fits(numbers_->first(n), demand.node, first, last)) return {};
        for (const domain_index d : machines.domains(n)) {
            if (!fits(numbers_->first(d), demand.domain, first, last)) return {};
        }
        const std::uint64_t models = machines.models_on(n) & demand.accepted_models;
        if (!demand.same_model || (models & (models - 1)) == 0) {
            return tightest(n, demand, models, first, last, left_over);
        }
        slot best{};
        for (std::uint64_t rest = models; rest != 0; rest &= rest - 1) {
            amount left = 0;
            const slot of_model = tightest(n, demand, rest & (~rest + 1), first, last, left);
            if (!of_model.placed() || (best.placed() && left >= left_over)) continue;
            best = of_model;
            left_over = left;
        }
        return best;
    }
    /// Those among GPUs of some models.
    [[nodiscard]] slot tightest(node_index n, const demand_view& demand, std::uint64_t models, std::size_t first,
                                std::size_t last, amount& left_over) const {
        const fleet& machines = problem_->fleet();
        slot found{n, 0};
        gpu_mask rest = machines.healthy_gpus(n);
        for (std::size_t k = 0; k < demand.gpus; ++k) {
            std::size_t best = max_gpus_per_node;
            amount best_left = 0;
            for (gpu_mask each = rest; each != 0; each &= each - 1) {
                const std::size_t i = lowest_gpu(each);
                const gpu_index g = machines.gpu(n, i);
                if ((models >> machines.model(g).value() & 1U) == 0 ||
                    !fits(numbers_->first(g), demand.gpu, first, last)) {
                    rest &= ~(gpu_mask{1} << i);
                    continue;
                }
                const amount left = left_over_of(g, demand, first, last);
                if (best == max_gpus_per_node || left < best_left) {
                    best = i;
                    best_left = left;
                }
            }
            if (best == max_gpus_per_node) return {};
            found.gpus |= gpu_mask{1} << best;
            rest &= ~(gpu_mask{1} << best);
            if (demand.same_model && k == 0) {
                for (gpu_mask each = rest; each != 0; each &= each - 1) {
                    const gpu_mask other = each & (~each + 1);
                    if (!machines.one_model({n, found.gpus | other})) rest &= ~other;
                }
            }
            left_over += best_left;
        }
        return found;
    }
    /// What would be left of a GPU, each counter in 1024ths of its capacity.
    [[nodiscard]] amount left_over_of(gpu_index g, const demand_view& demand, std::size_t first,
                                      std::size_t last) const noexcept {
        const auto capacity = problem_->fleet().capacity(g);
        amount left = 0;
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            const amount free = board_->room().least(numbers_->first(g) + r, first, last) - demand.gpu[r];
            if (capacity[r] > 0) left += free * 1024 / capacity[r];
        }
        return left;
    }
    [[nodiscard]] bool fits(std::size_t first_counter, std::span<const amount> demand, std::size_t first,
                            std::size_t last) const noexcept {
        for (std::size_t r = 0; r < demand.size(); ++r) {
            if (board_->room().least(first_counter + r, first, last) < demand[r]) return false;
        }
        return true;
    }

    const problem* problem_;
    const counter_numbers* numbers_;
    migration_estimates cost_;
    const wave_board* board_;
    order_control* control_;
};

}  // namespace berth::inline v0::detail
