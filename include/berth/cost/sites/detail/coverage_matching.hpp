// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/cost/sites/site_reach.hpp"

#include <cstddef>
#include <vector>

namespace berth::inline v0::detail {

/// A matching of users to sites with a capacity, which grows along augmenting paths: a maximum flow.
class coverage_matching {
public:
    coverage_matching(const site_reach& reach, std::size_t sites, std::size_t capacity)
        : reach_{reach},
          capacity_{capacity},
          at_(reach.size(), none),
          load_(sites, 0),
          open_(sites, 1),
          from_(sites, none),
          users_(sites) {}

    [[nodiscard]] std::size_t at(std::size_t user) const noexcept { return at_[user]; }
    [[nodiscard]] std::size_t load(std::size_t site) const noexcept { return load_[site]; }
    [[nodiscard]] bool open(std::size_t site) const noexcept { return open_[site] != 0; }
    [[nodiscard]] std::size_t sites() const noexcept { return load_.size(); }
    void open(std::size_t site, bool is) noexcept { open_[site] = is ? 1 : 0; }

    /// Serves one more user, moving others if need be. O(reach of all users).
    bool serve(std::size_t user) {
        for (std::size_t& f : from_) f = none;
        queue_.clear();
        if (const std::size_t end = visit(user); end != none) return shift(end);
        for (std::size_t q = 0; q < queue_.size(); ++q) {
            for (const std::size_t other : users_[queue_[q]]) {
                if (const std::size_t end = visit(other); end != none) return shift(end);
            }
        }
        return false;
    }
    /// Closes a site if all its users can be served elsewhere; else nothing changes.
    bool close(std::size_t site) {
        if (load_[site] == 0) return open_[site] = 0, true;
        const coverage_matching before = *this;
        open_[site] = 0;
        const flat<std::size_t> leaving = users_[site];
        users_[site].clear();
        load_[site] = 0;
        for (const std::size_t user : leaving) at_[user] = none;
        for (const std::size_t user : leaving) {
            if (serve(user)) continue;
            restore(before);
            return false;
        }
        return true;
    }
    void restore(const coverage_matching& other) {
        at_ = other.at_;
        load_ = other.load_;
        open_ = other.open_;
        users_ = other.users_;
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    /// Enters the sites that a user could go to; the first with room ends the path.
    std::size_t visit(std::size_t user) {
        for (const site_index s : reach_[user]) {
            const std::size_t site = s.value();
            if (open_[site] == 0 || from_[site] != none || at_[user] == site) continue;
            from_[site] = user;
            if (load_[site] < capacity_) return site;
            queue_.push_back(site);
        }
        return none;
    }
    bool shift(std::size_t end) {
        for (std::size_t site = end; site != none;) {
            const std::size_t user = from_[site];
            const std::size_t left = at_[user];
            if (left != none) {
                flat<std::size_t>& users = users_[left];
                std::size_t i = 0;
                while (users[i] != user) ++i;
                users[i] = users.back();
                users.pop_back();
                --load_[left];
            }
            at_[user] = site;
            users_[site].push_back(user);
            ++load_[site];
            site = left;
        }
        return true;
    }

    const site_reach& reach_;
    std::size_t capacity_;
    flat<std::size_t> at_;
    flat<std::size_t> load_;
    flat<unsigned char> open_;
    flat<std::size_t> from_;  // per site: the user that would enter it
    flat<std::size_t> queue_;
    std::vector<flat<std::size_t>> users_;
};

}  // namespace berth::inline v0::detail
