// SPDX-License-Identifier: Apache-2.0
#pragma once

// Times the evaluation of populations on a device. Separate from the command, so that only this file's source needs
// nvcc and benchmarks/cuda can use it on a machine without the packages of berth-bench.

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// One evaluator on the device, timed.
struct device_path {
    std::string name;
    std::string layout;
    std::vector<double> seconds;  ///< of one evaluation of the whole population, in each round, without launch latency
    double roofline =
        0.0;  ///< upper bound of genes per second in this layout; 0 if the driver does not report bandwidths
    std::vector<berth::assignment_value> values;
};

struct device_report {
    std::string device;
    std::vector<device_path> paths;
};

/// The name of the device, or why there is none.
[[nodiscard]] berth::result<std::string> device_name();

/// Evaluates the population `rounds` times with the table and, if `features` is set, as often with a functor that
/// computes similar costs from features. Fails without a device, and if it has too little memory.
template <class Gene>
[[nodiscard]] berth::result<device_report> evaluate_on_device(const berth::packed_problem& packed,
                                                              berth::population_view<Gene> population,
                                                              std::size_t rounds, bool features);

}  // namespace bench
