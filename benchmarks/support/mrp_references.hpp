// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// A published value of an instance of the machine reassignment problem, or of a set of them.
struct mrp_reference {
    std::string instance;
    std::string name;      ///< `initial`, `lower_bound`, `best`, `goal`, `score_goal`, or a team
    double seconds = 0.0;  ///< of the run; 0 if not applicable
    double value = 0.0;
    std::string source;
};

/// Published values of the instances of the challenge; `benchmarks/data/mrp/README.md` explains the columns of the
/// file.
class mrp_references {
public:
    /// Reads a CSV file with the columns `instance`, `name`, `seconds`, `value`, `source`.
    static berth::result<mrp_references> read(const std::string& file);
    /// The project's own file.
    [[nodiscard]] static std::string own_file();

    [[nodiscard]] const std::vector<mrp_reference>& rows() const noexcept { return rows_; }
    /// The first row of an instance with this name (and source, unless that is empty). Null if there is none.
    [[nodiscard]] const mrp_reference* find(std::string_view instance, std::string_view name,
                                            std::string_view source = {}) const noexcept;
    /// The goal of this project for a run of that many seconds: a `goal` or `score_goal`.
    [[nodiscard]] std::optional<double> goal(std::string_view instance, std::string_view name,
                                             double seconds) const noexcept;

private:
    std::vector<mrp_reference> rows_;
};

}  // namespace bench
