// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace berth::inline v0::io::detail {

/// Appends a double so that reading it gives the same one: the shortest such text. What is not finite becomes null.
inline void append_number(std::string& to, double number) {
    char digits[32];
    if (!std::isfinite(number)) {
        to += "null";
        return;
    }
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    to.append(digits, static_cast<std::size_t>(end - digits));
    if (number == 0.0 && std::signbit(number)) to += ".0";  // -0 would be read as a whole number, which has no sign
}

/// The number of bytes of the UTF-8 sequence that a text begins with; 0 if it begins with none.
[[nodiscard]] inline std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) return 0;
    }
    // Longer than needed, a half of a surrogate pair, above the last character.
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second >= 0xa0) return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second >= 0x90) return 0;
    return length;
}

/// Appends a text in quotes. Bytes that are not UTF-8 become U+FFFD, one each.
inline void append_text(std::string& to, std::string_view text) {
    constexpr const char* hex = "0123456789abcdef";
    to += '"';
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text[0]);
        std::size_t length = utf8_length(text);
        if (byte == '"' || byte == '\\') {
            to += '\\';
            to += text[0];
        } else if (byte < 0x20 || byte == 0x7f) {
            to += "\\u00";
            to += hex[byte >> 4U];
            to += hex[byte & 15U];
        } else if (length == 0) {
            to += "\\ufffd";
            length = 1;
        } else {
            to += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    to += '"';
}

/// Writes one line of JSON piece by piece and sets the commas.
class json_writer {
public:
    explicit json_writer(std::string& to) noexcept : to_{to} {}

    void open(char bracket) {
        separate();
        to_ += bracket;
        first_ = true;
    }
    void close(char bracket) {
        to_ += bracket;
        first_ = false;
    }
    void key(std::string_view name) {
        value(name);
        to_ += ": ";
        first_ = true;
    }
    void value(std::string_view text) {
        separate();
        append_text(to_, text);
    }
    void value(const std::string& text) { value(std::string_view{text}); }
    void value(const char* text) { value(std::string_view{text}); }
    void value(double number) {
        separate();
        append_number(to_, number);
    }
    template <std::integral Number>
    void value(Number number) {
        separate();
        if constexpr (std::same_as<Number, bool>) {
            to_ += number ? "true" : "false";
        } else {
            to_ += std::to_string(number);
        }
    }
    void null() {
        separate();
        to_ += "null";
    }
    template <class Value>
    void pair(std::string_view name, const Value& v) {
        key(name);
        value(v);
    }

private:
    void separate() {
        if (!first_) to_ += ", ";
        first_ = false;
    }

    std::string& to_;
    bool first_ = true;
};

}  // namespace berth::inline v0::io::detail
