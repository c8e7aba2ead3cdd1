// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/search/cooling.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Temperature and overload penalty of a reassignment search over the share of the run that is used. In the main part
/// the temperature falls geometrically to where large tasks settle, in the rest to where hardly a move that costs
/// anything is accepted.
class reassignment_cooling {
public:
    static constexpr double main_part = 0.75;

    reassignment_cooling() = default;
    /// @param max_gain  by how much the cost of the start can fall at most
    template <class Options>
    reassignment_cooling(const reassignment_problem& p, const Options& o, double max_gain) noexcept {
        double largest_weight = 1.0;
        double size = 0.0;
        for (std::size_t r = 0; r < p.resource_count(); ++r) {
            const auto weight = static_cast<double>(p.resources()[r].load_weight);
            largest_weight = weight > largest_weight ? weight : largest_weight;
            double demand = 0.0;
            for (std::size_t t = 0; t < p.task_count(); ++t) demand += static_cast<double>(p.demand(task_index{t})[r]);
            size += weight * demand;
        }
        size = p.task_count() > 0 && size > 0 ? size / static_cast<double>(p.task_count()) : 1.0;
        first_ = o.first_temperature * size;
        last_ = o.last_temperature * size;
        // Cap the start temperature by the gap so that a good start survives.
        constexpr double hottest_share = 0.1;
        const double hottest = hottest_share * max_gain;
        if (hottest > 0.0 && hottest < first_) {
            last_ *= hottest / first_;
            first_ = hottest;
        }
        first_penalty_ = o.first_overload_penalty * largest_weight;
        last_penalty_ = o.last_overload_penalty * largest_weight;
    }

    /// @param share   of the run that is used, 0 to 1
    /// @param colder  multiplies the temperature at the end of the main part
    [[nodiscard]] double temperature(double share, double colder) const noexcept {
        const double last = last_ * colder;
        const double warm = first_ * std::pow(last / first_, main(share));
        return warm * std::pow(coldest(last) / last, rest(share));
    }
    /// The share at which the temperature has fallen to some value: 0 if it begins there or below, 1 if it ends above.
    ///
    /// @param temperature  above 0
    /// @param colder       see `temperature`
    [[nodiscard]] double share_at(double temperature, double colder) const noexcept {
        const double last = last_ * colder;
        if (temperature >= first_) return 0.0;
        if (temperature >= last) return main_part * std::log(first_ / temperature) / std::log(first_ / last);
        if (temperature <= coldest(last)) return 1.0;
        return main_part + (1.0 - main_part) * std::log(last / temperature) / std::log(last / coldest(last));
    }
    /// @param share     of the run that is used, 0 to 1
    /// @param pressure  multiplies the penalty
    [[nodiscard]] amount overload_penalty(double share, double pressure) const noexcept {
        const double penalty =
            pressure * first_penalty_ * std::pow(last_penalty_ / first_penalty_, main(share) + rest(share));
        constexpr double max_penalty = 0x1.0p50;
        return static_cast<amount>(penalty < max_penalty ? std::ceil(penalty) : max_penalty);
    }

private:
    [[nodiscard]] static double coldest(double last) noexcept {
        constexpr double cold = 0.05;  // the least cost of a move is 1
        return last < cold ? last : cold;
    }
    [[nodiscard]] static double main(double share) noexcept { return share < main_part ? share / main_part : 1.0; }
    [[nodiscard]] static double rest(double share) noexcept {
        return share < main_part ? 0.0 : (share - main_part) / (1.0 - main_part);
    }

    double first_ = 1.0;
    double last_ = 1.0;
    double first_penalty_ = 1.0;
    double last_penalty_ = 1.0;
};

/// The schedule of one island, as a `cooling_schedule`.
struct island_cooling {
    reassignment_cooling schedule{};  ///< of all islands
    double colder = 1.0;              ///< see `reassignment_cooling::temperature`

    [[nodiscard]] double at(double share) const noexcept { return schedule.temperature(share, colder); }
};

static_assert(cooling_schedule<island_cooling>);

/// The number of evaluations of each island between two points of the cooling schedule: always the same under a
/// budget, which makes it reproduce; under a clock, few enough for a hundred points.
class round_length {
public:
    explicit round_length(bool by_clock) noexcept : by_clock_{by_clock}, evaluations_{by_clock ? least : most} {}
    /// @param share  of the run that the last round took
    void adapt(double share) noexcept {
        if (!by_clock_) return;
        if (share < 0.004 && evaluations_ < most) evaluations_ = 2 * evaluations_ < most ? 2 * evaluations_ : most;
        if (share > 0.01 && evaluations_ > least) evaluations_ = evaluations_ / 2 > least ? evaluations_ / 2 : least;
    }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }

private:
    static constexpr std::uint64_t most = 50'000;
    static constexpr std::uint64_t least = 500;
    bool by_clock_;
    std::uint64_t evaluations_;
};

}  // namespace berth::inline v0::detail
