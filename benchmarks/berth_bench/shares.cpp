// SPDX-License-Identifier: Apache-2.0
// berth-bench shares: queues with quotas on a fleet that is asked for more than it has: who is evicted for whom, what that costs,
// who waits although its queue is promised more, and what a decision takes.
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/random.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "berth_bench/commands.hpp"
#include "support/cpu_deadline.hpp"
#include "support/data_folders.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct shares_options {
    std::string trace{};
    std::size_t queues = 10;
    std::size_t nodes = 64;
    std::size_t gpus = 8;
    std::size_t jobs = 20'000;
    double load = 1.1;
    double checkpoint = 600.0;
    std::uint64_t seed = 1;
    bool plain = false;
    bool backfill = false;
    double spare = 20.0;
    std::string json{};
};

/// What a day of queues came to.
struct shares_figures {
    std::uint64_t events = 0;
    std::uint64_t evictions = 0;
    std::uint64_t moves = 0;
    std::size_t pairs_both_ways = 0;  // jobs that evicted each other
    std::size_t pairs_twice = 0;      // and did so again
    double busy = 0.0;                // GPU seconds, until the last arrival
    double lost = 0.0;                // GPU seconds of work that was done twice
    double span = 0.0;
    // What the first job of a queue waited although the queue was within the quota with it.
    double longest_denied = 0.0;       // seconds
    double longest_denied_one = 0.0;   // likewise, of jobs of one GPU
    std::uint64_t most_decisions = 0;  // of jobs of one GPU: decisions in which it did not start
    std::size_t promised = 0;          // jobs that were told a start, the first of their queues
    double longest_promise = 0.0;      // seconds ahead
    std::size_t late = 0;              // and started later than they were told first
    std::size_t outlived = 0;          // runs that were longer than their estimate
    std::size_t waiting_at_end = 0;
    std::vector<double> decide_ms{};
};

/// A user asks for a little more than a job takes, so that what it does twice fits in.
double estimate_of(const shares_options& options, const berth::simulated_job& job) {
    return job.steps * job.step_s + options.spare * options.checkpoint;
}

/// Queues with quotas that sum to the capacity, weights 1 to 4, half the jobs stoppable.
template <class Policies>
class shared_fleet {
public:
    shared_fleet(const shares_options& options, const simulation_trace& trace, Policies policies, bool queues)
        : options_{options},
          trace_{trace},
          engine_{std::move(policies), {.gpu = {"share"}, .node = {}}, {.waits = berth::wait_reports::none}} {
        const std::vector<berth::gpu_description> gpus(options.gpus);
        for (std::size_t n = 0; n < options.nodes; ++n) {
            const std::string name = "n" + std::to_string(n);
            check(engine_.node(0.0, berth::node_description{.name = name, .gpus = gpus}));
        }
        const auto total = static_cast<berth::amount>(options.nodes * options.gpus);
        const auto count = static_cast<berth::amount>(options.queues);
        for (std::size_t q = 0; q < options.queues; ++q) {
            const auto i = static_cast<berth::amount>(q);
            quota_.push_back((total * (i + 1) / count - total * i / count) * berth::whole_gpu);
            held_.push_back(0);
            lines_.emplace_back();
            const berth::queue_amount quota[] = {{"gpu", quota_.back()}};
            const std::string name = queue_name(q);
            if (queues)
                check(engine_.queue(0.0, {.name = name, .quota = quota, .weight = 1.0 + static_cast<double>(q % 4)}));
        }
        queues_ = queues;
        berth::xoshiro256 random{options.seed};
        for (std::size_t j = 0; j < trace.jobs.size(); ++j) {
            jobs_.push_back({.queue = static_cast<std::size_t>(random() % options.queues),
                             .stoppable = random() % 2 == 0,
                             .left = trace.jobs[j].steps * trace.jobs[j].step_s,
                             .estimate = estimate_of(options, trace.jobs[j])});
        }
    }

    [[nodiscard]] shares_figures run() {
        std::size_t next = 0;
        const double last = trace_.jobs.back().arrival_s;
        while (next < trace_.jobs.size() && !interrupted()) {
            double now = trace_.jobs[next].arrival_s;
            if (!ends_.empty() && ends_.top().time < now) now = ends_.top().time;
            if (const double wake = engine_.wake_at(); wake > now_ && wake < now) now = wake;
            pass_time(now);
            while (!ends_.empty() && ends_.top().time <= now) end(now);
            while (next < trace_.jobs.size() && trace_.jobs[next].arrival_s <= now) arrive(next++, now);
            decide(now);
        }
        found_.span = last;
        for (const auto& line_of : lines_) found_.waiting_at_end += line_of.size();
        for (const auto& [pair, times] : evicted_for_) {
            const auto back = evicted_for_.find({pair.second, pair.first});
            if (pair.first > pair.second || back == evicted_for_.end()) continue;
            ++found_.pairs_both_ways;
            if (times > 1 && back->second > 1) ++found_.pairs_twice;
        }
        return found_;
    }

private:
    struct job_state {
        std::size_t queue = 0;
        bool stoppable = true;
        double left = 0.0;      // seconds of work
        double started = -1.0;  // since when it runs
        std::uint32_t run = 0;
        double denied_since = -1.0;
        std::uint64_t denied = 0;  // decisions
        double estimate = 0.0;     // of its run, with work that is done twice
        double ran = 0.0;
        double promised = -1.0;
    };
    struct job_end {
        double time = 0.0;
        std::size_t job = 0;
        std::uint32_t run = 0;
        bool operator<(const job_end& other) const { return time != other.time ? time > other.time : job > other.job; }
    };

    /// Whoever has a reservation was told a start, until it starts, or an older job of its queue or the queue itself
    /// takes the reservation from it.
    void check_promises(double now) {
        std::set<std::size_t> reserved;
        for (const berth::job_reservation& r : engine_.reservations()) {
            const auto j = static_cast<std::size_t>(std::stoull(std::string{engine_.name(r.job)}));
            reserved.insert(j);
            if (jobs_[j].promised >= 0.0) continue;
            jobs_[j].promised = r.from;
            found_.longest_promise = std::max(found_.longest_promise, r.from - now);
            ++found_.promised;
        }
        for (const std::size_t j : reserved_) {
            if (reserved.count(j) == 0) jobs_[j].promised = -1.0;
        }
        reserved_ = std::move(reserved);
    }
    template <class Result>
    static void check(const Result& answer) {
        if (!answer) throw std::runtime_error{answer.error().message};
    }
    [[nodiscard]] static std::string queue_name(std::size_t q) { return "q" + std::to_string(q); }
    [[nodiscard]] berth::amount demand(std::size_t j) const {
        return static_cast<berth::amount>(trace_.jobs[j].gpus) * berth::whole_gpu;
    }

    void arrive(std::size_t j, double now) {
        const std::string name = std::to_string(j);
        const std::string queue = queue_name(jobs_[j].queue);
        check(engine_.job(now, {.name = name,
                                .gpus = trace_.jobs[j].gpus,
                                .terms = {.preemptible = jobs_[j].stoppable,
                                          .duration = options_.backfill ? jobs_[j].estimate : berth::job_terms::unknown,
                                          .queue = queues_ ? std::string_view{queue} : std::string_view{}}}));
        lines_[jobs_[j].queue].insert(j);
        ++found_.events;
    }
    void end(double now) {
        const job_end e = ends_.top();
        ends_.pop();
        job_state& of = jobs_[e.job];
        if (of.run != e.run || of.started < 0.0) return;  // it was stopped
        check(engine_.finish(now, std::to_string(e.job)));
        held_[of.queue] -= demand(e.job);
        of.ran += now - of.started;
        found_.outlived += of.ran > of.estimate ? 1 : 0;
        of.started = -1.0;
        ++found_.events;
    }
    void decide(double now) {
        const double begin = cpu_seconds();
        const auto decisions = engine_.decide(now);
        found_.decide_ms.push_back((cpu_seconds() - begin) * 1e3);
        check(decisions);
        for (const berth::decision& d : *decisions) {
            const auto j = static_cast<std::size_t>(std::stoull(std::string{engine_.name(d.job)}));
            job_state& of = jobs_[j];
            if (d.kind == berth::decision_kind::start) {
                of.started = now;
                held_[of.queue] += demand(j);
                lines_[of.queue].erase(j);
                ends_.push({now + of.left, j, ++of.run});
                of.denied_since = -1.0;
                of.denied = 0;
                found_.late += of.promised >= 0.0 && now > of.promised ? 1 : 0;
                of.promised = -1.0;
            } else if (d.kind == berth::decision_kind::evict) {
                ++found_.evictions;
                const double ran = now - of.started;
                const double kept = std::floor(ran / options_.checkpoint) * options_.checkpoint;
                found_.lost += (ran - kept) * static_cast<double>(trace_.jobs[j].gpus);
                of.left -= kept;
                of.ran += ran;
                of.started = -1.0;
                held_[of.queue] -= demand(j);
                lines_[of.queue].insert(j);
                if (d.beneficiary.valid()) ++evicted_for_[{j, std::stoull(std::string{engine_.name(d.beneficiary)})}];
            } else if (d.kind == berth::decision_kind::move) {
                ++found_.moves;
            }
        }
        if (options_.backfill) check_promises(now);
        // The oldest job of a queue that is within the quota should not have to wait.
        for (std::size_t q = 0; q < lines_.size(); ++q) {
            if (lines_[q].empty()) continue;
            const std::size_t j = *lines_[q].begin();
            job_state& first = jobs_[j];
            if (held_[q] + demand(j) > quota_[q]) {
                first.denied_since = -1.0;
                first.denied = 0;
                continue;
            }
            if (first.denied_since < 0.0) first.denied_since = now;
            const double waited = now - first.denied_since;
            ++first.denied;
            found_.longest_denied = std::max(found_.longest_denied, waited);
            if (trace_.jobs[j].gpus > 1) continue;
            found_.longest_denied_one = std::max(found_.longest_denied_one, waited);
            found_.most_decisions = std::max(found_.most_decisions, first.denied);
        }
    }
    void pass_time(double now) {
        double held = 0.0;
        for (const berth::amount one : held_) held += static_cast<double>(one) / berth::whole_gpu;
        found_.busy += held * (now - now_);
        now_ = now;
    }

    const shares_options& options_;
    const simulation_trace& trace_;
    berth::scheduler<Policies> engine_;
    bool queues_ = false;
    std::vector<berth::amount> quota_;
    std::vector<berth::amount> held_;
    std::vector<std::set<std::size_t>> lines_;
    std::vector<job_state> jobs_;
    std::set<std::size_t> reserved_;
    std::priority_queue<job_end> ends_;
    std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> evicted_for_;
    double now_ = 0.0;
    shares_figures found_;
};

double percentile(std::vector<double> values, double part) {
    if (values.empty()) return std::nan("");
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void print(const char* name, const shares_options& options, const shares_figures& f, nlohmann::ordered_json& json) {
    const double capacity = static_cast<double>(options.nodes * options.gpus) * f.span;
    fmt::print(
        "{:10} {:>9} events {:>8} evictions {:>6} moves  {:.4f} used  {:.4f} done twice  {} pairs both ways, {} twice  "
        "{:>8} waiting\n",
        name, f.events, f.evictions, f.moves, f.busy / capacity, f.lost / f.busy, f.pairs_both_ways, f.pairs_twice,
        f.waiting_at_end);
    fmt::print("{:10} longest wait within the quota {:.0f} s, of one GPU {:.0f} s, {} decisions\n", "",
               f.longest_denied, f.longest_denied_one, f.most_decisions);
    if (options.backfill) {
        fmt::print("{:10} {} jobs were told a start, at most {:.0f} s ahead; {} started later; {} ran longer than "
                   "estimated\n",
                   "", f.promised, f.longest_promise, f.late, f.outlived);
    }
    fmt::print("{:10} a decision takes {:.3f} ms of CPU time in the median, {:.3f} at p99, {:.3f} at most\n", "",
               percentile(f.decide_ms, 0.5), percentile(f.decide_ms, 0.99), percentile(f.decide_ms, 1.0));
    json[name] = {{"events", f.events},
                  {"evictions", f.evictions},
                  {"moves", f.moves},
                  {"used", f.busy / capacity},
                  {"done_twice", f.lost / f.busy},
                  {"pairs_both_ways", f.pairs_both_ways},
                  {"pairs_twice", f.pairs_twice},
                  {"promised", f.promised},
                  {"longest_promise_s", f.longest_promise},
                  {"late", f.late},
                  {"outlived", f.outlived},
                  {"longest_wait_within_quota_s", f.longest_denied},
                  {"longest_wait_of_one_gpu_s", f.longest_denied_one},
                  {"longest_wait_of_one_gpu_decisions", f.most_decisions},
                  {"decide_ms",
                   {{"median", percentile(f.decide_ms, 0.5)},
                    {"p99", percentile(f.decide_ms, 0.99)},
                    {"most", percentile(f.decide_ms, 1.0)}}}};
}

/// Decisions after which each of so many claimants was tried, by `share_rules::max_claims`.
std::uint64_t most_decisions(std::uint64_t claimants) {
    const std::uint64_t onwards = berth::claims_onwards(berth::share_rules{}.max_claims);
    return 2 * ((claimants + onwards - 1) / onwards) + 1;
}

int run_shares(const shares_options& options) {
    const std::string file =
        options.trace.empty() ? outside_data_folder("loop") + "/philly-jobs.csv.xz" : options.trace;
    const auto text = read_text(file);
    if (!text) return fail(text.error().message);
    const auto all = parse_duration_trace(file, *text);
    if (!all) return fail(all.error().message);
    const auto gpus = static_cast<double>(options.nodes * options.gpus);
    const auto drawn =
        draw_jobs(*all, options.jobs, options.load, gpus, static_cast<std::uint32_t>(options.gpus), options.seed);
    if (!drawn) return fail(drawn.error().message);
    double longest = 0.0;
    std::set<std::size_t> sizes;
    for (const berth::simulated_job& job : drawn->jobs) {
        longest = std::max(longest, options.backfill ? estimate_of(options, job) : job.steps * job.step_s);
        sizes.insert(job.gpus);
    }
    const std::uint64_t decisions = most_decisions(options.queues * sizes.size() * 2);
    fmt::print("{} jobs, {} queues, {} x {} GPUs, load {:.2f}, seed {}\n", options.jobs, options.queues, options.nodes,
               options.gpus, options.load, options.seed);
    nlohmann::ordered_json json;
    json["longest_job_s"] = longest;
    // Once all that runs now has ended, the first job of each queue can have a node of its own.
    const bool bounded = options.backfill && options.queues <= options.nodes;
    if (bounded) {
        json["bound_s"] = longest;
        fmt::print("bound: the oldest job of a queue that is within its quota with it starts within {:.0f} s, the "
                   "estimate of the "
                   "longest job, however many GPUs it asks for, if no job runs longer than its estimate.\n\n",
                   longest);
    } else if (options.backfill) {
        fmt::print(
            "There is no bound on waiting: there are more queues than nodes, and reservations come before claims.\n\n");
    } else {
        json["bound_decisions"] = decisions;
        fmt::print(
            "bound: the oldest job of a queue that is within its quota with it starts after at most {} decisions if it "
            "asks for one GPU.\nFor wider ones there is none: jobs that may not be stopped can keep a part of every "
            "node. The longest job runs {:.0f} s.\n\n",
            decisions, longest);
    }
    try {
        const auto base = berth::scheduler_policies<>{}.with_placement(berth::greedy{berth::best_fit{}});
        if (options.plain) { print("one line", options, shared_fleet{options, *drawn, base, false}.run(), json); }
        const auto shares = base.with_preemption(berth::share_rules{});
        if (options.backfill) {
            const auto easy =
                shares.with_backfill(berth::easy_backfill{.depth = options.queues, .max_looks = 4 * options.queues});
            print("queues", options, shared_fleet{options, *drawn, easy, true}.run(), json);
        } else {
            print("queues", options, shared_fleet{options, *drawn, shares, true}.run(), json);
        }
    } catch (const std::runtime_error& e) { return fail(e.what()); }
    if (options.json.empty()) return exit_ok;
    const auto ok = write_file(options.json, json.dump(2) + "\n");
    return ok ? exit_ok : fail(ok.error().message);
}

}  // namespace

command add_shares(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<shares_options>();
    subcommand = program.add_subcommand("shares", "Queues with quotas on a fleet that is asked for more than it has");
    subcommand->add_option("--trace", options->trace,
                           "CSV with submit_s, duration_s, gpus; default: Philly's, in $BERTH_DATA");
    subcommand->add_option("--queues", options->queues, "Queues with equal quotas")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))
        ->capture_default_str();
    subcommand->add_option("--nodes", options->nodes, "Nodes")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))
        ->capture_default_str();
    subcommand->add_option("--gpus", options->gpus, "GPUs of each; larger jobs are not drawn")
        ->check(CLI::Range(std::size_t{1}, std::size_t{64}))
        ->capture_default_str();
    subcommand->add_option("--jobs", options->jobs, "Jobs, drawn from the trace")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
        ->capture_default_str();
    subcommand->add_option("--load", options->load, "Share of all GPUs that is asked for")
        ->check(CLI::Range(0.01, 100.0))
        ->capture_default_str();
    subcommand->add_option("--checkpoint", options->checkpoint, "Seconds between checkpoints of a job")
        ->check(CLI::Range(1.0, 1e9))
        ->capture_default_str();
    subcommand->add_option("--seed", options->seed, "Of the jobs")->capture_default_str();
    subcommand->add_flag("--plain", options->plain, "The same jobs in one line as well, nobody evicted");
    subcommand->add_flag("--backfill", options->backfill,
                         "The first job of each queue has a reservation, and jobs say how long they run");
    subcommand->add_option("--spare", options->spare, "With --backfill: checkpoints' time by which jobs say too much")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    subcommand->add_option("--json", options->json, "Writes the figures as JSON");
    return [options] { return run_shares(*options); };
}

}  // namespace bench
