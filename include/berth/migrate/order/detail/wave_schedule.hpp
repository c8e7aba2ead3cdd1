// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/model/resources.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// What is free of every counter in every wave, while steps are entered. A step takes its target from its wave on and
/// gives its source back after it. A row has an entry for each wave in which its counter changes; every call is linear
/// in the entries of the counters that it touches, not in waves.
class wave_room {
public:
    explicit wave_room(const flat<amount>& free) : rows_(free.size()) {
        for (std::size_t c = 0; c < free.size(); ++c) rows_[c].push_back({0, free[c]});
    }

    /// Adds `sign` times the demand to what is free from wave `first` on.
    void add(std::span<const counter_touch> touches, std::size_t first, int sign) {
        for (const counter_touch& t : touches) add(rows_[t.counter], first, sign * t.demand);
    }
    /// The earliest wave, not before `first`, from which on the demand is free for good; `never` if it is not.
    [[nodiscard]] std::size_t earliest(std::span<const counter_touch> touches, std::size_t first) const noexcept {
        for (const counter_touch& t : touches) {
            const row& r = rows_[t.counter];
            std::size_t i = r.size();
            while (i > 0 && r[i - 1].free >= t.demand && (i == r.size() || r[i].wave > first)) --i;
            if (i == r.size()) return never;
            if (r[i].wave > first) first = r[i].wave;
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
    /// The least that is free in the waves `first` up to `last`, that one included.
    [[nodiscard]] amount least(std::size_t counter, std::size_t first, std::size_t last) const noexcept {
        const row& r = rows_[counter];
        std::size_t i = at(r, last);
        amount found = r[i].free;
        for (; r[i].wave > first; --i) found = r[i - 1].free < found ? r[i - 1].free : found;
        return found;
    }

    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

private:
    struct change {
        std::size_t wave;
        amount free;  // from that wave to the next entry's
    };
    using row = flat<change>;

    /// The entry that holds in a wave. The first entry is of wave 0.
    [[nodiscard]] static std::size_t at(const row& r, std::size_t wave) noexcept {
        std::size_t begin = 0;
        std::size_t end = r.size();
        while (end - begin > 1) {
            const std::size_t middle = begin + (end - begin) / 2;
            (r[middle].wave <= wave ? begin : end) = middle;
        }
        return begin;
    }
    static void add(row& r, std::size_t first, amount more) {
        std::size_t i = at(r, first);
        if (r[i].wave < first) {
            ++i;
            r.push_back({first, 0});
            for (std::size_t k = r.size() - 1; k > i; --k) r[k] = r[k - 1];
            r[i] = {first, r[i - 1].free};
        }
        for (std::size_t k = i; k < r.size(); ++k) r[k].free += more;
        if (i == 0 || r[i].free != r[i - 1].free) return;
        for (std::size_t k = i + 1; k < r.size(); ++k) r[k - 1] = r[k];
        r.resize(r.size() - 1);
    }

    std::vector<row> rows_;
};

/// A hash table from a wave (or a block of waves) and a key to a value that begins at zero.
template <class Value>
class wave_table {
public:
    [[nodiscard]] Value at(std::size_t wave, std::uint64_t key) const noexcept {
        return entries_.empty() ? Value{} : entries_[probe(wave, key)].value;
    }
    /// The value, which is entered if it is not there.
    [[nodiscard]] Value& operator()(std::size_t wave, std::uint64_t key) {
        if (2 * (used_ + 1) > entries_.size()) grow();
        entry& found = entries_[probe(wave, key)];
        if (found.used == 0) {
            found = {key, wave, Value{}, 1};
            ++used_;
        }
        return found.value;
    }

private:
    struct entry {
        std::uint64_t key;
        std::size_t wave;
        Value value;
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
        entries_.assign(old.empty() ? 64 : 2 * old.size(), entry{0, 0, Value{}, 0});
        for (const entry& e : old) {
            if (e.used != 0) entries_[probe(e.wave, e.key)] = e;
        }
    }

    flat<entry> entries_;
    std::size_t used_ = 0;
};

/// Counts steps by wave and key (a node, a link, all) against one limit. Waves that are full are a bit each, 64 to a
/// word, so that the next one with room is found in O(full waves / 64), and in O(1) where all waves before it are full.
class limited_counts {
public:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    explicit limited_counts(std::size_t limit) noexcept : limit_{limit} {}

    [[nodiscard]] bool limited() const noexcept { return limit_ != unlimited; }
    /// True if one more step may be in that wave.
    [[nodiscard]] bool admits(std::size_t wave, std::uint64_t key) const noexcept {
        return !limited() || counts_.at(wave, key) < limit_;
    }
    /// The first wave, from `wave` on, that admits one more step. The limit is above zero.
    [[nodiscard]] std::size_t first_open(std::size_t wave, std::uint64_t key) const noexcept {
        if (!limited()) return wave;
        const std::size_t open = open_from_.at(0, key);
        if (wave < open) wave = open;
        for (;;) {
            const std::uint64_t free = ~full_.at(wave / 64, key) >> wave % 64;
            if (free != 0) return wave + static_cast<std::size_t>(std::countr_zero(free));
            wave += 64 - wave % 64;
        }
    }
    void add(std::size_t wave, std::uint64_t key, int change) {
        if (!limited()) return;
        std::uint32_t& count = counts_(wave, key);
        const bool was_full = count >= limit_;
        count = change > 0 ? count + 1 : count - 1;
        const bool is_full = count >= limit_;
        if (was_full == is_full) return;
        full_(wave / 64, key) ^= std::uint64_t{1} << wave % 64;
        std::size_t& open = open_from_(0, key);
        if (!is_full && wave < open) open = wave;
        if (is_full && wave == open) open = first_open(wave, key);
    }

private:
    std::size_t limit_;
    wave_table<std::uint32_t> counts_;
    wave_table<std::uint64_t> full_;
    wave_table<std::size_t> open_from_;  // all waves before it are full
};

/// Maximum numbers of steps in one wave.
struct wave_limits {
    std::size_t per_node;  ///< that touch one node
    std::size_t per_link;  ///< between one pair of nodes, either way
    std::size_t per_wave;
};

/// Counts steps against the limits. Either node of a step may be none.
class wave_traffic {
public:
    explicit wave_traffic(const wave_limits& limits) noexcept
        : nodes_{limits.per_node}, links_{limits.per_link}, all_{limits.per_wave} {}

    /// True if one more step may be in that wave.
    [[nodiscard]] bool admits(std::size_t wave, node_index from, node_index to) const noexcept {
        return all_.admits(wave, 0) && (!from.valid() || nodes_.admits(wave, from.value())) &&
               (!to.valid() || nodes_.admits(wave, to.value())) &&
               (!is_link(from, to) || links_.admits(wave, link(from, to)));
    }
    /// The first wave, from `wave` on, that admits one more step. No limit is zero. O(full waves / 64) where the full
    /// waves of the four counts lie in runs, O(full waves) at worst.
    [[nodiscard]] std::size_t first_open(std::size_t wave, node_index from, node_index to) const noexcept {
        for (;;) {
            const std::size_t before = wave;
            wave = all_.first_open(wave, 0);
            if (from.valid()) wave = nodes_.first_open(wave, from.value());
            if (to.valid()) wave = nodes_.first_open(wave, to.value());
            if (is_link(from, to)) wave = links_.first_open(wave, link(from, to));
            if (wave == before) return wave;
        }
    }
    void add(std::size_t wave, node_index from, node_index to, int change) {
        all_.add(wave, 0, change);
        if (from.valid()) nodes_.add(wave, from.value(), change);
        if (to.valid() && to != from) nodes_.add(wave, to.value(), change);
        if (is_link(from, to)) links_.add(wave, link(from, to), change);
    }

private:
    [[nodiscard]] static bool is_link(node_index from, node_index to) noexcept {
        return from.valid() && to.valid() && from != to;
    }
    [[nodiscard]] static std::uint64_t link(node_index from, node_index to) noexcept {
        const std::uint64_t a = from.value();
        const std::uint64_t b = to.value();
        return a < b ? a << 32U | b : b << 32U | a;
    }

    limited_counts nodes_;
    limited_counts links_;
    limited_counts all_;
};

}  // namespace berth::inline v0::detail
