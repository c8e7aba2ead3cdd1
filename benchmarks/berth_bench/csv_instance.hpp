// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "support/gap_instance.hpp"

#include <string>
#include <vector>

namespace bench {

/// An assignment problem made of a user's tasks.csv and gpus.csv.
struct csv_instance {
    gap_instance instance;    ///< costs, loads and capacities in thousandths; tasks and GPUs as the files list them
    std::string cost_column;  ///< the column of gpus.csv that seconds are multiplied with; empty: none
    std::vector<std::string> left_out;  ///< tasks that no GPU has room for; they are not in the instance
    std::vector<std::string> notes;     ///< what the user should know: ignored columns, ..., a sentence each
};

/// Reads tasks and GPUs; columns are found by name, in any order.
///
/// | tasks                         | unit   | without the column    |
/// |-------------------------------|--------|-----------------------|
/// | `complexity` or `complicity`  | GFLOP  | refused               |
/// | `load`                        | that of `max_load` | the complexity |
/// | `data_size`, `output_size`    | GB     | 0                     |
/// | `name` or `id`                |        | task-1, task-2, ...   |
///
/// | GPUs               | unit   | without the column                          |
/// |--------------------|--------|---------------------------------------------|
/// | `max_load`         | GFLOP  | refused                                     |
/// | `load`             | GFLOP  | 0                                           |
/// | `speed`            | GFLOPS | 20                                          |
/// | `power`            | W      | seconds alone are the cost, unless `cost` names another column |
/// | `temp`, `max_temp` | °C     | no limit by temperature                     |
/// | `name` or `id`     |        | gpu-1, gpu-2, ...                           |
///
/// The cost of a pair is the time of the task on the GPU (`execution_time`, 12 GB/s) times the number in the cost column.
/// The capacity is `max_load` − `load`, or less if the GPU would reach `max_temp` before: temperatures are taken to rise
/// with load as they do from GPU to GPU in the file.
///
/// Refused, each with file, line and field: missing columns, names given twice, numbers out of range, no task that a GPU
/// has room for, sums that would not be exact, more than 2^27 pairs.
/// @param cost  a column of the GPUs, 0 or more in each row; `seconds`: time alone; empty: `power` if there is one
[[nodiscard]] berth::result<csv_instance> read_csv_instance(const std::string& tasks_file, const std::string& gpus_file,
                                                            const std::string& cost);

}  // namespace bench
