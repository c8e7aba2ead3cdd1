// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace berth::inline v0 {

/// Cost and load of a task on a GPU.
struct pair_units {
    std::int64_t cost = 0;   ///< in whole units
    std::uint32_t load = 0;  ///< in units of the capacities

    friend constexpr bool operator==(const pair_units&, const pair_units&) noexcept = default;
};

/// Computes cost and load of a task on a GPU from the features of both, so that no table of tasks × GPUs is stored.
/// Write one for problems whose table does not fit into memory.
///
/// 1. Const, without state that changes, trivially copyable; the call is `BERTH_HD`, so that host and device run the
///    same code.
/// 2. Costs are whole units, rounded by the functor. Equal bits on host and device need equal operations: integers, or
///    floats with `-fmad=false` (nvcc) and `-ffp-contract=off`, and no library function that host and device round
///    differently.
/// 3. Loads of one GPU add up to less than 2^32.
template <class F>
concept pair_functor =
    std::is_trivially_copyable_v<F> && requires(const F& f, const float* task_features, const float* gpu_features) {
        { f(task_features, gpu_features) } -> std::same_as<pair_units>;
    };

/// An assignment problem in features. Views of host memory, read by `cuda::evaluator::prepare`.
template <pair_functor Functor>
struct feature_problem {
    Functor pair;                        ///< cost and load of a task on a GPU
    matrix_view<const float> tasks;      ///< a row for each task
    matrix_view<const float> gpus;       ///< a row for each GPU
    std::span<const amount> capacities;  ///< one for each GPU
    double unit = 1.0;                   ///< the cost of one unit
};
template <class Functor>
feature_problem(Functor, matrix_view<const float>, matrix_view<const float>, std::span<const amount>)
    -> feature_problem<Functor>;
template <class Functor>
feature_problem(Functor, matrix_view<const float>, matrix_view<const float>, std::span<const amount>, double)
    -> feature_problem<Functor>;

}  // namespace berth::inline v0
