// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// A task of a log.
struct logged_task {
    enum class state : std::uint8_t { waiting, running, done };

    state is = state::waiting;
    std::size_t form = 0;                      // 0: the job's own demand, then its alternatives
    berth::io::log_place place{};              // of a running task
    bool started = false;                      // by a decision, and nothing was said of it since
    bool stopping = false;                     // an eviction is decided and not reported yet
    std::optional<berth::io::log_place> to{};  // a move is decided and not reported yet
};

/// A job of a log, and what became of it.
struct logged_job {
    berth::io::job_event what{};
    std::size_t line = 0;
    std::vector<logged_task> tasks{};
    std::optional<double> started_at{};  // when it had its least tasks for the first time
    bool evicted = false;                // by a decision for another job
    bool moved = false;
    bool stopped = false;  // by any decision
    bool lost = false;
    std::vector<std::string> reasons{};  // of its last `wait`

    [[nodiscard]] std::size_t count(logged_task::state state) const noexcept;
    [[nodiscard]] std::size_t least() const noexcept { return what.min_tasks.value_or(what.tasks); }
    [[nodiscard]] bool runs() const noexcept { return count(logged_task::state::running) >= least(); }
    [[nodiscard]] bool ended() const noexcept { return count(logged_task::state::done) == tasks.size(); }
    /// What a task asks for in that form.
    [[nodiscard]] const berth::io::task_demand& demand(std::size_t task, std::size_t form) const noexcept;
};

/// Amounts in use or free, by counter.
using counter_totals = std::map<std::string, berth::amount, std::less<>>;

/// A GPU of a log.
struct logged_gpu {
    berth::io::gpu_entry what{};
    std::string node{};
    bool there = true;
    bool closed = false;
    bool draining = false;
    bool healthy = true;
    counter_totals used{};
};

/// A node of a log.
struct logged_node {
    berth::io::node_event what{};
    bool there = true;
    bool closed = false;
    bool draining = false;
    bool healthy = true;
    counter_totals used{};
};

/// What the lines of a log say of a fleet and what decisions make of it, by names alone: kept beside a scheduler, by
/// the rules of the format and not by its code. Refuses events that name what is not there, and decisions that no
/// scheduler may take.
class log_fleet {
public:
    /// `file` is only named in messages. With `acknowledged` evictions and moves are done when the log says so, else at
    /// once.
    log_fleet(std::string file, bool acknowledged) : file_{std::move(file)}, acknowledged_{acknowledged} {}

    /// An event of that line. True if it changed anything, false if it came before; an error names file, line, field.
    [[nodiscard]] berth::result<bool> apply(const berth::io::event& e, std::size_t line);
    /// A decision; `form` is which demand a task starts with. An error says which rule it breaks.
    [[nodiscard]] berth::result<void> apply(const berth::io::decision& d, std::size_t form = 0);
    /// After all decisions of a moment: whether they fit together. What was too full before may stay so.
    [[nodiscard]] berth::result<void> check_room();

    [[nodiscard]] const std::map<std::string, logged_job, std::less<>>& jobs() const noexcept { return jobs_; }
    [[nodiscard]] const std::map<std::string, logged_node, std::less<>>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const std::map<std::string, logged_gpu, std::less<>>& gpus() const noexcept { return gpus_; }
    [[nodiscard]] const logged_job* job(std::string_view name) const;
    [[nodiscard]] const logged_node* node(std::string_view name) const;
    /// The domain of a node at a level; of level `host` the node itself. Empty if there is none.
    [[nodiscard]] std::string domain(std::string_view node, std::string_view level) const;
    /// Counters that some node or GPU has declared so far: of nodes, of GPUs.
    [[nodiscard]] const std::set<std::string, std::less<>>& node_counters() const noexcept { return node_counters_; }
    [[nodiscard]] const std::set<std::string, std::less<>>& gpu_counters() const noexcept { return gpu_counters_; }
    /// How many decisions `evict` and `move` there were.
    [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }
    [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }
    /// Names of counters that are asked for and that nobody declares.
    [[nodiscard]] std::set<std::string> undeclared() const;
    /// Places with more in use than they have: place and counter, negative amount that is free.
    [[nodiscard]] std::vector<std::pair<std::string, berth::amount>> overcommitted() const;
    /// What is free on all places that are there, in counters that they declare; negative amounts count as none.
    [[nodiscard]] counter_totals free() const;

private:
    [[nodiscard]] berth::error fault(std::string_view field, berth::error_code code, std::string_view what) const;
    [[nodiscard]] berth::error unknown(std::string_view field, const char* kind, std::string_view name) const;

    [[nodiscard]] berth::result<bool> take(const berth::io::format_event&) { return true; }
    [[nodiscard]] berth::result<bool> take(const berth::io::node_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::node_gone_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::place_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::health_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::reading_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::threshold_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::queue_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::job_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::running_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::task_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::progress_event& e);
    [[nodiscard]] berth::result<bool> take(const berth::io::decide_event&) { return true; }
    [[nodiscard]] berth::result<bool> take(const berth::io::expectation& e);

    [[nodiscard]] berth::result<void> carry_out(const berth::io::start_decision& d, std::size_t form);
    [[nodiscard]] berth::result<void> carry_out(const berth::io::evict_decision& d, std::size_t form);
    [[nodiscard]] berth::result<void> carry_out(const berth::io::move_decision& d, std::size_t form);
    [[nodiscard]] berth::result<void> carry_out(const berth::io::wait_decision& d, std::size_t form);
    [[nodiscard]] berth::result<void> carry_out(const berth::io::lost_decision& d, std::size_t form);

    [[nodiscard]] berth::result<void> check_domains(const berth::io::node_event& e);
    [[nodiscard]] berth::result<void> check_gpus(const berth::io::node_event& e) const;
    [[nodiscard]] berth::result<logged_job*> find_job(const std::string& name, std::optional<std::uint32_t> task);
    [[nodiscard]] berth::result<logged_node*> find_node(const std::string& name, const std::optional<std::string>& gpu);
    [[nodiscard]] bool there(const logged_node& node, const std::optional<std::string>& gpu) const;
    [[nodiscard]] berth::result<logged_task*> decided_task(const char* decision, const std::string& job,
                                                           std::uint32_t task, logged_job*& of);
    [[nodiscard]] std::string may_take(const logged_job& job, std::size_t task, std::size_t form,
                                       const berth::io::log_place& place) const;
    [[nodiscard]] berth::result<void> check_expected(const berth::io::expectation& e, const std::string& at) const;

    /// Whether what was placed lately keeps the rules of its job, and of others: one domain, apart, away.
    [[nodiscard]] std::string breaks_rules(const logged_job& job, std::size_t task) const;
    [[nodiscard]] bool keeps_near(const logged_job& job, const berth::io::log_place& place) const;
    /// Whether its queues let a job have what it has now.
    [[nodiscard]] std::string breaks_shares(const logged_job& job, std::size_t task) const;
    /// What a task takes of the counters of queues.
    [[nodiscard]] counter_totals queue_amounts(const logged_job& job, std::size_t task) const;
    void count_in_queues(const logged_job& job, std::size_t task, int sign);
    void count_queues_anew();

    void put(logged_job& job, std::size_t task, const berth::io::log_place& place, double time);
    void remove(logged_job& job, std::size_t task, logged_task::state then);
    void use(const logged_job& job, std::size_t task, const berth::io::log_place& place, int sign);

    std::string file_;
    bool acknowledged_;
    std::size_t line_ = 0;
    std::map<std::string, logged_job, std::less<>> jobs_;
    std::map<std::string, logged_node, std::less<>> nodes_;
    std::map<std::string, logged_gpu, std::less<>> gpus_;
    std::map<std::string, berth::io::queue_event, std::less<>> queues_;
    std::map<std::string, counter_totals, std::less<>> queue_used_;  // by what runs in a queue and below it
    std::map<std::string, counter_totals, std::less<>> queue_hard_;  // the part of it that may not be stopped
    std::vector<std::string> shy_jobs_;                              // that are to be away from others
    std::set<std::string, std::less<>> divided_;                     // counters that some queue names
    std::map<std::string, std::vector<std::pair<std::string, std::uint32_t>>, std::less<>> on_node_;  // tasks there
    std::map<std::string, std::string, std::less<>> hosts_;  // a declared `host` and its node
    std::set<std::pair<std::string, std::string>> level_order_;
    std::set<std::string, std::less<>> node_counters_;
    std::set<std::string, std::less<>> gpu_counters_{"share"};
    std::set<std::string> touched_nodes_;  // by decisions since the last check of room
    std::set<std::string> touched_gpus_;
    std::set<std::string> touched_jobs_;                          // whose GPUs are of one model
    std::vector<std::pair<std::string, std::uint32_t>> placed_;   // tasks, by decisions since the last check
    std::vector<std::pair<std::string, std::uint32_t>> started_;  // the same without those that moved
    std::map<std::string, bool> evicted_from_;                    // jobs, and whether they ran as a whole before
    std::uint64_t evictions_ = 0;
    std::uint64_t moves_ = 0;
};

}  // namespace bench
