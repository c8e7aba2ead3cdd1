// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace bench {

/// The published results of the openb experiments: means over ten seeds, by trace, policy and arrived workload in
/// percent.
class published_results {
public:
    /// Reads `published_unallocated.csv` and `published_fragmentation.csv` of a folder.
    static berth::result<published_results> read(const std::string& folder);

    [[nodiscard]] std::optional<double> unallocated_percent(std::string_view trace, std::string_view policy,
                                                            int arrived) const;
    [[nodiscard]] std::optional<double> fragmentation_percent(std::string_view trace, std::string_view policy,
                                                              int arrived) const;
    /// The standard deviation of `unallocated_percent` over the seeds.
    [[nodiscard]] std::optional<double> deviation(std::string_view trace, std::string_view policy, int arrived) const;

private:
    using cells = std::map<std::tuple<std::string, std::string, int>, double>;
    [[nodiscard]] static std::optional<double> find(const cells& in, std::string_view trace, std::string_view policy,
                                                    int arrived);

    cells unallocated_;
    cells deviation_;
    cells fragmentation_;
};

/// `default` of `.../openb_pod_list_default.csv`; empty for other names.
[[nodiscard]] std::string trace_name(const std::string& pods_file);

/// The project's own openb data: its folder at build time, else relative to the program or the working directory. Empty
/// if there is none.
[[nodiscard]] std::string openb_folder();

}  // namespace bench
