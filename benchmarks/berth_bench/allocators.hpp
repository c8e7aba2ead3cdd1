// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/named_allocator.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// All allocators for assignment problems of `assign` and `compare`, in the order of display. The table is in the
/// source file; add an allocator by one row.
[[nodiscard]] const std::vector<named_allocator>& allocators();
/// The allocator that berth recommends.
[[nodiscard]] std::string_view default_allocator() noexcept;
[[nodiscard]] const named_allocator* find_allocator(std::string_view name);
[[nodiscard]] std::vector<std::string> allocator_names();

}  // namespace bench
