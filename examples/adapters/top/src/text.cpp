// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/core.h>
#include <wchar.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <optional>

namespace top {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

struct character {
    char32_t code = 0;
    std::size_t bytes = 1;
    bool valid = false;
};

/// The first character of a text that is not empty.
character decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
    char32_t code = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return {code, length, true};
}

bool steers(char32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::size_t width_of(char32_t code) {
    const int width = wcwidth(static_cast<wchar_t>(code));
    return width < 0 ? 1 : static_cast<std::size_t>(width);
}

template <class Take>
void each_character(std::string_view text, Take take) {
    while (!text.empty()) {
        const character next = decode(text);
        if (!take(next, text.substr(0, next.bytes))) return;
        text.remove_prefix(next.bytes);
    }
}

/// As much of the text as fits, and the columns that it takes.
std::pair<std::string, std::size_t> clipped(std::string_view text, std::size_t width) {
    if (const std::size_t all = columns(text); all <= width) return {std::string{text}, all};
    std::string found;
    std::size_t taken = 0;
    if (width == 0) return {found, 0};
    each_character(text, [&](const character& next, std::string_view bytes) {
        const std::size_t more = width_of(next.code);
        if (taken + more > width - 1) return false;
        found += bytes;
        taken += more;
        return true;
    });
    return {found + "…", taken + 1};
}

}  // namespace

std::string printable(std::string_view text) {
    std::string found;
    each_character(text, [&](const character& next, std::string_view bytes) {
        found += next.valid && !steers(next.code) ? bytes : replacement;
        return true;
    });
    return found;
}

std::size_t columns(std::string_view text) {
    std::size_t found = 0;
    each_character(text, [&](const character& next, std::string_view) {
        found += width_of(next.code);
        return true;
    });
    return found;
}

std::string fitted(std::string_view text, std::size_t width) {
    auto [found, taken] = clipped(text, width);
    return found.append(width - taken, ' ');
}

std::string fitted_right(std::string_view text, std::size_t width) {
    auto [found, taken] = clipped(text, width);
    return found.insert(0, width - taken, ' ');
}

std::string in_ascii(std::string_view text) {
    std::string found;
    each_character(text, [&](const character& next, std::string_view bytes) {
        constexpr std::string_view levels = "_.:-=+*#";
        if (next.code < 0x80) {
            found += bytes;
        } else if (next.code >= 0x2581 && next.code <= 0x2588) {
            found += levels[next.code - 0x2581];
        } else {
            switch (next.code) {
                case 0xb7: found += '.'; break;     // ·
                case 0xb0: found += 'C'; break;     // °
                case 0x2026: found += '~'; break;   // …
                case 0x2192: found += "->"; break;  // →
                case 0x2500: found += '-'; break;   // ─
                case 0x2717: found += 'X'; break;   // ✗
                case 0x2298: found += '/'; break;   // ⊘
                case 0x25b2: found += '^'; break;   // ▲
                default: found += '?';
            }
        }
        return true;
    });
    return found;
}

std::string html(std::string_view text) {
    std::string found;
    for (const char c : printable(text)) {
        switch (c) {
            case '&': found += "&amp;"; break;
            case '<': found += "&lt;"; break;
            case '>': found += "&gt;"; break;
            case '"': found += "&quot;"; break;
            case '\'': found += "&#39;"; break;
            default: found += c;
        }
    }
    return found;
}

std::string duration(double seconds) {
    if (!(seconds >= 0.0)) return "?";
    if (seconds >= 1e13) return "for ever";
    if (seconds < 10.0 && seconds != std::floor(seconds)) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(seconds);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{} h {:02} m", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {:02} h", whole / 86400, whole % 86400 / 3600);
}

std::string moment(double seconds) {
    constexpr double year_2001 = 1e9;
    constexpr double year_9999 = 253402300799.0;
    if (!(seconds >= year_2001 && seconds <= year_9999)) return duration(seconds);
    const auto whole = static_cast<std::time_t>(seconds);
    std::tm parts{};
    if (gmtime_r(&whole, &parts) == nullptr) return duration(seconds);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string grouped(double whole) {
    std::string found = fmt::format("{:.0f}", whole);
    const std::size_t first = found.starts_with('-') ? 1 : 0;
    for (std::size_t at = found.size(); at > first + 3;) found.insert(at -= 3, ",");
    return found;
}

}  // namespace top
