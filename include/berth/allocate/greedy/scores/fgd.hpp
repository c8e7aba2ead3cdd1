// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/fragmentation_memo.hpp"
#include "berth/allocate/greedy/detail/pick_gpus.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/measures/memory_stranding.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// Fragmentation gradient descent (Weng et al., USENIX ATC 2023): prefer the placement after which the node's expected
/// fragmentation F grows least. The value is trunc(100 · sigmoid((F before - F after) / 1000)), 50 for no change; the
/// truncation is part of the published policy, because near-ties then go to the fixed node order.
///
/// Where tasks want GPU memory, its cost (`memory_stranding`) counts as growth of F; the published policy ignores it.
/// Without a mix (a workload without tasks) it behaves like `best_fit`, and `state::informed` says so.
///
/// Use with `best_scored_gpu`. O(typical tasks × GPUs) per GPU evaluated; F before is kept per node, and F of states in
/// 160 kB.
struct fgd {
    double coverage = 0.95;                                    ///< of `typical_mix`, in (0, 1]
    memory_weights memory{.stranding = 0.2, .surplus = 80.0};  ///< of GPU memory, taken off the difference of F

    /// The ready form, a `prepared_score`.
    class state {
    public:
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`

        /// Made by `prepare`.
        state(const problem& p, double coverage, const memory_weights& memory)
            : informed_{p.workload().total_frequency() > 0},
              fallback_{best_fit{}.prepare(p)},
              fragmentation_{p, typical_mix(p.workload(), coverage)},
              memory_{p, memory} {
            const ledger ledger{p.fleet()};
            before_.reserve(p.fleet().node_count());
            detail::flat<double> of_kind(p.fleet().kind_count(), -1.0);
            for (std::size_t n = 0; n < p.fleet().node_count(); ++n) {
                if (!p.fleet().present(node_index{n})) {
                    before_.push_back(0.0);
                    continue;
                }
                double& known = of_kind[p.fleet().kind(node_index{n})];
                if (known < 0.0) known = fragmentation_(ledger.node(node_index{n}));
                before_.push_back(known);
            }
        }

        /// False if the mix is empty: the values are those of `best_fit` then.
        [[nodiscard]] bool informed() const noexcept { return informed_; }
        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            if (!informed_) return fallback_(c);
            return value(c, fragmentation_after(c));
        }
        /// For tasks on one GPU: the best GPU, lowest position on ties, asking equal GPUs once.
        [[nodiscard]] scored_gpus<double> best_gpu(const candidate& c, gpu_mask fitting) const noexcept {
            if (!informed_) return {fallback_(c), tightest_gpu{}(c.node, c.demand, fitting)};
            candidate at = c;
            scored_gpus<double> best{};
            gpu_mask evaluated = 0;
            for (; fitting != 0; fitting &= fitting - 1) {
                if (detail::like_one_of(c.node, evaluated, lowest_gpu(fitting))) continue;
                at.gpus = fitting & (~fitting + 1);
                evaluated |= at.gpus;
                const double v = value(at, fragmentation_after(at));
                if (best.gpus == 0 || v > best.value) best = {v, at.gpus};
            }
            return best;
        }
        /// The node has changed.
        void on_node(const node_view& node) noexcept { before_[node.index.value()] = fragmentation_of(node); }
        /// The fleet has changed; the mix has not.
        [[nodiscard]] followed follow(const problem& p, std::span<const node_index> changed) {
            before_.make_room(p.fleet().node_count());
            before_.resize(p.fleet().node_count(), 0.0);
            if (!memory_.suits(p.fleet())) return followed::outgrown;
            const followed fits = fallback_.follow(p, changed);
            return informed_ ? followed::kept : fits;
        }

    private:
        [[nodiscard]] double value(const candidate& c, double after) const noexcept {
            double change = before_[c.node.index.value()] - after;
            if (memory_.concerns(c.demand)) change -= memory_.cost(c.node, c.demand, c.gpus);
            return static_cast<double>(static_cast<int>(100.0 / (1.0 + detail::exp(-change / 1000.0))));
        }
        [[nodiscard]] double fragmentation_of(const node_view& node) const noexcept {
            const auto compute = [&] { return fragmentation_(node); };
            detail::packed_shares packed;
            return packed.pack(node) ? remembered(node, packed, node.free_cpu(), compute) : compute();
        }
        /// F of the node with the candidate on its GPUs.
        [[nodiscard]] double fragmentation_after(const candidate& c) const noexcept {
            const amount cpu = c.node.free_cpu() - c.cpu();
            const auto compute = [&] {
                share_profile shares{c.node};
                shares.take(c.node, c.demand, c.gpus);
                return fragmentation_(c.node, shares, cpu);
            };
            detail::packed_shares packed;
            if (!packed.pack(c.node)) return compute();
            if (c.gpus != 0) packed.take(c.demand.gpu[0], c.gpus);
            return remembered(c.node, packed, cpu, compute);
        }
        template <class Compute>
        [[nodiscard]] double remembered(const node_view& node, const detail::packed_shares& shares, amount cpu,
                                        Compute compute) const noexcept {
            return memo_.find(shares, fragmentation_.cpu_level(cpu) << 8U | gpu_count(node.healthy),
                              node.fleet->models_on(node.index), compute);
        }

        bool informed_;
        best_fit::state fallback_;
        fragmentation fragmentation_;
        mutable detail::fragmentation_memo<double> memo_{12};  // a cache: no value depends on its contents
        memory_stranding memory_;
        detail::flat<double> before_;
    };
    /// The ready form for a problem. O(nodes + GPUs).
    [[nodiscard]] state prepare(const problem& p) const { return {p, coverage, memory}; }
};

static_assert(placement_score<fgd>);

}  // namespace berth::inline v0
