// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_replay.hpp"

#include "berth/io/event_log.hpp"
#include "berth/io/event_log_policies.hpp"

#include "berth_bench/log_check.hpp"
#include "berth_bench/log_engine.hpp"
#include "common/skip.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
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
    const std::pair<const char*, const char*> lines[] = {
        {R"({"event": "queue", "time": 9, "queue": "q", "quota": {"gpu": 1000}})", "quota"},
        {R"({"event": "queue", "time": 9, "queue": "q", "limit": {"gpu": 1000}})", "limit"},
        {R"({"event": "queue", "time": 9, "queue": "q", "weight": 2})", "weight"},
        {R"({"event": "queue", "time": 9, "queue": "q", "priority": 2})", "priority"},
        {R"({"event": "queue", "time": 9, "queue": "q", "min_runtime": {"preempt": 2}})", "min_runtime"},
        {R"({"event": "queue", "time": 9, "queue": "q", "usage": 0.5})", "usage"},
        {R"({"event": "queue", "time": 9, "queue": "q", "parent": "p"})", "parent"},
        {R"({"event": "job", "time": 9, "job": "x", "labels": {"required": ["ssd"]}})", "labels"},
        {R"({"event": "job", "time": 9, "job": "x", "within": {"preferred": "rack"}})", "within"},
        {R"({"event": "job", "time": 9, "job": "x", "apart": "host"})", "apart"},
        {R"({"event": "job", "time": 9, "job": "x", "near": {"jobs": ["one"], "level": "host"}})", "near"},
        {R"({"event": "job", "time": 9, "job": "x", "away": {"class": "c", "level": "host"}})", "away"},
        {R"({"event": "job", "time": 9, "job": "x", "mig": "1g.10gb"})", "mig"},
        {R"({"event": "node", "time": 9, "node": "x", "gpus": [{"gpu": "x", "mig": {"board": "A100-80"}}]})",
         "gpus[0].mig"},
        {R"({"event": "running", "time": 9, "job": "one", "node": "a", "mig": {"profile": "p", "offset": 0}})", "mig"},
    };
    for (const auto& [line, field] : lines) {
        CAPTURE(line);
        const auto run = replay_log(read(fleet_lines + line), "f", {});
        REQUIRE_FALSE(run.has_value());
        CHECK(run.error().message.starts_with("f:8: field \"" + std::string{field} + "\": asks for "));
        CHECK(run.error().message.ends_with(", which this version cannot do yet"));
    }
    CHECK(replay_log(read(R"({"event": "queue", "time": 9, "queue": "q"})"), "f", {}).has_value());
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

TEST_CASE("scenarios of peer schedulers: all can be read, none breaks a rule") {
    const auto folder = berth_test::external_data("scenarios");
    if (!folder) return;
    std::size_t passed = 0;
    std::size_t differ = 0;
    std::size_t refused = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{*folder}) {
        if (entry.path().extension() != ".jsonl") continue;
        const std::string file = entry.path().string();
        CAPTURE(file);
        const auto text = read_text(file);
        REQUIRE(text.has_value());
        const auto log = read_event_log(*text, file);
        REQUIRE_MESSAGE(log.has_value(), log.error().message);
        const auto run = replay_log(*log, file, {});
        if (!run) {
            CHECK_MESSAGE(run.error().message.ends_with("cannot do yet"), run.error().message);
            ++refused;
            continue;
        }
        CHECK_MESSAGE(!run->broken, *run->broken);
        REQUIRE(run->expected.has_value());
        ++(differences(*run->expected, run->end).empty() ? passed : differ);
    }
    MESSAGE("scenarios: " << passed << " hold, " << differ << " differ, " << refused << " are refused");
    CHECK(passed + differ + refused >= 67);
    CHECK(passed >= 22);
}
