// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

/// One curve of a chart; points in ascending x, NaN y values leave a gap.
struct chart_series {
    std::string name;
    std::vector<std::pair<double, double>> points;
    bool emphasised = false;  ///< drawn thicker, on top, named in bold
};

/// An axis; `least == most` asks for limits that fit the data.
struct chart_axis {
    std::string label;
    double least = 0.0;
    double most = 0.0;
    double step = 0.0;         ///< between ticks, 0: chosen; of no meaning on a logarithmic axis
    bool logarithmic = false;  ///< values of 0 and less are not shown
};

/// A line chart: one curve per series, each named at its right end. Colours are those of Okabe and Ito, which stay apart for
/// colour-blind readers; dash patterns keep them apart in print.
struct line_chart {
    std::string title;
    std::string subtitle;
    chart_axis x;
    chart_axis y;
    std::vector<chart_series> series;
};

/// The chart as a stand-alone SVG document. Same chart, same bytes.
[[nodiscard]] std::string to_svg(const line_chart& chart);

}  // namespace bench
