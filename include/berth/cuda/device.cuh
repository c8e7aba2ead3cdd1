// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/cuda/error.cuh"

#include <cuda_runtime.h>

#include <cstddef>
#include <string>

namespace berth::inline v0::cuda {

/// True if this process can use a device. Without a driver, without a device and with a driver that is too old it is
/// false.
[[nodiscard]] inline bool device_available() noexcept {
    int count = 0;
    const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
    if (!found) (void)cudaGetLastError();
    return found;
}

/// The properties of a device that layouts and reports depend on. A plain value: tests make their own.
struct device_description {
    std::string name;                                                 ///< as the driver reports it
    int compute_capability = 0;                                       ///< 90 for sm_90
    std::size_t multiprocessors = 1;                                  ///< 1 or more
    std::size_t shared_per_multiprocessor = std::size_t{100} << 10U;  ///< bytes
    std::size_t shared_per_block = std::size_t{99} << 10U;            ///< bytes, for kernels that opt in
    std::size_t second_level_cache = std::size_t{40} << 20U;          ///< bytes
    std::size_t memory = 0;                                           ///< bytes
    double clock = 0.0;             ///< highest of multiprocessors, in Hz; 0 if the driver does not report it
    double memory_bandwidth = 0.0;  ///< clock times width of the bus, in bytes per second; 0 if not reported
};

/// Describes the current device of this thread. Fails without a device.
[[nodiscard]] inline result<device_description> describe_device() {
    int device = 0;
    if (const auto status = cudaGetDevice(&device); status != cudaSuccess) return failure(status, {"describe_device"});
    cudaDeviceProp all{};
    if (const auto status = cudaGetDeviceProperties(&all, device); status != cudaSuccess) {
        return failure(status, {"describe_device"});
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
    // Two transfers per clock.
    d.memory_bandwidth = 2000.0 * ask(cudaDevAttrMemoryClockRate) * ask(cudaDevAttrGlobalMemoryBusWidth) / 8.0;
    return d;
}

}  // namespace berth::inline v0::cuda
