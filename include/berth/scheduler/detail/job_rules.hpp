// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/names.hpp"
#include "berth/scheduler/detail/job_records.hpp"
#include "berth/scheduler/place_rule.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::detail {

/// Labels as sorted numbers.
using label_set = std::vector<std::uint32_t>;

[[nodiscard]] inline label_set number_labels(std::span<const std::string_view> names, name_table& known) {
    label_set found;
    for (const std::string_view name : names) found.push_back(static_cast<std::uint32_t>(known.intern(name)));
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}
[[nodiscard]] inline std::size_t count_shared(const label_set& a, const label_set& b) noexcept {
    std::size_t shared = 0;
    for (auto i = a.begin(), k = b.begin(); i != a.end() && k != b.end();) {
        shared += *i == *k ? 1U : 0U;
        if (*i <= *k) {
            ++i;
        } else {
            ++k;
        }
    }
    return shared;
}

/// `job_affinity` with its own memory.
struct affinity_copy {
    std::vector<std::string> jobs{};
    std::uint32_t job_class = no_position;
    domain_level level = no_level;

    [[nodiscard]] bool any() const noexcept { return level != no_level; }
};

/// `place_rules` with their own memory.
struct job_rules {
    label_set required{};
    label_set excluded{};
    label_set preferred{};
    domain_level within = no_level;
    domain_level prefer_within = no_level;
    domain_level apart = no_level;
    affinity_copy near{};
    affinity_copy away{};

    [[nodiscard]] bool any() const noexcept {
        return !required.empty() || !excluded.empty() || !preferred.empty() || within != no_level ||
               prefer_within != no_level || apart != no_level || near.any() || away.any();
    }
    [[nodiscard]] bool accepts(const label_set& labels) const noexcept {
        return count_shared(required, labels) == required.size() && count_shared(excluded, labels) == 0;
    }

    /// Equal rules have equal keys.
    [[nodiscard]] std::string key() const {
        std::string text;
        for (const label_set* set : {&required, &excluded, &preferred}) {
            append_bytes(text, static_cast<std::uint32_t>(set->size()));
            for (const std::uint32_t label : *set) append_bytes(text, label);
        }
        for (const domain_level level : {within, prefer_within, apart}) append_bytes(text, std::uint64_t{level});
        for (const affinity_copy* one : {&near, &away}) {
            append_bytes(text, std::uint64_t{one->level});
            append_bytes(text, one->job_class);
            append_bytes(text, static_cast<std::uint32_t>(one->jobs.size()));
            for (const std::string& job : one->jobs) {
                append_bytes(text, static_cast<std::uint32_t>(job.size()));
                text += job;
            }
        }
        return text;
    }
};

/// The labels of a node.
struct node_labels {
    std::uint32_t generation = 0;
    label_set labels{};
};

}  // namespace berth::inline v0::detail
