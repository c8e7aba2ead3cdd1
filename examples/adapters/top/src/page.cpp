// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include "page_style.hpp"
#include "text.hpp"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string_view>
#include <vector>

namespace top {

namespace {

constexpr std::size_t most_lanes = 256;
constexpr std::size_t most_segments = 20'000;

using out = std::back_insert_iterator<std::string>;

std::string or_unknown(double value, const char* unit, double scale = 1.0) {
    if (std::isnan(value)) return "<span class=\"unknown\">?</span>";
    return fmt::format("{:.0f}{}", value * scale, unit);
}

void add_tile(std::string& to, std::string_view number, std::string_view what, bool bad = false) {
    fmt::format_to(out{to}, "<div class=\"tile{}\"><b>{}</b><span>{}</span></div>\n", bad ? " bad" : "", number, what);
}

void add_tiles(std::string& to, const fleet_picture& p) {
    to += "<section class=\"tiles\" aria-label=\"Now\">\n";
    add_tile(to, fmt::format("{:.0f} %", p.share * 100.0),
             fmt::format("of {} GPUs in use, {} in part or whole", p.gpus, p.gpus_in_use));
    add_tile(to, fmt::format("{}", p.free_gpus),
             fmt::format("whole GPUs free, at most {} on one node", p.free_together));
    add_tile(to, fmt::format("{}", p.jobs_running), p.jobs_running == 1 ? "job runs" : "jobs run");
    add_tile(to, fmt::format("{}", p.jobs_waiting), p.jobs_waiting == 1 ? "job waits" : "jobs wait");
    add_tile(to, fmt::format("{}", p.out), "GPUs take nothing new", p.out > 0);
    add_tile(to, std::isnan(p.power) ? std::string{"?"} : grouped(p.power) + " W",
             fmt::format("power, known of {} of {} GPUs", p.power_known, p.gpus));
    add_tile(to, std::isnan(p.hottest) ? std::string{"?"} : fmt::format("{:.0f} °C", p.hottest),
             p.hottest_gpu.empty() ? std::string{"no temperature is known"} : "hottest: " + html(p.hottest_gpu));
    to += "</section>\n";
}

// ---- charts of the past ---------------------------------------------------------------------------------------------

struct chart {
    const char* title;
    const char* key;
    const char* unit;
    double fleet_sample::* what;
    double scale;
    double least_top;  // the axis ends at least there
};
constexpr std::array charts = {
    chart{"GPUs in use", "in_use", " %", &fleet_sample::in_use, 100.0, 100.0},
    chart{"Jobs waiting", "waiting", "", &fleet_sample::waiting, 1.0, 4.0},
    chart{"Jobs running", "running", "", &fleet_sample::running, 1.0, 4.0},
    chart{"Power", "power", " W", &fleet_sample::power, 1.0, 100.0},
    chart{"Hottest GPU", "hottest", " °C", &fleet_sample::hottest, 1.0, 100.0},
    chart{"GPUs that take nothing new", "out", "", &fleet_sample::out, 1.0, 4.0},
};

/// The end of an axis: 1, 2 or 4 times a power of ten, and not less than the value.
double axis_top(double value) {
    const double power = std::pow(10.0, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 4.0}) {
        if (step * power >= value * (1.0 - 1e-12)) return step * power;
    }
    return 10.0 * power;
}

std::string json_number(double value, double scale) {
    return std::isnan(value) ? std::string{"null"} : fmt::format("{:.6g}", value * scale);
}

void add_chart(std::string& to, const chart& c, const std::vector<fleet_sample>& samples) {
    constexpr double left = 46.0, right = 592.0, bottom = 122.0, head = 8.0;
    double most = c.least_top;
    bool any = false;
    for (const fleet_sample& s : samples) {
        if (std::isnan(s.*c.what)) continue;
        any = true;
        most = std::max(most, s.*c.what * c.scale);
    }
    const double end = axis_top(most);
    const double begin = samples.front().time;
    const double span = std::max(samples.back().time - begin, 1e-9);
    const auto x = [&](double time) { return left + (right - left) * (time - begin) / span; };
    const auto y = [&](double value) { return bottom - (bottom - head) * std::clamp(value / end, 0.0, 1.0); };
    const double last = samples.back().*c.what;
    fmt::format_to(out{to}, "<div class=\"card\"><h3>{} <span>{}</span></h3>", c.title,
                   !any               ? std::string{"never measured"}
                   : std::isnan(last) ? std::string{"now unknown"}
                                      : "now " + grouped(last * c.scale) + c.unit);
    fmt::format_to(
        out{to},
        "<svg class=\"chart\" viewBox=\"0 0 600 142\" role=\"img\" aria-label=\"{0} over time\" data-key=\"{1}\" "
        "data-name=\"{0}\" data-unit=\"{2}\" data-left=\"{3}\" data-right=\"{4}\">",
        c.title, c.key, c.unit, left, right);
    for (const double part : {0.0, 0.5, 1.0}) {
        fmt::format_to(out{to},
                       "<line class=\"grid-line\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" "
                       "y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>",
                       left, right, y(end * part), left - 6.0, y(end * part) + 4.0,
                       end >= 2000.0 ? grouped(end * part) : fmt::format("{:g}", end * part));
    }
    fmt::format_to(out{to}, "<text x=\"{}\" y=\"138\">{}</text><text x=\"{}\" y=\"138\" text-anchor=\"end\">{}</text>",
                   left, html(moment(begin)), right, html(moment(samples.back().time)));
    // What is so stays so until the next sample; what is unknown is a gap.
    std::string line, area;
    double from = 0.0;
    bool drawing = false;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double value = samples[i].*c.what * c.scale;
        const double next = x(i + 1 < samples.size() ? samples[i + 1].time : samples[i].time);
        if (std::isnan(value)) {
            if (drawing) fmt::format_to(out{area}, "V{:.1f}H{:.1f}Z", bottom, from);
            drawing = false;
            continue;
        }
        if (!drawing) {
            from = x(samples[i].time);
            fmt::format_to(out{line}, "M{:.1f} {:.1f}", from, y(value));
            fmt::format_to(out{area}, "M{:.1f} {:.1f}", from, y(value));
        }
        for (std::string* path : {&line, &area}) fmt::format_to(out{*path}, "V{:.1f}H{:.1f}", y(value), next);
        drawing = true;
    }
    if (drawing) fmt::format_to(out{area}, "V{:.1f}H{:.1f}Z", bottom, from);
    fmt::format_to(out{to}, "<path class=\"area\" d=\"{}\"/><path class=\"series\" d=\"{}\"/>", area, line);
    fmt::format_to(out{to}, "<line class=\"cross\" y1=\"{}\" y2=\"{}\"/></svg></div>\n", head, bottom);
}

void add_past(std::string& to, const std::vector<fleet_sample>& samples) {
    if (samples.size() < 2) return;
    to += "<h2>The past</h2>\n<section class=\"charts\">\n";
    for (const chart& c : charts) add_chart(to, c, samples);
    to += "</section>\n<div id=\"tip\"></div>\n<script type=\"application/json\" id=\"past\">{\"time\":[";
    const auto list = [&](auto text) {
        for (std::size_t i = 0; i < samples.size(); ++i) to += (i == 0 ? "" : ",") + text(samples[i]);
    };
    list([](const fleet_sample& s) { return fmt::format("{:.17g}", s.time); });
    to += "],\"label\":[";
    list([](const fleet_sample& s) { return "\"" + moment(s.time) + "\""; });
    to += "]";
    for (const chart& c : charts) {
        fmt::format_to(out{to}, ",\"{}\":[", c.key);
        list([&](const fleet_sample& s) { return json_number(s.*c.what, c.scale); });
        to += "]";
    }
    to += "}</script>\n";
}

// ---- nodes and jobs -------------------------------------------------------------------------------------------------

void add_gpu(std::string& to, const gpu_picture& gpu) {
    std::string title = html(gpu.name) + (gpu.model.empty() ? "" : ", " + html(gpu.model)) + ": " + word(gpu.is);
    for (const std::string& task : gpu.tasks) title += "&#10;" + html(task);
    if (!std::isnan(gpu.memory)) title += fmt::format("&#10;{:.1f} GiB in use", gpu.memory / 1024.0);
    std::string tasks;
    for (const std::string& task : gpu.tasks) tasks += (tasks.empty() ? "" : ", ") + html(task);
    if (gpu.arriving) tasks += tasks.empty() ? "a task arrives" : ", one arrives";
    fmt::format_to(out{to}, "<div class=\"gpu {}\" title=\"{}\"><span class=\"name\">{}</span>", word(gpu.is), title,
                   html(gpu.name));
    fmt::format_to(out{to}, "<span class=\"bar\"><i style=\"width:{:.0f}%\"></i></span>",
                   std::clamp(gpu.in_use, 0.0, 1.0) * 100.0);
    fmt::format_to(out{to}, "<span class=\"now\"><span>{}</span><span>{}</span><span>{}</span></span>",
                   or_unknown(gpu.load, " %", 100.0), or_unknown(gpu.temperature, " °C"), or_unknown(gpu.power, " W"));
    if (gpu.is != condition::well) fmt::format_to(out{to}, "<span class=\"state\">{}</span>", word(gpu.is));
    fmt::format_to(out{to}, "<span class=\"tasks\">{}</span></div>",
                   tasks.empty() ? "<span class=\"unknown\">no task</span>" : tasks);
}

void add_nodes(std::string& to, const fleet_picture& p) {
    to += "<h2>Nodes and GPUs</h2>\n<div class=\"wide\"><table class=\"nodes\">\n";
    for (const node_picture& node : p.nodes) {
        fmt::format_to(out{to}, "<tr><td>{}", html(node.name));
        if (node.is != condition::well) fmt::format_to(out{to}, "<br><span class=\"bad\">{}</span>", word(node.is));
        if (node.over) to += "<br><span class=\"bad\">over-committed</span>";
        if (node.tasks_without_gpu > 0) {
            fmt::format_to(out{to}, "<br><span class=\"faint\">{} task{} without GPU</span>", node.tasks_without_gpu,
                           node.tasks_without_gpu == 1 ? "" : "s");
        }
        to += "</td><td><div class=\"cells\">";
        for (const gpu_picture& gpu : node.gpus) add_gpu(to, gpu);
        to += "</div></td></tr>\n";
    }
    to += "</table></div>\n<p class=\"note\">The bar is the share of the GPU that tasks hold. The numbers are "
          "measured: load, "
          "temperature, power; ? is what is not known, or was measured too long ago.</p>\n";
}

void add_queue(std::string& to, const fleet_picture& p) {
    fmt::format_to(out{to}, "<h2>Queue</h2>\n");
    if (p.queue.empty()) {
        to += "<p class=\"note\">No job waits.</p>\n";
        return;
    }
    to += "<div class=\"wide\"><table><tr><th>job</th><th class=\"n\">priority</th><th class=\"n\">waits</th>"
          "<th class=\"n\">tasks</th><th>wants</th><th>why it waits</th></tr>\n";
    for (const queue_entry& one : p.queue) {
        fmt::format_to(
            out{to},
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{} of {}</td><td>{}</td>"
            "<td class=\"why\">{}</td></tr>\n",
            html(one.job), one.priority, duration(one.waits), one.waiting, one.tasks, html(one.wants),
            one.why.empty() ? "not decided yet" : html(one.why));
    }
    to += "</table></div>\n";
}

void add_steps(std::string& to, const fleet_picture& p) {
    to += "<h2>Under way</h2>\n";
    if (p.steps.empty()) {
        to += "<p class=\"note\">No move and no eviction.</p>\n";
        return;
    }
    to +=
        "<div class=\"wide\"><table><tr><th>what</th><th class=\"n\">wave</th><th>task</th><th>from</th><th>to, or for "
        "whom</th><th>why</th><th class=\"n\">for</th></tr>\n";
    for (const step_picture& one : p.steps) {
        fmt::format_to(out{to},
                       "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td "
                       "class=\"n\">{}</td></tr>\n",
                       one.move ? "move" : "evict", one.move ? std::to_string(one.wave) : "", html(one.task),
                       html(one.from), html(one.to), html(one.reason), duration(one.since));
    }
    to += "</table></div>\n";
}

// ---- lanes ----------------------------------------------------------------------------------------------------------

/// Which of a lane's rows each task segment is drawn in, so that none hides another; the number of rows.
std::size_t assign_rows(const std::vector<lane_segment>& segments, double now, std::vector<std::size_t>& rows) {
    std::vector<double> ends;
    rows.assign(segments.size(), 0);
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].is != lane_segment::kind::task) continue;
        std::size_t row = 0;
        while (row < ends.size() && ends[row] > segments[i].begin) ++row;
        if (row == ends.size()) ends.push_back(0.0);
        ends[row] = std::isnan(segments[i].end) ? now + 1.0 : segments[i].end;
        rows[i] = row;
    }
    return std::max<std::size_t>(ends.size(), 1);
}

void add_lanes(std::string& to, const fleet_picture& p, const fleet_log& log) {
    const std::vector<gpu_lane>& all = log.lanes().lanes();
    const std::vector<fleet_sample>& samples = log.history().samples();
    if (all.empty() || samples.size() < 2) return;
    std::vector<const gpu_lane*> lanes;
    for (const gpu_lane& one : all) {
        if (!one.gpu.empty()) lanes.push_back(&one);
    }
    std::sort(lanes.begin(), lanes.end(), [](const gpu_lane* a, const gpu_lane* b) {
        return a->node != b->node ? a->node < b->node : a->gpu < b->gpu;
    });
    const std::size_t shown = std::min(lanes.size(), most_lanes);
    constexpr double left = 200.0, right = 1190.0, step = 20.0, height = 14.0;
    const double begin = samples.front().time;
    const double now = std::max(p.time, samples.back().time);
    const double span = std::max(now - begin, 1e-9);
    const auto x = [&](double time) { return left + (right - left) * std::clamp((time - begin) / span, 0.0, 1.0); };
    to += "<h2>What ran where</h2>\n<div class=\"wide\">";
    fmt::format_to(out{to},
                   "<svg class=\"lanes\" viewBox=\"0 0 1200 {:.0f}\" role=\"img\" aria-label=\"Tasks on each GPU over "
                   "time\">",
                   step * static_cast<double>(shown) + 22.0);
    std::size_t drawn = 0;
    std::size_t dropped = log.lanes().forgotten();
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < shown; ++i) {
        const gpu_lane& lane = *lanes[i];
        const double y = step * static_cast<double>(i);
        fmt::format_to(out{to}, "<text class=\"label\" x=\"0\" y=\"{:.1f}\">{}</text>", y + 11.5,
                       html(fitted(printable(lane.node) + " " + printable(lane.gpu), 30)));
        fmt::format_to(out{to}, "<rect class=\"track\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", left, y,
                       right - left, height);
        const std::size_t count = assign_rows(lane.segments, now, rows);
        const double each = height / static_cast<double>(count);
        for (std::size_t s = 0; s < lane.segments.size(); ++s) {
            const lane_segment& one = lane.segments[s];
            if (drawn == most_segments) {
                ++dropped;
                continue;
            }
            ++drawn;
            const double end = std::isnan(one.end) ? now : one.end;
            const double from = x(one.begin);
            const double wide = std::max(x(end) - from, 0.7);
            const std::string when = duration(end - one.begin) + " from " + moment(one.begin);
            if (one.is == lane_segment::kind::task) {
                const std::string& name = log.lanes().job_names()[one.job];
                const double at = y + each * static_cast<double>(rows[s]);
                fmt::format_to(out{to},
                               "<rect class=\"k{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                               "height=\"{:.1f}\"><title>{}/{}: {}</title></rect>",
                               one.job % 8, from, at, wide, each * 0.94, html(name), one.task, when);
                const auto room = static_cast<std::size_t>(wide / 7.0);
                if (each > 9.0 && room >= 4)
                    fmt::format_to(
                        out{to}, "<text class=\"in\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", from + 4.0, at + 10.5,
                        html(columns(printable(name)) <= room ? printable(name) : fitted(printable(name), room)));
            } else {
                const char* kind = one.is == lane_segment::kind::sick  ? "sick"
                                   : one.is == lane_segment::kind::hot ? "hot"
                                                                       : "closed";
                fmt::format_to(out{to},
                               "<rect class=\"{}-mark\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                               "height=\"3\"><title>{}: {}</title></rect>",
                               kind, from, y + height, wide, kind, when);
            }
        }
    }
    const double foot = step * static_cast<double>(shown) + 14.0;
    for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0}) {
        fmt::format_to(out{to}, "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                       left + (right - left) * part, foot,
                       part == 0.0   ? "start"
                       : part == 1.0 ? "end"
                                     : "middle",
                       html(moment(begin + span * part)));
    }
    to += "</svg></div>\n<p class=\"legend\"><span>a colour for each job, repeated after eight; hover for names and "
          "times</span>"
          "<span><i style=\"background:var(--bad)\"></i>sick</span><span><i style=\"background:var(--warm)\"></i>too "
          "hot</span>"
          "<span><i style=\"background:var(--closed)\"></i>closed, drained or pressed</span></p>\n";
    if (shown < lanes.size())
        fmt::format_to(out{to}, "<p class=\"note\">The first {} of {} GPUs.</p>\n", shown, lanes.size());
    if (dropped > 0)
        fmt::format_to(out{to}, "<p class=\"note\">{} older or further parts of the past are left out.</p>\n", dropped);
}

}  // namespace

std::string make_page(const fleet_picture& p, const fleet_log& log, const page_options& options) {
    std::string to = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    if (options.reload > 0.0)
        fmt::format_to(out{to}, "<meta http-equiv=\"refresh\" content=\"{:.0f}\">\n", options.reload);
    fmt::format_to(out{to}, "<title>{} at {}: berth</title>\n<style>{}</style></head><body><main>\n", html(p.file),
                   html(moment(p.time)), page_style);
    fmt::format_to(out{to},
                   "<header><h1>{}</h1><span>at {}</span><span>policy {}</span><span>{} lines read{}</span>"
                   "<button type=\"button\">light / dark</button></header>\n",
                   html(p.file), html(moment(p.time)), html(p.policy), p.lines, p.ended ? ", the log has ended" : "");
    add_tiles(to, p);
    add_nodes(to, p);
    add_queue(to, p);
    add_steps(to, p);
    add_past(to, log.history().samples());
    add_lanes(to, p, log);
    to += "<h2>Decisions</h2>\n<div class=\"wide\"><ol class=\"log\">\n";
    for (const std::string& one : p.recent) fmt::format_to(out{to}, "<li>{}</li>\n", html(one));
    fmt::format_to(out{to},
                   "</ol></div>\n<p class=\"note\">Made by berth-top.</p>\n</main><script>{}</script></body></html>\n",
                   page_script);
    return to;
}

berth::result<void> write_file(const std::string& name, const std::string& text) {
    const std::string part = name + ".part";
    const auto fail = [&] {
        const std::string why = std::strerror(errno);
        (void)std::remove(part.c_str());
        return berth::error{berth::error_code::io, name + ": " + why};
    };
    std::FILE* file = std::fopen(part.c_str(), "wb");
    if (file == nullptr) return fail();
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (std::fclose(file) != 0 || !written) return fail();
    if (std::rename(part.c_str(), name.c_str()) != 0) return fail();
    return {};
}

}  // namespace top
