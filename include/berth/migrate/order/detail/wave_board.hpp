// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/wave_schedule.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// A step that is entered in a wave.
struct planned_step {
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    std::uint32_t move = 0;
    slot from{};
    slot to{};
    step_kind kind = step_kind::move_task;
    std::uint32_t stage_from = none;  // what it holds at a temporary host, among the stages
    std::uint32_t stage_to = none;
    std::uint32_t partner = none;  // the other step of a broken move
    bool in_memory = false;        // counted in host memory
    std::size_t wave = 0;
    migration_estimate cost{};
};

/// Steps in waves, and what is left of counters and limits in every wave with both ends of every step held.
class wave_board {
public:
    /// The moves must outlive it.
    wave_board(const move_table& moves, const flat<amount>& free, const wave_limits& limits)
        : moves_{&moves}, room_{free}, traffic_{limits} {}

    [[nodiscard]] std::size_t size() const noexcept { return steps_.size(); }
    [[nodiscard]] planned_step& operator[](std::size_t i) noexcept { return steps_[i]; }
    [[nodiscard]] const planned_step& operator[](std::size_t i) const noexcept { return steps_[i]; }
    [[nodiscard]] std::span<const planned_step> steps() const noexcept { return steps_.view(); }
    [[nodiscard]] std::size_t waves() const noexcept { return waves_; }
    /// Seconds of the longest step of a wave. Steps that went to another wave still count until `measure`.
    [[nodiscard]] double longest(std::size_t wave) const noexcept { return longest_[wave]; }
    void set_longest(std::size_t wave, double seconds) noexcept { longest_[wave] = seconds; }
    [[nodiscard]] const wave_room& room() const noexcept { return room_; }
    [[nodiscard]] const wave_traffic& traffic() const noexcept { return traffic_; }

    [[nodiscard]] std::span<const counter_touch> source(const planned_step& s) const noexcept {
        if (s.stage_from != planned_step::none) return stages_.to(s.stage_from);
        return s.from.placed() ? moves_->from(s.move) : std::span<const counter_touch>{};
    }
    [[nodiscard]] std::span<const counter_touch> target(const planned_step& s) const noexcept {
        if (s.stage_to != planned_step::none) return stages_.to(s.stage_to);
        return s.to.placed() ? moves_->to(s.move) : std::span<const counter_touch>{};
    }

    /// Enters a step in the earliest wave from which on its target has room for good, not before `first`, and which the
    /// limits admit. Returns its position. Linear in the changes of its counters; O(waves / 64) for limits whose full
    /// waves lie in runs.
    std::size_t enter(planned_step s, std::size_t first) {
        s.wave = room_.earliest(target(s), first);
        BERTH_ASSERT(s.wave != wave_room::never, "berth: every move has room when its turn comes");
        s.wave = traffic_.first_open(s.wave, s.from.node, s.to.node);
        hold(s, +1);
        steps_.push_back(s);
        note(s);
        return steps_.size() - 1;
    }
    /// Takes back the steps from a position on.
    void leave_from(std::size_t first) {
        for (std::size_t i = first; i < steps_.size(); ++i) hold(steps_[i], -1);
        steps_.resize(first);
    }
    void change_wave(planned_step& s, std::size_t wave) {
        if (wave == s.wave) return;
        hold(s, -1);
        s.wave = wave;
        hold(s, +1);
        note(s);
    }
    /// True if a step may be in a wave as far as limits go.
    [[nodiscard]] bool admits(const planned_step& s, std::size_t wave) const noexcept {
        return traffic_.admits(wave, s.from.node, s.to.node);
    }
    /// True if a step could hold its source in that wave, too, or its target.
    [[nodiscard]] bool source_is_free(const planned_step& s, std::size_t wave) const noexcept {
        return room_.free_during(source(s), wave, wave);
    }
    [[nodiscard]] bool target_is_free(const planned_step& s, std::size_t wave) const noexcept {
        return room_.free_during(target(s), wave, wave);
    }

    /// Counts a step against the limits, or no longer.
    void count(const planned_step& s, int sign) { traffic_.add(s.wave, s.from.node, s.to.node, sign); }
    /// Leads a move by way of a temporary host instead of host memory: `touches` is what it holds there from the step
    /// out to the step in. The caller counts it against the limits.
    void stage(planned_step& out, planned_step& in, const slot& third, std::span<const counter_touch> touches) {
        stages_.end_part();
        stages_.touches().append(touches);
        stages_.end_part();
        out.kind = step_kind::stage;
        out.to = third;
        out.stage_to = static_cast<std::uint32_t>(stages_.size() - 1);
        in.kind = step_kind::move_task;
        in.from = third;
        in.stage_from = out.stage_to;
        room_.add(target(out), out.wave, -1);
        room_.add(source(in), in.wave + 1, +1);
    }
    /// Takes a step's duration into account.
    void note(const planned_step& s) {
        waves_ = s.wave + 1 > waves_ ? s.wave + 1 : waves_;
        while (longest_.size() < waves_) longest_.push_back(0.0);
        if (s.cost.duration > longest_[s.wave]) longest_[s.wave] = s.cost.duration;
    }

    /// Measures how many seconds every wave lasts. Returns the sum.
    double measure() {
        longest_.assign(waves_, 0.0);
        for (const planned_step& s : steps_) note(s);
        double sum = 0.0;
        for (const double each : longest_) sum += each;
        return sum;
    }
    /// Steps by wave: those of wave w are `by_wave[first[w]]` up to `first[w + 1]`.
    void list_waves(flat<std::uint32_t>& by_wave, flat<std::size_t>& first) const {
        first.assign(waves_ + 1, 0);
        for (const planned_step& s : steps_) ++first[s.wave + 1];
        for (std::size_t w = 0; w < waves_; ++w) first[w + 1] += first[w];
        flat<std::size_t> at;
        at.append(first.view());
        by_wave.assign(steps_.size(), 0);
        for (std::size_t i = 0; i < steps_.size(); ++i) by_wave[at[steps_[i].wave]++] = static_cast<std::uint32_t>(i);
    }

private:
    void hold(const planned_step& s, int sign) {
        room_.add(target(s), s.wave, -sign);
        room_.add(source(s), s.wave + 1, sign);
        count(s, sign);
    }

    const move_table* moves_;
    move_table stages_;
    wave_room room_;
    wave_traffic traffic_;
    flat<planned_step> steps_;
    flat<double> longest_;
    std::size_t waves_ = 0;
};

}  // namespace berth::inline v0::detail
