// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The best of many candidates, kept while one of them changes at a time. `wins(a, b)` with a > b: candidate a is
/// strictly better than b; among equals the lowest position wins.
class winner_tree {
public:
    /// O(count).
    template <class Wins>
    void build(std::size_t count, const Wins& wins) {
        std::size_t leaves = 1;
        while (leaves < count) leaves *= 2;
        winners_.assign(2 * leaves, 0);
        for (std::size_t i = 0; i < leaves; ++i) winners_[leaves + i] = i < count || count == 0 ? i : count - 1;
        for (std::size_t i = leaves; i-- > 1;) decide(i, wins);
    }
    /// O(log count).
    template <class Wins>
    void update(std::size_t changed, const Wins& wins) {
        for (std::size_t i = (winners_.size() / 2 + changed) / 2; i > 0; i /= 2) decide(i, wins);
    }
    /// Requires at least one candidate.
    [[nodiscard]] std::size_t winner() const noexcept { return winners_[1]; }

private:
    template <class Wins>
    void decide(std::size_t i, const Wins& wins) {
        const std::size_t a = winners_[2 * i];
        const std::size_t b = winners_[2 * i + 1];
        winners_[i] = wins(b, a) ? b : a;
    }

    flat<std::size_t> winners_;  // winner of pair i at i; the candidates themselves in the second half
};

}  // namespace berth::inline v0::detail
