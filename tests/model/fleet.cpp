// SPDX-License-Identifier: Apache-2.0
#include "berth/model/fleet.hpp"

#include "berth/model/fleet_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

using berth::amount;
using berth::error_code;
using berth::fleet;
using berth::fleet_builder;
using berth::gpu_description;
using berth::gpu_index;
using berth::max_amount;
using berth::node_description;
using berth::node_index;
using berth_test::need;

static_assert(!std::is_default_constructible_v<fleet>, "a fleet comes from a builder");
static_assert(!std::is_convertible_v<berth::resource_schema, fleet_builder>);

namespace {

using gpus = std::vector<gpu_description>;
using values = std::vector<amount>;
using texts = std::vector<std::string_view>;

berth::resource_schema schema() { return {.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"watts"}}; }

/// All contents of a fleet as text.
std::string dump(const fleet& f) {
    std::string out;
    const auto put = [&](const auto& range) {
        for (const auto value : range) out += std::to_string(value) + ' ';
        out += '|';
    };
    for (std::size_t i = 0; i < f.node_count(); ++i) {
        const node_index n{i};
        out += f.name(n) + ' ' + std::to_string(f.kind(n)) + ' ' + std::to_string(f.healthy_gpus(n)) + ' ' +
               std::to_string(f.models_on(n)) + (f.healthy(n) ? " ok " : " sick ");
        put(f.capacity(n));
        for (const auto d : f.domains(n)) out += f.name(d) + '@' + std::to_string(f.level(d)) + ' ';
        for (std::size_t g = 0; g < f.gpu_count(n); ++g) {
            out += f.name(f.model(f.gpu(n, g))) + ' ';
            put(f.capacity(f.gpu(n, g)));
        }
        out += '\n';
    }
    for (std::size_t m = 0; m < f.model_count(); ++m) out += f.name(berth::model_index{m}) + ' ';
    for (std::size_t d = 0; d < f.domain_count(); ++d) put(f.capacity(berth::domain_index{d}));
    return out + std::to_string(f.kind_count());
}

void one_good_node(fleet_builder& builder) {
    const values power{500};
    (void)need(builder.add_domain("rack", 0, power));
    (void)need(builder.add_domain("zone", 1));
    (void)need(builder.add_domain("other rack", 0));
    const values cpu{8};
    const gpus two(2, {.model = "A100"});
    const texts domains{"zone", "rack"};
    (void)need(builder.add_node({.name = "good", .capacity = cpu, .gpus = two, .domains = domains}));
}

/// The message of a refusal; the builder must be unchanged.
template <class Attempt>
std::string refusal(error_code code, Attempt attempt) {
    fleet_builder expected{schema()};
    one_good_node(expected);
    fleet_builder builder{schema()};
    one_good_node(builder);
    const auto r = attempt(builder);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == code);
    CHECK(dump(need(std::move(builder).build())) == dump(need(std::move(expected).build())));
    return r.error().message;
}

std::string refused_node(error_code code, const node_description& node) {
    return refusal(code, [&](fleet_builder& b) { return b.add_node(node); });
}

}  // namespace

TEST_CASE("fleet: returns everything that was added") {
    fleet_builder builder{schema()};
    one_good_node(builder);
    const values memory{500, 40};
    const gpus mixed{{.model = "H100", .capacity = memory}, {.model = "A100", .healthy = false}, {}};
    CHECK(need(builder.add_node({.gpus = mixed})) == node_index{1});
    CHECK(need(builder.add_node({.name = "host"})) == node_index{2});
    CHECK(need(builder.add_node({.name = "down", .gpus = mixed, .healthy = false})) == node_index{3});
    const fleet f = need(std::move(builder).build());

    CHECK(f.node_count() == 4);
    CHECK(f.gpu_count() == 8);
    CHECK(f.schema() == schema());
    CHECK(f.name(node_index{1}) == "node-1");
    CHECK(f.find_node("host") == node_index{2});
    CHECK_FALSE(f.find_node("nobody"));
    CHECK(f.model_count() == 3);
    CHECK(f.find_model("") == berth::model_index{2});
    CHECK_FALSE(f.find_model("T4"));
    CHECK(f.gpu_count(node_index{1}) == 3);
    CHECK(f.gpu(node_index{1}, 2) == gpu_index{4});
    CHECK(f.node_of(gpu_index{4}) == node_index{1});
    CHECK(f.node_of(gpu_index{5}) == node_index{3});
    CHECK(f.models_on(node_index{0}) == 0b001);
    CHECK(f.models_on(node_index{1}) == 0b111);
    CHECK(f.models_on(node_index{2}) == 0);
    CHECK(f.healthy_gpus(node_index{1}) == 0b101);
    CHECK(f.healthy_gpus(node_index{3}) == 0);
    CHECK_FALSE(f.healthy(node_index{3}));
    CHECK(f.capacity(node_index{0})[0] == 8);
    CHECK(f.capacity(node_index{1})[0] == max_amount);
    CHECK(f.capacity(gpu_index{2})[1] == 40);
    CHECK(f.capacity(gpu_index{3})[0] == 1000);
    CHECK(f.capacity(gpu_index{3})[1] == max_amount);
    const auto rack = *f.find_domain("rack");
    CHECK(f.capacity(rack)[0] == 500);
    CHECK(f.capacity(*f.find_domain("zone"))[0] == max_amount);
    CHECK_FALSE(f.find_domain("row"));
    REQUIRE(f.domains(node_index{0}).size() == 2);
    CHECK(f.domains(node_index{0})[0] == rack);  // in the order of levels, not in the order given
    CHECK(f.level(f.domains(node_index{0})[1]) == 1);
    CHECK(f.domains(node_index{1}).empty());
}

TEST_CASE("fleet: nodes of equal configuration share a kind") {
    fleet_builder builder{schema()};
    const gpus two(2, {.model = "A100"});
    const gpus sick{{.model = "A100"}, {.model = "A100", .healthy = false}};
    const gpus other(2, {.model = "T4"});
    const values cpu{8};
    const auto kind = [&](const node_description& node) { (void)need(builder.add_node(node)); };
    kind({.gpus = two});
    kind({.gpus = two});
    kind({.gpus = sick});
    kind({.gpus = other});
    kind({.capacity = cpu, .gpus = two});
    kind({});
    kind({.healthy = false});
    kind({.name = "like the first", .gpus = two});
    const fleet f = need(std::move(builder).build());
    const std::vector<std::size_t> expected{0, 0, 1, 2, 3, 4, 5, 0};
    for (std::size_t n = 0; n < expected.size(); ++n) CHECK(f.kind(node_index{n}) == expected[n]);
    CHECK(f.kind_count() == 6);
}

TEST_CASE("fleet: has() accepts exactly the slots that exist") {
    fleet_builder builder{schema()};
    const gpus two(2, {.model = "A100"});
    (void)need(builder.add_node({.gpus = two}));
    (void)need(builder.add_node({}));
    const fleet f = need(std::move(builder).build());
    const node_index a{std::size_t{0}};
    const node_index host{std::size_t{1}};
    CHECK(f.has({a, 1}, 1));
    CHECK(f.has({a, 3}, 2));
    CHECK(f.has({a, 0}, 0));
    CHECK(f.has({host, 0}, 0));
    CHECK_FALSE(f.has({a, 1}, 2));
    CHECK_FALSE(f.has({a, 4}, 1));
    CHECK_FALSE(f.has({host, 1}, 1));
    CHECK_FALSE(f.has({node_index{std::size_t{2}}, 0}, 0));
    CHECK_FALSE(f.has(berth::unplaced, 0));
}

TEST_CASE("fleet: refused domains") {
    const auto refused = [](error_code code, std::string_view name, const values& capacity) {
        return refusal(code, [&](fleet_builder& b) { return b.add_domain(name, 0, capacity); });
    };
    CHECK(refused(error_code::invalid_value, "", {}) == "domain \"\": name is empty");
    CHECK(refused(error_code::duplicate, "zone", {}) == "domain \"zone\": a domain of this name exists already");
    CHECK(refused(error_code::inconsistent, "r", {1, 2}) ==
          "domain \"r\": capacity has 2 values, the resource schema names 1");
    CHECK(refused(error_code::invalid_value, "r", {-1}) ==
          "domain \"r\": capacity[0] is -1, expected 0..35184372088832");
    CHECK(refused(error_code::overflow, "r", {max_amount + 1}) ==
          "domain \"r\": capacity[0] is 35184372088833, expected 0..35184372088832");
}

TEST_CASE("fleet: refused nodes") {
    CHECK(refused_node(error_code::duplicate, {.name = "good"}) ==
          "node 1 (\"good\"): a node of this name exists already");
    const values two_values{1, 2};
    CHECK(refused_node(error_code::inconsistent, {.name = "n", .capacity = two_values}) ==
          "node 1 (\"n\"): capacity has 2 values, the resource schema names 1");
    const values negative{-5};
    CHECK(refused_node(error_code::invalid_value, {.capacity = negative}) ==
          "node 1 (\"node-1\"): capacity[0] is -5, expected 0..35184372088832");
    const values lowest{std::numeric_limits<amount>::min()};
    CHECK(refused_node(error_code::invalid_value, {.name = "n", .capacity = lowest}) ==
          "node 1 (\"n\"): capacity[0] is -9223372036854775808, expected 0..35184372088832");
    const gpus bad{
        {.model = "A100"}, {.model = "A100", .capacity = two_values}, {.model = "new", .capacity = negative}};
    CHECK(refused_node(error_code::inconsistent, {.name = "n", .gpus = bad}) ==
          "node 1 (\"n\") gpu 2: capacity has 1 values, the resource schema names 2");
    const values much{1000, max_amount + 1};
    const gpus large{{.capacity = much}};
    CHECK(refused_node(error_code::overflow, {.name = "n", .gpus = large}) ==
          "node 1 (\"n\") gpu 0: capacity[1] is 35184372088833, expected 0..35184372088832");
    const texts nowhere{"rack", "nowhere"};
    CHECK(refused_node(error_code::unknown_name, {.name = "n", .domains = nowhere}) ==
          "node 1 (\"n\"): domain \"nowhere\" does not exist");
    const texts both{"rack", "other rack"};
    CHECK(refused_node(error_code::inconsistent, {.name = "n", .domains = both}) ==
          "node 1 (\"n\"): domains \"rack\" and \"other rack\" are of the same level");
    const texts twice{"rack", "rack"};
    CHECK(refused_node(error_code::inconsistent, {.name = "n", .domains = twice}) ==
          "node 1 (\"n\"): domains \"rack\" and \"rack\" are of the same level");
}

TEST_CASE("fleet: limits") {
    const gpus most(64, {.model = "A100"});
    const gpus too_many(65, {.model = "A100"});
    CHECK(refused_node(error_code::limit_exceeded, {.name = "n", .gpus = too_many}) ==
          "node 1 (\"n\"): gpus is 65, at most 64 GPUs fit on one node");
    fleet_builder builder;
    (void)need(builder.add_node({.gpus = most}));
    const values largest{max_amount, 0};
    (void)need(builder.add_node({.capacity = largest}));

    // 63 models more on one node, then a 65th.
    std::vector<std::string> names;
    for (int m = 1; m < 66; ++m) names.push_back("model-" + std::to_string(m));
    gpus all;
    for (int m = 0; m < 63; ++m) all.push_back({.model = names[static_cast<std::size_t>(m)]});
    gpus one_more = all;
    one_more.push_back({.model = names[63]});
    CHECK(builder.add_node({.gpus = one_more}).error().message ==
          "node 2 (\"node-2\") gpu 63: model \"model-64\" is one too many, a fleet has at most 64 models");
    (void)need(builder.add_node({.gpus = all}));
    const gpus last{{.model = names[64]}};
    const auto refused = builder.add_node({.gpus = last});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == error_code::limit_exceeded);
    const fleet f = need(std::move(builder).build());
    CHECK(f.model_count() == 64);
    CHECK(f.healthy_gpus(node_index{0}) == ~berth::gpu_mask{0});
    CHECK(f.models_on(node_index{2}) == ~berth::gpu_mask{1});
}

TEST_CASE("fleet: unusable schemas and empty fleets") {
    const auto built = [](berth::resource_schema s) {
        fleet_builder builder{std::move(s)};
        (void)builder.add_node({});
        const auto r = std::move(builder).build();
        return r ? std::string{} : r.error().message;
    };
    CHECK(built({.gpu = {}}) == "resource schema: gpu has no counter; the first is the compute share");
    CHECK(built({.gpu = {"share", "share"}}) == "resource schema: gpu[1] repeats the name \"share\"");
    CHECK(built({.node = {"cpu", ""}}) == "resource schema: node[1] has no name");
    CHECK(built({.domain = {"a", "b", "a"}}) == "resource schema: domain[2] repeats the name \"a\"");
    CHECK(built({.node = {}}).empty());
    CHECK(fleet_builder{}.build().error().message == "fleet: there is no node");
}

TEST_CASE("fleet: roles of counters") {
    using berth::counter_roles;
    const auto built = [](berth::resource_schema s) {
        fleet_builder builder{std::move(s)};
        (void)builder.add_node({});
        return std::move(builder).build();
    };
    const auto roles = [&](berth::resource_schema s) { return need(built(std::move(s))).roles(); };
    const auto refused = [&](berth::resource_schema s) {
        const auto r = built(std::move(s));
        return r ? std::string{} : r.error().message;
    };
    constexpr std::size_t none = counter_roles::none;
    CHECK(roles({}) == counter_roles{.cpu = 0, .memory = 1, .gpu_memory = none});
    CHECK(roles({.gpu = {"share", "slices", "gpu_memory_mib"}, .node = {"mem_gib", "disk", "cpu_milli"}}) ==
          counter_roles{.cpu = 2, .memory = 0, .gpu_memory = 2});
    CHECK(roles({.gpu = {"tasks"}, .node = {"disk"}}) == counter_roles{});
    CHECK(roles({.gpu = {"share", "memory_bandwidth"}, .node = {}}) == counter_roles{});
    CHECK(roles({.gpu = {"share", "memory", "pool"},
                 .node = {"cpu", "slots", "cores"},
                 .roles = {.cpu = "slots", .memory = "cpu", .gpu_memory = "pool"}}) ==
          counter_roles{.cpu = 1, .memory = 0, .gpu_memory = 2});
    CHECK(roles({.gpu = {"share", "memory"},
                 .roles = {.cpu = berth::no_counter, .memory = berth::no_counter, .gpu_memory = berth::no_counter}}) ==
          counter_roles{});

    CHECK(refused({.roles = {.cpu = "core"}}) ==
          "resource schema: roles.cpu is \"core\", which is the name of no node counter");
    CHECK(refused({.roles = {.memory = "share"}}) ==
          "resource schema: roles.memory is \"share\", which is the name of no node counter");
    CHECK(refused({.roles = {.gpu_memory = "memory"}}) ==
          "resource schema: roles.gpu_memory is \"memory\", which is the name of no GPU counter");
    CHECK(refused({.roles = {.cpu = "memory"}}) ==
          "resource schema: roles.memory is node[1], \"memory\", which is the CPU already");
    CHECK(refused({.roles = {.gpu_memory = "share"}}) ==
          "resource schema: gpu[0], \"share\", is GPU memory by its role; the first GPU counter is the share");
    CHECK(refused({.gpu = {"memory"}}) ==
          "resource schema: gpu[0], \"memory\", is GPU memory by its role; the first GPU counter is the share");
    CHECK(refused({.gpu = {"milli", "share"}}) ==
          "resource schema: gpu[1] is named \"share\", but the compute share is the first GPU counter");
}

TEST_CASE("fleet: a counter that is left out is unlimited") {
    fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"watts"}}};
    const std::vector<berth::amount> some{1000, 16};
    const std::vector<berth::amount> host{8};
    (void)need(builder.add_domain("rack", 0));
    const gpus mixed{{.model = "A"}, {.model = "A", .capacity = some}};
    (void)need(builder.add_node({.gpus = mixed}));
    (void)need(builder.add_node({.capacity = host}));
    const fleet f = need(std::move(builder).build());
    CHECK(f.unlimited(node_index{0}, 0));
    CHECK_FALSE(f.unlimited(node_index{1}, 0));
    CHECK(f.unlimited(berth::gpu_index{0}, 1));
    CHECK_FALSE(f.unlimited(berth::gpu_index{0}, 0));
    CHECK_FALSE(f.unlimited(berth::gpu_index{1}, 1));
    CHECK(f.unlimited(berth::domain_index{0}, 0));
}

TEST_CASE("fleet: a hundred thousand nodes build in linear time") {
    fleet_builder builder;
    const gpus eight(8, {.model = "A100"});
    for (std::size_t n = 0; n < 100'000; ++n) REQUIRE(builder.add_node({.gpus = eight}));
    const fleet f = need(std::move(builder).build());
    CHECK(f.gpu_count() == 800'000);
    CHECK(f.kind_count() == 1);
}
