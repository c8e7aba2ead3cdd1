// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/term_value.hpp"
#include "berth/objective/tier_values.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

// Length: an objective and its state, which is made of the same parts.

namespace berth::inline v0 {

/// A term with a weight. Written `2.0 * makespan{...}`.
template <term T>
struct weighted_term {
    double weight = 1.0;  ///< in the sum of its tier
    T term;               ///< a description
};

/// A term with a weight.
template <term T>
[[nodiscard]] constexpr weighted_term<T> operator*(double weight, T t) {
    return {weight, std::move(t)};
}

namespace detail {

template <class T>
inline constexpr bool is_weighted_term = false;
template <class T>
inline constexpr bool is_weighted_term<weighted_term<T>> = true;

template <class T>
[[nodiscard]] constexpr auto with_weight(T t) {
    if constexpr (is_weighted_term<T>) {
        return t;
    } else {
        static_assert(term<T>,
                      "berth: a term has name() and prepare(problem, assignment), which makes a state with value(), "
                      "delta(moves) and apply(moves)");
        return weighted_term<T>{1.0, std::move(t)};
    }
}

}  // namespace detail

/// Terms of equal importance: their weighted sum. Made by `tier`.
template <class... Terms>
struct objective_tier {
    std::tuple<weighted_term<Terms>...> terms;  ///< as written
};

/// A tier of one or more terms, each with or without a weight in front.
template <class... Terms>
    requires(sizeof...(Terms) > 0)
[[nodiscard]] constexpr auto tier(Terms... terms) {
    return [](auto... t) {
        return objective_tier<decltype(t.term)...>{{std::move(t)...}};
    }(detail::with_weight(std::move(terms))...);
}

template <class... Tiers>
class objective_state;

/// What a search minimises: tiers in order of importance, each a weighted sum of terms.
///
/// ```
/// const objective wish{tier(capacity_excess{}), tier(2.0 * makespan{load}, move_cost<>{initial})};
/// auto state = wish.prepare(problem, start);
/// if (improves(state.delta(r))) state.apply(r);
/// ```
///
/// A description: immutable, shared between threads. Terms are known at compile time: no virtual call, no allocation
/// after `prepare`.
template <class... Tiers>
class objective {
public:
    /// An objective of tiers, the most important first.
    constexpr explicit objective(Tiers... tiers) : tiers_{std::move(tiers)...} {}

    static constexpr std::size_t tier_count = sizeof...(Tiers);  ///< at least 1

    /// The state of a run. O(tasks + fleet).
    ///
    /// @param p      outlives the state
    /// @param start  a slot or `unplaced` for every task; infeasible assignments are valid
    [[nodiscard]] objective_state<Tiers...> prepare(const problem& p, std::span<const slot> start) const {
        return objective_state<Tiers...>{tiers_, p, start};
    }

private:
    std::tuple<Tiers...> tiers_;
};

/// An assignment with the state of every term of an objective. Copyable; one thread at a time.
template <class... Tiers>
class objective_state {
public:
    static constexpr std::size_t tier_count = sizeof...(Tiers);  ///< at least 1
    using values = tier_values<tier_count>;                      ///< one value per tier

    /// The assignment as it stands, a slot or `unplaced` for every task.
    [[nodiscard]] std::span<const slot> assignment() const noexcept { return assignment_; }
    /// The task's present slot.
    [[nodiscard]] const slot& where(task_index t) const noexcept { return assignment_[t.value()]; }

    /// Every tier's weighted sum. O(terms).
    [[nodiscard]] values value() const {
        return sum([](const auto& part) { return static_cast<double>(part.state.value()); });
    }
    /// The change of each tier if these moves happened at once. Terms are summed in the order in which they were
    /// written.
    ///
    /// @param r  moves of distinct tasks from their present slots
    [[nodiscard]] values delta(task_moves r) const {
        return sum([&](const auto& part) { return static_cast<double>(part.state.delta(r)); });
    }
    /// The same for one move: faster, because slots of one GPU are decoded once for all terms.
    [[nodiscard, gnu::always_inline]] values delta(const task_move& r) const {
        BERTH_ASSERT(where(r.task) == r.from, "berth: a move starts at the task's present slot");
        const gpu_index from = gpu_of_[r.task.value()];
        if (!from.valid() || !has_one(r.to.gpus)) [[unlikely]]
            return delta_of_slots(r.task, r.to.node, r.to.gpus);
        return delta_between({r.task, from, first_gpu(r.to)});
    }

    /// Carries the moves out.
    ///
    /// @param r  moves of distinct tasks from their present slots
    void apply(task_moves r) {
        for (const task_move& one : r) {
            BERTH_ASSERT(assignment_[one.task.value()] == one.from, "berth: a move starts at the task's present slot");
            assignment_[one.task.value()] = one.to;
            gpu_of_[one.task.value()] = only_gpu(one.to);
        }
        each(*this, [&](auto& part, std::size_t) { part.state.apply(r); });
    }
    /// Carries one move out.
    void apply(const task_move& r) { apply(task_moves{&r, 1}); }

    /// The move of a task from its present slot.
    [[nodiscard]] task_move to(task_index t, const slot& target) const noexcept { return {t, where(t), target}; }

    /// Every term's value, in the order in which they were written.
    [[nodiscard]] auto by_term() const {
        std::array<term_value, part_count> all{};
        std::size_t i = 0;
        each(*this, [&](const auto& part, std::size_t tier) {
            all[i++] = {part.description.name(), tier, part.weight, static_cast<double>(part.state.value())};
        });
        return all;
    }

    /// Compares every term's value with that of a state prepared from scratch. As slow as `prepare`: for tests, and for
    /// searches with their self-check switched on.
    ///
    /// @param tolerance  relative to the value, at least 0
    /// @return  an error that names the first term that differs by more
    [[nodiscard]] result<void> self_check(double tolerance = 1e-9) const {
        result<void> outcome{};
        bool agrees = true;
        each(*this, [&](const auto& part, std::size_t) {
            if (!agrees) return;
            const double full = part.description.prepare(problem_, assignment_).value();
            const double kept = part.state.value();
            if (std::abs(full - kept) <= tolerance * (1.0 + std::abs(full))) return;
            agrees = false;
            outcome =
                detail::refuse(error_code::inconsistent, {"term ", detail::phrase::quoted(part.description.name()),
                                                          ": its incremental value differs from a full recomputation"});
        });
        return outcome;
    }

private:
    template <class... T>
    friend class objective;

    template <class T>
    struct part_of {
        double weight;
        T description;
        std::decay_t<decltype(std::declval<const T&>().prepare(std::declval<const problem&>(),
                                                               std::declval<std::span<const slot>>()))>
            state;
    };
    template <class... Terms>
    static std::tuple<part_of<Terms>...> parts(const objective_tier<Terms...>& tier, const problem& p,
                                               std::span<const slot> start) {
        return std::apply(
            [&](const auto&... t) {
                return std::tuple<part_of<Terms>...>{part_of<Terms>{t.weight, t.term, t.term.prepare(p, start)}...};
            },
            tier.terms);
    }
    template <class Tier>
    using parts_of = decltype(parts(std::declval<const Tier&>(), std::declval<const problem&>(), {}));

    objective_state(const std::tuple<Tiers...>& tiers, const problem& p, std::span<const slot> start)
        : problem_{p},
          assignment_(start.begin(), start.end()),
          parts_{std::apply([&](const auto&... t) { return std::tuple<parts_of<Tiers>...>{parts(t, p, start)...}; },
                            tiers)} {
        BERTH_ASSERT(start.size() == p.workload().task_count(), "berth: an assignment has a slot for every task");
        for (std::size_t n = 0; n < p.fleet().node_count(); ++n) {
            first_gpu_.push_back(static_cast<std::uint32_t>(p.fleet().gpu(node_index{n}, 0).value()));
        }
        for (const slot& where : start) gpu_of_.push_back(only_gpu(where));
    }

    /// Not std::has_single_bit, which counts bits: slow without the instruction.
    [[nodiscard]] static constexpr bool has_one(gpu_mask gpus) noexcept {
        return gpus != 0 && (gpus & (gpus - 1)) == 0;
    }
    [[nodiscard]] gpu_index first_gpu(const slot& where) const noexcept {
        return gpu_index{first_gpu_[where.node.value()] + lowest_gpu(where.gpus)};
    }
    [[nodiscard]] gpu_index only_gpu(const slot& where) const noexcept {
        return has_one(where.gpus) ? first_gpu(where) : gpu_index{};
    }

    // Both by value, so that the usual case keeps everything in registers.
    [[nodiscard]] values delta_between(gpu_move r) const {
        if (r.from == r.to) return {};
        return sum([&](const auto& part) {
            if constexpr (requires { part.state.delta(r); }) {
                return static_cast<double>(part.state.delta(r));
            } else {
                const task_move slots = to(r.task, slot_of(r.to));
                return static_cast<double>(part.state.delta(task_moves{&slots, 1}));
            }
        });
    }
    [[nodiscard, gnu::noinline]] values delta_of_slots(task_index t, node_index n, gpu_mask gpus) const {
        const task_move r = to(t, {n, gpus});
        return delta(task_moves{&r, 1});
    }
    [[nodiscard]] slot slot_of(gpu_index g) const noexcept {
        const node_index n = problem_.fleet().node_of(g);
        return {n, gpu_mask{1} << (g.value() - first_gpu_[n.value()])};
    }

    template <class F>
    [[nodiscard]] values sum(const F& f) const {
        values total;
        sum_tiers(total, f);
        return total;
    }
    template <std::size_t Tier = 0, class F>
    void sum_tiers(values& total, const F& f) const {
        std::apply(
            [&](const auto& first, const auto&... rest) {
                double tier = first.weight * f(first);
                ((tier += rest.weight * f(rest)), ...);
                total.values[Tier] = tier;
            },
            std::get<Tier>(parts_));
        if constexpr (Tier + 1 < tier_count) sum_tiers<Tier + 1>(total, f);
    }
    /// `f(part, tier)` for every term, in the order in which they were written.
    template <std::size_t Tier = 0, class Self, class F>
    static void each(Self& self, const F& f) {
        std::apply([&](auto&... part) { (f(part, Tier), ...); }, std::get<Tier>(self.parts_));
        if constexpr (Tier + 1 < tier_count) each<Tier + 1>(self, f);
    }

    static constexpr std::size_t part_count = (std::size_t{0} + ... + std::tuple_size_v<parts_of<Tiers>>);

    problem problem_;
    berth::assignment assignment_;
    detail::flat<std::uint32_t> first_gpu_;  // of each node: denser than what the fleet knows of it
    detail::flat<gpu_index> gpu_of_;         // of the tasks with one GPU
    std::tuple<parts_of<Tiers>...> parts_;
};

}  // namespace berth::inline v0
