// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/change_list.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/queue/queue_key.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/detail/job_records.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/detail/mig_states.hpp"
#include "berth/scheduler/detail/queue_books.hpp"
#include "berth/scheduler/detail/room_ahead.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

// What a scheduler works with while it decides, by question; the little that has to survive it is in its text.

namespace berth::inline v0::detail {

/// Who starts where, who leaves by the order, and what is told of those that wait.
class start_scratch {
protected:
    struct victim {
        std::uint32_t job = 0;
        queue_key key{};
    };
    struct released_task {
        std::uint32_t job = 0;
        std::uint32_t task = 0;
        slot where{};
        std::size_t alternative = 0;
        std::uint32_t offset = no_offset;  // of a slice, likewise below
    };
    struct started_task {
        std::uint32_t task = 0;
        slot where{};
    };
    struct told_wait {
        std::uint64_t sequence = 0;
        std::uint32_t job = 0;
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };
    struct node_group {
        std::size_t domain = 0;
        amount room = 0;
        std::vector<node_index> nodes{};
    };

    flat<wait_count> reasons_;  // of the decisions
    flat<told_wait> waits_;
    flat<task_handle> handles_;
    flat<std::uint32_t> ordinals_;
    flat<started_task> placed_;
    flat<std::uint32_t> candidates_;
    flat<std::uint32_t> entered_;
    flat<task_move> moves_;
    flat<const char*> reasons_of_moves_;
    flat<victim> running_;  // jobs that may leave, in order
    flat<victim> unsorted_;
    std::size_t last_running_ = 0;
    bool running_listed_ = false;
    bool running_sorted_ = false;
    flat<released_task> released_;
    flat<std::uint32_t> evicted_;
    job_rules no_rules_{};
    flat<node_index> allowed_;
    flat<node_index> without_gpus_;
};

/// What is kept for jobs that do not fit yet.
class backfill_scratch {
protected:
    double reserved_at_ = never;  // the first time of a reservation
    std::size_t looks_left_ = 0;
    std::size_t carried_ = 0;  // of the decision before, until they are renewed
    reserved_job sooner_;
    flat<std::uint32_t> forms_;  // of each slot
    bool kept_out_ = false;      // what was placed last would have fitted, but for a reservation
    bool avoids_ = false;        // `avoided_` holds
    bool outlives_all_ = false;
    double latest_outlived_ = 0.0;
    room_ahead ahead_;
    node_ahead later_;
    change_list released_promises_;  // nodes that something was kept on
    flat<std::uint8_t> avoided_;     // of each node
    flat<node_index> beside_;
    flat<node_index> touched_nodes_;
    flat<task_index> wished_tasks_;
    flat<std::uint32_t> of_class_;
};

/// What queues have, and whom a claim takes.
class share_scratch : protected start_scratch {
protected:
    static constexpr std::uint32_t whole_job = ~std::uint32_t{0};
    /// What may leave or move: a task above the least of an elastic job, or a whole job.
    struct victim_unit {
        std::uint32_t job = 0;
        std::uint32_t task = whole_job;
        wide_fraction excess{};
    };
    struct rehomed_task {
        std::uint32_t job = 0;
        std::uint32_t task = 0;
        slot from{};
        slot to{};
        std::uint32_t from_offset = no_offset;
        std::uint32_t to_offset = no_offset;

        [[nodiscard]] bool stays() const noexcept { return to == from && to_offset == from_offset; }
    };
    static constexpr std::uint32_t queue_none = ~std::uint32_t{0};
    /// How a job was counted last; with it go the amounts that it had and wanted.
    struct counted_share {
        std::uint32_t leaf = queue_none;
        bool hard = false;
    };
    struct adjusted_share {
        std::uint32_t leaf = 0;
        bool hard = false;
        int sign = 1;  // 0: it is to leave
    };
    enum class claim_action : std::uint8_t { consolidate, reclaim, preempt };

    amount smallest_memory_ = 0;
    flat<amount> totals_;  // of each divided counter
    flat<counted_share> counted_;
    flat<amount> counted_amounts_;
    flat<adjusted_share> adjusted_;
    flat<amount> adjusted_amounts_;
    flat<amount> waits_asked_;
    flat<amount> leaves_asked_;
    std::vector<std::uint32_t> hopeless_;  // classes whose claims failed in this decision
    flat<amount> asked_;
    flat<amount> claim_asked_;
    flat<amount> unit_amounts_;
    flat<amount> taken_amounts_;
    std::vector<victim_unit> units_;
    std::vector<std::uint32_t> best_;
    std::vector<rehomed_task> rehomed_;
    flat<started_task> claimed_;
    std::vector<std::uint32_t> touched_leaves_;
    double spared_until_ = -never;
    claim_sweep sweeps_[3]{};   // of each action
    bool has_untried_ = false;  // claimants are left for the next decision
    std::size_t lacking_copies_ = 0;
    std::size_t gpus_each_ = 0;
    bool on_freed_nodes_ = false;
    flat<std::uint32_t> usable_gpus_;  // per node
    flat<std::uint32_t> freed_gpus_;
    flat<node_index> freed_nodes_;
    std::uint64_t trials_left_ = 0;
    std::uint32_t claiming_ = no_position;  // it has its place already, in the cluster alone
};

}  // namespace berth::inline v0::detail
