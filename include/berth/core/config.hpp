// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Every macro of the library. All of them may be defined before the first include of a berth header.
///
/// - `BERTH_ASSERT(condition, sentence)`: programmer errors (an index out of range, a rollback without a checkpoint).
///   Defaults to `assert`; define it to route violations elsewhere, or to `((void)0)` to remove the checks.
/// - `BERTH_HD`: `__host__ __device__` under a CUDA compiler, nothing elsewhere.

#ifndef BERTH_ASSERT
#include <cassert>
#define BERTH_ASSERT(condition, sentence) assert((condition) && (sentence))
#endif

#ifdef __CUDACC__
#define BERTH_HD __host__ __device__
#else
#define BERTH_HD
#endif
