// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <berth/core/result.hpp>
#include <berth/io/event_log_events.hpp>
#include <berth/scheduler/any_scheduler.hpp>

#include "objects.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth_kube {

/// A place by names: a node, and the positions of GPUs there.
struct named_place {
    std::string node{};                    ///< empty: nowhere
    std::vector<std::size_t> positions{};  ///< sorted

    /// Equal in all members.
    friend bool operator==(const named_place&, const named_place&) = default;
};

/// A decision of the scheduler by names.
struct named_decision {
    berth::decision_kind kind = berth::decision_kind::start;  ///< what it is
    std::string job{};                                        ///< the job
    std::uint32_t task = 0;                                   ///< its task
    named_place where{};        ///< of a start or a move the target; of an eviction the place
    std::string beneficiary{};  ///< of an eviction: the job that gets the room; may be empty
    std::string reason{};       ///< why, for people
};

/// What a job is made of.
struct told_job {
    std::string name{};                     ///< unique for ever
    std::vector<const pod_object*> pods{};  ///< one a task; only read during the call
    int priority = 0;                       ///< larger is more important
    bool preemptible = true;                ///< it may be evicted and moved
    bool restart = true;                    ///< a task that lost its place waits again
    bool may_preempt = true;                ///< it may evict others
};

/// Where lines go: with their end.
using line_sink = std::function<void(std::string_view)>;

/// Options of a `told_engine`.
struct told_options {
    bool preempt = true;     ///< lower priority leaves for higher
    double back_off = 30.0;  ///< seconds before what failed is tried again
    std::size_t spare = 12;  ///< counters for resources and placement rules before there are any
    line_sink events{};      ///< gets the event log; may be empty
    line_sink decisions{};   ///< gets the log of decisions; may be empty
    std::string source{};    ///< noted in the event log
};

/// berth's scheduler, told of Kubernetes' objects by their names, with an event log of all that it was told.
///
/// The scheduler knows counters, not labels. So each placement rule (node selector, affinity, tolerations) that a pod
/// has is a counter of nodes: those that the rule accepts have as much of it as anyone wants, the others none, and a
/// pod with the rule asks for one. Its reasons then name the rule. Rules and extended resources take and leave spare
/// counters as pods come and go; when there are too few, the scheduler is made anew with twice as many, from what is
/// kept here.
///
/// Times are seconds, not below those before. What the scheduler refuses comes back as its error and changes nothing.
/// Deterministic; not thread-safe; needs no I/O but the sinks.
class told_engine {
public:
    /// Nothing is there yet.
    explicit told_engine(told_options options);

    /// A node joins, or is as this now.
    berth::result<void> node(double time, const node_object& described);
    /// A node is gone.
    void node_gone(double time, const std::string& name);
    /// The names of all nodes, sorted.
    [[nodiscard]] std::vector<std::string> node_names() const;
    /// True if the node is there.
    [[nodiscard]] bool has_node(const std::string& name) const { return nodes_.contains(name); }
    /// Positions of GPUs of a node that no running task holds, lowest first; fewer than asked for if there are too few.
    [[nodiscard]] std::vector<std::size_t> free_positions(const std::string& node, std::size_t wanted) const;

    /// A job arrives.
    berth::result<void> job(double time, const told_job& described);
    /// A task runs there, whatever the scheduler decided.
    berth::result<void> running(double time, const std::string& job, std::uint32_t task, const named_place& where);
    /// What is said of a task: done, withdrawn, stopped, moved, failed. False if the scheduler knows better.
    bool report(double time, berth::io::task_report what, const std::string& job, std::uint32_t task);
    /// True if the job is there.
    [[nodiscard]] bool has_job(const std::string& name) const { return jobs_.contains(name); }
    /// True if the task is there: it waits or runs.
    [[nodiscard]] bool has_task(const std::string& job, std::uint32_t task) const;

    /// True if anything was told since the last decision.
    [[nodiscard]] bool pending() const noexcept { return pending_; }
    /// Decides, with the same meaning as `scheduler::decide`.
    std::vector<named_decision> decide(double time);
    /// As of `scheduler`.
    [[nodiscard]] double wake_at() const { return engine_->wake_at(); }
    /// The scheduler, for questions.
    [[nodiscard]] berth::any_scheduler& scheduler() noexcept { return *engine_; }
    /// Why a job waits now, counted over all nodes: `4 nodes: too few GPUs free (3), not "untainted" (1)`.
    [[nodiscard]] std::string explain(const std::string& job);
    /// How often the scheduler was made anew.
    [[nodiscard]] std::size_t renewals() const noexcept { return renewals_; }

private:
    enum class activity : std::uint8_t { waiting, running, ended };
    struct kept_task {
        amounts requests{};
        std::size_t gpus = 0;
        std::size_t rule = 0;  // its counter
        activity is = activity::waiting;
        named_place where{};
        named_place moving_to{};
    };
    struct kept_job {
        std::string name{};
        std::vector<kept_task> tasks{};
        int priority = 0;
        bool preemptible = true;
        bool restart = true;
        bool may_preempt = true;
        std::uint64_t sequence = 0;
    };
    struct counter {
        std::string name{};  // empty: spare
        std::optional<placement_rule> rule{};
        std::size_t users = 0;
    };

    void start_engine();
    void renew(double time);
    [[nodiscard]] std::optional<std::size_t> find_counter(std::string_view name) const;
    std::size_t take_counter(double time, const std::string& name, const placement_rule* rule);
    void release_counters(const kept_task& task);
    [[nodiscard]] berth::amount capacity(const node_object& node, const counter& of) const;
    [[nodiscard]] std::vector<berth::amount> capacities(const node_object& node) const;
    berth::result<void> tell_node(double time, const node_object& node);
    void tell_state(double time, const node_object& node, const node_object* before);
    void log_node(double time, const node_object& node);
    [[nodiscard]] bool must_declare(const node_object& node, const counter& of) const;
    berth::result<void> tell_job(double time, const kept_job& job);
    void log_job(double time, const kept_job& job);
    void log_running(double time, const std::string& job, std::uint32_t task, const named_place& where);
    void log(const berth::io::event& e);
    void log_decision(double time, const named_decision& d, const named_place& from,
                      std::span<const berth::wait_count> reasons, std::uint32_t wave);
    void occupy(const named_place& where, int sign);
    void set_activity(kept_task& task, activity is, named_place where);
    void end_task(kept_job& job, kept_task& task);
    [[nodiscard]] named_place named(const berth::slot& where) const;
    [[nodiscard]] std::string shortage(std::size_t counter) const;
    [[nodiscard]] std::string text_of(std::span<const berth::wait_count> reasons) const;
    [[nodiscard]] std::string name_of(const berth::wait_count& reason) const;
    [[nodiscard]] std::vector<berth::amount> demand_of(const kept_task& task) const;

    told_options options_;
    std::optional<berth::any_scheduler> engine_;
    std::vector<counter> counters_;  // cpu, memory, pods, then taken or spare
    std::map<std::string, std::size_t, std::less<>> counter_of_;
    std::map<std::string, node_object> nodes_;
    std::map<std::string, std::vector<int>> held_;  // running tasks on each GPU of a node
    std::unordered_map<std::string, kept_job> jobs_;
    std::set<std::string> declared_;  // counters that the log knows
    std::uint64_t sequence_ = 0;
    std::size_t renewals_ = 0;
    bool pending_ = false;
};

}  // namespace berth_kube
