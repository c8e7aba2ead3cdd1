// SPDX-License-Identifier: Apache-2.0
// Random days of a fleet with queues, gangs, labels and domains, and an executor that fails: no decision breaks a rule,
// room that was made for a job is its own, gangs do not run by halves for long, and nobody is robbed in turn.
#include "berth_bench/log_engine.hpp"
#include "support/log_fleet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace bench;
using namespace berth::io;

namespace {

constexpr double grace = 60.0;
constexpr double longest_back_off = 64.0 * 30.0;

class queue_day {
public:
    queue_day(std::uint64_t seed, bool acknowledged, bool places_fail)
        : state_{seed},
          acknowledged_{acknowledged},
          places_fail_{places_fail},
          policy_{seed % 3 == 0   ? "best_fit"
                  : seed % 3 == 1 ? "berth"
                                  : "easy"},
          fleet_{"day", acknowledged} {
        declare();
        engine_ = make_log_engine(counters_of(declared_), {.policy = policy_, .acknowledged = acknowledged});
        for (const event& e : declared_) tell(e);
    }
    /// What went wrong; empty if nothing did.
    std::string run(std::size_t steps) {
        for (std::size_t i = 0; i < steps && why_.empty(); ++i) {
            const double next = time_ + static_cast<double>(1 + below(30));
            while (why_.empty()) {
                const double due = std::min(next_report(), engine_->wake_at());
                if (!(due < next) || !(due > time_)) break;
                time_ = due;
                report();
                decide();
            }
            time_ = next;
            report();
            for (std::size_t k = below(4); k-- > 0;) something();
            decide();
        }
        return why_;
    }
    std::size_t evictions() const { return static_cast<std::size_t>(fleet_.evictions()); }
    std::size_t moves() const { return static_cast<std::size_t>(fleet_.moves()); }
    std::size_t starts() const { return starts_; }
    std::size_t claims_met() const { return claims_met_; }

private:
    struct request {
        double at = 0;
        std::string job;
        std::uint32_t task = 0;
        bool moves = false;
        bool fails = false;
    };

    std::size_t below(std::size_t n) {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return static_cast<std::size_t>((z ^ (z >> 31U)) % n);
    }
    bool one_in(std::size_t n) { return below(n) == 0; }

    void declare() {
        constexpr std::size_t nodes = 6;
        berth::amount gpus = 0;
        for (std::size_t n = 0; n < nodes; ++n) {
            node_event e{.node = "n" + std::to_string(n), .capacity = {{"cpu", 32'000}}};
            for (std::size_t g = 0; g < 2 + n % 3; ++g) {
                e.gpus.push_back({.gpu = e.node + "-" + std::to_string(g), .model = n % 2 == 0 ? "A" : "B"});
                ++gpus;
            }
            e.domains = {{"zone", n < 4 ? "z0" : "z1"}, {"rack", "r" + std::to_string(n / 2)}};
            if (n % 2 == 1) e.labels.push_back("fast");
            if (n > 3) e.labels.push_back("spot");
            declared_.emplace_back(e);
        }
        // Guarantees of the leaves sum to what there is.
        const auto queue = [&](const char* name, std::optional<std::string> parent, berth::amount quota) {
            queue_event e{.queue = name, .parent = std::move(parent)};
            e.quota = {{"gpu", quota * 1000}};
            if (one_in(4)) e.limit = {{"gpu", (quota + static_cast<berth::amount>(below(6))) * 1000}};
            e.weight = static_cast<double>(below(4));
            e.priority = static_cast<std::int32_t>(below(2));
            if (one_in(4)) e.min_runtime_preempt = static_cast<double>(below(60));
            if (one_in(4)) e.min_runtime_reclaim = static_cast<double>(below(60));
            if (one_in(6)) e.usage = static_cast<double>(below(10)) / 10.0;
            declared_.emplace_back(e);
        };
        queue("p", {}, gpus / 2);
        queue("q", {}, gpus / 2 - 2);
        queue("p0", "p", gpus / 4);
        queue("p1", "p", gpus / 4);
        queue("q0", "q", gpus / 4);
        queue("q1", "q", gpus / 4 - 2);
        queue("s", {}, 2);
        declared_.emplace_back(job_event{.job = "first", .job_class = "c0"});
    }
    void job() {
        constexpr const char* queues[] = {"p0", "p1", "q0", "q1", "s"};
        job_event e{.time = time_, .job = "j" + std::to_string(jobs_++)};
        if (!one_in(8)) e.queue = queues[below(std::size(queues))];
        e.priority = static_cast<std::int32_t>(below(3));
        e.preemptible = !one_in(5);
        e.tasks = one_in(2) ? 1 : static_cast<std::uint32_t>(1 + below(4));
        if (e.tasks > 1 && one_in(2)) e.min_tasks = static_cast<std::uint32_t>(1 + below(e.tasks));
        e.demand.gpus = static_cast<std::uint32_t>(one_in(8) ? 0 : 1 + below(2));
        if (e.demand.gpus == 0 || one_in(3))
            e.demand.node_demand = {{"cpu", static_cast<berth::amount>(1000 + below(16'000))}};
        if (e.demand.gpus == 1 && one_in(3))
            e.demand.gpu_demand = {{"share", static_cast<berth::amount>(200 + 100 * below(6))}};
        if (one_in(6)) e.required_labels = {"fast"};
        if (one_in(8)) e.excluded_labels = {"spot"};
        if (one_in(8)) e.preferred_labels = {"spot"};
        if (e.tasks > 1 && one_in(3)) e.within_required = one_in(2) ? "rack" : "zone";
        if (e.tasks > 1 && one_in(5)) e.within_preferred = "rack";
        if (e.tasks > 1 && one_in(4)) e.apart = one_in(3) ? "rack" : "host";
        if (one_in(10)) e.away = job_affinity{{}, "c0", one_in(2) ? "host" : "rack"};
        if (one_in(15)) e.near = job_affinity{{}, "c1", "rack"};
        if (one_in(5)) e.job_class = one_in(2) ? "c0" : "c1";
        if (one_in(6)) e.delay = static_cast<double>(below(50));
        e.same_model = one_in(8);
        // Jobs end when they end: some sooner than they said, some later.
        if (policy_ == "easy" && jobs_ % 5 != 0) e.duration = 20.0 + 37.0 * static_cast<double>(jobs_ % 9);
        tell(e);
    }
    void something() {
        const std::string node = "n" + std::to_string(below(6));
        if (places_fail_ && one_in(6)) {
            const auto& gpus = fleet_.node(node)->what.gpus;
            const std::optional<std::string> gpu =
                one_in(2) ? std::nullopt : std::optional{gpus[below(gpus.size())].gpu};
            disturbed_ = time_;
            if (one_in(3)) return tell(health_event{time_, node, gpu, one_in(2), {}});
            return tell(place_event{time_, static_cast<place_change>(below(3)), node, gpu});
        }
        if (one_in(2)) return job();
        // The oldest of some that run finishes.
        for (std::size_t tries = 0; tries < 20 && jobs_ > 0; ++tries) {
            const std::string name = "j" + std::to_string(below(jobs_));
            if (fleet_.job(name)->ended() || (!fleet_.job(name)->runs() && !one_in(10))) continue;
            return tell(
                task_event{time_, fleet_.job(name)->runs() ? task_report::finish : task_report::cancel, name, {}});
        }
        job();
    }

    void fail(std::string why) {
        if (why_.empty()) why_ = "at " + std::to_string(time_) + ": " + std::move(why);
    }
    void tell(const event& e) {
        if (!why_.empty()) return;
        const auto changed = fleet_.apply(e, ++line_);
        if (!changed) return fail(changed.error().message);
        if (!*changed) return;
        if (const auto ok = engine_->apply(e, fleet_); !ok) fail(ok.error().message);
    }
    double next_report() const {
        double at = std::numeric_limits<double>::infinity();
        for (const request& r : requests_) at = std::min(at, r.at);
        return at;
    }
    /// What the executor has to say by now.
    void report() {
        for (std::size_t i = 0; i < requests_.size();) {
            if (requests_[i].at > time_) {
                ++i;
                continue;
            }
            const request r = requests_[i];
            requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(i));
            const logged_task& task = fleet_.job(r.job)->tasks[r.task];
            const bool is_due = r.moves ? task.to.has_value() : task.stopping;
            if (!is_due) continue;  // it ended by itself
            if (r.fails) failed_[r.job] = time_, disturbed_ = time_;
            tell(task_event{time_,
                            r.fails   ? task_report::failed
                            : r.moves ? task_report::moved
                                      : task_report::stopped,
                            r.job, r.task});
        }
    }
    void decide() {
        if (!why_.empty()) return;
        std::vector<named_decision> made;
        if (const auto ok = engine_->decide(time_, made); !ok) return fail(ok.error().message);
        std::set<std::pair<std::string, std::string>> pairs;
        for (named_decision& one : made) {
            if (const auto ok = fleet_.apply(one.what, one.form); !ok) return fail(ok.error().message);
            if (const auto* start = std::get_if<start_decision>(&one.what)) {
                ++starts_;
                if (claimed_.erase(start->job) > 0) ++claims_met_;
            }
            if (const auto* evict = std::get_if<evict_decision>(&one.what)) {
                if (evict->for_job) pairs.insert({evict->job, *evict->for_job});
                if (evict->for_job && acknowledged_) claimed_[*evict->for_job] = time_;
                if (acknowledged_) ask(evict->job, evict->task, false);
            }
            if (const auto* move = std::get_if<move_decision>(&one.what); move != nullptr && acknowledged_)
                ask(move->job, move->task, true);
        }
        if (const auto ok = fleet_.check_room(); !ok) return fail(ok.error().message);
        for (const auto& [victim, whom] : pairs) {
            ++robbed_[{whom, victim}];
            const auto back = robbed_.find({victim, whom});
            if (back != robbed_.end() && back->second > 1 && robbed_[{whom, victim}] > 1)
                fail("jobs " + victim + " and " + whom + " evict each other again and again");
        }
        check_claims();
        check_gangs();
    }
    void ask(const std::string& job, std::uint32_t task, bool moves) {
        requests_.push_back({time_ + static_cast<double>(1 + below(20)), job, task, moves, one_in(10)});
    }
    /// Who was to get room has it once all that was to leave has left, if nothing came between.
    void check_claims() {
        for (auto at = claimed_.begin(); at != claimed_.end() && why_.empty();) {
            const logged_job& job = *fleet_.job(at->first);
            const bool under_way = !requests_.empty();
            if (under_way && !job.ended()) {
                ++at;
                continue;
            }
            // Whom it is to be near to may have ended meanwhile.
            if (!job.ended() && !job.runs() && disturbed_ < at->second && !job.what.near)
                fail("job " + at->first + " has not got the room that was made for it at " +
                     std::to_string(at->second));
            at = claimed_.erase(at);
        }
    }
    void check_gangs() {
        for (const auto& [name, job] : fleet_.jobs()) {
            const std::size_t running = job.count(logged_task::state::running);
            std::size_t left = 0;
            for (const logged_task& task : job.tasks) left += task.is != logged_task::state::done ? 1 : 0;
            if (running == 0 || running >= std::min(job.least(), left)) {
                short_since_.erase(name);
                continue;
            }
            const auto since = short_since_.try_emplace(name, time_).first->second;
            const bool in_flight = std::any_of(requests_.begin(), requests_.end(),
                                               [&, &its = name](const request& r) { return r.job == its; });
            const auto failed = failed_.find(name);
            const bool pauses = failed != failed_.end() && time_ - failed->second <= longest_back_off;
            if (time_ - since > grace && !in_flight && !pauses)
                fail("job " + name + " runs by halves since " + std::to_string(since));
        }
    }

    std::uint64_t state_;
    bool acknowledged_;
    bool places_fail_;
    std::string policy_;
    double time_ = 0;
    std::size_t line_ = 0;
    std::size_t jobs_ = 0;
    std::size_t starts_ = 0;
    std::size_t claims_met_ = 0;
    double disturbed_ = -1.0;  // something failed, or a place changed
    log_fleet fleet_;
    std::vector<event> declared_;
    std::unique_ptr<log_engine> engine_;
    std::vector<request> requests_;
    std::map<std::string, double> claimed_;
    std::map<std::string, double> failed_;
    std::map<std::string, double> short_since_;
    std::map<std::pair<std::string, std::string>, int> robbed_;  // who took, from whom: how often
    std::string why_;
};

}  // namespace

TEST_CASE("random days with queues: every decision keeps the rules") {
    std::size_t starts = 0;
    std::size_t evictions = 0;
    std::size_t moves = 0;
    std::size_t met = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        for (const bool acknowledged : {false, true}) {
            for (const bool places_fail : {false, true}) {
                CAPTURE(seed);
                CAPTURE(acknowledged);
                CAPTURE(places_fail);
                queue_day day{seed, acknowledged, places_fail};
                const std::string why = day.run(120);
                CHECK_MESSAGE(why.empty(), why);
                starts += day.starts();
                evictions += day.evictions();
                moves += day.moves();
                met += day.claims_met();
            }
        }
    }
    MESSAGE(starts << " starts, " << evictions << " evictions, " << moves << " moves, " << met << " claims met");
    CHECK(starts > 2000);
    CHECK(evictions > 250);
    CHECK(moves > 150);
    CHECK(met > 50);
}
