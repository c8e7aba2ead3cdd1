// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/acceptance.hpp"
#include "berth/allocate/search/cooling.hpp"
#include "berth/allocate/search/metropolis.hpp"
#include "berth/allocate/search/search_state.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

// Length: one class, the loop that all annealed searches share.

namespace berth::inline v0 {

/// How an annealer goes on.
struct annealer_options {
    static constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();  ///< for all limits

    std::uint64_t seed = 1;  ///< of all random draws
    /// If neither a budget nor a clock bounds the run, it cools over so many evaluations and then completes.
    std::uint64_t max_evaluations = 10'000'000;
    /// Steps without a new best before the search returns to the best and perturbs it, if the state can.
    std::size_t patience = without_end;
    std::size_t max_restarts = without_end;  ///< returns in a row without a new best before the search is complete
    std::size_t max_idle = 1'000'000;        ///< steps in a row without an evaluation before the search is complete
    /// A change worse than so many temperatures is refused without a draw.
    double hopeless = metropolis<>::always_draw;
    std::uint64_t poll_every = 256;  ///< evaluations between two polls of the control, a millisecond's at most
};

/// Decides for an annealer's steps what stays, with its generator. Moves that take whole steps receive it.
template <class Value, class Rule>
class acceptor {
public:
    /// @param rule   the state of an acceptance rule, or `metropolis`
    /// @param value  at the start
    acceptor(Rule rule, const Value& value, std::uint64_t seed)
        : rule_{std::move(rule)}, now_{value}, best_{value}, random_{seed} {}

    /// The random numbers of the run.
    [[nodiscard]] xoshiro256& random() noexcept { return random_; }
    /// True if a change by this delta stays.
    template <class Delta>
    [[nodiscard]] bool accepts(const Delta& delta) {
        if constexpr (requires { rule_.temperature(); }) {
            return rule_.accepts(static_cast<double>(delta), random_);
        } else {
            return rule_.accepts({delta, now_, best_}, random_);
        }
    }
    /// The state of the rule.
    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }

private:
    template <search_state State, search_moves<State> Moves, class Cooling>
    friend class annealer;

    Rule rule_;
    Value now_;
    Value best_;
    xoshiro256 random_;
};

/// Simulated annealing, and local search under any acceptance rule: takes steps, keeps the best.
///
/// ```
/// annealer search{order{jobs}, swap_two{}, geometric_cooling{.first = 50.0, .last = 0.5}};
/// const stop_reason why = search.run(run_control<>{.max_evaluations = 2'000'000});
/// use(search.state());  // restored to the best
/// ```
///
/// 1. Never worse than its start. Ends at the best: `run` restores it.
/// 2. Cools over the whole run, by `run_control::elapsed`: by the share of the budget, or of the time if there is a
///    clock and no budget. A run that is stopped early returns the best so far.
/// 3. Polls every 256 evaluations or steps without one; exceeds a budget by one step at most. Same seed and budget,
///    same result.
/// 4. Allocates nothing after its construction, provided that state and moves do not.
///
/// The engine of `local_search`, `makespan_search` and `reassignment_search`. Copyable, with its whole run.
/// `begin_round` and `advance` run it in rounds of evaluations, for several annealers that share a run; `improve` goes
/// on without the return to the best. Under an acceptance rule nothing cools but what the rule cools.
///
/// @tparam Cooling  a `cooling_schedule`; or an acceptance rule, for states whose values are `tier_values`
template <search_state State, search_moves<State> Moves, class Cooling = geometric_cooling>
class annealer {
    static constexpr bool cools = cooling_schedule<Cooling>;
    static_assert(cools || acceptance<Cooling>, "berth: the third argument of an annealer is a cooling schedule "
                                                "(geometric_cooling{first, last}, adaptive_cooling{}, "
                                                "...) or an acceptance rule (descent{}, ...)");

    template <class C>
    static auto rule_of(const C& c, const annealer_options& options, const auto& value) {
        if constexpr (cooling_schedule<C>) {
            return metropolis<C>{c, options.hopeless};
        } else {
            return c.start(value);
        }
    }

public:
    using value_type = std::remove_cvref_t<decltype(std::declval<const State&>().value())>;  ///< of the state

    /// @param state    to begin with; counts as the best
    /// @param moves    see `search_moves`
    /// @param cooling  see `cooling_schedule`
    /// @param options  see `annealer_options`
    explicit annealer(State state, Moves moves = {}, const Cooling& cooling = {}, const annealer_options& options = {})
        : options_{options},
          state_{std::move(state)},
          moves_{std::move(moves)},
          acceptor_{rule_of(cooling, options, std::as_const(state_).value()), std::as_const(state_).value(),
                    options.seed} {
        if constexpr (proposing && requires { state_.reserve(move_); }) state_.reserve(move_);
    }

    /// Runs until the control ends it, nothing is left to do, or `max_restarts` are used up; then returns to the best.
    /// The budget counts from the construction on.
    template <class Control>
    stop_reason run(Control&& control) {
        notify::begin(control.observer, progress());
        const stop_reason why = improve(control);
        restore();
        notify::end(control.observer, progress());
        return why;
    }
    /// The same without return to the best and without the begin and end of an observer: a further call goes on.
    template <class Control>
    stop_reason improve(Control& control) {
        std::uint64_t next_poll = 0;
        const std::uint64_t first = evaluations();
        while (!done() && idle_now_ < options_.max_idle) {
            if (evaluations() + idle_ >= next_poll) {
                if (const auto why = control.check(evaluations()); why != stop_reason::completed) return why;
                if (control.bounded()) {
                    elapsed(control.elapsed(evaluations()));
                } else if (options_.max_evaluations != annealer_options::without_end) {
                    const double used = static_cast<double>(evaluations() - first);
                    const double share = used / static_cast<double>(options_.max_evaluations);
                    if (!(share < 1.0)) break;
                    elapsed(share);
                }
                next_poll = evaluations() + idle_ + options_.poll_every;
            } else if (evaluations() >= control.max_evaluations) {
                return stop_reason::budget_exhausted;
            }
            if (since_best_ >= options_.patience) {
                if (restarts_ >= options_.max_restarts || evaluations() == evaluations_at_restart_) break;
                ++restarts_;
                evaluations_at_restart_ = evaluations();
                start_again();
            }
            if (step()) notify::step(control.observer, progress());
        }
        return stop_reason::completed;
    }

    /// Begins a round of so many evaluations, or up to one step more. `advance` runs it.
    ///
    /// @param share  of the run that is used; sets the temperature of the round
    void begin_round(double share, std::uint64_t evaluations_of_round) {
        elapsed(share);
        round_ends_ = evaluations() + evaluations_of_round;
        round_steps_end_ = steps_ + 16 * evaluations_of_round;  // steps without an evaluation take time, too
    }
    /// Goes on with the round for a fraction of a millisecond; true until the round is over. How a round is divided
    /// does not change what it finds. A step that is under way is finished even if the round is over.
    [[nodiscard]] bool advance() {
        constexpr std::uint64_t slice = 256;
        const std::uint64_t until = evaluations() + slice;
        for (std::uint64_t tries = 0; tries < 8 * slice && evaluations() < until; ++tries) {
            if (!under_way()) {
                if (evaluations() >= round_ends_ || steps_ >= round_steps_end_ || done()) return false;
                ++steps_;
            }
            (void)step();
        }
        return under_way() || (evaluations() < round_ends_ && steps_ < round_steps_end_ && !done());
    }

    /// The state as it stands. After `run` that is the best.
    [[nodiscard]] const State& state() const noexcept { return state_; }
    /// To change the state from outside, between steps; then call `restart` or `follow`.
    [[nodiscard]] State& state() noexcept { return state_; }
    /// The value of the best.
    [[nodiscard]] const value_type& best_value() const noexcept { return acceptor_.best_; }
    /// The value of the state as it stands.
    [[nodiscard]] const value_type& value() const noexcept { return acceptor_.now_; }
    /// Deltas computed so far, as the state counts them, else proposals.
    [[nodiscard]] std::uint64_t evaluations() const noexcept {
        if constexpr (requires { state_.evaluations(); }) {
            return state_.evaluations();
        } else {
            return evaluations_;
        }
    }
    /// Steps that changed the state so far.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
    /// The temperature, if the third argument is a cooling schedule.
    [[nodiscard]] double temperature() const noexcept
        requires cools
    {
        return acceptor_.rule_.temperature();
    }
    /// `done` counts accepted steps; `objective` is the best value, of tiers the last one and infinite while a tier
    /// before it is above zero.
    [[nodiscard]] berth::progress progress() const {
        return {.done = static_cast<std::size_t>(accepted_),
                .total = 0,
                .evaluations = evaluations(),
                .objective = objective_of(acceptor_.best_)};
    }

    /// Returns to the best.
    void restore() {
        state_.restore();
        acceptor_.now_ = std::as_const(state_).value();
        acceptor_.best_ = acceptor_.now_;
    }
    /// Takes note that the state has changed from outside and counts as the best; it has been kept.
    void follow() {
        acceptor_.now_ = std::as_const(state_).value();
        acceptor_.best_ = acceptor_.now_;
        tell_rule();
    }
    /// The same, with another schedule from its begin. The random stream goes on.
    void restart(const Cooling& cooling) {
        acceptor_.rule_ = rule_of(cooling, options_, std::as_const(state_).value());
        follow();
        since_best_ = 0;
        restarts_ = 0;
        idle_now_ = 0;
    }
    /// Begins another random stream; patience and restarts count anew.
    void reseed(std::uint64_t seed) {
        acceptor_.random_ = xoshiro256{seed};
        since_best_ = 0;
        restarts_ = 0;
        idle_now_ = 0;
    }

private:
    using rule_type = decltype(rule_of(std::declval<const Cooling&>(), {}, std::declval<const value_type&>()));
    using acceptor_type = acceptor<value_type, rule_type>;
    static constexpr bool proposing = proposing_moves<Moves, State>;

    struct no_move {};
    template <bool Proposing, class S>
    struct move_of {
        using type = no_move;
    };
    template <class S>
    struct move_of<true, S> {
        using type = typename S::move;
    };

    [[nodiscard]] bool done() const {
        if constexpr (requires { state_.done(); }) {
            return state_.done();
        } else {
            return false;
        }
    }
    [[nodiscard]] bool under_way() const {
        if constexpr (requires { moves_.under_way(); }) {
            return moves_.under_way();
        } else {
            return false;
        }
    }
    void elapsed(double share) {
        if constexpr (requires { acceptor_.rule_.elapsed(share); }) acceptor_.rule_.elapsed(share);
        if constexpr (requires { state_.elapsed(share); }) state_.elapsed(share);
    }
    void tell_rule() {
        if constexpr (requires { acceptor_.rule_.restarted(acceptor_.now_); }) {
            acceptor_.rule_.restarted(acceptor_.now_);
        }
    }
    /// One step. True on a new best.
    bool step() {
        ++since_best_;
        if (!change()) return false;
        ++accepted_;
        acceptor_.now_ = std::as_const(state_).value();
        if (!detail::better(acceptor_.now_, acceptor_.best_)) return false;
        acceptor_.best_ = acceptor_.now_;
        state_.keep();
        since_best_ = 0;
        restarts_ = 0;
        return true;
    }
    /// True if the state changed.
    bool change() {
        if constexpr (proposing) {
            if constexpr (requires { state_.weigh(acceptor_.rule_.penalty()); }) {
                state_.weigh(acceptor_.rule_.penalty());
            }
            if (!moves_.propose(state_, acceptor_.random_, move_)) {
                idle();
                return false;
            }
            ++evaluations_;
            idle_now_ = 0;
            if (!acceptor_.accepts(state_.delta(move_))) return false;
            state_.apply(move_);
            return true;
        } else if constexpr (requires { state_.evaluations(); }) {
            const std::uint64_t before = state_.evaluations();
            const bool changed = moves_.step(state_, acceptor_);
            if (state_.evaluations() == before) {
                idle();
            } else {
                idle_now_ = 0;
            }
            return changed;
        } else {
            ++evaluations_;
            return moves_.step(state_, acceptor_);
        }
    }
    void idle() noexcept {
        ++idle_;
        ++idle_now_;
    }
    void start_again() {
        restore();
        since_best_ = 0;
        if constexpr (requires { state_.perturb(acceptor_.random_); }) {
            state_.perturb(acceptor_.random_);
            acceptor_.now_ = std::as_const(state_).value();
        }
        tell_rule();
    }
    template <class Value>
    [[nodiscard]] static double objective_of(const Value& value) {
        if constexpr (std::is_arithmetic_v<Value>) {
            return static_cast<double>(value);
        } else if constexpr (requires { value.objective(); }) {
            return value.objective();
        } else if constexpr (requires { Value::tier_count; }) {
            bool first_tiers_met = true;
            for (std::size_t i = 0; i + 1 < Value::tier_count; ++i)
                first_tiers_met = first_tiers_met && value[i] <= 1e-9;
            return first_tiers_met ? value[Value::tier_count - 1] : std::numeric_limits<double>::infinity();
        } else {
            return 0.0;
        }
    }

    annealer_options options_;
    State state_;
    Moves moves_;
    acceptor_type acceptor_;
    typename move_of<proposing, State>::type move_{};
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t round_ends_ = 0;  // evaluations
    std::uint64_t round_steps_end_ = 0;
    std::uint64_t idle_ = 0;      // steps without an evaluation
    std::uint64_t idle_now_ = 0;  // of them in a row
    std::uint64_t evaluations_at_restart_ = ~std::uint64_t{0};
    std::size_t since_best_ = 0;
    std::size_t restarts_ = 0;
};

}  // namespace berth::inline v0
