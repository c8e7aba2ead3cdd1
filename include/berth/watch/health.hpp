// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"

#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Well → suspect → sick → recovering → well.
///
/// - A warning makes a place suspect; `calm` good samples make it well again. It takes tasks all the while.
/// - Bad evidence makes it sick at once: confirmation is the affair of the check that gives it.
/// - The first good sample makes it recovering, `recovery` good samples in a row make it well. A sample is good if
///   nothing is bad and every check that was bad has said good since; after `patience` seconds without anything bad,
///   those that said nothing are let off. Warnings do not hold a place back.
/// - Bad evidence when it had nearly recovered, or within `relapse` of its return, doubles the good samples that the
///   next return takes, up to `max_backoff` times `recovery`. So an intermittent fault does not make the place flap,
///   and the place still always returns.
struct health_hysteresis {
    std::uint16_t calm = 3;         ///< good samples, 1 or more
    std::uint16_t recovery = 8;     ///< good samples, 1 or more
    std::uint16_t max_backoff = 8;  ///< 1 or more
    double relapse = 3600.0;        ///< seconds, 0 or more
    double patience = 3600.0;       ///< seconds, 0 or more

    /// The health of one place.
    struct state {
        health_state health = health_state::well;  ///< now
        std::uint16_t good = 0;                    ///< good samples in a row
        std::uint16_t backoff = 1;                 ///< factor of `recovery`
        std::uint32_t blamed = 0;                  ///< bits of the checks that were bad and did not say good since
        double well_for = std::numeric_limits<double>::infinity();  ///< seconds since it returned
        double since_bad = 0.0;                                     ///< seconds since the last bad evidence
    };
    /// Reads the evidence of one sample. O(1).
    void advance(state& s, const verdict& v, double step) const noexcept {
        const double passed = step >= 0.0 ? step : 0.0;
        if (usable(s.health)) s.well_for += passed;
        s.since_bad = v.worst.level == severity::bad ? 0.0 : s.since_bad + passed;
        s.blamed = s.since_bad > patience ? 0 : (s.blamed & ~v.good) | v.bad;
        if (v.worst.level == severity::bad) {
            sicken(s);
        } else if (usable(s.health)) {
            at_work(s, v.worst.level);
        } else if (s.blamed == 0 && v.worst.level != severity::unknown) {
            s.health = health_state::recovering;
            if (++s.good < recovery * s.backoff) return;
            s.health = health_state::well;
            s.good = 0;
            s.well_for = 0.0;
        }
    }
    /// The cluster calls the place unhealthy when it is first seen.
    void adopt(state& s) const noexcept { s.health = health_state::sick; }

private:
    void sicken(state& s) const noexcept {
        const bool again = usable(s.health) ? s.well_for < relapse : 2 * s.good >= recovery * s.backoff;
        if (again) {
            s.backoff = static_cast<std::uint16_t>(2 * s.backoff < max_backoff ? 2 * s.backoff : max_backoff);
        } else if (usable(s.health)) {
            s.backoff = 1;
        }
        s.health = health_state::sick;
        s.good = 0;
    }
    void at_work(state& s, severity worst) const noexcept {
        if (worst == severity::warning) {
            s.health = health_state::suspect;
            s.good = 0;
        } else if (worst == severity::good && s.health == health_state::suspect && ++s.good >= calm) {
            s.health = health_state::well;
            s.good = 0;
        }
    }
};

static_assert(health_rule<health_hysteresis>);

}  // namespace berth::inline v0
