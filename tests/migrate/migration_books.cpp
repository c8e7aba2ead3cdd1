// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/migration_books.hpp"

#include "berth/allocate/greedy.hpp"
#include "berth/allocate/scores/fit.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

struct silent_books {
    void occupy(task_index, const slot&) {}
    void remove(task_index, const slot&) {}
};
static_assert(!migration_books<silent_books>);

}  // namespace

TEST_CASE("a ledger and a placer are books") {
    move_world world = hand_world(2, {60, 60});
    const problem p = world.problem();
    ledger books{p.fleet()};
    ledger_books keeper{p, books};
    auto placer = greedy{first_fit{}}.start(p);
    static_assert(migration_books<decltype(placer)>);
    const auto use = [&](auto& b) {
        CHECK(b.occupy(task_index{0}, on(0)));
        CHECK_FALSE(b.occupy(task_index{1}, on(0)));
        CHECK(b.occupy(task_index{1}, on(1)));
        b.remove(task_index{0}, on(0));
        CHECK(b.occupy(task_index{1}, on(0)));
    };
    use(keeper);
    use(placer);
    CHECK(books == placer.books());
}
