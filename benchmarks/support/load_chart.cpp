// SPDX-License-Identifier: Apache-2.0
#include "support/load_chart.hpp"

#include "support/output_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace {

constexpr double width = 840.0;
constexpr double height = 420.0;
constexpr double left = 68.0;
constexpr double right = 28.0;
constexpr double top = 92.0;
constexpr double bottom = 56.0;
constexpr std::size_t most_bars = 400;

/// At most two decimals, without trailing zeros; the same on every machine.
std::string number(double value) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 2).ptr;
    std::string out(text, end);
    while (out.ends_with('0')) out.pop_back();
    if (out.ends_with('.')) out.pop_back();
    return out == "-0" ? "0" : out;
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

std::string text(double x, double y, std::string_view content, std::string_view attributes) {
    std::string out = "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" ";
    out += attributes;
    return out + '>' + escaped(content) + "</text>\n";
}

double usable(double value) { return std::isfinite(value) && value > 0.0 ? value : 0.0; }

/// The highest of `together` neighbours.
std::vector<double> gathered(std::span<const double> values, std::size_t together) {
    std::vector<double> out((values.size() + together - 1) / together, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) out[i / together] = std::max(out[i / together], usable(values[i]));
    return out;
}

/// 1, 2 or 5 times a power of ten, for about five ticks.
double tick_step(double most) {
    const double power = std::pow(10.0, std::floor(std::log10(most / 5.0)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (most / 5.0 <= factor * power) return factor * power;
    }
    return 10.0 * power;
}

}  // namespace

std::string to_svg(const load_bar_chart& chart) {
    const std::size_t places = std::max(chart.before.size(), chart.after.size());
    const std::size_t together = std::max<std::size_t>(1, (places + most_bars - 1) / most_bars);
    const std::vector<double> before = gathered(chart.before, together);
    const std::vector<double> after = gathered(chart.after, together);
    const bool limited = std::isfinite(chart.limit) && chart.limit > 0.0;
    double most = limited ? chart.limit : 0.0;
    for (const double value : before) most = std::max(most, value);
    for (const double value : after) most = std::max(most, value);
    if (!(most > 0.0)) most = 1.0;
    const double step = tick_step(most);
    most = std::ceil(most / step - 1e-9) * step;

    const double floor = height - bottom;
    const double edge = width - right;
    const auto y_of = [&](double value) { return floor - value / most * (floor - top); };
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
                      number(height) + "\" viewBox=\"0 0 " + number(width) + ' ' + number(height) +
                      "\" role=\"img\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" fill=\"#222222\">\n";
    svg += "<title>" + escaped(chart.title) + "</title>\n";
    svg += "<rect width=\"" + number(width) + "\" height=\"" + number(height) + "\" fill=\"#ffffff\"/>\n";
    svg += text(left, 27, chart.title, "font-size=\"17\" font-weight=\"bold\"");
    svg += text(left, 47, chart.subtitle, "font-size=\"12.5\" fill=\"#555555\"");
    for (double value = 0.0; value <= most * (1.0 + 1e-9); value += step) {
        const std::string y = number(y_of(value));
        svg += "<line x1=\"" + number(left) + "\" x2=\"" + number(edge) + "\" y1=\"" + y + "\" y2=\"" + y +
               "\" stroke=\"#e3e3e3\"/>\n";
        svg += text(left - 9, y_of(value) + 4.2, number(value), "font-size=\"12.5\" text-anchor=\"end\"");
    }

    const std::size_t bars = std::max(before.size(), after.size());
    const double pitch = bars == 0 ? 0.0 : (edge - left) / static_cast<double>(bars);
    const double bar = pitch * (bars > 120 ? 0.5 : 0.42);
    const auto draw = [&](const std::vector<double>& values, double offset, std::string_view colour) {
        std::string path;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!(values[i] > 0.0)) continue;
            path += 'M' + number(left + pitch * static_cast<double>(i) + offset) + ' ' + number(floor) + 'V' +
                    number(y_of(values[i])) + 'h' + number(bar) + 'V' + number(floor) + 'z';
        }
        if (!path.empty()) svg += "<path d=\"" + path + "\" fill=\"" + std::string{colour} + "\"/>\n";
    };
    constexpr std::string_view before_colour = "#A6A6A6";
    constexpr std::string_view after_colour = "#0072B2";
    draw(before, (pitch - 2.0 * bar) / 2.0, before_colour);
    draw(after, pitch / 2.0, after_colour);
    svg += "<path d=\"M" + number(left) + ' ' + number(top) + 'V' + number(floor) + 'H' + number(edge) +
           "\" fill=\"none\" stroke=\"#222222\"/>\n";
    if (limited) {
        svg += "<line x1=\"" + number(left) + "\" x2=\"" + number(edge) + "\" y1=\"" + number(y_of(chart.limit)) +
               "\" y2=\"" + number(y_of(chart.limit)) +
               "\" stroke=\"#D55E00\" stroke-width=\"1.7\" stroke-dasharray=\"7 3\"/>\n";
    }

    double x = left;
    const auto legend = [&](std::string_view name, std::string_view colour, double room) {
        svg += "<rect x=\"" + number(x) + "\" y=\"62\" width=\"12\" height=\"12\" fill=\"" + std::string{colour} +
               "\"/>\n";
        svg += text(x + 18, 72.5, name, "font-size=\"13\"");
        x += room;
    };
    legend("before", before_colour, 90.0);
    legend("after", after_colour, 80.0);
    if (limited) legend("limit", "#D55E00", 80.0);
    std::string label = std::to_string(places) + ' ' + chart.places;
    if (together > 1) label += ", the highest of each " + std::to_string(together);
    svg += text((left + edge) / 2, height - 20, label, "font-size=\"14\" text-anchor=\"middle\"");
    return svg + "</svg>\n";
}

berth::result<void> write_load_chart(const std::string& path, std::span<const double> before,
                                     std::span<const double> after, double limit, std::string title) {
    load_bar_chart chart;
    chart.title = std::move(title);
    chart.before = before;
    chart.after = after;
    chart.limit = limit;
    return write_file(path, to_svg(chart));
}

}  // namespace bench
