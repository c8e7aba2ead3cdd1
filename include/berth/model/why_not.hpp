// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0 {

/// Why one node cannot take one task.
enum class refusal : std::uint8_t {
    health,          ///< the node is unhealthy, or too few of its GPUs of an accepted model are healthy
    gpu_model,       ///< too few GPUs of an accepted model
    gpu_share,       ///< no GPU has room for the share, or for another GPU counter
    whole_gpus,      ///< too few GPUs with room, for a task with whole GPUs or several
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
    amount available = 0;              ///< the free amount there
};

/// Why a task was not placed, counted over all nodes. A node counts once under every reason that holds there, so the
/// counts may add up to more than the number of nodes.
struct why_not {
    task_index task{};                                 ///< the task
    std::size_t nodes = 0;                             ///< nodes of the fleet
    std::array<std::size_t, refusal_count> counted{};  ///< nodes by reason, indexed by `refusal`
    std::array<std::size_t, refusal_count> sole{};     ///< nodes by reason, only those with a single reason
    std::vector<std::size_t> node_counters;            ///< of `node_counter`: nodes short of each counter
    near_miss nearest{};                               ///< the node that came closest

    /// The number of nodes with this reason.
    [[nodiscard]] std::size_t operator[](refusal reason) const noexcept {
        return counted[static_cast<std::size_t>(reason)];
    }
};

namespace detail {

/// The reasons against one node.
struct node_refusals {
    near_miss worst{};
    std::array<bool, refusal_count> holds{};
    double shortfall = 0.0;  // of the worst, relative to the demand

    [[gnu::noinline]] void note(refusal reason, std::size_t counter, amount wanted, amount available) noexcept {
        holds[static_cast<std::size_t>(reason)] = true;
        const double relative = static_cast<double>(wanted - available) / static_cast<double>(wanted > 1 ? wanted : 1);
        if (relative < shortfall) return;
        shortfall = relative;
        worst = {.node = worst.node, .reason = reason, .counter = counter, .wanted = wanted, .available = available};
    }
};

}  // namespace detail

/// Explains why a task was not placed. Nothing is recorded while placing; this looks at every node: O(nodes × GPUs ×
/// counters).
///
/// @param ledger  the free amounts when the task was refused
/// @param work    the workload of the task
/// @param task    the task
/// @param admits  called for nodes where the task fits: false if the policy does not admit it there
template <std::predicate<node_index> Admits>
[[nodiscard]] why_not explain(const ledger& ledger, const workload& work, task_index task, const Admits& admits) {
    const fleet& fleet = ledger.fleet();
    const demand_view demand = work.demand(task);
    why_not why;
    why.task = task;
    why.nodes = fleet.node_count();
    why.node_counters = std::vector<std::size_t>(fleet.schema().node.size());
    std::size_t fewest = std::numeric_limits<std::size_t>::max();
    double smallest = 0.0;
    for (std::size_t i = 0; i < fleet.node_count(); ++i) {
        const node_index n{i};
        detail::node_refusals here{.worst = {.node = n}};
        const auto note = [&](refusal reason, std::size_t counter, amount wanted, amount available) {
            here.note(reason, counter, wanted, available);
        };
        const gpu_mask all = first_gpus(fleet.gpu_count(n));
        gpu_mask accepted = 0;
        for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) {
            if ((demand.accepted_models >> fleet.model(fleet.gpu(n, g)).value() & 1U) != 0)
                accepted |= gpu_mask{1} << g;
        }
        const auto wanted = static_cast<amount>(demand.gpus);
        constexpr auto health = static_cast<std::size_t>(refusal::health);
        if (!fleet.healthy(n)) {
            note(refusal::health, 0, 1, 0);
        } else if (gpu_count(accepted & fleet.healthy_gpus(n)) < demand.gpus && gpu_count(accepted) >= demand.gpus) {
            note(refusal::health, 0, wanted, static_cast<amount>(gpu_count(accepted & fleet.healthy_gpus(n))));
        }
        if (gpu_count(accepted) < demand.gpus && accepted != all) {
            note(refusal::gpu_model, 0, wanted, static_cast<amount>(gpu_count(accepted)));
        }
        if (gpu_count(all) < demand.gpus) {
            if (demand.is_share()) {
                note(refusal::gpu_share, 0, demand.gpu[0], 0);
            } else {
                note(refusal::whole_gpus, 0, wanted, static_cast<amount>(gpu_count(all)));
            }
        } else if (demand.gpus > 0 && gpu_count(accepted) >= demand.gpus) {
            std::size_t enough = 0;
            std::size_t short_counter = 0;
            amount most = 0;
            const gpu_mask candidates = here.holds[health] ? accepted : accepted & fleet.healthy_gpus(n);
            for (gpu_mask rest = candidates; rest != 0; rest &= rest - 1) {
                const auto left = ledger.free(fleet.gpu(n, lowest_gpu(rest)));
                std::size_t r = 0;
                while (r < left.size() && left[r] >= demand.gpu[r]) ++r;
                if (r == left.size()) {
                    ++enough;
                } else if (r > short_counter || (r == short_counter && left[r] >= most)) {
                    short_counter = r;
                    most = left[r];
                }
            }
            if (enough < demand.gpus) {
                if (demand.is_share()) {
                    note(refusal::gpu_share, short_counter, demand.gpu[short_counter], most);
                } else {
                    note(refusal::whole_gpus, short_counter, wanted, static_cast<amount>(enough));
                }
            }
        }
        const auto left = ledger.free(n);
        for (std::size_t r = 0; r < left.size(); ++r) {
            if (left[r] >= demand.node[r]) continue;
            ++why.node_counters[r];
            note(refusal::node_counter, r, demand.node[r], left[r]);
        }
        for (const domain_index d : fleet.domains(n)) {
            const auto domain_left = ledger.free(d);
            for (std::size_t r = 0; r < domain_left.size(); ++r) {
                if (domain_left[r] < demand.domain[r])
                    note(refusal::domain_counter, r, demand.domain[r], domain_left[r]);
            }
        }
        std::size_t reasons = 0;
        for (std::size_t r = 0; r < refusal_count; ++r) {
            if (here.holds[r]) ++reasons;
        }
        if (reasons == 0) {
            const group_index g = work.group(task);
            if (!admits(n)) {
                note(refusal::admission, 0, 1, 0);
            } else if (g.valid() && work.is_gang(g)) {
                note(refusal::group, 0, static_cast<amount>(work.members(g).size()), 0);
            } else {
                continue;
            }
            reasons = 1;
        }
        for (std::size_t r = 0; r < refusal_count; ++r) {
            if (!here.holds[r]) continue;
            ++why.counted[r];
            if (reasons == 1) ++why.sole[r];
        }
        if (reasons < fewest || (reasons == fewest && here.shortfall < smallest)) {
            fewest = reasons;
            smallest = here.shortfall;
            why.nearest = here.worst;
        }
    }
    return why;
}

/// The same for policies that admit a task wherever it fits.
[[nodiscard]] inline why_not explain(const ledger& ledger, const workload& work, task_index task) {
    return explain(ledger, work, task, [](node_index) { return true; });
}

}  // namespace berth::inline v0
