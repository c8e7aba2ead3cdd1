// SPDX-License-Identifier: Apache-2.0
#include "support/number_stream.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using bench::number_stream;

namespace {

/// A text in blocks of `size` bytes, so that words lie across their borders.
bench::block_source pieces(std::string_view text, std::size_t size) {
    return [text, size]() mutable -> berth::result<std::string_view> {
        const std::string_view head = text.substr(0, size);
        text.remove_prefix(head.size());
        return head;
    };
}

}  // namespace

TEST_CASE("numbers are read across the borders of blocks") {
    for (std::size_t size = 1; size < 12; ++size) {
        number_stream in{"x", pieces("  12 345\r\n\n 6789\t0\v18446744073709551615\f", size)};
        std::vector<std::uint64_t> seen;
        for (int i = 0; i < 5; ++i) seen.push_back(in.next(~std::uint64_t{0}, [] { return "a number"; }));
        CHECK(seen == std::vector<std::uint64_t>{12, 345, 6789, 0, 18446744073709551615U});
        in.finish("the end");
        CHECK(in.good());
    }
}

TEST_CASE("the first complaint stays") {
    number_stream in{"x", bench::text_blocks("1 2\nthree 4")};
    CHECK(in.next(9, [] { return "first"; }) == 1);
    CHECK(in.next(9, [] { return "second"; }) == 2);
    CHECK(in.next(9, [] { return "third"; }) == 0);
    CHECK(in.next(9, [] { return "fourth"; }) == 0);
    in.finish("the end");
    REQUIRE_FALSE(in.good());
    CHECK(in.failure().message == "x:2: field \"third\": \"three\" is not a whole number");
}

TEST_CASE("the failure of a source comes through") {
    number_stream in{"x", [n = 0]() mutable -> berth::result<std::string_view> {
                         if (n++ == 0) return std::string_view{"1 2"};
                         return berth::error{berth::error_code::io, "x: gone"};
                     }};
    CHECK(in.next(9, [] { return "first"; }) == 1);
    static_cast<void>(in.next(9, [] { return "second"; }));
    REQUIRE_FALSE(in.good());
    CHECK(in.failure().message == "x: gone");
}

TEST_CASE("words that are no numbers") {
    for (const auto& [word, what] :
         std::vector<std::pair<std::string, std::string>>{{"-1", "\"-1\" is not within 0..9"},
                                                          {"10", "\"10\" is not within 0..9"},
                                                          {"99999999999999999999999", "is not within 0..9"},
                                                          {"-99999999999999999999999", "is not within 0..9"},
                                                          {"+1", "\"+1\" is not a whole number"},
                                                          {"-", "\"-\" is not a whole number"},
                                                          {"0x1", "\"0x1\" is not a whole number"},
                                                          {"1.0", "\"1.0\" is not a whole number"},
                                                          {std::string(1000, '7'), "is not within 0..9"}}) {
        number_stream in{"x", bench::text_blocks(word)};
        CHECK(in.next(9, [] { return "it"; }) == 0);
        REQUIRE_FALSE(in.good());
        CHECK_MESSAGE(in.failure().message.find(what) != std::string::npos, in.failure().message);
    }
}
