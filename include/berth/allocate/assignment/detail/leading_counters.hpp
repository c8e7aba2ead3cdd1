// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/counter_places.hpp"
#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <string>

namespace berth::inline v0::detail {

/// One counter for each GPU that implies all others: whatever tasks keep within it keep within every counter of the
/// GPU, its node and its domains. A counter is implied if all tasks together fit, or if no task takes more of it than
/// its part of the leading one.
class leading_counters {
public:
    /// @return the counters, or an error that names a place where two counters can run out one before the other
    [[nodiscard]] static result<leading_counters> of(const scoped_problem& s, const gpu_pairs& pairs) {
        const counter_places places{s, pairs};
        leading_counters made;
        made.leads_.resize(pairs.gpus());
        for (std::size_t g = 0; g < pairs.gpus(); ++g) {
            if (!places.used(g)) continue;
            if (auto found = made.choose(places, pairs, g); !found) return found.error();
        }
        result<void> outcome;
        places.with_several([&](counter_place p) {
            for (std::size_t r = 0; r < places.counters(p) && outcome; ++r) {
                const amount room = places.room(p, r);
                const amount wanted = places.wanted(p, r);
                if (wanted <= room) continue;
                amount most = 0;
                places.each_gpu(p, [&](std::size_t g) { most += made.most(places, pairs, g, {p, r}); });
                if (most <= room) continue;
                outcome = refuse(error_code::inconsistent,
                                 {places.name(p), ": its ", places.name(p, r), " can run out while GPUs have room (",
                                  most < wanted ? most : wanted, " could be taken, ", room,
                                  " is left), and an assignment problem has capacities of GPUs only"});
            }
        });
        if (!outcome) return outcome.error();
        return made;
    }

    /// What a task takes of the GPU's leading counter.
    [[nodiscard]] amount load(const demand_view& demand, std::size_t gpu) const noexcept {
        return counter_places::taken(leads_[gpu].place, leads_[gpu].counter, demand);
    }
    /// Room of the leading counter; 0 where no task may be.
    [[nodiscard]] amount capacity(std::size_t gpu) const noexcept { return leads_[gpu].room; }

private:
    struct lead {
        counter_place place{};
        std::size_t counter = 0;
        amount room = 0;
    };

    /// At most so much of a counter is taken by tasks on the GPU that keep within its leading one.
    [[nodiscard]] amount most(const counter_places& places, const gpu_pairs& pairs, std::size_t g,
                              const lead& other) const {
        return most(pairs, g, leads_[g], other, places.room(leads_[g].place, leads_[g].counter));
    }
    [[nodiscard]] static amount most(const gpu_pairs& pairs, std::size_t g, const lead& by, const lead& other,
                                     amount room) {
        most_taken sum;
        for (std::size_t row = 0; row < pairs.rows().size(); ++row) {
            if (!pairs.may(row, g)) continue;
            const demand_view demand = pairs.rows().demand(row);
            sum.add(pairs.rows().tasks(row), counter_places::taken(other.place, other.counter, demand),
                    counter_places::taken(by.place, by.counter, demand), room);
        }
        return sum.value();
    }
    [[nodiscard]] result<void> choose(const counter_places& places, const gpu_pairs& pairs, std::size_t g) {
        flat<lead> binding;
        places.alone_with(g, [&](counter_place p) {
            for (std::size_t r = 0; r < places.counters(p); ++r) {
                amount wanted = 0;
                for (std::size_t row = 0; row < pairs.rows().size(); ++row) {
                    if (!pairs.may(row, g)) continue;
                    wanted += pairs.rows().tasks(row) * counter_places::taken(p, r, pairs.rows().demand(row));
                }
                if (wanted > places.room(p, r)) binding.push_back({p, r, places.room(p, r)});
            }
        });
        const counter_place own{counter_place::gpu, g};
        leads_[g] = binding.empty() ? lead{own, 0, places.room(own, 0)} : binding[0];
        if (binding.size() < 2) return {};
        lead open{};  // the first counter that the first one does not imply
        for (const lead& by : binding) {
            bool implies = true;
            for (const lead& other : binding) {
                if (!implies || most(pairs, g, by, other, by.room) <= other.room) continue;
                implies = false;
                if (&by == &binding[0]) open = other;
            }
            if (!implies) continue;
            leads_[g] = by;
            return {};
        }
        return refuse(error_code::inconsistent,
                      {places.name(own), ": ", places.name(binding[0].place, binding[0].counter), " and ",
                       places.name(open.place, open.counter),
                       " can each run out before the other, and an assignment problem has one capacity for each GPU"});
    }

    flat<lead> leads_;  // one for each GPU
};

}  // namespace berth::inline v0::detail
