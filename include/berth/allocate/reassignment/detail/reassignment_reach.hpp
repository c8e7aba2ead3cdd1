// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/allocate/reassignment/detail/wide.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Where each task can be at all, whoever else moves: at home, and where it fits into what transient resources leave. What tasks hold of
/// these at home they never give back, so a node has only `capacity - held by those initial there` for all guests together. In
/// the challenge's tight instances three quarters of all pairs of task and node are out of the question, and nearly all pairs
/// with a large task: a search that knows does not try them.
///
/// A task that nothing but a hopeless node could take stays where it is, even if it is broken there.
///
/// @tparam Wides  as of `reassignment_state`.
///
/// Immutable: one for all islands. Memory: O((tasks + nodes) × resources), and the nodes of tasks that can be on few.
template <std::size_t Wides>
class reassignment_reach {
public:
    explicit reassignment_reach(const reassignment_problem& p) : problem_{&p} {
        weigh();
        find_nodes();
    }

    /// O(resources), and O(1) for a task that can be anywhere.
    [[nodiscard]] bool contains(task_index t, node_index n) const noexcept {
        return everywhere_[t.value()] != 0 || n == problem_->initial(t) || fits(t, n);
    }
    /// The nodes that a task can be on apart from its home, if they are known and at most half of all; otherwise none, as for one that can only be
    /// at home.
    [[nodiscard]] std::span<const node_index> nodes(task_index t) const noexcept {
        return {nodes_.data() + ends_[t.value()], ends_[t.value() + 1] - ends_[t.value()]};
    }

private:
    static constexpr std::size_t lanes = 2 * Wides;
    // So many pairs of task and node are looked at beforehand, which takes a fraction of a second.
    static constexpr std::size_t most_pairs = std::size_t{1} << 24U;

    [[nodiscard]] bool fits(task_index t, node_index n) const noexcept {
        const double* demand = demands_.data() + t.value() * lanes;
        const double* room = rooms_.data() + n.value() * lanes;
        wide_mask beyond = wide{} > wide{};
        for (std::size_t i = 0; i < lanes; i += 2) beyond |= load_wide(demand + i) > load_wide(room + i);
        return !any(beyond);
    }
    void weigh() {
        const reassignment_problem& p = *problem_;
        const std::size_t resources = p.resource_count();
        rooms_.resize(p.node_count() * lanes);
        demands_.resize(p.task_count() * lanes);
        for (std::size_t n = 0; n < p.node_count(); ++n) {
            for (std::size_t r = 0; r < resources; ++r)
                rooms_[n * lanes + r] = static_cast<double>(p.capacity(node_index{n})[r]);
        }
        for (std::size_t t = 0; t < p.task_count(); ++t) {
            const task_index task{t};
            for (std::size_t r = 0; r < resources; ++r) {
                const auto demand = static_cast<double>(p.demand(task)[r]);
                demands_[t * lanes + r] = demand;
                if (p.resources()[r].transient) rooms_[p.initial(task).value() * lanes + r] -= demand;
            }
        }
        for (double& room : rooms_) room = room > 0.0 ? room : 0.0;  // who wants nothing of it fits even then
    }
    void find_nodes() {
        const std::size_t nodes = problem_->node_count();
        const std::size_t tasks = problem_->task_count();
        double least[lanes];
        for (std::size_t i = 0; i < lanes; ++i) {
            least[i] = rooms_[i];
            for (std::size_t n = 1; n < nodes; ++n)
                least[i] = rooms_[n * lanes + i] < least[i] ? rooms_[n * lanes + i] : least[i];
        }
        everywhere_.resize(tasks);
        ends_.resize(tasks + 1);
        std::size_t pairs = 0;
        for (std::size_t t = 0; t < tasks; ++t) {
            const task_index task{t};
            everywhere_[t] = 1;
            for (std::size_t i = 0; i < lanes; ++i) {
                if (demands_[t * lanes + i] > least[i]) everywhere_[t] = 0;
            }
            pairs += everywhere_[t] == 0 ? nodes : 0;
            if (everywhere_[t] == 0 && pairs <= most_pairs) list(task);
            ends_[t + 1] = nodes_.size();
        }
    }
    void list(task_index t) {
        const std::size_t nodes = problem_->node_count();
        const std::size_t before = nodes_.size();
        for (std::size_t n = 0; n < nodes && nodes_.size() - before <= nodes / 2; ++n) {
            if (node_index{n} != problem_->initial(t) && fits(t, node_index{n})) nodes_.push_back(node_index{n});
        }
        if (nodes_.size() - before > nodes / 2) nodes_.resize(before);
    }

    const reassignment_problem* problem_;
    flat<double> demands_;
    flat<double> rooms_;  // of each node, for guests
    flat<std::uint8_t> everywhere_;
    flat<std::size_t> ends_;
    flat<node_index> nodes_;
};

}  // namespace berth::inline v0::detail
