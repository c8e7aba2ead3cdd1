// SPDX-License-Identifier: Apache-2.0
// Every scenario of tests/scenarios: what it expects holds at its end.
#include "berth/io/event_log.hpp"

#include "berth_bench/log_check.hpp"
#include "berth_bench/log_replay.hpp"
#include "common/scenario_files.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using namespace bench;

namespace {

void holds(const std::string& folder, std::size_t at_least) {
    const auto files = berth_test::scenario_files(folder);
    CHECK(files.size() >= at_least);
    for (const std::string& file : files) {
        CAPTURE(file);
        const auto log = berth_test::read_scenario(file);
        if (log.empty()) continue;
        const auto run = replay_log(log, file, {});
        if (!run) {
            FAIL_CHECK(run.error().message);
            continue;
        }
        CHECK_MESSAGE(!run->broken, *run->broken);
        REQUIRE(run->expected.has_value());
        for (const std::string& what : differences(*run->expected, run->end)) FAIL_CHECK(what);
    }
}

}  // namespace

TEST_CASE("scenarios of peer schedulers hold") { holds("peers", 67); }
TEST_CASE("scenarios of our own hold") { holds("own", 1); }
