// SPDX-License-Identifier: Apache-2.0
#include "watcher.hpp"

#include "berth/io/event_log_names.hpp"
#include "berth/io/event_log_reader.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace io = berth::io;
using berth_watch::watcher;

namespace {

struct gpu_now {
    double celsius = 60.0;
    int xid = 0;
    bool silent = false;
};
/// Two nodes with two GPUs, as dcgm-exporter shows them at a time.
std::string scrape(const std::map<std::string, gpu_now>& gpus, double now) {
    std::string text;
    for (const auto& [uuid, gpu] : gpus) {
        if (gpu.silent) continue;
        const std::string labels = fmt::format("{{UUID=\"{}\",Hostname=\"n{}\",modelName=\"L4\"}}", uuid, uuid[4]);
        const auto add = [&](const char* name, double value) {
            text += fmt::format("{}{} {} {:.0f}\n", name, labels, value, now * 1000.0);
        };
        add("DCGM_FI_DEV_GPU_TEMP", gpu.celsius);
        add("DCGM_FI_DEV_GPU_UTIL", 80.0);
        add("DCGM_FI_DEV_POWER_USAGE", 250.0);
        add("DCGM_FI_DEV_XID_ERRORS", gpu.xid);
    }
    return text;
}
std::map<std::string, gpu_now> healthy() { return {{"GPU-00", {}}, {"GPU-01", {}}, {"GPU-10", {}}, {"GPU-11", {}}}; }

std::vector<io::event> train_on(const std::string& node, const std::string& gpu) {
    return {io::job_event{.job = "train"}, io::running_event{.job = "train", .node = node, .gpus = {gpu}}};
}

struct replayed {
    std::vector<io::decision> decisions;
};
/// A log through a scheduler of its own, as `berth-bench replay` does it.
replayed replay(const std::string& text) {
    const auto log = io::read_event_log(text, "log");
    REQUIRE_MESSAGE(log, (log ? "" : log.error().message));
    std::vector<io::event> events;
    for (const io::numbered_event& one : *log) events.push_back(one.what);
    io::event_log_calls calls{io::counters_of(events)};
    berth::scheduler engine{
        berth::scheduler_policies<>{}, calls.schema(), {.acknowledge = berth::acknowledgement::reported}};
    replayed found;
    double now = 0.0;
    const auto decide = [&](double time) {
        const auto decided = engine.decide(time);
        REQUIRE(decided);
        for (const berth::decision& one : *decided) found.decisions.push_back(io::named(engine, one).what);
    };
    for (const io::event& e : events) {
        const auto time = io::event_time(e);
        if (time && *time > now) {
            if (now > 0.0) decide(now);
            now = *time;
        }
        const auto ok = calls.call(engine, e);
        REQUIRE_MESSAGE(ok, (ok ? "" : ok.error().message));
    }
    decide(now);
    return found;
}

template <class Decision>
std::vector<Decision> only(const std::vector<io::decision>& all) {
    std::vector<Decision> found;
    for (const io::decision& one : all) {
        if (const auto* it = std::get_if<Decision>(&one)) found.push_back(*it);
    }
    return found;
}

}  // namespace

TEST_CASE("a GPU with a bad XID is drained, what runs there moves, and the log repeats the decision") {
    watcher w{{.interval = 15.0}};
    auto gpus = healthy();
    double now = 1.8e9;
    std::string log;
    REQUIRE(w.look(scrape(gpus, now), {}, now));
    log += w.log();
    CHECK(w.engine().cluster().node_count() == 2);
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), train_on("n0", "GPU-00"), now));
    log += w.log();
    CHECK(w.decisions().empty());
    gpus["GPU-00"].xid = 79;  // fallen off the bus
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), {}, now));
    log += w.log();
    const auto moves = only<io::move_decision>(w.decisions());
    REQUIRE(moves.size() == 1);
    CHECK(moves[0].job == "train");
    CHECK(moves[0].from.gpus == std::vector<std::string>{"GPU-00"});
    CHECK(moves[0].to.gpus != std::vector<std::string>{"GPU-00"});
    CHECK(moves[0].reason == "unhealthy");
    CHECK(only<io::move_decision>(replay(log).decisions) == moves);

    const std::vector<io::event> moved = {io::task_event{.report = io::task_report::moved, .job = "train"}};
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), moved, now));
    CHECK(w.counts().migrations == 1);
    CHECK(w.decisions().empty());
    // Nothing new goes to the sick one: three more jobs have two places.
    std::vector<io::event> more;
    for (const char* name : {"a", "b", "c"}) more.push_back(io::job_event{.job = name});
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), more, now));
    const auto starts = only<io::start_decision>(w.decisions());
    CHECK(starts.size() == 2);
    for (const io::start_decision& s : starts) CHECK(s.place.gpus != std::vector<std::string>{"GPU-00"});
    CHECK(only<io::wait_decision>(w.decisions()).size() == 1);
}

TEST_CASE("an exporter that stops makes its GPUs unknown in three samples, and drains nothing") {
    watcher w{{.interval = 15.0}};
    auto gpus = healthy();
    double now = 1.8e9;
    REQUIRE(w.look(scrape(gpus, now), {}, now));
    now += 15.0;
    const double last = now;
    const std::string old = scrape(gpus, now);
    REQUIRE(w.look(old, train_on("n0", "GPU-00"), now));
    const berth::gpu_handle gpu = *w.engine().cluster().find_gpu("GPU-00");
    CHECK(w.state(gpu).heard);
    double unknown_at = 0.0;
    for (int i = 0; i < 200; ++i) {
        now += 15.0;
        // For a while Prometheus shows what it scraped last; then nothing.
        REQUIRE(w.look(i < 2 ? old : std::string{}, {}, now));
        CHECK(w.decisions().empty());
        if (!w.state(gpu).temperature.known() && unknown_at == 0.0) unknown_at = now;
    }
    CHECK(unknown_at - last <= 3 * 15.0);
    CHECK(unknown_at > last);
    CHECK(w.engine().status(gpu).usable());
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), {}, now));
    CHECK(w.state(gpu).temperature.known());
}

TEST_CASE("one silent GPU beside others that are heard of is lost, and what runs there moves") {
    watcher w{{.interval = 15.0}};
    auto gpus = healthy();
    double now = 1.8e9;
    REQUIRE(w.look(scrape(gpus, now), {}, now));
    now += 15.0;
    REQUIRE(w.look(scrape(gpus, now), train_on("n0", "GPU-00"), now));
    gpus["GPU-00"].silent = true;
    int moved_after = 0;
    for (int i = 1; i <= 12; ++i) {
        now += 15.0;
        REQUIRE(w.look(scrape(gpus, now), {}, now));
        if (!only<io::move_decision>(w.decisions()).empty()) moved_after = i;
    }
    CHECK(moved_after == 10);
}

TEST_CASE("what makes no sense is refused, and what cannot be read is counted") {
    watcher w{{.interval = 15.0}};
    const std::vector<io::event> events = {io::running_event{.job = "nobody", .node = "n0", .gpus = {"GPU-00"}},
                                           io::task_event{.job = "nobody else"}, io::job_event{.job = "good"}};
    REQUIRE(w.look({}, events, 1.8e9));
    REQUIRE(w.findings().size() == 2);
    CHECK(w.findings()[0].find("event running") != std::string::npos);
    CHECK(w.findings()[1].find("event finish") != std::string::npos);
    CHECK(w.counts().refused == 2);
    CHECK(w.engine().find_job("good"));
    CHECK(w.log().find("nobody") == std::string::npos);
    CHECK(!w.look({}, {}, 1.7e9));
    watcher other{{.interval = 15.0}};
    REQUIRE(
        other.look("DCGM_FI_DEV_GPU_TEMP{UUID=\"GPU-00\" 71\nDCGM_FI_DEV_GPU_TEMP{UUID=\"GPU-01\"} 400\n", {}, 1.8e9));
    CHECK(other.counts().refused == 2);
    CHECK(other.engine().cluster().find_gpu("GPU-01"));
}

TEST_CASE("a card that was put into another machine is known there") {
    watcher w{{.interval = 15.0}};
    double now = 1.8e9;
    REQUIRE(w.look(
        "DCGM_FI_DEV_GPU_TEMP{UUID=\"G\",Hostname=\"n0\"} 50\nDCGM_FI_DEV_GPU_TEMP{UUID=\"H\",Hostname=\"n0\"} 50\n",
        {}, now));
    now += 15.0;
    REQUIRE(w.look(
        "DCGM_FI_DEV_GPU_TEMP{UUID=\"G\",Hostname=\"n1\"} 50\nDCGM_FI_DEV_GPU_TEMP{UUID=\"H\",Hostname=\"n0\"} 50\n",
        {}, now));
    const berth::cluster& cluster = w.engine().cluster();
    CHECK(cluster.fleet().name(cluster.find(*cluster.find_gpu("G")).node) == "n1");
    CHECK(cluster.fleet().name(cluster.find(*cluster.find_gpu("H")).node) == "n0");
}

// The test with a real Prometheus hands over the log that the program has written.
TEST_CASE("the log of a program repeats its moves") {
    const char* name = std::getenv("BERTH_WATCH_LOG");
    if (name == nullptr) return;
    std::ifstream in{name, std::ios::binary};
    REQUIRE(in);
    const auto moves = only<io::move_decision>(replay({std::istreambuf_iterator<char>{in}, {}}).decisions);
    REQUIRE(moves.size() == 1);
    CHECK(moves[0].job == "train");
    CHECK(moves[0].from.gpus == std::vector<std::string>{"GPU-00"});
}
