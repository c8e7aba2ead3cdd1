// SPDX-License-Identifier: Apache-2.0
#pragma once

// Evaluates whole populations on a device, as allocate/assignment/batch/population_evaluator.hpp does on the host:
//
//   evaluator            a description; prepare(problem, stream) makes the state of a run
//   evaluation           the state for a packed_problem: evaluate(...) for values, measure(...) for more
//   feature_evaluation   the state for a feature_problem, whose costs a functor computes from features
//
// All views of populations, values, measures and loads point to device memory. Values equal those of the host, bit for
// bit.

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/assignment_measures.hpp"
#include "berth/cuda/detail/evaluation_kernel.cuh"
#include "berth/cuda/detail/evaluation_source.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/error.cuh"
#include "berth/cuda/evaluation_ref.hpp"
#include "berth/cuda/pair_functor.hpp"

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Length: two states with the same documented interface.

namespace berth::inline v0::cuda {

/// Evaluates populations of a packed problem on a device; owns a copy of the table there. Models
/// `population_evaluation`.
///
/// Calls queue work and return; the results are there after `wait_for` the stream. One call at a time: the caller
/// orders different streams. Nothing is allocated. O(rows × (tasks + GPUs)).
class evaluation {
public:
    /// Computes cost and excess of every row of the population, and the load of every GPU if `loads` is not empty.
    ///
    /// @param population  genes below `gpus()`, unchecked; a row for each individual
    /// @param values      one for each individual
    /// @param loads       empty, or a row for each individual and a column for each GPU
    template <gene Gene>
    result<void> evaluate(population_view<Gene> population, std::span<assignment_value> values,
                          matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        BERTH_ASSERT(values.size() == population.rows(), "berth: a value for every individual");
        return queue(population, values.data(), nullptr, loads, stream);
    }
    /// The same for 16-bit genes.
    result<void> evaluate(population_view<std::uint16_t> population, std::span<assignment_value> values,
                          matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        return evaluate<std::uint16_t>(population, values, loads, stream);
    }
    /// The same for 32-bit genes.
    result<void> evaluate(population_view<std::uint32_t> population, std::span<assignment_value> values,
                          matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        return evaluate<std::uint32_t>(population, values, loads, stream);
    }
    /// Computes the same and more: largest and least load, sum of squares, weight of moved tasks.
    template <gene Gene>
    result<void> measure(population_view<Gene> population, std::span<assignment_measures> measures,
                         matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        BERTH_ASSERT(measures.size() == population.rows(), "berth: measures for every individual");
        return queue(population, nullptr, measures.data(), loads, stream);
    }

    /// Number of tasks.
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }
    /// Number of GPUs.
    [[nodiscard]] std::size_t gpus() const noexcept { return gpus_; }
    /// Width of the table's words, 32 or 64 as in the packed problem.
    [[nodiscard]] std::size_t word_bits() const noexcept { return word_bits_; }
    /// The problem for kernels of your own, valid as long as this object. `Word` has `word_bits()` bits.
    template <class Word>
    [[nodiscard]] evaluation_ref<Word> ref() const noexcept {
        if constexpr (sizeof(Word) == 4) {
            return {narrow_source_.table};
        } else {
            return {wide_source_.table};
        }
    }
    /// How the work is divided, for reports.
    template <gene Gene>
    [[nodiscard]] const detail::evaluation::evaluation_shape& shape() const noexcept {
        return word_bits_ == 32 ? narrow_.shape<Gene>() : wide_.shape<Gene>();
    }
    /// Bytes of device memory that this object owns.
    [[nodiscard]] std::size_t device_bytes() const noexcept {
        return narrow_words_.bytes() + wide_words_.bytes() + capacities_.bytes() + initial_.bytes() + narrow_.bytes() +
               wide_.bytes();
    }

private:
    friend struct evaluator;
    using narrow_source = detail::evaluation::table_source<std::uint32_t>;
    using wide_source = detail::evaluation::table_source<std::uint64_t>;

    evaluation() = default;

    [[nodiscard]] result<void> prepare(const packed_problem& p, std::size_t individuals,
                                       const initial_placement& initial, cudaStream_t stream) {
        const auto device = describe_device();
        if (!device) return device.error();
        const auto limits = detail::evaluation::limits_of(*device);
        tasks_ = p.tasks();
        gpus_ = p.gpus();
        word_bits_ = p.word_bits();
        auto capacities = to_device(p.capacities(), stream);
        if (!capacities) return capacities.error();
        capacities_ = std::move(*capacities);
        if (auto ok = initial_.prepare(initial, stream); !ok) return ok;
        auto ok = word_bits_ == 32 ? prepare(p, narrow_source_, narrow_words_, narrow_, individuals, limits, stream)
                                   : prepare(p, wide_source_, wide_words_, wide_, individuals, limits, stream);
        if (!ok) return ok;
        return wait_for(stream);
    }
    template <class Word>
    [[nodiscard]] result<void>
    prepare(const packed_problem& p, detail::evaluation::table_source<Word>& source, device_buffer<Word>& words,
            detail::evaluation::evaluation_launches<detail::evaluation::table_source<Word>>& launches,
            std::size_t individuals, const detail::evaluation::device_limits& limits, cudaStream_t stream) {
        source.table = p.table<Word>();
        auto copied = to_device(std::span<const Word>{source.table.words, tasks_ * gpus_}, stream);
        if (!copied) return copied.error();
        words = std::move(*copied);
        source.table.words = words.data();
        source.table.capacities = capacities_.data();
        return launches.prepare(source, individuals, limits);
    }

    template <gene Gene>
    [[nodiscard]] result<void> queue(population_view<Gene> population, assignment_value* values,
                                     assignment_measures* measures, matrix_view<amount> loads, cudaStream_t stream) {
        BERTH_ASSERT(population.rows() == 0 || population.cols() == tasks_, "berth: an individual has a gene per task");
        BERTH_ASSERT(loads.data() == nullptr || (loads.rows() == population.rows() && loads.cols() == gpus_),
                     "berth: a load for every individual and GPU");
        if (word_bits_ == 32) return queue(narrow_source_, narrow_, population, values, measures, loads.data(), stream);
        return queue(wide_source_, wide_, population, values, measures, loads.data(), stream);
    }
    template <class Source, class Launches, gene Gene>
    [[nodiscard]] result<void> queue(const Source& source, Launches& launches, population_view<Gene> population,
                                     assignment_value* values, assignment_measures* measures, amount* loads,
                                     cudaStream_t stream) {
        detail::evaluation::evaluation_pass<Source, Gene> pass{source, population.data(), population.rows()};
        pass.values = values;
        pass.measures = measures;
        pass.loads = loads;
        if (measures != nullptr) initial_.show(pass);
        return launches.launch(pass, stream);
    }

    std::size_t tasks_ = 0;
    std::size_t gpus_ = 0;
    std::size_t word_bits_ = 32;
    narrow_source narrow_source_{};
    wide_source wide_source_{};
    device_buffer<std::uint32_t> narrow_words_;
    device_buffer<std::uint64_t> wide_words_;
    device_buffer<amount> capacities_;
    detail::evaluation::initial_buffers initial_;
    detail::evaluation::evaluation_launches<narrow_source> narrow_;
    detail::evaluation::evaluation_launches<wide_source> wide_;
};

static_assert(population_evaluation<evaluation>);

/// Evaluates populations whose costs a functor computes from features, without a table of tasks × GPUs. The functor is
/// compiled into kernels of its own. Otherwise as `evaluation`.
template <pair_functor Functor>
class feature_evaluation {
public:
    /// As `evaluation::evaluate`.
    template <gene Gene>
    result<void> evaluate(population_view<Gene> population, std::span<assignment_value> values,
                          matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        BERTH_ASSERT(values.size() == population.rows(), "berth: a value for every individual");
        return queue(population, values.data(), nullptr, loads, stream);
    }
    /// As `evaluation::measure`.
    template <gene Gene>
    result<void> measure(population_view<Gene> population, std::span<assignment_measures> measures,
                         matrix_view<amount> loads = {}, cudaStream_t stream = nullptr) {
        BERTH_ASSERT(measures.size() == population.rows(), "berth: measures for every individual");
        return queue(population, nullptr, measures.data(), loads, stream);
    }

    /// Number of tasks.
    [[nodiscard]] std::size_t tasks() const noexcept { return source_.tasks(); }
    /// Number of GPUs.
    [[nodiscard]] std::size_t gpus() const noexcept { return source_.gpus(); }
    /// How the work is divided, for reports.
    template <gene Gene>
    [[nodiscard]] const detail::evaluation::evaluation_shape& shape() const noexcept {
        return launches_.template shape<Gene>();
    }
    /// Bytes of device memory that this object owns.
    [[nodiscard]] std::size_t device_bytes() const noexcept {
        return tasks_.bytes() + gpus_.bytes() + capacities_.bytes() + initial_.bytes() + launches_.bytes();
    }

private:
    friend struct evaluator;
    using source = detail::evaluation::feature_source<Functor>;

    explicit feature_evaluation(const Functor& pair) : source_{pair} {}

    [[nodiscard]] result<void> prepare(const feature_problem<Functor>& p, std::size_t individuals,
                                       const initial_placement& initial, cudaStream_t stream) {
        const auto device = describe_device();
        if (!device) return device.error();
        const std::size_t width = p.gpus.cols();
        const std::size_t pitch = source::pitch_of(width);
        std::vector<float> spread(p.gpus.rows() * pitch, 0.0F);
        for (std::size_t g = 0; g < p.gpus.rows(); ++g) {
            for (std::size_t i = 0; i < width; ++i) spread[g * pitch + i] = p.gpus(g, i);
        }
        auto tasks = to_device(std::span<const float>{p.tasks.data(), p.tasks.rows() * p.tasks.cols()}, stream);
        if (!tasks) return tasks.error();
        auto gpus = to_device<float>(spread, stream);
        if (!gpus) return gpus.error();
        auto capacities = to_device(p.capacities, stream);
        if (!capacities) return capacities.error();
        tasks_ = std::move(*tasks);
        gpus_ = std::move(*gpus);
        capacities_ = std::move(*capacities);
        if (auto ok = initial_.prepare(initial, stream); !ok) return ok;
        source_ = {p.pair,         tasks_.data(), gpus_.data(), capacities_.data(), p.tasks.rows(), p.gpus.rows(),
                   p.tasks.cols(), pitch,         p.unit};
        if (auto ok = launches_.prepare(source_, individuals, detail::evaluation::limits_of(*device)); !ok) return ok;
        return wait_for(stream);
    }
    template <gene Gene>
    [[nodiscard]] result<void> queue(population_view<Gene> population, assignment_value* values,
                                     assignment_measures* measures, matrix_view<amount> loads, cudaStream_t stream) {
        BERTH_ASSERT(population.rows() == 0 || population.cols() == tasks(),
                     "berth: an individual has a gene per task");
        BERTH_ASSERT(loads.data() == nullptr || (loads.rows() == population.rows() && loads.cols() == gpus()),
                     "berth: a load for every individual and GPU");
        detail::evaluation::evaluation_pass<source, Gene> pass{source_, population.data(), population.rows()};
        pass.values = values;
        pass.measures = measures;
        pass.loads = loads.data();
        if (measures != nullptr) initial_.show(pass);
        return launches_.launch(pass, stream);
    }

    source source_;
    device_buffer<float> tasks_;
    device_buffer<float> gpus_;
    device_buffer<amount> capacities_;
    detail::evaluation::initial_buffers initial_;
    detail::evaluation::evaluation_launches<source> launches_;
};

/// Evaluates populations on the current device. A description.
///
/// ```
/// auto state = berth::cuda::evaluator{}.prepare(packed, stream);
/// if (!state) report(state.error().message);   // no device or too little memory there: evaluate on the host instead
/// ```
struct evaluator {
    /// Expected individuals of a population: layout and memory for loads are chosen for this many. Larger populations
    /// are evaluated, too.
    std::size_t individuals = 8192;

    /// Makes the state of a run and allocates its memory: the table, and loads of the individuals if they do not fit
    /// into shared memory or the table not into the second-level cache. Fails without a device, and if the device has
    /// too little memory.
    ///
    /// @param initial  the GPUs on which tasks run now, for `measure`
    [[nodiscard]] result<evaluation> prepare(const packed_problem& p, cudaStream_t stream = nullptr,
                                             const initial_placement& initial = {}) const {
        if (auto ok = check(initial, p.tasks()); !ok) return ok.error();
        evaluation state;
        if (auto ok = state.prepare(p, individuals > 0 ? individuals : 1, initial, stream); !ok) return ok.error();
        return result<evaluation>{std::move(state)};
    }
    /// The same for a problem in features. Fails if the capacities are not one for each GPU, too.
    template <pair_functor Functor>
    [[nodiscard]] result<feature_evaluation<Functor>> prepare(const feature_problem<Functor>& p,
                                                              cudaStream_t stream = nullptr,
                                                              const initial_placement& initial = {}) const {
        if (auto ok = check(initial, p.tasks.rows()); !ok) return ok.error();
        if (p.capacities.size() != p.gpus.rows()) {
            return detail::refuse(error_code::inconsistent, {"feature_problem: ", p.capacities.size(),
                                                             " capacities for ", p.gpus.rows(), " GPUs"});
        }
        feature_evaluation<Functor> state{p.pair};
        if (auto ok = state.prepare(p, individuals > 0 ? individuals : 1, initial, stream); !ok) return ok.error();
        return result<feature_evaluation<Functor>>{std::move(state)};
    }

private:
    [[nodiscard]] static result<void> check(const initial_placement& initial, std::size_t tasks) {
        return detail::evaluation::initial_buffers::check(initial, tasks);
    }
};

}  // namespace berth::inline v0::cuda
