// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_run.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Groups of moves that wait for each other: moves that share contested counters, directly or through others. Each
/// group can be ordered independently of the rest.
class move_groups {
public:
    [[nodiscard]] std::size_t size() const noexcept { return begin_.empty() ? 0 : begin_.size() - 1; }
    /// The moves of a group, ascending.
    [[nodiscard]] std::span<const std::uint32_t> operator[](std::size_t g) const noexcept {
        return {moves_.data() + begin_[g], begin_[g + 1] - begin_[g]};
    }
    /// Moves of all groups.
    [[nodiscard]] std::size_t moves() const noexcept { return moves_.size(); }

    /// Divides the moves that are pending. O(touches log touches).
    void split(const move_table& left, const order_run& rules, std::size_t counters) {
        flat<std::uint32_t> parent(left.size(), 0);
        for (std::size_t m = 0; m < left.size(); ++m) parent[m] = static_cast<std::uint32_t>(m);
        const auto root = [&parent](std::uint32_t m) {
            while (parent[m] != m) {
                parent[m] = parent[parent[m]];
                m = parent[m];
            }
            return m;
        };
        constexpr std::uint32_t none = ~std::uint32_t{0};
        flat<std::uint32_t> seen(counters, none);
        for (std::size_t m = 0; m < left.size(); ++m) {
            if (!rules.pending(m)) continue;
            for (const auto& part : {left.from(m), left.to(m)}) {
                for (const counter_touch& t : part) {
                    if (!rules.contested(t.counter)) continue;
                    if (seen[t.counter] == none) {
                        seen[t.counter] = static_cast<std::uint32_t>(m);
                        continue;
                    }
                    const std::uint32_t a = root(seen[t.counter]);
                    const std::uint32_t b = root(static_cast<std::uint32_t>(m));
                    if (a < b) {
                        parent[b] = a;
                    } else {
                        parent[a] = b;
                    }
                }
            }
        }
        flat<std::uint32_t> pending;
        for (std::size_t m = 0; m < left.size(); ++m) {
            if (rules.pending(m)) pending.push_back(static_cast<std::uint32_t>(m));
        }
        const auto sorted = sorted_positions(pending.size(), [&](std::size_t a, std::size_t b) {
            const std::uint32_t of_a = root(pending[a]);
            const std::uint32_t of_b = root(pending[b]);
            return of_a != of_b ? of_a < of_b : pending[a] < pending[b];
        });
        moves_.clear();
        begin_.clear();
        for (std::size_t i = 0; i < sorted.size(); ++i) {
            const std::uint32_t m = pending[sorted[i]];
            if (i == 0 || root(m) != root(moves_.back())) begin_.push_back(i);
            moves_.push_back(m);
        }
        begin_.push_back(moves_.size());
    }

private:
    flat<std::uint32_t> moves_;
    flat<std::size_t> begin_;
};

}  // namespace berth::inline v0::detail
