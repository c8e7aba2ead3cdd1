// SPDX-License-Identifier: Apache-2.0
// Logs of thousands of events through a scheduler with a journal that is killed, and resumed from the journal's text.
#include "berth/allocate/greedy/linked_gpus.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/random.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/queue/queue_description.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/preemption.hpp"
#include "berth/scheduler/scheduler_journal.hpp"
#include "berth/scheduler/share_rules.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t page = 500;

const auto by_service = berth::scheduler_policies{.placement = berth::greedy{berth::best_fit{}, berth::linked_gpus{}}}
                            .with_order(berth::least_attained{.limits = {200.0, 2000.0}})
                            .with_preemption(berth::replan{});
const auto by_shares =
    berth::scheduler_policies{.placement = berth::greedy{berth::best_fit{}, berth::linked_gpus{}}}.with_preemption(
        berth::share_rules{});

struct kept_text {
    std::string* text = nullptr;

    [[nodiscard]] bool write(std::string_view more, berth::journal_write how) const {
        if (how == berth::journal_write::replace) text->clear();
        text->append(more);
        return true;
    }
};

/// How often the scheduler is killed: evenly over the log. BERTH_RESTARTS=10000 kills it after every event.
std::size_t kills(std::size_t usual, std::size_t events) {
    const char* more = std::getenv("BERTH_RESTARTS");
    const std::size_t wanted = more == nullptr ? usual : static_cast<std::size_t>(std::strtoull(more, nullptr, 10));
    return std::clamp<std::size_t>(wanted, 1, events);
}

/// A fleet of 16 nodes with 4 GPUs, about 60 jobs at a time, places that close, fail, leave and come back, and an
/// executor that reports what was decided, or fails at it. Which events come is drawn; only the reports depend on what
/// was decided. With queues jobs wait in one of four, whose quotas are short of what there is.
template <class Policies>
class restarted_log {
public:
    /// @param stride  events between two kills, 0: it lives on
    restarted_log(Policies policies, berth::acknowledgement acknowledge, std::size_t events, std::size_t stride,
                  bool queues)
        : policies_{std::move(policies)},
          events_{events},
          queues_{queues},
          options_{.acknowledge = acknowledge, .grace = 20.0, .back_off = 5.0, .remembered = 200},
          reports_{acknowledge == berth::acknowledgement::reported},
          stride_{stride},
          engine_{
              std::make_unique<journalled>(policies_, kept_text{&text_}, berth::resource_schema{}, options_, page)} {
        for (std::size_t n = 0; n < nodes; ++n) join(n);
        if (queues_) declare_queues();
    }
    void run() {
        for (std::size_t e = 0; e < events_; ++e) {
            time_ += static_cast<double>(below(4));
            const bool dies = stride_ > 0 && e % stride_ == 0;
            one_event();
            if (dies) die({});
            if (below(4) == 0) continue;
            decide();
            if (dies) die(last_);
        }
        decide();
        for (std::size_t kind = 0; kind < berth::decision_kind_count; ++kind)
            CHECK(engine_->known().counts().decisions[kind] > 20);
    }
    [[nodiscard]] const std::vector<std::string>& decided() const { return decided_; }
    [[nodiscard]] double mean_ms() const {
        return 1e3 * seconds_ / static_cast<double>(std::max<std::size_t>(restarts_, 1));
    }
    [[nodiscard]] double worst_ms() const { return 1e3 * worst_; }
    [[nodiscard]] std::size_t restarts() const { return restarts_; }
    [[nodiscard]] std::size_t longest() const { return longest_; }

private:
    using journalled = berth::journalled_scheduler<Policies, kept_text>;
    static constexpr std::size_t nodes = 16;

    [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    [[nodiscard]] static std::string node_name(std::size_t n) { return "n" + std::to_string(n); }
    void join(std::size_t n) {
        std::vector<std::string> names;
        std::vector<berth::gpu_description> gpus;
        for (std::size_t g = 0; g < 4; ++g) names.push_back(node_name(n) + "-" + std::to_string(g));
        for (const std::string& name : names) gpus.push_back({.model = n % 3 == 0 ? "B" : "A", .uuid = name});
        constexpr berth::amount links[] = {0, 1, 9, 1, 1, 0, 1, 9, 9, 1, 0, 1, 1, 9, 1, 0};
        const std::string node = node_name(n);
        berth::node_description described{.name = node, .gpus = gpus};
        if (n % 4 == 1) described.gpu_links = links;
        count(engine_->node(time_, described));
        there_[n] = true;
    }

    void declare_queues() {
        for (const char* name : {"q0", "q1", "q2", "q3"}) {
            const berth::queue_amount quota[] = {{"gpu", 8'000}};
            const berth::queue_amount limit[] = {{"gpu", 40'000}};
            berth::queue_description q{.name = name, .quota = quota, .weight = static_cast<double>(1 + below(3))};
            if (below(2) == 0) q.limit = limit;
            if (below(2) == 0) q.min_runtime_reclaim = 5.0;
            count(engine_->queue(time_, q));
        }
    }
    void one_event() {
        if (!reports_due_.empty() && below(2) == 0) return report();
        const std::size_t n = below(nodes);
        const std::string node = node_name(n);
        const std::size_t kind = below(24);
        if (kind < 6 && !there_[n]) return join(n);
        // A job that may not start again is gone with its node.
        std::erase_if(alive_, [&](const std::string& job) { return !engine_->known().find_job(job); });
        switch (kind) {
            case 0: return count(engine_->health(time_, node.c_str(), below(2) == 0));
            case 1: return count(engine_->open(time_, node.c_str()));
            case 2: return count(engine_->close(time_, {node, node + "-0"}));
            case 3: return count(engine_->drain(time_, node.c_str()));
            case 4:
                if (below(3) == 0) {
                    there_[n] = false;
                    return count(engine_->node_gone(time_, node.c_str()));
                }
                return join(n);
            case 5:
                return count(engine_->reading(time_, {node, node + "-1"},
                                              {.temperature = 60.0 + static_cast<double>(below(40)), .age = 1.0}));
            case 6: return count(engine_->threshold(time_, {.temperature = 90.0}));
            case 7:
                if (!alive_.empty()) {
                    return count(engine_->progress(time_, alive_[below(alive_.size())].c_str(),
                                                   0.5 + static_cast<double>(below(100)) / 100.0));
                }
                return add_job();
            case 8:
                if (!alive_.empty()) return end_job(true);
                return add_job();
            default: return below(80) >= alive_.size() ? add_job() : end_job(false);
        }
    }
    template <class Outcome>
    void count(const Outcome& outcome) {
        if (!outcome) FAIL(outcome.error().message);
    }
    void add_job() {
        const std::string name = "j" + std::to_string(jobs_++);
        const std::string_view only_a[] = {"A"};
        berth::job_description d{.name = name,
                                 .task_count = below(4) == 0 ? 1 + below(3) : 1,
                                 .gpus = std::size_t{1} << below(3),
                                 .priority = static_cast<int>(below(3)),
                                 .terms = {.preemptible = below(4) != 0,
                                           .restart = below(4) != 0,
                                           .duration = 10.0 + static_cast<double>(below(1000)),
                                           .delay = static_cast<double>(below(3) * below(10))}};
        if (below(4) == 0) d.accepted_models = only_a;
        if (d.task_count > 1) d.min_tasks = below(d.task_count + 1);
        constexpr std::string_view queues[] = {"q0", "q1", "q2", "q3"};
        if (queues_) d.terms.queue = queues[below(4)];
        count(engine_->job(time_, d));
        alive_.push_back(name);
    }
    void end_job(bool withdrawn) {
        const std::size_t at = below(alive_.size());
        const std::string name = alive_[at];
        alive_[at] = alive_.back();
        alive_.pop_back();
        count(withdrawn ? engine_->cancel(time_, name.c_str()) : engine_->finish(time_, name.c_str()));
    }
    /// The executor reports a decision; a job that has ended meanwhile makes that a duplicate.
    void report() {
        const std::size_t at = below(reports_due_.size());
        const due_report r = reports_due_[at];
        reports_due_[at] = reports_due_.back();
        reports_due_.pop_back();
        if (below(4) == 0) return count(engine_->failed(time_, r.job.c_str(), r.task));
        count(r.moves ? engine_->moved(time_, r.job.c_str(), r.task) : engine_->stopped(time_, r.job.c_str(), r.task));
    }

    void decide() {
        const auto answer = engine_->decide(time_);
        if (!answer) FAIL(answer.error().message);
        last_.clear();
        for (const berth::decision& d : *answer) {
            last_.push_back(in_words(engine_->known(), d));
            const bool moves = d.kind == berth::decision_kind::move;
            if (reports_ && (moves || d.kind == berth::decision_kind::evict)) {
                reports_due_.push_back({std::string{engine_->known().name(d.job)}, d.task, moves});
            }
        }
        for (const std::string& one : last_) decided_.push_back(std::to_string(time_) + " " + one);
    }
    /// Nothing is left of the scheduler but the text of its journal, which says what may not have been seen.
    void die(const std::vector<std::string>& unseen) {
        longest_ = std::max(longest_, engine_->lines());
        engine_.reset();
        const std::clock_t begin = std::clock();
        auto again = berth::resume_scheduler(text_, policies_, kept_text{&text_}, options_, page);
        const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        if (!again) FAIL(again.error().message);
        engine_ = std::move(*again);
        seconds_ += seconds;
        worst_ = std::max(worst_, seconds);
        ++restarts_;
        std::vector<std::string> told;
        for (const berth::decision& d : engine_->unconfirmed()) told.push_back(in_words(engine_->known(), d));
        if (told != unseen) FAIL_CHECK("decisions that may not have been seen are not told again");
    }

    struct due_report {
        std::string job;
        std::uint32_t task = 0;
        bool moves = false;
    };
    Policies policies_;
    std::size_t events_;
    bool queues_;
    berth::scheduler_options options_;
    bool reports_;
    std::size_t stride_;
    std::string text_;
    std::unique_ptr<journalled> engine_;
    berth::xoshiro256 random_{7};
    double time_ = 0.0;
    std::size_t jobs_ = 0;
    bool there_[nodes] = {};
    std::vector<std::string> alive_;
    std::vector<due_report> reports_due_;
    std::vector<std::string> last_;     // decisions of the last time
    std::vector<std::string> decided_;  // all of them
    std::size_t restarts_ = 0;
    std::size_t longest_ = 0;
    double seconds_ = 0.0;
    double worst_ = 0.0;
};

template <class Policies>
void compare(const Policies& policies, std::size_t events, std::size_t usual_kills, bool queues) {
    const std::size_t stride = events / kills(usual_kills, events);
    for (const auto acknowledge : {berth::acknowledgement::reported, berth::acknowledgement::at_once}) {
        CAPTURE(static_cast<int>(acknowledge));
        restarted_log lives{policies, acknowledge, events, 0, queues};
        lives.run();
        restarted_log dies{policies, acknowledge, events, stride, queues};
        dies.run();
        CHECK(dies.longest() < page + 50);  // events between two decisions come on top
        CHECK(dies.restarts() >= events / stride);
        REQUIRE(dies.decided().size() == lives.decided().size());
        std::size_t equal = 0;
        while (equal < lives.decided().size() && dies.decided()[equal] == lives.decided()[equal]) ++equal;
        CAPTURE(equal);
        CHECK(equal == lives.decided().size());
        MESSAGE("killed " << dies.restarts() << " times; resumed in " << dies.mean_ms() << " ms on average, "
                          << dies.worst_ms() << " ms of CPU time at most; " << lives.decided().size() << " decisions");
    }
}

}  // namespace

TEST_CASE("10,000 events, killed again and again: none of its decisions is doubled, none lost") {
    compare(by_service, 10'000, 25, false);
}

TEST_CASE("3,000 events with queues and shares, killed again and again: decisions as of one that lives on") {
    compare(by_shares, 3'000, 25, true);
}

TEST_CASE("1,500 events with queues and reservations, killed again and again: decisions as of one that lives on") {
    compare(by_shares.with_backfill(berth::easy_backfill{.depth = 3}), 1'500, 25, true);
}
