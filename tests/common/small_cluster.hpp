// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/cluster.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace berth_test {

/// Owns what the description of a node names, for tests by hand; `*` is the description.
struct node_spec {
    std::string name{};
    std::vector<berth::amount> capacity{};
    std::vector<berth::gpu_description> gpus{};
    std::vector<std::string_view> domains{};
    bool healthy = true;

    [[nodiscard]] berth::node_description operator*() const {
        return {.name = name, .capacity = capacity, .gpus = gpus, .domains = domains, .healthy = healthy};
    }
};
/// GPUs of these models, with these UUIDs (as many as there are).
[[nodiscard]] inline std::vector<berth::gpu_description> gpus_of(std::initializer_list<std::string_view> models,
                                                                 std::initializer_list<std::string_view> uuids = {}) {
    std::vector<berth::gpu_description> gpus;
    for (const std::string_view model : models) gpus.push_back({.model = model});
    for (std::size_t i = 0; i < uuids.size(); ++i) gpus[i].uuid = uuids.begin()[i];
    return gpus;
}
[[nodiscard]] inline std::vector<berth::gpu_description> gpus_of(std::size_t count, std::string_view model = "A100") {
    return std::vector<berth::gpu_description>(count, {.model = model});
}

inline void check_sound(const berth::cluster& c) {
    const auto ok = berth::check_cluster(c);
    if (!ok) FAIL(ok.error().message);
}
[[nodiscard]] inline berth::slot on_node(std::size_t node, berth::gpu_mask gpus = 0) {
    return {berth::node_index{node}, gpus};
}

}  // namespace berth_test
