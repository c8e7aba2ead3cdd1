// SPDX-License-Identifier: Apache-2.0
#pragma once

// Length: both ways share the checks, the sums and the table of options.

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cost/energy/detail/choice_hull.hpp"
#include "berth/cost/energy/power_profile.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A limit that a GPU may get, and what is lost at it.
struct limit_option {
    amount watts = 0;   ///< 0..`max_amount`
    double loss = 0.0;  ///< finite; below 0 if it is better than the reference

    friend bool operator==(const limit_option&, const limit_option&) = default;
};

/// The limits of one GPU to choose from, in any order.
struct gpu_limits {
    std::string name;                   ///< of the GPU, for messages
    std::vector<limit_option> options;  ///< 1..65535
};

/// The limits of a profile, each with the speed that is lost: 1 - speed / speed at the largest limit. Positions of
/// options are positions of points. The profile is valid. O(points).
[[nodiscard]] inline gpu_limits limits_of(const power_profile& profile) {
    gpu_limits limits{profile.name, {}};
    for (const limit_point& point : profile.points) {
        limits.options.push_back({point.limit, 1.0 - profile.points.back().seconds / point.seconds});
    }
    return limits;
}

/// A limit for every GPU.
struct limit_plan {
    std::vector<std::size_t> option;  ///< for each GPU the position in `gpu_limits::options`
    amount watts = 0;                 ///< the sum of the limits, at most the budget
    double loss = 0.0;                ///< the sum of the losses, in the order of GPUs
    double lower_bound = 0.0;         ///< no choice within the budget loses less; `loss` if optimal
    bool optimal = false;             ///< proven: no choice within the budget has a smaller sum, added in this order
    stop_reason stopped = stop_reason::completed;  ///< why it ended
};

/// Chooses a limit for each GPU so that their sum keeps a budget and the sum of losses is least: a multiple-choice
/// knapsack.
///
/// 1. By falling gain per watt along the lower convex hull of each GPU, then whatever else still fits. This gives the
///    bound (the linear relaxation), and loses at most the gain of one step more than it. O(options * log options).
/// 2. If its table has at most `max_cells`, dynamic programming over watts in steps of their greatest common divisor:
///    the optimum. O(options * budget / divisor), 2 bytes for each cell.
///
/// Deterministic. A budget of evaluations counts options times table columns, and stops the second part.
struct limit_sharing {
    std::size_t max_cells = 20'000'000;  ///< GPUs times steps of watts; 0: never exact

    /// Fails if an option is out of range or the smallest limits together exceed the budget; the error names GPU and
    /// option, or the sum.
    ///
    /// @param gpus     their limits
    /// @param budget   watts for all, 0..`max_amount`
    /// @param control  stops the exact part
    template <class Control = run_control<>>
    [[nodiscard]] result<limit_plan> run(std::span<const gpu_limits> gpus, amount budget,
                                         const Control& control = {}) const {
        amount least = 0;
        if (auto ok = check(gpus, budget, least); !ok) return ok.error();
        limit_plan plan = by_rate(gpus, budget);
        if (auto exact = table(gpus, budget - least, control, plan); exact) plan = std::move(*exact);
        return plan;
    }

private:
    static constexpr std::size_t block = std::size_t{1} << 16U;  // table columns between two polls

    static result<void> check(std::span<const gpu_limits> gpus, amount budget, amount& least) {
        if (budget < 0 || budget > max_amount) {
            return detail::refuse(error_code::invalid_value, {"power budget is ", budget}, {", expected 0 or more"});
        }
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            const auto subject = detail::phrase::item("gpu", g, gpus[g].name);
            const auto& options = gpus[g].options;
            if (options.empty()) return detail::refuse(error_code::invalid_value, {subject}, {": options is empty"});
            if (options.size() > std::numeric_limits<std::uint16_t>::max()) {
                return detail::refuse(error_code::limit_exceeded, {subject}, {": more than 65535 options"});
            }
            amount smallest = max_amount;
            for (std::size_t o = 0; o < options.size(); ++o) {
                if (options[o].watts < 0 || options[o].watts > max_amount) {
                    return detail::refuse(error_code::invalid_value, {subject},
                                          {": options[", o, "].watts is ", options[o].watts, ", expected 0 or more"});
                }
                if (!(std::fabs(options[o].loss) <= 1e100)) {
                    return detail::refuse(error_code::invalid_value, {subject},
                                          {": options[", o, "].loss is not a number within -1e100..1e100"});
                }
                if (options[o].watts < smallest) smallest = options[o].watts;
            }
            if (smallest > budget - least) {
                return detail::refuse(error_code::limit_exceeded, {subject},
                                      {": the smallest limits up to it exceed the power budget of ", budget});
            }
            least += smallest;
        }
        return {};
    }

    static limit_plan by_rate(std::span<const gpu_limits> gpus, amount budget) {
        detail::choice_hull hull;
        detail::flat<detail::hull_option> options;
        for (const gpu_limits& gpu : gpus) {
            options.clear();
            for (const limit_option& o : gpu.options) options.push_back({static_cast<double>(o.watts), o.loss});
            hull.add(options.view());
        }
        limit_plan plan;
        plan.option.assign(hull.base().begin(), hull.base().end());
        const auto watts = [&](std::size_t g, std::size_t o) { return gpus[g].options[o].watts; };
        amount room = budget;
        double size = 0.0;  // of the numbers that are added, for the error of their sum
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            room -= watts(g, plan.option[g]);
            plan.lower_bound += gpus[g].options[plan.option[g]].loss;
            size += std::fabs(gpus[g].options[plan.option[g]].loss);
        }
        const auto steps = hull.sorted_steps();
        detail::flat<unsigned char> ended(gpus.size(), 0);
        bool relaxed = true;  // the relaxation has not yet cut a step
        for (const detail::hull_step& step : steps) {
            const amount more = watts(step.item, step.option) - watts(step.item, plan.option[step.item]);
            const bool fits = ended[step.item] == 0 && more <= room;
            if (relaxed) {
                size += step.gain;
                plan.lower_bound -= fits ? step.gain : step.rate * static_cast<double>(room);
                relaxed = fits;
            }
            if (fits) {
                plan.option[step.item] = step.option;
                room -= more;
            } else {
                ended[step.item] = 1;
            }
        }
        plan.lower_bound -= 1e-14 * static_cast<double>(steps.size() + gpus.size() + 8) * size;
        fill_up(gpus, plan, room);
        total(gpus, plan);
        return plan;
    }

    /// What is left goes to the GPUs in their order: each takes the option that gains most within the room.
    static void fill_up(std::span<const gpu_limits> gpus, limit_plan& plan, amount room) {
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            const auto& options = gpus[g].options;
            const amount most = options[plan.option[g]].watts + room;
            std::size_t best = plan.option[g];
            for (std::size_t o = 0; o < options.size(); ++o) {
                if (options[o].watts <= most && options[o].loss < options[best].loss) best = o;
            }
            room = most - options[best].watts;
            plan.option[g] = best;
        }
    }

    static void total(std::span<const gpu_limits> gpus, limit_plan& plan) {
        plan.watts = 0;
        plan.loss = 0.0;
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            plan.watts += gpus[g].options[plan.option[g]].watts;
            plan.loss += gpus[g].options[plan.option[g]].loss;
        }
    }

    /// The optimum, or an error without a message if the table is too large or the run was stopped; then `first` says
    /// why. Sums are rounded in the order of GPUs in every cell, and rounding keeps order, hence the least of these
    /// sums.
    template <class Control>
    result<limit_plan> table(std::span<const gpu_limits> gpus, amount room, const Control& control,
                             limit_plan& first) const {
        amount unit = 0;
        amount useful = 0;  // watts above the smallest limits that can be spent
        detail::flat<amount> smallest;
        for (const gpu_limits& gpu : gpus) {
            amount low = gpu.options[0].watts;
            amount high = low;
            for (const limit_option& o : gpu.options) {
                low = o.watts < low ? o.watts : low;
                high = o.watts > high ? o.watts : high;
            }
            for (const limit_option& o : gpu.options) unit = std::gcd(unit, o.watts - low);
            smallest.push_back(low);
            useful = high - low > room - useful ? room : useful + (high - low);
        }
        const auto columns = static_cast<std::size_t>(unit == 0 ? 0 : useful / unit) + 1;
        if (gpus.empty()) return error{};
        if (columns > max_cells / gpus.size()) return error{};
        detail::flat<double> best(columns, 0.0);
        detail::flat<double> next(columns, 0.0);
        detail::flat<std::uint16_t> taken(columns * gpus.size(), 0);
        std::uint64_t evaluations = 0;
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            const auto& options = gpus[g].options;
            std::uint16_t* const row = taken.data() + g * columns;
            for (double& value : next) value = std::numeric_limits<double>::infinity();
            for (std::size_t o = 0; o < options.size(); ++o) {
                const amount above = options[o].watts - smallest[g];
                const auto shift = static_cast<std::size_t>(unit == 0 ? 0 : above / unit);
                for (std::size_t begin = shift; begin < columns; begin += block) {
                    const stop_reason reason = control.check(evaluations);
                    if (reason != stop_reason::completed) {
                        first.stopped = reason;
                        return error{};
                    }
                    const std::size_t end = columns - begin < block ? columns : begin + block;
                    for (std::size_t c = begin; c < end; ++c) {
                        const double value = best[c - shift] + options[o].loss;
                        if (value < next[c]) {
                            next[c] = value;
                            row[c] = static_cast<std::uint16_t>(o);
                        }
                    }
                    evaluations += end - begin;
                }
            }
            best.swap(next);
        }
        limit_plan plan;
        plan.option.resize(gpus.size());
        std::size_t column = columns - 1;
        for (std::size_t g = gpus.size(); g-- > 0;) {
            const std::size_t o = taken[g * columns + column];
            plan.option[g] = o;
            column -= static_cast<std::size_t>(unit == 0 ? 0 : (gpus[g].options[o].watts - smallest[g]) / unit);
        }
        total(gpus, plan);
        plan.lower_bound = plan.loss;
        plan.optimal = true;
        return plan;
    }
};

}  // namespace berth::inline v0
