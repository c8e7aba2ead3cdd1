// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/balance/defragment/detail/candidate_plan.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Every way to make room with one step or with two, best kept. Complete for tasks on one GPU or none (`candidate_plan::any_slot`).
///
/// One step: a task leaves node n of the new task for a place that has room now. Two steps in order: the first task moves to a
/// place that has room now; the second moves to one that has room then. If neither does alone, the second one's source is on n (or
/// shares a short domain with it), and the first one's is there, too, or where the second one goes. Or one task of n is
/// parked and fetched to where it fits only once it has left.
template <class Draft>
class short_eviction {
public:
    /// Looks for the shortest way of at most `most_steps` (1 or 2) steps, and with a price of steps for longer ones, too. Equally
    /// short ways are compared until `ways` were found. False if the budget of evaluations ended the search.
    bool run(Draft& candidate, std::size_t most_steps, std::size_t ways, std::uint64_t budget) {
        candidate_ = &candidate;
        ways_ = ways;
        budget_ = budget;
        found_ = 0;
        one_step();
        if (most_steps < 2 || candidate_->found_shortest() || spent()) return !spent();
        pairs();
        if (candidate_->may_park()) parked();
        return !spent();
    }

private:
    [[nodiscard]] bool spent() const { return candidate_->evaluations >= budget_; }
    [[nodiscard]] bool enough() const { return found_ >= ways_ || spent(); }
    [[nodiscard]] const slot& where(task_index t) const { return candidate_->fleet.where(t); }
    [[nodiscard]] berth::ledger& ledger() { return candidate_->fleet.ledger(); }
    [[nodiscard]] const flat<node_index>& direct(task_index t) {
        return candidate_->table.of(candidate_->shape(t), candidate_->fleet).direct;
    }
    void shift(const task_move& r) {
        ledger().place(candidate_->demand(r.task), r.to);
        ledger().remove(candidate_->demand(r.task), r.from);
    }
    void unshift(const task_move& r) {
        ledger().place(candidate_->demand(r.task), r.from);
        ledger().remove(candidate_->demand(r.task), r.to);
    }

    void one_step() {
        singles_.clear();
        for (const eviction& o : candidate_->table.of(candidate_->shape(candidate_->root()), candidate_->fleet).options) {
            if (o.count == 1) singles_.push_back(o);
        }
        for (const eviction& o : singles_) {
            std::size_t here = 0;
            for (const node_index m : direct(o.tasks[0])) {
                if (enough() || here >= ways_here) break;
                (void)candidate_->any_slot(o.tasks[0], m, [&](const slot& to) {
                    ++candidate_->evaluations;
                    const task_move r{o.tasks[0], where(o.tasks[0]), to};
                    shift(r);
                    const bool fits = candidate_->fits_on(o.node);
                    unshift(r);
                    if (!fits || !candidate_->consider({&r, 1}, o.node)) return spent();
                    ++found_;
                    ++here;
                    return m != o.node || enough();  // GPUs of another node: the first will do
                });
            }
        }
    }

    void pairs() {
        found_ = 0;
        helpers_.clear();
        lists_.assign(candidate_->fleet.work().shape_count(), {});
        pairs_.clear();
        for (const eviction& o : candidate_->table.of(candidate_->shape(candidate_->root()), candidate_->fleet).options) {
            if (o.count == 2) pairs_.push_back(o);
        }
        for (const eviction& o : pairs_) {
            two_steps(o.node, o.tasks[0], o.tasks[1]);
            two_steps(o.node, o.tasks[1], o.tasks[0]);
        }
        for (const eviction& o : singles_) {
            if (enough()) return;
            const task_index second = o.tasks[0];
            // One that leaves n as well makes up for what the second takes there again.
            const bool back = returns(o.node, second);
            for_each_near(o.node, [&](task_index first) {
                if (first == second) return;
                if (!direct(first).empty() && (back || makes_room(first, second, o.node))) {
                    two_steps(o.node, first, second);
                }
                if (back) two_steps(o.node, second, first);
            });
            // One that leaves the place where the second goes.
            const helper_list list = helpers_of(candidate_->shape(second));
            for (std::size_t i = 0; i < list.count && !enough(); ++i) {
                if (helpers_[list.first + i].tasks[0] != second) through(o.node, helpers_[list.first + i], second);
            }
        }
    }
    /// Single evictions that make room for a shape, of tasks that have somewhere to go.
    struct helper_list {
        bool made = false;
        std::size_t first = 0;
        std::size_t count = 0;
    };
    helper_list helpers_of(shape_index s) {
        if (lists_[s.value()].made) return lists_[s.value()];
        helper_list list{true, helpers_.size(), 0};
        const flat<eviction>& options = candidate_->table.of(s, candidate_->fleet).options;
        for (std::size_t i = 0; i < options.size(); ++i) {
            if (options[i].count == 1 && !direct(options[i].tasks[0]).empty()) helpers_.push_back(options[i]);
        }
        list.count = helpers_.size() - list.first;
        return lists_[s.value()] = list;
    }

    /// Whether the task can end up near n again, so that another has to leave although this one would do.
    bool returns(node_index n, task_index second) {
        if (candidate_->fleet.domains_count()) return true;
        for (const node_index m : direct(second)) {
            if (m == n) return true;
        }
        return false;
    }
    bool makes_room(task_index first, task_index second, node_index n) {
        if (where(first).node != n) return false;
        ledger().remove(candidate_->demand(first), where(first));
        const bool fits = ledger().fits(candidate_->demand(second), n);
        ledger().place(candidate_->demand(first), where(first));
        return fits;
    }
    template <class Visit>
    void for_each_near(node_index n, Visit visit) {
        near_.clear();
        for (const task_index t : candidate_->fleet.tasks_on(n)) near_.push_back(t);
        if (candidate_->fleet.domains_count()) {
            for (const domain_index d : candidate_->fleet.machines().domains(n)) {
                for (const node_index m : candidate_->fleet.machines().nodes_in(d)) {
                    if (m == n) continue;
                    for (const task_index t : candidate_->fleet.tasks_on(m)) near_.push_back(t);
                }
            }
        }
        for (std::size_t i = 0; i < near_.size() && !enough(); ++i) visit(near_[i]);
    }

    /// `first` goes anywhere, then `second` goes anywhere, then the new task has room on n.
    void two_steps(node_index n, task_index first, task_index second) {
        if (enough() || direct(first).empty()) return;
        targets_.clear();
        targets_.append(direct(second).view());
        add_target(where(first).node);
        if (candidate_->fleet.domains_count()) {
            for (const domain_index d : candidate_->fleet.machines().domains(where(first).node)) {
                for (const node_index m : candidate_->fleet.machines().nodes_in(d)) add_target(m);
            }
        }
        // Without the first, is there a place for the second at all?
        ledger().remove(candidate_->demand(first), where(first));
        std::size_t kept = 0;
        for (const node_index m : targets_) {
            ++candidate_->evaluations;
            if (ledger().fits(candidate_->demand(second), m)) targets_[kept++] = m;
        }
        targets_.resize(kept);
        ledger().place(candidate_->demand(first), where(first));
        if (!targets_.empty()) try_both(n, first, second);
    }
    /// The same with the place of the second given: where `h` leaves.
    void through(node_index n, const eviction h, task_index second) {
        targets_.clear();
        targets_.push_back(h.node);
        try_both(n, h.tasks[0], second);
    }
    void try_both(node_index n, task_index first, task_index second) {
        std::size_t here = 0;
        const flat<node_index>& open = direct(first);
        for (std::size_t i = 0; i < open.size() && here < ways_here && !enough(); ++i) {
            (void)candidate_->any_slot(first, open[i], [&](const slot& to) {
                const task_move a{first, where(first), to};
                shift(a);
                for (std::size_t j = 0; j < targets_.size() && here < ways_here && !enough(); ++j) {
                    if (ledger().fits(candidate_->demand(second), targets_[j])) follow(n, a, second, targets_[j], here);
                }
                unshift(a);
                return here >= ways_here || enough();
            });
        }
    }
    void follow(node_index n, const task_move& a, task_index second, node_index m, std::size_t& here) {
        (void)candidate_->any_slot(second, m, [&](const slot& to) {
            ++candidate_->evaluations;
            const task_move b{second, where(second), to};
            shift(b);
            const bool fits = candidate_->fits_on(n);
            unshift(b);
            if (!fits) return spent();
            unshift(a);
            const task_move both[] = {a, b};
            const bool good = candidate_->consider(both, n);
            shift(a);
            if (!good) return spent();
            ++found_;
            ++here;
            return m != n || here >= ways_here || enough();
        });
    }
    /// Out into host memory, and back to a place that its own source is part of.
    void parked() {
        for (const eviction& o : singles_) {
            if (enough()) return;
            const task_index t = o.tasks[0];
            const slot from = where(t);
            targets_.clear();
            add_target(from.node);
            if (candidate_->fleet.domains_count()) {
                for (const domain_index d : candidate_->fleet.machines().domains(from.node)) {
                    for (const node_index m : candidate_->fleet.machines().nodes_in(d)) add_target(m);
                }
            }
            for (const node_index m : targets_) {
                ledger().remove(candidate_->demand(t), from);
                ways_to_return_.clear();
                if (ledger().fits(candidate_->demand(t), m)) {
                    (void)candidate_->any_slot(t, m, [&](const slot& to) {
                        ++candidate_->evaluations;
                        ledger().place(candidate_->demand(t), to);
                        if (candidate_->fits_on(o.node)) ways_to_return_.push_back(to);
                        ledger().remove(candidate_->demand(t), to);
                        return spent();
                    });
                }
                ledger().place(candidate_->demand(t), from);
                for (const slot& to : ways_to_return_) {
                    const task_move r{t, from, to};
                    if (candidate_->consider({&r, 1}, o.node)) ++found_;
                }
            }
        }
    }
    void add_target(node_index n) {
        for (const node_index m : targets_) {
            if (m == n) return;
        }
        targets_.push_back(n);
    }

    static constexpr std::size_t ways_here = 4;  // of one pair of tasks

    Draft* candidate_ = nullptr;
    std::size_t ways_ = 0;
    std::size_t found_ = 0;
    std::uint64_t budget_ = 0;
    flat<eviction> singles_;
    flat<eviction> pairs_;
    flat<eviction> helpers_;
    flat<helper_list> lists_;
    flat<task_index> near_;
    flat<node_index> targets_;
    flat<slot> ways_to_return_;
};

}  // namespace berth::inline v0::detail
