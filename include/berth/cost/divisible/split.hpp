// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A GPU that may take a piece of a divisible task.
struct split_target {
    double speed = 1.0;  ///< load per unit of time, 1e-12..1e12
    amount load = 0;     ///< load that it finishes first, in thousandths of a unit of load, 0..`max_load_amount`
    amount room = max_load_amount;  ///< largest piece that it may take, in thousandths, 0 or more
};

/// Limits of a split.
struct split_options {
    amount min_piece = 1;  ///< smallest piece in thousandths, 1 or more; a smaller whole goes undivided to one GPU
};

/// One GPU's share of the whole.
struct load_piece {
    std::size_t target = 0;  ///< position among the targets
    amount load = 0;         ///< in thousandths
    double finish = 0.0;     ///< (load before + piece) / speed, in thousandths of the time unit

    friend bool operator==(const load_piece&, const load_piece&) = default;
};

/// The outcome of a split. Pieces and `left_over` add up exactly to the whole.
struct load_split {
    std::vector<load_piece> pieces;  ///< in ascending order of targets
    amount left_over = 0;            ///< load without room, in thousandths
    double finish = 0.0;             ///< when the last piece is done, in thousandths of the time unit; 0 without pieces
};

namespace detail {

/// Minimises the time at which the last piece is done. By a time T, target g can finish cap_g(T) = the largest x with
/// (load_g + x) / speed_g <= T, at most its room. There are at most whole / min_piece pieces, so that the whole can be
/// done by T exactly if that many of the largest caps add up to it. This is monotone in T, hence a bisection.
class load_splitter {
public:
    load_splitter(amount whole, std::span<const split_target> targets, amount min_piece)
        : whole_{whole}, targets_{targets}, min_piece_{std::min(min_piece, whole)}, caps_(targets.size()) {
        order_.reserve(targets.size());
    }

    [[nodiscard]] load_split run() {
        load_split out;
        if (whole_ == 0) return out;
        double high = 0.0;
        for (const split_target& target : targets_)
            high = std::max(high, finish(target, std::min(target.room, whole_)));
        const amount most = std::min(reach(high), whole_);
        out.left_over = whole_ - most;
        if (most == 0) return out;
        double low = 0.0;
        for (;;) {
            const double middle = low + (high - low) / 2.0;
            if (middle <= low || middle >= high) break;
            (reach(middle) >= most ? high : low) = middle;
        }
        (void)reach(high);
        hand_out(most, out);
        return out;
    }

private:
    [[nodiscard]] static double finish(const split_target& target, amount piece) noexcept {
        return static_cast<double>(target.load + piece) / target.speed;
    }
    [[nodiscard]] amount cap(const split_target& target, double time) const noexcept {
        const amount most = std::min(target.room, whole_);
        if (finish(target, most) <= time) return most;
        amount piece = static_cast<amount>(std::floor(time * target.speed)) - target.load;
        while (piece > 0 && finish(target, piece) > time) --piece;
        while (piece >= 0 && finish(target, piece + 1) <= time) ++piece;
        return std::clamp<amount>(piece, 0, most);
    }
    /// The largest load that can be done by `time`. Leaves its targets in `order_`, as few as possible, the largest cap
    /// first.
    [[nodiscard]] amount reach(double time) {
        order_.clear();
        for (std::size_t g = 0; g < targets_.size(); ++g) {
            caps_[g] = cap(targets_[g], time);
            if (caps_[g] >= min_piece_) order_.push_back(g);
        }
        const auto larger = [this](std::size_t a, std::size_t b) {
            return caps_[a] != caps_[b] ? caps_[a] > caps_[b] : a < b;
        };
        sort_positions(order_, larger);
        const auto pieces = static_cast<std::size_t>(whole_ / min_piece_);
        amount sum = 0;
        std::size_t used = 0;
        while (used < order_.size() && used < pieces && sum < whole_) sum += caps_[order_[used++]];
        order_.resize(used);
        return sum;
    }
    /// Water filling among the chosen targets: each gets the minimum, then the one that would finish first gets the
    /// next unit. Units are handed out in bulk to just below the level, the last few one by one.
    void hand_out(amount load, load_split& out) {
        sort_positions(order_, [](std::size_t a, std::size_t b) { return a < b; });
        const auto lifted = [this](std::size_t g, double time) { return std::max(min_piece_, cap(targets_[g], time)); };
        const auto sum_at = [&](double time) {
            amount sum = 0;
            for (const std::size_t g : order_) sum += lifted(g, time);
            return sum;
        };
        double low = 0.0;
        double high = 0.0;
        for (const std::size_t g : order_) high = std::max(high, finish(targets_[g], caps_[g]));
        while (sum_at(high) > load) {
            const double middle = low + (high - low) / 2.0;
            if (middle <= low || middle >= high) {
                high = low;
                break;
            }
            (sum_at(middle) > load ? high : low) = middle;
            if (sum_at(low) == load) high = low;
        }
        for (const std::size_t g : order_) {
            out.pieces.push_back({.target = g, .load = lifted(g, high)});
            load -= out.pieces.back().load;
        }
        while (load > 0) {
            load_piece* next = nullptr;
            for (load_piece& piece : out.pieces) {
                if (piece.load >= std::min(targets_[piece.target].room, whole_)) continue;
                piece.finish = finish(targets_[piece.target], piece.load + 1);
                if (next == nullptr || piece.finish < next->finish) next = &piece;
            }
            ++next->load;
            --load;
        }
        for (load_piece& piece : out.pieces) {
            piece.finish = finish(targets_[piece.target], piece.load);
            out.finish = std::max(out.finish, piece.finish);
        }
    }

    amount whole_;
    std::span<const split_target> targets_;
    amount min_piece_;
    flat<amount> caps_;
    flat<std::size_t> order_;
};

}  // namespace detail

/// Splits the load of a divisible task over GPUs so that the last piece finishes as early as possible, given the speed
/// and the earlier load of each GPU, with no piece below `min_piece` or above a target's room. Exact: no split within
/// these limits finishes earlier. Where neither limit binds, all pieces finish at the same time, up to one unit.
///
/// Load for which there is no room is no error but `left_over`, as little as possible. Fails if a number is outside its
/// range; the error names the target. O(targets × log targets × steps of a bisection, some 60).
///
/// @param whole    in thousandths of a unit of load, 0..`max_load_amount`
/// @param targets  the GPUs
/// @param options  the smallest piece
[[nodiscard]] inline result<load_split> split_load(amount whole, std::span<const split_target> targets,
                                                   split_options options = {}) {
    const auto wrong = [](detail::phrases what, detail::phrases why) {
        return detail::refuse(error_code::invalid_value, what, why);
    };
    if (whole < 0 || whole > max_load_amount) {
        return wrong({"split: whole is ", whole}, {", expected 0..", max_load_amount});
    }
    if (options.min_piece < 1) return wrong({"split: min_piece is ", options.min_piece}, {", expected 1 or more"});
    for (std::size_t g = 0; g < targets.size(); ++g) {
        const split_target& target = targets[g];
        if (!std::isfinite(target.speed) || target.speed < 1e-12 || target.speed > 1e12) {
            return wrong({"split: target ", g}, {": speed is not a number of 1e-12..1e12"});
        }
        if (target.load < 0 || target.load > max_load_amount) {
            return wrong({"split: target ", g}, {": load is ", target.load, ", expected 0..", max_load_amount});
        }
        if (target.room < 0) return wrong({"split: target ", g}, {": room is ", target.room, ", expected 0 or more"});
    }
    return detail::load_splitter{whole, targets, options.min_piece}.run();
}

/// The GPUs of a load model as targets: the room is the load that they still admit, the load to finish first is their
/// current load over T, rounded up. Place the pieces as tasks of that load (`load_state::place`). O(GPUs).
///
/// @param state   the current loads
/// @param speeds  load per unit of time, one for each GPU or one for all
[[nodiscard]] inline std::vector<split_target> split_targets(const load_state& state, std::span<const double> speeds) {
    const std::size_t gpus = state.model().gpus().size();
    BERTH_ASSERT(speeds.size() == gpus || speeds.size() == 1,
                 "berth: split_targets needs one speed, or one for each GPU");
    std::vector<split_target> targets(gpus);
    for (std::size_t g = 0; g < gpus; ++g) {
        const amount time = std::max<amount>(state.model().gpu(gpu_index{g}).available_time, 1);
        targets[g] = {.speed = speeds[speeds.size() == 1 ? 0 : g],
                      .load = std::min((state.load_micro(gpu_index{g}) + time - 1) / time, max_load_amount),
                      .room = state.room(gpu_index{g})};
    }
    return targets;
}

}  // namespace berth::inline v0
