// SPDX-License-Identifier: Apache-2.0
#include "extender.hpp"

#include <berth/place.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace berth_kube {

namespace {

using berth::amount;

json failed_filter(const std::string& why) {
    return {{"Nodes", nullptr},
            {"NodeNames", nullptr},
            {"FailedNodes", json::object()},
            {"FailedAndUnresolvableNodes", json::object()},
            {"Error", why}};
}

}  // namespace

berth::result<extender::request> extender::read(const json& arguments) {
    std::string failure;
    const object_fields fields{arguments, "ExtenderArgs", failure};
    if (!arguments.is_object()) fields.fail("ExtenderArgs is no object");
    request found;
    auto pod = read_pod(fields.any("Pod"), options_.names);
    if (!pod) fields.fail("ExtenderArgs.Pod: " + pod.error().message);
    const json& names = fields.any("NodeNames");
    const json& nodes = fields.any("Nodes");
    found.names_only = nodes.is_null() && !names.is_null();
    if (nodes.is_null() && names.is_null()) fields.fail("ExtenderArgs has neither Nodes nor NodeNames");
    if (found.names_only) {
        fields.each("NodeNames", [&](const json& name, const std::string& path) {
            if (!name.is_string()) return fields.fail(path + " is " + name.type_name() + ", expected a text");
            found.nodes.push_back(name.get<std::string>());
            const bool known = mirror_.node(found.nodes.back()) != nullptr;
            found.unreadable.push_back(known ? "" : "berth does not know this node");
        });
    } else {
        std::size_t position = 0;
        fields.object("Nodes").each("items", [&](const json& item, const std::string& path) {
            std::string ignored;
            const std::string name = object_fields{item, path, ignored}.object("metadata").text("name");
            auto node = read_node(item, options_.names);
            if (name.empty()) return fields.fail(path + ".metadata.name is missing");
            found.nodes.push_back(name);
            found.items.push_back(position++);
            found.unreadable.push_back(node ? "" : node.error().message);
            if (node) mirror_.node_seen(std::move(*node));
        });
    }
    if (!failure.empty()) return berth::error{berth::error_code::malformed, failure};
    found.pod = std::move(*pod);
    return found;
}

/// The candidates in berth's order of preference, at most so many.
std::vector<std::string> extender::rank(const std::vector<std::string>& candidates, const pod_object& pod,
                                        std::size_t most, bool assumed) const {
    // Each node takes one copy of the pod, so that placing it again and again lists the nodes.
    berth::resource_schema schema;
    schema.node = {"once"};
    std::vector<amount> demand{1};
    for (const auto& [resource, wanted] : pod.requests) {
        schema.node.push_back(resource);
        demand.push_back(wanted);
    }
    if (pod.requests.contains("cpu")) schema.roles.cpu = "cpu";
    if (pod.requests.contains("memory")) schema.roles.memory = "memory";
    berth::fleet_builder builder{schema};
    for (const std::string& name : candidates) {
        const node_object* node = mirror_.node(name);
        const free_room room = node == nullptr ? free_room{} : mirror_.room(*node, assumed, {pod.uid});
        std::vector<amount> capacity{1};
        for (const auto& [resource, wanted] : pod.requests) {
            const auto free = room.of.find(resource);
            capacity.push_back(free == room.of.end() ? 0 : std::clamp<amount>(free->second, 0, berth::max_amount));
        }
        const std::vector<berth::gpu_description> gpus(static_cast<std::size_t>(std::max(room.gpus, 0L)));
        (void)builder.add_node({.name = name, .capacity = capacity, .gpus = gpus});
    }
    const auto fleet = std::move(builder).build();
    if (!fleet) return {};
    berth::workload_builder tasks{*fleet};
    if (!tasks.add_task({.name = pod.name, .gpus = pod.gpus, .node_demand = demand})) return {};
    const auto work = std::move(tasks).build();
    if (!work) return {};
    auto placer = berth::greedy{berth::best_fit{}}.start(berth::problem{*fleet, *work});
    std::vector<std::string> found;
    while (found.size() < most) {
        const berth::slot at = placer.place(berth::task_index{0});
        if (!at.placed()) break;
        found.emplace_back(fleet->name(at.node));
    }
    return found;
}

std::vector<std::string> extender::best(const std::vector<std::string>& candidates, const pod_object& pod,
                                        std::size_t most) const {
    if (candidates.empty()) return {};
    std::vector<std::string> found = rank(candidates, pod, most, true);
    // Without a watch what is remembered may be over; kube-scheduler knows.
    if (found.empty() && !options_.watched) found = rank(candidates, pod, most, false);
    return found;
}

json extender::filter(const json& arguments, double now) {
    mirror_.expire(now);
    const auto read_request = read(arguments);
    if (!read_request) return failed_filter(read_request.error().message);
    const request& asked = *read_request;
    json failed = json::object();
    json unresolvable = json::object();
    std::vector<std::string> candidates;
    for (std::size_t i = 0; i < asked.nodes.size(); ++i) {
        const std::string& name = asked.nodes[i];
        if (!asked.unreadable[i].empty()) {
            failed[name] = asked.unreadable[i];
            continue;
        }
        const node_object& node = *mirror_.node(name);
        const node_refusal refusal =
            judge(node, mirror_.room(node, options_.watched, {asked.pod.uid}), asked.pod, options_.names.gpu);
        if (refusal.why.empty()) {
            candidates.push_back(name);
        } else {
            (refusal.never ? unresolvable : failed)[name] = refusal.why;
        }
    }
    const std::vector<std::string> chosen = best(candidates, asked.pod, std::max<std::size_t>(options_.keep, 1));
    const std::set<std::string> kept{chosen.begin(), chosen.end()};
    for (const std::string& name : candidates) {
        if (kept.contains(name)) continue;
        failed[name] = chosen.empty() ? "berth finds no room" : "berth prefers " + chosen.front();
    }
    if (!chosen.empty()) mirror_.assume(asked.pod, chosen.front(), now + options_.assume_for);
    json answer = failed_filter("");
    answer["FailedNodes"] = std::move(failed);
    answer["FailedAndUnresolvableNodes"] = std::move(unresolvable);
    if (asked.names_only) {
        answer["NodeNames"] = json::array();
        for (const std::string& name : asked.nodes) {
            if (kept.contains(name)) answer["NodeNames"].push_back(name);
        }
        return answer;
    }
    const json& given = arguments.at("Nodes");
    json nodes{{"metadata", given.value("metadata", json::object())}, {"items", json::array()}};
    for (std::size_t i = 0; i < asked.nodes.size(); ++i) {
        if (kept.contains(asked.nodes[i])) nodes["items"].push_back(given.at("items").at(asked.items[i]));
    }
    answer["Nodes"] = std::move(nodes);
    return answer;
}

berth::result<json_value> extender::prioritize(const json& arguments, double now) {
    mirror_.expire(now);
    const auto asked = read(arguments);
    if (!asked) return asked.error();
    std::vector<std::string> readable;
    for (std::size_t i = 0; i < asked->nodes.size(); ++i) {
        if (asked->unreadable[i].empty()) readable.push_back(asked->nodes[i]);
    }
    constexpr std::size_t highest = 10;
    const std::vector<std::string> ranked = best(readable, asked->pod, highest);
    json_value answer;
    answer.value = json::array();
    for (const std::string& name : asked->nodes) {
        const auto at = static_cast<std::size_t>(std::find(ranked.begin(), ranked.end(), name) - ranked.begin());
        answer.value.push_back({{"Host", name}, {"Score", at < ranked.size() ? highest - at : 0}});
    }
    return answer;
}

berth::result<json_value> extender::preempt(const json& arguments, double now) {
    mirror_.expire(now);
    std::string failure;
    const object_fields fields{arguments, "ExtenderPreemptionArgs", failure};
    if (!arguments.is_object()) fields.fail("ExtenderPreemptionArgs is no object");
    const auto pod = read_pod(fields.any("Pod"), options_.names);
    if (!pod) fields.fail("ExtenderPreemptionArgs.Pod: " + pod.error().message);
    json kept = json::object();
    const char* key = fields.any("NodeNameToMetaVictims").is_null() ? "NodeNameToVictims" : "NodeNameToMetaVictims";
    fields.each_member(key, [&](const std::string& name, const json& value, const std::string& path) {
        const object_fields victims{value, path, failure};
        std::set<std::string> uids;
        json pods = json::array();
        victims.each("Pods", [&](const json& one, const std::string& at) {
            const object_fields victim{one, at, failure};
            // Of a meta victim its UID, of a whole pod that of its metadata.
            std::string uid = victim.text("UID");
            if (uid.empty()) uid = victim.object("metadata").text("uid");
            if (uid.empty()) victim.fail(at + ": its uid is missing");
            uids.insert(uid);
            pods.push_back({{"UID", uid}});
        });
        const std::int64_t budget = victims.whole("NumPDBViolations", 0);
        if (!failure.empty()) return;
        const node_object* node = mirror_.node(name);
        uids.insert(pod ? pod->uid : "");
        if (node != nullptr && options_.watched &&
            !judge(*node, mirror_.room(*node, true, uids), *pod, options_.names.gpu).why.empty())
            return;
        kept[name] = {{"Pods", std::move(pods)}, {"NumPDBViolations", budget}};
    });
    if (!failure.empty()) return berth::error{berth::error_code::malformed, failure};
    json_value answer;
    answer.value = json{{"NodeNameToMetaVictims", std::move(kept)}};
    return answer;
}

}  // namespace berth_kube
