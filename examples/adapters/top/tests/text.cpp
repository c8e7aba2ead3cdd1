// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace top;

TEST_CASE("what could steer a terminal or is not UTF-8 is replaced, byte by byte") {
    CHECK(printable("a\x1b[2Jb") == "a\xef\xbf\xbd[2Jb");
    CHECK(printable(std::string{"a\0b\x7f", 4}) == "a\xef\xbf\xbd"
                                                   "b\xef\xbf\xbd");
    CHECK(printable("\xc3\xa4\xe2\x82\xac") == "ä€");
    CHECK(printable("\xff\xc3") == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(printable("\xc2\x9b"
                    "31m") == "\xef\xbf\xbd"
                              "31m");  // a control sequence of 8 bits
    CHECK(printable("a\xe2\x80\xae"
                    "b") == "a\xef\xbf\xbd"
                            "b");                                                // turns the direction of writing
    CHECK(printable("\xc0\x80") == "\xef\xbf\xbd\xef\xbf\xbd");                  // longer than needed
    CHECK(printable("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // half of a pair
    CHECK(printable("\xf4\x90\x80\x80").size() == 12);                           // beyond the last
}

TEST_CASE("texts fit into columns, whatever their bytes") {
    CHECK(columns("abc") == 3);
    CHECK(columns("aä€") == 3);
    CHECK(fitted("abc", 5) == "abc  ");
    CHECK(fitted_right("abc", 5) == "  abc");
    CHECK(fitted("abcdef", 4) == "abc…");
    CHECK(fitted("äöüß", 3) == "äö…");
    CHECK(fitted("abc", 0).empty());
    CHECK(columns(fitted("漢字漢字", 4)) == 4);  // wide characters: one and a half do not fit
    CHECK(in_ascii("▁█·→…°é") == "_#.->~C?");
}

TEST_CASE("names cannot break a page") { CHECK(html("<b a=\"1\">&'") == "&lt;b a=&quot;1&quot;&gt;&amp;&#39;"); }

TEST_CASE("times and numbers as people write them") {
    CHECK(duration(0.0) == "0 s");
    CHECK(duration(1.5) == "1.5 s");
    CHECK(duration(59.9) == "59 s");
    CHECK(duration(190.0) == "3 m 10 s");
    CHECK(duration(7500.0) == "2 h 05 m");
    CHECK(duration(4 * 86400.0 + 7 * 3600.0) == "4 d 07 h");
    CHECK(duration(-1.0) == "?");
    CHECK(moment(3300.0) == "55 m 00 s");
    CHECK(moment(1796022713.849) == "2026-11-30 07:11:53 UTC");
    CHECK(grouped(12400.0) == "12,400");
    CHECK(grouped(999.0) == "999");
    CHECK(grouped(-1234567.0) == "-1,234,567");
}
