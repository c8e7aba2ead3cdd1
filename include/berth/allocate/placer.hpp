// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/concepts.hpp"
#include "berth/allocate/detail/change_list.hpp"
#include "berth/allocate/detail/score_index.hpp"
#include "berth/allocate/device_choice.hpp"
#include "berth/allocate/tie_break.hpp"
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

namespace berth {

/// How a placer finds the best node.
///
/// - `indexed` (the default): values of `score_scope::shape` are kept per shape and repaired where nodes changed, so the cost of
///   a placement hardly grows with the fleet. If the score or the device choice is of `score_scope::task`, every node is
///   evaluated anyway.
/// - `exhaustive`: every node is evaluated at every arrival. The same placements; for tests and as a baseline.
enum class selection : std::uint8_t { indexed, exhaustive };

/// Places tasks one at a time: the state of a run of `greedy`, which makes it (`greedy::start`). Owns the ledger of what is left.
///
/// Deterministic: the same calls give the same slots. Not thread-safe; two placers are independent. After every shape was seen
/// twice, placing and removing allocate nothing. The problem must outlive it.
///
/// Cost of `place` with an index: (nodes changed since this shape was last placed) evaluations, plus O(log nodes). A placement
/// changes its node, and if it takes from a domain counter all nodes of that domain. An index holds one value per node for
/// every shape that comes again; a shape of which there is only one task gets its index when that task arrives again.
template <prepared_score Score, prepared_device_choice Devices, selection Selection = selection::indexed>
class placer {
public:
    template <tie_break Ties>
    placer(const problem& p, Score score, Devices devices, const Ties& ties)
        : problem_{p},
          books_{p.fleet()},
          score_{std::move(score)},
          devices_{std::move(devices)},
          node_at_{ties.rank(p.fleet())},
          rank_of_(p.fleet().node_count(), node_at_.size()),
          changes_(p.fleet().node_count()),
          boards_(p.workload().shape_count()) {
        BERTH_ASSERT(node_at_.size() == p.fleet().node_count(), "berth: a tie break ranks every node once");
        for (std::size_t r = 0; r < node_at_.size(); ++r) {
            BERTH_ASSERT(rank_of_[node_at_[r].value()] == node_at_.size(), "berth: a tie break ranks every node once");
            rank_of_[node_at_[r].value()] = r;
        }
    }

    /// Places one task on the best node and returns its slot, or `unplaced` if no node takes it. The same task may be placed any
    /// number of times: each is another arrival of the same demand.
    slot place(task_index task) {
        const shape_index shape = problem_.workload().shape(task);
        const std::optional<slot> found = find(shape, task);
        if (!found) return unplaced;
        take(shape, task, *found);
        return *found;
    }

    /// Takes note of a task that runs already: an observed placement. False, and nothing changes, if some counter has no room
    /// for it. Health and GPU models are not asked: it runs there.
    [[nodiscard]] bool occupy(task_index task, const slot& where) {
        const shape_index shape = problem_.workload().shape(task);
        if (!books_.has_room(problem_.workload().demand(shape), where)) return false;
        take(shape, task, where);
        return true;
    }

    /// Gives a task's slot back.
    void remove(task_index task, const slot& where) {
        const shape_index shape = problem_.workload().shape(task);
        books_.remove(problem_.workload().demand(shape), where);
        note_removed(shape, task, where);
    }

    /// Places all of these tasks or none: slots in the order of `tasks`, or nothing. Each takes its best place in turn; no other
    /// combination is tried. A failed attempt leaves no trace but `evaluations()`.
    [[nodiscard]] std::optional<std::vector<slot>> place_all(std::span<const task_index> tasks) {
        std::vector<slot> slots;
        slots.reserve(tasks.size());
        books_.checkpoint();
        for (const task_index task : tasks) {
            slots.push_back(place(task));
            if (slots.back().placed()) continue;
            slots.pop_back();
            books_.rollback();
            for (std::size_t i = slots.size(); i-- > 0;) {
                note_removed(problem_.workload().shape(tasks[i]), tasks[i], slots[i]);
            }
            return std::nullopt;
        }
        books_.commit();
        return slots;
    }

    /// Why the task has no place as things stand: every node is looked at. Places nothing.
    [[nodiscard]] why_not explain(task_index task) const {
        const shape_index shape = problem_.workload().shape(task);
        std::uint64_t not_counted = 0;
        return berth::explain(books_, problem_.workload(), task,
                              [&](node_index n) { return evaluate(n, shape, task, not_counted).has_value(); });
    }

    /// What is left of every counter.
    [[nodiscard]] const ledger& books() const noexcept { return books_; }
    /// Candidates scored so far, those of `explain` excepted.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }

private:
    using value_type = detail::kept_value<std::remove_cvref_t<std::invoke_result_t<const Score&, const candidate&>>>;
    static constexpr bool by_parts = requires { Score::part_count; };
    static constexpr bool cached = Selection == selection::indexed && scope_of<Score> == score_scope::shape &&
                                   device_scope_of<Devices> == score_scope::shape;
    static constexpr bool anonymous = is_anonymous<Score> && is_anonymous_choice<Devices>;

    struct no_board {};
    struct part_board {
        std::vector<typename detail::parts_of<Score>::type> parts;
        std::vector<std::uint8_t> fits;
        std::uint64_t seen = 0;
        bool asked = false;
    };
    struct index_board {
        detail::score_index<value_type> index{0};
        std::uint64_t seen = 0;
        bool asked = false;
    };
    using shape_board = std::conditional_t<!cached, no_board, std::conditional_t<by_parts, part_board, index_board>>;

    [[nodiscard]] candidate candidate_at(node_index n, shape_index shape, task_index task, gpu_mask gpus = 0) const {
        return {.node = books_.node(n),
                .demand = problem_.workload().demand(shape),
                .gpus = gpus,
                .shape = shape,
                .task = task};
    }
    /// The best way to put the task on a node, or nothing if it does not fit or is not admitted.
    [[nodiscard]] std::optional<scored_gpus<value_type>> evaluate(node_index n, shape_index shape, task_index task,
                                                                  std::uint64_t& evaluations) const {
        const candidate c = candidate_at(n, shape, task);
        if (!books_.host_fits(c.demand, n)) return std::nullopt;
        gpu_mask fitting = 0;
        if (c.demand.gpus > 0) {
            fitting = books_.fitting_gpus(c.demand, n);
            if (gpu_count(fitting) < c.demand.gpus) return std::nullopt;
        }
        ++evaluations;
        const auto found = choose_gpus(devices_, score_, c, fitting);
        const auto value = static_cast<value_type>(found.value);
        BERTH_ASSERT(value == value, "berth: a score is never NaN");
        if (!(value > detail::lowest_value<value_type>)) return std::nullopt;
        BERTH_ASSERT(gpu_count(found.gpus) == c.demand.gpus && (found.gpus & ~fitting) == 0,
                     "berth: a device choice picks as many GPUs as the task wants, out of those that fit");
        return scored_gpus<value_type>{value, found.gpus};
    }
    [[nodiscard]] std::optional<scored_gpus<value_type>> evaluate(node_index n, shape_index shape, task_index task) {
        return evaluate(n, shape, task, evaluations_);
    }
    /// The slot on a node whose value is known.
    [[nodiscard]] slot slot_at(node_index n, shape_index shape, task_index task) {
        const auto found = evaluate(n, shape, task);
        BERTH_ASSERT(found.has_value(), "berth: a score of score_scope::shape looked at more than node and demand");
        return {n, found->gpus};
    }

    [[nodiscard]] std::optional<slot> find(shape_index shape, task_index task) {
        if constexpr (cached) {
            // What is kept for a shape pays off from its second arrival on.
            shape_board& board = boards_[shape.value()];
            if (!board.asked && problem_.workload().frequency(shape) == 1) {
                board.asked = true;
                return find_afresh(shape, task);
            }
            if constexpr (by_parts) {
                return find_by_parts(board, shape, task);
            } else {
                return find_in_index(board, shape, task);
            }
        } else {
            return find_afresh(shape, task);
        }
    }
    [[nodiscard]] std::optional<slot> find_afresh(shape_index shape, task_index task) {
        if constexpr (by_parts) {
            return find_by_parts_afresh(shape, task);
        } else {
            return find_by_scan(shape, task);
        }
    }

    [[nodiscard]] std::optional<slot> find_by_scan(shape_index shape, task_index task) {
        value_type best = detail::lowest_value<value_type>;
        slot found{};
        for (const node_index n : node_at_) {
            const auto value = evaluate(n, shape, task);
            if (value && value->value > best) {
                best = value->value;
                found = {n, value->gpus};
            }
        }
        return found.placed() ? std::optional{found} : std::nullopt;
    }

    [[nodiscard]] std::optional<slot> find_in_index(index_board& board, shape_index shape, task_index task) {
        if (board.seen == 0) {
            fill(board, shape, task);
        } else {
            changes_.for_each_since(board.seen, [&](std::size_t n) {
                board.index.set(rank_of_[n], value_or_lowest(evaluate(node_index{n}, shape, task)));
            });
        }
        board.seen = changes_.now();
        const auto best = board.index.best();
        if (!best) return std::nullopt;
        return slot_at(node_at_[*best], shape, task);
    }
    [[nodiscard]] static value_type value_or_lowest(const std::optional<scored_gpus<value_type>>& value) {
        return value ? value->value : detail::lowest_value<value_type>;
    }
    /// The first look of a shape at the fleet. Nodes of one kind that were never touched share a value.
    void fill(index_board& board, shape_index shape, task_index task) {
        const fleet& fleet = problem_.fleet();
        board.index = detail::score_index<value_type>{fleet.node_count()};
        kind_known_.assign(fleet.kind_count(), 0);
        kind_value_.resize(fleet.kind_count());
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            const std::size_t kind = fleet.kind(n);
            if (!anonymous || changes_.ever_changed(i) || fleet.schema().domain.size() > 0) {
                board.index.set_unrepaired(rank_of_[i], value_or_lowest(evaluate(n, shape, task)));
                continue;
            }
            if (kind_known_[kind] == 0) {
                kind_value_[kind] = value_or_lowest(evaluate(n, shape, task));
                kind_known_[kind] = 1;
            }
            board.index.set_unrepaired(rank_of_[i], kind_value_[kind]);
        }
        board.index.rebuild();
    }

    [[nodiscard]] std::optional<slot> find_by_parts(part_board& board, shape_index shape, task_index task) {
        const auto refresh = [&](std::size_t n) { set_parts(board, node_index{n}, shape, task); };
        if (board.seen == 0) {
            board.parts.resize(node_at_.size());
            board.fits.resize(node_at_.size());
            for (std::size_t n = 0; n < node_at_.size(); ++n) refresh(n);
        } else {
            changes_.for_each_since(board.seen, refresh);
        }
        board.seen = changes_.now();
        return best_of_parts(board, shape, task);
    }
    [[nodiscard]] std::optional<slot> find_by_parts_afresh(shape_index shape, task_index task) {
        scratch_.parts.resize(node_at_.size());
        scratch_.fits.resize(node_at_.size());
        for (std::size_t n = 0; n < node_at_.size(); ++n) set_parts(scratch_, node_index{n}, shape, task);
        return best_of_parts(scratch_, shape, task);
    }
    void set_parts(part_board& board, node_index n, shape_index shape, task_index task) {
        const std::size_t rank = rank_of_[n.value()];
        const auto value = evaluate(n, shape, task);
        board.fits[rank] = value ? 1 : 0;
        if (value) board.parts[rank] = score_.parts(candidate_at(n, shape, task, value->gpus));
    }
    [[nodiscard]] std::optional<slot> best_of_parts(const part_board& board, shape_index shape, task_index task) {
        using part_values = typename detail::parts_of<Score>::type;
        part_values least{};
        part_values greatest{};
        bool any = false;
        for (std::size_t r = 0; r < board.parts.size(); ++r) {
            if (board.fits[r] == 0) continue;
            for (std::size_t i = 0; i < least.size(); ++i) {
                least[i] = any ? std::min(least[i], board.parts[r][i]) : board.parts[r][i];
                greatest[i] = any ? std::max(greatest[i], board.parts[r][i]) : board.parts[r][i];
            }
            any = true;
        }
        if (!any) return std::nullopt;
        double best = not_admitted;
        std::size_t at = board.parts.size();
        for (std::size_t r = 0; r < board.parts.size(); ++r) {
            if (board.fits[r] == 0) continue;
            const double value = score_.combine(board.parts[r], least, greatest);
            if (at == board.parts.size() || value > best) {
                best = value;
                at = r;
            }
        }
        return slot_at(node_at_[at], shape, task);
    }

    void take(shape_index shape, task_index task, const slot& where) {
        books_.place(problem_.workload().demand(shape), where);
        const candidate after = candidate_at(where.node, shape, task, where.gpus);
        notify_place(score_, after);
        if constexpr (requires { devices_.on_place(after); }) devices_.on_place(after);
        note_change(where.node, after.demand);
    }
    void note_removed(shape_index shape, task_index task, const slot& where) {
        const candidate after = candidate_at(where.node, shape, task, where.gpus);
        notify_remove(score_, after);
        if constexpr (requires { devices_.on_remove(after); }) devices_.on_remove(after);
        note_change(where.node, after.demand);
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
    ledger books_;
    Score score_;
    Devices devices_;
    std::vector<node_index> node_at_;
    std::vector<std::size_t> rank_of_;
    detail::change_list changes_;
    std::vector<shape_board> boards_;
    [[no_unique_address]] std::conditional_t<by_parts, part_board, no_board> scratch_;
    std::vector<std::uint8_t> kind_known_;
    std::vector<value_type> kind_value_;
    std::uint64_t evaluations_ = 0;
};

}  // namespace berth
