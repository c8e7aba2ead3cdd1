// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_replay.hpp"

#include "berth/io/event_log.hpp"
#include "berth/io/event_log_policies.hpp"

#include "berth_bench/log_check.hpp"
#include "berth_bench/log_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace bench;
using namespace berth::io;

namespace {

const std::string fleet_lines =
    R"({"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "a0", "model": "A"}, {"gpu": "a1", "model": "B"}], "domains": {"zone": "z", "host": "a"}})"
    "\n"
    R"({"event": "node", "time": 0, "node": "b", "gpus": [{"gpu": "b0", "model": "A"}], "domains": {"zone": "z", "host": "b"}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "two", "tasks": 2})"
    "\n"
    R"({"event": "running", "time": 0, "job": "two", "node": "a", "gpus": ["a1"]})"
    "\n"
    R"({"event": "running", "time": 0, "job": "two", "task": 1, "node": "b", "gpus": ["b0"]})"
    "\n"
    R"({"event": "job", "time": 5, "job": "one", "accepted_models": ["A"]})"
    "\n"
    R"({"event": "job", "time": 6, "job": "late"})"
    "\n";

std::vector<numbered_event> read(const std::string& text) {
    auto log = read_event_log(text, "f");
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    return *std::move(log);
}

std::vector<std::string> differs(const std::string& expected) {
    const auto run = replay_log(read(fleet_lines + expected), "f", {});
    REQUIRE_MESSAGE(run.has_value(), run.error().message);
    CHECK_FALSE(run->broken.has_value());
    REQUIRE(run->expected.has_value());
    return differences(*run->expected, run->end);
}

}  // namespace

TEST_CASE("every key of an expectation is compared") {
    const char* const hold[] = {
        R"("running": ["two", "one"], "waiting": ["late"])",
        R"("on": {"two": ["a", "b"], "one": ["a"]})",
        R"("same_node": [["one"], ["late", "one"]])",
        R"("apart": [[["two"], "host"], [["one"], "zone"], [["late", "one"], "host"]])",
        R"("tasks": {"two": 2, "late": 0})",
        R"("started_at": {"one": 5, "two": 0})",
        R"("at_most": {"evicted": 0, "moved": 0})",
        R"("models": {"two": ["A", "B"], "one": ["A"]})",
        R"("gpus": {"two": ["b0", "a1"], "late": []})",
        R"("reasons": {"late": ["gpu"]})",
        R"("any_of": [{"running": ["late"]}, {"any_of": [{"gpus": {"one": ["a0"]}}]}])",
        "",
    };
    for (const char* one : hold) {
        CAPTURE(one);
        const auto found = differs(std::string{"{\"expect\": {"} + one + "}}");
        CHECK_MESSAGE(found.empty(), (found.empty() ? "" : found.front()));
    }
    const std::pair<const char*, const char*> fail[] = {
        {R"("running": ["late"])", "job late runs with 0 of at least 1 tasks"},
        {R"("waiting": ["two"])", "job two runs, expected to wait"},
        {R"("evicted": ["two"])", "job two was not evicted"},
        {R"("moved": ["two"])", "job two was not moved"},
        {R"("stopped": ["two"])", "job two was not stopped"},
        {R"("lost": ["two"])", "job two was not lost"},
        {R"("on": {"two": ["a"]})", "job two is on node b, expected on a"},
        {R"("same_node": [["two"]])", "jobs two are on 2 nodes, expected on one"},
        {R"("apart": [[["two"], "zone"]])", "two tasks of two are in zone \"z\", expected apart"},
        {R"("apart": [[["two", "one"], "host"]])", "two tasks of two, one are in host \"a\", expected apart"},
        {R"("tasks": {"two": 1})", "job two runs with 2 tasks, expected 1"},
        {R"("started_at": {"one": 6})", "job one started at 5, expected at 6"},
        {R"("started_at": {"late": 6})", "job late has not started, expected at 6"},
        {R"("models": {"two": ["A", "A"]})", "job two has the models [A, B], expected [A, A]"},
        {R"("gpus": {"two": ["a1"]})", "job two has the GPUs [a1, b0], expected [a1]"},
        {R"("reasons": {"late": ["gpu", "cpu"]})", "job late waits for the reasons gpu, expected cpu"},
        {R"("reasons": {"one": ["cpu"]})", "job one waits for the reasons none, expected cpu"},
        {R"("any_of": [{"running": ["late"]}, {"tasks": {"two": 1}}])",
         "none of 2 alternatives holds: (1) job late runs with 0 of at least 1 tasks (2) job two runs with 2 tasks, "
         "expected 1"},
    };
    for (const auto& [expected, said] : fail) {
        CAPTURE(expected);
        const auto found = differs(std::string{"{\"expect\": {"} + expected + "}}");
        REQUIRE(found.size() == 1);
        CHECK(found.front() == said);
    }
}

TEST_CASE("an ended job neither runs nor waits") {
    const auto found = differs(R"({"event": "finish", "time": 9, "job": "late"})"
                               "\n"
                               R"({"expect": {"running": ["late"], "waiting": ["late"]}})");
    CHECK(found ==
          std::vector<std::string>{"job late runs with 0 of at least 1 tasks", "job late has ended, expected to wait"});
}

TEST_CASE("the same log gives the same decisions, under every policy") {
    for (const berth::io::log_policy& policy : berth::io::log_policies()) {
        CAPTURE(policy.name);
        std::string lines[2];
        for (std::string& one : lines) {
            const auto run = replay_log(read(fleet_lines), "f", {.policy = std::string{policy.name}});
            REQUIRE_MESSAGE(run.has_value(), run.error().message);
            CHECK_FALSE(run->broken.has_value());
            for (const decision& d : run->decided) append_decision(one, d);
        }
        CHECK(lines[0] == lines[1]);
        CHECK(std::count(lines[0].begin(), lines[0].end(), '\n') == 2);  // one starts, the other waits
    }
}

TEST_CASE("a log names its policy, and an option goes before it") {
    const std::string named = R"({"event": "format", "version": 1, "policy": "fifo", "acknowledge": "log"})"
                              "\n";
    CHECK(replay_log(read(named + fleet_lines), "f", {})->policy == "fifo");
    CHECK(replay_log(read(named + fleet_lines), "f", {})->acknowledged);
    CHECK(replay_log(read(named + fleet_lines), "f", {.policy = "srtf"})->policy == "srtf");
    CHECK_FALSE(replay_log(read(named + fleet_lines), "f", {.acknowledged = false})->acknowledged);
    const auto wrong = replay_log(read(R"({"event": "format", "version": 1, "policy": "lifo"})"), "f", {});
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().message.starts_with("f:1: field \"policy\": there is no policy \"lifo\"; there are berth, "));
    CHECK(replay_log(read(fleet_lines), "f", {.policy = "lifo"}).error().message.starts_with("--policy: there is no"));
    CHECK(replay_log({}, "f", {}).has_value());
}

TEST_CASE("what the engine cannot do yet is refused by line and field") {
    const auto run = replay_log(
        read(fleet_lines +
             R"({"event": "job", "time": 9, "job": "x", "tasks": 2, "alternatives": [{"gpus": 1}, {"gpus": 2}]})"),
        "f", {});
    REQUIRE_FALSE(run.has_value());
    CHECK(run.error().message.starts_with("f:8: field \"alternatives\": asks for "));
    CHECK(run.error().message.ends_with(", which this version cannot do yet"));
    CHECK(replay_log(read(R"({"event": "queue", "time": 9, "queue": "q"})"), "f", {}).has_value());
}

TEST_CASE("slices that cannot be are refused by line and field") {
    const std::string lines =
        R"({"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "g", "mig": {"board": "A100-80"}}, {"gpu": "w"}]})"
        "\n"
        R"({"event": "job", "time": 0, "job": "s", "mig": "1g.10gb"})"
        "\n"
        R"({"event": "job", "time": 0, "job": "t", "mig": "3g.40gb"})"
        "\n"
        R"({"event": "job", "time": 0, "job": "whole"})"
        "\n";
    CHECK(replay_log(read(lines), "f", {}).has_value());
    const std::pair<const char*, const char*> wrong[] = {
        {R"("node", "node": "x", "gpus": [{"gpu": "x", "mig": {"board": "A101"}}])",
         R"("gpus[0].mig.board": there is no MIG board "A101")"},
        {R"("job", "job": "x", "mig": "1g.11gb")", R"("mig": there is no MIG profile "1g.11gb")"},
        {R"("job", "job": "x", "mig": "1g.10gb", "gpus": 2)", R"("mig": is given beside a demand of GPUs)"},
        {R"("job", "job": "x", "mig": "1g.10gb", "alternatives": [{"gpus": 1}, {"gpus": 0}])",
         R"("mig": is given beside alternatives)"},
        {R"("running", "job": "s", "node": "a", "gpus": ["g"])", R"("mig": is missing)"},
        {R"("running", "job": "s", "node": "a", "gpus": ["g"], "mig": {"profile": "3g.40gb", "offset": 0})",
         R"("mig.profile": is "3g.40gb", the job asks for "1g.10gb")"},
        {R"("running", "job": "t", "node": "a", "gpus": ["g"], "mig": {"profile": "3g.40gb", "offset": 2})",
         R"("mig.offset": board "A100-80" has no "3g.40gb" at offset 2)"},
        {R"("running", "job": "t", "node": "a", "mig": {"profile": "3g.40gb", "offset": 2})",
         R"("mig.offset": is 2, and no GPU of node "a" has a position for "3g.40gb" there)"},
        {R"("running", "job": "t", "node": "a", "gpus": ["w"], "mig": {"profile": "3g.40gb", "offset": 4})",
         R"("gpus[0]": GPU "w" is not in MIG mode)"},
        {R"("running", "job": "t", "node": "a", "gpus": ["g", "w"], "mig": {"profile": "3g.40gb", "offset": 4})",
         R"("gpus": has several GPUs)"},
        {R"("running", "job": "whole", "node": "a", "gpus": ["w"], "mig": {"profile": "3g.40gb", "offset": 4})",
         R"("mig": is given, and job "whole" asks for no slice)"},
    };
    for (const auto& [rest, message] : wrong) {
        CAPTURE(rest);
        const auto run = replay_log(read(lines + R"({"time": 9, "event": )" + rest + "}"), "f", {});
        REQUIRE_FALSE(run.has_value());
        CHECK(run.error().message.find("f:5: field " + std::string{message}) == 0);
    }
    CHECK(replay_log(read(lines), "f", {.mig_profiles = "/there/is/none.csv"}).error().message.find("none.csv") !=
          std::string::npos);
}

TEST_CASE("the engine is woken between lines, and after the last one if asked") {
    const std::string lines = R"({"event": "format", "version": 1, "acknowledge": "log"})"
                              "\n"
                              R"({"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "a0"}]})"
                              "\n"
                              R"({"event": "job", "time": 0, "job": "j"})"
                              "\n"
                              R"({"event": "failed", "time": 5, "job": "j"})"
                              "\n";
    const auto now = replay_log(read(lines), "f", {});
    REQUIRE(now.has_value());
    CHECK_FALSE(now->end.job("j")->runs());
    const auto later = replay_log(read(lines), "f", {.until = 1000.0});
    REQUIRE(later.has_value());
    CHECK(later->end.job("j")->runs());
    const auto between = replay_log(read(lines + R"({"event": "decide", "time": 1000})"), "f", {});
    REQUIRE(between.has_value());
    REQUIRE(between->decided.size() == later->decided.size());
    CHECK(std::get<start_decision>(between->decided.back()).time ==
          std::get<start_decision>(later->decided.back()).time);
}
