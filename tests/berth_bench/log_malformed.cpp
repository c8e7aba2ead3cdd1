// SPDX-License-Identifier: Apache-2.0
// Lines of queues, rules and places that cannot be meant: each is refused with file, line and the name of the field.
#include "berth/io/event_log.hpp"

#include "berth_bench/log_replay.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using namespace bench;

namespace {

const std::string base =
    R"({"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "a0"}], "domains": {"zone": "z", "rack": "r"}})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "p", "quota": {"gpu": 1000}})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "q", "parent": "p"})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "leaf"})"
    "\n"
    R"({"event": "job", "time": 0, "job": "j", "queue": "leaf", "tasks": 2})"
    "\n";

struct wrong_line {
    const char* line;
    const char* field;
};

/// The message of the refusal; empty if the log is taken.
std::string refusal(const std::string& line) {
    const auto log = berth::io::read_event_log(base + line, "f");
    if (!log) return log.error().message;
    const auto run = replay_log(*log, "f", {});
    return run ? std::string{} : run.error().message;
}

constexpr wrong_line lines[] = {
    // ---- trees of queues
    {R"({"event": "queue", "time": 1, "queue": "p", "parent": "q"})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": "p", "parent": "p"})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": "x", "parent": "nobody"})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": "x", "parent": "leaf"})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": "x", "parent": "x"})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": "x", "parent": 5})", "parent"},
    {R"({"event": "queue", "time": 1, "queue": ""})", "queue"},
    {R"({"event": "queue", "time": 1})", "queue"},
    // ---- amounts of queues
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": {"gpu": -1}})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": {"gpu": 1e30}})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": {"gpu": 0.5}})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": {"gpu": "much"}})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": [1000]})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quota": {"": 1}})", "quota"},
    {R"({"event": "queue", "time": 1, "queue": "x", "limit": {"gpu": -5}})", "limit"},
    {R"({"event": "queue", "time": 1, "queue": "x", "limit": {"gpu": 9223372036854775808}})", "limit"},
    {R"({"event": "queue", "time": 1, "queue": "x", "limit": 4000})", "limit"},
    {R"({"event": "queue", "time": 1, "queue": "x", "weight": -1})", "weight"},
    {R"({"event": "queue", "time": 1, "queue": "x", "weight": "heavy"})", "weight"},
    {R"({"event": "queue", "time": 1, "queue": "x", "weight": 1e999})", "weight"},
    {R"({"event": "queue", "time": 1, "queue": "x", "priority": 1.5})", "priority"},
    {R"({"event": "queue", "time": 1, "queue": "x", "priority": 9999999999})", "priority"},
    {R"({"event": "queue", "time": 1, "queue": "x", "min_runtime": 60})", "min_runtime"},
    {R"({"event": "queue", "time": 1, "queue": "x", "min_runtime": {"preempt": -1}})", "min_runtime"},
    {R"({"event": "queue", "time": 1, "queue": "x", "min_runtime": {"evict": 1}})", "evict"},
    {R"({"event": "queue", "time": 1, "queue": "x", "usage": 1.5})", "usage"},
    {R"({"event": "queue", "time": 1, "queue": "x", "usage": -0.1})", "usage"},
    {R"({"event": "queue", "time": 1, "queue": "x", "quotas": {"gpu": 1}})", "quotas"},
    // ---- jobs in queues
    {R"({"event": "job", "time": 1, "job": "x", "queue": "nobody"})", "queue"},
    {R"({"event": "job", "time": 1, "job": "x", "queue": "p"})", "queue"},
    {R"({"event": "job", "time": 1, "job": "x", "min_tasks": 2})", "min_tasks"},
    {R"({"event": "job", "time": 1, "job": "x", "min_tasks": 0})", "min_tasks"},
    {R"({"event": "job", "time": 1, "job": "x", "tasks": 0})", "tasks"},
    {R"({"event": "job", "time": 1, "job": "x", "delay": -1})", "delay"},
    {R"({"event": "job", "time": 1, "job": "x", "preemptible": "no"})", "preemptible"},
    // ---- rules of jobs
    {R"({"event": "job", "time": 1, "job": "x", "near": {"jobs": ["j"]}})", "near"},
    {R"({"event": "job", "time": 1, "job": "x", "near": {"level": "rack"}})", "near"},
    {R"({"event": "job", "time": 1, "job": "x", "away": {"class": "c"}})", "away"},
    {R"({"event": "job", "time": 1, "job": "x", "away": {"jobs": [], "level": "rack"}})", "away"},
    {R"({"event": "job", "time": 1, "job": "x", "away": "j"})", "away"},
    {R"({"event": "job", "time": 1, "job": "x", "labels": ["ssd"]})", "labels"},
    {R"({"event": "job", "time": 1, "job": "x", "labels": {"required": [""]}})", "required"},
    {R"({"event": "job", "time": 1, "job": "x", "labels": {"wanted": ["ssd"]}})", "wanted"},
    {R"({"event": "job", "time": 1, "job": "x", "within": "rack"})", "within"},
    {R"({"event": "job", "time": 1, "job": "x", "within": {"needed": "rack"}})", "needed"},
    {R"({"event": "job", "time": 1, "job": "x", "apart": ["rack"]})", "apart"},
    // ---- places
    {R"({"event": "node", "time": 1, "node": "b", "domains": {"rack": "r", "zone": "z"}})", "domains"},
    {R"({"event": "node", "time": 1, "node": "b", "domains": {"host": "h", "rack": "r"}})", "domains"},
    {R"({"event": "node", "time": 1, "node": "b", "labels": "ssd"})", "labels"},
    {R"({"event": "threshold", "time": 1, "gpu": "nobody"})", "gpu"},
    {R"({"event": "format", "version": 1, "options": {"consolidate": true}})", "event"},
};

}  // namespace

TEST_CASE("malformed lines of queues, jobs and places are refused by line and field") {
    REQUIRE(refusal("").empty());
    for (const wrong_line& one : lines) {
        CAPTURE(one.line);
        const std::string why = refusal(one.line);
        CHECK_MESSAGE(why.starts_with("f:6: "), why);
        CHECK_MESSAGE(why.find(one.field) != std::string::npos, why);
    }
    CHECK(std::size(lines) >= 40);
}

TEST_CASE("what only looks wrong is taken") {
    const char* const taken[] = {
        R"({"event": "queue", "time": 1, "queue": "x", "quota": {"gpu": 1000000000}})",  // more than there is
        R"({"event": "queue", "time": 1, "queue": "x", "quota": null})",
        R"({"event": "queue", "time": 1, "queue": "x", "limit": {"gpu": 0}})",
        R"({"event": "queue", "time": 1, "queue": "x", "weight": 0})",
        R"({"event": "queue", "time": 1, "queue": "x", "quota": {"licences": 3}})",               // nobody has any
        R"({"event": "queue", "time": 1, "queue": "q", "parent": "p", "quota": {"gpu": 5000}})",  // above its parent's
        R"({"event": "job", "time": 1, "job": "x", "within": {"required": "row"}})",              // no node is in a row
        R"({"event": "job", "time": 1, "job": "x", "near": {"jobs": ["later"], "level": "rack"}})",
        R"({"event": "job", "time": 1, "job": "x", "labels": {"required": []}})",
        R"({"event": "node", "time": 1, "node": "b", "domains": {"zone": "z"}})",  // a gap below the zone
    };
    for (const char* line : taken) {
        CAPTURE(line);
        CHECK(refusal(line) == "");
    }
}
