// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

// When to use which:
//
//   reset_mutation       any GPU, blindly: textbook runs, and problems where prices say little
//   candidate_mutation   a GPU of the task's short list: what changes is at least plausible
//   swap_mutation        two tasks change places: where tasks are alike and capacities tight
//   no_mutation          where crossover or improvement bring enough that is new
//
// Rates are given per individual: how many genes of a child change on average.

namespace detail {

/// How many genes to leave alone until the next one that changes, when each changes with the same probability: a geometric
/// variable, by its cumulative distribution. The table is made by multiplication alone, so that every compiler and every
/// mathematical library agree on it.
class gene_skips {
public:
    gene_skips(std::size_t genes, double per_individual) : below_(genes) {
        const double rate = genes == 0 ? 0.0 : per_individual / static_cast<double>(genes);
        const double stays = rate < 1.0 ? 1.0 - rate : 0.0;
        double none = 1.0;
        for (double& until : below_) {
            none *= stays;
            until = 1.0 - none;
        }
    }
    /// The number of genes if the rest stay as they are. O(log genes).
    [[nodiscard]] std::size_t operator()(xoshiro256& random) const {
        const double u = uniform01(random);
        std::size_t low = 0;
        std::size_t size = below_.size();
        while (size > 0) {
            const std::size_t half = size / 2;
            const bool right = below_[low + half] <= u;
            low = right ? low + half + 1 : low;
            size = right ? size - half - 1 : half;
        }
        return low;
    }

private:
    flat<double> below_;
};

[[nodiscard]] inline result<void> check_rate(const char* policy, double per_individual) {
    if (per_individual >= 0.0 && std::isfinite(per_individual)) return {};
    return refuse(error_code::invalid_value, {policy, ".per_individual is not a finite number from 0 on"});
}

}  // namespace detail

/// Each gene, independently, becomes a GPU drawn from all of them. O(genes changed × log tasks).
struct reset_mutation {
    double per_individual = 1.0;  ///< 0 or more

    class state {
    public:
        state(const reset_mutation& m, const priced_problem& p)
            : skip_{p.tasks(), m.per_individual}, gpus_{static_cast<std::uint32_t>(p.gpus())} {}

        void operator()(std::span<gpu_gene> child, xoshiro256& random) const {
            for (std::size_t t = skip_(random); t < child.size(); t += 1 + skip_(random)) {
                child[t] = static_cast<gpu_gene>(bounded(random, gpus_));
            }
        }

    private:
        detail::gene_skips skip_;
        std::uint32_t gpus_;
    };
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    [[nodiscard]] result<void> validate() const { return detail::check_rate("reset_mutation", per_individual); }
};

/// Each gene, independently, becomes a GPU drawn from the task's short list. O(genes changed × log tasks).
struct candidate_mutation {
    double per_individual = 0.5;  ///< 0 or more

    class state {
    public:
        state(const candidate_mutation& m, const priced_problem& p) : skip_{p.tasks(), m.per_individual}, p_{&p} {}

        void operator()(std::span<gpu_gene> child, xoshiro256& random) const {
            const auto width = static_cast<std::uint32_t>(p_->candidates().width());
            if (width == 0) return;
            for (std::size_t t = skip_(random); t < child.size(); t += 1 + skip_(random)) {
                const std::size_t rank = bounded(random, width);
                child[t] = static_cast<gpu_gene>(p_->candidates().of(task_index{t})[rank].value());
            }
        }

    private:
        detail::gene_skips skip_;
        const priced_problem* p_;
    };
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    [[nodiscard]] result<void> validate() const { return detail::check_rate("candidate_mutation", per_individual); }
};

/// Each task, independently and half as often as asked for, exchanges its GPU with a task drawn from all of them.
/// O(genes changed × log tasks).
struct swap_mutation {
    double per_individual = 2.0;  ///< 0 or more

    class state {
    public:
        state(const swap_mutation& m, const priced_problem& p) : skip_{p.tasks(), m.per_individual / 2.0} {}

        void operator()(std::span<gpu_gene> child, xoshiro256& random) const {
            for (std::size_t t = skip_(random); t < child.size(); t += 1 + skip_(random)) {
                const std::size_t u = bounded(random, static_cast<std::uint32_t>(child.size()));
                const gpu_gene kept = child[t];
                child[t] = child[u];
                child[u] = kept;
            }
        }

    private:
        detail::gene_skips skip_;
    };
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    [[nodiscard]] result<void> validate() const { return detail::check_rate("swap_mutation", per_individual); }
};

/// Changes nothing.
struct no_mutation {
    void operator()(std::span<gpu_gene>, xoshiro256&) const noexcept {}
};

static_assert(mutation<reset_mutation> && mutation<candidate_mutation> && mutation<swap_mutation> &&
              mutation<no_mutation>);

}  // namespace berth::inline v0
