// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/reassignment/detail/machine_table.hpp"
#include "berth/allocate/reassignment/reassignment_wishes.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace berth::inline v0::detail {

/// Every GPU is a machine. Counters of GPUs are resources as they are; those of a node with one GPU, too. Those of a
/// node with several GPUs are implied by the counters of the GPUs, or divided among them.
class gpu_machines {
public:
    [[nodiscard]] static result<machine_table> of(const scoped_problem& s, const gpu_pairs& pairs,
                                                  const counter_wishes& wished, bool divide) {
        gpu_machines made{s, pairs, wished, divide};
        made.begin();
        for (std::size_t r = 0; r < s.fleet().schema().node.size(); ++r) {
            if (auto ok = made.add_node_counter(r); !ok) return ok.error();
        }
        return std::move(made.table_);
    }

private:
    gpu_machines(const scoped_problem& s, const gpu_pairs& pairs, const counter_wishes& wished, bool divide)
        : s_{s}, pairs_{pairs}, wished_{wished}, divide_{divide}, table_{pairs.rows(), {}, {}, {}} {}

    void begin() {
        const fleet& machines = s_.fleet();
        for (std::size_t g = 0; g < pairs_.gpus(); ++g) table_.node_of.push_back(pairs_.node_of(g));
        used_.resize(machines.node_count(), 0);
        for (std::size_t g = 0; g < pairs_.gpus(); ++g) {
            if (pairs_.used(g)) used_[pairs_.node_of(g).value()] |= bit(g);
        }
        table_.may.resize(pairs_.rows().size() * pairs_.gpus(), 0);
        for (std::size_t row = 0; row < pairs_.rows().size(); ++row) {
            const std::uint64_t accepted = pairs_.rows().demand(row).accepted_models;
            for (std::size_t i = 0; i < machines.node_count(); ++i) {
                for (gpu_mask rest = used_[i]; rest != 0; rest &= rest - 1) {
                    const gpu_index g = machines.gpu(node_index{i}, lowest_gpu(rest));
                    if ((accepted >> machines.model(g).value() & 1U) != 0)
                        table_.may[row * pairs_.gpus() + g.value()] = 1;
                }
            }
        }
        for (std::size_t r = 0; r < machines.schema().gpu.size(); ++r) {
            machine_resource& added = table_.add(sentence({"gpu.", machines.schema().gpu[r]}), wished_.gpu[r]);
            for (std::size_t row = 0; row < pairs_.rows().size(); ++row)
                added.demand[row] = pairs_.rows().demand(row).gpu[r];
            for (std::size_t g = 0; g < pairs_.gpus(); ++g) {
                if (!pairs_.node_of(g).valid()) continue;
                const amount free = s_.room().free(gpu_index{g})[r];
                added.capacity[g] = free > 0 ? free : 0;
                added.safety[g] = added.wish.safe(machines.capacity(gpu_index{g})[r], added.capacity[g]);
            }
        }
    }
    [[nodiscard]] gpu_mask bit(std::size_t gpu) const {
        return gpu_mask{1} << (gpu - s_.fleet().gpu(pairs_.node_of(gpu), 0).value());
    }

    [[nodiscard]] result<void> add_node_counter(std::size_t r) {
        const fleet& machines = s_.fleet();
        const counter_wish& wish = wished_.node[r];
        amount all = 0;
        for (std::size_t row = 0; row < pairs_.rows().size(); ++row)
            all += pairs_.rows().tasks(row) * pairs_.rows().demand(row).node[r];
        flat<amount> now(pairs_.gpus(), 0);  // what the tasks that take part use on each GPU's node
        for (const task_index t : s_.tasks()) {
            const slot& where = s_.current(t);
            now[machines.gpu(where.node, lowest_gpu(where.gpus)).value()] += s_.workload().demand(t).node[r];
        }
        const bool wanted = wish.costs() || wish.transient;
        bool needed = wanted;
        machine_resource one;
        one.capacity.resize(pairs_.gpus(), all);  // never runs out
        one.safety.resize(pairs_.gpus(), all);
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            const amount free = s_.room().free(n)[r] > 0 ? s_.room().free(n)[r] : 0;
            if (used_[i] == 0 || (!wanted && all <= summable(free))) continue;
            const bool several = gpu_count(used_[i]) > 1;
            if (several && !wanted && implied(n, r, free)) continue;
            if (several && !divide_) return refuse_counter(n, r, wish);
            divide(n, r, free, now, one);
            needed = true;
        }
        if (!needed) return {};
        machine_resource& added = table_.add(sentence({"node.", machines.schema().node[r]}), wish);
        added.capacity.swap(one.capacity);
        added.safety.swap(one.safety);
        for (std::size_t row = 0; row < pairs_.rows().size(); ++row)
            added.demand[row] = pairs_.rows().demand(row).node[r];
        return {};
    }
    [[nodiscard]] bool implied(node_index n, std::size_t r, amount free) const {
        amount most = 0;
        for (gpu_mask rest = used_[n.value()]; rest != 0; rest &= rest - 1) {
            most += table_.most(s_.fleet().gpu(n, lowest_gpu(rest)).value(),
                                [&](std::size_t row) { return pairs_.rows().demand(row).node[r]; });
        }
        return most <= free;
    }
    [[nodiscard]] error refuse_counter(node_index n, std::size_t r, const counter_wish& wish) const {
        return refuse(error_code::inconsistent,
                      {phrase::item("node", n.value(), s_.fleet().name(n)), ": its ", s_.fleet().schema().node[r],
                       wish.costs() || wish.transient ? " is wished for," : " can run out while its GPUs have room,",
                       " but it has several GPUs, and each is a place of its own; see divide_node_counters"});
    }
    /// Each GPU gets what its tasks use and an equal part of the rest; one that no task may use gets only what its
    /// tasks use, which they hold until they have left.
    void divide(node_index n, std::size_t r, amount free, const flat<amount>& now, machine_resource& one) const {
        const fleet& machines = s_.fleet();
        const gpu_mask used = used_[n.value()];
        const auto parts = static_cast<amount>(gpu_count(used));
        const counter_wish& wish = wished_.node[r];
        amount taken = 0;
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const std::size_t g = machines.gpu(n, i).value();
            if ((used >> i & 1U) != 0 || wish.transient) taken += now[g];
        }
        const bool over = taken > free;  // then the parts are equal, and some GPU has too many tasks
        const amount rest = over ? free : free - taken;
        amount given = 0;
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const std::size_t g = machines.gpu(n, i).value();
            if ((used >> i & 1U) == 0) {
                one.capacity[g] = one.safety[g] = now[g];
                continue;
            }
            const amount part = rest / parts + (given++ < rest % parts ? 1 : 0) + (over ? 0 : now[g]);
            one.capacity[g] = part;
            one.safety[g] = parts == 1 ? wish.safe(machines.capacity(n)[r], part) : wish.safe(part, part);
        }
    }

    const scoped_problem& s_;
    const gpu_pairs& pairs_;
    const counter_wishes& wished_;
    bool divide_;
    machine_table table_;
    flat<gpu_mask> used_;  // of each node: the GPUs that tasks may use
};

}  // namespace berth::inline v0::detail
