// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
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
//   candidate_mutation   the default: a GPU of the task's short list
//   reset_mutation       any GPU: textbook runs, and problems with loose capacities
//   swap_mutation        two tasks change places: similar tasks and tight capacities
//   no_mutation          crossover or improvement bring enough new genes
//
// Rates are the average number of genes of a child that change.

namespace detail {

/// The number of genes between two that change, when each changes with the same probability: a geometric variable,
/// drawn from its cumulative distribution. The table is made by multiplication alone, so that all compilers and
/// mathematical libraries agree on it.
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
    /// Returns the number of genes if no other gene changes. O(log genes).
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

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const reset_mutation& m, const priced_problem& p)
            : skip_{p.tasks(), m.per_individual}, gpus_{static_cast<std::uint32_t>(p.gpus())} {}

        /// Changes some genes of the child.
        void operator()(std::span<gpu_gene> child, xoshiro256& random) const {
            for (std::size_t t = skip_(random); t < child.size(); t += 1 + skip_(random)) {
                child[t] = static_cast<gpu_gene>(bounded(random, gpus_));
            }
        }

    private:
        detail::gene_skips skip_;
        std::uint32_t gpus_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const { return detail::check_rate("reset_mutation", per_individual); }
};

/// Each gene, independently, becomes a GPU drawn from the task's short list. O(genes changed × log tasks).
struct candidate_mutation {
    double per_individual = 0.5;  ///< 0 or more

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const candidate_mutation& m, const priced_problem& p) : skip_{p.tasks(), m.per_individual}, p_{&p} {}

        /// Changes some genes of the child.
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
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const { return detail::check_rate("candidate_mutation", per_individual); }
};

/// Each task, independently with half the rate, exchanges its GPU with a task drawn from all of them: two genes change
/// at a time. O(genes changed × log tasks).
struct swap_mutation {
    double per_individual = 2.0;  ///< 0 or more

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const swap_mutation& m, const priced_problem& p) : skip_{p.tasks(), m.per_individual / 2.0} {}

        /// Changes some genes of the child.
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
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const { return detail::check_rate("swap_mutation", per_individual); }
};

/// Changes nothing.
struct no_mutation {
    /// Changes some genes of the child.
    void operator()(std::span<gpu_gene>, xoshiro256&) const noexcept {}
};

static_assert(mutation<reset_mutation> && mutation<candidate_mutation> && mutation<swap_mutation> &&
              mutation<no_mutation>);

}  // namespace berth::inline v0
