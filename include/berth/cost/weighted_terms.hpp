// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/evaluate.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

/// One named term of a weighted sum of costs.
template <class Model>
struct cost_term {
    std::string name;     ///< for reports
    double weight = 1.0;  ///< factor
    Model model;          ///< any cost model or lambda
};
template <class Model>
cost_term(const char*, double, Model) -> cost_term<Model>;
template <class Model>
cost_term(std::string, double, Model) -> cost_term<Model>;

/// A weighted sum of named terms, added from left to right:
///
///     c(t, g) = w_1 * c_1(t, g) + w_2 * c_2(t, g) + ...
///
/// `split` shows each term's part of a cost. `row` evaluates the GPUs in blocks that fit the cache, and uses the `row`
/// of terms that have one.
///
/// ```
/// const weighted_terms cost{cost_term{"time", 1.0, execution_time{}},
///                           cost_term{"heat", 0.2, [](feature_row, feature_row gpu) { return gpu[2]; }}};
/// ```
template <cost_model... Models>
class weighted_terms {
public:
    /// The number of terms.
    static constexpr std::size_t size = sizeof...(Models);

    /// Keeps the terms in this order.
    explicit weighted_terms(cost_term<Models>... terms) : terms_{std::move(terms)...} {}

    /// The cost of a pair.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const {
        double sum = 0.0;
        for_each(
            [&](const auto& term, std::size_t) { sum += term.weight * static_cast<double>(term.model(task, gpu)); });
        return sum;
    }

    /// Writes the weighted value of every term; added from left to right they give the cost.
    ///
    /// @param task  features of the task
    /// @param gpu   features of the GPU
    /// @param out   one element for each term
    void split(feature_row task, feature_row gpu, std::span<double> out) const {
        BERTH_ASSERT(out.size() == size, "berth: weighted_terms::split needs one output element for each term");
        for_each([&](const auto& term, std::size_t i) {
            out[i] = term.weight * static_cast<double>(term.model(task, gpu));
        });
    }
    /// Term number I, from 0.
    template <std::size_t I>
    [[nodiscard]] const auto& term() const noexcept {
        return std::get<I>(terms_);
    }
    /// The names of the terms.
    [[nodiscard]] std::array<std::string_view, size> names() const {
        std::array<std::string_view, size> out{};
        for_each([&](const auto& term, std::size_t i) { out[i] = term.name; });
        return out;
    }

    /// The costs of one task, see `cost_row`.
    void row(feature_row task, matrix_view<const double> gpus, std::span<double> out) const {
        std::array<double, block> scratch;
        for (std::size_t first = 0; first < out.size(); first += block) {
            const std::size_t n = out.size() - first < block ? out.size() - first : block;
            const matrix_view<const double> some{gpus.data() + first * gpus.cols(), n, gpus.cols()};
            const std::span<double> sums = out.subspan(first, n);
            for (double& sum : sums) sum = 0.0;
            for_each([&](const auto& term, std::size_t) {
                const std::span<double> values{scratch.data(), n};
                cost_row(term.model, task, some, values);
                for (std::size_t g = 0; g < n; ++g) sums[g] += term.weight * values[g];
            });
        }
    }

private:
    static constexpr std::size_t block = 256;

    template <class F>
    void for_each(F f) const {
        std::apply(
            [&](const auto&... term) {
                std::size_t i = 0;
                (f(term, i++), ...);
            },
            terms_);
    }

    std::tuple<cost_term<Models>...> terms_;
};
template <class... Models>
weighted_terms(cost_term<Models>...) -> weighted_terms<Models...>;

}  // namespace berth::inline v0
