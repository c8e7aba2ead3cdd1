// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/detail/evaluation_block.hpp"
#include "berth/cuda/detail/evaluation_shape.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/error.cuh"

#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace berth::inline v0::detail::evaluation {

/// The threads of a block on a device. Never called on the host, where the bodies are empty.
struct threads_at_once {
    tally mine{};

    template <class F>
    BERTH_HD void each(const F& f) {
#ifdef __CUDA_ARCH__
        f(threadIdx.x, mine);
#else
        (void)f;
#endif
    }
    BERTH_HD static void meet() noexcept {
#ifdef __CUDA_ARCH__
        __syncthreads();
#endif
    }
    template <class T>
    BERTH_HD static void add(T& to, T by) noexcept {
#ifdef __CUDA_ARCH__
        if constexpr (sizeof(T) == 4) {
            atomicAdd(reinterpret_cast<unsigned int*>(&to), static_cast<unsigned int>(by));
        } else {
            atomicAdd(reinterpret_cast<unsigned long long*>(&to), static_cast<unsigned long long>(by));
        }
#else
        (void)to, (void)by;
#endif
    }
    template <class T>
    BERTH_HD static void copy(T* to, const T* from) noexcept {
#ifdef __CUDA_ARCH__
        if constexpr (sizeof(T) >= 4) {
            __pipeline_memcpy_async(to, from, sizeof(T));
        } else {
            *to = *from;
        }
#else
        (void)to, (void)from;
#endif
    }
    BERTH_HD static void close() noexcept {
#ifdef __CUDA_ARCH__
        __pipeline_commit();
#endif
    }
    BERTH_HD static void settle(unsigned newer) noexcept {
#ifdef __CUDA_ARCH__
        if (newer == 0) {
            __pipeline_wait_prior(0);
        } else {
            __pipeline_wait_prior(1);
        }
#else
        (void)newer;
#endif
    }
};

template <class Source, gene Gene, bool Lanes, bool LoadsShared>
__global__ void __launch_bounds__(evaluation_threads)
    evaluate_blocks(const __grid_constant__ evaluation_pass<Source, Gene> pass,
                    const __grid_constant__ evaluation_shape shape) {
    extern __shared__ sixteen_bytes evaluation_memory[];
    threads_at_once team;
    evaluation_block<Source, Gene, Lanes, LoadsShared, threads_at_once>{
        pass, shape, blockIdx.x, reinterpret_cast<unsigned char*>(evaluation_memory), team}
        .run();
}

[[nodiscard]] inline device_limits limits_of(const cuda::device_description& d) noexcept {
    return {d.multiprocessors, d.shared_per_block, d.shared_per_multiprocessor, d.second_level_cache};
}

/// The launches for one source: shapes for both widths of genes, and memory for loads that are carried from launch to
/// launch.
template <class Source>
class evaluation_launches {
    using word = typename Source::word;

public:
    [[nodiscard]] result<void> prepare(const Source& source, std::size_t population, const device_limits& limits) {
        narrow_ = shape_for(sizes<std::uint16_t>(source), population, limits);
        wide_ = shape_for(sizes<std::uint32_t>(source), population, limits);
        std::size_t most = 0;
        for (const evaluation_shape& shape : {narrow_, wide_}) {
            if (shape.carries(sizes<std::uint16_t>(source)) && shape.at_once > most) most = shape.at_once;
        }
        auto loads = cuda::device_buffer<word>::allocate(most * source.gpus());
        if (!loads) return loads.error();
        auto sums = cuda::device_buffer<std::uint64_t>::allocate(2 * most);
        if (!sums) return sums.error();
        loads_ = std::move(*loads);
        sums_ = std::move(*sums);
        if (auto ok = allow_shared<std::uint16_t>(narrow_, limits); !ok) return ok;
        return allow_shared<std::uint32_t>(wide_, limits);
    }

    template <gene Gene>
    [[nodiscard]] const evaluation_shape& shape() const noexcept {
        return sizeof(Gene) == 2 ? narrow_ : wide_;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return loads_.bytes() + sums_.bytes(); }

    /// Queues the evaluation of a population. `pass` has all members set but those of tasks and carried memory.
    template <gene Gene>
    [[nodiscard]] result<void> launch(evaluation_pass<Source, Gene> pass, cudaStream_t stream) {
        const evaluation_shape& s = shape<Gene>();
        const std::size_t tasks = pass.source.tasks();
        const std::size_t gpus = pass.source.gpus();
        pass.carried_loads = loads_.data();
        pass.carried_sums = sums_.data();
        for (std::size_t left = pass.individuals; left > 0;) {
            pass.individuals = left < s.at_once ? left : s.at_once;
            const auto blocks = static_cast<unsigned>((pass.individuals + s.individuals - 1) / s.individuals);
            pass.first_task = 0;
            do {
                pass.last_task = tasks - pass.first_task < s.window ? tasks : pass.first_task + s.window;
                kernel<Gene>(s)<<<blocks, s.threads(), s.shared, stream>>>(pass, s);
                if (auto ok = cuda::check_launch("evaluation"); !ok) return ok;
                pass.first_task = pass.last_task;
            } while (pass.first_task < tasks);
            left -= pass.individuals;
            pass.genes += pass.individuals * tasks;
            if (pass.values != nullptr) pass.values += pass.individuals;
            if (pass.measures != nullptr) pass.measures += pass.individuals;
            if (pass.loads != nullptr) pass.loads += pass.individuals * gpus;
        }
        return {};
    }

private:
    template <gene Gene>
    [[nodiscard]] static problem_sizes sizes(const Source& source) noexcept {
        return {source.tasks(),     source.gpus(),        sizeof(word), sizeof(typename Source::unit),
                source.row_units(), source.fixed_units(), sizeof(Gene), Source::in_table};
    }
    template <gene Gene>
    [[nodiscard]] static auto kernel(const evaluation_shape& s) noexcept {
        if (s.layout == evaluation_layout::few_gpus) return evaluate_blocks<Source, Gene, true, true>;
        return s.loads_shared ? evaluate_blocks<Source, Gene, false, true>
                              : evaluate_blocks<Source, Gene, false, false>;
    }
    /// Opts in to more than 48 KiB of shared memory: to all of it, because the setting is the kernel's and other states
    /// share it.
    template <gene Gene>
    [[nodiscard]] static result<void> allow_shared(const evaluation_shape& s, const device_limits& limits) {
        return cuda::check(cudaFuncSetAttribute(kernel<Gene>(s), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                static_cast<int>(limits.shared_per_block)),
                           {"evaluation, ", limits.shared_per_block, " bytes of shared memory"});
    }

    evaluation_shape narrow_{};
    evaluation_shape wide_{};
    cuda::device_buffer<word> loads_;
    cuda::device_buffer<std::uint64_t> sums_;
};

/// An initial placement in the memory of the device.
class initial_buffers {
public:
    [[nodiscard]] result<void> prepare(const initial_placement& initial, cudaStream_t stream) {
        auto gpus = cuda::to_device<std::uint32_t>(initial.gpus, stream);
        if (!gpus) return gpus.error();
        auto weights = cuda::to_device<std::uint32_t>(initial.weights, stream);
        if (!weights) return weights.error();
        gpus_ = std::move(*gpus);
        weights_ = std::move(*weights);
        return {};
    }
    template <class Pass>
    void show(Pass& pass) const noexcept {
        pass.initial = gpus_.data();
        pass.weights = weights_.data();
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return gpus_.bytes() + weights_.bytes(); }
    [[nodiscard]] static result<void> check(const initial_placement& initial, std::size_t tasks) {
        if ((!initial.gpus.empty() && initial.gpus.size() != tasks) ||
            (!initial.weights.empty() && initial.weights.size() != tasks)) {
            return refuse(error_code::inconsistent, {"initial_placement: ", initial.gpus.size(), " GPUs and ",
                                                     initial.weights.size(), " weights for ", tasks, " tasks"});
        }
        return {};
    }

private:
    cuda::device_buffer<std::uint32_t> gpus_;
    cuda::device_buffer<std::uint32_t> weights_;
};

}  // namespace berth::inline v0::detail::evaluation
