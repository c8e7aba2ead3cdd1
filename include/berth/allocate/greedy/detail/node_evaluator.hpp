// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/owned_ledger.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
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

// Length: the evaluation and its fast form for a scan.

namespace berth::inline v0::detail {

/// The ledger, a score and a GPU selection: the value of a task on a node as things stand, and the best node by a look
/// at all. Callers have checked that nodes and slots exist.
///
/// @tparam Books  whose ledger it is: `owned_ledger` or `borrowed_cluster`
template <prepared_score Score, prepared_gpu_selection GpuSelection, class Books = owned_ledger>
class node_evaluator {
public:
    using value_type = kept_value<std::remove_cvref_t<std::invoke_result_t<const Score&, const candidate&>>>;
    /// GPUs are selected on the winning node only.
    static constexpr bool selects_late = !looks_at_gpus<Score> && gpu_rule<GpuSelection>;

    /// @param preferred  nodes in order of preference; those that are missing follow, unknown and repeated ones are
    ///                   ignored
    node_evaluator(Books books, Score score, GpuSelection selection, std::span<const node_index> preferred)
        : books_{std::move(books)}, score_{std::move(score)}, gpu_selection_{std::move(selection)} {
        const resource_schema& schema = books_.fleet().schema();
        few_counters_ = schema.gpu.size() == 1 && !schema.node.empty() && schema.domain.empty();
        rank(preferred);
    }

    /// Sets the order of preference, of the nodes that there are by now.
    void rank(std::span<const node_index> preferred) {
        const std::size_t nodes = books_.fleet().node_count();
        order_.clear();
        entries_.clear();
        rank_of_.assign(nodes, unranked);
        order_.reserve(nodes);
        for (const node_index n : preferred) append(n);
        for (std::size_t n = 0; order_.size() < nodes; ++n) append(node_index{n});
    }
    /// Appends nodes that are new to the order.
    void rank_new_nodes() {
        const std::size_t nodes = books_.fleet().node_count();
        rank_of_.make_room(nodes);
        order_.make_room(nodes);
        rank_of_.resize(nodes, unranked);
        for (std::size_t n = order_.size(); n < nodes; ++n) append(node_index{n});
    }
    /// A node of a cluster is not what it was: the score is told.
    void refresh(node_index n) {
        entries_[rank_of(n)] = entry_of(n);
        notify_node(score_, ledger().node(n));
        notify_node(gpu_selection_, ledger().node(n));
    }

    /// All nodes: of equally good ones the first wins.
    [[nodiscard]] std::span<const node_index> order() const noexcept { return order_.view(); }
    [[nodiscard]] std::size_t rank_of(node_index n) const noexcept { return rank_of_[n.value()]; }
    [[nodiscard]] std::span<const std::size_t> ranks() const noexcept { return rank_of_.view(); }

    [[nodiscard]] Books& books() noexcept { return books_; }
    [[nodiscard]] const Books& books() const noexcept { return books_; }
    [[nodiscard]] decltype(auto) ledger() noexcept { return books_.ledger(); }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return books_.ledger(); }
    [[nodiscard]] Score& score() noexcept { return score_; }
    [[nodiscard]] const Score& score() const noexcept { return score_; }
    [[nodiscard]] GpuSelection& selection() noexcept { return gpu_selection_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }

    /// Asks for the memory of a node that will be evaluated soon.
    void prefetch(node_index n) const noexcept {
        __builtin_prefetch(ledger().counters().data() + books_.fleet().first_counter(n));
    }
    /// The task's value and GPUs on a node; the lowest value if it does not fit or is not admitted.
    [[nodiscard]] scored_gpus<value_type> evaluate(node_index n, candidate& c) { return evaluate(n, c, evaluations_); }
    /// The score finds its parts and the GPUs together.
    static constexpr bool finds_parts = std::is_same_v<GpuSelection, best_scored_gpu> &&
                                        requires(const Score& score, candidate& c) { score.best_parts(c, gpu_mask{}); };
    /// The parts of the task's value on a node, and whether it fits and is admitted there.
    template <class Parts>
    [[nodiscard]] bool find_parts(node_index n, candidate& c, Parts& parts) {
        if constexpr (finds_parts) {
            gpu_mask fitting = ~gpu_mask{0};
            if (!fits(n, c, fitting)) return false;
            ++evaluations_;
            parts = score_.best_parts(c, fitting);
        } else {
            const auto found = evaluate(n, c);
            if (!(found.value > lowest_value<value_type>)) return false;
            c.gpus = found.gpus;
            parts = score_.parts(c);
        }
        return true;
    }
    /// The task's value on a node, the lowest if it does not fit or is not admitted.
    [[nodiscard]] value_type value_at(node_index n, candidate& c) {
        if constexpr (selects_late) {
            if (closed(n) || !ledger().fits(c.demand, n)) return lowest_value<value_type>;
            ++evaluations_;
            c.node = ledger().node(n);
            return admitted(score_(c));
        } else {
            return evaluate(n, c, evaluations_).value;
        }
    }
    /// The slot that the task gets on a node, or `unplaced`. Not counted as an evaluation.
    [[nodiscard]] slot slot_at(node_index n, candidate& c) const {
        std::uint64_t not_counted = 0;
        const auto found = evaluate(n, c, not_counted);
        return found.value == lowest_value<value_type> ? unplaced : slot{n, found.gpus};
    }
    /// True if the task fits in exactly this slot and the policy, offered no other GPUs of the node, takes it.
    [[nodiscard]] bool admits(const slot& where, candidate& c) {
        if (!ledger().fits(c.demand, where)) return false;
        const auto found = evaluate(where.node, c, evaluations_, where.gpus);
        return found.value > lowest_value<value_type> && found.gpus == where.gpus;
    }
    /// The slot on the best node, by evaluating each.
    [[nodiscard]] slot scan(candidate& c) {
        const node_index best = best_node(c);
        if (!best.valid()) return unplaced;
        if (const slot found = slot_at(best, c); found.placed()) return found;
        return scan_selections(c);
    }

    /// The slot on the best of some nodes, by evaluating each; of equally good ones the first wins.
    [[nodiscard]] slot scan(candidate& c, std::span<const node_index> among) {
        slot best = unplaced;
        value_type greatest = lowest_value<value_type>;
        for (const node_index n : among) {
            const auto found = evaluate(n, c);
            if (!(found.value > greatest)) continue;
            greatest = found.value;
            best = {n, found.gpus};
        }
        return best;
    }

    /// If the score or the GPU selection throws, nothing has changed.
    void place(const candidate& c, const slot& where) {
        ledger().place(c.demand, where);
        undo_unless_told undo{this, &c, &where};
        notify_placed(c, where, undo.told);
        undo.of = nullptr;
    }
    void remove(const candidate& c, const slot& where) {
        ledger().remove(c.demand, where);
        const candidate after = candidate_at(where, c);
        notify_remove(score_, after);
        notify_remove(gpu_selection_, after);
        notify_node(score_, after.node);
        notify_node(gpu_selection_, after.node);
    }
    /// Enters a task that runs already, whatever room there is.
    void occupy(const candidate& c, const slot& where) {
        (void)ledger().occupy(c.demand, where);
        int told = 0;
        notify_placed(c, where, told);
    }
    /// Ends a decision, unless it is part of a gang that may still fail.
    void settle() {
        if (ledger().depth() > 0) return;
        notify_settled(score_);
        notify_settled(gpu_selection_);
    }

    /// True if that changed anything.
    bool set_closed(node_index n, std::uint8_t closed) {
        if (closed_.empty()) closed_.resize(books_.fleet().node_count());
        if (std::exchange(closed_[n.value()], closed) == closed) return false;
        entries_[rank_of(n)].plain = closed == 0 && plain(n);
        return true;
    }
    [[nodiscard]] bool closed(node_index n) const noexcept { return !closed_.empty() && closed_[n.value()] != 0; }

private:
    static constexpr std::size_t unranked = ~std::size_t{0};

    /// Takes a placement back if an exception ends its notifications.
    struct undo_unless_told {
        node_evaluator* of;
        const candidate* task;
        const slot* where;
        int told = 0;

        ~undo_unless_told() {
            if (of == nullptr) return;
            of->ledger().remove(task->demand, *where);
            const candidate after = of->candidate_at(*where, *task);
            if (told > 0) notify_remove(of->score_, after);
            if (told > 1) notify_remove(of->gpu_selection_, after);
        }
    };
    struct node_entry {
        std::uint64_t models;
        std::size_t first_counter;
        node_index node;
        std::uint16_t gpus;
        bool plain;  // open, and the node and all its GPUs are healthy
    };

    /// @param told  counts who knows of the placement: the score, then the GPU selection
    void notify_placed(const candidate& c, const slot& where, int& told) {
        const candidate after = candidate_at(where, c);
        notify_place(score_, after);
        ++told;
        notify_place(gpu_selection_, after);
        ++told;
        notify_node(score_, after.node);
        notify_node(gpu_selection_, after.node);
    }
    void append(node_index n) {
        if (!n.valid() || n.value() >= rank_of_.size() || rank_of_[n.value()] != unranked) return;
        rank_of_[n.value()] = order_.size();
        order_.push_back(n);
        entries_.push_back(entry_of(n));
    }
    [[nodiscard]] node_entry entry_of(node_index n) const noexcept {
        const fleet& fleet = books_.fleet();
        return {.models = fleet.models_on(n),
                .first_counter = fleet.first_counter(n),
                .node = n,
                .gpus = static_cast<std::uint16_t>(fleet.gpu_count(n)),
                .plain = !closed(n) && plain(n)};
    }
    [[nodiscard]] candidate candidate_at(const slot& where, candidate c) const {
        c.node = ledger().node(where.node);
        c.gpus = where.gpus;
        return c;
    }
    template <class Value>
    [[nodiscard]] static value_type admitted(const Value& score) {
        const auto value = static_cast<value_type>(score);
        BERTH_ASSERT(value == value, "berth: a score is never NaN");
        return value > lowest_value<value_type> ? value : lowest_value<value_type>;
    }
    /// True if the task fits on the node, which becomes that of the candidate.
    ///
    /// @param gpus  left are those that fit
    [[nodiscard]] bool fits(node_index n, candidate& c, gpu_mask& gpus) const {
        const node_entry& entry = entries_[rank_of(n)];
        if (!few_counters_ || !entry.plain) return fits_unlike_most(n, c, gpus);
        const std::uint64_t refused_models = entry.models & ~c.demand.accepted_models;
        const bool wants_gpus = c.demand.gpus > 0;
        if (wants_gpus && refused_models != 0) {
            if (refused_models == entry.models) return false;
            return fits_unlike_most(n, c, gpus);
        }
        const std::size_t hosts = c.demand.node.size();
        const amount* const left = ledger().counters().data() + entry.first_counter;
        for (std::size_t r = 0; r < hosts; ++r) {
            if (left[r] < c.demand.node[r]) return false;
        }
        const amount* const shares = left + hosts;
        if (wants_gpus) {
            if (c.demand.same_model) return fits_unlike_most(n, c, gpus);
            const amount share = c.demand.gpu[0];
            gpu_mask fitting = 0;
            for (std::size_t g = entry.gpus; g-- > 0;)
                fitting = fitting << 1U | static_cast<gpu_mask>(shares[g] >= share);
            gpus &= fitting;
            if (!has_gpus(gpus, c.demand.gpus)) return false;
        }
        c.node = {.fleet = &books_.fleet(),
                  .index = n,
                  .free_node = {left, hosts},
                  .free_gpus = {shares, entry.gpus},
                  .gpu_counters = 1,
                  .healthy = first_gpus(entry.gpus)};
        return true;
    }
    [[nodiscard, gnu::noinline]] bool fits_unlike_most(node_index n, candidate& c, gpu_mask& gpus) const {
        if (closed(n) || !ledger().host_fits(c.demand, n)) return false;
        if (c.demand.gpus > 0) {
            gpus &= ledger().fitting_gpus(c.demand, n);
            if (!has_gpus(gpus, c.demand.gpus)) return false;
        }
        c.node = ledger().node(n);
        return true;
    }
    /// @param offered  the GPUs that the selection may pick from, if they fit
    [[nodiscard]] scored_gpus<value_type> evaluate(node_index n, candidate& c, std::uint64_t& evaluations,
                                                   gpu_mask offered = ~gpu_mask{0}) const {
        constexpr scored_gpus<value_type> refused{lowest_value<value_type>, 0};
        gpu_mask fitting = offered;
        if (!fits(n, c, fitting)) return refused;
        ++evaluations;
        scored_gpus<std::remove_cvref_t<std::invoke_result_t<const Score&, const candidate&>>> found{};
        if (!try_gpus(gpu_selection_, score_, c, fitting, found)) return refused;
        return {admitted(found.value), found.gpus};
    }
    /// For a GPU selection that refused the best node: the best of those where it selects GPUs that fit.
    [[nodiscard, gnu::noinline]] slot scan_selections(candidate& c) {
        std::uint64_t not_counted = 0;
        const node_index best = best_by([&](node_index n) { return evaluate(n, c, not_counted).value; });
        return best.valid() ? slot_at(best, c) : unplaced;
    }
    [[nodiscard]] node_index best_node(candidate& c) {
        if constexpr (selects_late) {
            if (few_counters_) return best_plain(c);
        }
        return best_by([&](node_index n) { return value_at(n, c); });
    }
    /// `best_by` with `value_at`, for host counters and one counter per GPU: half the time, because the candidate stays
    /// in registers and nodes are read in one stream.
    [[nodiscard]] node_index best_plain(const candidate& task) {
        const fleet& fleet = books_.fleet();
        const std::size_t hosts = fleet.schema().node.size();
        const amount* const first = ledger().counters().data();
        const amount* const wanted = task.demand.node.data();
        const amount cpu = wanted[0];
        const std::size_t gpus = task.demand.gpus;
        const amount share = gpus > 0 ? task.demand.gpu[0] : 0;
        const std::uint64_t refused_models = ~task.demand.accepted_models;
        candidate c = task;
        std::uint64_t evaluations = 0;
        value_type greatest = lowest_value<value_type>;
        node_index best{};
        for (const node_entry& entry : entries_) {
            const amount* const left = first + entry.first_counter;
            if (left[0] < cpu) continue;
            std::size_t r = 1;
            while (r < hosts && left[r] >= wanted[r]) ++r;
            if (r < hosts) continue;
            const amount* const shares = left + hosts;
            if (entry.plain && (entry.models & refused_models) == 0) [[likely]] {
                std::size_t fitting = 0;
                for (std::size_t g = 0; g < entry.gpus; ++g) fitting += shares[g] >= share ? 1 : 0;
                if (fitting < gpus) continue;
            } else if (closed(entry.node) || !ledger().fits(task.demand, entry.node)) {
                continue;
            }
            ++evaluations;
            c.node = {.fleet = &fleet,
                      .index = entry.node,
                      .free_node = {left, hosts},
                      .free_gpus = {shares, entry.gpus},
                      .gpu_counters = 1,
                      .healthy = entry.plain ? first_gpus(entry.gpus) : fleet.healthy_gpus(entry.node)};
            const auto value = static_cast<value_type>(score_(c));
            BERTH_ASSERT(value == value, "berth: a score is never NaN");
            if (value > greatest) [[unlikely]] {
                greatest = value;
                best = entry.node;
            }
        }
        evaluations_ += evaluations;
        return best;
    }
    [[nodiscard]] bool plain(node_index n) const noexcept {
        const fleet& fleet = books_.fleet();
        return fleet.healthy(n) && fleet.healthy_gpus(n) == first_gpus(fleet.gpu_count(n));
    }
    template <class Value>
    [[nodiscard]] node_index best_by(Value value_of) const {
        value_type greatest = lowest_value<value_type>;
        node_index best{};
        for (const node_index n : order_) {
            const value_type value = value_of(n);
            if (value > greatest) {
                greatest = value;
                best = n;
            }
        }
        return best;
    }

    Books books_;
    Score score_;
    GpuSelection gpu_selection_;
    flat<node_index> order_;
    flat<std::size_t> rank_of_;
    flat<std::uint8_t> closed_;  // empty until a node is closed
    flat<node_entry> entries_;   // by rank
    std::uint64_t evaluations_ = 0;
    bool few_counters_ = false;  // host counters and one counter per GPU, as in most fleets
};

}  // namespace berth::inline v0::detail
