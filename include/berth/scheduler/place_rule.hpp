// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

namespace berth::inline v0 {

/// A level of domains, as of `fleet::level`: 0 is the innermost one that nodes name (rack), then outwards.
using domain_level = std::size_t;
/// The innermost level of all: each node is a domain of its own.
inline constexpr domain_level host_level = std::numeric_limits<std::size_t>::max() - 1;
/// No level: there is no such rule.
inline constexpr domain_level no_level = std::numeric_limits<std::size_t>::max();

/// Jobs that a job wants to be near to, or away from: those of the list, and all of a class.
struct job_affinity {
    std::span<const std::string_view> jobs{};  ///< by name; they need not be there (yet)
    std::string_view job_class{};              ///< `job_terms::job_class`; empty: none
    domain_level level = no_level;             ///< what is meant by near: one domain of this level
};

/// Which nodes the tasks of a job may use, and which together.
///
/// A node that has no domain of a level is in none: it takes no task of a job that needs one.
struct place_rules {
    std::span<const std::string_view> required_labels{};   ///< nodes that have all of these
    std::span<const std::string_view> excluded_labels{};   ///< nodes that have none of these
    std::span<const std::string_view> preferred_labels{};  ///< nodes that have more of these are tried first
    domain_level within = no_level;                        ///< all tasks are in one domain of this level
    domain_level prefer_within = no_level;  ///< the same as a wish: else in one domain of the next level above
    domain_level apart = no_level;          ///< no two tasks are in one domain of this level
    /// Tasks go to domains where one of these jobs runs. As long as none of them does, anywhere.
    job_affinity near{};
    /// No task goes to a domain where one of these jobs runs, nor theirs to one where this job does.
    job_affinity away{};
};

}  // namespace berth::inline v0
