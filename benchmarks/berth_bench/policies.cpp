// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/policies.hpp"

#include "berth_bench/naive_fgd.hpp"

namespace bench {

namespace {

placement_run run_fgd_naive(const experiment& input, const run_watch& watch) {
    naive_fgd placer{input};
    return place_all(input, placer, watch);
}

constexpr named_policy table[] = {
    {"fgd_naive", "fragmentation gradient descent, everything rescored for every arrival", run_fgd_naive},
};

}  // namespace

std::span<const named_policy> policies() noexcept { return table; }

std::string_view default_policy() noexcept { return "fgd_naive"; }

const named_policy* find_policy(std::string_view name) noexcept {
    for (const auto& policy : table) {
        if (policy.name == name) return &policy;
    }
    return nullptr;
}

}  // namespace bench
