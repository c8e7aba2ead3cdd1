// SPDX-License-Identifier: Apache-2.0
#include "frame.hpp"

#include "text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace top {

namespace {

constexpr std::size_t name_width = 18;
constexpr std::size_t widest_cell = 19;  // "▆ 97%  71°C  310W  "
constexpr std::size_t metric_cell = 7;   // "▆ 310W "

std::string eighths(double share) {
    constexpr std::array<const char*, 8> bars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const auto level = static_cast<std::size_t>(std::clamp(std::ceil(share * 8.0) - 1.0, 0.0, 7.0));
    return bars[level];
}

std::string number(double value, const char* unit, double scale = 1.0) {
    return std::isnan(value) ? std::string{"?"} : fmt::format("{:.0f}{}", value * scale, unit);
}

/// Lines are built piece by piece and cut where the frame ends.
class line_builder {
public:
    explicit line_builder(std::size_t width) : left_{width} {}
    line_builder& add(std::string text, tone is = tone::plain) {
        if (left_ == 0) return *this;
        const std::size_t taken = columns(text);
        if (taken > left_) text = fitted(text, left_);
        left_ -= std::min(left_, taken);
        line_.push_back({std::move(text), is});
        return *this;
    }
    [[nodiscard]] std::size_t left() const { return left_; }
    frame_line done() { return std::move(line_); }

private:
    std::size_t left_;
    frame_line line_;
};

tone tone_of(const gpu_picture& gpu) {
    switch (gpu.is) {
        case condition::sick: return tone::bad;
        case condition::hot:
        case condition::pressed: return tone::warm;
        case condition::closed:
        case condition::draining: return tone::faint;
        case condition::well: break;
    }
    return gpu.in_use > 0.0 ? tone::busy : tone::good;
}

std::string symbol(const gpu_picture& gpu) {
    switch (gpu.is) {
        case condition::sick: return "✗";
        case condition::hot: return "▲";
        case condition::closed:
        case condition::draining: return gpu.in_use > 0.0 ? eighths(gpu.in_use) : "⊘";
        case condition::pressed:
        case condition::well: break;
    }
    return gpu.arriving && gpu.in_use <= 0.0 ? "→" : gpu.in_use > 0.0 ? eighths(gpu.in_use) : "·";
}

std::string shown(const gpu_picture& gpu, metric m) {
    switch (m) {
        case metric::load: return number(gpu.load, "%", 100.0);
        case metric::temperature: return number(gpu.temperature, "°C");
        case metric::power: return number(gpu.power, "W");
        case metric::in_use: break;
    }
    return number(gpu.in_use, "%", 100.0);
}

void add_cell(line_builder& line, const gpu_picture& gpu, std::size_t cell, metric m) {
    const tone is = tone_of(gpu);
    line.add(symbol(gpu), is);
    if (cell < metric_cell) return;
    if (cell < widest_cell) {
        line.add(fitted_right(shown(gpu, m), cell - 2) + " ",
                 std::isnan(gpu.load) && m == metric::load ? tone::faint : is);
        return;
    }
    line.add(fitted_right(number(gpu.load, "%", 100.0), 5), std::isnan(gpu.load) ? tone::faint : is);
    line.add(fitted_right(number(gpu.temperature, "°C"), 6), std::isnan(gpu.temperature) ? tone::faint : is);
    line.add(fitted_right(number(gpu.power, "W"), 6) + " ", std::isnan(gpu.power) ? tone::faint : is);
}

std::size_t cell_width(const fleet_picture& p, std::size_t width) {
    std::size_t most = 1;
    for (const node_picture& node : p.nodes) most = std::max(most, node.gpus.size());
    const std::size_t room = width > name_width ? (width - name_width) / most : 1;
    return room >= widest_cell ? widest_cell : room >= metric_cell ? metric_cell : 1;
}

std::vector<frame_line> node_lines(const fleet_picture& p, const frame_view& view) {
    std::vector<frame_line> found;
    const std::size_t cell = cell_width(p, view.width);
    for (const node_picture& node : p.nodes) {
        line_builder line{view.width};
        const tone is = node.is == condition::sick || node.over ? tone::bad
                        : node.is == condition::well            ? tone::plain
                                                                : tone::warm;
        line.add(fitted(node.name, name_width - 2) + (node.over ? "! " : "  "), is);
        for (const gpu_picture& gpu : node.gpus) add_cell(line, gpu, cell, view.shown);
        if (node.is != condition::well) line.add(fmt::format(" {}", word(node.is)), is);
        if (node.tasks_without_gpu > 0) line.add(fmt::format(" +{} without GPU", node.tasks_without_gpu), tone::faint);
        found.push_back(line.done());
    }
    return found;
}

std::vector<frame_line> queue_lines(const fleet_picture& p, const frame_view& view) {
    std::vector<frame_line> found;
    const std::size_t job = std::clamp<std::size_t>(view.width / 6, 10, 28);
    const std::size_t wants = std::clamp<std::size_t>(view.width / 5, 10, 34);
    for (const queue_entry& one : p.queue) {
        line_builder line{view.width};
        line.add(fitted(one.job, job) + " ");
        line.add(fitted_right(fmt::format("{}", one.priority), 5) + " ", tone::faint);
        line.add(fitted_right(duration(one.waits), 10) + "  ");
        line.add(fitted(one.waiting < one.tasks ? fmt::format("{} of {}", one.waiting, one.tasks) : one.wants, wants) +
                 " ");
        line.add(one.why.empty() ? "not decided yet" : one.why, one.why.empty() ? tone::faint : tone::warm);
        found.push_back(line.done());
    }
    return found;
}

std::vector<frame_line> step_lines(const fleet_picture& p, const frame_view& view) {
    std::vector<frame_line> found;
    for (const step_picture& one : p.steps) {
        line_builder line{view.width};
        line.add(one.move ? fmt::format("wave {}  move  ", one.wave) : std::string{"        evict "}, tone::warm);
        line.add(one.task + "  " + one.from);
        if (one.move) line.add(" → " + one.to);
        if (!one.move && !one.to.empty()) line.add(" for " + one.to);
        line.add(fmt::format("  {}, for {}", one.reason, duration(one.since)), tone::faint);
        found.push_back(line.done());
    }
    for (const std::string& one : p.recent) found.push_back(line_builder{view.width}.add(one, tone::faint).done());
    return found;
}

std::string counted(std::size_t n, const char* one, const char* many) {
    return grouped(static_cast<double>(n)) + " " + (n == 1 ? one : many);
}

void add_head(std::vector<frame_line>& to, const fleet_picture& p, const sampled_history& history,
              const frame_view& view) {
    line_builder first{view.width};
    first.add("berth-top", tone::title).add("  " + p.file + "  ");
    first.add(moment(p.time), tone::title).add("  policy " + p.policy + "  ", tone::faint);
    first.add(view.state, tone::chosen);
    to.push_back(first.done());

    line_builder second{view.width};
    second.add(
        fmt::format("{} of {} in use ({:.0f} %)", p.gpus_in_use, counted(p.gpus, "GPU", "GPUs"), p.share * 100.0),
        tone::busy);
    second.add(fmt::format(", {} free (at most {} together)", p.free_gpus, p.free_together), tone::good);
    if (p.out > 0) second.add(fmt::format(", {} out", p.out), tone::bad);
    second.add(fmt::format("  {} running, {} waiting", counted(p.jobs_running, "job", "jobs"), p.jobs_waiting));
    if (p.power_known > 0) {
        second.add(fmt::format("  {} W", grouped(p.power)));
        if (p.power_known < p.gpus)
            second.add(fmt::format(" of {}", counted(p.power_known, "GPU", "GPUs")), tone::faint);
    }
    if (!std::isnan(p.hottest)) second.add(fmt::format("  hottest {:.0f} °C {}", p.hottest, p.hottest_gpu));
    to.push_back(second.done());

    const std::size_t spark = view.width >= 60 ? std::min<std::size_t>((view.width - 36) / 2, 60) : 0;
    if (spark > 0) {
        double waiting = 1.0;
        for (const fleet_sample& s : history.samples()) waiting = std::max(waiting, s.waiting);
        line_builder third{view.width};
        third.add("in use ", tone::faint)
            .add(sparkline(history.samples(), &fleet_sample::in_use, 1.0, spark), tone::busy);
        third.add("  waiting ", tone::faint);
        third.add(sparkline(history.samples(), &fleet_sample::waiting, waiting, spark), tone::warm);
        third.add(fmt::format(" up to {:.0f}", waiting), tone::faint);
        to.push_back(third.done());
    }
}

/// A title and as many lines of a pane as fit.
void add_pane(std::vector<frame_line>& to, const std::string& title, const std::vector<frame_line>& lines, pane which,
              frame_view& view, std::size_t room) {
    std::size_t& skip = view.scroll[static_cast<std::size_t>(which)];
    const std::size_t visible = view.height == 0 ? lines.size() : std::min(room, lines.size());
    skip = view.height == 0 ? 0 : std::min(skip, lines.size() - visible);
    line_builder head{view.width};
    const bool chosen = view.height != 0 && view.chosen == which;
    head.add("── ", tone::faint).add(title, chosen ? tone::chosen : tone::title);
    if (visible < lines.size())
        head.add(fmt::format(" {}–{} of {}", skip + 1, skip + visible, lines.size()), tone::faint);
    head.add(" ", tone::faint);
    std::string rule;
    for (std::size_t i = 0; i < head.left(); ++i) rule += "─";
    head.add(rule, tone::faint);
    to.push_back(head.done());
    for (std::size_t i = 0; i < visible; ++i) to.push_back(lines[skip + i]);
}

}  // namespace

const char* word(metric m) {
    constexpr const char* words[] = {"load", "temperature", "power", "share in use"};
    return words[static_cast<std::size_t>(m)];
}

std::string plain_text(const frame_line& line) {
    std::string found;
    for (const piece& one : line) found += one.text;
    while (!found.empty() && found.back() == ' ') found.pop_back();
    return found;
}

std::string sparkline(const std::vector<fleet_sample>& samples, double fleet_sample::* what, double most,
                      std::size_t width) {
    std::string found;
    if (samples.empty() || width == 0) return found;
    // By time, not by sample: a column shows the last sample at or before its end.
    const double begin = samples.front().time;
    const double span = samples.back().time - begin;
    std::size_t at = 0;
    for (std::size_t c = 0; c < width; ++c) {
        const double end = begin + span * static_cast<double>(c + 1) / static_cast<double>(width);
        while (at + 1 < samples.size() && samples[at + 1].time <= end) ++at;
        const double value = samples[at].*what;
        found += std::isnan(value) || value <= 0.0 ? "·" : eighths(value / most);
    }
    return found;
}

std::vector<frame_line> make_frame(const fleet_picture& p, const sampled_history& history, frame_view& view) {
    std::vector<frame_line> found;
    add_head(found, p, history, view);
    const std::vector<frame_line> nodes = node_lines(p, view);
    const std::vector<frame_line> queue = queue_lines(p, view);
    const std::vector<frame_line> steps = step_lines(p, view);
    // Each pane gets what it needs, at least three lines and its share; what one leaves over goes to the next.
    std::size_t rooms[pane_count] = {nodes.size(), queue.size(), steps.size()};
    if (view.height != 0) {
        const std::size_t fixed = found.size() + pane_count + 1;
        std::size_t left = view.height > fixed ? view.height - fixed : 0;
        const std::size_t least_queue = std::min(queue.size(), left / 4);
        const std::size_t least_steps = std::min(steps.size(), left / 5);
        rooms[0] = std::min(nodes.size(), left - least_queue - least_steps);
        left -= rooms[0];
        rooms[1] = std::min(queue.size(), left - std::min(left, least_steps));
        left -= rooms[1];
        rooms[2] = std::min(steps.size(), left);
    }
    const bool whole = cell_width(p, view.width) >= widest_cell;
    const std::string cells = whole ? "load, temperature, power" : word(view.shown);
    add_pane(found, fmt::format("Nodes: {}", cells), nodes, pane::nodes, view, rooms[0]);
    add_pane(found, fmt::format("Queue: {}", counted(p.queue.size(), "job waits", "jobs wait")), queue, pane::queue,
             view, rooms[1]);
    const std::string steps_title =
        p.steps.empty() ? "Decisions" : fmt::format("Under way: {}, then decisions", p.steps.size());
    add_pane(found, steps_title, steps, pane::steps, view, rooms[2]);
    if (view.height != 0) {
        while (found.size() + 1 < view.height) found.push_back({});
        found.resize(view.height - 1);
        line_builder last{view.width};
        if (view.notice.empty()) {
            last.add("q", tone::title).add(" quit  ").add("Tab ↑ ↓", tone::title).add(" scroll  ");
            last.add("m", tone::title).add(" metric  ").add("← →", tone::title).add(" step in time  ");
            last.add("End", tone::title).add(" latest");
        } else {
            last.add(view.notice, tone::bad);
        }
        found.push_back(last.done());
    }
    return found;
}

}  // namespace top
