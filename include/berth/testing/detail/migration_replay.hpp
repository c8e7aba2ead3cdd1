// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Length: one replay whose checks share its counters; it shares nothing with what makes plans, on purpose.

namespace berth::inline v0::detail {

/// Replays a plan with counters of its own.
class migration_replay {
public:
    migration_replay(const problem& p, std::span<const slot> initial, std::span<const slot> wanted,
                     const migration_plan& plan, task_moves in_flight, const order_options& options)
        : fleet_{&p.fleet()},
          work_{&p.workload()},
          initial_{initial},
          wanted_{wanted},
          plan_{&plan},
          in_flight_{in_flight},
          options_{&options} {}
    /// Of a plan for a cluster: from where its tasks are, with what its ledger says is free at the start.
    migration_replay(const cluster& c, std::span<const slot> wanted, const migration_plan& plan,
                     const order_options& options)
        : migration_replay{c.problem(), c.slots(), wanted, plan, {}, options} {
        cluster_ = &c;
        for (const task_index t : c.moving()) { moving_.push_back({t, c.slots()[t.value()], c.targets()[t.value()]}); }
        in_flight_ = moving_;
        all_wanted_.assign(wanted.begin(), wanted.end());
        for (std::size_t t = 0; t < all_wanted_.size() && t < initial_.size(); ++t) {
            if (!work_->present(task_index{t})) all_wanted_[t] = unplaced;
        }
        wanted_ = all_wanted_;
    }
    migration_replay(const migration_replay&) = delete;

    [[nodiscard]] result<void> run() {
        if (auto bad = check_shape(); !bad) return bad;
        open_ledger();
        for (std::size_t w = 0; w < plan_->wave_count(); ++w) {
            if (auto bad = replay(w); !bad) return bad;
        }
        return check_end();
    }

private:
    using table = std::vector<std::vector<amount>>;

    [[nodiscard]] phrase item(task_index t) const { return phrase::item("task", t.value(), work_->name(t)); }
    [[nodiscard]] phrase item(node_index n) const { return phrase::item("node", n.value(), fleet_->name(n)); }
    [[nodiscard]] result<void> refuse(std::size_t wave, task_index t, phrases sentence) const {
        return detail::refuse(error_code::inconsistent, {"wave ", wave, ", ", item(t), ": "}, sentence);
    }

    [[nodiscard]] result<void> check_shape() const {
        if (!options_->host_memory.empty() && options_->host_memory.size() != fleet_->node_count()) {
            return detail::refuse(error_code::inconsistent, {"host_memory has ", options_->host_memory.size()},
                                  {" entries, the fleet has ", fleet_->node_count(), " nodes"});
        }
        if (initial_.size() != work_->task_count() || wanted_.size() != work_->task_count()) {
            return detail::refuse(error_code::inconsistent, {"the workload has ", work_->task_count(), " tasks, the "},
                                  {"placements have ", initial_.size(), " and ", wanted_.size()});
        }
        for (std::size_t t = 0; t < initial_.size(); ++t) {
            for (const bool is_wanted : {false, true}) {
                if (is_slot(task_index{t}, (is_wanted ? wanted_ : initial_)[t])) continue;
                return detail::refuse(
                    error_code::inconsistent,
                    {item(task_index{t}), is_wanted ? ": wanted" : ": initial", " is no slot of the fleet for it"});
            }
        }
        std::vector<std::uint8_t> flies(initial_.size(), 0);
        for (const task_move& r : in_flight_) {
            const bool known = r.task.valid() && r.task.value() < flies.size();
            if (known && flies[r.task.value()]++ == 0 && is_slot(r.task, r.from) && is_slot(r.task, r.to)) continue;
            return detail::refuse(
                error_code::inconsistent,
                {"in_flight has a task that does not exist, a task twice, or a slot that does not exist"});
        }
        std::size_t end = 0;
        for (std::size_t w = 0; w < plan_->wave_ends.size(); ++w) {
            if (plan_->wave_ends[w] <= end || plan_->wave_ends[w] > plan_->steps.size()) {
                return detail::refuse(error_code::inconsistent,
                                      {"wave ", w, " has no step, or ends beyond the last step"});
            }
            end = plan_->wave_ends[w];
        }
        if (end != plan_->steps.size()) {
            return detail::refuse(error_code::inconsistent, {"steps after the last wave"});
        }
        return {};
    }

    /// True if it is `unplaced`, or exists and has as many GPUs as the task wants.
    [[nodiscard]] bool is_slot(task_index t, const slot& where) const noexcept {
        return where == unplaced || fleet_->has(where, work_->demand(t).gpus);
    }

    void open_ledger() {
        for (std::size_t n = 0; n < fleet_->node_count(); ++n) node_.push_back(copy(fleet_->capacity(node_index{n})));
        for (std::size_t g = 0; g < fleet_->gpu_count(); ++g) gpu_.push_back(copy(fleet_->capacity(gpu_index{g})));
        for (std::size_t d = 0; d < fleet_->domain_count(); ++d) {
            domain_.push_back(copy(fleet_->capacity(domain_index{d})));
        }
        memory_.assign(fleet_->node_count(), 0);
        now_.assign(initial_.begin(), initial_.end());
        state_.assign(initial_.size(), place_of_task::settled);
        parked_on_.assign(initial_.size(), node_index{});
        for (const task_move& r : in_flight_) {
            state_[r.task.value()] = place_of_task::in_flight;
            now_[r.task.value()] = r.to;
            if (cluster_ == nullptr) count(r.task, r.from, -1);
        }
        if (cluster_ != nullptr) return open_from(cluster_->ledger());
        for (std::size_t t = 0; t < now_.size(); ++t) count(task_index{t}, now_[t], -1);
    }
    void open_from(const ledger& start) {
        for (std::size_t n = 0; n < node_.size(); ++n) node_[n] = copy(start.free(node_index{n}));
        for (std::size_t g = 0; g < gpu_.size(); ++g) gpu_[g] = copy(start.free(gpu_index{g}));
        for (std::size_t d = 0; d < domain_.size(); ++d) domain_[d] = copy(start.free(domain_index{d}));
    }
    /// On a cluster nothing goes to a place while any of its counters is below zero.
    [[nodiscard]] bool matters(amount demand) const noexcept { return demand > 0 || cluster_ != nullptr; }
    [[nodiscard]] static std::vector<amount> copy(std::span<const amount> values) {
        return {values.begin(), values.end()};
    }

    void count(task_index t, const slot& where, amount sign) {
        if (!where.placed()) return;
        const demand_view demand = work_->demand(t);
        // Of a counter without a limit nothing is taken.
        const auto shift = [&](std::vector<amount>& left, auto place, std::span<const amount> wanted) {
            for (std::size_t r = 0; r < wanted.size(); ++r) {
                if (fleet_->capacity(place)[r] < max_amount) left[r] += sign * wanted[r];
            }
        };
        shift(node_[where.node.value()], where.node, demand.node);
        for (std::size_t i = 0; i < fleet_->gpu_count(where.node); ++i) {
            if ((where.gpus >> i & 1U) == 0) continue;
            const gpu_index g = fleet_->gpu(where.node, i);
            shift(gpu_[g.value()], g, demand.gpu);
        }
        for (const domain_index d : fleet_->domains(where.node)) shift(domain_[d.value()], d, demand.domain);
    }
    /// Refuses a slot where a counter that the task takes something of is below zero.
    [[nodiscard]] result<void> check_counters(std::size_t wave, task_index t, const slot& where) const {
        const demand_view demand = work_->demand(t);
        const auto& schema = fleet_->schema();
        const auto& of_node = node_[where.node.value()];
        const phrase node = item(where.node);
        for (std::size_t r = 0; r < of_node.size(); ++r) {
            if (matters(demand.node[r]) && of_node[r] < 0) {
                return refuse(wave, t, {node, " lacks ", -of_node[r], " of ", schema.node[r]});
            }
        }
        for (std::size_t i = 0; i < fleet_->gpu_count(where.node); ++i) {
            const auto& left = gpu_[fleet_->gpu(where.node, i).value()];
            for (std::size_t r = 0; r < left.size(); ++r) {
                if ((where.gpus >> i & 1U) != 0 && matters(demand.gpu[r]) && left[r] < 0) {
                    return refuse(wave, t, {"GPU ", i, " of ", node, " lacks ", -left[r], " of ", schema.gpu[r]});
                }
            }
        }
        for (const domain_index d : fleet_->domains(where.node)) {
            const auto& left = domain_[d.value()];
            for (std::size_t r = 0; r < left.size(); ++r) {
                if (matters(demand.domain[r]) && left[r] < 0) {
                    return refuse(
                        wave, t,
                        {"domain ", phrase::quoted(fleet_->name(d)), " lacks ", -left[r], " of ", schema.domain[r]});
                }
            }
        }
        return {};
    }

    [[nodiscard]] result<void> replay(std::size_t wave) {
        const auto steps = plan_->wave(wave);
        std::vector<std::uint8_t> moved(now_.size(), 0);
        for (const migration_step& step : steps) {
            if (!step.task.valid()) {
                return detail::refuse(error_code::unknown_name, {"wave ", wave, ": a step names no task"});
            }
            const std::size_t t = step.task.value();
            if (t >= now_.size()) {
                return detail::refuse(error_code::unknown_name, {"wave ", wave, ": the workload has no task ", t});
            }
            if (moved[t] != 0) return refuse(wave, step.task, {"has two steps in one wave"});
            moved[t] = 1;
            if (auto bad = check_step(wave, step); !bad) return bad;
        }
        // The worst instant: every target is taken, no source given back.
        for (const migration_step& step : steps) count(step.task, step.to, -1);
        for (const migration_step& step : steps) {
            if (!step.to.placed()) continue;
            if (auto bad = check_counters(wave, step.task, step.to); !bad) return bad;
        }
        if (auto bad = check_host_memory(wave, steps); !bad) return bad;
        if (auto bad = check_traffic(wave, steps); !bad) return bad;
        for (const migration_step& step : steps) {
            count(step.task, step.from, +1);
            now_[step.task.value()] = step.to;
        }
        return {};
    }

    [[nodiscard]] result<void> check_step(std::size_t wave, const migration_step& step) {
        const std::size_t t = step.task.value();
        if (state_[t] == place_of_task::in_flight) return refuse(wave, step.task, {"is in flight already"});
        if (!(step.from == now_[t])) return refuse(wave, step.task, {"does not leave from its slot"});
        if (step.from == step.to) return refuse(wave, step.task, {"goes to the slot that it leaves"});
        if (cluster_ != nullptr && !work_->present(step.task)) return refuse(wave, step.task, {"is not there"});
        if (!is_slot(step.task, step.to)) return refuse(wave, step.task, {"its target is not a slot for it"});
        if (cluster_ != nullptr && step.to.placed() && !is_open(step)) {
            return refuse(wave, step.task, {"goes to a slot that is not healthy or has another GPU model"});
        }
        switch (step.kind) {
            case step_kind::move_task:
            case step_kind::fetch:
                if (!(step.to == wanted_[t]) || !step.to.placed()) {
                    return refuse(wave, step.task, {"does not go to its wanted slot"});
                }
                if (step.from.placed() != (step.kind == step_kind::move_task)) {
                    return refuse(wave, step.task, {"moves from host memory, or is fetched from a slot"});
                }
                break;
            case step_kind::stage: return check_stage(wave, step);
            case step_kind::park:
                if (step.to.placed()) return refuse(wave, step.task, {"is parked at a slot"});
                break;
        }
        return {};
    }
    [[nodiscard]] result<void> check_stage(std::size_t wave, const migration_step& step) const {
        if (!step.to.placed() || !step.from.placed() || step.to == wanted_[step.task.value()]) {
            return refuse(wave, step.task, {"is staged at no slot, or at its wanted slot"});
        }
        if (!is_open(step)) {
            return refuse(wave, step.task, {"is staged at a slot that is not healthy or has another GPU model"});
        }
        return {};
    }
    /// True if the target is healthy and of models that the task accepts.
    [[nodiscard]] bool is_open(const migration_step& step) const {
        const demand_view demand = work_->demand(step.task);
        bool good = fleet_->healthy(step.to.node) && (step.to.gpus & ~fleet_->healthy_gpus(step.to.node)) == 0;
        for (std::size_t i = 0; i < fleet_->gpu_count(step.to.node); ++i) {
            const std::size_t model = fleet_->model(fleet_->gpu(step.to.node, i)).value();
            if ((step.to.gpus >> i & 1U) != 0 && (demand.accepted_models >> model & 1U) == 0) good = false;
        }
        return good && (!demand.same_model || fleet_->one_model(step.to));
    }

    [[nodiscard]] result<void> check_host_memory(std::size_t wave, std::span<const migration_step> steps) {
        for (const migration_step& step : steps) {
            const std::size_t t = step.task.value();
            if (step.kind != step_kind::park || !wanted_[t].placed()) continue;
            parked_on_[t] = step.from.node;
            memory_[step.from.node.value()] += work_->state_bytes(step.task);
        }
        for (const migration_step& step : steps) {
            if (step.kind != step_kind::park || options_->host_memory.empty()) continue;
            const std::size_t n = step.from.node.value();
            if (memory_[n] > options_->host_memory[n]) {
                return refuse(wave, step.task,
                              {"the host memory of ", item(step.from.node), " lacks ",
                               memory_[n] - options_->host_memory[n], " bytes"});
            }
        }
        for (const migration_step& step : steps) {
            node_index& node = parked_on_[step.task.value()];
            if (step.kind != step_kind::fetch || !node.valid()) continue;
            memory_[node.value()] -= work_->state_bytes(step.task);
            node = node_index{};
        }
        return {};
    }

    [[nodiscard]] result<void> check_traffic(std::size_t wave, std::span<const migration_step> steps) const {
        if (steps.size() > options_->per_wave) {
            return detail::refuse(error_code::limit_exceeded,
                                  {"wave ", wave, " has ", steps.size(), " steps, at most "}, {options_->per_wave});
        }
        if (options_->per_node == order_options::unlimited && options_->per_link == order_options::unlimited) return {};
        std::vector<std::size_t> of_node(fleet_->node_count(), 0);
        for (const migration_step& step : steps) {
            if (step.from.placed()) ++of_node[step.from.node.value()];
            if (step.to.placed() && step.to.node != step.from.node) ++of_node[step.to.node.value()];
        }
        for (const migration_step& step : steps) {
            std::size_t on_link = 0;
            if (options_->per_link != order_options::unlimited) {
                for (const migration_step& other : steps) on_link += same_link(step, other) ? 1 : 0;
            }
            const bool node_over = (step.from.placed() && of_node[step.from.node.value()] > options_->per_node) ||
                                   (step.to.placed() && of_node[step.to.node.value()] > options_->per_node);
            if (node_over) return refuse(wave, step.task, {"too many steps on one of its nodes"});
            if (on_link > options_->per_link) return refuse(wave, step.task, {"too many steps on its link"});
        }
        return {};
    }
    [[nodiscard]] static bool same_link(const migration_step& a, const migration_step& b) noexcept {
        if (!a.from.placed() || !a.to.placed() || !b.from.placed() || !b.to.placed()) return false;
        if (a.from.node == a.to.node) return false;
        return (a.from.node == b.from.node && a.to.node == b.to.node) ||
               (a.from.node == b.to.node && a.to.node == b.from.node);
    }

    [[nodiscard]] result<void> check_end() {
        std::vector<std::uint8_t> dropped(now_.size(), 0);
        for (const dropped_move& d : plan_->dropped) {
            const std::size_t t = d.wanted.task.value();
            if (!d.wanted.task.valid() || t >= now_.size() || dropped[t] != 0 || !(d.wanted.to == wanted_[t])) {
                return detail::refuse(error_code::inconsistent, {"a dropped move was not wanted, or is listed twice"});
            }
            dropped[t] = 1;
        }
        for (std::size_t t = 0; t < now_.size(); ++t) {
            if (state_[t] == place_of_task::in_flight) {
                const bool known = wanted_[t] == now_[t] || wanted_[t] == initial_[t] || dropped[t] != 0;
                for (const task_move& r : in_flight_) {
                    if (!known && r.task == task_index{t} && !(r.from == wanted_[t])) {
                        return refuse(plan_->wave_count(), r.task,
                                      {"is in flight to another slot than the wanted one, and not dropped"});
                    }
                }
                continue;
            }
            const slot& expected = dropped[t] != 0 ? initial_[t] : wanted_[t];
            if (!(now_[t] == expected)) {
                return refuse(plan_->wave_count(), task_index{t},
                              {dropped[t] != 0 ? "was dropped, and is not at its initial slot"
                                               : "is not at its wanted slot, and not dropped"});
            }
        }
        return {};
    }

    enum class place_of_task : std::uint8_t { settled, in_flight };

    const fleet* fleet_;
    const workload* work_;
    const cluster* cluster_ = nullptr;
    std::vector<task_move> moving_;  // of the cluster
    std::vector<slot> all_wanted_;
    std::span<const slot> initial_;
    std::span<const slot> wanted_;
    const migration_plan* plan_;
    task_moves in_flight_;
    const order_options* options_;
    table node_;
    table gpu_;
    table domain_;
    std::vector<amount> memory_;  // bytes of parked tasks on each node
    std::vector<slot> now_;
    std::vector<place_of_task> state_;
    std::vector<node_index> parked_on_;
};

}  // namespace berth::inline v0::detail
