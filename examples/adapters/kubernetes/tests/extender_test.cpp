// SPDX-License-Identifier: Apache-2.0
#include "api_server.hpp"
#include "extender.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using berth_kube::extender;
using berth_kube::json;

struct recorded {
    json request{};
    json answer{};
};

recorded read_recorded(int number) {
    std::ifstream in{std::string{RECORDED_DIR} + "/" + std::to_string(number) + "-filter.json"};
    std::string request;
    std::string answer;
    REQUIRE(std::getline(in, request));
    REQUIRE(std::getline(in, answer));
    recorded found;
    found.request = json::parse(request);
    found.answer = json::parse(answer);
    return found;
}

bool is_text_map(const json& value) {
    if (value.is_null()) return true;
    if (!value.is_object()) return false;
    for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) return false;
    }
    return true;
}

/// What Go's decoder of `ExtenderFilterResult` accepts, strictly: its field names and no others, and their types.
void check_filter_result(const json& answer) {
    REQUIRE(answer.is_object());
    std::set<std::string> keys;
    for (const auto& [key, value] : answer.items()) keys.insert(key);
    CHECK(keys == std::set<std::string>{"Error", "FailedAndUnresolvableNodes", "FailedNodes", "NodeNames", "Nodes"});
    CHECK(answer["Error"].is_string());
    CHECK(is_text_map(answer["FailedNodes"]));
    CHECK(is_text_map(answer["FailedAndUnresolvableNodes"]));
    CHECK((answer["Nodes"].is_null() ||
           (answer["Nodes"]["items"].is_array() && answer["Nodes"]["metadata"].is_object())));
    CHECK((answer["NodeNames"].is_null() || answer["NodeNames"].is_array()));
    CHECK(json::parse(answer.dump()) == answer);  // the text is JSON in UTF-8
}

std::set<std::string> names_of(const json& nodes) {
    std::set<std::string> found;
    for (const json& node : nodes["items"]) found.insert(node["metadata"]["name"].get<std::string>());
    return found;
}
std::set<std::string> keys_of(const json& object) {
    std::set<std::string> found;
    for (const auto& [key, value] : object.items()) found.insert(key);
    return found;
}
std::set<std::string> together(std::set<std::string> a, const std::set<std::string>& b) {
    a.insert(b.begin(), b.end());
    return a;
}

/// An amount, read without the code under test.
double amount(const json& value) {
    const std::string text = value.get<std::string>();
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const std::string unit = end;
    return unit == "m" ? number / 1000.0 : unit == "Gi" ? number * 1073741824.0 : number;
}

json arguments(const json& pod, const std::vector<json>& nodes) {
    return {{"Pod", pod}, {"Nodes", {{"metadata", json::object()}, {"items", nodes}}}, {"NodeNames", nullptr}};
}
json pod_of(const char* name, int gpus) {
    json pod = kube_test::make_pod(name, gpus);
    pod["metadata"]["uid"] = std::string{"uid-"} + name;
    return pod;
}

}  // namespace

TEST_CASE("recorded requests: the same nodes fail apart from the one that is chosen, and that one has room") {
    extender berth{{}};
    std::map<std::string, std::map<std::string, double>> used;
    for (int i = 0; i < 3; ++i) {
        CAPTURE(i);
        const recorded call = read_recorded(i);
        const json answer = berth.filter(call.request, i);
        check_filter_result(answer);
        CHECK(answer["Error"] == "");
        CHECK(answer["NodeNames"].is_null());
        const std::set<std::string> chosen = names_of(answer["Nodes"]);
        REQUIRE(chosen.size() == 1);
        CHECK(together(keys_of(answer["FailedNodes"]), chosen) ==
              together(keys_of(call.answer["FailedNodes"]), names_of(call.answer["Nodes"])));
        CHECK(keys_of(answer["FailedNodes"]).size() == keys_of(call.answer["FailedNodes"]).size());
        CHECK(answer["FailedAndUnresolvableNodes"].empty());
        // The node comes back as it came, and everything that was sent there fits together.
        for (const json& node : answer["Nodes"]["items"]) {
            const json& items = call.request["Nodes"]["items"];
            CHECK(std::find(items.begin(), items.end(), node) != items.end());
            auto& held = used[node["metadata"]["name"].get<std::string>()];
            for (const json& container : call.request["Pod"]["spec"]["containers"]) {
                for (const auto& [resource, value] : container["resources"]["requests"].items())
                    held[resource] += amount(value);
            }
            for (const auto& [resource, total] : held) CHECK(total <= amount(node["status"]["allocatable"][resource]));
        }
    }
}

TEST_CASE("every node that is left out has a reason") {
    extender berth{{}};
    json tainted = kube_test::make_node("tainted", 8);
    tainted["spec"]["taints"] = {{{"key", "infra"}, {"effect", "NoSchedule"}}};
    const json answer = berth.filter(
        arguments(pod_of("train", 4), {kube_test::make_node("small", 2), tainted, kube_test::make_node("large", 8),
                                       kube_test::make_node("fitting", 4), kube_test::make_node("weak", 8, "500m")}),
        0.0);
    check_filter_result(answer);
    CHECK(names_of(answer["Nodes"]) == std::set<std::string>{"fitting"});
    CHECK(answer["FailedNodes"] == json{{"large", "berth prefers fitting"}});
    CHECK(answer["FailedAndUnresolvableNodes"] == json{{"small", "nvidia.com/gpu: 4 wanted, it has 2"},
                                                       {"tainted", "its taint infra:NoSchedule is not tolerated"},
                                                       {"weak", "cpu: 1000 wanted, it has 500"}});
}

TEST_CASE("with nodeCacheCapable names come and names go") {
    extender berth{{.keep = 2, .watched = true}};
    for (const auto& [name, gpus] : {std::pair{"rhea", 8}, std::pair{"juno", 4}, std::pair{"hera", 4}})
        berth.mirror().node_seen(*berth_kube::read_node(kube_test::make_node(name, gpus), {}));
    json running = pod_of("running", 3);
    running["spec"]["nodeName"] = "juno";
    berth.mirror().pod_seen(*berth_kube::read_pod(running, {}));
    const json names{{"Pod", pod_of("train", 2)}, {"Nodes", nullptr}, {"NodeNames", {"juno", "rhea", "hera", "gone"}}};
    const json answer = berth.filter(names, 0.0);
    check_filter_result(answer);
    CHECK(answer["Nodes"].is_null());
    CHECK(answer["NodeNames"] == json{"rhea", "hera"});
    CHECK(answer["FailedNodes"] ==
          json{{"juno", "nvidia.com/gpu: 2 wanted, 1 free"}, {"gone", "berth does not know this node"}});
}

TEST_CASE("pods that were sent somewhere count until they are seen") {
    extender berth{{.watched = true, .assume_for = 30.0}};
    berth.mirror().node_seen(*berth_kube::read_node(kube_test::make_node("rhea", 4), {}));
    const auto ask = [&](const char* name, double now) {
        return berth.filter({{"Pod", pod_of(name, 3)}, {"Nodes", nullptr}, {"NodeNames", {"rhea"}}}, now);
    };
    CHECK(ask("one", 0.0)["NodeNames"] == json{"rhea"});
    CHECK(ask("one", 1.0)["NodeNames"] == json{"rhea"});  // asked again, it does not stand in its own way
    CHECK(ask("two", 2.0)["NodeNames"].empty());
    CHECK(ask("two", 40.0)["NodeNames"] == json{"rhea"});
}

TEST_CASE("prioritize: 10 for the best node, less for the others") {
    extender berth{{}};
    const auto answer = berth.prioritize(
        arguments(pod_of("serve", 1),
                  {kube_test::make_node("rhea", 8), kube_test::make_node("hera", 2), kube_test::make_node("none", 0)}),
        0.0);
    REQUIRE(answer);
    CHECK(answer->value ==
          json::array(
              {{{"Host", "rhea"}, {"Score", 9}}, {{"Host", "hera"}, {"Score", 10}}, {{"Host", "none"}, {"Score", 0}}}));
    CHECK_FALSE(berth.prioritize(json::array(), 0.0));
}

TEST_CASE("preempt: nodes where the pod fits once the victims are gone") {
    extender berth{{.watched = true}};
    for (const char* name : {"rhea", "juno"}) {
        berth.mirror().node_seen(*berth_kube::read_node(kube_test::make_node(name, 4), {}));
        for (const auto& [suffix, gpus] : {std::pair{"-a", 3}, std::pair{"-b", 1}}) {
            json pod = pod_of((name + std::string{suffix}).c_str(), gpus);
            pod["spec"]["nodeName"] = name;
            berth.mirror().pod_seen(*berth_kube::read_pod(pod, {}));
        }
    }
    json victims;
    victims["rhea"] = {{"Pods", {{{"UID", "uid-rhea-a"}}}}, {"NumPDBViolations", 1}};
    victims["juno"] = {{"Pods", {{{"UID", "uid-juno-b"}}}}, {"NumPDBViolations", 0}};
    victims["far"] = {{"Pods", {{{"UID", "uid-far"}}}}, {"NumPDBViolations", 0}};
    const auto answer = berth.preempt({{"Pod", pod_of("urgent", 3)}, {"NodeNameToMetaVictims", victims}}, 0.0);
    REQUIRE(answer);
    victims.erase("juno");
    CHECK(answer->value == json{{"NodeNameToMetaVictims", victims}});
    // Whole pods come where names are not enough; meta victims go back.
    const auto whole = berth.preempt(
        {{"Pod", pod_of("urgent", 3)},
         {"NodeNameToVictims", {{"rhea", {{"Pods", json::array({pod_of("rhea-a", 3)})}, {"NumPDBViolations", 0}}}}}},
        0.0);
    REQUIRE(whole);
    CHECK(whole->value["NodeNameToMetaVictims"]["rhea"]["Pods"] == json::array({{{"UID", "uid-rhea-a"}}}));
}
