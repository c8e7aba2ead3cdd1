// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

namespace detail {

/// The sums of Jain's index.
class jain_sum {
public:
    void add(double x) noexcept {
        sum_ += x;
        squares_ += x * x;
        ++count_;
    }
    [[nodiscard]] double index() const noexcept {
        return squares_ > 0.0 ? sum_ * sum_ / (static_cast<double>(count_) * squares_) : 1.0;
    }

private:
    double sum_ = 0.0;
    double squares_ = 0.0;
    std::size_t count_ = 0;
};

}  // namespace detail

/// Jain's fairness index (Jain, Chiu and Hawe, DEC-TR-301, 1984) of n loads, none negative:
///
///     (sum x)^2 / (n * sum x^2)
///
/// 1 if all are equal, also if all are 0 or there is none; 1/n if one place has all load; k/n if k of n places share it
/// equally. Scaling all loads changes nothing. O(n).
///
/// @param loads  0 or more, in any unit
[[nodiscard]] inline double jain_index(std::span<const double> loads) noexcept {
    detail::jain_sum sum;
    for (const double x : loads) sum.add(x);
    return sum.index();
}

/// Jain's index of the used part of every GPU's share; GPUs without capacity are left out. O(GPUs), does not allocate.
[[nodiscard]] inline double gpu_load_fairness(const ledger& state) noexcept {
    detail::jain_sum sum;
    for (std::size_t i = 0; i < state.fleet().gpu_count(); ++i) {
        const gpu_index g{i};
        const amount capacity = state.fleet().capacity(g)[0];
        if (capacity > 0) sum.add(static_cast<double>(capacity - state.free(g)[0]) / static_cast<double>(capacity));
    }
    return sum.index();
}

}  // namespace berth::inline v0
