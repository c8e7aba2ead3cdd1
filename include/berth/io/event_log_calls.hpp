// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/event_log_expectation.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/queue_description.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/place_rule.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// Length: a call for each event of the format.

namespace berth::inline v0::io {

/// The counters that a log names, those of GPUs without the share; and its levels of domains.
struct log_counters {
    std::set<std::string> node{};  ///< of nodes
    std::set<std::string> gpu{};   ///< of GPUs
    /// Levels of domains, outermost first, without the innermost one, `host`.
    std::vector<std::string> levels{};

    /// Equal members.
    friend bool operator==(const log_counters&, const log_counters&) = default;
};
/// Adds the counters that an event declares or asks for.
inline void note_counters(log_counters& found, const event& e) {
    const auto of_node = [&](const counter_amounts& amounts) {
        for (const counter_amount& one : amounts) found.node.insert(one.counter);
    };
    const auto of_gpu = [&](const counter_amounts& amounts) {
        for (const counter_amount& one : amounts) {
            if (one.counter != "share") found.gpu.insert(one.counter);
        }
    };
    const auto of_demand = [&](const task_demand& demand) {
        of_node(demand.node_demand);
        of_gpu(demand.gpu_demand);
    };
    if (const auto* node = std::get_if<node_event>(&e)) {
        of_node(node->capacity);
        for (const gpu_entry& gpu : node->gpus) of_gpu(gpu.capacity);
        // All nodes use one order of levels.
        auto at = found.levels.begin();  // where the next one belongs
        for (const auto& [level, domain] : node->domains) {
            if (level == "host") continue;
            const auto known = std::find(found.levels.begin(), found.levels.end(), level);
            at = known != found.levels.end() ? known + 1 : found.levels.insert(at, level) + 1;
        }
    } else if (const auto* queue = std::get_if<queue_event>(&e)) {
        for (const auto* amounts : {&queue->quota, &queue->limit}) {
            for (const counter_quota& one : *amounts) {
                if (one.counter == "gpu_memory") {
                    found.gpu.insert("memory");
                } else if (one.counter != "gpu") {
                    found.node.insert(one.counter);
                }
            }
        }
    } else if (const auto* job = std::get_if<job_event>(&e)) {
        of_demand(job->demand);
        for (const task_demand& one : job->task_list) of_demand(one);
        for (const task_alternative& one : job->alternatives) of_demand(one.demand);
    }
}
/// The counters of all events of a log.
[[nodiscard]] inline log_counters counters_of(std::span<const event> log) {
    log_counters found;
    for (const event& e : log) note_counters(found, e);
    return found;
}

/// What an event asks for that no scheduler of this version can do.
struct not_yet {
    std::string field{};  ///< of the event
    std::string why{};    ///< for messages: `asks for ...`
};
/// Nothing if it can be done.
[[nodiscard]] inline std::optional<not_yet> find_not_yet(const event& e) {
    const auto later = [](std::string field, const char* what) {
        return not_yet{std::move(field), std::string{"asks for "} + what + ", which this version cannot do yet"};
    };
    if (const auto* job = std::get_if<job_event>(&e)) {
        if (!job->alternatives.empty() && job->tasks > 1)
            return later("alternatives", "alternatives of a job of several tasks");
    }
    return std::nullopt;
}

/// The events of a log as calls of a scheduler, of whatever policies:
///
/// ```
/// berth::io::event_log_calls calls{berth::io::counters_of(events)};
/// berth::scheduler engine{berth::scheduler_policies<>{}, calls.schema()};
/// for (const berth::io::event& e : events) {
///     if (const auto ok = calls.call(engine, e); !ok) return ok.error();
/// }
/// ```
///
/// When to decide is the caller's business: after the last event of each time, and when the engine wakes. A counter
/// that no place declares is nobody's; from the first declaration on, places that do not declare it have no limit of
/// it, so it keeps the last report of each node. An event costs what the scheduler's call does, and allocates; a node
/// that declares a new counter reports all others again.
class event_log_calls {
public:
    /// @param counters  those of the whole log; others that an event names are passed over
    explicit event_log_calls(const log_counters& counters)
        : node_counters_{counters.node.begin(), counters.node.end()},
          gpu_counters_{counters.gpu.begin(), counters.gpu.end()},
          levels_{counters.levels} {}

    /// What the scheduler is to be made with.
    [[nodiscard]] resource_schema schema() const {
        resource_schema found;
        found.node = node_counters_;
        found.gpu = {"share"};
        found.gpu.insert(found.gpu.end(), gpu_counters_.begin(), gpu_counters_.end());
        return found;
    }

    /// Tells a scheduler of an event.
    ///
    /// @param engine  a `scheduler`, or an `any_scheduler`
    /// @return an error if the scheduler refuses it, or it names a GPU that no node has
    [[nodiscard]] result<void> call(auto& engine, const event& e) {
        return std::visit([&](const auto& one) { return tell(engine, one); }, e);
    }

private:
    template <class Answer>
    [[nodiscard]] static result<void> answered(const result<Answer>& answer) {
        return answer ? result<void>{} : result<void>{answer.error()};
    }
    [[nodiscard]] static place_ref place(const std::string& node, const std::optional<std::string>& gpu) {
        return {std::string_view{node}, gpu ? std::string_view{*gpu} : std::string_view{}};
    }

    // ---- nodes ----
    /// Per counter: what the place declares; else there is no limit, unless no place at all declares the counter: then
    /// nobody has any of it.
    [[nodiscard]] static std::vector<amount> capacities(const std::vector<std::string>& counters,
                                                        const counter_amounts& declared,
                                                        const std::set<std::string, std::less<>>& known) {
        std::vector<amount> found;
        for (const std::string& counter : counters) {
            const auto own = std::find_if(declared.begin(), declared.end(),
                                          [&](const counter_amount& one) { return one.counter == counter; });
            found.push_back(own != declared.end() ? own->value : known.contains(counter) ? max_amount : 0);
        }
        return found;
    }
    /// A pair that is named from both ends has the larger score.
    [[nodiscard]] static std::vector<amount> link_scores(const node_event& e) {
        const std::size_t gpus = e.gpus.size();
        std::vector<amount> scores;
        for (std::size_t i = 0; i < gpus; ++i) {
            for (const auto& [name, score] : e.gpus[i].links) {
                const auto other = std::ranges::find(e.gpus, name, &gpu_entry::gpu);
                const auto j = static_cast<std::size_t>(other - e.gpus.begin());
                if (j == gpus || j == i) continue;
                scores.resize(gpus * gpus, 0);
                const double most = gpu_links::max_score;
                const auto whole = static_cast<amount>(std::lround(std::min(score, most)));
                for (amount* one : {&scores[i * gpus + j], &scores[j * gpus + i]}) *one = std::max(*one, whole);
            }
        }
        return scores;
    }
    [[nodiscard]] result<void> report(auto& engine, double time, const node_event& e) {
        const std::vector<amount> node = capacities(node_counters_, e.capacity, declared_of_nodes_);
        std::vector<std::vector<amount>> of_gpus;
        std::vector<gpu_description> gpus;
        for (const gpu_entry& gpu : e.gpus) {
            of_gpus.push_back(capacities(gpu_counters_, gpu.capacity, declared_of_gpus_));
            const auto share = std::find_if(gpu.capacity.begin(), gpu.capacity.end(),
                                            [](const counter_amount& one) { return one.counter == "share"; });
            of_gpus.back().insert(of_gpus.back().begin(), share != gpu.capacity.end() ? share->value : whole_gpu);
        }
        for (std::size_t i = 0; i < e.gpus.size(); ++i) {
            gpus.push_back({.model = e.gpus[i].model ? std::string_view{*e.gpus[i].model} : std::string_view{},
                            .capacity = of_gpus[i],
                            .uuid = e.gpus[i].gpu,
                            .mig_board = e.gpus[i].mig_board ? std::string_view{*e.gpus[i].mig_board} : ""});
        }
        std::vector<std::string> domains;
        std::string path;
        for (const auto& [level, domain] : e.domains) {
            if (level == "host") continue;  // each node is its own
            // The racks of two zones may have the same name.
            path += (path.empty() ? "" : "/") + level + "=" + domain;
            domains.push_back(path);
            if (engine.cluster().fleet().find_domain(path)) continue;
            if (const auto made = engine.domain(path, level_of(level)); !made) return made.error();
        }
        const std::vector<std::string_view> names{domains.begin(), domains.end()};
        const std::vector<amount> links = link_scores(e);
        const node_description described{
            .name = e.node, .capacity = node, .gpus = gpus, .domains = names, .gpu_links = links};
        if (const auto ok = engine.node(time, described); !ok) return ok.error();
        const std::vector<std::string_view> labels{e.labels.begin(), e.labels.end()};
        return answered(engine.labels(time, std::string_view{e.node}, labels));
    }
    /// As the engine numbers them: from the innermost outwards.
    [[nodiscard]] domain_level level_of(const std::optional<std::string>& level) const {
        if (!level) return no_level;
        if (*level == "host") return host_level;
        const auto at = std::find(levels_.begin(), levels_.end(), *level);
        // No node has such a domain: a level above all others.
        return static_cast<domain_level>(at == levels_.end() ? std::ssize(levels_) : levels_.end() - at - 1);
    }
    [[nodiscard]] result<void> tell(auto& engine, const node_event& e) {
        const std::size_t known = declared_of_nodes_.size() + declared_of_gpus_.size();
        for (const counter_amount& one : e.capacity) declared_of_nodes_.insert(one.counter);
        for (const gpu_entry& gpu : e.gpus) {
            for (const counter_amount& one : gpu.capacity) declared_of_gpus_.insert(one.counter);
        }
        // A counter that is declared for the first time has no limit on the other nodes from now on.
        if (declared_of_nodes_.size() + declared_of_gpus_.size() != known) {
            for (const auto& [name, node] : nodes_) {
                if (name == e.node) continue;
                if (auto ok = report(engine, e.time, node); !ok) return ok;
            }
        }
        if (auto ok = report(engine, e.time, e); !ok) return ok;
        nodes_.insert_or_assign(e.node, e);
        for (const gpu_entry& gpu : e.gpus) node_of_gpu_.insert_or_assign(gpu.gpu, e.node);
        return {};
    }
    [[nodiscard]] result<void> tell(auto& engine, const node_gone_event& e) {
        if (auto ok = answered(engine.node_gone(e.time, e.node.c_str())); !ok) return ok;
        nodes_.erase(e.node);
        return {};
    }
    [[nodiscard]] result<void> tell(auto& engine, const place_event& e) {
        switch (e.change) {
            case place_change::close: return answered(engine.close(e.time, place(e.node, e.gpu)));
            case place_change::open: return answered(engine.open(e.time, place(e.node, e.gpu)));
            case place_change::drain: break;
        }
        return answered(engine.drain(e.time, place(e.node, e.gpu)));
    }
    [[nodiscard]] result<void> tell(auto& engine, const health_event& e) {
        return answered(engine.health(e.time, place(e.node, e.gpu), e.healthy));
    }
    [[nodiscard]] result<void> tell(auto& engine, const reading_event& e) {
        constexpr double absent = place_reading::absent;
        return answered(engine.reading(e.time, place(e.node, e.gpu),
                                       {.load = e.load.value_or(absent),
                                        .temperature = e.temperature.value_or(absent),
                                        .power = e.power.value_or(absent),
                                        .memory = e.memory.value_or(absent),
                                        .age = e.age.value_or(0.0)}));
    }
    [[nodiscard]] result<void> tell(auto& engine, const threshold_event& e) {
        constexpr double absent = place_reading::absent;
        const place_limits limits{.temperature = e.temperature.value_or(absent),
                                  .power = e.power.value_or(absent),
                                  .load = e.load.value_or(absent)};
        if (!e.node && !e.gpu) return answered(engine.threshold(e.time, limits));
        if (e.node) return answered(engine.threshold(e.time, place(*e.node, e.gpu), limits));
        const auto of = node_of_gpu_.find(*e.gpu);
        if (of == node_of_gpu_.end()) {
            return berth::detail::refuse(
                error_code::unknown_name,
                {"event threshold: GPU ", berth::detail::phrase::quoted(*e.gpu), " is on no node"});
        }
        return answered(engine.threshold(e.time, place(of->second, e.gpu), limits));
    }

    // ---- jobs ----
    struct demand_buffers {
        std::vector<amount> gpu{};
        std::vector<amount> node{};
        std::vector<std::string_view> models{};
    };
    [[nodiscard]] demand_buffers lower(const task_demand& demand) const {
        const auto of = [](const counter_amounts& amounts, const std::string& counter) -> amount {
            for (const counter_amount& one : amounts) {
                if (one.counter == counter) return one.value;
            }
            return 0;
        };
        demand_buffers found;
        if (demand.gpus > 0) {
            found.gpu.push_back(demanded_share(demand));
            for (const std::string& counter : gpu_counters_) found.gpu.push_back(of(demand.gpu_demand, counter));
        }
        for (const std::string& counter : node_counters_) found.node.push_back(of(demand.node_demand, counter));
        found.models.assign(demand.accepted_models.begin(), demand.accepted_models.end());
        return found;
    }
    [[nodiscard]] result<void> tell(auto& engine, const job_event& e) {
        // Nothing lasts no time, and an engine knows no such work.
        const auto above_0 = [](const std::optional<double>& seconds) {
            return seconds ? std::max(*seconds, 1e-9) : job_terms::unknown;
        };
        demand_buffers own = lower(e.demand);
        std::vector<demand_buffers> buffers;
        for (const task_demand& one : e.task_list) buffers.push_back(lower(one));
        if (e.mig) {  // a slice instead of GPUs
            own.gpu.clear();
            for (demand_buffers& one : buffers) one.gpu.clear();
        }
        for (const task_alternative& one : e.alternatives) buffers.push_back(lower(one.demand));
        std::vector<job_task> tasks;
        for (std::size_t i = 0; i < e.task_list.size(); ++i) {
            tasks.push_back({.gpus = e.mig ? 1 : e.task_list[i].gpus,
                             .gpu_demand = buffers[i].gpu,
                             .node_demand = buffers[i].node,
                             .accepted_models = buffers[i].models});
        }
        const std::vector<std::string_view> required{e.required_labels.begin(), e.required_labels.end()};
        const std::vector<std::string_view> excluded{e.excluded_labels.begin(), e.excluded_labels.end()};
        const std::vector<std::string_view> preferred{e.preferred_labels.begin(), e.preferred_labels.end()};
        const auto names_of = [](const std::optional<job_affinity>& one) {
            return one ? std::vector<std::string_view>{one->jobs.begin(), one->jobs.end()}
                       : std::vector<std::string_view>{};
        };
        const auto near = names_of(e.near);
        const auto away = names_of(e.away);
        const auto affinity = [&](const std::optional<job_affinity>& one, const std::vector<std::string_view>& jobs) {
            if (!one) return berth::job_affinity{};
            return berth::job_affinity{.jobs = jobs,
                                       .job_class = one->job_class ? std::string_view{*one->job_class} : "",
                                       .level = level_of(one->level)};
        };
        std::vector<alternative_description> alternatives;
        for (std::size_t i = 0; i < e.alternatives.size(); ++i) {
            const demand_buffers& its = buffers[e.task_list.size() + i];
            alternatives.push_back({.gpus = e.alternatives[i].demand.gpus,
                                    .gpu_demand = its.gpu,
                                    .node_demand = its.node,
                                    .accepted_models = its.models,
                                    .same_model = e.same_model,
                                    .speed = e.alternatives[i].speed});
        }
        return answered(engine.job(
            e.time,
            job_description{.name = e.job,
                            .task_count = e.tasks,
                            .tasks = tasks,
                            .min_tasks = e.min_tasks.value_or(0),
                            .gpus = e.mig ? 1 : e.demand.gpus,
                            .gpu_demand = own.gpu,
                            .node_demand = own.node,
                            .accepted_models = own.models,
                            .alternatives = alternatives,
                            .speed = e.speed,
                            .same_model = e.same_model,
                            .mig_profile = e.mig ? std::string_view{*e.mig} : std::string_view{},
                            .priority = e.priority,
                            .state_bytes = e.state_bytes.value_or(0),
                            .terms = {.preemptible = e.preemptible,
                                      .restart = e.restart,
                                      .work = above_0(e.work),
                                      .duration = above_0(e.duration),
                                      .delay = e.delay.value_or(0.0),
                                      .job_class = e.job_class ? std::string_view{*e.job_class} : std::string_view{},
                                      .queue = e.queue ? std::string_view{*e.queue} : "",
                                      .place = {.required_labels = required,
                                                .excluded_labels = excluded,
                                                .preferred_labels = preferred,
                                                .within = level_of(e.within_required),
                                                .prefer_within = level_of(e.within_preferred),
                                                .apart = level_of(e.apart),
                                                .near = affinity(e.near, near),
                                                .away = affinity(e.away, away)}}}));
    }
    [[nodiscard]] result<void> tell(auto& engine, const running_event& e) {
        if (e.mig) {
            if (e.gpus.empty()) {
                return berth::detail::refuse(error_code::invalid_value,
                                             {"event running: job ", berth::detail::phrase::quoted(e.job),
                                              ": a slice without the name of its GPU"});
            }
            const place_ref gpu{std::string_view{e.node}, std::string_view{e.gpus[0]}};
            return answered(engine.running_slice(e.time, e.job.c_str(), e.task, gpu, e.mig->offset));
        }
        const std::vector<std::string_view> gpus{e.gpus.begin(), e.gpus.end()};
        return answered(engine.running(e.time, e.job.c_str(), e.task, e.node, gpus));
    }
    [[nodiscard]] result<void> tell(auto& engine, const task_event& e) {
        const std::uint32_t task = e.task.value_or(every_task);
        switch (e.report) {
            case task_report::finish: return answered(engine.finish(e.time, e.job.c_str(), task));
            case task_report::cancel: return answered(engine.cancel(e.time, e.job.c_str(), task));
            case task_report::stopped: return answered(engine.stopped(e.time, e.job.c_str(), task));
            case task_report::moved: return answered(engine.moved(e.time, e.job.c_str(), task));
            case task_report::failed: break;
        }
        return answered(engine.failed(e.time, e.job.c_str(), task));
    }
    [[nodiscard]] result<void> tell(auto& engine, const progress_event& e) {
        return answered(engine.progress(e.time, e.job.c_str(), e.rate));
    }
    [[nodiscard]] result<void> tell(auto& engine, const queue_event& e) {
        const auto amounts = [](const std::vector<counter_quota>& of) {
            std::vector<queue_amount> found;
            for (const counter_quota& one : of)
                found.push_back({one.counter, one.value.value_or(queue_amount::unlimited)});
            return found;
        };
        const auto quota = amounts(e.quota);
        const auto limit = amounts(e.limit);
        using described = queue_description;
        return answered(
            engine.queue(e.time, {.name = e.queue,
                                  .parent = e.parent ? std::string_view{*e.parent} : std::string_view{},
                                  .quota = quota,
                                  .limit = limit,
                                  .unlimited_quota = e.unlimited_quota,
                                  .weight = e.weight,
                                  .priority = e.priority,
                                  .min_runtime_preempt = e.min_runtime_preempt.value_or(described::inherited),
                                  .min_runtime_reclaim = e.min_runtime_reclaim.value_or(described::inherited),
                                  .usage = e.usage.value_or(described::unknown)}));
    }
    [[nodiscard]] result<void> tell(auto&, const format_event&) { return {}; }
    [[nodiscard]] result<void> tell(auto&, const decide_event&) { return {}; }
    [[nodiscard]] result<void> tell(auto&, const expectation&) { return {}; }

    std::vector<std::string> node_counters_;
    std::vector<std::string> gpu_counters_;
    std::vector<std::string> levels_;
    std::set<std::string, std::less<>> declared_of_nodes_;
    std::set<std::string, std::less<>> declared_of_gpus_{"share"};
    std::map<std::string, node_event, std::less<>> nodes_;  // as last reported
    std::map<std::string, std::string, std::less<>> node_of_gpu_;
};

}  // namespace berth::inline v0::io
