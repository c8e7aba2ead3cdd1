// SPDX-License-Identifier: Apache-2.0
// Random days of a small fleet through every policy: no decision breaks a rule of the log, the same log gives the same
// decisions, and a log that is written and read again replays alike.
#include "berth/io/event_log.hpp"
#include "berth/io/event_log_policies.hpp"

#include "berth_bench/log_engine.hpp"
#include "berth_bench/log_replay.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

using namespace bench;
using namespace berth::io;

namespace {

class day {
public:
    explicit day(std::uint64_t seed) : state_{seed} {}

    std::vector<numbered_event> events(std::size_t count) {
        add(format_event{.acknowledge_from_log = below(2) == 0, .grace = 20.0});
        for (std::size_t n = 0; n < node_count; ++n) add(node(n));
        while (log_.size() < count) {
            time_ += static_cast<double>(below(3)) * 5.0;
            next();
        }
        return std::move(log_);
    }

private:
    static constexpr std::size_t node_count = 5;

    std::size_t below(std::size_t n) {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return static_cast<std::size_t>((z ^ (z >> 31U)) % n);
    }
    void add(event e) { log_.push_back({log_.size() + 1, std::move(e)}); }
    static std::string node_name(std::size_t n) { return "n" + std::to_string(n); }
    static std::string gpu_name(std::size_t n, std::size_t g) { return node_name(n) + "-g" + std::to_string(g); }
    std::size_t gpus(std::size_t n) const { return n == 4 ? 0 : 1 + n; }

    node_event node(std::size_t n) {
        node_event e{.time = time_, .node = node_name(n)};
        if (n != 1) e.capacity = {{"cpu", static_cast<berth::amount>(2000 + 2000 * below(4))}};
        for (std::size_t g = 0; g < gpus(n); ++g) {
            gpu_entry gpu{.gpu = gpu_name(n, g), .model = n % 2 == 0 ? "A" : "B"};
            if (n == 2) gpu.capacity = {{"memory", 100}};
            e.gpus.push_back(gpu);
        }
        if (below(3) == 0 && e.gpus.size() > 1) std::swap(e.gpus.front(), e.gpus.back());
        return e;
    }
    task_demand demand() {
        task_demand d{.gpus = static_cast<std::uint32_t>(below(4))};
        if (d.gpus == 0 || below(2) == 0) d.node_demand = {{"cpu", static_cast<berth::amount>(below(3000))}};
        if (below(3) == 0) d.gpu_demand = {{"share", static_cast<berth::amount>(100 + 100 * below(10))}};
        if (below(4) == 0) d.gpu_demand.push_back({"memory", static_cast<berth::amount>(1 + below(60))});
        if (below(4) == 0) d.accepted_models = {below(2) == 0 ? "A" : "B"};
        return d;
    }
    void job() {
        job_event e{.time = time_, .job = "j" + std::to_string(jobs_++)};
        e.priority = static_cast<std::int32_t>(below(3));
        e.tasks = below(3) == 0 ? static_cast<std::uint32_t>(1 + below(4)) : 1;
        e.demand = demand();
        if (e.tasks > 1 && below(3) == 0) {
            for (std::uint32_t t = 0; t < e.tasks; ++t) e.task_list.push_back(demand());
        }
        if (e.tasks > 1 && below(2) == 0) e.min_tasks = static_cast<std::uint32_t>(1 + below(e.tasks));
        if (e.tasks == 1 && below(4) == 0) e.alternatives = {{demand(), 0.5}};
        e.same_model = below(3) == 0;
        e.restart = below(5) != 0;
        e.preemptible = below(4) != 0;
        if (below(2) == 0) e.duration = static_cast<double>(below(100));
        tasks_.push_back(e);
        add(e);
    }
    void next() {
        const std::size_t n = below(node_count);
        const std::optional<std::string> gpu =
            gpus(n) > 0 && below(2) == 0 ? std::optional{gpu_name(n, below(gpus(n)))} : std::nullopt;
        const std::string some = tasks_.empty() ? "" : tasks_[below(tasks_.size())].job;
        const auto one = [&]() -> std::optional<std::uint32_t> {
            if (below(2) == 0) return std::nullopt;
            return 0;
        };
        switch (tasks_.empty() ? 0 : below(18)) {
            case 10: return add(node(n));
            case 11: return add(node_gone_event{time_, node_name(n)});
            case 12:
                return add(place_event{time_, static_cast<place_change>(below(3)), node_name(n),
                                       there_[n] ? gpu : std::nullopt});
            case 13: return add(health_event{time_, node_name(n), gpu, below(2) == 0, {}});
            case 14:
                return add(reading_event{.time = time_,
                                         .node = node_name(n),
                                         .gpu = gpu,
                                         .temperature = 70.0 + static_cast<double>(below(30))});
            case 15: return add(threshold_event{.time = time_, .temperature = 90.0});
            case 9: return add(task_event{time_, task_report::moved, some, one()});
            case 8: return add(task_event{time_, task_report::stopped, some, one()});
            case 7:
                return add(task_event{time_, below(3) == 0 ? task_report::failed : task_report::finish, some, one()});
            case 6: return add(task_event{time_, task_report::cancel, some, one()});
            case 5: return add(progress_event{time_, some, {}, 0.5});
            case 4: return add(decide_event{time_});
            default: return job();
        }
    }

    std::uint64_t state_;
    double time_ = 0;
    std::size_t jobs_ = 0;
    bool there_[node_count] = {true, true, true, true, true};
    std::vector<job_event> tasks_;
    std::vector<numbered_event> log_;
};

std::string lines(const replayed_log& run) {
    std::string text;
    for (const decision& d : run.decided) append_decision(text, d);
    return text;
}

/// BERTH_RANDOM_DAYS sets how many: fewer under sanitizers, more for a long run.
std::uint64_t number_of_days() {
    const char* wanted = std::getenv("BERTH_RANDOM_DAYS");
    return wanted ? std::strtoull(wanted, nullptr, 10) : 8;
}

}  // namespace

TEST_CASE("random days: every decision keeps the rules, and comes again") {
    std::size_t starts = 0;
    std::size_t moves = 0;
    const std::uint64_t days = number_of_days();
    for (std::uint64_t seed = 1; seed <= days; ++seed) {
        CAPTURE(seed);
        const auto log = day{seed}.events(150);
        std::string text;
        for (const numbered_event& one : log) append_event(text, one.what);
        const auto read = read_event_log(text, "day");
        REQUIRE_MESSAGE(read.has_value(), read.error().message);
        for (const berth::io::log_policy& policy : berth::io::log_policies()) {
            CAPTURE(policy.name);
            const replay_settings settings{.policy = std::string{policy.name}, .until = 1e5};
            const auto run = replay_log(log, "day", settings);
            REQUIRE_MESSAGE(run.has_value(), run.error().message);
            REQUIRE_MESSAGE(!run->broken, *run->broken);
            if (policy.name == "berth") {
                const auto again = replay_log(*read, "day", settings);
                REQUIRE(again.has_value());
                CHECK(lines(*again) == lines(*run));
            }
            for (const decision& d : run->decided) {
                starts += std::holds_alternative<start_decision>(d) ? 1 : 0;
                moves += std::holds_alternative<move_decision>(d) ? 1 : 0;
            }
        }
    }
    CHECK(starts > 50 * days);
    CHECK(moves > 2 * days);
}
