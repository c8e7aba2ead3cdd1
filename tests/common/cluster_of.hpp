// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/cluster.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth_test {

/// What `cluster::report` is told about a node of a fleet. Owns what the description refers to.
class reported_node {
public:
    reported_node(const berth::fleet& from, berth::node_index n) : name_{from.name(n)} {
        for (std::size_t i = 0; i < from.gpu_count(n); ++i) {
            const berth::gpu_index g = from.gpu(n, i);
            gpus_.push_back({.model = from.name(from.model(g)),
                             .capacity = from.capacity(g),
                             .healthy = (from.healthy_gpus(n) >> i & 1U) != 0,
                             .uuid = {}});
        }
        for (const berth::domain_index d : from.domains(n)) domains_.push_back(from.name(d));
        capacity_ = from.capacity(n);
        healthy_ = from.healthy(n);
    }
    [[nodiscard]] berth::node_description description() const {
        return {.name = name_, .capacity = capacity_, .gpus = gpus_, .domains = domains_, .healthy = healthy_};
    }

private:
    std::string name_;
    std::span<const berth::amount> capacity_;
    std::vector<berth::gpu_description> gpus_;
    std::vector<std::string_view> domains_;
    bool healthy_ = true;
};

/// The nodes of a fleet join a cluster in their order.
inline void join_all(berth::cluster& cluster, const berth::fleet& from) {
    for (std::size_t d = 0; d < from.domain_count(); ++d) {
        const berth::domain_index domain{d};
        REQUIRE(cluster.add_domain(from.name(domain), from.level(domain), from.capacity(domain)));
    }
    for (std::size_t n = 0; n < from.node_count(); ++n) {
        const auto joined = cluster.join(reported_node{from, berth::node_index{n}}.description());
        REQUIRE(joined);
        REQUIRE(joined->position() == n);
    }
}

/// A task of a workload arrives at a cluster whose models the workload knows. Its name is left out: it may arrive again.
[[nodiscard]] inline berth::task_handle admit_copy(berth::cluster& cluster, const berth::workload& from,
                                                   berth::task_index t) {
    const berth::demand_view demand = from.demand(t);
    std::vector<std::string_view> models;
    std::string_view rest = from.accepted_text(from.shape(t));
    while (!rest.empty()) {
        const std::size_t bar = rest.find('|');
        models.push_back(rest.substr(0, bar));
        rest.remove_prefix(bar == std::string_view::npos ? rest.size() : bar + 1);
    }
    const auto admitted = cluster.admit(berth::task_description{.gpus = demand.gpus,
                                                                .gpu_demand = demand.gpu,
                                                                .node_demand = demand.node,
                                                                .domain_demand = demand.domain,
                                                                .accepted_models = models,
                                                                .same_model = demand.same_model,
                                                                .priority = from.priority(t),
                                                                .state_bytes = from.state_bytes(t)});
    REQUIRE(admitted);
    return *admitted;
}

}  // namespace berth_test
