// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/slot_text.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

// Length: a writer and a reader of one form; each word has its pair.

namespace berth::inline v0::detail {

/// FNV-1a, finished by splitmix64, so that all bits of the sum depend on all bytes.
[[nodiscard]] inline std::uint64_t text_sum(std::string_view text, std::uint64_t before) noexcept {
    std::uint64_t sum = before ^ 0xcbf29ce484222325ULL;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return splitmix64(sum);
}

/// Lines of words between single spaces. The last word of each line is a sum over the line and the sum of the line
/// before, so that a line that was changed, lost, doubled or moved is found.
class checked_writer {
public:
    explicit checked_writer(std::uint64_t chain = 0) noexcept : chain_{chain} {}

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::uint64_t chain() const noexcept { return chain_; }
    void clear() noexcept { text_.clear(); }

    checked_writer& line(const char* kind) {
        begin_ = text_.size();
        text_.append(kind);
        return *this;
    }
    checked_writer& word(const char* word) {
        text_.append(" ").append(word);
        return *this;
    }
    /// Any text as one word: bytes up to the blank, `%` and DEL as two hexadecimal digits after `%`; `%` alone if
    /// empty.
    checked_writer& text(std::string_view any) {
        text_.append(any.empty() ? " %" : " ");
        for (const char c : any) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte > 0x20 && byte != '%' && byte != 0x7f) {
                text_.push_back(c);
            } else {
                text_.push_back('%');
                append_hex(text_, byte, 2);
            }
        }
        return *this;
    }
    checked_writer& number(std::uint64_t value) {
        text_.push_back(' ');
        phrase{value}.append_to(text_);
        return *this;
    }
    /// Sixteen digits of the bits: every value survives, in every locale.
    checked_writer& real(double value) {
        text_.push_back(' ');
        append_hex(text_, std::bit_cast<std::uint64_t>(value), 16);
        return *this;
    }
    checked_writer& bits(std::uint64_t value) {
        text_.push_back(' ');
        append_hex(text_, value, 16);
        return *this;
    }
    checked_writer& place(const slot& where) {
        text_.push_back(' ');
        append_slot(text_, where);
        return *this;
    }
    void end() {
        chain_ = text_sum(std::string_view{text_}.substr(begin_), chain_);
        text_.push_back(' ');
        append_hex(text_, chain_, 16);
        text_.push_back('\n');
    }

private:
    std::string text_;
    std::size_t begin_ = 0;
    std::uint64_t chain_;
};

/// Reads what `checked_writer` wrote, also if its lines end in CRLF. The first error is kept; after it, all reads yield
/// zeros.
class checked_reader {
public:
    explicit checked_reader(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
    [[nodiscard]] bool ok() const noexcept { return !failure_; }
    [[nodiscard]] const error& failure() const noexcept { return *failure_; }
    [[nodiscard]] bool whole_line() const noexcept { return rest_.find('\n') != std::string_view::npos; }
    /// True if the rest is an incomplete line.
    [[nodiscard]] bool torn() const noexcept { return !rest_.empty() && !whole_line(); }

    /// The first two words of the next line, whatever its sum.
    struct two_words {
        std::string_view first;
        std::string_view second;
    };
    [[nodiscard]] two_words peek_words() const noexcept {
        const std::string_view line = without_cr(rest_.substr(0, rest_.find('\n')));
        const std::size_t space = line.find(' ');
        if (space == std::string_view::npos) return {line, {}};
        const std::string_view more = line.substr(space + 1);
        return {line.substr(0, space), more.substr(0, more.find(' '))};
    }

    /// Goes to the next line, checks its sum, and yields its first word.
    [[nodiscard]] std::string_view next_line() {
        ++number_;
        const std::size_t end = rest_.find('\n');
        if (rest_.empty() || end == std::string_view::npos) {
            refuse("line", rest_, {"a whole line, the text ends here"});
            return {};
        }
        line_ = without_cr(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        const std::size_t space = line_.rfind(' ');
        std::string sum;
        chain_ = text_sum(line_.substr(0, space), chain_);
        append_hex(sum, chain_, 16);
        if (space == std::string_view::npos || line_.substr(space + 1) != sum) {
            refuse("checksum", space == std::string_view::npos ? line_ : line_.substr(space + 1), {sum});
            return {};
        }
        line_ = line_.substr(0, space);
        return take();
    }

    [[nodiscard]] std::uint64_t number(const char* field,
                                       std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
        const std::string_view word = take();
        const auto value = to_number(word, max);
        if (!value) refuse(field, word, {"a whole number, at most ", max});
        return value.value_or(0);
    }
    [[nodiscard]] bool flag(const char* field) { return number(field, 1) != 0; }
    [[nodiscard]] std::uint64_t bits(const char* field) {
        const std::string_view word = take();
        const auto value = word.size() == 16 ? from_hex(word) : std::nullopt;
        if (!value) refuse(field, word, {"sixteen hexadecimal digits"});
        return value.value_or(0);
    }
    /// Finite.
    [[nodiscard]] double real(const char* field) {
        const std::string_view word = take();
        const auto value = word.size() == 16 ? from_hex(word) : std::nullopt;
        if (value && (*value >> 52U & 0x7ffU) != 0x7ffU) return std::bit_cast<double>(*value);
        refuse(field, word, {"the sixteen hexadecimal digits of a finite number"});
        return 0.0;
    }
    /// What `checked_writer::text` wrote.
    [[nodiscard]] std::string text(const char* field) {
        const std::string_view word = take();
        std::string any;
        for (std::size_t i = 0; i < word.size() && word != "%"; ++i) {
            const auto byte = word[i] == '%' ? from_hex(word.substr(i + 1, 2)) : std::nullopt;
            if (word[i] == '%' && (!byte || i + 2 >= word.size())) break;
            any.push_back(byte ? static_cast<char>(static_cast<unsigned char>(*byte)) : word[i]);
            if (byte) i += 2;
        }
        // Each text has one form, so that what is read is what is written again.
        checked_writer again;
        if (word.empty() || again.text(any).text().substr(1) != word) {
            refuse(field, word, {"a name, with blanks and % as %20 and %25"});
            return {};
        }
        return any;
    }
    /// One of the `count` names of an enumeration.
    template <class Enum>
    [[nodiscard]] Enum name(const char* field, std::size_t count, const char* (*word_of)(Enum)) {
        const std::string_view word = take();
        for (std::size_t i = 0; i < count; ++i) {
            if (word == word_of(static_cast<Enum>(i))) return static_cast<Enum>(i);
        }
        refuse(field, word, {"one of its ", count, " names"});
        return Enum{};
    }
    [[nodiscard]] slot place(const char* field) {
        const std::string_view word = take();
        const auto where = to_slot(word);
        if (!where) refuse(field, word, {slot_form});
        return where.value_or(unplaced);
    }
    /// Refuses what is left of the line.
    void end_line() {
        if (!line_.empty()) refuse("end of line", line_, {"nothing more"});
    }

    void refuse(const char* field, std::string_view found, phrases expected) {
        refuse_line(number_, field, found, expected);
    }
    void refuse_line(std::size_t line, const char* field, std::string_view found, phrases expected) {
        if (!failure_) failure_ = refuse_word(line, field, found, expected);
    }

private:
    [[nodiscard]] std::string_view take() {
        if (failure_) return {};
        const std::size_t space = line_.find(' ');
        const std::string_view word = line_.substr(0, space);
        line_ = space == std::string_view::npos ? std::string_view{} : line_.substr(space + 1);
        return word;
    }

    std::string_view rest_;
    std::string_view line_;
    std::size_t number_ = 0;
    std::uint64_t chain_ = 0;
    std::optional<error> failure_;
};

}  // namespace berth::inline v0::detail
