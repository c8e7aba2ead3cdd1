// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search_scope.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

// Length: checks what comes from outside once for all doors, and the answer once for all searches.

namespace berth::inline v0::detail {

/// `GPU 1 of node 3 ("n3")`
[[nodiscard]] inline std::string gpu_name(const fleet& machines, node_index n, std::size_t position) {
    return sentence({"GPU ", position, " of ", phrase::item("node", n.value(), machines.name(n))});
}

/// A problem as a door sees it: the tasks that take part, the room that all others leave, and the way back.
class scoped_problem {
public:
    /// @return the scope, or an error that names the task and what is wrong about its slot or its entry
    [[nodiscard]] static result<scoped_problem> of(const problem& p, std::span<const slot> current,
                                                   const search_scope& scope) {
        scoped_problem made{p, scope.inexpressible_stay};
        if (auto ok = made.read_current(current); !ok) return ok.error();
        if (auto ok = made.read_in_flight(scope.in_flight); !ok) return ok.error();
        if (auto ok = made.read_tasks(scope, current.empty()); !ok) return ok.error();
        if (auto ok = made.read_room(scope.free); !ok) return ok.error();
        return made;
    }

    [[nodiscard]] const berth::problem& whole() const noexcept { return problem_; }
    [[nodiscard]] const berth::fleet& fleet() const noexcept { return problem_.fleet(); }
    [[nodiscard]] const berth::workload& workload() const noexcept { return problem_.workload(); }
    /// The tasks that take part, in ascending order.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return tasks_.view(); }
    /// The tasks that would have taken part if the narrower problem could express them.
    [[nodiscard]] std::span<const task_index> left_out() const noexcept { return left_out_.view(); }
    [[nodiscard]] const slot& current(task_index t) const noexcept { return current_[t.value()]; }
    /// True for a task with a slot that does not take part; in flight, it stays at both ends.
    [[nodiscard]] bool stays(task_index t) const noexcept {
        return role_[t.value()] == stay && current_[t.value()].placed();
    }
    [[nodiscard]] task_moves in_flight() const noexcept { return in_flight_.view(); }
    /// What the tasks that stay leave free.
    [[nodiscard]] const ledger& room() const noexcept { return room_; }
    /// `task 3 ("x")`
    [[nodiscard]] phrase item(task_index t) const { return phrase::item("task", t.value(), workload().name(t)); }

    /// Takes every task out for which `why(task)` has a reason, a predicate such as "gpus is 2, ...".
    ///
    /// @return how many were taken out, or the refusal of the first
    template <class Why>
    [[nodiscard]] result<std::size_t> leave_out(const Why& why) {
        flat<task_index> kept;
        kept.reserve(tasks_.size());
        const std::size_t before = left_out_.size();
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            const task_index t = tasks_[i];
            const std::string reason = why(t);
            if (reason.empty()) {
                kept.push_back(t);
                continue;
            }
            if (!inexpressible_stay_) return refuse(error_code::inconsistent, {item(t), ": ", reason});
            role_[t.value()] = stay;
            left_out_.push_back(t);
            hold(t, current_[t.value()]);
        }
        tasks_.swap(kept);
        return left_out_.size() - before;
    }

    /// Takes out the tasks of gangs that could start with too few members only, and those that `same_model` ties to
    /// the GPUs of other tasks.
    [[nodiscard]] result<std::size_t> leave_out_gangs() {
        const berth::workload& work = workload();
        flat<std::size_t> running(work.group_count(), 0);
        const auto count = [&](task_index t) {
            const group_index g = work.group(t);
            if (g.valid()) ++running[g.value()];
        };
        for (std::size_t t = 0; t < current_.size(); ++t) {
            if (role_[t] != stay || current_[t].placed()) count(task_index{t});
        }
        std::uint64_t models = 0;
        for (std::size_t n = 0; n < fleet().node_count(); ++n) models |= fleet().models_on(node_index{n});
        return leave_out([&](task_index t) -> std::string {
            const group_index g = work.group(t);
            if (!g.valid() || !work.is_gang(g)) return {};
            if (!current_[t.value()].placed() && running[g.value()] < work.min_tasks(g)) {
                return sentence({"its gang ", phrase::quoted(work.name(g)), " starts with ", work.min_tasks(g),
                                 " tasks, only ", running[g.value()], " take part or run"});
            }
            if (work.same_model(g) && gpu_count(models & accepted_by(g)) > 1) {
                return sentence({"same_model of its gang ", phrase::quoted(work.name(g)),
                                 " ties it to the GPUs of other tasks, which this problem cannot express"});
            }
            return {};
        });
    }

    /// Every task's slot: that of the answer for the tasks that take part, the present one for all others, the target
    /// for those in flight.
    ///
    /// @param slot_of  slot of the i-th task that takes part
    /// @return the slots, or an error that names the first task whose new slot does not exist, is not healthy, is of a
    ///         model that it does not accept, or lacks room
    template <class SlotOf>
    [[nodiscard]] result<assignment> answer(const SlotOf& slot_of) const {
        assignment all(current_.begin(), current_.end());
        for (const task_move& r : in_flight_.view()) all[r.task.value()] = r.to;
        ledger room = room_;
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            const task_index t = tasks_[i];
            all[t.value()] = slot_of(i);
            if (!room.occupy(workload().demand(t), all[t.value()])) {
                return refuse(error_code::unknown_name, {item(t), ": the answer's slot does not exist"});
            }
        }
        for (const task_index t : tasks_.view()) {
            if (all[t.value()] == current_[t.value()]) continue;
            if (std::string flaw = flaw_of(t, all[t.value()], room); !flaw.empty()) {
                return refuse(error_code::inconsistent, {item(t), ": the answer is not feasible, ", flaw});
            }
        }
        return all;
    }

private:
    enum role : std::uint8_t { stay, part, moving };

    scoped_problem(const problem& p, bool inexpressible_stay)
        : problem_{p}, inexpressible_stay_{inexpressible_stay}, room_{p.fleet()} {}

    [[nodiscard]] result<void> read_current(std::span<const slot> current) {
        const std::size_t tasks = workload().task_count();
        if (!current.empty() && current.size() != tasks) {
            return refuse(error_code::inconsistent,
                          {"current placement: it has ", current.size(), " slots, the workload has ", tasks, " tasks"});
        }
        current_.resize(tasks, unplaced);
        role_.resize(tasks, stay);
        for (std::size_t t = 0; t < current.size(); ++t) {
            current_[t] = current[t];
            if (current[t] == unplaced) continue;
            const std::size_t gpus = workload().demand(task_index{t}).gpus;
            if (fleet().has(current[t], gpus)) continue;
            return refuse(error_code::unknown_name,
                          {item(task_index{t}), ": its current slot has no such node, or not ", gpus, " of its GPUs"});
        }
        return {};
    }
    [[nodiscard]] result<void> read_in_flight(task_moves moves) {
        for (std::size_t i = 0; i < moves.size(); ++i) {
            const task_move& r = moves[i];
            if (!r.task.below(current_.size()) || role_[r.task.value()] == moving) {
                return refuse(error_code::inconsistent,
                              {"in_flight[", i, "]: its task does not exist, or is listed twice"});
            }
            const std::size_t gpus = workload().demand(r.task).gpus;
            for (const slot& end : {r.from, r.to}) {
                if (end == unplaced || fleet().has(end, gpus)) continue;
                return refuse(error_code::unknown_name, {"in_flight[", i, "]: an end of ", item(r.task),
                                                         " has no such node, or not ", gpus, " of its GPUs"});
            }
            role_[r.task.value()] = moving;
            in_flight_.push_back(r);
            current_[r.task.value()] = unplaced;  // it is at both ends
        }
        return {};
    }
    [[nodiscard]] result<void> read_room(const ledger* free) {
        if (free == nullptr) {
            for (const task_move& r : in_flight_) {
                hold(r.task, r.from);
                hold(r.task, r.to);
            }
            for (std::size_t t = 0; t < current_.size(); ++t) {
                if (role_[t] == stay) hold(task_index{t}, current_[t]);
            }
            return {};
        }
        if (&free->fleet() != &fleet()) {
            return error{error_code::inconsistent, "scope: free is the ledger of another fleet"};
        }
        room_ = *free;
        for (const task_index t : tasks_) {
            if (!current_[t.value()].placed() || room_.try_remove(workload().demand(t), current_[t.value()])) continue;
            return refuse(error_code::inconsistent, {"scope: free does not hold ", item(t), " at its current slot"});
        }
        return {};
    }
    [[nodiscard]] result<void> read_tasks(const search_scope& scope, bool nothing_runs) {
        if (!scope.tasks) {
            for (std::size_t t = 0; t < current_.size(); ++t) {
                if (role_[t] == stay && (nothing_runs || current_[t].placed())) role_[t] = part;
            }
        } else {
            for (std::size_t i = 0; i < scope.tasks->size(); ++i) {
                const task_index t = (*scope.tasks)[i];
                if (!t.below(current_.size())) {
                    return refuse(error_code::unknown_name,
                                  {"scope: tasks[", i, "] does not exist, there are ", current_.size(), " tasks"});
                }
                if (role_[t.value()] != stay) {
                    return refuse(error_code::inconsistent,
                                  {"scope: tasks[", i, "], ", item(t),
                                   role_[t.value()] == part ? ", is listed twice" : ", is in flight"});
                }
                role_[t.value()] = part;
            }
        }
        for (std::size_t t = 0; t < current_.size(); ++t) {
            if (role_[t] == part) tasks_.push_back(task_index{t});
        }
        return {};
    }
    void hold(task_index t, const slot& where) {
        if (where.placed()) (void)room_.occupy(workload().demand(t), where);
    }
    /// Models that some member of the gang accepts.
    [[nodiscard]] std::uint64_t accepted_by(group_index g) const {
        std::uint64_t accepted = 0;
        for (const task_index t : workload().members(g)) {
            if (role_[t.value()] != stay || current_[t.value()].placed())
                accepted |= workload().demand(t).accepted_models;
        }
        return accepted;
    }
    [[nodiscard]] std::string flaw_of(task_index t, const slot& where, const ledger& room) const {
        const demand_view demand = workload().demand(t);
        const auto node = phrase::item("node", where.node.value(), fleet().name(where.node));
        const auto lacks = [](std::span<const amount> free, std::span<const amount> wanted) {
            std::size_t r = 0;
            while (r < free.size() && (free[r] >= 0 || wanted[r] == 0)) ++r;
            return r;
        };
        if (!fleet().healthy(where.node)) return sentence({node, " is not healthy"});
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            const gpu_index g = fleet().gpu(where.node, i);
            const std::string name = gpu_name(fleet(), where.node, i);
            if ((fleet().healthy_gpus(where.node) >> i & 1U) == 0) return sentence({name, " is not healthy"});
            if ((demand.accepted_models >> fleet().model(g).value() & 1U) == 0)
                return sentence({name, " is of a model that it does not accept"});
            const std::size_t r = lacks(room.free(g), demand.gpu);
            if (r < demand.gpu.size()) return sentence({name, " has too little ", fleet().schema().gpu[r]});
        }
        if (demand.same_model && !fleet().one_model(where)) return sentence({node, " gives it unlike GPUs"});
        const std::size_t r = lacks(room.free(where.node), demand.node);
        if (r < demand.node.size()) return sentence({node, " has too little ", fleet().schema().node[r]});
        if (demand.domain.empty()) return {};
        for (const domain_index d : fleet().domains(where.node)) {
            const std::size_t k = lacks(room.free(d), demand.domain);
            if (k < demand.domain.size())
                return sentence(
                    {"domain ", phrase::quoted(fleet().name(d)), " has too little ", fleet().schema().domain[k]});
        }
        return {};
    }

    berth::problem problem_;
    bool inexpressible_stay_;
    flat<slot> current_;  // of tasks in flight: unplaced
    flat<std::uint8_t> role_;
    flat<task_move> in_flight_;
    flat<task_index> tasks_;
    flat<task_index> left_out_;
    ledger room_;
};

}  // namespace berth::inline v0::detail
