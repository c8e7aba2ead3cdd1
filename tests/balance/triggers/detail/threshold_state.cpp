// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/detail/threshold_state.hpp"

#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

/// A gauge that shows given values.
struct given_values {
    using place_index = berth::gpu_index;
    [[maybe_unused]] static constexpr bool by_load = false;

    const std::vector<double>* values;
    double enter = 10.0;
    double leave = 6.0;
    std::uint32_t rounds = 1;
    double memory = 5.0;
    std::uint32_t sweep = 0;
    double weight = 1.0;

    [[nodiscard]] static const char* name() { return "given_values"; }
    [[nodiscard]] static bool measured(const berth::projected_state&) { return true; }
    [[nodiscard]] double at(const berth::projected_state&, berth::gpu_index g, double more) const {
        return (*values)[g.value()] + more;
    }
};

}  // namespace

TEST_CASE("threshold_state: random values, compared with the definition") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{berth_test::at(0)};
    const std::vector<double> load{1.0};
    berth::projected_state now{p};
    berth::xoshiro256 g{2};
    for (int run = 0; run < 60; ++run) {
        std::vector<double> values(3, 0.0);
        const given_values gauge{.values = &values,
                                 .rounds = 1 + static_cast<std::uint32_t>(berth_test::below(g, 3)),
                                 .memory = static_cast<double>(berth_test::below(g, 6))};
        berth::detail::threshold_state<given_values> state{gauge, p};
        std::vector<std::vector<double>> history;
        std::vector<char> on(3, 0);
        for (int round = 0; round < 40; ++round) {
            for (double& value : values) value = static_cast<double>(berth_test::below(g, 14));
            history.push_back(values);
            REQUIRE(now.update({.time = static_cast<double>(round), .placement = placement, .task_load = load}));
            state.update(now);
            std::vector<berth::alarm> alarms;
            state.alarms(now, alarms);
            std::vector<char> raised(3, 0);
            for (const auto& a : alarms) raised[a.node.value()] = 1;
            for (std::size_t i = 0; i < 3; ++i) {
                bool begins = history.size() >= gauge.rounds;
                for (std::size_t r = 0; begins && r < gauge.rounds; ++r)
                    begins = history[history.size() - 1 - r][i] >= gauge.enter;
                on[i] = (on[i] != 0 ? values[i] >= gauge.leave : begins) ? 1 : 0;
                REQUIRE(raised[i] == on[i]);
                // The peak is at least that of `memory` seconds, at most that of twice as many.
                double surely = values[i];
                double perhaps = values[i];
                for (std::size_t r = 0; r < history.size(); ++r) {
                    const double then = history[history.size() - 1 - r][i];
                    if (static_cast<double>(r) < gauge.memory) surely = std::max(surely, then);
                    if (static_cast<double>(r) < 2.0 * gauge.memory) perhaps = std::max(perhaps, then);
                }
                if (i == 0) continue;
                const bool admits = state.admits(now, {berth::task_index{0}, berth_test::at(0), berth_test::at(i)});
                if (admits) REQUIRE((on[i] == 0 && surely + 1.0 < gauge.leave));
                if (on[i] == 0 && perhaps + 1.0 < gauge.leave) REQUIRE(admits);
            }
        }
    }
}
