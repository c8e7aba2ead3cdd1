// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/cuda/error.cuh"

#include <cuda_runtime.h>

#include <cstddef>
#include <string>

namespace berth::inline v0::cuda {

/// True if there is a device that this process can use. No driver, no device and a driver that is too old are all `false`, not errors.
[[nodiscard]] inline bool device_available() noexcept {
    int count = 0;
    const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
    if (!found) (void)cudaGetLastError();
    return found;
}

/// What the choice of a layout asks of a device, and what a report says about it. A plain value: tests make up their own.
struct device_description {
    std::string name;
    int compute_capability = 0;  ///< 90 for sm_90
    std::size_t multiprocessors = 1;
    std::size_t shared_per_multiprocessor = std::size_t{100} << 10U;  ///< bytes
    std::size_t shared_per_block = std::size_t{99} << 10U;            ///< bytes, for kernels that ask for it
    std::size_t second_level_cache = std::size_t{40} << 20U;          ///< bytes
    std::size_t memory = 0;                                           ///< bytes
    double clock = 0.0;             ///< of multiprocessors at most, in Hz; 0 if the driver does not say
    double memory_bandwidth = 0.0;  ///< by clock and width of the bus, bytes per second; 0 if the driver does not say
};

/// Describes the current device of this thread. Fails without a device.
[[nodiscard]] inline result<device_description> describe_device() {
    int device = 0;
    if (const auto said = cudaGetDevice(&device); said != cudaSuccess) return failure(said, {"describe_device"});
    cudaDeviceProp all{};
    if (const auto said = cudaGetDeviceProperties(&all, device); said != cudaSuccess) {
        return failure(said, {"describe_device"});
    }
    const auto ask = [device](cudaDeviceAttr what) {
        int value = 0;
        if (cudaDeviceGetAttribute(&value, what, device) != cudaSuccess) (void)cudaGetLastError();
        return static_cast<double>(value);
    };
    device_description d;
    d.name = all.name;
    d.compute_capability = all.major * 10 + all.minor;
    d.multiprocessors = static_cast<std::size_t>(all.multiProcessorCount);
    d.shared_per_multiprocessor = all.sharedMemPerMultiprocessor;
    d.shared_per_block = all.sharedMemPerBlockOptin;
    d.second_level_cache = static_cast<std::size_t>(all.l2CacheSize);
    d.memory = all.totalGlobalMem;
    d.clock = 1000.0 * ask(cudaDevAttrClockRate);
    // Two transfers a clock.
    d.memory_bandwidth = 2000.0 * ask(cudaDevAttrMemoryClockRate) * ask(cudaDevAttrGlobalMemoryBusWidth) / 8.0;
    return d;
}

}  // namespace berth::inline v0::cuda
