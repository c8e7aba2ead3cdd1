// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/place_rule.hpp"

#include "berth/scheduler/scheduler.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using engine_type = berth::scheduler<>;

/// Two racks in a zone, two nodes of two GPUs in each; a fifth node is in no rack.
void join_racks(engine_type& engine) {
    REQUIRE(engine.domain("z", 1));
    for (const char* rack : {"r0", "r1"}) REQUIRE(engine.domain(rack, 0));
    const std::vector<berth::gpu_description> gpus(2);
    const std::pair<const char*, const char*> nodes[] = {{"a", "r0"}, {"b", "r0"}, {"c", "r1"}, {"d", "r1"}};
    for (const auto& node : nodes) {
        const std::string_view domains[] = {node.second, "z"};
        REQUIRE(engine.node(0.0, berth::node_description{.name = node.first, .gpus = gpus, .domains = domains}));
    }
    REQUIRE(engine.node(0.0, berth::node_description{.name = "alone", .gpus = gpus}));
}
void label(engine_type& engine, const char* node, std::initializer_list<std::string_view> labels) {
    REQUIRE(engine.labels(engine.now(), node, std::span{labels.begin(), labels.size()}));
}
void job(engine_type& engine, const char* name, std::size_t tasks, std::size_t gpus, const berth::place_rules& rules,
         std::string_view job_class = {}) {
    REQUIRE(engine.job(
        engine.now(),
        {.name = name, .task_count = tasks, .gpus = gpus, .terms = {.job_class = job_class, .place = rules}}));
}
/// The nodes where the tasks of a job run, a letter or a name each, sorted; empty if it waits.
std::string places(engine_type& engine, const char* name) {
    REQUIRE(engine.decide(engine.now() + 1.0));
    const auto found = engine.find_job(name);
    REQUIRE(found);
    std::multiset<std::string> nodes;
    for (std::uint32_t t = 0; t < engine.task_count(*found); ++t) {
        const berth::slot at = engine.cluster().where(engine.task(*found, t));
        if (at.placed()) nodes.insert(std::string{engine.cluster().fleet().name(at.node)});
    }
    std::string text;
    for (const std::string& node : nodes) text += (text.empty() ? "" : " ") + node;
    return text;
}
std::string refusal(engine_type& engine, const berth::place_rules& rules) {
    const auto outcome = engine.job(engine.now(), {.name = "x", .terms = {.place = rules}});
    return outcome ? std::string{} : outcome.error().message;
}
constexpr std::string_view fast[] = {"fast"};
constexpr std::string_view fast_and_new[] = {"fast", "new"};
constexpr std::string_view old[] = {"old"};
constexpr std::string_view server[] = {"server"};

}  // namespace

TEST_CASE("place rules: labels that are required, excluded, preferred") {
    engine_type engine;
    join_racks(engine);
    label(engine, "a", {"old"});
    label(engine, "b", {"fast"});
    label(engine, "c", {"fast", "old"});
    label(engine, "d", {"fast", "new"});
    job(engine, "both", 1, 2, {.required_labels = fast_and_new});
    CHECK(places(engine, "both") == "d");
    job(engine, "clean", 1, 2, {.required_labels = fast, .excluded_labels = old});
    CHECK(places(engine, "clean") == "b");
    job(engine, "no other", 1, 1, {.required_labels = fast, .excluded_labels = old});
    CHECK(places(engine, "no other").empty());
    // A wish: the node with the most of them that has room, and any if none has.
    job(engine, "wish", 1, 2, {.preferred_labels = fast_and_new});
    CHECK(places(engine, "wish") == "c");
    job(engine, "wish too", 1, 2, {.preferred_labels = fast_and_new});
    CHECK_FALSE(places(engine, "wish too").empty());
    // Labels are replaced, not added.
    label(engine, "b", {"old"});
    REQUIRE(engine.finish(engine.now(), "both"));
    label(engine, "d", {"slow"});
    CHECK(places(engine, "no other").empty());
    label(engine, "d", {"fast"});
    CHECK(places(engine, "no other") == "d");
}

TEST_CASE("place rules: within one domain, or as a wish") {
    engine_type engine;
    join_racks(engine);
    job(engine, "filler", 1, 2, {.within = 0});
    const std::string taken = places(engine, "filler");
    CHECK(taken != "alone");  // it is in no rack
    const bool first = taken == "a" || taken == "b";
    job(engine, "rack", 4, 1, {.within = 0});
    CHECK(places(engine, "rack") == (first ? "c c d d" : "a a b b"));
    job(engine, "too wide", 3, 1, {.within = 0});
    CHECK(places(engine, "too wide").empty());
    job(engine, "node", 2, 1, {.within = berth::host_level});
    const std::string on_one = places(engine, "node");
    CHECK((on_one == "alone alone" || on_one == (taken == "a" ? "b b" : "a a") || on_one == "d d" || on_one == "c c"));
    REQUIRE(engine.cancel(engine.now(), "node"));
    // A wish for a rack: three tasks do not fit into one, so they take what there is.
    REQUIRE(engine.cancel(engine.now(), "too wide"));
    job(engine, "wish", 3, 1, {.prefer_within = 0});
    CHECK_FALSE(places(engine, "wish").empty());
}

TEST_CASE("place rules: apart, on nodes or racks of their own") {
    engine_type engine;
    join_racks(engine);
    job(engine, "nodes", 5, 1, {.apart = berth::host_level});
    CHECK(places(engine, "nodes") == "a alone b c d");
    job(engine, "six", 6, 1, {.apart = berth::host_level});
    CHECK(places(engine, "six").empty());
    job(engine, "three", 3, 1, {.apart = 0});  // there are two racks
    CHECK(places(engine, "three").empty());
    job(engine, "racks", 2, 1, {.apart = 0});
    const std::string two = places(engine, "racks");
    REQUIRE(two.size() == 3);
    CHECK((two[0] == 'a' || two[0] == 'b'));
    CHECK((two[2] == 'c' || two[2] == 'd'));
}

TEST_CASE("place rules: near to others where one runs, anywhere where none does") {
    engine_type engine;
    join_racks(engine);
    label(engine, "a", {"old"});
    label(engine, "c", {"fast"});
    const berth::place_rules near{.near = {.jobs = server, .level = 0}};
    job(engine, "early", 1, 1, {.required_labels = old, .near = near.near});
    CHECK(places(engine, "early") == "a");
    job(engine, "server", 1, 1, {.required_labels = fast});
    CHECK(places(engine, "server") == "c");
    job(engine, "client", 3, 1, near);
    CHECK(places(engine, "client") == "c d d");
    job(engine, "late", 1, 2, near);  // there is room elsewhere
    CHECK(places(engine, "late").empty());
    REQUIRE(engine.finish(engine.now(), "server"));
    CHECK_FALSE(places(engine, "late").empty());
}

TEST_CASE("place rules: away from others, and they from it") {
    engine_type engine;
    join_racks(engine);
    label(engine, "a", {"fast"});
    const berth::place_rules away{.away = {.job_class = "noisy", .level = 0}};
    job(engine, "quiet", 1, 1, {.required_labels = fast, .away = away.away});
    CHECK(places(engine, "quiet") == "a");
    job(engine, "noisy", 3, 1, {.within = 0}, "noisy");
    const std::string rack = places(engine, "noisy");
    CHECK((rack == "c c d" || rack == "c d d"));  // not where the quiet one is
    job(engine, "quiet too", 1, 2, {.within = 0, .away = away.away});
    CHECK(places(engine, "quiet too") == "b");
    REQUIRE(engine.finish(engine.now(), "noisy"));
    job(engine, "quiet three", 1, 2, {.within = 0, .away = away.away});
    const std::string third = places(engine, "quiet three");
    CHECK((third == "c" || third == "d"));
}

TEST_CASE("place rules: what is wrong is refused with job and field, and nothing is admitted") {
    engine_type engine;
    join_racks(engine);
    constexpr std::string_view empty[] = {"fast", ""};
    CHECK(refusal(engine, {.required_labels = empty}) == "job \"x\": place.required_labels has an empty label");
    CHECK(refusal(engine, {.excluded_labels = empty}) == "job \"x\": place.excluded_labels has an empty label");
    CHECK(refusal(engine, {.preferred_labels = empty}) == "job \"x\": place.preferred_labels has an empty label");
    CHECK(refusal(engine, {.near = {.jobs = server}}) == "job \"x\": place.near has no level");
    CHECK(refusal(engine, {.near = {.level = 0}}) == "job \"x\": place.near names no job and no class");
    CHECK(refusal(engine, {.away = {.job_class = "noisy"}}) == "job \"x\": place.away has no level");
    CHECK(refusal(engine, {.away = {.level = berth::host_level}}) == "job \"x\": place.away names no job and no class");
    CHECK(engine.cluster().task_count() == 0);
    CHECK_FALSE(engine.find_job("x"));
    // A level that no node has: it waits, for the reason that says so.
    job(engine, "row", 1, 1, {.within = 7});
    const auto decisions = engine.decide(1.0);
    REQUIRE(decisions);
    REQUIRE(decisions->size() == 1);
    CHECK((*decisions)[0].kind == berth::decision_kind::wait);
    REQUIRE_FALSE((*decisions)[0].reasons.empty());
    CHECK((*decisions)[0].reasons[0].reason == berth::wait_reason::topology);
}
