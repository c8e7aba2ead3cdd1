// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replaces the global operator new by one that counts, and throws where a test wants it. Include it in exactly one file of a test binary.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace berth_test {

inline std::atomic<std::size_t> allocations = 0;
/// The number of allocations until one throws, that one included; 0: none does.
inline std::atomic<std::size_t> allocations_left = 0;

/// How many times `f` allocated.
template <class F>
[[nodiscard]] std::size_t allocations_of(F&& f) {
    const std::size_t before = allocations.load();
    f();
    return allocations.load() - before;
}

/// Calls `f` so that its n-th allocation throws, n from 1.
///
/// @return true if it threw; false if it had fewer allocations
template <class F>
[[nodiscard]] bool throws_at(std::size_t n, F&& f) {
    struct disarm {
        ~disarm() { allocations_left = 0; }
    };
    try {
        const disarm at_the_end;
        allocations_left = n;
        f();
    } catch (const std::bad_alloc&) { return true; }
    return false;
}

}  // namespace berth_test

// ThreadSanitizer links its own; there nothing is counted, and no test that counts is run.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BERTH_TEST_WEAK , gnu::weak
#endif
#endif
#ifndef BERTH_TEST_WEAK
#define BERTH_TEST_WEAK
#endif

// Not inlined: g++ 12 then takes their malloc and free for a mismatch of new and delete.
// NOLINTBEGIN(misc-definitions-in-headers)
[[gnu::noinline BERTH_TEST_WEAK]] void* operator new(std::size_t size) {
    ++berth_test::allocations;
    if (berth_test::allocations_left != 0 && --berth_test::allocations_left == 0) throw std::bad_alloc{};
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline BERTH_TEST_WEAK]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline BERTH_TEST_WEAK]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(misc-definitions-in-headers)
