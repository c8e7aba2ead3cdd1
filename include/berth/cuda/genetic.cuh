// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/detail/generation_setup.hpp"
#include "berth/allocate/genetic/philox_genetic.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cuda/detail/generation_block.hpp"
#include "berth/cuda/detail/generation_shape.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/error.cuh"

#include <cub/device/device_reduce.cuh>
#include <cuda_runtime.h>
#include <thrust/iterator/counting_iterator.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Length: the state of a run needs a buffer of each kind.

namespace berth::inline v0 {

namespace detail::evolution {

/// Makes one generation. A block makes `lanes` members at a time; shared memory holds one number of each kind for every
/// thread, and the loads.
template <class Word, bool LoadsShared>
__global__ void __launch_bounds__(generation_threads)
    make_generation(const __grid_constant__ generation_pass<Word> pass, std::uint32_t lanes, std::uint32_t slices,
                    Word* scratch) {
    extern __shared__ std::uint64_t shared[];
    const std::uint32_t threads = lanes * slices;
    const std::size_t loads = pass.problem.table.gpus * lanes;
    Word* const shared_loads = reinterpret_cast<Word*>(shared + 2 * threads);
    block_scratch<Word> numbers{LoadsShared ? shared_loads : scratch + blockIdx.x * loads, shared,
                                reinterpret_cast<amount*>(shared + threads),
                                reinterpret_cast<std::uint32_t*>(shared_loads + (LoadsShared ? loads : 0))};
    for (std::uint32_t first = blockIdx.x * lanes; first < pass.rules.population; first += gridDim.x * lanes) {
        const generation_block<Word> block{pass, numbers, first, lanes, slices};
        block.select(threadIdx.x);
        __syncthreads();
        block.mix(threadIdx.x);
        __syncthreads();
        block.measure(threadIdx.x);
        __syncthreads();
        block.finish(threadIdx.x);
        __syncthreads();
    }
}

struct summarise_member {
    const member_value* values;

    [[nodiscard]] BERTH_HD population_summary operator()(std::uint32_t member) const noexcept {
        return population_summary::of(values[member], member);
    }
};

}  // namespace detail::evolution

namespace cuda {

/// The state of a run of `philox_genetic` on a device: the same generations, bit for bit, as `philox_genetic_run` on
/// the host. The population stays on the device; only reports and the best member are copied back. Made by
/// `genetic::prepare`, which allocates all memory.
///
/// One call at a time. Work is queued on the given stream; the caller orders different streams.
class genetic_run {
public:
    /// Queues the next generations and returns at once.
    [[nodiscard]] result<void> advance(std::size_t generations, cudaStream_t stream) {
        for (std::size_t i = 0; i < generations; ++i) {
            ++generation_;
            if (auto queued = make(0, stream); !queued) return queued;
        }
        return {};
    }
    /// Summary of the population after the generations queued so far. Waits for them.
    [[nodiscard]] result<generation_report> report(cudaStream_t stream) {
        auto all = summarise(stream);
        if (!all) return all.error();
        return detail::evolution::report_of(*problem_, generation_, *all);
    }
    /// The best member of the generations queued so far. Waits for them.
    [[nodiscard]] result<assignment_plan> best(cudaStream_t stream) {
        const auto all = summarise(stream);
        if (!all) return all.error();
        const std::size_t first = all->best_member * chunks_;
        if (auto copied = members_.download({row_.data(), chunks_}, stream, first); !copied) return copied.error();
        if (auto done = wait_for(stream); !done) return done.error();
        const assignment_value value = detail::evolution::value_of(*problem_, all->best);
        assignment_plan plan;
        plan.gpu_of = detail::evolution::assignment_of(row_.data(), problem_->tasks());
        plan.cost = value.cost;
        plan.excess = value.excess;
        plan.evaluations = evaluations();
        plan.accepted = generation_;
        return plan;
    }
    /// Makes generations until the control ends the run, or `max_generations` are made; returns the best member. Polls
    /// the control every `generations_at_once` generations.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] result<assignment_plan> run(cudaStream_t stream, run_control<Stop, Observer> control = {}) {
        waited_for here{this, stream};
        const stop_reason stopped =
            detail::evolution::run_generations(description_, generations_at_once_, here, control);
        if (here.failed) return here.failure;
        auto plan = best(stream);
        if (plan) plan->stopped = stopped;
        return plan;
    }

    /// Number of the last generation queued; the first is 0.
    [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
    /// Members made so far, the first generation included.
    [[nodiscard]] std::uint64_t evaluations() const noexcept {
        return (std::uint64_t{generation_} + 1) * rules_.population;
    }
    /// How the work is divided into blocks, for reports.
    [[nodiscard]] const detail::evolution::generation_shape& shape() const noexcept { return shape_; }
    /// Bytes of device memory that this object owns.
    [[nodiscard]] std::size_t device_bytes() const noexcept {
        return narrow_words_.bytes() + wide_words_.bytes() + capacities_.bytes() + lists_.bytes() + members_.bytes() +
               children_.bytes() + values_.bytes() + child_values_.bytes() + narrow_scratch_.bytes() +
               wide_scratch_.bytes() + reduction_.bytes() + summary_.bytes();
    }

private:
    friend struct genetic;

    /// The run for `run_generations`; keeps the first error.
    struct waited_for {
        genetic_run* run;
        cudaStream_t stream;
        generation_report last{};
        berth::error failure{};
        bool failed = false;

        bool advance(std::size_t generations) {
            if (const auto queued = run->advance(generations, stream); !queued) fail(queued.error());
            return !failed;
        }
        [[nodiscard]] generation_report report() {
            if (failed) return last;
            if (const auto now = run->report(stream); now) {
                last = *now;
            } else {
                fail(now.error());
            }
            return last;
        }
        [[nodiscard]] std::uint32_t generation() const noexcept { return run->generation(); }
        [[nodiscard]] std::uint64_t evaluations() const noexcept { return run->evaluations(); }
        void fail(const berth::error& what) {
            failure = what;
            failed = true;
        }
    };

    genetic_run(const philox_genetic& description, std::size_t generations_at_once, const packed_problem& p,
                std::uint32_t width)
        : problem_{&p},
          description_{description},
          rules_{detail::evolution::rules_of(description, p)},
          generations_at_once_{generations_at_once},
          chunks_{detail::evolution::chunks_of(p.tasks())},
          width_{width},
          row_(chunks_) {}

    template <class T>
    [[nodiscard]] static result<void> fill(device_buffer<T>& buffer, std::span<const T> from, cudaStream_t stream) {
        auto made = to_device(from, stream);
        if (!made) return made.error();
        buffer = std::move(*made);
        return {};
    }
    template <class T>
    [[nodiscard]] static result<void> reserve(device_buffer<T>& buffer, std::size_t count, cudaStream_t stream) {
        auto made = device_buffer<T>::allocate(count);
        if (!made) return made.error();
        buffer = std::move(*made);
        return buffer.clear(stream);
    }

    [[nodiscard]] result<void> prepare(const candidate_lists& lists, warm_start start, cudaStream_t stream) {
        const auto device = describe_device();
        if (!device) return device.error();
        const bool narrow = problem_->word_bits() == 32;
        const std::size_t gpus = problem_->gpus();
        shape_ = narrow ? detail::evolution::shape_for<std::uint32_t>(gpus, rules_.population, device->shared_per_block,
                                                                      device->multiprocessors)
                        : detail::evolution::shape_for<std::uint64_t>(gpus, rules_.population, device->shared_per_block,
                                                                      device->multiprocessors);
        const std::size_t pairs = problem_->tasks() * gpus;
        const auto genes = detail::evolution::genes_of(lists, problem_->tasks());
        const auto given = detail::evolution::chunks_of(start);
        const std::size_t scratch = shape_.scratch(gpus);
        const std::size_t members = rules_.population * chunks_;
        if (auto ok = fill(capacities_, problem_->capacities(), stream); !ok) return ok;
        if (narrow) {
            const std::uint32_t* words = problem_->table<std::uint32_t>().words;
            if (auto ok = fill(narrow_words_, std::span{words, pairs}, stream); !ok) return ok;
            if (auto ok = reserve(narrow_scratch_, scratch, stream); !ok) return ok;
        } else {
            const std::uint64_t* words = problem_->table<std::uint64_t>().words;
            if (auto ok = fill(wide_words_, std::span{words, pairs}, stream); !ok) return ok;
            if (auto ok = reserve(wide_scratch_, scratch, stream); !ok) return ok;
        }
        if (auto ok = fill(lists_, genes.view(), stream); !ok) return ok;
        if (auto ok = reserve(members_, members, stream); !ok) return ok;
        if (auto ok = reserve(children_, members, stream); !ok) return ok;
        if (auto ok = reserve(values_, rules_.population, stream); !ok) return ok;
        if (auto ok = reserve(child_values_, rules_.population, stream); !ok) return ok;
        if (auto ok = reserve(summary_, 1, stream); !ok) return ok;
        std::size_t bytes = 0;
        if (auto ok = reduce(nullptr, bytes, stream); !ok) return ok;
        if (auto ok = reserve(reduction_, bytes, stream); !ok) return ok;
        if (auto ok = children_.upload(given.view(), stream); !ok) return ok;
        if (auto ok = allow_shared(device->shared_per_block); !ok) return ok;
        if (auto ok = make(start.empty() ? 0 : 1, stream); !ok) return ok;
        return wait_for(stream);
    }

    template <class Word>
    [[nodiscard]] auto kernel() const noexcept {
        return shape_.loads_shared ? detail::evolution::make_generation<Word, true>
                                   : detail::evolution::make_generation<Word, false>;
    }
    /// Opts in to more than 48 KiB of shared memory: to all of it, because the setting is the kernel's and other runs
    /// share it.
    [[nodiscard]] result<void> allow_shared(std::size_t most) const {
        const auto bytes = static_cast<int>(most);
        constexpr auto what = cudaFuncAttributeMaxDynamicSharedMemorySize;
        return check(problem_->word_bits() == 32 ? cudaFuncSetAttribute(kernel<std::uint32_t>(), what, bytes)
                                                 : cudaFuncSetAttribute(kernel<std::uint64_t>(), what, bytes),
                     {"genetic, ", most, " bytes of shared memory"});
    }
    [[nodiscard]] result<void> make(std::uint32_t given, cudaStream_t stream) {
        if (problem_->tasks() == 0) return {};
        auto queued = problem_->word_bits() == 32 ? make<std::uint32_t>(narrow_words_, narrow_scratch_, given, stream)
                                                  : make<std::uint64_t>(wide_words_, wide_scratch_, given, stream);
        if (!queued) return queued;
        std::swap(members_, children_);
        std::swap(values_, child_values_);
        return queued;
    }
    template <class Word>
    [[nodiscard]] result<void> make(const device_buffer<Word>& words, device_buffer<Word>& scratch, std::uint32_t given,
                                    cudaStream_t stream) {
        detail::packed_table<Word> table = problem_->table<Word>();
        table.words = words.data();
        table.capacities = capacities_.data();
        const detail::evolution::generation_pass<Word> pass{.rules = rules_,
                                                            .problem = {table, lists_.data(), width_},
                                                            .generation = generation_,
                                                            .given = given,
                                                            .parents = members_.data(),
                                                            .parent_values = values_.data(),
                                                            .children = children_.data(),
                                                            .child_values = child_values_.data()};
        kernel<Word>()<<<shape_.blocks, shape_.threads(), shape_.shared, stream>>>(pass, shape_.lanes, shape_.slices,
                                                                                   scratch.data());
        return check_launch("genetic, a generation");
    }
    [[nodiscard]] result<void> reduce(void* memory, std::size_t& bytes, cudaStream_t stream) {
        return check(cub::DeviceReduce::TransformReduce(memory, bytes, thrust::counting_iterator<std::uint32_t>{0},
                                                        summary_.data(), static_cast<std::int64_t>(rules_.population),
                                                        detail::evolution::merge_summaries{},
                                                        detail::evolution::summarise_member{values_.data()},
                                                        detail::evolution::population_summary{}, stream),
                     {"genetic, a report"});
    }
    [[nodiscard]] result<detail::evolution::population_summary> summarise(cudaStream_t stream) {
        std::size_t bytes = reduction_.size();
        if (auto queued = reduce(reduction_.data(), bytes, stream); !queued) return queued.error();
        detail::evolution::population_summary all;
        if (auto copied = summary_.download({&all, 1}, stream); !copied) return copied.error();
        if (auto done = wait_for(stream); !done) return done.error();
        return all;
    }

    const packed_problem* problem_;
    philox_genetic description_;
    detail::evolution::generation_rules rules_;
    std::size_t generations_at_once_;
    std::size_t chunks_;
    std::uint32_t width_;
    std::uint32_t generation_ = 0;
    detail::evolution::generation_shape shape_{};
    detail::flat<detail::evolution::gene_chunk> row_;
    device_buffer<std::uint32_t> narrow_words_;
    device_buffer<std::uint64_t> wide_words_;
    device_buffer<amount> capacities_;
    device_buffer<std::uint16_t> lists_;
    device_buffer<detail::evolution::gene_chunk> members_;
    device_buffer<detail::evolution::gene_chunk> children_;
    device_buffer<detail::evolution::member_value> values_;
    device_buffer<detail::evolution::member_value> child_values_;
    device_buffer<std::uint32_t> narrow_scratch_;
    device_buffer<std::uint64_t> wide_scratch_;
    device_buffer<unsigned char> reduction_;
    device_buffer<detail::evolution::population_summary> summary_;
};

/// Runs `philox_genetic` on a device. A description; same seed and budget, same plan as on the host.
///
/// ```
/// const auto plan = cuda::genetic{{.seed = 1}}.run(problem, {}, stream, {.max_evaluations = 100'000'000});
/// if (!plan) report(plan.error().message);   // no device or too little memory there
/// ```
struct genetic {
    philox_genetic description{};  ///< the algorithm
    /// Generations between two polls of the control and reports to the observer, 1 or more; each waits for the device.
    std::size_t generations_at_once = 16;

    /// Makes the state of a run and its first generation. The problem outlives it. Fails if `philox_genetic::validate`
    /// does, without a device, and if the device has too little memory for two populations of 2 bytes for every gene,
    /// the table and the lists.
    [[nodiscard]] result<genetic_run> prepare(const packed_problem& p, const candidate_lists& lists, warm_start start,
                                              cudaStream_t stream) const {
        if (auto ok = description.validate(p, start); !ok) return ok.error();
        if (generations_at_once == 0) {
            return error{error_code::invalid_value, "cuda::genetic.generations_at_once is 0, expected 1 or more"};
        }
        genetic_run run{description, generations_at_once, p, static_cast<std::uint32_t>(lists.width())};
        if (auto ok = run.prepare(lists, start, stream); !ok) return ok.error();
        return result<genetic_run>{std::move(run)};
    }
    /// Makes generations until the control ends the run. Fails as `prepare`, and if the device fails.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] result<assignment_plan> run(const packed_problem& p, const candidate_lists& lists, warm_start start,
                                              cudaStream_t stream, run_control<Stop, Observer> control = {}) const {
        auto state = prepare(p, lists, start, stream);
        if (!state) return state.error();
        return state->run(stream, control);
    }
    /// The same for a priced problem, with its candidate lists. Fails if it cannot be packed, too.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] result<assignment_plan> run(const priced_problem& p, warm_start start, cudaStream_t stream,
                                              run_control<Stop, Observer> control = {}) const {
        const auto packed = pack_assignments(p.tables());
        if (!packed) return packed.error();
        auto plan = run(*packed, p.candidates(), start, stream, control);
        if (!plan) return plan;
        return detail::evolution::plan_of(p, start, std::move(*plan));
    }
};

}  // namespace cuda

}  // namespace berth::inline v0
