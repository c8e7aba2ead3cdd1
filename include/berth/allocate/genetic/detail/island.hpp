// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/improvement.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/genetic/population.hpp"
#include "berth/core/byte_box.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

// Length: one class, a population with the policies that change it.

namespace berth::inline v0::detail {

/// One population of a genetic run with the prepared forms of its policies. Islands share nothing that changes, so each
/// may be advanced by a thread of its own.
template <class Genetic>
class island {
public:
    /// @param packed  for evaluating children together if policies do not change them; null: one after the other.
    island(const Genetic& description, const priced_problem& p, warm_start start, const packed_problem* packed,
           std::uint64_t number)
        : seed_{description.seed},
          number_{number},
          crossover_rate_{description.crossover_rate},
          restart_after_{description.restart_after},
          members_{p.tasks(), description.members(), description.replacement.children(description.members())},
          work_{p},
          best_genes_(p.tasks()),
          initialise_{prepare_start(description.initialisation, p, start)},
          select_{prepare_policy(description.selection, p)},
          cross_{prepare_policy(description.crossover, p)},
          mutate_{prepare_policy(description.mutation, p)},
          repair_{prepare_policy(description.repair, p)},
          improve_{prepare_policy(description.improvement, p)},
          replace_{description.replacement} {
        if (packed != nullptr) evaluation_.emplace(description.evaluator.prepare(*packed));
        values_.resize(members_.children());
        received_.resize(p.tasks());
    }

    [[nodiscard]] const population& members() const noexcept { return members_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t accepted() const noexcept { return members_.exchanges(); }
    [[nodiscard]] std::span<const gpu_gene> best_genes() const noexcept { return best_genes_.view(); }
    [[nodiscard]] double best_cost() const noexcept { return best_cost_; }
    [[nodiscard]] amount best_excess() const noexcept { return best_excess_; }

    /// Makes member k; from `start` if it is not empty, which counts as an answer before it is repaired and improved.
    void introduce(std::size_t k, warm_start start, std::uint64_t budget) {
        xoshiro256 random{stream_seed(seed_, introductions + k, number_)};
        if (start.empty()) {
            initialise_(work_, k, random);
        } else {
            const std::span<gpu_gene> genes = members_.mutable_genes(k);
            for (std::size_t t = 0; t < genes.size(); ++t) genes[t] = static_cast<gpu_gene>(start[t].value());
            work_.assign(genes);
            note(work_.genes(), work_.cost(), work_.excess());
        }
        settle(k, random, limit_of(budget));
        if (k + 1 == members_.size()) members_.rank();
    }

    void generation(std::uint64_t which, std::uint64_t budget) {
        xoshiro256 random{stream_seed(seed_, which, number_)};
        const std::uint64_t limit = limit_of(budget);
        if (restart_after_ > 0 && stale_ >= restart_after_) restart(random, limit);
        ++stale_;
        for (std::size_t j = 0; j < members_.children(); ++j) {
            make_child(j, random);
            if constexpr (moves) {
                work_.assign(members_.child_genes(j));
                settle(members_.size() + j, random, limit);
            }
        }
        if constexpr (!moves) evaluate_children();
        replace_(members_);
        members_.rank();
    }

    /// Appends copies of the best members.
    void send(std::size_t count, byte_writer out) const {
        for (std::size_t i = 0; i < count; ++i) {
            out.put(members_.cost(i));
            out.put(members_.excess(i));
            out.put_all(members_.genes(i));
        }
    }
    /// Replaces the worst members by those that another island sent, but for those it has already. `rank` has to
    /// follow.
    void receive(std::size_t count, byte_reader in) {
        flat<gpu_gene>& genes = received_;
        for (std::size_t i = 0; i < count; ++i) {
            const auto cost = in.get<double>();
            const auto excess = in.get<amount>();
            in.get_all(std::span{genes.data(), genes.size()});
            if (knows(genes.view())) continue;
            const std::size_t place = members_.size() - 1 - i;
            std::copy_n(genes.data(), genes.size(), members_.mutable_genes(place).data());
            members_.set(place, static_cast<double>(repair_.value(cost, excess)), cost, excess);
        }
    }
    /// Appends the state between generations, but for what policies remember.
    void save(byte_writer out) const {
        out.put(best_cost_);
        out.put(best_excess_);
        out.put(known_);
        out.put(static_cast<std::uint64_t>(stale_));
        out.put(evaluations_);
        out.put_all(best_genes_.view());
        members_.save(out);
        if constexpr (requires { improve_.save(out); }) improve_.save(out);
    }
    /// Becomes what an island of the same run saved. False, and in any state, if the bytes are not of that form.
    [[nodiscard]] bool restore(byte_reader& in, std::size_t gpus) {
        best_cost_ = in.get<double>();
        best_excess_ = in.get<amount>();
        known_ = in.get<bool>();
        stale_ = static_cast<std::size_t>(in.get<std::uint64_t>());
        evaluations_ = in.get<std::uint64_t>();
        in.get_all(std::span{best_genes_.data(), best_genes_.size()});
        if (!members_.restore(in)) return false;
        if constexpr (requires { improve_.restore(in); }) {
            if (!improve_.restore(in)) return false;
        }
        if (!in.finished()) return false;
        for (const gpu_gene g : best_genes_) {
            if (g >= gpus) return false;
        }
        for (std::size_t i = 0; i < members_.size(); ++i) {
            for (const gpu_gene g : members_.genes(i)) {
                if (g >= gpus) return false;
            }
        }
        return true;
    }
    void rank() noexcept { members_.rank(); }

private:
    static constexpr std::uint64_t introductions = std::uint64_t{1} << 63U;  // separate streams
    static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
    static constexpr int tries_for_another = 3;

    using initialise_type = decltype(prepare_start(std::declval<const Genetic&>().initialisation,
                                                   std::declval<const priced_problem&>(), warm_start{}));
    template <class Policy>
    using ready = decltype(prepare_policy(std::declval<const Policy&>(), std::declval<const priced_problem&>()));
    using select_type = ready<decltype(Genetic::selection)>;
    using cross_type = ready<decltype(Genetic::crossover)>;
    using mutate_type = ready<decltype(Genetic::mutation)>;
    using repair_type = ready<decltype(Genetic::repair)>;
    using improve_type = ready<decltype(Genetic::improvement)>;
    using evaluation_type =
        decltype(std::declval<const Genetic&>().evaluator.prepare(std::declval<const packed_problem&>()));

public:
    /// True if children are changed after mutation, so that each has to become an `individual`.
    static constexpr bool moves = repairs<repair_type> || improves_children<improve_type>;

private:
    [[nodiscard]] std::uint64_t limit_of(std::uint64_t budget) const noexcept {
        return budget < no_limit - evaluations_ ? evaluations_ + budget : no_limit;
    }
    void make_child(std::size_t j, xoshiro256& random) {
        const std::size_t first = select_(members_, random);
        std::size_t second = select_(members_, random);
        for (int i = 0; second == first && i < tries_for_another; ++i) second = select_(members_, random);
        if (second == first) second = (first + 1) % members_.size();
        const parents two{members_.genes(std::min(first, second)), members_.genes(std::max(first, second))};
        const std::span<gpu_gene> child = members_.mutable_child_genes(j);
        if (crossover_rate_ < 1.0 && uniform01(random) >= crossover_rate_) {
            std::copy_n(members_.genes(first).data(), child.size(), child.data());
        } else {
            evaluations_ += cross(cross_, two, child, random);
        }
        mutate_(child, random);
    }

    /// Repairs and improves what `work_` holds and puts it in place `i`: a member, or a child behind the members.
    void settle(std::size_t i, xoshiro256& random, std::uint64_t limit) {
        ++evaluations_;
        if constexpr (repairs<repair_type>) evaluations_ += repair_(work_, random);
        if constexpr (improves_children<improve_type>) {
            if (evaluations_ < limit) evaluations_ += improve_(work_, random, limit - evaluations_);
        }
        std::copy_n(work_.genes().data(), work_.tasks(), members_.mutable_genes(i).data());
        members_.set(i, static_cast<double>(repair_.value(work_.cost(), work_.excess())), work_.cost(), work_.excess());
        note(work_.genes(), work_.cost(), work_.excess());
    }

    void evaluate_children() {
        for (std::size_t j = 0; j < members_.children();) {
            std::size_t count = 1;
            if (evaluation_) {
                count = members_.adjacent_children(j);
                evaluation_->evaluate(
                    population_view<gpu_gene>{members_.child_genes(j).data(), count, members_.tasks()},
                    std::span<assignment_value>{values_.data() + j, count});
            } else {
                work_.assign(members_.child_genes(j));
                values_[j] = {work_.cost(), work_.excess()};
            }
            for (const std::size_t end = j + count; j < end; ++j) {
                members_.set_child(j, static_cast<double>(repair_.value(values_[j].cost, values_[j].excess)),
                                   values_[j].cost, values_[j].excess);
                note(members_.child_genes(j), values_[j].cost, values_[j].excess);
            }
        }
        evaluations_ += members_.children();
    }

    void note(std::span<const gpu_gene> genes, double cost, amount excess) noexcept {
        const double tolerance = known_ ? 1e-12 * std::abs(best_cost_) : 0.0;
        if (known_ && (excess != best_excess_ ? excess > best_excess_ : cost >= best_cost_ - tolerance)) return;
        known_ = true;
        stale_ = 0;
        best_cost_ = cost;
        best_excess_ = excess;
        std::copy_n(genes.data(), genes.size(), best_genes_.data());
    }

    /// All but the best member anew.
    void restart(xoshiro256& random, std::uint64_t limit) {
        for (std::size_t k = 1; k < members_.size(); ++k) {
            initialise_(work_, k, random);
            settle(k, random, limit);
        }
        members_.rank();
        stale_ = 0;
    }

    [[nodiscard]] bool knows(std::span<const gpu_gene> genes) const noexcept {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            if (hamming_distance(members_.genes(i), genes) == 0) return true;
        }
        return false;
    }

    std::uint64_t seed_;
    std::uint64_t number_;
    double crossover_rate_;
    std::size_t restart_after_;
    population members_;
    individual work_;
    flat<gpu_gene> best_genes_;
    double best_cost_ = std::numeric_limits<double>::infinity();
    amount best_excess_ = std::numeric_limits<amount>::max();
    bool known_ = false;
    std::size_t stale_ = 0;  // generations since the best was found
    std::uint64_t evaluations_ = 0;
    initialise_type initialise_;
    select_type select_;
    cross_type cross_;
    mutate_type mutate_;
    repair_type repair_;
    improve_type improve_;
    decltype(Genetic::replacement) replace_;
    std::optional<evaluation_type> evaluation_;
    flat<assignment_value> values_;
    flat<gpu_gene> received_;  // scratch
};

}  // namespace berth::inline v0::detail
