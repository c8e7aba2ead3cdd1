// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace berth::inline v0::io {

/// A label of a metric, as it stands in the text: escapes are not resolved, see `unescape`.
struct metric_label {
    std::string_view name;   ///< letters, digits and underscores
    std::string_view value;  ///< between the quotes
};

/// One sample of the text format that exporters serve to Prometheus. Views into the text and into the reader.
struct metric_line {
    std::string_view name;                 ///< of the metric
    std::span<const metric_label> labels;  ///< in the order of the line
    double value = 0.0;                    ///< may be NaN or infinite
    std::optional<double> time{};          ///< seconds since the epoch, if the exporter gave it

    /// The value of a label, as it stands in the text; empty if there is none.
    [[nodiscard]] std::string_view label(std::string_view wanted) const noexcept {
        for (const metric_label& each : labels) {
            if (each.name == wanted) return each.value;
        }
        return {};
    }
};

/// A label's value with `\\`, `\"` and `\n` resolved. Appended, so that a string can be used again.
///
/// @param value  of `metric_label`
inline void unescape(std::string_view value, std::string& to) {
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '\\' || i + 1 == value.size()) {
            to.push_back(value[i]);
            continue;
        }
        ++i;
        to.push_back(value[i] == 'n' ? '\n' : value[i]);
    }
}

/// Reads Prometheus' text format (version 0.0.4) line by line:
///
/// ```
/// berth::io::prometheus_text lines{body};
/// while (lines.next()) {
///     if (lines.line().name == "DCGM_FI_DEV_GPU_TEMP") heat(lines.line().label("UUID"), lines.line().value);
/// }
/// if (lines.refused() > 0) log(lines.first_refusal().message);
/// ```
///
/// Comments, `HELP`, `TYPE` and empty lines are passed over; exemplars too. A line that cannot be read is counted and
/// passed over, so that one broken line does not hide the rest of a scrape; the first one is kept as an error that
/// names line and field. So is a last line without its end: a body that was cut off must not yield half a number.
///
/// O(length of the text). Does not allocate, but for the message of the first refusal. The text has to stay.
class prometheus_text {
public:
    static constexpr std::size_t max_labels = 64;  ///< of one line; a line with more is refused

    /// Begins at the first line.
    explicit prometheus_text(std::string_view text) noexcept : rest_{text} {}
    prometheus_text(const prometheus_text&) = delete;             ///< its line views itself
    prometheus_text& operator=(const prometheus_text&) = delete;  ///< its line views itself

    /// Goes to the next sample. False at the end of the text.
    [[nodiscard]] bool next() {
        while (!rest_.empty()) {
            ++number_;
            const std::size_t end = rest_.find('\n');
            at_ = rest_.substr(0, end);
            rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
            if (!at_.empty() && at_.back() == '\r') at_.remove_suffix(1);
            skip_blanks();
            if (at_.empty() || at_.front() == '#') continue;
            if (end == std::string_view::npos) {
                refuse("line", "has no end; the text was cut off");
                continue;
            }
            if (read()) return true;
        }
        return false;
    }
    /// The sample that `next` went to. Valid until the next call.
    [[nodiscard]] const metric_line& line() const noexcept { return line_; }
    /// Its number, from 1.
    [[nodiscard]] std::size_t number() const noexcept { return number_; }
    /// Lines that could not be read so far.
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; }
    /// The first of them; only if there is one.
    [[nodiscard]] const error& first_refusal() const noexcept { return *first_refusal_; }

private:
    bool refuse(const char* field, const char* what) {
        if (refused_++ == 0) {
            first_refusal_ = berth::detail::refuse(error_code::malformed, {"line ", number_, ": ", field, " ", what});
        }
        return false;
    }
    void skip_blanks() noexcept {
        while (!at_.empty() && (at_.front() == ' ' || at_.front() == '\t')) at_.remove_prefix(1);
    }
    [[nodiscard]] static constexpr bool begins_name(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    }
    /// Takes a name off the line; empty if there is none here.
    [[nodiscard]] std::string_view take_name(bool colons) noexcept {
        std::size_t n = 0;
        while (n < at_.size() &&
               (begins_name(at_[n]) || (colons && at_[n] == ':') || (n > 0 && at_[n] >= '0' && at_[n] <= '9'))) {
            ++n;
        }
        const std::string_view name = at_.substr(0, n);
        at_.remove_prefix(n);
        return name;
    }
    [[nodiscard]] std::string_view take_word() noexcept {
        std::size_t n = 0;
        while (n < at_.size() && at_[n] != ' ' && at_[n] != '\t') ++n;
        const std::string_view word = at_.substr(0, n);
        at_.remove_prefix(n);
        skip_blanks();
        return word;
    }
    /// Go's forms of numbers: signs, `Inf`, `NaN`, in any case.
    [[nodiscard]] static std::optional<double> to_value(std::string_view word) noexcept {
        if (!word.empty() && word.front() == '+') word.remove_prefix(1);
        if (word.empty() || word.front() == '+') return std::nullopt;
        double value = 0.0;
        const char* end = word.data() + word.size();
        const auto read = std::from_chars(word.data(), end, value);
        if (read.ec == std::errc::result_out_of_range && read.ptr == end) return out_of_range(word);
        if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
        return value;
    }
    /// What does not fit into a double is infinite or 0, as for Prometheus.
    [[nodiscard]] static double out_of_range(std::string_view word) noexcept {
        const bool negative = word.front() == '-';
        const std::size_t exponent = word.find_first_of("eE");
        const bool tiny = exponent != std::string_view::npos ? word.find('-', exponent) != std::string_view::npos
                                                             : word.find_first_of("123456789") > word.find('.');
        const double size = tiny ? 0.0 : std::numeric_limits<double>::infinity();
        return negative ? -size : size;
    }

    [[nodiscard]] bool read() {
        line_.name = take_name(true);
        if (line_.name.empty()) return refuse("name", "does not begin with a letter, an underscore or a colon");
        count_ = 0;
        const std::size_t after_name = at_.size();
        skip_blanks();
        if (!at_.empty() && at_.front() == '{') {
            at_.remove_prefix(1);
            if (!read_labels()) return false;
        } else if (!at_.empty() && at_.size() == after_name) {
            return refuse("name", "has a character that names do not have");
        }
        line_.labels = {labels_.data(), count_};
        skip_blanks();
        const auto value = to_value(take_word());
        if (!value) return refuse("value", "is not a number");
        line_.value = *value;
        line_.time.reset();
        if (!at_.empty() && at_.front() != '#') {
            const auto time = to_value(take_word());
            if (!time || !std::isfinite(*time)) return refuse("timestamp", "is not a finite number");
            line_.time = *time / 1000.0;
        }
        if (!at_.empty() && at_.front() != '#') return refuse("end of line", "has more than a value and a timestamp");
        return true;
    }
    [[nodiscard]] bool read_labels() {
        for (;;) {
            skip_blanks();
            if (!at_.empty() && at_.front() == '}') break;
            if (count_ == max_labels) return refuse("labels", "are more than 64");
            metric_label& label = labels_[count_];
            label.name = take_name(false);
            if (label.name.empty()) return refuse("label", "has no name, or the braces are not closed");
            skip_blanks();
            if (at_.empty() || at_.front() != '=') return refuse("label", "has no = after its name");
            at_.remove_prefix(1);
            skip_blanks();
            if (at_.empty() || at_.front() != '"') return refuse("label", "has no value in quotes");
            std::size_t n = 1;
            while (n < at_.size() && at_[n] != '"') {
                if (at_[n] == '\\') {
                    if (n + 1 == at_.size() || (at_[n + 1] != '\\' && at_[n + 1] != '"' && at_[n + 1] != 'n')) {
                        return refuse("label", "has an escape other than \\\\, \\\" and \\n");
                    }
                    ++n;
                }
                ++n;
            }
            if (n >= at_.size()) return refuse("label", "has a value whose quotes are not closed");
            label.value = at_.substr(1, n - 1);
            at_.remove_prefix(n + 1);
            ++count_;
            skip_blanks();
            if (!at_.empty() && at_.front() == ',') {
                at_.remove_prefix(1);
            } else if (at_.empty() || at_.front() != '}') {
                return refuse("labels", "are not separated by commas or closed by a brace");
            }
        }
        at_.remove_prefix(1);
        return true;
    }

    std::string_view rest_;
    std::string_view at_;  // what is left of the line
    std::size_t number_ = 0;
    std::size_t refused_ = 0;
    std::optional<error> first_refusal_;
    metric_line line_;
    std::array<metric_label, max_labels> labels_;
    std::size_t count_ = 0;
};

}  // namespace berth::inline v0::io
