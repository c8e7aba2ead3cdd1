// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace bench {

// Checks of command-line arguments: an empty text if the argument is valid, else the error. The command-line library
// itself accepts -1 as a large unsigned number and NaN as a number within every range.

/// A whole number from 0 on that fits into 64 bits.
[[nodiscard]] std::string check_digits(const std::string& text);
/// A whole number from 1 on that fits into 64 bits.
[[nodiscard]] std::string check_count(const std::string& text);
/// A finite number of seconds above 0.
[[nodiscard]] std::string check_seconds(const std::string& text);

/// Whether a text matches a pattern: `*` stands for any text, `?` for any character.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

}  // namespace bench
