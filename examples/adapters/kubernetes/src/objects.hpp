// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <berth/core/result.hpp>
#include <berth/model/resources.hpp>

#include "json_fields.hpp"
#include "placement_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth_kube {

/// Amounts by the name of the resource: thousandths of `cpu`, MiB of what Kubernetes counts in bytes (`memory`,
/// `ephemeral-storage`, `hugepages-...`), pieces of everything else.
using amounts = std::map<std::string, berth::amount, std::less<>>;

/// Names in objects that berth-kube gives a meaning.
struct object_names {
    std::string scheduler = "berth";                    ///< `spec.schedulerName` of pods that are berth's to place
    std::string gpu = "nvidia.com/gpu";                 ///< the extended resource that counts GPUs
    std::string model = "nvidia.com/gpu.product";       ///< label of a node: the model of its GPUs
    std::string gpus = "berth.dev/gpus";                ///< annotation of a pod: positions of its GPUs, "0,2"
    std::string group = "berth.dev/group";              ///< label of a pod: the gang that it belongs to
    std::string group_size = "berth.dev/group-size";    ///< label or annotation: how many pods the gang has
    std::string preemptible = "berth.dev/preemptible";  ///< label or annotation: "true" or "false"
    std::string drain = "berth.dev/drain";              ///< label or annotation of a node: "true" empties it
};

/// What berth needs to know of a node.
struct node_object {
    std::string name{};                           ///< unique in the cluster
    std::map<std::string, std::string> labels{};  ///< as they are
    std::vector<taint> taints{};                  ///< those that keep pods away; not `PreferNoSchedule`
    amounts allocatable{};                        ///< without GPUs
    std::size_t gpus = 0;                         ///< 0..64
    std::string model{};                          ///< of its GPUs; empty if no label says
    bool unschedulable = false;                   ///< cordoned
    bool ready = true;                            ///< false if the condition Ready is anything but True
    bool drain = false;                           ///< what runs there is to move elsewhere

    /// Equal in all members.
    friend bool operator==(const node_object&, const node_object&) = default;
};

/// What berth needs to know of a pod.
struct pod_object {
    std::string uid{};           ///< unique for ever
    std::string space{};         ///< namespace
    std::string name{};          ///< unique in its namespace at a time
    std::string scheduler{};     ///< who places it
    std::string node{};          ///< where it is bound; empty: nowhere yet
    std::string created{};       ///< when, as a text that sorts; may be empty
    std::string owner{};         ///< uid of the controller that makes another one when it is gone; may be empty
    std::string group{};         ///< its gang, without the namespace; may be empty
    std::size_t group_size = 0;  ///< pods of the gang
    amounts requests{};          ///< without GPUs
    std::size_t gpus = 0;        ///< 0..64
    std::vector<std::size_t> positions{};  ///< of its GPUs on the node, if the annotation says
    placement_rule rule{};                 ///< which nodes it accepts
    int priority = 0;                      ///< larger is more important
    bool may_preempt = true;               ///< false: `preemptionPolicy: Never`
    bool preemptible = false;              ///< it may be evicted; by default if a controller makes another one
    bool gated = false;                    ///< a scheduling gate holds it back
    bool deleting = false;                 ///< its deletion is under way
    bool ended = false;                    ///< it succeeded or failed: it holds nothing any more
    std::string unsupported{};             ///< a requirement that berth-kube cannot check; empty: none
};

/// Reads a node. An error names the field.
[[nodiscard]] berth::result<node_object> read_node(const json& object, const object_names& names);
/// Reads a pod. Requests are those of the kubelet's rule: the sum of the containers, or of an init container if that is
/// larger, and the overhead; where only a limit is given it is the request. An error names the field.
[[nodiscard]] berth::result<pod_object> read_pod(const json& object, const object_names& names);

/// "0,2" as positions, sorted. An error if it is no such list, or names one twice or above 63.
[[nodiscard]] berth::result<std::vector<std::size_t>> read_positions(std::string_view text);
/// The reverse.
[[nodiscard]] std::string write_positions(const std::vector<std::size_t>& positions);

}  // namespace berth_kube
