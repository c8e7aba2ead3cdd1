// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/topology/link_matrix.hpp"
#include "berth/core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// A machine and how its GPUs are connected.
struct linked_machine {
    std::string name;
    berth::link_matrix links;
};

/// Reads CSV with the columns `system`, `a`, `b`, `nvlinks`, `pcie` (a name of `nvidia-smi topo`, or empty); may be
/// compressed with xz. Errors name file, line and field.
[[nodiscard]] berth::result<std::vector<linked_machine>> read_gpu_links(const std::string& path);
/// The same for text in memory.
[[nodiscard]] berth::result<std::vector<linked_machine>> parse_gpu_links(const std::string& file,
                                                                         std::string_view text);

}  // namespace bench
