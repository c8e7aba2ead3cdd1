// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/detail/partition_rounds.hpp"
#include "berth/allocate/search/detail/record_part.hpp"
#include "berth/allocate/search/region_records.hpp"
#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/lower.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

// Length: one class, the state of a run: its parts are filled, opened, searched, traded, saved and read.

namespace berth::inline v0 {

/// How a distributed search is cut up. None of this depends on the number of processes or threads, so the plan does not
/// either.
struct distributed_options {
    std::uint64_t seed = 1;                         ///< of regions, trades and the regions' searches
    std::size_t parts = 16;                         ///< above 0; as many processes and threads can share the work
    std::size_t nodes_per_region = 40;              ///< above 0: nodes searched together
    std::size_t regions_per_round = 16;             ///< above 0: that a part searches between two trades
    std::uint64_t max_region_evaluations = 50'000;  ///< above 0
    double trade_share = 0.25;   ///< 0 to 1: of a part's nodes, with their tasks, that leave it after a round
    std::size_t patience = 100;  ///< rounds in a row without an improvement before the search is complete
};

/// What a distributed search has reached. The same in every process.
template <std::size_t Tiers>
struct distributed_answer {
    tier_values<Tiers> value{};     ///< of all parts, computed from scratch
    std::uint64_t evaluations = 0;  ///< deltas computed
    std::uint64_t accepted = 0;     ///< proposals carried out
    std::uint64_t tasks = 0;        ///< in all parts
    std::uint64_t left_out = 0;     ///< of these, without a place
    std::uint64_t exceeded = 0;     ///< parts with a counter above its capacity, or a task where it is not admitted
    /// A number of the plan as a whole, that does not depend on where its parts are held.
    std::uint64_t fingerprint = 0;
    stop_reason stopped = stop_reason::completed;  ///< why the run ended
};

/// The state of a run of `distributed_search`, made by `distributed_search::start`. Every process makes the same calls,
/// each for the parts that it holds.
template <distributed_model Model, class Search, part_exchange Exchange>
class distributed_run {
    using node_type = typename Model::node;
    using task_type = typename Model::task;
    using records = region_records<node_type, task_type>;
    using goal_type = decltype(std::declval<const Model&>().goal(std::declval<const records&>()));

public:
    static constexpr std::size_t tier_count = goal_type::tier_count;  ///< of the objective
    using answer_type = distributed_answer<tier_count>;               ///< what `improve` returns

    /// For `open`: tasks stay where they were added.
    struct keep_places {
        /// Does nothing.
        constexpr void operator()(const problem&, const records&, std::uint64_t, std::span<slot>) const noexcept {}
    };
    /// For `improve`: nothing happens after a round.
    struct go_on {
        /// Always true.
        constexpr bool operator()(const distributed_run&) const noexcept { return true; }
    };

    /// See `distributed_search::start`.
    distributed_run(const Model& model, const Search& search, const distributed_options& options, Exchange exchange)
        : model_{model},
          search_{search},
          options_{options},
          exchange_{std::move(exchange)},
          held_{exchange_.held(options.parts)},
          parts_(held_.size()),
          all_(options.parts) {
        BERTH_ASSERT(options.parts > 0 && options.nodes_per_region > 0 && options.regions_per_round > 0 &&
                         options.max_region_evaluations > 0,
                     "berth: a distributed search has parts, regions, and evaluations for them");
        BERTH_ASSERT(options.trade_share >= 0.0 && options.trade_share <= 1.0,
                     "berth: distributed_options::trade_share is 0 to 1");
    }

    /// The parts that this process holds.
    [[nodiscard]] held_parts held() const noexcept { return held_; }
    /// Number of parts in all processes.
    [[nodiscard]] std::size_t part_count() const noexcept { return options_.parts; }
    /// How the search is cut up.
    [[nodiscard]] const distributed_options& options() const noexcept { return options_; }

    /// Adds a node to a part that is held.
    ///
    /// @param number  of the node in the whole problem: what answers name it by
    /// @return  its place: its position among the nodes of the part
    std::size_t add_node(std::size_t part, std::uint32_t number, const node_type& record) {
        at(part).add_node(number, record);
        return at(part).node_count() - 1;
    }
    /// Adds a task without a place to a part that is held.
    void add_task(std::size_t part, std::uint32_t number, const task_type& record) {
        at(part).add_waiting(number, record);
    }
    /// Adds a task that is on a node of a part that is held.
    ///
    /// @param place  of the node, as `add_node` returned it
    /// @param gpus   of that node
    void add_task(std::size_t part, std::uint32_t number, const task_type& record, std::size_t place, gpu_mask gpus) {
        BERTH_ASSERT(place < at(part).node_count(), "berth: a task of a distributed search is on a node of its part");
        at(part).add_placed(number, record, place, gpus);
    }

    /// Checks all parts and evaluates them, once they are filled. Each is made a problem for that time, one per thread.
    ///
    /// @param place  `place(problem, records, seed, slots)` may give the tasks of a part their first slots: `slots` are
    ///               those that they were added with, by `task_index`. `keep_places` leaves them.
    /// @return  an error if the records of any part are refused, in every process
    template <parallelism Parallelism, class Place>
    [[nodiscard]] result<void> open(Parallelism&& threads, Place&& place) {
        std::vector<std::string> refusals(parts_.size());
        threads.for_each(parts_.size(), [&](std::size_t k) {
            region_type region;
            parts_[k].take_range(0, parts_[k].node_count(), region);
            const std::size_t part = held_.first + k;
            refusals[k] = with_problem(region, [&](const problem& p, const records& r) {
                if (p.workload().group_count() > 0) return std::string{"a task has a group, which parts cannot keep"};
                if (p.fleet().domain_count() > 0) return std::string{"a node has a domain, which parts cannot keep"};
                place(p, r, stream_seed(options_.seed, opening, part), std::span{region.slots});
                return std::string{};
            });
            parts_[k].put_back(region, region.slots);
            all_[part].refused = refusals[k].empty() ? 0 : 1;
        });
        share();
        std::string message;
        for (std::size_t part = 0; part < all_.size() && message.empty(); ++part) {
            if (all_[part].refused == 0) continue;
            message = "berth: part " + std::to_string(part) + ", in the order in which it was filled: " +
                      (held_.holds(part) ? refusals[part - held_.first] : "refused by the process that holds it");
        }
        if (!message.empty()) return error{error_code::invalid_value, std::move(message)};
        value_ = measured(threads).value;
        return {};
    }
    /// Rounds until the control ends the run or `patience` is used up. Can be called again to go on.
    ///
    /// @param threads     search the parts of this process
    /// @param control     a budget in evaluations over all parts, exceeded by one proposal of each part at most. Any
    ///                    process may stop the run, all end after the same round. Polled every 256 evaluations, by each
    ///                    thread; the observer is called between rounds, `objective` as for `local_search`
    /// @param after_round `after_round(run)` after every round, for checkpoints; false ends the run as cancelled, and
    ///                    has to be false in every process
    template <parallelism Parallelism, class Stop = never_stop, class Observer = no_observer, class Hook = go_on>
    [[nodiscard]] answer_type improve(Parallelism&& threads, run_control<Stop, Observer> control = {},
                                      Hook&& after_round = {}) {
        notify::begin(control.observer, progress());
        stop_reason stopped = stop_reason::completed;
        while (idle_ < options_.patience) {
            stopped = round(threads, control);
            if (stopped != stop_reason::completed) break;
            notify::step(control.observer, progress());
            if (after_round(*this)) continue;
            stopped = stop_reason::cancelled;
            break;
        }
        notify::end(control.observer, progress());
        answer_type answer = measured(threads);
        answer.stopped = stopped;
        return answer;
    }
    /// One round, if the control lets it begin. Returns why the run has to end, or `completed` to go on.
    template <parallelism Parallelism, class Stop, class Observer>
    stop_reason round(Parallelism&& threads, const run_control<Stop, Observer>& control) {
        const stop_reason before = agreed(control.check(evaluations_));
        if (before != stop_reason::completed) return before;
        detail::round_control<Stop> of_round;
        of_round.stop = control.stop;
        of_round.run_is_bounded = control.bounded();
        of_round.begin = control.elapsed(evaluations_);
        std::uint64_t budget = control.max_evaluations;
        if (budget != std::numeric_limits<std::uint64_t>::max()) {
            of_round.per_evaluation = static_cast<double>(options_.parts) / static_cast<double>(budget);
            budget = (budget - evaluations_) / options_.parts;
        }
        if (budget == 0) budget = 1;
        threads.for_each(parts_.size(), [&](std::size_t k) { search_part(held_.first + k, of_round, budget); });
        share();
        const auto start = value_;
        for (const part_report& one : all_) {
            value_ = value_ + one.gain;
            evaluations_ += one.evaluations;
            accepted_ += one.accepted;
        }
        idle_ = improves(value_ - start) ? 0 : idle_ + 1;
        trade(threads);
        ++round_;
        return stop_reason::completed;
    }

    /// Rounds made.
    [[nodiscard]] std::uint64_t rounds() const noexcept { return round_; }
    /// Deltas computed so far, in all parts.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    /// The value of all parts, kept by adding up gains.
    [[nodiscard]] const tier_values<tier_count>& value() const noexcept { return value_; }

    /// Calls `f(task number, node number, GPUs)` for every task with a place in a part that is held.
    template <class F>
    void for_each_placed(std::size_t part, F&& f) const {
        parts_[part - held_.first].for_each_placed(f);
    }
    /// Calls `f(task number)` for every task without a place in a part that is held.
    template <class F>
    void for_each_waiting(std::size_t part, F&& f) const {
        parts_[part - held_.first].for_each_waiting(f);
    }

    /// Appends the state of a part that is held, between rounds: with all parts of one round a run goes on elsewhere
    /// with the same answer.
    void save(std::size_t part, byte_box& box) const {
        byte_writer out{box};
        out.put(format());
        out.put(static_cast<std::uint64_t>(part));
        out.put(round_);
        out.put(evaluations_);
        out.put(accepted_);
        out.put(static_cast<std::uint64_t>(idle_));
        out.put(value_);
        parts_[part - held_.first].save(out);
    }
    /// Takes a part that is held from what `save` wrote; instead of filling and opening it. All parts are of one round.
    ///
    /// @return  an error if the bytes are not of this part, of these options and record types; the run is not to be
    ///          used then
    [[nodiscard]] result<void> restore(std::size_t part, std::span<const std::byte> saved) {
        using detail::refuse;
        byte_reader in{saved};
        if (in.get<std::uint64_t>() != format()) {
            return refuse(error_code::inconsistent,
                          {"field format: written by a run with other options, records or objective"});
        }
        if (const auto of = in.get<std::uint64_t>(); of != part) {
            return refuse(error_code::inconsistent, {"field part: ", of, ", expected ", part});
        }
        round_ = in.get<std::uint64_t>();
        evaluations_ = in.get<std::uint64_t>();
        accepted_ = in.get<std::uint64_t>();
        idle_ = static_cast<std::size_t>(in.get<std::uint64_t>());
        value_ = in.get<tier_values<tier_count>>();
        if (!at(part).restore(in) || !in.finished()) {
            return refuse(error_code::malformed, {"field records: cut short, or not those of a part"});
        }
        return {};
    }

private:
    using part_type = detail::record_part<node_type, task_type>;
    using region_type = detail::record_region<node_type, task_type>;

    static constexpr std::uint64_t opening = ~std::uint64_t{0};  // separate streams
    static constexpr std::uint64_t trading = std::uint64_t{1} << 63U;
    static constexpr std::size_t measured_together = 1024;  // nodes: a bound of the memory that it takes

    /// What every process knows of every part after a round.
    struct part_report {
        tier_values<tier_count> gain{};
        std::uint64_t evaluations = 0;
        std::uint64_t accepted = 0;
        std::uint64_t tasks = 0;
        std::uint64_t waiting = 0;
        std::uint64_t fingerprint = 0;
        std::uint32_t refused = 0;
        stop_reason stopped = stop_reason::completed;
    };

    [[nodiscard]] part_type& at(std::size_t part) {
        BERTH_ASSERT(held_.holds(part), "berth: this part is held by another process");
        return parts_[part - held_.first];
    }
    void share() { detail::share_records(exchange_, std::span{all_}); }

    /// The first reason of any process to end.
    [[nodiscard]] stop_reason agreed(stop_reason own) {
        for (std::size_t part = held_.first; part < held_.end; ++part) all_[part].stopped = own;
        share();
        for (const part_report& one : all_) {
            if (one.stopped != stop_reason::completed) return one.stopped;
        }
        return stop_reason::completed;
    }

    /// Calls `f(problem, records)` with the problem of a region and returns its answer, or why there is no problem.
    template <class F>
    [[nodiscard]] std::string with_problem(const region_type& region, F&& f) const {
        const auto machines = [&] {
            if constexpr (requires { model_.schema(); }) {
                return make_fleet(region.nodes, model_.schema());
            } else {
                return make_fleet(region.nodes);
            }
        }();
        if (!machines) return machines.error().message;
        const auto work = make_workload(region.tasks, *machines);
        if (!work) return work.error().message;
        return f(problem{*machines, *work}, records{region.nodes.view(), region.tasks.view(), &*machines});
    }

    template <class Stop>
    void search_part(std::size_t part, detail::round_control<Stop> control, std::uint64_t budget) {
        part_report& report = all_[part];
        report = {};
        region_type region;
        xoshiro256 random{stream_seed(options_.seed, round_, part)};
        const double begin = control.begin;
        for (std::size_t k = 0; k < options_.regions_per_round && report.evaluations < budget; ++k) {
            parts_[part - held_.first].take(options_.nodes_per_region, random, region);
            const std::uint64_t left = budget - report.evaluations;
            control.max_evaluations = left < options_.max_region_evaluations ? left : options_.max_region_evaluations;
            control.begin = begin + control.per_evaluation * static_cast<double>(report.evaluations);
            stop_reason why = stop_reason::completed;
            (void)with_problem(region, [&](const problem& p, const records& r) {
                why = search_region(p, r, control, random(), region.slots, report);
                return std::string{};
            });
            parts_[part - held_.first].put_back(region, region.slots);
            if (why == stop_reason::cancelled || why == stop_reason::deadline_reached) break;
        }
    }
    template <class Control>
    [[nodiscard]] stop_reason search_region(const problem& p, const records& r, Control& control, std::uint64_t seed,
                                            assignment& slots, part_report& report) const {
        auto state = search_.start(p, model_.goal(r), slots);
        std::vector<task_index> tasks;
        std::vector<node_index> nodes;
        tasks.reserve(p.workload().task_count());
        nodes.reserve(p.fleet().node_count());
        for (std::size_t t = 0; t < p.workload().task_count(); ++t) tasks.push_back(task_index{t});
        for (std::size_t n = 0; n < p.fleet().node_count(); ++n) nodes.push_back(node_index{n});
        state.confine({tasks, nodes, {}, 0}, seed);
        const auto before = state.best_value();
        const stop_reason why = state.improve(control);
        report.evaluations += state.evaluations();
        report.accepted += state.accepted();
        const auto gain = state.best_value() - before;
        if (!improves(gain)) return why;
        report.gain = report.gain + gain;
        slots.assign(state.best().begin(), state.best().end());
        return why;
    }

    /// Parts exchange nodes in pairs.
    template <class Parallelism>
    void trade(Parallelism& threads) {
        if (options_.parts < 2 || options_.trade_share <= 0.0) return;
        xoshiro256 random{stream_seed(options_.seed, trading | round_, options_.parts)};
        std::vector<std::uint32_t> order(options_.parts);
        std::vector<std::uint32_t> to(options_.parts);
        for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = to[i] = i;
        shuffle(random, std::span{order});
        for (std::size_t k = 0; k + 1 < order.size(); k += 2) {
            to[order[k]] = order[k + 1];
            to[order[k + 1]] = order[k];
        }
        std::vector<byte_box> boxes(parts_.size());
        threads.for_each(parts_.size(), [&](std::size_t k) {
            const std::size_t part = held_.first + k;
            if (to[part] == part) return;
            xoshiro256 leaving{stream_seed(options_.seed, trading | round_, part)};
            parts_[k].pack(options_.trade_share, leaving, boxes[k]);
        });
        exchange_.send(options_.parts, to, boxes);
        threads.for_each(parts_.size(), [&](std::size_t k) {
            if (to[held_.first + k] == held_.first + k) return;
            byte_reader in{boxes[k]};
            [[maybe_unused]] const bool whole = parts_[k].unpack(in);
            BERTH_ASSERT(whole, "berth: a part_exchange delivers boxes as they were sent");
        });
    }

    /// The answer so far, from scratch.
    template <class Parallelism>
    [[nodiscard]] answer_type measured(Parallelism& threads) {
        threads.for_each(parts_.size(), [&](std::size_t k) {
            part_report& report = all_[held_.first + k];
            report = {};
            region_type region;
            std::size_t first = 0;
            do {
                const std::size_t end = first + measured_together < parts_[k].node_count() ? first + measured_together
                                                                                           : parts_[k].node_count();
                parts_[k].take_range(first, end, region);
                (void)with_problem(region, [&](const problem& p, const records& r) {
                    report.gain = report.gain + model_.goal(r).prepare(p, region.slots).value();
                    report.refused = report.refused != 0 || !validate(p, region.slots) ? 1 : 0;
                    return std::string{};
                });
                parts_[k].put_back(region, region.slots);
                first = end;
            } while (first < parts_[k].node_count());
            report.tasks = parts_[k].task_count();
            report.waiting = parts_[k].waiting_count();
            parts_[k].for_each_placed([&](std::uint32_t task, std::uint32_t node, gpu_mask gpus) {
                report.fingerprint += stream_seed(task, node, gpus);
            });
            parts_[k].for_each_waiting(
                [&](std::uint32_t task) { report.fingerprint += stream_seed(task, opening, 0); });
        });
        share();
        answer_type answer;
        answer.evaluations = evaluations_;
        answer.accepted = accepted_;
        for (const part_report& one : all_) {
            answer.value = answer.value + one.gain;
            answer.tasks += one.tasks;
            answer.left_out += one.waiting;
            answer.exceeded += one.refused;
            answer.fingerprint += one.fingerprint;
        }
        return answer;
    }
    [[nodiscard]] berth::progress progress() const {
        bool first_tiers_met = true;
        for (std::size_t i = 0; i + 1 < tier_count; ++i) first_tiers_met = first_tiers_met && value_[i] <= 1e-9;
        return {.done = static_cast<std::size_t>(round_),
                .total = 0,
                .evaluations = evaluations_,
                .objective = first_tiers_met ? value_[tier_count - 1] : std::numeric_limits<double>::infinity()};
    }
    /// A number of everything that a saved part depends on.
    [[nodiscard]] std::uint64_t format() const noexcept {
        constexpr std::uint64_t version = 0x6265727468'0001;  // "berth", 1
        std::uint64_t sum = stream_seed(version, options_.seed, options_.parts);
        sum = stream_seed(sum, options_.nodes_per_region, options_.regions_per_round);
        sum = stream_seed(sum, options_.max_region_evaluations,
                          static_cast<std::uint64_t>(options_.trade_share * 0x1.0p32));
        return stream_seed(sum, sizeof(node_type) << 32U | sizeof(task_type), tier_count);
    }

    Model model_;
    Search search_;
    distributed_options options_;
    Exchange exchange_;
    held_parts held_;
    std::vector<part_type> parts_;  // those held
    std::vector<part_report> all_;
    tier_values<tier_count> value_{};
    std::uint64_t round_ = 0;
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    std::size_t idle_ = 0;
};

}  // namespace berth::inline v0
