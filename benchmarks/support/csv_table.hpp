// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// A CSV file with a header row, read as a whole: text cells addressed by row and named column.
///
/// Accepted: LF or CRLF line ends, a UTF-8 byte order mark, a last line without a line end, blank lines (skipped),
/// quoted fields with commas and doubled quotes, blanks around fields, unused columns.
/// Refused, each with file, line and field: no header, an empty or repeated column name, rows longer or shorter than
/// the header, a quote that is not closed on its line (so no line breaks inside fields), a quote inside an unquoted
/// field, NUL bytes.
class csv_table {
public:
    /// Reads a file. The first malformed row is an error; with `bad_rows` such rows are left out and collected there.
    static berth::result<csv_table> read(const std::string& path, std::vector<berth::error>* bad_rows = nullptr);
    /// The same for text that is already in memory; `file` is only named in messages.
    static berth::result<csv_table> parse(std::string file, std::string_view text,
                                          std::vector<berth::error>* bad_rows = nullptr);

    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    [[nodiscard]] std::size_t column_count() const noexcept { return columns_.size(); }
    [[nodiscard]] std::size_t row_count() const noexcept { return lines_.size(); }
    /// The line of a row in the file, counted from 1.
    [[nodiscard]] std::size_t line(std::size_t row) const noexcept { return lines_[row]; }

    [[nodiscard]] const std::string& column_name(std::size_t column) const noexcept { return columns_[column]; }
    [[nodiscard]] std::optional<std::size_t> find_column(std::string_view name) const;
    /// Like `find_column`; a missing column is an error that lists the existing columns.
    [[nodiscard]] berth::result<std::size_t> column(std::string_view name) const;
    /// Where several columns are; the first that is missing is an error, as of `column`.
    template <std::size_t N>
    [[nodiscard]] berth::result<void> find_columns(const char* const (&names)[N], std::size_t (&columns)[N]) const {
        for (std::size_t c = 0; c < N; ++c) {
            const auto at = column(names[c]);
            if (!at) return at.error();
            columns[c] = *at;
        }
        return {};
    }

    [[nodiscard]] std::string_view cell(std::size_t row, std::size_t column) const;
    /// A whole number within [least, most].
    [[nodiscard]] berth::result<std::int64_t> integer(std::size_t row, std::size_t column, std::int64_t least,
                                                      std::int64_t most) const;
    /// A finite number within [least, most].
    [[nodiscard]] berth::result<double> number(std::size_t row, std::size_t column, double least, double most) const;
    /// Text that is not empty.
    [[nodiscard]] berth::result<std::string_view> text(std::size_t row, std::size_t column) const;

    /// An error about one cell: `FILE:LINE: field "COLUMN": WHAT`.
    [[nodiscard]] berth::error fault(std::size_t row, std::size_t column, berth::error_code code,
                                     const std::string& what) const;

private:
    csv_table() = default;

    std::string file_;
    std::vector<std::string> columns_;
    std::size_t header_line_ = 0;
    std::vector<std::size_t> lines_;
    std::string cells_;              // all cells, one after the other
    std::vector<std::size_t> ends_;  // where each cell ends, row by row
};

/// `FILE:LINE: field "FIELD": WHAT`, the form of every message about an input file.
[[nodiscard]] berth::error file_fault(berth::error_code code, std::string_view file, std::size_t line,
                                      std::string_view field, std::string_view what);

/// The bytes of a file; refuses directories and files that cannot be read.
[[nodiscard]] berth::result<std::string> read_file(const std::string& path);

/// Text for a message: quoted, control characters and bytes that are not UTF-8 replaced, long text truncated.
[[nodiscard]] std::string shown(std::string_view text);

/// A field of a CSV file: quoted if necessary.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace bench
