// SPDX-License-Identifier: Apache-2.0
#include "berth/core/text_words.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

using namespace berth::detail;

TEST_CASE("hexadecimal digits are read as they were written") {
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{10}, std::uint64_t{0x1f}, ~std::uint64_t{0}}) {
        for (const std::size_t digits : {std::size_t{1}, std::size_t{2}, std::size_t{16}}) {
            std::string text;
            append_hex(text, value, digits);
            CHECK(text.size() >= digits);
            CHECK(from_hex(text) == value);
        }
    }
    for (const char* word : {"", "A", "g", "0x1", " 1", "12345678901234567"}) CHECK(from_hex(word) == std::nullopt);
}

TEST_CASE("a whole number has digits alone and stays within its bound") {
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    CHECK(to_number("18446744073709551615", all) == all);
    CHECK(to_number("18446744073709551616", all) == std::nullopt);
    CHECK(to_number("100000000000000000000", all) == std::nullopt);
    CHECK(to_number("7", 7) == 7);
    CHECK(to_number("8", 7) == std::nullopt);
    CHECK(to_number("10", 9) == std::nullopt);
    CHECK(to_number("0", 0) == 0);
    for (const char* word : {"", "-1", "+1", "1 ", "1e3", "x"}) CHECK(to_number(word, all) == std::nullopt);
}

TEST_CASE("any name survives its quotes") {
    std::string every;
    for (int byte = 0; byte < 256; ++byte) every.push_back(static_cast<char>(byte));
    for (const std::string& name : {std::string{}, std::string{"a \"b\" \\"}, every}) {
        std::string text;
        append_quoted_name(text, name);
        CHECK(text.find('\n') == std::string::npos);
        const auto read = read_quoted_name(text + " more");
        REQUIRE(read);
        CHECK(read->name == name);
        CHECK(read->length == text.size());
    }
    for (const char* text : {"", "a", "\"", "\"a", "\"\\", "\"\\q\"", "\"\\x1\"", "\"\\xg0\"", "\"\\x00"}) {
        CAPTURE(std::string{text});
        CHECK_FALSE(read_quoted_name(text));
    }
}

TEST_CASE("a refused word is named with its line and field, and shortened") {
    CHECK(without_cr("a\r") == "a");
    CHECK(without_cr("a") == "a");
    CHECK(refuse_word(3, "gpus", std::string(100, 'x'), {"at most ", 8}).message ==
          "line 3: gpus is \"" + std::string(40, 'x') + "\", expected at most 8");
}
