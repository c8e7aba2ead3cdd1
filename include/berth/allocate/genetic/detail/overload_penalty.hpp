// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The penalty of a unit of load beyond each GPU's capacity in a search: a multiple of the capacity's price, above 0
/// even where the price is 0.
class overload_penalty {
public:
    explicit overload_penalty(const priced_problem& p, double times = 1.0) : p_{&p}, per_unit_(p.gpus()) {
        reset(times);
    }

    void reset(double times = 1.0) noexcept {
        double mean = 1e-6;
        for (std::size_t g = 0; g < per_unit_.size(); ++g) mean += p_->price(g) / static_cast<double>(per_unit_.size());
        for (std::size_t g = 0; g < per_unit_.size(); ++g) per_unit_[g] = times * (p_->price(g) + mean);
    }
    void raise(std::size_t g, double factor) noexcept { per_unit_[g] *= factor; }

    [[nodiscard]] double of(std::size_t g, amount room) const noexcept {
        return room < 0 ? -static_cast<double>(room) * per_unit_[g] : 0.0;
    }
    [[nodiscard]] double of(const individual& i) const noexcept {
        double sum = 0.0;
        for (std::size_t g = 0; g < per_unit_.size(); ++g) sum += of(g, i.room(g));
        return sum;
    }
    /// By how much the penalty rises if the room on a GPU changes.
    [[nodiscard]] double change(const individual& i, std::size_t g, amount by) const noexcept {
        return of(g, i.room(g) + by) - of(g, i.room(g));
    }
    /// The same for the move of a task.
    [[nodiscard]] double change(const individual& i, std::size_t t, std::size_t from, std::size_t to) const noexcept {
        return change(i, from, p_->load(t, from)) + change(i, to, -p_->load(t, to));
    }

private:
    const priced_problem* p_;
    flat<double> per_unit_;
};

}  // namespace berth::inline v0::detail
