// SPDX-License-Identifier: Apache-2.0
#include "fleet_mirror.hpp"

#include <algorithm>
#include <utility>

namespace berth_kube {

void fleet_mirror::node_seen(node_object node) {
    const std::string name = node.name;
    nodes_.insert_or_assign(name, std::move(node));
}

void fleet_mirror::pod_seen(const pod_object& pod) {
    if (pod.ended) return pod_gone(pod.uid);
    if (pod.node.empty()) return;
    pod_gone(pod.uid);
    pods_[pod.uid] = {pod.node, pod.requests, pod.gpus, false, 0.0};
    on_node_[pod.node].insert(pod.uid);
}

void fleet_mirror::pod_gone(const std::string& uid) {
    const auto found = pods_.find(uid);
    if (found == pods_.end()) return;
    const auto there = on_node_.find(found->second.node);
    if (there != on_node_.end()) {
        there->second.erase(uid);
        if (there->second.empty()) on_node_.erase(there);
    }
    pods_.erase(found);
}

void fleet_mirror::assume(const pod_object& pod, const std::string& node, double until) {
    const auto known = pods_.find(pod.uid);
    if (known != pods_.end() && !known->second.assumed) return;
    pod_gone(pod.uid);
    pods_[pod.uid] = {node, pod.requests, pod.gpus, true, until};
    on_node_[node].insert(pod.uid);
}

void fleet_mirror::expire(double now) {
    std::vector<std::string> over;
    for (const auto& [uid, one] : pods_) {
        if (one.assumed && one.until <= now) over.push_back(uid);
    }
    for (const std::string& uid : over) pod_gone(uid);
}

const node_object* fleet_mirror::node(const std::string& name) const {
    const auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : &found->second;
}

free_room fleet_mirror::room(const node_object& node, bool assumed, const std::set<std::string>& without) const {
    free_room found{node.allocatable, static_cast<long>(node.gpus)};
    const auto there = on_node_.find(node.name);
    if (there == on_node_.end()) return found;
    for (const std::string& uid : there->second) {
        const held& one = pods_.at(uid);
        if (without.contains(uid) || (one.assumed && !assumed)) continue;
        for (const auto& [resource, value] : one.requests) found.of[resource] -= value;
        found.gpus -= static_cast<long>(one.gpus);
    }
    return found;
}

std::vector<std::string> fleet_mirror::node_names() const {
    std::vector<std::string> found;
    for (const auto& [name, node] : nodes_) found.push_back(name);
    return found;
}

std::vector<std::string> fleet_mirror::pod_uids() const {
    std::vector<std::string> found;
    for (const auto& [uid, one] : pods_) {
        if (!one.assumed) found.push_back(uid);
    }
    std::sort(found.begin(), found.end());
    return found;
}

node_refusal judge(const node_object& node, const free_room& room, const pod_object& pod,
                   const std::string& gpu_resource) {
    if (std::string why = pod.rule.refusal(node); !why.empty()) return {std::move(why), true};
    if (node.gpus < pod.gpus) {
        return {gpu_resource + ": " + std::to_string(pod.gpus) + " wanted, it has " + std::to_string(node.gpus), true};
    }
    if (room.gpus < static_cast<long>(pod.gpus))
        return {gpu_resource + ": " + std::to_string(pod.gpus) + " wanted, " + std::to_string(room.gpus) + " free",
                false};
    for (const auto& [resource, wanted] : pod.requests) {
        const auto all = node.allocatable.find(resource);
        const berth::amount has = all == node.allocatable.end() ? 0 : all->second;
        if (has < wanted)
            return {resource + ": " + std::to_string(wanted) + " wanted, it has " + std::to_string(has), true};
        if (has >= berth::max_amount) continue;
        const berth::amount free = room.of.at(resource);
        if (free < wanted)
            return {resource + ": " + std::to_string(wanted) + " wanted, " + std::to_string(free) + " free", false};
    }
    return {};
}

}  // namespace berth_kube
