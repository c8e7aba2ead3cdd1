// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/change_list.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// What a search for room reads of a cluster. Its own are only the free amounts that the search changes and restores: a
/// copy, renewed by `follow`. Compare `occupied_fleet`, which keeps all of it for a problem.
class borrowed_fleet {
public:
    static constexpr bool lives = true;  ///< nodes, tasks and demands come and go

    explicit borrowed_fleet(const cluster& lender) : cluster_{&lender}, ledger_{lender.ledger()} { look_at_domains(); }

    /// Reads the cluster again if it has changed. O(counters of the fleet) then.
    void follow() {
        BERTH_ASSERT(ledger_.depth() == 0, "berth: no hypothetical change is open between questions");
        if (structure_ != cluster_->structure_version()) look_at_domains();
        if (seen_ == cluster_->changes().now()) return;
        ledger_ = cluster_->ledger();
        seen_ = cluster_->changes().now();
    }

    [[nodiscard]] berth::problem problem() const noexcept { return cluster_->problem(); }
    [[nodiscard]] const fleet& machines() const noexcept { return cluster_->fleet(); }
    [[nodiscard]] const workload& work() const noexcept { return cluster_->workload(); }
    /// What is left; a search changes it and restores it.
    [[nodiscard]] berth::ledger& ledger() noexcept { return ledger_; }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    [[nodiscard]] const slot& where(task_index t) const noexcept { return cluster_->slots()[t.value()]; }
    /// The tasks placed there and not in flight, in ascending order. Valid until the next call.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const {
        const std::span<const task_index> all = cluster_->tasks_on(n);
        if (cluster_->moving().empty()) return all;
        staying_.clear();
        for (const task_index t : all) {
            if (!cluster_->targets()[t.value()].placed()) staying_.push_back(t);
        }
        return staying_.view();
    }
    [[nodiscard]] const change_list& changes() const noexcept { return cluster_->changes(); }
    /// True if a counter of some domain has a limit.
    [[nodiscard]] bool domains_count() const noexcept { return domains_count_; }

private:
    void look_at_domains() {
        domains_count_ = false;
        for (std::size_t d = 0; d < machines().domain_count(); ++d) {
            for (const amount a : machines().capacity(domain_index{d}))
                domains_count_ = domains_count_ || a < max_amount;
        }
        structure_ = cluster_->structure_version();
    }

    const cluster* cluster_;
    berth::ledger ledger_;
    std::uint64_t seen_ = 0;
    std::uint64_t structure_ = 0;
    bool domains_count_ = false;
    mutable flat<task_index> staying_;  // scratch
};

}  // namespace berth::inline v0::detail
