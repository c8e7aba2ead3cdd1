// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/concepts.hpp"

#include "berth/allocate/search/neighbourhoods/ejection_chain.hpp"
#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"
#include "berth/allocate/search/neighbourhoods/ruin_and_recreate.hpp"
#include "berth/allocate/search/neighbourhoods/shift.hpp"
#include "berth/allocate/search/neighbourhoods/swap.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

/// The least that the concept requires: moves the first task to any slot.
struct first_task {
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        if (space.tasks().empty()) return false;
        const task_index t = space.tasks()[0];
        const slot target = space.any_slot(t, random);
        if (!target.placed() || target == space.where(t)) return false;
        out.push(space.to(t, target));
        return true;
    }
};
struct proposes_nothing {
    template <class Space>
    void propose(Space&, xoshiro256&, move_list&) const {}
};
struct not_const {
    template <class Space>
    bool propose(Space&, xoshiro256&, move_list&) {
        return false;
    }
};
struct not_copied {
    not_copied() = default;
    not_copied(const not_copied&) = delete;
    template <class Space>
    bool propose(Space&, xoshiro256&, move_list&) const {
        return false;
    }
};
struct takes_no_generator {
    template <class Space>
    bool propose(Space&, move_list&) const {
        return false;
    }
};

}  // namespace

static_assert(neighbourhood<shift> && neighbourhood<shift_group> && neighbourhood<take_out> && neighbourhood<swap> &&
              neighbourhood<chain> && neighbourhood<ejection_chain> && neighbourhood<ruin_and_recreate>);
static_assert(neighbourhood<first_task> && neighbourhood<neighbourhoods<first_task, shift>>);
static_assert(!neighbourhood<proposes_nothing> && !neighbourhood<not_const> && !neighbourhood<not_copied> &&
              !neighbourhood<takes_no_generator> && !neighbourhood<int> && !neighbourhood<descent>);

TEST_CASE("the least neighbourhood runs a local search, alone and among others") {
    const fleet machines = hand_fleet({{{1000, 1000}, 8000}, {{1000}, 4000}});
    const workload tasks = hand_workload(machines, {{1, 600, 1000}, {1, 600, 1000}, {1, 400, 1000}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{}), tier(left_out{})};
    const assignment nowhere(3, unplaced);
    const run_control<> budget{.max_evaluations = 2'000};

    const local_search of_one{first_task{}, descent{}, any_node{}, {.max_restarts = 0}};
    const plan alone = of_one.run(p, wish, nowhere, budget);
    check_plan(p, wish, nowhere, alone);
    REQUIRE(alone.moves.size() == 1);
    CHECK(alone.moves[0].task == task_index{0});

    const plan among = local_search{neighbourhoods{first_task{}, 3.0 * shift{}}}.run(p, wish, nowhere, budget);
    check_plan(p, wish, nowhere, among);
    CHECK(among.moves.size() == 3);
    CHECK(wish.prepare(p, among.assignment).value()[0] == 0.0);
}
