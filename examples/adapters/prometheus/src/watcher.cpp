// SPDX-License-Identifier: Apache-2.0
#include "watcher.hpp"

#include "berth/io/event_log_names.hpp"
#include "berth/io/event_log_writer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <type_traits>
#include <variant>

namespace berth_watch {

namespace io = berth::io;
using berth::result;

namespace {

berth::fleet_watch<> policy_of(const watch_settings& settings) {
    berth::fleet_watch<> policy;
    policy.contact.interval = settings.interval;
    return policy;
}

std::optional<double> known(double value) { return std::isnan(value) ? std::nullopt : std::optional{value}; }

}  // namespace

watcher::watcher(watch_settings settings)
    : settings_{std::move(settings)},
      calls_{settings_.counters},
      engine_{berth::scheduler_policies<>{},
              calls_.schema(),
              {.acknowledge = berth::acknowledgement::reported, .grace = settings_.grace}},
      watch_{policy_of(settings_).start(engine_.cluster())} {}

result<void> watcher::tell(const io::event& e) {
    if (const auto ok = calls_.call(engine_, e); !ok) return ok;
    io::append_event(log_, e);
    return {};
}

result<void> watcher::look(std::string_view metrics, std::span<const io::event> events, double now) {
    log_.clear();
    decisions_.clear();
    findings_.clear();
    ++counts_.rounds;
    if (!begun_) {
        begun_ = true;
        io::append_event(
            log_, io::format_event{.source = "berth-watch", .acknowledge_from_log = true, .grace = settings_.grace});
    }
    tell_of_others(events, now);
    (void)exporter_.read(metrics, now);
    counts_.refused += exporter_.refused() + exporter_.implausible();
    if (const auto& first = exporter_.first_refusal()) findings_.push_back("exporter: " + first->message);
    if (auto ok = report_nodes(now); !ok) return ok;
    if (auto ok = report_readings(now); !ok) return ok;
    if (auto ok = report_health(now); !ok) return ok;
    return decide(now);
}

void watcher::tell_of_others(std::span<const io::event> events, double now) {
    for (io::event e : events) {
        if (std::holds_alternative<io::format_event>(e) || std::holds_alternative<io::expectation>(e)) continue;
        std::visit(
            [&](auto& one) {
                if constexpr (requires { one.time; }) one.time = now;
            },
            e);
        const auto refuse = [&](const std::string& why) {
            ++counts_.refused;
            findings_.push_back("refused: " + why);
        };
        if (const auto missing = io::find_not_yet(e)) {
            refuse("event " + std::string{io::event_name(e)} + ": field \"" + missing->field + "\": " + missing->why);
            continue;
        }
        if (const auto ok = tell(e); !ok) {
            refuse(ok.error().message);
            continue;
        }
        if (const auto* node = std::get_if<io::node_event>(&e)) {
            declared_.insert(node->node);
            for (const io::gpu_entry& gpu : node->gpus) declared_.insert(gpu.gpu);
        } else if (const auto* task = std::get_if<io::task_event>(&e)) {
            const bool of_move = task->report == io::task_report::moved;
            counts_.failures += task->report == io::task_report::failed ? 1 : 0;
            for (auto at = moving_.lower_bound({task->job, 0}); at != moving_.end() && at->first == task->job;) {
                const bool meant = !task->task || *task->task == at->second;
                counts_.migrations += meant && of_move ? 1 : 0;
                at = meant ? moving_.erase(at) : std::next(at);
            }
        }
    }
}

result<void> watcher::report_nodes(double now) {
    const auto is = [](std::string_view uuid) { return [uuid](const io::gpu_entry& one) { return one.gpu == uuid; }; };
    const auto node_of = [&](const io::gpu_metrics& gpu) {
        return std::string{gpu.hostname.empty() ? std::string_view{settings_.unnamed_node} : gpu.hostname};
    };
    const auto report = [&](const std::set<std::string>& names) -> result<void> {
        for (const std::string& name : names) {
            io::node_event& node = found_[name];
            node.time = now;
            if (auto ok = tell(node); !ok) return ok;
            findings_.push_back("node " + name + " has " + std::to_string(node.gpus.size()) + " GPUs");
        }
        return {};
    };
    // Cards that were put into other machines leave first: no GPU is on two nodes.
    std::set<std::string> changed;
    for (const io::gpu_metrics& gpu : exporter_.gpus()) {
        const std::string name = node_of(gpu);
        for (auto& [other, was] : found_) {
            if (other != name && std::erase_if(was.gpus, is(gpu.uuid)) > 0) changed.insert(other);
        }
    }
    if (auto ok = report(changed); !ok) return ok;
    changed.clear();
    for (const io::gpu_metrics& gpu : exporter_.gpus()) {
        if (declared_.contains(gpu.uuid)) continue;
        const std::string name = node_of(gpu);
        if (declared_.contains(name)) {
            findings_.push_back("GPU " + std::string{gpu.uuid} + " is on node " + name +
                                ", which is declared without it");
            declared_.emplace(gpu.uuid);  // said once
            continue;
        }
        io::node_event& node = found_[name];
        if (std::any_of(node.gpus.begin(), node.gpus.end(), is(gpu.uuid))) continue;
        node.node = name;
        node.gpus.push_back({.gpu = std::string{gpu.uuid}});
        if (!gpu.model.empty()) node.gpus.back().model = std::string{gpu.model};
        changed.insert(name);
    }
    return report(changed);
}

result<void> watcher::report_readings(double now) {
    const berth::cluster& cluster = engine_.cluster();
    for (const io::gpu_metrics& gpu : exporter_.gpus()) {
        const auto handle = cluster.find_gpu(gpu.uuid);
        if (!handle) continue;
        const auto [at, first] = sampled_.try_emplace(std::string{gpu.uuid}, gpu.sample.time);
        if (!first && !(gpu.sample.time > at->second)) continue;  // what Prometheus shows of an exporter that has ended
        at->second = gpu.sample.time;
        berth::gpu_sample sample = gpu.sample;
        sample.gpu = *handle;
        const auto news = watch_.observe(sample);
        if (!news) {
            ++counts_.refused;
            findings_.push_back(news.error().message);
            continue;
        }
        if (!*news) continue;
        ++counts_.samples;
        const std::string& node = cluster.fleet().name(cluster.find(*handle).node);
        const double age = std::max(0.0, now - sample.time);
        const io::reading_event reading{.time = now,
                                        .node = node,
                                        .gpu = std::string{gpu.uuid},
                                        .load = known(sample.load),
                                        .temperature = known(sample.temperature),
                                        .power = known(sample.power),
                                        .memory = known(gpu.memory_used),
                                        .age = age > 0.0 ? std::optional{age} : std::nullopt};
        if (auto ok = tell(reading); !ok) return ok;
    }
    return {};
}

result<void> watcher::report_health(double now) {
    const auto report = watch_.update(now);
    if (!report) return report.error();
    const berth::cluster& cluster = engine_.cluster();
    // Telling the engine must not change what is read here.
    std::vector<io::health_event> verdicts;
    for (const berth::contact_change& c : report->contact) findings_.push_back(berth::describe(c, cluster));
    for (const berth::health_change& c : report->health) {
        if (c.from != c.to) findings_.push_back(berth::describe(c, cluster));
        const auto node = cluster.find(c.node);
        if (!c.matters() || !node) continue;
        io::health_event e{.time = now, .node = cluster.fleet().name(*node), .healthy = c.healthy()};
        if (c.gpu.valid()) {
            const berth::slot at = cluster.find(c.gpu);
            if (!at.placed()) continue;
            e.gpu = cluster.uuid(at.node, berth::lowest_gpu(at.gpus));
        }
        if (!e.healthy) e.reason = c.reason;
        verdicts.push_back(std::move(e));
    }
    for (const io::health_event& e : verdicts) {
        if (auto ok = tell(e); !ok) return ok;
    }
    return {};
}

result<void> watcher::decide(double now) {
    const auto begin = std::chrono::steady_clock::now();
    const auto decided = engine_.decide(now);
    counts_.decide_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!decided) return decided.error();
    for (const berth::decision& one : *decided) {
        decisions_.push_back(io::named(engine_, one).what);
        if (const auto* move = std::get_if<io::move_decision>(&decisions_.back()))
            moving_.insert({move->job, move->task});
    }
    // Decisions follow the events of a time; where there were none the log has to ask for them.
    if (log_.empty() && !decisions_.empty()) io::append_event(log_, io::decide_event{now});
    return {};
}

}  // namespace berth_watch
