// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/slot_text.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0::detail {

/// Reads lines of words between single spaces; names stand in quotes. The first error is kept; after it, all reads
/// yield zeros and empty texts. A value, so that a copy looks ahead.
class line_reader {
public:
    explicit line_reader(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool ok() const noexcept { return !failure_; }
    [[nodiscard]] const error& failure() const noexcept { return *failure_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
    /// Lines that were begun.
    [[nodiscard]] std::size_t lines() const noexcept { return number_; }
    /// The first word of the next line; empty after an error.
    [[nodiscard]] std::string_view next_kind() const noexcept {
        if (failure_) return {};
        const std::string_view line = without_cr(rest_.substr(0, rest_.find('\n')));
        return line.substr(0, line.find(' '));
    }

    /// Begins the next line, which is of that kind.
    void begin(const char* kind) {
        if (failure_) return;
        ++number_;
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos) return refuse("line", rest_, {"a whole line, the text ends here"});
        line_ = without_cr(rest_.substr(0, end));
        more_ = true;
        rest_.remove_prefix(end + 1);
        const std::string_view found = word("kind");
        if (found != kind) refuse("kind", found, {phrase::quoted(kind)});
    }
    [[nodiscard]] bool line_has_more() const noexcept { return more_ && !failure_; }
    /// Refuses what is left of the line.
    void end() {
        if (more_) refuse("end of line", line_, {"nothing more"});
    }
    void skip() noexcept { more_ = false; }

    [[nodiscard]] std::string_view word(const char* field) {
        if (failure_) return {};
        if (!more_) {
            refuse(field, {}, {"a word, the line ends here"});
            return {};
        }
        return take(line_.find(' '));
    }
    [[nodiscard]] std::uint64_t number(const char* field, std::uint64_t max) {
        const std::string_view digits = word(field);
        const auto value = to_number(digits, max);
        if (!value) refuse(field, digits, {"a whole number, at most ", max});
        return value.value_or(0);
    }
    [[nodiscard]] std::uint32_t generation(std::uint64_t least) {
        const std::uint64_t value = number("generation", std::numeric_limits<std::uint32_t>::max());
        if (value < least) refuse("generation", "0", {"at least ", least});
        return static_cast<std::uint32_t>(value);
    }
    [[nodiscard]] int priority() {
        const std::string_view digits = word("priority");
        const bool negative = !digits.empty() && digits.front() == '-';
        const auto limit = static_cast<std::uint64_t>(std::numeric_limits<int>::max()) + (negative ? 1 : 0);
        const auto value = to_number(digits.substr(negative ? 1 : 0), limit);
        if (!value) refuse("priority", digits, {"an int"});
        const auto magnitude = static_cast<std::int64_t>(value.value_or(0));
        return static_cast<int>(negative ? -magnitude : magnitude);
    }
    [[nodiscard]] amount quantity(const char* field) {
        return static_cast<amount>(number(field, static_cast<std::uint64_t>(max_amount)));
    }
    [[nodiscard]] amount capacity(const char* field) {
        if (next_is("unlimited")) return max_amount;
        return quantity(field);
    }
    [[nodiscard]] std::uint64_t hex(const char* field) {
        const std::string_view digits = word(field);
        const auto value = from_hex(digits);
        if (!value) refuse(field, digits, {"up to sixteen hexadecimal digits"});
        return value.value_or(0);
    }
    /// Goes over a word if it is the next one.
    [[nodiscard]] bool next_is(std::string_view expected) {
        if (failure_ || !more_ || line_.substr(0, line_.find(' ')) != expected) return false;
        (void)take(line_.find(' '));
        return true;
    }
    void expect(const char* expected) {
        if (!next_is(expected))
            refuse("word", failure_ ? std::string_view{} : rest_of_line(), {phrase::quoted(expected)});
    }
    /// True for the first of two words, false for the second.
    [[nodiscard]] bool either(const char* field, const char* yes, const char* no) {
        const std::string_view found = word(field);
        if (found != yes && found != no) refuse(field, found, {phrase::quoted(yes), " or ", phrase::quoted(no)});
        return found == yes;
    }
    [[nodiscard]] std::string name(const char* field) {
        if (failure_) return {};
        auto read = more_ ? read_quoted_name(line_) : std::nullopt;
        if (!read || (read->length < line_.size() && line_[read->length] != ' ')) {
            refuse(field, rest_of_line(), {"a name in quotes"});
            return {};
        }
        (void)take(read->length < line_.size() ? read->length : std::string_view::npos);
        return std::move(read->name);
    }
    [[nodiscard]] slot place(const char* field) {
        const std::string_view found = word(field);
        const auto where = to_slot(found);
        if (!where) refuse(field, found, {slot_form});
        return where.value_or(unplaced);
    }

    void refuse(const char* field, std::string_view found, phrases expected) {
        refuse_line(number_, field, found, expected);
    }
    void refuse_line(std::size_t line, const char* field, std::string_view found, phrases expected) {
        if (!failure_) failure_ = refuse_word(line, field, found, expected);
    }
    /// An error that something else found on this line.
    void refuse(const error& found) {
        if (!failure_) failure_ = detail::refuse(found.code, {"line ", number_, ": ", found.message});
    }

private:
    [[nodiscard]] std::string_view rest_of_line() const noexcept { return more_ ? line_ : std::string_view{}; }
    [[nodiscard]] std::string_view take(std::size_t end) noexcept {
        const std::string_view taken = line_.substr(0, end);
        more_ = end != std::string_view::npos;
        line_ = more_ ? line_.substr(end + 1) : std::string_view{};
        return taken;
    }

    std::string_view rest_;
    std::string_view line_;
    bool more_ = false;  // the line has another word, possibly an empty one
    std::size_t number_ = 0;
    std::optional<error> failure_;
};

}  // namespace berth::inline v0::detail
