// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/merged_changes.hpp"

#include <cstddef>
#include <span>

namespace berth {

/// By how much all counters together are exceeded, GPU by GPU, node by node and domain by domain: 0 if and only if every
/// counter suffices. Exact integers, in the counters' own units (thousandths, MiB, ... add up as they are). Health and
/// accepted models are not counters. A delta is O(counters of the slots).
struct capacity_excess {
    [[nodiscard]] static constexpr const char* name() noexcept { return "capacity excess"; }

    class state {
    public:
        state(const problem& p, std::span<const slot> start) : problem_{p} {
            const fleet& machines = p.fleet();
            for (std::size_t g = 0; g < machines.gpu_count(); ++g) room_.append(machines.capacity(gpu_index{g}));
            nodes_begin_ = room_.size();
            for (std::size_t n = 0; n < machines.node_count(); ++n) room_.append(machines.capacity(node_index{n}));
            domains_begin_ = room_.size();
            for (std::size_t d = 0; d < machines.domain_count(); ++d) room_.append(machines.capacity(domain_index{d}));
            for (std::size_t t = 0; t < start.size(); ++t) {
                const relocation arrival{task_index{t}, unplaced, start[t]};
                apply({&arrival, 1});
            }
        }
        [[nodiscard]] double value() const noexcept { return static_cast<double>(excess_); }
        [[nodiscard]] double delta(relocations all) const {
            amount change = 0;
            detail::merged_changes(
                all, [this](const relocation& r, const auto& f) { enumerate(r, f); },
                [&](std::size_t counter, amount more) {
                    change += over(room_[counter] - more) - over(room_[counter]);
                });
            return static_cast<double>(change);
        }
        void apply(relocations all) {
            for (const relocation& r : all) {
                enumerate(r, [this](std::size_t counter, amount more) {
                    excess_ -= over(room_[counter]);
                    room_[counter] -= more;
                    excess_ += over(room_[counter]);
                });
            }
        }

    private:
        [[nodiscard]] static constexpr amount over(amount room) noexcept { return room < 0 ? -room : 0; }

        template <class F>
        void enumerate(const relocation& r, const F& f) const {
            const fleet& machines = problem_.fleet();
            const demand_view demand = problem_.workload().demand(r.task);
            const detail::gpus_touched gpus{r};
            const auto each_gpu = [&](node_index n, gpu_mask rest, amount sign) {
                for (; rest != 0; rest &= rest - 1) {
                    const std::size_t base = machines.gpu(n, lowest_gpu(rest)).value() * demand.gpu.size();
                    for (std::size_t c = 0; c < demand.gpu.size(); ++c) f(base + c, sign * demand.gpu[c]);
                }
            };
            each_gpu(r.from.node, gpus.left, -1);
            each_gpu(r.to.node, gpus.taken, +1);
            if (r.from.node == r.to.node) return;
            const auto host = [&](const slot& here, const slot& there, amount sign) {
                if (!here.placed()) return;
                const std::size_t base = nodes_begin_ + here.node.value() * demand.node.size();
                for (std::size_t c = 0; c < demand.node.size(); ++c) f(base + c, sign * demand.node[c]);
                if (demand.domain.empty()) return;
                for (const domain_index d : machines.domains(here.node)) {
                    if (there.placed() && contains(machines.domains(there.node), d)) continue;
                    const std::size_t first = domains_begin_ + d.value() * demand.domain.size();
                    for (std::size_t c = 0; c < demand.domain.size(); ++c) f(first + c, sign * demand.domain[c]);
                }
            };
            host(r.from, r.to, -1);
            host(r.to, r.from, +1);
        }
        [[nodiscard]] static bool contains(std::span<const domain_index> all, domain_index wanted) noexcept {
            for (const domain_index d : all) {
                if (d == wanted) return true;
            }
            return false;
        }

        problem problem_;
        std::size_t nodes_begin_ = 0;
        std::size_t domains_begin_ = 0;
        detail::flat<amount> room_;  // GPU-major, then nodes, then domains; below zero where exceeded
        amount excess_ = 0;
    };
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {p, start}; }
};

static_assert(term<capacity_excess>);

}  // namespace berth
