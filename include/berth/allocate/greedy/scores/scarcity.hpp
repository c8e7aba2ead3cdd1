// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/fluid_market.hpp"
#include "berth/allocate/greedy/detail/fragmentation_memo.hpp"
#include "berth/allocate/greedy/detail/node_classes.hpp"
#include "berth/allocate/greedy/detail/whole_node_reserve.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/flat.hpp"
#include "berth/objective/measures/expected_fragmentation.hpp"
#include "berth/objective/measures/memory_stranding.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// Length: the description and the state that it prepares.

namespace berth::inline v0 {

/// Prefers the node where the placement costs the tasks to come the least, by fragmentation and by the scarcity of the
/// node's class. The default of `greedy`; lowest unallocated GPU share on every openb trace (docs/scarcity.md: why it
/// works, figures, ablation).
///
/// The cost of a candidate, in GPU thousandths, is the sum of
/// - the growth of the node's `expected_fragmentation`;
/// - the usable share that the node loses, at the GPU price of its class, and the CPU taken, at the CPU price: prices
///   come from a fluid market that distributes the mix over the free room (`detail/fluid_market.hpp`) and is cleared
///   again when the free share has changed by `reprice_after`;
/// - a small slope over the nodes in the order in which they were added, which keeps untouched nodes untouched;
/// - a charge for breaking one of the last whole nodes that the widest tasks of the mix need
///   (`detail/whole_node_reserve.hpp`).
///
/// The value is minus the cost. GPUs of a node are compared by fragmentation alone.
///
/// All it expects of the future is the mix: demands and frequencies of the workload that it is prepared with. Work
/// conserving: no node that fits is refused. Deterministic; parts are cached per shape and node, prices only combine
/// them. Per value O(1) for each distinct GPU; memory 24 bytes per shape and node (four floats and the value), half a
/// byte for the index, and 8 kB per GPU model.
struct scarcity {
    using default_gpu_selection = best_scored_gpu;  ///< of `greedy{scarcity{}}`

    /// Of the first part. Where the mix does not care, a task joins others on a GPU in use: tasks for whole GPUs may
    /// come that nobody has seen yet.
    fragmentation_weights fragmentation{.broken = 0.1};
    memory_weights memory{};            ///< of GPU memory in the first part
    double first_fit_slope = 800.0;     ///< thousandths between the first and the last of 100 nodes or more
    double whole_node_charge = 4000.0;  ///< thousandths; large enough to outweigh all other parts
    double reprice_after = 0.1;         ///< fraction of the free share that may change before prices are cleared again

    /// The ready form for a problem. O(nodes + GPUs).
    [[nodiscard]] class scarcity_state prepare(const problem& p) const;
};

/// The ready form of `scarcity`.
class scarcity_state {
public:
    static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
    static constexpr bool anonymous = true;                   ///< see `prepared_score`
    static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
    static constexpr bool compares_nodes = false;             ///< see `parted_score`
    /// Growth of fragmentation, usable share lost, CPU taken (in GPU thousandths, for tasks that want GPU), whole node
    /// broken (0 or 1). Floats, because these dominate the memory of a large fleet.
    using part_values = std::array<float, 4>;

    /// Made by `scarcity::prepare`.
    scarcity_state(const problem& p, const scarcity& how);

    /// The value of a candidate.
    [[nodiscard]] double operator()(const candidate& c) const noexcept;
    /// For tasks on one GPU: the best GPU, lowest position on ties; equal GPUs are evaluated once. By fragmentation
    /// and memory alone.
    [[nodiscard]] scored_gpus<double> best_gpu(const candidate& c, gpu_mask fitting) const noexcept;
    /// The parts of a candidate, see `parted_score`.
    [[nodiscard]] part_values parts(const candidate& c) const noexcept;
    /// The parts of a candidate on the GPUs that `best_scored_gpu` picks from those that fit; it sets `c.gpus`.
    [[nodiscard]] part_values best_parts(candidate& c, gpu_mask fitting) const noexcept;
    /// The value, given the parts and the prices of the node's class.
    [[nodiscard]] double combine(const part_values& part, node_index n, const part_range<part_values>&) const noexcept {
        if (!informed_) return -double{part[0]};
        const class_prices& price = prices_[classes_.of(n)];
        return -(double{part[0]} + price.gpu * part[1] + price.cpu * part[2] + price.whole_node * part[3] +
                 slope_ * static_cast<double>(n.value()));
    }
    /// The number of classes of nodes, each with prices of its own.
    [[nodiscard]] std::size_t price_classes() const noexcept { return prices_.size(); }
    /// The class of a node.
    [[nodiscard]] std::size_t price_class(node_index n) const noexcept { return classes_.of(n); }
    /// Grows when the prices of that class change.
    [[nodiscard]] std::uint64_t price_version(std::size_t c) const noexcept { return prices_[c].version; }
    /// The classes of nodes, bit c for class c, where breaking a whole node is charged. This is no change of prices.
    [[nodiscard]] std::uint64_t charges() const noexcept { return charges_; }
    /// Grows with every change of `charges`, for combinations that cannot tell which nodes it concerns.
    [[nodiscard]] std::uint64_t charge_version() const noexcept { return charge_version_; }
    /// Calls `visit(node)` for the nodes of these classes whose values may depend on the charge.
    template <class Visit>
    void for_each_charged(std::uint64_t classes, Visit visit) const {
        for (const node_index n : whole_nodes_) {
            if ((classes >> nodes_[n.value()].node_class & 1U) != 0) visit(n);
        }
    }
    /// False if the mix is empty: the values are those of `best_fit` then.
    [[nodiscard]] bool informed() const noexcept { return informed_; }
    /// The node has changed.
    void on_node(const node_view& node);
    /// The fleet has changed; the mix has not.
    [[nodiscard]] followed follow(const problem& p, std::span<const node_index> changed);
    /// Clears the market again if enough has changed.
    void on_settled();

    /// What the score knows of the past and not from the nodes as they stand: the prices that were cleared last, and
    /// for which free room.
    struct memory_type {
        /// One class of nodes.
        struct entry {
            std::uint64_t node_class = 0;               ///< what its nodes have in common
            detail::fluid_market::raw_prices prices{};  ///< before rounding
            amount priced_share = 0;                    ///< its free share when prices were cleared
        };
        detail::flat<entry> classes;  ///< none while no mix is known
    };
    /// The memory.
    [[nodiscard]] memory_type memory() const;
    /// Goes on from the memory of a score that was there before, for the same cluster or a copy.
    void recall(const memory_type& before);

private:
    struct class_prices {
        double gpu = 0.0;
        double cpu = 0.0;
        double whole_node = 0.0;
        std::uint64_t version = 0;
    };
    /// Figures of a node as it stands.
    struct node_record {
        expected_fragmentation::value value;
        std::int64_t free_gpus = 0;
        amount free_share = 0;  // of healthy GPUs
        amount free_cpu = 0;
        expected_fragmentation::gpu_sum gpus;
        detail::packed_shares shares;
        std::uint32_t whole_at = 0;  // its position in `whole_nodes_`
        std::uint8_t node_class = 0;
        bool whole = false;
        bool alike = false;  // its GPUs differ in their free share alone, and `shares` are the node's
    };

    [[nodiscard]] expected_fragmentation::value value_after(const candidate& c) const noexcept;
    [[nodiscard]] expected_fragmentation::value best_after(candidate& c, gpu_mask fitting) const noexcept;
    [[nodiscard]] double memory_cost(const candidate& c, gpu_mask gpus) const noexcept {
        return memory_.concerns(c.demand) ? memory_.cost(c.node, c.demand, gpus) : 0.0;
    }
    [[nodiscard]] part_values parts(const candidate& c, const expected_fragmentation::value& after) const noexcept;
    [[nodiscard]] double in_gpu_share(amount cpu) const noexcept {
        return fragmentation_.cpu_per_gpu() > 0.0
                   ? static_cast<double>(cpu) * static_cast<double>(whole_gpu) / fragmentation_.cpu_per_gpu()
                   : 0.0;
    }
    [[nodiscard]] node_record record_of(const node_view& node) const noexcept {
        const std::size_t c = classes_.of(node.index);
        amount share = 0;
        for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) share += node.free_share(lowest_gpu(rest));
        detail::packed_shares packed;
        const bool packs = packed.pack(node);
        const expected_fragmentation::gpu_sum gpus = fragmentation_.sum(node);
        return {.value = fragmentation_(gpus, node.free_cpu()),
                .free_gpus = detail::whole_node_reserve::free_gpus(node),
                .free_share = share,
                .free_cpu = node.free_cpu(),
                .gpus = gpus,
                .shares = packed,
                .whole_at = 0,
                .node_class = static_cast<std::uint8_t>(c),
                .whole = reserve_.is_whole(node, c),
                .alike = packs && detail::equal_gpus(node)};
    }
    /// Thousandths per node; in a small fleet too few to hide what else tells nodes apart.
    [[nodiscard]] static double slope(const problem& p, const scarcity& how) noexcept {
        const auto nodes = static_cast<double>(p.fleet().node_count());
        return how.first_fit_slope / (nodes < 100.0 ? 100.0 : nodes);
    }
    [[nodiscard]] static amount distance(amount a, amount b) noexcept { return a < b ? b - a : a - b; }
    /// Adds what a node contributes to its class, or takes it away.
    void count(const node_record& node, int sign);
    void note_whole(node_index n) {
        nodes_[n.value()].whole_at = static_cast<std::uint32_t>(whole_nodes_.size());
        whole_nodes_.push_back(n);
    }
    void reprice();
    void take_prices();
    void set_reserve_charges();

    scarcity how_;
    bool informed_;
    best_fit::state fallback_;
    expected_fragmentation fragmentation_;
    memory_stranding memory_;
    detail::node_classes classes_;
    detail::fluid_market market_;
    detail::whole_node_reserve reserve_;
    double slope_;
    detail::flat<node_record> nodes_;
    detail::flat<node_index> whole_nodes_;  // in no particular order
    detail::flat<amount> free_share_;       // per class
    detail::flat<amount> free_cpu_;         // per class
    detail::flat<class_prices> prices_;
    std::uint64_t charges_ = 0;  // classes with a charge, one bit each
    std::uint64_t charge_version_ = 0;
    detail::flat<double> gpu_supply_;
    detail::flat<double> cpu_supply_;
    detail::flat<amount> priced_share_;  // per class: its free share when prices were cleared last
    amount priced_ = 0;                  // its sum
    amount changed_ = 0;                 // Σ |free_share_ - priced_share_|
};

inline scarcity_state::scarcity_state(const problem& p, const scarcity& how)
    : how_{how},
      informed_{p.workload().total_frequency() > 0},
      fallback_{best_fit{}.prepare(p)},
      fragmentation_{p, how.fragmentation},
      memory_{p, how.memory},
      classes_{p.fleet()},
      market_{p, classes_, ledger{p.fleet()}, fragmentation_.cpu_per_gpu()},
      reserve_{p, classes_, ledger{p.fleet()}},
      slope_{slope(p, how)},
      free_share_(classes_.size(), 0),
      free_cpu_(classes_.size(), 0),
      prices_(classes_.size()),
      gpu_supply_(classes_.size()),
      cpu_supply_(classes_.size()),
      priced_share_(classes_.size(), 0) {
    const ledger empty{p.fleet()};
    detail::flat<std::uint8_t> kind_known(p.fleet().kind_count(), 0);
    detail::flat<node_record> of_kind(p.fleet().kind_count());
    nodes_.reserve(p.fleet().node_count());
    whole_nodes_.reserve(p.fleet().node_count());  // no update allocates
    for (std::size_t i = 0; i < p.fleet().node_count(); ++i) {
        const node_index n{i};
        const node_view node = empty.node(n);
        const std::size_t kind = p.fleet().kind(n);
        if (!p.fleet().present(n)) {
            nodes_.push_back({});  // a vacant position has nothing, and no kind of its own
            continue;
        }
        if (kind_known[kind] == 0) {
            of_kind[kind] = record_of(node);
            kind_known[kind] = 1;
        }
        nodes_.push_back(of_kind[kind]);
        nodes_.back().node_class = static_cast<std::uint8_t>(classes_.of(n));
        if (nodes_.back().whole) note_whole(n);
        free_share_[classes_.of(n)] += nodes_.back().free_share;
        free_cpu_[classes_.of(n)] += nodes_.back().free_cpu;
    }
    reprice();
}

/// The value of a candidate.
inline double scarcity_state::operator()(const candidate& c) const noexcept { return -parts(c)[0]; }

/// With the candidate on its GPUs.
inline expected_fragmentation::value scarcity_state::value_after(const candidate& c) const noexcept {
    const node_record& now = nodes_[c.node.index.value()];
    const amount cpu = c.node.free_cpu() - c.cpu();
    if (c.gpus == 0) return fragmentation_(now.gpus, cpu);
    return fragmentation_(fragmentation_.after(now.gpus, c.node, c.demand.gpu[0], c.gpus), cpu);
}

/// For a task on one GPU: with it on the best GPU, lowest position on ties, which is set in `c.gpus`. Equal GPUs are
/// evaluated once.
inline expected_fragmentation::value scarcity_state::best_after(candidate& c, gpu_mask fitting) const noexcept {
    constexpr double noise = 1e-9;  // of sums over the mix: equal GPUs must stay equal
    const node_record& now = nodes_[c.node.index.value()];
    expected_fragmentation::value best;
    double least = 0.0;
    gpu_mask evaluated = 0;
    gpu_mask chosen = 0;
    for (; fitting != 0; fitting &= fitting - 1) {
        const std::size_t i = lowest_gpu(fitting);
        if (now.alike ? now.shares.repeats(evaluated, i) : detail::like_one_of(c.node, evaluated, i)) continue;
        c.gpus = fitting & (~fitting + 1);
        evaluated |= c.gpus;
        const expected_fragmentation::value after = value_after(c);
        const double cost = after.fragmentation + memory_cost(c, c.gpus);
        if (chosen != 0 && !(cost < least - noise)) continue;
        best = after;
        least = cost;
        chosen = c.gpus;
    }
    c.gpus = chosen;
    return best;
}

inline scarcity_state::part_values scarcity_state::parts(const candidate& c) const noexcept {
    if (!informed_) return {static_cast<float>(-fallback_(c)), 0.0F, 0.0F, 0.0F};
    return parts(c, value_after(c));
}

inline scarcity_state::part_values scarcity_state::best_parts(candidate& c, gpu_mask fitting) const noexcept {
    if (informed_ && c.demand.gpus == 1) {
        const expected_fragmentation::value after = best_after(c, fitting);
        return parts(c, after);
    }
    c.gpus = c.demand.gpus == 0 ? 0 : tightest_gpu{}(c.node, c.demand, fitting);
    return parts(c);
}

inline scarcity_state::part_values scarcity_state::parts(const candidate& c,
                                                         const expected_fragmentation::value& after) const noexcept {
    const node_record& now = nodes_[c.node.index.value()];
    return {static_cast<float>(after.fragmentation - now.value.fragmentation + memory_cost(c, c.gpus)),
            static_cast<float>(now.value.usable - after.usable),
            c.demand.gpus > 0 ? static_cast<float>(in_gpu_share(c.cpu())) : 0.0F,
            now.whole && reserve_.breaks(c.node, now.node_class, c.demand, c.gpus) ? 1.0F : 0.0F};
}

inline scored_gpus<double> scarcity_state::best_gpu(const candidate& c, gpu_mask fitting) const noexcept {
    if (!informed_) return {fallback_(c), tightest_gpu{}(c.node, c.demand, fitting)};
    candidate at = c;
    const expected_fragmentation::value after = best_after(at, fitting);
    const double before = nodes_[c.node.index.value()].value.fragmentation;
    return {before - after.fragmentation - memory_cost(at, at.gpus), at.gpus};
}

inline void scarcity_state::count(const node_record& node, int sign) {
    const std::size_t c = node.node_class;
    changed_ -= distance(free_share_[c], priced_share_[c]);
    free_share_[c] += sign * node.free_share;
    changed_ += distance(free_share_[c], priced_share_[c]);
    free_cpu_[c] += sign * node.free_cpu;
}

inline void scarcity_state::on_node(const node_view& node) {
    if (!informed_) return;
    node_record& known = nodes_[node.index.value()];
    const node_record now = record_of(node);
    count(known, -1);
    count(now, +1);
    bool reserves = false;
    if (known.node_class == now.node_class) {
        const int whole_nodes = static_cast<int>(now.whole) - static_cast<int>(known.whole);
        reserves = whole_nodes != 0 || now.free_gpus != known.free_gpus;
        if (reserves) reserve_.note(now.node_class, whole_nodes, now.free_gpus - known.free_gpus);
    } else {
        reserves = true;
        reserve_.note(known.node_class, known.whole ? -1 : 0, -known.free_gpus);
        reserve_.note(now.node_class, now.whole ? 1 : 0, now.free_gpus);
    }
    const std::uint32_t whole_at = known.whole_at;
    const bool was_whole = known.whole;
    known = now;
    known.whole_at = whole_at;
    if (now.whole && !was_whole) note_whole(node.index);
    if (was_whole && !now.whole) {
        whole_nodes_[whole_at] = whole_nodes_.back();
        nodes_[whole_nodes_[whole_at].value()].whole_at = whole_at;
        whole_nodes_.pop_back();
    }
    if (reserves) set_reserve_charges();
}

inline followed scarcity_state::follow(const problem& p, std::span<const node_index> changed) {
    const std::size_t before = nodes_.size();
    if (!classes_.follow(p.fleet(), changed) || !memory_.suits(p.fleet()) ||
        (informed_ && !fragmentation_.suits(p.fleet()))) {
        return followed::outgrown;
    }
    nodes_.make_room(p.fleet().node_count());
    whole_nodes_.make_room(p.fleet().node_count());
    nodes_.resize(p.fleet().node_count());
    const followed fits = fallback_.follow(p, changed);
    if (!informed_) return fits;
    if (nodes_.size() == before) return followed::kept;
    slope_ = slope(p, how_);
    return followed::revalued;
}

inline void scarcity_state::on_settled() {
    if (informed_ && changed_ > 0 && static_cast<double>(changed_) >= how_.reprice_after * static_cast<double>(priced_))
        reprice();
}

inline scarcity_state::memory_type scarcity_state::memory() const {
    memory_type now;
    for (std::size_t c = 0; informed_ && c < classes_.size(); ++c) {
        now.classes.push_back({classes_.key(c), market_.raw(c), priced_share_[c]});
    }
    return now;
}

inline void scarcity_state::recall(const memory_type& before) {
    if (!informed_ || before.classes.empty()) return;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
        priced_share_[c] = 0;
        for (const memory_type::entry& e : before.classes) {
            if (e.node_class != classes_.key(c)) continue;
            market_.set_raw(c, e.prices);
            priced_share_[c] = e.priced_share;
        }
    }
    market_.round_prices();
    take_prices();
    priced_ = 0;
    changed_ = 0;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
        priced_ += priced_share_[c];
        changed_ += distance(free_share_[c], priced_share_[c]);
    }
}

/// The market's prices; those that changed get a new version.
inline void scarcity_state::take_prices() {
    for (std::size_t c = 0; c < prices_.size(); ++c) {
        class_prices& price = prices_[c];
        if (price.gpu == market_.gpu_price(c) && price.cpu == market_.cpu_price(c)) continue;
        price.gpu = market_.gpu_price(c);
        price.cpu = market_.cpu_price(c);
        ++price.version;
    }
}

inline void scarcity_state::reprice() {
    if (!informed_) return;
    for (std::size_t c = 0; c < prices_.size(); ++c) {
        // A class that is over-committed supplies nothing.
        gpu_supply_[c] = static_cast<double>(free_share_[c] > 0 ? free_share_[c] : 0);
        cpu_supply_[c] = in_gpu_share(free_cpu_[c] > 0 ? free_cpu_[c] : 0);
    }
    market_.clear(gpu_supply_.view(), cpu_supply_.view());
    take_prices();
    set_reserve_charges();
    priced_share_ = free_share_;
    priced_ = 0;
    for (const amount share : free_share_) priced_ += share;
    changed_ = 0;
}

inline void scarcity_state::set_reserve_charges() {
    for (std::size_t c = 0; c < prices_.size(); ++c) {
        const double charge = reserve_.reserved(c) ? how_.whole_node_charge : 0.0;
        if (prices_[c].whole_node == charge) continue;
        prices_[c].whole_node = charge;
        charges_ ^= std::uint64_t{1} << c;
        ++charge_version_;
    }
}

/// The ready form for a problem. O(nodes + GPUs).
inline scarcity_state scarcity::prepare(const problem& p) const { return {p, *this}; }

static_assert(placement_score<scarcity> && parted_score<scarcity_state>);

}  // namespace berth::inline v0
