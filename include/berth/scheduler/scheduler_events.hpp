// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/traits.hpp"
#include "berth/queue/queue_description.hpp"
#include "berth/queue/queued_job.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/detail/demand_classes.hpp"
#include "berth/scheduler/detail/eviction_pairs.hpp"
#include "berth/scheduler/detail/job_heap.hpp"
#include "berth/scheduler/detail/job_records.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/detail/mig_states.hpp"
#include "berth/scheduler/detail/place_states.hpp"
#include "berth/scheduler/detail/queue_tree.hpp"
#include "berth/scheduler/detail/room_ahead.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/scheduler_options.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Length: all events with what they promise. Include scheduler/scheduler.hpp, which also has the decisions.

namespace berth::inline v0 {

template <class Policies>
class scheduler;

namespace detail {

template <class Archive>
class scheduler_image;

}  // namespace detail

/// The kinds of events, for counts.
enum class event_kind : std::uint8_t {
    node,
    node_gone,
    close,
    open,
    drain,
    health,
    reading,
    threshold,
    job,
    running,
    finish,
    cancel,
    stopped,
    moved,
    failed,
    progress,
    decide,
    queue,
    labels,
};
/// The number of kinds.
inline constexpr std::size_t event_kind_count = 19;

/// The name of an event, as in an event log.
[[nodiscard]] constexpr const char* to_string(event_kind kind) noexcept {
    constexpr const char* names[] = {"node",      "node_gone", "close",   "open",   "drain",  "health",  "reading",
                                     "threshold", "job",       "running", "finish", "cancel", "stopped", "moved",
                                     "failed",    "progress",  "decide",  "queue",  "labels"};
    return names[static_cast<std::size_t>(kind)];
}

/// How often what happened. Events that were refused with an error are not counted.
struct scheduler_counts {
    std::uint64_t events[event_kind_count]{};        ///< by `event_kind`, duplicates included
    std::uint64_t decisions[decision_kind_count]{};  ///< by `decision_kind`
    std::uint64_t duplicates = 0;                    ///< events without effect, because they came before
};

/// A job that does not fit yet, when it is to start, and where.
struct job_reservation {
    job_handle job{};           ///< which job
    double from = 0.0;          ///< seconds: the earliest time at which it fits, if what runs ends as expected
    std::vector<slot> where{};  ///< of the tasks that have to start together
};

/// The events of a scheduler: what it is told, and what it then knows. It needs no policies; `scheduler` adds them, and
/// the decisions.
///
/// **Each event has a time** in seconds, not before that of the event before, and is one call. What comes from outside
/// is data, in every build: an event that names something unknown, or has a value out of range, is answered with an
/// error that names event, item and field; one that came before is answered with false and counted. Neither changes
/// anything else. **Reality wins**: `running`, and a node that is smaller than before, are entered whatever room there
/// is.
///
/// Names are unique per kind. The name of a job may be used again once `scheduler_options::remembered` others have
/// ended after it. Nodes, GPUs and jobs can be named, or meant by their handles.
///
/// Deterministic. Not thread-safe. An event costs O(what it touches), amortised; nothing is allocated in steady state
/// but the text of new names, and for gangs and slices. Memory O(nodes + GPUs + tasks + distinct demands x nodes +
/// classes of jobs): the name of a class is kept for good, so classes should be few, and not a name per job.
class scheduler_events {
public:
    /// Nothing is there yet.
    ///
    /// @param schema   the counters of all capacities and demands; usable, see `cluster::check`
    /// @param options  see `scheduler_options`
    explicit scheduler_events(resource_schema schema = {}, scheduler_options options = {});
    scheduler_events(const scheduler_events&) = delete;             ///< policies borrow its cluster
    scheduler_events& operator=(const scheduler_events&) = delete;  ///< policies borrow its cluster

    // ---- nodes ------------------------------------------------------------------------------------------------------
    /// A domain (rack, zone), before nodes name it. As `cluster::add_domain`.
    result<domain_index> domain(std::string_view name, std::size_t level, std::span<const amount> capacity = {}) {
        return cluster_.add_domain(name, level, capacity);
    }
    /// What a GPU model can be cut into in MIG mode, before nodes name it (docs/mig.md).
    ///
    /// @return an error if there is a board of this name
    result<void> mig_board(berth::mig_board board);
    /// A node joins, or is reported again with other capacities, GPUs or domains. Health, closed and drain of names
    /// that remain are kept, whatever the description says. GPUs in MIG mode take slices only, whatever capacity the
    /// description gives them; they are known by UUID.
    ///
    /// @return its handle; or an error as of `cluster::report`, or if a GPU in MIG mode has no UUID or its board is
    ///         unknown. A report that repeats what is known is a duplicate
    result<node_handle> node(double time, const node_description& described);
    /// The same for your own type, read through `node_traits` and `gpu_traits`. None of its GPUs is in MIG mode.
    template <class Node>
        requires node_like<Node>
    result<node_handle> node(double time, const Node& described) {
        if (auto ok = check_time("node", time); !ok) return ok.error();
        const std::uint64_t before = cluster_.structure_version();
        const auto reported = cluster_.report(described);
        return reported ? node_reported(time, *reported, before, {}) : reported;
    }
    /// A node is gone with all that ran there. Its tasks are lost, and wait again unless the job says otherwise.
    result<bool> node_gone(double time, const place_ref& place);
    /// The place takes nothing new; what runs there stays.
    result<bool> close(double time, const place_ref& place);
    /// The place is used again: neither closed nor drained.
    result<bool> open(double time, const place_ref& place);
    /// Closed, and what runs there moves elsewhere as far as there is room.
    result<bool> drain(double time, const place_ref& place);
    /// The health of a place. What is sick takes nothing new, and what runs there moves elsewhere. A watch has a word
    /// of its own: a place is used while neither calls it sick.
    result<bool> health(double time, const place_ref& place, bool healthy);
    /// What a monitor measured. What is NaN leaves what was measured before.
    result<bool> reading(double time, const place_ref& place, const place_reading& read);
    /// Limits of readings of a place. Refused if infinite, or if power or load is negative.
    result<bool> threshold(double time, const place_ref& place, const place_limits& limits);
    /// Limits of readings of all places that have none of their own.
    result<bool> threshold(double time, const place_limits& limits);

    /// The labels of a node, all of them; they stay when it is reported again.
    result<bool> labels(double time, const place_ref& node, std::span<const std::string_view> labels);

    // ---- jobs -------------------------------------------------------------------------------------------------------
    /// A queue is described, or described again: from now on what any queue names is divided between all, by
    /// guarantees, limits, weights and priorities (docs/queues.md). Jobs wait in queues that have none below them;
    /// those without a queue in one of their own. O(queues + jobs).
    ///
    /// @return false if nothing changed; or an error that names queue and field: a value out of range, an unknown
    ///         parent or counter, parents in a circle, a parent with jobs of its own
    result<bool> queue(double time, const queue_description& described);
    /// A job arrives, and waits.
    ///
    /// @return its handle; or an error that names job and field
    result<job_handle> job(double time, const job_description& described);
    /// The same for a task of your own type, read through `task_traits`: a job of one task, of the same name.
    template <class Task>
        requires task_like<Task> && (!std::is_same_v<Task, job_description>)
    result<job_handle> job(double time, const Task& task, const job_terms& terms = {}) {
        if (auto ok = check_time("job", time); !ok) return ok.error();
        if (auto ok = check_terms("", terms); !ok) return ok.error();
        const auto admitted = cluster_.admit(task);
        if (!admitted) return admitted.error();
        return job_admitted(time, *admitted, terms);
    }
    /// A task of a job is observed to run there already, whatever room there is.
    ///
    /// @param where  with as many GPUs as one of its demands wants
    result<bool> running(double time, const job_ref& job, std::uint32_t task, const slot& where);
    /// The same by the name of the node and those of the GPUs.
    result<bool> running(double time, const job_ref& job, std::uint32_t task, std::string_view node,
                         std::span<const std::string_view> gpus);
    /// A task of a job of slices is observed to run there already, whatever else runs there.
    ///
    /// @param gpu     in MIG mode
    /// @param offset  its first memory slice; a position that the board has for the job's profile
    result<bool> running_slice(double time, const job_ref& job, std::uint32_t task, const place_ref& gpu,
                               std::uint32_t offset);
    /// A job, or one of its tasks, is done.
    result<bool> finish(double time, const job_ref& job, std::uint32_t task = every_task) {
        return end(event_kind::finish, time, job, task);
    }
    /// A job, or one of its tasks, is withdrawn, whether it runs or waits.
    result<bool> cancel(double time, const job_ref& job, std::uint32_t task = every_task) {
        return end(event_kind::cancel, time, job, task);
    }
    /// Work done per second since the last report, or since the start.
    ///
    /// @param rate  0 or more
    result<bool> progress(double time, const job_ref& job, double rate);

    // ---- what the executor reports ----------------------------------------------------------------------------------
    /// An eviction is carried out.
    result<bool> stopped(double time, const job_ref& job, std::uint32_t task = every_task);
    /// A move is carried out.
    result<bool> moved(double time, const job_ref& job, std::uint32_t task = every_task);
    /// A start, a move or an eviction could not be carried out: a task that was started waits again, others stay where
    /// they were. None of it is tried again before `scheduler_options::back_off`.
    result<bool> failed(double time, const job_ref& job, std::uint32_t task = every_task);

    // ---- what is known ----------------------------------------------------------------------------------------------
    /// The fleet, and the tasks on it. Change it through events only.
    [[nodiscard]] const berth::cluster& cluster() const noexcept { return cluster_; }
    /// The options.
    [[nodiscard]] const scheduler_options& options() const noexcept { return options_; }
    /// How often what happened.
    [[nodiscard]] const scheduler_counts& counts() const noexcept { return counts_; }
    /// The time of the last event or decision.
    [[nodiscard]] double now() const noexcept { return now_; }
    /// The job of this name, if it is there.
    [[nodiscard]] std::optional<job_handle> find_job(std::string_view name) const noexcept;
    /// True if the job is there: it waits or runs.
    [[nodiscard]] bool has(job_handle job) const noexcept { return jobs_.has(job.position(), job.generation()); }
    /// The name of a job; of one that ended, too, until the second decision afterwards. Empty if it has none.
    [[nodiscard]] std::string_view name(job_handle job) const noexcept;
    /// The number of its tasks; 0 if it is gone.
    [[nodiscard]] std::size_t task_count(job_handle job) const noexcept { return has(job) ? at(job).tasks : 0; }
    /// The number of its tasks that wait.
    [[nodiscard]] std::size_t waiting(job_handle job) const noexcept { return has(job) ? at(job).waiting : 0; }
    /// The number of its tasks that run, or move, or are being stopped.
    [[nodiscard]] std::size_t running(job_handle job) const noexcept { return has(job) ? at(job).running : 0; }
    /// How many of its waiting tasks would have to start together: what lacks of its least, 1 of a job that runs
    /// already, 0 if it is gone or none waits.
    [[nodiscard]] std::size_t least_to_start(job_handle job) const noexcept {
        if (!has(job) || at(job).waiting == 0) return 0;
        return at(job).runs() ? 1 : at(job).min_tasks - at(job).running;
    }
    /// True if all GPUs of the job have to be of one model.
    [[nodiscard]] bool one_model(job_handle job) const noexcept { return has(job) && at(job).same_model; }
    /// The decisions of the last `decide`, as long as nothing happened since.
    [[nodiscard]] std::span<const decision> last_decisions() const noexcept {
        return answered_ ? decided_.view() : std::span<const decision>{};
    }
    /// What the last decision keeps for jobs that do not fit yet, in the order of the queue; empty without a backfill
    /// policy. Slots are by the positions of the moment.
    [[nodiscard]] std::vector<job_reservation> reservations() const {
        std::vector<job_reservation> found;
        for (std::size_t i = 0; i < reservations_; ++i) {
            const detail::reserved_job& r = reserved_[i];
            if (is_of_its_job(r)) found.push_back({handle(r.job), r.from, {r.slots.begin(), r.slots.end()}});
        }
        return found;
    }
    /// True if a job waits for a back-off to end.
    [[nodiscard]] bool pauses(job_handle job) const noexcept { return has(job) && at(job).not_before > now_; }
    /// True if more GPUs, or GPUs in another mode, could let the job start: it waits, no attempt has just failed, no
    /// room is being made for it, and what it was told is not its queue, a delay or counters of nodes alone.
    [[nodiscard]] bool waits_for_gpus(job_handle job) const noexcept {
        if (least_to_start(job) == 0 || pauses(job) || claims(job)) return false;
        return at(job).told == 0 || detail::demand_classes::gpus_might_help(at(job).told);
    }
    /// True if room is being made for a job: it starts once what was evicted for it has stopped.
    [[nodiscard]] bool claims(job_handle job) const noexcept {
        return has(job) && at(job).claim != detail::no_position;
    }
    /// A task of a job in the cluster; not valid if there is none.
    [[nodiscard]] task_handle task(job_handle job, std::uint32_t task) const noexcept {
        return has(job) && task < at(job).tasks ? tasks_[job.position()][task].task : task_handle{};
    }
    /// Whose a task of the cluster is; not valid if it is nobody's.
    [[nodiscard]] job_handle owner(task_index task) const noexcept {
        const bool known = task.below(owners_.size()) && owners_[task.value()].job != detail::no_position;
        return known ? handle(owners_[task.value()].job) : job_handle{};
    }
    /// The handles of all jobs that are there, in the order of arrival. O(jobs log jobs).
    [[nodiscard]] std::vector<job_handle> jobs() const;
    /// True if an event or a decision may have this time: it is finite, and not before that of the last one.
    [[nodiscard]] bool accepts(double time) const noexcept {
        return time > -detail::never && time < detail::never && !(began_ && time < now_);
    }
    /// The number of jobs that are there.
    [[nodiscard]] std::size_t job_count() const noexcept { return jobs_.taken(); }
    /// What was measured last at a place, each of its numbers by itself; NaN where it never was.
    [[nodiscard]] place_reading last_reading(const place_ref& place) const;
    /// Whether a place is used, and if not, why. O(1), by name an access to a table of names.
    [[nodiscard]] place_status status(const place_ref& place) const;
    /// True if a balancer may move the task: it runs, its job lets it, and no attempt has failed just now.
    [[nodiscard]] bool may_move(task_index task) const noexcept;
    /// The name of a job's queue; empty if it names none or is gone.
    [[nodiscard]] std::string_view queue_of(job_handle job) const noexcept {
        return has(job) ? queues_.name(at(job).leaf) : std::string_view{};
    }
    /// The profile of a job of slices; empty for other jobs.
    [[nodiscard]] std::string_view mig_profile(job_handle job) const noexcept {
        const std::uint32_t profile = has(job) ? at(job).mig_profile : detail::no_position;
        return profile == detail::no_position ? std::string_view{} : slices_.profile(profile).name;
    }
    /// The first memory slice of a slice that runs, on the GPU of its slot.
    [[nodiscard]] std::optional<std::uint32_t> mig_offset(task_handle task) const noexcept {
        const auto t = cluster_.find(task);
        const bool runs = t && slices_.is_slice(*t) && cluster_.slots()[t->value()].placed();
        return runs ? std::optional{slices_.offset(*t)} : std::nullopt;
    }
    /// The slices on a GPU in MIG mode, profiles by their positions in its board; of slices that overlap the first.
    [[nodiscard]] mig_layout mig_slices(gpu_handle gpu) const {
        const slot at = cluster_.find(gpu);
        return at.placed() ? slices_.content(at.node, lowest_gpu(at.gpus)).layout : mig_layout{};
    }
    /// The board of this name, as it was given to `mig_board`; null if none was.
    [[nodiscard]] const berth::mig_board* find_mig_board(std::string_view name) const noexcept {
        const auto b = slices_.find_board(name);
        return b ? &slices_.board(*b) : nullptr;
    }
    /// The name of the board of a GPU in MIG mode; empty of other GPUs.
    [[nodiscard]] std::string_view mig_board_of(gpu_handle gpu) const noexcept {
        const slot at = cluster_.find(gpu);
        const std::uint32_t b = at.placed() ? slices_.board_of(at.node, lowest_gpu(at.gpus)) : detail::no_position;
        return b == detail::no_position ? std::string_view{} : slices_.board(b).name();
    }
    /// The name of a class of jobs is kept for good; this is how many there are.
    [[nodiscard]] std::size_t class_count() const noexcept { return class_names_.size(); }
    /// The name of a reason: a word, or that of the counter: `gpu`, `gpu_memory`, `cpu`, ...
    [[nodiscard]] std::string_view name(const wait_count& reason) const noexcept;

private:
    template <class Policies>
    friend class scheduler;
    template <class Archive>
    friend class detail::scheduler_image;

    // Goes on with a cluster that was loaded.
    scheduler_events(berth::cluster&& loaded, scheduler_options options);
    ~scheduler_events() = default;

    struct found_place {
        node_handle node{};
        gpu_handle gpu{};
        bool gone = false;
    };

    [[nodiscard]] detail::job_record& at(job_handle job) noexcept { return records_[job.position()]; }
    [[nodiscard]] const detail::job_record& at(job_handle job) const noexcept { return records_[job.position()]; }
    [[nodiscard]] job_handle handle(std::uint32_t position) const noexcept {
        return {position, jobs_.generation(position)};
    }
    /// False once another job is at its position.
    [[nodiscard]] bool is_of_its_job(const detail::reserved_job& r) const noexcept {
        return r.job < records_.size() && jobs_.is_taken(r.job) && records_[r.job].sequence == r.sequence;
    }
    bool duplicate() noexcept {
        ++counts_.duplicates;
        return false;
    }
    [[nodiscard]] result<void> check_time(const char* event, double time) const;
    /// An event is accepted: it is counted, and it is now.
    void take(event_kind kind, double time) noexcept {
        ++counts_.events[static_cast<std::size_t>(kind)];
        now_ = time;
        began_ = true;
        told_ = told_ || kind != event_kind::decide;
    }

    // Nodes: scheduler/detail/place_events.hpp.
    [[nodiscard]] result<found_place> find_place(const char* event, const place_ref& place) const;
    [[nodiscard]] result<void> check_boards(const node_description& described) const;
    [[nodiscard]] result<node_handle> report_with_slices(const node_description& described);
    [[nodiscard]] result<node_handle> node_reported(double time, node_handle node, std::uint64_t structure_before,
                                                    std::span<const gpu_description> gpus);
    bool set_boards(node_index n, std::span<const gpu_description> gpus);
    template <class Change>
    [[nodiscard]] result<bool> change_place(event_kind kind, double time, const place_ref& place, Change change);
    [[nodiscard]] static result<void> check_limits(const place_limits& limits);
    void judge_limits(node_handle node, detail::place_state& place);
    void judge_all_limits();
    void apply(node_handle node);
    void note_overcommitment(node_index n) noexcept;

    // Queues and rules: scheduler/detail/queue_events.hpp.
    [[nodiscard]] result<std::uint32_t> find_leaf(std::string_view job, std::string_view queue) const;
    [[nodiscard]] static result<void> check_rules(std::string_view job, const place_rules& rules);
    void keep_rules(std::uint32_t job, const place_rules& rules);
    [[nodiscard]] bool names(const detail::affinity_copy& whom, std::uint32_t job) const noexcept;
    [[nodiscard]] bool is_shunned(std::uint32_t job) const noexcept;
    [[nodiscard]] const detail::job_rules* rules_of(std::uint32_t job) const noexcept {
        return job < rules_.size() ? rules_[job].get() : nullptr;
    }
    [[nodiscard]] const char* tell_reason(std::string text);

    // Jobs: scheduler/detail/job_events.hpp.
    [[nodiscard]] result<std::optional<job_handle>> find_job(const char* event, const job_ref& job) const;
    [[nodiscard]] result<void> check_terms(std::string_view name, const job_terms& terms) const;
    [[nodiscard]] result<void> check_name(std::string_view name) const;
    [[nodiscard]] result<std::uint32_t> find_profile(const job_description& described) const;
    [[nodiscard]] result<void> admit_tasks(const job_description& described);
    [[nodiscard]] result<bool> observe(double time, const job_ref& job, std::uint32_t task, const slot& where,
                                       std::uint32_t offset);
    [[nodiscard]] result<job_handle> job_admitted(double time, task_handle task, const job_terms& terms);
    [[nodiscard]] std::uint32_t add_job(std::string_view name, std::span<const task_handle> tasks, std::size_t least,
                                        int priority, const job_terms& terms, std::uint32_t mig_profile);
    result<bool> end(event_kind kind, double time, const job_ref& job, std::uint32_t task);
    template <class Act>
    result<bool> report(event_kind kind, double time, const job_ref& job, std::uint32_t task, Act act);
    [[nodiscard]] bool start_failed(std::uint32_t job, std::uint32_t task);

    // Texts: scheduler/detail/scheduler_pages.hpp.
    void start_line_anew();
    [[nodiscard]] const char* keep(std::string_view reason);

    // What happens to jobs and tasks: scheduler/detail/job_changes.hpp.
    void settle_time(detail::job_record& job) noexcept;
    void task_started(std::uint32_t job, std::uint32_t task);
    void task_stopped(std::uint32_t job, std::uint32_t task);
    void end_task(std::uint32_t job, std::uint32_t task);
    void remove_job(std::uint32_t job);
    void move_ended(std::uint32_t job, std::uint32_t task, bool arrived);
    /// Moves of slices may stay on their GPU, where the cluster sees none.
    [[nodiscard]] bool start_move(task_handle task, const slot& to, std::uint32_t offset);
    void finish_move(task_handle task);
    void cancel_move(task_handle task);
    void end_move(task_handle task, bool arrived);
    void forget_target(task_handle task) noexcept;
    /// Puts a task back where it was.
    void put_back(task_handle task, const slot& where, std::size_t alternative, std::uint32_t offset);
    void victim_gone(detail::task_record& victim, bool stopped);
    void dissolve(std::uint32_t claim);
    void leave_line(std::uint32_t job);
    void put_in_line(std::uint32_t job);
    void sleep(std::uint32_t job, double until);
    [[nodiscard]] double back_off(std::uint32_t failures) const noexcept;
    void note_short(std::uint32_t job);
    void note_amounts(std::uint32_t job) {
        if (by_turns_) recounted_.push_back(job);
    }
    [[nodiscard]] bool goes_first(std::uint32_t a, std::uint32_t b) const noexcept;
    void tell(decision_kind kind, std::uint32_t job, std::uint32_t task, const slot& where, const char* reason);

    scheduler_options options_;
    berth::cluster cluster_;
    double now_ = 0.0;
    bool began_ = false;
    scheduler_counts counts_;
    detail::place_states places_;
    detail::mig_states slices_{cluster_, places_};

    detail::position_pool jobs_;
    detail::flat<detail::job_record> records_;      // per position of a job
    detail::list_pool<detail::task_record> tasks_;  // of each job
    detail::flat<detail::task_owner> owners_;       // per position of a task of the cluster
    name_table names_;                              // per position of a job
    name_table class_names_;
    name_table ended_;            // names of jobs that ended, a ring
    std::size_t ended_next_ = 0;  // its oldest
    std::uint64_t sequence_ = 0;
    std::uint64_t level_entries_ = 0;

    detail::demand_classes classes_;
    detail::job_heap heap_;
    detail::flat<std::uint32_t> to_queue_;
    detail::flat<detail::sleeping_job> sleeping_;
    detail::flat<job_handle> short_;  // gangs that may run with fewer than their least
    detail::flat<detail::claim_record> claims_;
    detail::flat<detail::held_node> held_;
    std::uint32_t claim_serial_ = 0;

    detail::flat<detail::planned_move> planned_;  // by wave
    std::uint32_t moves_in_flight_ = 0;
    bool relief_due_ = false;
    bool room_freed_ = false;
    double relief_at_ = detail::never;
    double move_again_at_ = detail::never;  // the back-off of a move that failed ends
    detail::flat<detail::pending_reading> readings_;

    detail::flat<decision> decided_;  // since the last answer
    bool answered_ = false;
    struct lost_name {
        job_handle job{};
        std::string name;
    };
    std::vector<lost_name> lost_names_;   // of jobs that decisions mention
    std::size_t lost_told_ = 0;           // of these, those of earlier answers
    detail::flat<task_handle> admitted_;  // scratch
    std::vector<task_handle> displaced_;
    std::vector<std::unique_ptr<std::string>> kept_;  // reasons that were loaded

    std::vector<detail::reserved_job> reserved_;  // the first `reservations_` of them, in order
    std::size_t reservations_ = 0;

    detail::queue_tree queues_;
    detail::eviction_pairs reclaimed_;                       // whose places were taken for jobs of other queues
    bool told_ = true;                                       // something happened since room was claimed
    bool by_turns_ = false;                                  // queues decide whose turn it is
    detail::flat<std::uint32_t> recounted_;                  // jobs that have or want other amounts than were counted
    std::vector<std::unique_ptr<detail::job_rules>> rules_;  // per position of a job; none for most
    name_table label_names_;
    std::deque<std::string> reason_texts_;  // of the decisions since the last answer
};

}  // namespace berth::inline v0
