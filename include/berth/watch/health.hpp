// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"

#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Positions of evidence that no check gave: `verdict::check`, `health_hysteresis::state::blame`.
inline constexpr std::uint8_t blame_contact = 254;
inline constexpr std::uint8_t blame_nobody = 255;  ///< see `blame_contact`: unhealthy when it was first seen

/// Well → suspect → sick → recovering → well.
///
/// - A warning makes a place suspect; `calm` good samples make it well again. It takes tasks all the while.
/// - Bad evidence makes it sick at once: confirmation is the affair of the check that gives it.
/// - The first good sample makes it recovering, `recovery` good samples in a row make it well. A sample is good if
///   nothing is bad and the check that made the place sick says good; if that check has said nothing for `patience`,
///   the others will do. A warning of another check does not hold a place back.
/// - Bad evidence while it recovers, or within `relapse` of its return, doubles the good samples that the next return
///   takes, up to `max_backoff` times `recovery`. So an intermittent fault does not make the place flap, and the place
///   still always returns.
struct health_hysteresis {
    std::uint16_t calm = 3;         ///< good samples, 1 or more
    std::uint16_t recovery = 8;     ///< good samples, 1 or more
    std::uint16_t max_backoff = 8;  ///< 1 or more
    double relapse = 3600.0;        ///< seconds, 0 or more
    double patience = 3600.0;       ///< seconds, 0 or more

    /// The health of one place.
    struct state {
        health_state health = health_state::well;  ///< now
        std::uint8_t blame = blame_nobody;         ///< the check that made it sick
        std::uint16_t good = 0;                    ///< good samples in a row
        std::uint16_t backoff = 1;                 ///< factor of `recovery`
        double well_for = std::numeric_limits<double>::infinity();  ///< seconds since it returned
        double silent_for = 0.0;                                    ///< seconds that the blamed check said nothing
    };
    /// Reads the evidence of one sample. O(1).
    void advance(state& s, const verdict& v, double step) const noexcept {
        const double passed = step >= 0.0 ? step : 0.0;
        if (usable(s.health)) s.well_for += passed;
        if (v.worst.level == severity::bad) {
            if (s.health == health_state::recovering || (usable(s.health) && s.well_for < relapse)) {
                s.backoff = static_cast<std::uint16_t>(2 * s.backoff < max_backoff ? 2 * s.backoff : max_backoff);
            } else if (usable(s.health)) {
                s.backoff = 1;
            }
            s.health = health_state::sick;
            s.blame = v.check;
            s.good = 0;
            s.silent_for = 0.0;
            return;
        }
        if (usable(s.health)) {
            at_work(s, v.worst.level);
        } else {
            out_of_work(s, v, passed);
        }
    }
    /// The cluster calls the place unhealthy when it is first seen.
    void adopt(state& s) const noexcept {
        s.health = health_state::sick;
        s.blame = blame_nobody;
    }

private:
    void at_work(state& s, severity worst) const noexcept {
        if (worst == severity::warning) {
            s.health = health_state::suspect;
            s.good = 0;
        } else if (worst == severity::good && s.health == health_state::suspect && ++s.good >= calm) {
            s.health = health_state::well;
        }
    }
    void out_of_work(state& s, const verdict& v, double passed) const noexcept {
        s.silent_for = v.blamed == severity::unknown ? s.silent_for + passed : 0.0;
        const bool by_others = s.blame == blame_nobody || s.silent_for > patience;
        const severity word = by_others && v.blamed == severity::unknown ? v.worst.level : v.blamed;
        if (word == severity::unknown) return;  // nothing was said: neither a step back nor one ahead
        if (word != severity::good && !(by_others && word == severity::warning)) {
            s.health = health_state::sick;
            s.good = 0;
            return;
        }
        s.health = health_state::recovering;
        if (++s.good < recovery * s.backoff) return;
        s.health = health_state::well;
        s.good = 0;
        s.well_for = 0.0;
    }
};

static_assert(health_rule<health_hysteresis>);

}  // namespace berth::inline v0
