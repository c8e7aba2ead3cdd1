// SPDX-License-Identifier: Apache-2.0
// What an adapter does: it writes down what it sees of a fleet, as an event log that `berth-bench replay` runs. Then the
// other way: a log comes in block by block, from a pipe for instance, and a line that is wrong is named.
#include <berth/io/event_log.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace io = berth::io;

namespace {

std::string record() {
    std::string log;
    io::append_event(log, io::format_event{.note = "two nodes on a Monday", .source = "record_events"});
    for (const char* node : {"n0", "n1"}) {
        io::node_event joined{.time = 0.0, .node = node, .capacity = {{"cpu", 32'000}, {"memory", 262'144}}};
        for (const char* gpu : {"/GPU-0", "/GPU-1"})
            joined.gpus.push_back({.gpu = node + std::string{gpu}, .model = "A100", .capacity = {{"memory", 81'920}}});
        io::append_event(log, joined);
    }
    io::append_event(log, io::job_event{.time = 10.0, .job = "train", .tasks = 2, .duration = 3600.0});
    io::append_event(log, io::running_event{.time = 12.5, .job = "train", .node = "n0", .gpus = {"n0/GPU-1"}});
    // What was not measured stays absent; a reading is never 0 for that.
    io::append_event(log, io::reading_event{.time = 60.0, .node = "n0", .gpu = "n0/GPU-1", .temperature = 71.0});
    io::append_event(log, io::task_event{.time = 900.0, .report = io::task_report::finish, .job = "train"});
    return log;
}

}  // namespace

int main() {
    const std::string log = record();
    std::fputs(log.c_str(), stdout);

    io::event_reader reader{"monday.jsonl"};
    std::size_t jobs = 0, gpus = 0;
    const auto take = [&](io::event&& e) -> berth::result<void> {
        if (std::holds_alternative<io::job_event>(e)) ++jobs;
        if (const auto* node = std::get_if<io::node_event>(&e)) gpus += node->gpus.size();
        return {};
    };
    for (std::string_view rest = log; !rest.empty(); rest.remove_prefix(rest.size() < 64 ? rest.size() : 64)) {
        if (const auto read = reader.read_block(rest.substr(0, 64), take); !read) return 1;
    }
    if (const auto read = reader.finish(take); !read) return 1;
    std::printf("\n%zu lines, %zu GPUs, %zu job\n", reader.line(), gpus, jobs);

    const auto wrong = reader.read_line(R"({"event": "reading", "time": 960, "node": "n0", "temperature": "hot"})");
    if (!wrong) std::printf("%s\n", wrong.error().message.c_str());
    return jobs == 1 && gpus == 4 && !wrong ? 0 : 1;
}
