// SPDX-License-Identifier: Apache-2.0
#include "berth/model/lower.hpp"

#include "common/instances.hpp"
#include "common/vendor.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using berth::amount;
using berth::error_code;
using berth::fleet;
using berth::gpu_index;
using berth::make_fleet;
using berth::make_workload;
using berth::node_index;
using berth::task_index;
using berth_test::need;

namespace {

berth::resource_schema two_and_two() { return {.gpu = {"share", "memory"}}; }

template <class T>
std::string refusal(const berth::result<T>& r) {
    return r ? std::string{} : r.error().message;
}

struct bare {
    std::string_view model;
};
struct counted {
    int gpus;
};

fleet one_of(std::string_view model) { return need(make_fleet(std::array{bare{model}})); }

}  // namespace

TEST_CASE("lower: data members") {
    const std::vector<vendor::plain_node> nodes{
        {.name = "n0",
         .capacity = {8, 64},
         .gpus = {{"A100", {1000, 80}}, {"T4", {500, 16}, false}},
         .domains = {"r0", "z"}},
        {.name = "n1", .capacity = {4, 32}, .gpus = {}, .domains = {"r1", "z"}, .healthy = false},
    };
    const fleet f = need(make_fleet(nodes, two_and_two()));
    CHECK(f.node_count() == 2);
    CHECK(f.name(node_index{1}) == "n1");
    CHECK(f.capacity(node_index{0})[1] == 64);
    CHECK(f.capacity(gpu_index{1})[0] == 500);
    CHECK(f.healthy_gpus(node_index{0}) == 0b01);
    CHECK_FALSE(f.healthy(node_index{1}));
    CHECK(f.domain_count() == 3);
    CHECK(f.level(*f.find_domain("z")) == 1);
    CHECK(f.domains(node_index{1})[0] == *f.find_domain("r1"));

    const std::vector<vendor::plain_task> tasks{
        {.name = "a", .gpus = 2, .gpu_demand = {1000, 40}, .accepted_models = {"A100", "T4"}},
        {.gpus = 0, .node_demand = {2, 8}, .group = "g", .gang = true, .priority = -3, .state_bytes = 1U << 30U},
    };
    const auto w = need(make_workload(tasks, f));
    CHECK(w.find_task("a") == task_index{0});
    CHECK(w.name(task_index{1}) == "task-1");
    CHECK(w.demand(task_index{0}).gpus == 2);
    CHECK(w.demand(task_index{0}).gpu[1] == 40);
    CHECK(w.demand(task_index{0}).accepted_models == 0b11);
    CHECK(w.demand(task_index{1}).node[1] == 8);
    CHECK(w.priority(task_index{1}) == -3);
    CHECK(w.state_bytes(task_index{1}) == amount{1} << 30U);
    CHECK(w.is_gang(*w.find_group("g")));
}

TEST_CASE("lower: same_model of a task") {
    struct job {
        int gpus = 2;
        bool same_model = false;
    };
    const std::vector<job> jobs{{}, {.same_model = true}};
    const fleet f = one_of("A100");
    const auto w = need(make_workload(jobs, f));
    CHECK_FALSE(w.demand(task_index{0}).same_model);
    CHECK(w.demand(task_index{1}).same_model);
}

TEST_CASE("lower: member functions that return temporaries") {
    std::vector<vendor::getter_node> nodes;
    for (int id = 0; id < 6; ++id) nodes.emplace_back(id);
    const fleet f = need(make_fleet(nodes));
    CHECK(f.name(node_index{5}) == "a host with a name too long to be stored inline, 5");
    CHECK(f.gpu_count() == 12);
    CHECK(f.model_count() == 2);
    CHECK(f.domain_count() == 3);
    CHECK(f.name(f.domains(node_index{5})[0]) == "a rack with a name too long to be stored inline, 2");
    CHECK(f.capacity(node_index{4})[1] == 8);
    CHECK_FALSE(f.healthy(node_index{3}));

    const std::vector tasks{vendor::getter_task{0}, vendor::getter_task{2}};
    const auto w = need(make_workload(tasks, f));
    CHECK(w.demand(task_index{1}).gpus == 2);
    CHECK(w.demand(task_index{1}).accepted_models == 0b11);
}

TEST_CASE("lower: a C interface through traits") {
    vendor::c_host hosts[] = {
        {"alpha", 2, {{"L40S", 46068, 1, 0}, {"", 1, 0, 0}, {}, {}}, 32},
        {nullptr, 0, {}, 8},
    };
    for (char& c : hosts[0].devices[1].product) c = 'x';  // no zero at the end
    const fleet f = need(make_fleet(hosts, {.gpu = {"share", "memory"}, .node = {"cpu"}}));
    CHECK(f.name(node_index{0}) == "alpha");
    CHECK(f.name(node_index{1}) == "node-1");
    CHECK(f.gpu_count(node_index{0}) == 2);
    CHECK(f.name(f.model(gpu_index{0})) == "L40S");
    CHECK(f.name(f.model(gpu_index{1})) == "xxxxxxxxxxxxxxxx");
    CHECK(f.capacity(gpu_index{0})[1] == 46068);
    CHECK(f.healthy_gpus(node_index{0}) == 0b01);
    CHECK(f.capacity(node_index{1})[0] == 8);

    const vendor::c_job jobs[] = {{7, 250, "L40S", 5}, {8, 1000, nullptr, 0}};
    const auto w = need(make_workload(jobs, f));
    CHECK(w.name(task_index{0}) == "7");
    CHECK(w.demand(task_index{0}).is_share());
    CHECK(w.demand(task_index{0}).accepted_models == 0b01);
    CHECK(w.demand(task_index{1}).accepted_models == ~std::uint64_t{0});
    CHECK(w.priority(task_index{0}) == -5);
}

TEST_CASE("lower: bit-fields, null pointers, scalars") {
    const fleet f = one_of("A");
    const vendor::c_task tasks[] = {
        {"t0", 1, 1, "g", -7, 125, {"A", "A"}},
        {"", 1, 0, nullptr, 0, 1000, {"A", "A"}},
    };
    const auto w = need(make_workload(tasks, f));
    CHECK(w.find_task("t0") == task_index{0});
    CHECK(w.name(task_index{1}) == "task-1");
    CHECK(w.demand(task_index{0}).gpu[0] == 125);
    CHECK(w.priority(task_index{0}) == -7);
    CHECK(w.is_gang(w.group(task_index{0})));
    CHECK_FALSE(w.group(task_index{1}).valid());
    CHECK(w.accepted_text(w.shape(task_index{0})) == "A");
}

TEST_CASE("lower: every bare GPU becomes a node") {
    const std::vector<vendor::plain_gpu> gpus{{"A100", {1000, 80}}, {"T4", {1000, 16}, false}, {"A100", {}}};
    const fleet f = need(make_fleet(gpus, two_and_two()));
    CHECK(f.node_count() == 3);
    CHECK(f.gpu_count(node_index{1}) == 1);
    CHECK(f.name(node_index{2}) == "node-2");
    CHECK(f.healthy(node_index{1}));
    CHECK(f.healthy_gpus(node_index{1}) == 0);
    CHECK(f.capacity(node_index{0})[0] == berth::max_amount);
    CHECK(f.capacity(gpu_index{2})[0] == berth::whole_gpu);
}

TEST_CASE("lower: any range, also of pointers") {
    const std::list<bare> list{{"a"}, {"b"}};
    CHECK(need(make_fleet(list)).node_count() == 2);
    const bare array[] = {{"a"}};
    CHECK(need(make_fleet(array)).gpu_count() == 1);
    std::vector<std::unique_ptr<vendor::getter_node>> owned;
    owned.push_back(std::make_unique<vendor::getter_node>(4));
    CHECK(need(make_fleet(owned)).name(node_index{0}) == "a host with a name too long to be stored inline, 4");
    CHECK(refusal(make_fleet(std::vector<bare>{})) == "fleet: there is no node");
    CHECK(need(make_workload(std::vector<counted>{}, one_of("A"))).task_count() == 0);
}

TEST_CASE("lower: accepted models, joined or listed") {
    const fleet f = need(make_fleet(std::array{bare{"A"}, bare{"B"}, bare{"C"}}));
    struct joined {
        const char* accepted_models;
        int gpus = 1;
    };
    struct listed {
        std::vector<std::string> accepted_models;
        int gpus = 1;
    };
    const auto mask = [&](auto task) {
        const auto w = make_workload(std::array{task}, f);
        return w ? w->demand(task_index{0}).accepted_models : std::uint64_t{0};
    };
    CHECK(mask(joined{"A"}) == 0b001);
    CHECK(mask(joined{"C|A"}) == 0b101);
    CHECK(mask(joined{"A|A|B"}) == 0b011);
    CHECK(mask(joined{""}) == ~std::uint64_t{0});
    CHECK(mask(joined{nullptr}) == ~std::uint64_t{0});
    CHECK(mask(listed{{"C", "A"}}) == 0b101);
    CHECK(mask(listed{{}}) == ~std::uint64_t{0});
    const auto why = [&](auto task) { return refusal(make_workload(std::array{task}, f)); };
    const std::string nameless = "task 0 (\"task-0\"): accepted_models names \"\", which no GPU of the fleet is";
    CHECK(why(joined{"A|"}) == nameless);
    CHECK(why(joined{"|A"}) == nameless);
    CHECK(why(joined{"A||B"}) == nameless);
    CHECK(why(joined{"|"}) == nameless);
    CHECK(why(listed{{"A|B"}}) == "task 0 (\"task-0\"): accepted_models names \"A|B\", which no GPU of the fleet is");
    CHECK(why(joined{"A |B"}) == "task 0 (\"task-0\"): accepted_models names \"A \", which no GPU of the fleet is");
}

TEST_CASE("lower: numbers that do not fit are refused, not wrapped") {
    const fleet f = one_of("A");
    struct wide {
        std::uint64_t gpu_demand = 1000;
        std::uint64_t gpus = 1;
        std::int64_t priority = 0;
        std::uint64_t state_bytes = 0;
    };
    const auto why = [&](wide task) { return refusal(make_workload(std::array{task}, f)); };
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    CHECK(why({}).empty());
    CHECK(why({.gpu_demand = top}) ==
          "task 0 (\"task-0\"): gpu_demand[0] is 9223372036854775807, expected 0..35184372088832");
    CHECK(why({.gpu_demand = std::uint64_t{1} << 63U}) ==
          "task 0 (\"task-0\"): gpu_demand[0] is 9223372036854775807, expected 0..35184372088832");
    CHECK(why({.gpus = top}) ==
          "task 0 (\"task-0\"): gpus is 9223372036854775807, a task gets at most 64 GPUs of one node");
    CHECK(why({.gpus = 65}) == "task 0 (\"task-0\"): gpus is 65, a task gets at most 64 GPUs of one node");
    CHECK(why({.priority = std::int64_t{1} << 31U}) == "task 0 (\"task-0\"): priority is 2147483648, expected an int");
    CHECK(why({.state_bytes = top}) ==
          "task 0 (\"task-0\"): state_bytes is 9223372036854775807, expected 0..35184372088832");
    CHECK(refusal(make_workload(std::array{counted{1}, counted{-1}}, f)) ==
          "task 1 (\"task-1\"): gpus is -1, expected 0..64");
    struct negative {
        long state_bytes = -1;
        int gpus = 1;
        std::string name = "n";
    };
    CHECK(refusal(make_workload(std::array{negative{}}, f)) ==
          "task 0 (\"n\"): state_bytes is -1, expected 0..35184372088832");
    struct host {
        std::uint64_t capacity;
        std::vector<bare> gpus;
    };
    CHECK(refusal(make_fleet(std::array{host{top, {}}}, {.node = {"cpu"}})) ==
          "node 0 (\"node-0\"): capacity[0] is 9223372036854775807, expected 0..35184372088832");
}

TEST_CASE("lower: refusals name item and field") {
    const std::vector<vendor::plain_node> twins{{.name = "n", .capacity = {1, 1}}, {.name = "n", .capacity = {1, 1}}};
    CHECK(refusal(make_fleet(twins)) == "node 1 (\"n\"): a node of this name exists already");
    const std::vector<vendor::plain_node> bad_gpu{{.name = "n", .capacity = {1, 1}, .gpus = {{"A", {1000, 1, 1}}}}};
    CHECK(refusal(make_fleet(bad_gpu)) == "node 0 (\"n\") gpu 0: capacity has 3 values, the resource schema names 1");
    const std::vector<vendor::plain_task> tasks{{.name = "a"}, {.name = "b", .node_demand = {1}}};
    CHECK(refusal(make_workload(tasks, one_of("A"))) ==
          "task 1 (\"b\"): node_demand has 1 values, the resource schema names 2");
}

TEST_CASE("lower: domains and their levels") {
    struct host {
        std::vector<std::string> domains;
        std::vector<bare> gpus{};
    };
    const berth::resource_schema schema{.domain = {"watts"}};
    const amount watts[] = {900};
    const berth::domain_description known[] = {{"r0", 0, watts}, {"unused", 3, {}}};
    const std::vector<host> hosts{{{"r0", "z"}}, {{"", "z"}}, {{"r1"}}, {{}}};
    const fleet f = need(make_fleet(hosts, schema, known));
    CHECK(f.domain_count() == 4);
    CHECK(f.capacity(*f.find_domain("r0"))[0] == 900);
    CHECK(f.capacity(*f.find_domain("z"))[0] == berth::max_amount);
    CHECK(f.domains(node_index{1}).size() == 1);
    CHECK(f.level(f.domains(node_index{1})[0]) == 1);
    CHECK(f.domains(node_index{3}).empty());

    const std::vector<host> swapped{{{"r0", "z"}}, {{"z"}}};
    CHECK(refusal(make_fleet(swapped)) == "node 1 (\"node-1\"): domains[0] is \"z\", which is of level 1 elsewhere");
    const berth::domain_description twice[] = {{"r", 0, {}}, {"r", 0, {}}};
    CHECK(refusal(make_fleet(hosts, {}, twice)) == "domain \"r\": a domain of this name exists already");
}

TEST_CASE("lower: properties of one node do not leak into the next") {
    const std::vector<vendor::plain_node> nodes{
        {.name = "full", .capacity = {8, 64}, .gpus = {{"A100", {10}, false}, {"A100", {10}, false}}, .domains = {"r"}},
        {.name = "", .capacity = {1, 1}, .gpus = {{"", {}}}},
    };
    const fleet f = need(make_fleet(nodes));
    CHECK(f.name(node_index{1}) == "node-1");
    CHECK(f.gpu_count(node_index{1}) == 1);
    CHECK(f.healthy_gpus(node_index{1}) == 1);
    CHECK(f.capacity(gpu_index{2})[0] == berth::whole_gpu);
    CHECK(f.name(f.model(gpu_index{2})).empty());
    CHECK(f.domains(node_index{1}).empty());
}

namespace {

// Calls without a dependent argument inside templates: g++ 12 crashed where a braced schema was completed by defaults.
template <class>
std::vector<fleet> fleets_of_every_form() {
    const std::vector<bare> hosts(2);
    std::vector<fleet> made;
    const auto some = make_fleet(hosts, {.gpu = {"share"}});
    made.push_back(*some);
    made.push_back(make_fleet(hosts, {}).value());
    made.push_back(make_fleet(hosts, {.gpu = {"share", "memory"}, .node = {"cores"}}).value());
    made.push_back(make_fleet(hosts, {.node = {}}).value());
    made.push_back(make_fleet(hosts, berth::resource_schema{.domain = {"watts"}}).value());
    made.push_back(berth::fleet_builder{{.gpu = {"share"}}}.build() ? one_of("A") : one_of("B"));
    return made;
}

template <class Hosts>
fleet fleet_of(const Hosts& hosts) {
    return make_fleet(hosts, {.gpu = {"share"}}).value();
}

}  // namespace

TEST_CASE("make_fleet: a braced schema compiles inside a function template") {
    const auto made = fleets_of_every_form<int>();
    REQUIRE(made.size() == 6);
    CHECK(made[0].schema() == berth::resource_schema{});
    CHECK(made[1].schema() == berth::resource_schema{});
    CHECK(made[2].schema().gpu == std::vector<std::string>{"share", "memory"});
    CHECK(made[2].schema().node == std::vector<std::string>{"cores"});
    CHECK(made[3].schema().node.empty());
    CHECK(made[4].schema().domain == std::vector<std::string>{"watts"});
    CHECK(made[5].name(berth::model_index{0}) == "B");  // a fleet without nodes is refused
    CHECK(fleet_of(std::array{bare{"A"}}).gpu_count() == 1);
}
