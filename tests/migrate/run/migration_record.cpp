// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_record.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace berth;

TEST_CASE("outcomes and failures have names of their own") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < migration_outcome_count; ++i)
        names.insert(to_string(static_cast<migration_outcome>(i)));
    CHECK(names.size() == migration_outcome_count);
    names.clear();
    for (std::size_t i = 0; i < migration_failure_count; ++i)
        names.insert(to_string(static_cast<migration_failure>(i)));
    CHECK(names.size() == migration_failure_count);
}

TEST_CASE("a step is under way between its beginning and an end") {
    migration_record r;
    CHECK_FALSE(under_way(r));
    r.phase = migration_phase::acting;
    CHECK(under_way(r));
    r.phase = migration_phase::ended;
    r.outcome = migration_outcome::unresolved;
    CHECK(under_way(r));
    r.outcome = migration_outcome::lost;
    CHECK_FALSE(under_way(r));
}
