// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/group_places.hpp"
#include "berth/objective/place_of.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The number of places that groups lack to be in the required number of different places, summed over groups: so that
/// a service survives the failure of one rack. A task whose node has no domain of the level counts as unplaced. Exact;
/// deterministic. A delta is O(1) for one move, O(k^2) for k of one group. The spread constraint of the ROADEF/EURO
/// challenge 2012.
struct least_spread {
    std::span<const std::size_t> least;  ///< places per group, 0 for no requirement; outlives the objective
    place_of place{.level = 0};          ///< nodes or the domains of a level

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "least spread"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const least_spread& term, const problem& p, std::span<const slot> start) : groups_{term.place, p, start} {
            BERTH_ASSERT(term.least.size() == p.workload().group_count(), "berth: a least spread for every group");
            for (std::size_t g = 0; g < term.least.size(); ++g) {
                least_.push_back(static_cast<std::int64_t>(term.least[g]));
                missing_ += missing(group_index{g}, groups_.distinct(group_index{g}));
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(missing_); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const { return static_cast<double>(change(all)); }
        /// Carries the moves out.
        void apply(task_moves all) {
            missing_ += change(all);
            for (const task_move& r : all) groups_.apply(r);
        }

    private:
        [[nodiscard]] std::int64_t missing(group_index g, std::int64_t places) const noexcept {
            const std::int64_t short_by = least_[g.value()] - places;
            return short_by > 0 ? short_by : 0;
        }
        [[nodiscard]] std::int64_t change(task_moves all) const {
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < all.size(); ++i) {
                const group_index g = groups_.group(all[i]);
                if (!g.valid() || least_[g.value()] == 0 || seen_before(all.first(i), g)) continue;
                const std::int64_t places = groups_.distinct(g);
                std::int64_t after = places;
                for (std::size_t j = i; j < all.size(); ++j) {
                    if (groups_.group(all[j]) == g) after += opened(g, all[j], all.first(j));
                }
                sum += missing(g, after) - missing(g, places);
            }
            return sum;
        }
        [[nodiscard]] bool seen_before(task_moves earlier, group_index g) const {
            for (const task_move& r : earlier) {
                if (groups_.group(r) == g) return true;
            }
            return false;
        }
        /// The number of places that the group enters less those that it leaves.
        [[nodiscard]] std::int64_t opened(group_index g, const task_move& r, task_moves done) const {
            constexpr auto nowhere = detail::group_places::nowhere;
            const auto from = groups_.at(r.from);
            const auto to = groups_.at(r.to);
            if (from == to) return 0;
            const bool enters = to != nowhere && groups_.count(g, to, done) == 0;
            const bool leaves = from != nowhere && groups_.count(g, from, done) == 1;
            return (enters ? 1 : 0) - (leaves ? 1 : 0);
        }

        detail::group_places groups_;
        detail::flat<std::int64_t> least_;
        std::int64_t missing_ = 0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {*this, p, start}; }
};

static_assert(term<least_spread>);

}  // namespace berth::inline v0
