// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/wide_fraction.hpp"
#include "berth/core/wide_int.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// A user or an account of a fair tree.
struct share_holder {
    static constexpr std::size_t no_parent = std::numeric_limits<std::size_t>::max();  ///< it lies below the root
    static constexpr std::int64_t as_parent = -1;  ///< it has no shares of its own, but stands for its parent

    std::size_t parent = no_parent;  ///< position of the account above it
    /// 0..2^62 or `as_parent`: such an account is transparent, and those below it are siblings of its siblings; such a
    /// user goes before all others of its account.
    std::int64_t shares = 1;
    std::int64_t usage = 0;  ///< what it used itself, 0..2^62; an account's is added to that of those below it
    bool user = true;        ///< false: an account, which has a place only by its users
};

/// Where a user or an account stands.
struct fair_standing {
    double shares = 0.0;       ///< part of its shares in those of its siblings; `as_parent`: that of its parent
    double usage = 0.0;        ///< part of its usage in that of its parent
    double level_share = 0.0;  ///< shares / usage: more goes earlier; infinite without usage, 0 without shares
    std::size_t rank = 0;      ///< of a user: the number of users for the first one, then fewer; 0 of an account
    double fair_share = 0.0;   ///< rank / number of users
    std::size_t position = 0;  ///< of a user: 0 for the one that goes first; each has its own
};

/// Which users are equal.
enum class fair_tree_ties : std::uint8_t {
    exact,    ///< those whose fractions of whole numbers are equal, as in flux-accounting
    rounded,  ///< those whose `level_share`, computed in double precision, is equal, as in Slurm
};

namespace detail {

class fair_tree_ranking {
public:
    fair_tree_ranking(std::span<const share_holder> holders, fair_tree_ties ties) : holders_{holders}, ties_{ties} {}

    [[nodiscard]] result<std::vector<fair_standing>> run() {
        if (result<void> fine = check(); !fine) return fine.error();
        if (result<void> fine = order_parents_first(); !fine) return fine.error();
        add_up();
        levels();
        rank();
        return std::move(standings_);
    }

private:
    // A step of the walk: a user, or accounts that are equal and merge what is below them.
    struct step {
        std::vector<std::size_t> holders;
        bool tied = false;
    };

    [[nodiscard]] result<void> check() const {
        constexpr std::int64_t most = std::int64_t{1} << 62;
        const auto refused = [](std::size_t h, const char* field, const char* why) {
            return refuse(error_code::invalid_value, {"share holder ", h, ": ", field, " ", why});
        };
        std::int64_t shares = 0;
        std::int64_t usage = 0;
        for (std::size_t h = 0; h < holders_.size(); ++h) {
            const share_holder& holder = holders_[h];
            if (holder.shares < share_holder::as_parent) return refused(h, "shares", "is negative");
            if (holder.usage < 0) return refused(h, "usage", "is negative");
            if (holder.shares > most - shares) return refused(h, "shares", "makes a sum above 2^62");
            if (holder.usage > most - usage) return refused(h, "usage", "makes a sum above 2^62");
            shares += std::max<std::int64_t>(holder.shares, 0);
            usage += holder.usage;
            if (holder.parent == share_holder::no_parent) continue;
            if (holder.parent >= holders_.size()) return refused(h, "parent", "is no holder");
            if (holders_[holder.parent].user) return refused(h, "parent", "is a user");
        }
        return {};
    }
    // The root is the position behind the last holder.
    [[nodiscard]] std::size_t parent(std::size_t h) const noexcept {
        return std::min(holders_[h].parent, holders_.size());
    }

    [[nodiscard]] result<void> order_parents_first() {
        const std::size_t root = holders_.size();
        std::vector<std::vector<std::size_t>> below(root + 1);
        for (std::size_t h = 0; h < root; ++h) below[parent(h)].push_back(h);
        std::vector<bool> reached(root, false);
        order_.push_back(root);
        for (std::size_t i = 0; i < order_.size(); ++i) {
            for (const std::size_t h : below[order_[i]]) {
                reached[h] = true;
                order_.push_back(h);
            }
        }
        const auto lost = std::ranges::find(reached, false);
        if (lost == reached.end()) return {};
        return refuse(error_code::inconsistent,
                      {"share holder ", lost - reached.begin(), ": parent: the accounts above it form a circle"});
    }
    // Usage and shares of what is below each account; who counts as below whom.
    void add_up() {
        const std::size_t root = holders_.size();
        usage_.assign(root + 1, 0);
        shares_below_.assign(root + 1, 0);
        below_.assign(root + 1, {});
        above_.assign(root + 1, root);
        for (std::size_t h = 0; h < root; ++h) usage_[h] = holders_[h].usage;
        for (std::size_t i = order_.size(); i-- > 1;) usage_[parent(order_[i])] += usage_[order_[i]];
        for (std::size_t i = 1; i < order_.size(); ++i) {
            const std::size_t h = order_[i];
            above_[h] = parent(h);
            if (above_[h] != root && holders_[above_[h]].shares == share_holder::as_parent)
                above_[h] = above_[above_[h]];
            if (transparent(h)) continue;
            below_[above_[h]].push_back(h);
            shares_below_[above_[h]] += std::max<std::int64_t>(holders_[h].shares, 0);
        }
    }
    [[nodiscard]] bool transparent(std::size_t h) const noexcept {
        return !holders_[h].user && holders_[h].shares == share_holder::as_parent;
    }
    void levels() {
        standings_.resize(holders_.size());
        exact_.resize(holders_.size());
        for (std::size_t i = 1; i < order_.size(); ++i) {
            const std::size_t h = order_[i];
            const std::size_t up = above_[h];
            fair_standing& standing = standings_[h];
            const auto part = [](std::int64_t of, std::int64_t in) {
                return in == 0 ? 0.0 : static_cast<double>(of) / static_cast<double>(in);
            };
            standing.usage = part(usage_[h], usage_[up]);
            if (holders_[h].shares == share_holder::as_parent) {
                standing.shares = up == holders_.size() ? 1.0 : standings_[up].shares;
                standing.level_share = std::numeric_limits<double>::infinity();
                exact_[h] = {1, 0};
                continue;
            }
            standing.shares = part(holders_[h].shares, shares_below_[up]);
            if (holders_[h].shares == 0) continue;
            standing.level_share =
                usage_[h] == 0 ? std::numeric_limits<double>::infinity() : standing.shares / standing.usage;
            exact_[h] = {static_cast<wide_int>(holders_[h].shares) * usage_[up],
                         static_cast<wide_int>(shares_below_[up]) * usage_[h]};
            if (usage_[h] == 0) exact_[h] = {1, 0};
        }
    }
    [[nodiscard]] bool equal(std::size_t a, std::size_t b) const noexcept {
        return ties_ == fair_tree_ties::exact ? exact_[a] == exact_[b]
                                              : standings_[a].level_share == standings_[b].level_share;
    }
    [[nodiscard]] bool earlier(std::size_t a, std::size_t b) const noexcept {
        if (!equal(a, b)) {
            return ties_ == fair_tree_ties::exact ? exact_[a] > exact_[b]
                                                  : standings_[a].level_share > standings_[b].level_share;
        }
        return holders_[a].user != holders_[b].user ? holders_[a].user : a < b;
    }
    // Depth first, the step that is next on top.
    void rank() {
        std::size_t users = 0;
        for (const share_holder& holder : holders_) users += holder.user ? 1 : 0;
        std::size_t left = users;
        std::size_t last_rank = users;
        std::vector<step> steps;
        push(steps, {holders_.size()}, false);
        while (!steps.empty()) {
            const step now = std::move(steps.back());
            steps.pop_back();
            const std::size_t first = now.holders.front();
            if (!holders_[first].user) {
                push(steps, now.holders, now.tied);
                continue;
            }
            if (!now.tied) last_rank = left;
            standings_[first].rank = last_rank;
            standings_[first].fair_share = static_cast<double>(last_rank) / static_cast<double>(users);
            standings_[first].position = users - left;
            --left;
        }
    }
    void push(std::vector<step>& steps, const std::vector<std::size_t>& accounts, bool tied) const {
        std::vector<std::size_t> siblings;
        for (const std::size_t a : accounts) siblings.insert(siblings.end(), below_[a].begin(), below_[a].end());
        std::ranges::sort(siblings, [&](std::size_t a, std::size_t b) { return earlier(a, b); });
        const std::size_t old = steps.size();
        for (std::size_t i = 0; i < siblings.size();) {
            step next{{siblings[i]}, i == 0 ? tied : equal(siblings[i - 1], siblings[i])};
            const bool account = !holders_[siblings[i]].user;
            for (++i; account && i < siblings.size() && equal(next.holders.front(), siblings[i]); ++i) {
                next.holders.push_back(siblings[i]);
            }
            steps.push_back(std::move(next));
        }
        std::reverse(steps.begin() + static_cast<std::ptrdiff_t>(old), steps.end());
    }

    std::span<const share_holder> holders_;
    fair_tree_ties ties_;
    std::vector<std::size_t> order_;
    std::vector<std::int64_t> usage_;
    std::vector<std::int64_t> shares_below_;
    std::vector<std::vector<std::size_t>> below_;  // who counts as its child
    std::vector<std::size_t> above_;               // whose child it counts as
    std::vector<wide_fraction> exact_;
    std::vector<fair_standing> standings_;
};

}  // namespace detail

/// Ranks users as Slurm's Fair Tree (Cox, Gebhardt 2014) and flux-accounting's weighted walk do: at every level of the
/// tree the sibling whose shares exceed its usage most goes first, with all that is below it. So no user of an account
/// that used much goes before a user of one that used little, whatever they did themselves. Equal siblings share a
/// rank; equal accounts merge what is below them; users go before equal accounts, and share the rank of their best
/// user.
///
/// @param holders  users and accounts, in any order; of equal ones the earlier goes first
/// @param ties     which are equal
/// @return         the standing of each, or an error that names holder and field
/// @details        O(n log n) for each level of the tree. Deterministic, also across platforms.
[[nodiscard]] inline result<std::vector<fair_standing>> rank_fair_tree(std::span<const share_holder> holders,
                                                                       fair_tree_ties ties = fair_tree_ties::exact) {
    return detail::fair_tree_ranking{holders, ties}.run();
}

}  // namespace berth::inline v0
