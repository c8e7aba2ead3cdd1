// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/objective/tier_values.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// The number of values that a ready score yields: those of its tiers, else one.
template <class S>
inline constexpr std::size_t value_count = [] {
    using value = std::remove_cvref_t<decltype(std::declval<const S&>()(std::declval<const candidate&>()))>;
    if constexpr (requires { value::tier_count; }) {
        return value::tier_count;
    } else {
        return std::size_t{1};
    }
}();

/// Writes a score's value, tier by tier.
template <class Value>
constexpr void append_values(const Value& value, double*& to) {
    if constexpr (requires { Value::tier_count; }) {
        for (const double tier : value.values) *to++ = tier;
    } else {
        *to++ = static_cast<double>(value);
    }
}

/// What a ready score keeps per node: its parts if it is made of parts, else its values.
template <class S>
struct kept_parts {
    using number = double;
    static constexpr std::size_t count = value_count<S>;
    static constexpr bool compares_nodes = false;
};
template <parted_score S>
struct kept_parts<S> {
    using number = typename S::part_values::value_type;
    static constexpr std::size_t count = std::tuple_size_v<typename S::part_values>;
    static constexpr bool compares_nodes = S::compares_nodes;
};

/// A ready score whose combination follows prices.
template <class S>
inline constexpr bool follows_prices = parted_score<S> && requires(const S& s) { s.price_version(std::size_t{}); };

template <class S>
inline constexpr bool finds_best_gpu = requires(const S& s, const candidate& c) { s.best_gpu(c, gpu_mask{}); };

/// The default GPU selection of a combination: that of the first score which names one.
template <class... Descriptions>
struct inherited_selection {};
template <class First, class... Rest>
struct inherited_selection<First, Rest...> : inherited_selection<Rest...> {};
template <class First, class... Rest>
    requires requires { typename First::default_gpu_selection; }
struct inherited_selection<First, Rest...> {
    using default_gpu_selection = typename First::default_gpu_selection;
};

/// Several ready scores: their common scope and anonymity, notifications for all, and what they keep per node, side by
/// side. A combination of which any is made of parts is itself made of these.
///
/// @tparam Descriptions  what the scores are prepared from
template <class... Descriptions>
struct score_pack {
    static constexpr score_scope scope =
        ((scope_of<prepared<Descriptions>> == score_scope::shape) && ...) ? score_scope::shape : score_scope::task;
    static constexpr bool anonymous = (is_anonymous<prepared<Descriptions>> && ...);
    static constexpr std::size_t node_counters_read = [] {
        std::size_t most = 0;
        ((most = node_counters_read_by<prepared<Descriptions>> > most ? node_counters_read_by<prepared<Descriptions>>
                                                                      : most),
         ...);
        return most;
    }();
    static constexpr bool follows_cluster = (detail::follows_cluster<prepared<Descriptions>> && ...);
    static constexpr std::size_t all_values = (value_count<prepared<Descriptions>> + ...);
    static constexpr bool any_parted = (parted_score<prepared<Descriptions>> || ...);
    /// A combination of one score made of parts compares GPUs as that score does.
    static constexpr bool lends_best_gpu =
        any_parted && sizeof...(Descriptions) == 1 && (finds_best_gpu<prepared<Descriptions>> && ...);
    static constexpr bool any_compares_nodes = (kept_parts<prepared<Descriptions>>::compares_nodes || ...);
    using part_values = std::array<std::common_type_t<typename kept_parts<prepared<Descriptions>>::number...>,
                                   (kept_parts<prepared<Descriptions>>::count + ...)>;

    std::tuple<prepared<Descriptions>...> scores;

    /// The values of all scores for a candidate.
    [[nodiscard]] constexpr std::array<double, all_values> values(const candidate& c) const {
        std::array<double, all_values> all{};
        double* to = all.data();
        std::apply([&](const auto&... score) { (append_values(score(c), to), ...); }, scores);
        return all;
    }
    /// What is kept of a candidate.
    [[nodiscard]] constexpr part_values parts(const candidate& c) const {
        using number = typename part_values::value_type;
        part_values all{};
        std::size_t at = 0;
        const auto append = [&](const auto& score) {
            if constexpr (parted_score<std::remove_cvref_t<decltype(score)>>) {
                for (const auto part : score.parts(c)) all[at++] = static_cast<number>(part);
            } else {
                std::array<double, value_count<std::remove_cvref_t<decltype(score)>>> own{};
                double* to = own.data();
                append_values(score(c), to);
                for (const double value : own) all[at++] = static_cast<number>(value);
            }
        };
        std::apply([&](const auto&... score) { (append(score), ...); }, scores);
        return all;
    }
    /// The values of all scores, given what is kept.
    [[nodiscard]] constexpr std::array<double, all_values> combined(const part_values& kept, node_index n,
                                                                    const part_range<part_values>& range) const {
        std::array<double, all_values> all{};
        double* to = all.data();
        std::size_t at = 0;
        const auto append = [&]<class S>(const S& score) {
            if constexpr (parted_score<S>) {
                using own = typename S::part_values;
                append_values(score.combine(slice<own>(kept, at), n,
                                            part_range<own>{.least = slice<own>(range.least, at),
                                                            .greatest = slice<own>(range.greatest, at)}),
                              to);
            } else {
                for (std::size_t i = 0; i < value_count<S>; ++i) *to++ = static_cast<double>(kept[at + i]);
            }
            at += kept_parts<S>::count;
        };
        std::apply([&](const auto&... score) { (append(score), ...); }, scores);
        return all;
    }
    /// The number of scores whose combination follows prices.
    static constexpr std::size_t followers = (std::size_t{follows_prices<prepared<Descriptions>>} + ...);
    /// The classes of nodes that share prices: those of the one score that has some; with several, one for all nodes.
    [[nodiscard]] constexpr std::size_t price_classes() const
        requires(followers > 0)
    {
        std::size_t count = 1;
        if constexpr (followers == 1) {
            each_follower([&](const auto& score) { count = score.price_classes(); });
        }
        return count;
    }
    [[nodiscard]] constexpr std::size_t price_class(node_index n) const noexcept
        requires(followers > 0)
    {
        std::size_t found = 0;
        if constexpr (followers == 1) {
            each_follower([&](const auto& score) { found = score.price_class(n); });
        }
        return found;
    }
    /// Versions only grow, so their sum changes when one does. Charges count as prices here.
    [[nodiscard]] constexpr std::uint64_t price_version(std::size_t c) const
        requires(followers > 0)
    {
        std::uint64_t sum = 0;
        each_follower([&](const auto& score) {
            if constexpr (followers == 1) {
                sum += score.price_version(c);
            } else {
                for (std::size_t own = 0; own < score.price_classes(); ++own) sum += score.price_version(own);
            }
            if constexpr (requires { score.charge_version(); }) sum += score.charge_version();
        });
        return sum;
    }

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
        }(std::index_sequence_for<Descriptions...>{});
    }
    [[nodiscard]] constexpr followed follow(const problem& p, std::span<const node_index> changed) {
        followed worst = followed::kept;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            const auto note = [&](followed one) { worst = one > worst ? one : worst; };
            (note(notify_fleet<std::is_same_v<prepared<Descriptions>, Descriptions>>(std::get<I>(scores), p, changed)),
             ...);
        }(std::index_sequence_for<Descriptions...>{});
        return worst;
    }

private:
    template <class Visit>
    constexpr void each_follower(const Visit& visit) const {
        const auto see = [&](const auto& score) {
            if constexpr (follows_prices<std::remove_cvref_t<decltype(score)>>) visit(score);
        };
        std::apply([&](const auto&... score) { (see(score), ...); }, scores);
    }
    template <class Own>
    [[nodiscard]] static constexpr Own slice(const part_values& all, std::size_t first) {
        Own own{};
        for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<typename Own::value_type>(all[first + i]);
        return own;
    }
};

}  // namespace berth::inline v0::detail
