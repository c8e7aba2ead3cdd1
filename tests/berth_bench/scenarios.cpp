// SPDX-License-Identifier: Apache-2.0
// Every scenario of tests/scenarios: what it expects holds at its end, and as well when it is told by other names and in
// another order.
#include "berth/io/event_log.hpp"

#include "berth_bench/log_check.hpp"
#include "berth_bench/log_replay.hpp"
#include "common/log_shuffle.hpp"
#include "common/scenario_files.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
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
TEST_CASE("scenarios of our own hold") { holds("own", 200); }

TEST_CASE("scenarios hold by other names and in another order") {
    constexpr std::uint64_t seeds = 6;
    for (const char* folder : {"peers", "own"}) {
        for (const std::string& file : berth_test::scenario_files(folder)) {
            CAPTURE(file);
            const auto log = berth_test::read_scenario(file);
            std::size_t failed = 0;
            std::string first;
            for (std::uint64_t seed = 1; seed <= seeds && !log.empty(); ++seed) {
                const auto other = log_shuffle{seed}.of(log);
                const auto run = replay_log(other, file, {});
                std::string why;
                if (!run) {
                    why = run.error().message;
                } else if (run->broken) {
                    why = *run->broken;
                } else if (const auto differ = differences(*run->expected, run->end); !differ.empty()) {
                    why = differ.front();
                }
                if (why.empty()) continue;
                if (failed++ == 0) first = "seed " + std::to_string(seed) + ": " + why;
            }
            CHECK_MESSAGE(failed == 0, failed << " of " << seeds << " fail, the first: " << first);
        }
    }
}
