// SPDX-License-Identifier: Apache-2.0
#pragma once

// Populations evaluated on a device, timed. Apart from the command so that this file's source is the only one that
// needs nvcc, and so that benchmarks/cuda can use it on a machine without the packages of berth-bench.

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
    std::vector<double>
        seconds;  ///< of one evaluation of the whole population, in each round; waiting for a launch not included
    double roofline =
        0.0;  ///< upper bound on genes per second in this layout; 0 if the device does not report its properties
    std::vector<berth::assignment_value> values;
};

struct device_report {
    std::string device;
    std::vector<device_path> paths;
};

/// The name of the device. The error has the reason why there is none.
[[nodiscard]] berth::result<std::string> device_name();

/// Evaluates the population `rounds` times with the table and, if `features` is set, as often with a functor that
/// computes similar costs without a table. The error has the reason: no device, or too little memory on it.
template <class Gene>
[[nodiscard]] berth::result<device_report> evaluate_on_device(const berth::packed_problem& packed,
                                                              berth::population_view<Gene> population,
                                                              std::size_t rounds, bool features);

}  // namespace bench
