// SPDX-License-Identifier: Apache-2.0
#pragma once

// Status codes of CUDA calls as `result`. Host code for any C++20 compiler with `cuda_runtime.h`.

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cuda_runtime.h>

namespace berth::inline v0::cuda {

/// The error of a failed call: its place, CUDA's name of the error and its description, for example `device_buffer,
/// 4294967296 bytes: cudaErrorMemoryAllocation (out of memory)`. The code is `limit_exceeded` if the device has too
/// little memory, after which everything else stays usable, and `device` for the rest. Clears CUDA's last error.
[[nodiscard]] inline error failure(cudaError_t status, detail::phrases place) {
    (void)cudaGetLastError();
    return detail::refuse(
        status == cudaErrorMemoryAllocation ? error_code::limit_exceeded : error_code::device,
        {detail::sentence(place), ": ", cudaGetErrorName(status), " (", cudaGetErrorString(status), ")"});
}

/// Success, or the error of the call that returned `status`.
[[nodiscard]] inline result<void> check(cudaError_t status, detail::phrases place) {
    if (status != cudaSuccess) return failure(status, place);
    return {};
}

/// Checks the launch of a kernel, right after it. Errors while the kernel runs are returned by `wait_for` on its
/// stream.
[[nodiscard]] inline result<void> check_launch(const char* kernel) { return check(cudaGetLastError(), {kernel}); }

/// Waits until all work of a stream is done; returns the errors of that work.
[[nodiscard]] inline result<void> wait_for(cudaStream_t stream) {
    return check(cudaStreamSynchronize(stream), {"waiting for a stream"});
}

}  // namespace berth::inline v0::cuda
