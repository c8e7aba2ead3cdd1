// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>

namespace berth::inline v0 {

/// Who runs the iterations of a parallel loop. The library starts no thread of its own.
///
/// 1. `e.for_each(n, f)` calls `f(i)` exactly once for every i in [0, n), in any order, on any threads, and returns when all
///    calls have returned.
/// 2. `e.concurrency()` is how many calls may run at the same time (at least 1). Algorithms may split work by it, but
///    results must not depend on it.
/// 3. `f` does not throw.
///
/// The default everywhere is `sequential`; `thread_pool` (`core/thread_pool.hpp`) is the one with threads.
template <class E>
concept parallelism = requires(E& e, void (*f)(std::size_t)) {
    e.for_each(std::size_t{}, f);
    { e.concurrency() } -> std::convertible_to<std::size_t>;
};

/// Runs everything on the calling thread, in order.
struct sequential {
    template <class F>
    constexpr void for_each(std::size_t n, F&& f) const {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
    [[nodiscard]] constexpr std::size_t concurrency() const noexcept { return 1; }
};

static_assert(parallelism<const sequential>);

}  // namespace berth::inline v0
