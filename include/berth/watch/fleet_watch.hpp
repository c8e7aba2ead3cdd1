// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/watch/cluster_watch.hpp"
#include "berth/watch/concepts.hpp"
#include "berth/watch/contact_rule.hpp"
#include "berth/watch/energy.hpp"
#include "berth/watch/health.hpp"
#include "berth/watch/health_checks.hpp"
#include "berth/watch/smoothing.hpp"

namespace berth::inline v0 {

/// How a fleet is watched: from samples to the state of each GPU and node. A description; `start` makes its run.
///
/// ```
/// auto watch = berth::fleet_watch<>{}.start(cluster);
/// (void)watch.observe({.time = t, .gpu = gpu, .temperature = 81.0});   // as the samples come
/// const auto report = watch.update(now);                               // at least once an interval
/// berth::apply_health(cluster, report->health);                        // sick GPUs are drained by `unhealthy`
/// watch.report_to(readings);                                           // what is known, for the balancer
/// ```
///
/// @tparam Checks    signs of sickness, `health_checks<...>`
/// @tparam Rule      from evidence to health
/// @tparam Smooth    of load and power
/// @tparam Guarded   of temperature
template <class Checks = usual_checks, health_rule Rule = health_hysteresis, smoothing Smooth = exponential_smoothing,
          smoothing Guarded = gated_smoothing>
struct fleet_watch {
    contact_rule contact{};  ///< when silence is what
    Checks checks{};         ///< signs of sickness
    Rule rule{};             ///< from evidence to health
    Smooth load{};           ///< smoothing of loads
    Smooth power{};          ///< smoothing of power
    Guarded temperature{};   ///< smoothing of temperatures
    energy_meter energy{};   ///< energy from counters and power

    /// Whether it is usable: an error names the field.
    [[nodiscard]] result<void> check() const { return contact.check(); }

    /// Watches a cluster, which outlives the watch. The description is usable, see `check`. GPUs and nodes that the
    /// cluster calls unhealthy are sick, and return as others do.
    [[nodiscard]] cluster_watch<fleet_watch> start(const cluster& lender) const {
        BERTH_ASSERT(check(), "berth: the fleet_watch is unusable; fleet_watch::check says why");
        return {*this, lender};
    }

    /// The parts' types, for the run.
    using checks_type = Checks;
    using rule_type = Rule;        ///< see `checks_type`
    using smooth_type = Smooth;    ///< see `checks_type`
    using guarded_type = Guarded;  ///< see `checks_type`
};

}  // namespace berth::inline v0
