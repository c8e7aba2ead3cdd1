// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/balance/movability.hpp"
#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

using namespace berth;

/// A small fleet that is nearly full, its running tasks, and one that waits.
struct tight_fleet {
    berth::fleet machines;
    berth::workload work;
    assignment initial;
    task_index waiting{};

    [[nodiscard]] berth::problem problem() const { return {machines, work}; }
};

struct fleet_shape {
    std::size_t nodes = 4;
    std::size_t gpus = 2;
    bool domains = false;
    bool gangs = false;  ///< tasks on two GPUs
};

[[nodiscard]] inline tight_fleet make_tight(std::uint64_t seed, const fleet_shape& shape) {
    xoshiro256 g{seed};
    resource_schema schema{.gpu = {"share"}, .node = {"cpu"}, .domain = {}};
    if (shape.domains) schema.domain = {"power"};
    fleet_builder builder{schema};
    constexpr std::string_view models[] = {"A", "B"};
    if (shape.domains) {
        for (const char* rack : {"rack0", "rack1"}) {
            const amount power[] = {static_cast<amount>(20 + below(g, 12))};
            (void)need(builder.add_domain(rack, 0, power));
        }
    }
    for (std::size_t n = 0; n < shape.nodes; ++n) {
        const amount cpu[] = {static_cast<amount>(6 + below(g, 8))};
        const std::size_t node_gpus = 1 + below(g, shape.gpus);  // one draw after the other, on every compiler
        const std::vector<gpu_description> gpus(node_gpus, {.model = models[chance(g, 30) ? 1 : 0]});
        const std::string_view racks[] = {n % 2 == 0 ? "rack0" : "rack1"};
        (void)need(builder.add_node(
            {.capacity = cpu,
             .gpus = gpus,
             .domains = shape.domains ? std::span<const std::string_view>{racks} : std::span<const std::string_view>{},
             .healthy = !chance(g, 5)}));
    }
    fleet machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    constexpr amount sizes[] = {200, 300, 400, 500, 600, 700, 1000};
    const std::size_t count = 4 * shape.nodes + 1;
    for (std::size_t t = 0; t < count; ++t) {
        const amount share[] = {sizes[below(g, 7)]};
        const amount cpu[] = {static_cast<amount>(below(g, 5))};
        const amount power[] = {static_cast<amount>(below(g, 5))};
        const bool host_only = chance(g, 10);
        const std::size_t gpus = host_only ? 0 : shape.gangs && chance(g, 25) ? 2 : 1;
        std::vector<std::string_view> accepted;
        if (chance(g, 20)) accepted = {machines.find_model("B") && chance(g, 40) ? "B" : "A"};
        if (!accepted.empty() && !machines.find_model(accepted[0])) accepted.clear();
        (void)need(
            tasks.add_task({.gpus = gpus,
                            .gpu_demand = host_only ? std::span<const amount>{} : std::span<const amount>{share},
                            .node_demand = cpu,
                            .domain_demand = shape.domains ? std::span<const amount>{power} : std::span<const amount>{},
                            .accepted_models = accepted,
                            .state_bytes = static_cast<amount>(1 + below(g, 9))}));
    }
    workload work = need(std::move(tasks).build());
    tight_fleet made{std::move(machines), std::move(work), {}, task_index{count - 1}};
    made.initial.assign(count, unplaced);
    ledger ledger{made.machines};
    for (std::size_t t = 0; t + 1 < count; ++t) {
        const demand_view demand = made.work.demand(task_index{t});
        const std::size_t first = below(g, made.machines.node_count());
        for (std::size_t k = 0; k < made.machines.node_count(); ++k) {
            const node_index n{(first + k) % made.machines.node_count()};
            if (!ledger.fits(demand, n)) continue;
            gpu_mask gpus = 0;
            gpu_mask fitting = ledger.fitting_gpus(demand, n);
            for (std::size_t i = 0; i < demand.gpus; ++i, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
            made.initial[t] = {n, gpus};
            ledger.place(demand, made.initial[t]);
            break;
        }
    }
    return made;
}

[[nodiscard]] inline ledger ledger_of(const tight_fleet& f) { return need(make_ledger(f.problem(), f.initial)); }

[[nodiscard]] inline std::vector<slot> slots_for(const ledger& ledger, const demand_view& demand) {
    std::vector<slot> found;
    for (std::size_t i = 0; i < ledger.fleet().node_count(); ++i) {
        const node_index n{i};
        if (demand.gpus == 0) {
            if (ledger.fits(demand, slot{n, 0})) found.push_back({n, 0});
            continue;
        }
        for (gpu_mask gpus = 1; gpus < gpu_mask{1} << ledger.fleet().gpu_count(n); ++gpus) {
            if (gpu_count(gpus) == demand.gpus && ledger.fits(demand, slot{n, gpus})) found.push_back({n, gpus});
        }
    }
    return found;
}

[[nodiscard]] inline bool fits_anywhere(const ledger& ledger, const demand_view& demand) {
    return !slots_for(ledger, demand).empty();
}

/// The fewest moves of distinct tasks, one after the other with both ends held, after which the waiting task fits:
/// every sequence is tried. `most + 1` if there is none.
template <class Movable>
std::size_t fewest_by_force(const tight_fleet& f, ledger& ledger, assignment& where, std::size_t most,
                            std::vector<bool>& moved, const Movable& movable) {
    if (fits_anywhere(ledger, f.work.demand(f.waiting))) return 0;
    if (most == 0) return 1;
    std::size_t fewest = most + 1;
    for (std::size_t t = 0; t < where.size(); ++t) {
        const task_index task{t};
        if (!where[t].placed() || moved[t]) continue;
        const demand_view demand = f.work.demand(task);
        for (const slot& to : slots_for(ledger, demand)) {
            if (to == where[t] || !movable(task_move{task, where[t], to})) continue;
            const slot from = where[t];
            ledger.place(demand, to);
            ledger.remove(demand, from);
            where[t] = to;
            moved[t] = true;
            const std::size_t rest = fewest_by_force(f, ledger, where, fewest - 2, moved, movable);
            moved[t] = false;
            where[t] = from;
            ledger.place(demand, from);
            ledger.remove(demand, to);
            if (rest + 1 < fewest) fewest = rest + 1;
            if (fewest == 1) return 1;
        }
    }
    return fewest;
}
template <class Movable = all_movable>
std::size_t fewest_by_force(const tight_fleet& f, std::size_t most, const Movable& movable = {}) {
    ledger ledger = ledger_of(f);
    assignment where = f.initial;
    std::vector<bool> moved(where.size());
    return fewest_by_force(f, ledger, where, most, moved, movable);
}

/// Carries an eviction plan out wave by wave on a ledger of its own, every source of a wave held to its end. Returns
/// the first fault.
[[nodiscard]] inline std::string fault_of(const tight_fleet& f, const eviction_plan& r, bool park) {
    ledger ledger = ledger_of(f);
    assignment where = f.initial;
    std::vector<int> steps(where.size());
    std::size_t parks = 0;
    for (std::size_t w = 0; w < r.plan.wave_count(); ++w) {
        for (const migration_step& s : r.plan.wave(w)) {
            if (where[s.task.value()] != s.from) return "a step starts elsewhere";
            if (s.to.placed() && !ledger.fits(f.work.demand(s.task), s.to)) return "a target has no room";
            if (s.to.placed()) ledger.place(f.work.demand(s.task), s.to);
            ++steps[s.task.value()];
            if (s.kind == step_kind::park) {
                ++parks;
                if (s.to.placed()) return "parked somewhere";
            } else if (!s.to.placed()) {
                return "goes nowhere";
            }
        }
        for (const migration_step& s : r.plan.wave(w)) {
            if (s.from.placed()) ledger.remove(f.work.demand(s.task), s.from);
            where[s.task.value()] = s.to;
        }
    }
    for (std::size_t t = 0; t < where.size(); ++t) {
        if (f.initial[t].placed() != where[t].placed()) return "a task is lost";
        if (steps[t] > 2 || (steps[t] == 2 && parks == 0)) return "a task moves more than once";
    }
    if (parks > 0 && !park) return "parked without leave";
    if (parks != r.plan.extra_steps) return "parks are not counted";
    return ledger.fits(f.work.demand(f.waiting), r.where) ? "" : "the new task does not fit";
}

inline constexpr fleet_shape plain{};
inline constexpr fleet_shape with_gangs{.nodes = 3, .gpus = 3, .gangs = true};
inline constexpr fleet_shape with_domains{.nodes = 4, .domains = true};

}  // namespace berth_test
