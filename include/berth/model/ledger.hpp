// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth {

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
          node_begin_{fleet.gpu_capacities().size()},
          domain_begin_{node_begin_ + fleet.node_capacities().size()} {
        free_.reserve(domain_begin_ + fleet.domain_capacities().size());
        free_.insert(free_.end(), fleet.gpu_capacities().begin(), fleet.gpu_capacities().end());
        free_.insert(free_.end(), fleet.node_capacities().begin(), fleet.node_capacities().end());
        free_.insert(free_.end(), fleet.domain_capacities().begin(), fleet.domain_capacities().end());
    }

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return *fleet_; }

    [[nodiscard]] std::span<const amount> free(gpu_index g) const noexcept {
        return {free_.data() + g.value() * gpu_counters_, gpu_counters_};
    }
    [[nodiscard]] std::span<const amount> free(node_index n) const noexcept {
        return {free_.data() + node_begin_ + n.value() * node_counters_, node_counters_};
    }
    [[nodiscard]] std::span<const amount> free(domain_index d) const noexcept {
        return {free_.data() + domain_begin_ + d.value() * domain_counters_, domain_counters_};
    }
    [[nodiscard]] node_view node(node_index n) const noexcept {
        const std::size_t gpus = fleet_->gpu_count(n);
        const amount* first = gpus == 0 ? free_.data() : free_.data() + fleet_->gpu(n, 0).value() * gpu_counters_;
        return {.fleet = fleet_,
                .index = n,
                .free_node = free(n),
                .free_gpus = {first, gpus * gpu_counters_},
                .gpu_counters = gpu_counters_,
                .healthy = fleet_->healthy_gpus(n)};
    }

    /// True if host and domain counters, and the node's health, admit the demand.
    [[nodiscard]] bool host_fits(const demand_view& demand, node_index n) const noexcept {
        if (!fleet_->healthy(n)) return false;
        const auto left = free(n);
        for (std::size_t r = 0; r < node_counters_; ++r) {
            if (left[r] < demand.node[r]) return false;
        }
        if (domain_counters_ == 0) return true;
        for (const domain_index d : fleet_->domains(n)) {
            const auto domain_left = free(d);
            for (std::size_t r = 0; r < domain_counters_; ++r) {
                if (domain_left[r] < demand.domain[r]) return false;
            }
        }
        return true;
    }

    /// The GPUs of a node that are healthy, of an accepted model, and have enough of every counter left.
    [[nodiscard]] gpu_mask fitting_gpus(const demand_view& demand, node_index n) const noexcept {
        const std::uint64_t models = fleet_->models_on(n);
        if ((models & demand.accepted_models) == 0) return 0;
        const std::size_t gpus = fleet_->gpu_count(n);
        const std::size_t first = fleet_->gpu(n, 0).value();
        gpu_mask fitting = 0;
        const amount* left = free_.data() + first * gpu_counters_;
        for (std::size_t i = 0; i < gpus; ++i, left += gpu_counters_) {
            bool fits = left[0] >= demand.gpu[0];
            for (std::size_t r = 1; r < gpu_counters_; ++r) fits = fits && left[r] >= demand.gpu[r];
            fitting |= static_cast<gpu_mask>(fits) << i;
        }
        fitting &= fleet_->healthy_gpus(n);
        if ((models & ~demand.accepted_models) != 0) {
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                const std::size_t i = lowest_gpu(rest);
                if ((demand.accepted_models >> fleet_->model(gpu_index{first + i}).value() & 1U) == 0) {
                    fitting &= ~(gpu_mask{1} << i);
                }
            }
        }
        return fitting;
    }

    /// True if the demand fits on the node, whichever of its GPUs are taken.
    [[nodiscard]] bool fits(const demand_view& demand, node_index n) const noexcept {
        return host_fits(demand, n) && (demand.gpus == 0 || berth::gpu_count(fitting_gpus(demand, n)) >= demand.gpus);
    }
    /// True if the demand fits exactly there: the right number of GPUs, each with enough left.
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if (!where.placed() || where.node.value() >= fleet_->node_count()) return false;
        if (berth::gpu_count(where.gpus) != demand.gpus || !host_fits(demand, where.node)) return false;
        return demand.gpus == 0 || (where.gpus & ~fitting_gpus(demand, where.node)) == 0;
    }

    /// Takes the demand out of the slot's counters. The demand must fit.
    void place(const demand_view& demand, const slot& where) {
        BERTH_ASSERT(fits(demand, where), "berth: ledger::place of a demand that does not fit; ask fits() first");
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

    friend bool operator==(const ledger& a, const ledger& b) { return a.fleet_ == b.fleet_ && a.free_ == b.free_; }

private:
    struct entry {
        std::size_t counter;
        amount change;
    };

    void add(std::size_t counter, amount change) {
        if (change == 0) return;
        free_[counter] += change;
        if (!marks_.empty()) log_.push_back({counter, change});
    }
    void shift(const demand_view& demand, const slot& where, amount sign) {
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t base = fleet_->gpu(where.node, lowest_gpu(rest)).value() * gpu_counters_;
            for (std::size_t r = 0; r < gpu_counters_; ++r) add(base + r, sign * demand.gpu[r]);
        }
        for (std::size_t r = 0; r < node_counters_; ++r) {
            add(node_begin_ + where.node.value() * node_counters_ + r, sign * demand.node[r]);
        }
        if (domain_counters_ == 0) return;
        for (const domain_index d : fleet_->domains(where.node)) {
            for (std::size_t r = 0; r < domain_counters_; ++r) {
                add(domain_begin_ + d.value() * domain_counters_ + r, sign * demand.domain[r]);
            }
        }
    }
    [[nodiscard]] bool within_capacity(const slot& where) const noexcept {
        const auto within = [](std::span<const amount> left, std::span<const amount> capacity) {
            for (std::size_t r = 0; r < left.size(); ++r) {
                if (left[r] > capacity[r]) return false;
            }
            return true;
        };
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = fleet_->gpu(where.node, lowest_gpu(rest));
            if (!within(free(g), fleet_->capacity(g))) return false;
        }
        return within(free(where.node), fleet_->capacity(where.node));
    }

    const berth::fleet* fleet_;
    std::size_t gpu_counters_;
    std::size_t node_counters_;
    std::size_t domain_counters_;
    std::size_t node_begin_;
    std::size_t domain_begin_;
    std::vector<amount> free_;  // GPU counters, then node counters, then domain counters
    std::vector<entry> log_;
    std::vector<std::size_t> marks_;
};

}  // namespace berth
