// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
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

// Length: how GPUs and demands are arranged, which is of use nowhere else.

namespace berth::inline v0::detail {

/// The mean load of the GPUs that a task could use if they were empty: of an accepted model, large enough, and enough
/// of them on a node whose own counters are large enough. GPUs that it could not use say nothing about where it should
/// be.
///
/// GPUs are alike if they have the same model and capacities, on nodes with the same GPUs that are large enough for the
/// same demands. Tasks are alike if they could use the same GPUs. So a round takes O(GPUs + tasks + kinds of GPUs ×
/// kinds of tasks), and the preparation O(GPUs log GPUs + shapes × (kinds of GPUs + hardware of nodes)).
class usable_means {
public:
    static constexpr bool used = true;

    explicit usable_means(const problem&) {}

    void update(const projected_state& now) {
        const fleet& machines = now.machines();
        const workload& work = now.problem().workload();
        const std::uint64_t stamp = stamp_of(now);
        if (stamp != stamp_) {
            arrange(now.problem());
            stamp_ = stamp;
        }
        for (gpu_kind& k : kinds_) {
            k.load = 0.0;
            k.healthy = 0;
        }
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            const gpu_mask healthy = now.open_gpus(n);
            for (std::size_t g = 0; g < machines.gpu_count(n); ++g) {
                const gpu_index gpu = machines.gpu(n, g);
                if (std::isnan(now.load(gpu))) continue;
                gpu_kind& k = kinds_[kind_of_gpu_[gpu.value()]];
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
    struct gpu_kind {
        gpu_index example{};      // one of its GPUs
        double load = 0.0;        // of all its GPUs
        std::size_t healthy = 0;  // GPUs of known load
    };

    [[nodiscard]] bool uses(std::size_t use, std::size_t kind) const noexcept {
        return (uses_[use * words_ + kind / 64] >> (kind % 64) & 1U) != 0;
    }
    /// Changes with nodes, GPUs and demands. O(shapes × counters).
    [[nodiscard]] static std::uint64_t stamp_of(const projected_state& now) noexcept {
        const workload& work = now.problem().workload();
        std::uint64_t stamp = 1;
        const auto mix = [&stamp](std::uint64_t value) { stamp = splitmix64(stamp ^ value); };
        mix(now.structure());
        mix(now.machines().node_count());
        mix(now.machines().gpu_count());
        mix(work.shape_count());
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            mix(demand.gpus * 2 + (demand.same_model ? 1 : 0));
            mix(demand.accepted_models);
            for (const amount wanted : demand.gpu) mix(static_cast<std::uint64_t>(wanted));
            for (const amount wanted : demand.node) mix(static_cast<std::uint64_t>(wanted));
        }
        return stamp;
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
        // GPUs of one model and capacity.
        flat<std::size_t> type;
        (void)number(machines.gpu_count(), type, [&](std::size_t a, std::size_t b) {
            const model_index x = machines.model(gpu_index{a});
            const model_index y = machines.model(gpu_index{b});
            if (x != y) return x < y ? -1 : 1;
            return compare<amount>(machines.capacity(gpu_index{a}), machines.capacity(gpu_index{b}));
        });
        const flat<std::size_t> group = group_nodes(p, type);
        kind_of_gpu_.assign(machines.gpu_count(), 0);
        const std::size_t kinds = number(machines.gpu_count(), kind_of_gpu_, [&](std::size_t a, std::size_t b) {
            const std::size_t x = group[machines.node_of(gpu_index{a}).value()];
            const std::size_t y = group[machines.node_of(gpu_index{b}).value()];
            if (x != y) return x < y ? -1 : 1;
            return type[a] == type[b] ? 0 : type[a] < type[b] ? -1 : 1;
        });
        kinds_.assign(kinds, {});
        for (std::size_t g = machines.gpu_count(); g-- > 0;) kinds_[kind_of_gpu_[g]].example = gpu_index{g};
        find_uses(p);
        least_.assign(machines.gpu_count(), std::numeric_limits<double>::infinity());
    }
    /// For each node the number of its group: nodes with the same GPUs that are large enough for the same demands.
    [[nodiscard]] static flat<std::size_t> group_nodes(const problem& p, const flat<std::size_t>& type) {
        const fleet& machines = p.fleet();
        const workload& work = p.workload();
        flat<node_index> examples;  // of each hardware
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            const std::size_t hardware = machines.hardware(node_index{n});
            if (examples.size() <= hardware) examples.resize(hardware + 1);
            if (!examples[hardware].valid()) examples[hardware] = node_index{n};
        }
        const std::size_t words = work.shape_count() / 64 + 1;
        flat<std::uint64_t> takes(examples.size() * words, 0);
        flat<std::size_t> first(examples.size() + 1, 0);
        flat<std::size_t> sorted;  // types of the GPUs
        for (std::size_t h = 0; h < examples.size(); ++h) {
            for (std::size_t i = 0; examples[h].valid() && i < machines.gpu_count(examples[h]); ++i) {
                const std::size_t here = type[machines.gpu(examples[h], i).value()];
                std::size_t at = sorted.size();
                sorted.push_back(here);
                for (; at > first[h] && sorted[at - 1] > here; --at) sorted[at] = sorted[at - 1];
                sorted[at] = here;
            }
            first[h + 1] = sorted.size();
            for (std::size_t s = 0; examples[h].valid() && s < work.shape_count(); ++s) {
                if (covers(machines.capacity(examples[h]), work.demand(shape_index{s}).node))
                    takes[h * words + s / 64] |= std::uint64_t{1} << (s % 64);
            }
        }
        flat<std::size_t> group_of_hardware;
        (void)number(examples.size(), group_of_hardware, [&](std::size_t a, std::size_t b) {
            const auto gpus = [&](std::size_t h) { return sorted.view().subspan(first[h], first[h + 1] - first[h]); };
            const int by_gpus = compare(gpus(a), gpus(b));
            if (by_gpus != 0) return by_gpus;
            return compare(takes.view().subspan(a * words, words), takes.view().subspan(b * words, words));
        });
        flat<std::size_t> group(machines.node_count(), 0);
        for (std::size_t n = 0; n < machines.node_count(); ++n)
            group[n] = group_of_hardware[machines.hardware(node_index{n})];
        return group;
    }
    /// Which kinds of GPUs each shape could use; shapes with the same ones share a row.
    void find_uses(const problem& p) {
        const workload& work = p.workload();
        words_ = kinds_.size() / 64 + 1;
        flat<std::uint64_t> bits(work.shape_count() * words_, 0);
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.gpus == 0) continue;
            for (std::size_t k = 0; k < kinds_.size(); ++k) {
                if (could_use(p.fleet(), demand, kinds_[k].example))
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
    [[nodiscard]] static bool covers(std::span<const amount> capacity, std::span<const amount> wanted) noexcept {
        for (std::size_t r = 0; r < capacity.size(); ++r) {
            if (capacity[r] < wanted[r]) return false;
        }
        return true;
    }
    [[nodiscard]] static bool takes(const fleet& machines, const demand_view& demand, gpu_index g) noexcept {
        return (demand.accepted_models >> machines.model(g).value() & 1U) != 0 &&
               covers(machines.capacity(g), demand.gpu);
    }
    [[nodiscard]] static bool could_use(const fleet& machines, const demand_view& demand, gpu_index g) noexcept {
        const node_index n = machines.node_of(g);
        if (!takes(machines, demand, g) || !covers(machines.capacity(n), demand.node)) return false;
        std::size_t enough = 0;
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const gpu_index other = machines.gpu(n, i);
            if (demand.same_model && machines.model(other) != machines.model(g)) continue;
            if (takes(machines, demand, other)) ++enough;
        }
        return enough >= demand.gpus;
    }

    const workload* work_ = nullptr;
    std::uint64_t stamp_ = 0;  // of what is arranged; 0: nothing
    std::size_t words_ = 0;    // of a row of `uses_`
    flat<gpu_kind> kinds_;
    flat<std::size_t> kind_of_gpu_;
    flat<std::size_t> use_of_shape_;  // row of `uses_`
    flat<std::uint64_t> uses_;        // bits: the kinds of GPUs that tasks of a row could use
    flat<double> mean_;               // per row
    flat<double> least_;              // per GPU
};

}  // namespace berth::inline v0::detail
