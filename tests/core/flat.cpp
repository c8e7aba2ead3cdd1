// SPDX-License-Identifier: Apache-2.0
#include "berth/core/flat.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

using berth::detail::flat;

static_assert(std::is_nothrow_move_constructible_v<flat<int>> && std::is_nothrow_move_assignable_v<flat<int>>);
static_assert(sizeof(flat<int>) == 3 * sizeof(void*));

namespace {

struct record {
    std::uint8_t kind;
    std::uint64_t number;

    friend bool operator==(const record&, const record&) = default;
};

template <class T>
bool equal(const flat<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size() || a.empty() != b.empty() || a.view().size() != b.size()) return false;
    for (std::size_t i = 0; i < b.size(); ++i) {
        if (!(a[i] == b[i])) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("flat: an empty one has no memory and no elements") {
    flat<int> none;
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.data() == nullptr);
    CHECK(none.begin() == none.end());
    flat<int> copy = none;
    CHECK(copy.empty());
    none.append({});
    none.reserve(0);
    none.resize(0);
    CHECK(none.data() == nullptr);
    none = flat<int>(3, 7);
    CHECK(equal(none, {7, 7, 7}));
}

TEST_CASE("flat: grows without losing elements, and a reserved array does not reallocate") {
    flat<std::uint32_t> numbers;
    std::size_t growths = 0;
    const std::uint32_t* before = numbers.data();
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        numbers.push_back(i);
        if (numbers.data() != before) ++growths;
        before = numbers.data();
    }
    CHECK(growths < 20);  // doubling
    bool kept = true;
    for (std::uint32_t i = 0; i < 10'000; ++i) kept = kept && numbers[i] == i;
    CHECK(kept);

    flat<std::uint32_t> reserved;
    reserved.reserve(1000);
    const std::uint32_t* at = reserved.data();
    for (std::uint32_t i = 0; i < 1000; ++i) reserved.push_back(i);
    CHECK(reserved.data() == at);
    reserved.reserve(10);
    CHECK(reserved.data() == at);
    reserved.clear();
    CHECK(reserved.empty());
    CHECK(reserved.data() == at);
}

TEST_CASE("flat: copies are independent, moves leave an empty one") {
    flat<int> first;
    for (int i = 0; i < 5; ++i) first.push_back(i);
    flat<int> second = first;
    second[0] = 9;
    second.push_back(5);
    CHECK(equal(first, {0, 1, 2, 3, 4}));
    CHECK(equal(second, {9, 1, 2, 3, 4, 5}));

    const int* memory = second.data();
    flat<int> third = std::move(second);
    CHECK(third.data() == memory);
    CHECK(second.empty());  // NOLINT(bugprone-use-after-move): specified to be empty
    second.push_back(1);
    CHECK(equal(second, {1}));

    third = first;
    CHECK(equal(third, {0, 1, 2, 3, 4}));
    third = std::move(second);
    CHECK(equal(third, {1}));
    third.swap(first);
    CHECK(equal(third, {0, 1, 2, 3, 4}));
    CHECK(equal(first, {1}));
}

TEST_CASE("flat: copy assignment keeps memory that suffices") {
    flat<int> large(100, 1);
    const flat<int> small(60, 2);
    const int* at = large.data();
    large = small;
    CHECK(large.data() == at);
    CHECK(large.size() == 60);
    CHECK(large[59] == 2);
    large = flat<int>(3, 5);
    CHECK(large.size() == 3);
    CHECK(large[2] == 5);
}

TEST_CASE("flat: assignment to itself changes nothing") {
    flat<int> numbers;
    for (int i = 0; i < 5; ++i) numbers.push_back(i);
    flat<int>& alias = numbers;
    numbers = alias;
    CHECK(equal(numbers, {0, 1, 2, 3, 4}));
    numbers = std::move(alias);
    CHECK(equal(numbers, {0, 1, 2, 3, 4}));
    numbers.swap(alias);
    CHECK(equal(numbers, {0, 1, 2, 3, 4}));
}

TEST_CASE("flat: elements and ranges of the array itself may be appended while it grows") {
    for (std::size_t spare = 0; spare < 4; ++spare) {
        CAPTURE(spare);
        flat<std::uint64_t> numbers;
        numbers.reserve(3 + spare);
        std::vector<std::uint64_t> expected;
        for (std::uint64_t i = 0; i < 3; ++i) {
            numbers.push_back(i + 100);
            expected.push_back(i + 100);
        }
        numbers.append(numbers.view());
        const std::vector<std::uint64_t> twice = expected;
        expected.insert(expected.end(), twice.begin(), twice.end());
        CHECK(equal(numbers, expected));
        numbers.push_back(numbers[1]);
        expected.push_back(std::uint64_t{101});
        CHECK(equal(numbers, expected));
        numbers.resize(100, numbers[2]);
        expected.resize(100, std::uint64_t{102});
        CHECK(equal(numbers, expected));
        numbers.assign(1000, numbers[0]);
        CHECK(equal(numbers, std::vector<std::uint64_t>(1000, 100)));
    }
}

TEST_CASE("flat: elements with padding are aligned") {
    flat<record> records;
    flat<std::max_align_t> strict(3);
    for (std::uint8_t i = 0; i < 50; ++i) {
        records.push_back({i, i * std::uint64_t{1'000'000'007}});
        CHECK(reinterpret_cast<std::uintptr_t>(&records.back()) % alignof(record) == 0);
    }
    CHECK(reinterpret_cast<std::uintptr_t>(strict.data()) % alignof(std::max_align_t) == 0);
    CHECK(records[49] == record{49, 49 * std::uint64_t{1'000'000'007}});
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BERTH_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BERTH_TEST_SANITIZED
#endif
#if defined(__cpp_exceptions) && !defined(BERTH_TEST_SANITIZED)  // sanitizers abort instead of throwing
TEST_CASE("flat: a failed allocation leaves the array unchanged") {
    flat<std::uint64_t> numbers;
    for (std::uint64_t i = 0; i < 5; ++i) numbers.push_back(i);
    // More bytes than any allocator has, but no overflow of size_t.
    const std::size_t too_many = (~std::size_t{0} >> 1U) / sizeof(std::uint64_t);
    bool failed = false;
    try {
        numbers.reserve(too_many);
    } catch (const std::bad_alloc&) { failed = true; }
    CHECK(failed);
    CHECK(equal(numbers, {0, 1, 2, 3, 4}));
    numbers.push_back(5);
    CHECK(equal(numbers, {0, 1, 2, 3, 4, 5}));
}
#endif

TEST_CASE("flat: equals std::vector after any sequence of calls") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        flat<std::uint32_t> a;
        std::vector<std::uint32_t> b;
        flat<std::uint32_t> other_a(4, 1);
        std::vector<std::uint32_t> other_b(4, 1);
        for (int step = 0; step < 400; ++step) {
            const auto value = static_cast<std::uint32_t>(g());
            const std::size_t size = berth::bounded(g, 60);
            switch (berth::bounded(g, 12)) {
                case 0: a.resize(size, value), b.resize(size, value); break;
                case 1: a.assign(size, value), b.assign(size, value); break;
                case 2: a.reserve(size), b.reserve(size); break;
                case 3: a.append(other_a.view()), b.insert(b.end(), other_b.begin(), other_b.end()); break;
                case 4: a.swap(other_a), b.swap(other_b); break;
                case 5: other_a = a, other_b = b; break;
                case 6:
                    if (berth::bounded(g, 10) == 0) a.clear(), b.clear();
                    break;
                case 7:
                case 8:
                    if (!b.empty()) a.pop_back(), b.pop_back();
                    break;
                default: a.push_back(value), b.push_back(value); break;
            }
            if (b.size() > 5000) a.resize(10), b.resize(10);
            REQUIRE(equal(a, b));
            REQUIRE(equal(other_a, other_b));
        }
    }
}

TEST_CASE("growing keeps its values when it grows, and copies them") {
    berth::detail::growing<std::vector<int>> rows;
    for (int i = 0; i < 100; ++i) rows.grow().push_back(i);
    const auto copy = rows;
    rows.resize(200);
    rows[7].push_back(-1);
    auto moved = std::move(rows);
    REQUIRE(moved.size() == 200);
    REQUIRE(copy.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) {
        REQUIRE(copy[i] == std::vector<int>{static_cast<int>(i)});
        REQUIRE(moved[i].front() == static_cast<int>(i));
        REQUIRE(moved[i + 100].empty());
    }
    REQUIRE(moved[7].back() == -1);
    moved = copy;
    REQUIRE(moved.size() == 100);
}
