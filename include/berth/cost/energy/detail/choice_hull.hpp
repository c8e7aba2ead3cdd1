// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0::detail {

/// One option of an item: what it takes of the shared budget, and what it costs.
struct hull_option {
    double weight = 0.0;
    double loss = 0.0;
};

/// One item goes from an option to the next on its hull.
struct hull_step {
    std::size_t item = 0;
    std::size_t option = 0;  // the new one
    double weight = 0.0;     // added, above 0
    double gain = 0.0;       // loss that it saves, above 0
    double rate = 0.0;       // gain / weight; never rises along an item
};

/// The linear relaxation of choosing one option for each item under a budget of weight: only the lower convex hull of
/// each item matters, and its steps are taken by falling gain per weight. After every whole step the choice is optimal
/// for the weight that it takes.
class choice_hull {
public:
    /// Adds an item; it has an option.
    void add(std::span<const hull_option> options) {
        const std::size_t item = base_.size();
        const auto order = sorted_positions(options.size(), [&](std::size_t a, std::size_t b) {
            return options[a].weight < options[b].weight ||
                   (options[a].weight == options[b].weight && options[a].loss < options[b].loss);
        });
        hull_.clear();
        for (const std::size_t o : order) {
            if (!hull_.empty() && options[o].loss >= options[hull_.back()].loss) continue;
            while (hull_.size() > 1) {
                const hull_option& a = options[hull_[hull_.size() - 2]];
                const hull_option& b = options[hull_.back()];
                const hull_option& c = options[o];
                if ((a.loss - b.loss) * (c.weight - b.weight) > (b.loss - c.loss) * (b.weight - a.weight)) break;
                hull_.pop_back();
            }
            hull_.push_back(o);
        }
        base_.push_back(hull_[0]);
        double last_rate = 0.0;
        for (std::size_t h = 1; h < hull_.size(); ++h) {
            const hull_option& from = options[hull_[h - 1]];
            const hull_option& to = options[hull_[h]];
            hull_step step{item, hull_[h], to.weight - from.weight, from.loss - to.loss, 0.0};
            step.rate = step.gain / step.weight;
            if (h > 1 && step.rate > last_rate) step.rate = last_rate;  // rounding must not change the order of an item
            last_rate = step.rate;
            steps_.push_back(step);
        }
    }
    /// The option of least weight of every item.
    [[nodiscard]] std::span<const std::size_t> base() const noexcept { return base_.view(); }
    /// All steps by falling rate; equal ones in the order in which they were added.
    [[nodiscard]] flat<hull_step> sorted_steps() const {
        flat<hull_step> sorted;
        sorted.reserve(steps_.size());
        for (const std::size_t s : sorted_positions(
                 steps_.size(), [&](std::size_t a, std::size_t b) { return steps_[a].rate > steps_[b].rate; })) {
            sorted.push_back(steps_[s]);
        }
        return sorted;
    }

private:
    flat<std::size_t> base_;
    flat<std::size_t> hull_;
    flat<hull_step> steps_;
};

}  // namespace berth::inline v0::detail
