// SPDX-License-Identifier: Apache-2.0
// berth-slurm: a scheduler beside slurmctld. Slurm's submission hook holds the jobs that ask for GPUs; this program
// decides nodes and GPUs, pins and releases. README.md has the first hour.
#include "bridge.hpp"
#include "libslurm_port.hpp"
#include "move_desk.hpp"
#include "status.hpp"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace berth_slurm;

volatile std::sig_atomic_t stop_asked = 0;
extern "C" void ask_stop(int) { stop_asked = 1; }

struct program_options {
    std::string configuration;
    fs::path state = "berth-slurm.state";
    fs::path metrics;
    double period = 1.0;
    bool quiet = false;
    bridge_options scheduling;
    move_options moving;
};

[[nodiscard]] double wall_clock() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}
void say(const std::string& sentence) {
    char stamp[16];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    std::strftime(stamp, sizeof stamp, "%H:%M:%S", localtime_r(&now, &parts));
    std::printf("%s %s\n", stamp, sentence.c_str());
    std::fflush(stdout);
}
void append(const fs::path& file, const std::string& text) {
    if (!text.empty()) std::ofstream{file, std::ios::app | std::ios::binary} << text;
}

/// One berth at a time: the lock goes with the process, however it ends.
class sole_user {
public:
    explicit sole_user(const fs::path& file) : file_{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
        held_ = file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) == 0;
    }
    ~sole_user() {
        if (file_ >= 0) ::close(file_);
    }
    sole_user(const sole_user&) = delete;
    sole_user& operator=(const sole_user&) = delete;
    [[nodiscard]] bool held() const noexcept { return held_; }

private:
    int file_;
    bool held_ = false;
};

[[nodiscard]] berth::result<void> carry_out(slurm_port& port, const order& o, const snapshot& seen) {
    switch (o.kind) {
        case order_kind::pin: {
            const job_record* r = seen.find(o.job);
            if (r == nullptr) return berth::error{berth::error_code::io, "job " + std::to_string(o.job) + " is gone"};
            return port.pin(*r, o.nodes, o.gres, false);
        }
        case order_kind::hold: return port.hold(o.job);
        case order_kind::requeue: return port.requeue(o.job);
        case order_kind::cancel: return port.cancel(o.job);
        case order_kind::drain: return port.drain(o.nodes, o.reason);
        case order_kind::resume: return port.resume(o.nodes);
    }
    return {};
}
[[nodiscard]] std::string sentence_of(const order& o) {
    std::string text = to_string(o.kind);
    if (o.job != 0) text += " job " + std::to_string(o.job);
    if (!o.nodes.empty()) text += (o.job != 0 ? " to " : " ") + o.nodes;
    if (!o.gres.empty()) text += " " + o.gres;
    return text + ": " + o.reason;
}

/// What would be done, and why: one reading, one decision, nothing carried out.
int look_once(slurm_port& port, const program_options& options, std::optional<std::uint32_t> job) {
    const auto seen = port.read();
    if (!seen) return std::fprintf(stderr, "berth-slurm: %s\n", seen.error().message.c_str()), 1;
    bridge scheduler{options.scheduling};
    scheduler.observe(*seen);
    if (job && scheduler.jobs().count(*job) > 0 && scheduler.jobs().at(*job).phase == job_phase::waiting) {
        // With what the other jobs hold now: a job that could start is said to fit.
        return std::printf("%s\n", scheduler.explain(*job).c_str()), 0;
    }
    if (job) {
        if (seen->find(*job) == nullptr) return std::fprintf(stderr, "berth-slurm: Slurm knows no job %u\n", *job), 1;
        return std::printf("%s\n", scheduler.explain(*job).c_str()), 0;
    }
    const std::vector<order> orders = scheduler.decide(seen->time);
    for (const std::string& s : scheduler.sentences()) std::printf("%s\n", s.c_str());
    for (const order& o : orders) std::printf("would %s\n", sentence_of(o).c_str());
    for (const std::string& s : scheduler.take_troubles()) std::printf("trouble: %s\n", s.c_str());
    std::printf("%zu jobs known, %zu decisions\n", scheduler.jobs().size(), scheduler.sentences().size());
    return 0;
}

/// Runs until it is told to stop.
int serve(slurm_port& port, const program_options& options) {
    std::error_code failed;
    fs::create_directories(options.state / "moves", failed);
    const sole_user lock{options.state / "lock"};
    if (!lock.held()) {
        std::fprintf(stderr, "berth-slurm: %s is used by another berth-slurm, or cannot be written\n",
                     options.state.c_str());
        return 1;
    }
    char name[64];
    const std::time_t begun = std::time(nullptr);
    std::tm parts{};
    std::strftime(name, sizeof name, "%Y%m%dT%H%M%S", gmtime_r(&begun, &parts));
    const std::string run = std::string{name} + "-" + std::to_string(::getpid());
    const fs::path events = options.state / ("events-" + run + ".jsonl");
    const fs::path decisions = options.state / ("decisions-" + run + ".jsonl");
    append(events, "{\"event\":\"format\",\"version\":1,\"source\":\"berth-slurm\",\"acknowledge\":\"log\"}\n");

    bridge scheduler{options.scheduling};
    move_desk desk{port, options.state / "moves", options.moving};
    std::vector<std::string> troubles;
    for (const wanted_move& m : desk.resume(troubles)) {
        scheduler.adopt(m);
        say("goes on with the move of job " + std::to_string(m.job));
    }
    for (const std::string& t : troubles) say("trouble: " + t);

    timings spent;
    bool connected = true;
    fs::file_time_type metrics_time{};
    while (stop_asked == 0) {
        berth::result<snapshot> seen{snapshot{}};
        spent.read.time([&] { seen = port.read(); });
        if (seen.has_value() != connected) say(seen ? "slurmctld answers again" : seen.error().message);
        connected = seen.has_value();
        if (!seen) {
            std::this_thread::sleep_for(std::chrono::duration<double>(options.period));
            continue;
        }
        spent.observe.compute([&] { scheduler.observe(*seen); });
        if (!options.metrics.empty()) {
            const fs::file_time_type changed = fs::last_write_time(options.metrics, failed);
            if (!failed && changed != metrics_time) {
                metrics_time = changed;
                std::ifstream in{options.metrics, std::ios::binary};
                scheduler.read_metrics(std::string{std::istreambuf_iterator<char>{in}, {}}, seen->time);
            }
        }
        desk.advance(*seen, wall_clock(), scheduler);
        std::vector<order> orders;
        spent.decide.compute([&] { orders = scheduler.decide(wall_clock()); });
        spent.decisions += scheduler.sentences().size();
        for (const wanted_move& m : scheduler.take_moves()) desk.begin(m, wall_clock());
        if (!options.quiet) {
            for (const std::string& s : scheduler.sentences()) say(s);
        }
        for (const std::string& s : desk.take_sentences()) say(s);
        // What has been decided is on the disk before it is done.
        append(events, scheduler.take_events());
        append(decisions, scheduler.take_decisions());
        for (const order& o : orders) {
            if (o.kind != order_kind::pin) say(sentence_of(o));
            berth::result<void> done;
            (o.kind == order_kind::pin ? spent.pin : spent.other).time([&] { done = carry_out(port, o, *seen); });
            scheduler.carried_out(o, done, wall_clock());
        }
        for (const std::string& t : scheduler.take_troubles()) say("trouble: " + t);
        append(events, scheduler.take_events());
        write_status(options.state / "status.json", scheduler, desk, spent, *seen, scheduler.differences(*seen));
        // After orders the next reading tells what became of them.
        const double wait = orders.empty() && desk.size() == 0 ? options.period : std::min(options.period, 0.05);
        std::this_thread::sleep_for(std::chrono::duration<double>(wait));
    }
    say("ends; jobs stay as they are");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    program_options options;
    bool dry_run = false;
    std::uint32_t job = 0;
    CLI::App app{
        "berth-slurm: places the GPU jobs of a Slurm cluster.\nJobs are held by the hook config/job_submit.lua; "
        "berth decides node and GPUs, pins and releases.",
        "berth-slurm"};
    app.add_option("--conf", options.configuration, "slurm.conf; default: $SLURM_CONF, else /etc/slurm/slurm.conf");
    app.add_option("--state", options.state, "folder of its own: lock, journals of moves, event logs, status.json")
        ->capture_default_str();
    app.add_option("--period", options.period, "seconds between two readings of Slurm")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 3600.0));
    app.add_option("--metrics", options.metrics, "file with what GPU exporters say, in Prometheus' text format");
    app.add_option("--temperature", options.scheduling.temperature,
                   "degrees Celsius at which a GPU is relieved; a node that is as hot on all GPUs is drained");
    app.add_option("--save-seconds", options.moving.save_seconds,
                   "seconds between SIGUSR1 and the stop of a job that moves; 0: no signal")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 86400.0));
    app.add_option("--start-timeout", options.scheduling.start_timeout,
                   "seconds in which Slurm should start what was released")
        ->capture_default_str()
        ->check(CLI::Range(1.0, 86400.0));
    app.add_flag("--shortest", options.scheduling.shortest,
                 "among equal priorities the job with the fewest GPU seconds first, by time limits");
    app.add_flag("!--no-preempt", options.scheduling.preempt, "never stop a job for one of higher priority");
    app.add_flag("--dry-run", dry_run, "say once what would be done and why, and do nothing");
    app.add_flag("--quiet", options.quiet, "do not print decisions");
    CLI::App* explain = app.add_subcommand("explain", "say why a job waits, and do nothing");
    explain->add_option("JOB", job, "number of the job")->required();
    CLI11_PARSE(app, argc, argv);

    std::signal(SIGINT, ask_stop);
    std::signal(SIGTERM, ask_stop);
    libslurm_port port{options.configuration};
    if (*explain) return look_once(port, options, job);
    if (dry_run) return look_once(port, options, std::nullopt);
    return serve(port, options);
}
