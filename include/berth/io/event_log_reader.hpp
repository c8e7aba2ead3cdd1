// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/detail/json_tree.hpp"
#include "berth/io/detail/object_fields.hpp"
#include "berth/io/detail/read_event.hpp"
#include "berth/io/detail/read_expectation.hpp"
#include "berth/io/event_log_events.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace berth::inline v0::io {

/// Reads an event log line by line.
///
/// Accepted: LF and CRLF, a byte order mark, blank lines, lines of any length, a last line without its end.
/// Refused, each as `FILE:LINE: field "FIELD": WHAT`: what is no JSON object or not UTF-8, a key twice, nesting deeper
/// than 32 levels, unknown events and keys, missing keys, wrong types, numbers outside their range, a time below that
/// of the line before, `format` elsewhere than in the first line, anything after `expect`. Whether names exist and are
/// unique is for whoever keeps the fleet; `fault` words it in the same way.
///
/// After an error it refuses every further line with the same one. Reads a line in O(its length). Throws nothing of
/// its own.
class event_reader {
public:
    /// `file` is only named in messages.
    explicit event_reader(std::string file = "log") : file_{std::move(file)} {}

    /// The next line, with or without its end. Nothing if it is blank.
    [[nodiscard]] result<std::optional<event>> read_line(std::string_view text) {
        if (failure_) return error{*failure_};
        ++number_;
        if (number_ == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
        while (!text.empty() && blank(text.back())) text.remove_suffix(1);
        while (!text.empty() && blank(text.front())) text.remove_prefix(1);
        if (text.empty()) return std::optional<event>{};
        detail::log_line line{file_, number_};
        std::optional<event> found{read(line, text)};
        if (line.ok()) return found;
        failure_ = line.failure();
        return error{*failure_};
    }

    /// Reads the whole lines of a block of bytes and keeps what is left for the next block. Calls `take(event&&)` for
    /// each event; `take` returns `result<void>`, and its error ends the reading.
    template <class Take>
    [[nodiscard]] result<void> read_block(std::string_view block, Take&& take) {
        while (true) {
            const std::size_t end = block.find('\n');
            if (end == std::string_view::npos) break;
            std::string_view text = block.substr(0, end);
            if (!rest_.empty()) {
                rest_.append(text);
                text = rest_;
            }
            if (result<void> read = pass(text, take); !read) return read;
            rest_.clear();
            block.remove_prefix(end + 1);
        }
        rest_.append(block);
        return {};
    }
    /// Reads what the last block left: a line without its end. One that is cut off is refused as such.
    template <class Take>
    [[nodiscard]] result<void> finish(Take&& take) {
        const std::string text = std::move(rest_);
        rest_.clear();
        return text.empty() ? result<void>{} : pass(text, take);
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    [[nodiscard]] std::size_t line() const noexcept { return number_; }
    /// The name that messages give the log.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    /// An error about a field of the line that was read last, worded as the reader's own.
    [[nodiscard]] error fault(error_code code, std::string_view field, std::string_view what) const {
        return detail::log_line::fault(file_, number_, field, code, what);
    }

private:
    [[nodiscard]] static bool blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

    [[nodiscard]] event read(detail::log_line& line, std::string_view text) {
        detail::json_value root;
        if (!line.parse(text, root)) return decide_event{};
        detail::object_fields fields{line, root, "a line of the log"};
        if (!line.ok()) return decide_event{};
        if (ended_) line.refuse("expect", error_code::inconsistent, "stands in the line before, and is the last one");
        if (const detail::json_value* inner = fields.take("expect")) {
            const detail::field_path here = fields.at("expect");
            detail::object_fields expected{line, *inner, "an expectation", &here};
            event found = detail::read_expectation(expected);
            expected.end();
            fields.end();
            ended_ = begun_ = true;
            return found;
        }
        const std::string name = fields.need_name("event");
        if (!line.ok()) return decide_event{};
        event found = detail::read_named(fields, name);
        if (!line.ok()) return found;
        if (std::holds_alternative<format_event>(found)) {
            if (begun_) line.refuse("event", error_code::inconsistent, "is \"format\", which stands in the first line");
        } else {
            read_time(fields, found);
        }
        fields.end();
        begun_ = true;
        return found;
    }
    void read_time(detail::object_fields& fields, event& found) {
        const double time = fields.need_number("time", 0.0);
        if (time < last_time_) {
            fields.refuse("time", error_code::inconsistent,
                          "is " + detail::object_fields::text_of(time) + ", less than " +
                              detail::object_fields::text_of(last_time_) + " before");
        }
        last_time_ = time;
        std::visit(
            [&](auto& one) {
                if constexpr (requires { one.time; }) one.time = time;
            },
            found);
    }
    template <class Take>
    [[nodiscard]] result<void> pass(std::string_view text, Take& take) {
        result<std::optional<event>> found = read_line(text);
        if (!found) return found.error();
        if (!*found) return {};
        return take(std::move(**found));
    }

    std::string file_;
    std::string rest_;  // a line that is not whole yet
    std::size_t number_ = 0;
    double last_time_ = 0;
    bool begun_ = false;
    bool ended_ = false;
    std::optional<error> failure_;
};

/// An event and its line.
struct numbered_event {
    std::size_t line = 0;  ///< from 1
    event what;            ///< the event
};

/// All events of a text. `file` is only named in messages. Errors as of `event_reader`.
[[nodiscard]] inline result<std::vector<numbered_event>> read_event_log(std::string_view text,
                                                                        std::string file = "log") {
    std::vector<numbered_event> found;
    event_reader reader{std::move(file)};
    const auto take = [&](event&& one) -> result<void> {
        found.push_back({reader.line(), std::move(one)});
        return {};
    };
    if (const result<void> read = reader.read_block(text, take); !read) return read.error();
    if (const result<void> read = reader.finish(take); !read) return read.error();
    return found;
}

}  // namespace berth::inline v0::io
