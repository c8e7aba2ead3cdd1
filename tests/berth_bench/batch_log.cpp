// SPDX-License-Identifier: Apache-2.0
#include "support/batch_log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace berth;

namespace {

std::string line_of(std::int64_t submit, std::int64_t run, std::int64_t allocated, std::int64_t asked,
                    std::int64_t request) {
    std::string line = "7 " + std::to_string(submit) + " -1 " + std::to_string(run) + " " + std::to_string(allocated) +
                       " -1 -1 " + std::to_string(asked) + " " + std::to_string(request) + " -1 1 42";
    for (int i = 0; i < 6; ++i) line += " -1";
    return line + "\n";
}

}  // namespace

TEST_CASE("SWF is read by its rules: fallbacks, dropped jobs, order, header") {
    const std::string text = "; MaxProcs: 8\n\n" + line_of(5, 10, 3, -1, -1) + line_of(2, 20, 1, 4, 15) +
                             line_of(6, 10, 9, -1, 10) + line_of(6, -1, 1, 1, 10) + line_of(6, 1, 0, -1, 10);
    const auto log = bench::parse_batch_log("log.swf", text, {});
    REQUIRE(log);
    CHECK(log->capacity == std::vector<amount>{8});
    CHECK(log->dropped == 3);
    REQUIRE(log->jobs.size() == 2);
    CHECK(log->jobs[0].submit == 2);
    CHECK(log->jobs[0].run == 15);  // ended at its request
    CHECK(log->jobs[0].request == 15);
    CHECK(log->jobs[1].request == 10);
    CHECK(log->demands == std::vector<amount>{4, 3});
    CHECK(log->jobs[0].user == 42);
    CHECK(log->ids[0] == "7");
    CHECK(bench::parse_batch_log("log.swf", text, {.procs = 3})->jobs.size() == 1);
}

TEST_CASE("CSV is read with the counters that are asked for") {
    const std::string text = "id,submit,run,procs,req,user,gpus\na,5,1,1,2,3,0\nb,0,1,2,2,3,4\nc,9,1,1,0,3,9\n";
    const auto log = bench::parse_batch_log("log.csv", text, {.procs = 4, .counters = {{"gpus", 8}}});
    REQUIRE(log);
    CHECK(log->counters == std::vector<std::string>{"procs", "gpus"});
    CHECK(log->ids == std::vector<std::string>{"b", "a"});
    CHECK(log->demands == std::vector<amount>{2, 4, 1, 0});
    CHECK(log->dropped == 1);
    const auto gpus = bench::parse_batch_log("log.csv", text, {.counters = {{"gpus", 8}}});
    REQUIRE(gpus);
    CHECK(gpus->ids == std::vector<std::string>{"b"});  // the others want nothing, or too much
}

TEST_CASE("a log that cannot be read is refused with file, line and field") {
    struct broken {
        std::string text;
        bench::batch_log_options options;
        const char* message;
    };
    const broken cases[] = {
        {line_of(1, 1, 1, 1, 1), {}, "log: the log does not say how many processors there are"},
        {"1 2 3\n",
         {.procs = 4},
         "log:1: field \"line\": has fewer than 12 or more than 18 fields of the Standard Workload Format"},
        {line_of(1, 1, 1, 1, 1) + "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n",
         {.procs = 4},
         "log:2: field \"line\": has fewer than 12 or more than 18 fields of the Standard Workload Format"},
        {"1 x -1 1 1 -1 -1 1 1 -1 1 1\n",
         {.procs = 4},
         "log:1: field \"submit time\": is \"x\", expected a whole number from -1 to 1000000000000"},
        {"1 1.5 -1 1 1 -1 -1 1 1 -1 1 1\n",
         {.procs = 4},
         "log:1: field \"submit time\": is \"1.5\", expected a whole number from -1 to 1000000000000"},
        {"1 1 -1 -2 1 -1 -1 1 1 -1 1 1\n",
         {.procs = 4},
         "log:1: field \"run time\": is \"-2\", expected a whole number from -1 to 1000000000000"},
        {"1 1 -1 1 1 -1 -1 1 99999999999999999999 -1 1 1\n",
         {.procs = 4},
         "log:1: field \"requested time\": is \"99999999999999999999\", expected a whole number from -1 to "
         "1000000000000"},
        {line_of(1, 1, 1, 1, 1),
         {.procs = 4, .counters = {{"gpus", 1}}},
         "log: a log in SWF has no counters beside processors"},
        {"submit,run,req\n1,1,1\n", {.procs = 4}, "log:1: field \"procs\": the header"},
    };
    for (const broken& each : cases) {
        CAPTURE(each.text);
        const auto log = bench::parse_batch_log("log", each.text, each.options);
        REQUIRE_FALSE(log);
        CHECK(log.error().message.substr(0, std::string{each.message}.size()) == each.message);
    }
    CHECK_FALSE(bench::parse_batch_log("log", "submit,run,procs,req\n1,x,1,1\n", {.procs = 4}));
    CHECK_FALSE(bench::read_batch_log("/nonexistent/log.swf", {.procs = 4}));
}
