// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"
#include "berth/watch/counters.hpp"
#include "berth/watch/thermal_limit.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

// Checks, for `fleet_watch`:
//
//   error_codes      XID errors
//   memory_errors    ECC and remapped rows
//   throttling       the GPU slows itself down because it is too hot
//   thermal_limit    temperature against a limit (watch/thermal_limit.hpp)
//   driver_advice    the driver asks for a reset, a reboot or a drain
//   health_checks    several of them
//
// Loss of contact is not a check: whether a silent GPU is gone, or its exporter, only its neighbours tell; see
// `contact_rule`.

/// What an XID error says of a GPU, by NVIDIA's catalogue: `bad` where the GPU, its memory or its link is at fault,
/// `warning` where errors were contained, `good` where the program is (13, 31, 43, 45, ...) and for 0.
[[nodiscard]] constexpr severity xid_severity(std::uint32_t code) noexcept {
    switch (code) {
        case 46:   // GPU stopped processing
        case 48:   // double-bit ECC error
        case 62:   // internal micro-controller halt
        case 64:   // row remapping failed
        case 74:   // NVLink error
        case 79:   // fallen off the bus
        case 95:   // uncontained ECC error
        case 109:  // context switch timeout
        case 119:  // GSP does not answer
        case 120:  // GSP error
        case 140:  // unrecovered ECC error
        case 143:  // GPU initialisation failed
            return severity::bad;
        case 61:  // internal micro-controller breakpoint
        case 63:  // row remapping recorded
        case 92:  // high rate of corrected errors
        case 94:  // contained ECC error
            return severity::warning;
        default: return severity::good;
    }
}

/// XID errors. A code counts while it is shown, for `held` seconds at most, because many exporters show the last one
/// until the driver is loaded again; a new code, or a counter that grew, begins anew. The first sample counts, too: how
/// old the code is, is unknown.
struct error_codes {
    double held = 3600.0;                                 ///< seconds, 0 or more
    severity (*classify)(std::uint32_t) = &xid_severity;  ///< what a code says
    counter_increase counter{};                           ///< how resets of `xid_count` are told

    /// The code shown.
    struct state {
        std::uint32_t code = 0;              ///< the last code
        double shown = 0.0;                  ///< seconds since it was news
        counter_increase::state count{};     ///< of `xid_count`
        severity of_count = severity::good;  ///< of an error without a code
    };
    /// See `health_check`.
    [[nodiscard]] evidence judge(state& s, const gpu_view& v) const noexcept {
        const gpu_sample& now = v.sample;
        if (!now.xid && !now.xid_count) return {};
        if (v.step >= 0.0) s.shown += v.step;
        const bool more = now.xid_count && counter.observe(s.count, static_cast<double>(*now.xid_count)) > 0.0;
        const std::uint32_t code = now.xid.value_or(0);
        if (more && !now.xid) return {severity::bad, "XID error", static_cast<double>(*now.xid_count)};
        if (more || code != s.code) s.shown = 0.0;
        s.code = code;
        const severity level = s.shown <= held ? classify(code) : severity::good;
        return {level, level == severity::good ? "" : "XID error", static_cast<double>(code)};
    }
};

/// Memory errors. An uncorrectable one, a row remapped because of one, or a row that could not be remapped is bad; many
/// corrected ones are a warning.
struct memory_errors {
    double correctable_per_hour = 100.0;  ///< above 0: more than so many corrected errors are a warning
    counter_increase counter{};           ///< how resets are told

    /// The counters.
    struct state {
        counter_increase::state corrected{};  ///< of `ecc_correctable`
        counter_increase::state lost{};       ///< of `ecc_uncorrectable`
        counter_increase::state remapped{};   ///< of `remapped_rows`
        double recent = 0.0;                  ///< corrected errors, fading within an hour
    };
    /// See `health_check`.
    [[nodiscard]] evidence judge(state& s, const gpu_view& v) const noexcept {
        const gpu_sample& now = v.sample;
        const double lost = increase(s.lost, now.ecc_uncorrectable);
        const double remapped = increase(s.remapped, now.remapped_rows);
        const double corrected = increase(s.corrected, now.ecc_correctable);
        if (v.step >= 0.0) s.recent *= 3600.0 / (3600.0 + v.step);
        if (corrected == corrected) s.recent += corrected;
        if (now.remap_failed.value_or(false)) return {severity::bad, "row remapping failed"};
        if (lost > 0.0) return {severity::bad, "uncorrectable memory errors", lost};
        if (remapped > 0.0) return {severity::bad, "rows remapped after uncorrectable errors", remapped};
        if (s.recent > correctable_per_hour) return {severity::warning, "corrected memory errors", s.recent};
        const bool said = now.ecc_uncorrectable || now.remapped_rows || now.remap_failed || now.ecc_correctable;
        return {said ? severity::good : severity::unknown};
    }

private:
    [[nodiscard]] double increase(counter_increase::state& s, const std::optional<std::uint64_t>& x) const noexcept {
        return x ? counter.observe(s, static_cast<double>(*x)) : std::numeric_limits<double>::quiet_NaN();
    }
};

/// The GPU slows itself down. A power cap and idleness are no signs of sickness.
struct throttling {
    std::uint64_t bad = 0x40;                   ///< NVML: hardware thermal slowdown
    std::uint64_t warning = 0x8 | 0x20 | 0x80;  ///< NVML: hardware slowdown, software thermal slowdown, power brake
    std::uint8_t confirm = 3;                   ///< samples in a row that make it bad, 1 or more

    /// The samples in a row.
    struct state {
        std::uint8_t count = 0;  ///< at most `confirm`
    };
    /// See `health_check`.
    [[nodiscard]] evidence judge(state& s, const gpu_view& v) const noexcept {
        if (!v.sample.throttle_reasons) return {};
        const std::uint64_t reasons = *v.sample.throttle_reasons;
        if ((reasons & bad) == 0) {
            s.count = 0;
            return (reasons & warning) == 0
                       ? evidence{severity::good}
                       : evidence{severity::warning, "throttled, reasons", static_cast<double>(reasons)};
        }
        if (s.count < confirm) ++s.count;
        return {s.count < confirm ? severity::warning : severity::bad, "throttled by heat, reasons",
                static_cast<double>(reasons)};
    }
};

/// What an action that the driver asks for says of a GPU: `bad` for every reset, reboot and drain, since until then the
/// GPU does not work, or not reliably; `warning` for `recover_imex_domain`, where its links to other nodes do not.
[[nodiscard]] constexpr severity recovery_severity(recovery_action action) noexcept {
    switch (action) {
        case recovery_action::none: return severity::good;
        case recovery_action::recover_imex_domain: return severity::warning;
        default: return severity::bad;
    }
}

/// The driver asks for a reset, a reboot or a drain. The driver's word needs no confirmation, and holds until it takes
/// it back, which it does once that was done.
struct driver_advice {
    severity (*classify)(recovery_action) = &recovery_severity;  ///< what an action says

    /// Nothing.
    struct state {};
    /// See `health_check`.
    [[nodiscard]] evidence judge(state& /*kept*/, const gpu_view& v) const noexcept {
        if (!v.sample.recovery) return {};
        const severity level = classify(*v.sample.recovery);
        return {level, level == severity::good ? "" : asks_for(*v.sample.recovery)};
    }

private:
    [[nodiscard]] static constexpr const char* asks_for(recovery_action action) noexcept {
        switch (action) {
            case recovery_action::none: return "the driver asks for nothing";
            case recovery_action::gpu_reset: return "the driver asks for a GPU reset";
            case recovery_action::node_reboot: return "the driver asks for a reboot of the node";
            case recovery_action::drain_peers: return "the driver asks for a drain of the GPU's peers";
            case recovery_action::drain_and_reset: return "the driver asks for a drain and a GPU reset";
            case recovery_action::recover_imex_domain: return "the driver asks for a recovery of the IMEX domain";
            case recovery_action::bus_reset: return "the driver asks for a bus reset";
            case recovery_action::system_reboot: return "the driver asks for a reboot of the system";
        }
        return "";
    }
};

static_assert(health_check<error_codes> && health_check<memory_errors> && health_check<throttling> &&
              health_check<driver_advice>);

/// Several checks: the first of those that say the worst is the reason.
template <class... Checks>
class health_checks {
    static_assert((health_check<Checks> && ...),
                  "berth: a health check has a trivially copyable `state` and `evidence judge(state&, const gpu_view&) "
                  "const`");
    static_assert(sizeof...(Checks) <= 31, "berth: health_checks takes at most 31 checks");

public:
    /// What is kept for one GPU.
    using state = std::tuple<typename Checks::state...>;

    /// Checks with their defaults.
    constexpr health_checks() = default;
    /// These checks.
    explicit constexpr health_checks(Checks... checks)
        requires(sizeof...(Checks) > 0)
        : checks_{std::move(checks)...} {}

    /// Asks all of them about a sample. O(checks).
    [[nodiscard]] verdict judge(state& kept, const gpu_view& view) const {
        verdict all{};
        ask(all, kept, view, std::index_sequence_for<Checks...>{});
        return all;
    }

private:
    template <std::size_t... I>
    void ask(verdict& all, state& kept, const gpu_view& view, std::index_sequence<I...>) const {
        (add(all, std::get<I>(checks_).judge(std::get<I>(kept), view), std::uint32_t{1} << I), ...);
    }
    static void add(verdict& all, const evidence& said, std::uint32_t bit) noexcept {
        if (said.level > all.worst.level) all.worst = said;
        if (said.level == severity::bad) all.bad |= bit;
        if (said.level == severity::good) all.good |= bit;
    }

    std::tuple<Checks...> checks_;
};

/// The checks that a `fleet_watch` has unless it is given others.
using usual_checks = health_checks<error_codes, memory_errors, throttling, thermal_limit, driver_advice>;

}  // namespace berth::inline v0
