// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Takes a hypothetical departure back. Where more runs than there is capacity for, there is no room for it.
inline void put_back(ledger& ledger, const demand_view& demand, const slot& from) { (void)ledger.occupy(demand, from); }

/// True for a task of a gang, which is not parked: the others would wait for it.
[[nodiscard]] inline bool in_gang(const workload& work, task_index t) noexcept {
    const group_index group = work.group(t);
    return group.valid() && work.is_gang(group);
}

/// Orders a few moves so that every target has room while its source is still held, with as few tasks parked as
/// possible. Depth-first search over sets of finished moves, memoised; complete up to `max_states` sets for each number
/// of parked tasks.
class eviction_order {
public:
    static constexpr std::size_t max_moves = 24;

    struct ordered {
        std::size_t which = 0;
        step_kind kind = step_kind::move_task;
    };

    /// False if there is none, or if the poll interrupts the search. The ledger stands before the first move, and does
    /// again afterwards.
    [[nodiscard]] bool find(ledger& ledger, const workload& work, task_moves all, std::size_t max_parked,
                            stop_poll& poll) {
        if (all.size() > max_moves) return false;
        for (std::size_t parked = 0; parked <= max_parked && parked <= all.size(); ++parked) {
            if (parked > 0 && poll.interrupted(32)) return false;
            steps_.clear();
            seen_.clear();
            if (extend(ledger, work, all, 0, 0, parked)) {
                parked_ = parked;
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::span<const ordered> steps() const noexcept { return steps_.view(); }
    [[nodiscard]] std::size_t parked() const noexcept { return parked_; }

private:
    static constexpr std::size_t max_states = 512;

    bool extend(ledger& ledger, const workload& work, task_moves all, std::uint64_t done, std::uint64_t away,
                std::size_t parks) {
        const std::uint64_t everything = (std::uint64_t{1} << all.size()) - 1;
        if (done == everything) return true;
        const std::uint64_t state = done | away << max_moves | std::uint64_t{parks} << (2 * max_moves);
        for (const std::uint64_t s : seen_) {
            if (s == state) return false;
        }
        if (seen_.size() == max_states) return false;
        seen_.push_back(state);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            const demand_view demand = work.demand(all[i].task);
            if ((done & bit) != 0 || !ledger.has_room(demand, all[i].to)) continue;
            const bool parked = (away & bit) != 0;
            ledger.place(demand, all[i].to);
            if (!parked) ledger.remove(demand, all[i].from);
            steps_.push_back({i, parked ? step_kind::fetch : step_kind::move_task});
            const bool found = extend(ledger, work, all, done | bit, away & ~bit, parks);
            if (!parked) put_back(ledger, demand, all[i].from);
            ledger.remove(demand, all[i].to);
            if (found) return true;
            steps_.pop_back();
        }
        for (std::size_t i = 0; parks > 0 && i < all.size(); ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            if (((done | away) & bit) != 0 || in_gang(work, all[i].task)) continue;
            const demand_view demand = work.demand(all[i].task);
            ledger.remove(demand, all[i].from);
            steps_.push_back({i, step_kind::park});
            const bool found = extend(ledger, work, all, done, away | bit, parks - 1);
            put_back(ledger, demand, all[i].from);
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
