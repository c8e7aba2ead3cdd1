// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// Reads the boards of a profile table: CSV with the columns `gpu`, `profile`, `compute_slices`, `memory_slices`, `starts`
/// (numbers between blanks), `max_instances` and, where there is, `memory_mib`; may be compressed with xz. A board has as
/// many compute slices as its largest profile, and as many memory slices. Errors name file, line and field.
[[nodiscard]] berth::result<std::vector<berth::mig_board>> read_mig_boards(const std::string& path);
/// The same for text in memory.
[[nodiscard]] berth::result<std::vector<berth::mig_board>> parse_mig_boards(const std::string& file,
                                                                            std::string_view text);

}  // namespace bench
