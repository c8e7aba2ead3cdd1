// SPDX-License-Identifier: Apache-2.0
// The default policy beside FGD on every order of arrivals that is there: what it is held to.
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "berth_bench/policies.hpp"
#include "berth_bench/recorder.hpp"
#include "berth_bench/trace.hpp"
#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using bench::arrival_curve;

namespace {

constexpr std::size_t eight_gpus = 5;  // position in bench::task_classes
static_assert(std::string_view{bench::task_classes[eight_gpus]} == "8");

bench::placement_record record(const bench::experiment& input, std::string_view policy) {
    const auto* found = bench::find_policy(policy);
    REQUIRE(found != nullptr);
    return bench::record_run(input, found->run(input, bench_test::go_on).placements);
}
double unallocated(const bench::placement_record& r, int arrived) {
    return arrival_curve::at(r.curve.unallocated_percent, arrived);
}

/// The bars of one run; returns what is unallocated at 100 %.
double beats_fgd(const bench::experiment& input) {
    const auto fgd = record(input, "fgd");
    const auto ours = record(input, "scarcity");
    for (const int b : {100, 105, 110, 115, 120, 125, 130}) {
        INFO(b << " %");
        CHECK(unallocated(ours, b) < unallocated(fgd, b));
    }
    for (const int b : {90, 95}) {
        INFO(b << " %");
        CHECK(unallocated(ours, b) <= unallocated(fgd, b) + 0.1 + 1e-9);
    }
    CHECK(ours.accepted_by_class[eight_gpus] >= fgd.accepted_by_class[eight_gpus]);
    return unallocated(ours, 100);
}

}  // namespace

TEST_CASE("scarcity on the project's own trace") {
    CHECK(bench::default_policy() == "scarcity");
    const auto input = bench_test::default_trace();
    CHECK(beats_fgd(input) <= 3.8);
    // On a quarter of the nodes in an order of its own, too.
    const std::string folder = BERTH_OPENB_DIR;
    auto nodes = bench_test::need(bench::read_openb_nodes(folder + "/openb_node_list_gpu_node.csv"));
    const auto pods = bench_test::need(bench::read_openb_pods(folder + "/openb_pod_list_default.csv"));
    auto all = std::exchange(nodes.nodes, {});
    for (std::size_t n = 0; n < all.size(); n += 4) nodes.nodes.push_back(all[n]);
    const auto order = bench::make_order(pods, nodes, 11, 1.3);
    const auto part = bench_test::need(bench::make_experiment(nodes, pods, order));
    CHECK(unallocated(record(part, "scarcity"), 100) < unallocated(record(part, "fgd"), 100));
}

TEST_CASE("scarcity on every order of arrivals") {
    const auto folder = berth_test::external_data("openb");
    if (!folder) return;
    struct bar {
        double unallocated;
        std::size_t seeds;
    };
    // Means over so many seeds at 100 % arrived.
    const std::map<std::string, bar> bars{{"default", {3.8, 5}},    {"cpu250", {4.4, 5}},      {"gpuspec33", {4.5, 5}},
                                          {"gpuspec25", {4.1, 1}},  {"multigpu50", {2.25, 1}}, {"gpushare80", {9.7, 1}},
                                          {"gpushare40", {5.3, 1}}, {"multigpu20", {3.3, 1}}};
    std::map<std::string, std::vector<double>> at_100;
    std::size_t orders = 0;
    for (const auto& entry : std::filesystem::directory_iterator(*folder / "orders")) {
        const std::string stem = entry.path().stem().string();  // order_<trace>_<seed>
        const std::size_t bar = stem.rfind('_');
        if (!stem.starts_with("order_") || bar <= 6) continue;
        const std::string name = stem.substr(6, bar - 6);
        const int seed = std::stoi(stem.substr(bar + 1));
        INFO(name << ", seed " << seed);
        at_100[name].push_back(beats_fgd(bench_test::trace(folder->string(), name, seed)));
        ++orders;
    }
    CHECK(orders >= 24);
    for (const auto& [name, b] : bars) {
        INFO(name);
        REQUIRE(at_100[name].size() == b.seeds);
        double sum = 0.0;
        for (const double left : at_100[name]) sum += left;
        CHECK(sum / static_cast<double>(b.seeds) <= b.unallocated);
    }
    MESSAGE(orders << " orders");
}
