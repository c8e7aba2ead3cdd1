// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0::detail {

/// True if the demand takes nothing from a counter that has too little; nothing is taken from one below zero.
[[nodiscard]] inline bool covered(std::span<const amount> free, std::span<const amount> wanted) noexcept {
    for (std::size_t r = 0; r < wanted.size(); ++r) {
        if (wanted[r] > 0 && wanted[r] > free[r]) return false;
    }
    return true;
}

/// True if the node is healthy, and it and its domains have room for the demand beside the tasks that stay.
[[nodiscard]] inline bool host_covers(const scoped_problem& s, const demand_view& demand, node_index n) noexcept {
    if (!s.fleet().healthy(n) || !covered(s.room().free(n), demand.node)) return false;
    if (demand.domain.empty()) return true;
    for (const domain_index d : s.fleet().domains(n)) {
        if (!covered(s.room().free(d), demand.domain)) return false;
    }
    return true;
}

/// The GPUs of a node that are healthy, of an accepted model, and have room for the demand beside the tasks that stay.
[[nodiscard]] inline gpu_mask gpus_covering(const scoped_problem& s, const demand_view& demand, node_index n) noexcept {
    gpu_mask covering = 0;
    if (demand.gpus == 0) return covering;
    for (gpu_mask rest = s.fleet().healthy_gpus(n); rest != 0; rest &= rest - 1) {
        const gpu_index g = s.fleet().gpu(n, lowest_gpu(rest));
        const bool accepted = (demand.accepted_models >> s.fleet().model(g).value() & 1U) != 0;
        if (accepted && covered(s.room().free(g), demand.gpu)) covering |= rest & (~rest + 1);
    }
    return covering;
}

/// The tasks of a scope by demand: a row for each different one.
class demand_rows {
public:
    explicit demand_rows(const scoped_problem& s) : work_{&s.workload()} {
        flat<std::uint32_t> row_of_shape(work_->shape_count(), none);
        for (const task_index t : s.tasks()) {
            std::uint32_t& row = row_of_shape[work_->shape(t).value()];
            if (row == none) {
                row = static_cast<std::uint32_t>(rows_.size());
                rows_.push_back({work_->shape(t), t, 0});
            }
            ++rows_[row].tasks;
            row_of_.push_back(row);
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
    [[nodiscard]] demand_view demand(std::size_t row) const noexcept { return work_->demand(rows_[row].shape); }
    /// The first task of the row.
    [[nodiscard]] task_index example(std::size_t row) const noexcept { return rows_[row].first; }
    /// The number of tasks of the row.
    [[nodiscard]] amount tasks(std::size_t row) const noexcept { return rows_[row].tasks; }
    /// The row of the i-th task of the scope.
    [[nodiscard]] std::size_t of(std::size_t i) const noexcept { return row_of_[i]; }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    struct record {
        shape_index shape;
        task_index first;
        amount tasks;
    };
    const berth::workload* work_;
    flat<record> rows_;
    flat<std::uint32_t> row_of_;
};

/// Which GPUs could hold a task of each row, if they held no other that takes part.
class gpu_pairs {
public:
    explicit gpu_pairs(const scoped_problem& s) : rows_{s}, gpus_{s.fleet().gpu_count()} {
        may_.resize(rows_.size() * gpus_, 0);
        node_of_.resize(gpus_);
        for (std::size_t i = 0; i < s.fleet().node_count(); ++i) {
            const node_index n{i};
            for (std::size_t k = 0; k < s.fleet().gpu_count(n); ++k) node_of_[s.fleet().gpu(n, k).value()] = n;
            for (std::size_t row = 0; row < rows_.size(); ++row) {
                const demand_view demand = rows_.demand(row);
                gpu_mask rest = host_covers(s, demand, n) ? gpus_covering(s, demand, n) : 0;
                for (; rest != 0; rest &= rest - 1) may_[row * gpus_ + s.fleet().gpu(n, lowest_gpu(rest)).value()] = 1;
            }
        }
    }
    [[nodiscard]] const demand_rows& rows() const noexcept { return rows_; }
    [[nodiscard]] std::size_t gpus() const noexcept { return gpus_; }
    [[nodiscard]] bool may(std::size_t row, std::size_t gpu) const noexcept { return may_[row * gpus_ + gpu] != 0; }
    /// Not valid for a vacant position.
    [[nodiscard]] node_index node_of(std::size_t gpu) const noexcept { return node_of_[gpu]; }
    /// True if some task may be there.
    [[nodiscard]] bool used(std::size_t gpu) const noexcept {
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            if (may(row, gpu)) return true;
        }
        return false;
    }
    /// True if no GPU could hold a task of the row.
    [[nodiscard]] bool nowhere(std::size_t row) const noexcept {
        for (std::size_t g = 0; g < gpus_; ++g) {
            if (may(row, g)) return false;
        }
        return true;
    }

private:
    demand_rows rows_;
    std::size_t gpus_;
    flat<std::uint8_t> may_;
    flat<node_index> node_of_;
};

/// The pairs of a scope whose tasks each take one GPU and fit somewhere; others are left out of the scope.
[[nodiscard]] inline result<gpu_pairs> one_gpu_each(scoped_problem& s, const char* narrower) {
    const auto one = s.leave_out([&](task_index t) -> std::string {
        const std::size_t gpus = s.workload().demand(t).gpus;
        return gpus == 1 ? std::string{} : sentence({"gpus is ", gpus, ", ", narrower, " has one GPU for each task"});
    });
    if (!one) return one.error();
    if (const auto gangs = s.leave_out_gangs(); !gangs) return gangs.error();
    while (true) {
        gpu_pairs pairs{s};
        std::size_t i = 0;
        const auto lost = s.leave_out([&](task_index) -> std::string {
            return pairs.nowhere(pairs.rows().of(i++))
                       ? "no healthy GPU of an accepted model has room for it, even beside none of the others"
                       : "";
        });
        if (!lost) return lost.error();
        if (*lost == 0) return pairs;
        if (const auto gangs = s.leave_out_gangs(); !gangs) return gangs.error();
    }
}

/// The present GPU of every task that takes part; invalid for one without a slot.
[[nodiscard]] inline std::vector<gpu_index> present_gpus(const scoped_problem& s) {
    std::vector<gpu_index> at;
    at.reserve(s.tasks().size());
    for (const task_index t : s.tasks()) {
        const slot& where = s.current(t);
        at.push_back(where.placed() ? s.fleet().gpu(where.node, lowest_gpu(where.gpus)) : gpu_index{});
    }
    return at;
}

/// The slots of an answer that has one GPU for each task of the narrower problem; those behind the tasks that take part
/// are its own affair.
///
/// @param narrower_tasks  how many tasks the narrower problem has
/// @param node_of         as `gpu_pairs::node_of`
[[nodiscard]] inline result<assignment> slots_on_gpus(const scoped_problem& s, std::span<const gpu_index> gpu_of,
                                                      std::size_t narrower_tasks, std::span<const node_index> node_of) {
    if (gpu_of.size() != narrower_tasks) {
        return refuse(error_code::inconsistent,
                      {"answer: it has ", gpu_of.size(), " GPUs, expected one for each of ", narrower_tasks, " tasks"});
    }
    return s.answer([&](std::size_t i) -> slot {
        if (!gpu_of[i].below(node_of.size())) return unplaced;
        const node_index n = node_of[gpu_of[i].value()];
        if (!n.valid()) return unplaced;
        return {n, gpu_mask{1} << (gpu_of[i].value() - s.fleet().gpu(n, 0).value())};
    });
}

/// a · b / c, rounded down where the product fits in 62 bits, otherwise never below the quotient. All of 0 or more,
/// c above 0.
[[nodiscard]] inline amount quotient(amount a, amount b, amount c) noexcept {
    constexpr amount fits = amount{1} << 62U;
    if (a == 0 || b <= fits / a) return a * b / c;
    const double about = static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(c) * (1.0 + 1e-12);
    return about < static_cast<double>(fits) ? static_cast<amount>(std::ceil(about)) : fits;
}

/// At most so much of one counter do tasks take while another counter of theirs keeps within `room`.
struct most_taken {
    amount all = 0;      ///< what all tasks take
    amount free_of = 0;  ///< what tasks take that take nothing of the other counter
    amount limited = 0;  ///< the most that the others take

    void add(amount tasks, amount taken, amount other, amount room) noexcept {
        all += tasks * taken;
        if (other == 0) free_of += tasks * taken;
        if (other > 0 && quotient(room, taken, other) > limited) limited = quotient(room, taken, other);
    }
    [[nodiscard]] amount value() const noexcept { return all < free_of + limited ? all : free_of + limited; }
};

}  // namespace berth::inline v0::detail
