// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/slot.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace berth::inline v0::detail {

/// Lines of words, each line of a kind. The writer and the reader have the same calls, so that one function describes
/// a text in both directions. Numbers are decimal, doubles and masks the hexadecimal of their bits, texts in quotes.
class archive_writer {
public:
    static constexpr bool reads = false;

    std::string text{};

    void line(const char* kind) {
        if (!text.empty()) text.push_back('\n');
        text.append(kind);
    }
    void word(std::uint64_t value) {
        text.push_back(' ');
        phrase{value}.append_to(text);
    }
    void bits(std::uint64_t value) {
        text.push_back(' ');
        append_hex(text, value);
    }
    void string(const char*, std::string& value) { quote(value); }
    void quote(std::string_view value) {
        text.append(" \"");
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte > 0x20 && byte != 0x7f && c != '"' && c != '\\') {
                text.push_back(c);
                continue;
            }
            text.push_back('\\');
            append_hex(text, byte, 2);
        }
        text.push_back('"');
    }
    [[nodiscard]] bool ok() const noexcept { return true; }
    void refuse(const char*, const char*) noexcept {}
    [[nodiscard]] std::uint64_t number(const char*, std::uint64_t value, std::uint64_t) {
        word(value);
        return value;
    }
    [[nodiscard]] std::uint64_t mask(const char*, std::uint64_t value) {
        bits(value);
        return value;
    }
};

class archive_reader {
public:
    static constexpr bool reads = true;

    explicit archive_reader(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool ok() const noexcept { return !failure_; }
    [[nodiscard]] const error& failure() const noexcept { return *failure_; }
    /// What follows the lines that were read.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

    void line(const char* kind) {
        if (failure_) return;
        if (!line_.empty()) return refuse("end of line", "something is left");
        ++number_;
        const std::size_t end = rest_.find('\n');
        line_ = without_cr(rest_.substr(0, end));
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        if (next() != kind) refuse("kind of line", kind);
    }
    [[nodiscard]] std::uint64_t number(const char* field, std::uint64_t, std::uint64_t most) {
        return parsed(field, [&](std::string_view digits) { return to_number(digits, most); });
    }
    [[nodiscard]] std::uint64_t mask(const char* field, std::uint64_t) { return parsed(field, from_hex); }
    void string(const char* field, std::string& value) {
        value.clear();
        const std::string_view found = next();
        if (found.size() < 2 || found.front() != '"' || found.back() != '"') return refuse(field, "a text in quotes");
        for (std::size_t i = 1; i + 1 < found.size(); ++i) {
            if (found[i] != '\\') {
                value.push_back(found[i]);
                continue;
            }
            const auto byte = i + 3 < found.size() ? from_hex(found.substr(i + 1, 2)) : std::nullopt;
            if (!byte) return refuse(field, "a text in quotes");
            value.push_back(static_cast<char>(*byte));
            i += 2;
        }
    }
    void refuse(const char* field, const char* expected) {
        if (failure_) return;
        failure_ = detail::refuse(error_code::malformed,
                                  {"scheduler text, line ", number_, ": ", field, ", expected ", expected});
    }

private:
    [[nodiscard]] std::string_view next() noexcept {
        const std::size_t end = line_.find(' ');
        const std::string_view found = line_.substr(0, end);
        line_.remove_prefix(end == std::string_view::npos ? line_.size() : end + 1);
        return found;
    }
    template <class Parse>
    [[nodiscard]] std::uint64_t parsed(const char* field, const Parse& parse) {
        if (failure_) return 0;
        const std::string_view digits = next();
        const std::optional<std::uint64_t> value = parse(digits);
        if (!value) refuse(field, digits.empty() ? "a number" : "a number of its range");
        return value.value_or(0);
    }

    std::string_view rest_;
    std::string_view line_{};
    std::size_t number_ = 0;
    std::optional<error> failure_{};
};

// One value in either direction.

template <class Archive, std::integral T>
void visit(Archive& a, const char* field, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        value = a.number(field, value ? 1 : 0, 1) != 0;
    } else if constexpr (std::is_signed_v<T>) {
        value = static_cast<T>(
            std::bit_cast<std::int64_t>(a.mask(field, std::bit_cast<std::uint64_t>(static_cast<std::int64_t>(value)))));
    } else {
        value = static_cast<T>(a.number(field, value, static_cast<T>(~T{0})));
    }
}
template <class Archive>
void visit(Archive& a, const char* field, double& value) {
    value = std::bit_cast<double>(a.mask(field, std::bit_cast<std::uint64_t>(value)));
}
template <class Archive, class Tag>
void visit(Archive& a, const char* field, basic_handle<Tag>& value) {
    std::uint32_t position = value.position();
    std::uint32_t generation = value.generation();
    visit(a, field, position);
    visit(a, field, generation);
    value = {position, generation};
}
template <class Archive>
void visit(Archive& a, const char* field, slot& value) {
    std::uint64_t node = value.placed() ? value.node.value() + 1 : 0;
    visit(a, field, node);
    value.gpus = a.mask(field, value.gpus);
    value.node = node == 0 ? node_index{} : node_index{static_cast<std::size_t>(node - 1)};
}
/// A number of things, at most as many as a text could hold.
template <class Archive>
[[nodiscard]] std::size_t visit_count(Archive& a, const char* kind, std::size_t count) {
    a.line(kind);
    return static_cast<std::size_t>(a.number("count", count, std::uint64_t{1} << 28U));
}

}  // namespace berth::inline v0::detail
