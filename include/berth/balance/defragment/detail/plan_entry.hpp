// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0::detail {

/// Rehearses a plan for a cluster, which may be from any time and of any contents, on a copy of its free amounts, which
/// is restored. True if every step is possible now with both ends held, and the demand has room then.
class plan_rehearsal {
public:
    plan_rehearsal(const cluster& cluster, const eviction_plan& plan, ledger& ledger) noexcept
        : cluster_{&cluster}, plan_{&plan}, ledger_{&ledger} {}

    [[nodiscard]] bool succeeds(shape_index root) {
        ledger_->checkpoint();
        const bool all = waves() && ledger_->fits(cluster_->workload().demand(root), plan_->where);
        ledger_->rollback();
        return all;
    }

private:
    [[nodiscard]] bool waves() {
        const std::size_t steps = plan_->plan.steps.size();
        if (!plan_->placed() || plan_->tasks.size() != steps || plan_->nodes.size() != steps + 1) return false;
        if (cluster_->find(plan_->nodes.back()) != plan_->where.node) return false;
        std::size_t first = 0;
        for (const std::size_t end : plan_->plan.wave_ends) {
            if (end < first || end > steps) return false;
            for (std::size_t i = first; i < end; ++i) {
                if (!begins(first, i)) return false;
            }
            for (; first < end; ++first) {
                const migration_step& s = plan_->plan.steps[first];
                if (s.from.placed()) ledger_->remove(cluster_->workload().demand(s.task), s.from);
            }
        }
        return first == steps;
    }
    /// @param first  step of the wave
    [[nodiscard]] bool begins(std::size_t first, std::size_t i) {
        const std::span<const migration_step> steps{plan_->plan.steps};
        const migration_step& s = steps[i];
        if (cluster_->find(plan_->tasks[i]) != s.task || cluster_->state(s.task) != task_state::running) return false;
        slot where = cluster_->slots()[s.task.value()];
        for (std::size_t k = 0; k < i; ++k) {
            if (steps[k].task != s.task) continue;
            if (k >= first) return false;  // it is on its way already
            where = steps[k].to;
        }
        if (where != s.from || (!s.from.placed() && !s.to.placed())) return false;
        if (!s.to.placed()) return true;
        if (cluster_->find(plan_->nodes[i]) != s.to.node) return false;
        const demand_view demand = cluster_->workload().demand(s.task);
        if (!ledger_->fits(demand, s.to)) return false;
        ledger_->place(demand, s.to);
        return true;
    }

    const cluster* cluster_;
    const eviction_plan* plan_;
    ledger* ledger_;
};

/// @param ledger  a copy of the cluster's
[[nodiscard]] inline bool is_current(const cluster& cluster, const eviction_plan& plan, shape_index root,
                                     ledger& ledger) {
    return root.valid() && plan_rehearsal{cluster, plan, ledger}.succeeds(root);
}

/// Enters the steps of a plan into a cluster as done, and takes them back unless they are kept: after a refusal, and
/// after an exception.
class plan_entry {
public:
    plan_entry(cluster& cluster, const eviction_plan& plan) : cluster_{&cluster}, plan_{&plan.plan} {
        done_.reserve(2 * plan_->steps.size());
    }
    plan_entry(const plan_entry&) = delete;
    plan_entry& operator=(const plan_entry&) = delete;
    ~plan_entry() {
        for (std::size_t i = kept_ ? 0 : done_.size(); i-- > 0;) undo(plan_->steps[done_[i].step], done_[i]);
    }

    [[nodiscard]] bool enter() {
        std::size_t first = 0;
        for (const std::size_t end : plan_->wave_ends) {
            for (std::size_t i = first; i < end; ++i) {
                const std::size_t alternative = alternative_of(plan_->steps[i]);
                if (!begin(plan_->steps[i], alternative)) return false;
                done_.push_back({i, false, alternative});
            }
            for (; first < end; ++first) {
                const std::size_t alternative = cluster_->alternative(plan_->steps[first].task);
                if (!finish(plan_->steps[first])) return false;
                done_.push_back({first, true, alternative});
            }
        }
        return true;
    }
    void keep() noexcept { kept_ = true; }

private:
    struct event {
        std::size_t step = 0;
        bool ended = false;
        std::size_t alternative = 0;  // that the task runs with
    };

    /// A task that is fetched runs with the demand that it was parked with.
    [[nodiscard]] std::size_t alternative_of(const migration_step& s) const {
        for (std::size_t i = s.from.placed() ? 0 : done_.size(); i-- > 0;) {
            if (plan_->steps[done_[i].step].task == s.task) return done_[i].alternative;
        }
        return cluster_->alternative(s.task);
    }
    [[nodiscard]] bool begin(const migration_step& s, std::size_t alternative) {
        if (!s.to.placed()) return true;
        return s.from.placed() ? cluster_->begin_move(s.task, s.to) : cluster_->place(s.task, s.to, alternative);
    }
    [[nodiscard]] bool finish(const migration_step& s) {
        if (!s.to.placed()) return cluster_->release(s.task);
        return !s.from.placed() || cluster_->finish_move(s.task);
    }
    /// Where it was may be sick or hold too much, hence `occupy`.
    void undo(const migration_step& s, const event& done) {
        if (!done.ended) {
            if (s.to.placed()) (void)(s.from.placed() ? cluster_->cancel_move(s.task) : cluster_->release(s.task));
        } else if (s.from.placed()) {
            if (s.to.placed()) (void)cluster_->release(s.task);
            (void)cluster_->occupy(s.task, s.from, done.alternative);
        }
    }

    cluster* cluster_;
    const migration_plan* plan_;
    flat<event> done_;
    bool kept_ = false;
};

}  // namespace berth::inline v0::detail
