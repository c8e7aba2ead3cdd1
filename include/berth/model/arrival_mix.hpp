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
};

/// The mix of demands that is expected, estimated from those that arrived, with forgetting. A mix that is known at the
/// start is a prior: it counts as arrivals before all others.
///
/// What policies are prepared with (`expected`) is replaced only when the estimate has moved away from it: after 16,
/// 32, 64, ... arrivals while there are few, and when it differs by more than the tolerance. So it is stable where the
/// arrivals are.
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
    }

    /// A mix that is known: every task of the workload counts as one arrival. Its fleet has the same resource schema
    /// and numbers its GPU models as the cluster's does.
    void add_prior(const workload& prior) {
        for (std::size_t s = 0; s < prior.shape_count(); ++s) {
            const auto count = static_cast<double>(prior.frequency(shape_index{s}));
            if (count > 0.0) add(prior, shape_index{s}, count * unit_);
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
        const bool few = arrivals_ < look_every;
        next_look_ = few ? 2 * arrivals_ : arrivals_ + look_every;
        fresh_ = fresh_ || few || distance() > options_.tolerance;
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
    /// What `expected` yields is in use: it has not `changed` until the estimate moves away from it. O(demands).
    void accept() noexcept {
        if (!fresh_) return;
        for (entry& e : entries_) {
            e.share = share_of(e);
            e.frequency = frequency_of(e);
        }
        fresh_ = false;
    }

private:
    static constexpr std::uint64_t look_every = 1024;
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
    std::uint64_t next_look_ = 16;
    bool fresh_ = false;
    std::size_t counters_ = 0;
    name_table images_;  // by entry: the byte image of the demand, then the text of its accepted models
    detail::flat<entry> entries_;
    detail::flat<amount> amounts_;
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
    return mix;
}

}  // namespace berth::inline v0
