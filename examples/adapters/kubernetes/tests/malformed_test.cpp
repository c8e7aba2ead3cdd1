// SPDX-License-Identifier: Apache-2.0
// Objects that are none: each is answered with an error, nothing else changes, nothing ends the program.
#include "api_server.hpp"
#include "extender.hpp"
#include "pod_scheduler.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using berth_kube::json;

json full_pod() {
    json pod = kube_test::make_pod("train", 2);
    pod["metadata"]["uid"] = "u-1";
    pod["metadata"]["labels"] = {
        {"berth.dev/group", "g"}, {"berth.dev/group-size", "2"}, {"berth.dev/preemptible", "true"}};
    pod["metadata"]["annotations"] = {{"berth.dev/gpus", "0,1"}};
    pod["metadata"]["ownerReferences"] = {{{"uid", "o"}, {"controller", true}}};
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    pod["spec"]["nodeSelector"] = {{"gpu", "a100"}};
    pod["spec"]["nodeName"] = "rhea";
    pod["spec"]["priority"] = 5;
    pod["spec"]["preemptionPolicy"] = "Never";
    pod["spec"]["overhead"] = {{"cpu", "1m"}};
    pod["spec"]["tolerations"] = {{{"key", "k"}, {"operator", "Equal"}, {"value", "v"}, {"effect", "NoSchedule"}}};
    pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] = {
        {{"matchExpressions", {{{"key", "gpu"}, {"operator", "In"}, {"values", {"a100"}}}}}}};
    pod["spec"]["initContainers"] = json::array({pod["spec"]["containers"][0]});
    pod["spec"]["containers"][0]["ports"] = {{{"hostPort", 80}}};
    return pod;
}
json full_node() {
    json node = kube_test::make_node("rhea", 4);
    node["metadata"]["annotations"] = {{"berth.dev/drain", "true"}};
    node["spec"]["unschedulable"] = false;
    node["spec"]["taints"] = {{{"key", "k"}, {"value", "v"}, {"effect", "NoSchedule"}}};
    return node;
}

/// The object with one value after the other replaced by one of another type, or out of its range. Members of which
/// berth reads nothing are left out.
std::vector<json> broken(const json& sound, const std::vector<std::pair<std::string, std::vector<json>>>& special) {
    std::vector<json> found;
    const json others[] = {json(17), json("text"), json(true), json::array({1}), json{{"a", 1}}};
    const json flat = sound.flatten();
    std::vector<std::string> paths;
    for (const auto& [path, value] : flat.items()) {
        for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
            const std::string outer = path.substr(0, end);
            if (paths.empty() || std::find(paths.begin(), paths.end(), outer) == paths.end()) paths.push_back(outer);
        }
        paths.push_back(path);
    }
    for (const std::string& path : paths) {
        const json::json_pointer at{path};
        for (const json& other : others) {
            json object = sound;
            if (object[at].type() == other.type()) continue;
            if (object[at].is_number() && other.is_number()) continue;
            object[at] = other;
            found.push_back(std::move(object));
        }
    }
    for (const auto& [path, values] : special) {
        for (const json& value : values) {
            json object = sound;
            object[json::json_pointer{path}] = value;
            found.push_back(std::move(object));
        }
    }
    return found;
}

std::vector<json> broken_pods() {
    const std::string request = "/spec/containers/0/resources/requests/";
    return broken(full_pod(), {{"/metadata/name", {"", nullptr}},
                               {"/metadata/namespace", {"", nullptr}},
                               {"/metadata/uid", {"", nullptr}},
                               {request + "cpu",
                                {"", "-1", "1e", "1 ", "0x10", "NaN", "1e999", "1Qi", nullptr, -2, "99999999999Ei"}},
                               {request + "nvidia.com~1gpu", {"500m", "65", "-4", "1.5", 100, "1e9"}},
                               {"/spec/priority", {1.5, 9'000'000'000, -9'000'000'000}},
                               {"/spec/tolerations/0/operator", {"Like"}},
                               {"/metadata/annotations/berth.dev~1gpus", {"0,0", "a", "0,", "64"}},
                               {"/metadata/labels/berth.dev~1group-size", {"0", "-1", "x", "100000", "2 "}},
                               {"/metadata/labels/berth.dev~1preemptible", {"maybe"}}});
}
std::vector<json> broken_nodes() {
    return broken(full_node(), {{"/metadata/name", {"", nullptr}},
                                {"/status/allocatable/cpu", {"", "-1", "x", "-900Ei"}},
                                {"/status/allocatable/nvidia.com~1gpu", {"65", "1.5", "-1", 1e30}},
                                {"/spec/taints/0/effect", {"", "Never"}},
                                {"/spec/taints/0/key", {"", nullptr}},
                                {"/metadata/annotations/berth.dev~1drain", {"yes"}}});
}

/// Not everything that is replaced is read: what is not, is no error.
bool is_read(const json& object, bool pod) {
    const berth_kube::object_names names;
    return pod ? !berth_kube::read_pod(object, names) : !berth_kube::read_node(object, names);
}

}  // namespace

TEST_CASE("200 malformed objects and more are refused, one by one, and nothing else happens") {
    REQUIRE(berth_kube::read_pod(full_pod(), {}));
    REQUIRE(berth_kube::read_node(full_node(), {}));
    std::vector<std::string> problems;
    berth_kube::pod_scheduler scheduler{{.problems = [&](std::string_view what) { problems.emplace_back(what); }}, {}};
    scheduler.node_seen(0.0, kube_test::make_node("juno", 4));
    std::size_t refused = 0;
    double now = 1.0;
    for (const json& pod : broken_pods()) {
        if (!is_read(pod, true)) continue;
        scheduler.pod_seen(now += 0.001, pod);
        REQUIRE(scheduler.counts().refused == ++refused);
        REQUIRE(problems.size() == refused);
        REQUIRE_FALSE(problems.back().empty());
    }
    const std::size_t pods = refused;
    for (const json& node : broken_nodes()) {
        if (!is_read(node, false)) continue;
        scheduler.node_seen(now += 0.001, node);
        REQUIRE(scheduler.counts().refused == ++refused);
        REQUIRE(problems.size() == refused);
    }
    MESSAGE(pods, " pods and ", refused - pods, " nodes");
    CHECK(pods >= 130);
    CHECK(refused >= 200);
    CHECK(scheduler.decide(now + 1.0).empty());
    CHECK(scheduler.engine().node_names() == std::vector<std::string>{"juno"});
    CHECK(scheduler.waiting() == 0);
    // It works on.
    json pod = kube_test::make_pod("sound", 1);
    pod["metadata"]["uid"] = "u-sound";
    scheduler.pod_seen(now + 2.0, pod);
    CHECK(scheduler.decide(now + 2.0).size() == 1);
}

TEST_CASE("an extender answers what is malformed with an error that says where") {
    berth_kube::extender berth{{}};
    std::size_t refused = 0;
    const auto ask = [&](const json& pod, const json& node) {
        return berth.filter({{"Pod", pod}, {"Nodes", {{"items", json::array({node})}}}}, 0.0);
    };
    for (const json& pod : broken_pods()) {
        if (!is_read(pod, true)) continue;
        const json answer = ask(pod, full_node());
        REQUIRE(answer["Error"].get<std::string>().find("ExtenderArgs.Pod: ") == 0);
        REQUIRE(answer["Nodes"].is_null());
        REQUIRE_FALSE(berth.prioritize({{"Pod", pod}, {"NodeNames", json::array()}}, 0.0));
        REQUIRE_FALSE(berth.preempt({{"Pod", pod}, {"NodeNameToVictims", json::object()}}, 0.0));
        ++refused;
    }
    // A node that cannot be read is left out, with the reason, and the others are not.
    for (const json& node : broken_nodes()) {
        if (!is_read(node, false)) continue;
        const json answer = ask(kube_test::make_pod("p", 0), node);
        const bool named = node.is_object() && node.contains("metadata") && node["metadata"].is_object() &&
                           node["metadata"].value("name", json{}).is_string() && node["metadata"]["name"] != "";
        if (named && answer["Error"] == "")
            REQUIRE(answer["FailedNodes"].size() + answer["FailedAndUnresolvableNodes"].size() == 1);
        else
            REQUIRE(answer["Error"] != "");
        ++refused;
    }
    for (const json& arguments :
         {json(nullptr), json(3), json::array(), json::object(), json{{"Pod", full_pod()}},
          json{{"Pod", full_pod()}, {"NodeNames", 3}}, json{{"Pod", full_pod()}, {"NodeNames", {3}}},
          json{{"Pod", full_pod()}, {"Nodes", {1}}}, json{{"Pod", full_pod()}, {"Nodes", {{"items", 1}}}}}) {
        REQUIRE(berth.filter(arguments, 0.0)["Error"] != "");
        ++refused;
    }
    CHECK(refused >= 200);
}

TEST_CASE("texts with any bytes changed are refused or read, and end nothing") {
    const std::string sound = full_pod().dump();
    std::uint64_t random = 42;
    const auto next = [&](std::size_t below) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<std::size_t>((random >> 33U) % below);
    };
    std::size_t refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = sound;
        for (std::size_t change = 0; change <= next(4); ++change) {
            const std::size_t at = next(text.size());
            switch (next(3)) {
                case 0: text[at] = static_cast<char>(next(256)); break;
                case 1: text.erase(at, next(20)); break;
                default: text.insert(at, 1, static_cast<char>(next(256))); break;
            }
            if (text.empty()) break;
        }
        const auto parsed = berth_kube::parse_json(text);
        if (!parsed || !berth_kube::read_pod(parsed->value, {})) ++refused;
    }
    CHECK(refused > 10'000);
    CHECK_FALSE(berth_kube::parse_json(std::string(200'000, '[')));
}
