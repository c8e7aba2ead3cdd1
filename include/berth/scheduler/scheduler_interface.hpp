// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/balance/cluster_balancer.hpp"
#include "berth/balance/cluster_readings.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/core/change_list.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/core/result.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/why_not.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/detail/mix_image.hpp"
#include "berth/scheduler/detail/queue_books.hpp"
#include "berth/scheduler/detail/queue_turns.hpp"
#include "berth/scheduler/detail/scheduler_parts.hpp"
#include "berth/scheduler/detail/scheduler_scratch.hpp"
#include "berth/scheduler/scheduler_events.hpp"
#include "berth/scheduler/scheduler_policies.hpp"
#include "berth/scheduler/share_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Length: one class, with its functions by question. Include scheduler/scheduler.hpp, which also has the definitions
// (scheduler/detail/).

namespace berth::inline v0 {

/// The engine: events in, decisions out. It places jobs in the order of its queue, gangs as a whole or not at all,
/// moves what runs on sick and drained places elsewhere, in waves that fit, evicts where its preemption allows it, and
/// says why a job waits.
///
/// A decision is taken for the moment: where nothing is acknowledged (`acknowledgement::reported`), a move holds both
/// ends, and the nodes for whose sake others are evicted take nothing else, until the executor reports.
///
/// Waiting jobs of equal demands are one class: none is tried where an equal one has just failed, before a node has
/// changed so that it would take one of its tasks. So 10,000 waiting jobs cost what their distinct demands cost.
///
/// Deterministic: the same policies, events and decisions' times give the same decisions. Not thread-safe. Neither
/// copyable nor movable, because its policies borrow its cluster.
///
/// @tparam Policies  a `scheduler_policies`
template <class Policies = scheduler_policies<>>
class scheduler : public scheduler_events, private detail::share_scratch, private detail::backfill_scratch {
    using order_type = decltype(Policies::order);
    using preemption_type = decltype(Policies::preemption);
    using placer_type = decltype(std::declval<const decltype(Policies::placement)&>().start(
        std::declval<berth::cluster&>(), std::declval<const cluster_placer_options&>(),
        std::declval<const workload* const&>()));
    using relief_type = decltype(detail::start_relief(std::declval<const decltype(Policies::balance)&>(),
                                                      std::declval<const scheduler_events&>()));
    using watch_type = decltype(detail::start_watch(std::declval<const decltype(Policies::watch)&>(),
                                                    std::declval<const scheduler_events&>()));
    static constexpr bool relieves = !std::is_same_v<relief_type, detail::no_state>;
    static constexpr bool watches = !std::is_same_v<watch_type, detail::no_state>;
    static constexpr bool evicts = preempts<preemption_type>;
    static constexpr bool shares_out = follows_shares<preemption_type>;
    static constexpr bool backfills = !std::is_same_v<decltype(Policies::backfill), no_backfill>;
    static_assert(!shares_out || share_policy<preemption_type>,
                  "berth: a preemption with `by_shares` has the members of share_rules (scheduler/share_rules.hpp)");

public:
    /// @param policies  what it is made of
    /// @param schema    the counters of all capacities and demands; usable, see `cluster::check`
    /// @param options   what is usual
    explicit scheduler(Policies policies = {}, resource_schema schema = {}, scheduler_options options = {})
        : scheduler_events{std::move(schema), options}, policies_{std::move(policies)}, measured_{cluster_} {
        by_turns_ = shares_out;
        start_policies({});
    }

    /// Decides, for all events so far: call it after the last event of each time, and at `wake_at`.
    ///
    /// @return the decisions in the order in which to carry them out; valid until the next event or decision. An error
    ///         if the time is not finite or before that of the last event
    [[nodiscard]] result<std::span<const decision>> decide(double time);

    /// When a decision may be due although nothing happened: a back-off, a grace or a delay ends, a watch looks,
    /// a level is reached. Infinity: never. O(tasks of gangs that are short + jobs that sleep), with levels O(jobs).
    [[nodiscard]] double wake_at() const;

    /// As `save_scheduler`; include `scheduler/scheduler_text.hpp`.
    [[nodiscard]] std::string save();
    /// As `load_scheduler`; include `scheduler/scheduler_text.hpp`.
    [[nodiscard]] static result<std::unique_ptr<scheduler>> load(std::string_view text, Policies policies,
                                                                 scheduler_options options);

    /// Why a job waits, counted over all nodes, with the node that comes nearest: of its first task that waits.
    /// `why_not::nodes` is 0 if none does. O(nodes x GPUs).
    [[nodiscard]] why_not explain(job_handle job) {
        for (std::uint32_t t = 0; has(job) && t < at(job).tasks; ++t) {
            if (tasks_[job.position()][t].activity == detail::task_activity::waiting)
                return placer_->explain(tasks_[job.position()][t].task);
        }
        return {};
    }
    /// A job as the order sees it now; empty if it is gone.
    [[nodiscard]] queued_job view(job_handle job) const { return has(job) ? view(job.position()) : queued_job{}; }
    /// The policies.
    [[nodiscard]] const Policies& policies() const noexcept { return policies_; }
    /// The watch, for samples of more than a `reading` has. Only with a watch.
    [[nodiscard]] watch_type& watch() noexcept
        requires watches
    {
        return *watch_;
    }
    /// The placer, for what-if questions.
    [[nodiscard]] placer_type& placer() noexcept { return *placer_; }

private:
    // ---- texts ------------------------------------------------------------------------------------------------------
    scheduler(berth::cluster&& loaded, Policies policies, scheduler_options options)
        : scheduler_events{std::move(loaded), options}, policies_{std::move(policies)}, measured_{cluster_} {
        by_turns_ = shares_out;
    }
    void start_policies(const detail::mix_image& mix);
    void forget_watched();
    template <class Archive>
    void visit_own(Archive& a);
    template <class Archive>
    void visit_reservations(Archive& a);

    // ---- what the order sees ----------------------------------------------------------------------------------------
    [[nodiscard]] queued_job view(std::uint32_t j) const;
    [[nodiscard]] double remaining(std::uint32_t j, double attained) const;
    /// Of its tasks that have not ended.
    [[nodiscard]] task_handle first_task(std::uint32_t j) const;

    // ---- watch and relief -------------------------------------------------------------------------------------------
    void follow_watch();
    template <class Change>
    void take_health(const Change& c);
    void relieve();
    /// Puts the moves of a round into waves. False if there are none.
    template <class Round>
    [[nodiscard]] bool plan_moves(const Round& round);
    [[nodiscard]] bool shares_gpus(const task_move& r) const;
    /// Begins the next wave once the one before has ended; where all is done at once, all of them.
    void begin_waves();
    void begin_move(const detail::planned_move& m);
    /// False if its target does not take it.
    bool begin_task_move(std::uint32_t j, std::uint32_t task, const slot& to, const char* why, std::uint32_t wave,
                         std::uint32_t offset = detail::no_offset);
    void relieve_by_rules();
    [[nodiscard]] released_task released(std::uint32_t j, std::uint32_t task);

    // ---- gangs that lost some of their tasks ------------------------------------------------------------------------
    void stop_short_gangs();
    /// When a gang that is short is stopped; never while one of its tasks moves or is being stopped.
    [[nodiscard]] double grace_ends(std::uint32_t j) const;
    /// No task of it moves or is being stopped.
    [[nodiscard]] bool all_run(std::uint32_t j) const;
    /// Evicts the tasks of a job, for another one or for none.
    void stop_job(std::uint32_t j, std::uint32_t claim, const char* reason, job_handle beneficiary = {});

    // ---- the line ---------------------------------------------------------------------------------------------------
    void follow_levels();
    void fill_line();
    [[nodiscard]] bool is_leaving(std::uint32_t j) const;
    void enter_line(std::uint32_t j);
    [[nodiscard]] static std::size_t least_of(const detail::job_record& r) noexcept;
    [[nodiscard]] detail::class_terms terms_of(std::uint32_t j) const;
    void list_waiting(std::uint32_t j);
    /// Bit m for each GPU model that the next tasks of a job of one model may use; 0 for other jobs.
    [[nodiscard]] std::uint64_t models_of(std::uint32_t j) const;

    // ---- starts -----------------------------------------------------------------------------------------------------
    /// Places a job's least tasks at least, into `placed_`. What it changes is the cluster alone.
    [[nodiscard]] bool place_job(std::uint32_t j);
    /// The same for the tasks that are listed in `handles_`.
    [[nodiscard]] bool place_listed(std::uint32_t j, std::size_t least);
    /// The same whatever is kept for others, on some nodes; on all if none is listed.
    [[nodiscard]] bool place_freely(std::uint32_t j, std::size_t least, std::span<const node_index> nodes);
    [[nodiscard]] bool list_without_gpus(std::span<const task_handle> tasks, std::span<const node_index> nodes);
    [[nodiscard]] slot place_task(task_handle task, std::span<const node_index> nodes);
    [[nodiscard]] bool place_gang_among(std::uint32_t j, std::span<const node_index> nodes, std::size_t least);
    [[nodiscard]] bool place_gang_on(std::uint32_t j, std::span<const node_index> nodes, std::size_t least);
    void take_back(std::uint32_t j);
    void announce_placed(std::uint32_t j);
    /// Jobs for which room was made.
    void start_claims();
    void start_waiting();
    [[nodiscard]] bool place_and_announce(std::uint32_t j);
    void propose_again(bool room_was_left);
    void order_candidates();
    void sink_candidate(std::size_t at);
    void drop_candidate();
    /// A class is tried if an attempt may succeed.
    void propose(std::uint32_t c);

    // ---- what is kept for jobs that do not fit yet ------------------------------------------------------------------
    [[nodiscard]] double seconds_left(std::uint32_t j) const;
    void forget_reservations();
    void drop_reservation(std::size_t i);
    void forget_reservation_of(std::uint32_t j);
    [[nodiscard]] std::size_t reservation_of(std::uint32_t j) const noexcept;
    void renew_reservations();
    [[nodiscard]] bool still_holds(std::size_t i);
    [[nodiscard]] bool list_forms(const detail::reserved_job& r);
    [[nodiscard]] bool reserve(std::uint32_t j);
    [[nodiscard]] std::size_t place_of_reservation(std::uint32_t j) const;
    [[nodiscard]] bool look_ahead(std::uint32_t j, std::size_t but, detail::reserved_job& made);
    template <class Visit>
    void for_each_outlived(std::uint32_t j, double end, const Visit& visit) const;
    [[nodiscard]] bool keeps_promises(std::uint32_t j);
    [[nodiscard]] bool fits_at_its_time(std::size_t i);
    [[nodiscard]] bool fits_later(std::size_t i, node_index n, const demand_view* beside);
    [[nodiscard]] bool domains_have_room_later(std::size_t i) const;
    [[nodiscard]] bool place_beside(std::uint32_t j, std::size_t least);
    [[nodiscard]] bool tries_another(std::uint32_t c, std::uint32_t j, bool kept_out);
    [[nodiscard]] std::uint32_t next_in_class(std::uint32_t c, std::uint32_t j, double latest_end);
    void start_class(std::uint32_t c) noexcept;
    void follow_class(std::uint32_t c, std::uint32_t j);
    void note_failed(std::uint32_t c, bool kept_out);
    [[nodiscard]] bool is_gone_by(task_index t, double time) const;
    void note_reserved_time();
    void tell_reserved();
    [[nodiscard]] std::uint64_t explain_kept_out(std::uint32_t c);
    [[nodiscard]] std::uint32_t kept_nodes();
    [[nodiscard]] const char* tell_reservation(std::uint32_t j, job_handle& beneficiary);
    /// The job of a class that is tried next.
    [[nodiscard]] std::uint32_t next_of(std::uint32_t c) const noexcept {
        if constexpr (backfills) {
            return classes_[c].next;
        } else {
            return classes_[c].first;
        }
    }

    // ---- rules that tie jobs to places ------------------------------------------------------------------------------
    [[nodiscard]] const detail::job_rules* rules_for(std::uint32_t j) const;
    template <class Visit>
    void for_each_place(std::uint32_t j, const Visit& visit) const;
    template <class Visit>
    void for_each_open_node(const Visit& visit) const;
    void list_allowed(std::uint32_t j, const detail::job_rules& rules);
    [[nodiscard]] std::vector<node_group> by_domain(std::span<const node_index> nodes, domain_level level) const;
    static void put_first(std::vector<node_group>& groups, std::size_t domain);
    [[nodiscard]] amount free_share(node_index n) const;
    [[nodiscard]] amount room_on(node_index n) const;
    [[nodiscard]] slot place_one(std::uint32_t j, std::size_t i, std::span<const node_index> nodes,
                                 std::uint64_t models = ~std::uint64_t{0});
    [[nodiscard]] bool place_slices(std::uint32_t j, std::span<const node_index> nodes, std::size_t wanted);
    [[nodiscard]] bool is_sliced(std::uint32_t j) const noexcept {
        return records_[j].mig_profile != detail::no_position;
    }
    [[nodiscard]] bool place_by_rules(std::uint32_t j, const detail::job_rules& rules, std::size_t least);
    [[nodiscard]] bool place_liked(std::uint32_t j, const detail::job_rules& rules, std::span<const node_index> nodes,
                                   std::size_t wanted);
    [[nodiscard]] bool place_together(std::uint32_t j, const detail::job_rules& rules,
                                      std::span<const node_index> nodes, std::size_t wanted);
    [[nodiscard]] bool place_on(std::uint32_t j, const detail::job_rules& rules, std::span<const node_index> nodes,
                                std::size_t wanted);
    [[nodiscard]] bool place_apart(std::uint32_t j, domain_level level, std::span<const node_index> nodes,
                                   std::size_t wanted);

    // ---- turns of queues --------------------------------------------------------------------------------------------
    void add_amounts(task_index t, detail::flat<amount>& to) const;
    void ask_for(std::size_t least);
    void measure_fleet();
    void count_shares();
    void recount(std::uint32_t j);
    void adjust(std::uint32_t leaf, std::span<const amount> of, bool hard, int sign);
    [[nodiscard]] detail::queue_bar bar_of(const detail::demand_class& of) const;
    void list_next(std::uint32_t j);
    void open_turns();
    [[nodiscard]] bool comes_later(std::uint32_t a, std::uint32_t b) const;
    void enter_turn(std::uint32_t c);
    void enter_turn_again(std::uint32_t c);
    void leave_turn(std::uint32_t leaf);
    void sort_line(std::uint32_t leaf);
    void follow_turn(std::uint32_t leaf);
    void start_by_turns();
    [[nodiscard]] bool start_in_share(std::uint32_t c);

    // ---- claims of queues -------------------------------------------------------------------------------------------
    [[nodiscard]] const auto& claim_limits() const noexcept;
    void claim_by_shares();
    [[nodiscard]] double next_unspared() const;
    [[nodiscard]] bool claim_all(claim_action action);
    [[nodiscard]] bool claim_onwards(claim_action action);
    void find_claimants(claim_action action);
    [[nodiscard]] amount share_asked(const detail::demand_class& of) const;
    [[nodiscard]] amount free_share() const;
    [[nodiscard]] bool is_hopeless(const detail::demand_class& of) const;
    [[nodiscard]] bool claim(std::uint32_t c, claim_action action, std::uint64_t& attempts);
    [[nodiscard]] bool may_claim(std::uint32_t j, claim_action action) const;
    [[nodiscard]] bool stays_within_due(const detail::demand_class& of) const;
    void list_units(std::uint32_t j, claim_action action);
    [[nodiscard]] bool may_reclaim_from(std::uint32_t j, std::uint32_t v, std::uint32_t claimants_side) const;
    void sort_units();
    [[nodiscard]] bool has_too_much(std::uint32_t q) const;
    [[nodiscard]] bool is_within_quota(std::uint32_t q) const;
    template <class Visit>
    void for_each_task_of(const victim_unit& u, const Visit& visit) const;
    void amounts_of(const victim_unit& u, detail::flat<amount>& to) const;
    [[nodiscard]] bool allowed(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen);
    [[nodiscard]] bool may_take_from(std::uint32_t claimant, std::uint32_t loser, const detail::flat<amount>& of) const;
    [[nodiscard]] bool stays_below(std::uint32_t claimant, std::uint32_t loser) const;
    [[nodiscard]] bool attempt(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen);
    void undo_attempt(std::uint32_t j);
    void count_room(std::uint32_t j);
    void count_freed(const victim_unit& u);
    [[nodiscard]] bool frees_enough(std::span<const std::uint32_t> chosen);
    [[nodiscard]] bool keep_useful_units(std::uint32_t j, claim_action action);
    [[nodiscard]] bool might_fit(std::uint32_t j);
    [[nodiscard]] bool rehome_all(std::span<const std::uint32_t> chosen);
    [[nodiscard]] bool rehome(const victim_unit& u);
    void search_units(std::uint32_t j, claim_action action);
    void search_nodes(std::uint32_t j, claim_action action);
    [[nodiscard]] std::size_t units_needed(std::uint32_t j, node_index n, std::span<const std::uint32_t> here);
    [[nodiscard]] bool stops_jobs(std::span<const std::uint32_t> chosen) const;
    void gather(std::uint32_t j, claim_action action, std::span<const std::uint32_t> from);
    [[nodiscard]] bool may_still(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen);
    void consider(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen);
    void keep_better(std::span<const std::uint32_t> chosen);
    [[nodiscard]] bool is_better(std::span<const std::uint32_t> chosen) const;
    [[nodiscard]] bool carry_out(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen);
    void exchange(const victim_unit& u, int sign);
    [[nodiscard]] bool begin_moves_for_claim(std::uint32_t j, claim_action action);
    [[nodiscard]] std::string reason_of(std::uint32_t j, claim_action action, const victim_unit& u) const;

    // ---- evictions --------------------------------------------------------------------------------------------------
    /// Evicts others for a job, and starts it, or claims their room until they have stopped. False if that is not
    /// allowed or does not help.
    [[nodiscard]] bool make_room(std::uint32_t j, std::uint32_t c);
    /// Jobs that run and may leave, with their keys of now.
    void list_running();
    /// True if `a` goes before `b`.
    [[nodiscard]] bool goes_earlier(const victim& a, const victim& b) const noexcept;
    void sort_running();
    [[nodiscard]] bool may_evict(std::uint32_t v) const;
    void release_all(std::uint32_t v);
    /// Puts released tasks back where they were: they run there still.
    void put_back_released();
    /// The same, and none is released any more.
    void restore();
    [[nodiscard]] std::uint32_t hold_for(std::uint32_t j);
    /// Victims that have room beside the claimant stay, those that go first in the order before others.
    void give_back();
    void commit_evictions(std::uint32_t j);

    // ---- why jobs wait ----------------------------------------------------------------------------------------------
    void tell_delay(std::uint32_t j);
    void tell_waits();
    void append_reasons(const detail::demand_class& of, std::uint64_t set);
    [[nodiscard]] std::span<const decision> answer();

    Policies policies_;
    // On the heap, because a page that is turned makes them anew.
    std::unique_ptr<placer_type> placer_;
    std::unique_ptr<relief_type> relief_;
    std::unique_ptr<watch_type> watch_;
    cluster_readings measured_;
    double watched_at_ = -detail::never;
    bool unrelieved_ = false;  // a round found no place for all that should leave
    bool reordered_ = false;   // jobs that run may have lost their rank

    // Of queues: what they have and are due in this decision, and whose turn it is.
    detail::queue_books books_{queues_};
    detail::queue_turns turns_{queues_, books_};
    std::vector<std::vector<std::uint32_t>> lines_;  // of each leaf a heap of classes
};
scheduler() -> scheduler<>;
template <class Policies>
scheduler(Policies) -> scheduler<Policies>;
template <class Policies>
scheduler(Policies, resource_schema) -> scheduler<Policies>;
template <class Policies>
scheduler(Policies, resource_schema, scheduler_options) -> scheduler<Policies>;

}  // namespace berth::inline v0
