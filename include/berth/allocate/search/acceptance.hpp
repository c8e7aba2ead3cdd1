// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/cooling.hpp"
#include "berth/allocate/search/metropolis.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/objective/tier_values.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

// Which proposals a local search carries out. When to use which:
//
//   adaptive_penalty   another rule on tier 0 and 1 as one weighted sum, whose weight rises while tier 0 is above zero:
//                      crosses infeasible assignments between separate feasible regions; the default, on descent
//   descent            never worse; fastest at first, ends in a local optimum and relies on restarts
//   late_acceptance    as good as some proposals ago: no temperature, all tiers; from a poor start, with much patience
//   record_to_record   not much worse than the best, in the last tier
//   annealing          worse in the last tier with a falling probability: long runs; see `cooling.hpp` for schedules
//
// The best is always decided tier by tier, whatever the rule. Left out: tabu lists (the moves of a general objective
// have no attribute to forbid), and learning automata over neighbourhoods.

// Length: five rules, read side by side to choose one.

namespace berth::inline v0 {

/// A proposal, as an acceptance rule sees it.
template <std::size_t N>
struct proposed_step {
    tier_values<N> delta;  ///< change of the tiers, first tier first
    tier_values<N> now;    ///< values before the change
    tier_values<N> best;   ///< best values of the run
};

/// The state of an acceptance rule in one run.
///
/// 1. `s.accepts(step, random)`: true if the search carries the proposal out. O(tiers), allocates nothing.
/// 2. `s.restarted(now)`, optional: called after a perturbation or another change that was not proposed.
/// 3. `s.penalty()`, optional: what a unit of tier 0 counts in units of tier 1, for neighbourhoods that compare by it
///    (`search_space::prefers`).
/// 4. `s.elapsed(share)`, optional: called every few hundred evaluations with `run_control::elapsed`, if a budget or a
///    clock bounds the run. A rule that cools takes its length from it.
template <class S, std::size_t N>
concept acceptance_state =
    std::copy_constructible<S> && requires(S& s, const proposed_step<N>& step, xoshiro256& random) {
        { s.accepts(step, random) } -> std::convertible_to<bool>;
    };

/// An acceptance rule: `a.start(values)` makes the state of a run that begins with these values of the tiers, for any
/// number of tiers. Write one to control which worsening proposals are accepted:
///
/// ```
/// struct greedy_only {
///     template <std::size_t N>
///     struct state {
///         bool accepts(const proposed_step<N>& step, xoshiro256&) const { return improves(step.delta); }
///     };
///     template <std::size_t N>
///     state<N> start(const tier_values<N>&) const { return {}; }
/// };
/// ```
template <class A>
concept acceptance = std::copy_constructible<A> && requires(const A& a, tier_values<1> one, tier_values<2> two) {
    { a.start(one) } -> acceptance_state<1>;
    { a.start(two) } -> acceptance_state<2>;
};

namespace detail {

/// The first tier that changes by more than rounding errors, and its change; tier N if there is none.
template <std::size_t N>
struct first_change {
    std::size_t tier = N;
    double change = 0.0;

    constexpr explicit first_change(const tier_values<N>& delta, double tolerance = 1e-9) noexcept {
        for (std::size_t i = 0; i < N; ++i) {
            if (delta[i] <= tolerance && delta[i] >= -tolerance) continue;
            tier = i;
            change = delta[i];
            return;
        }
    }
};

template <std::size_t N>
[[nodiscard]] constexpr bool not_worse(const tier_values<N>& delta) noexcept {
    return first_change<N>{delta}.change <= 0.0;
}

}  // namespace detail

/// Accepts proposals that are not worse.
struct descent {
    bool sideways = true;  ///< also accepts equal values, which crosses plateaus

    /// See `acceptance_state`.
    template <std::size_t N>
    struct state {
        bool sideways;  ///< of the description
        /// See `acceptance_state`.
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) const noexcept {
            return sideways ? detail::not_worse(step.delta) : improves(step.delta);
        }
    };
    /// The state of a run; see `acceptance`.
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const noexcept {
        return {sideways};
    }
};

/// Accepts proposals not worse than now, or not worse than the values `length` proposals ago, tier by tier. The longer
/// the memory, the slower and the better.
///
/// Burke, Bykov, "The late acceptance hill-climbing heuristic", EJOR 258, 2017.
struct late_acceptance {
    std::size_t length = 50;  ///< at least 1

    /// See `acceptance_state`.
    template <std::size_t N>
    class state {
    public:
        /// A memory of these values.
        state(std::size_t length, const tier_values<N>& values) : past_(length == 0 ? 1 : length, values) {}
        /// See `acceptance_state`.
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) {
            const bool accepted =
                detail::not_worse(step.delta) || detail::not_worse(step.now + step.delta - past_[at_]);
            past_[at_] = accepted ? step.now + step.delta : step.now;
            at_ = at_ + 1 == past_.size() ? 0 : at_ + 1;
            return accepted;
        }
        /// Fills the memory with the new values.
        void restarted(const tier_values<N>& now) {
            for (tier_values<N>& each : past_) each = now;
        }

    private:
        detail::flat<tier_values<N>> past_;
        std::size_t at_ = 0;
    };
    /// The state of a run; see `acceptance`.
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>& values) const {
        return {length, values};
    }
};

/// Accepts proposals not worse than now, or that keep the last tier within a threshold of the best and do not change
/// other tiers.
///
/// Dueck, "New optimization heuristics: the great deluge algorithm and the record-to-record travel", JCP 104, 1993.
struct record_to_record {
    double share = 0.0005;  ///< threshold, as a share of the absolute best value of the last tier, 0 or more

    /// See `acceptance_state`.
    template <std::size_t N>
    struct state {
        double share;  ///< of the description
        /// See `acceptance_state`.
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) const noexcept {
            const detail::first_change<N> worse{step.delta};
            if (worse.change <= 0.0) return true;
            if (worse.tier != N - 1) return false;
            const double after = step.now[N - 1] + step.delta[N - 1];
            return after - step.best[N - 1] <= share * std::abs(step.best[N - 1]);
        }
    };
    /// The state of a run; see `acceptance`.
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const noexcept {
        return {share};
    }
};

/// Accepts proposals not worse than now, and those worse by d in the last tier alone with probability exp(-d /
/// temperature). The temperature follows a cooling schedule: by default once over the run, by `run_control::elapsed`,
/// so that the run ends cold at its budget or its deadline; else over `period` proposals, and then begins again.
///
/// ```
/// annealing{geometric_cooling{.first = 5.0, .last = 0.1}}
/// annealing{adaptive_cooling{}}  // no idea of the scale
/// ```
template <cooling_schedule Cooling = geometric_cooling>
struct annealing {
    static constexpr std::uint64_t whole_run = 0;  ///< a period: cools once, over the run

    Cooling cooling{};                 ///< temperatures in the unit of the last tier
    std::uint64_t period = whole_run;  ///< proposals of one cooling; `whole_run` without budget and clock: 1,000,000

    /// See `acceptance_state`.
    template <std::size_t N>
    class state {
    public:
        /// Begins at the first temperature.
        explicit state(const annealing& rule)
            : metropolis_{rule.cooling},
              over_run_{rule.period == whole_run},
              period_{over_run_               ? 1'000'000
                      : rule.period < stretch ? stretch
                                              : rule.period} {}
        /// See `acceptance_state`.
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256& random) {
            if (!by_share_) cool();
            const detail::first_change<N> worse{step.delta};
            if (worse.change > 0.0 && worse.tier != N - 1) return false;
            return metropolis_.accepts(worse.change, random);
        }
        /// Sets the temperature for this share of the run, unless there is a period.
        void elapsed(double share) {
            if (!over_run_) return;
            by_share_ = true;
            metropolis_.elapsed(share);
        }

    private:
        static constexpr std::uint64_t stretch = 100;

        void cool() {
            if (++taken_ == period_) taken_ = 0;
            if (taken_ % stretch != 0) return;
            metropolis_.elapsed(static_cast<double>(taken_) / static_cast<double>(period_));
        }

        metropolis<Cooling> metropolis_;
        bool over_run_;
        std::uint64_t period_;
        std::uint64_t taken_ = 0;
        bool by_share_ = false;
    };
    /// The state of a run; see `acceptance`.
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const {
        return state<N>{*this};
    }
};
annealing() -> annealing<>;
template <cooling_schedule Cooling>
annealing(Cooling) -> annealing<Cooling>;
template <cooling_schedule Cooling>
annealing(Cooling, std::uint64_t) -> annealing<Cooling>;

/// Another rule, which sees the first two tiers as one, `weight * tier 0 + tier 1`. Every `period` proposals the weight
/// is multiplied by `factor` if tier 0 was above zero at more than half of them, else divided by it. With one tier the
/// same as the other rule.
template <acceptance Rule = descent>
struct adaptive_penalty {
    Rule rule{};               ///< the other rule
    double weight = 1.0;       ///< first weight, above 0
    double factor = 1.1;       ///< above 1
    std::size_t period = 200;  ///< proposals between two changes of the weight, above 0

    /// See `acceptance_state`.
    template <std::size_t N>
    class state {
        static constexpr std::size_t merged = N > 1 ? N - 1 : 1;

    public:
        /// Begins with the first weight.
        state(const adaptive_penalty& rule, const tier_values<N>& values)
            : rule_{rule}, weight_{rule.weight}, inner_{rule.rule.start(merge(values))} {}
        /// See `acceptance_state`.
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256& random) {
            if constexpr (N > 1) {
                above_ += step.now[0] > 1e-9 ? 1 : 0;
                if (++steps_ == rule_.period) {
                    weight_ *= 2 * above_ > steps_ ? rule_.factor : 1.0 / rule_.factor;
                    above_ = 0;
                    steps_ = 0;
                }
            }
            return inner_.accepts({merge(step.delta), merge(step.now), merge(step.best)}, random);
        }
        /// What a unit of tier 0 counts in units of tier 1, now.
        [[nodiscard]] double penalty() const noexcept { return weight_; }
        /// Passed on to the other rule.
        void elapsed(double share) {
            if constexpr (requires { inner_.elapsed(share); }) inner_.elapsed(share);
        }
        /// Passed on to the other rule.
        void restarted(const tier_values<N>& now) {
            if constexpr (requires { inner_.restarted(merge(now)); }) inner_.restarted(merge(now));
        }

    private:
        [[nodiscard]] tier_values<merged> merge(const tier_values<N>& values) const noexcept {
            if constexpr (N == 1) {
                return values;
            } else {
                tier_values<merged> sum{};
                sum.values[0] = weight_ * values[0] + values[1];
                for (std::size_t i = 2; i < N; ++i) sum.values[i - 1] = values[i];
                return sum;
            }
        }

        adaptive_penalty rule_;
        double weight_;
        std::size_t above_ = 0;
        std::size_t steps_ = 0;
        decltype(std::declval<const Rule&>().start(std::declval<const tier_values<merged>&>())) inner_;
    };
    /// The state of a run; see `acceptance`.
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>& values) const {
        return {*this, values};
    }
};
adaptive_penalty() -> adaptive_penalty<>;
template <acceptance Rule>
adaptive_penalty(Rule) -> adaptive_penalty<Rule>;
template <acceptance Rule>
adaptive_penalty(Rule, double) -> adaptive_penalty<Rule>;
template <acceptance Rule>
adaptive_penalty(Rule, double, double) -> adaptive_penalty<Rule>;
template <acceptance Rule>
adaptive_penalty(Rule, double, double, std::size_t) -> adaptive_penalty<Rule>;

static_assert(acceptance<descent> && acceptance<late_acceptance> && acceptance<record_to_record> &&
              acceptance<annealing<>> && acceptance<adaptive_penalty<>>);

}  // namespace berth::inline v0
