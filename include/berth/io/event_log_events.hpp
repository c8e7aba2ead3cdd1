// SPDX-License-Identifier: Apache-2.0
#pragma once

// Length: one struct for each event of the format, each member with its meaning and range.

#include "berth/io/event_log_expectation.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace berth::inline v0::io {

// The events of an event log, version 1, as plain structs that own what they hold; docs/event_log.md lists the keys. A
// member that is std::optional is absent if the key is. Amounts are in the units of the log: thousandths of a GPU
// (`share`, `gpu`) and of a core (`cpu`), MiB (`memory`, `gpu_memory`); other counters as the nodes declare them.

/// A counter by its name, and an amount of it, 0..`max_amount`.
struct counter_amount {
    std::string counter{};  ///< not empty
    amount value = 0;       ///< 0..`max_amount`
    /// Equal members.
    friend bool operator==(const counter_amount&, const counter_amount&) = default;
};
/// Amounts in the order of the log; every counter at most once.
using counter_amounts = std::vector<counter_amount>;

/// A counter and the amount that a queue may have of it; without a value as much as there is.
struct counter_quota {
    std::string counter{};          ///< not empty
    std::optional<amount> value{};  ///< absent: unlimited
    /// Equal members.
    friend bool operator==(const counter_quota&, const counter_quota&) = default;
};

/// What is written for people or sets defaults of the log. Stands in the first line, without time.
struct format_event {
    std::optional<std::string> note{};           ///< free text
    std::optional<std::string> source{};         ///< free text
    std::optional<bool> acknowledge_from_log{};  ///< `acknowledge`: true for `log`, false for `auto`
    std::optional<std::string> policy{};         ///< name of a policy
    std::optional<bool> consolidate{};           ///< option: may move tasks to make room
    std::optional<bool> spread{};                ///< option `placement`: true for `spread`, false for `pack`
    std::optional<double> grace{};               ///< option: seconds, from 0 on
    /// Equal members.
    friend bool operator==(const format_event&, const format_event&) = default;
};

/// A GPU of a node.
struct gpu_entry {
    std::string gpu{};                                    ///< its name (UUID), the same for ever
    std::optional<std::string> model{};                   ///< name of its model
    counter_amounts capacity{};                           ///< a counter that is not listed: unlimited (`share`: 1000)
    std::vector<std::pair<std::string, double>> links{};  ///< score of the link to a GPU of the node, from 0 on
    std::optional<std::uint32_t> numa{};                  ///< position of its NUMA domain
    std::optional<std::string> mig_board{};               ///< in MIG mode: the board, as the table of profiles names it
    /// Equal members.
    friend bool operator==(const gpu_entry&, const gpu_entry&) = default;
};

/// A node joins, or what is known of it is replaced.
struct node_event {
    double time = 0;                                             ///< seconds
    std::string node{};                                          ///< its name
    counter_amounts capacity{};                                  ///< a counter that is not listed: unlimited
    std::vector<gpu_entry> gpus{};                               ///< by position
    std::vector<std::pair<std::string, std::string>> domains{};  ///< level and name, outermost first
    std::vector<std::string> labels{};                           ///< its labels
    /// Equal members.
    friend bool operator==(const node_event&, const node_event&) = default;
};

/// A node is gone, with its tasks.
struct node_gone_event {
    double time = 0;     ///< seconds
    std::string node{};  ///< its name
    /// Equal members.
    friend bool operator==(const node_gone_event&, const node_gone_event&) = default;
};

/// What happens to the place of a `place_event`.
enum class place_change : std::uint8_t {
    close,  ///< takes nothing new; what runs stays
    open,   ///< takes tasks again
    drain,  ///< closed, and what runs should move elsewhere
};

/// `close`, `open` or `drain` of a node, or of one of its GPUs.
struct place_event {
    double time = 0;                            ///< seconds
    place_change change = place_change::close;  ///< what happens
    std::string node{};                         ///< the node
    std::optional<std::string> gpu{};           ///< absent: the node as a whole
    /// Equal members.
    friend bool operator==(const place_event&, const place_event&) = default;
};

/// The health of a node or GPU, as observed.
struct health_event {
    double time = 0;                      ///< seconds
    std::string node{};                   ///< the node
    std::optional<std::string> gpu{};     ///< absent: the node as a whole
    bool healthy = true;                  ///< false: takes nothing new
    std::optional<std::string> reason{};  ///< free text
    /// Equal members.
    friend bool operator==(const health_event&, const health_event&) = default;
};

/// What was measured of a node or GPU. Absent: not measured, which is never 0.
struct reading_event {
    double time = 0;                      ///< seconds
    std::string node{};                   ///< the node
    std::optional<std::string> gpu{};     ///< absent: the node as a whole
    std::optional<double> load{};         ///< from 0 on; 1 is all of it
    std::optional<double> temperature{};  ///< degrees Celsius
    std::optional<double> power{};        ///< watts, from 0 on
    std::optional<double> memory{};       ///< MiB in use, from 0 on
    std::optional<double> age{};          ///< seconds since it was measured, from 0 on
    /// Equal members.
    friend bool operator==(const reading_event&, const reading_event&) = default;
};

/// Limits of what is measured, of one place or, without node and GPU, of all that have none of their own.
struct threshold_event {
    double time = 0;                      ///< seconds
    std::optional<std::string> node{};    ///< the node
    std::optional<std::string> gpu{};     ///< the GPU
    std::optional<double> temperature{};  ///< degrees Celsius
    std::optional<double> power{};        ///< watts, from 0 on
    std::optional<double> load{};         ///< from 0 on
    /// Equal members.
    friend bool operator==(const threshold_event&, const threshold_event&) = default;
};

/// A queue of jobs, or a queue of queues.
struct queue_event {
    double time = 0;                              ///< seconds
    std::string queue{};                          ///< its name
    std::optional<std::string> parent{};          ///< absent: below the root
    std::vector<counter_quota> quota{};           ///< a counter that is not listed: 0
    bool unlimited_quota = false;                 ///< `quota` is null: of every counter as much as there is
    std::vector<counter_quota> limit{};           ///< a counter that is not listed: none
    double weight = 1;                            ///< of what is over all quotas, from 0 on
    std::int32_t priority = 0;                    ///< larger goes first
    std::optional<double> min_runtime_preempt{};  ///< seconds that a task runs before its queue may stop it
    std::optional<double> min_runtime_reclaim{};  ///< seconds that a task runs before another queue may stop it
    std::optional<double> usage{};                ///< share of the fleet that it used so far, 0..1
    /// Equal members.
    friend bool operator==(const queue_event&, const queue_event&) = default;
};

/// What one task asks for.
struct task_demand {
    std::uint32_t gpus = 1;                      ///< number of distinct GPUs; 0: CPU only
    counter_amounts gpu_demand{};                ///< of each GPU, as the log has it; see `demanded_share`
    counter_amounts node_demand{};               ///< of the node
    std::vector<std::string> accepted_models{};  ///< empty: all
    /// Equal members.
    friend bool operator==(const task_demand&, const task_demand&) = default;
};

/// The share of each GPU that a task asks for, in thousandths: what `gpu_demand` says; if it names neither share nor
/// memory the whole GPU; if it names memory alone, 0.
[[nodiscard]] inline amount demanded_share(const task_demand& demand) noexcept {
    bool memory = false;
    for (const counter_amount& one : demand.gpu_demand) {
        if (one.counter == "share") return one.value;
        memory = memory || one.counter == "memory";
    }
    return memory ? 0 : 1000;
}

/// Another demand that would do.
struct task_alternative {
    task_demand demand{};  ///< what it asks for then
    double speed = 1;      ///< its speed then, above 0
    /// Equal members.
    friend bool operator==(const task_alternative&, const task_alternative&) = default;
};

/// Jobs that a job wants to be near to, or away from: those of the list, or all of a class.
struct job_affinity {
    std::vector<std::string> jobs{};         ///< empty if `job_class` says whom
    std::optional<std::string> job_class{};  ///< key `class`
    std::string level{};                     ///< level of domains; `host` is the node
    /// Equal members.
    friend bool operator==(const job_affinity&, const job_affinity&) = default;
};

/// A job: one task or a gang of several.
///
/// The reader spreads what the log says once: a task of a list, and an alternative, have the job's own demand in the
/// keys that they leave out. If the job has alternatives and no demand of its own, the first is its demand.
struct job_event {
    double time = 0;                                ///< seconds
    std::string job{};                              ///< its name
    std::optional<std::string> queue{};             ///< absent: the implicit leaf below the root
    std::int32_t priority = 0;                      ///< larger goes first
    bool preemptible = true;                        ///< false: neither stopped nor moved
    std::uint32_t tasks = 1;                        ///< number of tasks, 1..`max_log_tasks`; of a list its length
    std::vector<task_demand> task_list{};           ///< empty: all tasks are alike
    std::optional<std::uint32_t> min_tasks{};       ///< the gang's least; absent: all
    task_demand demand{};                           ///< of each task that no list describes
    double speed = 1;                               ///< with that demand, above 0
    std::vector<task_alternative> alternatives{};   ///< other demands that would do
    bool same_model = false;                        ///< all GPUs of the job are of one model
    std::vector<std::string> required_labels{};     ///< nodes that have all of these
    std::vector<std::string> excluded_labels{};     ///< nodes that have none of these
    std::vector<std::string> preferred_labels{};    ///< nodes that have these are better
    std::optional<std::string> within_required{};   ///< level of domains that one of holds all tasks
    std::optional<std::string> within_preferred{};  ///< the same as a wish
    std::optional<std::string> apart{};             ///< level of domains that no two tasks share
    std::optional<job_affinity> near{};             ///< jobs to be near to
    std::optional<job_affinity> away{};             ///< jobs to be away from
    std::optional<std::string> mig{};               ///< profile of a slice
    std::optional<std::string> job_class{};         ///< key `class`: jobs that are expected to behave alike
    std::optional<double> work{};                   ///< seconds at speed 1, from 0 on
    std::optional<double> duration{};               ///< seconds that its user promised, from 0 on
    std::optional<std::int64_t> state_bytes{};      ///< bytes that travel when a task moves, from 0 on
    bool restart = true;                            ///< waits again when it was lost
    std::optional<double> delay{};                  ///< seconds before it may evict, from 0 on
    /// Equal members.
    friend bool operator==(const job_event&, const job_event&) = default;
};
/// More tasks than this has no job of a log.
inline constexpr std::uint32_t max_log_tasks = 1'000'000;

/// A slice of a GPU in MIG mode.
struct mig_slice {
    std::string profile{};     ///< such as `1g.10gb`
    std::uint32_t offset = 0;  ///< position on the GPU
    /// Equal members.
    friend bool operator==(const mig_slice&, const mig_slice&) = default;
};

/// A task that runs already.
struct running_event {
    double time = 0;                  ///< seconds
    std::string job{};                ///< its job
    std::uint32_t task = 0;           ///< its position in the job
    std::string node{};               ///< where it runs
    std::vector<std::string> gpus{};  ///< names of its GPUs
    std::optional<mig_slice> mig{};   ///< its slice
    /// Equal members.
    friend bool operator==(const running_event&, const running_event&) = default;
};

/// What is said of the tasks of a `task_event`.
enum class task_report : std::uint8_t {
    finish,   ///< they are done
    cancel,   ///< they are withdrawn, waiting ones too
    stopped,  ///< the executor has stopped what was to be evicted
    moved,    ///< the executor has moved what was to be moved
    failed,   ///< the executor could not do what was asked
};

/// `finish`, `cancel`, `stopped`, `moved` or `failed` of one task of a job, or of all.
struct task_event {
    double time = 0;                           ///< seconds
    task_report report = task_report::finish;  ///< what is said
    std::string job{};                         ///< the job
    std::optional<std::uint32_t> task{};       ///< absent: all its tasks
    /// Equal members.
    friend bool operator==(const task_event&, const task_event&) = default;
};

/// How fast a task or job worked since the last report.
struct progress_event {
    double time = 0;                      ///< seconds
    std::string job{};                    ///< the job
    std::optional<std::uint32_t> task{};  ///< absent: the job as a whole
    double rate = 0;                      ///< seconds of work at speed 1 for each second, from 0 on
    /// Equal members.
    friend bool operator==(const progress_event&, const progress_event&) = default;
};

/// Asks for decisions here, beside those after the last event of each time.
struct decide_event {
    double time = 0;  ///< seconds
    /// Equal members.
    friend bool operator==(const decide_event&, const decide_event&) = default;
};

/// One line of an event log.
using event =
    std::variant<format_event, node_event, node_gone_event, place_event, health_event, reading_event, threshold_event,
                 queue_event, job_event, running_event, task_event, progress_event, decide_event, expectation>;

/// The time of an event in seconds; none of a `format_event` and an `expectation`.
[[nodiscard]] inline std::optional<double> event_time(const event& e) noexcept {
    return std::visit(
        [](const auto& one) -> std::optional<double> {
            if constexpr (requires { one.time; })
                return one.time;
            else
                return std::nullopt;
        },
        e);
}

/// The name of an event as the log has it, such as `node_gone`; of an expectation `expect`.
[[nodiscard]] inline std::string_view event_name(const event& e) noexcept {
    constexpr std::string_view places[] = {"close", "open", "drain"};
    constexpr std::string_view reports[] = {"finish", "cancel", "stopped", "moved", "failed"};
    constexpr std::string_view names[] = {"format", "node", "node_gone", "", "health",   "reading", "threshold",
                                          "queue",  "job",  "running",   "", "progress", "decide",  "expect"};
    if (const auto* place = std::get_if<place_event>(&e)) return places[static_cast<std::size_t>(place->change)];
    if (const auto* task = std::get_if<task_event>(&e)) return reports[static_cast<std::size_t>(task->report)];
    return names[e.index()];
}

}  // namespace berth::inline v0::io
