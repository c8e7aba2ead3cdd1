// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_decisions.hpp"

#include "engine_door.hpp"
#include "gres_texts.hpp"
#include "records.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace berth_slurm {

/// How berth schedules.
struct bridge_options {
    bool shortest = false;  ///< among equal priorities the job with the fewest GPU seconds first, by time limits
    bool preempt = true;    ///< jobs of lower priority are stopped, and start again, for those of higher
    double start_timeout =
        60.0;  ///< seconds in which Slurm should have started what was released; then it is held again
    double stop_timeout = 120.0;  ///< seconds in which a job should have stopped
    /// Seconds after which a node is used again that Slurm drained because a job ran there which it had forgotten.
    double settle = settle_seconds;
    /// °C at which a GPU takes nothing new and gives its jobs away; a node all of whose GPUs are that hot is drained in
    /// Slurm. NaN: none.
    double temperature = std::numeric_limits<double>::quiet_NaN();
    double cooling = 5.0;  ///< °C below it at which they are used again
};

/// What berth wants of Slurm.
enum class order_kind : std::uint8_t {
    pin,      ///< pin to `nodes` and `gres`, and release
    hold,     ///< keep from starting
    requeue,  ///< stop; it waits again
    cancel,   ///< end a stray holder
    drain,    ///< let the node take nothing new
    resume,   ///< let it take jobs again
};
/// The kind as a word.
[[nodiscard]] const char* to_string(order_kind kind) noexcept;

/// One thing that berth wants of Slurm.
struct order {
    order_kind kind = order_kind::pin;
    std::uint32_t job = 0;  ///< of a job
    std::string nodes{};    ///< separated by commas; the node of `drain` and `resume`
    std::string gres{};     ///< of each node
    std::string reason{};   ///< for people

    friend bool operator==(const order&, const order&) = default;
};

/// A move that berth wants: of a job on one node.
struct wanted_move {
    std::uint32_t job = 0;
    allocation from{};
    allocation to{};
    std::uint32_t cpus = 1;
    berth::amount memory = 0;  ///< MiB
    std::uint64_t shards = 0;  ///< of each GPU
    std::string reason{};      ///< for people

    friend bool operator==(const wanted_move&, const wanted_move&) = default;
};

/// What berth thinks that a job does.
enum class job_phase : std::uint8_t {
    refused,   ///< its wish cannot be read: it stays held
    waiting,   ///< held
    pinned,    ///< released to its nodes; Slurm has not started it yet
    running,   ///< it runs
    stopping,  ///< it is being stopped, to wait again
    moving,    ///< on its way to another node
};
/// The phase as a word.
[[nodiscard]] const char* to_string(job_phase phase) noexcept;

/// Between Slurm and the engine: what Slurm says becomes events, what the engine decides becomes orders. No I/O, no
/// clock. Slurm is the only memory: a bridge that is made anew and shown what there is goes on where the one before
/// was.
///
/// After each reading call `observe`, then `decide`, then carry the orders out and report each.
class bridge {
public:
    /// What berth knows of a job.
    struct known_job {
        std::string name{};  ///< in the engine and its log
        job_phase phase = job_phase::waiting;
        bool ours = false;                 ///< berth may start it: it has a wish that can be read
        std::vector<allocation> places{};  ///< where it runs or is to run, node by node
        double since = 0.0;                ///< of the phase
        unsigned generation = 0;           ///< how often it was entered anew
        gpu_wish wish{};
        std::uint32_t cpus = 1;    ///< on each node
        berth::amount memory = 0;  ///< MiB on each node
        std::uint32_t nodes = 1;
        std::string note{};   ///< why it waits, where the engine does not know
        std::string asked{};  ///< the GRES that Slurm has in its request; it keeps those indices
        std::string room{};   ///< the name of a second job in the engine that has the target of its move
    };

    explicit bridge(bridge_options options = {});

    /// Takes a reading of Slurm in. What differs from what was known becomes events, and orders where Slurm has to be
    /// told. O(jobs + nodes).
    void observe(const snapshot& seen);
    /// Takes what exporters say of GPUs in, in Prometheus' text format; GPUs are known by the labels of their host and
    /// their number. Nodes all of whose GPUs are hot are drained.
    ///
    /// @return how many GPUs of the cluster it spoke of
    std::size_t read_metrics(std::string_view text, double now);
    /// Decides, and answers what Slurm has to be told, in this order.
    [[nodiscard]] std::vector<order> decide(double now);
    /// The moves that were decided since the last call.
    [[nodiscard]] std::vector<wanted_move> take_moves();
    /// Moves a running job to another node, to the same GPU indices there, because somebody asks for it.
    ///
    /// @return false, and nothing happens, if it does not run on one node, may not be started again, or has no room
    ///         there
    bool ask_move(std::uint32_t job, const std::string& node);
    /// An order was carried out, or not.
    void carried_out(const order& done, const berth::result<void>& outcome, double now);
    /// A move has ended.
    ///
    /// @param arrived  at its target; else where it was
    void move_ended(std::uint32_t job, bool arrived, double now);
    /// Before the first `observe`: a move that a berth before this one began goes on.
    void adopt(const wanted_move& move);

    /// Why a job waits, or where it is, in a few sentences. Of a job that this berth was shown.
    [[nodiscard]] std::string explain(std::uint32_t job);
    /// What was decided last, a sentence for each decision.
    [[nodiscard]] const std::vector<std::string>& sentences() const noexcept { return sentences_; }
    /// What went wrong since the last call, for people.
    [[nodiscard]] std::vector<std::string> take_troubles() { return std::exchange(troubles_, {}); }
    /// What was seen and decided since the last call, as lines of an event log.
    [[nodiscard]] std::string take_events() { return door_.take_log(); }
    /// The decisions since the last call, as lines of a log of decisions.
    [[nodiscard]] std::string take_decisions() { return std::exchange(decision_lines_, {}); }
    /// Where Slurm and berth differ: who runs where. Empty: they are equal.
    [[nodiscard]] std::vector<std::string> differences(const snapshot& seen) const;

    /// The jobs that have not ended, by id.
    [[nodiscard]] const std::map<std::uint32_t, known_job>& jobs() const noexcept { return jobs_; }
    /// Shards of each GPU; 0: GPUs are not shared.
    [[nodiscard]] std::uint64_t shards() const noexcept { return shards_; }
    /// The engine, for questions.
    [[nodiscard]] const slurm_engine& engine() const noexcept { return door_.engine(); }

private:
    bool tell(const berth::io::event& e);
    void tell_task(berth::io::task_report report, const std::string& name, std::optional<std::uint32_t> task = {});
    void observe_nodes(const snapshot& seen);
    void give_back(const node_record& n);
    void observe_job(const job_record& record);
    void meet(const job_record& record);
    void follow(const job_record& record, known_job& known);
    void follow_pending(const job_record& record, known_job& known);
    void follow_running(const job_record& record, known_job& known);
    void read_request(const job_record& record, known_job& known);
    void admit(const job_record& record, known_job& known);
    void enter(std::uint32_t id, const job_record& record, known_job& known, std::vector<allocation> places,
               job_phase phase);
    void leave(known_job& known, berth::io::task_report report);
    void enter_again(const job_record& record, known_job& known);
    bool tell_running(const std::string& name, const std::vector<allocation>& places);
    void set(known_job& known, job_phase phase) {
        known.phase = phase;
        known.since = now_;
    }
    void want(order wanted) { orders_.push_back(std::move(wanted)); }
    void note_decision(const berth::decision& d);
    [[nodiscard]] berth::io::log_place place_of(const berth::slot& where) const;
    [[nodiscard]] allocation allocation_of(const berth::slot& where, berth::amount share) const;
    void start(std::uint32_t id, known_job& known);
    [[nodiscard]] bool find_places(known_job& known, berth::gpu_mask bound);
    [[nodiscard]] bool hold_room(known_job& known, const allocation& at);
    [[nodiscard]] berth::slot slot_of(const berth::cluster& c, const std::string& node, berth::gpu_mask indices) const;
    void evict(std::uint32_t id, known_job& known);
    void begin_move(std::uint32_t id, known_job& known, const berth::decision& d);
    [[nodiscard]] bool has_room(const known_job& known, const std::string& node) const;
    void begin_move_to(std::uint32_t id, known_job& known, const std::string& node, const std::string& reason);
    [[nodiscard]] static std::uint32_t id_of(std::string_view name) noexcept;

    bridge_options options_;
    engine_door door_;
    std::map<std::uint32_t, known_job> jobs_;
    std::map<std::string, node_record, std::less<>> nodes_;
    std::map<std::uint32_t, wanted_move> adopted_;
    std::map<std::string, std::map<unsigned, double>, std::less<>> temperatures_;  // by node and index
    std::set<std::string> draining_;                      // nodes that berth has asked Slurm to drain
    std::map<std::string, double, std::less<>> doubled_;  // nodes that Slurm drained for a job it forgot: since when
    std::uint64_t shards_ = 0;
    unsigned rooms_ = 0;  // that were held for moves, for their names
    std::uint32_t threads_ = 1;
    double now_ = 0.0;
    bool limit_told_ = false;
    std::vector<order> orders_;
    std::vector<wanted_move> moves_;
    std::vector<std::string> sentences_;
    std::vector<std::string> troubles_;
    std::string decision_lines_;
};

}  // namespace berth_slurm
