// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction_context.hpp"
#include "berth/balance/defragment/fragmentation_cost.hpp"
#include "berth/balance/movability.hpp"
#include "berth/migrate/order/migration_cost.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <cstddef>

namespace berth_test {

template <class Movable = berth::all_movable>
using context_of =
    berth::detail::eviction_context<berth::expected_fragmentation_cost::state, Movable, berth::uniform_migration>;

/// The context of a fleet with its running tasks.
template <class Movable = berth::all_movable>
[[nodiscard]] context_of<Movable> occupied_context(const tight_fleet& f, const Movable& movable = {}) {
    context_of<Movable> context{
        f.problem(), berth::expected_fragmentation_cost{}.prepare(f.problem()), movable, {}, false};
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        if (f.initial[t].placed()) REQUIRE(context.fleet.add(berth::task_index{t}, f.initial[t]));
    }
    return context;
}

}  // namespace berth_test
