// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::detail {

/// A name without the place in front of it (`gpu_`, `node_`, `host_`) and without the unit at its end (`_mib`).
[[nodiscard]] inline std::string_view bare_name(std::string_view name) noexcept {
    for (const std::string_view place : {"gpu_", "node_", "host_"}) {
        if (name.starts_with(place)) {
            name.remove_prefix(place.size());
            break;
        }
    }
    for (const std::string_view unit :
         {"_milli", "_bytes", "_kib", "_mib", "_gib", "_tib", "_kb", "_mb", "_gb", "_tb", "_count"}) {
        if (name.ends_with(unit)) {
            name.remove_suffix(unit.size());
            break;
        }
    }
    return name;
}

/// The first counter with one of these names.
[[nodiscard]] inline std::size_t find_usual(const std::vector<std::string>& counters,
                                            std::initializer_list<std::string_view> usual) noexcept {
    for (std::size_t r = 0; r < counters.size(); ++r) {
        for (const std::string_view name : usual) {
            if (bare_name(counters[r]) == name) return r;
        }
    }
    return counter_roles::none;
}

/// The counter that plays a role: the one that is named, else the first with a usual name.
[[nodiscard]] inline result<std::size_t> find_role(std::string_view role, std::string_view named,
                                                   std::string_view place, const std::vector<std::string>& counters,
                                                   std::initializer_list<std::string_view> usual) {
    if (named == no_counter) return counter_roles::none;
    if (named.empty()) return find_usual(counters, usual);
    for (std::size_t r = 0; r < counters.size(); ++r) {
        if (counters[r] == named) return r;
    }
    return refuse(error_code::unknown_name, {"resource schema: roles.", role, " is ", phrase::quoted(named),
                                             ", which is the name of no ", place, " counter"});
}

/// The roles of a schema whose counters have names of their own.
[[nodiscard]] inline result<counter_roles> find_roles(const resource_schema& schema) {
    const role_names& named = schema.roles;
    const auto cpu = find_role("cpu", named.cpu, "node", schema.node, {"cpu", "cpus", "vcpu", "vcpus", "cores"});
    if (!cpu) return cpu.error();
    const auto memory = find_role("memory", named.memory, "node", schema.node, {"memory", "mem", "ram"});
    if (!memory) return memory.error();
    const auto gpu_memory =
        find_role("gpu_memory", named.gpu_memory, "GPU", schema.gpu, {"memory", "mem", "vram", "hbm"});
    if (!gpu_memory) return gpu_memory.error();
    if (*cpu == *memory && *cpu != counter_roles::none) {
        return refuse(error_code::inconsistent, {"resource schema: roles.memory is node[", *memory, "], ",
                                                 phrase::quoted(schema.node[*memory]), ", which is the CPU already"});
    }
    if (*gpu_memory == counter_roles::share) {
        return refuse(error_code::inconsistent, {"resource schema: gpu[0], ", phrase::quoted(schema.gpu[0]),
                                                 ", is GPU memory by its role; the first GPU counter is the share"});
    }
    for (std::size_t r = 1; r < schema.gpu.size(); ++r) {
        if (schema.gpu[r] != "share") continue;
        return refuse(error_code::inconsistent, {"resource schema: gpu[", r,
                                                 "] is named \"share\", but the compute "
                                                 "share is the first GPU counter"});
    }
    return counter_roles{.cpu = *cpu, .memory = *memory, .gpu_memory = *gpu_memory};
}

}  // namespace berth::inline v0::detail
