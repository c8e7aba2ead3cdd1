// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_ledger.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/balance/defragment/defragment.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

struct begin_without_answer {
    void begin(const task_move&) {}
    void finish(const task_move&) {}
    void cancel(const task_move&) {}
    void lose(const task_move&) {}
};
static_assert(!migration_ledger<begin_without_answer>);
// Kinds of tasks are no running tasks; a cluster is not handed in, but borrowed by the run.
static_assert(!migration_ledger<decltype(greedy{first_fit{}}.start(std::declval<const problem&>()))>);
static_assert(!migration_ledger<cluster>);

}  // namespace

TEST_CASE("a ledger by its adapter and a state of defragment are migration ledgers") {
    const move_world world = hand_world(3, {60, 60});
    const problem p = world.problem();
    ledger ledger{p.fleet()};
    ledger_adapter keeper{p, ledger};
    auto state = defragment{}.start(p);
    static_assert(migration_ledger<decltype(state)>);
    const task_index a{0};
    const task_index b{1};
    const auto use = [&](auto& books, const berth::ledger& left) {
        const auto memory = [&](std::size_t gpu) { return left.free(gpu_index{gpu})[1]; };
        for (const task_move& arrival : {task_move{a, unplaced, on(0)}, task_move{b, unplaced, on(1)}}) {
            REQUIRE(books.begin(arrival));
            books.finish(arrival);
        }
        CHECK_FALSE(books.begin({a, on(0), on(1)}));
        CHECK(memory(1) == 20);
        REQUIRE(books.begin({a, on(0), on(2)}));
        CHECK(memory(0) == 20);
        CHECK(memory(2) == 20);
        books.cancel({a, on(0), on(2)});
        CHECK(memory(2) == 80);
        REQUIRE(books.begin({a, on(0), on(2)}));
        books.finish({a, on(0), on(2)});
        CHECK(memory(0) == 80);
        books.finish({a, on(2), unplaced});  // parked
        CHECK(memory(2) == 80);
        REQUIRE(books.begin({b, on(1), on(2)}));
        books.lose({b, on(1), on(2)});
        for (std::size_t gpu = 0; gpu < 3; ++gpu) CHECK(memory(gpu) == 80);
    };
    use(keeper, ledger);
    use(state, state.ledger());
}
