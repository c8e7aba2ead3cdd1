// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/wide.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The nodes on which each task can be in any feasible assignment: its initial one, and those where it fits beside what
/// transient resources hold. Tasks never give these back on their initial node, so only `capacity - held by tasks that
/// are initially there` is left for all others. This excludes three quarters of all pairs of task and node in the
/// challenge's tight instances, and nearly all pairs with a large task; the search does not try them.
///
/// A task with no feasible host stays put, even if infeasible there.
///
/// Immutable: one for all islands. Memory: O((tasks + nodes) × resources), and the listed nodes.
///
/// @tparam Wides  as of `reassignment_state`
template <std::size_t Wides>
class reassignment_reach {
public:
    explicit reassignment_reach(const reassignment_problem& p) : reassignment_reach{p, [] { return false; }} {}
    /// @param ends polled while nodes are listed, which takes a fraction of a second for large problems: true lists no
    ///        more
    template <class Ends>
    reassignment_reach(const reassignment_problem& p, Ends&& ends) : problem_{&p} {
        weigh();
        find_nodes(ends);
    }

    /// O(resources), and O(1) for a task that can be anywhere.
    [[nodiscard]] bool contains(task_index t, node_index n) const noexcept {
        return everywhere_[t.value()] != 0 || n == problem_->initial(t) || fits(t, n);
    }
    /// The nodes that a task can be on apart from its initial one, if they are listed, which takes at most half of all
    /// nodes; otherwise none, as for a task that can only be on its initial node.
    [[nodiscard]] std::span<const node_index> nodes(task_index t) const noexcept {
        return {nodes_.data() + ends_[t.value()], ends_[t.value() + 1] - ends_[t.value()]};
    }

private:
    static constexpr std::size_t lanes = 2 * Wides;
    // Pairs of task and node that are looked at for lists.
    static constexpr std::size_t most_pairs = std::size_t{1} << 24U;
    static constexpr std::size_t poll_every = 10'000;

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
        for (double& room : rooms_) room = room > 0.0 ? room : 0.0;  // a demand of 0 fits even an overloaded node
    }
    template <class Ends>
    void find_nodes(Ends& ends) {
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
        std::size_t polled = 0;  // pairs at the last poll
        for (std::size_t t = 0; t < tasks; ++t) {
            const task_index task{t};
            everywhere_[t] = 1;
            for (std::size_t i = 0; i < lanes; ++i) {
                if (demands_[t * lanes + i] > least[i]) everywhere_[t] = 0;
            }
            pairs += everywhere_[t] == 0 ? nodes : 0;
            if (pairs - polled > poll_every && pairs <= most_pairs) {
                polled = pairs;
                if (ends()) pairs = most_pairs + 1;
            }
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
    flat<double> rooms_;  // of each node, for tasks that are not initially there
    flat<std::uint8_t> everywhere_;
    flat<std::size_t> ends_;
    flat<node_index> nodes_;
};

}  // namespace berth::inline v0::detail
