// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/slot.hpp"

#include "support/openb.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace berth_test {

/// The rows `pod,node or -,gpu ids joined by -` of a placement file in arrival order, as slots. Fails if a row names another pod
/// than the one that arrives, or a node that is not there.
[[nodiscard]] inline std::vector<berth::slot> golden_slots(const bench::experiment& e, const std::string& path) {
    std::vector<berth::slot> slots;
    std::ifstream in{path};
    for (std::string line; std::getline(in, line);) {
        REQUIRE(slots.size() < e.arrivals.size());
        const std::size_t first = line.find(',');
        const std::size_t second = line.find(',', first + 1);
        REQUIRE(second != std::string::npos);
        const std::string_view text{line};
        REQUIRE(text.substr(0, first) == e.workload->name(e.arrivals[slots.size()]));
        const std::string_view node = text.substr(first + 1, second - first - 1);
        berth::slot where{};
        if (node != "-") {
            const auto found = e.fleet->find_node(node);
            REQUIRE(found.has_value());
            where.node = *found;
            for (std::size_t at = second + 1; at < line.size();) {
                unsigned gpu = 0;
                const auto read = std::from_chars(line.data() + at, line.data() + line.size(), gpu);
                REQUIRE(read.ec == std::errc{});
                where.gpus |= berth::gpu_mask{1} << gpu;
                at = static_cast<std::size_t>(read.ptr - line.data()) + 1;
            }
        }
        slots.push_back(where);
    }
    return slots;
}

}  // namespace berth_test
