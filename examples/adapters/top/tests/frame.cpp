// SPDX-License-Identifier: Apache-2.0
#include "frame.hpp"

#include "text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace top;

namespace {

/// Nodes of eight GPUs, a queue, and a step, as large as a test wants.
fleet_picture large(std::size_t nodes, std::size_t jobs) {
    fleet_picture p{.file = "fleet.jsonl", .policy = "berth", .time = 100.0, .gpus = nodes * 8};
    for (std::size_t n = 0; n < nodes; ++n) {
        node_picture node{.name = "node-" + std::to_string(n)};
        for (std::size_t g = 0; g < 8; ++g) {
            node.gpus.push_back(
                {.name = "G", .in_use = g % 2 == 0 ? 1.0 : 0.0, .load = 0.97, .temperature = 71.0, .power = 310.0});
        }
        p.nodes.push_back(std::move(node));
    }
    for (std::size_t j = 0; j < jobs; ++j)
        p.queue.push_back({.job = "job-" + std::to_string(j),
                           .waits = 5.0,
                           .waiting = 1,
                           .tasks = 1,
                           .wants = "1 GPU",
                           .why = "gpu on 2"});
    p.steps.push_back(
        {.task = "train/0", .from = "n0 G0", .to = "n1 G2", .wave = 1, .reason = "temperature", .since = 3.0});
    return p;
}
std::string text_of(const std::vector<frame_line>& lines) {
    std::string found;
    for (const frame_line& line : lines) found += plain_text(line) + "\n";
    return found;
}
std::size_t width_of(const frame_line& line) {
    std::size_t found = 0;
    for (const piece& one : line) found += columns(one.text);
    return found;
}

}  // namespace

TEST_CASE("a frame is never wider or higher than its view") {
    sampled_history history;
    for (int i = 0; i < 50; ++i) history.add({.time = 1.0 * i, .in_use = 0.02 * i, .waiting = 1.0 * i});
    for (const std::size_t width : {20U, 40U, 59U, 60U, 80U, 100U, 171U, 200U}) {
        for (const std::size_t height : {8U, 10U, 24U, 60U}) {
            frame_view view{.width = width, .height = height};
            const auto lines = make_frame(large(30, 30), history, view);
            CHECK(lines.size() == height);
            for (const frame_line& line : lines) CHECK(width_of(line) <= width);
        }
    }
}

TEST_CASE("a wide frame shows all numbers of a GPU, a narrower one the metric that was chosen, a small one symbols") {
    sampled_history none;
    frame_view wide{.width = 18 + 8 * 19};
    CHECK(text_of(make_frame(large(1, 0), none, wide)).find("█  97%  71°C  310W") != std::string::npos);
    frame_view middle{.width = 80, .shown = metric::power};
    const std::string text = text_of(make_frame(large(1, 0), none, middle));
    CHECK(text.find("█ 310W ") != std::string::npos);
    CHECK(text.find("71°C") == std::string::npos);
    frame_view small{.width = 40};
    CHECK(text_of(make_frame(large(1, 0), none, small)).find("█·█·█·█·") != std::string::npos);
}

TEST_CASE("sick, hot and closed GPUs are told apart without colours, and what is unknown is a question mark") {
    fleet_picture p{.gpus = 6};
    p.nodes.push_back({.name = "n"});
    for (const condition c :
         {condition::well, condition::pressed, condition::closed, condition::draining, condition::hot, condition::sick})
        p.nodes[0].gpus.push_back({.name = "G", .is = c});
    p.nodes[0].gpus[0].arriving = true;
    sampled_history none;
    frame_view view{.width = 30};
    CHECK(text_of(make_frame(p, none, view)).find("→·⊘⊘▲✗") != std::string::npos);
    frame_view wide{.width = 140};
    CHECK(text_of(make_frame(p, none, wide)).find("✗    ?     ?     ?") != std::string::npos);
}

TEST_CASE("the queue says why, what is under way comes before decisions, and every pane scrolls to its end") {
    sampled_history none;
    frame_view all{.width = 120};
    const std::string text = text_of(make_frame(large(2, 3), none, all));
    CHECK(text.find("job-0") != std::string::npos);
    CHECK(text.find("gpu on 2") != std::string::npos);
    CHECK(text.find("wave 1  move  train/0  n0 G0 → n1 G2  temperature, for 3 s") != std::string::npos);
    frame_view view{.width = 100, .height = 24};
    view.scroll[0] = 1'000'000;
    view.scroll[1] = 1'000'000;
    const std::string end = text_of(make_frame(large(300, 50), none, view));
    CHECK(end.find("node-299") != std::string::npos);
    CHECK(end.find("job-49") != std::string::npos);
    CHECK(view.scroll[0] < 300);  // clamped, so that one key goes back one line
}

TEST_CASE("a sparkline goes by time, and shows what is unknown as a point") {
    std::vector<fleet_sample> s = {
        {.time = 0.0, .in_use = 0.0}, {.time = 75.0, .in_use = 0.5}, {.time = 100.0, .in_use = 1.0}};
    CHECK(sparkline(s, &fleet_sample::in_use, 1.0, 4) == "··▄█");
    CHECK(sparkline(s, &fleet_sample::power, 1.0, 2) == "··");
    CHECK(sparkline({}, &fleet_sample::in_use, 1.0, 4).empty());
}
