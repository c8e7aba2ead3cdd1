// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/merged_changes.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The sum over all nodes of a measure of one node: `fragmentation` (FGD's F), `power_model` (watts),
/// `whole_gpu_holes`, or any `double(const node_view&)`. An exceeded counter has 0 free. A delta is O(moves) times the
/// measure.
template <node_measure Measure>
struct node_sum {
    Measure measure;                       ///< a `node_measure`
    const char* label = "sum over nodes";  ///< the term's name; outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] constexpr const char* name() const noexcept { return label; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const Measure& measure, const problem& p, std::span<const slot> start) : measure_{measure}, problem_{p} {
            const fleet& machines = p.fleet();
            std::size_t largest = 0;
            for (std::size_t i = 0; i < machines.node_count(); ++i) {
                const node_index n{i};
                first_.push_back(free_.size());
                free_.append(machines.capacity(n));
                for (std::size_t g = 0; g < machines.gpu_count(n); ++g)
                    free_.append(machines.capacity(machines.gpu(n, g)));
                const std::size_t counters = free_.size() - first_[i];
                largest = largest < counters ? counters : largest;
            }
            first_.push_back(free_.size());
            scratch_.resize(largest, 0);
            for (std::size_t t = 0; t < start.size(); ++t) add(free_.data(), 0, task_index{t}, start[t], -1);
            for (std::size_t i = 0; i < machines.node_count(); ++i) {
                values_.push_back(of(i, {}));
                value_ += values_[i];
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return value_; }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            each_node(all, [&](std::size_t n) { change += of(n, all) - values_[n]; });
            return change;
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            each_node(all, [&](std::size_t n) {
                const double after = of(n, all);
                value_ += after - values_[n];
                values_[n] = after;
            });
            for (const task_move& r : all) {
                add(free_.data(), 0, r.task, r.from, +1);
                add(free_.data(), 0, r.task, r.to, -1);
            }
        }

    private:
        template <class F>
        static void each_node(task_moves all, const F& f) {
            const auto seen_before = [&](std::size_t i, node_index n) {
                for (std::size_t j = 0; j < i; ++j) {
                    if (all[j].from.node == n || all[j].to.node == n) return true;
                }
                return false;
            };
            for (std::size_t i = 0; i < all.size(); ++i) {
                const task_move& r = all[i];
                if (r.from.placed() && !seen_before(i, r.from.node)) f(r.from.node.value());
                if (r.to.placed() && r.to.node != r.from.node && !seen_before(i, r.to.node)) f(r.to.node.value());
            }
        }

        /// Gives a task's demand back (+1) or takes it (-1), in counters that begin with the one at `base` of all
        /// nodes.
        void add(amount* free, std::size_t base, task_index t, const slot& where, amount sign) const {
            if (!where.placed()) return;
            const demand_view demand = problem_.workload().demand(t);
            amount* host = free + (first_[where.node.value()] - base);
            // As in a ledger, nothing is taken of a counter without a limit.
            const auto shift = [sign](amount& left, amount wanted) {
                if (left != max_amount) left += sign * wanted;
            };
            for (std::size_t c = 0; c < demand.node.size(); ++c) shift(host[c], demand.node[c]);
            for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
                amount* gpu = host + demand.node.size() + lowest_gpu(rest) * demand.gpu.size();
                for (std::size_t c = 0; c < demand.gpu.size(); ++c) shift(gpu[c], demand.gpu[c]);
            }
        }

        [[nodiscard]] double of(std::size_t n, task_moves all) const {
            const fleet& machines = problem_.fleet();
            const std::size_t base = first_[n];
            const std::size_t counters = first_[n + 1] - base;
            for (std::size_t c = 0; c < counters; ++c) scratch_[c] = free_[base + c];
            for (const task_move& r : all) {
                if (r.from.node == node_index{n}) add(scratch_.data(), base, r.task, r.from, +1);
                if (r.to.node == node_index{n}) add(scratch_.data(), base, r.task, r.to, -1);
            }
            for (std::size_t c = 0; c < counters; ++c) scratch_[c] = scratch_[c] < 0 ? 0 : scratch_[c];
            const std::size_t host = machines.schema().node.size();
            return static_cast<double>(measure_(node_view{.fleet = &machines,
                                                          .index = node_index{n},
                                                          .free_node = {scratch_.data(), host},
                                                          .free_gpus = {scratch_.data() + host, counters - host},
                                                          .gpu_counters = machines.schema().gpu.size(),
                                                          .healthy = machines.healthy_gpus(node_index{n})}));
        }

        Measure measure_;
        problem problem_;
        detail::flat<std::size_t> first_;
        detail::flat<amount> free_;  // node by node its own counters and those of its GPUs; below zero where exceeded
        mutable detail::flat<amount> scratch_;
        detail::flat<double> values_;
        double value_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {measure, p, start}; }
};
template <class Measure>
node_sum(Measure) -> node_sum<Measure>;
template <class Measure>
node_sum(Measure, const char*) -> node_sum<Measure>;

/// Minus floor(completely free GPUs of the node / unit): minimising it keeps room for tasks that want that many whole
/// GPUs. Unhealthy GPUs do not count.
struct whole_gpu_holes {
    std::size_t unit = 1;  ///< whole GPUs that such a task wants, at least 1

    /// The number, never positive.
    [[nodiscard]] double operator()(const node_view& node) const noexcept {
        std::size_t idle = 0;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            const amount capacity = node.fleet->capacity(node.fleet->gpu(node.index, i))[0];
            if ((node.healthy >> i & 1U) != 0 && node.free_share(i) == capacity) ++idle;
        }
        const std::size_t pieces = idle / unit;
        return -static_cast<double>(pieces);
    }
};

static_assert(node_measure<whole_gpu_holes> && term<node_sum<whole_gpu_holes>>);

}  // namespace berth::inline v0
