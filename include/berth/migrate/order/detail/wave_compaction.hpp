// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/wave_board.hpp"
#include "berth/migrate/order/migration_plan.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Makes the waves of a board last less in all, with the same steps. O(steps * waves) for each of at most seven passes.
/// After a stop what was gained so far.
class wave_compaction {
public:
    /// Where host memory is bounded, steps that park tasks stay in their waves.
    wave_compaction(wave_board& board, bool memory_is_bounded, order_control& control) noexcept
        : board_{&board}, control_{&control}, memory_is_bounded_{memory_is_bounded} {}

    void run() {
        for (std::size_t pass = 0; pass < 4 && !control_->poll() && tighten(); ++pass) {}
        for (std::size_t pass = 0; pass < 3 && !control_->poll() && even_out(); ++pass) {}
    }

private:
    [[nodiscard]] planned_step& step(std::size_t i) noexcept { return (*board_)[i]; }

    /// Every step as late as it can be, last step first, then every step as early as it can be, first step first: the
    /// forward-backward improvement of project schedules. Taken back if the waves last longer than before; true if they
    /// last less.
    bool tighten() {
        const double before = board_->measure();
        flat<std::size_t> kept;
        for (const planned_step& s : board_->steps()) kept.push_back(s.wave);
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        board_->list_waves(by_wave, first);
        for (std::size_t i = by_wave.size(); i > 0; --i) hasten(step(by_wave[i - 1]), false);
        board_->list_waves(by_wave, first);
        for (const std::uint32_t i : by_wave) {
            if (!leaves_for_room(step(i))) hasten(step(i), true);
        }
        board_->list_waves(by_wave, first);
        for (std::size_t i = by_wave.size(); i > 0; --i) {
            if (leaves_for_room(step(by_wave[i - 1]))) hasten(step(by_wave[i - 1]), false);
        }
        const double after = board_->measure();
        if (after <= before) return after < before;
        for (std::size_t i = 0; i < kept.size(); ++i) board_->change_wave(step(i), kept[i]);
        return false;
    }
    [[nodiscard]] bool leaves_for_room(const planned_step& s) const noexcept {
        return s.partner != planned_step::none && (s.kind == step_kind::stage || s.kind == step_kind::park);
    }
    /// As early, or as late, as room, limits and the other step of the same task allow.
    void hasten(planned_step& s, bool early) {
        if (control_->work(1)) return;
        if (s.partner != planned_step::none && (s.in_memory || step(s.partner).in_memory) && memory_is_bounded_) return;
        const bool first_of_two = leaves_for_room(s);
        std::size_t wave = s.wave;
        if (early) {
            const std::size_t after = s.partner != planned_step::none && !first_of_two ? step(s.partner).wave + 1 : 0;
            while (wave > after && board_->target_is_free(s, wave - 1)) --wave;
            while (wave < s.wave && !board_->admits(s, wave)) ++wave;
        } else {
            const std::size_t end = first_of_two ? step(s.partner).wave : board_->waves();
            while (wave + 1 < end && board_->source_is_free(s, wave + 1)) ++wave;
            while (wave > s.wave && !board_->admits(s, wave)) --wave;
        }
        board_->change_wave(s, wave);
    }
    /// Moves the longest steps of waves to waves that are as long anyway. True if anything moved.
    bool even_out() {
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        board_->list_waves(by_wave, first);
        (void)board_->measure();
        bool moved = false;
        for (std::size_t w = board_->waves(); w > 0; --w) moved = shorten(w - 1, by_wave, first) || moved;
        return moved;
    }
    /// Moves as many of the longest steps of a wave elsewhere as can be, longest first.
    bool shorten(std::size_t wave, const flat<std::uint32_t>& by_wave, const flat<std::size_t>& first) {
        const std::size_t count = first[wave + 1] - first[wave];
        const auto longest_first = sorted_positions(count, [&](std::size_t a, std::size_t b) {
            const planned_step& x = step(by_wave[first[wave] + a]);
            const planned_step& y = step(by_wave[first[wave] + b]);
            return x.cost.duration != y.cost.duration ? x.cost.duration > y.cost.duration : a < b;
        });
        bool moved = false;
        double longest = 0.0;
        bool stuck = false;
        for (const std::size_t i : longest_first) {
            planned_step& s = step(by_wave[first[wave] + i]);
            if (s.wave != wave) continue;
            if (!stuck && !control_->work(1) && s.partner == planned_step::none && move_in_time(s)) {
                moved = true;
                continue;
            }
            stuck = true;
            longest = s.cost.duration > longest ? s.cost.duration : longest;
        }
        board_->set_longest(wave, longest);
        return moved;
    }
    bool move_in_time(planned_step& s) {
        for (std::size_t w = s.wave; w > 0; --w) {
            if (!board_->target_is_free(s, w - 1)) break;
            if (board_->longest(w - 1) < s.cost.duration || !board_->admits(s, w - 1)) continue;
            board_->change_wave(s, w - 1);
            return true;
        }
        for (std::size_t w = s.wave + 1; w < board_->waves(); ++w) {
            if (!board_->source_is_free(s, w)) break;
            if (board_->longest(w) < s.cost.duration || !board_->admits(s, w)) continue;
            board_->change_wave(s, w);
            return true;
        }
        return false;
    }

    wave_board* board_;
    order_control* control_;
    bool memory_is_bounded_;
};

}  // namespace berth::inline v0::detail
