// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace bench {

/// The project's own data of a kind (`gap`, `mrp`): its folder at build time, else relative to the program or the
/// working directory.
[[nodiscard]] std::string own_data_folder(const std::string& kind);
/// Public instances that are not in the repository: `$BERTH_DATA/KIND`, or `../shared/data/KIND` beside the checkout if
/// the variable is not set. The folder need not exist.
[[nodiscard]] std::string outside_data_folder(const std::string& kind);
/// The existing ones of these two, the project's own first.
[[nodiscard]] std::vector<std::string> data_folders(const std::string& kind);

}  // namespace bench
