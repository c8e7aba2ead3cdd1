// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/descriptions.hpp"
#include "common/instances.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

/// Random events for a cluster, of every kind: good, doubled, late and wrong ones. It remembers handles for ever, so that
/// those of things that left are used as well.
class random_events {
public:
    explicit random_events(std::uint64_t seed) : g_{seed}, random_schema_{make_schema(g_)} {}

    [[nodiscard]] const berth::resource_schema& schema() const { return random_schema_; }

    /// One event.
    void step(berth::cluster& c) {
        if (c.task_count() > 70) (void)c.retire(chance(g_, 50) ? running(c) : any(tasks_));
        switch (below(g_, 22)) {
            case 0: (void)keep(nodes_, c.join(node(name("node", 14)))); break;
            case 1: (void)keep(nodes_, c.report(node(name("node", 14)))); break;
            case 2: (void)c.change(any(nodes_), node(chance(g_, 80) ? std::string{} : name("node", 14))); break;
            case 3:
                if (chance(g_, 30)) (void)c.leave(any(nodes_));
                break;
            case 4: (void)c.set_healthy(any(nodes_), chance(g_, 70)); break;
            case 5: (void)c.set_healthy(gpu(c), chance(g_, 70)); break;
            case 6: (void)c.set_open(any(nodes_), chance(g_, 70)); break;
            case 7:
            case 8:
            case 9:
            case 10: (void)keep(tasks_, c.admit(task())); break;
            case 11:
            case 12:
            case 13: (void)place(c); break;
            case 14: (void)c.occupy(any(tasks_), any_slot(c)); break;
            case 15: (void)c.release(any(tasks_)); break;
            case 16: (void)c.retire(any(tasks_)); break;
            case 17: {
                const berth::task_handle task = running(c);
                (void)c.begin_move(task, fitting_slot(c, task));
                break;
            }
            case 18: (void)(chance(g_, 50) ? c.finish_move(moving(c)) : c.finish_move(any(tasks_))); break;
            case 19: (void)(chance(g_, 30) ? c.cancel_move(moving(c)) : c.cancel_move(any(tasks_))); break;
            case 20: reserve(c); break;
            default:
                if (chance(g_, 50)) {
                    (void)c.release(any(reservations_));
                } else if (chance(g_, 20)) {
                    (void)c.add_domain(name("rack", 5), below(g_, 2), amounts(schema().domain.size(), 900, 0));
                } else if (chance(g_, 50)) {
                    (void)c.shape_of(task());
                } else {
                    const std::vector<berth::task_handle> tasks{any(tasks_), any(tasks_)};
                    const std::vector<berth::slot> where{any_slot(c), any_slot(c)};
                    (void)c.occupy(tasks, where);
                }
        }
    }

    // ---- descriptions; each is valid until the next of its kind -----------------------------------------------------
    [[nodiscard]] berth::node_description node(std::string name) {
        name_ = std::move(name);
        gpus_.clear();
        capacities_.clear();
        uuids_.clear();
        const std::size_t count = chance(g_, 5) ? 20 : below(g_, 7);
        capacities_.reserve(2 * count + 1);
        uuids_.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            capacities_.push_back(amounts(schema().gpu.size(), 1000, 500));
            // Few UUIDs, so that they meet again on this node and on others.
            uuids_.push_back(chance(g_, 60) ? name_.empty() || chance(g_, 4)
                                                  ? long_name("gpu-", below(g_, 40))
                                                  : name_ + "-gpu-" + std::to_string(below(g_, 8))
                                            : std::string{});
            gpus_.push_back({.model = models[below(g_, 4)],
                             .capacity = capacities_.back(),
                             .healthy = chance(g_, 90),
                             .uuid = uuids_.back()});
        }
        capacities_.push_back(amounts(schema().node.size(), 64, 8));
        domains_.clear();
        if (chance(g_, 60)) domains_.push_back(racks[below(g_, 3)]);
        if (chance(g_, 40)) domains_.push_back(zones[below(g_, 2)]);
        return {.name = name_,
                .capacity = capacities_.back(),
                .gpus = gpus_,
                .domains = domains_,
                .healthy = chance(g_, 90)};
    }
    [[nodiscard]] berth::task_description task() {
        task_name_ = chance(g_, 60) ? long_name("task-", below(g_, 60)) : std::string{};
        group_ = chance(g_, 40) ? long_name("job-", below(g_, 9)) : std::string{};
        const std::size_t gpus = below(g_, 4);
        gpu_demand_ = gpus == 0 ? std::vector<berth::amount>{} : amounts(schema().gpu.size(), 500, 100);
        node_demand_ = amounts(schema().node.size(), 9, 0);
        domain_demand_ = amounts(schema().domain.size(), 60, 0);
        accepted_.clear();
        for (std::size_t m = below(g_, 3); m-- > 0;) accepted_.push_back(models[below(g_, 5)]);
        const bool gang = !group_.empty() && (group_.back() & 1) != 0;
        return {.name = task_name_,
                .gpus = gpus,
                .gpu_demand = gpu_demand_,
                .node_demand = node_demand_,
                .domain_demand = domain_demand_,
                .accepted_models = accepted_,
                .same_model = chance(g_, 30),
                .group = group_,
                .gang = gang && chance(g_, 95),
                .min_tasks = gang ? below(g_, 2) : 0,
                .priority = static_cast<int>(below(g_, 5)) - 2,
                .state_bytes = static_cast<berth::amount>(below(g_, 1000))};
    }
    /// Adds the domains that nodes name.
    void add_domains(berth::cluster& c) {
        for (const std::string_view rack : racks) (void)need(c.add_domain(rack, 0, amounts(schema().domain.size(), 900, 0)));
        for (const std::string_view zone : zones) (void)need(c.add_domain(zone, 1, {}));
    }

    // ---- handles ----------------------------------------------------------------------------------------------------
    [[nodiscard]] berth::task_handle any_task() { return any(tasks_); }
    [[nodiscard]] berth::node_handle any_node() { return any(nodes_); }
    /// A slot where a task fits, if there is one among some that are tried.
    [[nodiscard]] berth::slot fitting_slot(const berth::cluster& c, berth::task_handle task) {
        const auto t = c.find(task);
        return t ? fitting_slot(c, c.workload().demand(*t)) : any_slot(c);
    }
    [[nodiscard]] berth::slot fitting_slot(const berth::cluster& c, const berth::demand_view& demand) {
        const std::size_t nodes = c.fleet().node_count();
        for (std::size_t k = 0, first = below(g_, nodes + 1); k < nodes; ++k) {
            const berth::node_index n{(first + k) % nodes};
            if (!c.admissible(demand, n)) continue;
            berth::gpu_mask rest = demand.gpus == 0 ? 0 : c.ledger().fitting_gpus(demand, n);
            berth::slot where{.node = n};
            for (std::size_t i = 0; i < demand.gpus; ++i, rest &= rest - 1) where.gpus |= rest & (~rest + 1);
            if (c.admissible(demand, where)) return where;
        }
        return any_slot(c);
    }
    bool place(berth::cluster& c) {
        const berth::task_handle task = any(tasks_);
        return c.place(task, chance(g_, 90) ? fitting_slot(c, task) : any_slot(c));
    }
    void reserve(berth::cluster& c) {
        const auto shape = c.shape_of(task());
        if (!shape) return;
        if (const auto held = c.reserve(*shape, fitting_slot(c, c.workload().demand(*shape)))) {
            reservations_.push_back(*held);
        }
    }

private:
    static constexpr std::string_view models[] = {"A100", "H100", "T4", "V100", "B200"};
    static constexpr std::string_view racks[] = {"rack-0", "rack-1", "rack-2"};
    static constexpr std::string_view zones[] = {"zone-0", "zone-1"};

    [[nodiscard]] static berth::resource_schema make_schema(berth::xoshiro256& g) {
        berth::resource_schema schema{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}, .domain = {"power"}};
        if (chance(g, 30)) schema.gpu.pop_back();
        if (chance(g, 20)) schema.node.clear();
        if (chance(g, 30)) schema.domain.clear();
        return schema;
    }
    /// Long enough for memory of its own.
    [[nodiscard]] static std::string long_name(const char* prefix, std::size_t i) {
        return std::string{prefix} + (i % 3 == 0 ? "with a name that is too long to be stored inline-" : "") +
               std::to_string(i);
    }
    [[nodiscard]] std::string name(const char* prefix, std::size_t count) {
        return chance(g_, 2) ? std::string{} : std::string{prefix} + "-" + std::to_string(below(g_, count));
    }
    [[nodiscard]] std::vector<berth::amount> amounts(std::size_t n, std::size_t top, std::size_t least) {
        if (chance(g_, 10)) return {};
        std::vector<berth::amount> values(n);
        for (auto& value : values) value = static_cast<berth::amount>(least + below(g_, top - least + 1));
        if (chance(g_, 1)) values.push_back(1);
        return values;
    }
    template <class Handle>
    [[nodiscard]] bool keep(std::vector<Handle>& known, const berth::result<Handle>& made) {
        if (!made) return false;
        known.push_back(*made);
        return true;
    }
    /// Mostly one of the latest.
    template <class Handle>
    [[nodiscard]] Handle any(const std::vector<Handle>& known) {
        if (known.empty() || chance(g_, 1)) return {};
        const std::size_t recent = known.size() < 40 || chance(g_, 5) ? known.size() : 40;
        return known[known.size() - 1 - below(g_, recent)];
    }
    [[nodiscard]] berth::gpu_handle gpu(const berth::cluster& c) {
        const auto n = c.find(any(nodes_));
        if (n && c.fleet().gpu_count(*n) > 0 && chance(g_, 80)) {
            gpu_handles_.push_back(c.handle(*n, below(g_, c.fleet().gpu_count(*n))));
            return gpu_handles_.back();
        }
        return any(gpu_handles_);
    }
    [[nodiscard]] berth::task_handle running(const berth::cluster& c) {
        const std::size_t tasks = c.slots().size();
        for (std::size_t k = 0, first = below(g_, tasks + 1); k < tasks; ++k) {
            const berth::task_index t{(first + k) % tasks};
            if (c.slots()[t.value()].placed()) return c.handle(t);
        }
        return any(tasks_);
    }
    [[nodiscard]] berth::task_handle moving(const berth::cluster& c) {
        if (c.moving().empty() || chance(g_, 10)) return any(tasks_);
        return c.handle(c.moving()[below(g_, c.moving().size())]);
    }
    /// It may exist or not.
    [[nodiscard]] berth::slot any_slot(const berth::cluster& c) {
        const std::size_t nodes = c.fleet().node_count();
        if (chance(g_, 5)) return berth::unplaced;
        berth::slot where{.node = berth::node_index{below(g_, nodes + 1)}};
        for (std::size_t k = below(g_, 4); k-- > 0;) where.gpus |= berth::gpu_mask{1} << below(g_, 6);
        return where;
    }

    berth::xoshiro256 g_;
    berth::resource_schema random_schema_;
    std::vector<berth::node_handle> nodes_;
    std::vector<berth::gpu_handle> gpu_handles_;
    std::vector<berth::task_handle> tasks_;
    std::vector<berth::reservation_handle> reservations_;

    std::string name_;
    std::vector<berth::gpu_description> gpus_;
    std::vector<std::vector<berth::amount>> capacities_;
    std::vector<std::string> uuids_;
    std::vector<std::string_view> domains_;
    std::string task_name_;
    std::string group_;
    std::vector<berth::amount> gpu_demand_;
    std::vector<berth::amount> node_demand_;
    std::vector<berth::amount> domain_demand_;
    std::vector<std::string_view> accepted_;
};

}  // namespace berth_test
