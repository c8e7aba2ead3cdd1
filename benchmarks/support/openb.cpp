// SPDX-License-Identifier: Apache-2.0
#include "support/openb.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace bench {

using berth::amount;
using berth::error;
using berth::error_code;
using berth::result;

namespace {

constexpr amount most_nodes = 1'000'000;

/// Sorts by name and refuses a name that occurs twice.
template <class Item>
result<void> sort_by_name(const csv_table& table, std::string_view field, std::vector<Item>& items) {
    std::sort(items.begin(), items.end(),
              [](const Item& a, const Item& b) { return std::tie(a.name, a.line) < std::tie(b.name, b.line); });
    for (std::size_t i = 1; i < items.size(); ++i) {
        if (items[i].name != items[i - 1].name) continue;
        return file_fault(error_code::duplicate, table.file(), items[i].line, field,
                          shown(items[i].name) + " is also the name on line " + std::to_string(items[i - 1].line));
    }
    return {};
}

/// Memory of each GPU, 0 without the column.
result<amount> gpu_memory_of(const csv_table& table, std::size_t row, std::optional<std::size_t> column, amount gpus,
                             const char* without) {
    if (!column) return amount{0};
    const auto memory = table.integer(row, *column, 0, berth::max_amount);
    if (!memory) return memory.error();
    if (gpus == 0 && *memory != 0) {
        return table.fault(row, *column, error_code::inconsistent,
                           std::to_string(*memory) + " on each GPU, but " + without);
    }
    return *memory;
}

result<openb_node_list> to_nodes(const csv_table& table) {
    std::size_t column[5] = {};
    constexpr const char* names[] = {"sn", "cpu_milli", "memory_mib", "gpu", "model"};
    if (auto ok = table.find_columns(names, column); !ok) return ok.error();
    const auto gpu_memory_column = table.find_column("gpu_memory_mib");
    openb_node_list list{.file = table.file(), .nodes = {}, .has_gpu_memory = gpu_memory_column.has_value()};
    list.nodes.reserve(table.row_count());
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        const auto name = table.text(row, column[0]);
        if (!name) return name.error();
        const auto cpu = table.integer(row, column[1], 0, berth::max_amount);
        if (!cpu) return cpu.error();
        const auto memory = table.integer(row, column[2], 0, berth::max_amount);
        if (!memory) return memory.error();
        const auto gpus = table.integer(row, column[3], 0, std::numeric_limits<std::int64_t>::max());
        if (!gpus) return gpus.error();
        if (*gpus > static_cast<amount>(berth::max_gpus_per_node)) {
            return table.fault(row, column[3], error_code::limit_exceeded,
                               std::to_string(*gpus) + " GPUs, at most 64 fit on one node");
        }
        const std::string_view model = table.cell(row, column[4]);
        if (*gpus > 0 && model.empty()) {
            return table.fault(row, column[4], error_code::inconsistent,
                               "is empty, but the node has " + std::to_string(*gpus) + " GPUs");
        }
        if (model.find('|') != std::string_view::npos) {
            return table.fault(row, column[4], error_code::invalid_value,
                               shown(model) + " contains a bar, one model expected");
        }
        const auto gpu_memory = gpu_memory_of(table, row, gpu_memory_column, *gpus, "the node has no GPU");
        if (!gpu_memory) return gpu_memory.error();
        if (gpu_memory_column && *gpus > 0 && *gpu_memory == 0) {
            return table.fault(row, *gpu_memory_column, error_code::inconsistent,
                               "0 on each GPU, but the node has " + std::to_string(*gpus) + " GPUs");
        }
        list.nodes.push_back({.name = std::string{*name},
                              .cpu_milli = *cpu,
                              .memory_mib = *memory,
                              .gpus = static_cast<std::size_t>(*gpus),
                              .model = std::string{model},
                              .gpu_memory_mib = *gpu_memory,
                              .line = table.line(row)});
    }
    if (const auto unique = sort_by_name(table, "sn", list.nodes); !unique) return unique.error();
    list.without_gpus = std::erase_if(list.nodes, [](const openb_node& node) { return node.gpus == 0; });
    if (list.nodes.empty()) {
        return file_fault(error_code::invalid_value, table.file(), 0, "gpu", "no node has a GPU");
    }
    std::vector<std::string_view> models;
    for (const auto& node : list.nodes) {
        if (std::find(models.begin(), models.end(), node.model) != models.end()) continue;
        models.push_back(node.model);
        if (models.size() > berth::max_models) {
            return file_fault(error_code::limit_exceeded, table.file(), node.line, "model",
                              shown(node.model) + " is one too many, a fleet has at most 64 models");
        }
    }
    return list;
}

result<std::vector<std::string>> accepted_models(const csv_table& table, std::size_t row, std::size_t column) {
    std::vector<std::string> models;
    std::string_view rest = table.cell(row, column);
    if (rest.empty()) return models;
    for (;;) {
        const std::size_t bar = std::min(rest.find('|'), rest.size());
        const std::string model{rest.substr(0, bar)};
        if (model.empty()) {
            return table.fault(row, column, error_code::malformed,
                               shown(table.cell(row, column)) +
                                   " names an empty model, expected names joined by one bar");
        }
        // A model may be named twice: the published gpuspec traces do, and the text distinguishes tasks.
        models.push_back(model);
        if (bar == rest.size()) return models;
        rest.remove_prefix(bar + 1);
    }
}

result<openb_pod_list> to_pods(const csv_table& table) {
    std::size_t column[5] = {};
    constexpr const char* names[] = {"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"};
    if (auto ok = table.find_columns(names, column); !ok) return ok.error();
    const auto spec = table.find_column("gpu_spec");  // some traces have only the first five columns
    const auto gpu_memory_column = table.find_column("gpu_memory_mib");
    openb_pod_list list{.file = table.file(), .pods = {}, .has_gpu_memory = gpu_memory_column.has_value()};
    list.pods.reserve(table.row_count());
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        const auto name = table.text(row, column[0]);
        if (!name) return name.error();
        const auto cpu = table.integer(row, column[1], 0, berth::max_amount);
        if (!cpu) return cpu.error();
        const auto memory = table.integer(row, column[2], 0, berth::max_amount);
        if (!memory) return memory.error();
        const auto gpus = table.integer(row, column[3], 0, std::numeric_limits<std::int64_t>::max());
        if (!gpus) return gpus.error();
        if (*gpus > static_cast<amount>(berth::max_gpus_per_node)) {
            return table.fault(row, column[3], error_code::limit_exceeded,
                               std::to_string(*gpus) + " GPUs, a task gets at most 64 of one node");
        }
        const auto milli = table.integer(row, column[4], 0, berth::whole_gpu);
        if (!milli) return milli.error();
        if (*gpus == 0 && *milli != 0) {
            return table.fault(row, column[4], error_code::inconsistent,
                               std::to_string(*milli) + " of each GPU, but num_gpu is 0");
        }
        const auto gpu_memory = gpu_memory_of(table, row, gpu_memory_column, *gpus, "num_gpu is 0");
        if (!gpu_memory) return gpu_memory.error();
        if (*gpus > 0 && *milli == 0 && *gpu_memory == 0) {
            return table.fault(row, column[4], error_code::inconsistent,
                               "0 of each GPU, but num_gpu is " + std::to_string(*gpus));
        }
        if (*gpus > 1 && *milli != berth::whole_gpu) {
            return table.fault(row, column[4], error_code::inconsistent,
                               std::to_string(*milli) + " of each of " + std::to_string(*gpus) +
                                   " GPUs; only a task with one GPU may share it");
        }
        openb_pod pod{.name = std::string{*name},
                      .cpu_milli = *cpu,
                      .memory_mib = *memory,
                      .gpus = static_cast<std::size_t>(*gpus),
                      .gpu_milli = *milli,
                      .gpu_memory_mib = *gpu_memory,
                      .models = {},
                      .line = table.line(row)};
        if (spec) {
            auto models = accepted_models(table, row, *spec);
            if (!models) return models.error();
            pod.models = *std::move(models);
        }
        list.pods.push_back(std::move(pod));
    }
    if (list.pods.empty()) return file_fault(error_code::invalid_value, table.file(), 0, {}, "there is no pod in it");
    if (const auto unique = sort_by_name(table, "name", list.pods); !unique) return unique.error();
    return list;
}

std::uint8_t class_of(const openb_pod& pod) {
    switch (pod.gpus) {
        case 0: return 0;
        case 1: return pod.gpu_milli < berth::whole_gpu ? 1 : 2;
        case 2: return 3;
        case 4: return 4;
        case 8: return 5;
        default: return 6;
    }
}

/// Numbers separated by line ends or blanks, with the line of each for messages.
class number_reader {
public:
    number_reader(const std::string& file, std::string_view text) : file_{file}, rest_{text} {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    }

    [[nodiscard]] bool at_end() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\r' || rest_[0] == '\n')) {
            if (rest_[0] == '\n') ++line_;
            rest_.remove_prefix(1);
        }
        return rest_.empty();
    }
    result<std::uint32_t> next(const std::string& field, std::uint64_t most) {
        if (at_end()) return fault(error_code::malformed, field, "missing, the file ends here");
        const std::string_view token = rest_.substr(0, std::min(rest_.find_first_of(" \t\r\n"), rest_.size()));
        std::uint64_t value = 0;
        const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
        if (end != token.data() + token.size() || (code != std::errc{} && code != std::errc::result_out_of_range)) {
            return fault(error_code::malformed, field, shown(token) + " is not a whole number from 0 on");
        }
        if (code == std::errc::result_out_of_range || value > most) {
            return fault(error_code::overflow, field, shown(token) + " is not within 0.." + std::to_string(most));
        }
        rest_.remove_prefix(token.size());
        return static_cast<std::uint32_t>(value);
    }
    [[nodiscard]] error fault(error_code code, const std::string& field, const std::string& what) const {
        return file_fault(code, file_, line_, field, what);
    }

private:
    const std::string& file_;
    std::string_view rest_;
    std::size_t line_ = 1;
};

}  // namespace

result<openb_node_list> read_openb_nodes(const std::string& path) {
    const auto table = csv_table::read(path);
    if (!table) return table.error();
    return to_nodes(*table);
}
result<openb_node_list> parse_openb_nodes(const std::string& file, std::string_view text) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    return to_nodes(*table);
}
result<openb_pod_list> read_openb_pods(const std::string& path) {
    const auto table = csv_table::read(path);
    if (!table) return table.error();
    return to_pods(*table);
}
result<openb_pod_list> parse_openb_pods(const std::string& file, std::string_view text) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    return to_pods(*table);
}

result<arrival_order> read_order(const std::string& path, std::size_t pods, std::size_t nodes) {
    const auto text = read_file(path);
    if (!text) return text.error();
    return parse_order(path, *text, pods, nodes);
}

result<arrival_order> parse_order(const std::string& file, std::string_view text, std::size_t pods, std::size_t nodes) {
    constexpr std::uint64_t most_arrivals = std::numeric_limits<std::uint32_t>::max() - 1;
    number_reader in(file, text);
    arrival_order order;
    if (in.at_end())
        return in.fault(error_code::malformed, "arrivals", "the file is empty, expected the number of arrivals");
    const auto arrivals = in.next("arrivals", most_arrivals);
    if (!arrivals) return arrivals.error();
    if (*arrivals == 0) return in.fault(error_code::invalid_value, "arrivals", "is 0, expected at least one arrival");
    for (std::uint32_t i = 0; i < *arrivals; ++i) {
        const auto pod = in.next("arrival " + std::to_string(i), pods - 1);
        if (!pod) return pod.error();
        order.arrivals.push_back(*pod);
    }
    const auto count = in.next("nodes", most_arrivals);
    if (!count) return count.error();
    if (*count != nodes) {
        return in.fault(error_code::inconsistent, "nodes",
                        std::to_string(*count) + " priorities, but the node list has " + std::to_string(nodes) +
                            " nodes with GPUs");
    }
    std::vector<bool> seen(nodes);
    for (std::size_t i = 0; i < nodes; ++i) {
        const std::string field = "priority " + std::to_string(i);
        const auto priority = in.next(field, nodes - 1);
        if (!priority) return priority.error();
        if (seen[*priority]) {
            return in.fault(error_code::duplicate, field,
                            std::to_string(*priority) + " has been given to an earlier node");
        }
        seen[*priority] = true;
        order.priorities.push_back(*priority);
    }
    if (!in.at_end()) return in.fault(error_code::malformed, "end", "the file goes on after the last priority");
    return order;
}

arrival_order make_order(const openb_pod_list& pods, const openb_node_list& nodes, std::uint64_t seed, double inflate) {
    arrival_order order;
    berth::xoshiro256 arrivals_random{berth::stream_seed(seed, 0)};
    const auto count = static_cast<std::uint32_t>(pods.pods.size());
    amount requested = 0;
    for (std::uint32_t p = 0; p < count; ++p) {
        order.arrivals.push_back(p);
        requested += pods.pods[p].total_milli();
    }
    berth::shuffle(arrivals_random, std::span{order.arrivals});

    amount capacity = 0;
    for (const auto& node : nodes.nodes) capacity += static_cast<amount>(node.gpus) * berth::whole_gpu;
    const auto target = static_cast<amount>(std::llround(inflate * static_cast<double>(capacity)));
    if (requested > target) {
        while (requested > target) {
            const std::size_t at = berth::bounded(arrivals_random, static_cast<std::uint32_t>(order.arrivals.size()));
            requested -= pods.pods[order.arrivals[at]].total_milli();
            order.arrivals.erase(order.arrivals.begin() + static_cast<std::ptrdiff_t>(at));
        }
    } else if (requested > 0) {
        for (;;) {
            const std::uint32_t p = berth::bounded(arrivals_random, count);
            if (requested + pods.pods[p].gpu_milli > target) break;
            order.arrivals.push_back(p);
            requested += pods.pods[p].total_milli();
        }
    }

    // A stream of its own: the priorities do not depend on how long the list of arrivals became.
    berth::xoshiro256 priorities_random{berth::stream_seed(seed, 1)};
    for (std::size_t n = 0; n < nodes.nodes.size(); ++n) order.priorities.push_back(static_cast<std::uint32_t>(n));
    berth::shuffle(priorities_random, std::span{order.priorities});
    return order;
}

result<experiment> make_experiment(const openb_node_list& nodes, const openb_pod_list& pods, const arrival_order& order,
                                   std::size_t replicate, gpu_memory_view memory) {
    const std::size_t node_count = nodes.nodes.size();
    const std::size_t arrival_count = order.arrivals.size();
    if (replicate == 0 || replicate > static_cast<std::size_t>(most_nodes) / node_count) {
        return error{error_code::invalid_value, nodes.file + ": " + std::to_string(replicate) + " copies of " +
                                                    std::to_string(node_count) + " nodes, expected 1.." +
                                                    std::to_string(most_nodes) + " nodes"};
    }
    if (pods.has_gpu_memory && !nodes.has_gpu_memory) {
        return file_fault(error_code::inconsistent, pods.file, 0, "gpu_memory_mib",
                          "the pods want GPU memory, but " + nodes.file + " has no column of this name");
    }
    experiment made;

    berth::resource_schema schema{.gpu = {"gpu_milli"}, .node = {"cpu_milli", "memory_mib"}};
    if (nodes.has_gpu_memory) schema.gpu.emplace_back("gpu_memory_mib");
    if (memory == gpu_memory_view::hidden) schema.roles.gpu_memory = berth::no_counter;
    const std::size_t gpu_counters = schema.gpu.size();
    berth::fleet_builder fleet_builder{std::move(schema)};
    std::vector<berth::gpu_description> gpus;
    for (std::size_t copy = 0; copy < replicate; ++copy) {
        for (std::size_t n = 0; n < node_count; ++n) {
            const openb_node& node = nodes.nodes[n];
            const amount capacity[] = {node.cpu_milli, node.memory_mib};
            const amount of_gpu[] = {berth::whole_gpu, node.gpu_memory_mib};
            gpus.assign(node.gpus,
                        berth::gpu_description{.model = node.model, .capacity = std::span{of_gpu}.first(gpu_counters)});
            const std::string name = copy == 0 ? node.name : node.name + '~' + std::to_string(copy);
            const auto added = fleet_builder.add_node({.name = name, .capacity = capacity, .gpus = gpus});
            if (!added) { return file_fault(added.error().code, nodes.file, node.line, {}, added.error().message); }
            // The copies of a node follow each other in the tie-break, so that the published order of nodes is kept.
            made.priorities.push_back(static_cast<std::uint32_t>(order.priorities[n] * replicate + copy));
            made.capacity_milli += static_cast<amount>(node.gpus) * berth::whole_gpu;
        }
    }
    auto fleet = std::move(fleet_builder).build();
    if (!fleet) return error{fleet.error().code, nodes.file + ": " + fleet.error().message};
    made.fleet = std::make_unique<const berth::fleet>(*std::move(fleet));

    berth::workload_builder workload_builder{*made.fleet};
    std::vector<std::string_view> models;
    for (const openb_pod& pod : pods.pods) {
        models.assign(pod.models.begin(), pod.models.end());
        for (const auto& model : models) {
            if (made.fleet->find_model(model)) continue;
            return file_fault(error_code::unknown_name, pods.file, pod.line, "gpu_spec",
                              "model " + shown(model) + " is on no node of " + nodes.file);
        }
        const amount gpu_demand[] = {pod.gpu_milli, pod.gpu_memory_mib};
        const amount node_demand[] = {pod.cpu_milli, pod.memory_mib};
        const auto added = workload_builder.add_task({.name = pod.name,
                                                      .gpus = pod.gpus,
                                                      .gpu_demand = std::span{gpu_demand}.first(gpu_counters),
                                                      .node_demand = node_demand,
                                                      .accepted_models = models});
        if (!added) return file_fault(added.error().code, pods.file, pod.line, {}, added.error().message);
        made.classes.push_back(class_of(pod));
    }
    auto workload = std::move(workload_builder).build();
    if (!workload) return error{workload.error().code, pods.file + ": " + workload.error().message};
    made.workload = std::make_unique<const berth::workload>(*std::move(workload));

    made.arrivals.reserve(arrival_count * replicate);
    for (std::size_t i = 0; i < arrival_count; ++i) {
        for (std::size_t copy = 0; copy < replicate; ++copy) {
            made.arrivals.emplace_back(order.arrivals[(i + copy * arrival_count / replicate) % arrival_count]);
        }
    }
    return made;
}

}  // namespace bench
