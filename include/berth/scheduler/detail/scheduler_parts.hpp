// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balancer.hpp"
#include "berth/balance/cluster_balancer.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/scheduler/scheduler_events.hpp"
#include "berth/scheduler/scheduler_policies.hpp"

#include <type_traits>

// How the policies of a scheduler begin.

namespace berth::inline v0::detail {

/// What a scheduler lets a balancer move.
struct scheduler_movable {
    const scheduler_events* of = nullptr;
    [[nodiscard]] bool operator()(const task_move& r) const noexcept { return of->may_move(r.task); }
};
/// A balancer that asks the scheduler as well.
template <class Triggers, class Valuation, class Movable, class Budget>
[[nodiscard]] auto with_movable(const balancer<Triggers, move_choice<Valuation, Movable>, Budget>& policy,
                                const scheduler_events& engine) {
    using both = all_of<scheduler_movable, Movable>;
    return balancer<Triggers, move_choice<Valuation, both>, Budget>{
        policy.when,
        {policy.choice.valuation, both{scheduler_movable{&engine}, policy.choice.movable}, policy.choice.options},
        policy.budget,
        policy.limits};
}

/// The state of a policy that may be absent.
struct no_state {
    template <class... Arguments>
    explicit no_state(const Arguments&...) noexcept {}
};
template <class Balance>
[[nodiscard]] auto start_relief(const Balance& policy, const scheduler_events& engine) {
    if constexpr (std::is_same_v<Balance, no_relief>) {
        return no_state{};
    } else {
        return with_movable(policy, engine).start(engine.cluster());
    }
}
template <class Watch>
[[nodiscard]] auto start_watch(const Watch& policy, const scheduler_events& engine) {
    if constexpr (std::is_same_v<Watch, no_watch>) {
        return no_state{};
    } else {
        return policy.start(engine.cluster());
    }
}

}  // namespace berth::inline v0::detail
