// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// An instance of the generalised assignment problem, as in its files: every number an integer. Agents are GPUs.
struct gap_instance {
    std::string name;  ///< `d20400` of `.../d20400.txt`
    std::size_t agents = 0;
    std::size_t tasks = 0;
    std::vector<double> costs;         ///< a row for each task; any sum of one cost per task is exact
    std::vector<berth::amount> loads;  ///< a row for each task
    std::vector<berth::amount> capacities;

    /// Views of this instance.
    [[nodiscard]] berth::assignment_problem<berth::matrix_cost, berth::matrix_load> problem() const {
        return {tasks, berth::matrix_cost{{costs.data(), tasks, agents}},
                berth::matrix_load{{loads.data(), tasks, agents}}, capacities};
    }
    /// The letter that the name begins with, if it is one of the types A to E and a digit follows; else 0.
    [[nodiscard]] char type() const noexcept;
};

/// Reads `m n`, m rows of n costs, m rows of n amounts, m capacities, separated by white space. Refused, each with
/// file, line and number by agent and task (counted from 0): words that are no integer, negative amounts and
/// capacities, numbers beyond `max_amount`, sums that would not be exact, a file that is too short or too long.
[[nodiscard]] berth::result<gap_instance> read_gap_instance(const std::string& file);
/// The same for text that is already in memory; `file` is named in messages, and names the instance.
[[nodiscard]] berth::result<gap_instance> parse_gap_instance(const std::string& file, std::string_view text);
/// The text of an instance, as `parse_gap_instance` reads it.
[[nodiscard]] std::string to_text(const gap_instance& instance);

/// A random instance of type A, B, C, D or E, by the recipes of the literature (Chu, Beasley 1997; Yagiura, Ibaraki,
/// Glover 2004). Same arguments, same instance. At least one agent and one task.
[[nodiscard]] gap_instance generate_gap_instance(char type, std::size_t agents, std::size_t tasks, std::uint64_t seed);

/// Cost and excess of an assignment, computed from the instance alone and in integers. Shares no code with the
/// searches.
struct gap_verdict {
    bool complete = false;  ///< every task is on an existing agent; else the other fields are 0
    std::int64_t cost = 0;
    berth::amount excess = 0;  ///< load beyond the capacities, over all agents
    std::size_t overloaded = 0;

    [[nodiscard]] bool feasible() const noexcept { return complete && excess == 0; }
};
[[nodiscard]] gap_verdict check_assignment(const gap_instance& instance, std::span<const berth::gpu_index> agent_of);

/// Published bounds of an instance.
struct gap_reference {
    std::string name;
    std::size_t agents = 0;
    std::size_t tasks = 0;
    double lower = 0.0;  ///< the proven optimum or the best lower bound; the base of gaps
    double upper = 0.0;  ///< the cost of the best known assignment
};
/// Reads a CSV file with the columns `instance`, `n_tasks`, `m_agents`, `ref_lb`, `ref_ub`.
[[nodiscard]] berth::result<std::vector<gap_reference>> read_gap_references(const std::string& file);
/// The published bounds of an instance: from `best_known.csv` or `best-known.csv` in the folder of its file, by name.
/// Nothing if there is no such row or it has another size.
[[nodiscard]] berth::result<std::optional<gap_reference>> find_gap_reference(const std::string& file,
                                                                             const gap_instance& instance);

/// The folders of instances that exist: the project's own, then `$BERTH_DATA/gap` (`../shared/data/gap` beside the
/// checkout if the variable is not set).
[[nodiscard]] std::vector<std::string> gap_folders();
/// The second folder of `gap_folders`, outside the repository. It need not exist.
[[nodiscard]] std::string outside_gap_folder();
/// The file of an instance: the path itself, or `NAME.txt` in one of the folders.
[[nodiscard]] berth::result<std::string> find_gap_instance(const std::string& path_or_name);
/// All instance files of the folders, each name once, in the order of type, tasks, agents.
[[nodiscard]] std::vector<std::string> gap_instance_files();

}  // namespace bench
