// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/group_places.hpp"
#include "berth/objective/place_of.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// A task of `dependent` should have one of `provider` in its place. One way.
struct group_dependency {
    group_index dependent{};  ///< the group that needs the other
    group_index provider{};   ///< the group that is needed

    /// Equal groups.
    friend constexpr bool operator==(const group_dependency&, const group_dependency&) noexcept = default;
};

/// The number of unmet dependencies: pairs of a dependency and a place (a domain of the level) that holds a task of the
/// dependent group and none of the provider. A task whose node has no domain of the level does not count on either
/// side.
///
/// A dependency listed twice counts twice. Exact; deterministic. A delta is O(1), and O(dependencies of the group)
/// where a group enters a place or leaves it; for k moves each of these is O(k).
struct group_dependencies {
    std::span<const group_dependency> pairs;  ///< outlives the objective
    place_of place{.level = 1};               ///< the level of domains

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "group dependencies"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const group_dependencies& term, const problem& p, std::span<const slot> start)
            : groups_{term.place, p, start} {
            list(term.pairs, p.workload().group_count());
            for (const group_dependency& pair : term.pairs) {
                groups_.each_place(pair.dependent, [&](detail::group_places::place where, std::int64_t) {
                    unmet_ += groups_.count(pair.provider, where, {}) == 0 ? 1 : 0;
                });
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(unmet_); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const { return static_cast<double>(change(all)); }
        /// Carries the moves out.
        void apply(task_moves all) {
            unmet_ += change(all);
            for (const task_move& r : all) groups_.apply(r);
        }

    private:
        /// For every group its providers, then the groups that depend on it; one list after the other.
        void list(std::span<const group_dependency> all, std::size_t groups) {
            const auto each = [&](const auto& f) {
                for (const group_dependency& pair : all) {
                    if (pair.dependent == pair.provider) continue;
                    f(2 * pair.dependent.value(), pair.provider);
                    f(2 * pair.provider.value() + 1, pair.dependent);
                }
            };
            begin_.resize(2 * groups + 2, 0);
            each([&](std::size_t of, group_index) { ++begin_[of + 2]; });
            for (std::size_t i = 2; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
            related_.resize(begin_[2 * groups + 1]);
            each([&](std::size_t of, group_index other) { related_[begin_[of + 1]++] = other; });
        }
        [[nodiscard]] std::span<const group_index> related(std::size_t of) const noexcept {
            return {related_.data() + begin_[of], begin_[of + 1] - begin_[of]};
        }

        /// Move by move, each after those before it.
        [[nodiscard]] std::int64_t change(task_moves all) const {
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < all.size(); ++i) {
                const task_moves done = all.first(i);
                const group_index g = groups_.group(all[i]);
                const auto from = groups_.at(all[i].from);
                const auto to = groups_.at(all[i].to);
                if (from == to || !g.valid() || begin_[2 * g.value()] == begin_[2 * g.value() + 2]) continue;
                if (from != detail::group_places::nowhere && groups_.count(g, from, done) == 1) {
                    sum -= unmet_for(g, from, done);
                }
                if (to != detail::group_places::nowhere && groups_.count(g, to, done) == 0) {
                    sum += unmet_for(g, to, done);
                }
            }
            return sum;
        }
        /// The unmet dependencies that a group adds by being in a place, less those of others that it meets.
        [[nodiscard]] std::int64_t unmet_for(group_index g, detail::group_places::place where, task_moves done) const {
            std::int64_t sum = 0;
            for (const group_index provider : related(2 * g.value())) {
                sum += groups_.count(provider, where, done) == 0 ? 1 : 0;
            }
            for (const group_index dependent : related(2 * g.value() + 1)) {
                sum -= groups_.count(dependent, where, done) > 0 ? 1 : 0;
            }
            return sum;
        }

        detail::group_places groups_;
        detail::flat<std::size_t> begin_;  // of the providers of group g at 2g, of its dependents at 2g + 1
        detail::flat<group_index> related_;
        std::int64_t unmet_ = 0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {*this, p, start}; }
};

static_assert(term<group_dependencies>);

}  // namespace berth::inline v0
