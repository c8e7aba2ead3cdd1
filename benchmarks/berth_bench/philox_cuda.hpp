// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/philox_genetic.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include "support/cpu_deadline.hpp"
#include "support/trajectory.hpp"

namespace bench {

// Compiled by nvcc, in programs built with CUDA.

/// Fails without a device.
[[nodiscard]] berth::result<void> cuda_ready();

/// A run on the current device.
[[nodiscard]] berth::result<berth::assignment_plan>
run_on_cuda(const berth::philox_genetic& description, const berth::priced_problem& p,
            const berth::run_control<search_stop, search_observer>& control);

}  // namespace bench
