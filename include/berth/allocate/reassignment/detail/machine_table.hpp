// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/reassignment/detail/check_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_wishes.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::detail {

/// What is wished of one counter of the schema.
struct counter_wish {
    amount load_weight = 0;
    double safety = 1.0;
    bool transient = false;
    bool listed = false;
    bool balanced = false;

    /// True if more is wished than that capacity is kept.
    [[nodiscard]] bool costs() const noexcept { return load_weight > 0 || balanced; }
    /// The part of a capacity that is safe, less what stays there, within what is left.
    [[nodiscard]] amount safe(amount capacity, amount left) const noexcept {
        const amount part = static_cast<amount>(std::floor(static_cast<double>(capacity) * safety));
        const amount rest = part - (capacity - left);
        return rest < 0 ? 0 : rest < left ? rest : left;
    }
};

/// The wishes by position in the schema.
struct counter_wishes {
    flat<counter_wish> gpu;
    flat<counter_wish> node;

    /// @return the wish of `gpu.NAME` or `node.NAME`, none if the schema has no such counter
    [[nodiscard]] counter_wish* find(const resource_schema& schema, std::string_view counter) noexcept {
        const bool of_gpu = counter.substr(0, 4) == "gpu.";
        if (!of_gpu && counter.substr(0, 5) != "node.") return nullptr;
        const std::string_view name = counter.substr(of_gpu ? 4 : 5);
        const std::vector<std::string>& names = of_gpu ? schema.gpu : schema.node;
        for (std::size_t r = 0; r < names.size(); ++r) {
            if (names[r] == name) return of_gpu ? &gpu[r] : &node[r];
        }
        return nullptr;
    }
    [[nodiscard]] static result<counter_wishes> of(const resource_schema& schema, const reassignment_wishes& wishes) {
        counter_wishes all;
        all.gpu.resize(schema.gpu.size());
        all.node.resize(schema.node.size());
        for (std::size_t i = 0; i < wishes.counters.size(); ++i) {
            const reassignment_counter& one = wishes.counters[i];
            counter_wish* const wish = all.find(schema, one.counter);
            if (wish == nullptr) {
                return refuse(error_code::unknown_name, {"wishes: counters[", i, "] is ", phrase::quoted(one.counter),
                                                         ", expected gpu.NAME or node.NAME of the schema"});
            }
            if (wish->listed) {
                return refuse(error_code::duplicate,
                              {"wishes: counters[", i, "] is ", phrase::quoted(one.counter), ", as one before"});
            }
            if (!(one.safety >= 0.0 && one.safety <= 1.0) || one.load_weight < 0) {
                return refuse(error_code::invalid_value, {"wishes: counters[", i, "], ", phrase::quoted(one.counter),
                                                          ": safety is 0 to 1, load_weight 0 or more"});
            }
            *wish = {one.load_weight, one.safety, one.transient, true, false};
        }
        for (std::size_t i = 0; i < wishes.balances.size(); ++i) {
            for (const std::string_view name : {wishes.balances[i].first, wishes.balances[i].second}) {
                counter_wish* const wish = all.find(schema, name);
                if (wish == nullptr) {
                    return refuse(error_code::unknown_name, {"wishes: balances[", i, "] names ", phrase::quoted(name),
                                                             ", expected gpu.NAME or node.NAME of the schema"});
                }
                wish->balanced = true;
            }
        }
        return all;
    }
};

/// One resource of all machines.
struct machine_resource {
    std::string name;  // `gpu.memory`
    counter_wish wish;
    flat<amount> capacity;  // of each machine
    flat<amount> safety;    // likewise
    flat<amount> demand;    // of each row of demands
};

/// Machines with resources, and the rows of demands that may be on each: a reassignment problem in the making.
struct machine_table {
    demand_rows rows;
    flat<node_index> node_of;  // of each machine; not valid at a vacant position
    flat<std::uint8_t> may;    // a row for each row of demands: false where the task may not be whatever room there is
    growing<machine_resource> resources;

    [[nodiscard]] std::size_t machines() const noexcept { return node_of.size(); }
    [[nodiscard]] bool allowed(std::size_t row, std::size_t machine) const noexcept {
        return may[row * machines() + machine] != 0;
    }
    /// At most so much of a counter is taken by tasks that keep within the machine's resources.
    ///
    /// @param taken  amount of each row
    template <class Taken>
    [[nodiscard]] amount most(std::size_t machine, const Taken& taken) const {
        amount least = -1;
        for (std::size_t r = 0; r < resources.size(); ++r) {
            most_taken sum;
            for (std::size_t row = 0; row < rows.size(); ++row) {
                if (allowed(row, machine))
                    sum.add(rows.tasks(row), taken(row), resources[r].demand[row], resources[r].capacity[machine]);
            }
            if (least < 0 || sum.value() < least) least = sum.value();
        }
        return least;
    }
    /// A resource without capacity yet, of as many machines and rows.
    machine_resource& add(std::string name, const counter_wish& wish) {
        machine_resource& added = resources.grow();
        added.name = std::move(name);
        added.wish = wish;
        added.capacity.resize(machines(), 0);
        added.safety.resize(machines(), 0);
        added.demand.resize(rows.size(), 0);
        return added;
    }
    /// Success, or the domain whose counter the machines do not imply.
    [[nodiscard]] result<void> check_domains(const scoped_problem& s) const {
        const std::size_t counters = s.fleet().schema().domain.size();
        for (std::size_t r = 0; r < counters; ++r) {
            flat<amount> most_in(s.fleet().domain_count(), 0);
            for (std::size_t m = 0; m < machines(); ++m) {
                if (!node_of[m].valid()) continue;
                const amount here = most(m, [&](std::size_t row) { return rows.demand(row).domain[r]; });
                for (const domain_index d : s.fleet().domains(node_of[m])) most_in[d.value()] += here;
            }
            amount all = 0;
            for (std::size_t row = 0; row < rows.size(); ++row) all += rows.tasks(row) * rows.demand(row).domain[r];
            for (std::size_t d = 0; d < most_in.size(); ++d) {
                const amount room = summable(s.room().free(domain_index{d})[r]);
                if (all <= room || most_in[d] <= (room > 0 ? room : 0)) continue;
                return refuse(error_code::inconsistent,
                              {"domain ", phrase::quoted(s.fleet().name(domain_index{d})), ": its ",
                               s.fleet().schema().domain[r],
                               " can run out, and a reassignment problem has capacities of GPUs and nodes only"});
            }
        }
        return {};
    }
    /// Turns `may` into resources: a row may not be where its demand of such a resource meets no capacity. By columns
    /// (machines that exclude the same rows) or by rows (demands excluded from the same machines), whichever are fewer.
    void add_exclusions() {
        name_table of_machines;
        name_table of_rows;
        flat<std::size_t> pattern_of_machine;
        flat<std::size_t> pattern_of_row;
        std::string key;
        for (std::size_t m = 0; m < machines(); ++m) {
            key.clear();
            for (std::size_t row = 0; row < rows.size(); ++row) key.push_back(allowed(row, m) ? 'y' : 'n');
            pattern_of_machine.push_back(of_machines.intern(key));
        }
        for (std::size_t row = 0; row < rows.size(); ++row) {
            key.clear();
            for (std::size_t m = 0; m < machines(); ++m) key.push_back(allowed(row, m) ? 'y' : 'n');
            pattern_of_row.push_back(of_rows.intern(key));
        }
        const auto excludes = [](const std::string& pattern) { return pattern.find('n') != std::string::npos; };
        const auto count = [&](const name_table& patterns) {
            std::size_t excluding = 0;
            for (const std::string& pattern : patterns.all()) {
                if (excludes(pattern)) ++excluding;
            }
            return excluding;
        };
        // As much as the largest demand, so that the search weighs it like one; all of them together stay in range.
        amount tasks = 0;
        amount unit = 1;
        for (std::size_t row = 0; row < rows.size(); ++row) tasks += rows.tasks(row);
        for (std::size_t r = 0; r < resources.size(); ++r) {
            for (const amount demand : resources[r].demand) unit = unit < demand ? demand : unit;
        }
        const amount highest = max_reassignment_amount / (tasks > 0 ? tasks : 1);
        unit = unit < highest ? unit : highest;
        const bool by_machines = count(of_machines) <= count(of_rows);
        const name_table& patterns = by_machines ? of_machines : of_rows;
        for (std::size_t p = 0; p < patterns.size(); ++p) {
            if (!excludes(patterns[p])) continue;
            machine_resource& added = add("allowed", {});
            for (std::size_t row = 0; row < rows.size(); ++row) {
                const bool counts = by_machines ? patterns[p][row] == 'n' : pattern_of_row[row] == p;
                added.demand[row] = counts ? unit : 0;
            }
            for (std::size_t m = 0; m < machines(); ++m) {
                const bool closed = by_machines ? pattern_of_machine[m] == p : patterns[p][m] == 'n';
                added.capacity[m] = added.safety[m] = closed ? 0 : unit * tasks;
            }
        }
    }
};

}  // namespace berth::inline v0::detail
