// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction.hpp"
#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// Length: one enumeration, whose cases share their scratch.

namespace berth::inline v0::detail {

/// Enumerates the plans of one step and of two steps, and keeps the best. Complete for tasks on one GPU or none (see
/// `eviction_context::any_slot`).
///
/// One step: a task leaves node n of the new task for a node that has room now. Two steps: the first task moves to a
/// node that has room now, the second one to a node that has room then. If neither step is enough alone, the second one
/// starts on n (or shares a short domain with it), and the first one starts there, too, or at the target of the second.
/// Or one task of n is parked, and fetched to a slot that it fits only once it has left.
///
/// @tparam Context  an `eviction_context`
template <class Context>
class short_eviction {
public:
    /// Searches plans of at most `max_steps` (1 or 2) steps, and with a step cost of more. Plans of equally many steps
    /// are compared until `max_candidates` were found. False if the context's poll ended the search.
    bool run(Context& context, std::size_t max_steps, std::size_t max_candidates) {
        context_ = &context;
        max_candidates_ = max_candidates;
        found_ = 0;
        one_step();
        if (max_steps < 2 || context_->found_shortest() || stopped()) return !stopped();
        pairs();
        if (context_->may_park()) parked();
        return !stopped();
    }

private:
    [[nodiscard]] bool stopped() { return context_->poll.stopped(); }
    [[nodiscard]] bool enough() { return found_ >= max_candidates_ || stopped(); }
    [[nodiscard]] const slot& where(task_index t) const { return context_->fleet.where(t); }
    [[nodiscard]] berth::ledger& ledger() { return context_->fleet.ledger(); }
    [[nodiscard]] const flat<node_index>& direct(task_index t) { return context_->evictions(t).direct; }
    void place(const task_move& r) {
        ledger().place(context_->demand(r.task), r.to);
        ledger().remove(context_->demand(r.task), r.from);
    }
    void undo(const task_move& r) {
        put_back(ledger(), context_->demand(r.task), r.from);
        ledger().remove(context_->demand(r.task), r.to);
    }

    void one_step() {
        singles_.clear();
        for (const eviction& o : context_->evictions(context_->root()).options) {
            if (o.count == 1) singles_.push_back(o);
        }
        (void)context_->poll.interrupted(static_cast<std::uint32_t>(singles_.size() / 16));
        for (const eviction& o : singles_) {
            std::size_t here = 0;
            for (const node_index m : direct(o.tasks[0])) {
                if (enough() || here >= max_per_pair) break;
                (void)context_->any_slot(o.tasks[0], m, [&](const slot& to) {
                    context_->poll.count();
                    const task_move r{o.tasks[0], where(o.tasks[0]), to};
                    place(r);
                    const bool fits = context_->fits_on(o.node);
                    undo(r);
                    if (!fits || !context_->consider({&r, 1}, o.node)) return stopped();
                    ++found_;
                    ++here;
                    return m != o.node || enough();  // on another node the first GPU will do
                });
            }
        }
    }

    void pairs() {
        found_ = 0;
        helpers_.clear();
        lists_.assign(context_->fleet.work().shape_count(), {});
        pairs_.clear();
        for (const eviction& o : context_->evictions(context_->root()).options) {
            if (o.count == 2) pairs_.push_back(o);
        }
        (void)context_->poll.interrupted(static_cast<std::uint32_t>(pairs_.size() / 64));
        for (const eviction& o : pairs_) {
            two_steps(o.node, o.tasks[0], o.tasks[1]);
            two_steps(o.node, o.tasks[1], o.tasks[0]);
        }
        for (const eviction& o : singles_) {
            if (enough()) return;
            const task_index second = o.tasks[0];
            // If the second may take room on n again, another task that leaves n makes up for it.
            const bool back = returns(o.node, second);
            for_each_near(o.node, [&](task_index first) {
                if (first == second) return;
                if (!direct(first).empty() && (back || makes_room(first, second, o.node))) {
                    two_steps(o.node, first, second);
                }
                if (back) two_steps(o.node, second, first);
            });
            // The first leaves the target of the second.
            const helper_list list = helpers_of(context_->shape(second));
            for (std::size_t i = 0; i < list.count && !enough(); ++i) {
                if (helpers_[list.first + i].tasks[0] != second) through(o.node, helpers_[list.first + i], second);
            }
        }
    }
    /// Single evictions that make room for a shape, of tasks that fit somewhere else.
    struct helper_list {
        bool made = false;
        std::size_t first = 0;
        std::size_t count = 0;
    };
    helper_list helpers_of(shape_index s) {
        if (lists_[s.value()].made) return lists_[s.value()];
        helper_list list{true, helpers_.size(), 0};
        const flat<eviction>& options = context_->table.of(s, context_->fleet, context_->poll).options;
        for (std::size_t i = 0; i < options.size() && !context_->poll.interrupted(); ++i) {
            if (options[i].count == 1 && !direct(options[i].tasks[0]).empty()) helpers_.push_back(options[i]);
        }
        list.count = helpers_.size() - list.first;
        return lists_[s.value()] = list;
    }

    /// True if the task may end up near n again, so that another one has to leave although this one would be enough.
    bool returns(node_index n, task_index second) {
        if (context_->fleet.domains_count()) return true;
        for (const node_index m : direct(second)) {
            if (m == n) return true;
        }
        return false;
    }
    bool makes_room(task_index first, task_index second, node_index n) {
        if (where(first).node != n) return false;
        ledger().remove(context_->demand(first), where(first));
        const bool fits = ledger().fits(context_->demand(second), n);
        put_back(ledger(), context_->demand(first), where(first));
        return fits;
    }
    /// The tasks of the node, and of the other nodes of its domains if these have counters.
    template <class Visit>
    void for_each_near(node_index n, Visit visit) {
        near_.clear();
        for (const task_index t : context_->fleet.tasks_on(n)) near_.push_back(t);
        if (context_->fleet.domains_count()) {
            for (const domain_index d : context_->fleet.machines().domains(n)) {
                for (const node_index m : context_->fleet.machines().nodes_in(d)) {
                    if (m == n) continue;
                    for (const task_index t : context_->fleet.tasks_on(m)) near_.push_back(t);
                }
            }
        }
        for (std::size_t i = 0; i < near_.size() && !enough(); ++i) visit(near_[i]);
    }

    /// `first` goes anywhere, then `second` goes anywhere, then the new task has room on n.
    void two_steps(node_index n, task_index first, task_index second) {
        if (enough() || direct(first).empty()) return;
        set_targets(direct(second).view(), where(first).node);
        if (context_->poll.interrupted(static_cast<std::uint32_t>(targets_.size() / 64))) return;
        // Without the first task, is there room for the second one at all?
        ledger().remove(context_->demand(first), where(first));
        std::size_t kept = 0;
        for (const node_index m : targets_) {
            if (context_->poll.interrupted()) break;
            context_->poll.count();
            if (ledger().fits(context_->demand(second), m)) targets_[kept++] = m;
        }
        targets_.resize(kept);
        put_back(ledger(), context_->demand(first), where(first));
        if (!targets_.empty()) try_both(n, first, second);
    }
    /// The same with the target of the second given: the node that `h` leaves.
    void through(node_index n, const eviction h, task_index second) {
        targets_.clear();
        targets_.push_back(h.node);
        try_both(n, h.tasks[0], second);
    }
    void try_both(node_index n, task_index first, task_index second) {
        std::size_t here = 0;
        const flat<node_index>& open = direct(first);
        for (std::size_t i = 0; i < open.size() && here < max_per_pair && !enough(); ++i) {
            (void)context_->any_slot(first, open[i], [&](const slot& to) {
                const task_move a{first, where(first), to};
                place(a);
                for (std::size_t j = 0; j < targets_.size() && here < max_per_pair && !enough(); ++j) {
                    if (ledger().fits(context_->demand(second), targets_[j])) follow(n, a, second, targets_[j], here);
                }
                undo(a);
                return here >= max_per_pair || enough();
            });
        }
    }
    void follow(node_index n, const task_move& a, task_index second, node_index m, std::size_t& here) {
        (void)context_->any_slot(second, m, [&](const slot& to) {
            context_->poll.count();
            const task_move b{second, where(second), to};
            place(b);
            const bool fits = context_->fits_on(n);
            undo(b);
            if (!fits) return stopped();
            undo(a);
            const task_move both[] = {a, b};
            const bool good = context_->consider(both, n);
            place(a);
            if (!good) return stopped();
            ++found_;
            ++here;
            return m != n || here >= max_per_pair || enough();
        });
    }
    /// Out into host memory, and back to a slot that overlaps the task's own.
    void parked() {
        for (const eviction& o : singles_) {
            if (enough()) return;
            const task_index t = o.tasks[0];
            const slot from = where(t);
            set_targets({}, from.node);
            for (const node_index m : targets_) {
                ledger().remove(context_->demand(t), from);
                returns_.clear();
                if (ledger().fits(context_->demand(t), m)) {
                    (void)context_->any_slot(t, m, [&](const slot& to) {
                        context_->poll.count();
                        ledger().place(context_->demand(t), to);
                        if (context_->fits_on(o.node)) returns_.push_back(to);
                        ledger().remove(context_->demand(t), to);
                        return stopped();
                    });
                }
                put_back(ledger(), context_->demand(t), from);
                for (const slot& to : returns_) {
                    const task_move r{t, from, to};
                    if (context_->consider({&r, 1}, o.node)) ++found_;
                }
            }
        }
    }
    /// Some nodes, then n and, if domains have counters, the nodes of its domains; each once. O(nodes).
    void set_targets(std::span<const node_index> some, node_index n) {
        is_target_.resize(context_->fleet.machines().node_count(), 0);
        targets_.clear();
        const auto add = [this](node_index m) {
            if (is_target_[m.value()] != 0) return;
            is_target_[m.value()] = 1;
            targets_.push_back(m);
        };
        for (const node_index m : some) add(m);
        add(n);
        if (context_->fleet.domains_count()) {
            for (const domain_index d : context_->fleet.machines().domains(n)) {
                for (const node_index m : context_->fleet.machines().nodes_in(d)) add(m);
            }
        }
        for (const node_index m : targets_) is_target_[m.value()] = 0;
    }

    static constexpr std::size_t max_per_pair = 4;  // plans of one pair of tasks

    Context* context_ = nullptr;
    std::size_t max_candidates_ = 0;
    std::size_t found_ = 0;
    flat<eviction> singles_;
    flat<eviction> pairs_;
    flat<eviction> helpers_;
    flat<helper_list> lists_;
    flat<task_index> near_;
    flat<node_index> targets_;
    flat<std::uint8_t> is_target_;  // per node
    flat<slot> returns_;
};

}  // namespace berth::inline v0::detail
