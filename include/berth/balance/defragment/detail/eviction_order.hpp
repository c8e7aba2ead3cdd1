// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// An order of a few moves in which every target has room while its source is still held, with as few of them parked
/// as can be. A depth-first walk over sets of moves that are done; complete up to `most_states` sets.
class eviction_order {
public:
    static constexpr std::size_t longest = 24;

    struct ordered {
        std::size_t which = 0;
        step_kind kind = step_kind::move_task;
    };

    /// False if there is none. `ledger` stands before the first move, and does again afterwards.
    [[nodiscard]] bool find(ledger& ledger, const workload& work, task_moves all, std::size_t most_parked) {
        if (all.size() > longest) return false;
        for (std::size_t parked = 0; parked <= most_parked && parked <= all.size(); ++parked) {
            steps_.clear();
            seen_.clear();
            if (go(ledger, work, all, 0, 0, parked)) {
                parked_ = parked;
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::span<const ordered> steps() const noexcept { return steps_.view(); }
    [[nodiscard]] std::size_t parked() const noexcept { return parked_; }

private:
    static constexpr std::size_t most_states = 512;

    bool go(ledger& ledger, const workload& work, task_moves all, std::uint64_t done, std::uint64_t away,
            std::size_t parks) {
        const std::uint64_t everything = (std::uint64_t{1} << all.size()) - 1;
        if (done == everything) return true;
        const std::uint64_t state = done | away << longest | std::uint64_t{parks} << (2 * longest);
        for (const std::uint64_t s : seen_) {
            if (s == state) return false;
        }
        if (seen_.size() == most_states) return false;
        seen_.push_back(state);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            const demand_view demand = work.demand(all[i].task);
            if ((done & bit) != 0 || !ledger.has_room(demand, all[i].to)) continue;
            const bool fetched = (away & bit) != 0;
            ledger.place(demand, all[i].to);
            if (!fetched) ledger.remove(demand, all[i].from);
            steps_.push_back({i, fetched ? step_kind::fetch : step_kind::move_task});
            const bool found = go(ledger, work, all, done | bit, away & ~bit, parks);
            if (!fetched) ledger.place(demand, all[i].from);
            ledger.remove(demand, all[i].to);
            if (found) return true;
            steps_.pop_back();
        }
        for (std::size_t i = 0; parks > 0 && i < all.size(); ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            if (((done | away) & bit) != 0) continue;
            const demand_view demand = work.demand(all[i].task);
            ledger.remove(demand, all[i].from);
            steps_.push_back({i, step_kind::park});
            const bool found = go(ledger, work, all, done, away | bit, parks - 1);
            ledger.place(demand, all[i].from);
            if (found) return true;
            steps_.pop_back();
        }
        return false;
    }

    flat<ordered> steps_;
    flat<std::uint64_t> seen_;
    std::size_t parked_ = 0;
};

}  // namespace berth::inline v0::detail
