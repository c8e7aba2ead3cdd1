// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// What kind of thing was wrong with an input.
enum class error_code : std::uint8_t {
    invalid_value,   ///< negative, NaN, not in the allowed range
    overflow,        ///< a number or a sum that does not fit
    duplicate,       ///< a name that must be unique is not
    unknown_name,    ///< a reference to something that does not exist
    inconsistent,    ///< two inputs that contradict each other
    limit_exceeded,  ///< more of something than the library supports
    malformed,       ///< text that cannot be read
    io,              ///< a file that cannot be opened, read or written
    device,          ///< a device that is not there, or a call to it that failed
};

/// A refusal of malformed input. The message is one sentence that names the offending item and field, for example
/// `task 17 ("train-3"): gpu_demand[0] is -5, expected 0..1000`.
struct error {
    error_code code = error_code::invalid_value;
    std::string message;

    friend bool operator==(const error&, const error&) = default;
};

/// Either a value or an `error`; the member names are those of `std::expected`, which C++20 lacks. Never throws by
/// itself; reading the value of a failed result is a programmer error.
template <class T>
class [[nodiscard]] result {
    static_assert(std::is_object_v<T> && !std::is_same_v<std::remove_cv_t<T>, berth::error>,
                  "berth: result<T> holds an object that is not itself an error");

public:
    using value_type = T;

    result(T value) : value_{std::move(value)}, ok_{true} {}
    result(berth::error failure) noexcept : error_{std::move(failure)} {}

    result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        : error_{std::move(other.error_)}, ok_{other.ok_} {
        if (ok_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    }
    result(const result& other)
        requires std::is_copy_constructible_v<T>
        : error_{other.error_}, ok_{other.ok_} {
        if (ok_) ::new (static_cast<void*>(&value_)) T(other.value_);
    }
    result& operator=(result other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        if (ok_) value_.~T();
        ok_ = false;
        if (other.ok_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
        ok_ = other.ok_;
        error_ = std::move(other.error_);
        return *this;
    }
    ~result() {
        if (ok_) value_.~T();
    }

    [[nodiscard]] bool has_value() const noexcept { return ok_; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& value() & noexcept { return *checked(); }
    [[nodiscard]] const T& value() const& noexcept { return *checked(); }
    [[nodiscard]] T&& value() && noexcept { return std::move(*checked()); }
    [[nodiscard]] T& operator*() & noexcept { return value(); }
    [[nodiscard]] const T& operator*() const& noexcept { return value(); }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(*this).value(); }
    [[nodiscard]] T* operator->() noexcept { return checked(); }
    [[nodiscard]] const T* operator->() const noexcept { return checked(); }

    [[nodiscard]] const berth::error& error() const noexcept {
        BERTH_ASSERT(!has_value(), "berth: result::error() called on a result that holds a value");
        return error_;
    }

    /// The value, or `fallback` if there is none.
    template <class U>
    [[nodiscard]] T value_or(U&& fallback) const& {
        return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
    }
    template <class U>
    [[nodiscard]] T value_or(U&& fallback) && {
        return has_value() ? std::move(*this).value() : static_cast<T>(std::forward<U>(fallback));
    }

private:
    [[nodiscard]] T* checked() noexcept {
        BERTH_ASSERT(has_value(), "berth: result::value() called on a result that holds an error");
        return &value_;
    }
    [[nodiscard]] const T* checked() const noexcept {
        BERTH_ASSERT(has_value(), "berth: result::value() called on a result that holds an error");
        return &value_;
    }

    // By hand, because a variant or an optional of every type costs a translation unit dozens of functions.
    union {
        T value_;
    };
    berth::error error_;
    bool ok_ = false;
};

/// A check that yields nothing but success or an error.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(berth::error failure) : ok_{false}, error_{std::move(failure)} {}

    [[nodiscard]] bool has_value() const noexcept { return ok_; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] const berth::error& error() const noexcept {
        BERTH_ASSERT(!has_value(), "berth: result::error() called on a result that holds no error");
        return error_;
    }

private:
    bool ok_ = true;
    berth::error error_;
};

}  // namespace berth::inline v0
