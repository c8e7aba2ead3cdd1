// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0 {

// Length: the tree, its checks and the choice in it.

/// How close together the tasks of a job have to be.
enum class domain_mode : std::uint8_t {
    required,       ///< in one domain of the level, or nowhere
    preferred,      ///< in one domain of the level, else of the next one above it, at last in several of the top
    unconstrained,  ///< anywhere: the fullest place that takes all, else the fullest ones, one after the other
};

/// A node, or several, in a domain of the lowest level.
struct domain_leaf {
    std::vector<std::string> labels;  ///< its name at each level, from the top: block, rack, host
    std::vector<amount> free;         ///< of each counter; nodes with equal labels are added up
};

/// Tasks that are alike, and where they shall go.
struct domain_request {
    domain_mode mode = domain_mode::unconstrained;  ///< how close together
    std::size_t level = 0;                          ///< of `required` and `preferred`: 0 is the top
    std::size_t count = 0;                          ///< how many tasks
    std::vector<amount> demand;                     ///< of one task, from 0 on, of each counter
};

/// How many tasks go to a domain of the lowest level.
struct domain_part {
    std::size_t leaf = 0;   ///< position in the tree
    std::size_t count = 0;  ///< above 0

    friend bool operator==(const domain_part&, const domain_part&) = default;  ///< equal members
};

/// Where the tasks of a request go.
struct domain_assignment {
    bool fits = false;               ///< false: nowhere
    std::vector<domain_part> parts;  ///< in the order of the leaves
    std::size_t most = 0;  ///< how many tasks there is room for, as close together as they have to be; up to 2^62
};

/// Domains of several levels, such as blocks, racks and hosts, and the room in them. Chooses domains for the tasks of a
/// job as Kueue's topology-aware scheduling does: the tightest domain that takes all; below it as few domains as
/// possible at each level, from the top, the last one the tightest that takes the rest. Few racks go before few hosts.
///
/// ```
/// auto tree = berth::domain_tree::make(2, leaves);           // labels: rack, host
/// const auto where = tree->choose({berth::domain_mode::required, 0, 16, {1, 8}});
/// if (where.fits) tree->take(where, demand);
/// ```
///
/// Room is the number of whole tasks in each domain of the lowest level, by its sums: let that be a host where tasks
/// must not span nodes. Deterministic: of equal domains the first by labels.
class domain_tree {
public:
    /// Nodes become a tree.
    ///
    /// @param levels  how many there are, above 0
    /// @param leaves  nodes that may be used, in any order, each with a label of every level and amounts from 0 on of
    ///                as many counters
    /// @return        the tree, or an error that names node and field
    [[nodiscard]] static result<domain_tree> make(std::size_t levels, std::span<const domain_leaf> leaves) {
        if (levels == 0) return detail::refuse(error_code::invalid_value, {"levels is 0"});
        const std::size_t counters = leaves.empty() ? 0 : leaves.front().free.size();
        std::vector<std::size_t> order;
        for (std::size_t l = 0; l < leaves.size(); ++l) {
            const auto refused = [&](error_code code, const char* field, const char* why) {
                return detail::refuse(code, {"node ", l, ": ", field, " ", why});
            };
            if (leaves[l].labels.size() != levels) {
                return refused(error_code::inconsistent, "labels", "has another number of levels");
            }
            if (leaves[l].free.size() != counters) {
                return refused(error_code::inconsistent, "free", "has another number of counters");
            }
            for (const amount a : leaves[l].free) {
                if (a < 0) return refused(error_code::invalid_value, "free", "is negative");
            }
            order.push_back(l);
        }
        std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
            return leaves[a].labels != leaves[b].labels ? leaves[a].labels < leaves[b].labels : a < b;
        });
        domain_tree tree;
        tree.counters_ = counters;
        tree.domains_.resize(levels);
        for (const std::size_t l : order) {
            const domain_leaf& leaf = leaves[l];
            if (!tree.labels_.empty() && tree.labels_.back() == leaf.labels) {
                amount* const sum = tree.free_.data() + (tree.labels_.size() - 1) * counters;
                for (std::size_t c = 0; c < counters; ++c) {
                    if (leaf.free[c] > std::numeric_limits<amount>::max() - sum[c]) {
                        return detail::refuse(error_code::overflow,
                                              {"node ", l, ": free makes a sum that does not fit"});
                    }
                    sum[c] += leaf.free[c];
                }
                continue;
            }
            std::size_t level = 0;  // the first one at which this is another domain than the leaf before
            if (!tree.labels_.empty()) {
                while (tree.labels_.back()[level] == leaf.labels[level]) ++level;
            }
            for (; level < levels; ++level) tree.domains_[level].push_back(tree.labels_.size());
            tree.labels_.push_back(leaf.labels);
            tree.free_.insert(tree.free_.end(), leaf.free.begin(), leaf.free.end());
        }
        return tree;
    }

    /// Chooses domains. O(levels × leaves · log(leaves) + leaves × counters). Nothing is taken.
    ///
    /// @param request  a level that there is, and a demand of as many counters as the nodes have (asserted)
    [[nodiscard]] domain_assignment choose(const domain_request& request) const {
        BERTH_ASSERT(request.level < domains_.size(), "berth: a request is for a level that the tree does not have");
        BERTH_ASSERT(labels_.empty() || request.demand.size() == counters_,
                     "berth: a demand has another number of counters than the nodes");
        const std::vector<std::size_t> room = count_room(request.demand);
        const std::size_t lowest = domains_.size() - 1;
        std::size_t level = request.mode == domain_mode::unconstrained ? lowest : request.level;
        std::vector<chosen> domains;
        domain_assignment answer;
        while (true) {
            domains = at_level(level, 0, labels_.size(), room);
            const bool any = request.mode == domain_mode::unconstrained;
            const bool last = request.mode == domain_mode::required || any || level == 0;
            std::ranges::sort(domains, [&](const chosen& a, const chosen& b) {
                if (a.count != b.count) return any ? a.count < b.count : a.count > b.count;
                return a.first < b.first;
            });
            const bool several = last && request.mode != domain_mode::required;
            answer.most = 0;
            for (const chosen& d : domains) {
                answer.most = several ? std::min(answer.most + d.count, most_tasks) : std::max(answer.most, d.count);
            }
            if (answer.most >= request.count) break;
            if (last) return answer;
            --level;
        }
        answer.fits = true;
        if (request.mode == domain_mode::unconstrained) {
            const auto single =
                std::ranges::find_if(domains, [&](const chosen& d) { return d.count >= request.count; });
            if (single != domains.end()) domains = {*single};
            domains = cover(std::move(domains), request.count, false);
        } else {
            domains = cover(std::move(domains), request.count, true);
        }
        while (level < lowest) {
            ++level;
            std::vector<chosen> lower;
            for (const chosen& d : domains) {
                const std::vector<chosen> children = at_level(level, d.first, d.end, room);
                lower.insert(lower.end(), children.begin(), children.end());
            }
            std::ranges::sort(lower, [](const chosen& a, const chosen& b) {
                return a.count != b.count ? a.count > b.count : a.first < b.first;
            });
            domains = cover(std::move(lower), request.count, true);
        }
        for (const chosen& d : domains) {
            if (d.count > 0) answer.parts.push_back({d.first, d.count});
        }
        std::ranges::sort(answer.parts, {}, &domain_part::leaf);
        return answer;
    }
    /// Takes the room of tasks that were placed. It has to be there (asserted).
    void take(const domain_assignment& where, std::span<const amount> demand) noexcept { add(where, demand, -1); }
    /// Gives the room of tasks back that have ended.
    void give(const domain_assignment& where, std::span<const amount> demand) noexcept { add(where, demand, 1); }

    /// Number of domains of the lowest level; they are numbered in the order of their labels.
    [[nodiscard]] std::size_t leaf_count() const noexcept { return labels_.size(); }
    /// The labels of a leaf, from the top.
    [[nodiscard]] std::span<const std::string> labels(std::size_t leaf) const noexcept { return labels_[leaf]; }
    /// What is free in a leaf, of each counter.
    [[nodiscard]] std::span<const amount> free(std::size_t leaf) const noexcept {
        return {free_.data() + leaf * counters_, counters_};
    }

private:
    static constexpr std::size_t most_tasks = std::size_t{1} << 62;

    // A domain: leaves that follow one another, and how many tasks there is room for, or that go there.
    struct chosen {
        std::size_t first;
        std::size_t end;
        std::size_t count;
    };

    [[nodiscard]] std::vector<std::size_t> count_room(std::span<const amount> demand) const {
        std::vector<std::size_t> room(labels_.size(), most_tasks);
        for (std::size_t l = 0; l < room.size(); ++l) {
            for (std::size_t c = 0; c < counters_; ++c) {
                if (demand[c] <= 0) continue;
                const amount tasks = std::max<amount>(0, free_[l * counters_ + c]) / demand[c];
                room[l] = std::min(room[l], static_cast<std::size_t>(tasks));
            }
        }
        return room;
    }
    [[nodiscard]] std::vector<chosen> at_level(std::size_t level, std::size_t first, std::size_t end,
                                               const std::vector<std::size_t>& room) const {
        std::vector<chosen> found;
        const std::vector<std::size_t>& begins = domains_[level];
        auto next = static_cast<std::size_t>(std::ranges::lower_bound(begins, first) - begins.begin());
        for (std::size_t l = first; l < end; ++l) {
            if (next < begins.size() && begins[next] == l) {
                found.push_back({l, l, 0});
                ++next;
            }
            found.back().end = l + 1;
            found.back().count = std::min(found.back().count + room[l], most_tasks);
        }
        return found;
    }
    // The first domains that take all, each with the tasks that go there; of those that take the rest alone the
    // tightest.
    [[nodiscard]] static std::vector<chosen> cover(std::vector<chosen> sorted, std::size_t count, bool tight) {
        std::vector<chosen> taken;
        for (std::size_t i = 0; i < sorted.size() && count > 0; ++i) {
            chosen next = sorted[i];
            if (tight && next.count >= count) {
                for (std::size_t j = i + 1; j < sorted.size() && sorted[j].count >= count; ++j) {
                    if (sorted[j].count < next.count) next = sorted[j];
                }
            }
            next.count = std::min(next.count, count);
            count -= next.count;
            taken.push_back(next);
        }
        return taken;
    }
    void add(const domain_assignment& where, std::span<const amount> demand, amount sign) noexcept {
        for (const domain_part& part : where.parts) {
            for (std::size_t c = 0; c < counters_; ++c) {
                amount& free = free_[part.leaf * counters_ + c];
                free += sign * static_cast<amount>(part.count) * demand[c];
                BERTH_ASSERT(free >= 0, "berth: tasks take more room than a domain has");
            }
        }
    }

    std::size_t counters_ = 0;
    std::vector<std::vector<std::string>> labels_;   // of each leaf, ascending
    std::vector<amount> free_;                       // leaf after leaf
    std::vector<std::vector<std::size_t>> domains_;  // of each level: the first leaf of each domain
};

}  // namespace berth::inline v0
