// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// A piece of a message: a text, a whole number, a quoted name, or an item. One function joins lists of pieces, because
/// chains of `std::string + ...` at every refusal were half of the builders' compile time.
class phrase {
public:
    phrase(const char* text) noexcept : text_{text} {}
    phrase(std::string_view text) noexcept : text_{text} {}
    phrase(const std::string& text) noexcept : text_{text} {}
    template <std::integral Number>
    phrase(Number number) noexcept
        : number_{static_cast<std::uint64_t>(number)},
          form_{std::cmp_less(number, 0) ? form::negative : form::number} {}

    [[nodiscard]] static phrase quoted(std::string_view name) noexcept { return {form::quoted, name}; }
    /// `task 17 ("train-3")`, or `task 17 ("task-17")` if it has no name.
    [[nodiscard]] static phrase item(const char* kind, std::size_t position, std::string_view name) noexcept {
        phrase piece{form::item, name};
        piece.kind_ = kind;
        piece.number_ = position;
        return piece;
    }

    [[gnu::noinline]] void append_to(std::string& message) const {
        switch (form_) {
            case form::text: append(message, text_); break;
            case form::quoted: append_quoted(message); break;
            case form::number: append_digits(message, number_); break;
            case form::negative:
                append(message, "-");
                append_digits(message, 0 - number_);
                break;
            case form::item:
                append(message, kind_);
                append(message, " ");
                append_digits(message, number_);
                append(message, " (");
                append_quoted(message);
                append(message, ")");
                break;
        }
    }

private:
    enum class form : std::uint8_t { text, quoted, number, negative, item };

    phrase(form written, std::string_view text) noexcept : text_{text}, form_{written} {}

    [[gnu::noinline]] static void append(std::string& message, std::string_view text) {
        message.append(text.data(), text.size());
    }
    void append_quoted(std::string& message) const {
        append(message, "\"");
        if (form_ == form::item && text_.empty()) {
            append(message, kind_);
            append(message, "-");
            append_digits(message, number_);
        }
        append(message, text_);
        append(message, "\"");
    }
    static void append_digits(std::string& message, std::uint64_t number) {
        char digits[20];
        std::size_t first = sizeof digits;
        do digits[--first] = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        append(message, {digits + first, sizeof digits - first});
    }

    std::string_view text_{};
    std::uint64_t number_ = 0;
    const char* kind_ = "";
    form form_ = form::text;
};

using phrases = std::initializer_list<phrase>;

/// Joins the pieces of the subject, then those of the predicate.
[[nodiscard, gnu::noinline]] inline std::string sentence(phrases subject, phrases predicate = {}) {
    std::string message;
    for (const phrase& piece : subject) piece.append_to(message);
    for (const phrase& piece : predicate) piece.append_to(message);
    return message;
}

/// Calls a cold function, one that is compiled for size, through a pointer that the compiler cannot follow. A direct
/// call would make it compile for size also what always leads to the call, and what only comes after it: a caller's
/// main loop.
template <class Result, class... Arguments>
Result call_cold(Result (*function)(Arguments...), std::type_identity_t<Arguments>... arguments) {
    Result (*volatile hidden)(Arguments...) = function;
    return hidden(std::forward<Arguments>(arguments)...);
}

/// An error with that sentence as its message.
[[nodiscard, gnu::noinline, gnu::cold]] inline error refuse(error_code code, phrases subject, phrases predicate = {}) {
    return {code, sentence(subject, predicate)};
}

}  // namespace berth::inline v0::detail
