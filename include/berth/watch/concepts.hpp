// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of watching, each a plain const value with the state of one GPU as a nested type:
//
//   smoothing     what is believed after a sample            watch/smoothing.hpp
//   health_check  what a sample says about the health        watch/health_checks.hpp
//   health_rule   from evidence to health, with hysteresis   watch/health.hpp
//
// `fleet_watch` (watch/fleet_watch.hpp) combines them.

#include "berth/watch/estimate.hpp"
#include "berth/watch/samples.hpp"

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace berth::inline v0 {

/// Turns samples of one quantity into what is believed of it. `S::state` is what is kept for each GPU.
///
/// 1. `s.observe(state, step, x)` reads a sample, `step` seconds after the one before, NaN for the first. It returns
///    false if the sample is not believed yet. `x` is finite.
/// 2. `s.value(state)` is the value now, NaN before the first sample; `s.doubt(state, age)` its standard deviation
///    `age` seconds later, 0 or more, never falling in `age`.
///
/// States are trivially copyable and default-constructible. All are O(1), deterministic, and allocate nothing.
template <class S>
concept smoothing = std::copy_constructible<S> && std::is_trivially_copyable_v<typename S::state> &&
                    std::default_initializable<typename S::state> &&
                    requires(const S& s, typename S::state& state, const typename S::state& kept, double x) {
                        { s.observe(state, x, x) } -> std::same_as<bool>;
                        { s.value(kept) } -> std::same_as<double>;
                        { s.doubt(kept, x) } -> std::same_as<double>;
                    };

/// What a check says about the health of a GPU.
enum class severity : std::uint8_t {
    unknown,  ///< its fields were not measured, or not believed
    good,     ///< nothing is wrong
    warning,  ///< not right, but not to be drained
    bad,      ///< to be drained
};

/// The answer of a check, with a reason that can be printed.
struct evidence {
    severity level = severity::unknown;                       ///< how bad
    const char* reason = "";                                  ///< what was seen; a literal
    double value = std::numeric_limits<double>::quiet_NaN();  ///< the number behind it, NaN: none
};

/// What a check sees: the sample as it came, and what is believed after it.
struct gpu_view {
    const gpu_sample& sample;  ///< as it came
    double step;               ///< seconds since the sample before, NaN for the first
    estimate temperature;      ///< believed, °C; without a value where this sample was not measured or not believed
    estimate load;             ///< believed, share in use
};

/// Judges samples by one kind of sign: error codes, memory errors, throttling, temperature. `C::state` is what is kept
/// for each GPU.
///
/// 1. `c.judge(state, view)` is asked once for every sample that is news. `bad` is final: confirmation and hysteresis
///    of the sign itself are the check's own affair. What was not measured is `unknown`, never `good`.
/// 2. It answers `good` again at some time once the sign is gone; otherwise the GPU never recovers.
///
/// States are trivially copyable and default-constructible. O(1), deterministic, allocates nothing. Write one for a
/// sign that only your site knows:
///
/// ```
/// struct slow_link {
///     struct state {};
///     berth::evidence judge(state&, const berth::gpu_view& v) const;
/// };
/// ```
template <class C>
concept health_check = std::copy_constructible<C> && std::is_trivially_copyable_v<typename C::state> &&
                       std::default_initializable<typename C::state> &&
                       requires(const C& c, typename C::state& state, const gpu_view& view) {
                           { c.judge(state, view) } -> std::same_as<evidence>;
                       };

/// The health of a GPU or node.
enum class health_state : std::uint8_t {
    well,        ///< takes tasks
    suspect,     ///< takes tasks; there was a warning
    sick,        ///< to be drained, takes nothing
    recovering,  ///< takes nothing yet; the samples are good again
};

/// False for a place that is to be drained and takes nothing.
[[nodiscard]] constexpr bool usable(health_state s) noexcept {
    return s == health_state::well || s == health_state::suspect;
}
/// The state in one word.
[[nodiscard]] constexpr const char* to_string(health_state s) noexcept {
    switch (s) {
        case health_state::well: return "well";
        case health_state::suspect: return "suspect";
        case health_state::sick: return "sick";
        case health_state::recovering: return "recovering";
    }
    return "";
}

/// The evidence of one sample, of all checks together.
struct verdict {
    evidence worst{};        ///< of the first check that says the worst
    std::uint32_t bad = 0;   ///< bit i: check i says `bad`; bit 31: see `silence_bit`
    std::uint32_t good = 0;  ///< bit i: check i says `good`
};

/// The bit of a `verdict` for silence, which no check judges.
inline constexpr std::uint32_t silence_bit = std::uint32_t{1} << 31U;

/// From evidence to health, with hysteresis. `H::state` is what is kept for each GPU and node.
///
/// 1. `state.health` is the state, `well` by default.
/// 2. `h.advance(state, verdict, step)` reads the evidence of one sample.
/// 3. `h.adopt(state)` makes a place sick that the cluster calls unhealthy when it is first seen.
///
/// A place that is sick takes more good samples to return than bad ones to leave, and always returns when the good ones
/// go on. O(1), deterministic, allocates nothing.
template <class H>
concept health_rule = std::copy_constructible<H> && std::is_trivially_copyable_v<typename H::state> &&
                      std::default_initializable<typename H::state> &&
                      requires(const H& h, typename H::state& state, const verdict& v, double step) {
                          { state.health } -> std::convertible_to<health_state>;
                          h.advance(state, v, step);
                          h.adopt(state);
                      };

}  // namespace berth::inline v0
