// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/detail/scheduler_archive.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

using berth::detail::archive_reader;
using berth::detail::archive_writer;

/// What a line that holds this word is refused with; nothing if it is read.
std::string refused_number(std::string_view word, std::uint64_t most) {
    const std::string text = "one " + std::string{word};
    archive_reader a{text};
    a.line("one");
    (void)a.number("field", 0, most);
    return a.ok() ? std::string{} : a.failure().message;
}
std::string refused_mask(std::string_view word) {
    const std::string text = "one " + std::string{word};
    archive_reader a{text};
    a.line("one");
    (void)a.mask("field", 0);
    return a.ok() ? std::string{} : a.failure().message;
}
std::string refused_string(std::string_view word) {
    const std::string text = "one " + std::string{word};
    archive_reader a{text};
    a.line("one");
    std::string value;
    a.string("field", value);
    return a.ok() ? std::string{} : a.failure().message;
}

constexpr const char* out_of_range = "scheduler text, line 1: field, expected a number of its range";
constexpr const char* no_text = "scheduler text, line 1: field, expected a text in quotes";

}  // namespace

TEST_CASE("a number above its bound is refused, also where one digit alone is above it") {
    // The bound less the digit is below zero there.
    CHECK(refused_number("5", 1) == out_of_range);
    CHECK(refused_number("2", 1) == out_of_range);
    CHECK(refused_number("9", 0) == out_of_range);
    CHECK(refused_number("15", 3) == out_of_range);
    CHECK(refused_number("19", 18) == out_of_range);
    CHECK(refused_number("256", 255) == out_of_range);
    CHECK(refused_number("1", 1).empty());
    CHECK(refused_number("0", 0).empty());
    CHECK(refused_number("255", 255).empty());
}

TEST_CASE("a number that does not fit into 64 bits is refused") {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    CHECK(refused_number("18446744073709551615", most).empty());
    CHECK(refused_number("18446744073709551616", most) == out_of_range);
    CHECK(refused_number("99999999999999999999", most) == out_of_range);
    CHECK(refused_number("184467440737095516150", most) == out_of_range);
    CHECK(refused_mask("ffffffffffffffff").empty());
    CHECK(refused_mask("10000000000000000") == out_of_range);
}

TEST_CASE("words that are no numbers are refused") {
    CHECK(refused_number("", 9) == "scheduler text, line 1: field, expected a number");
    CHECK(refused_mask("") == "scheduler text, line 1: field, expected a number");
    for (const char* word : {"-1", "+1", "1.0", "a", "0x1", "1\t"}) {
        CAPTURE(word);
        CHECK(refused_number(word, 99) == out_of_range);
    }
    for (const char* word : {"-1", "A", "g", "0x1"}) {
        CAPTURE(word);
        CHECK(refused_mask(word) == out_of_range);
    }
}

TEST_CASE("texts in quotes come back byte by byte, and broken ones are refused") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    for (std::string value : {all, std::string{}, std::string{"\\\""}}) {
        archive_writer w;
        w.line("one");
        w.string("field", value);
        w.bits(0xf0f0);
        w.line("two");
        CHECK(w.text.find('\n') == w.text.size() - 4);
        archive_reader r{w.text};
        r.line("one");
        std::string read;
        r.string("field", read);
        CHECK(r.mask("bits", 0) == 0xf0f0);
        r.line("two");
        CHECK(r.ok());
        CHECK(read == value);
    }
    for (const char* word : {"", "a", "\"", "\"a", "a\"", "\"\\\"", "\"\\2\"", "\"\\2G\"", "\"\\2A\"", "\"a\\\""}) {
        CAPTURE(word);
        CHECK(refused_string(word) == no_text);
    }
}

TEST_CASE("lines may end with CR and LF, and what is left of a line is refused") {
    archive_reader r{"one 1\r\ntwo 2\r\n"};
    r.line("one");
    CHECK(r.number("a", 0, 9) == 1);
    r.line("two");
    CHECK(r.number("b", 0, 9) == 2);
    CHECK(r.ok());
    archive_reader left{"one 1 2\ntwo 2\n"};
    left.line("one");
    CHECK(left.number("a", 0, 9) == 1);
    left.line("two");
    REQUIRE_FALSE(left.ok());
    CHECK(left.failure().message == "scheduler text, line 1: end of line, expected something is left");
}
