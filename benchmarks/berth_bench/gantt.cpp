// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/gantt.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace bench {

namespace {

constexpr double hour = 3600.0;
/// Slices of time of a row of many GPUs: about two pixels each.
constexpr std::size_t slices = 400;

std::vector<const stay*> in_order(std::span<const stay> stays) {
    std::vector<const stay*> sorted;
    for (const stay& s : stays) {
        if (s.to_s > s.from_s) sorted.push_back(&s);
    }
    std::sort(sorted.begin(), sorted.end(), [](const stay* a, const stay* b) {
        if (a->from_s < b->from_s || b->from_s < a->from_s) return a->from_s < b->from_s;
        return a->job < b->job;
    });
    return sorted;
}

/// A row for each GPU, a bar for each stay.
timeline_chart each_gpu(std::span<const stay> stays, std::span<const berth::simulated_job> jobs,
                        std::span<const gantt_place> places, const gantt_options& options) {
    timeline_chart chart{.title = options.title,
                         .subtitle = fmt::format("{} jobs; a row for each GPU, by {}", jobs.size(), options.place_word),
                         .x_label = "time (h)",
                         .kinds = {"1 GPU", "2", "3 and 4", "5 to 8", "more"},
                         .rows = {},
                         .lines = {}};
    std::vector<std::size_t> first;
    for (const gantt_place& place : places) {
        first.push_back(chart.rows.size());
        for (std::uint32_t g = 0; g < place.gpus; ++g) chart.rows.push_back({fmt::format("{}.{}", place.name, g), {}});
    }
    const double narrowest = (options.end_s - options.begin_s) / 1500.0;  // about half a pixel
    std::vector<double> free_from(chart.rows.size(), options.begin_s);
    for (const stay* s : in_order(stays)) {
        const std::uint32_t gpus = jobs[s->job].gpus;
        const std::size_t kind = gpus == 1 ? 0 : gpus == 2 ? 1 : gpus <= 4 ? 2 : gpus <= 8 ? 3 : 4;
        std::uint32_t left = s->gpus;
        for (std::uint32_t g = 0; g < places[s->place].gpus && left > 0; ++g) {
            const std::size_t row = first[s->place] + g;
            if (free_from[row] > s->from_s) continue;
            free_from[row] = s->to_s;
            --left;
            if (s->to_s - s->from_s < narrowest) continue;
            chart.rows[row].bars.push_back(
                {(s->from_s - options.begin_s) / hour, (s->to_s - options.begin_s) / hour, kind});
        }
    }
    return chart;
}

/// A row for each group of places, bars by the part of their GPUs that is in use.
timeline_chart grouped(std::span<const stay> stays, std::span<const gantt_place> places, const gantt_options& options,
                       std::size_t gpus) {
    const std::size_t together = (places.size() + options.most_rows - 1) / options.most_rows;
    const std::size_t count = (places.size() + together - 1) / together;
    const double width = (options.end_s - options.begin_s) / static_cast<double>(slices);
    timeline_chart chart{
        .title = options.title,
        .subtitle = fmt::format("{} GPUs; a row for {} {}{}: the part of its GPUs in use, averaged over {:.2g} h", gpus,
                                together == 1 ? "each" : fmt::format("every {}", together), options.place_word,
                                together == 1 ? "" : "s", width / hour),
        .x_label = "time (h)",
        .kinds = {"to 25 % in use", "to 50 %", "to 75 %", "below all", "all"},
        .rows = {},
        .lines = {}};
    std::vector<double> all(count, 0.0);
    for (std::size_t p = 0; p < places.size(); ++p) all[p / together] += places[p].gpus;
    for (std::size_t r = 0; r < count; ++r) {
        const std::size_t last = std::min(places.size(), (r + 1) * together) - 1;
        chart.rows.push_back({last == r * together
                                  ? places[last].name
                                  : fmt::format("{} +{}", places[r * together].name, last - r * together),
                              {}});
    }
    if (!(width > 0.0)) return chart;
    std::vector<double> busy(count * slices, 0.0);
    for (const stay& s : stays) {
        const double from = s.from_s - options.begin_s;
        const double to = s.to_s - options.begin_s;
        double* row = busy.data() + s.place / together * slices;
        for (auto k = static_cast<std::size_t>(std::max(from, 0.0) / width);
             k < slices && static_cast<double>(k) * width < to; ++k) {
            const double low = std::max(from, static_cast<double>(k) * width);
            const double high = std::min(to, static_cast<double>(k + 1) * width);
            row[k] += std::max(0.0, high - low) * s.gpus;
        }
    }
    for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t k = 0; k < slices; ++k) {
            const double part = all[r] > 0.0 ? busy[r * slices + k] / (width * all[r]) : 0.0;
            if (part < 1e-6) continue;
            const std::size_t kind =
                part > 1.0 - 1e-6 ? 4 : std::min<std::size_t>(3, static_cast<std::size_t>(std::ceil(part * 4.0) - 1.0));
            const double begin = static_cast<double>(k) * width / hour;
            auto& bars = chart.rows[r].bars;
            const bool goes_on = !bars.empty() && bars.back().kind == kind && k > 0 && bars.back().end >= begin;
            if (goes_on)
                bars.back().end = static_cast<double>(k + 1) * width / hour;
            else
                bars.push_back({begin, static_cast<double>(k + 1) * width / hour, kind});
        }
    }
    return chart;
}

}  // namespace

timeline_chart gantt_chart(std::span<const stay> stays, std::span<const berth::simulated_job> jobs,
                           std::span<const gantt_place> places, const gantt_options& options) {
    std::size_t gpus = 0;
    for (const gantt_place& place : places) gpus += place.gpus;
    if (gpus <= options.most_rows) return each_gpu(stays, jobs, places, options);
    return grouped(stays, places, options, gpus);
}

}  // namespace bench
