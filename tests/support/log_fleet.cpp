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
    R"({"event": "job", "time": 0, "job": "k", "priority": 1, "restart": false})"
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

namespace {

const char* const rule_lines =
    R"({"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "a0"}, {"gpu": "a1"}], "domains": {"rack": "r"}, "labels": ["ssd"]})"
    "\n"
    R"({"event": "node", "time": 0, "node": "b", "gpus": [{"gpu": "b0"}, {"gpu": "b1"}], "domains": {"rack": "s"}, "labels": ["spot"]})"
    "\n"
    R"({"event": "node", "time": 0, "node": "c", "gpus": [{"gpu": "c0"}, {"gpu": "c1"}]})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "p", "quota": {"gpu": 1000}, "limit": {"gpu": 2000}})"
    "\n"
    R"({"event": "queue", "time": 0, "queue": "q", "parent": "p", "quota": {"gpu": 4000}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "label", "labels": {"required": ["ssd"]}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "no_spot", "labels": {"excluded": ["spot"]}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "within", "tasks": 2, "within": {"required": "rack"}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "apart", "tasks": 2, "apart": "rack"})"
    "\n"
    R"({"event": "job", "time": 0, "job": "noisy", "class": "noisy"})"
    "\n"
    R"({"event": "job", "time": 0, "job": "shy", "away": {"class": "noisy", "level": "host"}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "near", "near": {"jobs": ["noisy"], "level": "rack"}})"
    "\n"
    R"({"event": "job", "time": 0, "job": "queued", "queue": "q", "tasks": 3, "min_tasks": 1})"
    "\n"
    R"({"event": "job", "time": 0, "job": "hard", "queue": "q", "tasks": 2, "preemptible": false})"
    "\n"
    R"({"event": "job", "time": 0, "job": "first", "queue": "q", "priority": 1})"
    "\n"
    R"({"event": "job", "time": 0, "job": "other", "priority": 1})"
    "\n";

/// All decisions of one moment: the first error, of one of them or of all together; empty if there is none.
std::string moment(log_fleet& fleet, const std::vector<decision>& decisions) {
    for (const decision& d : decisions) {
        if (const auto ok = fleet.apply(d); !ok) return ok.error().message;
    }
    const auto ok = fleet.check_room();
    return ok ? std::string{} : ok.error().message;
}
std::string moment(const std::vector<decision>& decisions) {
    log_fleet fleet{"f", false};
    CHECK(take(fleet, rule_lines) == "");
    return moment(fleet, decisions);
}

}  // namespace

TEST_CASE("decisions that break the labels of a job are refused") {
    CHECK(moment({start("label", 0, {"a", {"a0"}}), start("no_spot", 0, {"a", {"a1"}})}) == "");
    CHECK(moment({start("label", 0, {"b", {"b0"}})}).ends_with("node \"b\" has no label \"ssd\""));
    CHECK(moment({start("no_spot", 0, {"b", {"b0"}})}).ends_with("node \"b\" has the label \"spot\""));
}

TEST_CASE("decisions that part what belongs together, or join what is to be apart, are refused") {
    CHECK(moment({start("within", 0, {"a", {"a0"}}), start("within", 1, {"a", {"a1"}})}) == "");
    CHECK(moment({start("within", 0, {"a", {"a0"}}), start("within", 1, {"b", {"b1"}})}) ==
          "job \"within\", task 0: its tasks are to be in one \"rack\"");
    CHECK(moment({start("within", 0, {"c", {"c0"}})}) == "job \"within\", task 0: node \"c\" is in no \"rack\"");
    CHECK(moment({start("apart", 0, {"a", {"a0"}}), start("apart", 1, {"b", {"b1"}})}) == "");
    CHECK(moment({start("apart", 0, {"a", {"a0"}}), start("apart", 1, {"a", {"a1"}})}) ==
          "job \"apart\", task 0: another of its tasks is in \"rack\" \"r\"");
    CHECK(moment({start("apart", 0, {"c", {"c0"}})}) == "job \"apart\", task 0: node \"c\" is in no \"rack\"");
    // Where they meet only on the way, nothing is broken.
    CHECK(moment({start("within", 0, {"a", {"a0"}}), start("within", 1, {"b", {"b0"}}),
                  move_decision{1, "within", 1, {"b", {"b0"}}, {"a", {"a1"}}, 0, ""}}) == "");
}

TEST_CASE("decisions that bring together who keeps away, or take from whom it is near to, are refused") {
    CHECK(moment({start("noisy", 0, {"a", {"a0"}}), start("shy", 0, {"b", {"b1"}})}) == "");
    CHECK(moment({start("noisy", 0, {"a", {"a0"}}), start("shy", 0, {"a", {"a1"}})}) ==
          "job \"noisy\", task 0: job \"shy\" is to be away from it");
    log_fleet fleet{"f", false};
    CHECK(take(fleet, rule_lines) == "");
    CHECK(moment(fleet, {start("noisy", 0, {"a", {"a0"}})}) == "");
    CHECK(moment(fleet, {start("shy", 0, {"a", {"a1"}})}) ==
          "job \"shy\", task 0: it is to be away from job \"noisy\"");
    CHECK(moment({start("near", 0, {"b", {"b0"}})}) == "");  // nobody is there to be near to
    CHECK(moment({start("noisy", 0, {"a", {"a0"}}), start("near", 0, {"a", {"a1"}})}) == "");
    CHECK(moment({start("noisy", 0, {"a", {"a0"}}), start("near", 0, {"b", {"b0"}})})
              .ends_with("it is to be near to others"));
}

TEST_CASE("decisions that exceed the limit of a queue, or its guarantee for what may not be stopped, are refused") {
    CHECK(moment({start("queued", 0, {"a", {"a0"}}), start("queued", 1, {"a", {"a1"}})}) == "");
    CHECK(moment({start("queued", 0, {"a", {"a0"}}), start("queued", 1, {"a", {"a1"}}),
                  start("queued", 2, {"b", {"b1"}})}) ==
          "job \"queued\", task 0: queue \"p\" is above its limit of gpu");
    CHECK(moment({start("hard", 0, {"a", {"a0"}})}) == "");
    CHECK(moment({start("hard", 0, {"a", {"a0"}}), start("hard", 1, {"a", {"a1"}})}) ==
          "job \"hard\", task 0: it may not be stopped, and queue \"p\" is guaranteed less gpu");
    // A queue that is told again counts anew what runs below it.
    log_fleet fleet{"f", false};
    CHECK(take(fleet, rule_lines) == "");
    CHECK(moment(fleet, {start("queued", 0, {"a", {"a0"}})}) == "");
    CHECK(take(fleet, R"({"event": "queue", "time": 1, "queue": "p", "limit": {"gpu": 1000}})") == "");
    CHECK(moment(fleet, {start("queued", 1, {"a", {"a1"}})}) ==
          "job \"queued\", task 1: queue \"p\" is above its limit of gpu");
}

TEST_CASE("decisions that stop or move what may not be, evict equals, or halve a gang are refused") {
    const auto evict = [](const char* job, std::uint32_t task, log_place from, const char* whom) {
        return evict_decision{1, job, task, std::move(from), whom, ""};
    };
    CHECK(moment({start("hard", 0, {"a", {"a0"}}), evict("hard", 0, {"a", {"a0"}}, "other")})
              .ends_with("it may not be stopped"));
    CHECK(moment({start("hard", 0, {"a", {"a0"}}), move_decision{1, "hard", 0, {"a", {"a0"}}, {"b", {"b0"}}, 0, ""}})
              .ends_with("it may not be moved"));
    CHECK(moment({start("queued", 0, {"a", {"a0"}}), evict("queued", 0, {"a", {"a0"}}, "first")}) == "");
    CHECK(moment({start("first", 0, {"a", {"a0"}}), evict("first", 0, {"a", {"a0"}}, "queued")})
              .ends_with("job \"queued\" has no higher priority in its queue"));
    CHECK(moment({start("within", 0, {"a", {"a0"}}), start("within", 1, {"a", {"a1"}}),
                  evict("within", 0, {"a", {"a0"}}, "other")}) == "job \"within\" was evicted by halves");
    CHECK(moment({start("within", 0, {"a", {"a0"}}), start("within", 1, {"a", {"a1"}}),
                  evict("within", 0, {"a", {"a0"}}, "other"), evict("within", 1, {"a", {"a1"}}, "other")}) == "");
}
