// SPDX-License-Identifier: Apache-2.0
#pragma once

// Populations evaluated on a device, timed. Apart from the command so that this file's source is the only one that needs nvcc, and so that
// benchmarks/cuda can use it on a machine without the packages of berth-bench.

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// One way to evaluate on the device.
struct device_path {
    std::string name;
    std::string layout;
    std::vector<double>
        seconds;  ///< of one evaluation of the whole population, in each round; waiting for a launch not included
    double roofline =
        0.0;  ///< genes per second that the device allows at most in this layout; 0 if it does not say what it can do
    std::vector<berth::assignment_value> values;
};

struct device_report {
    std::string device;
    std::vector<device_path> paths;
};

/// What the device is called. The error says why there is none.
[[nodiscard]] berth::result<std::string> device_name();

/// Evaluates the population `rounds` times with the table and, if `features` is set, as often with a functor that computes similar costs and
/// nothing else stored. The error says what is missing: no device, too little memory on it.
template <class Gene>
[[nodiscard]] berth::result<device_report> evaluate_on_device(const berth::packed_problem& packed,
                                                              berth::population_view<Gene> population,
                                                              std::size_t rounds, bool features);

}  // namespace bench
