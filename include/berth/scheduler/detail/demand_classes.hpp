// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/names.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/recency_list.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/detail/job_heap.hpp"
#include "berth/scheduler/detail/job_records.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/detail/mig_states.hpp"
#include "berth/scheduler/detail/place_states.hpp"
#include "berth/scheduler/detail/queue_books.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

// Length: one table, with its incremental counts.

namespace berth::inline v0::detail {

/// What else tells jobs of equal demands apart.
struct class_terms {
    std::uint32_t leaf = queue_tree::unnamed;  // their queue
    bool hard = false;                         // they may not be stopped, which matters to a queue
    bool delayed = false;                      // they may not evict yet
    const job_rules* rules = nullptr;
    std::string rules_key{};
    std::uint32_t mig_profile = no_position;  // they are slices
};

/// A set of one reason.
[[nodiscard]] constexpr std::uint64_t reason_bit(wait_reason reason) noexcept {
    return std::uint64_t{1} << static_cast<std::uint32_t>(reason);
}

/// Jobs that wait for the same: as many tasks of the same demands, in the same queue, by the same rules.
struct demand_class {
    flat<shape_index> shapes;  // distinct; alternatives, too
    std::uint32_t least = 1;   // tasks that have to start together
    std::uint32_t most = 1;    // tasks that wait
    bool counts_copies = false;
    bool delayed = false;
    std::uint32_t leaf = queue_tree::unnamed;
    queue_bar bar = queue_bar::none;        // its queue did not let its first job start
    std::unique_ptr<job_rules> rules = {};  // none for most: other jobs and labels decide as well
    flat<amount> asked;                     // of each divided counter, by the tasks that start together
    std::uint32_t mig_profile = no_position;

    std::uint32_t first = job_heap::none;  // the job that goes first
    std::uint32_t jobs = 0;
    std::uint32_t listed_at = 0;  // among the classes with jobs

    bool candidate = false;               // to be tried in this decision
    std::uint32_t next = job_heap::none;  // with backfilling: the job to be tried next
    double latest_end = 0.0;              // and by when it has to end
    bool kept_out = false;                // its first job fits, but would delay one with a reservation
    bool beside_failed = false;           // it found no place beside what is kept
    std::uint64_t beside_checked = 0;     // time of the cluster's list of changes then
    std::uint64_t beside_promises = 0;    // and of the list of nodes that something was kept on
    bool may_claim = false;               // others may be asked to leave for it in this decision
    bool failed = false;                  // its first job did not fit at `checked`
    std::uint64_t checked = 0;            // time of the cluster's list of changes
    flat<std::uint32_t> copies;           // of a gang: on each node at most so many tasks
    std::uint64_t copies_sum = 0;
    std::uint64_t counted = 0;

    flat<std::uint64_t> refusals;  // per node: its reasons, as bits
    std::uint64_t reasons = 0;     // bits that some node has
    flat<std::uint32_t> refusing;  // per bit
    std::uint64_t explained = 0;   // time of the list of changes
    std::uint64_t told = 0;        // the reasons that its jobs were told
    flat<std::uint32_t> not_told;  // jobs that came since then

    /// As a set of reasons: why its queue does not let it start.
    [[nodiscard]] std::uint64_t bar_bit() const noexcept {
        const wait_reason reason = bar == queue_bar::limit ? wait_reason::limit : wait_reason::quota;
        return reason_bit(reason);
    }
};

/// Groups waiting jobs by demand, so that none is tried where an equal one has just failed: a class is tried again when
/// a node that changed since would take one of its tasks, and for a gang only if all nodes together might take enough.
/// The reasons against it are counted by the way, node by node as they change.
class demand_classes {
public:
    /// Bits of refusals: reasons up to `delay`, then counters of nodes, of GPUs and of domains.
    static constexpr std::uint32_t node_bits = 16;
    static constexpr std::uint32_t gpu_bits = 32;
    static constexpr std::uint32_t domain_bits = 48;

    /// True if GPUs are among what lacks.
    [[nodiscard]] static constexpr bool gpus_might_help(std::uint64_t reasons) noexcept {
        constexpr std::uint64_t counters_of_gpus = ((std::uint64_t{1} << (domain_bits - gpu_bits)) - 1) << gpu_bits;
        constexpr std::uint64_t others = reason_bit(wait_reason::no_room) | reason_bit(wait_reason::model) |
                                         reason_bit(wait_reason::gang) | reason_bit(wait_reason::closed);
        return (reasons & (counters_of_gpus | others)) != 0;
    }

    demand_classes(const cluster& of, const place_states& places, const mig_states& slices)
        : cluster_{&of}, places_{&places}, slices_{&slices} {}

    [[nodiscard]] demand_class& operator[](std::uint32_t c) noexcept { return classes_[c]; }
    [[nodiscard]] const demand_class& operator[](std::uint32_t c) const noexcept { return classes_[c]; }
    /// Classes with jobs, in no particular order.
    [[nodiscard]] std::span<const std::uint32_t> listed() const noexcept { return listed_.view(); }

    /// The class of a job that waits with these tasks; the caller puts the job into its heap. Equal tasks stand side by
    /// side in the list.
    [[nodiscard]] std::uint32_t enter(std::span<const task_handle> tasks, std::size_t least, std::uint64_t models,
                                      const class_terms& terms) {
        write_key(tasks, least, models, terms);
        std::uint32_t c = 0;
        if (const auto known = names_.find(key_)) {
            c = static_cast<std::uint32_t>(*known);
            idle_.remove(c);
        } else {
            c = create(tasks, least, terms);
        }
        demand_class& in = classes_[c];
        if (in.jobs++ == 0) {
            in.listed_at = static_cast<std::uint32_t>(listed_.size());
            listed_.push_back(c);
        }
        return c;
    }
    /// A job has left its class, and its heap.
    void leave(std::uint32_t c) {
        demand_class& from = classes_[c];
        if (--from.jobs > 0) return;
        listed_[from.listed_at] = listed_.back();
        classes_[listed_.back()].listed_at = from.listed_at;
        listed_.pop_back();
        from.not_told.clear();
        from.bar = queue_bar::none;
        from.kept_out = false;
        idle_.touch(c);
        if (idle_.size() > max_idle) drop(static_cast<std::uint32_t>(idle_.oldest()));
    }

    /// True if an attempt may succeed: none has failed, or a node that changed since would take a task.
    [[nodiscard]] bool may_start(std::uint32_t c) {
        demand_class& of = classes_[c];
        if (!of.failed) return true;
        if (of.checked == cluster_->changes().now()) return false;
        // Rules look at more than the nodes that changed.
        bool fits = of.rules != nullptr;
        cluster_->changes().for_each_since(of.checked, [&](std::size_t i) {
            for (std::size_t s = 0; s < of.shapes.size() && !fits; ++s) fits = admits(of, of.shapes[s], node_index{i});
        });
        of.checked = cluster_->changes().now();
        if (!fits || (of.counts_copies && !enough_copies(of))) return false;
        of.failed = false;
        return true;
    }
    /// The same for a place on nodes that are not avoided, where something is kept on the others: none was found, and
    /// no node that changed since, or that nothing is kept on any more, would take a task.
    [[nodiscard]] bool may_start_beside(std::uint32_t c, const flat<std::uint8_t>& avoided,
                                        const change_list& released) {
        demand_class& of = classes_[c];
        if (!of.beside_failed || of.rules != nullptr) return true;
        bool fits = false;
        const auto look = [&](std::size_t i) {
            for (std::size_t s = 0; s < of.shapes.size() && !fits && avoided[i] == 0; ++s)
                fits = admits(of, of.shapes[s], node_index{i});
        };
        cluster_->changes().for_each_since(of.beside_checked, look);
        released.for_each_since(of.beside_promises, look);
        if (fits) return true;
        failed_beside(c, released);
        return false;
    }
    /// No place was found beside what is kept.
    void failed_beside(std::uint32_t c, const change_list& released) noexcept {
        classes_[c].beside_failed = true;
        classes_[c].beside_checked = cluster_->changes().now();
        classes_[c].beside_promises = released.now();
    }
    /// The first job of a class did not fit.
    void failed(std::uint32_t c) noexcept {
        classes_[c].failed = true;
        classes_[c].checked = cluster_->changes().now();
    }

    /// Brings the reasons against a class up to date.
    ///
    /// @return the reasons as a set of bits
    [[nodiscard]] std::uint64_t explain(std::uint32_t c) {
        demand_class& of = classes_[c];
        if (of.refusing.empty()) of.refusing.resize(64, 0);
        if (of.refusals.size() < cluster_->fleet().node_count()) of.refusals.resize(cluster_->fleet().node_count(), 0);
        cluster_->changes().for_each_since(of.explained, [&](std::size_t i) {
            const std::uint64_t now = refusals(of, node_index{i});
            if (now == of.refusals[i]) return;
            for (std::uint64_t bits = of.refusals[i] & ~now; bits != 0; bits &= bits - 1) {
                if (--of.refusing[lowest(bits)] == 0) of.reasons &= ~(bits & -bits);
            }
            for (std::uint64_t bits = now & ~of.refusals[i]; bits != 0; bits &= bits - 1) {
                if (++of.refusing[lowest(bits)] == 1) of.reasons |= bits & -bits;
            }
            of.refusals[i] = now;
        });
        of.explained = cluster_->changes().now();
        std::uint64_t set = of.reasons;
        // Some node could take it if it were empty: then waiting helps, and those that never could do not matter.
        if (of.refusing[0] < cluster_->node_count()) set &= ~std::uint64_t{1};
        if (of.delayed) set |= reason_bit(wait_reason::delay);
        return set;
    }

    /// A node would take a task, and the job did not start.
    [[nodiscard]] static std::uint64_t why_not_enough(const demand_class& of) noexcept {
        if (of.rules != nullptr) {
            const job_rules& r = *of.rules;
            if (r.apart != no_level && of.least > 1) return reason_bit(wait_reason::apart);
            const bool shunned = !r.any();  // others are to be away from it
            if (r.within != no_level || r.near.any() || r.away.any() || r.apart != no_level || shunned)
                return reason_bit(wait_reason::topology);
        }
        return reason_bit(of.least > 1 ? wait_reason::gang : wait_reason::no_room);
    }

private:
    static constexpr std::size_t max_idle = 256;
    [[nodiscard]] static std::uint32_t lowest(std::uint64_t bits) noexcept {
        return static_cast<std::uint32_t>(std::countr_zero(bits));
    }
    [[nodiscard]] bool admits(const demand_class& of, shape_index s, node_index n) const {
        const demand_view demand = cluster_->workload().demand(s);
        if (!cluster_->fleet().present(n) || !cluster_->admissible(demand, n)) return false;
        return of.mig_profile == no_position || slices_->has_room(of.mig_profile, demand, n);
    }

    void write_key(std::span<const task_handle> tasks, std::size_t least, std::uint64_t models,
                   const class_terms& terms) {
        key_.clear();
        shapes_.clear();
        append_bytes(key_, static_cast<std::uint32_t>(least));
        append_bytes(key_, models);
        append_bytes(key_, terms.leaf);
        append_bytes(key_, static_cast<std::uint8_t>((terms.hard ? 1 : 0) + (terms.delayed ? 2 : 0)));
        append_bytes(key_, terms.mig_profile);
        key_ += terms.rules_key;
        std::uint32_t equal = 0;
        bool several = false;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            const task_index t = *cluster_->find(tasks[i]);
            const shape_index own = cluster_->workload().shape(t);
            const auto others = cluster_->alternatives(t);
            const bool as_before = i > 0 && others.empty() && shapes_.back() == own && !several;
            ++equal;
            if (as_before) continue;
            if (i > 0) append_bytes(key_, equal - 1);
            several = !others.empty();
            equal = 1;
            append_bytes(key_, static_cast<std::uint8_t>(others.size()));
            if (others.empty()) append_shape(own, 1.0);
            for (const task_alternative& one : others) append_shape(one.shape, one.speed);
        }
        append_bytes(key_, equal);
    }
    void append_shape(shape_index s, double speed) {
        const shape_handle h = cluster_->handle(s);
        append_bytes(key_, h.position());
        append_bytes(key_, h.generation());
        append_bytes(key_, std::bit_cast<std::uint64_t>(speed));
        shapes_.push_back(s);
    }
    [[nodiscard]] std::uint32_t create(std::span<const task_handle> tasks, std::size_t least,
                                       const class_terms& terms) {
        const auto c = static_cast<std::uint32_t>(pool_.lowest_vacant());
        pool_.take(c);
        names_.assign(c, key_);
        classes_.resize(c + std::size_t{1});
        idle_.resize(c + std::size_t{1});
        demand_class& made = classes_[c];
        made = demand_class{};
        made.least = static_cast<std::uint32_t>(least);
        made.most = static_cast<std::uint32_t>(tasks.size());
        made.leaf = terms.leaf;
        made.delayed = terms.delayed;
        if (terms.rules != nullptr) made.rules = std::make_unique<job_rules>(*terms.rules);
        made.mig_profile = terms.mig_profile;
        for (const shape_index s : shapes_) {
            bool known = false;
            for (const shape_index other : made.shapes) known = known || other == s;
            if (!known) made.shapes.push_back(s);
        }
        made.counts_copies = least > 1 && made.shapes.size() == 1;
        return c;
    }
    void drop(std::uint32_t c) {
        idle_.remove(c);
        names_.erase(c);
        pool_.vacate(c);
        classes_[c] = demand_class{};
    }

    /// At most so many tasks fit on a node.
    [[nodiscard]] std::uint32_t copies_on(const demand_class& of, node_index n) const {
        const demand_view demand = cluster_->workload().demand(of.shapes[0]);
        if (!admits(of, of.shapes[0], n)) return 0;
        const node_view at = cluster_->ledger().node(n);
        amount most = of.most;
        const auto bounded = [](amount by, amount free, amount wanted) {
            return wanted > 0 && free / wanted < by ? free / wanted : by;
        };
        for (std::size_t r = 0; r < demand.node.size(); ++r) most = bounded(most, at.free_node[r], demand.node[r]);
        if (demand.gpus == 0) return static_cast<std::uint32_t>(most);
        amount on_gpus = 0;
        for (gpu_mask rest = cluster_->ledger().fitting_gpus(demand, n); rest != 0; rest &= rest - 1) {
            amount here = most;
            const std::size_t first = lowest_gpu(rest) * at.gpu_counters;
            for (std::size_t r = 0; r < at.gpu_counters; ++r)
                here = bounded(here, at.free_gpus[first + r], demand.gpu[r]);
            on_gpus += here;
        }
        on_gpus /= static_cast<amount>(demand.gpus);
        return static_cast<std::uint32_t>(on_gpus < most ? on_gpus : most);
    }
    [[nodiscard]] bool enough_copies(demand_class& of) {
        if (of.copies.size() < cluster_->fleet().node_count()) of.copies.resize(cluster_->fleet().node_count(), 0);
        cluster_->changes().for_each_since(of.counted, [&](std::size_t i) {
            const std::uint32_t now = copies_on(of, node_index{i});
            of.copies_sum = of.copies_sum - of.copies[i] + now;
            of.copies[i] = now;
        });
        of.counted = cluster_->changes().now();
        return of.copies_sum >= of.least;
    }

    [[nodiscard]] std::uint64_t refusals(const demand_class& of, node_index n) const {
        if (!cluster_->fleet().present(n)) return 0;
        if (of.rules != nullptr && !of.rules->accepts(places_->labels_of(n))) return reason_bit(wait_reason::label);
        // Of several demands any would do, so the first one stands for all.
        for (const shape_index s : of.shapes) {
            if (admits(of, s, n)) return why_not_enough(of);
        }
        const demand_view demand = cluster_->workload().demand(of.shapes[0]);
        std::uint64_t set = 0;
        const fleet& machines = cluster_->fleet();
        const place_state* state = places_->known(cluster_->handle(n));
        gpu_mask accepted = accepted_gpus(demand, n);
        if (of.mig_profile != no_position) accepted &= slices_->gpus_with(of.mig_profile, n);
        if (!has_gpus(accepted, demand.gpus)) {
            const bool of_any_model = has_gpus(cluster_->gpus_there(n), demand.gpus);
            return reason_bit(wait_reason::never) |
                   (of_any_model ? reason_bit(wait_reason::model) : std::uint64_t{1} << gpu_bits);
        }
        if (!ever(demand, n, accepted)) set |= reason_bit(wait_reason::never);
        const bool only_drained = state != nullptr && state->healthy && !state->hot;
        if (!cluster_->healthy(n) && !only_drained) set |= reason_bit(wait_reason::unhealthy);
        if (state != nullptr && (state->closed || state->draining || state->pressed))
            set |= reason_bit(wait_reason::closed);
        if (state != nullptr && state->holds > 0) set |= reason_bit(wait_reason::held);
        const gpu_mask usable = accepted & usable_gpus(n, set);
        if ((set & (reason_bit(wait_reason::unhealthy) | reason_bit(wait_reason::closed))) == 0 &&
            !has_gpus(usable, demand.gpus))
            set |= reason_bit(gpus_closed(n, accepted) ? wait_reason::closed : wait_reason::unhealthy);
        set |= short_counters(demand, n, accepted);
        if ((set & ~reason_bit(wait_reason::never)) != 0) return set;
        // Enough slices are free, but in no position that the board has.
        if (of.mig_profile != no_position)
            return set | (slices_->has_slices(of.mig_profile, demand, n) ? reason_bit(wait_reason::no_room)
                                                                         : std::uint64_t{1} << gpu_bits);
        // Each counter has room on enough GPUs: which are sick or closed, of several models, or not the same ones.
        if (has_gpus(with_room(demand, n, accepted), demand.gpus) &&
            !has_gpus(with_room(demand, n, usable), demand.gpus))
            return set | reason_bit(gpus_closed(n, accepted) ? wait_reason::closed : wait_reason::unhealthy);
        const bool models = demand.same_model && machines.models_on(n) != 0 && !one_model(demand, n);
        return set | reason_bit(models ? wait_reason::model : wait_reason::no_room);
    }
    /// Those of some GPUs that have room in every counter.
    [[nodiscard]] gpu_mask with_room(const demand_view& demand, node_index n, gpu_mask of) const noexcept {
        const node_view at = cluster_->ledger().node(n);
        gpu_mask found = 0;
        for (gpu_mask rest = of; rest != 0; rest &= rest - 1) {
            const std::size_t first = lowest_gpu(rest) * at.gpu_counters;
            bool room = true;
            for (std::size_t r = 0; r < demand.gpu.size(); ++r) room = room && at.free_gpus[first + r] >= demand.gpu[r];
            if (room) found |= gpu_mask{1} << lowest_gpu(rest);
        }
        return found;
    }
    [[nodiscard]] bool one_model(const demand_view& demand, node_index n) const noexcept {
        demand_view any = demand;
        any.same_model = false;
        return !has_gpus(cluster_->ledger().fitting_gpus(any, n), demand.gpus);
    }
    [[nodiscard]] gpu_mask accepted_gpus(const demand_view& demand, node_index n) const noexcept {
        gpu_mask accepted = 0;
        for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            const std::size_t m = cluster_->fleet().model(cluster_->fleet().gpu(n, i)).value();
            if ((demand.accepted_models >> m & 1U) != 0) accepted |= gpu_mask{1} << i;
        }
        return accepted;
    }
    /// Healthy ones; of a node that is sick as a whole all, because its own reason says it.
    [[nodiscard]] gpu_mask usable_gpus(node_index n, std::uint64_t set) const noexcept {
        return (set & reason_bit(wait_reason::unhealthy)) != 0 ? ~gpu_mask{0} : cluster_->healthy_gpus(n);
    }
    [[nodiscard]] bool gpus_closed(node_index n, gpu_mask accepted) const noexcept {
        for (gpu_mask rest = accepted; rest != 0; rest &= rest - 1) {
            const place_state* s = places_->known(cluster_->handle(n, lowest_gpu(rest)));
            if (s != nullptr && (s->closed || s->draining || s->pressed)) return true;
        }
        return false;
    }
    [[nodiscard]] bool ever(const demand_view& demand, node_index n, gpu_mask accepted) const noexcept {
        const fleet& machines = cluster_->fleet();
        for (std::size_t r = 0; r < demand.node.size(); ++r) {
            if (machines.capacity(n)[r] < demand.node[r]) return false;
        }
        for (const domain_index d : machines.domains(n)) {
            for (std::size_t r = 0; r < demand.domain.size(); ++r) {
                if (machines.capacity(d)[r] < demand.domain[r]) return false;
            }
        }
        std::size_t large = 0;
        for (gpu_mask rest = accepted; rest != 0; rest &= rest - 1) {
            const auto capacity = machines.capacity(machines.gpu(n, lowest_gpu(rest)));
            bool enough = true;
            for (std::size_t r = 0; r < demand.gpu.size(); ++r) enough = enough && capacity[r] >= demand.gpu[r];
            large += enough ? 1 : 0;
        }
        return large >= demand.gpus;
    }
    [[nodiscard]] std::uint64_t short_counters(const demand_view& demand, node_index n,
                                               gpu_mask accepted) const noexcept {
        const auto counter = [](std::uint32_t first, std::size_t r) {
            return r < 16 ? std::uint64_t{1} << (first + r) : reason_bit(wait_reason::no_room);
        };
        std::uint64_t set = 0;
        const node_view at = cluster_->ledger().node(n);
        for (std::size_t r = 0; r < demand.node.size(); ++r) {
            if (at.free_node[r] < demand.node[r]) set |= counter(node_bits, r);
        }
        for (const domain_index d : cluster_->fleet().domains(n)) {
            const auto free = cluster_->ledger().free(d);
            for (std::size_t r = 0; r < demand.domain.size(); ++r) {
                if (free[r] < demand.domain[r]) set |= counter(domain_bits, r);
            }
        }
        for (std::size_t r = 0; r < demand.gpu.size() && demand.gpus > 0; ++r) {
            std::size_t enough = 0;
            for (gpu_mask rest = accepted; rest != 0; rest &= rest - 1) {
                const std::size_t g = lowest_gpu(rest) * at.gpu_counters;
                enough += at.free_gpus[g + r] >= demand.gpu[r] ? std::size_t{1} : std::size_t{0};
            }
            if (enough < demand.gpus) set |= counter(gpu_bits, r);
        }
        return set;
    }

    const cluster* cluster_;
    const place_states* places_;
    const mig_states* slices_;
    position_pool pool_;
    name_table names_;
    growing<demand_class> classes_;
    flat<std::uint32_t> listed_;
    recency_list idle_;
    std::string key_;
    flat<shape_index> shapes_;
};

}  // namespace berth::inline v0::detail
