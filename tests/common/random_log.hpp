// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_events.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Events of every kind with every key, drawn from a seed. Names mean nothing: the log can be read, not replayed.
class log_generator {
public:
    explicit log_generator(std::uint64_t seed) : state_{seed} {}

    berth::io::event next() {
        using namespace berth::io;
        switch (below(16)) {
            case 0: return node();
            case 1: return node_gone_event{time(), name()};
            case 2: return place_event{time(), static_cast<place_change>(below(3)), name(), maybe_name()};
            case 3: return health_event{time(), name(), maybe_name(), below(2) == 0, maybe_name()};
            case 4: return reading_event{time(), name(), maybe_name(), some(), some(), some(), some(), some()};
            case 5: return threshold_event{time(), maybe_name(), maybe_name(), some(), some(), some()};
            case 6: return queue();
            case 7:
                return running_event{time(),  name(),
                                     count(), name(),
                                     names(), below(4) == 0 ? std::optional{mig_slice{name(), 6}} : std::nullopt};
            case 8: return task_event{time(), static_cast<task_report>(below(5)), name(), maybe_count()};
            case 9: return progress_event{time(), name(), maybe_count(), real()};
            case 10: return decide_event{time()};
            default: return job();
        }
    }
    berth::io::format_event format() {
        return {maybe_name(), maybe_name(), maybe_flag(), maybe_name(), maybe_flag(), maybe_flag(), some()};
    }
    berth::io::expectation expectation(std::size_t depth) {
        berth::io::expectation e;
        e.running = names(), e.waiting = names(), e.evicted = names();
        e.moved = names(), e.stopped = names(), e.lost = names();
        e.on = of_jobs(), e.models = of_jobs(), e.gpus = of_jobs(), e.reasons = of_jobs();
        for (std::size_t i = below(3); i > 0; --i) e.same_node.push_back(names());
        for (std::size_t i = below(3); i > 0; --i) e.apart.emplace_back(names(), name());
        if (below(2) == 0) e.tasks = {{name() + "t", count()}};
        if (below(2) == 0) e.started_at = {{name() + "s", real()}};
        if (below(2) == 0) e.at_most_evicted = next_bits() >> 1U;
        if (below(2) == 0) e.at_most_moved = below(3);
        for (std::size_t i = depth == 0 ? 0 : below(3); i > 0; --i) e.any_of.push_back(expectation(depth - 1));
        return e;
    }

private:
    std::uint64_t next_bits() {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(next_bits() % n); }
    double real() {
        const auto mantissa = static_cast<double>(next_bits() >> 11U);
        constexpr double scales[] = {0.0, 1.0, 1e-3, 1e-15, 1e-300, 1e280, 0x1p-53};
        return mantissa * scales[below(std::size(scales))];
    }
    double time() { return time_ += static_cast<double>(below(3)) * 0.1; }
    std::string name() {
        constexpr const char* pieces[] = {"a", "GPU-5f1c", "\"", "\\", "\n", "é", "🚢", " ", "\x01", "0", "/"};
        std::string found = pieces[below(std::size(pieces))];
        for (std::size_t i = below(3); i > 0; --i) found += pieces[below(std::size(pieces))];
        return found;
    }
    std::uint32_t count() { return static_cast<std::uint32_t>(below(1000)); }
    std::vector<std::string> names() {
        std::vector<std::string> found(below(4));
        for (std::string& one : found) one = name();
        return found;
    }
    std::optional<std::string> maybe_name() { return below(2) == 0 ? std::optional{name()} : std::nullopt; }
    std::optional<double> some() { return below(2) == 0 ? std::optional{real()} : std::nullopt; }
    std::optional<bool> maybe_flag() { return below(2) == 0 ? std::optional{below(2) == 0} : std::nullopt; }
    std::optional<std::uint32_t> maybe_count() { return below(2) == 0 ? std::optional{count()} : std::nullopt; }
    /// Keys of one object differ.
    std::string key(std::size_t i) { return name() + std::to_string(i); }
    berth::amount amount() { return static_cast<berth::amount>(next_bits() >> (20U + below(44))); }
    berth::io::counter_amounts amounts() {
        berth::io::counter_amounts found;
        for (std::size_t i = below(3); i > 0; --i) found.push_back({key(i), amount()});
        return found;
    }
    std::vector<berth::io::counter_quota> quotas() {
        std::vector<berth::io::counter_quota> found;
        for (std::size_t i = below(3); i > 0; --i)
            found.push_back({key(i), below(3) == 0 ? std::nullopt : std::optional{amount()}});
        return found;
    }
    std::vector<berth::io::expectation::names_of_job> of_jobs() {
        std::vector<berth::io::expectation::names_of_job> found;
        for (std::size_t i = below(3); i > 0; --i) found.emplace_back(key(i), names());
        return found;
    }
    berth::io::node_event node() {
        berth::io::node_event e{time(), name(), amounts(), {}, {}, names()};
        for (std::size_t i = below(4); i > 0; --i) {
            e.gpus.push_back({name(), maybe_name(), amounts(), {}, maybe_count(), maybe_name()});
            for (std::size_t k = below(3); k > 0; --k) e.gpus.back().links.emplace_back(key(k), real());
        }
        for (std::size_t i = below(4); i > 0; --i) e.domains.emplace_back(key(i), name());
        return e;
    }
    berth::io::queue_event queue() {
        berth::io::queue_event e{.time = time(), .queue = name(), .limit = quotas(), .weight = real()};
        e.unlimited_quota = below(3) == 0;
        if (!e.unlimited_quota) e.quota = quotas();
        e.min_runtime_preempt = some(), e.min_runtime_reclaim = some();
        if (below(2) == 0) e.parent = e.queue + "^";
        e.priority = static_cast<std::int32_t>(next_bits() >> 32U);
        if (below(2) == 0) e.usage = static_cast<double>(below(1001)) / 1000.0;
        return e;
    }
    berth::io::task_demand demand() { return {static_cast<std::uint32_t>(below(9)), amounts(), amounts(), names()}; }
    std::optional<berth::io::job_affinity> affinity() {
        switch (below(3)) {
            case 0: return berth::io::job_affinity{{}, name(), name()};
            case 1: return berth::io::job_affinity{{name(), name()}, {}, name()};
            default: return std::nullopt;
        }
    }
    berth::io::job_event job() {
        berth::io::job_event e;
        e.time = time(), e.job = name(), e.queue = maybe_name();
        e.priority = static_cast<std::int32_t>(next_bits() >> 32U);
        e.preemptible = below(2) == 0, e.same_model = below(2) == 0, e.restart = below(2) == 0;
        e.tasks = 1 + count();
        if (below(3) == 0) {
            for (std::size_t i = 1 + below(3); i > 0; --i) e.task_list.push_back(demand());
            e.tasks = static_cast<std::uint32_t>(e.task_list.size());
        }
        if (below(2) == 0) e.min_tasks = 1 + static_cast<std::uint32_t>(below(e.tasks));
        if (below(2) == 0) e.demand = demand();
        if (below(3) == 0) e.speed = 0.5 + real();
        for (std::size_t i = below(3); i > 0; --i) e.alternatives.push_back({demand(), 1.0 + real()});
        e.required_labels = names(), e.excluded_labels = names(), e.preferred_labels = names();
        e.within_required = maybe_name(), e.within_preferred = maybe_name(), e.apart = maybe_name();
        e.near = affinity(), e.away = affinity(), e.mig = maybe_name(), e.job_class = maybe_name();
        e.work = some(), e.duration = some(), e.delay = some();
        if (below(2) == 0) e.state_bytes = amount();
        return e;
    }

    std::uint64_t state_;
    double time_ = 0;
};

inline std::vector<berth::io::event> random_log(std::uint64_t seed, std::size_t count) {
    log_generator draw{seed};
    std::vector<berth::io::event> events{draw.format()};
    while (events.size() < count) events.push_back(draw.next());
    events.push_back(draw.expectation(2));
    return events;
}
