// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <algorithm>

// What events say of queues, and of the rules and labels that tie jobs to places.

namespace berth::inline v0 {

inline result<bool> scheduler_events::queue(double time, const queue_description& described) {
    if (auto ok = check_time("queue", time); !ok) return ok.error();
    if (const auto parent = queues_.find(described.parent); parent && !described.parent.empty()) {
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            if (!jobs_.is_taken(j) || records_[j].leaf != *parent) continue;
            return detail::refuse(error_code::inconsistent,
                                  {"queue ", detail::phrase::quoted(described.name), ": parent ",
                                   detail::phrase::quoted(described.parent), " has jobs of its own"});
        }
    }
    const auto changed = queues_.describe(described, cluster_.fleet());
    if (!changed) return changed.error();
    take(event_kind::queue, time);
    if (!*changed) return duplicate();
    by_turns_ = true;
    start_line_anew();
    return true;
}

inline result<bool> scheduler_events::labels(double time, const place_ref& node,
                                             std::span<const std::string_view> labels) {
    if (auto ok = check_time("labels", time); !ok) return ok.error();
    const auto found = find_place("labels", node);
    if (!found) return found.error();
    if (found->gone || found->gpu.valid())
        return detail::refuse(error_code::invalid_value, {"event labels: only a node that is there has labels"});
    detail::label_set numbers = detail::number_labels(labels, label_names_);
    take(event_kind::labels, time);
    if (!places_.set_labels(found->node, std::move(numbers))) return duplicate();
    start_line_anew();
    return true;
}

/// The leaf of that name.
inline result<std::uint32_t> scheduler_events::find_leaf(std::string_view job, std::string_view queue) const {
    using detail::phrase;
    if (queue.empty()) return detail::queue_tree::unnamed;
    const auto found = queues_.find(queue);
    if (!found)
        return detail::refuse(error_code::unknown_name,
                              {"job ", phrase::quoted(job), ": queue ", phrase::quoted(queue), " is unknown"});
    if (!queues_.is_leaf(*found))
        return detail::refuse(error_code::inconsistent, {"job ", phrase::quoted(job), ": queue ", phrase::quoted(queue),
                                                         " has queues below it; jobs wait in those"});
    return *found;
}

inline result<void> scheduler_events::check_rules(std::string_view job, const place_rules& rules) {
    const auto wrong = [&](const char* field, const char* why) {
        return detail::refuse(error_code::invalid_value,
                              {"job ", detail::phrase::quoted(job), ": place.", field, " ", why});
    };
    for (const auto& [field, labels] :
         {std::pair{"required_labels", rules.required_labels}, std::pair{"excluded_labels", rules.excluded_labels},
          std::pair{"preferred_labels", rules.preferred_labels}}) {
        for (const std::string_view label : labels) {
            if (label.empty()) return wrong(field, "has an empty label");
        }
    }
    for (const auto& [field, affinity] : {std::pair{"near", &rules.near}, std::pair{"away", &rules.away}}) {
        const bool whom = !affinity->jobs.empty() || !affinity->job_class.empty();
        if (whom && affinity->level == no_level) return wrong(field, "has no level");
        if (!whom && affinity->level != no_level) return wrong(field, "names no job and no class");
    }
    return {};
}

inline void scheduler_events::keep_rules(std::uint32_t job, const place_rules& rules) {
    if (job < rules_.size()) rules_[job].reset();
    auto kept = std::make_unique<detail::job_rules>();
    kept->required = detail::number_labels(rules.required_labels, label_names_);
    kept->excluded = detail::number_labels(rules.excluded_labels, label_names_);
    kept->preferred = detail::number_labels(rules.preferred_labels, label_names_);
    kept->within = rules.within;
    kept->prefer_within = rules.prefer_within;
    kept->apart = rules.apart;
    const auto copy = [&](const job_affinity& from, detail::affinity_copy& to) {
        to.jobs.assign(from.jobs.begin(), from.jobs.end());
        if (!from.job_class.empty()) to.job_class = static_cast<std::uint32_t>(class_names_.intern(from.job_class));
        to.level = from.level;
    };
    copy(rules.near, kept->near);
    copy(rules.away, kept->away);
    if (!kept->any()) return;
    if (rules_.size() <= job) rules_.resize(job + std::size_t{1});
    rules_[job] = std::move(kept);
    if (!rules_[job]->away.any()) return;
    // Those that it is to be away from are no longer like others of their demand.
    for (std::uint32_t j = 0; j < records_.size(); ++j) {
        if (j != job && jobs_.is_taken(j) && records_[j].waiting > 0 && names(rules_[job]->away, j)) put_in_line(j);
    }
}

inline bool scheduler_events::names(const detail::affinity_copy& whom, std::uint32_t job) const noexcept {
    if (whom.job_class != detail::no_position && records_[job].job_class == whom.job_class) return true;
    if (whom.jobs.empty() || job >= names_.size()) return false;
    return std::find(whom.jobs.begin(), whom.jobs.end(), names_[job]) != whom.jobs.end();
}
/// Some job is to be away from this one.
inline bool scheduler_events::is_shunned(std::uint32_t job) const noexcept {
    return std::any_of(rules_.begin(), rules_.end(),
                       [&](const auto& its) { return its && its->away.any() && names(its->away, job); });
}

/// Keeps the text of a reason until the next answer.
inline const char* scheduler_events::tell_reason(std::string text) {
    reason_texts_.push_back(std::move(text));
    return reason_texts_.back().c_str();
}

}  // namespace berth::inline v0
