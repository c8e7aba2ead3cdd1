// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// How far a run has come.
struct progress {
    std::size_t done = 0;           ///< items decided so far (tasks, generations, ...)
    std::size_t total = 0;          ///< items in all, 0 if unknown
    std::uint64_t evaluations = 0;  ///< candidates scored so far
    double objective = 0.0;         ///< best objective so far, in the run's own unit
};

/// Watches a run without steering it. An observer offers at least one of the hooks, each taking a `const progress&`:
///
/// - `on_begin(p)` before the first item,
/// - `on_progress(p)` after each item (greedy: task; searches: improvement or generation),
/// - `on_end(p)` after the last.
///
/// A hook that is absent costs nothing. An observer without any known hook does not compile, so that a misspelt hook is
/// found. Hooks run on the thread that runs the algorithm and must not throw.
template <class O>
concept observer = requires(O& o, const progress& p) { o.on_begin(p); } || requires(O& o, const progress& p) {
    o.on_progress(p);
} || requires(O& o, const progress& p) { o.on_end(p); };

/// Sees nothing. The default.
struct no_observer {
    constexpr void on_begin(const progress&) const noexcept {}
};

/// Calls of hooks that may be absent.
namespace notify {

template <observer O>
constexpr void begin(O& o, const progress& p) {
    if constexpr (requires { o.on_begin(p); }) o.on_begin(p);
}
template <observer O>
constexpr void step(O& o, const progress& p) {
    if constexpr (requires { o.on_progress(p); }) o.on_progress(p);
}
template <observer O>
constexpr void end(O& o, const progress& p) {
    if constexpr (requires { o.on_end(p); }) o.on_end(p);
}

}  // namespace notify

}  // namespace berth::inline v0
