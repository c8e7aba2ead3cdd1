// SPDX-License-Identifier: Apache-2.0
#include "fleet_log.hpp"

#include "picture.hpp"
#include "temporary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace top;
using berth_top_tests::temporary_file;

namespace {

constexpr const char* two_nodes =
    R"({"event": "format", "version": 1}
{"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0"}, {"gpu": "G1"}]}
{"event": "node", "time": 0, "node": "n1", "gpus": [{"gpu": "G2"}, {"gpu": "G3"}]}
)";

fleet_picture picture_of(fleet_log& log) {
    REQUIRE(log.poll());
    REQUIRE(log.settle());
    return make_picture(log);
}
std::string fault_of(const std::string& text) {
    temporary_file file{text};
    fleet_log log{{.file = file.name()}};
    const auto read = log.poll();
    return read ? std::string{} : read.error().message;
}

}  // namespace

TEST_CASE("a finished log: who runs where, who waits and why") {
    temporary_file file{std::string{two_nodes} +
                        R"({"event": "job", "time": 5, "job": "a", "priority": 3, "tasks": 2, "gpus": 2}
{"event": "job", "time": 9, "job": "b", "priority": 3, "gpu_demand": {"share": 500}}
{"event": "job", "time": 20, "job": "c"}
{"event": "reading", "time": 30, "node": "n0", "gpu": "G0", "temperature": 71, "load": 0.5, "power": null})"};
    fleet_log log{{.file = file.name()}};
    const fleet_picture p = picture_of(log);
    CHECK(p.gpus == 4);
    CHECK(p.gpus_in_use == 4);
    CHECK(p.share == 1.0);
    CHECK(p.jobs_running == 1);
    CHECK(p.jobs_waiting == 2);
    REQUIRE(p.queue.size() == 2);
    CHECK(p.queue[0].job == "b");  // by priority
    CHECK(p.queue[0].waits == 21.0);
    CHECK(p.queue[0].wants == "0.5 GPU");
    CHECK(p.queue[1].why.find("gpu on 2") != std::string::npos);
    REQUIRE(p.nodes.size() == 2);
    CHECK(p.nodes[0].gpus[0].temperature == 71.0);
    CHECK(p.nodes[0].gpus[0].load == 0.5);
    CHECK(std::isnan(p.nodes[0].gpus[0].power));  // null is not 0
    CHECK(std::isnan(p.power));
    CHECK(p.nodes[0].gpus[0].tasks.size() == 1);
    CHECK(p.hottest_gpu == "G0");
    CHECK(log.history().samples().size() >= 3);
}

TEST_CASE("a reading that is too old is unknown again") {
    temporary_file file{std::string{two_nodes} +
                        R"({"event": "reading", "time": 10, "node": "n0", "gpu": "G0", "load": 0.5}
{"event": "decide", "time": 311})"};
    fleet_log log{{.file = file.name()}};
    CHECK(std::isnan(picture_of(log).nodes[0].gpus[0].load));
    REQUIRE(log.go_to(10.0));
    CHECK(make_picture(log).nodes[0].gpus[0].load == 0.5);
    CHECK(make_picture(log).time == 10.0);
    CHECK(log.moment_after(10.0) == 311.0);
    CHECK(log.moment_before(10.0) == 0.0);
    CHECK(!log.moment_after(311.0));
}

TEST_CASE("moves and evictions are under way until they are reported, where the log reports") {
    std::string text{two_nodes};
    text.insert(text.find('}'), R"(, "acknowledge": "log")");
    text += R"({"event": "job", "time": 0, "job": "a"}
{"event": "running", "time": 0, "job": "a", "node": "n0", "gpus": ["G0"]}
{"event": "health", "time": 60, "node": "n0", "gpu": "G0", "healthy": false}
)";
    temporary_file file{text};
    fleet_log log{{.file = file.name(), .follow = true}};
    fleet_picture p = picture_of(log);
    REQUIRE(p.steps.size() == 1);
    CHECK(p.steps[0].move);
    CHECK(p.steps[0].task == "a/0");
    CHECK(p.steps[0].from == "n0 G0");
    CHECK(p.steps[0].reason == "unhealthy");
    CHECK(p.nodes[0].gpus[0].is == condition::sick);
    CHECK(p.out == 1);
    std::size_t arriving = 0;
    for (const node_picture& n : p.nodes) {
        for (const gpu_picture& g : n.gpus) arriving += g.arriving ? 1 : 0;
    }
    CHECK(arriving == 1);
    file.append(R"({"event": "moved", "time": 75, "job": "a"}
)");
    p = picture_of(log);
    CHECK(p.steps.empty());
    CHECK(p.jobs_running == 1);
    CHECK(p.nodes[0].gpus[0].tasks.empty());
    // The past of both GPUs: the task left the one when it reached the other, and the first one is sick still.
    std::size_t tasks = 0;
    std::size_t sick = 0;
    for (const gpu_lane& lane : log.lanes().lanes()) {
        for (const lane_segment& s : lane.segments) {
            if (s.is == lane_segment::kind::task) ++tasks;
            if (s.is == lane_segment::kind::task && lane.gpu == "G0") CHECK(s.end == 75.0);
            if (s.is == lane_segment::kind::sick) ++sick;
        }
    }
    CHECK(tasks == 2);
    CHECK(sick == 1);
}

TEST_CASE("a log that grows is followed, half lines wait, and the end is the same as read at once") {
    const std::string text =
        std::string{two_nodes} + R"({"event": "job", "time": 5, "job": "a", "node_demand": {"cpu": "1"}}
{"event": "node", "time": 6, "node": "n2", "capacity": {"cpu": "2"}, "gpus": [{"gpu": "G4", "capacity": {"memory": 9}}]}
{"event": "job", "time": 6, "job": "b", "gpu_demand": {"memory": "2Gi"}}
{"event": "job", "time": 6, "job": "c", "gpus": 2}
{"event": "finish", "time": 9, "job": "c"}
)";
    temporary_file whole{text};
    fleet_log at_once{{.file = whole.name()}};
    const fleet_picture expected = picture_of(at_once);
    for (const std::size_t step : {1U, 7U, 64U, 300U}) {
        temporary_file file{""};
        fleet_log log{{.file = file.name(), .follow = true}};
        fleet_picture p;
        for (std::size_t i = 0; i < text.size(); i += step) {
            file.append(text.substr(i, step));
            p = picture_of(log);  // decides at each step: also between two events of one time
        }
        CHECK(p.time == expected.time);
        CHECK(p.jobs_running == expected.jobs_running);
        CHECK(p.recent == expected.recent);
        CHECK(p.share == expected.share);
    }
}

TEST_CASE("a log that is not there yet, is replaced, or gets shorter") {
    temporary_file file{""};
    file.remove();
    fleet_log log{{.file = file.name(), .follow = true}};
    CHECK(*log.poll() == false);
    CHECK(make_picture(log).gpus == 0);
    file.append(two_nodes);
    CHECK(picture_of(log).gpus == 4);
    file.replace(R"({"event": "node", "time": 0, "node": "other", "gpus": [{"gpu": "G9"}]}
)");
    CHECK(picture_of(log).gpus == 1);
    file.truncate();
    file.append(R"({"event": "node", "time": 0, "node": "x"}
)");
    CHECK(picture_of(log).gpus == 0);
    fleet_log absent{{.file = "/no/such/log.jsonl"}};
    CHECK(!absent.poll());
}

TEST_CASE("what is wrong is named by file, line and field") {
    CHECK(fault_of(std::string{two_nodes} + "{\"event\": \"job\", \"time\": 1}\n").find(":4: field \"job\"") !=
          std::string::npos);
    CHECK(fault_of(std::string{two_nodes} + "{\"event\"").find(":4: ") != std::string::npos);
    CHECK(fault_of(std::string{two_nodes} + R"({"event": "finish", "time": 1, "job": "nobody"})").find(":4: ") !=
          std::string::npos);
    CHECK(fault_of(R"({"event": "format", "version": 1, "policy": "none"})").find("there are berth, best_fit") !=
          std::string::npos);
    temporary_file file{"nonsense\n"};
    fleet_log log{{.file = file.name(), .follow = true}};
    const auto first = log.poll();
    REQUIRE(!first);
    file.append(two_nodes);
    CHECK(log.poll().error() == first.error());  // stays
}

TEST_CASE("a long past is thinned and keeps its peaks") {
    sampled_history history;
    for (int i = 0; i < 100'000; ++i) {
        const double time = i;
        if (history.wants(time)) history.add({.time = time, .hottest = i == 700 ? 99.0 : 50.0});
    }
    CHECK(history.samples().size() < sampled_history::most);
    CHECK(history.samples().size() > sampled_history::most / 3);
    double hottest = 0.0;
    for (const fleet_sample& s : history.samples()) hottest = std::max(hottest, s.hottest);
    CHECK(hottest == 99.0);
    gpu_lanes lanes;
    const std::size_t lane = lanes.lane("G", "n");
    for (std::size_t i = 0; i < gpu_lanes::most + 10; ++i) {
        const auto time = static_cast<double>(i);
        lanes.begin(lane, lane_segment::kind::task, 0, 0, time);
        lanes.end(lane, lane_segment::kind::task, 0, 0, time + 0.5);
    }
    CHECK(lanes.lanes()[lane].segments.size() <= gpu_lanes::most);
    CHECK(lanes.lanes()[lane].segments.size() + lanes.forgotten() == gpu_lanes::most + 10);
}
