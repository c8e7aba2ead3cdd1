// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "objects.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace berth_kube {

/// What is free on a node; below zero where more is in use than there is.
struct free_room {
    amounts of{};   ///< without GPUs
    long gpus = 0;  ///< whole GPUs
};

/// Nodes, and what the pods on them hold: as far as somebody tells. A pod can be *assumed* to be on a node until a
/// time, in case nobody does. Not thread-safe.
class fleet_mirror {
public:
    /// A node as it is now.
    void node_seen(node_object node);
    /// A node is gone. Its pods are kept, in case it comes back.
    void node_gone(const std::string& name) { nodes_.erase(name); }
    /// A pod as it is now: bound, waiting, or over.
    void pod_seen(const pod_object& pod);
    /// A pod is gone.
    void pod_gone(const std::string& uid);
    /// A pod is taken to be on a node until then, or until it is seen bound.
    void assume(const pod_object& pod, const std::string& node, double until);
    /// What was assumed until then or before is forgotten.
    void expire(double now);

    /// The node; nullptr if it is not known.
    [[nodiscard]] const node_object* node(const std::string& name) const;
    /// What is free on a node.
    ///
    /// @param assumed  count what is assumed
    /// @param without  uids of pods that are taken for gone
    [[nodiscard]] free_room room(const node_object& node, bool assumed,
                                 const std::set<std::string>& without = {}) const;
    /// All nodes that are known, and all uids of pods, sorted.
    [[nodiscard]] std::vector<std::string> node_names() const;
    [[nodiscard]] std::vector<std::string> pod_uids() const;

private:
    struct held {
        std::string node{};
        amounts requests{};
        std::size_t gpus = 0;
        bool assumed = false;
        double until = 0.0;
    };

    std::map<std::string, node_object> nodes_;
    std::unordered_map<std::string, held> pods_;              // by uid
    std::map<std::string, std::set<std::string>> on_node_{};  // uids
};

/// Why a node cannot take a pod.
struct node_refusal {
    std::string why{};   ///< for people; empty: it can
    bool never = false;  ///< not even if it were empty: no eviction helps
};

/// Judges one node by labels, taints and amounts.
[[nodiscard]] node_refusal judge(const node_object& node, const free_room& room, const pod_object& pod,
                                 const std::string& gpu_resource);

}  // namespace berth_kube
