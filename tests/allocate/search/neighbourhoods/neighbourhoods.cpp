// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"

#include "berth/allocate/search/neighbourhoods/shift.hpp"
#include "berth/allocate/search/neighbourhoods/swap.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

/// Counts calls and proposes nothing.
struct asked {
    int* times;
    template <class Space>
    bool propose(Space&, xoshiro256&, move_list&) const {
        ++*times;
        return false;
    }
};

struct no_propose {};

}  // namespace

TEST_CASE("neighbourhoods are tried in proportion to their weights") {
    int often = 0;
    int seldom = 0;
    int never = 0;
    const neighbourhoods tried{3.0 * asked{&often}, asked{&seldom}, 0.0 * asked{&never}};
    const auto made = random_problem(1, {.nodes = 3, .tasks = 5});
    const problem p{made.machines, made.tasks};
    const objective wish{tier(left_out{})};
    search_space space{p, wish.prepare(p, assignment(5, unplaced)), any_node::prepare(p)};
    xoshiro256 g{1};
    move_list out;
    for (int i = 0; i < 4000; ++i) CHECK_FALSE(tried.propose(space, g, out));
    CHECK(often + seldom == 4000);
    CHECK(often > 2850);
    CHECK(often < 3150);
    CHECK(never == 0);
}

TEST_CASE("neighbourhoods nest, and one that is none does not compile into it") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        proposals += check_proposals(neighbourhoods{neighbourhoods{shift{}, 2.0 * berth::swap{}}, chain{}}, seed, 2);
    }
    CHECK(proposals > 500);
    static_assert(neighbourhood<asked> && !neighbourhood<no_propose>);
}
