// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/power.hpp"

#include "berth/model/fleet_builder.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string_view>

using namespace berth;
using namespace berth_test;

namespace {

const power_table table{.gpus = {{"T4", 10.0, 70.0}, {"P100", 25.0, 250.0}},
                        .other = {.model = {}, .idle = 1.0, .full = 2.0},
                        .cpu = {.milli_per_package = 32'000, .idle = 20.0, .full = 120.0}};

}  // namespace

TEST_CASE("power of a node by hand") {
    fleet_builder builder;
    const gpu_description t4{.model = "T4"};
    const gpu_description gpus[] = {t4, t4, {.model = "P100"}, {.model = "unheard-of"}};
    const amount host[] = {70'000, 1000};  // three packages, the last of them not full
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    const auto tasks = hand_workload(machines, {{1, 300, 1}, {2, 1000, 32'000}, {0, 0, 33'000}});
    const power_model watts{machines, table};
    ledger ledger{machines};
    const node_index n{0};

    CHECK(watts(ledger.node(n)) == 10 + 10 + 25 + 1 + 3 * 20);
    // What-if: the T4 at position 1 and one milli-core.
    CHECK(watts(ledger.node(n), 0b0010, 1) == 10 + 70 + 25 + 1 + 120 + 2 * 20);
    ledger.place(tasks.demand(task_index{0}), {n, 0b0010});
    CHECK(watts(ledger.node(n)) == 10 + 70 + 25 + 1 + 120 + 2 * 20);
    // A second task on a GPU in use adds nothing; its CPU still fits into the package.
    CHECK(watts(ledger.node(n), 0b0010, 31'999) == watts(ledger.node(n)));
    CHECK(watts(ledger.node(n), 0b0010, 32'000) == watts(ledger.node(n)) + 100);
    ledger.place(tasks.demand(task_index{1}), {n, 0b1100});
    CHECK(watts(ledger.node(n)) == 10 + 70 + 250 + 2 + 2 * 120 + 20);
    ledger.place(tasks.demand(task_index{2}), {n, 0});
    CHECK(watts(ledger.node(n)) == 10 + 70 + 250 + 2 + 3 * 120);
    ledger.remove(tasks.demand(task_index{0}), {n, 0b0010});
    CHECK(watts(ledger.node(n)) == 10 + 10 + 250 + 2 + 3 * 120);
}

TEST_CASE("power without host counters, and with an unlimited CPU") {
    const gpu_description gpus[] = {{.model = "T4"}};
    {
        fleet_builder builder{{.gpu = {"share"}, .node = {}, .domain = {}}};
        (void)need(builder.add_node({.gpus = gpus}));
        const auto machines = need(std::move(builder).build());
        const ledger ledger{machines};
        CHECK(power_model{machines, table}(ledger.node(node_index{0})) == 10.0);
    }
    {
        fleet_builder builder;
        (void)need(builder.add_node({.gpus = gpus}));
        const auto machines = need(std::move(builder).build());
        const ledger ledger{machines};
        const power_model watts{machines, table};
        CHECK(watts(ledger.node(node_index{0})) == 10.0);
        CHECK(watts(ledger.node(node_index{0}), 1, 33'000) == 70.0 + 2 * 120.0);
    }
}

TEST_CASE("without a table all GPU models draw the same") {
    const auto machines = hand_fleet({{{1000}, 0, 0, "A10"}, {{1000}, 0, 0, "T4"}});
    const ledger ledger{machines};
    const power_model watts{machines, {}};
    CHECK(watts(ledger.node(node_index{0})) == 30.0);
    CHECK(watts(ledger.node(node_index{1}), 1, 0) == 300.0);
}

TEST_CASE("validate names the wrong entry of a power table") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto refused = [](const power_table& bad, error_code code, std::string_view message) {
        const auto checked = validate(bad);
        REQUIRE_FALSE(checked.has_value());
        CHECK(checked.error().code == code);
        CHECK(checked.error().message == message);
    };
    CHECK(validate(table).has_value());
    CHECK(validate(power_table{}).has_value());
    CHECK(validate({.gpus = {{"T4", 0.0, 0.0}}}).has_value());
    refused({.gpus = {{"A10", 1, 2}, {"T4", -1.0, 70.0}}}, error_code::invalid_value,
            "gpu model 1 (\"T4\"): idle is not a finite number from 0 on");
    refused({.gpus = {{"T4", nan, 70.0}}}, error_code::invalid_value,
            "gpu model 0 (\"T4\"): idle is not a finite number from 0 on");
    refused({.gpus = {{"T4", 10.0, infinity}}}, error_code::invalid_value,
            "gpu model 0 (\"T4\"): full is not a finite number from 0 on");
    refused({.gpus = {{"T4", 71.0, 70.0}}}, error_code::inconsistent, "gpu model 0 (\"T4\"): idle is more than full");
    refused({.gpus = {{"T4", 1, 2}, {"A10", 1, 2}, {"T4", 1, 2}}}, error_code::duplicate,
            "gpu model 2 (\"T4\"): model is also that of position 0");
    refused({.other = {.model = {}, .idle = 1.0, .full = nan}}, error_code::invalid_value,
            "other: full is not a finite number from 0 on");
    refused({.cpu = {.milli_per_package = 1, .idle = 2.0, .full = 1.0}}, error_code::inconsistent,
            "cpu: idle is more than full");
    refused({.cpu = {.milli_per_package = 0}}, error_code::invalid_value,
            "cpu: milli_per_package is 0, expected 1 or more");
    refused({.cpu = {.milli_per_package = -5}}, error_code::invalid_value,
            "cpu: milli_per_package is -5, expected 1 or more");
}
