// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/cost/divisible/load_step.hpp"
#include "berth/cost/divisible/split.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth_test {

using berth::amount;
using berth::gpu_index;
using berth::load_cost;
using berth::load_piece;
using berth::load_shift;
using berth::load_state;
using berth::load_step;
using berth::load_task;
using berth::piece_options;
using berth::split_load;
using berth::split_target;
using berth::split_targets;
using berth::stranded_load;
using berth::task_index;
using berth::task_piece;

/// `load_pieces` as one list of pieces that every call searches from the start: the reference of its results.
class naive_load_pieces {
public:
    naive_load_pieces(const load_cost& model, std::span<const double> speeds, piece_options options = {})
        : loads_{model}, speeds_{speeds}, options_{options}, usable_(model.gpus().size(), 1) {
        BERTH_ASSERT(speeds.size() == 1 || speeds.size() == model.gpus().size(),
                     "berth: naive_load_pieces needs one speed, or one for each GPU");
    }
    naive_load_pieces(const load_cost&&, std::span<const double>, piece_options = {}) = delete;

    [[nodiscard]] const load_state& loads() const noexcept { return loads_; }
    [[nodiscard]] std::span<const task_piece> pieces() const noexcept { return pieces_; }
    [[nodiscard]] amount load_on(task_index t, gpu_index g) const noexcept {
        const std::size_t i = find(t, g);
        return i == pieces_.size() ? 0 : pieces_[i].load;
    }
    [[nodiscard]] double finish(gpu_index g) const noexcept {
        return static_cast<double>(loads_.load_micro(g)) / (speed(g) * static_cast<double>(time(g)));
    }
    [[nodiscard]] double finish(task_index t) const noexcept {
        double last = 0.0;
        for (const task_piece& piece : pieces_) {
            if (piece.task == t && finish(piece.gpu) > last) last = finish(piece.gpu);
        }
        return last;
    }

    void place(task_index t, gpu_index g, amount load);
    void done(task_index t, gpu_index g, amount load);
    void set_usable(gpu_index g, bool usable) noexcept { usable_[g.value()] = usable ? 1 : 0; }

    load_step spread(task_index t, amount load);
    load_step balance();
    load_step migrate_from(gpu_index g);

private:
    [[nodiscard]] std::size_t find(task_index t, gpu_index g) const noexcept {
        std::size_t i = 0;
        while (i < pieces_.size() && !(pieces_[i].task == t && pieces_[i].gpu == g)) ++i;
        return i;
    }
    [[nodiscard]] double speed(gpu_index g) const noexcept { return speeds_[speeds_.size() == 1 ? 0 : g.value()]; }
    [[nodiscard]] amount time(gpu_index g) const noexcept {
        const amount available = loads_.model().gpu(g).available_time;
        return available > 0 ? available : 1;
    }
    [[nodiscard]] bool divisible(task_index t) const noexcept {
        return options_.divisible.empty() || options_.divisible[t.value()] != 0;
    }
    [[nodiscard]] amount excess(gpu_index g) const noexcept {
        return loads_.load_micro(g) - loads_.model().gpu(g).max_load * 1000;
    }
    void take(task_index t, gpu_index g, amount load);
    void spread(task_index t, gpu_index from, amount load, load_step& step);
    bool relieve(gpu_index g, load_step& step);

    load_state loads_;
    std::span<const double> speeds_;
    piece_options options_;
    std::vector<task_piece> pieces_;
    std::vector<std::uint8_t> usable_;
};

inline void naive_load_pieces::place(task_index t, gpu_index g, amount load) {
    BERTH_ASSERT(t.value() < loads_.model().tasks().size() && load >= 0,
                 "berth: naive_load_pieces places load of 0 or more, of a task of its model");
    if (load == 0) return;
    loads_.place(load_task{.load = load}, g);
    const std::size_t i = find(t, g);
    if (i == pieces_.size()) {
        pieces_.push_back({t, g, load});
    } else {
        pieces_[i].load += load;
    }
}

inline void naive_load_pieces::done(task_index t, gpu_index g, amount load) { take(t, g, load); }

inline void naive_load_pieces::take(task_index t, gpu_index g, amount load) {
    if (load == 0) return;
    const std::size_t i = find(t, g);
    BERTH_ASSERT(i < pieces_.size() && load <= pieces_[i].load,
                 "berth: there is not that much of the task on this GPU");
    loads_.remove(load_task{.load = load}, g);
    pieces_[i].load -= load;
    if (pieces_[i].load > 0) return;
    for (std::size_t j = i; j + 1 < pieces_.size(); ++j) pieces_[j] = pieces_[j + 1];
    pieces_.pop_back();
}

inline load_step naive_load_pieces::spread(task_index t, amount load) {
    load_step step;
    spread(t, gpu_index{}, load, step);
    return step;
}

inline void naive_load_pieces::spread(task_index t, gpu_index from, amount load, load_step& step) {
    const auto shift = [&](gpu_index to, amount part) {
        place(t, to, part);
        if (to != from) step.shifts.push_back({t, from, to, part});
    };
    amount left = load;
    if (divisible(t)) {
        std::vector<split_target> targets = split_targets(loads_, speeds_);
        for (std::size_t g = 0; g < targets.size(); ++g) {
            if (usable_[g] == 0) targets[g].room = 0;
        }
        const auto split = split_load(load, targets, {.min_piece = options_.min_piece});
        BERTH_ASSERT(split.has_value(),
                     "berth: naive_load_pieces needs speeds of 1e-12..1e12 and loads of 0..max_load_amount");
        if (split) {
            for (const load_piece& piece : split->pieces) shift(gpu_index{piece.target}, piece.load);
            left = split->left_over;
        }
    } else {
        const load_task whole{.load = load};
        gpu_index best{};
        for (std::size_t i = 0; i < usable_.size(); ++i) {
            const gpu_index g{i};
            if (usable_[i] == 0 || g == from || !loads_.admits(whole, g)) continue;
            if (!best.valid() || loads_.load(g) < loads_.load(best)) best = g;
        }
        if (best.valid()) {
            shift(best, load);
            left = 0;
        }
    }
    if (left == 0) return;
    if (from.valid()) place(t, from, left);
    step.stranded.push_back({t, from, left});
}

inline load_step naive_load_pieces::balance() {
    load_step step;
    std::vector<std::uint8_t> hopeless(usable_.size(), 0);
    for (;;) {
        gpu_index worst{};
        for (std::size_t i = 0; i < usable_.size(); ++i) {
            const gpu_index g{i};
            if (hopeless[i] != 0 || excess(g) <= 0) continue;
            if (!worst.valid() || excess(g) > excess(worst)) worst = g;
        }
        if (!worst.valid()) return step;
        if (!relieve(worst, step)) hopeless[worst.value()] = 1;
    }
}

inline bool naive_load_pieces::relieve(gpu_index g, load_step& step) {
    std::vector<std::uint8_t> tried(loads_.model().tasks().size(), 0);
    while (excess(g) > 0) {
        const amount wanted = (excess(g) + time(g) - 1) / time(g);
        const task_piece* best = nullptr;
        for (const task_piece& piece : pieces_) {
            if (piece.gpu != g || tried[piece.task.value()] != 0) continue;
            if (best == nullptr) {
                best = &piece;
                continue;
            }
            const bool cut = divisible(piece.task);
            const bool best_cut = divisible(best->task);
            if (cut != best_cut) {
                if (cut) best = &piece;
                continue;
            }
            const bool suffices = !cut && piece.load >= wanted;
            const bool best_suffices = !best_cut && best->load >= wanted;
            if (suffices != best_suffices ? suffices : (suffices ? piece.load < best->load : piece.load > best->load)) {
                best = &piece;
            }
        }
        if (best == nullptr) { return false; }
        const task_piece piece = *best;
        tried[piece.task.value()] = 1;
        take(piece.task, g, piece.load);
        load_step part;
        spread(piece.task, g, piece.load, part);
        for (const load_shift& s : part.shifts) step.shifts.push_back(s);
        for (const stranded_load& s : part.stranded) step.stranded.push_back(s);
    }
    return true;
}

inline load_step naive_load_pieces::migrate_from(gpu_index g) {
    set_usable(g, false);
    load_step step;
    std::vector<task_piece> leaving;
    for (const task_piece& piece : pieces_) {
        if (piece.gpu == g) leaving.push_back(piece);
    }
    for (const task_piece& piece : leaving) {
        take(piece.task, g, piece.load);
        spread(piece.task, g, piece.load, step);
    }
    return step;
}

}  // namespace berth_test
