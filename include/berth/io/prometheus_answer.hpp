// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace berth::inline v0::io {

/// What an answer of Prometheus held.
struct prometheus_answer {
    std::size_t series = 0;  ///< that were turned into lines
    std::size_t left_out =
        0;  ///< others: an expression has no name, or name or value are none that an exporter can have
};

namespace detail {

// Takes the answer as it is parsed; nothing but the lines is kept.
class prometheus_answer_builder {
public:
    using string_t = std::string;

    explicit prometheus_answer_builder(std::string& to) : to_{&to} {}

    bool null() { return true; }
    bool boolean(bool /*value*/) { return true; }
    bool number_integer(std::int64_t value) { return number_float(static_cast<double>(value), {}); }
    bool number_unsigned(std::uint64_t value) { return number_float(static_cast<double>(value), {}); }
    bool number_float(double value, const std::string& /*written*/) {
        if (in(where::pair)) time_ = value;
        return true;
    }
    bool string(std::string& value) {
        if (in(where::root)) {
            if (key_ == "status") status_ = value;
            if (key_ == "error" || key_ == "errorType") problem_ += (problem_.empty() ? "" : ": ") + value;
        } else if (in(where::data)) {
            if (key_ == "resultType") type_ = value;
        } else if (in(where::pair)) {
            value_ = value;
        } else if (in(where::metric)) {
            if (key_ == "__name__") {
                name_ = value;
            } else if (is_name(key_, false)) {
                add_label(value);
            }
        }
        return true;
    }
    bool binary(nlohmann::json::binary_t& /*value*/) { return false; }
    bool start_object(std::size_t /*size*/) {
        where next = where::other;
        if (open_.empty()) next = where::root;
        if (in(where::root) && key_ == "data") next = where::data;
        if (in(where::series) && key_ == "metric") next = where::metric;
        if (in(where::result)) {
            next = where::series;
            name_.clear();
            labels_.clear();
            value_.clear();
        }
        open_.push_back(next);
        return open_.size() <= deepest;
    }
    bool start_array(std::size_t /*size*/) {
        where next = where::other;
        if (in(where::data) && key_ == "result") next = where::result;
        if (in(where::series) && key_ == "value") next = where::pair;
        if (in(where::series) && key_ == "values") next = where::pairs;
        if (in(where::pairs)) next = where::pair;
        open_.push_back(next);
        return open_.size() <= deepest;
    }
    bool key(std::string& value) {
        key_ = value;
        return true;
    }
    bool end_object() {
        if (in(where::series)) end_series();
        open_.pop_back();
        return true;
    }
    bool end_array() {
        open_.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*last*/, const nlohmann::json::exception& /*found*/) {
        broken_at_ = position;
        return false;
    }

    [[nodiscard]] result<prometheus_answer> answer(bool parsed) const {
        using berth::detail::phrase;
        using berth::detail::refuse;
        if (!parsed) {
            return refuse(error_code::malformed,
                          {"Prometheus: the answer is not JSON as of /api/v1/query, at byte ", broken_at_});
        }
        if (status_ != "success") {
            return refuse(error_code::io, {"Prometheus: ", problem_.empty() ? "the answer has no status" : problem_});
        }
        if (type_ != "vector" && type_ != "matrix") {
            return refuse(error_code::malformed, {"Prometheus: field \"resultType\" is ", phrase::quoted(type_),
                                                  ", expected vector or matrix"});
        }
        return counts_;
    }

private:
    enum class where : std::uint8_t { root, data, result, series, metric, pairs, pair, other };
    static constexpr std::size_t deepest = 64;

    [[nodiscard]] bool in(where place) const noexcept { return !open_.empty() && open_.back() == place; }
    [[nodiscard]] static bool is_name(std::string_view text, bool of_metric) noexcept {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (of_metric && c == ':');
            if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
        }
        return !text.empty();
    }
    // Nothing but a number may end up outside of quotes.
    [[nodiscard]] static bool is_number(std::string_view text) noexcept {
        if (text == "NaN" || text == "+Inf" || text == "-Inf") return true;
        double value = 0.0;
        const char* end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, value);
        return read.ec == std::errc{} && read.ptr == end;
    }
    void add_label(std::string_view value) {
        labels_.append(labels_.empty() ? "{" : ",").append(key_).append("=\"");
        for (const char c : value) {
            if (c == '\\' || c == '"') labels_ += '\\';
            if (c == '\n') {
                labels_ += "\\n";
            } else {
                labels_ += c;
            }
        }
        labels_ += '"';
    }
    void end_series() {
        if (!is_name(name_, true) || !is_number(value_)) {
            ++counts_.left_out;
            return;
        }
        ++counts_.series;
        to_->append(name_).append(labels_).append(labels_.empty() ? " " : "} ").append(value_);
        constexpr double far = 1e14;  // seconds; beyond it milliseconds are no whole numbers any more
        if (time_ > -far && time_ < far) to_->append(" ").append(std::to_string(std::llround(time_ * 1000.0)));
        to_->append("\n");
    }

    std::string* to_;
    std::vector<where> open_;
    std::string key_, status_, problem_, type_;
    std::string name_, labels_, value_;  // of the series that is open
    double time_ = 0.0;
    prometheus_answer counts_{};
    std::size_t broken_at_ = 0;
};

}  // namespace detail

/// Appends an answer of Prometheus' HTTP API as the text that an exporter would have served, so that `exporter_reader`
/// and `prometheus_text` read it:
///
/// ```
/// std::string text;  // of POST /api/v1/query, query={__name__=~"DCGM_FI_DEV_.+"}[2m]
/// if (const auto ok = berth::io::append_prometheus_answer(body, text); !ok) return ok.error();
/// exporter.read(text, seconds_since_epoch);
/// ```
///
/// 1. Ask for a range (`[2m]`) of metrics by name: the last value of each series counts, with the time at which it was
///    scraped. An instant query has the time of the question in its place, so that a value of an exporter that has
///    ended looks new for up to five minutes.
/// 2. The series of an expression have no name and are counted as `left_out`.
///
/// @param body  JSON of `/api/v1/query` or `/api/v1/query_range`, vector or matrix
/// @return      an error if Prometheus reports one, or the body is no such answer; then nothing is appended
/// O(length of the body).
[[nodiscard]] inline result<prometheus_answer> append_prometheus_answer(std::string_view body, std::string& text) {
    const std::size_t before = text.size();
    detail::prometheus_answer_builder builder{text};
    const bool parsed = nlohmann::json::sax_parse(body.begin(), body.end(), &builder);
    auto answer = builder.answer(parsed);
    if (!answer) text.resize(before);
    return answer;
}

}  // namespace berth::inline v0::io
