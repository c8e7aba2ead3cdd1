// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api_call.hpp"
#include "objects.hpp"
#include "told_engine.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// Length: one class, its calls with what they promise, and what it keeps of pods and jobs.

namespace berth_kube {

/// Options of a `pod_scheduler`.
struct pod_scheduler_options {
    object_names names{};                        ///< names in objects
    std::string eviction_version = "policy/v1";  ///< `policy/v1beta1` before Kubernetes 1.22
    double replacement_wait = 60.0;  ///< seconds for which the place of an evicted pod is kept for the next one
    std::size_t bind_attempts = 4;   ///< bindings without success before the pod waits for the back-off
    bool notes = true;               ///< Events that say why pods wait
    double wall_clock = 0.0;         ///< seconds since 1970 at time 0, for Events
    line_sink problems{};            ///< gets a line for each object that was refused, without its end; may be empty
};

/// How often what happened.
struct pod_scheduler_counts {
    std::uint64_t bound = 0;       ///< pods that berth bound, confirmed by the API server
    std::uint64_t bindings = 0;    ///< requests to bind
    std::uint64_t conflicts = 0;   ///< of these, those that were refused with 409
    std::uint64_t unanswered = 0;  ///< of these, those without an answer, or with one of 5xx
    std::uint64_t failed = 0;      ///< pods that were sent to the back-off
    std::uint64_t evictions = 0;   ///< requests to evict
    std::uint64_t adopted = 0;     ///< pods that took the place that was kept for them
    std::uint64_t refused = 0;     ///< objects that could not be read
    std::uint64_t elsewhere = 0;   ///< pods of berth's that somebody else bound
};

/// Kubernetes' objects in, requests to its API server out: berth as a scheduler of Kubernetes, without a socket.
///
/// A pod is a task. It waits if berth is its scheduler and it is bound to no node; pods that are bound count, whoever
/// bound them. Pods of a group wait until the group is complete, and then are one job that starts as a whole.
///
/// A *seat* is a task of a job with the pod that sits there. An eviction, for a pod of higher priority or because its
/// node is drained or sick, deletes the pod; its controller makes another one, with another name. Until that one comes
/// the seat is vacant and its place, if it has one, is held; the first pod of the same controller that asks for the
/// same takes the seat. So a move ends where it was planned. After `replacement_wait` the seat is given up.
///
/// **No pod is bound twice and none is forgotten**: the API server decides. A binding that is refused, or not
/// answered, is followed by a look at the pod; what is found there is entered (bound by us, or by somebody else), and
/// a pod that is still unbound is bound again to the same place, a few times, before the scheduler plans anew.
///
/// Times are seconds. Objects that cannot be read are refused, counted, and change nothing. Deterministic: same calls,
/// same answers. Not thread-safe.
class pod_scheduler {
public:
    /// Nothing is there yet.
    pod_scheduler(pod_scheduler_options options, told_options engine);

    /// A node as it is now.
    void node_seen(double now, const json& object);
    /// A node is gone.
    void node_deleted(double now, const json& object);
    /// All nodes there are; others are gone.
    void nodes_listed(double now, const std::vector<json>& objects);
    /// A pod as it is now.
    void pod_seen(double now, const json& object);
    /// A pod is gone.
    void pod_deleted(double now, const json& object);
    /// All pods there are; others are gone.
    void pods_listed(double now, const std::vector<json>& objects);
    /// What came of a request.
    void answered(double now, const api_answer& answer);

    /// Decides, and says what to ask of the API server. Call it after all that happened at a time, and at `wake_at`.
    [[nodiscard]] std::vector<api_call> decide(double now);
    /// When to decide although nothing happened; infinity: never.
    [[nodiscard]] double wake_at() const;

    /// How often what happened.
    [[nodiscard]] const pod_scheduler_counts& counts() const noexcept { return counts_; }
    /// The scheduler, for questions.
    [[nodiscard]] told_engine& engine() noexcept { return engine_; }
    /// Pods of berth's that wait, those of incomplete groups included.
    [[nodiscard]] std::size_t waiting() const;
    /// Why each pod that waits does so: `default/big: 3 nodes: too few GPUs free (3)`.
    [[nodiscard]] std::vector<std::string> why_waiting();

private:
    enum class seat_state : std::uint8_t { waiting, binding, bound, stopping, moving, vacant, ended };
    struct seat {
        std::string pod{};  // uid; empty: vacant
        seat_state state = seat_state::waiting;
        named_place place{};                    // where it runs or will run; empty: not decided
        named_place target{};                   // of a move
        std::size_t attempts = 0;               // bindings or evictions without an answer that settles it
        std::size_t looks = 0;                  // without an answer
        seat_state wanted = seat_state::ended;  // once it is bound: stopping or moving; ended: neither
        double vacant_until = 0.0;
        // What a pod must be like to sit here.
        std::string owner{};
        std::string space{};
        amounts requests{};
        std::size_t gpus = 0;
        placement_rule rule{};
    };
    struct job_entry {
        std::vector<seat> seats{};
        std::string group{};
    };
    enum class pod_state : std::uint8_t {
        seated,      // it has a seat
        gathering,   // its group is incomplete
        stray,       // bound to a node that is not there
        unplaced,    // its node went before it was bound
        unsupported  // berth cannot check what it asks for
    };
    struct pod_entry {
        pod_object pod{};
        pod_state state = pod_state::stray;
        std::string job{};
        std::uint32_t task = 0;
        std::size_t entries = 0;  // jobs that it was
    };
    struct pending_report {
        berth::io::task_report what{};
        std::string job{};
        std::uint32_t task = 0;
    };

    [[nodiscard]] double event_time(double now);
    void catch_up(double now);
    void carry_out(const std::vector<named_decision>& decisions, double now);
    void refuse(const berth::error& why);
    void take_node(double now, const node_object& node);
    void take_pod(double now, pod_object pod);
    void enter(double now, pod_object pod);
    [[nodiscard]] static std::string next_name(pod_entry& entry);
    void enter_running(double now, const std::string& uid);
    void gather(double now, const std::string& uid);
    void start_job(double now, const std::string& name, const std::vector<std::string>& uids, const std::string& group);
    [[nodiscard]] bool adopt(double now, const std::string& uid);
    void follow_binding(double now, pod_entry& entry);
    void pod_gone(double now, const std::string& uid);
    void vacate(double now, const std::string& job, std::uint32_t task, seat& of);
    void end_seat(const std::string& job, std::uint32_t task, seat& of, berth::io::task_report how, double now);
    void forget_job_if_over(const std::string& job);
    void give_up_vacant(double now);
    void report_bound(double now, pod_entry& entry, seat& of);
    void bind(const pod_entry& entry, const seat& of, double not_before);
    void evict(pod_entry& entry, seat& of, seat_state as, double not_before);
    void count_running(const pod_object& pod, int sign);
    [[nodiscard]] std::size_t present_of(const std::string& group) const;
    [[nodiscard]] static bool holds_pod(seat_state state) noexcept {
        return state == seat_state::bound || state == seat_state::stopping || state == seat_state::moving;
    }
    void look(const pod_entry& entry, double not_before);
    void note(const pod_entry& entry, const std::string& message, double now);
    void bind_answered(double now, pod_entry& entry, seat& of, const api_answer& answer);
    void look_answered(double now, const std::string& uid, const api_answer& answer);
    void evict_answered(double now, pod_entry& entry, seat& of, const api_answer& answer);
    void try_again(double now, pod_entry& entry, seat& of);
    [[nodiscard]] seat* seat_of(const pod_entry& entry);

    struct sent_call {
        std::string pod{};
        call_kind kind = call_kind::look;
        named_place place{};
    };

    pod_scheduler_options options_;
    told_engine engine_;
    double decided_at_ = -1.0;
    double told_at_ = 0.0;
    std::map<std::string, std::set<std::string>> strays_;  // by node
    std::unordered_map<std::string, pod_entry> pods_;      // by uid
    std::unordered_map<std::string, job_entry> jobs_;
    std::map<std::string, std::set<std::string>> gathering_;                         // uids of unbound pods by group
    std::map<std::string, int> running_of_group_;                                    // bound pods by group
    std::map<std::string, std::set<std::pair<std::string, std::uint32_t>>> vacant_;  // seats by owner
    std::vector<pending_report> reports_;
    std::vector<std::string> unplaced_;
    std::vector<api_call> calls_;
    std::unordered_map<std::uint64_t, sent_call> sent_;
    std::uint64_t last_call_ = 0;
    pod_scheduler_counts counts_;
};

}  // namespace berth_kube
