// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/names.hpp"
#include "berth/model/detail/workload_editor.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// Length: the estimate, and what stands in for it at the start.

namespace berth::inline v0 {

/// How an `arrival_mix` learns.
struct arrival_mix_options {
    /// Arrivals after which an earlier one counts half; above 0, infinite: nothing is forgotten.
    double half_life = 50'000.0;
    /// The part of all tasks that has to be of other demands than expected before the expected mix is replaced, in
    /// (0, 1]: half the sum of the differences of the shares.
    double tolerance = 0.08;
    /// Demands that are kept, at least 1. A new one takes the place of the rarest.
    std::size_t max_demands = 4096;
    /// Arrivals that the assumption counts which stands in for a prior while few tasks have arrived; 0: none is made.
    double assumed_arrivals = 32.0;
};

/// The mix of demands that is expected, estimated from those that arrived, with forgetting. A mix that is known at the
/// start is a prior: it counts as arrivals before all others.
///
/// Without a prior, the first few arrivals would be taken for all there is, and what they do not want for worthless. So
/// the first 4,096 are seen beside an assumption: that every GPU model of the fleet is as likely as any other to be
/// asked for by name, by tasks of one GPU with half the CPU that the fleet has for it. Small pools are then spared
/// until it is known who wants them.
///
/// What policies are prepared with (`expected`) is replaced only when the estimate has moved away from it: when it
/// differs by more than the tolerance, and, without a prior, after 1, 2, 4, ... 4,096 arrivals. So it is stable where
/// the arrivals are.
///
/// Deterministic: the same arrivals, the same mix. `observe` is O(counters); every 1,024th arrival, at the few
/// replacements, and where an unseen demand takes the place of the rarest, O(demands). Memory O(max_demands).
class arrival_mix {
public:
    /// @param options  how to learn
    explicit arrival_mix(arrival_mix_options options = {})
        : options_{options}, growth_{std::exp2(1.0 / options.half_life)} {
        BERTH_ASSERT(options.half_life > 0.0, "berth: arrival_mix_options::half_life is above 0");
        BERTH_ASSERT(options.tolerance > 0.0, "berth: arrival_mix_options::tolerance is above 0");
        BERTH_ASSERT(options.max_demands > 0, "berth: arrival_mix_options::max_demands is above 0");
        BERTH_ASSERT(options.assumed_arrivals >= 0.0, "berth: arrival_mix_options::assumed_arrivals is 0 or above");
    }

    /// A mix that is known: every task of the workload counts as one arrival. Its fleet has the same resource schema
    /// and numbers its GPU models as the cluster's does.
    void add_prior(const workload& prior) {
        for (std::size_t s = 0; s < prior.shape_count(); ++s) {
            const auto count = static_cast<double>(prior.frequency(shape_index{s}));
            if (count > 0.0) add(prior, shape_index{s}, count * unit_);
            has_prior_ = has_prior_ || count > 0.0;
        }
        fresh_ = true;
    }
    /// A task of this demand arrives. If an allocation fails, nothing has changed.
    void observe(const workload& work, shape_index s) {
        add(work, s, unit_ * growth_);
        unit_ *= growth_;
        ++arrivals_;
        if (unit_ > largest_unit) rescale();
        if (arrivals_ < next_look_) return;
        const bool few = arrivals_ <= few_arrivals;
        next_look_ = few ? 2 * arrivals_ : arrivals_ + look_every;
        fresh_ = fresh_ || (few && !has_prior_) || distance() > options_.tolerance;
    }

    /// The number of arrivals observed.
    [[nodiscard]] std::uint64_t arrivals() const noexcept { return arrivals_; }
    /// The number of demands with a share of the estimate.
    [[nodiscard]] std::size_t demand_count() const noexcept { return entries_.size(); }
    /// True if what `expected` would yield differs from what it yielded last.
    [[nodiscard]] bool changed() const noexcept { return fresh_; }
    /// True if nothing is known about the demands to come.
    [[nodiscard]] bool unknown() const noexcept { return total_ <= 0.0; }

    /// The mix to prepare policies with, as a workload for a fleet: its shapes have the demands, their frequencies the
    /// shares; it has no tasks. The estimate as it is now if that has `changed`, else the mix that was handed out last.
    /// With a prior alone, frequencies are those of the prior. Call `accept` once it is in use. O(demands).
    [[nodiscard]] workload expected(const fleet& fleet) const;
    /// What `expected` yields for this fleet is in use: it has not `changed` until the estimate moves away from it.
    /// O(demands), with an assumption also O(GPUs).
    void accept(const fleet& fleet) {
        if (!fresh_) return;
        assumed_ = assumed_for(fleet);
        for (entry& e : entries_) {
            e.share = share_of(e);
            e.frequency = frequency_of(e);
        }
        fresh_ = false;
    }

private:
    static constexpr std::uint64_t few_arrivals = 4096;
    static constexpr std::uint64_t look_every = 1024;  // after these
    static constexpr double largest_unit = 1e100;
    static constexpr double resolution = 1 << 20;

    struct entry {
        double weight = 0.0;
        double share = 0.0;           // of the mix that was handed out last
        std::uint64_t frequency = 0;  // in that mix
        std::uint64_t accepted_models = 0;
        std::uint32_t gpus = 0;
        bool same_model = false;
    };

    struct assumption {
        amount share = 0;  // of the GPU, 0 for a model that no node has
        std::uint64_t frequency = 0;
    };
    /// What is assumed while there are few arrivals, in shares of the estimate.
    struct assumptions {
        detail::flat<assumption> of_model;
        amount cpu = 0;
    };

    [[nodiscard]] double share_of(const entry& e) const noexcept { return total_ > 0.0 ? e.weight / total_ : 0.0; }
    [[nodiscard]] std::uint64_t frequency_of(const entry& e) const noexcept {
        const double scale = arrivals_ == 0 ? 1.0 : resolution / total_;
        return static_cast<std::uint64_t>(std::llround(e.weight * scale));
    }

    /// If an allocation fails, nothing has changed.
    void add(const workload& work, shape_index s, double weight) {
        const demand_view demand = work.demand(s);
        detail::workload_editor::write_image(demand, work.accepted_text(s), image_);
        std::size_t at = 0;
        if (const auto known = images_.find(image_)) {
            at = *known;
        } else {
            const std::size_t counters = demand.gpu.size() + demand.node.size() + demand.domain.size();
            const bool full = entries_.size() >= options_.max_demands;
            at = full ? rarest() : entries_.size();
            entries_.make_room(at + 1);
            amounts_.make_room((at + 1) * counters);
            images_.reserve(at);
            std::string name = image_;
            counters_ = counters;
            if (full) {
                total_ -= entries_[at].weight;
                images_.rename(at, std::move(name));
            } else {
                images_.assign_reserved(at, std::move(name));
                entries_.push_back({});
                amounts_.resize((at + 1) * counters_);
            }
            amount* to = amounts_.data() + at * counters_;
            for (const auto& part : {demand.gpu, demand.node, demand.domain}) {
                for (const amount value : part) *to++ = value;
            }
            entries_[at] = {.weight = 0.0,
                            .share = 0.0,
                            .frequency = 0,
                            .accepted_models = demand.accepted_models,
                            .gpus = static_cast<std::uint32_t>(demand.gpus),
                            .same_model = demand.same_model};
        }
        entries_[at].weight += weight;
        total_ += weight;
    }
    /// O(demands).
    [[nodiscard]] std::size_t rarest() const noexcept {
        std::size_t rarest = 0;
        for (std::size_t i = 1; i < entries_.size(); ++i) {
            if (entries_[i].weight < entries_[rarest].weight) rarest = i;
        }
        return rarest;
    }
    [[nodiscard]] assumptions assumed_for(const fleet& fleet) const;
    static void put_assumed(detail::workload_editor& editor, const fleet& fleet, const assumptions& assumed);
    void rescale() noexcept {
        total_ = 0.0;
        for (entry& e : entries_) {
            e.weight /= unit_;
            total_ += e.weight;
        }
        unit_ = 1.0;
    }
    [[nodiscard]] double distance() const noexcept {
        double sum = 0.0;
        for (const entry& e : entries_) sum += std::fabs(share_of(e) - e.share);
        return sum / 2.0;
    }

    arrival_mix_options options_;
    double growth_;
    double unit_ = 1.0;  // weight of an arrival now
    double total_ = 0.0;
    std::uint64_t arrivals_ = 0;
    std::uint64_t next_look_ = 1;
    bool fresh_ = false;
    bool has_prior_ = false;
    std::size_t counters_ = 0;
    name_table images_;  // by entry: the byte image of the demand, then the text of its accepted models
    detail::flat<entry> entries_;
    detail::flat<amount> amounts_;
    assumptions assumed_;  // of the mix that is in use
    std::string image_;
};

inline workload arrival_mix::expected(const fleet& fleet) const {
    workload mix = detail::workload_editor::make_empty(fleet);
    detail::workload_editor editor{mix};
    const resource_schema& schema = fleet.schema();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const entry& e = entries_[i];
        const std::uint64_t frequency = fresh_ ? frequency_of(e) : e.frequency;
        if (frequency == 0) continue;
        const amount* const first = amounts_.data() + i * counters_;
        demand_view demand{.gpu = {first, schema.gpu.size()},
                           .node = {first + schema.gpu.size(), schema.node.size()},
                           .domain = {first + schema.gpu.size() + schema.node.size(), schema.domain.size()},
                           .gpus = e.gpus,
                           .accepted_models = e.accepted_models,
                           .same_model = e.same_model};
        const std::string_view image = images_[i];
        const std::string_view text = detail::workload_editor::accepted_in(image, demand);
        // GPU models may have come since the demand was seen first.
        for (std::size_t m = 0; m < fleet.model_count() && !text.empty(); ++m) {
            if (!detail::workload_editor::names_model(text, fleet.name(model_index{m}))) continue;
            demand.accepted_models |= std::uint64_t{1} << m;
        }
        editor.put_expected(demand, text, image, static_cast<std::size_t>(frequency));
    }
    put_assumed(editor, fleet, fresh_ ? assumed_for(fleet) : assumed_);
    return mix;
}

inline arrival_mix::assumptions arrival_mix::assumed_for(const fleet& fleet) const {
    assumptions made;
    if (has_prior_ || arrivals_ == 0 || arrivals_ >= few_arrivals || options_.assumed_arrivals == 0.0) return made;
    made.of_model.resize(fleet.model_count(), {});
    const std::size_t cpu = fleet.roles().cpu;
    double cpus = 0.0;
    double gpus = 0.0;
    std::size_t models = 0;
    for (std::size_t i = 0; i < fleet.node_count(); ++i) {
        const node_index n{i};
        std::size_t counted = 0;
        for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) {
            const gpu_index gpu = fleet.gpu(n, g);
            const amount share = fleet.capacity(gpu)[0];
            if (share <= 0) continue;
            ++counted;
            amount& most = made.of_model[fleet.model(gpu).value()].share;
            models += most == 0 ? 1 : 0;
            most = share < most ? most : share < whole_gpu ? share : whole_gpu;
        }
        if (counted == 0 || cpu == counter_roles::none || fleet.unlimited(n, cpu)) continue;
        gpus += static_cast<double>(counted);
        cpus += static_cast<double>(fleet.capacity(n)[cpu]);
    }
    constexpr double wanted = 0.5;  // of the fleet's CPU; more would make nodes with little CPU look useless
    made.cpu = gpus > 0.0 ? static_cast<amount>(wanted * cpus / gpus) : 0;
    const double weight = options_.assumed_arrivals * resolution * unit_ / total_ / static_cast<double>(models);
    for (assumption& a : made.of_model) a.frequency = a.share > 0 ? 1 + static_cast<std::uint64_t>(weight) : 0;
    return made;
}

inline void arrival_mix::put_assumed(detail::workload_editor& editor, const fleet& fleet, const assumptions& assumed) {
    const resource_schema& schema = fleet.schema();
    detail::flat<amount> amounts(schema.gpu.size() + schema.node.size() + schema.domain.size(), 0);
    if (fleet.roles().cpu != counter_roles::none) amounts[schema.gpu.size() + fleet.roles().cpu] = assumed.cpu;
    for (std::size_t m = 0; m < assumed.of_model.size(); ++m) {
        if (assumed.of_model[m].frequency == 0) continue;
        amounts[0] = assumed.of_model[m].share;
        const amount* const first = amounts.data();
        const demand_view demand{.gpu = {first, schema.gpu.size()},
                                 .node = {first + schema.gpu.size(), schema.node.size()},
                                 .domain = {first + schema.gpu.size() + schema.node.size(), schema.domain.size()},
                                 .gpus = 1,
                                 .accepted_models = std::uint64_t{1} << m,
                                 .same_model = false};
        std::string image;
        detail::workload_editor::write_image(demand, fleet.name(model_index{m}), image);
        editor.put_expected(demand, fleet.name(model_index{m}), image, assumed.of_model[m].frequency);
    }
}

}  // namespace berth::inline v0
