// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0::detail {

/// The control of one part in one round: a budget for the round, but the elapsed share of the whole run.
template <class Stop>
struct round_control : run_control<Stop> {
    double begin = 0.0;  ///< elapsed share at the begin of the round
    double per_evaluation =
        0.0;  ///< share of the run that an evaluation of this part stands for; 0 without a budget of the run
    std::uint64_t first = 0;  ///< evaluations of the part before the round
    bool run_is_bounded = false;

    [[nodiscard]] bool bounded() const noexcept { return run_is_bounded; }
    [[nodiscard]] double elapsed(std::uint64_t evaluations) const {
        if (per_evaluation > 0.0) return begin + per_evaluation * static_cast<double>(evaluations - first);
        if constexpr (requires { this->stop.elapsed(); }) {
            return run_is_bounded ? this->stop.elapsed() : 0.0;
        } else {
            return begin;
        }
    }
};

/// The rounds of a partitioned search: cut, search, exchange.
template <class State>
class partition_rounds {
public:
    /// @param nodes_per_part  0: all nodes, in equal parts
    partition_rounds(const problem& p, std::vector<State>& states, std::span<const slot> from, std::uint64_t seed,
                     std::size_t nodes_per_part)
        : problem_{p},
          states_{states},
          seed_{seed},
          nodes_per_part_{nodes_per_part},
          part_of_node_(p.fleet().node_count(), no_part),
          nodes_(states.size()),
          tasks_(states.size()),
          slots_(states.size()),
          found_(states.size()),
          gains_(states.size()) {
        for (std::size_t n = 0; n < p.fleet().node_count(); ++n) order_.push_back(node_index{n});
        for (std::size_t t = 0; t < from.size(); ++t) {
            if (!from[t].placed()) unplaced_.push_back(task_index{t});
        }
    }

    /// One round. True if the value improved.
    template <class Parallelism, class Stop, class Observer>
    bool round(Parallelism& threads, const run_control<Stop, Observer>& whole, std::uint64_t budget) {
        ++round_;
        round_control<Stop> of_round;
        of_round.stop = whole.stop;
        of_round.run_is_bounded = whole.bounded();
        of_round.begin = whole.elapsed(evaluations());
        if (whole.max_evaluations != std::numeric_limits<std::uint64_t>::max()) {
            of_round.per_evaluation = static_cast<double>(states_.size()) / static_cast<double>(whole.max_evaluations);
        }
        cut();
        const auto before = states_.front().best_value();
        threads.for_each(states_.size(), [&](std::size_t i) {
            State& state = states_[i];
            state.confine({tasks_[i].view(), nodes_[i].view(), part_of_node_.view(), static_cast<std::uint32_t>(i)},
                          stream_seed(seed_, round_, i));
            round_control<Stop> control = of_round;
            control.first = state.evaluations();
            control.max_evaluations = control.first + budget;
            const auto start = state.best_value();
            (void)state.improve(control);
            state.return_to_best();
            gains_[i] = state.best_value() - start;
            found_[i].clear();
            for (std::size_t k = 0; k < tasks_[i].size(); ++k) {
                const task_index t = tasks_[i][k];
                const slot& now = state.best()[t.value()];
                if (!(slots_[i][k] == now)) found_[i].push_back({t, slots_[i][k], now});
            }
        });
        exchange(threads);
        const auto after = states_.front().best_value();
        if (improves(before - after)) keep_one(threads);
        update_unplaced();
        return improves(states_.front().best_value() - before);
    }

    [[nodiscard]] std::uint64_t evaluations() const {
        std::uint64_t sum = 0;
        for (const State& state : states_) sum += state.evaluations();
        return sum;
    }
    [[nodiscard]] std::uint64_t accepted() const {
        std::uint64_t sum = 0;
        for (const State& state : states_) sum += state.accepted();
        return sum;
    }
    [[nodiscard]] std::string disagreement() const {
        for (const State& state : states_) {
            if (!state.disagreement().empty()) return state.disagreement();
        }
        return {};
    }
    [[nodiscard]] berth::progress progress() const {
        berth::progress now = states_.front().progress();
        now.done = round_;
        now.evaluations = evaluations();
        return now;
    }

private:
    static constexpr std::uint32_t no_part = ~std::uint32_t{0};

    /// Cuts nodes and tasks into parts. Unplaced tasks go to any part, those of a group to the same.
    void cut() {
        xoshiro256 random{stream_seed(seed_, round_, states_.size())};
        shuffle(random, std::span{order_.data(), order_.size()});
        for (std::uint32_t& part : part_of_node_) part = no_part;
        const std::size_t parts = states_.size();
        for (std::size_t i = 0; i < parts; ++i) {
            const std::size_t first = i * order_.size() / parts;
            std::size_t size = (i + 1) * order_.size() / parts - first;
            if (nodes_per_part_ > 0 && nodes_per_part_ < size) size = nodes_per_part_;
            nodes_[i].clear();
            tasks_[i].clear();
            for (std::size_t k = first; k < first + size; ++k) {
                nodes_[i].push_back(order_[k]);
                part_of_node_[order_[k].value()] = static_cast<std::uint32_t>(i);
                tasks_[i].append(states_.front().tasks_on(order_[k]));
            }
        }
        for (const task_index t : unplaced_) {
            const group_index group = problem_.workload().group(t);
            const std::uint64_t key = group.valid() ? ~std::uint64_t{group.value()} : std::uint64_t{t.value()};
            tasks_[splitmix64(key ^ round_) % parts].push_back(t);
        }
        for (std::size_t i = 0; i < parts; ++i) {
            slots_[i].clear();
            for (const task_index t : tasks_[i]) slots_[i].push_back(states_.front().best()[t.value()]);
        }
    }
    /// Applies the moves of each part to all other states.
    template <class Parallelism>
    void exchange(Parallelism& threads) {
        threads.for_each(states_.size(), [&](std::size_t i) {
            for (std::size_t j = 0; j < states_.size(); ++j) {
                if (j != i && !found_[j].empty()) states_[i].follow(found_[j].view());
            }
        });
    }
    /// Undoes the moves of all parts but the best, in all states.
    template <class Parallelism>
    void keep_one(Parallelism& threads) {
        std::size_t best = 0;
        for (std::size_t i = 1; i < states_.size(); ++i) {
            if (improves(gains_[i] - gains_[best])) best = i;
        }
        for (std::size_t j = 0; j < states_.size(); ++j) {
            for (task_move& r : found_[j]) std::swap(r.from, r.to);
        }
        threads.for_each(states_.size(), [&](std::size_t i) {
            for (std::size_t j = 0; j < states_.size(); ++j) {
                if (j != best && !found_[j].empty()) states_[i].follow(found_[j].view());
            }
        });
    }
    void update_unplaced() {
        std::size_t kept = 0;
        for (const task_index t : unplaced_) {
            if (!states_.front().best()[t.value()].placed()) unplaced_[kept++] = t;
        }
        unplaced_.resize(kept);
        for (std::size_t i = 0; i < states_.size(); ++i) {
            for (std::size_t k = 0; k < tasks_[i].size(); ++k) {
                const task_index t = tasks_[i][k];
                if (slots_[i][k].placed() && !states_.front().best()[t.value()].placed()) unplaced_.push_back(t);
            }
        }
    }

    const problem& problem_;
    std::vector<State>& states_;
    std::uint64_t seed_;
    std::size_t nodes_per_part_;
    std::uint64_t round_ = 0;
    flat<node_index> order_;
    flat<task_index> unplaced_;
    flat<std::uint32_t> part_of_node_;
    std::vector<flat<node_index>> nodes_;  // of each part
    std::vector<flat<task_index>> tasks_;
    std::vector<flat<slot>> slots_;  // where its tasks were
    std::vector<flat<task_move>> found_;
    std::vector<typename State::values> gains_;
};

}  // namespace berth::inline v0::detail
