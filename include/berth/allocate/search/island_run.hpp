// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Length: one class, the state of a run, which is searched, passed on, saved and restored.

namespace berth::inline v0 {

/// How islands are run. None of this depends on the number of processes or threads, so the answer does not either.
struct island_options {
    std::uint64_t seed = 1;                    ///< of the turns' seeds
    std::size_t islands = 4;                   ///< above 0; as many processes and threads can share the work
    std::uint64_t turn_evaluations = 200'000;  ///< above 0: what a turn is asked to use at most
    std::size_t patience = 20;                 ///< rounds in a row without a new best before the run is complete
};

/// One island's part of a round.
struct island_turn {
    std::size_t island = 0;             ///< its number
    std::uint64_t round = 0;            ///< from 0
    std::uint64_t seed = 0;             ///< of this island in this round
    std::uint64_t max_evaluations = 0;  ///< to use at most
    double elapsed = 0.0;               ///< share of the whole run that has passed, see `run_control::elapsed`
};

/// An answer that islands hand on.
template <class Gene, class Value>
struct island_answer {
    std::vector<Gene> genes;        ///< one for each task: a slot, a node, a GPU
    Value value{};                  ///< lower is better: a cost, tier values
    std::uint64_t evaluations = 0;  ///< used in this turn
};

/// Several searches side by side (islands) with any search as their engine: local search, annealing, reassignment,
/// makespan. In a round every island has a turn, which starts from its best answer; then each hands its best to the
/// next in a ring, which takes it if it is better than its own.
///
/// ```
/// auto run = berth::island_run<berth::slot, values>{{.seed = 7, .islands = 8}, {given, wish_value}};
/// const auto turn = [&](const berth::island_turn& now, const auto& from) {
///     const berth::local_search search{{.seed = now.seed}};
///     const berth::run_control<> budget{.max_evaluations = now.max_evaluations};
///     auto found = search.run(problem, wish, from.genes, budget);
///     auto value = wish.prepare(problem, found.assignment).value();
///     return berth::island_answer<berth::slot, values>{std::move(found.assignment), value,
///                                                      found.counters.evaluations};
/// };
/// const auto best = run.improve(turn, threads, berth::run_control<>{.max_evaluations = 10'000'000});
/// ```
///
/// 1. Never worse than its start; anytime.
/// 2. The number of the island owns its seeds, not the process or thread that holds it: the same answer for any number
///    of both, under a budget of evaluations, provided that turns are deterministic.
/// 3. Between rounds it can be saved island by island and restored in another process.
///
/// An annealing that shall cool over the whole run takes its temperatures from `island_turn::elapsed`. Islands exchange
/// one assignment each, at most, in a round. Memory: an answer for each island held, and what turns take.
///
/// @tparam Gene   trivially copyable
/// @tparam Value  trivially copyable, compared by `<`
template <class Gene, class Value, part_exchange Exchange = one_process>
class island_run {
    static_assert(std::is_trivially_copyable_v<Gene> && std::is_trivially_copyable_v<Value>,
                  "berth: genes and values of islands travel as bytes");

public:
    using answer_type = island_answer<Gene, Value>;  ///< of islands and of the run

    /// The answer of a run.
    struct outcome {
        answer_type best;                              ///< its `evaluations` are those of all islands
        std::size_t island = 0;                        ///< that found it, or has it from another
        stop_reason stopped = stop_reason::completed;  ///< why the run ended
    };
    /// For `improve`: nothing happens after a round.
    struct go_on {
        /// Always true.
        constexpr bool operator()(const island_run&) const noexcept { return true; }
    };

    /// @param start     the first answer of all islands
    /// @param exchange  see `part_exchange`; every process makes the same run
    island_run(const island_options& options, const answer_type& start, Exchange exchange = {})
        : options_{options},
          exchange_{std::move(exchange)},
          held_{exchange_.held(options.islands)},
          answers_(held_.size(), start),
          all_(options.islands, report{start.value, 0, stop_reason::completed}) {
        BERTH_ASSERT(options.islands > 0 && options.turn_evaluations > 0,
                     "berth: an island run has islands, and evaluations for their turns");
    }

    /// The islands that this process holds.
    [[nodiscard]] held_parts held() const noexcept { return held_; }
    /// Number of islands in all processes.
    [[nodiscard]] std::size_t part_count() const noexcept { return options_.islands; }
    /// Rounds made.
    [[nodiscard]] std::uint64_t rounds() const noexcept { return round_; }
    /// Evaluations so far, of all islands.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    /// The best value of an island after the last round, in every process.
    [[nodiscard]] const Value& value(std::size_t island) const noexcept { return all_[island].value; }

    /// Rounds until the control ends the run or `patience` is used up. Can be called again to go on.
    ///
    /// @param turn         `turn(const island_turn&, const island_answer&)` improves an answer and returns another; one
    ///                     that is no better is dropped. Called from any thread
    /// @param threads      run the turns of this process
    /// @param control      polled between rounds; any process may stop the run, all end after the same round. `done` of
    ///                     its observer are rounds
    /// @param after_round  `after_round(run)` after every round, for checkpoints; false ends the run as cancelled, and
    ///                     has to be false in every process
    template <class Turn, parallelism Parallelism = const sequential, class Stop = never_stop,
              class Observer = no_observer, class Hook = go_on>
    [[nodiscard]] outcome improve(Turn&& turn, Parallelism&& threads = {}, run_control<Stop, Observer> control = {},
                                  Hook&& after_round = {}) {
        notify::begin(control.observer, progress());
        stop_reason stopped = stop_reason::completed;
        while (idle_ < options_.patience) {
            stopped = round(turn, threads, control);
            if (stopped != stop_reason::completed) break;
            notify::step(control.observer, progress());
            if (after_round(*this)) continue;
            stopped = stop_reason::cancelled;
            break;
        }
        notify::end(control.observer, progress());
        return best(stopped);
    }

    /// Appends the state of an island that is held, between rounds.
    void save(std::size_t island, byte_box& box) const {
        byte_writer out{box};
        out.put(format());
        out.put(static_cast<std::uint64_t>(island));
        out.put(round_);
        out.put(evaluations_);
        out.put(static_cast<std::uint64_t>(idle_));
        const answer_type& own = answers_[island - held_.first];
        out.put(own.value);
        out.put(static_cast<std::uint64_t>(own.genes.size()));
        out.put_all(std::span<const Gene>{own.genes});
    }
    /// Takes an island that is held from what `save` wrote. All islands are of one round.
    ///
    /// @return  an error if the bytes are not of this island and these options; the run is not to be used then
    [[nodiscard]] result<void> restore(std::size_t island, std::span<const std::byte> saved) {
        using detail::refuse;
        byte_reader in{saved};
        if (in.get<std::uint64_t>() != format()) {
            return refuse(error_code::inconsistent, {"field format: written by a run with other options or answers"});
        }
        if (const auto of = in.get<std::uint64_t>(); of != island) {
            return refuse(error_code::inconsistent, {"field island: ", of, ", expected ", island});
        }
        round_ = in.get<std::uint64_t>();
        evaluations_ = in.get<std::uint64_t>();
        idle_ = static_cast<std::size_t>(in.get<std::uint64_t>());
        answer_type& own = answers_[island - held_.first];
        own.value = in.get<Value>();
        const auto genes = in.get<std::uint64_t>();
        if (genes != own.genes.size()) {
            return refuse(error_code::inconsistent, {"field genes: ", genes, ", expected ", own.genes.size()});
        }
        in.get_all(std::span<Gene>{own.genes});
        if (!in.finished()) return refuse(error_code::malformed, {"field genes: cut short, or more than announced"});
        all_[island].value = own.value;
        return {};
    }

private:
    /// What every process knows of every island after a round.
    struct report {
        Value value{};
        std::uint64_t evaluations = 0;
        stop_reason stopped = stop_reason::completed;
    };

    template <class Turn, class Parallelism, class Stop, class Observer>
    stop_reason round(Turn& turn, Parallelism& threads, const run_control<Stop, Observer>& control) {
        const stop_reason own = control.check(evaluations_);
        for (std::size_t island = held_.first; island < held_.end; ++island) all_[island].stopped = own;
        // Also after `restore`, which sets the values of islands that are held.
        detail::share_records(exchange_, std::span{all_});
        for (const report& one : all_) {
            if (one.stopped != stop_reason::completed) return one.stopped;
        }
        const Value before = all_[leader()].value;
        std::uint64_t budget = (control.max_evaluations - evaluations_) / options_.islands;
        if (budget > options_.turn_evaluations) budget = options_.turn_evaluations;
        if (budget == 0) budget = 1;
        const double elapsed = control.elapsed(evaluations_);
        threads.for_each(answers_.size(), [&](std::size_t k) {
            const std::size_t island = held_.first + k;
            const island_turn now{island, round_, stream_seed(options_.seed, round_, island), budget, elapsed};
            answer_type found = turn(now, std::as_const(answers_[k]));
            all_[island].evaluations = found.evaluations;
            if (!(found.value < answers_[k].value)) return;
            all_[island].value = found.value;
            answers_[k] = std::move(found);
        });
        detail::share_records(exchange_, std::span{all_});
        for (const report& one : all_) evaluations_ += one.evaluations;
        idle_ = all_[leader()].value < before ? 0 : idle_ + 1;
        pass_on();
        ++round_;
        return stop_reason::completed;
    }
    /// Every island sends its best to the next one where it is better.
    void pass_on() {
        const std::size_t n = options_.islands;
        if (n < 2) return;
        std::vector<std::uint32_t> to;
        std::vector<Value> values;
        for (std::size_t i = 0; i < n; ++i) {
            to.push_back(static_cast<std::uint32_t>((i + 1) % n));
            values.push_back(all_[i].value);
        }
        std::vector<byte_box> boxes(answers_.size());
        for (std::size_t k = 0; k < boxes.size(); ++k) {
            const std::size_t i = held_.first + k;
            if (values[i] < values[to[i]]) byte_writer{boxes[k]}.put_all(std::span<const Gene>{answers_[k].genes});
        }
        exchange_.send(n, to, boxes);
        for (std::size_t i = 0; i < n; ++i) {
            if (!(values[i] < values[to[i]])) continue;
            all_[to[i]].value = values[i];
            if (!held_.holds(to[i])) continue;
            answer_type& taken = answers_[to[i] - held_.first];
            byte_reader{boxes[to[i] - held_.first]}.get_all(std::span<Gene>{taken.genes});
            taken.value = values[i];
        }
    }
    /// The first island with the best value.
    [[nodiscard]] std::size_t leader() const noexcept {
        std::size_t best = 0;
        for (std::size_t i = 1; i < all_.size(); ++i) best = all_[i].value < all_[best].value ? i : best;
        return best;
    }
    [[nodiscard]] outcome best(stop_reason stopped) {
        outcome answer{{}, leader(), stopped};
        byte_box box;
        if (held_.holds(answer.island)) {
            answer.best = answers_[answer.island - held_.first];
            byte_writer{box}.put_all(std::span<const Gene>{answer.best.genes});
        }
        exchange_.tell(options_.islands, answer.island, box);
        answer.best.genes.resize(box.size() / sizeof(Gene));
        byte_reader{box}.get_all(std::span<Gene>{answer.best.genes});
        answer.best.value = all_[answer.island].value;
        answer.best.evaluations = evaluations_;
        return answer;
    }
    [[nodiscard]] berth::progress progress() const {
        berth::progress now{.done = static_cast<std::size_t>(round_), .total = 0, .evaluations = evaluations_};
        if constexpr (std::convertible_to<Value, double>) now.objective = static_cast<double>(all_[leader()].value);
        return now;
    }
    [[nodiscard]] std::uint64_t format() const noexcept {
        constexpr std::uint64_t version = 0x69736c616e64'0001;  // "island", 1
        const std::uint64_t sum = stream_seed(version, options_.seed, options_.islands);
        return stream_seed(sum, options_.turn_evaluations, sizeof(Gene) << 32U | sizeof(Value));
    }

    island_options options_;
    Exchange exchange_;
    held_parts held_;
    std::vector<answer_type> answers_;  // of the islands held
    std::vector<report> all_;
    std::uint64_t round_ = 0;
    std::uint64_t evaluations_ = 0;
    std::size_t idle_ = 0;
};

}  // namespace berth::inline v0
