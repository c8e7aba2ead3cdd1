// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/objective/tier_values.hpp"

#include <array>
#include <compare>
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
// Left out: products of scores (their zero hides every other part) and minima (write a lambda).

namespace berth::inline v0 {

namespace detail {

/// Several prepared scores: their common scope and anonymity, and notifications for all.
template <class... Scores>
struct score_pack {
    static_assert(
        !(is_parted<Scores> || ...),
        "berth: a score made of parts (a weighted_sum with rescaled{...}, or scarcity) is combined per node at every "
        "arrival, so it is no part of another score; list the parts of a sum in the outer one, or leave rescaled out");

    static constexpr score_scope scope =
        ((scope_of<Scores> == score_scope::shape) && ...) ? score_scope::shape : score_scope::task;
    static constexpr bool anonymous = (is_anonymous<Scores> && ...);
    static constexpr std::size_t node_counters_read = [] {
        std::size_t most = 0;
        ((most = node_counters_read_by<Scores> > most ? node_counters_read_by<Scores> : most), ...);
        return most;
    }();

    std::tuple<Scores...> scores;

    constexpr void on_place(const candidate& c) {
        std::apply([&](auto&... score) { (notify_place(score, c), ...); }, scores);
    }
    constexpr void on_remove(const candidate& c) {
        std::apply([&](auto&... score) { (notify_remove(score, c), ...); }, scores);
    }
    constexpr void on_node(const node_view& node) {
        std::apply([&](auto&... score) { (notify_node(score, node), ...); }, scores);
    }
    constexpr void on_settled() {
        std::apply([](auto&... score) { (notify_settled(score), ...); }, scores);
    }
    [[nodiscard]] constexpr auto memory() const {
        return std::apply([](const auto&... score) { return std::tuple{memory_of(score)...}; }, scores);
    }
    template <class Memories>
    constexpr void recall(const Memories& before) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (recall_memory(std::get<I>(scores), std::get<I>(before)), ...);
        }(std::index_sequence_for<Scores...>{});
    }
    [[nodiscard]] constexpr followed follow(const problem& p, std::span<const node_index> changed) {
        followed worst = followed::kept;
        const auto note = [&](followed one) { worst = one > worst ? one : worst; };
        std::apply([&](auto&... score) { (note(notify_fleet<false>(score, p, changed)), ...); }, scores);
        return worst;
    }
};

}  // namespace detail

/// A score stretched linearly so that, over the nodes that fit the arriving task, the worst is 0 and the best 100 (all
/// 0 if they are equal). Only inside the outermost `weighted_sum`. Within a node, GPUs are compared by the unstretched
/// values.
template <class S>
struct rescaled {
    static_assert(placement_score<S>,
                  "berth: rescaled{score} takes a score: double(const candidate&), or a description "
                  "whose prepare(problem) makes one");
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
    double weight = 1.0;  ///< any finite number
    S score;              ///< a score, or one in `rescaled`
};
template <class S>
weighted(double, S) -> weighted<S>;

/// Σ weight · score. A part that is `not_admitted` refuses the candidate, whatever the others and the weights say.
template <class... Scores>
class weighted_sum {
    static constexpr bool any_rescaled = (detail::unwrap_rescaled<Scores>::value || ...);

    template <class S>
    using ready = prepared<typename detail::unwrap_rescaled<S>::type>;

    struct plain_state : detail::score_pack<ready<Scores>...> {
        std::array<double, sizeof...(Scores)> weights{};

        [[nodiscard]] constexpr double operator()(const candidate& c) const {
            std::size_t i = 0;
            return std::apply(
                [&](const auto&... score) {
                    double sum = 0.0;
                    bool refused = false;
                    const auto add = [&](double value) {
                        refused = refused || value == not_admitted;
                        sum += weights[i++] * value;
                    };
                    (add(static_cast<double>(score(c))), ...);
                    return refused ? not_admitted : sum;
                },
                this->scores);
        }
    };

    struct rescaled_state : plain_state {
        static constexpr bool compares_nodes = true;
        static constexpr std::size_t part_count = sizeof...(Scores);
        using part_values = std::array<double, part_count>;

        /// The parts before rescaling.
        [[nodiscard]] constexpr part_values parts(const candidate& c) const {
            return std::apply([&](const auto&... score) { return part_values{static_cast<double>(score(c))...}; },
                              this->scores);
        }
        /// The sum, given the range of each part over the candidates.
        [[nodiscard]] constexpr double combine(const part_values& part, node_index,
                                               const part_range<part_values>& range) const {
            constexpr std::array<bool, part_count> stretch{detail::unwrap_rescaled<Scores>::value...};
            double sum = 0.0;
            for (std::size_t i = 0; i < part_count; ++i) {
                double value = part[i];
                if (stretch[i]) {
                    const double width = range.greatest[i] - range.least[i];
                    value = width > 0.0 ? 100.0 * (value - range.least[i]) / width : 0.0;
                }
                sum += this->weights[i] * value;
            }
            return sum;
        }
    };

public:
    /// A sum of one or more scores.
    constexpr explicit weighted_sum(weighted<Scores>... parts) : parts_{std::move(parts)...} {}

    /// The ready form: a `prepared_score`, a `parted_score` if a part is rescaled.
    [[nodiscard]] constexpr auto prepare(const problem& p) const {
        return std::apply(
            [&](const auto&... part) {
                using pack = detail::score_pack<ready<Scores>...>;
                pack scores{{prepare_score(unwrap(part), p)...}};
                plain_state plain{std::move(scores), {part.weight...}};
                if constexpr (any_rescaled) {
                    return rescaled_state{std::move(plain)};
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

/// Lexicographic: the first score decides, the next only among equals. A tier that is `not_admitted` refuses the
/// candidate.
template <class... Scores>
class tiers {
    static_assert(
        (placement_score<Scores> && ...),
        "berth: tiers{...} lists scores: double(const candidate&), or a description whose prepare(problem) makes one");

    struct state : detail::score_pack<prepared<Scores>...> {
        [[nodiscard]] constexpr tier_values<sizeof...(Scores)> operator()(const candidate& c) const {
            tier_values<sizeof...(Scores)> tier = std::apply(
                [&](const auto&... score) {
                    return tier_values<sizeof...(Scores)>{{static_cast<double>(score(c))...}};
                },
                this->scores);
            for (const double value : tier.values) {
                if (value == not_admitted) tier.values.fill(not_admitted);
            }
            return tier;
        }
    };

public:
    /// Scores in order of importance.
    constexpr explicit tiers(Scores... scores) : scores_{std::move(scores)...} {}

    /// The ready form: a `prepared_score` with `tier_values`.
    [[nodiscard]] constexpr auto prepare(const problem& p) const {
        return std::apply([&](const auto&... score) { return state{{{prepare_score(score, p)...}}}; }, scores_);
    }

private:
    std::tuple<Scores...> scores_;
};

}  // namespace berth::inline v0
