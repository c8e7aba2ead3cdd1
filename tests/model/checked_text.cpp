// SPDX-License-Identifier: Apache-2.0
#include "berth/model/checked_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace berth;
using namespace berth::detail;

namespace {

enum class colour : std::uint8_t { red, green };
const char* colour_word(colour c) { return c == colour::red ? "red" : "green"; }

}  // namespace

TEST_CASE("every kind of word is read as it was written") {
    const double numbers[] = {
        0.0, -0.0, 1.0 / 3.0, std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min(), -1e-300};
    checked_writer out;
    for (const double x : numbers) {
        out.line("a").word("green").number(~std::uint64_t{0}).bits(0x12).real(x).place(unplaced);
        out.place({node_index{17}, ~gpu_mask{0}}).number(1).end();
    }
    checked_reader in{out.text()};
    for (const double x : numbers) {
        CHECK(in.next_line() == "a");
        CHECK(in.name<colour>("colour", 2, colour_word) == colour::green);
        CHECK(in.number("most") == ~std::uint64_t{0});
        CHECK(in.bits("bits") == 0x12);
        CHECK(std::bit_cast<std::uint64_t>(in.real("real")) == std::bit_cast<std::uint64_t>(x));
        CHECK(in.place("nowhere") == unplaced);
        CHECK(in.place("everywhere") == slot{node_index{17}, ~gpu_mask{0}});
        CHECK(in.flag("flag"));
        in.end_line();
        CHECK(in.ok());
    }
    CHECK(in.at_end());
    CHECK_FALSE(in.torn());
}

TEST_CASE("a writer goes on from the sum of another") {
    checked_writer whole;
    whole.line("one").end();
    whole.line("two").end();
    checked_writer first;
    first.line("one").end();
    const std::string text = first.text();
    first.clear();
    first.line("two").end();
    CHECK(text + first.text() == whole.text());
    checked_writer second{checked_writer{}.chain()};
    second.line("one").end();
    CHECK(second.text() == text);
}

TEST_CASE("numbers that are none or too large are refused and the first refusal is kept") {
    const auto read = [](const char* word, std::uint64_t most) {
        checked_writer out;
        out.line("n").word(word).end();
        checked_reader in{out.text()};
        (void)in.next_line();
        (void)in.number("count", most);
        (void)in.number("later");
        return in.ok() ? std::string{} : in.failure().message;
    };
    CHECK(read("18446744073709551616", ~std::uint64_t{0}).find("line 1: count is \"18446744073709551616\"") == 0);
    CHECK(read("99999999999999999999", ~std::uint64_t{0}).find("line 1: count") == 0);
    CHECK(read("7", 6) == "line 1: count is \"7\", expected a whole number, at most 6");
    CHECK(read("-1", 6).find("count") != std::string::npos);
    CHECK(read("", 6).find("count is \"\"") != std::string::npos);
    CHECK(read("6", 6) == "line 1: later is \"\", expected a whole number, at most 18446744073709551615");
}

TEST_CASE("slots that are none are refused") {
    for (const char* word : {":1", "1:", "1", "x:1", "1:g", "1:12345678901234567", "1234567890:1", "--"}) {
        CAPTURE(word);
        checked_writer out;
        out.line("n").word(word).end();
        checked_reader in{out.text()};
        (void)in.next_line();
        CHECK(in.place("slot") == unplaced);
        CHECK_FALSE(in.ok());
    }
}

TEST_CASE("the sum looks at every byte and at what was before") {
    CHECK(text_sum("ab", 0) != text_sum("ba", 0));
    CHECK(text_sum("ab", 0) != text_sum("ab", 1));
    CHECK(text_sum("", 0) != text_sum(std::string_view{"\0", 1}, 0));
}
