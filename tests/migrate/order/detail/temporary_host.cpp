// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/temporary_host.hpp"

#include "berth/migrate/order/detail/order_input.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>

using berth::node_index;
using berth::slot;
using berth::step_kind;
using berth::task_index;
using berth::unplaced;
using berth::detail::migration_estimates;
using berth::detail::order_control;
using berth::detail::order_input;
using berth::detail::planned_step;
using berth::detail::temporary_host;
using berth::detail::wave_board;
using berth_test::bare_gpus;

namespace {

constexpr auto any = std::numeric_limits<std::size_t>::max();
constexpr double never = std::numeric_limits<double>::infinity();

struct always {
    [[nodiscard]] bool stop_requested() const { return true; }
};

/// Task 0 goes from GPU 0 to 1; GPU 2 has room for it, GPU 3 hardly, GPU 4 none.
struct search {
    bare_gpus gpus{5, 80, {50, 20, 30, 40}};
    berth::problem p = gpus.problem();
    berth::assignment from = gpus.on({0, 2, 3, 4});
    order_input in{p, from, gpus.on({1, 2, 3, 4}), {}};

    /// @param seconds  of a move to or from a node
    template <class Seconds>
    [[nodiscard]] slot find(Seconds seconds, double limit = never,
                            const berth::detail::wave_limits& limits = {any, any, any}, order_control control = {},
                            bool optional = true) const {
        const auto cost = [&](const berth::problem&, const berth::task_move& r) {
            const double most = seconds(r.from.node) + seconds(r.to.node);
            return berth::migration_estimate{most, most, 0};
        };
        const wave_board board{in.moves, in.free, limits};
        const planned_step out{.from = from[0], .to = unplaced, .kind = step_kind::park, .wave = 0};
        const planned_step back{.from = unplaced, .to = gpus.on({1})[0], .kind = step_kind::fetch, .wave = 2};
        return temporary_host{p, in.numbers, migration_estimates::of(cost), board, control}.find(task_index{0}, out,
                                                                                                 back, limit, optional);
    }
};

}  // namespace

TEST_CASE("temporary host: least downtime first, then least left over") {
    const search s;
    const auto same = [](node_index) { return 1.0; };
    CHECK(s.find(same) == s.gpus.on({3})[0]);
    CHECK(s.find([](node_index n) { return n.value() == 3 ? 2.0 : 1.0; }) == s.gpus.on({2})[0]);
    CHECK(s.find(same, 3.0) == unplaced);  // two moves take 4 seconds
    CHECK(s.find(same, never, {0, any, any}) == unplaced);
}

TEST_CASE("temporary host: after a stop none if it is optional, else the first one") {
    const search s;
    const auto same = [](node_index) { return 1.0; };
    berth::run_control<always> stop;
    order_control stopped{stop};
    (void)stopped.poll();
    CHECK(s.find(same, never, {any, any, any}, stopped, true) == unplaced);
    CHECK(s.find(same, never, {any, any, any}, stopped, false) == s.gpus.on({2})[0]);
}
