// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0::detail {

/// A GPU, a node or a domain, which each have counters.
struct counter_place {
    enum kind : std::uint8_t { gpu, node, domain };

    kind what = gpu;
    std::size_t at = 0;  // position in the fleet
};

/// The places of a scope, and the GPUs in each that tasks may use.
class counter_places {
public:
    counter_places(const scoped_problem& s, const gpu_pairs& pairs)
        : scope_{&s}, pairs_{&pairs}, on_node_(s.fleet().node_count(), 0), in_domain_(s.fleet().domain_count(), 0) {
        for (std::size_t g = 0; g < pairs.gpus(); ++g) {
            used_.push_back(pairs.used(g) ? std::uint8_t{1} : std::uint8_t{0});
            if (used_[g] == 0) continue;
            const node_index n = pairs.node_of(g);
            ++on_node_[n.value()];
            for (const domain_index d : s.fleet().domains(n)) ++in_domain_[d.value()];
        }
    }

    [[nodiscard]] bool used(std::size_t gpu) const noexcept { return used_[gpu] != 0; }
    [[nodiscard]] std::size_t counters(counter_place p) const noexcept { return names(p).size(); }
    /// Free beside the tasks that stay, at least 0; without a limit more than all tasks want.
    [[nodiscard]] amount room(counter_place p, std::size_t counter) const noexcept {
        const ledger& all = scope_->room();
        const std::span<const amount> free = p.what == counter_place::gpu    ? all.free(gpu_index{p.at})
                                             : p.what == counter_place::node ? all.free(node_index{p.at})
                                                                             : all.free(domain_index{p.at});
        return free[counter] > 0 ? summable(free[counter]) : 0;
    }
    /// What a task takes of the place if it is there.
    [[nodiscard]] static amount taken(counter_place p, std::size_t counter, const demand_view& demand) noexcept {
        return p.what == counter_place::gpu    ? demand.gpu[counter]
               : p.what == counter_place::node ? demand.node[counter]
                                               : demand.domain[counter];
    }
    [[nodiscard]] const std::string& name(counter_place p, std::size_t counter) const { return names(p)[counter]; }
    /// `GPU 1 of node 3 ("n3")`
    [[nodiscard]] std::string name(counter_place p) const {
        const berth::fleet& machines = scope_->fleet();
        if (p.what == counter_place::domain)
            return sentence({"domain ", phrase::quoted(machines.name(domain_index{p.at}))});
        if (p.what == counter_place::node)
            return sentence({phrase::item("node", p.at, machines.name(node_index{p.at}))});
        const node_index n = pairs_->node_of(p.at);
        return gpu_name(machines, n, p.at - machines.gpu(n, 0).value());
    }

    /// `f(place)` for the GPU, and for its node and domains where no task may use another GPU.
    template <class F>
    void alone_with(std::size_t gpu, const F& f) const {
        f(counter_place{counter_place::gpu, gpu});
        const node_index n = pairs_->node_of(gpu);
        if (on_node_[n.value()] == 1) f(counter_place{counter_place::node, n.value()});
        for (const domain_index d : scope_->fleet().domains(n)) {
            if (in_domain_[d.value()] == 1) f(counter_place{counter_place::domain, d.value()});
        }
    }
    /// `f(place)` for the nodes and domains with several GPUs that tasks may use.
    template <class F>
    void with_several(const F& f) const {
        for (std::size_t n = 0; n < on_node_.size(); ++n) {
            if (on_node_[n] > 1) f(counter_place{counter_place::node, n});
        }
        for (std::size_t d = 0; d < in_domain_.size(); ++d) {
            if (in_domain_[d] > 1) f(counter_place{counter_place::domain, d});
        }
    }
    /// `f(gpu)` for every GPU in the place that tasks may use.
    template <class F>
    void each_gpu(counter_place p, const F& f) const {
        const berth::fleet& machines = scope_->fleet();
        const auto of_node = [&](node_index n) {
            for (std::size_t k = 0; k < machines.gpu_count(n); ++k) {
                const std::size_t g = machines.gpu(n, k).value();
                if (used(g)) f(g);
            }
        };
        if (p.what == counter_place::gpu) f(p.at);
        if (p.what == counter_place::node) of_node(node_index{p.at});
        if (p.what != counter_place::domain) return;
        for (const node_index n : machines.nodes_in(domain_index{p.at})) of_node(n);
    }
    /// What the tasks that may use some GPU of the place take of a counter, all together.
    [[nodiscard]] amount wanted(counter_place p, std::size_t counter) const {
        amount sum = 0;
        for (std::size_t row = 0; row < pairs_->rows().size(); ++row) {
            const amount each = taken(p, counter, pairs_->rows().demand(row));
            if (each == 0) continue;
            bool here = false;
            each_gpu(p, [&](std::size_t g) { here = here || pairs_->may(row, g); });
            if (here) sum += each * pairs_->rows().tasks(row);
        }
        return sum;
    }

private:
    [[nodiscard]] const std::vector<std::string>& names(counter_place p) const noexcept {
        const resource_schema& schema = scope_->fleet().schema();
        return p.what == counter_place::gpu ? schema.gpu : p.what == counter_place::node ? schema.node : schema.domain;
    }

    const scoped_problem* scope_;
    const gpu_pairs* pairs_;
    flat<std::uint8_t> used_;
    flat<std::uint32_t> on_node_;    // GPUs in use
    flat<std::uint32_t> in_domain_;  // likewise
};

}  // namespace berth::inline v0::detail
