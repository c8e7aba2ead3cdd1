// SPDX-License-Identifier: Apache-2.0
#include "berth/fwd.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "common/random_day.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace {

template <class Policies>
void run_days(const Policies& policies, std::uint64_t seeds, day_kind kind = day_kind::plain) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        for (const auto acknowledge : {berth::acknowledgement::at_once, berth::acknowledgement::reported}) {
            CAPTURE(seed);
            CAPTURE(static_cast<int>(acknowledge));
            random_day<berth::scheduler<Policies>> day{policies, seed, acknowledge, kind};
            day.run(150);
            CHECK(day.started() > (kind == day_kind::plain ? 10U : 5U));
            random_day<berth::any_scheduler> erased{policies, seed, acknowledge, kind};
            erased.run(150);
            CHECK(erased.log() == day.log());
        }
    }
}

}  // namespace

TEST_CASE("random events: what runs is what was decided, nothing is lost, nobody waits beside room") {
    run_days(berth::scheduler_policies<>{}.with_placement(berth::greedy{berth::best_fit{}}), 6);
}

TEST_CASE("random events with evictions by order") {
    run_days(berth::scheduler_policies<>{}
                 .with_placement(berth::greedy{berth::best_fit{}})
                 .with_order(berth::shortest_service{})
                 .with_preemption(berth::replan{}),
             6);
}

TEST_CASE("random events with levels") {
    run_days(berth::scheduler_policies<>{}
                 .with_placement(berth::greedy{berth::best_fit{}})
                 .with_order(berth::least_attained{.limits = {5.0, 20.0}})
                 .with_preemption(berth::replan{}),
             4);
}

TEST_CASE("random events with a tree of queues, shares and rules of places") {
    run_days(berth::scheduler_policies<>{}
                 .with_placement(berth::greedy{berth::best_fit{}})
                 .with_preemption(berth::share_rules{}),
             10, day_kind::queued);
}
