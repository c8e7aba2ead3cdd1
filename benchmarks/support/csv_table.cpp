// SPDX-License-Identifier: Apache-2.0
#include "support/csv_table.hpp"

// No reader thread: the text is in memory. libfccp truncates long file names; our messages have them in full.
#define CSV_IO_NO_THREAD
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#endif
#include <libfccp/csv.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace bench {

using berth::error;
using berth::error_code;
using berth::result;

namespace {

using quoting = io::double_quote_escape<',', '"'>;
using blanks = io::trim_chars<' ', '\t'>;

/// Splits one line in place. Returns the error in field `fields.size()`, or nothing.
std::optional<std::string> split(char* line, std::vector<std::string_view>& fields) {
    fields.clear();
    for (;;) {
        char* begin = line;
        char* end = nullptr;
        try {
            end = begin + (quoting::find_next_column_end(begin) - begin);
        } catch (const io::error::escaped_string_not_closed&) {
            return "a quote is not closed on its line; line breaks inside a field are not supported";
        }
        const bool last = *end == '\0';
        *end = '\0';
        line = end + 1;
        blanks::trim(begin, end);
        if (end - begin >= 2 && *begin == '"' && end[-1] == '"') {
            for (const char* c = begin + 1; c < end - 1; ++c) {
                if (*c != '"') continue;
                if (c + 1 == end - 1 || c[1] != '"') return "a quote inside a quoted field is not doubled";
                ++c;
            }
        } else if (std::memchr(begin, '"', static_cast<std::size_t>(end - begin)) != nullptr) {
            return "a quote inside a field that is not quoted as a whole";
        }
        quoting::unescape(begin, end);
        fields.emplace_back(begin, static_cast<std::size_t>(end - begin));
        if (last) return std::nullopt;
    }
}

/// The length of the UTF-8 character at the beginning of a text; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t length = byte < 0x80   ? 1
                               : byte < 0xc2 ? 0
                               : byte < 0xe0 ? 2
                               : byte < 0xf0 ? 3
                               : byte < 0xf5 ? 4
                                             : 0;
    if (length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80) return 0;
    }
    return length;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

}  // namespace

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 48;
    std::string out = "\"";
    std::size_t at = 0;
    while (at < text.size() && at < longest) {
        const std::size_t length = utf8_length(text.substr(at));
        const auto byte = static_cast<unsigned char>(text[at]);
        if (length == 0 || byte < 0x20 || byte == 0x7f) {
            out += '?';
        } else {
            out += text.substr(at, length);
        }
        at += length > 0 ? length : 1;
    }
    if (at < text.size()) out += "...";
    return out + '"';
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

error file_fault(error_code code, std::string_view file, std::size_t line, std::string_view field,
                 std::string_view what) {
    std::string message{file};
    if (line > 0) message += ':' + std::to_string(line);
    message += ": ";
    if (!field.empty()) message += "field " + shown(field) + ": ";
    return {code, message.append(what)};
}

result<std::string> read_file(const std::string& path) {
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    if (status.type() == std::filesystem::file_type::not_found) {
        return error{error_code::io, path + ": no such file"};
    }
    if (std::filesystem::is_directory(status)) return error{error_code::io, path + ": is a directory, not a file"};
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream bytes;
    if (in && in.peek() != std::ifstream::traits_type::eof()) bytes << in.rdbuf();
    if (!in.is_open() || in.bad() || bytes.bad()) {
        const int reason = errno;
        return error{error_code::io, path + ": cannot be read" +
                                         (reason != 0 ? std::string{": "} + std::strerror(reason) : std::string{})};
    }
    return std::move(bytes).str();
}

result<csv_table> csv_table::read(const std::string& path, std::vector<error>* bad_rows) {
    auto text = read_file(path);
    if (!text) return text.error();
    return parse(path, *text, bad_rows);
}

result<csv_table> csv_table::parse(std::string file, std::string_view text, std::vector<error>* bad_rows) {
    csv_table table;
    table.file_ = std::move(file);

    // Columns are split by libfccp's policies. Its line reader is not used: it reserves 48 MiB for each file, looks at
    // one byte past a last line that is not ended, and takes NUL for the end of a line.
    std::string lines{text};
    lines += '\n';
    std::size_t begin = lines.starts_with("\xef\xbb\xbf") ? 3 : 0;
    std::size_t number = 0;
    std::vector<std::string_view> fields;
    while (begin < lines.size()) {
        ++number;
        char* at = lines.data() + begin;
        std::size_t end = lines.find('\n', begin);
        begin = end + 1;
        if (at != lines.data() + end && lines[end - 1] == '\r') --end;
        lines[end] = '\0';
        if (std::strlen(at) != static_cast<std::size_t>(lines.data() + end - at)) {
            return file_fault(error_code::malformed, table.file_, number, {},
                              "contains a NUL byte; this is not a text file");
        }
        if (is_blank(at)) continue;
        const auto wrong = split(at, fields);
        if (table.columns_.empty()) {
            if (wrong) {
                return file_fault(error_code::malformed, table.file_, number, std::to_string(fields.size() + 1),
                                  "the header row is malformed: " + *wrong);
            }
            for (const auto& name : fields) {
                if (name.empty()) {
                    return file_fault(error_code::malformed, table.file_, number,
                                      std::to_string(table.columns_.size() + 1),
                                      "the header row has a column without a name");
                }
                if (table.find_column(name)) {
                    return file_fault(error_code::duplicate, table.file_, number, name,
                                      "the header row has two columns of this name");
                }
                table.columns_.emplace_back(name);
            }
            table.header_line_ = number;
            continue;
        }
        std::optional<error> fault;
        if (wrong) {
            const std::size_t f = fields.size();
            fault = file_fault(error_code::malformed, table.file_, number,
                               f < table.columns_.size() ? table.columns_[f] : std::to_string(f + 1), *wrong);
        } else if (fields.size() < table.columns_.size()) {
            fault = file_fault(error_code::malformed, table.file_, number, table.columns_[fields.size()],
                               "missing: the row has " + std::to_string(fields.size()) + " fields, the header names " +
                                   std::to_string(table.columns_.size()));
        } else if (fields.size() > table.columns_.size()) {
            fault = file_fault(error_code::malformed, table.file_, number, std::to_string(table.columns_.size() + 1),
                               "one too many: the row has " + std::to_string(fields.size()) +
                                   " fields, the header names " + std::to_string(table.columns_.size()));
        }
        if (fault) {
            if (bad_rows == nullptr) return *fault;
            bad_rows->push_back(*std::move(fault));
            continue;
        }
        table.lines_.push_back(number);
        for (const auto& field : fields) {
            table.cells_ += field;
            table.ends_.push_back(table.cells_.size());
        }
    }
    if (table.columns_.empty()) {
        return file_fault(error_code::malformed, table.file_, 1, {}, "the file is empty, expected a header row");
    }
    return table;
}

std::optional<std::size_t> csv_table::find_column(std::string_view name) const {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        if (columns_[c] == name) return c;
    }
    return std::nullopt;
}

result<std::size_t> csv_table::column(std::string_view name) const {
    if (const auto at = find_column(name)) return *at;
    std::string there;
    for (const auto& column : columns_) {
        if (there.size() > 120) {
            there += ", ...";
            break;
        }
        if (!there.empty()) there += ", ";
        there += column;
    }
    return file_fault(error_code::malformed, file_, header_line_, name,
                      "the header row has no column of this name; it has " + shown(there));
}

std::string_view csv_table::cell(std::size_t row, std::size_t column) const {
    const std::size_t at = row * columns_.size() + column;
    const std::size_t begin = at == 0 ? 0 : ends_[at - 1];
    return std::string_view{cells_}.substr(begin, ends_[at] - begin);
}

error csv_table::fault(std::size_t row, std::size_t column, error_code code, const std::string& what) const {
    return file_fault(code, file_, lines_[row], columns_[column], what);
}

result<std::int64_t> csv_table::integer(std::size_t row, std::size_t column, std::int64_t least,
                                        std::int64_t most) const {
    const std::string_view text = cell(row, column);
    if (text.empty()) return fault(row, column, error_code::malformed, "is empty, expected a whole number");
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc::result_out_of_range && end == text.data() + text.size()) {
        return fault(row, column, error_code::overflow, shown(text) + " does not fit into 64 bits");
    }
    if (code != std::errc{} || end != text.data() + text.size()) {
        return fault(row, column, error_code::malformed, shown(text) + " is not a whole number");
    }
    if (value < least || value > most) {
        return fault(row, column, value > most ? error_code::overflow : error_code::invalid_value,
                     shown(text) + " is not within " + std::to_string(least) + ".." + std::to_string(most));
    }
    return value;
}

result<double> csv_table::number(std::size_t row, std::size_t column, double least, double most) const {
    const std::string_view text = cell(row, column);
    if (text.empty()) return fault(row, column, error_code::malformed, "is empty, expected a number");
    double value = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc::result_out_of_range && end == text.data() + text.size()) {
        return fault(row, column, error_code::overflow, shown(text) + " does not fit into a double");
    }
    if (code != std::errc{} || end != text.data() + text.size()) {
        return fault(row, column, error_code::malformed, shown(text) + " is not a number");
    }
    if (!std::isfinite(value)) {
        return fault(row, column, error_code::invalid_value, shown(text) + " is not a finite number");
    }
    if (value < least || value > most) {
        std::ostringstream range;
        range << shown(text) << " is not within " << least << ".." << most;
        return fault(row, column, error_code::invalid_value, range.str());
    }
    return value;
}

result<std::string_view> csv_table::text(std::size_t row, std::size_t column) const {
    const std::string_view text = cell(row, column);
    if (text.empty()) return fault(row, column, error_code::malformed, "is empty, expected a name");
    return text;
}

}  // namespace bench
