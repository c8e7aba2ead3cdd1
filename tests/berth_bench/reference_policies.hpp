// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/slot.hpp"

#include "support/openb.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <vector>

namespace bench_test {

/// The published policies DotProd, GpuClustering, GpuPacking and BestFit, written a second time as plain loops from the text of
/// the protocol. Shares nothing with the library's scores, ledger or index; an oracle for them.
class reference_policy {
public:
    enum class kind { dot_product, gpu_clustering, gpu_packing, best_fit };

    reference_policy(const bench::experiment& input, kind which) : input_{&input}, kind_{which} {
        const auto& fleet = *input.fleet;
        for (std::size_t n = 0; n < fleet.node_count(); ++n) {
            const berth::node_index index{n};
            nodes_.push_back({.cpu = fleet.capacity(index)[0],
                              .memory = fleet.capacity(index)[1],
                              .free = std::vector<std::int64_t>(fleet.gpu_count(index), 1000),
                              .model = fleet.models_on(index),
                              .classes = {}});
        }
    }

    berth::slot place(berth::task_index task) {
        const auto demand = input_->workload->demand(task);
        const auto cpu = demand.node[0];
        const auto memory = demand.node[1];
        const auto milli = demand.gpu[0];
        std::vector<std::size_t> feasible;
        std::vector<int> scores;
        for (std::size_t n = 0; n < nodes_.size(); ++n) {
            const node& at = nodes_[n];
            if (at.cpu < cpu || at.memory < memory) continue;
            if (demand.gpus > 0) {
                if ((at.model & demand.accepted_models) == 0) continue;
                const auto enough =
                    std::count_if(at.free.begin(), at.free.end(), [&](auto left) { return left >= milli; });
                if (static_cast<std::size_t>(enough) < demand.gpus) continue;
            }
            feasible.push_back(n);
            scores.push_back(score(at, cpu, milli, demand.gpus));
        }
        if (feasible.empty()) return berth::unplaced;
        if (kind_ == kind::best_fit) {
            const auto [least, most] = std::minmax_element(scores.begin(), scores.end());
            const int low = *least;
            const int span = *most - low;
            for (int& s : scores) s = span == 0 ? 0 : (s - low) * 100 / span;
        }
        std::size_t best = 0;
        for (std::size_t i = 1; i < feasible.size(); ++i) {
            const bool better = scores[i] > scores[best];
            const bool first =
                scores[i] == scores[best] && input_->priorities[feasible[i]] < input_->priorities[feasible[best]];
            if (better || first) best = i;
        }
        node& to = nodes_[feasible[best]];
        berth::gpu_mask gpus = 0;
        for (const std::size_t g : devices(to, milli, demand.gpus)) {
            gpus |= berth::gpu_mask{1} << g;
            to.free[g] -= milli;
        }
        to.cpu -= cpu;
        to.memory -= memory;
        if (demand.gpus > 0) ++to.classes[class_of(milli, demand.gpus)];
        return {.node = berth::node_index{feasible[best]}, .gpus = gpus};
    }

private:
    struct node {
        std::int64_t cpu;
        std::int64_t memory;
        std::vector<std::int64_t> free;
        std::uint64_t model;
        std::map<int, int> classes;  // of the GPU tasks on it
    };

    static int class_of(std::int64_t milli, std::size_t gpus) { return milli < 1000 ? 0 : static_cast<int>(gpus); }

    /// The GPU with the least left that fits, for a share; the lowest free ones otherwise.
    static std::vector<std::size_t> devices(const node& at, std::int64_t milli, std::size_t gpus) {
        std::vector<std::size_t> order;
        for (std::size_t g = 0; g < at.free.size(); ++g) {
            if (at.free[g] >= milli) order.push_back(g);
        }
        if (gpus == 1) {
            std::sort(order.begin(), order.end(),
                      [&](auto a, auto b) { return at.free[a] != at.free[b] ? at.free[a] < at.free[b] : a < b; });
        }
        order.resize(gpus);
        return order;
    }

    [[nodiscard]] int score(const node& at, std::int64_t cpu, std::int64_t milli, std::size_t gpus) const {
        std::int64_t left = 0;
        for (const auto free : at.free) left += free;
        const auto want = static_cast<std::int64_t>(gpus) * milli;
        switch (kind_) {
            case kind::dot_product: {
                const double alignment =
                    (static_cast<double>(at.cpu) / 128000.0) * (static_cast<double>(cpu) / 128000.0) +
                    (static_cast<double>(left) / 8000.0) * (static_cast<double>(want) / 8000.0);
                return static_cast<int>(100.0 * (1.0 - alignment / 2.0));
            }
            case kind::best_fit:
                return static_cast<int>(100.0 * (1.0 - 0.5 * static_cast<double>(at.cpu - cpu) / 128000.0 -
                                                 0.5 * static_cast<double>(left - want) / 8000.0));
            case kind::gpu_clustering: {
                if (gpus == 0) return 0;
                const int base = static_cast<int>(25 * (8000 - left) / 8000);
                if (at.classes.empty()) return base + 25;
                if (!at.classes.contains(class_of(milli, gpus))) return base;
                return base + (at.classes.size() == 1 ? 75 : 50);
            }
            case kind::gpu_packing: {
                if (gpus == 0) return 0;
                const auto whole = static_cast<int>(std::count(at.free.begin(), at.free.end(), 1000));
                if (whole == static_cast<int>(at.free.size())) return std::max(33 - whole, whole);
                std::vector<std::int64_t> taken;
                for (const auto free : at.free) {
                    if (free >= milli) taken.push_back(free);
                }
                std::sort(taken.begin(), taken.end());
                taken.resize(gpus);
                const auto opened = static_cast<int>(std::count(taken.begin(), taken.end(), 1000));
                if (opened > 0) return std::max(50 - opened, 33);
                int rest = 0;
                for (const auto free : taken) rest += static_cast<int>(static_cast<double>(free * 100) / 1000.0);
                return std::max(100 - rest / 10, 50);
            }
        }
        return 0;
    }

    const bench::experiment* input_;
    kind kind_;
    std::vector<node> nodes_;
};

}  // namespace bench_test
