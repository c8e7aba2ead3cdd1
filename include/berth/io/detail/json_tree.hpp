// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::io::detail {

using berth::detail::phrase;
using berth::detail::refuse;
using berth::detail::sentence;

/// A JSON value. Objects keep the order of their keys, which the library's own containers lose, pay for with a search
/// at each insertion, or let a second key of the same name overwrite the first.
struct json_value {
    enum class kind : std::uint8_t { null, boolean, whole, real, text, list, object };

    kind is = kind::null;
    bool flag = false;
    std::int64_t whole = 0;
    double real = 0;  // of a whole number, too
    std::string text;
    std::vector<json_value> items;  // of a list, or the values of an object
    std::vector<std::string> keys;  // of an object
};

/// Where a value stands within its line.
struct field_path {
    const field_path* outer = nullptr;
    std::string_view key{};
    std::size_t index = 0;  // of a list, if the key is empty

    /// `gpus[1].capacity.memory`.
    [[nodiscard]] std::string text() const {
        std::string found = outer != nullptr ? outer->text() : std::string{};
        if (key.empty()) return found + "[" + std::to_string(index) + "]";
        if (!found.empty()) found += '.';
        return found.append(key);
    }
};

/// A text as messages show it: quoted, cut off, without bytes that a terminal would obey.
[[nodiscard]] inline std::string shown(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string found = "\"";
    for (const char c : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        found.push_back(byte < 0x20 || byte >= 0x7f ? '?' : c);
    }
    return found + (text.size() > longest ? "...\"" : "\"");
}

/// Builds the tree of one text from the events of nlohmann's parser, which reports errors to it and throws none.
class json_builder {
public:
    /// Deeper than any line of a log; the parser itself needs no stack, but whoever walks the tree does.
    static constexpr std::size_t deepest = 32;

    using string_t = std::string;

    [[nodiscard]] json_value& root() noexcept { return root_; }
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    [[nodiscard]] const std::string& field() const noexcept { return field_; }

    bool null() { return put({}); }
    bool boolean(bool value) {
        json_value v;
        v.is = json_value::kind::boolean;
        v.flag = value;
        return put(std::move(v));
    }
    bool number_integer(std::int64_t value) {
        json_value v;
        v.is = json_value::kind::whole;
        v.whole = value;
        v.real = static_cast<double>(value);
        return put(std::move(v));
    }
    bool number_unsigned(std::uint64_t value) {
        if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return number_integer(static_cast<std::int64_t>(value));
        return number_float(static_cast<double>(value), {});
    }
    bool number_float(double value, const std::string& /*written*/) {
        json_value v;
        v.is = json_value::kind::real;
        v.real = value;
        return put(std::move(v));
    }
    bool string(std::string& value) {
        json_value v;
        v.is = json_value::kind::text;
        v.text = std::move(value);
        return put(std::move(v));
    }
    bool binary(nlohmann::json::binary_t& /*value*/) { return fail("holds bytes that are no text"); }
    bool start_object(std::size_t /*size*/) { return open(json_value::kind::object); }
    bool start_array(std::size_t /*size*/) { return open(json_value::kind::list); }
    bool key(std::string& value) {
        open_.back()->keys.push_back(std::move(value));
        return true;
    }
    bool end_object() {
        std::vector<std::string_view> names{open_.back()->keys.begin(), open_.back()->keys.end()};
        std::sort(names.begin(), names.end());
        const auto twice = std::adjacent_find(names.begin(), names.end());
        if (twice != names.end()) return fail("has the key " + shown(*twice) + " twice");
        open_.pop_back();
        return true;
    }
    bool end_array() {
        open_.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string& last, const nlohmann::json::exception& found) {
        const std::string_view what = found.what();
        const auto says = [&](std::string_view words) { return what.find(words) != std::string_view::npos; };
        std::string why;
        if (says("unexpected end of input")) {
            why = "the line ends too early";
        } else if (says("UTF-8")) {
            why = "not UTF-8";
        } else if (says("out_of_range")) {
            why = "a number that is too large, " + shown(last);
        } else {
            why = "not JSON at " + shown(last);
        }
        return fail(why + ", column " + std::to_string(position));
    }

private:
    bool put(json_value&& value) {
        if (open_.empty()) {
            root_ = std::move(value);
        } else {
            open_.back()->items.push_back(std::move(value));
        }
        return true;
    }
    bool open(json_value::kind kind) {
        if (open_.size() == deepest) return fail("is nested deeper than " + std::to_string(deepest) + " levels");
        json_value v;
        v.is = kind;
        json_value* where = &root_;
        put(std::move(v));
        if (!open_.empty()) where = &open_.back()->items.back();
        open_.push_back(where);
        return true;
    }
    bool fail(std::string why) {
        problem_ = std::move(why);
        for (const json_value* one : open_) {
            if (one->is == json_value::kind::list) {
                field_ += "[" + std::to_string(one->items.empty() ? 0 : one->items.size() - 1) + "]";
            } else if (!one->keys.empty()) {
                field_ += (field_.empty() ? "" : ".") + one->keys.back();
            }
        }
        return false;
    }

    json_value root_;
    std::vector<json_value*> open_;  // a value on it is the last item of the one below, so none of them moves
    std::string problem_;
    std::string field_;
};

/// A line of a log, and the first thing that is wrong with it.
class log_line {
public:
    log_line(std::string_view file, std::size_t number) noexcept : file_{file}, number_{number} {}

    [[nodiscard]] bool ok() const noexcept { return failure_.message.empty(); }
    [[nodiscard]] const error& failure() const noexcept { return failure_; }

    void refuse(std::string_view field, error_code code, std::string_view what) {
        if (ok()) failure_ = fault(file_, number_, field, code, what);
    }
    void refuse(const field_path& at, error_code code, std::string_view what) {
        if (ok()) refuse(std::string_view{at.text()}, code, what);
    }

    /// `FILE:LINE: field "FIELD": WHAT`; without a field `FILE:LINE: WHAT`.
    [[nodiscard]] static error fault(std::string_view file, std::size_t number, std::string_view field, error_code code,
                                     std::string_view what) {
        if (field.empty()) return io::detail::refuse(code, {file, ":", number, ": ", what});
        // A key of the log may hold anything.
        return io::detail::refuse(code, {file, ":", number, ": field ", shown(field), ": ", what});
    }

    /// Parses the line; false after an error.
    [[nodiscard]] bool parse(std::string_view text, json_value& root) {
        json_builder builder;
        if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
            refuse(std::string_view{builder.field()}, error_code::malformed, builder.problem());
            return false;
        }
        root = std::move(builder.root());
        return true;
    }

private:
    std::string_view file_;
    std::size_t number_;
    error failure_{error_code::malformed, {}};
};

}  // namespace berth::inline v0::io::detail
