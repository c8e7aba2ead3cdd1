// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: one state whose counts change together with every move that goes; parts of it mean nothing alone.

namespace berth::inline v0::detail {

/// Puts moves into an order in which each has room at its target while it still holds its source, from both ends at
/// once.
///
/// A counter is *contested* while less is free than all pending moves take there. A move whose target counters are not
/// contested goes first: what it takes is missing to nobody. A move whose source counters are not contested goes last:
/// nobody waits for what it gives back. Both only make other counters less contested, so these rules need no choice. In
/// the core that remains every move waits for another one. There a move may go next if its target has room now, or last
/// of all if its source has room for it at the end (the same with time reversed). These are choices, ranked by how many
/// other moves they help and hinder. If neither is possible, a move is *broken*: it leaves its source before all others
/// and comes to its target after them, by way of a temporary host or host memory.
///
/// O(touches log touches) to make, O(touches) for a run where the lists of counters are short. Deterministic. Once the
/// control has stopped, choices and broken moves are taken as they come, so that the rest is linear.
class order_run {
public:
    static constexpr double no_limit = std::numeric_limits<double>::infinity();

    /// Table and control must outlive the run.
    order_run(const move_table& moves, std::span<const amount> free, order_control& control)
        : moves_{&moves},
          control_{&control},
          free_at_start_{},
          into_{lists(free.size(), true)},
          out_of_{lists(free.size(), false)} {
        free_at_start_.append(free);
        incoming_at_start_.assign(free.size(), 0);
        outgoing_at_start_.assign(free.size(), 0);
        for (std::size_t m = 0; m < moves.size(); ++m) {
            for (const counter_touch& t : moves.to(m)) incoming_at_start_[t.counter] += t.demand;
            for (const counter_touch& t : moves.from(m)) outgoing_at_start_[t.counter] += t.demand;
        }
        restart();
    }

    void restart() {
        const std::size_t counters = free_at_start_.size();
        const auto reset = [](flat<amount>& now, const flat<amount>& start) {
            now.clear();
            now.append(start.view());
        };
        reset(free_, free_at_start_);
        reset(incoming_, incoming_at_start_);
        reset(outgoing_, outgoing_at_start_);
        pending_.assign(moves_->size(), 1);
        left_ = moves_->size();
        scarce_to_.assign(moves_->size(), 0);
        scarce_from_.assign(moves_->size(), 0);
        unmet_to_.assign(moves_->size(), 0);
        unmet_from_.assign(moves_->size(), 0);
        listed_.assign(moves_->size(), 0);
        met_now_.assign(counters, 0);
        met_at_end_.assign(counters, 0);
        contested_.assign(counters, 0);
        settled_.clear();
        choices_.clear();
        first_.clear();
        last_.clear();
        broken_.clear();
        next_to_break_ = 0;
        cost_ = 0.0;
        for (std::size_t c = 0; c < counters; ++c) {
            met_now_[c] = into_.begin(c);
            met_at_end_[c] = out_of_.begin(c);
            contested_[c] = free_[c] < incoming_[c] ? 1 : 0;
        }
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            for (const counter_touch& t : moves_->to(m)) scarce_to_[m] += contested_[t.counter];
            for (const counter_touch& t : moves_->from(m)) scarce_from_[m] += contested_[t.counter];
            unmet_to_[m] = static_cast<std::uint32_t>(moves_->to(m).size());
            unmet_from_[m] = static_cast<std::uint32_t>(moves_->from(m).size());
            if (scarce_to_[m] == 0 || scarce_from_[m] == 0) settled_.push_back(static_cast<std::uint32_t>(m));
        }
        for (std::size_t c = 0; c < counters; ++c) {
            follow_free(c);
            follow_end(c);
        }
    }

    [[nodiscard]] std::size_t left() const noexcept { return left_; }
    [[nodiscard]] bool pending(std::size_t m) const noexcept { return pending_[m] != 0; }
    [[nodiscard]] bool contested(std::size_t counter) const noexcept { return contested_[counter] != 0; }
    [[nodiscard]] std::span<const amount> free() const noexcept { return free_.view(); }
    [[nodiscard]] double cost() const noexcept { return cost_; }
    /// Those that go first, in order.
    [[nodiscard]] std::span<const std::uint32_t> first() const noexcept { return first_.view(); }
    /// Those that go last, the last one in front.
    [[nodiscard]] std::span<const std::uint32_t> last() const noexcept { return last_.view(); }
    [[nodiscard]] std::span<const std::uint32_t> broken() const noexcept { return broken_.view(); }

    /// Orders what the rules decide; after a stop only if it has to be complete.
    void settle(bool complete = true) {
        while (!settled_.empty()) {
            if (control_->work(1) && !complete) return;
            const std::size_t m = settled_.back();
            settled_.pop_back();
            if (pending_[m] == 0) continue;
            if (scarce_to_[m] == 0) {
                go_first(m);
            } else {
                go_last(m);
            }
        }
    }
    /// Lets a pending move leave before all others and come after them.
    void break_move(std::size_t m, double weight) {
        finish(m);
        broken_.push_back(static_cast<std::uint32_t>(m));
        cost_ += weight;
        for (const counter_touch& t : moves_->to(m)) {
            incoming_[t.counter] -= t.demand;
            follow_end(t.counter);
            follow_contest(t.counter);
        }
        for (const counter_touch& t : moves_->from(m)) {
            free_[t.counter] += t.demand;
            outgoing_[t.counter] -= t.demand;
            follow_free(t.counter);
            follow_contest(t.counter);
        }
    }
    /// Orders everything that is pending, and breaks moves where nothing else helps.
    ///
    /// @param weight    of breaking each move; one of infinite weight is never broken
    /// @param noise     shakes the choices up by `dice`, one number for each move
    /// @param complete  false: may be given up after a stop
    /// @return false if it is impossible without moves of infinite weight, or if the cost exceeds the limit
    bool finish_all(std::span<const double> weight, double limit, double noise, std::span<const std::uint32_t> dice,
                    bool complete = true) {
        for (;;) {
            settle(complete);
            if (!complete && control_->stopped()) return false;
            if (left_ == 0) return cost_ <= limit;
            if (cost_ > limit) return false;
            if (choose(noise, dice)) continue;
            const std::size_t m = move_to_break(weight, noise, dice);
            if (m == moves_->size() || !(weight[m] < no_limit)) return false;
            break_move(m, weight[m]);
        }
    }

private:
    struct entry {
        std::uint32_t move;
        amount demand;
    };
    /// For every counter the moves that touch it, by demand.
    struct counter_lists {
        flat<entry> entries;
        flat<std::uint32_t> ends;

        [[nodiscard]] std::uint32_t begin(std::size_t c) const noexcept { return c == 0 ? 0 : ends[c - 1]; }
        [[nodiscard]] std::uint32_t end(std::size_t c) const noexcept { return ends[c]; }
    };

    [[nodiscard]] counter_lists lists(std::size_t counters, bool targets) const {
        counter_lists made;
        made.ends.assign(counters, 0);
        flat<std::uint32_t> counter_of;
        flat<entry> all;
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            for (const counter_touch& t : targets ? moves_->to(m) : moves_->from(m)) {
                all.push_back({static_cast<std::uint32_t>(m), t.demand});
                counter_of.push_back(t.counter);
                ++made.ends[t.counter];
            }
        }
        for (std::size_t c = 1; c < counters; ++c) made.ends[c] += made.ends[c - 1];
        const auto order = sorted_positions(all.size(), [&](std::size_t a, std::size_t b) {
            if (counter_of[a] != counter_of[b]) return counter_of[a] < counter_of[b];
            return all[a].demand != all[b].demand ? all[a].demand < all[b].demand : all[a].move < all[b].move;
        });
        made.entries.reserve(all.size());
        for (const std::size_t i : order) made.entries.push_back(all[i]);
        return made;
    }

    [[nodiscard]] amount at_end(std::size_t c) const noexcept { return free_[c] - incoming_[c] + outgoing_[c]; }

    void finish(std::size_t m) noexcept {
        pending_[m] = 0;
        --left_;
    }
    void go_first(std::size_t m) {
        finish(m);
        first_.push_back(static_cast<std::uint32_t>(m));
        for (const counter_touch& t : moves_->to(m)) {
            free_[t.counter] -= t.demand;
            incoming_[t.counter] -= t.demand;
            follow_free(t.counter);
        }
        for (const counter_touch& t : moves_->from(m)) {
            free_[t.counter] += t.demand;
            outgoing_[t.counter] -= t.demand;
            follow_free(t.counter);
            follow_contest(t.counter);
        }
    }
    void go_last(std::size_t m) {
        finish(m);
        last_.push_back(static_cast<std::uint32_t>(m));
        for (const counter_touch& t : moves_->from(m)) {
            outgoing_[t.counter] -= t.demand;
            follow_end(t.counter);
        }
        for (const counter_touch& t : moves_->to(m)) {
            incoming_[t.counter] -= t.demand;
            follow_end(t.counter);
            follow_contest(t.counter);
        }
    }

    /// Keeps the counts of unmet counters when what is free has changed.
    void follow_free(std::size_t c) {
        std::uint32_t at = met_now_[c];
        for (; at < into_.end(c) && into_.entries[at].demand <= free_[c]; ++at) {
            if (--unmet_to_[into_.entries[at].move] == 0) list(into_.entries[at].move);
        }
        for (; at > into_.begin(c) && into_.entries[at - 1].demand > free_[c]; --at) {
            ++unmet_to_[into_.entries[at - 1].move];
        }
        met_now_[c] = at;
    }
    void follow_end(std::size_t c) {
        const amount room = at_end(c);
        std::uint32_t at = met_at_end_[c];
        for (; at < out_of_.end(c) && out_of_.entries[at].demand <= room; ++at) {
            if (--unmet_from_[out_of_.entries[at].move] == 0) list(out_of_.entries[at].move);
        }
        for (; at > out_of_.begin(c) && out_of_.entries[at - 1].demand > room; --at) {
            ++unmet_from_[out_of_.entries[at - 1].move];
        }
        met_at_end_[c] = at;
    }
    void follow_contest(std::size_t c) {
        if (contested_[c] == 0 || free_[c] < incoming_[c]) return;
        contested_[c] = 0;
        for (std::uint32_t i = into_.begin(c); i < into_.end(c); ++i) {
            const std::uint32_t m = into_.entries[i].move;
            if (--scarce_to_[m] == 0 && pending_[m] != 0) settled_.push_back(m);
        }
        for (std::uint32_t i = out_of_.begin(c); i < out_of_.end(c); ++i) {
            const std::uint32_t m = out_of_.entries[i].move;
            if (--scarce_from_[m] == 0 && pending_[m] != 0) settled_.push_back(m);
        }
    }
    void list(std::uint32_t m) {
        if (listed_[m] != 0) return;
        listed_[m] = 1;
        choices_.push_back(m);
    }

    static constexpr int whole = 12;  // for one move that is helped, divided by the counters that it waits for
    static constexpr std::uint32_t max_entries = 48;  // looked at in one list
    static constexpr std::size_t max_choices = 64;

    /// How much the moves that wait for a counter are helped by `more` of it (hindered, if negative).
    [[nodiscard]] static int change_of(const counter_lists& waiting, const flat<std::uint8_t>& pending,
                                       const flat<std::uint32_t>& unmet, std::size_t c, std::uint32_t met, amount room,
                                       amount more) noexcept {
        int change = 0;
        if (more > 0) {
            const std::uint32_t end = waiting.end(c) - met > max_entries ? met + max_entries : waiting.end(c);
            for (std::uint32_t i = met; i < end && waiting.entries[i].demand <= room + more; ++i) {
                const std::uint32_t m = waiting.entries[i].move;
                if (pending[m] != 0) change += whole / static_cast<int>(unmet[m]);
            }
        } else {
            const std::uint32_t begin = met - waiting.begin(c) > max_entries ? met - max_entries : waiting.begin(c);
            for (std::uint32_t i = met; i > begin && waiting.entries[i - 1].demand > room + more; --i) {
                const std::uint32_t m = waiting.entries[i - 1].move;
                if (pending[m] != 0) change -= whole / static_cast<int>(unmet[m] + 1);
            }
        }
        return change;
    }
    [[nodiscard]] int change_now(std::size_t c, amount more) const noexcept {
        return change_of(into_, pending_, unmet_to_, c, met_now_[c], free_[c], more);
    }
    [[nodiscard]] int change_at_end(std::size_t c, amount more) const noexcept {
        return change_of(out_of_, pending_, unmet_from_, c, met_at_end_[c], at_end(c), more);
    }
    /// How much it helps if a counter is contested by `less` less.
    [[nodiscard]] int change_of_contest(std::size_t c, amount less) const noexcept {
        if (contested_[c] == 0 || free_[c] + less < incoming_[c]) return 0;
        int change = 0;
        const auto count = [&](const counter_lists& all, const flat<std::uint32_t>& scarce) {
            const std::uint32_t end = all.end(c) - all.begin(c) > max_entries ? all.begin(c) + max_entries : all.end(c);
            for (std::uint32_t i = all.begin(c); i < end; ++i) {
                const std::uint32_t m = all.entries[i].move;
                if (pending_[m] != 0) change += whole / static_cast<int>(scarce[m]);
            }
        };
        count(into_, scarce_to_);
        count(out_of_, scarce_from_);
        return change;
    }
    [[nodiscard]] int gain_of_leaving(std::size_t m) const noexcept {
        int gain = 0;
        for (const counter_touch& t : moves_->from(m)) {
            gain += change_now(t.counter, t.demand) + change_of_contest(t.counter, t.demand);
        }
        return gain;
    }
    [[nodiscard]] int gain_of_staying_away(std::size_t m) const noexcept {
        int gain = 0;
        for (const counter_touch& t : moves_->to(m)) {
            gain += change_at_end(t.counter, t.demand) + change_of_contest(t.counter, t.demand);
        }
        return gain;
    }

    /// The best move that may go next or go last of all. False if there is none.
    bool choose(double noise, std::span<const std::uint32_t> dice) {
        if (control_->work(1 + choices_.size() / 32)) return take_any();
        std::size_t best = moves_->size();
        bool best_is_first = true;
        double best_score = 0.0;
        std::size_t kept = 0;
        std::size_t seen = 0;
        const auto offer = [&](std::size_t m, bool is_first, int gain) {
            const double score = static_cast<double>(gain) + noise * static_cast<double>(dice[m] % 1024U);
            if (best == moves_->size() || score > best_score ||
                (score == best_score && (m < best || (m == best && is_first)))) {
                best = m;
                best_is_first = is_first;
                best_score = score;
            }
        };
        for (std::size_t i = 0; i < choices_.size(); ++i) {
            const std::uint32_t m = choices_[i];
            const bool now = unmet_to_[m] == 0;
            const bool at_end = unmet_from_[m] == 0;
            if (pending_[m] == 0 || (!now && !at_end)) {
                listed_[m] = 0;
                continue;
            }
            choices_[kept++] = m;
            if (++seen > max_choices) continue;
            (void)control_->work(1);
            if (now) {
                int gain = gain_of_leaving(m);
                for (const counter_touch& t : moves_->to(m)) gain += change_now(t.counter, -t.demand);
                offer(m, true, gain);
            }
            if (at_end) {
                int gain = gain_of_staying_away(m);
                for (const counter_touch& t : moves_->from(m)) gain += change_at_end(t.counter, -t.demand);
                offer(m, false, gain);
            }
        }
        choices_.resize(kept);
        if (best == moves_->size()) return false;
        if (best_is_first) {
            go_first(best);
        } else {
            go_last(best);
        }
        return true;
    }
    /// Some move that may go next or last of all.
    bool take_any() {
        while (!choices_.empty()) {
            const std::uint32_t m = choices_.back();
            choices_.pop_back();
            listed_[m] = 0;
            if (pending_[m] == 0) continue;
            if (unmet_to_[m] == 0) {
                go_first(m);
                return true;
            }
            if (unmet_from_[m] == 0) {
                go_last(m);
                return true;
            }
        }
        return false;
    }
    /// The pending move whose breaking helps most for its weight.
    [[nodiscard]] std::size_t move_to_break(std::span<const double> weight, double noise,
                                            std::span<const std::uint32_t> dice) {
        std::size_t best = moves_->size();
        double best_score = 0.0;
        const auto may_break = [&](std::size_t m) { return pending_[m] != 0 && weight[m] < no_limit; };
        for (std::size_t m = 0; m < moves_->size() && !control_->work(1); ++m) {
            if (!may_break(m)) continue;
            const int gain = gain_of_leaving(m) + gain_of_staying_away(m);
            const double score =
                (1.0 + static_cast<double>(gain) + noise * static_cast<double>(dice[m] % 1024U)) / weight[m];
            if (best == moves_->size() || score > best_score) {
                best = m;
                best_score = score;
            }
        }
        if (best < moves_->size() || !control_->stopped()) return best;
        while (next_to_break_ < moves_->size() && !may_break(next_to_break_)) ++next_to_break_;
        return next_to_break_;
    }

    const move_table* moves_;
    order_control* control_;
    flat<amount> free_at_start_;
    flat<amount> incoming_at_start_;
    flat<amount> outgoing_at_start_;
    counter_lists into_;
    counter_lists out_of_;

    flat<amount> free_;
    flat<amount> incoming_;  // by pending moves
    flat<amount> outgoing_;
    flat<std::uint8_t> pending_;
    flat<std::uint8_t> listed_;
    flat<std::uint8_t> contested_;
    flat<std::uint32_t> scarce_to_;    // contested counters at the target
    flat<std::uint32_t> scarce_from_;  // and at the source
    flat<std::uint32_t> unmet_to_;     // counters of the target that have too little now
    flat<std::uint32_t> unmet_from_;   // counters of the source that would have too little at the end
    flat<std::uint32_t> met_now_;      // the first entry of each counter's list that has no room
    flat<std::uint32_t> met_at_end_;
    flat<std::uint32_t> settled_;
    flat<std::uint32_t> choices_;
    flat<std::uint32_t> first_;
    flat<std::uint32_t> last_;
    flat<std::uint32_t> broken_;
    std::size_t left_ = 0;
    std::size_t next_to_break_ = 0;
    double cost_ = 0.0;
};

}  // namespace berth::inline v0::detail
