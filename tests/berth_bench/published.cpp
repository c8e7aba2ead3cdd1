// SPDX-License-Identifier: Apache-2.0
// Every order of arrivals that is there, every deterministic published policy: measured beside published.
#include "support/published.hpp"

#include "berth_bench/policies.hpp"
#include "berth_bench/recorder.hpp"
#include "berth_bench/trace.hpp"
#include "common/skip.hpp"
#include "support/csv_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

using bench::arrival_curve;

namespace {

struct seed_row {
    double at_100;
    double at_130;
};

std::map<int, seed_row> published_seeds() {
    const auto table =
        bench_test::need(bench::csv_table::read(std::string{BERTH_OPENB_DIR} + "/published_fgd_seeds.csv"));
    std::map<int, seed_row> rows;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        rows[static_cast<int>(*table.integer(row, 0, 0, 1000))] = {*table.number(row, 1, 0, 100),
                                                                   *table.number(row, 2, 0, 100)};
    }
    return rows;
}

}  // namespace

TEST_CASE("published results are reproduced on every order of arrivals") {
    const auto folder = berth_test::external_data("openb");
    if (!folder) return;
    const auto published = bench_test::need(bench::published_results::read(BERTH_OPENB_DIR));
    const auto seeds = published_seeds();
    std::size_t orders = 0;
    std::size_t cells = 0;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(*folder / "orders")) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const std::string stem = file.stem().string();  // order_<trace>_<seed>
        const std::size_t bar = stem.rfind('_');
        if (!stem.starts_with("order_") || bar <= 6) continue;
        const std::string name = stem.substr(6, bar - 6);
        const int seed = std::stoi(stem.substr(bar + 1));
        const auto input = bench_test::trace(folder->string(), name, seed);
        ++orders;
        for (const char* policy : {"dot_product", "gpu_clustering", "gpu_packing", "best_fit", "fgd"}) {
            const auto record =
                bench::record_run(input, bench::find_policy(policy)->run(input, bench_test::go_on).placements);
            INFO(name << ", seed " << seed << ", " << policy);
            if (name == "default" && std::string_view{policy} == "fgd") {
                // Published seed by seed.
                CHECK(std::abs(100.0 - arrival_curve::at(record.curve.unallocated_percent, 100) -
                               seeds.at(seed).at_100) < 0.02);
                CHECK(std::abs(100.0 - arrival_curve::at(record.curve.unallocated_percent, 130) -
                               seeds.at(seed).at_130) < 0.02);
            }
            // Otherwise means over ten seeds are published, and how far seeds lie apart at 100 %. On traces with model
            // constraints seeds lie closer there than later, so that the default trace's figure bounds it from below.
            const auto here = published.deviation(name, policy, 100);
            const auto usual = published.deviation("default", policy, 100);
            REQUIRE(here.has_value());
            REQUIRE(usual.has_value());
            const double deviation = std::max(*here, *usual);
            for (const int b : bench::table_arrivals) {
                const auto mean = published.unallocated_percent(name, policy, b);
                if (!mean) continue;
                INFO("arrived " << b << " %, published " << *mean);
                const double measured = arrival_curve::at(record.curve.unallocated_percent, b);
                CHECK(std::abs(measured - *mean) < 3.0 * deviation + 0.15);
                ++cells;
            }
        }
    }
    CHECK(orders >= 12);
    MESSAGE(orders << " orders, " << cells << " cells compared");
}
