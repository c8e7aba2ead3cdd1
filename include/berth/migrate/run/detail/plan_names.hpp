// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace berth::inline v0::detail {

/// The names of all tasks, nodes and GPUs of a plan.
[[nodiscard]] inline migration_names names_of(const cluster& c, const migration_plan& plan) {
    migration_names names;
    for (const migration_step& step : plan.steps) {
        if (step.task.below(c.workload().task_count())) {
            names.tasks.push_back({step.task, c.handle(step.task).generation(), c.workload().name(step.task)});
        }
        for (const slot& end : {step.from, step.to}) {
            if (!end.node.below(c.fleet().node_count())) continue;
            names.nodes.push_back({end.node, c.fleet().name(end.node)});
            for (gpu_mask rest = end.gpus; rest != 0; rest &= rest - 1) {
                const std::string& uuid = c.uuid(end.node, lowest_gpu(rest));
                if (!uuid.empty()) names.gpus.push_back({end.node, lowest_gpu(rest), uuid});
            }
        }
    }
    const auto sort = [](auto& list, auto key) {
        std::sort(list.begin(), list.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
        list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    sort(names.tasks, [](const migration_names::task& t) { return t.at; });
    sort(names.nodes, [](const migration_names::node& n) { return n.at; });
    sort(names.gpus, [](const migration_names::gpu& g) { return std::pair{g.node, g.position}; });
    return names;
}

/// Finds what a saved plan names in a cluster.
class plan_relocation {
public:
    plan_relocation(const cluster& c, const migration_names& names) : cluster_{c}, names_{names} {}

    /// The task at a saved position; at `gone_position` if it is no longer there.
    [[nodiscard]] task_index operator()(task_index saved) const {
        const auto* known = find(names_.tasks, [&](const migration_names::task& t) { return t.at < saved; });
        if (known == nullptr || known->at != saved) return task_index{gone_position};
        const auto now = known->name.empty()
                             ? std::optional{task_handle{static_cast<std::uint32_t>(saved.value()), known->generation}}
                             : cluster_.find_task(known->name);
        return (now ? cluster_.find(*now) : std::nullopt).value_or(task_index{gone_position});
    }
    /// The same GPUs of the same node; at `position` if one of them, or the node, is no longer there.
    [[nodiscard]] slot operator()(const slot& saved, std::size_t position) const {
        if (!saved.placed()) return saved;
        const slot gone{node_index{position}, saved.gpus};
        const auto* known = find(names_.nodes, [&](const migration_names::node& n) { return n.at < saved.node; });
        const auto handle =
            known != nullptr && known->at == saved.node ? cluster_.find_node(known->name) : std::nullopt;
        const auto n = handle ? cluster_.find(*handle) : std::nullopt;
        if (!n) return gone;
        slot now{*n, 0};
        for (gpu_mask rest = saved.gpus; rest != 0; rest &= rest - 1) {
            const std::pair at{saved.node, lowest_gpu(rest)};
            const auto* gpu =
                find(names_.gpus, [&](const migration_names::gpu& g) { return std::pair{g.node, g.position} < at; });
            const bool has_uuid = gpu != nullptr && std::pair{gpu->node, gpu->position} == at;
            const auto of_uuid = has_uuid ? cluster_.find_gpu(gpu->uuid) : std::nullopt;
            if (has_uuid && !of_uuid) return gone;
            const slot one = has_uuid ? cluster_.find(*of_uuid) : slot{*n, gpu_mask{1} << at.second};
            if (one.node != *n || (one.gpus & ~first_gpus(cluster_.fleet().gpu_count(*n))) != 0) return gone;
            now.gpus |= one.gpus;
        }
        return now;
    }

private:
    /// The first entry that is not before the one that is looked for.
    template <class List, class Before>
    [[nodiscard]] static auto find(const List& list, Before before) -> decltype(list.data()) {
        const auto at = std::partition_point(list.begin(), list.end(), before);
        return at == list.end() ? nullptr : &*at;
    }

    const cluster& cluster_;
    const migration_names& names_;
};

/// Rewrites a saved run to the positions of a cluster. Steps of tasks that are no longer there end.
inline void relocate(const cluster& c, migration_progress& progress) {
    const plan_relocation now{c, progress.names};
    for (std::size_t i = 0; i < progress.plan.steps.size(); ++i) {
        migration_step& step = progress.plan.steps[i];
        step.task = now(step.task);
        step.from = now(step.from, gone_position);
        step.to = now(step.to, gone_position + 1);
        if (step.task.below(c.workload().task_count())) continue;
        migration_record& r = progress.records[i];
        const bool begun = under_way(r);
        if (!begun && r.phase == migration_phase::ended) continue;
        r.phase = migration_phase::ended;
        r.outcome = begun ? migration_outcome::gone : migration_outcome::invalid;
        r.failure = migration_failure::task_gone;
        r.failed = r.action;
    }
    progress.names = names_of(c, progress.plan);
}

}  // namespace berth::inline v0::detail
