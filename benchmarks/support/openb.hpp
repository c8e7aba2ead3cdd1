// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/power.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// One machine of the node list.
struct openb_node {
    std::string name;
    berth::amount cpu_milli = 0;
    berth::amount memory_mib = 0;
    std::size_t gpus = 0;
    std::string model;
    berth::amount gpu_memory_mib = 0;  ///< of each of its GPUs, if the list has the column
    std::size_t line = 0;
};

/// One task of the pod list.
struct openb_pod {
    std::string name;
    berth::amount cpu_milli = 0;
    berth::amount memory_mib = 0;
    std::size_t gpus = 0;
    berth::amount gpu_milli = 0;       ///< on each of its GPUs
    berth::amount gpu_memory_mib = 0;  ///< on each of its GPUs, if the list has the column
    std::vector<std::string> models;   ///< accepted models; empty: any
    std::size_t line = 0;

    [[nodiscard]] berth::amount total_milli() const noexcept { return static_cast<berth::amount>(gpus) * gpu_milli; }
};

/// The nodes of the experiments: those with GPUs, in the order of their names.
struct openb_node_list {
    std::string file;
    std::vector<openb_node> nodes;
    std::size_t without_gpus = 0;  ///< nodes of the file that were left out
    bool has_gpu_memory = false;   ///< the file has the column `gpu_memory_mib`
};

/// The pods in the order of their names.
struct openb_pod_list {
    std::string file;
    std::vector<openb_pod> pods;
    bool has_gpu_memory = false;  ///< the file has the column `gpu_memory_mib`
};

/// The pods in arrival order, as positions in the name-sorted list (repetitions are clones), and for every GPU node a
/// priority number: among equally good nodes the lowest wins.
struct arrival_order {
    std::vector<std::uint32_t> arrivals;
    std::vector<std::uint32_t> priorities;
};

[[nodiscard]] berth::result<openb_node_list> read_openb_nodes(const std::string& path);
[[nodiscard]] berth::result<openb_node_list> parse_openb_nodes(const std::string& file, std::string_view text);
[[nodiscard]] berth::result<openb_pod_list> read_openb_pods(const std::string& path);
[[nodiscard]] berth::result<openb_pod_list> parse_openb_pods(const std::string& file, std::string_view text);

/// An order file: N, then N positions, then the number of nodes, then their priorities, one number per line.
[[nodiscard]] berth::result<arrival_order> read_order(const std::string& path, std::size_t pods, std::size_t nodes);
[[nodiscard]] berth::result<arrival_order> parse_order(const std::string& file, std::string_view text, std::size_t pods,
                                                       std::size_t nodes);

/// The published recipe with berth's own generator: all pods shuffled, then pods drawn with replacement until the next
/// one would exceed `inflate` × the fleet's GPU capacity (its request on one GPU is compared), or, if there is more to
/// begin with, random arrivals deleted. Node priorities are a random permutation.
[[nodiscard]] arrival_order make_order(const openb_pod_list& pods, const openb_node_list& nodes, std::uint64_t seed,
                                       double inflate);

/// The input of one run of a policy. Moving the experiment does not move fleet and workload.
struct experiment {
    std::unique_ptr<const berth::fleet> fleet;
    std::unique_ptr<const berth::workload> workload;
    std::vector<berth::task_index> arrivals;
    std::vector<std::uint32_t> priorities;  ///< per node
    std::vector<std::uint8_t> classes;      ///< per task: position in `task_classes`
    berth::amount capacity_milli = 0;       ///< GPU thousandths of the fleet
    berth::power_table power{};             ///< watts, for policies and metrics of power

    [[nodiscard]] berth::problem problem() const noexcept { return {*fleet, *workload}; }
};

/// The classes of accepted tasks: by the number of GPUs a task wants, shares apart.
inline constexpr const char* task_classes[] = {"cpu", "share", "1", "2", "4", "8", "other"};
inline constexpr std::size_t task_class_count = std::size(task_classes);

/// Whether policies see GPU memory.
enum class gpu_memory_view : std::uint8_t {
    seen,    ///< as one of the counters, by its role
    hidden,  ///< no: only the ledger counts it
};

/// Checks nodes, pods and order against each other and makes a problem of them. GPU memory is a counter if the node
/// list has it.
/// @param replicate  this many copies of the fleet, and as many arrivals: copy k of the arrivals runs k/K of the list
///                   ahead, so that equal pods do not arrive one after the other.
[[nodiscard]] berth::result<experiment> make_experiment(const openb_node_list& nodes, const openb_pod_list& pods,
                                                        const arrival_order& order, std::size_t replicate = 1,
                                                        gpu_memory_view memory = gpu_memory_view::seen);

}  // namespace bench
