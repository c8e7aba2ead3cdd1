// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/detail/node_classes.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Reserves the classes that are nearly out of whole nodes: nodes with enough free GPUs and CPU for any of the widest
/// tasks of the mix (those that want the most GPUs).
///
/// By Hall's condition, tasks confined to a set M of classes are safe while M has enough whole nodes: M is reserved
/// once it has at most 2 · (their part of the mix's GPU share) · (completely free GPUs) / (GPUs of such a task) + 2.
/// Counters are integers, so removing undoes placing exactly.
class whole_node_reserve {
public:
    whole_node_reserve(const problem& p, const node_classes& classes, const ledger& empty)
        : cpu_needed_(classes.size(), 0),
          admits_wide_(classes.size(), 0),
          whole_(classes.size(), 0),
          reserved_(classes.size(), 0) {
        const fleet& fleet = p.fleet();
        const workload& work = p.workload();
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.total_share() > 0 && demand.gpus > wide_) wide_ = demand.gpus;
        }
        if (wide_ < 2) return;
        double total = 0.0;
        struct confined {
            class_set admits;
            double share;
        };
        flat<confined> groups;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const double share =
                static_cast<double>(demand.total_share()) * static_cast<double>(work.frequency(shape_index{s}));
            total += share;
            if (demand.gpus != wide_ || share == 0.0) continue;
            const class_set admits = classes.fitting(empty, demand);
            for (std::size_t c = 0; c < classes.size(); ++c) {
                if ((admits >> c & 1U) == 0) continue;
                admits_wide_[c] = 1;
                const amount cpu = work.roles().cpu_of(demand.node);
                if (cpu > cpu_needed_[c]) cpu_needed_[c] = cpu;
            }
            if (admits == 0) continue;
            std::size_t at = 0;
            while (at < groups.size() && groups[at].admits != admits) ++at;
            if (at == groups.size()) {
                groups.push_back({admits, share});
            } else {
                groups[at].share += share;
            }
        }
        flat<class_set> sets;
        sets.reserve(groups.size());
        for (const confined& g : groups) sets.push_back(g.admits);
        for (std::size_t i = 0; i < sets.size(); ++i) {
            for (std::size_t j = 0; j < i && sets.size() < max_sets; ++j) {
                const class_set both = sets[i] | sets[j];
                bool known = false;
                for (const class_set set : sets) known = known || set == both;
                if (!known) sets.push_back(both);
            }
        }
        for (const class_set set : sets) {
            double share = 0.0;
            for (const confined& g : groups) share += (g.admits & ~set) == 0 ? g.share : 0.0;
            sets_.push_back({set, share / total});
        }
        for (std::size_t n = 0; n < fleet.node_count(); ++n) {
            const node_view node = empty.node(node_index{n});
            whole_[classes.of(node_index{n})] += is_whole(node, classes.of(node_index{n})) ? 1 : 0;
            free_gpus_ += free_gpus(node);
        }
        update();
    }

    /// The number of GPUs that the widest tasks want.
    [[nodiscard]] std::size_t width() const noexcept { return wide_; }
    [[nodiscard]] bool reserved(std::size_t c) const noexcept { return reserved_[c] != 0; }
    /// True if a node of class c could take any such task of the mix.
    [[nodiscard]] bool is_whole(const node_view& node, std::size_t c) const noexcept {
        return admits_wide_[c] != 0 && free_gpus(node) >= static_cast<std::int64_t>(wide_) &&
               node.free_cpu() >= cpu_needed_[c];
    }
    /// True if placing the demand on these GPUs would make a whole node one that is not.
    [[nodiscard]] bool breaks(const node_view& node, std::size_t c, const demand_view& demand,
                              gpu_mask gpus) const noexcept {
        if (wide_ < 2 || demand.gpus == wide_ || !is_whole(node, c)) return false;
        std::int64_t left = free_gpus(node);
        for (; gpus != 0; gpus &= gpus - 1) left -= node.untouched(lowest_gpu(gpus)) ? 1 : 0;
        return left < static_cast<std::int64_t>(wide_) ||
               node.free_cpu() - node.fleet->roles().cpu_of(demand.node) < cpu_needed_[c];
    }
    /// Number of completely free healthy GPUs of a node.
    [[nodiscard]] static std::int64_t free_gpus(const node_view& node) noexcept {
        std::int64_t free = 0;
        for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
            free += node.untouched(lowest_gpu(rest)) ? 1 : 0;
        }
        return free;
    }
    /// Counts a change of whole nodes and free GPUs in class c.
    void note(std::size_t c, int whole_nodes, std::int64_t gpus) {
        whole_[c] += whole_nodes;
        free_gpus_ += gpus;
        if (whole_nodes != 0 || gpus != 0) update();
    }

private:
    static constexpr std::size_t max_sets = 64;
    static constexpr double reserve_factor = 2.0;
    static constexpr double reserve_nodes = 2.0;

    struct set_share {
        class_set set;
        double share;
    };

    void update() {
        reserved_.assign(reserved_.size(), 0);
        for (const set_share& s : sets_) {
            std::int64_t whole = 0;
            for (std::size_t c = 0; c < whole_.size(); ++c) whole += (s.set >> c & 1U) != 0 ? whole_[c] : 0;
            const double wanted =
                reserve_factor * s.share * static_cast<double>(free_gpus_) / static_cast<double>(wide_);
            if (whole == 0 || static_cast<double>(whole) > wanted + reserve_nodes) continue;
            for (std::size_t c = 0; c < whole_.size(); ++c) {
                if ((s.set >> c & 1U) != 0) reserved_[c] = 1;
            }
        }
    }

    std::size_t wide_ = 0;
    flat<amount> cpu_needed_;
    flat<std::uint8_t> admits_wide_;
    flat<set_share> sets_;
    flat<std::int64_t> whole_;
    flat<std::uint8_t> reserved_;
    std::int64_t free_gpus_ = 0;
};

}  // namespace berth::inline v0::detail
