// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/core/change_list.hpp"
#include "berth/allocate/greedy/detail/part_board.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/allocate/greedy/detail/shape_table.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/workload.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How a placer finds the best node.
///
/// - `indexed` (the default): values of `score_scope::shape` are kept per shape and repaired where nodes changed, so the cost of
///   a placement hardly grows with the fleet. If the score or the device choice is of `score_scope::task`, every node is
///   evaluated anyway.
/// - `exhaustive`: every node is evaluated at every arrival. The same placements; for tests and as a baseline.
enum class node_scan : std::uint8_t { indexed, exhaustive };

/// Places tasks one at a time: the state of a run of `greedy`, which makes it (`greedy::start`). Owns the ledger of what is left.
///
/// Deterministic: the same calls give the same slots. Not thread-safe; two placers are independent. After every shape was seen
/// twice, placing and removing allocate nothing. The problem must outlive it.
///
/// Cost of `place` with an index: (nodes changed since this shape was last placed) evaluations, plus O(log nodes). A placement
/// changes its node, and if it takes from a domain counter all nodes of that domain. An index holds one value per node for
/// every shape that comes again; a shape of which there is only one task gets its index when that task arrives again.
template <prepared_score Score, prepared_gpu_selection GpuSelection, node_scan Scan = node_scan::indexed>
class placer {
public:
    /// @param ranked  every node once; of equally good nodes the first wins (`tie_break::rank`).
    placer(const problem& p, Score score, GpuSelection devices, std::vector<node_index> ranked)
        : problem_{p},
          ledger_{p.fleet()},
          score_{std::move(score)},
          gpu_selection_{std::move(devices)},
          node_at_{std::move(ranked)},
          rank_of_(p.fleet().node_count(), node_at_.size()),
          changes_(p.fleet().node_count()),
          shapes_{p.workload(), counters_read},
          boards_(shapes_.board_count()),
          kind_at_(by_parts ? node_at_.size() : 0) {
        BERTH_ASSERT(node_at_.size() == p.fleet().node_count(), "berth: a tie break ranks every node once");
        for (std::size_t r = 0; r < node_at_.size(); ++r) {
            BERTH_ASSERT(rank_of_[node_at_[r].value()] == node_at_.size(), "berth: a tie break ranks every node once");
            rank_of_[node_at_[r].value()] = r;
            if constexpr (by_parts) kind_at_[r] = static_cast<std::uint32_t>(p.fleet().kind(node_at_[r]));
        }
    }

    /// Places one task on the best node and returns its slot, or `unplaced` if no node takes it. The same task may be placed any
    /// number of times: each is another arrival of the same demand.
    slot place(task_index task) { return place(candidate_of(task)); }
    /// The same for a demand alone: a shape of the workload or one that came up later (`add_shape`). Not with scores that ask for
    /// the task itself, such as `cost_score`.
    slot place(shape_index shape) { return place(candidate_of(shape)); }

    /// Makes a demand known that the workload does not have, for tasks that were unknown when the run began. Policies go on
    /// expecting the mix they were prepared with. Equal demands are one shape; accepted models are a mask of the fleet's.
    [[nodiscard]] result<shape_index> add_shape(const demand_view& demand) {
        if (auto ok = detail::check_demand(problem_.fleet(), demand); !ok) return ok.error();
        const shape_index shape = shapes_.find_or_add(demand);
        if constexpr (cached) boards_.resize(shapes_.board_count());
        return shape;
    }

    /// Takes note of a task that runs already: an observed placement. False, and nothing changes, if some counter has no room
    /// for it. Health and GPU models are not asked: it runs there.
    [[nodiscard]] bool occupy(task_index task, const slot& where) {
        const candidate c = candidate_of(task);
        if (!ledger_.has_room(c.demand, where)) return false;
        take(c, where);
        settle();
        return true;
    }

    /// Gives a task's slot back.
    void remove(task_index task, const slot& where) { remove(candidate_of(task), where); }
    void remove(shape_index shape, const slot& where) { remove(candidate_of(shape), where); }

    /// Places all of these tasks or none: slots in the order of `tasks`, or nothing. Each takes its best place in turn; no other
    /// combination is tried. A failed attempt leaves no trace but `evaluations()`.
    [[nodiscard]] std::optional<std::vector<slot>> place_all(std::span<const task_index> tasks) {
        std::vector<slot> slots;
        slots.reserve(tasks.size());
        ledger_.checkpoint();
        for (const task_index task : tasks) {
            slots.push_back(place(task));
            if (slots.back().placed()) continue;
            slots.pop_back();
            // One by one, so that every score sees the node as it is after each removal.
            for (std::size_t i = slots.size(); i-- > 0;) remove(candidate_of(tasks[i]), slots[i]);
            ledger_.rollback();
            return std::nullopt;
        }
        ledger_.commit();
        settle();
        return slots;
    }

    /// A closed node takes no new task, as if it were unhealthy, until it is opened: what a node is that is being drained. Tasks
    /// that run there stay, and `occupy` does not ask. `explain` counts it under `refusal::admission`.
    void close(node_index n) { set_closed(n, 1); }
    void open(node_index n) { set_closed(n, 0); }
    [[nodiscard]] bool closed(node_index n) const noexcept { return !closed_.empty() && closed_[n.value()] != 0; }

    /// Why the task has no place as things stand: every node is looked at. Places nothing.
    [[nodiscard]] why_not explain(task_index task) const {
        candidate c = candidate_of(task);
        std::uint64_t not_counted = 0;
        return berth::explain(ledger_, problem_.workload(), task,
                              [&](node_index n) { return evaluate(n, c, not_counted).has_value(); });
    }

    /// What is left of every counter.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    /// Candidates scored so far, those of `explain` excepted.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }

private:
    using value_type = detail::kept_value<std::remove_cvref_t<std::invoke_result_t<const Score&, const candidate&>>>;
    static constexpr bool by_parts = parted_score<Score>;
    static constexpr bool cached = Scan == node_scan::indexed && scope_of<Score> == score_scope::shape &&
                                   gpu_scope_of<GpuSelection> == score_scope::shape;
    static constexpr bool anonymous = is_anonymous<Score> && is_anonymous_selection<GpuSelection>;
    /// What compares nodes compares those that fit, so every counter matters.
    static constexpr std::size_t counters_read = [] {
        if constexpr (by_parts) {
            if (Score::compares_nodes) return ~std::size_t{0};
        }
        return std::max(node_counters_read_by<Score>, node_counters_read_by<GpuSelection>);
    }();
    /// A shape that is refused by so many nodes in a row for a counter that its board does not have gets its own.
    static constexpr std::size_t most_refusals = 32;

    struct refused_node {
        std::size_t rank;
        value_type value;
    };
    struct no_board {};
    struct value_board {
        detail::score_index<value_type> values;
        std::uint64_t seen = 0;  ///< the time of the last change of a node that this board knows
        bool asked = false;
    };
    template <bool Parted, class S>
    struct board_for {
        using type = value_board;
    };
    template <class S>
    struct board_for<true, S> {
        using type = detail::part_board<S>;
    };
    using shape_board = std::conditional_t<cached || by_parts, typename board_for<by_parts, Score>::type, no_board>;

    /// The task without a node: what does not change while nodes are looked at.
    [[nodiscard]] candidate candidate_of(task_index task) const {
        candidate c = candidate_of(problem_.workload().shape(task));
        c.task = task;
        return c;
    }
    [[nodiscard]] candidate candidate_of(shape_index shape) const {
        return {.node = {}, .demand = shapes_.demand(shape), .gpus = 0, .shape = shape, .task = {}};
    }
    [[nodiscard]] candidate candidate_at(node_index n, candidate c, gpu_mask gpus = 0) const {
        c.node = ledger_.node(n);
        c.gpus = gpus;
        return c;
    }
    /// The best way to put the task on a node, or nothing if it does not fit or is not admitted.
    [[nodiscard]] std::optional<scored_gpus<value_type>> evaluate(node_index n, candidate& c,
                                                                  std::uint64_t& evaluations) const {
        if (closed(n) || !ledger_.host_fits(c.demand, n)) return std::nullopt;
        gpu_mask fitting = 0;
        if (c.demand.gpus > 0) {
            fitting = ledger_.fitting_gpus(c.demand, n);
            if (!has_gpus(fitting, c.demand.gpus)) return std::nullopt;
        }
        ++evaluations;
        c.node = ledger_.node(n);
        const auto found = choose_gpus(gpu_selection_, score_, c, fitting);
        const auto value = static_cast<value_type>(found.value);
        BERTH_ASSERT(value == value, "berth: a score is never NaN");
        if (!(value > detail::lowest_value<value_type>)) return std::nullopt;
        BERTH_ASSERT(gpu_count(found.gpus) == c.demand.gpus && (found.gpus & ~fitting) == 0,
                     "berth: a device choice picks as many GPUs as the task wants, out of those that fit");
        return scored_gpus<value_type>{value, found.gpus};
    }
    /// The value of the best way to put the task on a node, the lowest if there is none.
    [[nodiscard]] value_type value_at(node_index n, candidate& c) {
        if constexpr (!looks_at_gpus<Score> && gpu_rule<GpuSelection>) {
            if (closed(n) || !ledger_.fits(c.demand, n)) return detail::lowest_value<value_type>;
            ++evaluations_;
            c.node = ledger_.node(n);
            return static_cast<value_type>(score_(c));
        } else {
            const auto found = evaluate(n, c, evaluations_);
            return found ? found->value : detail::lowest_value<value_type>;
        }
    }
    /// The slot on a node that is known to take the task.
    [[nodiscard]] slot slot_at(node_index n, candidate& c) const {
        std::uint64_t not_counted = 0;
        const auto found = evaluate(n, c, not_counted);
        BERTH_ASSERT(found.has_value(), "berth: a score of score_scope::shape looked at more than node and demand");
        return {n, found->gpus};
    }

    [[nodiscard]] std::optional<slot> find(candidate& c) {
        if constexpr (cached) {
            // What is kept pays off from the second arrival on.
            shape_board& board = boards_[shapes_.board(c.shape)];
            if (board.asked || !shapes_.occurs_once(shapes_.board(c.shape))) return find_on(board, c);
            board.asked = true;
        }
        if constexpr (by_parts) {
            scratch_.seen = 0;
            return find_on(scratch_, c);
        } else {
            return find_by_scan(c);
        }
    }

    [[nodiscard]] std::optional<slot> find_by_scan(candidate& c) {
        value_type best = detail::lowest_value<value_type>;
        node_index found{};
        for (const node_index n : node_at_) {
            const value_type value = value_at(n, c);
            if (value > best) {
                best = value;
                found = n;
            }
        }
        return found.valid() ? std::optional{slot_at(found, c)} : std::nullopt;
    }

    /// The best node by what is kept for the shape, brought up to date first.
    [[nodiscard]] std::optional<slot> find_on(shape_board& board, candidate& c) {
        candidate kept = c;
        kept.demand = shapes_.board_demand(c.shape);
        if (board.seen == 0) {
            fill(board, kept);
        } else {
            changes_.for_each_since(board.seen, [&](std::size_t i) { repair(board, node_index{i}, kept); });
        }
        board.seen = changes_.now();
        if constexpr (by_parts) board.refresh(score_, node_at_, kind_at_);
        return best_that_fits(board, c);
    }
    /// The best node that also has enough of the counters that the board does not know. Nodes that have not are taken off the
    /// board for the moment.
    [[nodiscard]] std::optional<slot> best_that_fits(shape_board& board, candidate& c) {
        std::optional<slot> found;
        refused_.clear();
        while (const auto best = board.values.best()) {
            std::uint64_t not_counted = 0;
            const node_index n = node_at_[*best];
            if (const auto here = evaluate(n, c, not_counted)) {
                found = slot{n, here->gpus};
                break;
            }
            BERTH_ASSERT(counters_read < c.demand.node.size(),
                         "berth: a score of score_scope::shape looked at more than node and demand");
            refused_.push_back({*best, board.values[*best]});
            board.values.set(*best, detail::lowest_value<value_type>);
        }
        for (const refused_node& r : refused_) board.values.set(r.rank, r.value);
        if constexpr (cached) {
            if (refused_.size() > most_refusals) {
                shapes_.separate(c.shape);
                boards_.resize(shapes_.board_count());
            }
        }
        return found;
    }

    void repair(shape_board& board, node_index n, candidate& c) {
        if constexpr (by_parts) {
            board.put(rank_of_[n.value()], n, parts_at(n, c), score_);
        } else {
            board.values.set(rank_of_[n.value()], value_at(n, c));
        }
    }
    [[nodiscard]] auto parts_at(node_index n, candidate& c) {
        std::optional<typename Score::part_values> parts;
        if (const auto found = evaluate(n, c, evaluations_)) {
            c.gpus = found->gpus;
            parts = score_.parts(c);
        }
        return parts;
    }

    /// The first look of a shape at the fleet.
    void fill(shape_board& board, candidate& c) {
        const fleet& fleet = problem_.fleet();
        if constexpr (by_parts) {
            board.reset(fleet.node_count(), fleet.kind_count());
            for_each_node_by_kind(
                [&](node_index n) { return parts_at(n, c); },
                [&](node_index n, const auto& parts) { board.put(rank_of_[n.value()], n, parts, score_); });
        } else {
            board.values = detail::score_index<value_type>{fleet.node_count()};
            for_each_node_by_kind([&](node_index n) { return value_at(n, c); },
                                  [&](node_index n, const value_type& value) {
                                      board.values.set_unrepaired(rank_of_[n.value()], value);
                                  });
            board.values.rebuild();
        }
    }
    /// Calls `put(node, make(node))` for every node; nodes of one kind that were never touched share what was made.
    template <class Make, class Put>
    void for_each_node_by_kind(Make make, Put put) {
        const fleet& fleet = problem_.fleet();
        const bool share = cached && anonymous && fleet.schema().domain.empty();
        std::vector<std::optional<std::invoke_result_t<Make, node_index>>> made(share ? fleet.kind_count() : 0);
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            if (!share || changes_.ever_changed(i)) {
                put(n, make(n));
                continue;
            }
            auto& of_kind = made[fleet.kind(n)];
            if (!of_kind) of_kind = make(n);
            put(n, *of_kind);
        }
    }

    slot place(candidate c) {
        const std::optional<slot> found = find(c);
        if (!found) return unplaced;
        take(c, *found);
        settle();
        return *found;
    }
    void remove(const candidate& c, const slot& where) {
        ledger_.remove(c.demand, where);
        note_removed(c, where);
        settle();
    }
    void take(const candidate& c, const slot& where) {
        ledger_.place(c.demand, where);
        const candidate after = candidate_at(where.node, c, where.gpus);
        notify_place(score_, after);
        if constexpr (requires { gpu_selection_.on_place(after); }) gpu_selection_.on_place(after);
        note_change(where.node, after.demand);
    }
    void note_removed(const candidate& c, const slot& where) {
        const candidate after = candidate_at(where.node, c, where.gpus);
        notify_remove(score_, after);
        if constexpr (requires { gpu_selection_.on_remove(after); }) gpu_selection_.on_remove(after);
        note_change(where.node, after.demand);
    }
    void set_closed(node_index n, std::uint8_t closed) {
        if (closed_.empty()) closed_.resize(problem_.fleet().node_count());
        if (std::exchange(closed_[n.value()], closed) == closed) return;
        if constexpr (cached) changes_.note(n.value());
    }
    /// A decision is final: not one member of a gang that may still fail.
    void settle() {
        if (ledger_.depth() > 0) return;
        notify_settled(score_);
        notify_settled(gpu_selection_);
    }
    /// A domain counter is shared by all nodes of the domain: what fits there may have changed on each of them.
    void note_change(node_index n, const demand_view& demand) {
        if constexpr (cached) {
            const fleet& fleet = problem_.fleet();
            if (std::any_of(demand.domain.begin(), demand.domain.end(), [](amount wanted) { return wanted != 0; })) {
                for (const domain_index d : fleet.domains(n)) {
                    for (const node_index other : fleet.nodes_in(d)) changes_.note(other.value());
                }
            }
            changes_.note(n.value());
        }
    }

    berth::problem problem_;
    berth::ledger ledger_;
    Score score_;
    GpuSelection gpu_selection_;
    std::vector<node_index> node_at_;
    std::vector<std::size_t> rank_of_;
    detail::change_list changes_;
    detail::shape_table shapes_;
    std::vector<shape_board> boards_;
    std::vector<std::uint32_t> kind_at_;
    std::vector<refused_node> refused_;  // scratch
    detail::flat<std::uint8_t> closed_;  // empty until a node is closed
    [[no_unique_address]] std::conditional_t<by_parts, shape_board, no_board> scratch_;
    std::uint64_t evaluations_ = 0;
};

}  // namespace berth::inline v0
