// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/arrival_mix.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::detail {

/// A mix of demands, rounded to about five hundred arrivals: what a placer goes on from after the page was turned.
class mix_image {
public:
    static constexpr double arrivals = 512.0;

    /// Nothing is known.
    mix_image() = default;
    mix_image(const arrival_mix& mix, const fleet& machines) {
        if (mix.unknown()) return;
        const workload expected = mix.expected(machines);
        double total = 0.0;
        for (std::size_t s = 0; s < expected.shape_count(); ++s)
            total += static_cast<double>(expected.frequency(shape_index{s}));
        for (std::size_t s = 0; s < expected.shape_count(); ++s) {
            const auto frequency = static_cast<double>(expected.frequency(shape_index{s}));
            const auto count = static_cast<std::uint32_t>(frequency * arrivals / total + 0.5);
            if (count == 0) continue;
            const demand_view d = expected.demand(shape_index{s});
            entry e;
            e.count = count;
            e.gpus = d.gpus;
            e.same_model = d.same_model;
            e.accepted = expected.accepted_text(shape_index{s});
            for (const auto& part : {d.gpu, d.node, d.domain}) e.amounts.append(part);
            entries_.push_back(e);
        }
    }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    /// As a workload for a fleet with the same counters.
    [[nodiscard]] result<workload> prior(const fleet& machines) const {
        workload_builder builder{machines};
        const resource_schema& schema = machines.schema();
        for (const entry& e : entries_) {
            std::vector<std::string_view> models;
            for (std::string_view rest = e.accepted; !rest.empty();) {
                const std::size_t end = rest.find('|');
                models.push_back(rest.substr(0, end));
                rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            }
            const auto amounts = e.amounts.view();
            const task_description task{.gpus = e.gpus,
                                        .gpu_demand =
                                            e.gpus == 0 ? std::span<const amount>{} : amounts.first(schema.gpu.size()),
                                        .node_demand = amounts.subspan(schema.gpu.size(), schema.node.size()),
                                        .domain_demand = amounts.subspan(schema.gpu.size() + schema.node.size()),
                                        .accepted_models = models,
                                        .same_model = e.same_model};
            for (std::uint32_t i = 0; i < e.count; ++i) {
                if (auto added = builder.add_task(task); !added) return added.error();
            }
        }
        return std::move(builder).build();
    }

    template <class Archive>
    void visit_all(Archive& a, std::size_t counters) {
        const std::size_t count = visit_count(a, "mix", entries_.size());
        for (std::size_t i = 0; i < count && a.ok(); ++i) {
            if constexpr (Archive::reads) entries_.push_back({});
            entry& e = entries_[i];
            a.line("-");
            visit(a, "count", e.count);
            visit(a, "gpus", e.gpus);
            visit(a, "same model", e.same_model);
            a.string("accepted", e.accepted);
            if constexpr (Archive::reads) e.amounts.resize(counters, 0);
            for (amount& value : e.amounts) visit(a, "amount", value);
            if (e.count > 4096) a.refuse("count", "at most 4096");
        }
    }

private:
    struct entry {
        std::uint32_t count = 0;
        std::size_t gpus = 0;
        bool same_model = false;
        std::string accepted;
        flat<amount> amounts;
    };
    std::vector<entry> entries_;
};

}  // namespace berth::inline v0::detail
