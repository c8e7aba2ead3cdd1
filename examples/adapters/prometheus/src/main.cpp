// SPDX-License-Identifier: Apache-2.0
// berth-watch: asks Prometheus what its exporters say of the GPUs, and says what to drain, where to, and why.
#include "berth/io/event_log_writer.hpp"
#include "berth/io/prometheus_answer.hpp"

#include "event_feed.hpp"
#include "figures.hpp"
#include "prometheus_client.hpp"
#include "watcher.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

volatile std::sig_atomic_t ended_by_signal = 0;
void note_signal(int number) { ended_by_signal = number; }

/// The metrics that the readers of exporters know.
constexpr const char* metric_names =
    "DCGM_FI_DEV_.+|DCGM_FI_PROF_GR_ENGINE_ACTIVE|gpu_(average_package_power|package_power|power_usage|gfx_activity|"
    "energy_consumed|junction_temperature|edge_temperature|memory_temperature|used_vram|free_vram|ecc_.+)|xpum_.+";

struct settings {
    berth_watch::prometheus_address prometheus{};
    std::string selector{};
    std::string events{};
    std::string log{};
    std::string decisions{};
    std::string listen{};
    double interval = 15.0;
    std::uint64_t rounds = 0;
    std::vector<std::string> counters{};
};

double seconds_since_1970() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A file that is appended to, and is whole after every look.
class appended_file {
public:
    explicit appended_file(const std::string& name) : name_{name} {
        if (!name.empty()) file_ = std::fopen(name.c_str(), "ab");
        if (!name.empty() && file_ == nullptr) throw std::runtime_error{name + ": cannot be written"};
    }
    /// True if somebody has written into it before.
    [[nodiscard]] bool used() const {
        return file_ != nullptr && std::fseek(file_, 0, SEEK_END) == 0 && std::ftell(file_) > 0;
    }
    appended_file(const appended_file&) = delete;
    appended_file& operator=(const appended_file&) = delete;
    ~appended_file() {
        if (file_ != nullptr) (void)std::fclose(file_);
    }
    void add(const std::string& text) {
        if (file_ == nullptr || text.empty()) return;
        if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0)
            throw std::runtime_error{name_ + ": cannot be written"};
    }

private:
    std::string name_;
    std::FILE* file_ = nullptr;
};

/// What an operator reads.
void print(const berth_watch::watcher& from) {
    for (const std::string& one : from.findings()) fmt::print("{}\n", one);
    for (const berth::io::decision& one : from.decisions()) {
        std::string line;
        berth::io::append_decision(line, one);
        fmt::print("decision {}", line);
    }
    (void)std::fflush(stdout);
}

/// The text of exporters, empty where Prometheus has none to give; says so once.
std::string ask(const berth_watch::prometheus_client& client, const settings& s, std::optional<std::string>& trouble) {
    // Two intervals and a half: what the watch still believes.
    const auto range = static_cast<std::uint64_t>(s.interval * 2.5 * 1000.0 + 1.0);
    const std::string query =
        fmt::format("{{__name__=~\"{}\"{}{}}}[{}ms]", metric_names, s.selector.empty() ? "" : ",", s.selector, range);
    std::string text;
    std::optional<std::string> now;
    if (const auto body = client.query(query); !body) {
        now = body.error().message;
    } else if (const auto answer = berth::io::append_prometheus_answer(*body, text); !answer) {
        now = answer.error().message;
    } else if (answer->series == 0) {
        now = "Prometheus knows no metrics of GPUs now";
    }
    if (now != trouble) fmt::print("{}\n", now ? *now : "Prometheus answers again");
    trouble = now;
    return text;
}

int watch(const settings& s) {
    berth_watch::watch_settings ours{.interval = s.interval};
    for (const std::string& counter : s.counters) ours.counters.node.insert(counter);
    ours.counters.gpu.insert("memory");
    berth_watch::watcher watcher{ours};
    const berth_watch::prometheus_client client{s.prometheus};
    std::optional<berth_watch::figures> figures;
    if (!s.listen.empty()) {
        figures.emplace(s.listen);
        fmt::print("figures on port {}\n", figures->port());
    }
    std::optional<berth_watch::event_feed> feed;
    if (!s.events.empty()) feed.emplace(s.events);
    appended_file log{s.log};
    // A log tells of one scheduler from its start; what ran before another start would be told twice.
    if (log.used())
        throw std::runtime_error{s.log + ": is there already; give the log of each start a name of its own"};
    appended_file decisions{s.decisions};
    std::optional<std::string> trouble;
    auto next = steady::now();
    double last = 0.0;
    for (std::uint64_t round = 0; ended_by_signal == 0 && (s.rounds == 0 || round < s.rounds); ++round) {
        std::vector<berth::io::event> events;
        if (feed) {
            auto read = feed->poll();
            if (!read) throw std::runtime_error{read.error().message};
            events = std::move(*read);
        }
        const auto begin = steady::now();
        const std::string text = ask(client, s, trouble);
        const double seconds = std::chrono::duration<double>(steady::now() - begin).count();
        last = std::max(last, seconds_since_1970());  // a clock that is set back stands still for us
        const auto looked = watcher.look(text, events, last);
        log.add(watcher.log());
        std::string lines;
        for (const berth::io::decision& one : watcher.decisions()) berth::io::append_decision(lines, one);
        decisions.add(lines);
        print(watcher);
        if (!looked) throw std::runtime_error{looked.error().message};
        if (figures) figures->update(watcher, !trouble, seconds);
        next = std::max(next + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(s.interval)),
                        steady::now());
        while (ended_by_signal == 0 && steady::now() < next && (s.rounds == 0 || round + 1 < s.rounds))
            std::this_thread::sleep_for(
                std::min<steady::duration>(next - steady::now(), std::chrono::milliseconds{50}));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    CLI::App app{"Asks Prometheus what exporters say of GPUs, and says what to drain, where to, and why.",
                 "berth-watch"};
    app.add_option("--prometheus", s.prometheus.url, "its address")->capture_default_str();
    app.add_option("--timeout", s.prometheus.timeout, "seconds for an answer")
        ->check(CLI::Range(0.1, 600.0))
        ->capture_default_str();
    app.add_option("--selector", s.selector, "further matchers of the metrics, such as job=\"dcgm\"");
    app.add_option("--interval", s.interval, "seconds between two looks: the scrape interval, or a little more")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    app.add_option("--events", s.events,
                   "event log that others append to: jobs, where they run, what became of decisions");
    app.add_option("--counters", s.counters, "counters of nodes that jobs may ask for, such as cpu,memory")
        ->delimiter(',');
    app.add_option("--log", s.log, "write an event log of all that was seen, a new file");
    app.add_option("--decisions", s.decisions, "append the decisions, one JSON object a line");
    app.add_option("--listen", s.listen, "serve berth's own figures, such as 127.0.0.1:9465");
    app.add_option("--rounds", s.rounds, "end after so many looks; 0: when a signal comes")->capture_default_str();
    try {
        app.parse(argc, argv);
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) (void)std::signal(number, note_signal);
        return watch(s);
    } catch (const CLI::ParseError& e) { return app.exit(e) == 0 ? 0 : 2; } catch (const std::exception& e) {
        fmt::print(stderr, "berth-watch: {}\n", e.what());
        return 2;
    }
}
