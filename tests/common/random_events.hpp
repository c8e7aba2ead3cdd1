// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/descriptions.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
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
        step(c, [](auto event) { event(); });
    }
    /// @param around  calls the event that it is given: nothing but a call of the cluster
    template <class Around>
    void step(berth::cluster& c, Around around) {
        const auto result_of = [&](auto& known, auto event) {
            known.reserve(known.size() + 1);
            around([&] {
                if (const auto made = event()) known.push_back(*made);
            });
        };
        if (c.task_count() > 70 && chance(g_, 25)) {
            const berth::task_handle task = some_task(c);
            return around([&] { (void)c.retire(task); });
        }
        switch (below(g_, 22)) {
            case 0: {
                const berth::node_description joins = node(name("node", 14));
                return result_of(nodes_, [&] { return c.join(joins); });
            }
            case 1: {
                const berth::node_description now = node(name("node", 14));
                return result_of(nodes_, [&] { return c.report(now); });
            }
            case 2: {
                const berth::node_handle known = any(nodes_);
                const berth::node_description now = node(chance(g_, 80) ? std::string{} : name("node", 14));
                return around([&] { (void)c.change(known, now); });
            }
            case 3: {
                const berth::node_handle known = chance(g_, 30) ? any(nodes_) : berth::node_handle{};
                return around([&] { (void)c.leave(known); });
            }
            case 4: {
                const berth::node_handle known = any(nodes_);
                const bool healthy = chance(g_, 70);
                return around([&] { (void)c.set_healthy(known, healthy); });
            }
            case 5: {
                const berth::gpu_handle known = gpu(c);
                const bool healthy = chance(g_, 70);
                return around([&] { (void)c.set_healthy(known, healthy); });
            }
            case 6: {
                const berth::node_handle known = any(nodes_);
                const bool open = chance(g_, 70);
                return around([&] { (void)c.set_open(known, open); });
            }
            case 7:
            case 8:
            case 9:
            case 10: {
                const berth::task_description arrives = task();
                return result_of(tasks_, [&] { return c.admit(arrives); });
            }
            case 11:
            case 12:
            case 13: {
                const berth::task_handle known = some_task(c);
                const std::size_t other = alternative(c, known);
                const berth::slot where = chance(g_, 90) ? fitting_slot(c, known, other) : any_slot(c);
                return around([&] { (void)c.place(known, where, other); });
            }
            case 14: {
                const berth::task_handle known = any(tasks_);
                const berth::slot where = any_slot(c);
                const std::size_t other = alternative(c, known);
                return around([&] { (void)c.occupy(known, where, other); });
            }
            case 15: {
                const berth::task_handle known = any(tasks_);
                return around([&] { (void)c.release(known); });
            }
            case 16: {
                const berth::task_handle known = any(tasks_);
                return around([&] { (void)c.retire(known); });
            }
            case 17: {
                const berth::task_handle known = running(c);
                const berth::slot to = fitting_slot(c, known);
                return around([&] { (void)c.begin_move(known, to); });
            }
            case 18: {
                const berth::task_handle known = chance(g_, 50) ? moving(c) : any(tasks_);
                return around([&] { (void)c.finish_move(known); });
            }
            case 19: {
                const berth::task_handle known = chance(g_, 30) ? moving(c) : any(tasks_);
                return around([&] { (void)c.cancel_move(known); });
            }
            case 20: {
                const berth::task_description wanted = task();
                around([&] { (void)c.shape_of(wanted); });
                const auto shape = c.shape_of(wanted);
                if (!shape) return;
                const berth::slot where = fitting_slot(c, c.workload().demand(*c.find(*shape)));
                return result_of(reservations_, [&] { return c.reserve(*shape, where); });
            }
            default:
                if (chance(g_, 50)) {
                    const berth::reservation_handle known = any(reservations_);
                    return around([&] { (void)c.release(known); });
                }
                if (chance(g_, 20)) {
                    const std::string rack = name("rack", 5);
                    const std::size_t level = below(g_, 2);
                    const std::vector<berth::amount> capacity = amounts(schema().domain.size(), 900, 0);
                    return around([&] { (void)c.add_domain(rack, level, capacity); });
                }
                const std::vector<berth::task_handle> tasks{any(tasks_), any(tasks_), any(tasks_)};
                const std::vector<berth::slot> where{any_slot(c), fitting_slot(c, tasks[1]), any_slot(c)};
                return around([&] { (void)c.occupy(tasks, where); });
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
        links_.clear();
        if (chance(g_, 30)) {
            links_.resize(count * count, 0);
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t j = 0; j < i; ++j) {
                    links_[i * count + j] = links_[j * count + i] = static_cast<berth::amount>(below(g_, 3)) * 50;
                }
            }
        }
        return {.name = name_,
                .capacity = capacities_.back(),
                .gpus = gpus_,
                .domains = domains_,
                .healthy = chance(g_, 90),
                .gpu_links = links_};
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
        alternatives_.clear();
        if (chance(g_, 25)) {
            const std::size_t most = 1 + below(g_, 3);
            for (std::size_t k = 0; k < most; ++k) {
                alternatives_.push_back({.gpus = chance(g_, 40) || gpus == 0 ? 0 : gpus,
                                         .node_demand = node_demand_,
                                         .accepted_models = accepted_,
                                         .speed = chance(g_, 2) ? -1.0 : 0.1 * static_cast<double>(1 + below(g_, 90))});
                if (alternatives_.back().gpus != 0 && chance(g_, 50)) alternatives_.back().gpu_demand = gpu_demand_;
            }
        }
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
                .state_bytes = static_cast<berth::amount>(below(g_, 1000)),
                .speed = 0.5,
                .alternatives = alternatives_};
    }
    /// Adds the domains that nodes name.
    void add_domains(berth::cluster& c) {
        const std::vector<berth::amount> power(schema().domain.size(), 500);
        for (const std::string_view rack : racks) (void)need(c.add_domain(rack, 0, power));
        for (const std::string_view zone : zones) (void)need(c.add_domain(zone, 1, {}));
    }

    // ---- handles ----------------------------------------------------------------------------------------------------
    /// A slot where a task fits, if there is one among some that are tried.
    [[nodiscard]] berth::slot fitting_slot(const berth::cluster& c, berth::task_handle task,
                                           std::size_t alternative = 0) {
        const auto t = c.find(task);
        if (!t) return any_slot(c);
        const auto listed = c.alternatives(*t);
        return fitting_slot(c, alternative < listed.size() ? c.workload().demand(listed[alternative].shape)
                                                           : c.workload().demand(*t));
    }
    /// Mostly one that the task lists.
    [[nodiscard]] std::size_t alternative(const berth::cluster& c, berth::task_handle task) {
        if (chance(g_, 2)) return 1 + below(g_, 4);
        const auto t = c.find(task);
        return t && !c.alternatives(*t).empty() ? below(g_, c.alternatives(*t).size()) : 0;
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
    /// Mostly one that is there.
    [[nodiscard]] berth::task_handle some_task(const berth::cluster& c) {
        const std::size_t tasks = c.slots().size();
        for (std::size_t k = 0, first = below(g_, tasks + 1); k < tasks && !chance(g_, 10); ++k) {
            const berth::task_index t{(first + k) % tasks};
            if (c.workload().present(t)) return c.handle(t);
        }
        return any(tasks_);
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
    std::vector<berth::amount> links_;
    std::string task_name_;
    std::string group_;
    std::vector<berth::amount> gpu_demand_;
    std::vector<berth::alternative_description> alternatives_;
    std::vector<berth::amount> node_demand_;
    std::vector<berth::amount> domain_demand_;
    std::vector<std::string_view> accepted_;
};

}  // namespace berth_test
