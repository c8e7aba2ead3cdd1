// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/named_allocator.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// All allocators for assignment problems that `assign` and `compare` know, in the order in which they are shown. The table, to
/// which an allocator is added by one row, is in the source file.
[[nodiscard]] const std::vector<named_allocator>& allocators();
/// The allocator that berth recommends.
[[nodiscard]] std::string_view default_allocator() noexcept;
[[nodiscard]] const named_allocator* find_allocator(std::string_view name);
[[nodiscard]] std::vector<std::string> allocator_names();

}  // namespace bench
