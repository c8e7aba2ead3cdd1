// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/concepts.hpp"

#include "berth/balance/balancer.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

namespace {

/// The minimal model of each concept.
struct least_trigger {
    struct state {
        void update(const berth::projected_state&) {}
        void alarms(const berth::projected_state&, std::vector<berth::alarm>& out) const {
            out.push_back({.reason = "always", .node = berth::node_index{0}});
        }
        [[nodiscard]] bool wants(const berth::projected_state&, const berth::alarm&) const { return true; }
        [[nodiscard]] double gain(const berth::projected_state&, const berth::alarm& a,
                                  const berth::task_move& r) const {
            return r.to.node == a.node ? 0.0 : 1.0;
        }
        [[nodiscard]] bool admits(const berth::projected_state&, const berth::task_move&) const { return true; }
    };
    [[nodiscard]] static const char* name() { return "always"; }
    [[nodiscard]] state prepare(const berth::problem&) const { return {}; }
};

struct least_valuation {
    [[nodiscard]] berth::migration_estimate estimate(const berth::problem&, const berth::task_move&) const {
        return {};
    }
    [[nodiscard]] double gain(double rate, double) const { return rate; }
    [[nodiscard]] double cost(const berth::migration_estimate&) const { return 0.0; }
};

struct least_budget {
    struct state {
        int left = 0;
        void begin(const berth::projected_state&) { left = 2; }
        [[nodiscard]] bool allows(const berth::task_move&, const berth::migration_estimate&) const { return left > 0; }
        void spend(const berth::task_move&, const berth::migration_estimate&) { --left; }
        void refund(const berth::task_move&, const berth::migration_estimate&) { ++left; }
    };
    [[nodiscard]] state prepare(const berth::problem&) const { return {}; }
};

struct no_gain : least_trigger {
    struct state {
        void update(const berth::projected_state&) {}
        void alarms(const berth::projected_state&, std::vector<berth::alarm>&) const {}
        [[nodiscard]] bool wants(const berth::projected_state&, const berth::alarm&) const { return true; }
        [[nodiscard]] bool admits(const berth::projected_state&, const berth::task_move&) const { return true; }
    };
    [[nodiscard]] state prepare(const berth::problem&) const { return {}; }
};

struct no_refund {
    struct state {
        void begin(const berth::projected_state&) {}
        [[nodiscard]] bool allows(const berth::task_move&, const berth::migration_estimate&) const { return true; }
        void spend(const berth::task_move&, const berth::migration_estimate&) {}
    };
    [[nodiscard]] state prepare(const berth::problem&) const { return {}; }
};

static_assert(berth::migration_trigger<least_trigger> && berth::move_valuation<least_valuation> &&
              berth::move_budget<least_budget>);
static_assert(!berth::migration_trigger<no_gain> && !berth::move_budget<no_refund> &&
              !berth::move_valuation<least_budget>);
static_assert(!berth::movability<least_valuation>);

}  // namespace

TEST_CASE("concepts: a balancer of minimal models") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(3));
    const berth::assignment placement{at(0), at(0), at(0)};
    const auto free_task = [](const berth::task_move& r) { return r.task.value() != 0; };
    const berth::balancer policy{berth::triggers{least_trigger{}}, berth::move_choice{least_valuation{}, free_task},
                                 least_budget{}};
    auto state = policy.prepare({all.machines, all.tasks});
    const auto round = state.round({.placement = placement}).value();
    REQUIRE(round.chosen.size() == 2);
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{1}, at(0), at(1)});
    CHECK(round.chosen[1].move == berth::task_move{berth::task_index{2}, at(0), at(1)});
}

TEST_CASE("concepts: alarms compare all but their text") {
    const berth::alarm a{.reason = "a", .node = berth::node_index{1}};
    berth::alarm b = a;
    b.reason = "b";
    CHECK(a == b);
    b.pressure = 1.0;
    CHECK_FALSE(a == b);
}
