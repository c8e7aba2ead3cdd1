// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/objective/concepts.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth {

/// What counts as one place for the tasks of a group.
struct place_of {
    static constexpr std::size_t node_level = std::numeric_limits<std::size_t>::max();
    std::size_t level = node_level;  ///< a level of domains (rack, zone, ...), or the node itself
};

namespace detail {

/// Pairs of tasks of one group, counted when both have a place and the places are equal (`Together`) or differ.
template <bool Together>
class group_pairs {
public:
    group_pairs(place_of place, const problem& p, std::span<const slot> start)
        : place_{place}, problem_{p}, assignment_(start.begin(), start.end()) {
        const workload& tasks = p.workload();
        for (std::size_t g = 0; g < tasks.group_count(); ++g) {
            const auto members = tasks.members(group_index{g});
            for (std::size_t i = 0; i < members.size(); ++i) {
                for (std::size_t j = 0; j < i; ++j) {
                    pairs_ += counts(key(start[members[i].value()]), key(start[members[j].value()]));
                }
            }
        }
    }
    [[nodiscard]] double value() const noexcept { return static_cast<double>(pairs_); }
    [[nodiscard]] double delta(relocations all) const { return static_cast<double>(change(all)); }
    void apply(relocations all) {
        pairs_ += change(all);
        for (const relocation& r : all) assignment_[r.task.value()] = r.to;
    }

private:
    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};

    [[nodiscard]] static std::int64_t counts(std::uint64_t a, std::uint64_t b) noexcept {
        return a != nowhere && b != nowhere && (a == b) == Together ? 1 : 0;
    }
    [[nodiscard]] std::uint64_t key(const slot& where) const noexcept {
        if (!where.placed()) return nowhere;
        if (place_.level == place_of::node_level) return where.node.value();
        for (const domain_index d : problem_.fleet().domains(where.node)) {
            if (problem_.fleet().level(d) == place_.level) return d.value();
        }
        return nowhere;
    }
    /// One relocation after the other: those before it have happened, those after it have not.
    [[nodiscard]] std::int64_t change(relocations all) const {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const relocation& r = all[i];
            const std::uint64_t from = key(r.from);
            const std::uint64_t to = key(r.to);
            const group_index group = problem_.workload().group(r.task);
            if (from == to || !group.valid()) continue;
            for (const task_index other : problem_.workload().members(group)) {
                if (other == r.task) continue;
                slot where = assignment_[other.value()];
                for (std::size_t j = 0; j < i; ++j) {
                    if (all[j].task == other) where = all[j].to;
                }
                sum += counts(to, key(where)) - counts(from, key(where));
            }
        }
        return sum;
    }

    place_of place_;
    problem problem_;
    assignment assignment_;
    std::int64_t pairs_ = 0;
};

}  // namespace detail

/// Anti-affinity: pairs of tasks of one group in the same place. 0 when every group is spread as far as it goes. A task whose
/// node has no domain of the level counts as nowhere. A delta is O(tasks of the group) per relocation.
struct spread_of_groups {
    place_of place{};

    [[nodiscard]] static constexpr const char* name() noexcept { return "spread"; }
    [[nodiscard]] detail::group_pairs<true> prepare(const problem& p, std::span<const slot> start) const {
        return {place, p, start};
    }
};

/// Co-location: pairs of tasks of one group in different places. 0 when every group is together.
struct colocation_of_groups {
    place_of place{};

    [[nodiscard]] static constexpr const char* name() noexcept { return "co-location"; }
    [[nodiscard]] detail::group_pairs<false> prepare(const problem& p, std::span<const slot> start) const {
        return {place, p, start};
    }
};

static_assert(term<spread_of_groups> && term<colocation_of_groups>);

}  // namespace berth
