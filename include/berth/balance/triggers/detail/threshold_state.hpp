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

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0::detail {

/// The unit of a threshold on a number that needs none.
struct no_unit {
    static constexpr bool used = false;
    explicit no_unit(const problem&) noexcept {}
    void update(const projected_state&) noexcept {}
    template <class Place>
    [[nodiscard]] static constexpr double of(Place) noexcept {
        return 1.0;
    }
};

/// Hysteresis of a trigger that compares one number per GPU, or per node, with two thresholds. The gauge is the
/// trigger's description: `place_index`, `enter`, `leave`, `rounds`, `memory`, `sweep`, `weight`, `measured(now)`, and
/// `at(now, place, load)`: the number with that much load more, never falling in it, NaN if it was not measured.
/// `by_load` is true if the number depends on the load alone.
///
/// A round in which a place was not measured changes nothing about it: its count of rounds, its alarm and its peak wait
/// for the next reading. Meanwhile it raises no alarm and is no target. The same holds while tasks of unknown load come
/// to the place or leave it, except that further tasks of unknown load, which only urgent triggers move, may come.
///
/// @tparam Unit  what thresholds are multiples of: `update(now)`, `of(place)` and `of(task)`; 0 means nothing is above
template <class Gauge, class Unit = no_unit>
class threshold_state {
    using place_index = typename Gauge::place_index;
    static constexpr bool per_node = std::same_as<place_index, node_index>;

public:
    static constexpr bool needs_load = true;

    threshold_state(const Gauge& gauge, const problem& p)
        : gauge_{gauge}, unit_{p}, places_(per_node ? p.fleet().node_count() : p.fleet().gpu_count()) {
        BERTH_ASSERT(gauge.enter > 0.0 && gauge.leave < gauge.enter,
                     "berth: a trigger's threshold `enter` is above 0, and `leave` is less");
        BERTH_ASSERT(gauge.rounds > 0 && gauge.memory >= 0.0 && gauge.weight > 0.0,
                     "berth: a trigger has rounds of 1 or more, a memory of 0 or more, and a weight above 0");
    }

    void update(const projected_state& now) {
        const std::size_t count = per_node ? now.machines().node_count() : now.machines().gpu_count();
        if (places_.size() < count) places_.resize(count);
        if (!gauge_.measured(now)) return;
        unit_.update(now);
        bool begins = false;
        for (std::size_t i = 0; i < count; ++i) {
            place& at = places_[i];
            const double value = value_at(now, place_index{i});
            if (std::isnan(value)) continue;
            const bool hot = value >= gauge_.enter;
            at.rounds = hot ? at.rounds + (at.rounds < gauge_.rounds ? 1 : 0) : 0;
            remember(at, gauge_.at(now, place_index{i}, 0.0), now.elapsed());
            const bool was_on = at.on != 0;
            const bool on = was_on ? value >= gauge_.leave : hot && at.rounds >= gauge_.rounds;
            begins = begins || (on && !was_on);
            at.on = on ? 1 : 0;
        }
        if (begins) sweep_ = gauge_.sweep;
        if (sweep_ == 0) return;
        --sweep_;
        for (std::size_t i = 0; i < count; ++i) {
            if (value_at(now, place_index{i}) >= gauge_.leave) places_[i].on = 1;
        }
    }
    /// The node or GPU at this position is another one.
    void forget(place_index at) noexcept {
        if (at.value() < places_.size()) places_[at.value()] = {};
    }
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        if (!gauge_.measured(now)) return;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].on == 0) continue;
            alarm a{.reason = gauge_.name(), .pressure = value_at(now, place_index{i})};
            if (std::isnan(a.pressure)) continue;
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
        return value_at(now, place_of(now, a)) >= gauge_.leave;
    }
    [[nodiscard]] double gain(const projected_state& now, const alarm& a, const task_move& r) const {
        const double unit = unit_.of(r.task);
        if (!(unit > 0.0)) return 0.0;
        const double before = value(now, place_of(now, a), 0.0, unit);
        const bool unknown = now.has_unknown_changes();
        const auto number = [&](place_index at, double more) { return in_units(gauge_.at(now, at, more), unit); };
        double saved = 0.0;
        bool better = true;
        each_place(now, r, r.from, [&](place_index at, double load) {
            const double less = square(number(at, 0.0)) - square(number(at, -load));
            const bool known = !std::isnan(less) && !(unknown && now.unknown_changes(at) > 0);
            saved += known ? less : 0.0;  // what is not measured is not saved
        });
        each_place(now, r, r.to, [&](place_index at, double load) {
            const double after = number(at, load);
            better = better && after < before && !(unknown && now.unknown_changes(at) > 0);
            saved -= square(after) - square(number(at, 0.0));
        });
        return better ? gauge_.weight * saved : 0.0;
    }
    [[nodiscard]] bool admits(const projected_state& now, const task_move& r) const {
        if (!gauge_.measured(now)) return true;
        const double unit = unit_.of(r.task);
        if (!(unit > 0.0)) return true;
        const bool known_load = now.has_load(r.task);
        bool below = true;
        each_place(now, r, r.to, [&](place_index at, double load) {
            const place& known = places_[at.value()];
            const double more = known_load ? load : 0.0;
            const double after = in_units(gauge_.at(now, at, more) + known.below_peak, unit);
            below = below && known.on == 0 && after < gauge_.leave && !(known_load && now.unknown_changes(at) > 0);
        });
        return below;
    }

    [[nodiscard]] static bool gain_falls_with_load(const projected_state& now) noexcept {
        return Gauge::by_load && now.equal_speeds();
    }

private:
    struct place {                                                // peaks are in the gauge's own unit
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

    [[nodiscard]] static double in_units(double number, double unit) noexcept {
        return Unit::used ? number / unit : number;
    }
    /// The number at a place with that much load more, in units; NaN if unknown.
    [[nodiscard]] double value(const projected_state& now, place_index at, double more, double unit) const {
        if (now.unknown_changes(at) > 0) return std::numeric_limits<double>::quiet_NaN();
        return in_units(gauge_.at(now, at, more), unit);
    }
    /// In units of the place, 0 if that is 0.
    [[nodiscard]] double value_at(const projected_state& now, place_index at) const {
        const double unit = unit_.of(at);
        return unit > 0.0 ? value(now, at, 0.0, unit) : 0.0;
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
    [[gnu::always_inline]] static void each_place(const projected_state& now, const task_move& r, const slot& end,
                                                  const F& f) {
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
    Unit unit_;
    flat<place> places_;
    std::uint32_t sweep_ = 0;  // rounds that the present sweep still lasts
};

}  // namespace berth::inline v0::detail
