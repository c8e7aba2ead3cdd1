// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Random events, and after each decision what has to hold of every engine, counted from the decisions alone.

using job_and_task = std::pair<std::string, std::uint32_t>;  // job, task

struct running_task {
    berth::slot where{};
    bool moving = false;
    bool stopping = false;
    berth::slot to{};
};

/// What a random day is about.
enum class day_kind : std::uint8_t {
    plain,   // one line of jobs that go anywhere
    queued,  // a tree of queues; labels, racks, jobs that are to be near to or away from others
};

template <class Engine>
class random_day {
public:
    template <class Policies>
    random_day(Policies policies, std::uint64_t seed, berth::acknowledgement acknowledge,
               day_kind kind = day_kind::plain)
        : kind_{kind},
          random_{seed},
          engine_{std::move(policies), {}, {.acknowledge = acknowledge, .grace = 20.0, .back_off = 5.0}},
          reported_{acknowledge == berth::acknowledgement::reported} {
        if (kind_ == day_kind::queued) {
            for (const char* rack : {"r0", "r1"}) REQUIRE(engine().domain(rack, 0));
            for (const char* queue : {"root", "a", "b", "c"}) describe_queue(queue);
        }
        for (int n = 0; n < 4; ++n) add_node(n);
    }
    void run(int events) {
        for (int e = 0; e < events; ++e) {
            time_ += static_cast<double>(below(3));
            one_event();
            if (below(3) != 0) decide();
        }
        decide();
    }
    [[nodiscard]] std::size_t started() const { return starts_; }
    [[nodiscard]] const std::string& log() const { return log_; }
    /// The engine that decides.
    [[nodiscard]] auto& engine() {
        if constexpr (requires { engine_.inner(); }) {
            return engine_.inner();
        } else {
            return engine_;
        }
    }

private:
    [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

    void add_node(int n) {
        const std::string name = "n" + std::to_string(n);
        std::vector<std::string> names;
        const std::size_t gpus = 1 + static_cast<std::size_t>(n) % 3;
        for (std::size_t g = 0; g < gpus; ++g) names.push_back(name + "-" + std::to_string(g));
        std::vector<berth::gpu_description> described;
        for (const std::string& one : names) described.push_back({.model = n % 2 == 0 ? "A" : "B", .uuid = one});
        const std::vector<berth::amount> capacity{4000, 64 + static_cast<berth::amount>(below(2)) * 16};
        const std::string_view rack[] = {n / 2 == 0 ? "r0" : "r1"};
        berth::node_description node{.name = name, .capacity = capacity, .gpus = described};
        if (kind_ == day_kind::queued) node.domains = rack;
        REQUIRE(engine().node(time_, node));
        if (kind_ == day_kind::queued && below(2) == 0) {
            const std::string_view labels[] = {"fast", "new"};
            REQUIRE(engine().labels(time_, name, std::span{labels}.first(1 + below(2))));
        }
    }
    /// `a` and `b` lie below `root`.
    void describe_queue(const std::string& name) {
        const berth::queue_amount quota[] = {{"gpu", static_cast<berth::amount>(below(4)) * 1000}};
        const berth::queue_amount limit[] = {{"gpu", 4000 + static_cast<berth::amount>(below(4)) * 1000},
                                             {"cpu", 12000}};
        REQUIRE(engine().queue(time_, {.name = name,
                                       .parent = name == "a" || name == "b" ? "root" : "",
                                       .quota = quota,
                                       .limit = limit,
                                       .weight = static_cast<double>(below(3)),
                                       .priority = static_cast<int>(below(2)),
                                       .min_runtime_reclaim = static_cast<double>(below(2)) * 5.0}));
    }
    void add_rules(berth::job_description& d) {
        static constexpr std::string_view fast[] = {"fast"};
        static constexpr std::string_view recent[] = {"new"};
        static constexpr std::string_view other[] = {"j1"};
        static constexpr const char* queues[] = {"a", "b", "c", ""};
        d.terms.queue = queues[below(4)];
        if (below(3) == 0) d.terms.job_class = "k";
        berth::place_rules& rules = d.terms.place;
        switch (below(10)) {
            case 0: rules.required_labels = fast; break;
            case 1: rules.excluded_labels = recent; break;
            case 2: rules.preferred_labels = recent; break;
            case 3: rules.within = 0; break;
            case 4: rules.prefer_within = berth::host_level; break;
            case 5: rules.apart = berth::host_level; break;
            case 6: rules.near = {.job_class = "k", .level = 0}; break;
            case 7: rules.away = {.jobs = other, .level = berth::host_level}; break;
            default: break;
        }
    }
    void add_job() {
        const std::string name = "j" + std::to_string(jobs_made_++);
        const berth::amount share[] = {500};
        const berth::amount host[] = {static_cast<berth::amount>(below(3)) * 1000, 16};
        const std::string_view only_a[] = {"A"};
        berth::job_description d{.name = name,
                                 .task_count = 1 + below(3) / 2 * (1 + below(3)),
                                 .gpus = below(3),
                                 .node_demand = host,
                                 .priority = static_cast<int>(below(3)),
                                 .terms = {.preemptible = below(4) != 0,
                                           .restart = below(4) != 0,
                                           .duration = 1.0 + static_cast<double>(below(100)),
                                           .delay = static_cast<double>(below(3) * below(10))}};
        if (d.gpus == 1 && below(2) == 0) d.gpu_demand = share;
        if (below(4) == 0) d.accepted_models = only_a;
        if (d.task_count > 1) d.min_tasks = below(d.task_count + 1);
        d.same_model = below(5) == 0;
        if (kind_ == day_kind::queued) add_rules(d);
        REQUIRE(engine().job(time_, d));
        alive_[name] = {d.task_count, d.terms.restart, d.min_tasks == 0 ? d.task_count : d.min_tasks};
    }
    void one_event() {
        if (kind_ == day_kind::queued && below(20) == 0) return describe_queue(below(2) == 0 ? "a" : "c");
        const std::string node = "n" + std::to_string(below(4));
        const bool there = engine().cluster().find_node(node).has_value();
        switch (below(14)) {
            case 0:
            case 1:
            case 2:
            case 3: add_job(); break;
            case 4:
            case 5:
            case 6: end_job(); break;
            case 7:
                if (there) REQUIRE(engine().health(time_, node, below(3) != 0));
                break;
            case 8:
                if (there) REQUIRE(engine().drain(time_, node));
                break;
            case 9:
            case 10:
                if (there) REQUIRE(engine().open(time_, node));
                break;
            case 11:
                if (there) REQUIRE(engine().close(time_, {node, node + "-0"}));
                break;
            case 12:
                if (there && below(2) == 0) {
                    lose(node);
                } else {
                    add_node(static_cast<int>(below(4)));
                }
                break;
            default: observe(node, there); break;
        }
        if (reported_) acknowledge();
    }
    void end_job() {
        if (alive_.empty()) return;
        auto at = alive_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(below(alive_.size())));
        const std::string name = at->first;
        REQUIRE(*engine().finish(time_, name));
        CHECK_FALSE(*engine().finish(time_, name));
        alive_.erase(at);
        std::erase_if(running_, [&](const auto& r) { return r.first.first == name; });
    }
    /// A node leaves: its tasks are lost, by the next decision at the latest.
    void lose(const std::string& node) {
        const auto n = *engine().cluster().find(*engine().cluster().find_node(node));
        for (auto& [who, task] : running_) {
            if (task.moving && task.to.node == n && task.where.node != n) task.moving = false;
        }
        REQUIRE(engine().node_gone(time_, node));
        for (auto it = running_.begin(); it != running_.end();) {
            if (it->second.where.node != n) {
                ++it;
                continue;
            }
            expected_lost_.push_back(it->first);
            job& of = alive_.at(it->first.first);
            if (!of.restart && --of.tasks == 0) alive_.erase(it->first.first);
            it = running_.erase(it);
        }
    }
    /// A waiting or running task turns out to run somewhere.
    void observe(const std::string& node, bool there) {
        if (!there || alive_.empty()) return;
        const auto& [name, of] = *alive_.begin();
        const auto n = *engine().cluster().find(*engine().cluster().find_node(node));
        const auto done = engine().running(time_, name, 0, {n, 1});
        if (!done) return;  // it wants another number of GPUs
        if (!*done) return;
        const job_and_task who{name, 0};
        running_[who] = {.where = {n, 1}, .stopping = running_[who].stopping};
    }
    void acknowledge() {
        for (auto it = running_.begin(); it != running_.end();) {
            auto& [who, task] = *it;
            if ((!task.moving && !task.stopping) || below(2) == 0) {
                ++it;
                continue;
            }
            if (below(4) == 0) {
                CHECK(*engine().failed(time_, who.first, who.second));
                task.moving = task.stopping = false;
                ++it;
            } else if (task.moving) {
                CHECK(*engine().moved(time_, who.first, who.second));
                task.where = task.to;
                task.moving = false;
                ++it;
            } else {
                CHECK(*engine().stopped(time_, who.first, who.second));
                it = running_.erase(it);
            }
        }
    }

    void decide() {
        const auto answer = engine_.decide(time_);
        REQUIRE(answer);
        for (const berth::decision& d : *answer) take(d);
        CHECK(expected_lost_.empty());
        if constexpr (requires { engine_.wake_at(); }) CHECK(engine_.wake_at() > time_);
        check();
    }
    void take(const berth::decision& d) {
        const job_and_task who{std::string{engine().name(d.job)}, d.task};
        INFO(in_words(engine(), d));
        log_ += in_words(engine(), d) + "\n";
        switch (d.kind) {
            case berth::decision_kind::start:
                REQUIRE(alive_.contains(who.first));
                CHECK_FALSE(running_.contains(who));
                running_[who] = {.where = d.where};
                ++starts_;
                break;
            case berth::decision_kind::evict:
                REQUIRE(running_.contains(who));
                CHECK(running_[who].where == d.where);
                if (reported_) {
                    running_[who].stopping = true;
                } else {
                    running_.erase(who);
                }
                break;
            case berth::decision_kind::move:
                REQUIRE(running_.contains(who));
                CHECK(running_[who].where == d.from);
                if (reported_) {
                    running_[who].moving = true;
                    running_[who].to = d.where;
                } else {
                    running_[who].where = d.where;
                }
                break;
            case berth::decision_kind::wait: CHECK(alive_.contains(who.first)); break;
            case berth::decision_kind::lost: CHECK(std::erase(expected_lost_, who) == 1); break;
        }
    }
    void check() {
        const auto sound = berth::check_cluster(engine().cluster());
        if (!sound) FAIL(sound.error().message);
        CHECK(engine().job_count() == alive_.size());
        std::size_t tasks = 0;
        for (const auto& [name, of] : alive_) {
            const auto job = engine().find_job(name);
            REQUIRE(job);
            tasks += of.tasks;
            std::size_t run = 0;
            for (std::uint32_t t = 0; t < engine().task_count(*job); ++t) {
                const auto it = running_.find({name, t});
                const berth::slot where = engine().cluster().where(engine().task(*job, t));
                CHECK(where == (it == running_.end() ? berth::unplaced : it->second.where));
                run += it == running_.end() ? 0 : 1;
            }
            CHECK(engine().running(*job) == run);
            if (engine().waiting(*job) > 0) check_waits(*job);
        }
        CHECK(engine().cluster().task_count() == tasks);
    }
    /// A job of one task that waits and does not pause fits nowhere.
    void check_waits(berth::job_handle job) {
        if (engine().task_count(job) > 1 || known().pauses(job) || known().claims(job)) return;
        if (kind_ == day_kind::queued) return;  // its queue may be full
        const auto t = *engine().cluster().find(engine().task(job, 0));
        const auto demand = engine().cluster().workload().demand(t);
        for (std::size_t n = 0; n < engine().cluster().fleet().node_count(); ++n)
            CHECK_FALSE(engine().cluster().admissible(demand, berth::node_index{n}));
    }
    [[nodiscard]] const berth::scheduler_events& known() {
        if constexpr (requires { engine().known(); }) {
            return engine().known();
        } else {
            return engine();
        }
    }

    struct job {
        std::size_t tasks = 0;
        bool restart = true;
        std::size_t least = 0;
    };
    day_kind kind_;
    berth::xoshiro256 random_;
    Engine engine_;
    bool reported_;
    double time_ = 0.0;
    std::size_t jobs_made_ = 0;
    std::size_t starts_ = 0;
    std::map<std::string, job> alive_;
    std::map<job_and_task, running_task> running_;
    std::vector<job_and_task> expected_lost_;
    std::string log_;
};
