// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/index.hpp"
#include "berth/core/result.hpp"

#include "support/text_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// The two files of an instance of the machine reassignment problem (Google ROADEF/EURO challenge 2012); either may be
/// compressed with xz.
struct mrp_files {
    std::string model;
    std::string assignment;  ///< the original assignment
};

/// An instance as in its files. Machines are nodes, processes are tasks, services are groups.
struct mrp_instance {
    std::string name;  ///< `b_1` of `.../model_b_1.txt.xz`
    berth::reassignment_input input;
};

/// Reads both files. Refused, each with file, line and number by machine, process or service (counted from 0): words
/// that are no whole number within 0..2^32-1, unknown positions, files that are too short or too long. There is no
/// limit on sizes. Of the costs between machines only the distinct rows and columns are kept.
[[nodiscard]] berth::result<mrp_instance> read_mrp_instance(const mrp_files& files);

/// The model alone, without initial assignment. `file` is only named in messages.
[[nodiscard]] berth::result<berth::reassignment_input> read_mrp_model(const std::string& file, block_source blocks);
/// An assignment: a machine for each process.
[[nodiscard]] berth::result<std::vector<std::uint32_t>>
read_mrp_assignment(const std::string& file, block_source blocks, std::size_t processes, std::size_t machines);

/// Writes a model as `read_mrp_model` reads it.
void write_mrp_model(std::ostream& out, const berth::reassignment_input& input);
/// One line: a machine for each process.
[[nodiscard]] std::string mrp_assignment_text(std::span<const berth::node_index> assignment);
/// Writes the model and the initial assignment.
[[nodiscard]] berth::result<void> write_mrp_instance(const mrp_files& files, const berth::reassignment_input& input);

/// The initial assignment as an argument of searches and checks.
[[nodiscard]] std::vector<berth::node_index> observed_nodes(const berth::reassignment_input& input);

/// The parameters of `generate_mrp_instance`.
struct mrp_recipe {
    std::size_t machines = 100;
    std::size_t processes = 1000;
    std::size_t resources = 4;  ///< the first of every three is transient
    std::size_t services = 0;   ///< 0: one for each ten processes, or as many as necessary
    std::size_t locations = 10;
    std::size_t neighbourhoods = 5;  ///< of whole locations
    std::size_t balances = 1;
    double fill = 0.85;  ///< demand over capacity, of all machines together
};
/// A random instance similar to those of the challenge: few large and many small processes, an uneven assignment that
/// satisfies every constraint, costs between machines by location and neighbourhood. Same arguments, same instance.
/// Every size is at least 1.
[[nodiscard]] mrp_instance generate_mrp_instance(const mrp_recipe& recipe, std::uint64_t seed);

/// The files of an instance by its name, `model_NAME.txt` and `assignment_NAME.txt` or the same with `.xz`: in the
/// project's own data, then in `$BERTH_DATA/mrp` (`../shared/data/mrp` beside the checkout if the variable is not set).
[[nodiscard]] berth::result<mrp_files> find_mrp_instance(const std::string& name);
/// The names of all existing instances, each once: `a1_1`, `a1_2`, ..., `b_10`, `example`.
[[nodiscard]] std::vector<std::string> mrp_instance_names();
/// `b_1` of `.../model_b_1.txt.xz`; of a file of another name the part before the first dot.
[[nodiscard]] std::string mrp_instance_name(const std::string& model_file);

}  // namespace bench
