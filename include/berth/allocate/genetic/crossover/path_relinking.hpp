// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/detail/overload_penalty.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// Goes from one parent towards the other, moving one task a step to the GPU that it has in the other parent, and
/// returns the best assignment on this path that is far enough from both. A step takes the best of a few random moves
/// out of those that are left, by cost and by a penalty of overload from the prices of capacity. Every gene comes from
/// one of the parents.
///
/// The default. It needs good parents that differ, hence repair, improvement and a replacement that keeps them
/// different. O(tasks + distance × sample). Deterministic.
///
/// Source: Glover, Laguna, Martí, "Fundamentals of scatter search and path relinking", 2000; for this problem Yagiura,
/// Ibaraki, Glover, "A path relinking approach with ejection chains for the generalized assignment problem", EJOR 169,
/// 2006.
struct path_relinking {
    double least_distance = 0.2;  ///< from either parent, as a share of the distance between them: 0 to 0.5
    std::size_t sample = 16;      ///< moves compared for a step, 1 or more; few moves make children more different

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const path_relinking& x, const priced_problem& p)
            : least_distance_{x.least_distance}, sample_{x.sample}, p_{&p}, overload_{p, 2.0}, current_{p} {
            left_.reserve(p.tasks());
            path_.reserve(p.tasks());
        }

        /// Writes the child's genes; returns the number of moves evaluated.
        std::uint64_t operator()(const parents& two, std::span<gpu_gene> child, xoshiro256& random) {
            const bool forwards = (random() >> 63U) != 0;
            const std::span<const gpu_gene> from = forwards ? two.better : two.other;
            const std::span<const gpu_gene> to = forwards ? two.other : two.better;
            left_.clear();
            path_.clear();
            for (std::size_t t = 0; t < from.size(); ++t) {
                if (from[t] != to[t]) left_.push_back(static_cast<std::uint32_t>(t));
            }
            const std::size_t distance = left_.size();
            std::copy_n(from.data(), from.size(), child.data());
            if (distance < 2) return 0;

            // At least one move from either parent, and at most half the path.
            const auto wanted = static_cast<std::size_t>(least_distance_ * static_cast<double>(distance));
            const std::size_t least = std::clamp<std::size_t>(wanted, 1, distance / 2);
            current_.assign(from);
            std::uint64_t evaluations = 0;
            double value = 0.0;  // against the start
            double best = std::numeric_limits<double>::infinity();
            std::size_t best_length = 0;
            while (path_.size() < distance - least) {
                value += step(to, random, evaluations);
                if (path_.size() < least || value >= best) continue;
                best = value;
                best_length = path_.size();
            }
            for (std::size_t i = 0; i < best_length; ++i) child[path_[i]] = to[path_[i]];
            return evaluations;
        }

    private:
        /// Carries out the best move of a sample; returns its delta.
        double step(std::span<const gpu_gene> to, xoshiro256& random, std::uint64_t& evaluations) {
            const std::size_t looked_at = std::min(sample_, left_.size());
            std::size_t best = 0;
            double best_delta = std::numeric_limits<double>::infinity();
            for (std::size_t i = 0; i < looked_at; ++i) {
                // A partial shuffle: what was drawn comes to the front.
                const std::size_t at = i + bounded(random, static_cast<std::uint32_t>(left_.size() - i));
                std::swap(left_[i], left_[at]);
                const std::size_t t = left_[i];
                const double delta = p_->cost(t, to[t]) - p_->cost(t, current_.gpu_of(t)) +
                                     overload_.change(current_, t, current_.gpu_of(t), to[t]);
                if (delta < best_delta) {
                    best_delta = delta;
                    best = i;
                }
            }
            evaluations += looked_at;
            const std::uint32_t t = left_[best];
            left_[best] = left_.back();
            left_.pop_back();
            current_.move_task(t, to[t]);
            path_.push_back(t);
            return best_delta;
        }

        double least_distance_;
        std::size_t sample_;
        const priced_problem* p_;
        detail::overload_penalty overload_;
        individual current_;
        detail::flat<std::uint32_t> left_;
        detail::flat<std::uint32_t> path_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        using detail::refuse;
        if (sample == 0) return refuse(error_code::invalid_value, {"path_relinking.sample is 0, expected 1 or more"});
        if (least_distance >= 0.0 && least_distance <= 0.5) return {};
        return refuse(error_code::invalid_value, {"path_relinking.least_distance is not within 0..0.5"});
    }
};

static_assert(crossover<path_relinking>);

}  // namespace berth::inline v0
