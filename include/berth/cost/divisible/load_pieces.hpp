// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/cost/divisible/detail/piece_table.hpp"
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/cost/divisible/load_step.hpp"
#include "berth/cost/divisible/split.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Tasks and pieces of tasks on the GPUs of a load model, and the steps that follow their placement: `balance` relieves
/// GPUs above their limit, `migrate_from` empties a GPU that is hot or has failed. Divisible load is cut again so that
/// its last piece finishes as early as possible (`split_load`). Other tasks move as a whole to the cheapest GPU that
/// admits them: the one with the least load P. Load that fits nowhere stays and is reported in `stranded`.
///
/// The state of a run: exact, deterministic, copyable. Model and spans outlive it. Tasks and GPUs are those of the
/// model, which only assertions check. In the complexities below, one *spread* is O(GPUs × log GPUs × steps of a
/// bisection, some 60) for divisible load and O(GPUs) for a whole task.
class load_pieces {
public:
    /// O(tasks + GPUs).
    ///
    /// @param model    tasks and GPUs; its own loads of GPUs are there from the start, its tasks are not placed
    /// @param speeds   load per unit of time, one for each GPU or one for all, 1e-12..1e12
    /// @param options  which tasks may be cut
    load_pieces(const load_cost& model, std::span<const double> speeds, piece_options options = {})
        : loads_{model},
          speeds_{speeds},
          options_{options},
          pieces_{model.tasks().size(), model.gpus().size()},
          usable_(model.gpus().size(), 1) {
        BERTH_ASSERT(speeds.size() == 1 || speeds.size() == model.gpus().size(),
                     "berth: load_pieces needs one speed, or one for each GPU");
    }
    load_pieces(const load_cost&&, std::span<const double>, piece_options = {}) = delete;

    /// The load of every GPU.
    [[nodiscard]] const load_state& loads() const noexcept { return loads_; }
    /// All pieces, in order of their first placement; valid until the next change. O(1).
    [[nodiscard]] std::span<const task_piece> pieces() const noexcept { return pieces_.view(); }
    /// Load of a task on a GPU, in thousandths; 0 if it has no piece there. O(pieces of the task).
    [[nodiscard]] amount load_on(task_index t, gpu_index g) const noexcept {
        const std::uint32_t piece = pieces_.find(t, g);
        return piece == pieces_.none ? 0 : pieces_[piece].load;
    }
    /// When a GPU finishes all its load, in thousandths of the time unit. O(1).
    [[nodiscard]] double finish(gpu_index g) const noexcept {
        return static_cast<double>(loads_.load_micro(g)) / (speed(g) * static_cast<double>(time(g)));
    }
    /// When the last piece of a task finishes, in thousandths of the time unit; 0 for a task without pieces. O(pieces
    /// of the task).
    [[nodiscard]] double finish(task_index t) const noexcept {
        double last = 0.0;
        for (std::uint32_t i = pieces_.first_of(t); i != pieces_.none; i = pieces_.next_of_task(i)) {
            const double at = finish(pieces_[i].gpu);
            if (at > last) last = at;
        }
        return last;
    }

    /// Places load of a task on a GPU, in thousandths, 0 or more, admitted or not. O(pieces of the task).
    void place(task_index t, gpu_index g, amount load) {
        BERTH_ASSERT(t.below(loads_.model().tasks().size()) && load >= 0,
                     "berth: load_pieces places load of 0 or more, of a task of its model");
        if (load == 0) return;
        pieces_.add(t, g, load);
        loads_.place(load_task{.load = load}, g);
    }
    /// Removes load of a task from a GPU, because it has been processed. O(pieces of the task); if a piece ends, O(all
    /// pieces).
    ///
    /// @return false if there is not that much of the task on this GPU; nothing has changed then, in every build
    bool done(task_index t, gpu_index g, amount load) {
        if (!t.below(loads_.model().tasks().size()) || load < 0) return false;
        if (load > load_on(t, g)) return false;
        if (load > 0) take(pieces_.find(t, g), load);
        pieces_.compact();
        return true;
    }
    /// Allows or forbids a GPU to receive load; at first all may.
    void set_usable(gpu_index g, bool usable) noexcept { usable_[g.value()] = usable ? 1 : 0; }

    /// Places load of a task: in pieces if it is divisible, else as a whole. One spread.
    ///
    /// @param load  in thousandths, 0..`max_load_amount`
    load_step spread(task_index t, amount load);
    /// Relieves every GPU above its limit, the one with most excess first: divisible load is spread over all GPUs
    /// including this one, the largest pieces first; then whole tasks leave, the smallest that suffices or else the
    /// largest, to GPUs that admit them; until the GPU is within its limit or no piece is left to try.
    ///
    /// O(tasks + all pieces + GPUs log GPUs), one spread for each piece tried, and O(k²) for k pieces of one GPU above
    /// its limit.
    load_step balance();
    /// Empties a GPU and forbids it to receive load. O(all pieces) and one spread for each piece on it.
    load_step migrate_from(gpu_index g);

private:
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
    void take(std::uint32_t piece, amount load) noexcept {
        loads_.remove(load_task{.load = load}, pieces_[piece].gpu);
        pieces_.take(piece, load);
    }
    void spread(task_index t, gpu_index from, amount load, load_step& step);
    [[nodiscard]] std::uint32_t next_to_leave(gpu_index g, const detail::flat<std::uint32_t>& tried,
                                              std::uint32_t round) const noexcept;

    load_state loads_;
    std::span<const double> speeds_;
    piece_options options_;
    detail::piece_table pieces_;
    detail::flat<std::uint8_t> usable_;
};

inline load_step load_pieces::spread(task_index t, amount load) {
    load_step step;
    spread(t, gpu_index{}, load, step);
    return step;
}

/// The load is placed nowhere when this begins; the part that returns to `from` is no shift.
inline void load_pieces::spread(task_index t, gpu_index from, amount load, load_step& step) {
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
                     "berth: load_pieces needs speeds of 1e-12..1e12 and loads of 0..max_load_amount");
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

inline load_step load_pieces::balance() {
    load_step step;
    // Spreading brings no GPU above its limit, so that the order of the GPUs can be fixed before.
    detail::flat<std::size_t> above;
    for (std::size_t g = 0; g < usable_.size(); ++g) {
        if (excess(gpu_index{g}) > 0) above.push_back(g);
    }
    detail::sort_positions(above, [this](std::size_t a, std::size_t b) {
        const amount first = excess(gpu_index{a});
        const amount second = excess(gpu_index{b});
        return first != second ? first > second : a < b;
    });
    detail::flat<std::uint32_t> tried(above.empty() ? 0 : loads_.model().tasks().size(), 0);  // by task: the round
    std::uint32_t round = 0;
    for (const std::size_t i : above) {
        const gpu_index g{i};
        ++round;
        while (excess(g) > 0) {
            const std::uint32_t next = next_to_leave(g, tried, round);
            if (next == pieces_.none) break;
            const task_piece piece = pieces_[next];
            tried[piece.task.value()] = round;
            take(next, piece.load);
            spread(piece.task, g, piece.load, step);
        }
    }
    pieces_.compact();
    return step;
}

/// Among the pieces of a GPU that were not tried in this round: divisible ones before whole tasks, the largest first;
/// of whole tasks the smallest that suffices, else the largest. The earliest of equal ones.
inline std::uint32_t load_pieces::next_to_leave(gpu_index g, const detail::flat<std::uint32_t>& tried,
                                                std::uint32_t round) const noexcept {
    const amount wanted = (excess(g) + time(g) - 1) / time(g);
    std::uint32_t best = pieces_.none;
    for (std::uint32_t i = pieces_.first_on(g); i != pieces_.none; i = pieces_.next_on_gpu(i)) {
        const task_piece& piece = pieces_[i];
        if (tried[piece.task.value()] == round) continue;
        if (best == pieces_.none) {
            best = i;
            continue;
        }
        const amount best_load = pieces_[best].load;
        const bool cut = divisible(piece.task);
        const bool best_cut = divisible(pieces_[best].task);
        if (cut != best_cut) {
            if (cut) best = i;
            continue;
        }
        const bool suffices = !cut && piece.load >= wanted;
        const bool best_suffices = !best_cut && best_load >= wanted;
        if (suffices != best_suffices ? suffices : (suffices ? piece.load < best_load : piece.load > best_load))
            best = i;
    }
    return best;
}

inline load_step load_pieces::migrate_from(gpu_index g) {
    set_usable(g, false);
    load_step step;
    detail::flat<std::uint32_t> leaving;
    for (std::uint32_t i = pieces_.first_on(g); i != pieces_.none; i = pieces_.next_on_gpu(i)) leaving.push_back(i);
    for (const std::uint32_t i : leaving) {
        const task_piece piece = pieces_[i];
        take(i, piece.load);
        spread(piece.task, g, piece.load, step);
    }
    pieces_.compact();
    return step;
}

}  // namespace berth::inline v0
