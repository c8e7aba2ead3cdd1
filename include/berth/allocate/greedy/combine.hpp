// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/score_pack.hpp"
#include "berth/core/index.hpp"
#include "berth/objective/tier_values.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

// Scores made of scores. When to use which:
//
//   weighted_sum{weighted{0.3, a}, weighted{0.7, b}}            one trade-off, values on comparable scales
//   weighted_sum{weighted{0.1, rescaled{a}}, weighted{0.9, b}}  scales differ: a is mapped to 0..100 over nodes that
//                                                               fit, at every arrival (a pass over the cached values)
//   tiers{a, b}                                                 b only decides between candidates of equal a
//
// They nest: any score stands in them, `scarcity` and sums with `rescaled` too. Such a combination is a `parted_score`
// that keeps what its scores keep, side by side.
//
// Left out: products of scores (their zero hides every other part) and minima (write a lambda).

namespace berth::inline v0 {

/// A score stretched linearly so that, over the nodes that fit the arriving task, the worst is 0 and the best 100 (all
/// 0 if they are equal). Only inside a `weighted_sum`. Within a node, GPUs are compared by the unstretched values.
template <class S>
struct rescaled {
    static_assert(placement_score<S>,
                  "berth: rescaled{score} takes a score: double(const candidate&), or a description "
                  "whose prepare(problem) makes one");
    static_assert(!parted_score<prepared<S>>,
                  "berth: rescaled{score} takes no score made of parts (scarcity, or a combination with it or with "
                  "rescaled): its values follow prices or other nodes, so that they have no range that could be kept; "
                  "put rescaled around the scores inside");
    S score;  ///< any but one made of parts

    /// Does not compile: the enclosing `weighted_sum` prepares the score.
    template <class Problem>
    constexpr auto prepare(const Problem&) const {
        static_assert(sizeof(Problem) == 0, "berth: rescaled{...} stands only inside a weighted_sum");
    }
};
template <class S>
rescaled(S) -> rescaled<S>;

namespace detail {

template <class S>
struct unwrap_rescaled {
    using type = S;
    static constexpr bool value = false;
    static constexpr const S& get(const S& score) { return score; }  // NOLINT(bugprone-return-const-ref-from-parameter)
};
template <class S>
struct unwrap_rescaled<rescaled<S>> {
    using type = S;
    static constexpr bool value = true;
    static constexpr const S& get(const rescaled<S>& score) { return score.score; }
};

}  // namespace detail

/// A score with its weight.
template <class S>
struct weighted {
    static_assert(placement_score<typename detail::unwrap_rescaled<S>::type>,
                  "berth: weighted{weight, score} takes a score: double(const candidate&), or a description whose "
                  "prepare(problem) makes one");
    static_assert(detail::value_count<prepared<typename detail::unwrap_rescaled<S>::type>> == 1,
                  "berth: weighted{weight, score} takes a score that yields a number; tiers yield several");
    double weight = 1.0;  ///< any finite number
    S score;              ///< a score, or one in `rescaled`
};
template <class S>
weighted(double, S) -> weighted<S>;

/// Σ weight · score. A score that is `not_admitted` refuses the candidate, whatever the others and the weights say.
template <class... Scores>
class weighted_sum : public detail::inherited_selection<typename detail::unwrap_rescaled<Scores>::type...> {
    using pack = detail::score_pack<typename detail::unwrap_rescaled<Scores>::type...>;
    static constexpr bool any_rescaled = (detail::unwrap_rescaled<Scores>::value || ...);
    using numbers = std::array<double, sizeof...(Scores)>;

    struct plain_state : pack {
        numbers weights{};

        [[nodiscard]] constexpr double operator()(const candidate& c) const { return sum(this->values(c)); }
        /// Of the only score, if that is made of parts.
        [[nodiscard]] constexpr scored_gpus<double> best_gpu(const candidate& c, gpu_mask fitting) const
            requires(pack::lends_best_gpu)
        {
            if (weights[0] > 0.0) {
                const auto found = std::get<0>(this->scores).best_gpu(c, fitting);
                numbers value{};
                double* to = value.data();
                detail::append_values(found.value, to);
                return {sum(value), found.gpus};
            }
            scored_gpus<double> found{};
            candidate one = c;
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                one.gpus = rest & (~rest + 1);
                const double value = (*this)(one);
                if (found.gpus == 0 || value > found.value) found = {value, one.gpus};
            }
            return found;
        }

    protected:
        [[nodiscard]] constexpr double sum(const numbers& of) const {
            double total = 0.0;
            for (std::size_t i = 0; i < of.size(); ++i) {
                if (of[i] == not_admitted) return not_admitted;
                total += weights[i] * of[i];
            }
            return total;
        }
    };

    struct parted_state : plain_state {
        static constexpr bool compares_nodes = any_rescaled || pack::any_compares_nodes;
        using part_values = typename pack::part_values;

        /// The sum, given the range of each part over the candidates.
        [[nodiscard]] constexpr double combine(const part_values& kept, node_index n,
                                               const part_range<part_values>& range) const {
            constexpr std::array<bool, sizeof...(Scores)> stretch{detail::unwrap_rescaled<Scores>::value...};
            constexpr std::array<std::size_t, sizeof...(Scores)> sizes{
                detail::kept_parts<prepared<typename detail::unwrap_rescaled<Scores>::type>>::count...};
            numbers of = this->combined(kept, n, range);
            std::size_t part = 0;
            for (std::size_t i = 0; i < of.size(); part += sizes[i++]) {
                if (!stretch[i]) continue;
                const double width = double{range.greatest[part]} - double{range.least[part]};
                of[i] = width > 0.0 ? 100.0 * (of[i] - double{range.least[part]}) / width : 0.0;
            }
            return this->sum(of);
        }
    };

public:
    /// A sum of one or more scores.
    constexpr explicit weighted_sum(weighted<Scores>... parts) : parts_{std::move(parts)...} {}

    /// The ready form: a `prepared_score`, a `parted_score` if a score is rescaled or made of parts.
    [[nodiscard]] constexpr auto prepare(const problem& p) const {
        return std::apply(
            [&](const auto&... part) {
                plain_state plain{{{prepare_score(unwrap(part), p)...}}, {part.weight...}};
                if constexpr (any_rescaled || pack::any_parted) {
                    return parted_state{std::move(plain)};
                } else {
                    return plain;
                }
            },
            parts_);
    }

private:
    template <class S>
    [[nodiscard]] static constexpr const auto& unwrap(const weighted<S>& part) {
        return detail::unwrap_rescaled<S>::get(part.score);
    }
    std::tuple<weighted<Scores>...> parts_;
};
template <class... Scores>
weighted_sum(weighted<Scores>...) -> weighted_sum<Scores...>;

/// Lexicographic: the first score decides, the next only among equals. Tiers in tiers are as if they were listed. A
/// tier that is `not_admitted` refuses the candidate.
template <class... Scores>
class tiers : public detail::inherited_selection<Scores...> {
    static_assert(
        (placement_score<Scores> && ...),
        "berth: tiers{...} lists scores: double(const candidate&), or a description whose prepare(problem) makes one");
    using pack = detail::score_pack<Scores...>;
    using value = tier_values<pack::all_values>;

    struct plain_state : pack {
        [[nodiscard]] constexpr value operator()(const candidate& c) const {
            return refused_as_a_whole({this->values(c)});
        }
        /// Of the only score, if that is made of parts.
        [[nodiscard]] constexpr scored_gpus<value> best_gpu(const candidate& c, gpu_mask fitting) const
            requires(pack::lends_best_gpu)
        {
            const auto found = std::get<0>(this->scores).best_gpu(c, fitting);
            value tier{};
            double* to = tier.values.data();
            detail::append_values(found.value, to);
            return {refused_as_a_whole(tier), found.gpus};
        }

    private:
        [[nodiscard]] static constexpr value refused_as_a_whole(value tier) {
            for (const double one : tier.values) {
                if (one == not_admitted) {
                    tier.values.fill(not_admitted);
                    break;
                }
            }
            return tier;
        }
    };
    struct parted_state : plain_state {
        static constexpr bool compares_nodes = pack::any_compares_nodes;
        using part_values = typename pack::part_values;

        [[nodiscard]] constexpr value combine(const part_values& kept, node_index n,
                                              const part_range<part_values>& range) const {
            return {this->combined(kept, n, range)};
        }
    };

public:
    /// Scores in order of importance.
    constexpr explicit tiers(Scores... scores) : scores_{std::move(scores)...} {}

    /// The ready form: a `prepared_score` with `tier_values`, a `parted_score` if a score is made of parts.
    [[nodiscard]] constexpr auto prepare(const problem& p) const {
        return std::apply(
            [&](const auto&... score) {
                plain_state plain{{{prepare_score(score, p)...}}};
                if constexpr (pack::any_parted) {
                    return parted_state{std::move(plain)};
                } else {
                    return plain;
                }
            },
            scores_);
    }

private:
    std::tuple<Scores...> scores_;
};

}  // namespace berth::inline v0
