// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/reassignment/detail/machine_table.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0::detail {

/// Every node is a machine. Its GPUs are one resource, their number: exact where no two tasks fit on one GPU, and all
/// tasks that may use GPUs of the node may use the same ones.
class node_machines {
public:
    /// Leaves out of the scope what fits nowhere.
    [[nodiscard]] static result<node_machines> of(scoped_problem& s, const counter_wishes& wished) {
        while (true) {
            node_machines made{s};
            if (auto ok = made.begin(wished); !ok) return ok.error();
            std::size_t i = 0;
            const auto lost = s.leave_out([&](task_index) -> std::string {
                return made.nowhere(made.table.rows.of(i++))
                           ? "no healthy node has room and enough accepted GPUs for it, even beside none of the others"
                           : "";
            });
            if (!lost) return lost.error();
            if (*lost == 0) return made;
        }
    }

    machine_table table;

    /// The GPUs of a node that tasks may use.
    [[nodiscard]] gpu_mask gpus(node_index n) const noexcept { return usable_[n.value()]; }

    /// Slots for tasks that are on these nodes: a task keeps its GPUs if it may use them and its node is still its own;
    /// the others get the lowest that are free. Where too few are left a task keeps its slot if it stays on its node,
    /// and is unplaced otherwise.
    [[nodiscard]] static std::vector<slot> slots(const scoped_problem& s, std::span<const gpu_mask> usable,
                                                 std::span<const node_index> placed) {
        std::vector<slot> where(placed.size(), unplaced);
        std::vector<gpu_mask> left(usable.begin(), usable.end());
        for (std::size_t i = 0; i < placed.size(); ++i) {
            const slot& now = s.current(s.tasks()[i]);
            if (!placed[i].below(left.size()) || now.node != placed[i]) continue;
            if ((now.gpus & ~left[placed[i].value()]) != 0) continue;
            where[i] = now;
            left[placed[i].value()] &= ~now.gpus;
        }
        for (std::size_t i = 0; i < placed.size(); ++i) {
            if (where[i].placed() || !placed[i].below(left.size())) continue;
            const slot& now = s.current(s.tasks()[i]);
            gpu_mask& free = left[placed[i].value()];
            const std::size_t wanted = s.workload().demand(s.tasks()[i]).gpus;
            if (!has_gpus(free, wanted)) {
                if (now.node == placed[i]) where[i] = now;
                continue;
            }
            where[i].node = placed[i];
            while (gpu_count(where[i].gpus) < wanted) {
                where[i].gpus |= free & (~free + 1);
                free &= free - 1;
            }
        }
        return where;
    }

private:
    explicit node_machines(const scoped_problem& s) : table{demand_rows{s}, {}, {}, {}}, s_{&s} {}

    [[nodiscard]] result<void> begin(const counter_wishes& wished) {
        const fleet& machines = s_->fleet();
        const std::size_t nodes = machines.node_count();
        for (std::size_t i = 0; i < nodes; ++i) table.node_of.push_back(node_index{i});
        usable_.resize(nodes, 0);
        table.may.resize(table.rows.size() * nodes, 0);
        for (std::size_t i = 0; i < nodes; ++i) {
            if (auto ok = read_gpus(node_index{i}); !ok) return ok.error();
        }
        bool gpus_used = false;
        for (std::size_t row = 0; row < table.rows.size(); ++row)
            gpus_used = gpus_used || table.rows.demand(row).gpus > 0;
        if (gpus_used) add_gpus();
        for (std::size_t r = 0; r < machines.schema().node.size(); ++r) {
            machine_resource& added = table.add(sentence({"node.", machines.schema().node[r]}), wished.node[r]);
            for (std::size_t row = 0; row < table.rows.size(); ++row)
                added.demand[row] = table.rows.demand(row).node[r];
            for (std::size_t i = 0; i < nodes; ++i) {
                const amount free = s_->room().free(node_index{i})[r];
                added.capacity[i] = free > 0 ? free : 0;
                added.safety[i] = added.wish.safe(machines.capacity(node_index{i})[r], added.capacity[i]);
            }
        }
        for (std::size_t r = 0; r < machines.schema().gpu.size(); ++r) {
            if (wished.gpu[r].transient) {
                return refuse(error_code::inconsistent,
                              {"wishes: gpu.", machines.schema().gpu[r],
                               " is transient, but places are nodes, where a moved task gives its GPUs back at once"});
            }
            if (wished.gpu[r].costs()) add_sum(r, wished.gpu[r]);
        }
        return {};
    }
    /// Which GPUs of the node tasks may use, and which tasks may be there.
    [[nodiscard]] result<void> read_gpus(node_index n) {
        const fleet& machines = s_->fleet();
        if (!machines.healthy(n)) return {};
        const std::size_t nodes = machines.node_count();
        std::size_t first = table.rows.size();
        flat<amount> least(machines.schema().gpu.size(), max_amount);
        amount tasks = 0;
        for (std::size_t row = 0; row < table.rows.size(); ++row) {
            const demand_view demand = table.rows.demand(row);
            const gpu_mask mask = gpus_covering(*s_, demand, n);
            table.may[row * nodes + n.value()] = demand.gpus == 0 || mask != 0 ? 1 : 0;
            if (mask == 0) continue;
            if (first < table.rows.size() && mask != usable_[n.value()]) {
                return refuse(error_code::inconsistent,
                              {phrase::item("node", n.value(), machines.name(n)), ": ",
                               s_->item(table.rows.example(first)), " and ", s_->item(table.rows.example(row)),
                               " may use different ones of its GPUs, but a place is the whole node"});
            }
            if (first == table.rows.size()) first = row;
            usable_[n.value()] = mask;
            tasks += table.rows.tasks(row);
            for (std::size_t r = 0; r < least.size(); ++r)
                least[r] = demand.gpu[r] < least[r] ? demand.gpu[r] : least[r];
            if (demand.same_model && !machines.one_model({n, mask})) {
                return refuse(error_code::inconsistent, {phrase::item("node", n.value(), machines.name(n)), ": ",
                                                         s_->item(table.rows.example(row)),
                                                         " wants same_model, but the GPUs of the node are unlike"});
            }
        }
        if (tasks < 2 || exclusive(n, least)) return {};
        return refuse(error_code::inconsistent,
                      {phrase::item("node", n.value(), machines.name(n)), ": ", s_->item(table.rows.example(first)),
                       " could share a GPU with another task, but a place is the whole node; see reassignment_place"});
    }
    /// True if no two tasks fit on one GPU.
    [[nodiscard]] bool exclusive(node_index n, const flat<amount>& least) const {
        for (std::size_t r = 0; r < least.size(); ++r) {
            bool alone = true;
            for (gpu_mask rest = usable_[n.value()]; rest != 0; rest &= rest - 1) {
                const amount free = s_->room().free(s_->fleet().gpu(n, lowest_gpu(rest)))[r];
                alone = alone && 2 * least[r] > free;
            }
            if (alone) return true;
        }
        return false;
    }
    void add_gpus() {
        machine_resource& added = table.add("gpus", {});
        for (std::size_t row = 0; row < table.rows.size(); ++row)
            added.demand[row] = static_cast<amount>(table.rows.demand(row).gpus);
        for (std::size_t i = 0; i < usable_.size(); ++i)
            added.capacity[i] = added.safety[i] = static_cast<amount>(gpu_count(usable_[i]));
    }
    /// A counter of GPUs, over all healthy GPUs of the node: implied as a capacity, but it costs.
    void add_sum(std::size_t r, const counter_wish& wish) {
        const fleet& machines = s_->fleet();
        machine_resource& added = table.add(sentence({"gpu.", machines.schema().gpu[r]}), wish);
        for (std::size_t row = 0; row < table.rows.size(); ++row) {
            const demand_view demand = table.rows.demand(row);
            added.demand[row] = static_cast<amount>(demand.gpus) * (demand.gpus == 0 ? 0 : demand.gpu[r]);
        }
        for (std::size_t i = 0; i < usable_.size(); ++i) {
            amount capacity = 0;
            for (gpu_mask rest = machines.healthy_gpus(node_index{i}); rest != 0; rest &= rest - 1) {
                const gpu_index g = machines.gpu(node_index{i}, lowest_gpu(rest));
                added.capacity[i] += s_->room().free(g)[r] > 0 ? s_->room().free(g)[r] : 0;
                capacity += machines.capacity(g)[r];
            }
            added.safety[i] = wish.safe(capacity, added.capacity[i]);
        }
    }
    [[nodiscard]] bool nowhere(std::size_t row) const {
        const demand_view demand = table.rows.demand(row);
        for (std::size_t i = 0; i < usable_.size(); ++i) {
            if (table.allowed(row, i) && host_covers(*s_, demand, node_index{i}) &&
                has_gpus(demand.gpus == 0 ? 0 : usable_[i], demand.gpus))
                return false;
        }
        return true;
    }

    const scoped_problem* s_;
    flat<gpu_mask> usable_;
};

}  // namespace berth::inline v0::detail
