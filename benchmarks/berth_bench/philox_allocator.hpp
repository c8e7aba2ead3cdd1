// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "support/named_allocator.hpp"

#include <stdexcept>
#include <string_view>

namespace bench {

inline constexpr std::string_view philox_name = "philox_genetic";

/// `philox_genetic` on the host.
[[nodiscard]] named_allocator philox_allocator();

/// `philox_genetic` on a CUDA device. Fails in a program built without CUDA, and without a device. Its runs throw
/// `device_error`.
[[nodiscard]] berth::result<named_allocator> philox_allocator_on_cuda();

/// A device failed during a run.
struct device_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace bench
