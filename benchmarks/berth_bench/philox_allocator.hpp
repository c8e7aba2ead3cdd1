// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "support/named_allocator.hpp"

#include <stdexcept>
#include <string_view>

namespace bench {

inline constexpr std::string_view philox_name = "philox_genetic";

/// The genetic algorithm for devices, on the host: its generations are the same on both.
[[nodiscard]] named_allocator philox_allocator();

/// The same on a CUDA device. Fails in a program that was built without CUDA, and where there is no device. Its runs
/// throw `device_error`.
[[nodiscard]] berth::result<named_allocator> philox_allocator_on_cuda();

/// An error of a device during a run.
struct device_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace bench
