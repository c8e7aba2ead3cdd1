// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/queue/queue_description.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/detail/queue_tree.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"
#include "berth/scheduler/place_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Queues and rules with their own memory, for journals and saved texts.

namespace berth::inline v0::detail {

inline constexpr std::size_t most_listed = 4096;  // amounts or texts in one list

/// Several texts, and their views.
struct kept_texts {
    std::vector<std::string> texts{};

    void assign(std::span<const std::string_view> from) {
        texts.clear();
        for (const std::string_view one : from) texts.emplace_back(one);
    }
    [[nodiscard]] std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};

template <class Archive, class T>
void visit_list(Archive& a, const char* field, std::vector<T>& values) {
    auto count = static_cast<std::uint32_t>(values.size());
    visit(a, field, count);
    if (count > most_listed) return a.refuse(field, "at most 4096 in a list");
    values.resize(count);
    for (T& value : values) visit(a, field, value);
}
template <class Archive>
void visit(Archive& a, const char* field, std::vector<amount>& values) {
    visit_list(a, field, values);
}
template <class Archive>
void visit(Archive& a, const char* field, label_set& values) {
    visit_list(a, field, values);
}
template <class Archive>
void visit(Archive& a, const char* field, std::vector<std::string>& texts) {
    auto count = static_cast<std::uint32_t>(texts.size());
    visit(a, field, count);
    if (count > most_listed) return a.refuse(field, "at most 4096 texts");
    texts.resize(count);
    for (std::string& text : texts) a.string(field, text);
}
template <class Archive>
void visit(Archive& a, const char* field, kept_texts& list) {
    visit(a, field, list.texts);
}
/// A level, which may be none or the innermost.
template <class Archive>
void visit_level(Archive& a, const char* field, domain_level& level) {
    auto number = std::uint64_t{level};
    visit(a, field, number);
    level = static_cast<domain_level>(number);
}
/// What of a queue does not follow from the others.
template <class Archive>
void visit_queue(Archive& a, queue_record& q) {
    visit(a, "unlimited", q.unlimited_quota);
    visit(a, "weight", q.weight);
    visit(a, "priority", q.priority);
    visit(a, "min runtime", q.min_runtime_preempt);
    visit(a, "min runtime", q.min_runtime_reclaim);
    visit(a, "usage", q.usage);
    visit(a, "quota", q.quota);
    visit(a, "limit", q.limit);
}
template <class Archive>
void visit_rules(Archive& a, job_rules& r) {
    visit(a, "required", r.required);
    visit(a, "excluded", r.excluded);
    visit(a, "preferred", r.preferred);
    visit_level(a, "within", r.within);
    visit_level(a, "prefer within", r.prefer_within);
    visit_level(a, "apart", r.apart);
    for (affinity_copy* one : {&r.near, &r.away}) {
        visit(a, "jobs", one->jobs);
        visit(a, "class", one->job_class);
        visit_level(a, "level", one->level);
    }
}

/// `queue_description` with its own memory.
struct queue_copy {
    std::string name{};
    std::string parent{};
    kept_texts counters[2]{};  // of the quota, of the limit
    queue_record values{};     // amounts in the order of the counters

    void assign(const queue_description& d) {
        name = d.name;
        parent = d.parent;
        for (const bool limits : {false, true}) {
            std::vector<amount>& amounts = limits ? values.limit : values.quota;
            amounts.clear();
            counters[limits].texts.clear();
            for (const queue_amount& one : limits ? d.limit : d.quota) {
                counters[limits].texts.emplace_back(one.counter);
                amounts.push_back(one.value);
            }
        }
        values.unlimited_quota = d.unlimited_quota;
        values.weight = d.weight;
        values.priority = d.priority;
        values.min_runtime_preempt = d.min_runtime_preempt;
        values.min_runtime_reclaim = d.min_runtime_reclaim;
        values.usage = d.usage;
    }
    template <class Archive>
    void visit_all(Archive& a) {
        a.string("name", name);
        a.string("parent", parent);
        visit(a, "counters", counters[0]);
        visit(a, "counters", counters[1]);
        visit_queue(a, values);
        if (counters[0].texts.size() != values.quota.size() || counters[1].texts.size() != values.limit.size())
            a.refuse("counters", "as many as amounts");
    }
    /// Calls `use(queue_description)`.
    template <class Use>
    [[nodiscard]] auto describe(const Use& use) const {
        std::vector<queue_amount> amounts[2];
        for (const bool limits : {false, true}) {
            const std::vector<amount>& from = limits ? values.limit : values.quota;
            for (std::size_t i = 0; i < from.size(); ++i)
                amounts[limits].push_back({counters[limits].texts[i], from[i]});
        }
        return use(queue_description{.name = name,
                                     .parent = parent,
                                     .quota = amounts[0],
                                     .limit = amounts[1],
                                     .unlimited_quota = values.unlimited_quota,
                                     .weight = values.weight,
                                     .priority = values.priority,
                                     .min_runtime_preempt = values.min_runtime_preempt,
                                     .min_runtime_reclaim = values.min_runtime_reclaim,
                                     .usage = values.usage});
    }
};

/// `place_rules` with its own memory.
struct rules_copy {
    kept_texts labels[3]{};  // required, excluded, preferred
    kept_texts jobs[2]{};    // near, away
    std::string classes[2]{};
    domain_level levels[5]{no_level, no_level, no_level, no_level, no_level};

    void assign(const place_rules& r) {
        labels[0].assign(r.required_labels);
        labels[1].assign(r.excluded_labels);
        labels[2].assign(r.preferred_labels);
        levels[0] = r.within;
        levels[1] = r.prefer_within;
        levels[2] = r.apart;
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
            const job_affinity& one = i == 0 ? r.near : r.away;
            jobs[i].assign(one.jobs);
            classes[i] = one.job_class;
            levels[3 + i] = one.level;
        }
    }
    template <class Archive>
    void visit_all(Archive& a) {
        for (kept_texts& one : labels) visit(a, "labels", one);
        for (kept_texts& one : jobs) visit(a, "jobs", one);
        for (std::string& one : classes) a.string("class", one);
        for (domain_level& one : levels) visit_level(a, "level", one);
    }
    [[nodiscard]] static bool holds(const place_rules& r) noexcept {
        return r.required_labels.size() <= most_listed && r.excluded_labels.size() <= most_listed &&
               r.preferred_labels.size() <= most_listed && r.near.jobs.size() <= most_listed &&
               r.away.jobs.size() <= most_listed;
    }
    /// The rules as views of `views`, which outlive them.
    [[nodiscard]] place_rules describe(std::vector<std::string_view> (&views)[5]) const {
        for (std::size_t i = 0; i < 3; ++i) views[i] = labels[i].views();
        for (std::size_t i = 0; i < 2; ++i) views[3 + i] = jobs[i].views();
        return {.required_labels = views[0],
                .excluded_labels = views[1],
                .preferred_labels = views[2],
                .within = levels[0],
                .prefer_within = levels[1],
                .apart = levels[2],
                .near = {views[3], classes[0], levels[3]},
                .away = {views[4], classes[1], levels[4]}};
    }
};

}  // namespace berth::inline v0::detail
