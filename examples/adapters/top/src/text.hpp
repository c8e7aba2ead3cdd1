// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace top {

/// Text that can neither steer a terminal nor break a page: control characters, marks that turn the direction of
/// writing, and bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

/// Columns of a terminal that a printable text takes. Characters that the locale does not know take one.
[[nodiscard]] std::size_t columns(std::string_view text);
/// The text in exactly so many columns: padded on the right, or cut with `…` at its end.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);
/// The same with the padding on the left.
[[nodiscard]] std::string fitted_right(std::string_view text, std::size_t width);
/// Characters that are not ASCII as what comes nearest to them, for terminals that show nothing else.
[[nodiscard]] std::string in_ascii(std::string_view text);

/// The text with `&`, `<`, `>`, `"` and `'` as HTML has them; printable.
[[nodiscard]] std::string html(std::string_view text);

/// Seconds as people write them: `45 s`, `3 m 10 s`, `2 h 05 m`, `4 d 07 h`.
[[nodiscard]] std::string duration(double seconds);
/// The time of a log: the day and time of the world (UTC) if it counts from 1970, else what has passed since its 0.
[[nodiscard]] std::string moment(double seconds);
/// With thousands apart: `12,400`.
[[nodiscard]] std::string grouped(double whole);

}  // namespace top
