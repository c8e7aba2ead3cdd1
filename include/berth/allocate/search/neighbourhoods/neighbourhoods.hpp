// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"
#include "berth/core/config.hpp"

#include <cstddef>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

/// A neighbourhood with its relative frequency in `neighbourhoods`. Written `0.1 * ruin_and_recreate{}`.
template <neighbourhood N>
struct weighted_neighbourhood {
    double weight = 1.0;  ///< relative frequency, 0 or more
    N neighbourhood;      ///< to try
};

/// Gives a neighbourhood its frequency.
template <neighbourhood N>
[[nodiscard]] constexpr weighted_neighbourhood<N> operator*(double weight, N n) {
    return {weight, std::move(n)};
}

namespace detail {

template <class N>
inline constexpr bool is_weighted_neighbourhood = false;
template <class N>
inline constexpr bool is_weighted_neighbourhood<weighted_neighbourhood<N>> = true;

template <class N>
[[nodiscard]] constexpr auto with_frequency(N n) {
    if constexpr (is_weighted_neighbourhood<N>) {
        return n;
    } else {
        static_assert(neighbourhood<N>,
                      "berth: a neighbourhood has propose(space, random, out) const, which writes moves into out "
                      "and returns true if there are any (allocate/search/neighbourhoods/concepts.hpp)");
        return weighted_neighbourhood<N>{1.0, std::move(n)};
    }
}

}  // namespace detail

/// Several neighbourhoods in one, each tried in proportion to its weight (default 1, none negative, one above 0):
/// `neighbourhoods{4.0 * shift{}, swap{}, 0.1 * ruin_and_recreate{}}`. Itself a neighbourhood.
template <class... Ns>
class neighbourhoods {
public:
    /// Neighbourhoods, weighted or not.
    template <class... Given>
        requires(sizeof...(Given) == sizeof...(Ns))
    constexpr explicit neighbourhoods(Given... given) : all_{detail::with_frequency(std::move(given))...} {
        std::apply([this](const auto&... one) { ((total_ += one.weight), ...); }, all_);
        BERTH_ASSERT(total_ > 0.0, "berth: one of the neighbourhoods has a weight above 0");
    }

    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        double left = uniform01(random) * total_;
        bool proposed = false;
        bool tried = false;
        const auto attempt = [&](const auto& one) {
            left -= one.weight;
            if (left >= 0.0) return false;
            tried = true;
            proposed = one.neighbourhood.propose(space, random, out);
            return true;
        };
        std::apply([&](const auto&... one) { (void)(attempt(one) || ...); }, all_);
        if (!tried) proposed = std::get<0>(all_).neighbourhood.propose(space, random, out);
        return proposed;
    }

private:
    std::tuple<weighted_neighbourhood<Ns>...> all_;
    double total_ = 0.0;
};
template <class... Given>
neighbourhoods(Given...) -> neighbourhoods<decltype(detail::with_frequency(std::declval<Given>()).neighbourhood)...>;

}  // namespace berth::inline v0
