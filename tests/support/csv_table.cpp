// SPDX-License-Identifier: Apache-2.0
#include "support/csv_table.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

using bench::csv_table;
using namespace std::string_view_literals;

namespace {

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

csv_table good(std::string_view text) {
    auto table = csv_table::parse("t.csv", text);
    if (!table) FAIL(table.error().message);
    return *std::move(table);
}

std::string message(std::string_view text) {
    const auto table = csv_table::parse("t.csv", text);
    REQUIRE_FALSE(table.has_value());
    return table.error().message;
}

class scratch_file {
public:
    explicit scratch_file(std::string_view bytes)
        : path_{std::filesystem::temp_directory_path() /
                ("berth_csv_" + std::to_string(++count_) + "_" +
                 std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".csv")} {
        std::ofstream{path_, std::ios::binary} << bytes;
    }
    ~scratch_file() { std::filesystem::remove(path_); }
    scratch_file(const scratch_file&) = delete;
    scratch_file& operator=(const scratch_file&) = delete;
    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    static inline int count_ = 0;
    std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a table has named columns, rows and line numbers") {
    const csv_table table = good("a,b\n1,x\n\n2,y\n");
    CHECK(table.file() == "t.csv");
    REQUIRE(table.row_count() == 2);
    CHECK(table.line(0) == 2);
    CHECK(table.line(1) == 4);  // the blank line counts as a line, not as a row
    const auto b = table.find_column("b");
    REQUIRE(b.has_value());
    CHECK(table.cell(0, *b) == "x");
    CHECK(table.cell(1, *b) == "y");
    CHECK_FALSE(table.find_column("B").has_value());
}

TEST_CASE("what other programs write is accepted") {
    struct row {
        const char* what;
        std::string_view text;
    };
    const row rows[] = {
        {"LF", "a,b\n1,x\n"},
        {"CRLF", "a,b\r\n1,x\r\n"},
        {"byte order mark", "\xef\xbb\xbf"
                            "a,b\n1,x\n"},
        {"no line end at the end", "a,b\n1,x"},
        {"CRLF without a last line end", "a,b\r\n1,x"},
        {"blank lines", "\n  \na,b\n\n1,x\n\n\n"},
        {"blanks around fields", " a ,\tb\n 1 , x \n"},
        {"quoted fields", "\"a\",\"b\"\n\"1\",\"x\"\n"},
        {"columns nobody asks for", "a,more,b\n1,\"z,z\",x\n"},
    };
    for (const auto& [what, text] : rows) {
        INFO(what);
        const csv_table table = good(text);
        REQUIRE(table.row_count() == 1);
        CHECK(table.cell(0, *table.column("a")) == "1");
        CHECK(table.cell(0, *table.column("b")) == "x");
    }
}

TEST_CASE("quoted fields keep commas and doubled quotes") {
    const csv_table table = good("a,b,c\n\"x,y\",\"he said \"\"no\"\"\",\"\"\n");
    CHECK(table.cell(0, 0) == "x,y");
    CHECK(table.cell(0, 1) == "he said \"no\"");
    CHECK(table.cell(0, 2).empty());
}

TEST_CASE("a header without rows is a table without rows") { CHECK(good("a,b\n").row_count() == 0); }

TEST_CASE("malformed files are refused with file, line and field") {
    struct row {
        const char* what;
        std::string_view text;
        std::string_view where;  // the message begins with it
        std::string_view why;
    };
    const row rows[] = {
        {"empty file", ""sv, "t.csv:1: ", "empty"},
        {"only blank lines", "\n \n\r\n"sv, "t.csv:1: ", "empty"},
        {"only a byte order mark", "\xef\xbb\xbf"sv, "t.csv:1: ", "empty"},
        {"too few fields", "a,b,c\n1,2,3\n1,2\n"sv, "t.csv:3: field \"c\": ", "2 fields, the header names 3"},
        {"too many fields", "a,b\n1,2\n1,2,3\n"sv, "t.csv:3: field \"3\": ", "3 fields, the header names 2"},
        {"a trailing comma", "a,b\n1,2,\n"sv, "t.csv:2: field \"3\": ", "one too many"},
        {"semicolons for commas", "a,b\n1;2\n"sv, "t.csv:2: field \"b\": ", "missing"},
        {"quote not closed", "a,b\n1,2\n1,\"x\n"sv, "t.csv:3: field \"b\": ", "not closed"},
        {"quote not closed at the end of the file", "a,b\n1,\"x"sv, "t.csv:2: field \"b\": ", "not closed"},
        {"line break in a quoted field", "a,b\n\"x\ny\",2\n"sv, "t.csv:2: field \"a\": ", "line breaks"},
        {"quote in the middle", "a,b\n1,x\"y\"z\n"sv, "t.csv:2: field \"b\": ", "not quoted as a whole"},
        {"text after a closing quote", "a,b\n1,\"x\"y\n"sv, "t.csv:2: field \"b\": ", "not quoted as a whole"},
        {"quote that is not doubled", "a,b\n1,\"x\"y\"\"\n"sv, "t.csv:2: field \"b\": ", "not doubled"},
        {"NUL byte", "a,b\n1,\0\n"sv, "t.csv:2: ", "NUL"},
        {"UTF-16",
         "\xff\xfe"
         "a\0,\0b\0\n\0"sv,
         "t.csv:1: ", "NUL"},
        {"column named twice", "a,b,a\n"sv, "t.csv:1: field \"a\": ", "two columns"},
        {"column without a name", "a,,b\n"sv, "t.csv:1: field \"2\": ", "without a name"},
        {"header with an open quote", "a,\"b\n1,2\n"sv, "t.csv:1: field \"2\": ", "not closed"},
        {"too few fields after a blank line and CRLF", "a,b\r\n\r\n1\r\n"sv, "t.csv:3: field \"b\": ", "missing"},
        {"a lone carriage return is no line end", "a,b\r1,2\r"sv, "t.csv:1: field", ""},
    };
    for (const auto& [what, text, where, why] : rows) {
        INFO(what);
        if (std::string_view{what}.starts_with("a lone carriage")) {
            // Read as one header line "a,b\r1,2": nothing to refuse yet, but no column "b" is found.
            const csv_table table = good(text);
            CHECK_FALSE(table.column("b").has_value());
            continue;
        }
        const std::string said = message(text);
        INFO(said);
        CHECK(said.starts_with(where));
        CHECK(contains(said, why));
    }
}

TEST_CASE("bad rows can be collected instead") {
    std::vector<berth::error> bad;
    const auto table = csv_table::parse("t.csv", "a,b\n1\n1,2\n1,2,3\n\"x,2\n3,4\n", &bad);
    REQUIRE(table.has_value());
    CHECK(table->row_count() == 2);
    CHECK(table->line(1) == 6);
    REQUIRE(bad.size() == 3);
    CHECK(bad[0].message.starts_with("t.csv:2: field \"b\""));
    CHECK(bad[1].message.starts_with("t.csv:4: field \"3\""));
    CHECK(bad[2].message.starts_with("t.csv:5: field \"a\""));
}

TEST_CASE("a missing column is named, with those there are") {
    const csv_table table = good("x,y\n1,2\n");
    const auto column = table.column("cpu");
    REQUIRE_FALSE(column.has_value());
    CHECK(contains(column.error().message, "t.csv:1: field \"cpu\""));
    CHECK(contains(column.error().message, "x, y"));
}

TEST_CASE("whole numbers") {
    struct row {
        std::string_view cell;
        std::string_view why;  // empty: accepted
    };
    const row rows[] = {
        {"0", ""},
        {"42", ""},
        {"100", ""},
        {"-1", "not within 0..100"},
        {"101", "not within 0..100"},
        {"", "is empty"},
        {"x", "not a whole number"},
        {"1.5", "not a whole number"},
        {"1e2", "not a whole number"},
        {"+1", "not a whole number"},
        {"0x10", "not a whole number"},
        {"4 2", "not a whole number"},
        {"nan", "not a whole number"},
        {"inf", "not a whole number"},
        {"99999999999999999999", "does not fit into 64 bits"},
        {"-99999999999999999999", "does not fit into 64 bits"},
        {"99999999999999999999x", "not a whole number"},
        {"\xd9\xa3", "not a whole number"},
    };
    for (const auto& [cell, why] : rows) {
        INFO(std::string{cell});
        const csv_table table = good("n,other\n" + std::string{cell} + ",1\n");
        const auto value = table.integer(0, 0, 0, 100);
        CHECK(value.has_value() == why.empty());
        if (value) continue;
        CHECK(value.error().message.starts_with("t.csv:2: field \"n\": "));
        CHECK(contains(value.error().message, why));
    }
}

TEST_CASE("numbers") {
    struct row {
        std::string_view cell;
        std::string_view why;
    };
    const row rows[] = {
        {"0", ""},
        {"0.5", ""},
        {"1e1", ""},
        {"-0.1", "not within 0..10"},
        {"10.01", "not within 0..10"},
        {"nan", "not a finite number"},
        {"-nan", "not a finite number"},
        {"inf", "not a finite number"},
        {"-inf", "not a finite number"},
        {"1e999", "does not fit"},
        {"", "is empty"},
        {"1,5", ""},  // quoted below: a decimal comma
        {"12abc", "not a number"},
    };
    for (const auto& [cell, why] : rows) {
        INFO(std::string{cell});
        const csv_table table = good("n,other\n\"" + std::string{cell} + "\",1\n");
        const auto value = table.number(0, 0, 0.0, 10.0);
        if (cell == "1,5") {
            REQUIRE_FALSE(value.has_value());
            CHECK(contains(value.error().message, "not a number"));
            continue;
        }
        CHECK(value.has_value() == why.empty());
        if (value) continue;
        CHECK(value.error().message.starts_with("t.csv:2: field \"n\": "));
        CHECK(contains(value.error().message, why));
    }
}

TEST_CASE("messages cannot be abused by the text they quote") {
    CHECK(bench::shown("a\nb\x1b[2J") == "\"a?b?[2J\"");
    CHECK(bench::shown(std::string(1000, 'x')).size() < 60);
}

TEST_CASE("fields are quoted where they must be, and read back") {
    for (const std::string field : {"plain", "with, comma", "with \"quotes\"", "", "-"}) {
        const csv_table table = good("a,b\n" + bench::csv_field(field) + ",1\n");
        CHECK(table.cell(0, 0) == field);
    }
}

TEST_CASE("files") {
    SUBCASE("one that exists") {
        const scratch_file file("a\n1\n");
        const auto table = csv_table::read(file.path());
        REQUIRE(table.has_value());
        CHECK(table->row_count() == 1);
    }
    SUBCASE("an empty one") {
        const scratch_file file("");
        const auto table = csv_table::read(file.path());
        REQUIRE_FALSE(table.has_value());
        CHECK(contains(table.error().message, file.path() + ":1: the file is empty"));
    }
    SUBCASE("one that does not exist") {
        const auto table = csv_table::read("/no/such/file.csv");
        REQUIRE_FALSE(table.has_value());
        CHECK(table.error().code == berth::error_code::io);
        CHECK(table.error().message == "/no/such/file.csv: no such file");
    }
    SUBCASE("a directory") {
        const auto table = csv_table::read(std::filesystem::temp_directory_path().string());
        REQUIRE_FALSE(table.has_value());
        CHECK(contains(table.error().message, "is a directory"));
    }
    SUBCASE("a large one") {
        std::string text = "a,b\n";
        std::size_t rows = 0;
        while (text.size() < (std::size_t{33} << 20U)) {
            text += "1234567890123456789012345678901234567890,";
            text += std::to_string(rows++) + '\n';
        }
        const csv_table table = good(text);
        REQUIRE(table.row_count() == rows);
        CHECK(table.cell(rows - 1, 1) == std::to_string(rows - 1));
        CHECK(table.cell(rows / 2, 1) == std::to_string(rows / 2));
    }
}

TEST_CASE("shown text is UTF-8 whatever the bytes were") {
    CHECK(bench::shown("plain") == "\"plain\"");
    CHECK(bench::shown("a\tb\x7f") == "\"a?b?\"");
    CHECK(bench::shown("M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x9a\xa2") ==
          "\"M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x9a\xa2\"");
    CHECK(bench::shown("\xff\xfe\x80 \xc0\xaf") == "\"??? ??\"");
    CHECK(bench::shown("\xe2\x82") == "\"??\"");
    CHECK(bench::shown("\xc3(") == "\"?(\"");
    const std::string cut = bench::shown(std::string(47, 'x') + "\xe2\x82\xac" + "y");
    CHECK(cut == '"' + std::string(47, 'x') + "\xe2\x82\xac" + "...\"");
    CHECK(bench::shown(std::string(48, 'x')) == '"' + std::string(48, 'x') + '"');
}
