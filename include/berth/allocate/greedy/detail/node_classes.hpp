// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// A set of node classes, bit c for class c.
using class_set = std::uint64_t;

/// Nodes grouped into at most 64 classes: by kind if the fleet has no more, else by GPU models and number of GPUs, else
/// by the first model. The first node with the most healthy GPUs stands for its class.
class node_classes {
public:
    explicit node_classes(const fleet& fleet) {
        const auto group_by = [&](auto key) {
            flat<std::uint64_t> keys;
            of_node_.clear();
            example_.clear();
            for (std::size_t i = 0; i < fleet.node_count(); ++i) {
                const std::uint64_t k = key(node_index{i});
                std::size_t c = 0;
                while (c < keys.size() && keys[c] != k) ++c;
                if (c == keys.size()) {
                    if (c == max_classes) return false;
                    keys.push_back(k);
                    example_.push_back(node_index{i});
                }
                if (gpu_count(fleet.healthy_gpus(node_index{i})) > gpu_count(fleet.healthy_gpus(example_[c]))) {
                    example_[c] = node_index{i};
                }
                of_node_.push_back(static_cast<std::uint8_t>(c));
            }
            return true;
        };
        const auto models_and_size = [&](node_index n) {
            return fleet.models_on(n) * 0x9e3779b97f4a7c15ULL + fleet.gpu_count(n);
        };
        const auto first_model = [&](node_index n) {
            return fleet.gpu_count(n) == 0 ? std::uint64_t{0} : lowest_gpu(fleet.models_on(n));
        };
        if (!group_by([&](node_index n) { return std::uint64_t{fleet.kind(n)}; }) && !group_by(models_and_size)) {
            group_by(first_model);
        }
        of_kind_.resize(fleet.kind_count());
        for (std::size_t i = 0; i < fleet.node_count(); ++i) of_kind_[fleet.kind(node_index{i})] = of_node_[i];
    }

    [[nodiscard]] std::size_t size() const noexcept { return example_.size(); }
    [[nodiscard]] std::size_t of(node_index n) const noexcept { return of_node_[n.value()]; }
    [[nodiscard]] std::size_t of_kind(std::size_t kind) const noexcept { return of_kind_[kind]; }
    /// The classes on whose empty nodes a demand fits.
    [[nodiscard]] class_set fitting(const ledger& empty, const demand_view& demand) const {
        class_set set = 0;
        for (std::size_t c = 0; c < size(); ++c) {
            if (empty.fits(demand, example_[c])) set |= class_set{1} << c;
        }
        return set;
    }

private:
    static constexpr std::size_t max_classes = 64;
    flat<std::uint8_t> of_node_;
    flat<std::uint8_t> of_kind_;
    flat<node_index> example_;
};

}  // namespace berth::inline v0::detail
