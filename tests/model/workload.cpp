// SPDX-License-Identifier: Apache-2.0
#include "berth/model/workload.hpp"

#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

using berth::amount;
using berth::error_code;
using berth::fleet;
using berth::max_amount;
using berth::shape_index;
using berth::task_description;
using berth::task_index;
using berth::workload;
using berth::workload_builder;
using berth_test::need;

static_assert(!std::is_default_constructible_v<workload>);
static_assert(!std::is_convertible_v<const fleet&, workload_builder>);

namespace {

using values = std::vector<amount>;
using texts = std::vector<std::string_view>;

fleet machines() {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"watts"}}};
    const std::vector<berth::gpu_description> gpus{{.model = "A100"}, {.model = "T4"}, {.model = ""}};
    (void)need(builder.add_node({.gpus = gpus}));
    return need(std::move(builder).build());
}

std::string dump(const workload& w) {
    std::string out = std::to_string(w.shape_count()) + ' ' + std::to_string(w.group_count()) + '\n';
    for (std::size_t i = 0; i < w.task_count(); ++i) {
        const task_index t{i};
        const auto demand = w.demand(t);
        out += w.name(t) + ' ' + std::to_string(w.shape(t).value()) + ' ' + std::to_string(w.priority(t)) + ' ' +
               std::to_string(w.state_bytes(t)) + ' ' + std::to_string(demand.gpus) + ' ' +
               std::to_string(demand.accepted_models) + ' ' + w.accepted_text(w.shape(t)) + ' ';
        for (const auto list : {demand.gpu, demand.node, demand.domain}) {
            for (const amount value : list) out += std::to_string(value) + ',';
            out += ' ';
        }
        out += w.group(t).valid() ? w.name(w.group(t)) + (w.is_gang(w.group(t)) ? " gang\n" : "\n") : "-\n";
    }
    return out;
}

void one_good_task(workload_builder& builder) {
    const values share{300, 8};
    const texts accepted{"T4", "A100"};
    (void)need(builder.add_task({.name = "good",
                                 .gpu_demand = share,
                                 .accepted_models = accepted,
                                 .group = "job",
                                 .gang = true,
                                 .priority = 3}));
}

/// The message of a refusal; the builder must be unchanged.
std::string refused(error_code code, const task_description& task) {
    const fleet f = machines();
    workload_builder expected{f};
    one_good_task(expected);
    workload_builder builder{f};
    one_good_task(builder);
    const auto r = builder.add_task(task);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == code);
    CHECK(dump(need(std::move(builder).build())) == dump(need(std::move(expected).build())));
    return r.error().message;
}

}  // namespace

TEST_CASE("workload: returns everything that was added") {
    const fleet f = machines();
    workload_builder builder{f};
    one_good_task(builder);
    CHECK(need(builder.add_task({})) == task_index{1});
    const values cpu{4};
    const values watts{200};
    (void)need(
        builder.add_task({.name = "host", .gpus = 0, .node_demand = cpu, .domain_demand = watts, .priority = -1}));
    (void)need(builder.add_task({.gpus = 64, .group = "other", .state_bytes = max_amount}));
    const workload w = need(std::move(builder).build());

    CHECK(w.task_count() == 4);
    CHECK(w.name(task_index{1}) == "task-1");
    CHECK(w.find_task("host") == task_index{2});
    CHECK_FALSE(w.find_task("nobody"));
    const auto good = w.demand(task_index{0});
    CHECK(good.gpus == 1);
    CHECK(good.is_share());
    CHECK(good.gpu[0] == 300);
    CHECK(good.gpu[1] == 8);
    CHECK(good.accepted_models == 0b11);
    CHECK(w.accepted_text(w.shape(task_index{0})) == "T4|A100");
    const auto plain = w.demand(task_index{1});
    CHECK(plain.gpu[0] == 1000);
    CHECK(plain.gpu[1] == 0);
    CHECK(plain.node[0] == 0);
    CHECK(plain.accepted_models == ~std::uint64_t{0});
    CHECK_FALSE(plain.is_share());
    const auto host = w.demand(task_index{2});
    CHECK(host.gpus == 0);
    CHECK(host.gpu[0] == 0);
    CHECK(host.node[0] == 4);
    CHECK(host.domain[0] == 200);
    CHECK(host.total_share() == 0);
    CHECK_FALSE(host.is_share());
    CHECK(w.priority(task_index{2}) == -1);
    CHECK(w.demand(task_index{3}).total_share() == 64'000);
    CHECK(w.state_bytes(task_index{3}) == max_amount);
    CHECK(w.matches(f));
    CHECK(berth::demand_view{}.total_share() == 0);
    CHECK_FALSE(berth::demand_view{}.is_share());
}

TEST_CASE("workload: groups") {
    const fleet f = machines();
    workload_builder builder{f};
    for (const auto* group : {"a", "", "b", "a", "a", ""}) {
        (void)need(builder.add_task({.group = group, .gang = std::string_view{group} == "b"}));
    }
    const workload w = need(std::move(builder).build());
    CHECK(w.group_count() == 2);
    const auto a = *w.find_group("a");
    const auto b = *w.find_group("b");
    CHECK_FALSE(w.find_group(""));
    CHECK_FALSE(w.is_gang(a));
    CHECK(w.is_gang(b));
    const std::vector<task_index> expected{task_index{0}, task_index{3}, task_index{4}};
    CHECK(std::equal(w.members(a).begin(), w.members(a).end(), expected.begin(), expected.end()));
    CHECK(w.members(b).size() == 1);
    CHECK_FALSE(w.group(task_index{1}).valid());
}

TEST_CASE("workload: equal demands share a shape, in order of appearance") {
    const fleet f = machines();
    workload_builder builder{f};
    const values whole{1000, 0};
    const values zero{0};
    const values half{500, 0};
    const auto add = [&](const task_description& task) { (void)need(builder.add_task(task)); };
    const texts a{"A100"};
    const texts a_twice{"A100", "A100"};
    const texts at{"A100", "T4"};
    const texts ta{"T4", "A100"};
    const texts nameless{""};
    const texts nameless_first{"", "A100"};
    add({});                                          // 0
    add({.gpu_demand = whole, .node_demand = zero});  // 0: the same, spelt out
    add({.priority = 7, .state_bytes = 9});           // 0: not part of the demand
    add({.gpu_demand = half});                        // 1
    add({.gpus = 2});                                 // 2
    add({.accepted_models = a});                      // 3
    add({.accepted_models = a_twice});                // 3
    add({.accepted_models = at});                     // 4
    add({.accepted_models = ta});                     // 5: the text differs, the mask does not
    add({.accepted_models = nameless});               // 6: not the same as accepting all
    add({.accepted_models = nameless_first});         // 7
    const workload w = need(std::move(builder).build());
    const std::vector<std::size_t> expected{0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 7};
    for (std::size_t t = 0; t < expected.size(); ++t) CHECK(w.shape(task_index{t}).value() == expected[t]);
    CHECK(w.frequency(shape_index{0}) == 3);
    CHECK(w.frequency(shape_index{3}) == 2);
    CHECK(w.accepted_text(shape_index{3}) == "A100");
    CHECK(w.demand(shape_index{4}).accepted_models == w.demand(shape_index{5}).accepted_models);
    CHECK(w.demand(shape_index{6}).accepted_models == 0b100);
    CHECK(w.accepted_text(shape_index{7}) == "|A100");
    CHECK(w.demand(shape_index{7}).accepted_models == 0b101);
}

TEST_CASE("workload: refused tasks") {
    CHECK(refused(error_code::duplicate, {.name = "good"}) == "task 1 (\"good\"): a task of this name exists already");
    CHECK(refused(error_code::limit_exceeded, {.name = "t", .gpus = 65}) ==
          "task 1 (\"t\"): gpus is 65, a task gets at most 64 GPUs of one node");
    const values one{1};
    const values two{1, 1};
    CHECK(refused(error_code::inconsistent, {.name = "t", .gpu_demand = one}) ==
          "task 1 (\"t\"): gpu_demand has 1 values, the resource schema names 2");
    CHECK(refused(error_code::inconsistent, {.name = "t", .node_demand = two}) ==
          "task 1 (\"t\"): node_demand has 2 values, the resource schema names 1");
    CHECK(refused(error_code::inconsistent, {.domain_demand = two}) ==
          "task 1 (\"task-1\"): domain_demand has 2 values, the resource schema names 1");
    const values negative{-5, 0};
    CHECK(refused(error_code::invalid_value, {.name = "t", .gpu_demand = negative}) ==
          "task 1 (\"t\"): gpu_demand[0] is -5, expected 0..35184372088832");
    const values much{max_amount + 1};
    CHECK(refused(error_code::overflow, {.name = "t", .node_demand = much}) ==
          "task 1 (\"t\"): node_demand[0] is 35184372088833, expected 0..35184372088832");
    CHECK(refused(error_code::overflow, {.name = "t", .domain_demand = much}) ==
          "task 1 (\"t\"): domain_demand[0] is 35184372088833, expected 0..35184372088832");
    CHECK(refused(error_code::inconsistent, {.name = "t", .gpus = 0, .gpu_demand = two}) ==
          "task 1 (\"t\"): gpu_demand[0] is 1, but the task wants no GPU");
    const values memory_only{0, 4};
    CHECK(refused(error_code::inconsistent, {.name = "t", .gpus = 0, .gpu_demand = memory_only}) ==
          "task 1 (\"t\"): gpu_demand[1] is 4, but the task wants no GPU");
    const values nothing{0, 0};
    CHECK(refused(error_code::inconsistent, {.name = "t", .gpus = 1, .gpu_demand = nothing}) ==
          "task 1 (\"t\"): gpu_demand is 0 in every counter, but the task wants 1 GPU");
    CHECK(refused(error_code::inconsistent, {.name = "t", .gpus = 2, .gpu_demand = nothing}) ==
          "task 1 (\"t\"): gpu_demand is 0 in every counter, but the task wants 2 GPUs");
    CHECK(refused(error_code::invalid_value, {.name = "t", .state_bytes = -1}) ==
          "task 1 (\"t\"): state_bytes is -1, expected 0..35184372088832");
    CHECK(refused(error_code::overflow, {.name = "t", .state_bytes = max_amount + 1}) ==
          "task 1 (\"t\"): state_bytes is 35184372088833, expected 0..35184372088832");
    const texts unknown{"T4", "T5"};
    CHECK(refused(error_code::unknown_name, {.name = "t", .accepted_models = unknown}) ==
          "task 1 (\"t\"): accepted_models names \"T5\", which no GPU of the fleet is");
    CHECK(refused(error_code::inconsistent, {.name = "t", .group = "job"}) ==
          "task 1 (\"t\"): gang differs from the other members of group \"job\"");
    CHECK(refused(error_code::inconsistent, {.name = "t", .gang = true}) ==
          "task 1 (\"t\"): gang is set, but the task has no group");
}

TEST_CASE("workload: empty, and built for another fleet") {
    const fleet f = machines();
    const workload none = need(workload_builder{f}.build());
    CHECK(none.task_count() == 0);
    CHECK(none.shape_count() == 0);
    CHECK(none.group_count() == 0);
    berth::fleet_builder builder;
    (void)need(builder.add_node({}));
    const fleet other = need(std::move(builder).build());
    CHECK_FALSE(none.matches(other));
    const berth::problem p{f, none};
    CHECK(&p.fleet() == &f);
    CHECK(&p.workload() == &none);
}

TEST_CASE("workload: same_model is part of the demand, and holds for a whole gang if one member wants it") {
    const fleet f = machines();
    workload_builder builder{f};
    (void)need(builder.add_task({.gpus = 2}));
    (void)need(builder.add_task({.gpus = 2, .same_model = true}));
    (void)need(builder.add_task({.gpus = 1, .same_model = true, .group = "gang", .gang = true}));
    (void)need(builder.add_task({.gpus = 1, .group = "gang", .gang = true}));
    (void)need(builder.add_task({.gpus = 2, .same_model = true, .group = "service"}));
    (void)need(builder.add_task({.gpus = 1, .group = "other", .gang = true}));
    const workload w = need(std::move(builder).build());
    CHECK(w.shape_count() == 3);
    CHECK_FALSE(w.demand(task_index{0}).same_model);
    CHECK(w.demand(task_index{1}).same_model);
    CHECK_FALSE(w.demand(task_index{2}).same_model);  // one GPU is always of one model
    CHECK(w.demand(task_index{4}).same_model);
    CHECK(w.same_model(*w.find_group("gang")));
    CHECK_FALSE(w.same_model(*w.find_group("service")));
    CHECK_FALSE(w.same_model(*w.find_group("other")));
}
