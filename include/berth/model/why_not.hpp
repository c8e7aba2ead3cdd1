// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/detail/node_refusals.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/refusal.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace berth::inline v0 {

namespace detail {

/// @param gang  members of the gang of which the demand is one; 0: it is in no gang
template <class Ledger, class Admits>
[[nodiscard]] why_not explain_demand(const Ledger& ledger, const demand_view& demand, std::size_t gang,
                                     const Admits& admits) {
    const auto& fleet = ledger.fleet();
    using fleet_type = std::remove_cvref_t<decltype(fleet)>;
    const empty_room<fleet_type> empty{&fleet};
    why_not why;
    why.node_counters = std::vector<std::size_t>(demand.node.size());
    why.gpu_counters = std::vector<std::size_t>(demand.gpu.size());
    why.domain_counters = std::vector<std::size_t>(demand.domain.size());
    const node_judge<fleet_type, Ledger> now{fleet, ledger, demand, true, &why};
    const node_judge<fleet_type, empty_room<fleet_type>> ever{fleet, empty, demand, false, nullptr};
    nearest_node nearest;
    nearest_node nearest_empty;
    for (std::size_t i = 0; i < fleet.node_count(); ++i) {
        const node_index n{i};
        if (!fleet.present(n)) continue;
        ++why.nodes;
        if (demand.gpus == 0 || (fleet.models_on(n) & demand.accepted_models) != 0) ++why.accepting;
        const node_refusals at_best = ever.judge(n);
        const std::size_t against_empty = at_best.count();
        if (against_empty == 0) {
            ++why.possible;
        } else {
            nearest_empty.offer(at_best, against_empty);
        }
        node_refusals here = now.judge(n);
        std::size_t reasons = here.count();
        if (reasons == 0) {
            if (!admits(n)) {
                here.note({n, refusal::admission, 0, 1, 0});
            } else if (gang > 0) {
                here.note({n, refusal::group, 0, static_cast<amount>(gang), 0});
            } else {
                ++why.fitting;
                continue;
            }
            reasons = 1;
        }
        for (std::size_t r = 0; r < refusal_count; ++r) {
            if (!here.holds[r]) continue;
            ++why.counted[r];
            if (reasons == 1) ++why.sole[r];
        }
        nearest.offer(here, reasons);
    }
    why.nearest = nearest.miss;
    if (why.never()) why.nearest_empty = nearest_empty.miss;
    return why;
}

struct admits_everywhere {
    [[nodiscard]] constexpr bool operator()(node_index) const noexcept { return true; }
};

}  // namespace detail

/// Explains why a demand was not placed. Nothing is recorded while placing; this looks at every node, once as it is and
/// once as if it were empty: O(nodes × GPUs × counters).
///
/// @param ledger  the free amounts when the demand was refused; they may be below zero
/// @param demand  with the counters of the ledger's fleet
/// @param admits  called for nodes where the demand fits: false if the policy does not admit it there
/// @return  `why_not::task` is not valid; `why_not::fitting` tells where the demand fits after all
template <std::predicate<node_index> Admits>
[[nodiscard]] why_not explain(const ledger& ledger, const demand_view& demand, const Admits& admits) {
    return detail::explain_demand(ledger, demand, 0, admits);
}
/// The same for policies that admit a demand wherever it fits.
[[nodiscard]] inline why_not explain(const ledger& ledger, const demand_view& demand) {
    return explain(ledger, demand, detail::admits_everywhere{});
}

/// The same for a task of a workload. Where a member of a gang fits by itself, the node counts under `refusal::group`.
///
/// @param work  the workload of the task
/// @param task  the task, which exists
template <std::predicate<node_index> Admits>
[[nodiscard]] why_not explain(const ledger& ledger, const workload& work, task_index task, const Admits& admits) {
    const group_index g = work.group(task);
    const std::size_t gang = g.valid() && work.is_gang(g) ? work.members(g).size() : 0;
    why_not why = detail::explain_demand(ledger, work.demand(task), gang, admits);
    why.task = task;
    return why;
}
/// The same for policies that admit a task wherever it fits.
[[nodiscard]] inline why_not explain(const ledger& ledger, const workload& work, task_index task) {
    return explain(ledger, work, task, detail::admits_everywhere{});
}

}  // namespace berth::inline v0
