// SPDX-License-Identifier: Apache-2.0
// berth-kube: berth as a scheduler of Kubernetes, or beside kube-scheduler as its extender. README.md has the first
// hour.
#include "api_client.hpp"
#include "extender_server.hpp"
#include "pod_scheduler.hpp"
#include "scheduler_loop.hpp"

#include <CLI/CLI.hpp>
#include <httplib.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace {

struct common_options {
    std::string server{};
    bool in_cluster = false;
    std::string token_file{};
    std::string ca_file{};
    double timeout = 10.0;
    berth_kube::object_names names{};
    bool quiet = false;
};

struct schedule_options {
    std::string log{};
    std::string decisions{};
    std::string status{};  // HOST:PORT
    bool no_preempt = false;
    bool no_events = false;
    std::size_t callers = 4;
    double back_off = 30.0;
    berth_kube::pod_scheduler_options pods{};
};

struct extender_command_options {
    std::string listen = "127.0.0.1:18888";
    berth_kube::extender_options extender{};
};

struct address {
    std::string host{};
    int port = 0;
};

std::optional<address> read_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size() ||
        text.find_first_not_of("0123456789", colon + 1) != std::string::npos || text.size() - colon > 6)
        return std::nullopt;
    const int port = std::stoi(text.substr(colon + 1));
    if (port > 65'535) return std::nullopt;
    return address{text.substr(0, colon), port};
}

void print_problem(const std::string& what) { std::fprintf(stderr, "berth-kube: %s\n", what.c_str()); }

/// Signals that end the program, blocked in all threads and taken by one.
sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

std::optional<berth_kube::api_endpoint> endpoint(const common_options& common, bool required) {
    if (common.in_cluster) {
        auto found = berth_kube::endpoint_in_cluster();
        if (!found) {
            print_problem(found.error().message);
            std::exit(2);
        }
        found->timeout = common.timeout;
        return *found;
    }
    if (common.server.empty()) {
        if (!required) return std::nullopt;
        print_problem("give the address of the API server by --server URL, or --in-cluster");
        std::exit(2);
    }
    return berth_kube::api_endpoint{common.server, common.token_file, common.ca_file, common.timeout};
}

/// Questions about a scheduler over HTTP.
class status_server {
public:
    status_server(const address& at, berth_kube::scheduler_loop& loop) {
        server_.Get("/healthz", [&loop](const httplib::Request&, httplib::Response& response) {
            response.status = loop.ready() ? 200 : 503;
            response.set_content(loop.ready() ? "ok\n" : "nodes and pods are not listed yet\n", "text/plain");
        });
        server_.Get("/waiting", [&loop](const httplib::Request&, httplib::Response& response) {
            response.set_content(loop.ask([](berth_kube::pod_scheduler& scheduler) {
                std::string text;
                for (const std::string& line : scheduler.why_waiting()) text += line + "\n";
                return text;
            }),
                                 "text/plain");
        });
        server_.Get("/counts", [&loop](const httplib::Request&, httplib::Response& response) {
            response.set_content(loop.ask([](berth_kube::pod_scheduler& scheduler) {
                const berth_kube::pod_scheduler_counts& c = scheduler.counts();
                return berth_kube::json{{"bound", c.bound},         {"bindings", c.bindings},
                                        {"conflicts", c.conflicts}, {"unanswered", c.unanswered},
                                        {"failed", c.failed},       {"evictions", c.evictions},
                                        {"adopted", c.adopted},     {"refused", c.refused},
                                        {"elsewhere", c.elsewhere}, {"waiting", scheduler.waiting()}}
                           .dump() +
                       "\n";
            }),
                                 "application/json");
        });
        if (!server_.bind_to_port(at.host.c_str(), at.port)) {
            print_problem("cannot listen on " + at.host + ":" + std::to_string(at.port));
            return;
        }
        thread_ = std::thread{[this] { server_.listen_after_bind(); }};
        while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    ~status_server() {
        server_.stop();
        if (thread_.joinable()) thread_.join();
    }
    status_server(const status_server&) = delete;
    status_server& operator=(const status_server&) = delete;
    [[nodiscard]] bool listens() const { return thread_.joinable(); }

private:
    httplib::Server server_;
    std::thread thread_;
};

/// A file for lines, written through after each.
berth_kube::line_sink lines_to(const std::string& path) {
    if (path.empty()) return {};
    auto file = std::make_shared<std::ofstream>(path, std::ios::binary | std::ios::trunc);
    if (!*file) {
        print_problem(path + ": cannot be written");
        std::exit(2);
    }
    return [file, path, failed = false](std::string_view line) mutable {
        file->write(line.data(), static_cast<std::streamsize>(line.size()));
        file->flush();
        if (!*file && !failed) print_problem(path + ": a line could not be written; the log ends here");
        failed = failed || !*file;
    };
}

int schedule(const common_options& common, const schedule_options& options) {
    const auto api = endpoint(common, true);
    std::optional<address> status;
    if (!options.status.empty()) {
        status = read_address(options.status);
        if (!status) return print_problem("--status \"" + options.status + "\" is no HOST:PORT"), 2;
    }
    berth_kube::pod_scheduler_options pods = options.pods;
    pods.names = common.names;
    pods.notes = !options.no_events;
    pods.wall_clock = static_cast<double>(std::time(nullptr));
    pods.problems = [](std::string_view what) { print_problem(std::string{what}); };
    berth_kube::pod_scheduler scheduler{pods,
                                        {.preempt = !options.no_preempt,
                                         .back_off = options.back_off,
                                         .events = lines_to(options.log),
                                         .decisions = lines_to(options.decisions),
                                         .source = "berth-kube at " + api->url}};
    berth_kube::scheduler_loop loop{{.endpoint = *api, .callers = options.callers}, scheduler, print_problem};
    std::unique_ptr<status_server> answers;
    if (status) {
        answers = std::make_unique<status_server>(*status, loop);
        if (!answers->listens()) return 2;
    }
    std::thread ending{[&loop] {
        const sigset_t set = ending_signals();
        int signal = 0;
        sigwait(&set, &signal);
        loop.stop();
    }};
    if (!common.quiet)
        std::printf("berth-kube schedules the pods of %s with schedulerName %s\n", api->url.c_str(),
                    common.names.scheduler.c_str()),
            std::fflush(stdout);
    loop.run();
    ending.join();
    answers.reset();
    const auto& counts = scheduler.counts();
    if (!common.quiet)
        std::printf("%llu pods bound, %llu evictions, %zu pods wait\n", static_cast<unsigned long long>(counts.bound),
                    static_cast<unsigned long long>(counts.evictions), scheduler.waiting());
    return 0;
}

int extend(const common_options& common, const extender_command_options& options) {
    const auto at = read_address(options.listen);
    if (!at) return print_problem("--listen \"" + options.listen + "\" is no HOST:PORT"), 2;
    berth_kube::extender_options extender = options.extender;
    extender.names = common.names;
    const auto api = endpoint(common, false);
    extender.watched = api.has_value();
    const berth_kube::extender_server server{extender, at->host, at->port, api, print_problem};
    if (server.port() < 0) return print_problem("cannot listen on " + options.listen), 2;
    if (!common.quiet)
        std::printf("berth-kube extender answers at http://%s:%d\n", at->host.c_str(), server.port()),
            std::fflush(stdout);
    const sigset_t set = ending_signals();
    int signal = 0;
    sigwait(&set, &signal);
    return 0;
}

void add_names(CLI::App& app, common_options& common) {
    berth_kube::object_names& names = common.names;
    app.add_option("--server", common.server, "Address of the API server, such as http://127.0.0.1:8001");
    app.add_flag("--in-cluster", common.in_cluster, "The API server of the cluster in which this is a pod");
    app.add_option("--token-file", common.token_file, "A file with a bearer token");
    app.add_option("--ca-file", common.ca_file, "Certificates of the API server's authority");
    app.add_option("--timeout", common.timeout, "Seconds to wait for an answer")->capture_default_str();
    app.add_option("--gpu-resource", names.gpu, "The extended resource that counts GPUs")->capture_default_str();
    app.add_option("--model-label", names.model, "Label of nodes: the model of their GPUs")->capture_default_str();
    app.add_flag("--quiet", common.quiet, "Print nothing but problems");
}

}  // namespace

int main(int argc, char** argv) {
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    CLI::App app{"berth as a scheduler of Kubernetes"};
    app.require_subcommand(1);
    common_options common;
    schedule_options scheduling;
    CLI::App& schedule_command = *app.add_subcommand("schedule", "Schedule pods over the API server");
    add_names(schedule_command, common);
    schedule_command.add_option("--name", common.names.scheduler, "schedulerName of the pods")->capture_default_str();
    schedule_command.add_option("--group-label", common.names.group, "Label of pods: their gang")
        ->capture_default_str();
    schedule_command.add_option("--log", scheduling.log, "Write the event log of what was seen to this file");
    schedule_command.add_option("--decisions", scheduling.decisions, "Write the decisions to this file");
    schedule_command.add_option("--status", scheduling.status, "Answer /healthz, /waiting and /counts at HOST:PORT");
    schedule_command.add_flag("--no-preempt", scheduling.no_preempt, "Evict nobody for pods of higher priority");
    schedule_command.add_flag("--no-events", scheduling.no_events, "Write no Events that say why pods wait");
    schedule_command.add_option("--connections", scheduling.callers, "Connections for bindings")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    schedule_command.add_option("--back-off", scheduling.back_off, "Seconds before what failed is tried again")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    schedule_command
        .add_option("--replacement-wait", scheduling.pods.replacement_wait,
                    "Seconds for which the place of an evicted pod is kept for the next one")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    schedule_command.add_option("--eviction-version", scheduling.pods.eviction_version, "apiVersion of evictions")
        ->capture_default_str();
    extender_command_options extending;
    CLI::App& extender_command = *app.add_subcommand("extender", "Answer kube-scheduler as its extender");
    add_names(extender_command, common);
    extender_command.add_option("--listen", extending.listen, "HOST:PORT to listen on; port 0: any")
        ->capture_default_str();
    extender_command.add_option("--keep", extending.extender.keep, "Nodes that a filter leaves over")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    extender_command
        .add_option("--assume-for", extending.extender.assume_for,
                    "Seconds for which a pod is taken to be where it was sent")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    return schedule_command.parsed() ? schedule(common, scheduling) : extend(common, extending);
}
