// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// The kind of an error.
enum class error_code : std::uint8_t {
    invalid_value,   ///< negative, NaN, outside its range
    overflow,        ///< a number or a sum that does not fit
    duplicate,       ///< a name that must be unique is not
    unknown_name,    ///< a reference to something that does not exist
    inconsistent,    ///< two inputs that contradict each other
    limit_exceeded,  ///< more items than the library supports
    malformed,       ///< text that cannot be parsed
    io,              ///< a file that cannot be opened, read or written
    device,          ///< a device that is missing, or a call to it that failed
};

/// Why an input was refused.
struct error {
    error_code code = error_code::invalid_value;  ///< the kind, for programs
    /// One sentence for people. It names item and field: `task 17 ("train-3"): gpu_demand[0] is -5, expected 0..1000`.
    std::string message;

    /// Equal code and message.
    friend bool operator==(const error&, const error&) = default;
};

/// Either a value or an `error`, with the member names of `std::expected`, which C++20 lacks. Throws nothing itself.
/// Reading the value of a failed result is a programmer's error, found by an assertion.
///
/// ```
/// const berth::result<berth::fleet> machines = berth::make_fleet(hosts);
/// if (!machines) return report(machines.error().message);
/// use(*machines);
/// ```
template <class T>
class [[nodiscard]] result {
    static_assert(std::is_object_v<T> && !std::is_same_v<std::remove_cv_t<T>, berth::error>,
                  "berth: result<T> holds an object that is not itself an error");

public:
    using value_type = T;  ///< type of the value

    /// A success.
    result(T value) : value_{std::move(value)}, ok_{true} {}
    /// A failure.
    [[gnu::noinline, gnu::cold]] result(berth::error&& failure) noexcept : error_{std::move(failure)} {}
    /// A failure.
    [[gnu::noinline, gnu::cold]] result(const berth::error& failure) : error_{failure} {}

    /// Moves value or error.
    result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        : error_{std::move(other.error_)}, ok_{other.ok_} {
        if (ok_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    }
    /// Copies value or error.
    result(const result& other)
        requires std::is_copy_constructible_v<T>
        : error_{other.error_}, ok_{other.ok_} {
        if (ok_) ::new (static_cast<void*>(&value_)) T(other.value_);
    }
    /// Replaces value or error.
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

    /// True if it holds a value.
    [[nodiscard]] bool has_value() const noexcept { return ok_; }
    /// True if it holds a value.
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    /// The value. Requires `has_value()` (asserted).
    [[nodiscard]] T& value() & noexcept { return *checked(); }
    /// The value. Requires `has_value()` (asserted).
    [[nodiscard]] const T& value() const& noexcept { return *checked(); }
    /// The value, moved out, so that what is bound to it lives on. Requires `has_value()` (asserted).
    [[nodiscard]] T value() && noexcept(std::is_nothrow_move_constructible_v<T>) { return std::move(*checked()); }
    /// The value. Requires `has_value()` (asserted).
    [[nodiscard]] T& operator*() & noexcept { return value(); }
    /// The value. Requires `has_value()` (asserted).
    [[nodiscard]] const T& operator*() const& noexcept { return value(); }
    /// The value, moved out: `for (auto& one : *make())` runs over a value that lives until the loop ends. Requires
    /// `has_value()` (asserted).
    [[nodiscard]] T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) {
        return std::move(*this).value();
    }
    /// A member of the value, which there must be.
    [[nodiscard]] T* operator->() noexcept { return checked(); }
    /// A member of the value, which there must be.
    [[nodiscard]] const T* operator->() const noexcept { return checked(); }

    /// The error. Requires a failure (asserted).
    [[nodiscard]] const berth::error& error() const noexcept {
        BERTH_ASSERT(!has_value(), "berth: result::error() called on a result that holds a value");
        return error_;
    }

    /// The value, or `fallback` if there is none.
    template <class U>
    [[nodiscard]] T value_or(U&& fallback) const& {
        return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
    }
    /// The value, moved out, or `fallback` if there is none.
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

    // A union, because a variant or an optional costs a translation unit dozens of functions for every type.
    union {
        T value_;
    };
    berth::error error_;
    bool ok_ = false;
};

/// The result of a check: success or an error.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;  ///< there is no value

    /// A success.
    result() = default;
    /// A failure.
    [[gnu::noinline, gnu::cold]] result(berth::error&& failure) noexcept : ok_{false}, error_{std::move(failure)} {}
    /// A failure.
    [[gnu::noinline, gnu::cold]] result(const berth::error& failure) : ok_{false}, error_{failure} {}

    /// True if it succeeded.
    [[nodiscard]] bool has_value() const noexcept { return ok_; }
    /// True if it succeeded.
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    /// The error. Requires a failure (asserted).
    [[nodiscard]] const berth::error& error() const noexcept {
        BERTH_ASSERT(!has_value(), "berth: result::error() called on a result that holds no error");
        return error_;
    }

private:
    bool ok_ = true;
    berth::error error_;
};

}  // namespace berth::inline v0
