// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/pick_gpus.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/topology/best_gpu_set.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/node_view.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>

namespace berth::inline v0 {

namespace detail {

/// Instead of the GPUs that were picked the best connected ones among those that are like them.
[[nodiscard, gnu::cold]] inline gpu_mask linked_instead(const node_view& node, gpu_links links, gpu_mask picked,
                                                        gpu_mask fitting) {
    const std::size_t first = lowest_gpu(picked);
    if (!node.untouched(first)) return picked;  // a share: it goes where others are
    gpu_mask alike = 0;
    for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
        if (like_one_of(node, gpu_mask{1} << first, lowest_gpu(rest))) alike |= rest & (~rest + 1);
    }
    if ((picked & ~alike) != 0) return picked;  // they differ among themselves
    return best_gpu_set(links, alike, gpu_count(picked));
}

}  // namespace detail

/// A GPU selection that follows the links of the node where they are known (`fleet::links`): of the GPUs that are like
/// those that another selection picks, of one model and with equal room, the best connected ones; of equally good sets
/// the one that leaves the best connected rest. So a task on one whole GPU, or the first share of one, takes the GPU
/// that the others miss least. On nodes without known links it is the other selection.
///
/// ```
/// const berth::greedy policy{berth::best_fit{}, berth::linked_gpus{}};
/// const berth::greedy default_of_schedulers{berth::scarcity{}, berth::linked_gpus{berth::best_scored_gpu{}}};
/// ```
///
/// As `best_gpu_set`: exact up to 16 GPUs that are alike, then a local search. Deterministic.
///
/// @tparam Inner  the other selection, ready for use: it decides where links do not matter
template <prepared_gpu_selection Inner = tightest_gpu>
struct linked_gpus {
    static constexpr score_scope scope = gpu_scope_of<Inner>;  ///< that of the other selection
    static constexpr bool anonymous =
        is_anonymous_selection<Inner>;  ///< that of the other; kinds of nodes differ by links
    static constexpr std::size_t node_counters_read = node_counters_read_by<Inner>;  ///< those of the other selection

    Inner inner{};  ///< decides where links do not matter

    /// The GPUs picked.
    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const
        requires gpu_rule<Inner>
    {
        const gpu_mask picked = inner(node, demand, fitting);
        return follow(node, picked, fitting);
    }
    /// The value and its GPUs.
    template <class Score>
    [[nodiscard]] constexpr auto best(const Score& score, candidate& c, gpu_mask fitting) const
        requires(!gpu_rule<Inner>)
    {
        auto found = inner.best(score, c, fitting);
        const gpu_mask linked = follow(c.node, found.gpus, fitting);
        if (linked == found.gpus) return found;
        c.gpus = linked;
        found.value = score(c);
        found.gpus = linked;
        return found;
    }

private:
    [[nodiscard]] static constexpr gpu_mask follow(const node_view& node, gpu_mask picked, gpu_mask fitting) {
        if (picked == 0 || picked == fitting) return picked;
        const gpu_links links = node.fleet->links(node.index);
        return links.known() ? detail::linked_instead(node, links, picked, fitting) : picked;
    }
};
template <class Inner>
linked_gpus(Inner) -> linked_gpus<Inner>;
linked_gpus() -> linked_gpus<tightest_gpu>;

}  // namespace berth::inline v0
