// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <string>
#include <string_view>

namespace bench {

/// Refuses an output that cannot be written, before the work begins. An empty path means no output and is valid.
[[nodiscard]] berth::result<void> check_output(const std::string& path);

/// Writes a file, replacing an existing one.
[[nodiscard]] berth::result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace bench
