// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// One node as policies see it: what is left of its counters, and what it is.
struct node_view {
    const berth::fleet* fleet = nullptr;
    node_index index{};
    std::span<const amount> free_node{};  ///< per node counter
    std::span<const amount> free_gpus{};  ///< GPU-major: counter r of GPU i at `[i * gpu_counters + r]`
    std::size_t gpu_counters = 1;
    gpu_mask healthy = 0;

    [[nodiscard]] std::size_t gpu_count() const noexcept { return free_gpus.size() / gpu_counters; }
    /// Free thousandths of GPU i.
    [[nodiscard]] amount free_share(std::size_t i) const noexcept { return free_gpus[i * gpu_counters]; }
    /// Everything that is left on GPU i.
    [[nodiscard]] std::span<const amount> free_gpu(std::size_t i) const noexcept {
        return free_gpus.subspan(i * gpu_counters, gpu_counters);
    }
    [[nodiscard]] std::span<const amount> capacity() const noexcept { return fleet->capacity(index); }
    [[nodiscard]] model_index model(std::size_t i) const noexcept { return fleet->model(fleet->gpu(index, i)); }
};

/// What is left of every counter while tasks are placed and removed: per GPU, per node, per domain. Never below zero.
///
/// `checkpoint` opens a what-if question, `rollback` takes back everything since the last one, `commit` keeps it. They nest;
/// each costs what was changed since. Placing and removing outside a checkpoint records nothing. Copyable.
class ledger {
public:
    explicit ledger(const fleet& fleet)
        : fleet_{&fleet},
          gpu_counters_{fleet.schema().gpu.size()},
          node_counters_{fleet.schema().node.size()},
          domain_counters_{fleet.schema().domain.size()},
          domain_begin_{fleet.node_count() * node_counters_ + fleet.gpu_count() * gpu_counters_} {
        free_.reserve(domain_begin_ + fleet.domain_count() * domain_counters_);
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            free_.append(fleet.capacity(n));
            for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) free_.append(fleet.capacity(fleet.gpu(n, g)));
        }
        for (std::size_t d = 0; d < fleet.domain_count(); ++d) free_.append(fleet.capacity(domain_index{d}));
    }

    explicit ledger(const berth::fleet&&) = delete;

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return *fleet_; }

    [[nodiscard]] std::span<const amount> free(gpu_index g) const noexcept {
        return {free_.data() + gpu_begin(fleet_->node_of(g), g), gpu_counters_};
    }
    [[nodiscard]] std::span<const amount> free(node_index n) const noexcept {
        return {free_.data() + node_begin(n), node_counters_};
    }
    [[nodiscard]] std::span<const amount> free(domain_index d) const noexcept {
        return {free_.data() + domain_begin_ + d.value() * domain_counters_, domain_counters_};
    }
    [[nodiscard]] node_view node(node_index n) const noexcept {
        const amount* host = free_.data() + node_begin(n);
        return {.fleet = fleet_,
                .index = n,
                .free_node = {host, node_counters_},
                .free_gpus = {host + node_counters_, fleet_->gpu_count(n) * gpu_counters_},
                .gpu_counters = gpu_counters_,
                .healthy = fleet_->healthy_gpus(n)};
    }

    /// True if host and domain counters, and the node's health, admit the demand.
    [[nodiscard]] bool host_fits(const demand_view& demand, node_index n) const noexcept {
        return fleet_->healthy(n) && host_has_room(demand, n);
    }

    /// The GPUs of a node that are healthy, of an accepted model, and have enough of every counter left.
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
        return fitting;
    }

    /// True if the demand fits on the node, whichever of its GPUs are taken.
    [[nodiscard]] bool fits(const demand_view& demand, node_index n) const noexcept {
        const amount* left = free_.data() + node_begin(n);
        for (std::size_t r = 0; r < node_counters_; ++r) {
            if (left[r] < demand.node[r]) return false;
        }
        if (!fleet_->healthy(n) || !domains_have_room(demand, n)) return false;
        if (demand.gpus == 0) return true;
        const std::size_t gpus = fleet_->gpu_count(n);
        if (gpu_counters_ > 1 || fleet_->healthy_gpus(n) != first_gpus(gpus) ||
            (fleet_->models_on(n) & ~demand.accepted_models) != 0) {
            return has_gpus(fitting_gpus(demand, n), demand.gpus);
        }
        // The common case: GPUs differ only in what is left of their share.
        left += node_counters_;
        const amount wanted = demand.gpu[0];
        std::size_t fitting = 0;
        for (std::size_t i = 0; i < gpus; ++i) fitting += left[i] >= wanted ? 1 : 0;
        return fitting >= demand.gpus;
    }
    /// True if the demand fits exactly there: the right number of GPUs, each with enough left.
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if (!where.placed() || where.node.value() >= fleet_->node_count()) return false;
        if (berth::gpu_count(where.gpus) != demand.gpus || !host_fits(demand, where.node)) return false;
        return demand.gpus == 0 || (where.gpus & ~fitting_gpus(demand, where.node)) == 0;
    }

    /// True if the slot exists, has as many GPUs as wanted, and every counter has enough left. Health and GPU models are
    /// not asked: a task that runs already is entered with this one, wherever it runs.
    [[nodiscard]] bool has_room(const demand_view& demand, const slot& where) const noexcept {
        if (!fleet_->has(where, demand.gpus)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            if (!covers(free(fleet_->gpu(where.node, lowest_gpu(rest))), demand.gpu)) return false;
        }
        return host_has_room(demand, where.node);
    }

    /// Takes the demand out of the slot's counters, which must have room for it. New tasks ask `fits` first.
    void place(const demand_view& demand, const slot& where) {
        BERTH_ASSERT(has_room(demand, where), "berth: ledger::place of a demand that does not fit; ask fits() first");
        shift(demand, where, -1);
    }
    /// Gives the demand back. It must have been placed there: no counter may exceed its capacity afterwards.
    void remove(const demand_view& demand, const slot& where) {
        BERTH_ASSERT(where.placed(), "berth: ledger::remove of an unplaced task");
        shift(demand, where, +1);
        BERTH_ASSERT(within_capacity(where), "berth: ledger::remove of a demand that was not placed there");
    }

    /// Opens a what-if question.
    void checkpoint() { marks_.push_back(log_.size()); }
    /// Takes back everything since the last checkpoint and closes it.
    void rollback() {
        BERTH_ASSERT(!marks_.empty(), "berth: ledger::rollback without a checkpoint");
        while (log_.size() > marks_.back()) {
            free_[log_.back().counter] -= log_.back().change;
            log_.pop_back();
        }
        marks_.pop_back();
    }
    /// Keeps everything since the last checkpoint and closes it. An outer checkpoint can still take it back.
    void commit() {
        BERTH_ASSERT(!marks_.empty(), "berth: ledger::commit without a checkpoint");
        marks_.pop_back();
        if (marks_.empty()) log_.clear();
    }
    /// How many checkpoints are open.
    [[nodiscard]] std::size_t depth() const noexcept { return marks_.size(); }

    /// Equal amounts left on one fleet; open checkpoints are not compared.
    friend bool operator==(const ledger& a, const ledger& b) {
        if (a.fleet_ != b.fleet_) return false;
        for (std::size_t i = 0; i < a.free_.size(); ++i) {
            if (a.free_[i] != b.free_[i]) return false;
        }
        return true;
    }

private:
    struct entry {
        std::size_t counter;
        amount change;
    };

    [[nodiscard]] static bool covers(std::span<const amount> available, std::span<const amount> wanted) noexcept {
        for (std::size_t r = 0; r < available.size(); ++r) {
            if (available[r] < wanted[r]) return false;
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
    [[nodiscard]] std::size_t node_begin(node_index n) const noexcept {
        return n.value() * node_counters_ + fleet_->gpu(n, 0).value() * gpu_counters_;
    }
    [[nodiscard]] std::size_t gpu_begin(node_index n, gpu_index g) const noexcept {
        return (n.value() + 1) * node_counters_ + g.value() * gpu_counters_;
    }
    void add(std::size_t counter, amount change) {
        if (change == 0) return;
        free_[counter] += change;
        if (!marks_.empty()) log_.push_back({counter, change});
    }
    void shift(const demand_view& demand, const slot& where, amount sign) {
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t base = gpu_begin(where.node, fleet_->gpu(where.node, lowest_gpu(rest)));
            for (std::size_t r = 0; r < gpu_counters_; ++r) add(base + r, sign * demand.gpu[r]);
        }
        for (std::size_t r = 0; r < node_counters_; ++r) { add(node_begin(where.node) + r, sign * demand.node[r]); }
        if (domain_counters_ == 0) return;
        for (const domain_index d : fleet_->domains(where.node)) {
            for (std::size_t r = 0; r < domain_counters_; ++r) {
                add(domain_begin_ + d.value() * domain_counters_ + r, sign * demand.domain[r]);
            }
        }
    }
    [[nodiscard]] bool within_capacity(const slot& where) const noexcept {
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = fleet_->gpu(where.node, lowest_gpu(rest));
            if (!covers(fleet_->capacity(g), free(g))) return false;
        }
        for (const domain_index d : fleet_->domains(where.node)) {
            if (!covers(fleet_->capacity(d), free(d))) return false;
        }
        return covers(fleet_->capacity(where.node), free(where.node));
    }

    const berth::fleet* fleet_;
    std::size_t gpu_counters_;
    std::size_t node_counters_;
    std::size_t domain_counters_;
    std::size_t domain_begin_;
    detail::flat<amount> free_;  // node by node its own counters and those of its GPUs, then the domains
    detail::flat<entry> log_;
    detail::flat<std::size_t> marks_;
};

/// The ledger of tasks that run already. Fails with the first task that cannot be where the assignment says: no such node or
/// GPU, another number of GPUs than it wants, or a counter that those before it have used up. Health and GPU models are
/// not asked. O(tasks + counters).
[[nodiscard]] inline result<ledger> make_ledger(const problem& problem, std::span<const slot> observed) {
    const fleet& fleet = problem.fleet();
    const workload& work = problem.workload();
    if (observed.size() != work.task_count()) {
        return detail::refuse(error_code::inconsistent, {"assignment: it has ", observed.size(),
                                                         " slots, the workload has ", work.task_count(), " tasks"});
    }
    const auto refuse = [&](error_code code, std::size_t t, detail::phrases sentence) {
        return detail::refuse(code, {detail::phrase::item("task", t, work.name(task_index{t})), ": "}, sentence);
    };
    ledger ledger{fleet};
    for (std::size_t t = 0; t < observed.size(); ++t) {
        const slot& where = observed[t];
        if (!where.placed()) {
            if (where.gpus == 0) continue;
            return refuse(error_code::inconsistent, t, {"slot names GPUs, but no node"});
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
                {"gpus names more than the ", gpus, " GPUs of node ", detail::phrase::quoted(fleet.name(where.node))});
        }
        if (gpu_count(where.gpus) != demand.gpus) {
            return refuse(error_code::inconsistent, t,
                          {"gpus names ", gpu_count(where.gpus), ", the task wants ", demand.gpus});
        }
        if (!ledger.has_room(demand, where)) {
            return refuse(error_code::inconsistent, t,
                          {"node ", detail::phrase::quoted(fleet.name(where.node)),
                           " has not enough left of some counter, given the tasks before"});
        }
        ledger.place(demand, where);
    }
    return ledger;
}

/// Checks an assignment that comes from outside, as `make_ledger` does.
[[nodiscard]] inline result<void> validate(const problem& problem, std::span<const slot> observed) {
    if (auto ledger = make_ledger(problem, observed); !ledger) return ledger.error();
    return {};
}

}  // namespace berth::inline v0
