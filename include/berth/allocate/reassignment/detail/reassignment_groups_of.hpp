// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/reassignment/reassignment_input.hpp"
#include "berth/allocate/reassignment/reassignment_wishes.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace berth::inline v0::detail {

/// Success, or which wish about groups cannot be expressed.
[[nodiscard]] inline result<void> check_group_wishes(const workload& work, const reassignment_wishes& wishes) {
    const auto wrong = [](const char* field, const char* why) {
        return refuse(error_code::inconsistent, {"wishes: ", field, why});
    };
    if (!wishes.groups_apart) {
        constexpr const char* why =
            " is set, but groups_apart is not: a reassignment problem knows groups only as tasks that share no place";
        if (wishes.group_weight != 0) return wrong("group_weight", why);
        if (!wishes.least_spread.empty()) return wrong("least_spread", why);
        if (!wishes.dependencies.empty()) return wrong("dependencies", why);
        return {};
    }
    if (!wishes.least_spread.empty() && wishes.least_spread.size() != work.group_count()) {
        return refuse(error_code::inconsistent, {"wishes: least_spread has ", wishes.least_spread.size(),
                                                 " entries, the workload has ", work.group_count(), " groups"});
    }
    for (std::size_t i = 0; i < wishes.dependencies.size(); ++i) {
        const group_dependency& one = wishes.dependencies[i];
        if (one.dependent.below(work.group_count()) && one.provider.below(work.group_count())) continue;
        return refuse(error_code::unknown_name, {"wishes: dependencies[", i, "] names a group that does not exist"});
    }
    return {};
}

/// Leaves out of the scope every task of a group that is kept apart, or depended on, while another one of it stays: the
/// narrower problem does not know those that stay.
[[nodiscard]] inline result<std::size_t> leave_out_split_groups(scoped_problem& s, const reassignment_wishes& wishes) {
    if (!wishes.groups_apart) return std::size_t{0};
    const workload& work = s.workload();
    flat<std::uint8_t> stays(work.group_count(), 0);
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        if (s.stays(task_index{t}) && work.group(task_index{t}).valid()) stays[work.group(task_index{t}).value()] = 1;
    }
    for (const task_move& r : s.in_flight()) {
        if (work.group(r.task).valid()) stays[work.group(r.task).value()] = 1;
    }
    for (bool more = true; more;) {  // what depends on a group that stays in part stays, too
        more = false;
        for (const group_dependency& one : wishes.dependencies) {
            if (stays[one.provider.value()] == 0 || stays[one.dependent.value()] != 0) continue;
            stays[one.dependent.value()] = 1;
            more = true;
        }
    }
    return s.leave_out([&](task_index t) -> std::string {
        const group_index g = work.group(t);
        if (!g.valid() || stays[g.value()] == 0) return {};
        return sentence({"its group ", phrase::quoted(work.name(g)),
                         " is kept apart, but a task of it, or of a group that it depends on, does not take part"});
    });
}

/// The groups of the input. Tasks without a group, and all tasks if groups are not kept apart, are alone.
inline void add_groups(reassignment_input& in, const scoped_problem& s, const reassignment_wishes& wishes) {
    const workload& work = s.workload();
    const std::size_t groups = wishes.groups_apart ? work.group_count() : 0;
    flat<std::uint8_t> takes_part(groups, 0);
    std::uint32_t next = static_cast<std::uint32_t>(groups);
    for (const task_index t : s.tasks()) {
        const group_index g = wishes.groups_apart ? work.group(t) : group_index{};
        if (g.valid()) takes_part[g.value()] = 1;
        in.group.push_back(g.valid() ? static_cast<std::uint32_t>(g.value()) : next++);
    }
    in.spread.resize(next, 0);
    in.dependency_ends.resize(next, 0);
    for (std::size_t g = 0; g < next; ++g) {
        if (g < groups && takes_part[g] != 0) {
            if (!wishes.least_spread.empty()) in.spread[g] = static_cast<std::uint32_t>(wishes.least_spread[g]);
            for (const group_dependency& one : wishes.dependencies) {
                if (one.dependent == group_index{g})
                    in.dependencies.push_back(static_cast<std::uint32_t>(one.provider.value()));
            }
        }
        in.dependency_ends[g] = in.dependencies.size();
    }
}

/// A number for each machine, equal within a domain of the level; machines whose node has none are alone.
///
/// @param needed  a healthy node without such a domain is an error, which names the field
[[nodiscard]] inline result<void> number_places(std::vector<std::uint32_t>& numbers, const scoped_problem& s,
                                                std::span<const node_index> node_of, place_of place, bool needed,
                                                const char* field) {
    const fleet& machines = s.fleet();
    const std::size_t nodes = machines.node_count();
    for (std::size_t m = 0; m < node_of.size(); ++m) {
        const node_index n = node_of[m];
        std::size_t number = machines.domain_count() + nodes + m;  // a vacant position
        if (n.valid()) number = machines.domain_count() + n.value();
        bool found = place.level == place_of::node_level;
        if (n.valid() && !found) {
            for (const domain_index d : machines.domains(n)) {
                if (machines.level(d) != place.level) continue;
                number = d.value();
                found = true;
            }
        }
        if (needed && !found && n.valid() && machines.healthy(n)) {
            return refuse(error_code::inconsistent,
                          {phrase::item("node", n.value(), machines.name(n)), ": it has no domain of level ",
                           place.level, ", which ", field, " of the wishes needs"});
        }
        numbers.push_back(static_cast<std::uint32_t>(number));
    }
    return {};
}

}  // namespace berth::inline v0::detail
