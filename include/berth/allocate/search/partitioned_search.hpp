// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/local_search.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How a partitioned search is cut up. None of this depends on the number of threads, so the plan does not either.
struct partition_options {
    std::uint64_t seed = 1;
    std::size_t parts = 4;           ///< searched at the same time; each has a copy of the search's state
    std::size_t nodes_per_part = 0;  ///< drawn anew for every round; 0: all nodes, in equal parts
    std::uint64_t max_round_evaluations = 200'000;  ///< of each part
    std::size_t patience = 100;  ///< rounds in a row without an improvement before the search is complete
};

/// A local search on several threads: in every round the nodes are cut into disjoint parts at random, with the tasks that run there, and
/// each part is searched by itself; then everybody takes over what the others found. Works for any objective: where the gains of the
/// parts do not add up (the makespan, groups over several parts), and together make things worse, only the best part's are kept.
///
/// When to use: many tasks. Parts of a few hundred nodes stay in the cache, which is worth more than the second thread. Not with short
/// candidate lists, which rarely name a node of the same part. Memory: `parts` times that of a local search, about 80 bytes for each task.
///
/// Never worse than its start; anytime; the same plan for any parallelism.
template <class Search = local_search<>>
class partitioned_search {
public:
    explicit partitioned_search(Search search = Search{}, const partition_options& options = {})
        : search_{std::move(search)}, options_{options} {
        BERTH_ASSERT(options_.parts > 0, "berth: a partitioned search has at least one part");
    }

    /// @param control  polled between rounds and, for stops, within; `max_evaluations` is kept.
    template <parallelism Parallelism, class... Tiers, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const objective<Tiers...>& wish, std::span<const slot> from,
                           Parallelism&& threads, run_control<Stop, Observer> control = {}) const {
        using state_type = decltype(search_.start(p, wish, from));
        std::vector<state_type> states;
        states.reserve(options_.parts);
        states.push_back(search_.start(p, wish, from));
        while (states.size() < options_.parts) states.push_back(states.front());
        rounds<state_type> run{p, states, from, options_};
        notify::begin(control.observer, run.progress());
        stop_reason stopped = stop_reason::completed;
        for (std::size_t idle = 0; idle < options_.patience;) {
            stopped = control.check(run.evaluations());
            if (stopped != stop_reason::completed) break;
            const std::uint64_t left = (control.max_evaluations - run.evaluations()) / options_.parts;
            const std::uint64_t budget = left < options_.max_round_evaluations ? left : options_.max_round_evaluations;
            const bool better = run.round(threads, control.stop, budget > 0 ? budget : 1);
            if (!run.disagreement().empty()) break;
            idle = better ? 0 : idle + 1;
            if (better) notify::step(control.observer, run.progress());
        }
        notify::end(control.observer, run.progress());
        plan plan = Search::plan_of(p, wish, from, states.front(), stopped);
        plan.counters.evaluations = run.evaluations();
        plan.counters.accepted = run.accepted();
        plan.disagreement = run.disagreement();
        if (!plan.disagreement.empty()) plan.stopped = stop_reason::cancelled;
        return plan;
    }

private:
    static constexpr std::uint32_t no_part = ~std::uint32_t{0};

    template <class State>
    class rounds {
    public:
        rounds(const problem& p, std::vector<State>& states, std::span<const slot> from,
               const partition_options& options)
            : problem_{p},
              states_{states},
              options_{options},
              part_of_node_(p.fleet().node_count(), no_part),
              nodes_(states.size()),
              tasks_(states.size()),
              slots_(states.size()),
              found_(states.size()),
              gains_(states.size()) {
            for (std::size_t n = 0; n < p.fleet().node_count(); ++n) order_.push_back(node_index{n});
            for (std::size_t t = 0; t < from.size(); ++t) {
                if (!from[t].placed()) nowhere_.push_back(task_index{t});
            }
        }

        /// One round. True if it made things better.
        template <class Parallelism, class Stop>
        bool round(Parallelism& threads, const Stop& stop, std::uint64_t budget) {
            ++round_;
            cut();
            const auto before = states_.front().best_value();
            threads.for_each(states_.size(), [&](std::size_t i) {
                State& state = states_[i];
                state.confine({tasks_[i].view(), nodes_[i].view(), part_of_node_.view(), static_cast<std::uint32_t>(i)},
                              stream_seed(options_.seed, round_, i));
                run_control<Stop> control{.stop = stop, .max_evaluations = state.evaluations() + budget};
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
            update_nowhere();
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
        /// Cuts nodes and tasks into parts. Tasks that are nowhere go to some part, those of a group to the same.
        void cut() {
            xoshiro256 random{stream_seed(options_.seed, round_, states_.size())};
            shuffle(random, std::span{order_.data(), order_.size()});
            for (std::uint32_t& part : part_of_node_) part = no_part;
            const std::size_t parts = states_.size();
            for (std::size_t i = 0; i < parts; ++i) {
                const std::size_t first = i * order_.size() / parts;
                std::size_t size = (i + 1) * order_.size() / parts - first;
                if (options_.nodes_per_part > 0 && options_.nodes_per_part < size) size = options_.nodes_per_part;
                nodes_[i].clear();
                tasks_[i].clear();
                for (std::size_t k = first; k < first + size; ++k) {
                    nodes_[i].push_back(order_[k]);
                    part_of_node_[order_[k].value()] = static_cast<std::uint32_t>(i);
                    tasks_[i].append(states_.front().tasks_on(order_[k]));
                }
            }
            for (const task_index t : nowhere_) {
                const group_index group = problem_.workload().group(t);
                const std::uint64_t key = group.valid() ? ~std::uint64_t{group.value()} : std::uint64_t{t.value()};
                tasks_[splitmix64(key ^ round_) % parts].push_back(t);
            }
            for (std::size_t i = 0; i < parts; ++i) {
                slots_[i].clear();
                for (const task_index t : tasks_[i]) slots_[i].push_back(states_.front().best()[t.value()]);
            }
        }
        /// Everybody takes over what the others found.
        template <class Parallelism>
        void exchange(Parallelism& threads) {
            threads.for_each(states_.size(), [&](std::size_t i) {
                for (std::size_t j = 0; j < states_.size(); ++j) {
                    if (j != i && !found_[j].empty()) states_[i].follow(found_[j].view());
                }
            });
        }
        /// Everybody takes back what all parts but the best found.
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
        void update_nowhere() {
            std::size_t kept = 0;
            for (const task_index t : nowhere_) {
                if (!states_.front().best()[t.value()].placed()) nowhere_[kept++] = t;
            }
            nowhere_.resize(kept);
            for (std::size_t i = 0; i < states_.size(); ++i) {
                for (std::size_t k = 0; k < tasks_[i].size(); ++k) {
                    const task_index t = tasks_[i][k];
                    if (slots_[i][k].placed() && !states_.front().best()[t.value()].placed()) nowhere_.push_back(t);
                }
            }
        }

        const problem& problem_;
        std::vector<State>& states_;
        const partition_options& options_;
        std::uint64_t round_ = 0;
        detail::flat<node_index> order_;
        detail::flat<task_index> nowhere_;
        detail::flat<std::uint32_t> part_of_node_;
        std::vector<detail::flat<node_index>> nodes_;  // of each part
        std::vector<detail::flat<task_index>> tasks_;
        std::vector<detail::flat<slot>> slots_;  // where its tasks were
        std::vector<detail::flat<task_move>> found_;
        std::vector<typename State::values> gains_;
    };

    Search search_;
    partition_options options_;
};
partitioned_search() -> partitioned_search<>;
template <class Search>
partitioned_search(Search) -> partitioned_search<Search>;
template <class Search>
partitioned_search(Search, partition_options) -> partitioned_search<Search>;

}  // namespace berth::inline v0
