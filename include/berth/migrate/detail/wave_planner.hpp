// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/detail/migration_pricing.hpp"
#include "berth/migrate/detail/move_table.hpp"
#include "berth/migrate/detail/wave_schedule.hpp"
#include "berth/migrate/migration_cost.hpp"
#include "berth/migrate/migration_plan.hpp"
#include "berth/migrate/order_options.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::detail {

/// Turns an order of single moves into waves. Each move is entered in the earliest wave from which on its target has room for
/// good, whatever was entered before; broken moves leave as late and come back as early as they can, and only then a third slot
/// or host memory is looked for.
class wave_planner {
public:
    wave_planner(const problem& p, const counter_numbers& numbers, const migration_pricing& cost,
                 const order_options& options, const flat<relocation>& wanted, const move_table& moves,
                 const flat<amount>& free)
        : problem_{&p},
          numbers_{&numbers},
          cost_{cost},
          options_{&options},
          wanted_{&wanted},
          moves_{&moves},
          room_{free},
          host_{host_memory(options)},
          traffic_{{options.per_node, options.per_link, options.per_wave}} {}

    /// A move goes directly, not before wave `first`.
    void go(std::size_t m, std::size_t first) {
        const relocation& r = (*wanted_)[m];
        const step_kind kind = !r.from.placed() ? step_kind::fetch
                               : !r.to.placed() ? step_kind::park
                                                : step_kind::relocate;
        enter({.move = static_cast<std::uint32_t>(m), .from = r.from, .to = r.to, .kind = kind}, first);
    }
    /// Direct moves in their order, with the broken ones out of the way. Returns the number of the broken, or the position of one
    /// for which no place was found; then nothing was entered.
    [[nodiscard]] std::size_t carry_out(std::span<const std::uint32_t> order, std::span<const std::uint32_t> broken) {
        const std::size_t failed = attempt(order, broken, 0);
        if (failed == broken.size() || waves_ == 0) return failed;
        return attempt(order, broken, waves_);
    }

    /// Tightens the schedule and writes everything down.
    void finish(migration_plan& plan) {
        for (std::size_t pass = 0; pass < 4 && tighten(); ++pass) {}
        for (std::size_t pass = 0; pass < 3 && even_out(); ++pass) {}
        write(plan);
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    struct planned {
        std::uint32_t move = 0;
        slot from{};
        slot to{};
        step_kind kind = step_kind::relocate;
        std::uint32_t stage_from = none;  // what it holds at a third slot, in stages_
        std::uint32_t stage_to = none;
        std::uint32_t partner = none;  // the other step of a broken move
        bool in_memory = false;        // counted in host_
        std::size_t wave = 0;
        migration_estimate cost{};
    };

    [[nodiscard]] static flat<amount> host_memory(const order_options& options) {
        flat<amount> bytes;
        bytes.append(options.host_memory);
        return bytes;
    }

    [[nodiscard]] std::span<const counter_touch> source(const planned& s) const noexcept {
        if (s.stage_from != none) return stages_.to(s.stage_from);
        return s.from.placed() ? moves_->from(s.move) : std::span<const counter_touch>{};
    }
    [[nodiscard]] std::span<const counter_touch> target(const planned& s) const noexcept {
        if (s.stage_to != none) return stages_.to(s.stage_to);
        return s.to.placed() ? moves_->to(s.move) : std::span<const counter_touch>{};
    }
    [[nodiscard]] migration_estimate estimate(std::size_t m, const slot& from, const slot& to) const {
        return cost_(*problem_, {(*wanted_)[m].task, from, to});
    }

    std::size_t enter(planned s, std::size_t first) {
        std::size_t wave = room_.earliest(target(s), first);
        BERTH_ASSERT(wave != wave_room::never, "berth: an order of moves in which each has room");
        while (!traffic_.admits(wave, s.from.node, s.to.node)) ++wave;
        s.wave = wave;
        s.cost = estimate(s.move, s.from, s.to);
        hold(s, +1);
        steps_.push_back(s);
        note(s);
        return steps_.size() - 1;
    }
    void hold(const planned& s, int sign) {
        room_.add(target(s), s.wave, -sign);
        room_.add(source(s), s.wave + 1, sign);
        traffic_.add(s.wave, s.from.node, s.to.node, sign);
    }
    void note(const planned& s) {
        waves_ = s.wave + 1 > waves_ ? s.wave + 1 : waves_;
        while (longest_.size() < waves_) longest_.push_back(0.0);
        if (s.cost.duration > longest_[s.wave]) longest_[s.wave] = s.cost.duration;
    }

    std::size_t attempt(std::span<const std::uint32_t> order, std::span<const std::uint32_t> broken,
                        std::size_t first) {
        const std::size_t begin = steps_.size();
        for (const std::uint32_t m : broken) {
            enter({.move = m, .from = (*wanted_)[m].from, .to = unplaced, .kind = step_kind::park}, first);
        }
        for (const std::uint32_t m : order) go(m, first);
        for (std::size_t i = 0; i < broken.size(); ++i) {
            const std::uint32_t m = broken[i];
            planned& park = steps_[begin + i];
            park.partner = static_cast<std::uint32_t>(steps_.size());
            const std::size_t after = park.wave + 1;
            enter({.move = m,
                   .from = unplaced,
                   .to = (*wanted_)[m].to,
                   .kind = step_kind::fetch,
                   .partner = static_cast<std::uint32_t>(begin + i)},
                  after);
        }
        for (std::size_t i = broken.size(); i > 0; --i) leave_late(steps_[begin + i - 1]);
        for (std::size_t i = 0; i < broken.size(); ++i) {
            if (find_place(begin + i)) continue;
            for (std::size_t back = begin; back < steps_.size(); ++back) {
                if (steps_[back].in_memory) remember(steps_[back], +1);
                hold(steps_[back], -1);
            }
            steps_.resize(begin);
            return i;
        }
        return broken.size();
    }
    /// The latest wave up to which the source can be kept.
    void leave_late(planned& park) {
        const std::size_t end = steps_[park.partner].wave;
        std::size_t wave = park.wave;
        for (std::size_t w = park.wave + 1; w < end; ++w) {
            if (!room_.free_during(source(park), w, w)) break;
            if (traffic_.admits(w, park.from.node, park.to.node)) wave = w;
        }
        change_wave(park, wave);
    }
    void change_wave(planned& s, std::size_t wave) {
        if (wave == s.wave) return;
        hold(s, -1);
        s.wave = wave;
        hold(s, +1);
        note(s);
    }

    /// Stages or parks a broken move, whichever is cheaper. False if there is room for neither.
    bool find_place(std::size_t at) {
        const std::size_t back = steps_[at].partner;
        const planned park = steps_[at];
        const planned fetch = steps_[back];
        double wait = longest_[park.wave] - park.cost.duration;
        for (std::size_t w = park.wave + 1; w < fetch.wave; ++w) wait += longest_[w];
        const double parked = park.cost.downtime + fetch.cost.downtime + (wait > 0.0 ? wait : 0.0);
        const bool may_park = options_->parking && remembers(park);

        traffic_.add(park.wave, park.from.node, node_index{}, -1);
        traffic_.add(fetch.wave, node_index{}, fetch.to.node, -1);
        double staged = 0.0;
        slot third{};
        if (options_->staging) third = third_slot(park, fetch, may_park ? parked : order_options::never, staged);
        if (third.placed()) {
            stages_.end_part();
            numbers_->append(problem_->workload().demand((*wanted_)[park.move].task), third, stages_.touches());
            stages_.end_part();
            room_.add(stages_.to(stages_.size() - 1), park.wave, -1);
            room_.add(stages_.to(stages_.size() - 1), fetch.wave + 1, +1);
            planned& out = steps_[at];
            planned& in = steps_[back];
            out.kind = step_kind::stage;
            out.to = third;
            out.stage_to = static_cast<std::uint32_t>(stages_.size() - 1);
            out.cost = estimate(out.move, out.from, out.to);
            in.kind = step_kind::relocate;
            in.from = third;
            in.stage_from = out.stage_to;
            in.cost = estimate(in.move, in.from, in.to);
            note(out);
            note(in);
        }
        const node_index between = third.node;
        traffic_.add(park.wave, park.from.node, between, +1);
        traffic_.add(fetch.wave, between, fetch.to.node, +1);
        if (third.placed()) return true;
        if (!may_park) return false;
        remember(park, -1);
        steps_[at].in_memory = true;
        return true;
    }
    [[nodiscard]] counter_touch host_touch(const planned& park) const noexcept {
        return {static_cast<std::uint32_t>(park.from.node.value()),
                problem_->workload().state_bytes((*wanted_)[park.move].task)};
    }
    [[nodiscard]] bool remembers(const planned& park) const noexcept {
        if (options_->host_memory.empty()) return true;
        const counter_touch bytes = host_touch(park);
        return host_.free_during({&bytes, 1}, park.wave, steps_[park.partner].wave);
    }
    void remember(const planned& park, int sign) {
        if (options_->host_memory.empty()) return;
        const counter_touch bytes = host_touch(park);
        host_.add({&bytes, 1}, park.wave, sign);
        host_.add({&bytes, 1}, steps_[park.partner].wave + 1, -sign);
    }

    /// The slot with the least downtime, then with the least left over; the first such. None if none is better than `limit`.
    [[nodiscard]] slot third_slot(const planned& park, const planned& fetch, double limit, double& downtime) const {
        const fleet& machines = problem_->fleet();
        const demand_view demand = problem_->workload().demand((*wanted_)[park.move].task);
        slot best{};
        amount best_left = 0;
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            if (!machines.healthy(n) || (demand.gpus > 0 && (machines.models_on(n) & demand.accepted_models) == 0)) {
                continue;
            }
            amount left = 0;
            const slot there = tightest(n, demand, park.wave, fetch.wave, left);
            if (!there.placed() || there == park.from || there == fetch.to) continue;
            if (!traffic_.admits(park.wave, park.from.node, n) || !traffic_.admits(fetch.wave, n, fetch.to.node))
                continue;
            const double price =
                estimate(park.move, park.from, there).downtime + estimate(park.move, there, fetch.to).downtime;
            if (price > limit) continue;
            if (!best.placed() || price < downtime || (price == downtime && left < best_left)) {
                best = there;
                best_left = left;
                downtime = price;
            }
        }
        return best;
    }
    /// The GPUs of a node that would have least left over.
    [[nodiscard]] slot tightest(node_index n, const demand_view& demand, std::size_t first, std::size_t last,
                                amount& left_over) const {
        const fleet& machines = problem_->fleet();
        if (!fits(numbers_->first(n), demand.node, first, last)) return {};
        for (const domain_index d : machines.domains(n)) {
            if (!fits(numbers_->first(d), demand.domain, first, last)) return {};
        }
        slot found{n, 0};
        gpu_mask rest = machines.healthy_gpus(n);
        for (std::size_t k = 0; k < demand.gpus; ++k) {
            std::size_t best = max_gpus_per_node;
            amount best_left = 0;
            for (gpu_mask each = rest; each != 0; each &= each - 1) {
                const std::size_t i = lowest_gpu(each);
                const gpu_index g = machines.gpu(n, i);
                if ((demand.accepted_models >> machines.model(g).value() & 1U) == 0 ||
                    !fits(numbers_->first(g), demand.gpu, first, last)) {
                    rest &= ~(gpu_mask{1} << i);
                    continue;
                }
                const amount left = left_over_of(g, demand, first, last);
                if (best == max_gpus_per_node || left < best_left) {
                    best = i;
                    best_left = left;
                }
            }
            if (best == max_gpus_per_node) return {};
            found.gpus |= gpu_mask{1} << best;
            rest &= ~(gpu_mask{1} << best);
            left_over += best_left;
        }
        return found;
    }
    /// What would be left of a GPU, each counter in 1024ths of its capacity.
    [[nodiscard]] amount left_over_of(gpu_index g, const demand_view& demand, std::size_t first,
                                      std::size_t last) const noexcept {
        const auto capacity = problem_->fleet().capacity(g);
        amount left = 0;
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            const amount free = room_.least(numbers_->first(g) + r, first, last) - demand.gpu[r];
            if (capacity[r] > 0) left += free * 1024 / capacity[r];
        }
        return left;
    }
    [[nodiscard]] bool fits(std::size_t first_counter, std::span<const amount> demand, std::size_t first,
                            std::size_t last) const noexcept {
        for (std::size_t r = 0; r < demand.size(); ++r) {
            if (demand[r] > 0 && room_.least(first_counter + r, first, last) < demand[r]) return false;
        }
        return true;
    }

    /// Every step as late as it can be, the last first, then every step as early as it can be, the first first: what is known of
    /// project schedules as forward-backward improvement. Taken back if the waves take longer than before; true if less.
    bool tighten() {
        const double before = total_duration();
        flat<std::size_t> kept;
        for (const planned& s : steps_) kept.push_back(s.wave);
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        list_waves(by_wave, first);
        for (std::size_t i = by_wave.size(); i > 0; --i) hasten(steps_[by_wave[i - 1]], false);
        list_waves(by_wave, first);
        for (const std::uint32_t i : by_wave) {
            if (!leaves_for_room(steps_[i])) hasten(steps_[i], true);
        }
        list_waves(by_wave, first);
        for (std::size_t i = by_wave.size(); i > 0; --i) {
            if (leaves_for_room(steps_[by_wave[i - 1]])) hasten(steps_[by_wave[i - 1]], false);
        }
        const double after = total_duration();
        if (after <= before) return after < before;
        for (const planned& s : steps_) hold(s, -1);
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            steps_[i].wave = kept[i];
            hold(steps_[i], +1);
        }
        return false;
    }
    [[nodiscard]] bool leaves_for_room(const planned& s) const noexcept {
        return s.partner != none && (s.kind == step_kind::stage || s.kind == step_kind::park);
    }
    /// As early, or as late, as room, limits and the other step of the same task allow.
    void hasten(planned& s, bool early) {
        if (s.partner != none && (s.in_memory || steps_[s.partner].in_memory) && !options_->host_memory.empty()) return;
        const bool first_of_two = leaves_for_room(s);
        std::size_t wave = s.wave;
        if (early) {
            const std::size_t after = s.partner != none && !first_of_two ? steps_[s.partner].wave + 1 : 0;
            while (wave > after && room_.free_during(target(s), wave - 1, wave - 1)) --wave;
            while (wave < s.wave && !traffic_.admits(wave, s.from.node, s.to.node)) ++wave;
        } else {
            const std::size_t end = first_of_two ? steps_[s.partner].wave : waves_;
            while (wave + 1 < end && room_.free_during(source(s), wave + 1, wave + 1)) ++wave;
            while (wave > s.wave && !traffic_.admits(wave, s.from.node, s.to.node)) --wave;
        }
        if (wave == s.wave) return;
        hold(s, -1);
        s.wave = wave;
        hold(s, +1);
    }
    [[nodiscard]] double total_duration() {
        longest_.assign(waves_, 0.0);
        for (const planned& s : steps_) note(s);
        double sum = 0.0;
        for (const double each : longest_) sum += each;
        return sum;
    }

    /// Moves the longest steps of waves to waves that are as long anyway. True if anything moved.
    bool even_out() {
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        list_waves(by_wave, first);
        longest_.assign(waves_, 0.0);
        for (const planned& s : steps_) note(s);
        bool moved = false;
        for (std::size_t w = waves_; w > 0; --w) moved = shorten(w - 1, by_wave, first) || moved;
        return moved;
    }
    void list_waves(flat<std::uint32_t>& by_wave, flat<std::size_t>& first) const {
        first.assign(waves_ + 1, 0);
        for (const planned& s : steps_) ++first[s.wave + 1];
        for (std::size_t w = 0; w < waves_; ++w) first[w + 1] += first[w];
        flat<std::size_t> at;
        at.append(first.view());
        by_wave.assign(steps_.size(), 0);
        for (std::size_t i = 0; i < steps_.size(); ++i) by_wave[at[steps_[i].wave]++] = static_cast<std::uint32_t>(i);
    }
    /// Moves as many of the longest steps of a wave elsewhere as can be, longest first.
    bool shorten(std::size_t wave, const flat<std::uint32_t>& by_wave, const flat<std::size_t>& first) {
        const std::size_t count = first[wave + 1] - first[wave];
        const auto longest_first = sorted_positions(count, [&](std::size_t a, std::size_t b) {
            const planned& x = steps_[by_wave[first[wave] + a]];
            const planned& y = steps_[by_wave[first[wave] + b]];
            return x.cost.duration != y.cost.duration ? x.cost.duration > y.cost.duration : a < b;
        });
        bool moved = false;
        double longest = 0.0;
        bool stuck = false;
        for (const std::size_t i : longest_first) {
            planned& s = steps_[by_wave[first[wave] + i]];
            if (s.wave != wave) continue;
            if (!stuck && s.partner == none && relocate_in_time(s)) {
                moved = true;
                continue;
            }
            stuck = true;
            longest = s.cost.duration > longest ? s.cost.duration : longest;
        }
        longest_[wave] = longest;
        return moved;
    }
    bool relocate_in_time(planned& s) {
        for (std::size_t w = s.wave; w > 0; --w) {
            if (!room_.free_during(target(s), w - 1, w - 1)) break;
            if (longest_[w - 1] < s.cost.duration || !traffic_.admits(w - 1, s.from.node, s.to.node)) continue;
            change_wave(s, w - 1);
            return true;
        }
        for (std::size_t w = s.wave + 1; w < waves_; ++w) {
            if (!room_.free_during(source(s), w, w)) break;
            if (longest_[w] < s.cost.duration || !traffic_.admits(w, s.from.node, s.to.node)) continue;
            change_wave(s, w);
            return true;
        }
        return false;
    }

    void write(migration_plan& plan) const {
        flat<std::size_t> first;
        flat<std::uint32_t> by_wave;
        list_waves(by_wave, first);
        const auto order = sorted_positions(steps_.size(), [this](std::size_t a, std::size_t b) {
            if (steps_[a].wave != steps_[b].wave) return steps_[a].wave < steps_[b].wave;
            return (*wanted_)[steps_[a].move].task < (*wanted_)[steps_[b].move].task;
        });
        flat<double> begin_of(waves_, 0.0);
        for (std::size_t w = 0; w < waves_; ++w) {
            begin_of[w] = plan.duration;
            double longest = 0.0;
            for (std::size_t i = first[w]; i < first[w + 1]; ++i) {
                const planned& s = steps_[order[i]];
                plan.steps.push_back({(*wanted_)[s.move].task, s.from, s.to, s.kind, s.cost.duration, s.cost.downtime});
                plan.downtime += s.cost.downtime;
                longest = s.cost.duration > longest ? s.cost.duration : longest;
            }
            plan.duration += longest;
            if (first[w + 1] > first[w]) plan.wave_ends.push_back(first[w + 1]);
        }
        for (const std::size_t i : order) {
            const planned& s = steps_[i];
            const bool leaves = s.kind == step_kind::park && s.partner != none;
            if (leaves || s.kind == step_kind::stage) ++plan.extra_steps;
            if (leaves) plan.downtime += begin_of[steps_[s.partner].wave] - begin_of[s.wave] - s.cost.duration;
        }
    }

    const problem* problem_;
    const counter_numbers* numbers_;
    migration_pricing cost_;
    const order_options* options_;
    const flat<relocation>* wanted_;
    const move_table* moves_;
    move_table stages_;
    wave_room room_;
    wave_room host_;
    wave_traffic traffic_;
    flat<planned> steps_;
    flat<double> longest_;
    std::size_t waves_ = 0;
};

}  // namespace berth::detail
