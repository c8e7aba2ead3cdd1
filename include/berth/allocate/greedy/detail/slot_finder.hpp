// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/node_evaluator.hpp"
#include "berth/allocate/greedy/detail/owned_ledger.hpp"
#include "berth/allocate/greedy/detail/part_board.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/allocate/greedy/detail/shape_table.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/change_list.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/recency_list.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

// Length: the boards of all shapes and their repair.

namespace berth::inline v0::detail {

/// The state behind a placer: for each shape a board with the value of every node, repaired where nodes changed, and
/// the slot that follows from it. Callers have checked that tasks, shapes, nodes and slots exist.
///
/// Boards that were not used for the longest time are given up when all of them together take more memory than allowed.
///
/// @tparam Books  whose ledger and list of changes: `owned_ledger` or `borrowed_cluster`
template <prepared_score Score, prepared_gpu_selection GpuSelection, node_scan Scan, class Books = owned_ledger>
class slot_finder {
    using evaluator = node_evaluator<Score, GpuSelection, Books>;
    using value_type = typename evaluator::value_type;

public:
    /// What score and selection promise: values depend on the demand and the node only; equal nodes are alike.
    static constexpr bool by_shape =
        scope_of<Score> == score_scope::shape && gpu_scope_of<GpuSelection> == score_scope::shape;
    static constexpr bool anonymous = is_anonymous<Score> && is_anonymous_selection<GpuSelection>;

    slot_finder(const problem& p, Books books, Score score, GpuSelection selection, std::span<const node_index> ranked,
                std::size_t board_bytes)
        : nodes_{std::move(books), std::move(score), std::move(selection), ranked},
          shapes_{p, counters_read},
          board_bytes_{board_bytes} {}

    [[nodiscard]] evaluator& nodes() noexcept { return nodes_; }
    [[nodiscard]] const evaluator& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const shape_table& shapes() const noexcept { return shapes_; }
    [[nodiscard]] shape_index add_shape(const demand_view& demand) { return shapes_.find_or_add(demand); }
    /// Bytes of all boards.
    [[nodiscard]] std::size_t board_bytes() const noexcept { return used_bytes_; }

    [[nodiscard]] slot find(candidate& c) {
        if constexpr (cached) {
            if constexpr (Books::lives) shapes_.follow(c.shape);
            const std::size_t at = shapes_.board(c.shape);
            if (at >= boards_.size()) boards_.resize(shapes_.board_count());
            // A board pays off from the second arrival on.
            shape_board& board = boards_[at];
            if (board.known || !shapes_.occurs_once(at)) {
                const slot found = find_on(board, c);
                use(shapes_.board(c.shape));
                return found;
            }
            board.known = true;
            use(at);
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
    void occupy(const candidate& c, const slot& where) {
        nodes_.occupy(c, where);
        note_change(where.node, c.demand);
    }
    void set_closed(node_index n, std::uint8_t closed) {
        if (!nodes_.set_closed(n, closed)) return;
        if constexpr (cached) nodes_.books().note(n);
    }

    /// Of a cluster: tells the score about every node that changed since the last call.
    void follow_changes() {
        const change_list& changes = nodes_.books().changes();
        if (followed_ == changes.now()) return;
        nodes_.rank_new_nodes();
        changes.for_each_since(followed_, [&](std::size_t i) {
            const node_index n{i};
            nodes_.refresh(n);
        });
        followed_ = changes.now();
        nodes_.settle();
    }
    /// Of a cluster: the nodes that have changed since the score was told last. Valid until the next call.
    [[nodiscard]] std::span<const node_index> changed_nodes() {
        const change_list& changes = nodes_.books().changes();
        changed_.clear();
        changed_.reserve(changes.size());
        changes.for_each_since(followed_, [&](std::size_t i) { changed_.push_back(node_index{i}); });
        return changed_.view();
    }
    /// Of a cluster: tells the score about every node.
    void tell_all_nodes() {
        for (std::size_t n = 0; n < fleet().node_count(); ++n) nodes_.refresh(node_index{n});
        followed_ = nodes_.books().changes().now();
    }
    /// Every value may be another.
    void forget_values() noexcept {
        for (std::size_t b = 0; b < boards_.size(); ++b) {
            if constexpr (cached) boards_[b].seen = 0;
        }
    }
    void rank(std::span<const node_index> ranked) {
        nodes_.rank(ranked);
        forget_values();
    }

private:
    static constexpr bool by_parts = parted_score<Score>;
    static constexpr bool cached = Scan == node_scan::indexed && by_shape;
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
        std::size_t room = 0;    ///< nodes that it has room for
        bool known = false;      ///< its shape arrived before

        void prefetch(std::size_t rank) const noexcept { values.prefetch(rank); }
        [[nodiscard]] std::size_t bytes() const noexcept { return values.bytes(); }
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

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return nodes_.books().fleet(); }
    [[nodiscard]] const change_list& changes() const noexcept { return nodes_.books().changes(); }
    /// The board was used; the oldest are given up while all take too much.
    void use(std::size_t at) {
        constexpr std::size_t overhead = 512;  // of what is kept of a demand besides its values
        if (at >= boards_.size()) boards_.resize(shapes_.board_count());
        if (recent_bytes_.size() < boards_.size()) {
            recent_bytes_.make_room(boards_.size());
            recent_.resize(boards_.size());
            recent_bytes_.resize(boards_.size(), 0);
        }
        const auto count = [&](std::size_t b, std::size_t bytes) {
            used_bytes_ += bytes - recent_bytes_[b];
            recent_bytes_[b] = bytes;
        };
        count(at, boards_[at].bytes() + overhead);
        recent_.touch(at);
        while (used_bytes_ > board_bytes_ && recent_.size() > 1) {
            const std::size_t oldest = recent_.oldest();
            if constexpr (Books::lives) {
                shapes_.forget(oldest);
                boards_[oldest] = shape_board{};
            } else {
                // A problem's demands are known: its board is filled again at the next arrival.
                const bool known = boards_[oldest].known;
                boards_[oldest] = shape_board{};
                boards_[oldest].known = known;
            }
            recent_.remove(oldest);
            count(oldest, 0);
        }
    }

    /// The best node by the shape's board, which is repaired first.
    [[nodiscard]] slot find_on(shape_board& board, candidate& c) {
        candidate kept = c;
        kept.demand = shapes_.board_demand(c.shape);
        if (board.seen == 0 || board.room < nodes_.order().size()) {
            fill(board, kept);
        } else {
            repair_changed(board, kept);
        }
        board.seen = changes().now();
        if constexpr (by_parts) board.refresh(nodes_.score(), nodes_.order(), nodes_.ranks());
        return best_that_fits(board, c);
    }
    /// The best node that also has enough of the counters that the board does not know. Nodes that have not leave the
    /// board until the search is over.
    [[nodiscard]] slot best_that_fits(shape_board& board, candidate& c) {
        slot found = unplaced;
        refused_.clear();
        // However the search ends: a score may throw.
        struct restore {
            shape_board& board;
            const flat<refused_node>& refused;
            ~restore() {
                for (const refused_node& r : refused) board.values.set(r.rank, r.value);
            }
        };
        {
            const restore at_the_end{board, refused_};
            for (;;) {
                const std::size_t best = board.values.best();
                if (best == board.values.nowhere) break;
                found = nodes_.slot_at(nodes_.order()[best], c);
                if (found.placed()) break;
                BERTH_ASSERT(counters_read < c.demand.node.size() || evaluator::selects_late,
                             "berth: a score of score_scope::shape depends on more than node and demand");
                refused_.make_room(refused_.size() + 1);
                refused_.push_back({best, board.values[best]});
                board.values.set(best, lowest_value<value_type>);
            }
        }
        if constexpr (cached) {
            if (refused_.size() > max_refusals) shapes_.separate(c.shape);
        }
        return found;
    }

    /// Repairs the nodes that changed since the board was used. On a large fleet their values are far apart in memory,
    /// so they are asked for some nodes ahead.
    void repair_changed(shape_board& board, candidate& c) {
        constexpr std::size_t ahead = 16;
        std::uint32_t coming[ahead];
        std::size_t count = 0;
        changes().for_each_since(board.seen, [&](std::size_t i) {
            board.prefetch(nodes_.rank_of(node_index{i}));
            nodes_.prefetch(node_index{i});
            std::uint32_t& place = coming[count % ahead];
            if (count >= ahead) repair(board, node_index{place}, c);
            place = static_cast<std::uint32_t>(i);
            ++count;
        });
        for (std::size_t i = count < ahead ? 0 : count - ahead; i < count; ++i) {
            repair(board, node_index{coming[i % ahead]}, c);
        }
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
        at.fits = nodes_.find_parts(n, c, at.parts);
        return at;
    }

    [[gnu::noinline]] void fill(shape_board& board, candidate& c) {
        const berth::fleet& fleet = this->fleet();
        // Nodes may join a cluster: a few have room without a new board.
        const std::size_t room = fleet.node_count() + (Books::lives ? fleet.node_count() / 8 + 16 : 0);
        board.seen = 0;
        board.room = room;
        if constexpr (by_parts) {
            board.reset(room, nodes_.score());
            for_each_node_by_kind([&](node_index n) { return parts_at(n, c); },
                                  [&](node_index n, const auto& at) {
                                      board.put(nodes_.rank_of(n), n, at.fits ? &at.parts : nullptr, nodes_.score());
                                  });
        } else {
            board.values.reset(room);
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
            if (!share || changes().ever_changed(i) || !fleet.present(n)) {
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
                    for (const node_index other : fleet.nodes_in(d)) nodes_.books().note(other);
                }
            }
            nodes_.books().note(n);
        }
    }

    evaluator nodes_;
    shape_table shapes_;
    growing<shape_board> boards_;
    std::size_t board_bytes_;
    std::size_t used_bytes_ = 0;
    recency_list recent_;             // boards in use
    flat<std::size_t> recent_bytes_;  // of each
    std::uint64_t followed_ = 0;      // the time of the last change that the score was told about
    flat<refused_node> refused_;      // scratch
    flat<node_index> changed_;        // scratch
    [[no_unique_address]] std::conditional_t<by_parts, shape_board, no_board> scratch_;
};

}  // namespace berth::inline v0::detail
