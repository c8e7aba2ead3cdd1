// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/model/checked_text.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

inline constexpr std::size_t no_step = ~std::size_t{0};

/// For every step the step before of the same task, or `no_step`.
[[nodiscard]] inline flat<std::size_t> steps_before(const migration_plan& plan, std::size_t tasks) {
    flat<std::size_t> last(tasks, no_step);
    flat<std::size_t> before;
    before.reserve(plan.steps.size());
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        if (!plan.steps[i].task.below(tasks)) {
            before.push_back(no_step);  // a task that is no longer there, all of whose steps have ended
            continue;
        }
        std::size_t& of_task = last[plan.steps[i].task.value()];
        before.push_back(of_task);
        of_task = i;
    }
    return before;
}

struct task_place {
    slot where{};
    bool known = false;
};

/// The same slot; on a node that has left it has another position as a source than as a target.
[[nodiscard]] inline bool same_place(const slot& a, const slot& b) noexcept {
    const auto gone = [](const slot& s) { return s.placed() && s.node.value() >= gone_position; };
    return a == b || (gone(a) && gone(b) && a.gpus == b.gpus);
}

/// Where a task is before a step of it, by the outcomes of the steps before. Not known if one of them lost it, or is
/// still open.
[[nodiscard]] inline task_place place_before(const migration_progress& progress, const flat<std::size_t>& before,
                                             std::size_t step) {
    for (;;) {
        const std::size_t earlier = before[step];
        if (earlier == no_step) return {progress.plan.steps[step].from, true};
        const migration_outcome outcome = progress.records[earlier].outcome;
        if (outcome == migration_outcome::done) return {progress.plan.steps[earlier].to, true};
        if (outcome == migration_outcome::lost || outcome == migration_outcome::unresolved ||
            outcome == migration_outcome::open || outcome == migration_outcome::gone) {
            return {};
        }
        step = earlier;
    }
}

/// Where a task of a plan is, and the target of its step under way.
struct task_hold {
    task_index task{};
    slot where{};               // `unplaced`: in host memory, or lost
    slot to{};                  // `unplaced`: it does not move, or is being parked
    std::size_t last_step = 0;  // of the task

    [[nodiscard]] task_move arrival() const noexcept { return {task, unplaced, where}; }
    [[nodiscard]] task_move departure() const noexcept { return {task, where, unplaced}; }
    [[nodiscard]] task_move move() const noexcept { return {task, where, to}; }
};

/// What the plan's tasks hold, each task once. Tasks that others have taken over hold nothing here.
[[nodiscard]] inline flat<task_hold> held_slots(const migration_progress& progress, const flat<std::size_t>& before) {
    const auto& steps = progress.plan.steps;
    flat<std::uint8_t> has_later(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (before[i] != no_step) has_later[before[i]] = 1;
    }
    flat<task_hold> held;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (has_later[i] != 0) continue;
        // The last step of its task. The last one that was done, lost or under way decides where the task is.
        std::size_t last = i;
        const auto decides = [&](const migration_record& r) {
            return under_way(r) || r.outcome == migration_outcome::done || r.outcome == migration_outcome::lost ||
                   r.outcome == migration_outcome::gone;
        };
        while (!decides(progress.records[last]) && before[last] != no_step) last = before[last];
        const migration_record& r = progress.records[last];
        if (r.outcome == migration_outcome::gone || r.failure == migration_failure::task_gone) continue;
        task_hold now{steps[i].task, unplaced, unplaced, i};
        if (under_way(r)) now.to = steps[last].to;
        if (r.outcome == migration_outcome::done) {
            now.where = steps[last].to;
        } else if (r.outcome != migration_outcome::lost) {
            now.where = steps[last].from;
        }
        held.push_back(now);
    }
    return held;
}

/// Refuses a plan with a slot that does not exist or has not as many GPUs as its task wants, with waves out of order,
/// or with a task twice in a wave.
///
/// @param relocated  tasks and nodes at `gone_position` are accepted
[[nodiscard]] inline result<void> check_plan(const problem& p, const migration_plan& plan, bool relocated = false) {
    const fleet& fleet = p.fleet();
    const workload& work = p.workload();
    flat<std::size_t> seen_in(work.task_count(), no_step);
    std::size_t begin = 0;
    for (std::size_t w = 0; w < plan.wave_ends.size(); ++w) {
        if (plan.wave_ends[w] < begin || plan.wave_ends[w] > plan.steps.size()) {
            return refuse(error_code::inconsistent, {"migration plan: wave_ends[", w, "] is ", plan.wave_ends[w],
                                                     ", expected ", begin, "..", plan.steps.size()});
        }
        for (std::size_t i = begin; i < plan.wave_ends[w]; ++i) {
            const migration_step& step = plan.steps[i];
            const auto bad = [&](error_code code, phrases why) {
                return refuse(code, {"migration plan: step ", i, ": "}, why);
            };
            if (!step.task.valid()) return bad(error_code::unknown_name, {"it names no task"});
            if (relocated && step.task.value() == gone_position) continue;
            if (!step.task.below(work.task_count())) {
                return bad(error_code::unknown_name,
                           {"task is ", step.task.value(), ", there are ", work.task_count()});
            }
            if (!work.present(step.task)) return bad(error_code::unknown_name, {"its task is no longer there"});
            for (const bool target : {false, true}) {
                const slot& end = target ? step.to : step.from;
                if (!end.placed() && end.gpus == 0) continue;
                if (relocated && end.placed() && end.node.value() == gone_position + (target ? 1 : 0)) continue;
                if (!end.placed() || end.node.value() >= fleet.node_count() ||
                    (end.gpus & ~first_gpus(fleet.gpu_count(end.node))) != 0) {
                    return bad(error_code::unknown_name, {target ? "to" : "from", " is no slot of the fleet"});
                }
                if (!fleet.present(end.node)) {
                    return bad(error_code::unknown_name, {target ? "to" : "from", " is on a node that has left"});
                }
                if (gpu_count(end.gpus) != work.demand(step.task).gpus) {
                    return bad(error_code::inconsistent, {"a slot has ", gpu_count(end.gpus), " GPUs, the task wants ",
                                                          work.demand(step.task).gpus});
                }
            }
            if (step.from == step.to) return bad(error_code::inconsistent, {"to equals from"});
            if (seen_in[step.task.value()] == w) {
                return bad(error_code::duplicate, {"task is ", step.task.value(), ", which is in this wave already"});
            }
            seen_in[step.task.value()] = w;
        }
        begin = plan.wave_ends[w];
    }
    if (begin != plan.steps.size()) {
        return refuse(error_code::inconsistent,
                      {"migration plan: wave_ends ends at ", begin, ", there are ", plan.steps.size(), " steps"});
    }
    return {};
}

/// Refuses records that are not one for each step, and steps that begin where the steps before have not left their
/// task.
[[nodiscard]] inline result<void> check_records(const migration_progress& progress, const flat<std::size_t>& before) {
    if (progress.records.size() != progress.plan.steps.size()) {
        return refuse(error_code::inconsistent, {"migration run: it has ", progress.records.size(), " records for ",
                                                 progress.plan.steps.size(), " steps"});
    }
    for (std::size_t i = 0; i < progress.records.size(); ++i) {
        const migration_record& r = progress.records[i];
        const bool begun = r.phase != migration_phase::waiting && r.outcome != migration_outcome::invalid &&
                           r.outcome != migration_outcome::not_begun;
        if (!begun) continue;
        const task_place at = place_before(progress, before, i);
        if (at.known && same_place(at.where, progress.plan.steps[i].from)) continue;
        return refuse(error_code::inconsistent,
                      {"migration run: step ", i, ": outcome is ", phrase::quoted(to_string(r.outcome)),
                       ", but the steps before have not left the task where it begins"});
    }
    return {};
}

/// Identifies the problem that a saved run belongs to, by the names of the plan's tasks and nodes.
[[nodiscard]] inline std::uint64_t fingerprint(const problem& p, const migration_plan& plan) {
    std::uint64_t sum = 0;
    for (const migration_step& step : plan.steps) {
        sum = text_sum(p.workload().name(step.task), sum);
        for (const slot& end : {step.from, step.to}) {
            if (end.placed()) sum = text_sum(p.fleet().name(end.node), sum);
        }
    }
    return sum;
}

}  // namespace berth::inline v0::detail
