// SPDX-License-Identifier: Apache-2.0
#pragma once

// All macros of the library. They may be defined before the first berth header is included, equally in all translation
// units. Equal plans on all machines need no macro but a compiler option, see core/fp_contract.hpp.

#ifndef BERTH_ASSERT
#include <cassert>
/// Checks for programmer's errors: an index out of range, a rollback without a checkpoint. It defaults to `assert`;
/// define it to report violations elsewhere, or as `((void)0)` to remove the checks. Input from outside is checked by
/// code, in every build.
#define BERTH_ASSERT(condition, sentence) assert((condition) && (sentence))
#endif

/// `__host__ __device__` under a CUDA compiler, else empty.
#ifdef __CUDACC__
#define BERTH_HD __host__ __device__
#else
#define BERTH_HD
#endif
