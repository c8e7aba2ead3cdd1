// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0::detail {

/// Hysteresis of a trigger that compares one number per GPU, or per node, with two thresholds. The gauge is the
/// trigger's description: `place_index`, `enter`, `leave`, `rounds`, `memory`, `sweep`, `weight`, `measured(now)`, and
/// `at(now, place, load)`: the number with that much load more, never falling in it. `by_load` is true if the number
/// depends on the load alone.
template <class Gauge>
class threshold_state {
    using place_index = typename Gauge::place_index;
    static constexpr bool per_node = std::same_as<place_index, node_index>;

public:
    threshold_state(const Gauge& gauge, const problem& p)
        : gauge_{gauge}, places_(per_node ? p.fleet().node_count() : p.fleet().gpu_count()) {
        BERTH_ASSERT(gauge.enter > 0.0 && gauge.leave < gauge.enter,
                     "berth: a trigger's threshold `enter` is above 0, and `leave` is less");
        BERTH_ASSERT(gauge.rounds > 0 && gauge.memory >= 0.0 && gauge.weight > 0.0,
                     "berth: a trigger has rounds of 1 or more, a memory of 0 or more, and a weight above 0");
    }

    void update(const projected_state& now) {
        if (!gauge_.measured(now)) return;
        bool begins = false;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            place& at = places_[i];
            const double value = gauge_.at(now, place_index{i}, 0.0);
            const bool hot = value >= gauge_.enter;
            at.rounds = hot ? at.rounds + (at.rounds < gauge_.rounds ? 1 : 0) : 0;
            remember(at, value, now.time());
            const bool was_on = at.on != 0;
            const bool on = was_on ? value >= gauge_.leave : hot && at.rounds >= gauge_.rounds;
            begins = begins || (on && !was_on);
            at.on = on ? 1 : 0;
        }
        if (begins) sweep_ = gauge_.sweep;
        if (sweep_ == 0) return;
        --sweep_;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (gauge_.at(now, place_index{i}, 0.0) >= gauge_.leave) places_[i].on = 1;
        }
    }
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        if (!gauge_.measured(now)) return;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].on == 0) continue;
            alarm a{.reason = gauge_.name(), .pressure = gauge_.at(now, place_index{i}, 0.0)};
            if constexpr (per_node) {
                a.node = node_index{i};
            } else {
                a.node = now.machines().node_of(gpu_index{i});
                a.gpus = gpu_mask{1} << (i - now.machines().gpu(a.node, 0).value());
            }
            out.push_back(a);
        }
    }
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        return gauge_.at(now, place_of(now, a), 0.0) >= gauge_.leave;
    }
    [[nodiscard]] double gain(const projected_state& now, const alarm& a, const task_move& r) const {
        const double before = gauge_.at(now, place_of(now, a), 0.0);
        double saved = 0.0;
        bool better = true;
        each_place(now, r, r.from, [&](place_index at, double load) {
            saved += square(gauge_.at(now, at, 0.0)) - square(gauge_.at(now, at, -load));
        });
        each_place(now, r, r.to, [&](place_index at, double load) {
            const double after = gauge_.at(now, at, load);
            better = better && after < before;
            saved -= square(after) - square(gauge_.at(now, at, 0.0));
        });
        return better ? gauge_.weight * saved : 0.0;
    }
    [[nodiscard]] bool admits(const projected_state& now, const task_move& r) const {
        if (!gauge_.measured(now)) return true;
        bool below = true;
        each_place(now, r, r.to, [&](place_index at, double load) {
            const place& known = places_[at.value()];
            below = below && known.on == 0 && gauge_.at(now, at, load) + known.below_peak < gauge_.leave;
        });
        return below;
    }

    [[nodiscard]] static bool gain_falls_with_load(const projected_state& now) noexcept {
        return Gauge::by_load && now.equal_speeds();
    }

private:
    struct place {
        double since = -std::numeric_limits<double>::infinity();  // when the present stretch of memory began
        double peak = 0.0;                                        // in the present stretch
        double peak_before = 0.0;                                 // in the stretch before
        double below_peak = 0.0;                                  // remembered peak minus the last value, not below 0
        std::uint32_t rounds = 0;                                 // in a row at `enter` or more
        std::uint8_t on = 0;
    };

    /// Keeps the peak of the last `memory` to 2 · `memory` seconds: two stretches, each with its peak.
    void remember(place& at, double value, double time) const noexcept {
        const double age = time - at.since;
        if (age >= gauge_.memory) {
            at.peak_before = age < 2.0 * gauge_.memory ? at.peak : value;
            at.peak = value;
            at.since = time;
        }
        if (value > at.peak) at.peak = value;
        const double highest = at.peak > at.peak_before ? at.peak : at.peak_before;
        at.below_peak = highest > value ? highest - value : 0.0;
    }

    /// The cost of a place: 1 at `enter`, convex, so moving load to a place that stays below the source lowers the sum.
    [[nodiscard]] double square(double value) const noexcept {
        const double x = value / gauge_.enter;
        return x * x;
    }
    [[nodiscard]] static place_index place_of(const projected_state& now, const alarm& a) noexcept {
        if constexpr (per_node) {
            (void)now;
            return a.node;
        } else {
            return now.machines().gpu(a.node, lowest_gpu(a.gpus));
        }
    }
    /// Calls `f(place, load)` for the places at one end of a move whose load it changes, with the load that the task
    /// has there.
    template <class F>
    static void each_place(const projected_state& now, const task_move& r, const slot& end, const F& f) {
        if constexpr (per_node) {
            if (r.from.node == r.to.node) return;
            double load = 0.0;
            for (gpu_mask rest = end.gpus; rest != 0; rest &= rest - 1)
                load += now.added_load(r.task, now.machines().gpu(end.node, lowest_gpu(rest)));
            f(end.node, load);
        } else {
            for (gpu_mask rest = end.gpus; rest != 0; rest &= rest - 1) {
                const gpu_index g = now.machines().gpu(end.node, lowest_gpu(rest));
                f(g, now.added_load(r.task, g));
            }
        }
    }

    Gauge gauge_;
    flat<place> places_;
    std::uint32_t sweep_ = 0;  // rounds that the present sweep still lasts
};

}  // namespace berth::inline v0::detail
