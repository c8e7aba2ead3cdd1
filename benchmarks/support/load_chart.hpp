// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <limits>
#include <span>
#include <string>

namespace bench {

/// The loads of a fleet before and after: two bars side by side for each node or GPU, in the given order.
struct load_bar_chart {
    std::string title;
    std::string subtitle;
    std::string places = "nodes";                             ///< the unit of the bars
    std::span<const double> before{};                         ///< 0 or more; not finite: no bar
    std::span<const double> after{};                          ///< as many
    double limit = std::numeric_limits<double>::quiet_NaN();  ///< drawn as a line, if it is a number
};

/// The chart as a stand-alone SVG document. With more than 400 bars neighbours share a bar as high as the highest of
/// them. Same chart, same bytes.
[[nodiscard]] std::string to_svg(const load_bar_chart& chart);

/// Writes it to a file, replacing an existing one.
[[nodiscard]] berth::result<void> write_load_chart(const std::string& path, std::span<const double> before,
                                                   std::span<const double> after, double limit, std::string title);

}  // namespace bench
