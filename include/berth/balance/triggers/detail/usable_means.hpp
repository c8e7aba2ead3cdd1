// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// The unit of a threshold on a number that needs none.
struct no_unit {
    static constexpr bool used = false;
    explicit no_unit(const problem&) noexcept {}
    void update(const projected_state&) noexcept {}
    template <class Place>
    [[nodiscard]] static constexpr double of(Place) noexcept {
        return 1.0;
    }
};

/// The mean load of the GPUs that a task could use if they were empty: of an accepted model, large enough, and enough of
/// them on one node. GPUs that it could not use say nothing about where it should be.
///
/// GPUs are alike if they have the same model and capacities, on nodes with the same GPUs; the nodes' own counters count
/// with the largest capacity among those. Tasks are alike if they could use the same GPUs. So a round takes O(GPUs +
/// tasks + kinds of GPUs × kinds of tasks), and the preparation O(GPUs log GPUs + shapes × kinds of GPUs).
class usable_means {
public:
    static constexpr bool used = true;

    explicit usable_means(const problem& p) { arrange(p); }

    void update(const projected_state& now) {
        const fleet& machines = now.machines();
        const workload& work = now.problem().workload();
        if (kind_of_gpu_.size() != machines.gpu_count() || use_of_shape_.size() != work.shape_count() ||
            nodes_ != machines.node_count()) {
            arrange(now.problem());
        }
        for (kind& k : kinds_) {
            k.load = 0.0;
            k.healthy = 0;
        }
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            const gpu_mask healthy = now.healthy(n);
            for (std::size_t g = 0; g < machines.gpu_count(n); ++g) {
                const gpu_index gpu = machines.gpu(n, g);
                if (std::isnan(now.load(gpu))) continue;
                kind& k = kinds_[kind_of_gpu_[gpu.value()]];
                k.load += now.load(gpu);
                k.healthy += healthy >> g & 1U;
            }
        }
        for (std::size_t u = 0; u < mean_.size(); ++u) {
            double load = 0.0;
            std::size_t healthy = 0;
            for (std::size_t k = 0; k < kinds_.size(); ++k) {
                if (!uses(u, k)) continue;
                load += kinds_[k].load;
                healthy += kinds_[k].healthy;
            }
            mean_[u] = healthy == 0 ? 0.0 : load / static_cast<double>(healthy);
        }
        for (double& least : least_) least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < work.task_count(); ++i) {
            const task_index t{i};
            const slot& where = now.where(t);
            if (where.gpus == 0 || now.in_flight(t)) continue;
            const double mean = mean_[use_of_shape_[work.shape(t).value()]];
            for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
                double& least = least_[machines.gpu(where.node, lowest_gpu(rest)).value()];
                least = mean < least ? mean : least;
            }
        }
        work_ = &work;
    }
    /// The least of the means of the tasks on a GPU; infinity if none is there that could leave.
    [[nodiscard]] double of(gpu_index g) const noexcept { return least_[g.value()]; }
    /// The mean of the GPUs that the task could use; 0 if there is none.
    [[nodiscard]] double of(task_index t) const noexcept { return mean_[use_of_shape_[work_->shape(t).value()]]; }

private:
    struct kind {
        gpu_index example{};      // one of its GPUs
        std::size_t layout = 0;   // of its nodes
        double load = 0.0;        // of all its GPUs
        std::size_t healthy = 0;  // GPUs of known load
    };

    [[nodiscard]] bool uses(std::size_t use, std::size_t kind) const noexcept {
        return (uses_[use * words_ + kind / 64] >> (kind % 64) & 1U) != 0;
    }
    /// Negative, 0 or positive by the order of two rows.
    template <class T>
    [[nodiscard]] static int compare(std::span<const T> a, std::span<const T> b) noexcept {
        for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
            if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
        }
        return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
    }
    /// Numbers positions so that equal ones share a number, in the order of `compare`. Returns how many there are.
    template <class Compare>
    static std::size_t number(std::size_t count, flat<std::size_t>& numbers, const Compare& compare) {
        const auto order = sorted_positions(count, [&](std::size_t a, std::size_t b) { return compare(a, b) < 0; });
        numbers.assign(count, 0);
        std::size_t next = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0 && compare(order[i - 1], order[i]) != 0) ++next;
            numbers[order[i]] = next;
        }
        return count == 0 ? 0 : next + 1;
    }

    void arrange(const problem& p) {
        const fleet& machines = p.fleet();
        nodes_ = machines.node_count();
        // GPUs of one model and capacity.
        flat<std::size_t> hardware;
        (void)number(machines.gpu_count(), hardware, [&](std::size_t a, std::size_t b) {
            const model_index x = machines.model(gpu_index{a});
            const model_index y = machines.model(gpu_index{b});
            if (x != y) return x < y ? -1 : 1;
            return compare<amount>(machines.capacity(gpu_index{a}), machines.capacity(gpu_index{b}));
        });
        // Nodes with the same of them.
        flat<std::size_t> sorted(machines.gpu_count(), 0);
        const auto row = [&](std::size_t n) {
            const node_index node{n};
            return std::span<const std::size_t>{sorted.data() + machines.gpu(node, 0).value(),
                                                machines.gpu_count(node)};
        };
        for (std::size_t n = 0; n < nodes_; ++n) {
            const std::size_t first = machines.gpu(node_index{n}, 0).value();
            for (std::size_t i = 0; i < machines.gpu_count(node_index{n}); ++i) {
                std::size_t at = first + i;
                for (; at > first && sorted[at - 1] > hardware[first + i]; --at) sorted[at] = sorted[at - 1];
                sorted[at] = hardware[first + i];
            }
        }
        flat<std::size_t> layout;
        const std::size_t layouts =
            number(nodes_, layout, [&](std::size_t a, std::size_t b) { return compare(row(a), row(b)); });
        // GPUs of one model and capacity on such nodes.
        kind_of_gpu_.assign(machines.gpu_count(), 0);
        const std::size_t kinds = number(machines.gpu_count(), kind_of_gpu_, [&](std::size_t a, std::size_t b) {
            const std::size_t x = layout[machines.node_of(gpu_index{a}).value()];
            const std::size_t y = layout[machines.node_of(gpu_index{b}).value()];
            if (x != y) return x < y ? -1 : 1;
            return hardware[a] == hardware[b] ? 0 : hardware[a] < hardware[b] ? -1 : 1;
        });
        kinds_.assign(kinds, {});
        for (std::size_t g = machines.gpu_count(); g-- > 0;) {
            kinds_[kind_of_gpu_[g]].example = gpu_index{g};
            kinds_[kind_of_gpu_[g]].layout = layout[machines.node_of(gpu_index{g}).value()];
        }
        // The largest capacities of those nodes.
        const std::size_t counters = machines.schema().node.size();
        flat<amount> largest(layouts * counters, 0);
        for (std::size_t n = 0; n < nodes_; ++n) {
            const auto capacity = machines.capacity(node_index{n});
            for (std::size_t r = 0; r < counters; ++r) {
                amount& most = largest[layout[n] * counters + r];
                most = capacity[r] > most ? capacity[r] : most;
            }
        }
        find_uses(p, largest.view());
        least_.assign(machines.gpu_count(), std::numeric_limits<double>::infinity());
    }
    /// Which kinds of GPUs each shape could use; shapes with the same ones share a row.
    void find_uses(const problem& p, std::span<const amount> largest) {
        const workload& work = p.workload();
        words_ = kinds_.size() / 64 + 1;
        flat<std::uint64_t> bits(work.shape_count() * words_, 0);
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.gpus == 0) continue;
            for (std::size_t k = 0; k < kinds_.size(); ++k) {
                if (could_use(p.fleet(), demand, kinds_[k], largest))
                    bits[s * words_ + k / 64] |= std::uint64_t{1} << (k % 64);
            }
        }
        const auto row = [&](std::size_t s) { return bits.view().subspan(s * words_, words_); };
        const std::size_t uses = number(work.shape_count(), use_of_shape_,
                                        [&](std::size_t a, std::size_t b) { return compare(row(a), row(b)); });
        uses_.assign(uses * words_, 0);
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            for (std::size_t w = 0; w < words_; ++w) uses_[use_of_shape_[s] * words_ + w] = bits[s * words_ + w];
        }
        mean_.assign(uses, 0.0);
    }
    [[nodiscard]] static bool takes(const fleet& machines, const demand_view& demand, gpu_index g) noexcept {
        if ((demand.accepted_models >> machines.model(g).value() & 1U) == 0) return false;
        const auto capacity = machines.capacity(g);
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            if (capacity[r] < demand.gpu[r]) return false;
        }
        return true;
    }
    [[nodiscard]] static bool could_use(const fleet& machines, const demand_view& demand, const kind& k,
                                        std::span<const amount> largest) noexcept {
        if (!takes(machines, demand, k.example)) return false;
        for (std::size_t r = 0; r < demand.node.size(); ++r) {
            if (largest[k.layout * demand.node.size() + r] < demand.node[r]) return false;
        }
        const node_index n = machines.node_of(k.example);
        std::size_t enough = 0;
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const gpu_index g = machines.gpu(n, i);
            if (demand.same_model && machines.model(g) != machines.model(k.example)) continue;
            enough += takes(machines, demand, g) ? 1 : 0;
        }
        return enough >= demand.gpus;
    }

    const workload* work_ = nullptr;
    std::size_t nodes_ = 0;
    std::size_t words_ = 0;               // of a row of `uses_`
    flat<kind> kinds_;
    flat<std::size_t> kind_of_gpu_;
    flat<std::size_t> use_of_shape_;      // row of `uses_`
    flat<std::uint64_t> uses_;            // bits: the kinds of GPUs that tasks of a row could use
    flat<double> mean_;                   // per row
    flat<double> least_;                  // per GPU
};

}  // namespace berth::inline v0::detail
