// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/node_view.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Length: one class; all its members share the layout of its counters.

namespace berth::inline v0 {

/// The free amount of every counter of GPUs, nodes and domains while tasks are placed and removed. Below zero only
/// where a task was entered that runs already (`occupy`), or where a cluster lost capacity: reality wins, and nothing
/// new goes there.
///
/// Demands come from a workload that matches the fleet, and arguments of type `node_index`, `gpu_index` and
/// `domain_index` name entries of the fleet. Slots may come from outside:
///
/// | call                             | a slot that does not exist, has no room, or does not hold the demand |
/// |----------------------------------|----------------------------------------------------------------------|
/// | `fits(demand, slot)`, `has_room` | false, in every build                                                |
/// | `holds`                          | false, in every build                                                |
/// | `try_place`, `try_remove`        | false, in every build, and nothing has changed                       |
/// | `occupy`                         | false if it does not exist; room does not matter                     |
/// | `place`, `remove`                | undefined behaviour, found by an assertion; for slots checked before |
///
/// A checkpoint opens a hypothetical change: `rollback` undoes everything since the last checkpoint, `commit` keeps it.
/// Checkpoints nest; each end costs O(counters changed since). Outside checkpoints nothing is recorded. Copyable; the
/// fleet outlives it and does not change meanwhile, unless it belongs to the ledger's `cluster`.
///
/// With k = counters per place, one placement costs O(k × (GPUs of the slot + domains of the node)).
class ledger {
public:
    /// The ledger of an empty fleet: everything is free. O(counters of the fleet).
    explicit ledger(const fleet& fleet)
        : fleet_{&fleet},
          gpu_counters_{fleet.schema().gpu.size()},
          node_counters_{fleet.schema().node.size()},
          domain_counters_{fleet.schema().domain.size()} {
        grow();
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            put(node_begin(n), fleet.capacity(n));
            for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) {
                put(gpu_begin(n, fleet.gpu(n, g)), fleet.capacity(fleet.gpu(n, g)));
            }
        }
    }

    explicit ledger(const berth::fleet&&) = delete;

    /// The fleet whose counters these are.
    [[nodiscard]] const berth::fleet& fleet() const noexcept { return *fleet_; }

    /// Free amounts of a GPU, in the order of `resource_schema::gpu`.
    [[nodiscard]] std::span<const amount> free(gpu_index g) const noexcept {
        return {free_.data() + gpu_begin(fleet_->node_of(g), g), gpu_counters_};
    }
    /// Free amounts of a node's own counters, in the order of `resource_schema::node`.
    [[nodiscard]] std::span<const amount> free(node_index n) const noexcept {
        return {free_.data() + node_begin(n), node_counters_};
    }
    /// Free amounts of a domain, in the order of `resource_schema::domain`.
    [[nodiscard]] std::span<const amount> free(domain_index d) const noexcept {
        return {free_of_domains_.data() + d.value() * domain_counters_, domain_counters_};
    }
    /// The free amounts of all nodes and GPUs, at the positions of `fleet::first_counter`.
    [[nodiscard]] std::span<const amount> counters() const noexcept { return free_.view(); }
    /// The node as policies read it; valid until the ledger changes.
    [[nodiscard]] node_view node(node_index n) const noexcept {
        const amount* host = free_.data() + node_begin(n);
        return {.fleet = fleet_,
                .index = n,
                .free_node = {host, node_counters_},
                .free_gpus = {host + node_counters_, fleet_->gpu_count(n) * gpu_counters_},
                .gpu_counters = gpu_counters_,
                .healthy = fleet_->healthy_gpus(n)};
    }

    /// True if the node is healthy and its own counters and those of its domains have room. GPUs are not considered.
    [[nodiscard]] bool host_fits(const demand_view& demand, node_index n) const noexcept {
        return fleet_->healthy(n) && host_has_room(demand, n);
    }

    /// The GPUs of a node that are healthy, of an accepted model, and have room in every counter; for a demand with
    /// `same_model` only those of models with enough of them. O(GPUs of the node × counters).
    [[nodiscard]] gpu_mask fitting_gpus(const demand_view& demand, node_index n) const noexcept {
        const std::uint64_t models = fleet_->models_on(n);
        if ((models & demand.accepted_models) == 0) return 0;
        const std::size_t gpus = fleet_->gpu_count(n);
        gpu_mask fitting = 0;
        const amount* left = free_.data() + node_begin(n) + node_counters_;
        for (std::size_t i = 0; i < gpus; ++i, left += gpu_counters_) {
            bool fits = left[0] >= demand.gpu[0];
            for (std::size_t r = 1; r < gpu_counters_; ++r) fits = fits && left[r] >= demand.gpu[r];
            fitting |= static_cast<gpu_mask>(fits) << i;
        }
        fitting &= fleet_->healthy_gpus(n);
        if ((models & ~demand.accepted_models) != 0) {
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                const std::size_t i = lowest_gpu(rest);
                if ((demand.accepted_models >> fleet_->model(fleet_->gpu(n, i)).value() & 1U) == 0) {
                    fitting &= ~(gpu_mask{1} << i);
                }
            }
        }
        if (demand.same_model && (models & (models - 1)) != 0) fitting = enough_of_a_model(fitting, demand.gpus, n);
        return fitting;
    }

    /// True if a new task with this demand fits on the node, on whichever of its GPUs. O(GPUs of the node × counters).
    [[nodiscard]] bool fits(const demand_view& demand, node_index n) const noexcept {
        const amount* left = free_.data() + node_begin(n);
        for (std::size_t r = 0; r < node_counters_; ++r) {
            if (left[r] < demand.node[r]) return false;
        }
        if (!fleet_->healthy(n) || !domains_have_room(demand, n)) return false;
        if (demand.gpus == 0) return true;
        const std::size_t gpus = fleet_->gpu_count(n);
        if (gpu_counters_ > 1 || fleet_->healthy_gpus(n) != first_gpus(gpus) ||
            (fleet_->models_on(n) & ~demand.accepted_models) != 0 || demand.same_model) {
            return has_gpus(fitting_gpus(demand, n), demand.gpus);
        }
        // The common case: GPUs differ only in their free share.
        left += node_counters_;
        const amount wanted = demand.gpu[0];
        std::size_t fitting = 0;
        for (std::size_t i = 0; i < gpus; ++i) fitting += left[i] >= wanted ? 1 : 0;
        return fitting >= demand.gpus;
    }
    /// True if a new task with this demand fits in exactly this slot: it exists, has the number of GPUs demanded, all
    /// healthy and of an accepted model (of one, with `same_model`), and every counter has room.
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if (!fleet_->has(where, demand.gpus) || !host_fits(demand, where.node)) return false;
        if (demand.same_model && !fleet_->one_model(where)) return false;
        return demand.gpus == 0 || (where.gpus & ~fitting_gpus(demand, where.node)) == 0;
    }

    /// True if the slot exists, has the number of GPUs demanded, and every counter has room. Health and GPU models are
    /// ignored, because tasks that run already are entered wherever they run.
    [[nodiscard]] bool has_room(const demand_view& demand, const slot& where) const noexcept {
        if (!fleet_->has(where, demand.gpus)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            if (!covers(free(fleet_->gpu(where.node, lowest_gpu(rest))), demand.gpu)) return false;
        }
        return host_has_room(demand, where.node);
    }
    /// True if the slot exists, has the number of GPUs demanded, and at least the demand is in use in every counter
    /// with a limit, so that `remove` is allowed. Which tasks use it is not recorded here.
    [[nodiscard]] bool holds(const demand_view& demand, const slot& where) const noexcept {
        if (!fleet_->has(where, demand.gpus)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = fleet_->gpu(where.node, lowest_gpu(rest));
            if (!uses(fleet_->capacity(g), free(g), demand.gpu)) return false;
        }
        for (const domain_index d :
             domain_counters_ == 0 ? std::span<const domain_index>{} : fleet_->domains(where.node)) {
            if (!uses(fleet_->capacity(d), free(d), demand.domain)) return false;
        }
        return uses(fleet_->capacity(where.node), free(where.node), demand.node);
    }

    /// Places the demand if `has_room`.
    ///
    /// @return false if not; nothing has changed then
    bool try_place(const demand_view& demand, const slot& where) {
        if (!has_room(demand, where)) return false;
        shift(demand, where, -1);
        return true;
    }
    /// Removes the demand if the slot `holds` it.
    ///
    /// @return false if not; nothing has changed then
    bool try_remove(const demand_view& demand, const slot& where) {
        if (!holds(demand, where)) return false;
        shift(demand, where, +1);
        return true;
    }

    /// Enters a task that runs already, whatever room there is: free amounts fall below zero if they have to. Health
    /// and GPU models are ignored.
    ///
    /// @return false if the slot does not exist or has another number of GPUs than demanded; nothing has changed then
    [[nodiscard]] bool occupy(const demand_view& demand, const slot& where) {
        if (!fleet_->has(where, demand.gpus)) return false;
        shift(demand, where, -1);
        return true;
    }
    /// Debits the demand from the slot's counters. Unchecked: `has_room` must hold; test new tasks with `fits`.
    void place(const demand_view& demand, const slot& where) {
        BERTH_ASSERT(has_room(demand, where), "berth: ledger::place of a demand that does not fit; check fits() first");
        shift(demand, where, -1);
    }
    /// Credits the demand to the slot's counters. Unchecked: `holds` must hold, that is, the demand was placed there.
    void remove(const demand_view& demand, const slot& where) {
        BERTH_ASSERT(holds(demand, where), "berth: ledger::remove of a demand that was not placed there");
        shift(demand, where, +1);
    }

    /// Opens a hypothetical change.
    void checkpoint() { marks_.push_back(log_.size()); }
    /// Undoes everything since the last checkpoint and closes it. There must be one.
    void rollback() {
        BERTH_ASSERT(!marks_.empty(), "berth: ledger::rollback without a checkpoint");
        while (log_.size() > marks_.back()) {
            counter(log_.back().counter) -= log_.back().change;
            log_.pop_back();
        }
        marks_.pop_back();
    }
    /// Keeps everything since the last checkpoint and closes it. There must be one. An outer checkpoint can still undo
    /// it.
    void commit() {
        BERTH_ASSERT(!marks_.empty(), "berth: ledger::commit without a checkpoint");
        marks_.pop_back();
        if (marks_.empty()) log_.clear();
    }
    /// The number of open checkpoints.
    [[nodiscard]] std::size_t depth() const noexcept { return marks_.size(); }

    /// Equal free amounts of the same fleet object; open checkpoints are not compared.
    friend bool operator==(const ledger& a, const ledger& b) {
        return a.fleet_ == b.fleet_ && a.free_ == b.free_ && a.free_of_domains_ == b.free_of_domains_;
    }

private:
    friend class cluster;

    struct entry {
        std::size_t counter;  // of a domain: behind all others, from `domain_begin`
        amount change;
    };
    static constexpr std::size_t domain_begin = std::size_t{1} << 62U;

    /// The same counters for a copy of the fleet.
    ledger(const ledger& other, const berth::fleet& fleet) : ledger{other} { fleet_ = &fleet; }
    /// The same counters for a fleet that was moved.
    ledger(ledger&& other, const berth::fleet& fleet) noexcept : ledger{std::move(other)} { fleet_ = &fleet; }

    /// Counters for all positions of the fleet; those of new domains are free. If an allocation fails, nothing has
    /// changed.
    void grow() {
        const std::size_t known = free_of_domains_.size();
        free_.resize(fleet_->counter_count());
        free_of_domains_.reserve(fleet_->domain_count() * domain_counters_);
        for (std::size_t d = domain_counters_ == 0 ? fleet_->domain_count() : known / domain_counters_;
             d < fleet_->domain_count(); ++d) {
            free_of_domains_.append(fleet_->capacity(domain_index{d}));
        }
    }
    void put(std::size_t first, std::span<const amount> values) noexcept {
        for (std::size_t r = 0; r < values.size(); ++r) free_[first + r] = values[r];
    }
    [[nodiscard]] amount& counter(std::size_t position) noexcept {
        return position < domain_begin ? free_[position] : free_of_domains_[position - domain_begin];
    }

    [[nodiscard]] static bool covers(std::span<const amount> available, std::span<const amount> wanted) noexcept {
        for (std::size_t r = 0; r < available.size(); ++r) {
            if (available[r] < wanted[r]) return false;
        }
        return true;
    }
    [[nodiscard]] static bool uses(std::span<const amount> capacity, std::span<const amount> available,
                                   std::span<const amount> wanted) noexcept {
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            if (available[r] != max_amount && capacity[r] - available[r] < wanted[r]) return false;
        }
        return true;
    }
    [[nodiscard]] bool host_has_room(const demand_view& demand, node_index n) const noexcept {
        return covers(free(n), demand.node) && domains_have_room(demand, n);
    }
    [[nodiscard]] bool domains_have_room(const demand_view& demand, node_index n) const noexcept {
        if (domain_counters_ == 0) return true;
        for (const domain_index d : fleet_->domains(n)) {
            if (!covers(free(d), demand.domain)) return false;
        }
        return true;
    }
    /// Those of these GPUs of whose model there are at least so many among them.
    [[nodiscard]] gpu_mask enough_of_a_model(gpu_mask gpus, std::size_t wanted, node_index n) const noexcept {
        gpu_mask enough = 0;
        while (gpus != 0) {
            const model_index model = fleet_->model(fleet_->gpu(n, lowest_gpu(gpus)));
            gpu_mask alike = 0;
            for (gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
                if (fleet_->model(fleet_->gpu(n, lowest_gpu(rest))) == model) alike |= rest & (~rest + 1);
            }
            if (has_gpus(alike, wanted)) enough |= alike;
            gpus &= ~alike;
        }
        return enough;
    }
    [[nodiscard]] std::size_t node_begin(node_index n) const noexcept { return fleet_->first_counter(n); }
    [[nodiscard]] std::size_t gpu_begin(node_index n, gpu_index g) const noexcept {
        const std::size_t position = g.value() - fleet_->gpu(n, 0).value();
        return fleet_->first_counter(n) + node_counters_ + position * gpu_counters_;
    }
    /// Memory for all entries of a change, so that none is half done.
    void reserve_log(const slot& where) {
        const std::size_t domains = domain_counters_ == 0 ? 0 : fleet_->domains(where.node).size();
        log_.make_room(log_.size() + berth::gpu_count(where.gpus) * gpu_counters_ + node_counters_ +
                       domains * domain_counters_);
    }
    /// What is free of a limited counter is always less than `max_amount`, so the counter itself tells that it has no
    /// limit.
    void add(std::size_t position, amount change) {
        amount& free = counter(position);
        if (change == 0 || free == max_amount) return;
        if (!marks_.empty()) log_.push_back({position, change});
        free += change;
    }
    void shift(const demand_view& demand, const slot& where, amount sign) {
        const std::size_t host = node_begin(where.node);
        if (!marks_.empty()) reserve_log(where);
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t base = host + node_counters_ + lowest_gpu(rest) * gpu_counters_;
            for (std::size_t r = 0; r < gpu_counters_; ++r) add(base + r, sign * demand.gpu[r]);
        }
        for (std::size_t r = 0; r < node_counters_; ++r) add(host + r, sign * demand.node[r]);
        if (domain_counters_ == 0) return;
        for (const domain_index d : fleet_->domains(where.node)) {
            for (std::size_t r = 0; r < domain_counters_; ++r) {
                add(domain_begin + d.value() * domain_counters_ + r, sign * demand.domain[r]);
            }
        }
    }
    const berth::fleet* fleet_;
    std::size_t gpu_counters_;
    std::size_t node_counters_;
    std::size_t domain_counters_;
    detail::flat<amount> free_;  // node by node: its own counters, those of its GPUs
    detail::flat<amount> free_of_domains_;
    detail::flat<entry> log_;
    detail::flat<std::size_t> marks_;
};

/// The ledger of tasks that run already. Health and GPU models are ignored, see `ledger::has_room`. O(tasks +
/// counters).
///
/// @param initial  one slot for each task of the workload; `unplaced` for one that does not run
/// @return the ledger, or an error that names the first task whose slot cannot be: no such node or GPU, another number
///         of GPUs than demanded, or a counter that the tasks before it have used up
[[nodiscard]] inline result<ledger> make_ledger(const problem& problem, std::span<const slot> initial) {
    const fleet& fleet = problem.fleet();
    const workload& work = problem.workload();
    if (initial.size() != work.task_count()) {
        return detail::refuse(error_code::inconsistent, {"assignment: it has ", initial.size(),
                                                         " slots, the workload has ", work.task_count(), " tasks"});
    }
    const auto refuse = [&](error_code code, std::size_t t, detail::phrases sentence) {
        return detail::refuse(code, {detail::phrase::item("task", t, work.name(task_index{t})), ": "}, sentence);
    };
    ledger ledger{fleet};
    for (std::size_t t = 0; t < initial.size(); ++t) {
        const slot& where = initial[t];
        if (!where.placed()) {
            if (where.gpus == 0) continue;
            return refuse(error_code::inconsistent, t, {"slot has GPUs, but no node"});
        }
        if (where.node.value() >= fleet.node_count()) {
            return refuse(error_code::unknown_name, t,
                          {"node is ", where.node.value(), ", the fleet has ", fleet.node_count()});
        }
        const demand_view demand = work.demand(task_index{t});
        const std::size_t gpus = fleet.gpu_count(where.node);
        if ((where.gpus & ~first_gpus(gpus)) != 0) {
            return refuse(
                error_code::unknown_name, t,
                {"gpus has bits beyond the ", gpus, " GPUs of node ", detail::phrase::quoted(fleet.name(where.node))});
        }
        if (gpu_count(where.gpus) != demand.gpus) {
            return refuse(error_code::inconsistent, t,
                          {"gpus has ", gpu_count(where.gpus), " GPUs, the task wants ", demand.gpus});
        }
        if (!ledger.has_room(demand, where)) {
            return refuse(error_code::inconsistent, t,
                          {"node ", detail::phrase::quoted(fleet.name(where.node)),
                           " has no room in some counter after the tasks before this one"});
        }
        ledger.place(demand, where);
    }
    return ledger;
}

/// Checks an assignment that comes from outside; fails as `make_ledger` does. O(tasks + counters).
[[nodiscard]] inline result<void> validate(const problem& problem, std::span<const slot> initial) {
    if (auto ledger = make_ledger(problem, initial); !ledger) return ledger.error();
    return {};
}

}  // namespace berth::inline v0
