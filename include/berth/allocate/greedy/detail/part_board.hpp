// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// The parts of every node for one shape and a `parted_score`, by rank, and an index of the combined values. Parts are
/// computed again where nodes changed; when only the combination changed (a price of a kind of node, the range of a
/// part), values are combined again from the stored parts.
template <parted_score Score>
class part_board {
public:
    using part_values = typename Score::part_values;
    using value_type = kept_value<std::remove_cvref_t<decltype(std::declval<const Score&>().combine(
        part_values{}, node_index{}, part_range<part_values>{}))>>;
    static constexpr std::size_t part_count = std::tuple_size_v<part_values>;

    /// Starts over: call `put` for every rank, then `refresh`.
    void reset(std::size_t nodes, const Score& score) {
        parts_.resize(nodes);
        values.reset(nodes);
        if constexpr (follows_prices) {
            versions_.assign(score.price_classes(), never);
            changed_.resize(score.price_classes());
        }
        if constexpr (Score::compares_nodes) {
            for (auto& part : greatest_) part.reset(nodes);
            for (auto& part : negated_least_) part.reset(nodes);
            range_known_ = false;
        }
    }

    /// The parts of the node at a rank, or nothing if the task does not fit there.
    void put(std::size_t rank, node_index n, const part_values* parts, const Score& score) {
        if (parts) parts_[rank] = *parts;
        values.set(rank, parts ? static_cast<value_type>(score.combine(*parts, n, range_)) : lowest_value<value_type>);
        if constexpr (Score::compares_nodes) {
            for (std::size_t i = 0; i < part_count; ++i) {
                greatest_[i].set(rank, parts ? (*parts)[i] : not_admitted);
                negated_least_[i].set(rank, parts ? -(*parts)[i] : not_admitted);
            }
        }
    }

    /// Combines outdated values again.
    /// @param node_at  the node at each rank.
    /// @param rank_of  the rank of each node.
    void refresh(const Score& score, std::span<const node_index> node_at, std::span<const std::size_t> rank_of) {
        bool all = false;
        bool any = false;
        if constexpr (Score::compares_nodes) {
            part_range<part_values> range;
            for (std::size_t i = 0; i < part_count; ++i) {
                range.greatest[i] = static_cast<part_number>(greatest_[i].greatest());
                range.least[i] = static_cast<part_number>(-negated_least_[i].greatest());
            }
            all = !range_known_ || !(range == range_);
            range_ = range;
            range_known_ = true;
        }
        if constexpr (follows_prices) {
            for (std::size_t c = 0; c < versions_.size(); ++c) {
                const std::uint64_t version = score.price_version(c);
                changed_[c] = versions_[c] != version ? 1 : 0;
                versions_[c] = version;
                any = any || changed_[c] != 0;
            }
            if constexpr (has_charges) {
                // Charges come and go often and matter to few nodes.
                const auto switched = charges_ ^ score.charges();
                charges_ = score.charges();
                if (switched != 0) {
                    score.for_each_charged(switched, [&](node_index n) {
                        const std::size_t rank = rank_of[n.value()];
                        if (values[rank] == lowest_value<value_type>) return;
                        values.set(rank, static_cast<value_type>(score.combine(parts_[rank], n, range_)));
                    });
                }
            }
        }
        if (!all && !any) return;
        // Mostly few nodes that fit are of a class whose prices changed.
        std::size_t combined = 0;
        values.for_each_set([&](std::size_t rank) {
            const node_index n = node_at[rank];
            if (!all && !concerns(n, score)) return;
            const auto value = static_cast<value_type>(score.combine(parts_[rank], n, range_));
            if (!all && ++combined <= few) {
                values.set(rank, value);
            } else {
                values.set_unrepaired(rank, value);
            }
        });
        if (all || combined > few) values.rebuild();
    }

    void prefetch(std::size_t rank) const noexcept {
        values.prefetch(rank);
        __builtin_prefetch(parts_.data() + rank, 1);
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t sum = values.bytes() + parts_.capacity() * sizeof(part_values);
        for (const auto& part : greatest_) sum += 2 * part.bytes();
        return sum;
    }

    score_index<value_type> values;  ///< the combined value of each node by rank
    std::uint64_t seen = 0;          ///< the time of the last change of a node that this board knows
    std::size_t room = 0;            ///< nodes that it has room for
    bool known = false;              ///< its shape arrived before

private:
    using part_number = typename part_values::value_type;
    static constexpr std::uint64_t never = ~std::uint64_t{0};
    static constexpr std::size_t few = 64;  // values that are repaired one by one
    static constexpr bool follows_prices = requires(const Score& s) { s.price_version(std::size_t{}); };
    /// The score has charges that apply to few nodes of a class, besides its prices.
    static constexpr bool has_charges = requires(const Score& score) { score.charges(); };

    /// True if the prices of the node's class have changed.
    [[nodiscard]] bool concerns(node_index n, const Score& score) const noexcept {
        if constexpr (follows_prices) {
            return changed_[score.price_class(n)] != 0;
        } else {
            return false;
        }
    }

    flat<part_values> parts_;
    flat<std::uint64_t> versions_;  // of the prices that values were combined with, per class
    flat<std::uint8_t> changed_;
    std::uint64_t charges_ = 0;  // that values were combined with
    part_range<part_values> range_{};
    bool range_known_ = false;
    std::array<score_index<double>, Score::compares_nodes ? part_count : 0> greatest_{};
    std::array<score_index<double>, Score::compares_nodes ? part_count : 0> negated_least_{};
};

}  // namespace berth::inline v0::detail
