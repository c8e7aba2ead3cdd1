// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/allocate/genetic/detail/island.hpp"
#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

// Length: one class, the state of a run, whose islands are advanced, exchanged, saved and restored.

namespace berth::inline v0 {

/// The state of a run of `genetic`: islands with their populations. Made by `genetic::start`; owns all memory of the
/// run, so that generations allocate nothing. The problem outlives it. Neither copied nor moved.
///
/// With a `part_exchange` of several processes each holds some of the islands, and all make the same calls: `step`,
/// `run` and `plan` wait for each other. Each has the whole problem.
template <class Genetic, part_exchange Exchange>
class genetic_run {
public:
    /// As `genetic::start`.
    genetic_run(const Genetic& description, const priced_problem& p, warm_start start, Exchange exchange = {})
        : description_{description},
          p_{&p},
          start_(complete_start(p, start)),
          exchange_{std::move(exchange)},
          held_{exchange_.held(description.islands.count)},
          all_(description.islands.count) {
        BERTH_ASSERT(description.validate(p).has_value(),
                     "berth: genetic needs a problem that validate(problem) accepts");
        if constexpr (!detail::island<Genetic>::moves) {
            if (auto packed = pack_assignments(p.tables()); packed) packed_.emplace(std::move(*packed));
        }
        islands_.reserve(held_.size());
        for (std::size_t i = held_.first; i < held_.end; ++i) {
            islands_.emplace_back(description_, p, start_, packed_ ? &*packed_ : nullptr, i);
        }
        for (std::size_t i = 0; i < all_.size(); ++i) to_.push_back(static_cast<std::uint32_t>((i + 1) % all_.size()));
        boxes_.resize(islands_.size());
        for (byte_box& box : boxes_)
            box.reserve(description.islands.copies * (sizeof(double) + sizeof(amount) + p.tasks() * sizeof(gpu_gene)));
    }
    genetic_run(const genetic_run&) = delete;
    genetic_run& operator=(const genetic_run&) = delete;

    /// One round: the next member of every island while populations are incomplete, else one generation of every
    /// island, and copies sent to the next island if they are due.
    ///
    /// @param budget  evaluations, divided among the islands; improvement ends when they are used up
    void step(std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) {
        const std::uint64_t share = budget / all_.size() > 0 ? budget / all_.size() : 1;
        if (introduced_ < description_.members()) {
            description_.threads->for_each(islands_.size(), [this, share](std::size_t i) {
                const bool given = held_.first + i == 0 && introduced_ == 0;
                islands_[i].introduce(introduced_, given ? warm_start{start_} : warm_start{}, share);
            });
            ++introduced_;
            report();
            return;
        }
        description_.threads->for_each(islands_.size(),
                                       [this, share](std::size_t i) { islands_[i].generation(generations_, share); });
        ++generations_;
        report();
        if (all_.size() > 1 && generations_ % description_.islands.interval == 0) send_copies();
    }

    /// Rounds until control ends the run, the best answer is proven to be the best there is, or there have been
    /// `max_generations`. Can be called again to go on.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(run_control<Stop, Observer> control = {}) {
        const std::size_t limit = generation_limit(control);
        notify::begin(control.observer, seen(limit));
        stop_reason reason = agreed(control.check(evaluations()));
        if (introduced_ == 0) step(reason == stop_reason::completed ? control.max_evaluations : 0);
        while ((reason = agreed(control.check(evaluations()))) == stop_reason::completed) {
            if (proven() || (limit > 0 && generations_ >= limit)) break;
            step(control.max_evaluations - evaluations());
            notify::step(control.observer, seen(limit));
        }
        notify::end(control.observer, seen(limit));
        assignment_plan answer = plan();
        answer.stopped = reason;
        return answer;
    }

    /// Generations made.
    [[nodiscard]] std::size_t generations() const noexcept { return generations_; }
    /// Individuals and moves evaluated so far, over all islands.
    [[nodiscard]] std::uint64_t evaluations() const noexcept {
        std::uint64_t sum = 0;
        for (const island_report& one : all_) sum += one.evaluations;
        return sum;
    }
    /// The islands that this process holds.
    [[nodiscard]] held_parts held() const noexcept { return held_; }
    /// Number of islands in all processes.
    [[nodiscard]] std::size_t part_count() const noexcept { return all_.size(); }
    /// Rounds made: members introduced to every island, and generations.
    [[nodiscard]] std::uint64_t rounds() const noexcept { return introduced_ + generations_; }
    /// The members of an island that is held, ranked, once all have been introduced.
    [[nodiscard]] const population& members(std::size_t island = 0) const noexcept {
        return islands_[island - held_.first].members();
    }
    /// The best answer so far, its cost recomputed; O(tasks).
    [[nodiscard]] assignment_plan plan() const {
        gpu_assignment genes;
        if (introduced_ == 0) {
            genes = start_;
            genes.resize(p_->tasks(), gpu_index{0});
        } else {
            byte_box box;
            const std::size_t best = leader();
            if (held_.holds(best)) byte_writer{box}.put_all(islands_[best - held_.first].best_genes());
            Exchange exchange = exchange_;
            exchange.tell(all_.size(), best, box);
            byte_reader in{box};
            for (std::size_t t = 0; t < p_->tasks(); ++t) genes.push_back(gpu_index{in.get<gpu_gene>()});
        }
        assignment_plan answer = p_->plan_of(std::move(genes));
        if (!start_.empty()) {
            // Recomputed costs differ from those of the islands in their last digits.
            if (assignment_plan given = p_->plan_of(start_); better(given, answer)) answer = std::move(given);
        }
        answer.evaluations = evaluations();
        for (const island_report& one : all_) answer.accepted += one.accepted;
        return answer;
    }

    /// Appends the state of an island that is held, between rounds. A run with policies that remember something from
    /// one child to the next goes on differently; those of the library do not.
    void save(std::size_t island, byte_box& box) const {
        byte_writer out{box};
        out.put(format());
        out.put(static_cast<std::uint64_t>(island));
        out.put(static_cast<std::uint64_t>(introduced_));
        out.put(static_cast<std::uint64_t>(generations_));
        islands_[island - held_.first].save(out);
    }
    /// Takes an island that is held from what `save` wrote, for a run of the same description, problem and start. All
    /// islands are of one round.
    ///
    /// @return  an error if the bytes are not of this island and this run, which is not to be used then
    [[nodiscard]] result<void> restore(std::size_t island, std::span<const std::byte> saved) {
        using detail::refuse;
        byte_reader in{saved};
        if (in.get<std::uint64_t>() != format()) {
            return refuse(error_code::inconsistent, {"field format: written by a run with other options or tasks"});
        }
        if (const auto of = in.get<std::uint64_t>(); of != island) {
            return refuse(error_code::inconsistent, {"field island: ", of, ", expected ", island});
        }
        introduced_ = static_cast<std::size_t>(in.get<std::uint64_t>());
        generations_ = static_cast<std::size_t>(in.get<std::uint64_t>());
        if (!islands_[island - held_.first].restore(in, p_->gpus())) {
            return refuse(error_code::malformed, {"field members: cut short, or not those of an island"});
        }
        note(island - held_.first);
        return {};
    }

private:
    using island_type = detail::island<Genetic>;

    /// What every process knows of every island.
    struct island_report {
        double best_cost = std::numeric_limits<double>::infinity();
        amount best_excess = std::numeric_limits<amount>::max();
        std::uint64_t evaluations = 0;
        std::uint64_t accepted = 0;
        stop_reason stopped = stop_reason::completed;
    };

    void report() {
        for (std::size_t i = 0; i < islands_.size(); ++i) note(i);
        detail::share_records(exchange_, std::span{all_});
    }
    void note(std::size_t i) noexcept {
        island_report& own = all_[held_.first + i];
        own.best_cost = islands_[i].best_cost();
        own.best_excess = islands_[i].best_excess();
        own.evaluations = islands_[i].evaluations();
        own.accepted = islands_[i].accepted();
    }
    /// The first reason of any process to end.
    [[nodiscard]] stop_reason agreed(stop_reason own) {
        for (std::size_t i = held_.first; i < held_.end; ++i) all_[i].stopped = own;
        detail::share_records(exchange_, std::span{all_});
        for (const island_report& one : all_) {
            if (one.stopped != stop_reason::completed) return one.stopped;
        }
        return stop_reason::completed;
    }
    /// The first island with the best answer.
    [[nodiscard]] std::size_t leader() const noexcept {
        std::size_t first = 0;
        for (std::size_t i = 1; i < all_.size(); ++i) {
            const bool same_excess = all_[i].best_excess == all_[first].best_excess;
            if (same_excess ? all_[i].best_cost < all_[first].best_cost
                            : all_[i].best_excess < all_[first].best_excess) {
                first = i;
            }
        }
        return first;
    }
    [[nodiscard]] bool proven() const noexcept {
        const island_report& found = all_[leader()];
        const double bound = p_->bound().rounded;
        const bool near = found.best_excess == 0 && found.best_cost <= bound + 1e-9 * (bound < 0.0 ? -bound : bound);
        if (!near || !p_->has_whole_costs()) return near;
        return p_->meets_bound(plan());
    }
    [[nodiscard]] progress seen(std::size_t limit) const {
        const island_report& found = all_[leader()];
        const bool feasible = introduced_ > 0 && found.best_excess == 0;
        return {generations_, limit, evaluations(),
                feasible ? found.best_cost : std::numeric_limits<double>::infinity()};
    }
    template <class Stop, class Observer>
    [[nodiscard]] std::size_t generation_limit(const run_control<Stop, Observer>& control) const noexcept {
        const bool endless =
            std::same_as<Stop, never_stop> && control.max_evaluations == std::numeric_limits<std::uint64_t>::max();
        return description_.max_generations > 0 || !endless ? description_.max_generations : Genetic::usual_generations;
    }
    void send_copies() {
        // Copies replace the worst half at most and only the best half is sent, so every island sends what it had
        // before.
        for (std::size_t i = 0; i < boxes_.size(); ++i) {
            boxes_[i].clear();
            islands_[i].send(description_.islands.copies, byte_writer{boxes_[i]});
        }
        exchange_.send(all_.size(), to_, boxes_);
        for (std::size_t i = 0; i < boxes_.size(); ++i)
            islands_[i].receive(description_.islands.copies, byte_reader{boxes_[i]});
        for (island_type& island : islands_) island.rank();
    }

    [[nodiscard]] std::uint64_t format() const noexcept {
        constexpr std::uint64_t version = 0x67656e6574'0001;  // "genet", 1
        const std::uint64_t sum = stream_seed(version, description_.seed, all_.size());
        return stream_seed(stream_seed(sum, description_.members(), p_->tasks()), description_.islands.interval,
                           description_.islands.copies);
    }

    Genetic description_;
    const priced_problem* p_;
    gpu_assignment start_;
    std::optional<packed_problem> packed_;
    Exchange exchange_;
    held_parts held_;
    std::vector<island_type> islands_;  // those held
    std::vector<island_report> all_;
    std::vector<std::uint32_t> to_;  // to which island each one sends
    std::vector<byte_box> boxes_;    // of those held
    std::size_t introduced_ = 0;     // members of every island
    std::size_t generations_ = 0;
};

}  // namespace berth::inline v0
