// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
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

/// An axis; `least == most`: limits that fit the data.
struct chart_axis {
    std::string label;
    double least = 0.0;
    double most = 0.0;
    double step = 0.0;         ///< between ticks, 0: automatic; ignored on a logarithmic axis
    bool logarithmic = false;  ///< values of 0 and less are not shown
};

/// A line chart: one curve per series, each named at its right end. The colours are those of Okabe and Ito, distinct
/// for colour-blind readers; dash patterns distinguish curves in print.
struct line_chart {
    std::string title;
    std::string subtitle;
    chart_axis x;
    chart_axis y;
    std::vector<chart_series> series;
};

/// An interval of time of one kind.
struct timeline_bar {
    double begin = 0.0;
    double end = 0.0;
    std::size_t kind = 0;  ///< a position in `timeline_chart::kinds`
};

struct timeline_row {
    std::string name;
    std::vector<timeline_bar> bars;
};

/// Bars along an axis of time, which begins at 0, in rows; the height depends on the number of rows.
struct timeline_chart {
    std::string title;
    std::string subtitle;
    std::string x_label;
    std::vector<std::string> kinds;  ///< named in the legend
    std::vector<timeline_row> rows;
    std::vector<double> lines;  ///< points in time, marked through all rows
};

/// The chart as a stand-alone SVG document. Same chart, same bytes.
[[nodiscard]] std::string to_svg(const line_chart& chart);
[[nodiscard]] std::string to_svg(const timeline_chart& chart);

}  // namespace bench
