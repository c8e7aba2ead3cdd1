// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace berth::inline v0::detail {

/// Writes lines of words and numbers. Numbers are the shortest decimals that read back to the same bits.
class learn_writer {
public:
    /// Begins a line.
    learn_writer& line(std::string_view kind) {
        if (!text_.empty()) text_.push_back('\n');
        text_.append(kind);
        return *this;
    }
    learn_writer& number(double value) {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        text_.push_back(' ');
        text_.append(digits, static_cast<std::size_t>(end - digits));
        return *this;
    }
    learn_writer& count(std::size_t value) {
        text_.push_back(' ');
        phrase{value}.append_to(text_);
        return *this;
    }
    learn_writer& name(std::string_view name) {
        text_.push_back(' ');
        append_quoted_name(text_, name);
        return *this;
    }
    [[nodiscard]] std::string text() && {
        text_.push_back('\n');
        return std::move(text_);
    }

private:
    std::string text_;
};

/// Reads them. The first fault is kept; after it every call answers 0 or an empty text.
class learn_reader {
public:
    explicit learn_reader(std::string_view text) noexcept : text_{text} {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] error failure() const { return failure_; }
    /// Bytes of the text: no list in it is longer.
    [[nodiscard]] std::size_t length() const noexcept { return text_.size(); }
    void refuse(std::string_view field, std::string_view what) {
        if (!ok_) return;
        ok_ = false;
        failure_ = error{error_code::malformed, sentence({"learned model, line ", line_, ": ", field, ": ", what})};
    }
    /// The next line, which has to be of this kind; the present one has to be read to its end.
    void line(std::string_view kind) {
        if (!ok_) return;
        if (line_ > 0) end_line();
        ++line_;
        const std::string_view found = word();
        if (found != kind) refuse(kind, "is missing here");
    }
    /// True if the present line has more words.
    [[nodiscard]] bool more() const noexcept { return ok_ && at_ < text_.size() && text_[at_] != '\n'; }
    [[nodiscard]] double number(std::string_view field, bool may_be_infinite = false) {
        const std::string_view digits = word();
        if (!ok_) return 0.0;
        double value = 0.0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (fault != std::errc{} || end != digits.data() + digits.size() || std::isnan(value) ||
            (std::isinf(value) && !may_be_infinite)) {
            refuse(field, "is not a finite number");
            return 0.0;
        }
        return value;
    }
    [[nodiscard]] double positive(std::string_view field, bool may_be_infinite = false) {
        const double value = number(field, may_be_infinite);
        if (ok_ && !(value > 0.0)) refuse(field, "is not above 0");
        return ok_ ? value : 1.0;
    }
    [[nodiscard]] std::size_t count(std::string_view field, std::size_t most) {
        const std::string_view digits = word();
        if (!ok_) return 0;
        std::size_t value = 0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (fault != std::errc{} || end != digits.data() + digits.size() || value > most) {
            refuse(field, "is not a count that is possible here");
            return 0;
        }
        return value;
    }
    [[nodiscard]] std::string name(std::string_view field) {
        skip_blanks();
        if (!ok_) return {};
        const std::string_view rest = text_.substr(at_);
        auto read = read_quoted_name(rest.substr(0, rest.find('\n')));
        if (!read) {
            refuse(field, "is not a quoted name");
            return {};
        }
        at_ += read->length;
        return std::move(read->name);
    }
    /// Nothing but the end of the text may follow.
    void finish() {
        end_line();
        if (ok_ && at_ < text_.size()) refuse("text", "goes on after its end");
    }

private:
    void skip_blanks() noexcept {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    [[nodiscard]] std::string_view word() noexcept {
        if (!ok_) return {};
        skip_blanks();
        const std::size_t first = at_;
        while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '\n') ++at_;
        return text_.substr(first, at_ - first);
    }
    void end_line() {
        if (!ok_) return;
        skip_blanks();
        if (at_ >= text_.size() || text_[at_] != '\n') return refuse("line", "is cut short or has words too many");
        ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    bool ok_ = true;
    error failure_;
};

}  // namespace berth::inline v0::detail
