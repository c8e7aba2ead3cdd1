// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/node_evaluator.hpp"
#include "berth/allocate/greedy/detail/part_board.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/allocate/greedy/detail/shape_table.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/change_list.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// The state behind a placer: for each shape a board with the value of every node, repaired where nodes changed, and
/// the slot that follows from it. Callers have checked that tasks, shapes, nodes and slots exist.
template <prepared_score Score, prepared_gpu_selection GpuSelection, node_scan Scan>
class slot_finder {
    using evaluator = node_evaluator<Score, GpuSelection>;
    using value_type = typename evaluator::value_type;

public:
    slot_finder(const problem& p, Score score, GpuSelection selection, std::span<const node_index> ranked)
        : nodes_{p.fleet(), std::move(score), std::move(selection), ranked},
          changes_(p.fleet().node_count()),
          shapes_{p, counters_read} {
        boards_.resize(shapes_.board_count());
        if constexpr (by_parts) {
            for (const node_index n : nodes_.order()) kind_at_.push_back(static_cast<std::uint32_t>(fleet().kind(n)));
        }
    }

    [[nodiscard]] evaluator& nodes() noexcept { return nodes_; }
    [[nodiscard]] const evaluator& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const shape_table& shapes() const noexcept { return shapes_; }
    [[nodiscard]] shape_index add_shape(const demand_view& demand) {
        const shape_index shape = shapes_.find_or_add(demand);
        if constexpr (cached) boards_.resize(shapes_.board_count());
        return shape;
    }

    [[nodiscard]] slot find(candidate& c) {
        if constexpr (cached) {
            // A board pays off from the second arrival on.
            shape_board& board = boards_[shapes_.board(c.shape)];
            if (board.known || !shapes_.occurs_once(shapes_.board(c.shape))) return find_on(board, c);
            board.known = true;
        }
        if constexpr (by_parts) {
            scratch_.seen = 0;
            return find_on(scratch_, c);
        } else {
            return nodes_.scan(c);
        }
    }
    void place(const candidate& c, const slot& where) {
        nodes_.place(c, where);
        note_change(where.node, c.demand);
    }
    [[gnu::noinline]] void remove(const candidate& c, const slot& where) {
        nodes_.remove(c, where);
        note_change(where.node, c.demand);
    }
    void set_closed(node_index n, std::uint8_t closed) {
        if (!nodes_.set_closed(n, closed)) return;
        if constexpr (cached) changes_.note(n.value());
    }

private:
    static constexpr bool by_parts = parted_score<Score>;
    static constexpr bool cached = Scan == node_scan::indexed && scope_of<Score> == score_scope::shape &&
                                   gpu_scope_of<GpuSelection> == score_scope::shape;
    static constexpr bool anonymous = is_anonymous<Score> && is_anonymous_selection<GpuSelection>;
    /// A score that compares nodes compares those that fit, so every counter matters.
    static constexpr std::size_t counters_read = [] {
        if constexpr (by_parts) {
            if (Score::compares_nodes) return ~std::size_t{0};
        }
        return node_counters_read_by<Score> > node_counters_read_by<GpuSelection> ? node_counters_read_by<Score>
                                                                                  : node_counters_read_by<GpuSelection>;
    }();
    /// A shape that more nodes in a row refuse, for a counter that its board does not have, gets a board of its own.
    static constexpr std::size_t max_refusals = 32;

    struct refused_node {
        std::size_t rank;
        value_type value;
    };
    struct no_board {};
    struct value_board {
        score_index<value_type> values;
        std::uint64_t seen = 0;  ///< the time of the last change of a node that this board knows
        bool known = false;      ///< its shape arrived before
    };
    template <bool Parted, class S>
    struct board_for {
        using type = value_board;
    };
    template <class S>
    struct board_for<true, S> {
        using type = part_board<S>;
    };
    using shape_board = std::conditional_t<cached || by_parts, typename board_for<by_parts, Score>::type, no_board>;

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return nodes_.ledger().fleet(); }

    /// The best node by the shape's board, which is repaired first.
    [[nodiscard]] slot find_on(shape_board& board, candidate& c) {
        candidate kept = c;
        kept.demand = shapes_.board_demand(c.shape);
        if (board.seen == 0) {
            fill(board, kept);
        } else {
            changes_.for_each_since(board.seen, [&](std::size_t i) { repair(board, node_index{i}, kept); });
        }
        board.seen = changes_.now();
        if constexpr (by_parts) board.refresh(nodes_.score(), nodes_.order(), kind_at_.view());
        return best_that_fits(board, c);
    }
    /// The best node that also has enough of the counters that the board does not know. Nodes that have not leave the
    /// board until the search is over.
    [[nodiscard]] slot best_that_fits(shape_board& board, candidate& c) {
        slot found = unplaced;
        refused_.clear();
        for (;;) {
            const std::size_t best = board.values.best();
            if (best == board.values.nowhere) break;
            found = nodes_.slot_at(nodes_.order()[best], c);
            if (found.placed()) break;
            BERTH_ASSERT(counters_read < c.demand.node.size() || evaluator::selects_late,
                         "berth: a score of score_scope::shape depends on more than node and demand");
            refused_.push_back({best, board.values[best]});
            board.values.set(best, lowest_value<value_type>);
        }
        for (const refused_node& r : refused_) board.values.set(r.rank, r.value);
        if constexpr (cached) {
            if (refused_.size() > max_refusals) {
                shapes_.separate(c.shape);
                boards_.resize(shapes_.board_count());
            }
        }
        return found;
    }

    void repair(shape_board& board, node_index n, candidate& c) {
        if constexpr (by_parts) {
            const auto found = parts_at(n, c);
            board.put(nodes_.rank_of(n), n, found.fits ? &found.parts : nullptr, nodes_.score());
        } else {
            board.values.set(nodes_.rank_of(n), nodes_.value_at(n, c));
        }
    }
    [[nodiscard]] auto parts_at(node_index n, candidate& c) {
        struct {
            typename Score::part_values parts{};
            bool fits = false;
        } at;
        if (const auto found = nodes_.evaluate(n, c); found.value > lowest_value<value_type>) {
            c.gpus = found.gpus;
            at = {nodes_.score().parts(c), true};
        }
        return at;
    }

    [[gnu::noinline]] void fill(shape_board& board, candidate& c) {
        const berth::fleet& fleet = this->fleet();
        if constexpr (by_parts) {
            board.reset(fleet.node_count(), fleet.kind_count());
            for_each_node_by_kind([&](node_index n) { return parts_at(n, c); },
                                  [&](node_index n, const auto& at) {
                                      board.put(nodes_.rank_of(n), n, at.fits ? &at.parts : nullptr, nodes_.score());
                                  });
        } else {
            board.values.reset(fleet.node_count());
            for_each_node_by_kind(
                [&](node_index n) { return nodes_.value_at(n, c); },
                [&](node_index n, const value_type& value) { board.values.set_unrepaired(nodes_.rank_of(n), value); });
            board.values.rebuild();
        }
    }
    /// Calls `put(node, make(node))` for every node; nodes of one kind that never changed share what was made.
    template <class Make, class Put>
    void for_each_node_by_kind(Make make, Put put) {
        const berth::fleet& fleet = this->fleet();
        const bool share = cached && anonymous && fleet.schema().domain.empty();
        struct shared {
            std::invoke_result_t<Make, node_index> value{};
            bool known = false;
        };
        flat<shared> made(share ? fleet.kind_count() : 0);
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            if (!share || changes_.ever_changed(i)) {
                put(n, make(n));
                continue;
            }
            auto& of_kind = made[fleet.kind(n)];
            if (!of_kind.known) of_kind = {make(n), true};
            put(n, of_kind.value);
        }
    }

    /// All nodes of a domain share its counters: what fits there may have changed on each of them.
    [[gnu::noinline]] void note_change(node_index n, const demand_view& demand) {
        if constexpr (cached) {
            const berth::fleet& fleet = this->fleet();
            bool takes_from_domain = false;
            for (const amount wanted : demand.domain) takes_from_domain = takes_from_domain || wanted != 0;
            if (takes_from_domain) {
                for (const domain_index d : fleet.domains(n)) {
                    for (const node_index other : fleet.nodes_in(d)) changes_.note(other.value());
                }
            }
            changes_.note(n.value());
        }
    }

    evaluator nodes_;
    change_list changes_;
    shape_table shapes_;
    growing<shape_board> boards_;
    flat<std::uint32_t> kind_at_;  // by rank, for boards of parts
    flat<refused_node> refused_;   // scratch
    [[no_unique_address]] std::conditional_t<by_parts, shape_board, no_board> scratch_;
};

}  // namespace berth::inline v0::detail
