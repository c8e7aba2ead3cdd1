// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/arguments.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace bench {

namespace {

template <class Number>
bool read(const std::string& text, Number& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string check_digits(const std::string& text) {
    std::uint64_t value = 0;
    return read(text, value) ? std::string{} : "\"" + text + "\" is not a whole number from 0 on";
}

std::string check_count(const std::string& text) {
    std::uint64_t value = 0;
    return read(text, value) && value > 0 ? std::string{} : "\"" + text + "\" is not a whole number from 1 on";
}

std::string check_seconds(const std::string& text) {
    double value = 0.0;
    const bool good = read(text, value) && value > 0.0 && value <= 1e6;
    return good ? std::string{} : "\"" + text + "\" is not a number of seconds above 0 and up to 1e6";
}

bool matches_pattern(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace bench
