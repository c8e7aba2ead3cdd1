// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <berth/core/result.hpp>

#include "fleet_mirror.hpp"
#include "json_fields.hpp"
#include "objects.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace berth_kube {

/// Options of an `extender`.
struct extender_options {
    object_names names{};       ///< names in objects
    std::size_t keep = 1;       ///< nodes that `filter` leaves over, the best ones; at least 1
    bool watched = false;       ///< the mirror follows the API server, so what it says is free is free
    double assume_for = 300.0;  ///< seconds for which a pod is taken to be where it was sent
};

/// The answers of a scheduler extender of kube-scheduler (`k8s.io/kube-scheduler/extender/v1`), without a socket: JSON
/// of those Go types in and out.
///
/// Without a watch it knows the nodes that kube-scheduler sent, and where it sent pods itself. It then trusts
/// kube-scheduler that every node that comes has room, and lets what it remembers only decide between them.
///
/// Not thread-safe. Deterministic.
class extender {
public:
    /// Nothing is known yet.
    explicit extender(extender_options options) : options_{std::move(options)} {}

    /// `ExtenderArgs` to `ExtenderFilterResult`: the `keep` best nodes, and of every other node why not. An error of
    /// the arguments is its `Error`.
    [[nodiscard]] json filter(const json& arguments, double now);
    /// `ExtenderArgs` to `HostPriorityList`: 10 for the best node, 9 for the second, ..., 0. An error if the arguments
    /// are none.
    [[nodiscard]] berth::result<json_value> prioritize(const json& arguments, double now);
    /// `ExtenderPreemptionArgs` to `ExtenderPreemptionResult`: the nodes where the pod fits once their victims are
    /// gone, with the same victims. A node that is not known stays. An error if the arguments are none.
    [[nodiscard]] berth::result<json_value> preempt(const json& arguments, double now);

    /// What is known; a watch writes here.
    [[nodiscard]] fleet_mirror& mirror() noexcept { return mirror_; }
    /// The options.
    [[nodiscard]] const extender_options& options() const noexcept { return options_; }

private:
    struct request {
        pod_object pod{};
        bool names_only = false;
        std::vector<std::string> nodes{};       // as they came
        std::vector<std::size_t> items{};       // positions in Nodes.items, unless names_only
        std::vector<std::string> unreadable{};  // nodes that could not be read, and why; empty: it could
    };
    [[nodiscard]] berth::result<request> read(const json& arguments);
    [[nodiscard]] std::vector<std::string> rank(const std::vector<std::string>& candidates, const pod_object& pod,
                                                std::size_t most, bool assumed) const;
    [[nodiscard]] std::vector<std::string> best(const std::vector<std::string>& candidates, const pod_object& pod,
                                                std::size_t most) const;

    extender_options options_;
    fleet_mirror mirror_;
};

}  // namespace berth_kube
