// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/workload.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <vector>

namespace berth_test {

using berth::amount;

/// A second implementation of the ledger, its `fits` and `explain`, from their descriptions: it recounts everything
/// from the list of live placements and shares only fleet and workload with the code under test.
class naive_ledger {
public:
    naive_ledger(const berth::fleet& machines, const berth::workload& tasks,
                 const std::map<std::size_t, berth::slot>& live)
        : machines_{&machines}, tasks_{&tasks} {
        for (std::size_t g = 0; g < machines.gpu_count(); ++g)
            gpu_.push_back(copy(machines.capacity(berth::gpu_index{g})));
        for (std::size_t n = 0; n < machines.node_count(); ++n)
            node_.push_back(copy(machines.capacity(berth::node_index{n})));
        for (std::size_t d = 0; d < machines.domain_count(); ++d)
            domain_.push_back(copy(machines.capacity(berth::domain_index{d})));
        for (const auto& [t, where] : live) {
            const auto demand = tasks.demand(berth::task_index{t});
            for (std::size_t i = 0; i < 64; ++i) {
                if ((where.gpus >> i & 1U) != 0) subtract(gpu_.at(machines.gpu(where.node, i).value()), demand.gpu);
            }
            subtract(node_.at(where.node.value()), demand.node);
            for (const auto d : machines.domains(where.node)) subtract(domain_.at(d.value()), demand.domain);
        }
    }

    [[nodiscard]] const std::vector<std::vector<amount>>& gpu() const { return gpu_; }
    [[nodiscard]] const std::vector<std::vector<amount>>& node() const { return node_; }
    [[nodiscard]] const std::vector<std::vector<amount>>& domain() const { return domain_; }

    [[nodiscard]] bool gpu_fits(const berth::demand_view& demand, berth::node_index n, std::size_t i) const {
        return accepts(demand, n, i) && healthy(n, i) && enough(gpu_[machines_->gpu(n, i).value()], demand.gpu);
    }
    [[nodiscard]] bool host_fits(const berth::demand_view& demand, berth::node_index n) const {
        if (!machines_->healthy(n) || !enough(node_[n.value()], demand.node)) return false;
        for (const auto d : machines_->domains(n)) {
            if (!enough(domain_[d.value()], demand.domain)) return false;
        }
        return true;
    }
    [[nodiscard]] bool fits(const berth::demand_view& demand, berth::node_index n) const {
        std::size_t gpus = 0;
        for (std::size_t i = 0; i < machines_->gpu_count(n); ++i) gpus += gpu_fits(demand, n, i) ? 1 : 0;
        return host_fits(demand, n) && (demand.gpus == 0 || gpus >= demand.gpus);
    }

    /// The reasons against one node, without `admission`.
    [[nodiscard]] std::array<bool, berth::refusal_count> reasons(berth::task_index t, berth::node_index n) const {
        const auto demand = tasks_->demand(t);
        std::array<bool, berth::refusal_count> holds{};
        const auto set = [&](berth::refusal r) { holds[static_cast<std::size_t>(r)] = true; };
        std::size_t accepted = 0;
        std::size_t well = 0;
        std::size_t with_room = 0;
        std::size_t well_with_room = 0;
        for (std::size_t i = 0; i < machines_->gpu_count(n); ++i) {
            if (!accepts(demand, n, i)) continue;
            const bool room = enough(gpu_[machines_->gpu(n, i).value()], demand.gpu);
            accepted += 1;
            well += healthy(n, i) ? 1 : 0;
            with_room += room ? 1 : 0;
            well_with_room += room && healthy(n, i) ? 1 : 0;
        }
        const bool sick = !machines_->healthy(n) || (accepted >= demand.gpus && well < demand.gpus);
        if (sick) set(berth::refusal::health);
        const std::size_t gpus = machines_->gpu_count(n);
        if (accepted < demand.gpus && accepted < gpus) set(berth::refusal::gpu_model);
        if (gpus < demand.gpus || (accepted >= demand.gpus && (sick ? with_room : well_with_room) < demand.gpus)) {
            const bool share = demand.gpus == 1 && demand.gpu[0] < 1000;
            set(share ? berth::refusal::gpu_share : berth::refusal::whole_gpus);
        }
        if (!enough(node_[n.value()], demand.node)) set(berth::refusal::node_counter);
        for (const auto d : machines_->domains(n)) {
            if (!enough(domain_[d.value()], demand.domain)) set(berth::refusal::domain_counter);
        }
        bool any = false;
        for (const bool one : holds) any = any || one;
        const auto group = tasks_->group(t);
        if (!any && group.valid() && tasks_->is_gang(group)) set(berth::refusal::group);
        return holds;
    }

private:
    static std::vector<amount> copy(std::span<const amount> from) { return {from.begin(), from.end()}; }
    static void subtract(std::vector<amount>& from, std::span<const amount> what) {
        // Of a counter without a limit nothing is taken.
        for (std::size_t r = 0; r < from.size(); ++r) from[r] -= from[r] == berth::max_amount ? 0 : what[r];
    }
    static bool enough(const std::vector<amount>& left, std::span<const amount> wanted) {
        for (std::size_t r = 0; r < left.size(); ++r) {
            if (left[r] < wanted[r]) return false;
        }
        return true;
    }
    [[nodiscard]] bool accepts(const berth::demand_view& demand, berth::node_index n, std::size_t i) const {
        return (demand.accepted_models >> machines_->model(machines_->gpu(n, i)).value() & 1U) != 0;
    }
    [[nodiscard]] bool healthy(berth::node_index n, std::size_t i) const {
        return (machines_->healthy_gpus(n) >> i & 1U) != 0;
    }

    const berth::fleet* machines_;
    const berth::workload* tasks_;
    std::vector<std::vector<amount>> gpu_;
    std::vector<std::vector<amount>> node_;
    std::vector<std::vector<amount>> domain_;
};

}  // namespace berth_test
