// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A kind of node that could be bought or rented.
struct node_offer {
    double price = 1.0;      ///< of one node, above 0, in the unit of the budget
    std::uint32_t most = 1;  ///< how many there are to be had
};

/// Customisation point: what a fleet with so many more nodes of each offer is worth; smaller is better. Mostly a
/// simulation: seconds of waiting, or the number of rejected jobs. `value(counts)` is a `double` or a `result<double>`.
/// Deterministic; infinity is allowed, NaN is not.
template <class V>
concept addition_value = requires(V& value, std::span<const std::uint32_t> counts) {
    { value(counts) } -> std::convertible_to<result<double>>;
};

/// What to add, and what it does.
struct addition {
    std::vector<std::uint32_t> counts;          ///< nodes of each offer
    double price = 0.0;                         ///< of all of them
    double value = 0.0;                         ///< with them
    double value_before = 0.0;                  ///< without any
    std::uint64_t evaluations = 0;              ///< fleets that were looked at
    stop_reason stop = stop_reason::completed;  ///< why it ended
};

/// Seconds that the jobs waited in the mean, before they ran and between; infinity if one is not done. O(jobs).
[[nodiscard]] inline double mean_waiting(std::span<const simulated_job> jobs, std::span<const job_record> records) {
    if (jobs.empty()) return 0.0;
    double sum = 0.0;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (!records[j].done()) return std::numeric_limits<double>::infinity();
        sum += records[j].end_s - jobs[j].arrival_s - records[j].ran_s;
    }
    return sum / static_cast<double>(jobs.size());
}

namespace detail {

/// Looks at fleets for `what_to_add` and keeps the best.
template <class Value, class Control>
struct addition_search {
    std::span<const node_offer> offers;
    double budget;
    Value& value;
    const Control& control;
    addition best{};
    error failure{};
    flat<std::uint32_t> seen{};  // counts that were looked at, one after the other
    flat<double> values{};       // theirs
    bool failed = false;

    /// The value with these; infinity when stopped or failed.
    double look(std::span<const std::uint32_t> counts, double price) {
        for (std::size_t k = 0; k < values.size(); ++k) {
            if (std::equal(counts.begin(), counts.end(), seen.begin() + k * counts.size())) return values[k];
        }
        best.stop = control.check(best.evaluations);
        if (best.stop != stop_reason::completed || failed) return std::numeric_limits<double>::infinity();
        ++best.evaluations;
        const result<double> v = value(counts);
        if (!v || std::isnan(*v)) {
            failed = true;
            failure = v ? refuse(error_code::invalid_value, {"the value of an addition is not a number"}) : v.error();
            return std::numeric_limits<double>::infinity();
        }
        if (best.evaluations == 1) best.value_before = *v;
        seen.append(counts);
        values.push_back(*v);
        if (best.evaluations == 1 || *v < best.value || (*v <= best.value && price < best.price)) {
            best.counts.assign(counts.begin(), counts.end());
            best.price = price;
            best.value = *v;
        }
        return *v;
    }
    [[nodiscard]] bool over() const noexcept { return failed || best.stop != stop_reason::completed; }
    /// How many more of an offer can be had and paid.
    [[nodiscard]] std::uint32_t affordable(std::size_t o, std::uint32_t have, double spent) const noexcept {
        const double paid = std::floor((budget - spent) / offers[o].price * (1.0 + 1e-12));
        const std::uint32_t left = offers[o].most - have;
        return paid >= static_cast<double>(left) ? left : static_cast<std::uint32_t>(std::max(paid, 0.0));
    }
    [[nodiscard]] double price_of(std::span<const std::uint32_t> counts) const noexcept {
        double sum = 0.0;
        for (std::size_t o = 0; o < counts.size(); ++o) sum += counts[o] * offers[o].price;
        return sum;
    }
    /// Adds what helps most, for its price or at all, until nothing helps. One node may help nobody where two of them
    /// take a large job, so several are tried at once: 1, 2, 4, ..., and as many as can be paid.
    void grow(bool for_its_price) {
        std::vector<std::uint32_t> counts(offers.size(), 0);
        double now = best.value_before;
        while (!over()) {
            const double spent = price_of(counts);
            double most = 0.0;
            std::vector<std::uint32_t> next;
            double next_value = now;
            for (std::size_t o = 0; o < offers.size(); ++o) {
                const std::uint32_t can = affordable(o, counts[o], spent);
                // In 64 bits: twice what can be had may be too large for 32.
                for (std::uint64_t add = 1; add <= can && !over(); add = add < can && add > can / 2 ? can : 2 * add) {
                    std::vector<std::uint32_t> trial = counts;
                    trial[o] += static_cast<std::uint32_t>(add);
                    const double v = look(trial, price_of(trial));
                    const double gain = (now - v) / (for_its_price ? static_cast<double>(add) * offers[o].price : 1.0);
                    if (!(gain > most) && !(std::isinf(now) && std::isfinite(v) && next.empty())) continue;
                    most = gain;
                    next = std::move(trial);
                    next_value = v;
                }
            }
            if (next.empty()) return;
            counts = std::move(next);
            now = next_value;
        }
    }
    /// Takes one or more nodes of an offer out of the best fleet, and spends what is left on another, as long as that
    /// helps or saves.
    void exchange() {
        for (bool again = true; again && !over();) {
            again = false;
            for (std::size_t out = 0; out < offers.size() && !again; ++out) {
                for (std::uint64_t take = 1; take <= best.counts[out] && !again && !over(); ++take) {
                    again = exchange(out, static_cast<std::uint32_t>(take));
                }
            }
        }
    }
    bool exchange(std::size_t out, std::uint32_t take) {
        const double value_then = best.value;
        const double price_then = best.price;
        const auto better = [&] { return best.value < value_then || best.price < price_then; };
        std::vector<std::uint32_t> counts = best.counts;
        counts[out] -= take;
        const double spent = price_of(counts);
        static_cast<void>(look(counts, spent));
        for (std::size_t in = 0; in < offers.size() && !better() && !over(); ++in) {
            if (in == out) continue;
            for (std::uint32_t add = affordable(in, counts[in], spent); add > 0 && !better() && !over(); add /= 2) {
                std::vector<std::uint32_t> trial = counts;
                trial[in] += add;
                // What is still left goes to the others in order.
                for (std::size_t o = 0; o < offers.size(); ++o) {
                    if (o != out) trial[o] += affordable(o, trial[o], price_of(trial));
                }
                static_cast<void>(look(trial, price_of(trial)));
                trial = counts;
                trial[in] += add;
                if (!better()) static_cast<void>(look(trial, price_of(trial)));
            }
        }
        return better();
    }
    /// Every fleet within the budget.
    void enumerate(std::vector<std::uint32_t>& counts, std::size_t o) {
        if (over()) return;
        if (o == offers.size()) {
            static_cast<void>(look(counts, price_of(counts)));
            return;
        }
        const std::uint32_t can = affordable(o, 0, price_of(counts));
        for (std::uint64_t n = 0; n <= can && !over(); ++n) {
            counts[o] = static_cast<std::uint32_t>(n);
            enumerate(counts, o + 1);
        }
        counts[o] = 0;
    }
};

[[nodiscard]] inline result<void> check_offers(std::span<const node_offer> offers, double budget) {
    for (std::size_t o = 0; o < offers.size(); ++o) {
        if (!(offers[o].price > 0.0) || !std::isfinite(offers[o].price)) {
            return refuse(error_code::invalid_value, {"offer ", o, ": price is not above 0 and finite"});
        }
    }
    if (budget >= 0.0 && std::isfinite(budget)) return {};
    return refuse(error_code::invalid_value, {"the budget is not 0 or more and finite"});
}

}  // namespace detail

/// Which nodes to add within a budget so that the value falls most, and of equal values the cheapest: grows the fleet
/// by what helps most and by what helps most for its price, then exchanges. Not exact: `what_to_add_exact` is, where
/// there are few combinations. Some (offers · log most)² evaluations, each combination once; those are the cost. Stops
/// as the control says, with the best until then; the unit of its budget is an evaluation.
///
/// Refused: prices and budgets out of range, and what the value refuses.
///
/// ```
/// const auto waiting = [&](std::span<const std::uint32_t> more) -> berth::result<double> {
///     const berth::event_simulation<> cluster{.jobs = jobs, .nodes = 8 + more[0], .gpus_per_node = 8};
///     const auto run = cluster.run(berth::shortest_service{});
///     if (!run) return run.error();
///     return berth::mean_waiting(jobs, run->jobs);
/// };
/// const auto plan = berth::what_to_add(offers, 100'000.0, waiting);
/// ```
///
/// @param offers  the catalogue
/// @param budget  0 or more
template <addition_value Value, stoppable Stop = never_stop, observer Observer = no_observer>
[[nodiscard]] result<addition> what_to_add(std::span<const node_offer> offers, double budget, Value&& value,
                                           run_control<Stop, Observer> control = {}) {
    if (auto ok = detail::check_offers(offers, budget); !ok) return ok.error();
    detail::addition_search<Value, run_control<Stop, Observer>> search{offers, budget, value, control};
    const std::vector<std::uint32_t> nothing(offers.size(), 0);
    static_cast<void>(search.look(nothing, 0.0));
    search.best.counts = nothing;
    search.grow(true);
    search.grow(false);
    search.exchange();
    if (search.failed) return search.failure;
    return search.best;
}

/// The same by looking at every combination within the budget: their number is the product of what can be had of each
/// offer, plus one. Stops as the control says, with the best until then.
template <addition_value Value, stoppable Stop = never_stop, observer Observer = no_observer>
[[nodiscard]] result<addition> what_to_add_exact(std::span<const node_offer> offers, double budget, Value&& value,
                                                 run_control<Stop, Observer> control = {}) {
    if (auto ok = detail::check_offers(offers, budget); !ok) return ok.error();
    detail::addition_search<Value, run_control<Stop, Observer>> search{offers, budget, value, control};
    std::vector<std::uint32_t> counts(offers.size(), 0);
    search.best.counts = counts;
    search.enumerate(counts, 0);
    if (search.failed) return search.failure;
    return search.best;
}

}  // namespace berth::inline v0
