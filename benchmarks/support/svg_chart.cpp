// SPDX-License-Identifier: Apache-2.0
#include "support/svg_chart.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

namespace bench {

namespace {

constexpr double width = 840.0;
constexpr double height = 520.0;
constexpr double left = 68.0;
constexpr double right = 168.0;  // room for the names of the curves
constexpr double top = 64.0;
constexpr double bottom = 60.0;

constexpr std::string_view emphasis = "#D55E00";
constexpr std::array<std::string_view, 7> colours{"#0072B2", "#E69F00", "#009E73", "#CC79A7",
                                                  "#56B4E9", "#000000", "#7F7F7F"};
constexpr std::array<std::string_view, 4> dashes{"", "7 3", "2 3", "9 3 2 3"};

/// At most two decimals, without trailing zeros; the same on every machine.
std::string number(double value) {
    char text[64];
    const auto [end, code] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 2);
    std::string out(text, end);
    while (out.ends_with('0')) out.pop_back();
    if (out.ends_with('.')) out.pop_back();
    return out == "-0" ? "0" : out;
}

/// A tick of a logarithmic axis: `factor` times ten to the `power`, as near as a double gets.
double log_tick(int factor, int power) {
    const std::string text = std::to_string(factor) + 'e' + std::to_string(power);
    double value = 0.0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// All digits that a tick needs, without an exponent.
std::string tick_label(const chart_axis& axis, double value) {
    if (!axis.logarithmic) return number(value);
    char text[400];
    const auto [end, code] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
    return code == std::errc{} ? std::string(text, end) : number(value);
}

/// 1, 2 and 5 times the powers of ten that lie within; the powers alone if these are many.
std::vector<double> log_ticks(double least, double most) {
    std::vector<double> at;
    const int first = static_cast<int>(std::floor(std::log10(least))) - 1;
    const int last = static_cast<int>(std::ceil(std::log10(most))) + 1;
    const bool dense = std::log10(most / least) < 3.5;
    for (int power = first; power <= last; ++power) {
        for (const int factor : {1, 2, 5}) {
            const double value = log_tick(factor, power);
            if ((factor == 1 || dense) && value >= least && value <= most) at.push_back(value);
        }
    }
    return at;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
    }
    return out;
}

/// 1, 2 or 5 times a power of ten, for about `count` ticks.
double tick_step(double span, double count) {
    const double raw = span / count;
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (raw <= factor * power) return factor * power;
    }
    return 10.0 * power;
}

/// Limits of a logarithmic axis: the nearest of 1, 2 and 5 times a power of ten around the data.
chart_axis fitted_log(chart_axis axis, double least, double most) {
    if (axis.least == axis.most) {
        if (!(least <= most)) {
            least = 0.1;
            most = 1.0;
        }
        axis.least = 0.0;
        for (int power = static_cast<int>(std::floor(std::log10(least))) - 1; axis.most <= axis.least; ++power) {
            for (const int factor : {1, 2, 5}) {
                const double value = log_tick(factor, power);
                if (value <= least) axis.least = value;
                if (value >= most && value > axis.least && axis.most <= axis.least) axis.most = value;
            }
        }
    }
    return axis;
}

chart_axis fitted(chart_axis axis, double least, double most) {
    if (axis.logarithmic) return fitted_log(std::move(axis), least, most);
    if (axis.least == axis.most) {
        if (!(least <= most)) {  // no data at all
            least = 0.0;
            most = 1.0;
        }
        if (least == most) most = least + 1.0;
        const double step = axis.step > 0.0 ? axis.step : tick_step(most - least, 8.0);
        axis.least = std::floor(least / step) * step;
        axis.most = std::ceil(most / step) * step;
    }
    if (!(axis.step > 0.0)) axis.step = tick_step(axis.most - axis.least, 8.0);
    return axis;
}

struct frame {
    chart_axis x;
    chart_axis y;

    [[nodiscard]] double px(double value) const { return left + along(x, value) * (width - left - right); }
    [[nodiscard]] double py(double value) const { return height - bottom - along(y, value) * (height - top - bottom); }
    /// 0 at the least value of an axis, 1 at the most.
    [[nodiscard]] static double along(const chart_axis& axis, double value) {
        if (axis.logarithmic) return std::log(value / axis.least) / std::log(axis.most / axis.least);
        return (value - axis.least) / (axis.most - axis.least);
    }
    [[nodiscard]] bool shows(double at_x, double at_y) const {
        return std::isfinite(at_y) && at_x >= x.least && at_x <= x.most && at_y >= y.least && at_y <= y.most;
    }
};

std::string text(double x, double y, std::string_view content, std::string_view attributes) {
    std::string out = "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" ";
    out += attributes;
    return out + '>' + escaped(content) + "</text>\n";
}

/// Keeps the names of curves that end close together legible: distributes overlapping neighbours around their middle.
/// `at` is ascending.
std::vector<double> spread(const std::vector<double>& at, double gap, double most) {
    struct group {
        double middle;
        std::size_t size;
        [[nodiscard]] double half(double gap) const { return gap * static_cast<double>(size - 1) / 2.0; }
    };
    std::vector<group> groups;
    for (const double y : at) {
        groups.push_back({y, 1});
        while (groups.size() > 1) {
            group& upper = groups[groups.size() - 2];
            const group& lower = groups.back();
            if (lower.middle - lower.half(gap) - upper.middle - upper.half(gap) >= gap) break;
            const auto a = static_cast<double>(upper.size);
            const auto b = static_cast<double>(lower.size);
            upper = {(a * upper.middle + b * lower.middle) / (a + b), upper.size + lower.size};
            groups.pop_back();
        }
    }
    std::vector<double> out;
    for (const group& g : groups) {
        const double first = std::min(g.middle - g.half(gap), most - 2 * g.half(gap));
        for (std::size_t i = 0; i < g.size; ++i) out.push_back(first + gap * static_cast<double>(i));
    }
    return out;
}

}  // namespace

std::string to_svg(const line_chart& chart) {
    double least_x = std::numeric_limits<double>::infinity();
    double most_x = -least_x;
    double least_y = least_x;
    double most_y = -least_x;
    for (const auto& series : chart.series) {
        for (const auto& [x, y] : series.points) {
            if (!std::isfinite(x) || !std::isfinite(y)) continue;
            if ((chart.x.logarithmic && x <= 0.0) || (chart.y.logarithmic && y <= 0.0)) continue;
            least_x = std::min(least_x, x);
            most_x = std::max(most_x, x);
            const bool inside = chart.x.least == chart.x.most || (x >= chart.x.least && x <= chart.x.most);
            if (!inside) continue;
            least_y = std::min(least_y, y);
            most_y = std::max(most_y, y);
        }
    }
    const frame plot{fitted(chart.x, least_x, most_x), fitted(chart.y, least_y, most_y)};

    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
                      number(height) + "\" viewBox=\"0 0 " + number(width) + ' ' + number(height) +
                      "\" role=\"img\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" fill=\"#222222\">\n";
    svg += "<title>" + escaped(chart.title) + "</title>\n";
    svg += "<rect width=\"" + number(width) + "\" height=\"" + number(height) + "\" fill=\"#ffffff\"/>\n";
    svg += text(left, 27, chart.title, "font-size=\"17\" font-weight=\"bold\"");
    svg += text(left, 47, chart.subtitle, "font-size=\"12.5\" fill=\"#555555\"");

    const auto ticks = [](const chart_axis& axis) {
        if (axis.logarithmic) return log_ticks(axis.least, axis.most);
        std::vector<double> at;
        const auto count = static_cast<int>(std::floor((axis.most - axis.least) / axis.step + 1e-9));
        for (int i = 0; i <= std::min(count, 200); ++i) at.push_back(axis.least + i * axis.step);
        return at;
    };
    const double floor = height - bottom;
    const double edge = width - right;
    for (const double value : ticks(plot.y)) {
        const std::string y = number(plot.py(value));
        svg += "<line x1=\"" + number(left) + "\" x2=\"" + number(edge) + "\" y1=\"" + y + "\" y2=\"" + y +
               "\" stroke=\"#e3e3e3\"/>\n";
        svg +=
            text(left - 9, plot.py(value) + 4.2, tick_label(plot.y, value), "font-size=\"12.5\" text-anchor=\"end\"");
    }
    for (const double value : ticks(plot.x)) {
        const std::string x = number(plot.px(value));
        svg += "<line x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + number(floor) + "\" y2=\"" + number(floor + 5) +
               "\" stroke=\"#222222\"/>\n";
        svg += text(plot.px(value), floor + 20, tick_label(plot.x, value), "font-size=\"12.5\" text-anchor=\"middle\"");
    }
    svg += "<path d=\"M" + number(left) + ' ' + number(top) + 'V' + number(floor) + 'H' + number(edge) +
           "\" fill=\"none\" stroke=\"#222222\"/>\n";
    svg += text((left + edge) / 2, height - 16, plot.x.label, "font-size=\"14\" text-anchor=\"middle\"");
    svg +=
        text(-(top + floor) / 2, 20, plot.y.label, "font-size=\"14\" text-anchor=\"middle\" transform=\"rotate(-90)\"");

    // Emphasised curves last, so that they lie on top; colours belong to positions, not to drawing order.
    std::vector<std::size_t> order;
    for (const bool emphasised : {false, true}) {
        for (std::size_t i = 0; i < chart.series.size(); ++i) {
            if (chart.series[i].emphasised == emphasised) order.push_back(i);
        }
    }
    const auto stroke = [&](std::size_t s) {
        std::string out = "stroke=\"";
        out += chart.series[s].emphasised ? emphasis : colours[s % colours.size()];
        out += chart.series[s].emphasised ? "\" stroke-width=\"3\"" : "\" stroke-width=\"1.7\"";
        const std::string_view dash =
            chart.series[s].emphasised ? "" : dashes[(s % colours.size() + s / colours.size()) % dashes.size()];
        if (!dash.empty()) out.append(" stroke-dasharray=\"").append(dash).append("\"");
        return out;
    };
    struct label {
        std::size_t series;
        double y;
    };
    std::vector<label> labels;
    for (const std::size_t s : order) {
        std::string path;
        bool pen_down = false;
        double last_y = std::numeric_limits<double>::quiet_NaN();
        for (const auto& [x, y] : chart.series[s].points) {
            if (!plot.shows(x, y)) {
                pen_down = false;
                continue;
            }
            path += pen_down ? 'L' : 'M';
            path += number(plot.px(x)) + ' ' + number(plot.py(y));
            pen_down = true;
            last_y = plot.py(y);
        }
        if (path.empty()) continue;
        svg += "<path d=\"" + path + "\" fill=\"none\" stroke-linejoin=\"round\" " + stroke(s) + "/>\n";
        labels.push_back({s, last_y});
    }

    std::sort(labels.begin(), labels.end(),
              [](const label& a, const label& b) { return a.y != b.y ? a.y < b.y : a.series < b.series; });
    std::vector<double> at;
    for (const auto& entry : labels) at.push_back(entry.y);
    at = spread(at, 17.0, floor);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const std::size_t s = labels[i].series;
        const std::string y = number(at[i]);
        svg += "<path d=\"M" + number(edge + 3) + ' ' + number(labels[i].y) + 'L' + number(edge + 14) + ' ' + y +
               "\" stroke=\"#bbbbbb\" fill=\"none\"/>\n";
        svg += "<line x1=\"" + number(edge + 16) + "\" x2=\"" + number(edge + 42) + "\" y1=\"" + y + "\" y2=\"" + y +
               "\" " + stroke(s) + "/>\n";
        svg += text(edge + 48, at[i] + 4.2, chart.series[s].name,
                    chart.series[s].emphasised ? "font-size=\"13\" font-weight=\"bold\"" : "font-size=\"13\"");
    }
    return svg + "</svg>\n";
}

std::string to_svg(const timeline_chart& chart) {
    constexpr double row = 16.0;
    constexpr double names = 130.0;
    constexpr double edge = width - 24.0;
    constexpr double first = 92.0;
    const double floor = first + row * static_cast<double>(std::max<std::size_t>(chart.rows.size(), 1));
    const double whole = floor + 52.0;

    double most = 0.0;
    for (const double at : chart.lines) most = std::max(most, at);
    for (const auto& each : chart.rows) {
        for (const auto& bar : each.bars) most = std::max(most, bar.end);
    }
    if (!(most > 0.0) || !std::isfinite(most)) most = 1.0;
    const auto px = [&](double at) { return names + at / most * (edge - names); };

    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
                      number(whole) + "\" viewBox=\"0 0 " + number(width) + ' ' + number(whole) +
                      "\" role=\"img\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" fill=\"#222222\">\n";
    svg += "<title>" + escaped(chart.title) + "</title>\n";
    svg += "<rect width=\"" + number(width) + "\" height=\"" + number(whole) + "\" fill=\"#ffffff\"/>\n";
    svg += text(24, 27, chart.title, "font-size=\"17\" font-weight=\"bold\"");
    svg += text(24, 47, chart.subtitle, "font-size=\"12.5\" fill=\"#555555\"");
    double at = names;
    for (std::size_t k = 0; k < chart.kinds.size(); ++k) {
        svg += "<rect x=\"" + number(at) + "\" y=\"62\" width=\"12\" height=\"12\" fill=\"";
        svg += colours[k % colours.size()];
        svg += "\"/>\n";
        svg += text(at + 17, 72, chart.kinds[k], "font-size=\"12.5\"");
        at += 44.0 + 7.0 * static_cast<double>(chart.kinds[k].size());
    }
    const double step = tick_step(most, 8.0);
    for (double tick = 0.0; tick <= most + 1e-9 * most; tick += step) {
        svg += text(px(tick), floor + 20, number(tick), "font-size=\"12.5\" text-anchor=\"middle\"");
    }
    for (const double line : chart.lines) {
        const std::string x = number(px(line));
        svg += "<line x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + number(first - 4) + "\" y2=\"" + number(floor + 4) +
               "\" stroke=\"#bbbbbb\" stroke-dasharray=\"3 3\"/>\n";
    }
    for (std::size_t r = 0; r < chart.rows.size(); ++r) {
        const double y = first + row * static_cast<double>(r);
        svg += text(names - 8, y + 11.5, chart.rows[r].name, "font-size=\"11\" text-anchor=\"end\"");
        for (const auto& bar : chart.rows[r].bars) {
            svg += "<rect x=\"" + number(px(bar.begin)) + "\" y=\"" + number(y + 2) + "\" width=\"" +
                   number(std::max(px(bar.end) - px(bar.begin), 1.0)) + "\" height=\"12\" fill=\"";
            svg += colours[bar.kind % colours.size()];
            svg += "\"/>\n";
        }
    }
    svg += "<path d=\"M" + number(names) + ' ' + number(floor + 4) + 'H' + number(edge) +
           "\" fill=\"none\" stroke=\"#222222\"/>\n";
    svg += text((names + edge) / 2, whole - 12, chart.x_label, "font-size=\"14\" text-anchor=\"middle\"");
    return svg + "</svg>\n";
}

}  // namespace bench
