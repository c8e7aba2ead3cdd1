// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/policies.hpp"

#include "berth/model/ledger.hpp"

#include "berth_bench/naive_fgd.hpp"
#include "berth_bench/reference_policies.hpp"
#include "berth_bench/trace.hpp"
#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using bench_test::go_on;

namespace {

std::vector<berth::slot> run(const bench::experiment& input, std::string_view policy) {
    const auto* found = bench::find_policy(policy);
    REQUIRE(found != nullptr);
    return found->run(input, go_on).placements;
}

template <class Placer>
void check_equal(const bench::experiment& input, std::string_view policy, Placer&& placer) {
    const auto placements = run(input, policy);
    REQUIRE(placements.size() == input.arrivals.size());
    for (std::size_t i = 0; i < placements.size(); ++i) {
        const bool equal = placements[i] == placer.place(input.arrivals[i]);
        REQUIRE_MESSAGE(equal, policy << ", arrival " << i);
    }
}

void check_against_references(const bench::experiment& input) {
    using kind = bench_test::reference_policy::kind;
    check_equal(input, "dot_product", bench_test::reference_policy{input, kind::dot_product});
    check_equal(input, "gpu_clustering", bench_test::reference_policy{input, kind::gpu_clustering});
    check_equal(input, "gpu_packing", bench_test::reference_policy{input, kind::gpu_packing});
    check_equal(input, "best_fit", bench_test::reference_policy{input, kind::best_fit});
}

void check_against_golden(const bench::experiment& input, std::string_view policy, const std::string& file) {
    const auto placements = run(input, policy);
    std::ifstream golden(std::string{BERTH_OPENB_DIR} + '/' + file);
    REQUIRE(golden.is_open());
    std::string line;
    for (std::size_t i = 0; i < placements.size(); ++i) {
        const auto& where = placements[i];
        std::string said = input.workload->name(input.arrivals[i]) + ',';
        said += where.placed() ? input.fleet->name(where.node) : "-";
        said += ',';
        for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            if (rest != where.gpus) said += '-';
            said += std::to_string(berth::lowest_gpu(rest));
        }
        REQUIRE(std::getline(golden, line));
        REQUIRE_MESSAGE(said == line, policy << ", arrival " << i);
    }
    CHECK_FALSE(std::getline(golden, line));
}

}  // namespace

TEST_CASE("all policies of the program are there, under their names") {
    for (const char* name : {"random", "dot_product", "gpu_clustering", "gpu_packing", "best_fit", "fgd", "fgd_naive",
                             "pwr", "pwr_fgd", "scarcity"}) {
        INFO(name);
        CHECK(bench::find_policy(name) != nullptr);
    }
    CHECK(bench::find_policy(bench::default_policy()) != nullptr);
    CHECK(bench::find_policy("FGD") == nullptr);
    CHECK(bench::find_policy("") == nullptr);
    for (const auto& a : bench::policies()) {
        CHECK_FALSE(a.summary.empty());
        for (const auto& b : bench::policies()) CHECK((&a == &b || a.name != b.name));
    }
}

TEST_CASE("FGD places the default trace as published") {
    check_against_golden(bench_test::default_trace(), "fgd", "golden_fgd_default_42.csv");
}

TEST_CASE("BestFit places the default trace as published") {
    check_against_golden(bench_test::default_trace(), "best_fit", "golden_bestfit_default_42.csv");
}

TEST_CASE("the other published policies equal their plain loops on the default trace") {
    check_against_references(bench_test::default_trace());
}

TEST_CASE("on further traces the published policies equal their plain loops") {
    const auto folder = berth_test::external_data("openb");
    if (!folder) return;
    // One of each kind: model constraints, short of CPU, many GPUs per task, small shares.
    for (const char* name : {"gpuspec33", "cpu250", "multigpu50", "gpushare80"}) {
        INFO(name);
        check_against_references(bench_test::trace(folder->string(), name));
    }
}

TEST_CASE("on further traces FGD equals the naive loop") {
    const auto folder = berth_test::external_data("openb");
    if (!folder) return;
    for (const char* name : {"gpuspec33", "multigpu50"}) {
        INFO(name);
        const auto input = bench_test::trace(folder->string(), name);
        check_equal(input, "fgd", bench::naive_fgd{input});
    }
}

TEST_CASE("every policy conserves work, never overfills a node and repeats itself") {
    const auto nodes =
        bench_test::need(bench::read_openb_nodes(std::string{BERTH_OPENB_DIR} + "/openb_node_list_gpu_node.csv"));
    const auto pods =
        bench_test::need(bench::read_openb_pods(std::string{BERTH_OPENB_DIR} + "/openb_pod_list_default.csv"));
    bench::openb_node_list few = nodes;  // every 24th node, so that tasks are turned away soon
    few.nodes.clear();
    for (std::size_t n = 0; n < nodes.nodes.size(); n += 24) few.nodes.push_back(nodes.nodes[n]);
    const auto order = bench::make_order(pods, few, 7, 1.3);
    const auto input = bench_test::need(bench::make_experiment(few, pods, order));
    for (const auto& policy : bench::policies()) {
        INFO(policy.name);
        const auto placements = policy.run(input, go_on).placements;
        REQUIRE(placements.size() == input.arrivals.size());
        berth::ledger ledger{*input.fleet};
        std::size_t rejected = 0;
        for (std::size_t i = 0; i < placements.size(); ++i) {
            const auto demand = input.workload->demand(input.arrivals[i]);
            if (placements[i].placed()) {
                REQUIRE(ledger.fits(demand, placements[i]));
                ledger.place(demand, placements[i]);
                continue;
            }
            ++rejected;
            for (std::size_t n = 0; n < input.fleet->node_count(); ++n) {
                REQUIRE_FALSE(ledger.fits(demand, berth::node_index{n}));
            }
        }
        CHECK(rejected > 0);
        CHECK(policy.run(input, go_on).placements == placements);
    }
}

TEST_CASE("a run that is stopped keeps what it has decided") {
    const auto input = bench_test::default_trace();
    const auto* policy = bench::find_policy("best_fit");
    REQUIRE(policy != nullptr);
    const auto whole = policy->run(input, go_on);
    const auto part = policy->run(input, [](std::size_t done) { return done < 1000; });
    CHECK_FALSE(whole.stopped);
    CHECK(part.stopped);
    CHECK(part.placements.size() >= 1000);
    CHECK(part.placements.size() < whole.placements.size());
    CHECK(std::equal(part.placements.begin(), part.placements.end(), whole.placements.begin()));
    CHECK(whole.seconds > 0.0);
}
