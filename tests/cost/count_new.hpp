// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// How often this binary has called operator new so far.
[[nodiscard]] std::size_t new_calls() noexcept;
