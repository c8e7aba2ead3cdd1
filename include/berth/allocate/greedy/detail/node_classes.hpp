// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// A set of node classes, bit c for class c.
using class_set = std::uint64_t;

/// Nodes grouped into at most 64 classes: by hardware if the fleet has no more, else by GPU models and number of GPUs,
/// else by the first model. The first node with the most healthy GPUs stands for its class.
class node_classes {
public:
    explicit node_classes(const fleet& fleet) {
        for (const grouping by : {grouping::hardware, grouping::models_and_size, grouping::first_model}) {
            by_ = by;
            if (group(fleet)) break;
        }
    }

    /// Brings the classes up to date after these nodes of the fleet changed. False if one is of no known class.
    [[nodiscard]] bool follow(const fleet& fleet, std::span<const node_index> changed) {
        of_node_.make_room(fleet.node_count());
        of_node_.resize(fleet.node_count(), 0);
        for (const node_index n : changed) {
            // A vacant position has nothing that a class could count.
            const std::size_t c = fleet.present(n) ? find(key(fleet, n)) : 0;
            if (c == keys_.size()) return false;
            of_node_[n.value()] = static_cast<std::uint8_t>(c);
        }
        return true;
    }

    [[nodiscard]] std::size_t size() const noexcept { return example_.size(); }
    /// What the nodes of a class have in common, as a number that stays while the fleet lives.
    [[nodiscard]] std::uint64_t key(std::size_t c) const noexcept { return keys_[c]; }
    [[nodiscard]] std::size_t of(node_index n) const noexcept { return of_node_[n.value()]; }
    /// The classes on whose empty nodes a demand fits.
    [[nodiscard]] class_set fitting(const ledger& empty, const demand_view& demand) const {
        class_set set = 0;
        for (std::size_t c = 0; c < size(); ++c) {
            if (example_[c].below(empty.fleet().node_count()) && empty.fits(demand, example_[c])) {
                set |= class_set{1} << c;
            }
        }
        return set;
    }

private:
    static constexpr std::size_t max_classes = 64;
    enum class grouping : std::uint8_t { hardware, models_and_size, first_model };

    [[nodiscard]] std::uint64_t key(const fleet& fleet, node_index n) const noexcept {
        switch (by_) {
            case grouping::hardware: return fleet.hardware_key(n);
            case grouping::models_and_size: return fleet.models_on(n) * 0x9e3779b97f4a7c15ULL + fleet.gpu_count(n);
            case grouping::first_model: break;
        }
        return fleet.models_on(n) == 0 ? 0 : lowest_gpu(fleet.models_on(n));
    }
    /// The class of a key; `keys_.size()` if there is none.
    [[nodiscard]] std::size_t find(std::uint64_t key) const noexcept {
        std::size_t c = 0;
        while (c < keys_.size() && keys_[c] != key) ++c;
        return c;
    }
    /// False if there are too many classes.
    [[nodiscard]] bool group(const fleet& fleet) {
        keys_.clear();
        of_node_.clear();
        example_.clear();
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            if (!fleet.present(n)) {
                of_node_.push_back(0);
                continue;
            }
            const std::size_t c = find(key(fleet, n));
            if (c == keys_.size()) {
                if (c == max_classes) return false;
                keys_.push_back(key(fleet, n));
                example_.push_back(n);
            }
            if (gpu_count(fleet.healthy_gpus(n)) > gpu_count(fleet.healthy_gpus(example_[c]))) example_[c] = n;
            of_node_.push_back(static_cast<std::uint8_t>(c));
        }
        if (keys_.empty()) {
            // A cluster without nodes: one class, so that every position has one.
            keys_.push_back(~std::uint64_t{0});
            example_.push_back(node_index{0});
        }
        return true;
    }

    grouping by_ = grouping::hardware;
    flat<std::uint64_t> keys_;
    flat<std::uint8_t> of_node_;
    flat<node_index> example_;
};

}  // namespace berth::inline v0::detail
