// SPDX-License-Identifier: Apache-2.0
#include "berth/io/event_log_calls.hpp"

#include "berth/io/event_log_names.hpp"
#include "berth/io/event_log_reader.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace berth;

namespace {

std::vector<io::event> read(const std::string& text) {
    const auto log = io::read_event_log(text);
    REQUIRE(log);
    std::vector<io::event> found;
    for (const io::numbered_event& one : *log) found.push_back(one.what);
    return found;
}

struct told {
    explicit told(const std::string& text)
        : events{read(text)}, calls{io::counters_of(events)}, engine{{}, calls.schema()} {}
    result<void> all() {
        for (const io::event& e : events) {
            if (auto ok = calls.call(engine, e); !ok) return ok;
        }
        return {};
    }
    std::vector<io::decision> decide(double time) {
        std::vector<io::decision> found;
        const auto decided = engine.decide(time);
        REQUIRE(decided);
        for (const decision& one : *decided) {
            found.push_back(io::named(engine, one).what);
            if (auto* wait = std::get_if<io::wait_decision>(&found.back()))
                io::note_nearest(engine, engine.explain(*engine.find_job(wait->job)), *wait);
        }
        return found;
    }

    std::vector<io::event> events;
    io::event_log_calls calls;
    scheduler<> engine;
};

}  // namespace

TEST_CASE("the counters of a log are those that it declares and those that it asks for") {
    const io::log_counters found = io::counters_of(read(
        R"({"event": "node", "time": 0, "node": "n", "capacity": {"cpu": 1}, "gpus": [{"gpu": "G", "capacity": {"memory": 1, "share": 1000}}]}
{"event": "job", "time": 1, "job": "a", "gpu_demand": {"bandwidth": 1}, "node_demand": {"disk": 1}, "alternatives": [{"node_demand": {"nic": 1}}]})"));
    CHECK(found.node == std::set<std::string>{"cpu", "disk", "nic"});
    CHECK(found.gpu == std::set<std::string>{"bandwidth", "memory"});
}

TEST_CASE("a counter that nobody declares is nobody's, and from its first declaration on others have no limit of it") {
    told log{R"({"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0"}]}
{"event": "job", "time": 1, "job": "a", "node_demand": {"disk": 5}})"};
    REQUIRE(log.all());
    const auto waits = log.decide(1.0);
    REQUIRE(waits.size() == 1);
    const auto* wait = std::get_if<io::wait_decision>(&waits[0]);
    REQUIRE(wait != nullptr);
    CHECK(wait->reasons.front().first == "never");
    CHECK(wait->nearest_node == "n0");
    REQUIRE(wait->missing.size() == 1);
    CHECK(wait->missing[0] == io::counter_amount{"disk", 5});
    io::node_event other{.time = 2, .node = "n1", .capacity = {{"disk", 1}}};
    REQUIRE(log.calls.call(log.engine, io::event{other}));
    const auto starts = log.decide(2.0);
    REQUIRE(starts.size() == 1);
    const auto* start = std::get_if<io::start_decision>(&starts[0]);
    REQUIRE(start != nullptr);
    CHECK(start->place == io::log_place{"n0", {"G0"}});
}

TEST_CASE("a threshold of a GPU needs no node, but a GPU that is there") {
    told log{R"({"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0"}]}
{"event": "threshold", "time": 1, "gpu": "G0", "temperature": 80}
{"event": "reading", "time": 2, "node": "n0", "gpu": "G0", "temperature": 81})"};
    REQUIRE(log.all());
    CHECK(log.engine.status({"n0", "G0"}).hot);
    CHECK(!log.engine.status({"n0", "G0"}).usable());
    CHECK(log.engine.status("n0").usable());
    CHECK(!log.engine.status("n9").there);
    const auto refused =
        log.calls.call(log.engine, io::event{io::threshold_event{.time = 3, .gpu = "G9", .load = 1.0}});
    REQUIRE(!refused);
    CHECK(refused.error().message == "event threshold: GPU \"G9\" is on no node");
}

TEST_CASE("the status of a place says what each side says") {
    told log{R"({"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0"}, {"gpu": "G1"}]}
{"event": "drain", "time": 1, "node": "n0", "gpu": "G0"}
{"event": "health", "time": 1, "node": "n0", "gpu": "G0", "healthy": false}
{"event": "close", "time": 1, "node": "n0"})"};
    REQUIRE(log.all());
    CHECK(log.engine.status({"n0", "G0"}) == place_status{.there = true, .healthy = false, .draining = true});
    CHECK(log.engine.status({"n0", "G1"}) == place_status{.there = true});
    CHECK(log.engine.status("n0") == place_status{.there = true, .closed = true});
}

TEST_CASE("links between GPUs decide which of them a job gets, named from either end") {
    told log{
        R"({"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0", "links": {"G1": 10}}, {"gpu": "G1"}, {"gpu": "G2", "links": {"G0": 300.4, "G1": 20}}, {"gpu": "G3", "links": {"G1": 1e9}}]}
{"event": "job", "time": 1, "job": "a", "gpus": 2}
{"event": "job", "time": 1, "job": "b", "gpus": 2}
{"event": "node", "time": 2, "node": "n1", "gpus": [{"gpu": "H0"}]})"};
    REQUIRE(log.all());
    const fleet& known = log.engine.cluster().fleet();
    const gpu_links links = known.links(*known.find_node("n0"));
    REQUIRE(links.size() == 4);
    CHECK(links(0, 2) == 300);
    CHECK(links(1, 3) == gpu_links::max_score);
    CHECK(links(0, 3) == 0);
    CHECK_FALSE(known.links(*known.find_node("n1")).known());
    std::vector<io::log_place> places;
    for (const io::decision& one : log.decide(2.0)) {
        const auto* start = std::get_if<io::start_decision>(&one);
        REQUIRE(start != nullptr);
        places.push_back(start->place);
    }
    REQUIRE(places.size() == 2);
    CHECK(places[0] == io::log_place{"n0", {"G1", "G3"}});
    CHECK(places[1] == io::log_place{"n0", {"G0", "G2"}});
}
