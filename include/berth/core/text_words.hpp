// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Words of the texts that berth saves and loads: numbers, hexadecimal digits, quoted names, and what a refused word is
// answered with.

namespace berth::inline v0::detail {

inline void append_hex(std::string& text, std::uint64_t value, std::size_t least_digits = 1) {
    std::size_t digits = 16;
    while (digits > least_digits && value >> (4 * (digits - 1)) == 0) --digits;
    for (std::size_t i = digits; i-- > 0;) text.push_back("0123456789abcdef"[value >> (4 * i) & 15U]);
}

/// One to sixteen digits; capitals are not.
[[nodiscard]] inline std::optional<std::uint64_t> from_hex(std::string_view digits) noexcept {
    if (digits.empty() || digits.size() > 16) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        const bool decimal = c >= '0' && c <= '9';
        if (!decimal && (c < 'a' || c > 'f')) return std::nullopt;
        value = value << 4U | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
    }
    return value;
}

/// A whole number of decimal digits alone, at most `max`.
[[nodiscard]] inline std::optional<std::uint64_t> to_number(std::string_view digits, std::uint64_t max) noexcept {
    if (digits.empty() || digits.size() > 20) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        const std::uint64_t digit = static_cast<std::uint64_t>(static_cast<unsigned char>(c)) - '0';
        if (digit > 9 || digit > max || value > (max - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

/// A name in quotes; quotes and backslashes after a backslash, control characters as `\x` and two hexadecimal digits.
inline void append_quoted_name(std::string& text, std::string_view name) {
    text.push_back('"');
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            text.append("\\x");
            append_hex(text, byte, 2);
            continue;
        }
        if (c == '"' || c == '\\') text.push_back('\\');
        text.push_back(c);
    }
    text.push_back('"');
}

/// A name that `append_quoted_name` wrote, at the beginning of the text, and how many bytes it takes there.
struct quoted_name {
    std::string name;
    std::size_t length = 0;
};

/// Reads one; nothing if the text does not begin with one.
[[nodiscard]] inline std::optional<quoted_name> read_quoted_name(std::string_view text) {
    if (text.empty() || text.front() != '"') return std::nullopt;
    quoted_name read;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            read.length = i + 1;
            return read;
        }
        if (text[i] != '\\') {
            read.name.push_back(text[i]);
        } else if (i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            read.name.push_back(text[++i]);
        } else {
            const auto byte =
                i + 3 < text.size() && text[i + 1] == 'x' ? from_hex(text.substr(i + 2, 2)) : std::nullopt;
            if (!byte) return std::nullopt;
            read.name.push_back(static_cast<char>(*byte));
            i += 3;
        }
    }
    return std::nullopt;
}

/// A line without the CR of a CRLF.
[[nodiscard]] inline std::string_view without_cr(std::string_view line) noexcept {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

/// `line 3: gpus is "x", expected a whole number`.
[[nodiscard]] inline error refuse_word(std::size_t line, const char* field, std::string_view found, phrases expected) {
    const std::string what = sentence(expected);
    return refuse(error_code::malformed,
                  {"line ", line, ": ", field, " is ", phrase::quoted(found.substr(0, 40)), ", expected ", what});
}

}  // namespace berth::inline v0::detail
