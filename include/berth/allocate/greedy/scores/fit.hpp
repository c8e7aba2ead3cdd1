// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/core/random.hpp"
#include "berth/objective/measures/memory_stranding.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Scores by the free room of a node. When to use which:
//
//   first_fit     cheapest; packs by node order             also the right companion of a meaningful tie-break order
//   best_fit      packs: least free room wins               general packing baseline
//   worst_fit     spreads: most free room wins              balance, headroom, few tasks lost per failure
//   dot_product   avoids nodes whose free room is proportional to the demand, as published for the openb trace
//   random_score  baseline
//
// Where tasks want GPU memory, best_fit, worst_fit and dot_product take its cost (`memory_stranding`) off: best_fit so
// much that it outweighs the rest, because share without memory is lost for good; worst_fit so little that it decides
// between nodes of about equal room.
//
// All cost O(GPUs of the node). CPU and GPU share are relative to the largest node of the fleet; a node with unlimited
// CPU is judged by its GPU share alone.

// Length: a family of small scores.

namespace berth::inline v0 {

namespace detail {

[[nodiscard]] constexpr amount total_free_share(const node_view& node) noexcept {
    amount sum = 0;
    for (std::size_t i = 0; i < node.free_gpus.size(); i += node.gpu_counters) sum += node.free_gpus[i];
    return sum;
}

/// The largest CPU and GPU share capacity of any node of a fleet, at least 1. Unlimited CPU is left out: a node with it
/// is judged by its share alone.
struct largest_node {
    double cpu = 1.0;
    double share = 1.0;
    std::size_t sometimes_unlimited = counter_roles::none;  ///< the CPU counter, if some node has no limit of it

    explicit largest_node(const fleet& fleet) : of_node_(fleet.node_count()) {
        for (std::size_t i = 0; i < of_node_.size(); ++i) of_node_[i] = record_of(fleet, node_index{i});
        find();
        if (unlimited_nodes_ > 0) sometimes_unlimited = fleet.roles().cpu;
    }
    /// The largest nodes of a fleet where these nodes have changed: whether they are others than before.
    [[nodiscard]] followed follow(const fleet& fleet, std::span<const node_index> changed) {
        of_node_.make_room(fleet.node_count());
        while (of_node_.size() < fleet.node_count()) {
            of_node_.push_back({});
            include(of_node_.back());
        }
        const record before{cpu, share, unlimited_nodes_ > 0};
        for (const node_index n : changed) {
            record& of = of_node_[n.value()];
            leave_out(of);
            of = record_of(fleet, n);
            include(of);
        }
        if (cpu_nodes_ == 0 || share_nodes_ == 0) find();
        sometimes_unlimited = unlimited_nodes_ > 0 ? fleet.roles().cpu : counter_roles::none;
        return before == record{cpu, share, unlimited_nodes_ > 0} ? followed::kept : followed::revalued;
    }

    /// True if the node has no limit of CPU.
    [[nodiscard]] bool unlimited_cpu(const node_view& node) const noexcept {
        return sometimes_unlimited != counter_roles::none && node.fleet->unlimited(node.index, sometimes_unlimited);
    }

private:
    struct record {
        double cpu = 1.0;  // 1 if it is unlimited
        double share = 1.0;
        bool unlimited = false;

        friend bool operator==(const record&, const record&) = default;
    };

    [[nodiscard]] static record record_of(const fleet& fleet, node_index n) noexcept {
        const std::size_t role = fleet.roles().cpu;
        record of;
        of.unlimited = role != counter_roles::none && fleet.unlimited(n, role);
        if (role != counter_roles::none && !of.unlimited) raise(of.cpu, static_cast<double>(fleet.capacity(n)[role]));
        amount sum = 0;
        for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) sum += fleet.capacity(fleet.gpu(n, g))[0];
        raise(of.share, static_cast<double>(sum));
        return of;
    }
    static void raise(double& largest, double capacity) noexcept {
        if (capacity > largest) largest = capacity;
    }
    static void include(double& largest, std::size_t& nodes, double capacity) noexcept {
        if (capacity > largest) {
            largest = capacity;
            nodes = 0;
        }
        nodes += capacity == largest ? 1 : 0;
    }
    void include(const record& of) noexcept {
        include(cpu, cpu_nodes_, of.cpu);
        include(share, share_nodes_, of.share);
        unlimited_nodes_ += of.unlimited ? 1 : 0;
    }
    void leave_out(const record& of) noexcept {
        cpu_nodes_ -= of.cpu == cpu ? 1 : 0;
        share_nodes_ -= of.share == share ? 1 : 0;
        unlimited_nodes_ -= of.unlimited ? 1 : 0;
    }
    void find() noexcept {
        cpu = share = 1.0;
        cpu_nodes_ = share_nodes_ = unlimited_nodes_ = 0;
        for (const record& of : of_node_) include(of);
    }

    std::size_t cpu_nodes_ = 0;  // with the largest capacity
    std::size_t share_nodes_ = 0;
    std::size_t unlimited_nodes_ = 0;
    flat<record> of_node_;
};

/// GPU memory in a score between 0 and 1 that does not know the GPUs of a candidate.
class memory_part {
public:
    memory_part() = default;
    explicit memory_part(const problem& p) : measure_{p} {}

    [[nodiscard]] bool concerns(const candidate& c) const noexcept { return measure_.concerns(c.demand); }
    /// The fleet has changed; the mix has not.
    [[nodiscard]] followed follow(const problem& p) const {
        return measure_.suits(p.fleet()) ? followed::kept : followed::outgrown;
    }
    /// The value less `weight` for each GPU of `memory_stranding::least_cost`, in steps if `steps` is above 0.
    [[nodiscard, gnu::noinline]] double less(double value, const candidate& c, double weight, double of_rest,
                                             double steps) const noexcept {
        const double cost = measure_.least_cost(c.node, c.demand, of_rest) / static_cast<double>(whole_gpu);
        const double left = value - weight * cost;
        return steps > 0.0 ? detail::floor(steps * left) : left;
    }

private:
    memory_stranding measure_;
};

}  // namespace detail

/// Every node that fits is as good as any other: the tie-break order decides.
struct first_fit {
    static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
    static constexpr bool anonymous = true;                   ///< see `prepared_score`
    static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
    static constexpr bool looks_at_gpus = false;              ///< see `prepared_score`

    /// The value of a candidate.
    [[nodiscard]] constexpr double operator()(const candidate&) const noexcept { return 0.0; }
};

/// Least free room: 1 - (free CPU / largest CPU + free GPU share / largest GPU share) / 2, after the placement.
/// Truncated to steps of 1/100 as in the published table, so that near-ties go to the fixed node order.
struct best_fit {
    double steps = 100.0;  ///< per unit of the value; 0 for no truncation

    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        static constexpr bool looks_at_gpus = false;              ///< see `prepared_score`
        detail::largest_node largest;                             ///< of the fleet
        double steps;                                             ///< of the description
        detail::memory_part memory;                               ///< GPU memory

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            const auto cpu = static_cast<double>(c.node.free_cpu() - c.cpu());
            const auto share = static_cast<double>(detail::total_free_share(c.node) - c.demand.total_share());
            const double value = largest.unlimited_cpu(c.node)
                                     ? 1.0 - share / largest.share
                                     : 1.0 - 0.5 * cpu / largest.cpu - 0.5 * share / largest.share;
            if (memory.concerns(c)) [[unlikely]]
                return memory.less(value, c, 5.0, 0.6, steps);
            return steps > 0.0 ? static_cast<double>(static_cast<std::int64_t>(steps * value)) : value;
        }
        /// The fleet has changed.
        [[nodiscard]] followed follow(const problem& p, std::span<const node_index> changed) {
            const followed limits = memory.follow(p);
            const followed fits = largest.follow(p.fleet(), changed);
            return limits > fits ? limits : fits;
        }
    };
    /// The ready form for a problem. O(nodes + GPUs), and the tables of `memory_stranding`.
    [[nodiscard]] state prepare(const problem& p) const {
        return {detail::largest_node{p.fleet()}, steps, detail::memory_part{p}};
    }
};

/// Most free room: the reverse of `best_fit`, not truncated. On bare GPUs this is *least loaded*.
struct worst_fit {
    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        static constexpr bool looks_at_gpus = false;              ///< see `prepared_score`
        best_fit::state fit;                                      ///< its reverse, without memory
        detail::memory_part memory;                               ///< GPU memory

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            const double value = -fit(c);
            return memory.concerns(c) ? memory.less(value, c, 0.02, 0.0, 0.0) : value;
        }
        /// The fleet has changed.
        [[nodiscard]] followed follow(const problem& p, std::span<const node_index> changed) {
            const followed limits = memory.follow(p);
            const followed fits = fit.follow(p, changed);
            return limits > fits ? limits : fits;
        }
    };
    /// The ready form for a problem. O(nodes + GPUs), and the tables of `memory_stranding`.
    [[nodiscard]] state prepare(const problem& p) const {
        // First, because g++ 12 destroys the member aggregate twice if what is made after it throws.
        detail::memory_part memory{p};
        return {{detail::largest_node{p.fleet()}, 0.0, {}}, std::move(memory)};
    }
};
/// The usual name where every GPU is a node.
using least_loaded = worst_fit;

/// DotProd of the published table: 1 - (free · demand) / 2 with CPU and total GPU share as the two dimensions, before
/// the placement, truncated to 1/100.
struct dot_product {
    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        static constexpr bool looks_at_gpus = false;              ///< see `prepared_score`
        detail::largest_node largest;                             ///< of the fleet
        detail::memory_part memory;                               ///< GPU memory

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            const double host =
                (static_cast<double>(c.node.free_cpu()) / largest.cpu) * (static_cast<double>(c.cpu()) / largest.cpu);
            const double share = (static_cast<double>(detail::total_free_share(c.node)) / largest.share) *
                                 (static_cast<double>(c.demand.total_share()) / largest.share);
            const double cpu = largest.unlimited_cpu(c.node) ? share : host;
            const double value = 1.0 - (cpu + share) / 2.0;
            if (memory.concerns(c)) [[unlikely]]
                return memory.less(value, c, 0.5, 0.6, 100.0);
            return static_cast<double>(static_cast<std::int64_t>(100.0 * value));
        }
        /// The fleet has changed.
        [[nodiscard]] followed follow(const problem& p, std::span<const node_index> changed) {
            const followed limits = memory.follow(p);
            const followed fits = largest.follow(p.fleet(), changed);
            return limits > fits ? limits : fits;
        }
    };
    /// The ready form for a problem. O(nodes + GPUs), and the tables of `memory_stranding`.
    [[nodiscard]] state prepare(const problem& p) const {
        return {detail::largest_node{p.fleet()}, detail::memory_part{p}};
    }
};

/// Any node that fits, uniformly: the value is a hash of the seed, the number of tasks in place, the task and the node.
struct random_score {
    std::uint64_t seed = 0;  ///< decides the values

    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr bool looks_at_gpus = false;  ///< see `prepared_score`
        std::uint64_t seed;                           ///< of the description
        std::uint64_t placed = 0;                     ///< tasks in place

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            const std::uint64_t arrival = stream_seed(seed, placed, c.task.valid() ? c.task.value() : 0);
            return static_cast<double>(splitmix64(arrival ^ c.node.index.value()) >> 11U);
        }
        /// Counts a placement on its node.
        void on_place(const candidate&) noexcept { ++placed; }
        /// Undoes `on_place`.
        void on_remove(const candidate&) noexcept { --placed; }
        /// Nothing depends on the room of nodes.
        void on_node(const node_view&) const noexcept {}
        /// The number of tasks in place.
        [[nodiscard]] std::uint64_t memory() const noexcept { return placed; }
        /// Goes on counting from there.
        void recall(std::uint64_t before) noexcept { placed = before; }
        /// Nothing depends on the fleet.
        [[nodiscard]] followed follow(const problem&) const noexcept { return followed::kept; }
    };
    /// The ready form for a problem. O(nodes + GPUs).
    [[nodiscard]] state prepare(const problem&) const { return {seed}; }
};

static_assert(placement_score<first_fit> && placement_score<best_fit> && placement_score<worst_fit> &&
              placement_score<dot_product> && placement_score<random_score>);

}  // namespace berth::inline v0
