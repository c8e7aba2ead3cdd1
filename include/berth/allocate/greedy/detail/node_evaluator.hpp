// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/score_index.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// What a task is worth on a node as things stand: the ledger, a score and a GPU selection, and the best node by a look at all.
/// Callers have checked that nodes and slots exist.
template <prepared_score Score, prepared_gpu_selection GpuSelection>
class node_evaluator {
public:
    using value_type = kept_value<std::remove_cvref_t<std::invoke_result_t<const Score&, const candidate&>>>;
    /// GPUs are selected on the winning node only.
    static constexpr bool selects_late = !looks_at_gpus<Score> && gpu_rule<GpuSelection>;

    node_evaluator(const fleet& fleet, Score score, GpuSelection selection)
        : ledger_{fleet}, score_{std::move(score)}, gpu_selection_{std::move(selection)} {}

    [[nodiscard]] berth::ledger& ledger() noexcept { return ledger_; }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    [[nodiscard]] const Score& score() const noexcept { return score_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }

    /// The task's value and GPUs on a node, or nothing if it does not fit or is not admitted.
    [[nodiscard]] std::optional<scored_gpus<value_type>> evaluate(node_index n, candidate& c) {
        return evaluate(n, c, evaluations_);
    }
    /// The task's value on a node, the lowest if it does not fit or is not admitted.
    [[nodiscard]] value_type value_at(node_index n, candidate& c) {
        if constexpr (selects_late) {
            if (closed(n) || !ledger_.fits(c.demand, n)) return lowest_value<value_type>;
            ++evaluations_;
            c.node = ledger_.node(n);
            return admitted(score_(c));
        } else {
            const auto found = evaluate(n, c, evaluations_);
            return found ? found->value : lowest_value<value_type>;
        }
    }
    /// The slot that the task gets on a node, if it gets one. Not counted as an evaluation.
    [[nodiscard]] std::optional<slot> slot_at(node_index n, candidate& c) const {
        std::uint64_t not_counted = 0;
        const auto found = evaluate(n, c, not_counted);
        return found ? std::optional{slot{n, found->gpus}} : std::nullopt;
    }
    /// The slot on the best of these nodes, the first of equals, by evaluating each.
    [[nodiscard]] std::optional<slot> scan(std::span<const node_index> nodes, candidate& c) {
        const node_index best = best_by(nodes, [&](node_index n) { return value_at(n, c); });
        if (!best.valid()) return std::nullopt;
        if (const auto found = slot_at(best, c)) return found;
        return scan_selections(nodes, c);
    }

    void place(const candidate& c, const slot& where) {
        ledger_.place(c.demand, where);
        const candidate after = candidate_at(where, c);
        notify_place(score_, after);
        if constexpr (requires { gpu_selection_.on_place(after); }) gpu_selection_.on_place(after);
    }
    void remove(const candidate& c, const slot& where) {
        ledger_.remove(c.demand, where);
        const candidate after = candidate_at(where, c);
        notify_remove(score_, after);
        if constexpr (requires { gpu_selection_.on_remove(after); }) gpu_selection_.on_remove(after);
    }
    /// Ends a decision, unless it is part of a gang that may still fail.
    void settle() {
        if (ledger_.depth() > 0) return;
        notify_settled(score_);
        notify_settled(gpu_selection_);
    }

    /// True if that changed anything.
    bool set_closed(node_index n, std::uint8_t closed) {
        if (closed_.empty()) closed_.resize(ledger_.fleet().node_count());
        return std::exchange(closed_[n.value()], closed) != closed;
    }
    [[nodiscard]] bool closed(node_index n) const noexcept { return !closed_.empty() && closed_[n.value()] != 0; }

private:
    [[nodiscard]] candidate candidate_at(const slot& where, candidate c) const {
        c.node = ledger_.node(where.node);
        c.gpus = where.gpus;
        return c;
    }
    template <class Value>
    [[nodiscard]] static value_type admitted(const Value& score) {
        const auto value = static_cast<value_type>(score);
        BERTH_ASSERT(value == value, "berth: a score is never NaN");
        return value > lowest_value<value_type> ? value : lowest_value<value_type>;
    }
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
        if (!found) return std::nullopt;
        const value_type value = admitted(found->value);
        if (value == lowest_value<value_type>) return std::nullopt;
        return scored_gpus<value_type>{value, found->gpus};
    }
    /// For a GPU selection that refused the best node: the best of those where it selects GPUs that fit.
    [[nodiscard, gnu::noinline]] std::optional<slot> scan_selections(std::span<const node_index> nodes, candidate& c) {
        std::uint64_t not_counted = 0;
        const node_index best = best_by(nodes, [&](node_index n) {
            const auto found = evaluate(n, c, not_counted);
            return found ? found->value : lowest_value<value_type>;
        });
        return best.valid() ? slot_at(best, c) : std::nullopt;
    }
    template <class Value>
    [[nodiscard]] static node_index best_by(std::span<const node_index> nodes, Value value_of) {
        value_type greatest = lowest_value<value_type>;
        node_index best{};
        for (const node_index n : nodes) {
            const value_type value = value_of(n);
            if (value > greatest) {
                greatest = value;
                best = n;
            }
        }
        return best;
    }

    berth::ledger ledger_;
    Score score_;
    GpuSelection gpu_selection_;
    flat<std::uint8_t> closed_;  // empty until a node is closed
    std::uint64_t evaluations_ = 0;
};

}  // namespace berth::inline v0::detail
