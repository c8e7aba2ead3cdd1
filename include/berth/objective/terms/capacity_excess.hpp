// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/excess_rows.hpp"
#include "berth/objective/places.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

namespace detail {

struct plain_counter {
    [[nodiscard]] static constexpr amount weight() noexcept { return 1; }
    [[nodiscard]] static amount change(const amount* wanted, std::size_t k) noexcept { return wanted[k]; }
};

/// All counters of some places against their capacities.
template <berth::counter_places Places>
struct capacity_rows : excess_rows<Places, plain_counter, std::dynamic_extent> {
    explicit capacity_rows(const problem& p)
        : excess_rows<Places, plain_counter, std::dynamic_extent>{
              p, row_of<plain_counter, std::dynamic_extent>{Places::counters(p.fleet())},
              [&](std::size_t place, std::size_t k) { return -summable(Places::capacity(p.fleet(), place)[k]); }} {}
};

}  // namespace detail

/// The sum of all excesses of counters over their capacities, of GPUs, nodes and domains: 0 if and only if no counter
/// is exceeded. Exact integers; amounts of different units (thousandths, MiB, ...) are added as numbers. Health and
/// accepted models are not counters and do not matter. A delta is O(counters of the slots).
struct capacity_excess {
    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "capacity excess"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const problem& p, std::span<const slot> start) : gpus_{p}, nodes_{p}, domains_{p} {
            for (std::size_t t = 0; t < start.size(); ++t) {
                const task_move arrival{task_index{t}, unplaced, start[t]};
                apply({&arrival, 1});
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return gpus_.value() + nodes_.value() + domains_.value(); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            return gpus_.delta(all) + nodes_.delta(all) + domains_.delta(all);
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            gpus_.apply(all);
            nodes_.apply(all);
            domains_.apply(all);
        }

    private:
        detail::capacity_rows<on_gpus> gpus_;
        detail::capacity_rows<on_nodes> nodes_;
        detail::capacity_rows<on_domains> domains_;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {p, start}; }
};

static_assert(term<capacity_excess>);

}  // namespace berth::inline v0
