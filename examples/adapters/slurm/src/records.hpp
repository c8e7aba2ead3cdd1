// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace berth_slurm {

/// The beginning of the administrator's comment of a job that waits for berth; the wish follows.
inline constexpr std::string_view wish_mark = "berth:";
/// The beginning of that of a holder: a job of berth's own that keeps an end of a move.
inline constexpr std::string_view holder_mark = "berth-hold:";
/// Seconds in which a slurmctld that has just started ends on the nodes what it had forgotten; until then they take
/// nothing new.
inline constexpr double settle_seconds = 10.0;

/// A node as Slurm sees it.
struct node_record {
    std::string name{};
    bool up = true;                       ///< it is registered and not down
    bool open = true;                     ///< it takes new jobs: not drained, and it answers
    std::string reason{};                 ///< why it is down or drained, as Slurm has it
    unsigned cpus = 0;                    ///< that jobs may use
    unsigned threads = 1;                 ///< CPUs of a core; jobs get whole cores
    berth::amount memory = 0;             ///< MiB
    std::vector<std::string> features{};  ///< the first one is the model of its GPUs
    berth::gpu_mask gpus = 0;             ///< the indices of its GPUs, by the types `i0`, `i1`, ... of its GRES
    std::uint64_t shards = 0;             ///< of each GPU; 0: its GPUs are not shared

    friend bool operator==(const node_record&, const node_record&) = default;
};

/// What a job has or gets on one node.
struct allocation {
    std::string node{};
    berth::gpu_mask gpus = 0;                ///< indices
    berth::amount share = berth::whole_gpu;  ///< of each of them, in thousandths

    friend bool operator==(const allocation&, const allocation&) = default;
};

/// What a job does, as Slurm sees it.
enum class job_activity : std::uint8_t {
    pending,  ///< it waits, or is being stopped to wait again
    running,  ///< it has its nodes; suspended jobs have them as well
    ended,    ///< finished, failed or cancelled
};

/// A job as Slurm sees it.
struct job_record {
    std::uint32_t id = 0;
    job_activity activity = job_activity::pending;
    bool completing = false;     ///< its processes are being ended; it still has its nodes
    bool held = false;           ///< pending, and Slurm does not start it
    bool held_by_admin = false;  ///< held by an operator, not by the submission hook or by berth
    bool eligible = true;        ///< no dependency and no begin time keeps it from starting
    bool batch = true;           ///< it has a script, so it can be started again
    bool requeue = true;         ///< its user allows that it is started again
    bool cancelled = false;      ///< ended by a user's or operator's hand
    bool killed = false;         ///< ended by a signal or with its node, as one that was being put back into the queue
    std::string comment{};       ///< the administrator's
    std::string constraint{};    ///< features that it asks for
    std::string gres{};          ///< what it asks for on each node, as Slurm writes it
    std::string nodes_wanted{};  ///< required nodes, as Slurm writes them
    std::uint32_t nodes = 1;     ///< how many it asks for
    std::uint32_t cpus = 1;      ///< over all nodes
    berth::amount memory = 0;    ///< MiB on each node
    int priority = 0;            ///< larger is more important: minus its nice value
    double time_limit = std::numeric_limits<double>::quiet_NaN();  ///< seconds; NaN: none
    std::uint32_t restarts = 0;                                    ///< how often it was started again
    std::vector<allocation> places{};                              ///< of a running one, node by node

    /// A holder of berth's own.
    [[nodiscard]] bool is_holder() const noexcept { return std::string_view{comment}.starts_with(holder_mark); }
    /// A job whose wish berth has to fulfil.
    [[nodiscard]] bool is_wish() const noexcept { return std::string_view{comment}.starts_with(wish_mark); }
};

/// All that Slurm says at a time.
struct snapshot {
    std::uint64_t serial = 0;  ///< grows with every reading
    double time = 0.0;         ///< seconds since the epoch
    std::vector<node_record> nodes{};
    std::vector<job_record> jobs{};  ///< by ascending id

    /// The job of this id, or nothing. O(log jobs).
    [[nodiscard]] const job_record* find(std::uint32_t id) const noexcept {
        std::size_t first = 0;
        std::size_t count = jobs.size();
        while (count > 0) {
            const std::size_t half = count / 2;
            if (jobs[first + half].id < id) {
                first += half + 1;
                count -= half + 1;
            } else {
                count = half;
            }
        }
        return first < jobs.size() && jobs[first].id == id ? &jobs[first] : nullptr;
    }
    /// The node of this name, or nothing. O(nodes).
    [[nodiscard]] const node_record* find_node(std::string_view name) const noexcept {
        for (const node_record& n : nodes) {
            if (n.name == name) return &n;
        }
        return nullptr;
    }
};

}  // namespace berth_slurm
