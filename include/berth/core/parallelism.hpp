// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>

namespace berth::inline v0 {

/// A customisation point: runs the iterations of a parallel loop. The library starts no thread of its own; write one to
/// use the threads of your program.
///
/// 1. `p.for_each(n, f)` calls `f(i)` exactly once for every i in [0, n), in any order, on any threads, and returns
///    when all calls have returned.
/// 2. `p.concurrency()` is the number of calls that may run at the same time, at least 1. Algorithms may split work by
///    it; results do not depend on it.
/// 3. `f` does not throw.
///
/// ```
/// struct on_my_pool {
///     my::pool* pool;
///     template <class F>
///     void for_each(std::size_t n, F&& f) const { pool->parallel_for(0, n, f); }
///     std::size_t concurrency() const { return pool->size(); }
/// };
/// ```
///
/// The default is `sequential`; `thread_pool` (`core/thread_pool.hpp`) has threads of its own.
template <class P>
concept parallelism = requires(P& p, void (*f)(std::size_t)) {
    p.for_each(std::size_t{}, f);
    { p.concurrency() } -> std::convertible_to<std::size_t>;
};

/// Runs every iteration on the calling thread, in order. The default.
struct sequential {
    /// Calls `f(0)` to `f(n - 1)`.
    template <class F>
    constexpr void for_each(std::size_t n, F&& f) const {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
    /// Always 1.
    [[nodiscard]] constexpr std::size_t concurrency() const noexcept { return 1; }
};

static_assert(parallelism<const sequential>);

}  // namespace berth::inline v0
