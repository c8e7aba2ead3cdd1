// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// What is free of every counter in every wave, while steps are entered. A step takes its target from its wave on and gives its
/// source back after it. Rows grow with the waves that touch a counter; whatever comes later is `later`.
class wave_room {
public:
    explicit wave_room(flat<amount> free) : rows_(free.size()), later_{std::move(free)} {}

    /// Adds `sign` times the demand to what is free from wave `first` on.
    void add(std::span<const counter_touch> touches, std::size_t first, int sign) {
        for (const counter_touch& t : touches) {
            flat<amount>& row = rows_[t.counter];
            while (row.size() < first) row.push_back(later_[t.counter]);
            for (std::size_t w = first; w < row.size(); ++w) row[w] += sign * t.demand;
            later_[t.counter] += sign * t.demand;
        }
    }
    /// The earliest wave, not before `first`, from which on the demand is free for good; `never` if it is not.
    [[nodiscard]] std::size_t earliest(std::span<const counter_touch> touches, std::size_t first) const noexcept {
        for (const counter_touch& t : touches) {
            if (later_[t.counter] < t.demand) return never;
            const flat<amount>& row = rows_[t.counter];
            std::size_t w = row.size();
            while (w > first && row[w - 1] >= t.demand) --w;
            if (w > first) first = w;
        }
        return first;
    }
    /// True if the demand is free in the waves `first` up to `last`, that one included.
    [[nodiscard]] bool free_during(std::span<const counter_touch> touches, std::size_t first,
                                   std::size_t last) const noexcept {
        for (const counter_touch& t : touches) {
            if (least(t.counter, first, last) < t.demand) return false;
        }
        return true;
    }
    [[nodiscard]] amount least(std::size_t counter, std::size_t first, std::size_t last) const noexcept {
        const flat<amount>& row = rows_[counter];
        if (row.size() <= first) return later_[counter];
        amount found = row.size() <= last ? later_[counter] : row[last];
        for (std::size_t w = first; w < row.size() && w < last; ++w) found = row[w] < found ? row[w] : found;
        return found;
    }

    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

private:
    std::vector<flat<amount>> rows_;
    flat<amount> later_;
};

/// How many steps of a wave touch a node, or a pair of nodes. A hash table of counts.
class wave_counts {
public:
    [[nodiscard]] std::size_t at(std::size_t wave, std::uint64_t key) const noexcept {
        if (entries_.empty()) return 0;
        const entry& found = entries_[probe(wave, key)];
        return found.count;
    }
    void add(std::size_t wave, std::uint64_t key, int change) {
        if (2 * (used_ + 1) > entries_.size()) grow();
        entry& found = entries_[probe(wave, key)];
        if (found.used == 0) {
            found = {key, wave, 0, 1};
            ++used_;
        }
        found.count = change > 0 ? found.count + 1 : found.count - 1;
    }

private:
    struct entry {
        std::uint64_t key;
        std::size_t wave;
        std::uint32_t count;
        std::uint32_t used;
    };
    [[nodiscard]] std::size_t probe(std::size_t wave, std::uint64_t key) const noexcept {
        const std::size_t mask = entries_.size() - 1;
        std::size_t at = static_cast<std::size_t>(splitmix64(key ^ splitmix64(wave))) & mask;
        while (entries_[at].used != 0 && (entries_[at].key != key || entries_[at].wave != wave)) at = (at + 1) & mask;
        return at;
    }
    void grow() {
        flat<entry> old;
        old.swap(entries_);
        entries_.assign(old.empty() ? 64 : 2 * old.size(), entry{0, 0, 0, 0});
        for (const entry& e : old) {
            if (e.used != 0) entries_[probe(e.wave, e.key)] = e;
        }
    }

    flat<entry> entries_;
    std::size_t used_ = 0;
};

/// Steps at most in one wave: that touch one node, that go between one pair of nodes (either way), and at all.
struct wave_limits {
    std::size_t per_node;
    std::size_t per_link;
    std::size_t per_wave;
};

/// Counts steps against the limits.
class wave_traffic {
public:
    explicit wave_traffic(const wave_limits& limits) noexcept : limits_{limits} {}

    /// True if one more step may be in that wave; either node may be none.
    [[nodiscard]] bool admits(std::size_t wave, node_index from, node_index to) const noexcept {
        if (limits_.per_wave != unlimited && all_.at(wave, 0) >= limits_.per_wave) return false;
        if (limits_.per_node != unlimited) {
            if (from.valid() && nodes_.at(wave, from.value()) >= limits_.per_node) return false;
            if (to.valid() && nodes_.at(wave, to.value()) >= limits_.per_node) return false;
        }
        return limits_.per_link == unlimited || !is_link(from, to) ||
               links_.at(wave, link(from, to)) < limits_.per_link;
    }
    void add(std::size_t wave, node_index from, node_index to, int change) {
        if (limits_.per_wave != unlimited) all_.add(wave, 0, change);
        if (limits_.per_node != unlimited) {
            if (from.valid()) nodes_.add(wave, from.value(), change);
            if (to.valid() && to != from) nodes_.add(wave, to.value(), change);
        }
        if (limits_.per_link != unlimited && is_link(from, to)) links_.add(wave, link(from, to), change);
    }

private:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    [[nodiscard]] static bool is_link(node_index from, node_index to) noexcept {
        return from.valid() && to.valid() && from != to;
    }
    [[nodiscard]] static std::uint64_t link(node_index from, node_index to) noexcept {
        const std::uint64_t a = from.value();
        const std::uint64_t b = to.value();
        return a < b ? a << 32U | b : b << 32U | a;
    }

    wave_limits limits_;
    wave_counts nodes_;
    wave_counts links_;
    wave_counts all_;
};

}  // namespace berth::inline v0::detail
