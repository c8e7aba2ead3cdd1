// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replaces the global operator new by one that counts and can be made to fail. Include it in exactly one file of a test binary.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace berth_test {

inline std::atomic<std::size_t> allocations = 0;
inline std::atomic<std::size_t> failing = 0;  ///< allocations until one fails; 0: none does

/// How many times `f` allocated.
template <class F>
[[nodiscard]] std::size_t allocations_of(F&& f) {
    const std::size_t before = allocations.load();
    f();
    return allocations.load() - before;
}

/// Runs `f` with the n-th allocation failing, counted from 1.
///
/// @return whether it failed, so that `f` ended with `std::bad_alloc`
template <class F>
[[nodiscard]] bool fails_at(std::size_t n, F&& f) {
    failing = n;
    try {
        f();
    } catch (const std::bad_alloc&) {
        failing = 0;
        return true;
    }
    failing = 0;
    return false;
}

}  // namespace berth_test

// Not inlined: g++ 12 then takes their malloc and free for a mismatch of new and delete.
// NOLINTBEGIN(misc-definitions-in-headers)
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++berth_test::allocations;
    if (berth_test::failing != 0 && --berth_test::failing == 0) throw std::bad_alloc{};
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(misc-definitions-in-headers)
