// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/cost/energy/power_profile.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// One job on one GPU model at all limits that were measured; the work is one epoch.
struct zeus_profile {
    std::string gpu;
    berth::power_profile profile;
};

/// Jobs in the order of the file.
struct zeus_table {
    std::vector<zeus_profile> profiles;  ///< each with a point at the largest limit of its GPU model
    std::size_t left_out = 0;            ///< jobs without that point

    /// The largest limit of a GPU model in the table, in watts; 0 for a model that is not there.
    [[nodiscard]] berth::amount most_watts(std::string_view gpu) const;
};

/// Reads a table with the columns `gpu`, `dataset`, `network`, `batch_size`, `optimizer`, `power_limit_w`,
/// `time_per_epoch_s` and `average_power_w`, which may be compressed with xz. Errors name file, line and field.
[[nodiscard]] berth::result<zeus_table> read_zeus_power(const std::string& path);
[[nodiscard]] berth::result<zeus_table> parse_zeus_power(const std::string& file, std::string_view text);

}  // namespace bench
