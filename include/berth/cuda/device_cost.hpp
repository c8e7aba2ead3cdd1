// SPDX-License-Identifier: Apache-2.0
#pragma once

// Costs from features, on host and device:
//
//   device_row          the features of a task or a GPU, readable on both
//   device_cost_model   c(task row, gpu row), callable on both
//   device_form         converts a cost model of the library to one that a device can call
//
// For any compiler. Kernels call the functor.

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/rounded.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/execution_time.hpp"
#include "berth/cost/linear_cost.hpp"
#include "berth/cost/weighted_terms.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// The features of one task or one GPU for device code, in which the members of `std::span`, hence of `feature_row`,
/// cannot be called. A `feature_row` converts to it, so a functor of two of these is a `cost_model`, too.
class device_row {
public:
    /// The `size` features at an address.
    BERTH_HD constexpr device_row(const double* values, std::size_t size) noexcept : values_{values}, size_{size} {}
    /// The same features.
    constexpr device_row(feature_row row) noexcept : values_{row.data()}, size_{row.size()} {}

    /// Number of features.
    [[nodiscard]] BERTH_HD constexpr std::size_t size() const noexcept { return size_; }
    /// A feature; `i` is below `size()`.
    [[nodiscard]] BERTH_HD constexpr double operator[](std::size_t i) const noexcept {
        BERTH_ASSERT(i < size_, "berth: a feature row has no such column");
        return values_[i];
    }

private:
    const double* values_;
    std::size_t size_;
};

/// A cost model that a device can call: `c(task, gpu)` with rows of features. Write one for costs that the library's
/// models do not have.
///
/// 1. The requirements of `cost_model`: lower is better, and the result depends on the rows and the model only.
/// 2. Its call operator is `BERTH_HD`, and the model is trivially copyable: it is copied to the device byte for byte,
///    without pointers to host memory.
/// 3. Host and device agree bit for bit if it uses +, -, *, / and square roots only and no compiler fuses a product and
///    a sum; nvcc fuses without `-fmad=false`. The forms of the library's models never fuse.
///
/// ```
/// struct heat {
///     double weight;
///     BERTH_HD double operator()(berth::device_row task, berth::device_row gpu) const {
///         return weight * task[0] / gpu[1];
///     }
/// };
/// ```
template <class C>
concept device_cost_model =
    std::is_trivially_copyable_v<C> && cost_model<C> && requires(const C& c, device_row task, device_row gpu) {
        { c(task, gpu) } -> std::convertible_to<double>;
    };

/// `execution_time` for devices, with the same operations in the same order.
struct execution_time_form {
    execution_time model{};  ///< the model

    /// The cost of a task on a GPU.
    [[nodiscard]] BERTH_HD double operator()(device_row task, device_row gpu) const noexcept {
        const double in = detail::product_of(task[model.data], model.seconds_per_input_gb);
        const double out = detail::product_of(task[model.output], model.seconds_per_output_gb);
        return detail::sum_of(detail::sum_of(in, task[model.compute] / gpu[model.speed]), out);
    }
};

/// `linear_cost` for devices, with the same operations in the same order and at most 64 weights for tasks and 64 for
/// GPUs.
struct linear_cost_form {
    static constexpr std::size_t most_weights = 64;  ///< of each kind

    double bias = 0.0;                       ///< the constant term
    std::size_t task_count = 0;              ///< features of a task, at most 64
    std::size_t gpu_count = 0;               ///< features of a GPU, at most 64
    double task_weights[most_weights] = {};  ///< of the task's features, in order
    double gpu_weights[most_weights] = {};   ///< of the GPU's features, in order

    /// The cost of a task on a GPU.
    [[nodiscard]] BERTH_HD double operator()(device_row task, device_row gpu) const noexcept {
        BERTH_ASSERT(task.size() == task_count && gpu.size() == gpu_count,
                     "berth: linear_cost has a weight for each feature, in order");
        double of_task = bias;
        for (std::size_t j = 0; j < task_count; ++j) {
            of_task = detail::sum_of(of_task, detail::product_of(task_weights[j], task[j]));
        }
        double of_gpu = 0.0;
        for (std::size_t k = 0; k < gpu_count; ++k) {
            of_gpu = detail::sum_of(of_gpu, detail::product_of(gpu_weights[k], gpu[k]));
        }
        return detail::sum_of(of_task, of_gpu);
    }
};

/// `weighted_terms` for devices: the sum of the terms before this one, plus this one. The first is added to 0.
template <class Before, class Term>
struct weighted_form {
    Before before;  ///< the form of the terms before
    double weight;  ///< of this term
    Term term;      ///< the form of this term

    /// The cost of a task on a GPU.
    [[nodiscard]] BERTH_HD double operator()(device_row task, device_row gpu) const {
        return detail::sum_of(before(task, gpu), detail::product_of(weight, static_cast<double>(term(task, gpu))));
    }
};
/// No terms.
struct no_cost_form {
    /// Always 0.
    [[nodiscard]] BERTH_HD constexpr double operator()(device_row, device_row) const noexcept { return 0.0; }
};

/// Converts a cost model to one that a device can call, equal to it bit for bit. A `device_cost_model` is returned
/// unchanged.
template <device_cost_model C>
[[nodiscard]] result<C> device_form(const C& model) {
    return model;
}
/// Never fails.
[[nodiscard]] inline result<execution_time_form> device_form(const execution_time& model) {
    return execution_time_form{model};
}
/// Fails if there are more than 64 weights of either kind.
[[nodiscard]] inline result<linear_cost_form> device_form(const linear_cost& model) {
    const auto tasks = model.task_weights();
    const auto gpus = model.gpu_weights();
    if (tasks.size() > linear_cost_form::most_weights || gpus.size() > linear_cost_form::most_weights) {
        return detail::refuse(error_code::limit_exceeded,
                              {"linear cost: ", tasks.size(), " and ", gpus.size(), " weights, a device takes at most ",
                               linear_cost_form::most_weights, " of each"});
    }
    linear_cost_form form{.bias = model.bias(), .task_count = tasks.size(), .gpu_count = gpus.size()};
    for (std::size_t j = 0; j < tasks.size(); ++j) form.task_weights[j] = tasks[j];
    for (std::size_t k = 0; k < gpus.size(); ++k) form.gpu_weights[k] = gpus[k];
    return form;
}

namespace detail {

template <std::size_t I, class Before, class... Models>
[[nodiscard]] auto add_term(const Before& before, const weighted_terms<Models...>& model) {
    if constexpr (I == sizeof...(Models)) {
        return result<Before>{before};
    } else {
        const auto& term = model.template term<I>();
        const auto form = device_form(term.model);
        using with_term = weighted_form<Before, typename std::remove_cvref_t<decltype(form)>::value_type>;
        using outcome = decltype(add_term<I + 1>(std::declval<const with_term&>(), model));
        if (!form) return outcome{form.error()};
        return add_term<I + 1>(with_term{before, term.weight, *form}, model);
    }
}

}  // namespace detail

/// Every term is a model of the library or a `device_cost_model`. Fails if the form of a term does.
template <class... Models>
[[nodiscard]] auto device_form(const weighted_terms<Models...>& model) {
    return detail::add_term<0>(no_cost_form{}, model);
}

static_assert(device_cost_model<execution_time_form> && device_cost_model<linear_cost_form> &&
              device_cost_model<weighted_form<no_cost_form, execution_time_form>>);
static_assert(!device_cost_model<linear_cost>);

}  // namespace berth::inline v0
