// SPDX-License-Identifier: Apache-2.0
// berth-bench churn: a living cluster. Tasks whose demands nobody knows arrive, run and end, nodes leave and come back;
// events per second and memory of policies that follow all of it.
#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/living.hpp"
#include "berth_bench/naive_fgd.hpp"
#include "support/cpu_deadline.hpp"
#include "support/openb.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/published.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace bench {

namespace {

struct churn_options {
    std::string nodes;
    std::string pods;
    std::vector<std::string> policies;
    std::size_t replicate = 1;
    std::uint64_t events = 1'000'000;
    std::uint64_t seed = 1;
    std::string json;
    progress_line::mode progress = progress_line::mode::terminal;
};

/// Memory of the process that is in RAM.
double resident_mib() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0;
    std::size_t resident = 0;
    file >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

/// What is left of the policies before is not this one's memory.
void give_memory_back() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

struct memory_point {
    std::uint64_t events;
    double mib;
};

/// The figures of one policy.
struct churn_outcome {
    std::string_view policy;
    std::uint64_t events = 0;
    double seconds = 0.0;
    std::uint64_t fill_arrivals = 0;
    double fill_seconds = 0.0;
    std::uint64_t arrivals = 0;
    std::uint64_t rejected = 0;
    std::uint64_t departures = 0;
    std::uint64_t leaves = 0;
    std::uint64_t joins = 0;
    std::uint64_t displaced = 0;
    std::uint64_t lost = 0;
    double allocated_percent = 0.0;
    std::size_t tasks = 0;
    std::uint64_t preparations = 0;
    std::uint64_t evaluations = 0;
    std::size_t board_bytes = 0;
    std::vector<memory_point> memory;
    bool stopped = false;
    bool consistent = true;

    [[nodiscard]] double events_per_second() const {
        return seconds > 0.0 ? static_cast<double>(events) / seconds : 0.0;
    }
};

/// The nodes and tasks that take part.
struct churn_input {
    std::vector<node_report> nodes;
    std::vector<task_report> tasks;
    berth::resource_schema schema;
};

/// The life of a cluster under one policy, event by event.
template <class Policy>
class churn_run {
public:
    churn_run(const churn_input& input, const Policy& policy, std::uint64_t seed)
        : input_{input}, living_{input.schema}, handles_(input.nodes.size()), random_{seed} {
        for (std::size_t n = 0; n < input.nodes.size(); ++n) join(n);
        placer_ = std::make_unique<placer>(policy, living_);
    }

    /// True while the fleet is below the share of GPUs that it is kept at, and not all that arrives is rejected.
    [[nodiscard]] bool takes_more() const noexcept {
        return allocated_ * 10 < capacity_ * 9 && rejected_in_a_row_ < most_rejected_in_a_row;
    }
    void fill_one() {
        arrive();
        ++outcome.fill_arrivals;
    }
    /// Counts from zero: the fleet is full.
    void begin() {
        outcome.arrivals = 0;
        outcome.rejected = 0;
        rejected_in_a_row_ = 0;
    }
    void one_event() {
        const std::uint64_t now = outcome.events++;
        const bool due = outcome.leaves * 1'000'000 < now * input_.nodes.size();
        if (!away_.empty() && away_.front().until <= now) {
            join(away_.front().node);
            away_.pop_front();
            ++outcome.joins;
        } else if (due && present_.size() > 1) {
            leave(now);
        } else if (!displaced_.empty()) {
            place_again();
        } else if (takes_more() || running_.empty()) {
            arrive();
        } else {
            depart();
        }
    }

    [[nodiscard]] double allocated_percent() const noexcept {
        return capacity_ > 0 ? 100.0 * static_cast<double>(allocated_) / static_cast<double>(capacity_) : 0.0;
    }
    /// Fills in what is known at the end.
    void finish() {
        outcome.tasks = running_.size();
        outcome.preparations = placer_->preparations();
        outcome.evaluations = placer_->evaluations();
        outcome.board_bytes = placer_->board_bytes();
        berth::amount free = 0;
        for (std::size_t g = 0; g < living_.fleet().node_count(); ++g) {
            for (const berth::amount left : living_.ledger().node(berth::node_index{g}).free_gpus) free += left;
        }
        berth::amount waiting = 0;
        for (const berth::task_handle task : displaced_) {
            waiting += input_.tasks[running_[position_[task.position()]].pod].total_milli();
        }
        outcome.consistent = free == capacity_ - allocated_ + waiting && living_.task_count() == running_.size();
    }

    churn_outcome outcome;

private:
    using placer = decltype(std::declval<const Policy&>().start(std::declval<berth::cluster&>()));
    static constexpr std::uint64_t away_events = 5'000;
    static constexpr std::size_t most_rejected_in_a_row = 16;

    struct running_task {
        berth::task_handle task;
        std::uint32_t pod;
    };
    struct away_node {
        std::size_t node;
        std::uint64_t until;
    };

    void join(std::size_t node) {
        const auto joined = living_.join(input_.nodes[node].description());
        if (!joined) return;
        handles_[node] = *joined;
        present_.push_back(node);
        capacity_ += input_.nodes[node].capacity_milli();
    }
    void leave(std::uint64_t now) {
        const std::size_t at = berth::bounded(random_, static_cast<std::uint32_t>(present_.size()));
        const std::size_t node = present_[at];
        present_[at] = present_.back();
        present_.pop_back();
        away_.push_back({node, now + away_events});
        living_.leave(handles_[node], &displaced_);
        capacity_ -= input_.nodes[node].capacity_milli();
        ++outcome.leaves;
    }
    /// A task whose node has left waits: it is placed again, or lost.
    void place_again() {
        const berth::task_handle task = displaced_.back();
        displaced_.pop_back();
        ++outcome.displaced;
        if (placer_->place(task).placed()) return;
        retire(position_[task.position()]);
        ++outcome.lost;
    }
    void arrive() {
        const std::uint32_t pod = berth::bounded(random_, static_cast<std::uint32_t>(input_.tasks.size()));
        const auto task = living_.admit(input_.tasks[pod].description());
        ++outcome.arrivals;
        if (!task || !placer_->place(*task).placed()) {
            if (task) living_.retire(*task);
            ++outcome.rejected;
            ++rejected_in_a_row_;
            return;
        }
        rejected_in_a_row_ = 0;
        if (position_.size() <= task->position()) position_.resize(task->position() + 1);
        position_[task->position()] = running_.size();
        running_.push_back({*task, pod});
        allocated_ += input_.tasks[pod].total_milli();
    }
    void depart() {
        retire(berth::bounded(random_, static_cast<std::uint32_t>(running_.size())));
        ++outcome.departures;
        rejected_in_a_row_ = 0;
    }
    /// Every task of the list is as likely as any other to be the next that ends, as with exponential lifetimes.
    void retire(std::size_t at) {
        const running_task ended = running_[at];
        living_.retire(ended.task);
        allocated_ -= input_.tasks[ended.pod].total_milli();
        running_[at] = running_.back();
        position_[running_[at].task.position()] = at;
        running_.pop_back();
    }

    const churn_input& input_;
    berth::cluster living_;
    std::unique_ptr<placer> placer_;
    std::vector<berth::node_handle> handles_;  // per node of the input
    std::vector<std::size_t> present_;
    std::deque<away_node> away_;
    std::vector<running_task> running_;
    std::vector<std::size_t> position_;          // in `running_`, per position of a task
    std::vector<berth::task_handle> displaced_;  // they wait
    berth::amount capacity_ = 0;                 // of the nodes that are there
    berth::amount allocated_ = 0;
    std::size_t rejected_in_a_row_ = 0;
    berth::xoshiro256 random_;
};

/// Runs one policy. The clock, CPU time of the process, runs during events alone.
template <class Policy>
churn_outcome run_policy(std::string_view name, const Policy& policy, const churn_input& input,
                         const churn_options& options, progress_line& line) {
    constexpr std::uint64_t block = 500;
    give_memory_back();
    churn_run<Policy> run{input, policy, options.seed};
    churn_outcome& outcome = run.outcome;
    outcome.policy = name;
    const auto finished = [&] {
        line.clear();
        run.finish();
        return std::move(outcome);
    };
    while (run.takes_more()) {
        if (interrupted()) {
            outcome.stopped = true;
            return finished();
        }
        if (line.due()) line.say(fmt::format("{}: {:.1f} % of the GPUs are allocated", name, run.allocated_percent()));
        const double begin = cpu_seconds();
        for (std::uint64_t i = 0; i < block && run.takes_more(); ++i) run.fill_one();
        outcome.fill_seconds += cpu_seconds() - begin;
    }
    run.begin();
    std::uint64_t next_point = 1'000;
    double allocated = 0.0;
    std::uint64_t blocks = 0;
    while (outcome.events < options.events) {
        if (interrupted()) {
            outcome.stopped = true;
            break;
        }
        if (line.due()) {
            line.say(fmt::format("{}: {} of {} events, {:.0f}/s", name, outcome.events, options.events,
                                 outcome.events_per_second()));
        }
        const std::uint64_t end = std::min(options.events, outcome.events + block);
        const double begin = cpu_seconds();
        while (outcome.events < end) run.one_event();
        outcome.seconds += cpu_seconds() - begin;
        allocated += run.allocated_percent();
        ++blocks;
        if (outcome.events == next_point) {
            outcome.memory.push_back({outcome.events, resident_mib()});
            next_point *= 10;
        }
    }
    if (blocks > 0) outcome.allocated_percent = allocated / static_cast<double>(blocks);
    if (outcome.memory.empty() || outcome.memory.back().events != outcome.events) {
        outcome.memory.push_back({outcome.events, resident_mib()});
    }
    return finished();
}

using runner = churn_outcome (*)(const churn_input&, const churn_options&, progress_line&);
struct churn_policy {
    std::string_view name;
    runner run;
};
constexpr churn_policy table[] = {
    {"best_fit",
     [](const churn_input& input, const churn_options& options, progress_line& line) {
         return run_policy("best_fit", berth::greedy{berth::best_fit{}, berth::tightest_gpu{}}, input, options, line);
     }},
    {"fgd",
     [](const churn_input& input, const churn_options& options, progress_line& line) {
         return run_policy("fgd", berth::greedy{berth::fgd{}, berth::best_scored_gpu{}}, input, options, line);
     }},
    {"scarcity",
     [](const churn_input& input, const churn_options& options, progress_line& line) {
         return run_policy("scarcity", berth::greedy{berth::scarcity{}, berth::best_scored_gpu{}}, input, options,
                           line);
     }},
};

/// The plain loop over all arrivals of a run of `place` on one copy of the fleet; placements per second of CPU time.
double time_naive_fgd(const experiment& input, progress_line& line) {
    constexpr std::size_t block = 64;
    naive_fgd loop{input};
    double seconds = 0.0;
    std::size_t done = 0;
    while (done < input.arrivals.size() && !interrupted()) {
        if (line.due()) line.say(fmt::format("fgd_naive: {} of {} arrivals", done, input.arrivals.size()));
        const std::size_t end = std::min(input.arrivals.size(), done + block);
        const double begin = cpu_seconds();
        while (done < end) (void)loop.place(input.arrivals[done++]);
        seconds += cpu_seconds() - begin;
    }
    line.clear();
    return seconds > 0.0 ? static_cast<double>(done) / seconds : 0.0;
}

std::string results_json(const churn_options& options, const churn_input& input, double naive,
                         const std::vector<churn_outcome>& outcomes) {
    nlohmann::ordered_json json;
    json["nodes_file"] = options.nodes;
    json["pods_file"] = options.pods;
    json["replicate"] = options.replicate;
    json["seed"] = options.seed;
    json["nodes"] = input.nodes.size();
    berth::amount capacity = 0;
    for (const node_report& node : input.nodes) capacity += node.capacity_milli();
    json["capacity_milli"] = capacity;
    json["fgd_naive_placements_per_second"] = naive;
    json["policies"] = nlohmann::ordered_json::object();
    for (const churn_outcome& o : outcomes) {
        nlohmann::ordered_json& policy = json["policies"][std::string{o.policy}];
        policy["events"] = o.events;
        policy["events_per_second"] = o.events_per_second();
        policy["rss_mib"] = nlohmann::ordered_json::array();
        for (const memory_point& point : o.memory) {
            policy["rss_mib"].push_back(nlohmann::ordered_json::array({point.events, point.mib}));
        }
        policy["arrivals"] = o.arrivals;
        policy["rejected"] = o.rejected;
        policy["departures"] = o.departures;
        policy["leaves"] = o.leaves;
        policy["joins"] = o.joins;
        policy["displaced"] = o.displaced;
        policy["lost"] = o.lost;
        policy["fill_arrivals"] = o.fill_arrivals;
        policy["fill_seconds"] = o.fill_seconds;
        policy["allocated_percent"] = o.allocated_percent;
        policy["tasks"] = o.tasks;
        policy["preparations"] = o.preparations;
        policy["evaluations"] = o.evaluations;
        policy["board_bytes"] = o.board_bytes;
        policy["stopped"] = o.stopped;
    }
    // Names come from user files and may hold any bytes.
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

void print_outcomes(const std::vector<churn_outcome>& outcomes, double naive) {
    fmt::print("{:<12}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}{:>12}{:>10}\n", "", "events", "events/s",
               "vs naive", "arrivals", "rejected", "leaves", "displaced", "lost", "GPU %", "prepared", "RSS MiB");
    for (const churn_outcome& o : outcomes) {
        fmt::print("{:<12}{:>12}{:>12.0f}{:>9.1f}x{:>10}{:>10}{:>10}{:>10}{:>8}{:>8.1f}{:>12}{:>10.1f}\n", o.policy,
                   o.events, o.events_per_second(), naive > 0.0 ? o.events_per_second() / naive : 0.0, o.arrivals,
                   o.rejected, o.leaves, o.displaced, o.lost, o.allocated_percent, o.preparations,
                   o.memory.empty() ? 0.0 : o.memory.back().mib);
    }
    fmt::print(
        "\nEvents per second of CPU time. An event is an arrival (admitted and placed, or rejected and retired), a\n"
        "departure, a node that leaves, one of its tasks that is placed again (displaced) or, if it fits nowhere, "
        "retired\n"
        "(lost), or a node that joins.\n");
}

int churn(churn_options options) {
    const std::string own = openb_folder();
    if ((options.nodes.empty() || options.pods.empty()) && own.empty()) {
        return fail("the project's openb data was not found; name files with --nodes and --pods");
    }
    if (options.nodes.empty()) options.nodes = own + "/openb_node_list_gpu_node.csv";
    if (options.pods.empty()) options.pods = own + "/openb_pod_list_default.csv";
    std::vector<const churn_policy*> chosen;
    for (const churn_policy& policy : table) {
        const auto named = std::find(options.policies.begin(), options.policies.end(), policy.name);
        if (options.policies.empty() || named != options.policies.end()) chosen.push_back(&policy);
    }
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);

    const auto nodes = read_openb_nodes(options.nodes);
    if (!nodes) return fail(nodes.error().message);
    const auto pods = read_openb_pods(options.pods);
    if (!pods) return fail(pods.error().message);
    const arrival_order order = make_order(*pods, *nodes, options.seed, 1.3);
    const auto base = make_experiment(*nodes, *pods, order);
    if (!base) return fail(base.error().message);
    const auto large = make_experiment(*nodes, *pods, order, options.replicate);
    if (!large) return fail(large.error().message);
    const churn_input input{
        .nodes = node_reports(*large), .tasks = task_reports(*large), .schema = large->fleet->schema()};
    fmt::print("{}: {} demands, drawn by seed {}\n", options.pods, pods->pods.size(), options.seed);
    fmt::print("{}: {} nodes with {} GPUs", options.nodes, large->fleet->node_count(), large->fleet->gpu_count());
    if (options.replicate > 1) fmt::print(" ({} copies of the list)", options.replicate);
    fmt::print("; kept at 90 % of the GPUs for {} events\n", options.events);
    std::fflush(stdout);

    progress_line line{options.progress};
    const double naive = time_naive_fgd(*base, line);
    fmt::print("fgd_naive, on one copy of the list: {:.0f} placements per second\n\n", naive);
    std::fflush(stdout);
    std::vector<churn_outcome> outcomes;
    for (const churn_policy* policy : chosen) {
        if (interrupted()) break;
        outcomes.push_back(policy->run(input, options, line));
        if (!outcomes.back().consistent) {
            fmt::print(stderr, "berth-bench: {}: the ledger differs from the tasks that run\n", policy->name);
            return exit_wrong_answer;
        }
    }
    if (interrupted()) fmt::print("Interrupted: the results below are incomplete.\n");
    print_outcomes(outcomes, naive);
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, results_json(options, input, naive, outcomes));
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_churn(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<churn_options>();
    subcommand = program.add_subcommand(
        "churn", "A living cluster: tasks arrive and end, nodes leave and come back; events per second and memory");
    CLI::App& app = *subcommand;
    std::vector<std::string> names;
    for (const churn_policy& policy : table) names.emplace_back(policy.name);
    app.add_option("--nodes", options->nodes, "Node list (CSV: sn, cpu_milli, memory_mib, gpu, model)");
    app.add_option("--pods", options->pods,
                   "Demands (CSV: name, cpu_milli, memory_mib, num_gpu, gpu_milli and perhaps gpu_spec)");
    app.add_option("--policy", options->policies, "Policy to run, may be repeated; all by default")
        ->check(CLI::IsMember(names))
        ->take_all();
    app.add_option("--replicate", options->replicate, "Copies of the fleet")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    app.add_option("--events", options->events, "Events, after the fleet was filled")
        ->check(check_count)
        ->capture_default_str();
    app.add_option("--seed", options->seed, "Seed of arrivals, departures and leaving nodes")
        ->check(check_digits)
        ->capture_default_str();
    app.add_option("--json", options->json, "Write speed, memory and counts as JSON");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, progress, show] {
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        return churn(*options);
    };
}

}  // namespace bench
