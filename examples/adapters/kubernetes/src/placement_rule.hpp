// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "json_fields.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace berth_kube {

struct node_object;

/// What keeps pods away from a node.
struct taint {
    std::string key{};     ///< not empty
    std::string value{};   ///< may be empty
    std::string effect{};  ///< `NoSchedule` or `NoExecute`

    /// Equal in all members.
    friend auto operator<=>(const taint&, const taint&) = default;
};

/// What lets a pod onto tainted nodes.
struct toleration {
    std::string key{};     ///< empty with `exists`: every key
    std::string value{};   ///< compared unless `exists`
    std::string effect{};  ///< empty: every effect
    bool exists = false;   ///< whatever the value

    /// Equal in all members.
    friend auto operator<=>(const toleration&, const toleration&) = default;
    /// True if it lets a pod pass the taint.
    [[nodiscard]] bool tolerates(const taint& t) const;
};

/// A condition on a label of a node, or on its name.
struct label_condition {
    /// How the label is compared.
    enum class comparison { in, not_in, exists, does_not_exist, greater, less };

    std::string key{};                  ///< of the label; `metadata.name` with `on_name`
    comparison how = comparison::in;    ///< how
    std::vector<std::string> values{};  ///< sorted
    bool on_name = false;               ///< the name of the node, not a label

    /// Equal in all members.
    friend auto operator<=>(const label_condition&, const label_condition&) = default;
    /// True if the node meets it.
    [[nodiscard]] bool holds(const node_object& node) const;
};

/// Which nodes a pod accepts: all conditions of `all`, one term of `any` (if there are terms) with all of its
/// conditions, and no taint that is not tolerated. As kube-scheduler reads nodeSelector, required node affinity and
/// tolerations.
struct placement_rule {
    std::vector<label_condition> all{};               ///< of the nodeSelector
    std::vector<std::vector<label_condition>> any{};  ///< of the required node affinity; an empty term holds nowhere
    bool restricted = false;                          ///< there is a required node affinity, if only with no term
    std::vector<toleration> tolerations{};            ///< sorted

    /// Equal in all members.
    friend auto operator<=>(const placement_rule&, const placement_rule&) = default;

    /// True if the labels do.
    [[nodiscard]] bool selects(const node_object& node) const;
    /// The first taint that is not tolerated; nullptr if there is none.
    [[nodiscard]] const taint* untolerated(const node_object& node) const;
    /// Why it does not accept the node, for people; empty if it does.
    [[nodiscard]] std::string refusal(const node_object& node) const;
    /// The rule in a few words, for people; equal rules have equal texts.
    [[nodiscard]] std::string text() const;
};

/// Reads the rule of a pod from its `spec`. The first error is kept in the failure of `spec`.
[[nodiscard]] placement_rule read_rule(const object_fields& spec);
/// Reads the taints of a node from its `spec`, sorted, without those that only ask.
[[nodiscard]] std::vector<taint> read_taints(const object_fields& spec);

}  // namespace berth_kube
