// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/queue_simulation.hpp"

#include "support/batch_log.hpp"
#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace berth;

namespace {

// The jobs of a log and the start of each under one policy after the other, as another simulator found them.
void check_golden(const std::string& log_file, const std::string& golden_file, bool all_policies) {
    const auto log = bench::read_batch_log(log_file, {.procs = 100});
    REQUIRE_MESSAGE(log, log.error().message);
    CHECK(log->dropped == 0);
    const auto text = bench::read_text(golden_file);
    REQUIRE(text);
    const auto golden = bench::csv_table::parse(golden_file, *text);
    REQUIRE(golden);
    REQUIRE(golden->row_count() == log->jobs.size());
    const auto compare = [&](const char* policy, const result<std::vector<std::int64_t>>& starts) {
        CAPTURE(policy);
        REQUIRE(starts);
        const std::size_t column = golden->column(policy).value();
        std::size_t different = 0;
        for (std::size_t j = 0; j < starts->size(); ++j) {
            different += golden->integer(j, column, 0, 1'000'000'000'000).value() != (*starts)[j] ? 1U : 0U;
        }
        CHECK(different == 0);
    };
    const auto easy = [&](backfill_mode mode, duration_source source) {
        return simulate_easy(log->jobs, log->capacity, log->demands, mode, source);
    };
    compare("fcfs", easy(backfill_mode::none, duration_source::request));
    compare("easy", easy(backfill_mode::queue, duration_source::request));
    compare("easy_sjbf", easy(backfill_mode::shortest_first, duration_source::request));
    compare("conservative", simulate_conservative(log->jobs, log->capacity, log->demands));
    if (all_policies) compare("easy_actual", easy(backfill_mode::queue, duration_source::actual));
}

double mean_slowdown(const bench::batch_log& log, const std::vector<std::int64_t>& starts) {
    double sum = 0.0;
    for (std::size_t j = 0; j < starts.size(); ++j) {
        const auto flow = static_cast<double>(starts[j] - log.jobs[j].submit + log.jobs[j].run);
        sum += std::max(1.0, flow / static_cast<double>(std::max<std::int64_t>(log.jobs[j].run, 10)));
    }
    return sum / static_cast<double>(starts.size());
}

}  // namespace

TEST_CASE("the first thousand jobs of KTH-SP2 start when pyss starts them") {
    const std::string file = BERTH_DATA_DIR "/queueing/kth-first1000.csv.xz";
    check_golden(file, file, false);
}

TEST_CASE("all jobs of KTH-SP2 start when pyss starts them, and learned estimates beat the users'") {
    const std::string folder = bench::outside_data_folder("queueing");
    const auto text = bench::read_text(folder + "/kth-sp2.csv.xz");
    if (!text) {
        MESSAGE("SKIPPED: " << text.error().message);
        return;
    }
    check_golden(folder + "/kth-sp2.csv.xz", folder + "/kth-sp2-golden.csv.xz", true);
    const auto log = bench::read_batch_log(folder + "/kth-sp2.csv.xz", {.procs = 100});
    REQUIRE(log);
    const auto slowdown = [&](duration_source source, pass_time when) {
        const auto starts =
            simulate_easy(log->jobs, log->capacity, log->demands, backfill_mode::shortest_first, source, when);
        REQUIRE(starts);
        return mean_slowdown(*log, *starts);
    };
    CHECK(slowdown(duration_source::request, pass_time::event) == doctest::Approx(69.4054005803).epsilon(1e-12));
    CHECK(slowdown(duration_source::actual, pass_time::event) == doctest::Approx(49.8477189313).epsilon(1e-12));
    CHECK(slowdown(duration_source::learned, pass_time::event) <= 60.0);
    CHECK(slowdown(duration_source::request, pass_time::instant) == doctest::Approx(69.3936).epsilon(1e-6));
}

TEST_CASE("a log that contradicts itself is refused") {
    const std::vector<amount> capacity = {4};
    const auto message = [&](std::vector<logged_job> jobs, std::vector<amount> demands) {
        const auto starts = simulate_easy(jobs, capacity, demands);
        REQUIRE_FALSE(starts);
        return starts.error().message;
    };
    CHECK(message({{0, 1, 1}}, {}) == "demands: 0 amounts for 1 jobs and 1 counters");
    CHECK(message({{0, -1, 1}}, {1}) == "job 0: run is negative");
    CHECK(message({{0, 1, 0}}, {1}) == "job 0: request is not above 0");
    // Instants that could overflow; at the bounds nothing does.
    constexpr std::int64_t most = std::int64_t{1} << 61;
    CHECK(message({{-1, 1, 1}}, {1}) == "job 0: submit is negative");
    CHECK(message({{most + 1, 1, 1}}, {1}) == "job 0: submit is above 2^61");
    CHECK(message({{0, most + 1, 1}}, {1}) == "job 0: run is above 2^61");
    CHECK(message({{0, 1, most + 1}}, {1}) == "job 0: request is above 2^61");
    CHECK(message({{0, 1, most}, {0, 1, 1}}, {1, 1}) == "job 1: request and those before add to more than 2^61");
    const std::vector<logged_job> largest = {{most, most, most - 1}, {most, 1, 1}};
    const std::vector<amount> all_of_it = {4, 4};
    const std::vector<std::int64_t> one_by_one = {most, 2 * most - 1};
    CHECK(*simulate_easy(largest, capacity, all_of_it) == one_by_one);
    CHECK(*simulate_conservative(largest, capacity, all_of_it) == one_by_one);
    CHECK(message({{5, 1, 1}, {4, 1, 1}}, {1, 1}) == "job 1: submit is before that of the job before");
    CHECK(message({{0, 1, 1}}, {5}) == "job 0: demand is above the capacity");
    const std::vector<logged_job> one = {{0, 1, 1}};
    const std::vector<amount> demand = {1};
    CHECK_FALSE(simulate_conservative(one, capacity, demand, duration_source::learned));
}

TEST_CASE("no job is lost at the edges: none at all, of length 0, all at one instant, stopped early") {
    const std::vector<amount> capacity = {2};
    CHECK(simulate_easy({}, capacity, {})->empty());
    const std::vector<logged_job> jobs = {{0, 0, 5}, {0, 3, 3}, {0, 9, 2}, {0, 1, 1}};
    const std::vector<amount> demands = {2, 2, 1, 1};
    for (const pass_time when : {pass_time::event, pass_time::instant}) {
        CHECK(*simulate_easy(jobs, capacity, demands, backfill_mode::queue, duration_source::request, when) ==
              std::vector<std::int64_t>{0, 0, 3, 3});
        CHECK(simulate_conservative(jobs, capacity, demands, duration_source::request, when)->back() <= 3);
    }
    const auto stopped = simulate_easy(jobs, capacity, demands, backfill_mode::queue, duration_source::request,
                                       pass_time::event, run_control<>{.max_evaluations = 3});
    CHECK(*stopped == std::vector<std::int64_t>(4, -1));
}
