// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/queue/queue_description.hpp"
#include "berth/scheduler/detail/job_records.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::detail {

/// A counter that is divided between queues.
struct divided_counter {
    enum class kind : std::uint8_t { gpu, gpu_memory, node };
    kind is = kind::gpu;
    std::uint32_t position = 0;  // of a counter of nodes, in the schema
};

/// A queue as it was described.
struct queue_record {
    std::uint32_t parent = 0;
    std::uint32_t children = 0;
    std::uint32_t depth = 0;
    bool unlimited_quota = false;
    double weight = 1.0;
    std::int32_t priority = 0;
    double min_runtime_preempt = queue_description::inherited;
    double min_runtime_reclaim = queue_description::inherited;
    double usage = queue_description::unknown;
    std::vector<amount> quota{};  // by counter; what is missing is 0
    std::vector<amount> limit{};  // what is missing is unlimited
};

/// The queues of a scheduler, by position: the root, the line of jobs that name no queue, then those that were
/// described, the older ones first. Positions stay.
class queue_tree {
public:
    static constexpr std::uint32_t root = 0;
    static constexpr std::uint32_t unnamed = 1;  // the queue of jobs that name none
    static constexpr amount unlimited = queue_amount::unlimited;

    queue_tree() : queues_(2) { queues_[unnamed].depth = 1; }

    /// A queue is described, for the first time or again.
    ///
    /// @return whether that changed anything; or an error that names queue and field
    [[nodiscard]] result<bool> describe(const queue_description& given, const fleet& of) {
        const auto refused = [&](error_code code, const char* field, phrases why) {
            std::string text = sentence({"queue ", phrase::quoted(given.name), ": ", field, " "}, why);
            return error{code, std::move(text)};
        };
        if (given.name.empty()) return refuse(error_code::invalid_value, {"a queue has no name"});
        queue_record made;
        const auto known = find(given.name);
        if (!given.parent.empty()) {
            const auto parent = find(given.parent);
            if (!parent)
                return refused(error_code::unknown_name, "parent", {phrase::quoted(given.parent), " is unknown"});
            made.parent = *parent;
        }
        for (std::uint32_t q = made.parent; known && q != root; q = queues_[q].parent) {
            if (q == *known) return refused(error_code::inconsistent, "parent", {"lies below the queue itself"});
        }
        if (!(given.weight >= 0.0 && std::isfinite(given.weight)))
            return refused(error_code::invalid_value, "weight", {"is no finite number from 0 on"});
        const auto seconds = [](double s) { return !(s < 0.0) && s != never; };
        if (!seconds(given.min_runtime_preempt) || !seconds(given.min_runtime_reclaim))
            return refused(error_code::invalid_value, "min_runtime", {"is no finite number from 0 on"});
        if (given.usage < 0.0 || given.usage > 1.0)
            return refused(error_code::invalid_value, "usage", {"is not in 0..1"});
        made.unlimited_quota = given.unlimited_quota;
        made.weight = given.weight;
        made.priority = given.priority;
        made.min_runtime_preempt = given.min_runtime_preempt;
        made.min_runtime_reclaim = given.min_runtime_reclaim;
        made.usage = given.usage;
        for (const bool limits : {false, true}) {
            const char* field = limits ? "limit" : "quota";
            for (const queue_amount& one : limits ? given.limit : given.quota) {
                if (one.value < 0 || one.value > unlimited)
                    return refused(error_code::invalid_value, field,
                                   {"of ", phrase::quoted(one.counter), " is ", one.value, ", out of range"});
                if (!divided(one.counter, of))
                    return refused(error_code::unknown_name, field,
                                   {"names ", phrase::quoted(one.counter), ", which is no counter of the schema"});
            }
        }
        for (const bool limits : {false, true}) {
            std::vector<amount>& into = limits ? made.limit : made.quota;
            for (const queue_amount& one : limits ? given.limit : given.quota) {
                const std::size_t counter = counter_of(one.counter, of);
                if (into.size() <= counter) into.resize(counter + 1, limits ? unlimited : 0);
                into[counter] = one.value;
            }
        }
        if (!known) {
            ++version_;
            enter(given.name, std::move(made));
            return true;
        }
        queue_record& now = queues_[*known];
        made.children = now.children;
        if (same(now, made)) return false;
        ++version_;
        --queues_[now.parent].children;
        ++queues_[made.parent].children;
        now = std::move(made);
        set_depths();
        return true;
    }

    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const noexcept {
        const auto at = names_.find(name);
        return at ? std::optional{static_cast<std::uint32_t>(*at)} : std::nullopt;
    }
    [[nodiscard]] std::string_view name(std::uint32_t q) const noexcept {
        return q < names_.size() ? std::string_view{names_[q]} : std::string_view{};
    }
    /// The number of positions, the root's included.
    [[nodiscard]] std::size_t size() const noexcept { return queues_.size(); }
    /// Changes with every description.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    /// No queue was described.
    [[nodiscard]] bool trivial() const noexcept { return queues_.size() == 2; }
    [[nodiscard]] const queue_record& operator[](std::uint32_t q) const noexcept { return queues_[q]; }
    [[nodiscard]] bool is_leaf(std::uint32_t q) const noexcept {
        return q != root && q < queues_.size() && queues_[q].children == 0;
    }
    /// Counters that some queue names.
    [[nodiscard]] std::span<const divided_counter> counters() const noexcept { return counters_.view(); }
    [[nodiscard]] std::string_view counter_name(std::size_t c) const noexcept { return counter_names_[c]; }
    [[nodiscard]] amount quota(std::uint32_t q, std::size_t c) const noexcept {
        const queue_record& r = queues_[q];
        return r.unlimited_quota ? unlimited : c < r.quota.size() ? r.quota[c] : 0;
    }
    [[nodiscard]] amount limit(std::uint32_t q, std::size_t c) const noexcept {
        const queue_record& r = queues_[q];
        return c < r.limit.size() ? r.limit[c] : unlimited;
    }
    /// The seconds that a job of a queue runs before it may be stopped: those of the queue or of the nearest above it.
    [[nodiscard]] double min_runtime(std::uint32_t q, bool reclaim) const noexcept {
        for (; q != root; q = queues_[q].parent) {
            const double own = reclaim ? queues_[q].min_runtime_reclaim : queues_[q].min_runtime_preempt;
            if (own == own) return own;
        }
        return 0.0;
    }
    /// The queues just below the lowest one that two different leaves have above them both.
    struct parted {
        std::uint32_t a = 0;
        std::uint32_t b = 0;
    };
    [[nodiscard]] parted part(std::uint32_t a, std::uint32_t b) const noexcept {
        while (queues_[a].depth > queues_[b].depth) a = queues_[a].parent;
        while (queues_[b].depth > queues_[a].depth) b = queues_[b].parent;
        while (queues_[a].parent != queues_[b].parent) {
            a = queues_[a].parent;
            b = queues_[b].parent;
        }
        return {a, b};
    }

    // For the text of a scheduler.
    [[nodiscard]] std::vector<queue_record>& records() noexcept { return queues_; }
    [[nodiscard]] name_table& names() noexcept { return names_; }
    [[nodiscard]] name_table& counter_names() noexcept { return counter_names_; }
    /// After a text was read: the counters by their names, children and depths. False if a record does not fit.
    [[nodiscard]] bool settle(const fleet& of) {
        ++version_;
        counters_.clear();
        for (std::size_t c = 0; c < counter_names_.size(); ++c) {
            const auto found = divided(counter_names_[c], of);
            if (!found) return false;
            counters_.push_back(*found);
        }
        for (std::uint32_t q = 1; q < queues_.size(); ++q) {
            if (queues_[q].parent >= queues_.size() || queues_[q].parent == unnamed) return false;
            if (queues_[q].quota.size() > counters_.size() || queues_[q].limit.size() > counters_.size()) return false;
        }
        for (queue_record& r : queues_) r.children = 0;
        for (std::uint32_t q = 2; q < queues_.size(); ++q) ++queues_[queues_[q].parent].children;
        return set_depths();
    }

private:
    void enter(std::string_view name, queue_record made) {
        const auto q = static_cast<std::uint32_t>(queues_.size());
        names_.assign(q, name);
        ++queues_[made.parent].children;
        made.depth = queues_[made.parent].depth + 1;
        queues_.push_back(std::move(made));
    }
    /// False if some queues lie in a circle.
    bool set_depths() noexcept {
        bool rooted = true;
        for (std::uint32_t q = 1; q < queues_.size(); ++q) {
            std::uint32_t depth = 0;
            for (std::uint32_t p = q; p != root && depth <= queues_.size(); p = queues_[p].parent) ++depth;
            rooted = rooted && depth <= queues_.size();
            queues_[q].depth = depth;
        }
        return rooted;
    }
    [[nodiscard]] static bool equal(double a, double b) noexcept { return a == b || (a != a && b != b); }
    [[nodiscard]] static bool same(const queue_record& a, const queue_record& b) noexcept {
        return a.parent == b.parent && a.unlimited_quota == b.unlimited_quota && a.weight == b.weight &&
               a.priority == b.priority && equal(a.min_runtime_preempt, b.min_runtime_preempt) &&
               equal(a.min_runtime_reclaim, b.min_runtime_reclaim) && equal(a.usage, b.usage) && a.quota == b.quota &&
               a.limit == b.limit;
    }
    [[nodiscard]] static std::optional<divided_counter> divided(std::string_view name, const fleet& of) {
        if (name == "gpu") return divided_counter{divided_counter::kind::gpu, 0};
        if (name == "gpu_memory" && of.roles().gpu_memory < of.schema().gpu.size())
            return divided_counter{divided_counter::kind::gpu_memory, 0};
        const auto& node = of.schema().node;
        for (std::uint32_t r = 0; r < node.size(); ++r) {
            if (node[r] == name) return divided_counter{divided_counter::kind::node, r};
        }
        return std::nullopt;
    }
    /// Of a counter of the schema.
    [[nodiscard]] std::size_t counter_of(std::string_view name, const fleet& of) {
        if (const auto known = counter_names_.find(name)) return *known;
        counters_.push_back(*divided(name, of));
        return counter_names_.intern(name);
    }

    std::vector<queue_record> queues_;
    name_table names_;
    name_table counter_names_;
    flat<divided_counter> counters_;
    std::uint64_t version_ = 1;
};

}  // namespace berth::inline v0::detail
