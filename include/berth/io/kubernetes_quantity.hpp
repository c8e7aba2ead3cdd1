// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace berth::inline v0::io {

/// What a whole number of units is, as a power of two and a power of five of the unit of a quantity.
enum class quantity_unit : std::uint8_t {
    plain,        ///< the quantity itself: bytes, pieces
    thousandths,  ///< thousandths: of a core, of a GPU
    mebibytes,    ///< MiB of a quantity in bytes
};

/// What becomes of a part of a unit.
enum class quantity_rounding : std::uint8_t {
    up,    ///< for demands, as Kubernetes does
    down,  ///< for capacities
};

namespace detail {

/// A number times powers of two and five, that grows by multiplication as far as 64 bits go.
struct scaled_number {
    std::uint64_t value = 0;
    bool fits = true;

    void multiply(std::uint64_t factor, int times) noexcept {
        for (; times > 0 && fits && value != 0; --times) {
            fits = value <= std::numeric_limits<std::uint64_t>::max() / factor;
            value *= factor;
        }
    }
    /// True if the division left a remainder.
    [[nodiscard]] bool divide(std::uint64_t factor, int times) noexcept {
        bool remainder = false;
        for (; times > 0 && value != 0; --times) {
            remainder = remainder || value % factor != 0;
            value /= factor;
        }
        return remainder;
    }
};

/// What stands behind the digits of a quantity: 2^two * 5^five. False if it is none of the suffixes.
[[nodiscard]] inline bool quantity_suffix(std::string_view text, int& two, int& five) noexcept {
    constexpr std::string_view binary = "KMGTPE";
    constexpr std::string_view decimal = "num kMGTPE";  // 10^-9, 10^-6, ...
    if (text.empty()) return true;
    if (text.size() == 2 && text[1] == 'i') {
        const std::size_t at = binary.find(text[0]);
        if (at == std::string_view::npos) return false;
        two = 10 * (static_cast<int>(at) + 1);
        return true;
    }
    if (text.size() == 1 && text[0] != ' ') {
        const std::size_t at = decimal.find(text[0]);
        if (at == std::string_view::npos) return false;
        two = five = 3 * (static_cast<int>(at) - 3);
        return true;
    }
    if (text[0] != 'e' && text[0] != 'E') return false;
    text.remove_prefix(1);
    const bool negative = text[0] == '-';
    if (negative || text[0] == '+') text.remove_prefix(1);
    if (text.empty() || text.size() > 3) return false;
    int exponent = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        exponent = 10 * exponent + (c - '0');
    }
    two = five = negative ? -exponent : exponent;
    return true;
}

}  // namespace detail

/// Reads a quantity as Kubernetes writes it ("500m", "16Gi", "1.5", "2e3", "128974848") as a whole number of units.
/// Refused: what is none, below 0, above `max_amount`, of more than 18 digits that count, and a part of a unit if the
/// unit is `plain`, as Kubernetes refuses it of extended resources. O(text); throws nothing.
[[nodiscard]] inline result<amount> read_quantity(std::string_view text, quantity_unit unit,
                                                  quantity_rounding rounding) {
    const auto refused = [&](error_code code, const char* why) {
        return berth::detail::refuse(code, {berth::detail::phrase::quoted(text.substr(0, 40)), why});
    };
    constexpr const char* none = R"( is no quantity such as "500m" or "16Gi")";
    std::size_t i = 0;
    const bool negative = !text.empty() && text[0] == '-';
    if (negative || (!text.empty() && text[0] == '+')) i = 1;
    detail::scaled_number number;
    int five = 0;  // power of ten of the last digit
    std::size_t digits = 0;
    std::size_t zeros = 0;  // digits that are only zeros so far, which may be trailing
    bool point = false;
    for (; i < text.size() && ((text[i] >= '0' && text[i] <= '9') || (text[i] == '.' && !point)); ++i) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        ++digits;
        if (point) --five;
        if (text[i] == '0') {
            if (number.value != 0) ++zeros;
            continue;
        }
        number.multiply(10, static_cast<int>(zeros < 20 ? zeros + 1 : 20));
        zeros = 0;
        number.value += static_cast<std::uint64_t>(text[i] - '0');
        number.fits = number.fits && number.value < 1'000'000'000'000'000'000U;
        if (!number.fits) return refused(error_code::overflow, " has more than 18 digits that count");
    }
    if (digits == 0) return refused(error_code::malformed, none);
    if (zeros > 400 || five < -400) return refused(error_code::overflow, " has too many digits");
    five += static_cast<int>(zeros);
    int suffix_two = 0;
    int suffix_five = 0;
    if (!detail::quantity_suffix(text.substr(i), suffix_two, suffix_five)) return refused(error_code::malformed, none);
    if (negative && number.value != 0) return refused(error_code::invalid_value, " is below 0");
    int two = five + suffix_two;
    five += suffix_five;
    if (unit == quantity_unit::thousandths) two += 3, five += 3;
    if (unit == quantity_unit::mebibytes) two -= 20;
    number.multiply(2, two);
    number.multiply(5, five);
    if (!number.fits) return refused(error_code::overflow, " is too large");
    const bool over_two = number.divide(2, -two);
    const bool remainder = number.divide(5, -five) || over_two;
    if (remainder && unit == quantity_unit::plain) return refused(error_code::invalid_value, " is not a whole number");
    if (remainder && rounding == quantity_rounding::up) ++number.value;
    if (number.value > static_cast<std::uint64_t>(max_amount)) return refused(error_code::overflow, " is too large");
    return static_cast<amount>(number.value);
}

}  // namespace berth::inline v0::io
