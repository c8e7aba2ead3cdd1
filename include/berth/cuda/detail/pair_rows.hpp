// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/core/rounded.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace berth::inline v0::detail::rows {

// As constants, because device code cannot call members of std::numeric_limits.
inline constexpr double too_dear = std::numeric_limits<double>::infinity();
inline constexpr amount too_much = std::numeric_limits<amount>::max();
inline constexpr std::uint32_t no_gpu = std::numeric_limits<std::uint32_t>::max();

/// Costs and loads in two matrices of the same shape, a row for each task.
struct matrix_pairs {
    const double* costs = nullptr;
    const amount* loads = nullptr;
    std::size_t gpus = 0;

    [[nodiscard]] BERTH_HD double cost(std::size_t t, std::size_t g) const noexcept { return costs[t * gpus + g]; }
    [[nodiscard]] BERTH_HD amount load(std::size_t t, std::size_t g) const noexcept { return loads[t * gpus + g]; }
};

/// Costs and loads in a packed table; costs in units, counted from each task's cheapest GPU.
template <class Word>
struct packed_pairs {
    const Word* words = nullptr;
    std::size_t gpus = 0;

    [[nodiscard]] BERTH_HD double cost(std::size_t t, std::size_t g) const noexcept {
        return static_cast<double>(packing<Word>::cost(words[t * gpus + g]));
    }
    [[nodiscard]] BERTH_HD amount load(std::size_t t, std::size_t g) const noexcept {
        return static_cast<amount>(packing<Word>::load(words[t * gpus + g]));
    }
};

/// A GPU with the reduced cost of a task there; infinite if the task alone exceeds the capacity.
struct priced_gpu {
    double reduced = too_dear;
    amount load = too_much;
    std::uint32_t gpu = no_gpu;

    [[nodiscard]] BERTH_HD bool any() const noexcept { return gpu != no_gpu; }
};
static_assert(std::is_trivially_copyable_v<priced_gpu>);

/// Rows of pairs, with capacities and their prices. `Pairs` is one of the classes above.
template <class Pairs>
struct priced_rows {
    Pairs pairs{};
    const amount* capacities = nullptr;
    const double* prices = nullptr;

    [[nodiscard]] BERTH_HD priced_gpu at(std::size_t t, std::size_t g) const noexcept {
        const amount load = pairs.load(t, g);
        const double reduced = load <= capacities[g]
                                   ? sum_of(pairs.cost(t, g), product_of(prices[g], static_cast<double>(load)))
                                   : too_dear;
        return {reduced, load, static_cast<std::uint32_t>(g)};
    }
};

/// The order of short lists: by reduced cost, then load, then position.
struct in_list_order {
    [[nodiscard]] BERTH_HD bool operator()(const priced_gpu& a, const priced_gpu& b) const noexcept {
        if (a.reduced != b.reduced) return a.reduced < b.reduced;
        return a.load != b.load ? a.load < b.load : a.gpu < b.gpu;
    }
};
struct first_in_list {
    [[nodiscard]] BERTH_HD priced_gpu operator()(const priced_gpu& a, const priced_gpu& b) const noexcept {
        return in_list_order{}(b, a) ? b : a;
    }
};
/// The order of a relaxed optimum: by reduced cost, then position.
struct cheaper {
    [[nodiscard]] BERTH_HD priced_gpu operator()(const priced_gpu& a, const priced_gpu& b) const noexcept {
        if (a.reduced != b.reduced) return b.reduced < a.reduced ? b : a;
        return b.gpu < a.gpu ? b : a;
    }
};

/// The first of the GPUs first, first + step, ... by `Order`.
template <class Order, class Pairs>
[[nodiscard]] BERTH_HD priced_gpu lowest(const priced_rows<Pairs>& rows, std::size_t t, std::size_t first,
                                         std::size_t step) noexcept {
    priced_gpu best;
    for (std::size_t g = first; g < rows.pairs.gpus; g += step) best = Order{}(best, rows.at(t, g));
    return best;
}
/// The first of these GPUs in the order of lists that comes after another one; none if there is none.
template <class Pairs>
[[nodiscard]] BERTH_HD priced_gpu next_in_list(const priced_rows<Pairs>& rows, std::size_t t, const priced_gpu& after,
                                               std::size_t first, std::size_t step) noexcept {
    priced_gpu best;
    for (std::size_t g = first; g < rows.pairs.gpus; g += step) {
        const priced_gpu it = rows.at(t, g);
        if (in_list_order{}(after, it)) best = first_in_list{}(best, it);
    }
    return best;
}

}  // namespace berth::inline v0::detail::rows
