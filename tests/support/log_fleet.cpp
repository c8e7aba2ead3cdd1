// SPDX-License-Identifier: Apache-2.0
#include "support/log_fleet.hpp"

#include "berth/io/event_log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace bench;
using namespace berth::io;

namespace {

const char* const fleet_lines =
    R"({"event": "node", "time": 0, "node": "a", "capacity": {"cpu": 4000}, "gpus": [{"gpu": "g0", "model": "A", "capacity": {"memory": 100}}, {"gpu": "g1", "model": "B"}], "domains": {"zone": "z", "host": "a"}})"
    "\n"
    R"({"event": "node", "time": 0, "node": "b", "gpus": [{"gpu": "h0"}], "domains": {"zone": "z"}})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "q"})"
    "\n"
    R"({"event": "job", "time": 0, "job": "j", "tasks": 2, "gpu_demand": {"share": 600, "memory": 40}, "node_demand": {"cpu": 1000}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "k", "restart": false})"
    "\n";

/// Everything up to the first error, whose message comes back.
std::string take(log_fleet& fleet, std::string_view lines) {
    const auto log = read_event_log(lines, "f");
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    for (const numbered_event& one : *log) {
        const auto taken = fleet.apply(one.what, one.line);
        if (!taken) return taken.error().message;
    }
    return {};
}

log_fleet usual(bool acknowledged = false) {
    log_fleet fleet{"f", acknowledged};
    CHECK(take(fleet, fleet_lines) == "");
    return fleet;
}

bool changes(log_fleet& fleet, const event& e) {
    const auto changed = fleet.apply(e, 9);
    REQUIRE_MESSAGE(changed.has_value(), changed.error().message);
    return *changed;
}

start_decision start(const char* job, std::uint32_t task, log_place place) {
    return {1, job, task, std::move(place), {}};
}

}  // namespace

TEST_CASE("lines that name what is not there are refused with their field") {
    const std::pair<const char*, const char*> lines[] = {
        {R"({"event": "close", "time": 1, "node": "x"})", "f:6: field \"node\": there is no node \"x\""},
        {R"({"event": "close", "time": 1, "node": "a", "gpu": "h0"})",
         "f:6: field \"gpu\": there is no GPU on node \"a\""},
        {R"({"event": "node_gone", "time": 1, "node": "x"})", "f:6: field \"node\": "},
        {R"({"event": "health", "time": 1, "node": "a", "gpu": "g9", "healthy": true})", "f:6: field \"gpu\": "},
        {R"({"event": "threshold", "time": 1, "gpu": "g9", "load": 1})", "f:6: field \"gpu\": "},
        {R"({"event": "reading", "time": 1, "node": "x"})", "f:6: field \"node\": "},
        {R"({"event": "job", "time": 1, "job": "j"})", "f:6: field \"job\": \"j\" is there already, since line 4"},
        {R"({"event": "job", "time": 1, "job": "l", "queue": "r"})", "f:6: field \"queue\": there is no queue \"r\""},
        {R"({"event": "queue", "time": 1, "queue": "s", "parent": "r"})", "f:6: field \"parent\": "},
        {R"({"event": "running", "time": 1, "job": "l", "node": "a"})", "f:6: field \"job\": "},
        {R"({"event": "running", "time": 1, "job": "j", "task": 2, "node": "a"})", "f:6: field \"task\": is 2"},
        {R"({"event": "running", "time": 1, "job": "j", "node": "a", "gpus": ["h0"]})", "f:6: field \"gpus[0]\": "},
        {R"({"event": "running", "time": 1, "job": "j", "node": "a"})", "f:6: field \"gpus\": has 0 GPUs"},
        {R"({"event": "running", "time": 1, "job": "j", "node": "a", "gpus": ["g0", "g0"]})",
         "f:6: field \"gpus[1]\": \"g0\" is there twice"},
        {R"({"event": "finish", "time": 1, "job": "l"})", "f:6: field \"job\": "},
        {R"({"event": "progress", "time": 1, "job": "l", "rate": 1})", "f:6: field \"job\": "},
        {R"({"event": "node", "time": 1, "node": "c", "gpus": [{"gpu": "g0"}]})",
         "f:6: field \"gpus[0].gpu\": \"g0\" is on node \"a\""},
        {R"({"event": "node", "time": 1, "node": "c", "gpus": [{"gpu": "i"}, {"gpu": "i"}]})",
         "f:6: field \"gpus[1].gpu\": \"i\" is there twice"},
        {R"({"event": "node", "time": 1, "node": "c", "gpus": [{"gpu": "i", "links": {"g0": 1}}]})",
         "f:6: field \"gpus[0].links.g0\": "},
        {R"({"event": "node", "time": 1, "node": "c", "domains": {"host": "c", "zone": "z"}})",
         "f:6: field \"domains.host\": is the innermost level"},
        {R"({"event": "node", "time": 1, "node": "c", "domains": {"zone": "z", "host": "a"}})",
         "f:6: field \"domains.host\": \"a\" is already the host of node \"a\""},
        {R"({"expect": {"running": ["l"]}})", "f:6: field \"expect.running\": there is no job \"l\""},
        {R"({"expect": {"any_of": [{}, {"gpus": {"j": ["g9"]}}]}})", "f:6: field \"expect.any_of[1].gpus.j\": "},
    };
    for (const auto& [line, begin] : lines) {
        CAPTURE(line);
        log_fleet fleet{"f", false};
        const std::string said = take(fleet, std::string{fleet_lines} + line);
        CHECK_MESSAGE(said.starts_with(begin), said);
    }
    log_fleet fleet{"f", false};
    CHECK(take(fleet, R"({"event": "node", "time": 1, "node": "c", "domains": {"zone": "z", "rack": "r"}})"
                      "\n"
                      R"({"event": "node", "time": 1, "node": "d", "domains": {"rack": "r", "zone": "z"}})")
              .starts_with("f:2: field \"domains.zone\": stands below \"rack\", elsewhere above it"));
}

TEST_CASE("what comes twice changes nothing") {
    log_fleet fleet = usual();
    const auto log = read_event_log(fleet_lines);
    CHECK_FALSE(changes(fleet, (*log)[0].what));
    CHECK_FALSE(changes(fleet, (*log)[2].what));
    CHECK(changes(fleet, health_event{1, "a", "g0", false, {}}));
    CHECK_FALSE(changes(fleet, health_event{2, "a", "g0", false, {}}));
    CHECK(changes(fleet, place_event{1, place_change::close, "a", {}}));
    CHECK_FALSE(changes(fleet, place_event{1, place_change::close, "a", {}}));
    CHECK(changes(fleet, running_event{1, "k", 0, "b", {"h0"}, {}}));
    CHECK_FALSE(changes(fleet, running_event{1, "k", 0, "b", {"h0"}, {}}));
    CHECK(changes(fleet, task_event{1, task_report::finish, "k", {}}));
    CHECK_FALSE(changes(fleet, task_event{1, task_report::finish, "k", {}}));
    CHECK(changes(fleet, node_gone_event{1, "b"}));
    CHECK_FALSE(changes(fleet, node_gone_event{1, "b"}));
    CHECK_FALSE(changes(fleet, health_event{1, "b", "h0", false, {}}));
    // A node that comes back is another one: open and healthy.
    CHECK(changes(fleet, node_event{2, "b", {}, {}, {}, {}}));
}

TEST_CASE("decisions that no scheduler may take are refused") {
    log_fleet fleet = usual();
    const auto why = [&](const decision& d) {
        const auto ok = fleet.apply(d);
        return ok ? std::string{} : ok.error().message;
    };
    const auto holds = [&](const decision& d, const char* what) {
        const std::string said = why(d);
        CHECK_MESSAGE(said.find(what) != std::string::npos, said);
    };
    holds(start("l", 0, {"a", {"g0"}}), "no such job");
    holds(start("j", 5, {"a", {"g0"}}), "no such task");
    holds(start("j", 0, {"c", {"g0"}}), "no node \"c\"");
    holds(start("j", 0, {"a", {}}), "asks for 1 GPUs");
    holds(start("j", 0, {"a", {"h0"}}), "not on node");
    holds(evict_decision{1, "j", 0, {"a", {"g0"}}, {}, ""}, "does not run there");
    holds(move_decision{1, "j", 0, {"a", {"g0"}}, {"b", {"h0"}}, 0, ""}, "does not run there");
    holds(wait_decision{1, "l", {}, {}, {}, {}}, "no such job");
    CHECK(changes(fleet, health_event{1, "a", "g1", false, {}}));
    holds(start("j", 0, {"a", {"g1"}}), "not healthy");
    CHECK(changes(fleet, place_event{1, place_change::close, "b", {}}));
    holds(start("j", 0, {"b", {"h0"}}), "is closed");

    CHECK(why(start("j", 0, {"a", {"g0"}})) == "");
    CHECK(fleet.check_room().has_value());
    holds(start("j", 0, {"a", {"g0"}}), "does not wait");
    CHECK(why(start("j", 1, {"a", {"g0"}})) == "");
    const auto room = fleet.check_room();
    REQUIRE_FALSE(room.has_value());
    CHECK(room.error().message.find("GPU \"g0\" has no room left in share") != std::string::npos);
    CHECK(fleet.overcommitted() == std::vector<std::pair<std::string, berth::amount>>{{"a g0, share", -200}});
    CHECK(fleet.job("j")->started_at == 1.0);
}

TEST_CASE("free amounts are of what places declare, and never below none") {
    log_fleet fleet = usual();
    CHECK(fleet.free() == counter_totals{{"cpu", 4000}, {"gpu", 3000}, {"gpu_memory", 100}});
    CHECK(changes(fleet, running_event{1, "j", 0, "a", {"g0"}, {}}));
    CHECK(changes(fleet, running_event{1, "j", 1, "a", {"g0"}, {}}));
    CHECK(fleet.free() == counter_totals{{"cpu", 2000}, {"gpu", 2000}, {"gpu_memory", 20}});
    CHECK(changes(fleet, node_gone_event{1, "a"}));
    CHECK(fleet.free() == counter_totals{{"gpu", 1000}});
    CHECK(fleet.job("j")->count(logged_task::state::waiting) == 2);
}

TEST_CASE("with reports, evictions and moves are done when they are reported") {
    log_fleet fleet = usual(true);
    CHECK(changes(fleet, running_event{1, "j", 0, "a", {"g0"}, {}}));
    CHECK(fleet.apply(evict_decision{1, "j", 0, {"a", {"g0"}}, "k", "x"}).has_value());
    CHECK(fleet.job("j")->evicted);
    CHECK(fleet.job("j")->count(logged_task::state::running) == 1);
    CHECK(changes(fleet, task_event{2, task_report::failed, "j", 0}));
    CHECK_FALSE(changes(fleet, task_event{2, task_report::stopped, "j", 0}));
    CHECK(fleet.apply(move_decision{3, "j", 0, {"a", {"g0"}}, {"b", {"h0"}}, 0, "x"}).has_value());
    CHECK(fleet.job("j")->tasks[0].place.node == "a");
    CHECK(changes(fleet, task_event{4, task_report::moved, "j", {}}));
    CHECK(fleet.job("j")->tasks[0].place.node == "b");
    // What runs there was reported: it cannot fail to start any more. What was decided a moment ago can.
    CHECK_FALSE(changes(fleet, task_event{5, task_report::failed, "j", 0}));
    CHECK(fleet.apply(start("k", 0, {"a", {"g1"}})).has_value());
    CHECK(changes(fleet, task_event{5, task_report::failed, "k", 0}));
    CHECK_FALSE(fleet.job("k")->runs());
    CHECK(fleet.evictions() == 1);
    CHECK(fleet.moves() == 1);
}

TEST_CASE("a domain is what the node declares, and the host is the node") {
    const log_fleet fleet = usual();
    CHECK(fleet.domain("a", "zone") == "z");
    CHECK(fleet.domain("b", "host") == "b");
    CHECK(fleet.domain("a", "rack") == "");
    CHECK(fleet.undeclared().empty());
}
