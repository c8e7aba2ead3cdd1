// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/migrate/detail/rescue_draft.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::detail {

/// Every way to make room with one step or with two, best kept. Complete for tasks on one GPU or none (`rescue_draft::any_slot`).
///
/// One step: a task leaves node n of the new task for a place that has room now. Two steps in order: the first task moves to a
/// place that has room now; the second moves to one that has room then. If neither does alone, the second one's source is on n (or
/// shares a short domain with it), and the first one's is there, too, or where the second one goes. Or one task of n is
/// parked and fetched to where it fits only once it has left.
template <class Draft>
class short_rescue {
public:
    /// Looks for the shortest way of at most `most_steps` (1 or 2) steps, and with a price of steps for longer ones, too. Equally
    /// short ways are compared until `ways` were found. False if the budget of evaluations ended the search.
    bool run(Draft& draft, std::size_t most_steps, std::size_t ways, std::uint64_t budget) {
        draft_ = &draft;
        ways_ = ways;
        budget_ = budget;
        found_ = 0;
        one_step();
        if (most_steps < 2 || draft_->found_shortest() || spent()) return !spent();
        pairs();
        if (draft_->may_park()) parked();
        return !spent();
    }

private:
    [[nodiscard]] bool spent() const { return draft_->evaluations >= budget_; }
    [[nodiscard]] bool enough() const { return found_ >= ways_ || spent(); }
    [[nodiscard]] const slot& where(task_index t) const { return draft_->fleet.where(t); }
    [[nodiscard]] ledger& books() { return draft_->fleet.books(); }
    [[nodiscard]] const flat<node_index>& direct(task_index t) {
        return draft_->table.of(draft_->shape(t), draft_->fleet).direct;
    }
    void shift(const relocation& r) {
        books().place(draft_->demand(r.task), r.to);
        books().remove(draft_->demand(r.task), r.from);
    }
    void unshift(const relocation& r) {
        books().place(draft_->demand(r.task), r.from);
        books().remove(draft_->demand(r.task), r.to);
    }

    void one_step() {
        singles_.clear();
        for (const eviction& o : draft_->table.of(draft_->shape(draft_->root()), draft_->fleet).options) {
            if (o.count == 1) singles_.push_back(o);
        }
        for (const eviction& o : singles_) {
            std::size_t here = 0;
            for (const node_index m : direct(o.tasks[0])) {
                if (enough() || here >= ways_here) break;
                (void)draft_->any_slot(o.tasks[0], m, [&](const slot& to) {
                    ++draft_->evaluations;
                    const relocation r{o.tasks[0], where(o.tasks[0]), to};
                    shift(r);
                    const bool fits = draft_->fits_on(o.node);
                    unshift(r);
                    if (!fits || !draft_->consider({&r, 1}, o.node)) return spent();
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
        lists_.assign(draft_->fleet.work().shape_count(), {});
        pairs_.clear();
        for (const eviction& o : draft_->table.of(draft_->shape(draft_->root()), draft_->fleet).options) {
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
            const helper_list list = helpers_of(draft_->shape(second));
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
        const flat<eviction>& options = draft_->table.of(s, draft_->fleet).options;
        for (std::size_t i = 0; i < options.size(); ++i) {
            if (options[i].count == 1 && !direct(options[i].tasks[0]).empty()) helpers_.push_back(options[i]);
        }
        list.count = helpers_.size() - list.first;
        return lists_[s.value()] = list;
    }

    /// Whether the task can end up near n again, so that another has to leave although this one would do.
    bool returns(node_index n, task_index second) {
        if (draft_->fleet.domains_count()) return true;
        for (const node_index m : direct(second)) {
            if (m == n) return true;
        }
        return false;
    }
    bool makes_room(task_index first, task_index second, node_index n) {
        if (where(first).node != n) return false;
        books().remove(draft_->demand(first), where(first));
        const bool fits = books().fits(draft_->demand(second), n);
        books().place(draft_->demand(first), where(first));
        return fits;
    }
    template <class Visit>
    void for_each_near(node_index n, Visit visit) {
        near_.clear();
        for (const task_index t : draft_->fleet.tasks_on(n)) near_.push_back(t);
        if (draft_->fleet.domains_count()) {
            for (const domain_index d : draft_->fleet.machines().domains(n)) {
                for (const node_index m : draft_->fleet.machines().nodes_in(d)) {
                    if (m == n) continue;
                    for (const task_index t : draft_->fleet.tasks_on(m)) near_.push_back(t);
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
        if (draft_->fleet.domains_count()) {
            for (const domain_index d : draft_->fleet.machines().domains(where(first).node)) {
                for (const node_index m : draft_->fleet.machines().nodes_in(d)) add_target(m);
            }
        }
        // Without the first, is there a place for the second at all?
        books().remove(draft_->demand(first), where(first));
        std::size_t kept = 0;
        for (const node_index m : targets_) {
            ++draft_->evaluations;
            if (books().fits(draft_->demand(second), m)) targets_[kept++] = m;
        }
        targets_.resize(kept);
        books().place(draft_->demand(first), where(first));
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
            (void)draft_->any_slot(first, open[i], [&](const slot& to) {
                const relocation a{first, where(first), to};
                shift(a);
                for (std::size_t j = 0; j < targets_.size() && here < ways_here && !enough(); ++j) {
                    if (books().fits(draft_->demand(second), targets_[j])) follow(n, a, second, targets_[j], here);
                }
                unshift(a);
                return here >= ways_here || enough();
            });
        }
    }
    void follow(node_index n, const relocation& a, task_index second, node_index m, std::size_t& here) {
        (void)draft_->any_slot(second, m, [&](const slot& to) {
            ++draft_->evaluations;
            const relocation b{second, where(second), to};
            shift(b);
            const bool fits = draft_->fits_on(n);
            unshift(b);
            if (!fits) return spent();
            unshift(a);
            const relocation both[] = {a, b};
            const bool good = draft_->consider(both, n);
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
            if (draft_->fleet.domains_count()) {
                for (const domain_index d : draft_->fleet.machines().domains(from.node)) {
                    for (const node_index m : draft_->fleet.machines().nodes_in(d)) add_target(m);
                }
            }
            for (const node_index m : targets_) {
                books().remove(draft_->demand(t), from);
                ways_to_return_.clear();
                if (books().fits(draft_->demand(t), m)) {
                    (void)draft_->any_slot(t, m, [&](const slot& to) {
                        ++draft_->evaluations;
                        books().place(draft_->demand(t), to);
                        if (draft_->fits_on(o.node)) ways_to_return_.push_back(to);
                        books().remove(draft_->demand(t), to);
                        return spent();
                    });
                }
                books().place(draft_->demand(t), from);
                for (const slot& to : ways_to_return_) {
                    const relocation r{t, from, to};
                    if (draft_->consider({&r, 1}, o.node)) ++found_;
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

    Draft* draft_ = nullptr;
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

}  // namespace berth::detail
