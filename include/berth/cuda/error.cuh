// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a call to CUDA said, as a `result`. Host code; needs `cuda_runtime.h` and any C++20 compiler.

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cuda_runtime.h>

namespace berth::inline v0::cuda {

/// The error of a call that failed: its place, the name that CUDA gives the error, and what that means, for example
/// `device_buffer, 4294967296 bytes: cudaErrorMemoryAllocation (out of memory)`. The code is `limit_exceeded` for memory that the device does not
/// have, which leaves everything else usable, and `device` for the rest. Forgets the error, so that the next call does not find it.
[[nodiscard]] inline error failure(cudaError_t said, detail::phrases place) {
    (void)cudaGetLastError();
    return detail::refuse(said == cudaErrorMemoryAllocation ? error_code::limit_exceeded : error_code::device,
                          {detail::sentence(place), ": ", cudaGetErrorName(said), " (", cudaGetErrorString(said), ")"});
}

/// Success, or the error of the call that said this.
[[nodiscard]] inline result<void> check(cudaError_t said, detail::phrases place) {
    if (said != cudaSuccess) return failure(said, place);
    return {};
}

/// The same for the launch of a kernel, right after it. What goes wrong while the kernel runs is found by whoever waits for the stream.
[[nodiscard]] inline result<void> check_launch(const char* kernel) { return check(cudaGetLastError(), {kernel}); }

/// Waits until all work of a stream is done.
[[nodiscard]] inline result<void> wait_for(cudaStream_t stream) {
    return check(cudaStreamSynchronize(stream), {"waiting for a stream"});
}

}  // namespace berth::inline v0::cuda
