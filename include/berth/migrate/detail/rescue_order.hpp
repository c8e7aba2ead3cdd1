// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/migrate/migration_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::detail {

/// An order of a few relocations in which every target has room while its source is still held, with as few of them parked
/// as can be. A depth-first walk over sets of relocations that are done; complete up to `most_states` sets.
class rescue_order {
public:
    static constexpr std::size_t longest = 24;

    struct ordered {
        std::size_t which = 0;
        step_kind kind = step_kind::relocate;
    };

    /// False if there is none. `books` stands before the first relocation, and does again afterwards.
    [[nodiscard]] bool find(ledger& books, const workload& work, relocations all, std::size_t most_parked) {
        if (all.size() > longest) return false;
        for (std::size_t parked = 0; parked <= most_parked && parked <= all.size(); ++parked) {
            steps_.clear();
            seen_.clear();
            if (go(books, work, all, 0, 0, parked)) {
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

    bool go(ledger& books, const workload& work, relocations all, std::uint64_t done, std::uint64_t away,
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
            if ((done & bit) != 0 || !books.has_room(demand, all[i].to)) continue;
            const bool fetched = (away & bit) != 0;
            books.place(demand, all[i].to);
            if (!fetched) books.remove(demand, all[i].from);
            steps_.push_back({i, fetched ? step_kind::fetch : step_kind::relocate});
            const bool found = go(books, work, all, done | bit, away & ~bit, parks);
            if (!fetched) books.place(demand, all[i].from);
            books.remove(demand, all[i].to);
            if (found) return true;
            steps_.pop_back();
        }
        for (std::size_t i = 0; parks > 0 && i < all.size(); ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            if (((done | away) & bit) != 0) continue;
            const demand_view demand = work.demand(all[i].task);
            books.remove(demand, all[i].from);
            steps_.push_back({i, step_kind::park});
            const bool found = go(books, work, all, done, away | bit, parks - 1);
            books.place(demand, all[i].from);
            if (found) return true;
            steps_.pop_back();
        }
        return false;
    }

    flat<ordered> steps_;
    flat<std::uint64_t> seen_;
    std::size_t parked_ = 0;
};

}  // namespace berth::detail
