// SPDX-License-Identifier: Apache-2.0
#include "berth/metrics/report.hpp"

#include "metrics/placed.hpp"

#include <doctest/doctest.h>

namespace {

// Idle share of a node with a GPU in use is fragmented; a GPU in use draws 200 W, a node 50 W.
const auto fragments = [](const berth::node_view& node) {
    double idle = 0.0;
    bool used = false;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) {
        idle += static_cast<double>(node.free_share(i));
        used = used || node.free_share(i) < 1000;
    }
    return used ? idle : 0.0;
};
const auto watts = [](const berth::node_view& node) {
    double sum = 50.0;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) sum += node.free_share(i) < 1000 ? 200.0 : 0.0;
    return sum;
};
[[maybe_unused]] const auto text = [](const berth::node_view&) { return "no number"; };

static_assert(berth::node_measure<decltype(fragments)>);
static_assert(!berth::node_measure<decltype(text)>);
static_assert(!berth::node_measure<berth::no_measure>);

}  // namespace

TEST_CASE("total_over_nodes sums over all nodes, in use or not") {
    const auto fleet = three_nodes();
    const berth::ledger ledger{fleet};
    CHECK(berth::total_over_nodes(ledger, watts) == 150.0);
    CHECK(berth::total_over_nodes(ledger, [](const berth::node_view& n) { return n.index.value() + 1; }) == 6.0);
}

TEST_CASE("fragmentation percentages as published, and without capacity") {
    CHECK(berth::fragmentation_amount_percent(866232.55, 6'212'000) == doctest::Approx(13.944503));
    CHECK(berth::fragmentation_ratio_percent(50.0, 200) == 25.0);
    CHECK(berth::fragmentation_amount_percent(0.0, 0) == 0.0);
    CHECK(berth::fragmentation_ratio_percent(0.0, 0) == 0.0);
}

TEST_CASE("measure_placement computes the given measures") {
    const auto fleet = three_nodes();
    berth::ledger ledger{fleet};
    place_share(ledger, 0, 0b11);
    place_share(ledger, 0, 0b01);
    const auto m = berth::measure_placement(ledger, fragments, watts);
    CHECK(m.gpus == 3);
    CHECK(m.gpus_in_use == 2);
    CHECK(m.nodes == 3);
    CHECK(m.nodes_in_use == 1);
    CHECK(m.share.used == 1200);
    CHECK(m.share.capacity == 3000);
    CHECK(m.allocation_percent == 40.0);
    CHECK(m.unallocated_percent == 60.0);
    CHECK(m.fairness == doctest::Approx(1.44 / (3.0 * (0.64 + 0.16))));
    CHECK(m.gpu_counters[0].percent() == 40.0);
    CHECK(m.node_counters[0].used == 4);
    CHECK(m.fragmented == 800.0);
    CHECK(*m.fragmentation_amount_percent == doctest::Approx(80.0 / 3.0));
    CHECK(*m.fragmentation_ratio_percent == doctest::Approx(100.0 * 800.0 / 1800.0));
    CHECK(m.power == 550.0);
}

TEST_CASE("measure_placement leaves other measures empty") {
    const auto fleet = three_nodes();
    const berth::ledger ledger{fleet};
    const auto none = berth::measure_placement(ledger);
    CHECK_FALSE(none.fragmented);
    CHECK_FALSE(none.fragmentation_amount_percent);
    CHECK_FALSE(none.power);
    const auto power = berth::measure_placement(ledger, berth::no_measure{}, watts);
    CHECK_FALSE(power.fragmented);
    CHECK(power.power == 150.0);
}
