// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/objective/tier_values.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

// Whether a local search goes where a proposal leads. When to use which:
//
//   adaptive_penalty   another rule on tier 0 and 1 as one weighted sum, whose weight follows how often tier 0 is above zero:
//                      passes through infeasible assignments where the feasible ones are islands; the default, on descent
//   descent            never worse; fastest at first, ends in a local optimum and relies on restarts
//   late_acceptance    as good as some steps ago: needs no temperature, heeds all tiers; from a poor start, with much patience
//   record_to_record   not much worse than the best, in the last tier
//   annealing          worse in the last tier with a probability that falls: long runs; wants temperatures in the unit of that tier
//
// What is best is always decided tier by tier, whatever is accepted. Left out: tabu lists (the moves of a general objective
// have no attribute to forbid; `makespan_search` has one), and learning automata over neighbourhoods.

namespace berth::inline v0 {

/// What an acceptance rule is asked: the change, and the values before it.
template <std::size_t N>
struct proposed_step {
    tier_values<N> delta;
    tier_values<N> now;
    tier_values<N> best;
};

/// The state of an acceptance rule in one run: says whether to go. Draws from the generator given. `restarted(now)`, if there is
/// one, is called when the search has gone somewhere by itself (a perturbation). Does not allocate.
template <class S, std::size_t N>
concept acceptance_state =
    std::copy_constructible<S> && requires(S& s, const proposed_step<N>& step, xoshiro256& random) {
        { s.accepts(step, random) } -> std::convertible_to<bool>;
    };

/// An acceptance rule: `a.start(values)` makes the state of a run that begins with these values of the tiers.
template <class A>
concept acceptance = std::copy_constructible<A> && requires(const A& a, tier_values<1> one, tier_values<2> two) {
    { a.start(one) } -> acceptance_state<1>;
    { a.start(two) } -> acceptance_state<2>;
};

namespace detail {

/// The change of the first tier that changes by more than rounding, and which it is; tier N if none does.
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

/// Accepts what is not worse.
struct descent {
    bool sideways = true;  ///< also what changes nothing: walks over plateaus

    template <std::size_t N>
    struct state {
        bool sideways;
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) const noexcept {
            return sideways ? detail::not_worse(step.delta) : improves(step.delta);
        }
    };
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const noexcept {
        return {sideways};
    }
};

/// Accepts what is not worse than now, or not worse than what was current `length` steps ago, tier by tier. The longer the
/// memory, the slower and the better.
///
/// Burke, Bykov, "The late acceptance hill-climbing heuristic", EJOR 258, 2017.
struct late_acceptance {
    std::size_t length = 50;  ///< at least 1

    template <std::size_t N>
    class state {
    public:
        state(std::size_t length, const tier_values<N>& values) : past_(length == 0 ? 1 : length, values) {}
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) {
            const bool accepted =
                detail::not_worse(step.delta) || detail::not_worse(step.now + step.delta - past_[at_]);
            past_[at_] = accepted ? step.now + step.delta : step.now;
            at_ = at_ + 1 == past_.size() ? 0 : at_ + 1;
            return accepted;
        }
        void restarted(const tier_values<N>& now) {
            for (tier_values<N>& each : past_) each = now;
        }

    private:
        detail::flat<tier_values<N>> past_;
        std::size_t at_ = 0;
    };
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>& values) const {
        return {length, values};
    }
};

/// Accepts what is not worse than now, or keeps the last tier within a threshold of the best and the tiers before it as they are.
///
/// Dueck, "New optimization heuristics: the great deluge algorithm and the record-to-record travel", JCP 104, 1993.
struct record_to_record {
    double share = 0.0005;  ///< the threshold, as a share of the size of the best value of the last tier

    template <std::size_t N>
    struct state {
        double share;
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256&) const noexcept {
            const detail::first_change<N> worse{step.delta};
            if (worse.change <= 0.0) return true;
            if (worse.tier != N - 1) return false;
            const double after = step.now[N - 1] + step.delta[N - 1];
            return after - step.best[N - 1] <= share * std::abs(step.best[N - 1]);
        }
    };
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const noexcept {
        return {share};
    }
};

/// Accepts what is not worse, and what is worse by d in the last tier alone with probability exp(-d / temperature). The temperature
/// falls geometrically over `steps` proposals and then begins again.
///
/// Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983.
struct annealing {
    double first_temperature = 1.0;  ///< above 0, in the unit of the last tier
    double last_temperature = 0.01;  ///< above 0
    std::uint64_t steps = 1'000'000;

    template <std::size_t N>
    class state {
    public:
        state(double first, double last, std::uint64_t steps)
            : first_{first},
              steps_{steps < stretch ? stretch : steps},
              temperature_{first},
              factor_{std::pow(last / first, static_cast<double>(stretch) / static_cast<double>(steps_))} {}
        [[nodiscard]] bool accepts(const proposed_step<N>& step, xoshiro256& random) {
            if (++taken_ % stretch == 0) temperature_ *= factor_;
            if (taken_ >= steps_) {
                taken_ = 0;
                temperature_ = first_;
            }
            const detail::first_change<N> worse{step.delta};
            if (worse.change <= 0.0) return true;
            if (worse.tier != N - 1) return false;
            return uniform01(random) < std::exp(-worse.change / temperature_);
        }

    private:
        static constexpr std::uint64_t stretch = 100;
        double first_;
        std::uint64_t steps_;
        double temperature_;
        double factor_;
        std::uint64_t taken_ = 0;
    };
    template <std::size_t N>
    [[nodiscard]] state<N> start(const tier_values<N>&) const {
        return {first_temperature, last_temperature, steps};
    }
};

/// Another rule on tiers of which the first two are one, `weight * tier 0 + tier 1`. Every `period` steps the weight rises by `factor` if
/// tier 0 was above zero at most of them, and falls by it if not. With one tier it is the other rule itself.
template <acceptance Rule = descent>
struct adaptive_penalty {
    Rule rule{};
    double weight = 1.0;  ///< to begin with, above 0
    double factor = 1.1;  ///< above 1
    std::size_t period = 200;

    template <std::size_t N>
    class state {
        static constexpr std::size_t merged = N > 1 ? N - 1 : 1;

    public:
        state(const adaptive_penalty& rule, const tier_values<N>& values)
            : rule_{rule}, weight_{rule.weight}, inner_{rule.rule.start(merge(values))} {}
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
              acceptance<annealing> && acceptance<adaptive_penalty<>>);

}  // namespace berth::inline v0
