// SPDX-License-Identifier: Apache-2.0
#include "support/openb.hpp"

#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using namespace bench;

namespace {

constexpr std::string_view node_header = "sn,cpu_milli,memory_mib,gpu,model\n";
constexpr std::string_view pod_header = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n";
const std::string own = BERTH_OPENB_DIR;

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

template <class T>
T need(berth::result<T> value) {
    if (!value) FAIL(value.error().message);
    return *std::move(value);
}

openb_node_list nodes_of(std::string_view rows) {
    return need(parse_openb_nodes("nodes.csv", std::string{node_header}.append(rows)));
}
openb_pod_list pods_of(std::string_view rows) {
    return need(parse_openb_pods("pods.csv", std::string{pod_header}.append(rows)));
}

/// A malformed input: what it says has to begin with `where` and contain `why`.
struct bad {
    const char* what;
    std::string_view text;
    std::string_view where;
    std::string_view why;
};

template <class Parse>
void check_refused(const bad& row, Parse parse) {
    INFO(row.what);
    const auto parsed = parse(row.text);
    REQUIRE_FALSE(parsed.has_value());
    const std::string& said = parsed.error().message;
    INFO(said);
    CHECK(said.starts_with(row.where));
    CHECK(contains(said, row.why));
}

}  // namespace

TEST_CASE("nodes: what is refused, with file, line and field") {
    const bad rows[] = {
        {"empty file", "", "nodes.csv:1: ", "empty"},
        {"no nodes", "sn,cpu_milli,memory_mib,gpu,model\n", "nodes.csv: field \"gpu\": ", "no node has a GPU"},
        {"no column gpu", "sn,cpu_milli,memory_mib,model\na,1,1,T4\n", "nodes.csv:1: field \"gpu\": ", "no column"},
        {"no column sn", "name,cpu_milli,memory_mib,gpu,model\na,1,1,1,T4\n",
         "nodes.csv:1: field \"sn\": ", "no column"},
        {"a pod list", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1000\n",
         "nodes.csv:1: field \"sn\": ", "no column"},
        {"no name", "sn,cpu_milli,memory_mib,gpu,model\n,1,1,1,T4\n", "nodes.csv:2: field \"sn\": ", "empty"},
        {"negative CPU", "sn,cpu_milli,memory_mib,gpu,model\na,-1,1,1,T4\n",
         "nodes.csv:2: field \"cpu_milli\": ", "-1"},
        {"CPU overflows 64 bits", "sn,cpu_milli,memory_mib,gpu,model\na,99999999999999999999,1,1,T4\n",
         "nodes.csv:2: field \"cpu_milli\": ", "64 bits"},
        {"CPU overflows a counter", "sn,cpu_milli,memory_mib,gpu,model\na,9223372036854775807,1,1,T4\n",
         "nodes.csv:2: field \"cpu_milli\": ", "not within"},
        {"fractional memory", "sn,cpu_milli,memory_mib,gpu,model\na,1,0.5,1,T4\n",
         "nodes.csv:2: field \"memory_mib\": ", "not a whole number"},
        {"NaN memory", "sn,cpu_milli,memory_mib,gpu,model\na,1,NaN,1,T4\n",
         "nodes.csv:2: field \"memory_mib\": ", "not a whole number"},
        {"negative GPUs", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,-2,T4\n", "nodes.csv:2: field \"gpu\": ", "-2"},
        {"65 GPUs", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,64,T4\nb,1,1,65,T4\n",
         "nodes.csv:3: field \"gpu\": ", "at most 64"},
        {"GPUs without a model", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,2,\n",
         "nodes.csv:2: field \"model\": ", "empty"},
        {"two models", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,2,T4|P100\n", "nodes.csv:2: field \"model\": ", "bar"},
        {"name twice", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,1,T4\nb,1,1,1,T4\na,1,1,1,T4\n",
         "nodes.csv:4: field \"sn\": ", "line 2"},
        {"row cut short", "sn,cpu_milli,memory_mib,gpu,model\na,1,1,1,T4\nb,1,1",
         "nodes.csv:3: field \"gpu\": ", "missing"},
        {"unquoted comma in the name", "sn,cpu_milli,memory_mib,gpu,model\na,b,1,1,1,T4\n",
         "nodes.csv:2: field \"6\": ", "one too many"},
    };
    for (const auto& row : rows) {
        check_refused(row, [](std::string_view text) { return parse_openb_nodes("nodes.csv", text); });
    }
    std::string many{node_header};
    for (int m = 0; m < 65; ++m) many += "n" + std::to_string(m) + ",1,1,1,model" + std::to_string(m) + '\n';
    const auto parsed = parse_openb_nodes("nodes.csv", many);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(contains(parsed.error().message, "field \"model\""));
    CHECK(contains(parsed.error().message, "at most 64 models"));
}

TEST_CASE("pods: what is refused, with file, line and field") {
    const bad rows[] = {
        {"empty file", "", "pods.csv:1: ", "empty"},
        {"no pods", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", "pods.csv: ", "no pod"},
        {"no column gpu_milli", "name,cpu_milli,memory_mib,num_gpu\na,1,1,1\n",
         "pods.csv:1: field \"gpu_milli\": ", "no column"},
        {"no name", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n\"\",1,1,1,1000\n",
         "pods.csv:2: field \"name\": ", "empty"},
        {"name twice", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,0,0\na,1,1,0,0\n",
         "pods.csv:3: field \"name\": ", "line 2"},
        {"negative CPU", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,-5,1,0,0\n",
         "pods.csv:2: field \"cpu_milli\": ", "-5"},
        {"memory overflows", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,70368744177664,0,0\n",
         "pods.csv:2: field \"memory_mib\": ", "not within"},
        {"infinite memory", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,inf,0,0\n",
         "pods.csv:2: field \"memory_mib\": ", "not a whole number"},
        {"65 GPUs", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,65,1000\n",
         "pods.csv:2: field \"num_gpu\": ", "at most 64"},
        {"more than one GPU of a GPU", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1001\n",
         "pods.csv:2: field \"gpu_milli\": ", "0..1000"},
        {"negative share", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,-1\n",
         "pods.csv:2: field \"gpu_milli\": ", "-1"},
        {"share without a GPU", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,0,500\n",
         "pods.csv:2: field \"gpu_milli\": ", "num_gpu is 0"},
        {"GPU without a share", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,0\n",
         "pods.csv:2: field \"gpu_milli\": ", "num_gpu is 1"},
        {"share of several GPUs", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,2,500\n",
         "pods.csv:2: field \"gpu_milli\": ", "only a task with one GPU"},
        {"empty model in the list", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\na,1,1,1,1000,T4||P100\n",
         "pods.csv:2: field \"gpu_spec\": ", "empty model"},
        {"bar at the end", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\na,1,1,1,1000,T4|\n",
         "pods.csv:2: field \"gpu_spec\": ", "empty model"},
        {"words for numbers", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,lots,1,1,1000\n",
         "pods.csv:2: field \"cpu_milli\": ", "not a whole number"},
    };
    for (const auto& row : rows) {
        check_refused(row, [](std::string_view text) { return parse_openb_pods("pods.csv", text); });
    }
}

TEST_CASE("orders: what is refused, with file, line and field") {
    const bad rows[] = {
        // three pods, two nodes
        {"empty file", "", "order.txt:1: field \"arrivals\": ", "empty"},
        {"no arrivals", "0\n2\n0\n1\n", "order.txt:1: field \"arrivals\": ", "0"},
        {"not a number", "two\n", "order.txt:1: field \"arrivals\": ", "not a whole number"},
        {"negative", "2\n0\n-1\n2\n0\n1\n", "order.txt:3: field \"arrival 1\": ", "\"-1\""},
        {"position out of range", "2\n0\n3\n2\n0\n1\n", "order.txt:3: field \"arrival 1\": ", "0..2"},
        {"position overflows", "1\n99999999999999999999\n2\n0\n1\n", "order.txt:2: field \"arrival 0\": ", "0..2"},
        {"fewer arrivals than announced", "3\n0\n1\n", "order.txt:4: field \"arrival 2\": ", "missing"},
        {"a count that cannot be", "99999999999\n", "order.txt:1: field \"arrivals\": ", "not within"},
        {"no priorities", "1\n0\n", "order.txt:3: field \"nodes\": ", "missing"},
        {"other number of nodes", "1\n0\n3\n0\n1\n2\n", "order.txt:3: field \"nodes\": ", "2 nodes"},
        {"priority out of range", "1\n0\n2\n0\n2\n", "order.txt:5: field \"priority 1\": ", "0..1"},
        {"priority twice", "1\n0\n2\n1\n1\n", "order.txt:5: field \"priority 1\": ", "earlier node"},
        {"priorities cut short", "1\n0\n2\n1\n", "order.txt:5: field \"priority 1\": ", "missing"},
        {"goes on after the end", "1\n0\n2\n1\n0\n7\n", "order.txt:6: field \"end\": ", "goes on"},
    };
    for (const auto& row : rows) {
        check_refused(row, [](std::string_view text) { return parse_order("order.txt", text, 3, 2); });
    }
    CHECK(parse_order("order.txt",
                      "\xef\xbb\xbf"
                      "2\r\n0\r\n2\r\n2\r\n1\r\n0",
                      3, 2)
              .has_value());
}

TEST_CASE("inputs that contradict each other are refused") {
    const auto nodes = nodes_of("n0,1000,1000,1,T4\n");
    const arrival_order order{.arrivals = {0}, .priorities = {0}};
    SUBCASE("a model that no node has") {
        const auto made = make_experiment(nodes, pods_of("p0,1,1,1,1000,T4\np1,1,1,1,1000,A100|T4\n"), order);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code == berth::error_code::unknown_name);
        CHECK(made.error().message.starts_with("pods.csv:3: field \"gpu_spec\": model \"A100\""));
        CHECK(contains(made.error().message, "nodes.csv"));
    }
    SUBCASE("no copies, too many copies") {
        const auto pods = pods_of("p0,1,1,1,1000,\n");
        CHECK_FALSE(make_experiment(nodes, pods, order, 0).has_value());
        CHECK_FALSE(make_experiment(nodes, pods, order, 2'000'000).has_value());
    }
    SUBCASE("a copy's name that a node has already") {
        const auto twins = nodes_of("n0,1,1,1,T4\nn0~1,1,1,1,T4\n");
        const auto made =
            make_experiment(twins, pods_of("p0,1,1,1,1000,\n"), {.arrivals = {0}, .priorities = {0, 1}}, 2);
        REQUIRE_FALSE(made.has_value());
        CHECK(contains(made.error().message, "n0~1"));
    }
}

TEST_CASE("files in any order give the same lists, sorted by name") {
    const auto nodes = nodes_of("b,1,1,1,T4\nc,1,1,0,\na,2,2,2,P100\n");
    REQUIRE(nodes.nodes.size() == 2);
    CHECK(nodes.without_gpus == 1);
    CHECK(nodes.nodes[0].name == "a");
    CHECK(nodes.nodes[1].name == "b");
    const auto pods = pods_of("q,1,1,1,500,T4|P100\np,1,1,0,0,\n");
    CHECK(pods.pods[0].name == "p");
    CHECK(pods.pods[1].models == std::vector<std::string>{"T4", "P100"});
    CHECK(pods.pods[1].line == 2);
    // The published traces name some models twice; it changes nothing.
    const auto twice = pods_of("p,1,1,1,1000,T4|T4\n");
    CHECK(twice.pods[0].models.size() == 2);
    CHECK(make_experiment(nodes_of("a,1,1,1,T4\n"), twice, {.arrivals = {0}, .priorities = {0}}).has_value());
}

TEST_CASE("the openb trace: totals of the published data") {
    const auto nodes = need(read_openb_nodes(own + "/openb_node_list_gpu_node.csv"));
    REQUIRE(nodes.nodes.size() == 1213);
    berth::amount cpu = 0;
    berth::amount memory = 0;
    std::size_t gpus = 0;
    std::map<std::tuple<std::string, std::size_t>, std::size_t> count;
    for (const auto& node : nodes.nodes) {
        cpu += node.cpu_milli;
        memory += node.memory_mib;
        gpus += node.gpus;
        ++count[{node.model, node.gpus}];
    }
    CHECK(gpus == 6212);
    CHECK(cpu == 107'018'000);
    CHECK(memory == 503'828'480);
    CHECK(count[{"G2", 8}] == 549);
    CHECK(count[{"G3", 8}] == 39);
    CHECK(count[{"T4", 2}] == 387);
    CHECK(count[{"V100M32", 4}] == 9);

    const auto pods = need(read_openb_pods(own + "/openb_pod_list_default.csv"));
    const auto order = need(read_order(own + "/orders/order_default_42.txt", pods.pods.size(), nodes.nodes.size()));
    const auto input = need(make_experiment(nodes, pods, order));
    berth::amount requested = 0;
    cpu = 0;
    for (const auto& pod : pods.pods) {
        requested += pod.total_milli();
        cpu += pod.cpu_milli;
    }
    CHECK(pods.pods.size() == 8152);
    CHECK(requested == 6'086'800);
    CHECK(cpu == 85'436'012);
    std::array<std::size_t, task_class_count> classes{};
    for (const auto c : input.classes) ++classes[c];
    CHECK(classes == std::array<std::size_t, task_class_count>{1088, 3078, 3911, 16, 15, 44, 0});
    CHECK(input.arrivals.size() == 10'866);
    CHECK(input.capacity_milli == 6'212'000);
}

TEST_CASE("every further openb trace can be read") {
    const auto folder = berth_test::external_data("openb");
    if (!folder) return;
    const std::string data = folder->string();
    const auto all = need(read_openb_nodes(data + "/openb_node_list_all_node.csv"));
    CHECK(all.nodes.size() == 1213);
    CHECK(all.without_gpus == 310);
    struct trace {
        const char* name;
        std::size_t pods;
        berth::amount milli;
        berth::amount cpu;
    };
    const trace traces[] = {
        {"cpu050", 7439, 6'086'800, 72'761'612},       {"cpu100", 7853, 6'086'800, 80'292'312},
        {"cpu250", 9420, 6'086'800, 107'460'312},      {"gpushare40", 8152, 5'641'250, 80'383'484},
        {"gpushare80", 8152, 4'408'190, 67'189'456},   {"gpuspec10", 8152, 6'086'800, 85'436'012},
        {"gpuspec25", 8152, 6'086'800, 85'436'012},    {"gpuspec33", 8152, 6'086'800, 85'436'012},
        {"multigpu20", 8324, 7'086'800, 95'171'812},   {"multigpu30", 8508, 8'086'800, 104'869'612},
        {"multigpu50", 9061, 11'358'800, 137'776'412},
    };
    for (const auto& trace : traces) {
        INFO(trace.name);
        const auto pods = need(read_openb_pods(data + "/openb_pod_list_" + trace.name + ".csv"));
        CHECK(pods.pods.size() == trace.pods);
        berth::amount milli = 0;
        berth::amount cpu = 0;
        for (const auto& pod : pods.pods) {
            milli += pod.total_milli();
            cpu += pod.cpu_milli;
        }
        CHECK(milli == trace.milli);
        CHECK(cpu == trace.cpu);
        const auto order = need(read_order(data + "/orders/order_" + trace.name + "_42.txt", pods.pods.size(), 1213));
        CHECK(make_experiment(all, pods, order).has_value());
    }
}

TEST_CASE("an order of arrivals by seed follows the published recipe") {
    const auto nodes = need(read_openb_nodes(own + "/openb_node_list_gpu_node.csv"));
    const auto pods = need(read_openb_pods(own + "/openb_pod_list_default.csv"));
    const auto order = make_order(pods, nodes, 42, 1.3);
    REQUIRE(order.arrivals.size() > pods.pods.size());

    std::vector<std::uint32_t> first(order.arrivals.begin(), order.arrivals.begin() + 8152);
    CHECK_FALSE(std::is_sorted(first.begin(), first.end()));
    std::sort(first.begin(), first.end());
    for (std::uint32_t p = 0; p < 8152; ++p) REQUIRE(first[p] == p);  // a shuffle of the trace comes first

    const auto total = [&](const arrival_order& o) {
        return std::accumulate(o.arrivals.begin(), o.arrivals.end(), berth::amount{0},
                               [&](berth::amount sum, std::uint32_t p) { return sum + pods.pods[p].total_milli(); });
    };
    CHECK(total(order) > 8'075'600 - 1000);
    CHECK(total(order) <= 8'075'600 + 7000);  // the last task may overshoot by its further GPUs
    CHECK(order.arrivals.size() > 10'600);
    CHECK(order.arrivals.size() < 11'100);

    auto ranks = order.priorities;
    std::sort(ranks.begin(), ranks.end());
    for (std::uint32_t n = 0; n < 1213; ++n) REQUIRE(ranks[n] == n);

    CHECK(make_order(pods, nodes, 42, 1.3).arrivals == order.arrivals);
    CHECK(make_order(pods, nodes, 43, 1.3).arrivals != order.arrivals);
    CHECK(make_order(pods, nodes, 42, 1.1).priorities == order.priorities);

    const auto fewer = make_order(pods, nodes, 42, 0.5);  // more is requested than wanted: arrivals are deleted
    CHECK(fewer.arrivals.size() < pods.pods.size());
    CHECK(total(fewer) <= 3'106'000);
    CHECK(total(fewer) > 3'106'000 - 8000);
}

TEST_CASE("an order by seed is the same everywhere") {
    const auto nodes = nodes_of("n0,1,1,1,T4\nn1,1,1,1,T4\nn2,1,1,1,T4\nn3,1,1,1,T4\n");
    const auto pods = pods_of("p0,1,1,1,500,\np1,1,1,1,1000,\np2,1,1,0,0,\np3,1,1,1,250,\n");
    const auto order = make_order(pods, nodes, 7, 1.0);
    CHECK(order.priorities.size() == 4);
    // Written down from the first run: a change here means that published seeds no longer reproduce.
    CHECK(order.arrivals == std::vector<std::uint32_t>{2, 0, 3, 1, 1, 1});
    CHECK(order.priorities == std::vector<std::uint32_t>{0, 3, 1, 2});
}

TEST_CASE("copies of a fleet keep arrivals, classes and the order of nodes") {
    const auto nodes = nodes_of("n0,1000,1000,1,T4\nn1,1000,1000,2,P100\n");
    const auto pods = pods_of("p0,1,1,1,500,\np1,1,1,1,1000,\np2,1,1,0,0,\n");
    const auto input = need(make_experiment(nodes, pods, {.arrivals = {0, 1, 2}, .priorities = {1, 0}}, 3));
    CHECK(input.fleet->node_count() == 6);
    CHECK(input.fleet->gpu_count() == 9);
    CHECK(input.capacity_milli == 9000);
    CHECK(input.priorities == std::vector<std::uint32_t>{3, 0, 4, 1, 5, 2});
    REQUIRE(input.arrivals.size() == 9);
    std::array<int, 3> seen{};
    for (const auto task : input.arrivals) ++seen[task.value()];
    CHECK(seen == std::array<int, 3>{3, 3, 3});
    for (std::size_t i = 0; i + 1 < 9; ++i) CHECK(input.arrivals[i] != input.arrivals[i + 1]);
}

TEST_CASE("GPU memory: a column of nodes and pods, a counter of the experiment") {
    const auto nodes =
        need(parse_openb_nodes("nodes.csv", "sn,cpu_milli,memory_mib,gpu,model,gpu_memory_mib\n"
                                            "n0,1000,1000,2,T4,16384\nn1,1000,1000,0,,0\nn2,1000,1000,1,G3,81920\n"));
    const auto pods =
        need(parse_openb_pods("pods.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_memory_mib\n"
                                          "p0,1,1,1,500,12000\np1,1,1,0,0,0\np2,1,1,1,0,300\np3,1,1,2,1000,0\n"));
    CHECK(nodes.has_gpu_memory);
    CHECK(pods.has_gpu_memory);
    const arrival_order order{.arrivals = {0, 1, 2, 3}, .priorities = {0, 1}};
    const auto seen = need(make_experiment(nodes, pods, order));
    CHECK(seen.fleet->schema().gpu == std::vector<std::string>{"gpu_milli", "gpu_memory_mib"});
    CHECK(seen.fleet->roles().gpu_memory == 1);
    CHECK(seen.fleet->capacity(berth::gpu_index{0})[1] == 16384);
    CHECK(seen.fleet->capacity(berth::gpu_index{2})[1] == 81920);
    CHECK(seen.workload->demand(berth::task_index{0}).gpu[1] == 12000);
    CHECK(seen.workload->demand(berth::task_index{2}).gpu[0] == 0);
    CHECK(seen.workload->demand(berth::task_index{2}).gpu[1] == 300);
    const auto hidden = need(make_experiment(nodes, pods, order, 1, gpu_memory_view::hidden));
    CHECK(hidden.fleet->roles().gpu_memory == berth::counter_roles::none);
    CHECK(hidden.fleet->capacity(berth::gpu_index{2})[1] == 81920);
    const auto unasked =
        need(make_experiment(nodes, pods_of("p0,1,1,1,500,\n"), {.arrivals = {0}, .priorities = {0, 1}}));
    CHECK(unasked.workload->demand(berth::task_index{0}).gpu[1] == 0);
    const auto without = make_experiment(nodes_of("n0,1,1,1,T4\n"), pods, {.arrivals = {0}, .priorities = {0}});
    REQUIRE_FALSE(without.has_value());
    CHECK(without.error().message.starts_with("pods.csv: field \"gpu_memory_mib\": "));
    CHECK(contains(without.error().message, "nodes.csv has no column"));
}

TEST_CASE("GPU memory: what is refused, with file, line and field") {
    const std::string nodes = "sn,cpu_milli,memory_mib,gpu,model,gpu_memory_mib\n";
    const std::string pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_memory_mib\n";
    const std::string none = nodes + "n0,1,1,1,T4,0\n";
    const std::string empty = nodes + "n0,1,1,1,T4,\n";
    const std::string without_gpu = nodes + "n0,1,1,0,,16\n";
    const std::string negative = nodes + "n0,1,1,1,T4,16384\nn1,1,1,1,T4,-1\n";
    const bad node_rows[] = {
        {"a GPU without memory", none, "nodes.csv:2: field \"gpu_memory_mib\": ", "0 on each GPU"},
        {"an empty cell", empty, "nodes.csv:2: field \"gpu_memory_mib\": ", "whole number"},
        {"memory without GPU", without_gpu, "nodes.csv:2: field \"gpu_memory_mib\": ", "no GPU"},
        {"negative", negative, "nodes.csv:3: field \"gpu_memory_mib\": ", "-1"},
    };
    for (const auto& row : node_rows) {
        check_refused(row, [](std::string_view text) { return parse_openb_nodes("nodes.csv", text); });
    }
    const std::string text = pods + "p0,1,1,1,500,12 GiB\n";
    const std::string no_gpu = pods + "p0,1,1,0,0,12\n";
    const std::string nothing = pods + "p0,1,1,1,0,0\n";
    const std::string huge = pods + "p0,1,1,1,500,99999999999999999\n";
    const bad pod_rows[] = {
        {"a unit", text, "pods.csv:2: field \"gpu_memory_mib\": ", "whole number"},
        {"memory without GPU", no_gpu, "pods.csv:2: field \"gpu_memory_mib\": ", "num_gpu is 0"},
        {"neither share nor memory", nothing, "pods.csv:2: field \"gpu_milli\": ", "0 of each GPU"},
        {"too much", huge, "pods.csv:2: field \"gpu_memory_mib\": ", "0..35184372088832"},
    };
    for (const auto& row : pod_rows) {
        check_refused(row, [](std::string_view text_of) { return parse_openb_pods("pods.csv", text_of); });
    }
}
