// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Picks evictions that differ: of those of one kind, which evict tasks of the same shapes, the few that leave most;
/// all of these in the order of what they leave. O(options · alternatives + kinds · alternatives · log).
class eviction_ranking {
public:
    /// Positions in `options`, most left over first. False, with an empty ranking, if the poll interrupts it.
    bool rank(const workload& work, const flat<eviction>& options, std::size_t alternatives, stop_poll& poll,
              flat<std::size_t>& ranked) {
        const auto before = [&options](std::size_t a, std::size_t b) {
            const eviction& x = options[a];
            const eviction& y = options[b];
            if (x.left != y.left) return x.left > y.left;
            if (x.node != y.node) return x.node < y.node;
            for (std::size_t i = 0; i < 3; ++i) {
                if (x.tasks[i] != y.tasks[i]) return x.tasks[i] < y.tasks[i];
            }
            return false;
        };
        ranked.clear();
        kinds_.assign(1024, {});
        kept_.clear();
        for (std::size_t o = 0; o < options.size(); ++o) {
            if (poll.interrupted()) return false;
            kind& k = kind_of(work, options[o], alternatives);
            std::size_t at = k.count;
            if (at == alternatives) {
                if (!before(o, kept_[k.first + at - 1])) continue;
                --at;
            } else {
                ++k.count;
            }
            for (; at > 0 && before(o, kept_[k.first + at - 1]); --at) kept_[k.first + at] = kept_[k.first + at - 1];
            kept_[k.first + at] = o;
        }
        for (const kind& k : kinds_) {
            for (std::size_t i = 0; i < k.count; ++i) ranked.push_back(kept_[k.first + i]);
        }
        std::uint32_t compared = 0;
        sort_positions(ranked, [&](std::size_t a, std::size_t b) {
            if (++compared % 64 == 0) (void)poll.interrupted();
            return poll.interrupted(0) ? a < b : before(a, b);  // once interrupted, any order will do
        });
        if (poll.interrupted(0)) ranked.clear();
        return !poll.interrupted(0);
    }

private:
    struct kind {
        std::uint64_t key = 0;  // 0: the entry is free
        std::size_t first = 0;  // of its pieces in `kept_`
        std::size_t count = 0;
    };
    kind& kind_of(const workload& work, const eviction& o, std::size_t alternatives) {
        std::uint64_t key = o.count;
        for (const task_index t : o.all()) key += splitmix64(work.shape(t).value() + 1);
        if (key == 0) key = 1;
        if (kept_.size() * 2 > kinds_.size() * alternatives) grow();
        std::size_t at = key & (kinds_.size() - 1);
        while (kinds_[at].key != 0 && kinds_[at].key != key) at = (at + 1) & (kinds_.size() - 1);
        if (kinds_[at].key == 0) {
            kinds_[at] = {key, kept_.size(), 0};
            kept_.resize(kept_.size() + alternatives);
        }
        return kinds_[at];
    }
    void grow() {
        flat<kind> wider(kinds_.size() * 2);
        for (const kind& k : kinds_) {
            if (k.key == 0) continue;
            std::size_t at = k.key & (wider.size() - 1);
            while (wider[at].key != 0) at = (at + 1) & (wider.size() - 1);
            wider[at] = k;
        }
        kinds_.swap(wider);
    }

    flat<kind> kinds_;  // a hash table with linear probing
    flat<std::size_t> kept_;
};

}  // namespace berth::inline v0::detail
