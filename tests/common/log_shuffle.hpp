// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// The same log told in another way: every name is another one, GPUs of a node and entries of lists without order stand
/// in another order, and so do lines of one time, as far as they do not build on each other. Jobs, and queues, keep
/// their order: it is their age. What holds at the end of a log holds at the end of the other, by its names.
class log_shuffle {
public:
    explicit log_shuffle(std::uint64_t seed) : state_{seed} {}

    std::vector<berth::io::numbered_event> of(const std::vector<berth::io::numbered_event>& log) {
        std::vector<berth::io::numbered_event> made;
        for (std::size_t begin = 0; begin < log.size();) {
            std::size_t end = begin + 1;
            const auto time = berth::io::event_time(log[begin].what);
            while (time && end < log.size() && berth::io::event_time(log[end].what) == time) ++end;
            for (const std::size_t i : order({log.begin() + static_cast<std::ptrdiff_t>(begin),
                                              log.begin() + static_cast<std::ptrdiff_t>(end)}))
                made.push_back({made.size() + 1, renamed(log[begin + i].what)});
            begin = end;
        }
        return made;
    }
    /// The new name of a job.
    std::string job(const std::string& name) { return other("job", name); }

private:
    using names = std::vector<std::string>;

    std::size_t below(std::size_t n) {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return static_cast<std::size_t>((z ^ (z >> 31U)) % n);
    }
    template <class List>
    void shuffle(List& list) {
        for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[below(i)]);
    }
    std::string other(const std::string& kind, const std::string& name) {
        const auto [at, fresh] = names_.try_emplace({kind, name});
        while (fresh && (at->second.empty() || !taken_.insert(kind + "/" + at->second).second))
            at->second = std::to_string(below(1'000'000)) + kind.front();
        return at->second;
    }
    std::string level(const std::string& name) { return name == "host" ? name : other("level", name); }

    void rename(const char* kind, std::string& name) { name = other(kind, name); }
    void rename(const char* kind, std::optional<std::string>& name) {
        if (name) rename(kind, *name);
    }
    void rename_all(const char* kind, names& list) {
        for (std::string& one : list) rename(kind, one);
        shuffle(list);
    }
    void rename_level(std::optional<std::string>& name) {
        if (name) *name = level(*name);
    }
    void reorder(berth::io::task_demand& demand) {
        shuffle(demand.gpu_demand);
        shuffle(demand.node_demand);
        shuffle(demand.accepted_models);
    }
    void rename(std::optional<berth::io::job_affinity>& whom) {
        if (!whom) return;
        rename_all("job", whom->jobs);
        rename("class", whom->job_class);
        whom->level = level(whom->level);
    }

    berth::io::event renamed(const berth::io::event& e) {
        return std::visit([&](auto one) -> berth::io::event { return change(one), one; }, e);
    }
    void change(berth::io::format_event&) {}
    void change(berth::io::decide_event&) {}
    void change(berth::io::node_event& e) {
        rename("node", e.node);
        shuffle(e.capacity);
        for (berth::io::gpu_entry& gpu : e.gpus) {
            rename("gpu", gpu.gpu);
            shuffle(gpu.capacity);
            for (auto& link : gpu.links) rename("gpu", link.first);
            shuffle(gpu.links);
        }
        shuffle(e.gpus);
        for (auto& [its_level, domain] : e.domains) {
            domain = other("domain of " + its_level, domain);
            its_level = level(its_level);
        }
        rename_all("label", e.labels);
    }
    void change(berth::io::node_gone_event& e) { rename("node", e.node); }
    void change(berth::io::place_event& e) { rename("node", e.node), rename("gpu", e.gpu); }
    void change(berth::io::health_event& e) { rename("node", e.node), rename("gpu", e.gpu); }
    void change(berth::io::reading_event& e) { rename("node", e.node), rename("gpu", e.gpu); }
    void change(berth::io::threshold_event& e) { rename("node", e.node), rename("gpu", e.gpu); }
    void change(berth::io::queue_event& e) {
        rename("queue", e.queue), rename("queue", e.parent);
        shuffle(e.quota);
        shuffle(e.limit);
    }
    void change(berth::io::job_event& e) {
        rename("job", e.job), rename("queue", e.queue);
        reorder(e.demand);
        for (berth::io::task_demand& one : e.task_list) reorder(one);
        for (berth::io::task_alternative& one : e.alternatives) reorder(one.demand);
        for (names* labels : {&e.required_labels, &e.excluded_labels, &e.preferred_labels})
            rename_all("label", *labels);
        rename_level(e.within_required), rename_level(e.within_preferred), rename_level(e.apart);
        rename(e.near), rename(e.away);
        rename("class", e.job_class);
    }
    void change(berth::io::running_event& e) {
        rename("job", e.job), rename("node", e.node);
        rename_all("gpu", e.gpus);
    }
    void change(berth::io::task_event& e) { rename("job", e.job); }
    void change(berth::io::progress_event& e) { rename("job", e.job); }
    void change(berth::io::expectation& e) {
        for (names* list : {&e.running, &e.waiting, &e.evicted, &e.moved, &e.stopped, &e.lost})
            rename_all("job", *list);
        for (auto* table : {&e.on, &e.models, &e.gpus, &e.reasons}) {
            for (auto& [name, values] : *table) {
                rename("job", name);
                if (table == &e.on) rename_all("node", values);
                if (table == &e.gpus) rename_all("gpu", values);
            }
        }
        for (names& jobs : e.same_node) rename_all("job", jobs);
        for (auto& [jobs, its_level] : e.apart) rename_all("job", jobs), its_level = level(its_level);
        for (auto& one : e.tasks) rename("job", one.first);
        for (auto& one : e.started_at) rename("job", one.first);
        for (berth::io::expectation& one : e.any_of) change(one);
    }

    /// What a line tells of or names, with its kind.
    static std::set<std::string> things(const berth::io::event& e) {
        std::set<std::string> found;
        const auto note = [&](const char* kind, const std::string& name) { found.insert(kind + ("/" + name)); };
        std::visit(
            [&](const auto& one) {
                if constexpr (requires { one.node.size(); }) note("node", one.node);
                if constexpr (requires { one.node.value(); }) note("node", one.node.value_or("?"));
                if constexpr (requires { one.job.size(); }) note("job", one.job);
                if constexpr (requires { one.queue.size(); }) note("queue", one.queue);
                if constexpr (requires { one.queue.value(); }) note("queue", one.queue.value_or("?"));
                if constexpr (requires { one.parent.value(); }) note("queue", one.parent.value_or("?"));
            },
            e);
        return found;
    }
    /// Whether two lines of one time keep their order.
    static bool keep_order(const berth::io::event& a, const berth::io::event& b) {
        using namespace berth::io;
        if (std::holds_alternative<decide_event>(a) || std::holds_alternative<decide_event>(b)) return true;
        if (std::holds_alternative<job_event>(a) && std::holds_alternative<job_event>(b)) return true;
        if (std::holds_alternative<queue_event>(a) && std::holds_alternative<queue_event>(b)) return true;
        // Tasks that run on one node already are told of in any order.
        if (std::holds_alternative<running_event>(a) && std::holds_alternative<running_event>(b))
            return std::get<running_event>(a).job == std::get<running_event>(b).job &&
                   std::get<running_event>(a).task == std::get<running_event>(b).task;
        // Limits of all places, and of one.
        if (std::holds_alternative<threshold_event>(a) && std::holds_alternative<threshold_event>(b)) return true;
        const auto named = things(b);
        const auto also = things(a);
        return std::any_of(also.begin(), also.end(), [&](const std::string& one) { return named.contains(one); });
    }
    std::vector<std::size_t> order(const std::vector<berth::io::numbered_event>& lines) {
        std::vector<std::size_t> left(lines.size());
        for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
        std::vector<std::size_t> found;
        while (!left.empty()) {
            std::vector<std::size_t> free;  // nothing that is left comes before
            for (std::size_t k = 0; k < left.size(); ++k) {
                const bool first = std::none_of(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(k),
                                                [&](auto i) { return keep_order(lines[i].what, lines[left[k]].what); });
                if (first) free.push_back(k);
            }
            const std::size_t k = free[below(free.size())];
            found.push_back(left[k]);
            left.erase(left.begin() + static_cast<std::ptrdiff_t>(k));
        }
        return found;
    }

    std::uint64_t state_;
    std::map<std::pair<std::string, std::string>, std::string> names_;
    std::set<std::string> taken_;
};
