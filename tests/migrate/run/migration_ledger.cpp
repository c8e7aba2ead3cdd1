// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_ledger.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

struct occupy_without_answer {
    void occupy(task_index, const slot&) {}
    void remove(task_index, const slot&) {}
};
static_assert(!migration_ledger<occupy_without_answer>);

}  // namespace

TEST_CASE("a ledger by its adapter and a placer are migration ledgers") {
    move_world world = hand_world(2, {60, 60});
    const problem p = world.problem();
    ledger ledger{p.fleet()};
    ledger_adapter keeper{p, ledger};
    auto placer = greedy{first_fit{}}.start(p);
    static_assert(migration_ledger<decltype(placer)>);
    const auto use = [&](auto& b) {
        CHECK(b.occupy(task_index{0}, on(0)));
        CHECK_FALSE(b.occupy(task_index{1}, on(0)));
        CHECK(b.occupy(task_index{1}, on(1)));
        b.remove(task_index{0}, on(0));
        CHECK(b.occupy(task_index{1}, on(0)));
    };
    use(keeper);
    use(placer);
    CHECK(ledger == placer.ledger());
}
