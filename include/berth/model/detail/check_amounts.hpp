// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::detail {

/// Appends the given capacity; an empty one is unlimited, and one whole GPU leaves the other counters unlimited.
inline void append_capacity(flat<amount>& to, std::span<const amount> given, std::size_t counters) {
    to.append(given);
    for (std::size_t r = given.size(); r < counters; ++r) to.push_back(max_amount);
}

/// Checks the length of an array of capacities or demands and its values, 0..max_amount. An empty one means the default
/// and is accepted.
[[nodiscard]] inline result<void> check_amounts(phrases item, std::string_view field, std::span<const amount> values,
                                                std::size_t expected) {
    if (values.empty()) return {};
    if (values.size() != expected) {
        return refuse(error_code::inconsistent, item,
                      {": ", field, " has ", values.size(), " values, the resource schema names ", expected});
    }
    for (std::size_t r = 0; r < values.size(); ++r) {
        if (values[r] >= 0 && values[r] <= max_amount) continue;
        return refuse(values[r] < 0 ? error_code::invalid_value : error_code::overflow, item,
                      {": ", field, "[", r, "] is ", values[r], ", expected 0..", max_amount});
    }
    return {};
}

[[nodiscard]] inline result<void> check_counter_names(std::string_view place, const std::vector<std::string>& names) {
    name_table seen;
    for (std::size_t r = 0; r < names.size(); ++r) {
        if (names[r].empty()) {
            return refuse(error_code::invalid_value, {"resource schema: ", place, "[", r, "] has no name"});
        }
        if (seen.intern(names[r]) != r) {
            return refuse(error_code::duplicate,
                          {"resource schema: ", place, "[", r, "] repeats the name ", phrase::quoted(names[r])});
        }
    }
    return {};
}

}  // namespace berth::inline v0::detail
