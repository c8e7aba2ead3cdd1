// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// The progress of a run.
struct progress {
    std::size_t done = 0;           ///< items decided so far (tasks, generations, ...)
    std::size_t total = 0;          ///< number of items, 0 if unknown
    std::uint64_t evaluations = 0;  ///< evaluations so far, in the unit of the run's budget
    double objective = 0.0;         ///< best objective so far, in the run's own unit
};

/// A customisation point: reports the progress of a run, for a progress bar, a log or a plot. It cannot steer the run;
/// to stop it write a `stoppable`. An observer has at least one of these hooks, each with a `const progress&`:
///
/// - `on_begin(p)` before the first item,
/// - `on_progress(p)` after each item (greedy: task; searches: improvement or generation),
/// - `on_end(p)` after the last item.
///
/// ```
/// struct printer {
///     void on_progress(const berth::progress& p) { std::printf("%zu of %zu\n", p.done, p.total); }
/// };
/// berth::local_search{}.run(problem, objective, start, berth::run_control<berth::never_stop, printer>{});
/// ```
///
/// An absent hook costs nothing. A type without any of them is no observer, so that a misspelt hook does not compile.
/// Hooks run on the thread of the algorithm and must not throw. `examples/search_progress.cpp` draws a curve.
template <class O>
concept observer = requires(O& o, const progress& p) { o.on_begin(p); } || requires(O& o, const progress& p) {
    o.on_progress(p);
} || requires(O& o, const progress& p) { o.on_end(p); };

/// Ignores all progress. The default.
struct no_observer {
    /// Does nothing.
    constexpr void on_begin(const progress&) const noexcept {}
};

/// Calls a hook of an observer if it has that hook.
namespace notify {

/// Calls `on_begin`.
template <observer O>
constexpr void begin(O& o, const progress& p) {
    if constexpr (requires { o.on_begin(p); }) o.on_begin(p);
}
/// Calls `on_progress`.
template <observer O>
constexpr void step(O& o, const progress& p) {
    if constexpr (requires { o.on_progress(p); }) o.on_progress(p);
}
/// Calls `on_end`.
template <observer O>
constexpr void end(O& o, const progress& p) {
    if constexpr (requires { o.on_end(p); }) o.on_end(p);
}

}  // namespace notify

}  // namespace berth::inline v0
