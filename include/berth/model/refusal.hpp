// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// Why one node cannot take one task.
enum class refusal : std::uint8_t {
    health,          ///< the node is unhealthy, or too few of its GPUs of an accepted model are healthy
    gpu_model,       ///< too few GPUs of an accepted model
    gpu_share,       ///< no GPU has room for the share, or for another GPU counter (`why_not::gpu_counters`)
    whole_gpus,      ///< too few GPUs with room in every GPU counter, for a task with whole GPUs or several
    node_counter,    ///< a counter of the node is short (CPU, memory, ...)
    domain_counter,  ///< a counter of a domain of the node is short
    admission,       ///< it would fit, but the policy does not admit it
    group,           ///< it would fit, but its gang as a whole does not
};

/// The number of reasons.
inline constexpr std::size_t refusal_count = 8;

/// A few words for messages and tables.
[[nodiscard]] constexpr const char* to_string(refusal reason) noexcept {
    constexpr std::array names{"health",       "GPU model",      "GPU share", "whole GPUs",
                               "host counter", "domain counter", "admission", "rest of the group"};
    return names[static_cast<std::size_t>(reason)];
}

/// The node that came closest: with the fewest reasons against it, then with the smallest shortfall relative to the
/// demand, then the first one.
struct near_miss {
    node_index node{};                 ///< not valid if no node refuses
    refusal reason = refusal::health;  ///< the reason with the largest relative shortfall there
    std::size_t counter = 0;           ///< position of the counter that is short, for reasons that have one
    amount wanted = 0;                 ///< the demand; a number of GPUs for `whole_gpus`, `health` and `gpu_model`
    amount available = 0;              ///< the free amount there; below 0 where more is in use than there is
    amount each = 0;        ///< of `whole_gpus`: what each GPU must have free of the counter; 0: the node has too few
    domain_index domain{};  ///< of `domain_counter`: the domain that is short
};

/// Why a task was not placed, counted over all nodes. A node counts once under every reason that holds there, so the
/// counts may add up to more than the number of nodes. `explain` (`model/why_not.hpp`) makes one, `describe`
/// (`model/why_not_text.hpp`) turns it into sentences.
struct why_not {
    task_index task{};                                 ///< the task; not valid if a demand was explained
    std::size_t nodes = 0;                             ///< nodes of the fleet
    std::array<std::size_t, refusal_count> counted{};  ///< nodes by reason, indexed by `refusal`
    std::array<std::size_t, refusal_count> sole{};     ///< nodes by reason, only those with a single reason
    std::vector<std::size_t> node_counters;            ///< of `node_counter`: nodes short of each counter
    /// Of `gpu_share` and `whole_gpus`: nodes where too few GPUs have room in each counter. If enough GPUs have room in
    /// each counter, but not the same ones, all counters that GPUs lack there.
    std::vector<std::size_t> gpu_counters;
    std::vector<std::size_t> domain_counters;  ///< of `domain_counter`: nodes of which a domain is short of each
    std::size_t too_few_gpus = 0;              ///< nodes that have fewer GPUs than the task wants
    std::size_t fitting = 0;                   ///< nodes without any reason against them
    std::size_t accepting = 0;  ///< nodes with a GPU of an accepted model; all nodes for a task without GPUs
    std::size_t possible = 0;   ///< nodes that could take the task if they were empty and healthy
    near_miss nearest{};        ///< the node that came closest
    near_miss nearest_empty{};  ///< if no node could ever: the one that would come closest if all were empty

    /// The number of nodes with this reason.
    [[nodiscard]] std::size_t operator[](refusal reason) const noexcept {
        return counted[static_cast<std::size_t>(reason)];
    }
    /// True if no node could take the task even if all were empty and healthy, so that waiting does not help.
    [[nodiscard]] bool never() const noexcept { return nodes > 0 && possible == 0; }
};

}  // namespace berth::inline v0
