// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_executor.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace berth;

namespace {

/// The minimum of an executor.
struct least_executor {
    void start(migration_action, const migration_job&, double) {}
    action_status poll(migration_action, const migration_job&, double) { return action_status::failed; }
    void abort(migration_action, const migration_job&, double) {}
    migration_state query(const migration_job&, double) { return {}; }
};
struct without_query {
    void start(migration_action, const migration_job&, double) {}
    action_status poll(migration_action, const migration_job&, double) { return action_status::failed; }
    void abort(migration_action, const migration_job&, double) {}
};
struct answers_yes_or_no : least_executor {
    bool poll(migration_action, const migration_job&, double) { return true; }
};

static_assert(migration_executor<least_executor>);
static_assert(!migration_executor<without_query>);
static_assert(!migration_executor<answers_yes_or_no>);

}  // namespace

TEST_CASE("every action and every location has a name of its own") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < migration_action_count; ++i) names.insert(to_string(static_cast<migration_action>(i)));
    CHECK(names.size() == migration_action_count);
    names.clear();
    for (std::size_t i = 0; i < task_location_count; ++i) names.insert(to_string(static_cast<task_location>(i)));
    CHECK(names.size() == task_location_count);
    CHECK(std::string{to_string(migration_action::cancel)} == "cancel");
    CHECK(std::string{to_string(task_location::elsewhere)} == "elsewhere");
}

TEST_CASE("fencing tokens are ordered by run and then by serial") {
    CHECK(fencing_token{1, 9} < fencing_token{2, 0});
    CHECK(fencing_token{2, 0} < fencing_token{2, 1});
    CHECK(fencing_token{2, 1} == fencing_token{2, 1});
}
