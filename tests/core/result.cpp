// SPDX-License-Identifier: Apache-2.0
#include "berth/core/result.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using berth::error;
using berth::error_code;
using berth::result;

static_assert(!std::is_default_constructible_v<result<int>>);
static_assert(std::is_default_constructible_v<result<void>>);
static_assert(!std::is_convertible_v<result<int>, bool>, "only explicitly");
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
static_assert(std::is_same_v<result<int>::value_type, int>);
static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_same_v<decltype(*std::declval<result<std::string>>()), std::string>, "by value: nothing dangles");
static_assert(std::is_same_v<decltype(std::declval<result<std::string>>().value()), std::string>);
static_assert(noexcept(*std::declval<result<std::string>>()));

namespace {

result<int> half(int n) {
    if (n % 2 != 0) return error{error_code::invalid_value, "n is odd"};
    return n / 2;
}

result<void> check(int n) {
    if (n < 0) return error{error_code::overflow, "n is negative"};
    return {};
}

}  // namespace

TEST_CASE("result: with a value") {
    auto r = half(8);
    REQUIRE(r);
    CHECK(r.has_value());
    CHECK(r.value() == 4);
    *r = 5;
    CHECK(*std::as_const(r) == 5);
    CHECK(r.value_or(9) == 5);
    CHECK(half(2).value_or(9) == 1);
}

TEST_CASE("result: with an error") {
    const auto r = half(7);
    CHECK_FALSE(r);
    CHECK_FALSE(r.has_value());
    CHECK(r.error() == error{error_code::invalid_value, "n is odd"});
    CHECK(r.value_or(9) == 9);
}

TEST_CASE("result: members of the value, and values that can only be moved") {
    result<std::string> text{std::string{"berth"}};
    CHECK(text->size() == 5);
    CHECK(std::as_const(text)->front() == 'b');

    result<std::unique_ptr<int>> owner{std::make_unique<int>(3)};
    const std::unique_ptr<int> taken = std::move(owner).value();
    CHECK(*taken == 3);
    result<std::unique_ptr<int>> other{std::make_unique<int>(4)};
    CHECK(*std::move(other).value_or(nullptr) == 4);
    result<std::unique_ptr<int>> none{error{}};
    CHECK(std::move(none).value_or(nullptr) == nullptr);
}

TEST_CASE("result: a loop over the value of a call runs over what lives until it ends") {
    // Values that say when they end: a dangling range would read them after that.
    static int alive = 0;
    struct counted {
        counted() noexcept { ++alive; }
        counted(const counted&) noexcept { ++alive; }
        counted(counted&&) noexcept { ++alive; }
        counted& operator=(const counted&) = default;
        counted& operator=(counted&&) = default;
        ~counted() { --alive; }
    };
    const auto make = [](std::size_t n) { return result<std::vector<counted>>{std::vector<counted>(n)}; };
    int seen = 0;
    for ([[maybe_unused]] const counted& one : *make(3)) seen += alive == 3 ? 1 : 0;
    CHECK(seen == 3);
    for ([[maybe_unused]] const counted& one : make(2).value()) seen += alive == 2 ? 1 : 0;
    CHECK(seen == 5);
    CHECK(alive == 0);
    const std::vector<counted>& bound = *make(4);
    CHECK(alive == 4);
    CHECK(bound.size() == 4);
}

TEST_CASE("result<void>") {
    CHECK(check(1));
    CHECK(check(1).has_value());
    const auto refused = check(-1);
    CHECK_FALSE(refused);
    CHECK(refused.error().code == error_code::overflow);
    CHECK(refused.error().message == "n is negative");
}

TEST_CASE("result: assignment replaces value and error") {
    auto r = half(8);
    r = half(7);
    CHECK_FALSE(r);
    r = half(6);
    CHECK(*r == 3);
}
