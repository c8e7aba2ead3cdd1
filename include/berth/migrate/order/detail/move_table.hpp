// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// One counter and a task's demand of it.
struct counter_touch {
    std::uint32_t counter;
    amount demand;
};

/// Every counter of a fleet by one number: those of nodes, then those of GPUs, then those of domains.
class counter_numbers {
public:
    explicit counter_numbers(const fleet& machines) noexcept
        : machines_{&machines},
          node_{machines.schema().node.size()},
          gpu_{machines.schema().gpu.size()},
          domain_{machines.schema().domain.size()},
          first_gpu_{machines.node_count() * node_},
          first_domain_{first_gpu_ + machines.gpu_count() * gpu_} {}

    [[nodiscard]] std::size_t count() const noexcept { return first_domain_ + machines_->domain_count() * domain_; }

    [[nodiscard]] std::size_t first(node_index n) const noexcept { return n.value() * node_; }
    [[nodiscard]] std::size_t first(gpu_index g) const noexcept { return first_gpu_ + g.value() * gpu_; }
    [[nodiscard]] std::size_t first(domain_index d) const noexcept { return first_domain_ + d.value() * domain_; }

    /// Appends a demand at a slot, without zeros; nothing if it is `unplaced`. Counters are distinct.
    void append(const demand_view& demand, const slot& where, flat<counter_touch>& touches) const {
        each(demand, where, [&](std::size_t counter, amount wanted) {
            if (wanted > 0) touches.push_back({static_cast<std::uint32_t>(counter), wanted});
        });
    }
    /// The same for the target of a move. With `watch`, zeros of counters that were below zero at the start stand there
    /// as well: nothing goes to a place while one of its counters is below zero.
    void append_target(const demand_view& demand, const slot& where, flat<counter_touch>& touches) const {
        each(demand, where, [&](std::size_t counter, amount wanted) {
            const bool watched = counter < below_zero_.size() && below_zero_[counter] != 0;
            if (wanted > 0 || watched) touches.push_back({static_cast<std::uint32_t>(counter), wanted});
        });
    }
    void watch(std::span<const amount> free) {
        below_zero_.clear();
        for (const amount left : free) below_zero_.push_back(left < 0 ? 1 : 0);
    }

    /// The capacity of every counter.
    [[nodiscard]] flat<amount> capacities() const {
        flat<amount> all;
        all.reserve(count());
        for (std::size_t n = 0; n < machines_->node_count(); ++n) all.append(machines_->capacity(node_index{n}));
        for (std::size_t g = 0; g < machines_->gpu_count(); ++g) all.append(machines_->capacity(gpu_index{g}));
        for (std::size_t d = 0; d < machines_->domain_count(); ++d) all.append(machines_->capacity(domain_index{d}));
        return all;
    }
    /// What is free of every counter.
    [[nodiscard]] flat<amount> free_of(const ledger& ledger) const {
        flat<amount> all;
        all.reserve(count());
        for (std::size_t n = 0; n < machines_->node_count(); ++n) all.append(ledger.free(node_index{n}));
        for (std::size_t g = 0; g < machines_->gpu_count(); ++g) all.append(ledger.free(gpu_index{g}));
        for (std::size_t d = 0; d < machines_->domain_count(); ++d) all.append(ledger.free(domain_index{d}));
        return all;
    }

private:
    template <class Touch>
    void each(const demand_view& demand, const slot& where, Touch touch) const {
        if (!where.placed()) return;
        // A counter without a limit is in no move's way.
        const auto all = [&](auto place, std::span<const amount> wanted) {
            const std::span<const amount> capacity = machines_->capacity(place);
            for (std::size_t r = 0; r < wanted.size(); ++r) {
                if (capacity[r] < max_amount) touch(first(place) + r, wanted[r]);
            }
        };
        all(where.node, demand.node);
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            all(machines_->gpu(where.node, lowest_gpu(rest)), demand.gpu);
        }
        for (const domain_index d : machines_->domains(where.node)) all(d, demand.domain);
    }

    const fleet* machines_;
    std::size_t node_;
    std::size_t gpu_;
    std::size_t domain_;
    std::size_t first_gpu_;
    std::size_t first_domain_;
    flat<std::uint8_t> below_zero_;
};

/// Moves as demands: each gives back to some counters and takes from others. Ordering needs neither slots nor tasks.
class move_table {
public:
    [[nodiscard]] std::size_t size() const noexcept { return ends_.size() / 2; }
    /// What move m gives back when it ends.
    [[nodiscard]] std::span<const counter_touch> from(std::size_t m) const noexcept { return part(2 * m); }
    /// What move m takes when it begins.
    [[nodiscard]] std::span<const counter_touch> to(std::size_t m) const noexcept { return part(2 * m + 1); }

    /// Adds to the move that is being described; `end_part` closes first its source, then its target.
    [[nodiscard]] flat<counter_touch>& touches() noexcept { return touches_; }
    void end_part() { ends_.push_back(touches_.size()); }
    void clear() noexcept {
        touches_.clear();
        ends_.clear();
    }

private:
    [[nodiscard]] std::span<const counter_touch> part(std::size_t i) const noexcept {
        const std::size_t first = i == 0 ? 0 : ends_[i - 1];
        return {touches_.data() + first, ends_[i] - first};
    }

    flat<counter_touch> touches_;
    flat<std::size_t> ends_;
};

}  // namespace berth::inline v0::detail
