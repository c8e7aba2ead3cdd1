// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_engine.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <type_traits>
#include <utility>
#include <variant>

namespace bench {

namespace {

using berth::amount;
using berth::result;
namespace io = berth::io;

constexpr amount unlimited = berth::max_amount;

/// The events of a log as calls of an engine. Needs none of its policies.
class event_calls {
public:
    explicit event_calls(const log_counters& counters)
        : node_counters_{counters.node.begin(), counters.node.end()},
          gpu_counters_{counters.gpu.begin(), counters.gpu.end()},
          levels_{counters.levels} {}

    [[nodiscard]] berth::resource_schema schema() const {
        berth::resource_schema found;
        found.node = node_counters_;
        found.gpu = {"share"};
        found.gpu.insert(found.gpu.end(), gpu_counters_.begin(), gpu_counters_.end());
        return found;
    }

    [[nodiscard]] result<void> call(berth::scheduler_events& engine, const io::event& e, const log_fleet& fleet) {
        return std::visit([&](const auto& one) { return tell(engine, one, fleet); }, e);
    }

private:
    using engine_type = berth::scheduler_events;

    template <class Answer>
    [[nodiscard]] static result<void> answered(const result<Answer>& answer) {
        return answer ? result<void>{} : result<void>{answer.error()};
    }
    [[nodiscard]] static berth::place_ref place(const std::string& node, const std::optional<std::string>& gpu) {
        return {std::string_view{node}, gpu ? std::string_view{*gpu} : std::string_view{}};
    }

    // ---- nodes ----
    /// Per counter: what the place declares; else there is no limit, unless no place at all declares the counter: then
    /// nobody has any of it.
    [[nodiscard]] static std::vector<amount> capacities(const std::vector<std::string>& counters,
                                                        const io::counter_amounts& declared,
                                                        const std::set<std::string, std::less<>>& known) {
        std::vector<amount> found;
        for (const std::string& counter : counters) {
            const auto own = std::find_if(declared.begin(), declared.end(),
                                          [&](const io::counter_amount& one) { return one.counter == counter; });
            found.push_back(own != declared.end() ? own->value : known.contains(counter) ? unlimited : 0);
        }
        return found;
    }
    [[nodiscard]] result<void> report(engine_type& engine, double time, const io::node_event& e,
                                      const log_fleet& fleet) {
        const std::vector<amount> node = capacities(node_counters_, e.capacity, fleet.node_counters());
        std::vector<std::vector<amount>> of_gpus;
        std::vector<berth::gpu_description> gpus;
        for (const io::gpu_entry& gpu : e.gpus) {
            of_gpus.push_back(capacities(gpu_counters_, gpu.capacity, fleet.gpu_counters()));
            const auto share = std::find_if(gpu.capacity.begin(), gpu.capacity.end(),
                                            [](const io::counter_amount& one) { return one.counter == "share"; });
            of_gpus.back().insert(of_gpus.back().begin(),
                                  share != gpu.capacity.end() ? share->value : berth::whole_gpu);
        }
        for (std::size_t i = 0; i < e.gpus.size(); ++i) {
            gpus.push_back({.model = e.gpus[i].model ? std::string_view{*e.gpus[i].model} : std::string_view{},
                            .capacity = of_gpus[i],
                            .uuid = e.gpus[i].gpu});
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
        if (const auto ok = engine.node(time, {.name = e.node, .capacity = node, .gpus = gpus, .domains = names}); !ok)
            return ok.error();
        const std::vector<std::string_view> labels{e.labels.begin(), e.labels.end()};
        return answered(engine.labels(time, std::string_view{e.node}, labels));
    }
    /// As the engine numbers them: from the innermost outwards.
    [[nodiscard]] berth::domain_level level_of(const std::optional<std::string>& level) const {
        if (!level) return berth::no_level;
        if (*level == "host") return berth::host_level;
        const auto at = std::find(levels_.begin(), levels_.end(), *level);
        // No node has such a domain: a level above all others.
        return static_cast<berth::domain_level>(at == levels_.end() ? std::ssize(levels_) : levels_.end() - at - 1);
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::node_event& e, const log_fleet& fleet) {
        // A counter that is declared for the first time has no limit on the other nodes from now on.
        const std::size_t known = fleet.node_counters().size() + fleet.gpu_counters().size();
        if (known != known_counters_) {
            known_counters_ = known;
            for (const auto& [name, node] : fleet.nodes()) {
                if (!node.there || name == e.node) continue;
                if (auto ok = report(engine, e.time, node.what, fleet); !ok) return ok;
            }
        }
        return report(engine, e.time, e, fleet);
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::node_gone_event& e, const log_fleet&) {
        return answered(engine.node_gone(e.time, e.node.c_str()));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::place_event& e, const log_fleet&) {
        switch (e.change) {
            case io::place_change::close: return answered(engine.close(e.time, place(e.node, e.gpu)));
            case io::place_change::open: return answered(engine.open(e.time, place(e.node, e.gpu)));
            case io::place_change::drain: break;
        }
        return answered(engine.drain(e.time, place(e.node, e.gpu)));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::health_event& e, const log_fleet&) {
        return answered(engine.health(e.time, place(e.node, e.gpu), e.healthy));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::reading_event& e, const log_fleet&) {
        constexpr double absent = berth::place_reading::absent;
        return answered(engine.reading(e.time, place(e.node, e.gpu),
                                       {.load = e.load.value_or(absent),
                                        .temperature = e.temperature.value_or(absent),
                                        .power = e.power.value_or(absent),
                                        .memory = e.memory.value_or(absent),
                                        .age = e.age.value_or(0.0)}));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::threshold_event& e, const log_fleet& fleet) {
        constexpr double absent = berth::place_reading::absent;
        const berth::place_limits limits{.temperature = e.temperature.value_or(absent),
                                         .power = e.power.value_or(absent),
                                         .load = e.load.value_or(absent)};
        if (!e.node && !e.gpu) return answered(engine.threshold(e.time, limits));
        const std::string node = e.node ? *e.node : fleet.gpus().find(*e.gpu)->second.node;
        return answered(engine.threshold(e.time, place(node, e.gpu), limits));
    }

    // ---- jobs ----
    struct demand_buffers {
        std::vector<amount> gpu{};
        std::vector<amount> node{};
        std::vector<std::string_view> models{};
    };
    [[nodiscard]] demand_buffers lower(const io::task_demand& demand) const {
        const auto of = [](const io::counter_amounts& amounts, const std::string& counter) -> amount {
            for (const io::counter_amount& one : amounts) {
                if (one.counter == counter) return one.value;
            }
            return 0;
        };
        demand_buffers found;
        if (demand.gpus > 0) {
            found.gpu.push_back(io::demanded_share(demand));
            for (const std::string& counter : gpu_counters_) found.gpu.push_back(of(demand.gpu_demand, counter));
        }
        for (const std::string& counter : node_counters_) found.node.push_back(of(demand.node_demand, counter));
        found.models.assign(demand.accepted_models.begin(), demand.accepted_models.end());
        return found;
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::job_event& e, const log_fleet&) {
        // Nothing lasts no time, and an engine knows no such work.
        const auto above_0 = [](const std::optional<double>& seconds) {
            return seconds ? std::max(*seconds, 1e-9) : berth::job_terms::unknown;
        };
        const demand_buffers own = lower(e.demand);
        std::vector<demand_buffers> buffers;
        for (const io::task_demand& one : e.task_list) buffers.push_back(lower(one));
        for (const io::task_alternative& one : e.alternatives) buffers.push_back(lower(one.demand));
        std::vector<berth::job_task> tasks;
        for (std::size_t i = 0; i < e.task_list.size(); ++i) {
            tasks.push_back({.gpus = e.task_list[i].gpus,
                             .gpu_demand = buffers[i].gpu,
                             .node_demand = buffers[i].node,
                             .accepted_models = buffers[i].models});
        }
        const std::vector<std::string_view> required{e.required_labels.begin(), e.required_labels.end()};
        const std::vector<std::string_view> excluded{e.excluded_labels.begin(), e.excluded_labels.end()};
        const std::vector<std::string_view> preferred{e.preferred_labels.begin(), e.preferred_labels.end()};
        const auto names_of = [](const std::optional<io::job_affinity>& one) {
            return one ? std::vector<std::string_view>{one->jobs.begin(), one->jobs.end()}
                       : std::vector<std::string_view>{};
        };
        const auto near = names_of(e.near);
        const auto away = names_of(e.away);
        const auto affinity = [&](const std::optional<io::job_affinity>& one,
                                  const std::vector<std::string_view>& jobs) {
            if (!one) return berth::job_affinity{};
            return berth::job_affinity{.jobs = jobs,
                                       .job_class = one->job_class ? std::string_view{*one->job_class} : "",
                                       .level = level_of(one->level)};
        };
        std::vector<berth::alternative_description> alternatives;
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
            e.time, berth::job_description{
                        .name = e.job,
                        .task_count = e.tasks,
                        .tasks = tasks,
                        .min_tasks = e.min_tasks.value_or(0),
                        .gpus = e.demand.gpus,
                        .gpu_demand = own.gpu,
                        .node_demand = own.node,
                        .accepted_models = own.models,
                        .alternatives = alternatives,
                        .speed = e.speed,
                        .same_model = e.same_model,
                        .priority = e.priority,
                        .state_bytes = e.state_bytes.value_or(0),
                        .terms = {.preemptible = e.preemptible,
                                  .restart = e.restart,
                                  .work = above_0(e.work),
                                  .duration = above_0(e.duration),
                                  .delay = e.delay.value_or(0.0),
                                  .job_class = e.job_class ? std::string_view{*e.job_class} : std::string_view{},
                                  .queue = e.queue ? std::string_view{*e.queue} : std::string_view{},
                                  .place = {.required_labels = required,
                                            .excluded_labels = excluded,
                                            .preferred_labels = preferred,
                                            .within = level_of(e.within_required),
                                            .prefer_within = level_of(e.within_preferred),
                                            .apart = level_of(e.apart),
                                            .near = affinity(e.near, near),
                                            .away = affinity(e.away, away)}}}));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::running_event& e, const log_fleet&) {
        const std::vector<std::string_view> gpus{e.gpus.begin(), e.gpus.end()};
        return answered(engine.running(e.time, e.job.c_str(), e.task, e.node, gpus));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::task_event& e, const log_fleet&) {
        const std::uint32_t task = e.task.value_or(berth::every_task);
        switch (e.report) {
            case io::task_report::finish: return answered(engine.finish(e.time, e.job.c_str(), task));
            case io::task_report::cancel: return answered(engine.cancel(e.time, e.job.c_str(), task));
            case io::task_report::stopped: return answered(engine.stopped(e.time, e.job.c_str(), task));
            case io::task_report::moved: return answered(engine.moved(e.time, e.job.c_str(), task));
            case io::task_report::failed: break;
        }
        return answered(engine.failed(e.time, e.job.c_str(), task));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::progress_event& e, const log_fleet& fleet) {
        if (fleet.job(e.job)->ended()) return {};
        return answered(engine.progress(e.time, e.job.c_str(), e.rate));
    }
    [[nodiscard]] result<void> tell(engine_type& engine, const io::queue_event& e, const log_fleet&) {
        const auto amounts = [](const std::vector<io::counter_quota>& of) {
            std::vector<berth::queue_amount> found;
            for (const io::counter_quota& one : of)
                found.push_back({one.counter, one.value.value_or(berth::queue_amount::unlimited)});
            return found;
        };
        const auto quota = amounts(e.quota);
        const auto limit = amounts(e.limit);
        using described = berth::queue_description;
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
    [[nodiscard]] result<void> tell(engine_type&, const io::format_event&, const log_fleet&) { return {}; }
    [[nodiscard]] result<void> tell(engine_type&, const io::decide_event&, const log_fleet&) { return {}; }
    [[nodiscard]] result<void> tell(engine_type&, const io::expectation&, const log_fleet&) { return {}; }

    std::vector<std::string> node_counters_;
    std::vector<std::string> gpu_counters_;
    std::vector<std::string> levels_;
    std::size_t known_counters_ = 1;
};

io::log_place named(const berth::scheduler_events& engine, const berth::slot& where) {
    io::log_place found;
    if (!where.placed()) return found;
    found.node = engine.cluster().fleet().name(where.node);
    for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
        found.gpus.push_back(engine.cluster().uuid(where.node, berth::lowest_gpu(rest)));
    return found;
}

named_decision named(const berth::scheduler_events& engine, const berth::decision& d) {
    const std::string job{engine.name(d.job)};
    switch (d.kind) {
        case berth::decision_kind::start:
            return {io::start_decision{d.time, job, d.task, named(engine, d.where), {}}, d.alternative};
        case berth::decision_kind::evict: {
            io::evict_decision found{d.time, job, d.task, named(engine, d.where), {}, d.reason};
            if (d.beneficiary.valid()) found.for_job = std::string{engine.name(d.beneficiary)};
            return {found, 0};
        }
        case berth::decision_kind::move:
            return {
                io::move_decision{d.time, job, d.task, named(engine, d.from), named(engine, d.where), d.wave, d.reason},
                0};
        case berth::decision_kind::lost: return {io::lost_decision{d.time, job, d.task, d.reason}, 0};
        case berth::decision_kind::wait: break;
    }
    io::wait_decision found{d.time, job, {}, {}, {}, {}};
    for (const berth::wait_count& one : d.reasons) found.reasons.emplace_back(engine.name(one), one.places);
    return {found, 0};
}

/// The node that comes nearest to taking a job, and what it lacks.
void note_nearest(const berth::scheduler_events& engine, const berth::why_not& why, io::wait_decision& wait) {
    const berth::near_miss& miss = why.never() ? why.nearest_empty : why.nearest;
    if (!miss.node.valid()) return;
    const berth::resource_schema& schema = engine.cluster().fleet().schema();
    wait.nearest_node = std::string{engine.cluster().fleet().name(miss.node)};
    const auto of_gpus = [&]() -> std::string {
        if (miss.counter == 0) return "gpu";
        return schema.gpu[miss.counter] == "memory" ? "gpu_memory" : schema.gpu[miss.counter];
    };
    const amount lacks = miss.wanted - miss.available;
    switch (miss.reason) {
        case berth::refusal::gpu_share: wait.missing = {{of_gpus(), lacks}}; break;
        case berth::refusal::whole_gpus:
            // So many GPUs have not enough of the counter free, or are not there at all.
            wait.missing = {{of_gpus(), lacks * (miss.each == 0 ? berth::whole_gpu : miss.each)}};
            break;
        case berth::refusal::node_counter: wait.missing = {{schema.node[miss.counter], lacks}}; break;
        default: break;
    }
}

template <class Policies>
class policy_engine final : public log_engine {
public:
    policy_engine(const log_counters& counters, const log_engine_options& options, Policies policies)
        : calls_{counters},
          engine_{std::move(policies), calls_.schema(),
                  berth::scheduler_options{.acknowledge = options.acknowledged ? berth::acknowledgement::reported
                                                                               : berth::acknowledgement::at_once,
                                           .grace = options.grace}} {}

    result<void> apply(const io::event& e, const log_fleet& fleet) override { return calls_.call(engine_, e, fleet); }
    result<void> decide(double time, std::vector<named_decision>& to) override {
        const auto decided = engine_.decide(time);
        if (!decided) return decided.error();
        const std::size_t first = to.size();
        for (const berth::decision& one : *decided) to.push_back(named(engine_, one));
        // A look at every node for each job: not on large fleets.
        constexpr std::size_t most_nodes = 1000;
        if (engine_.cluster().fleet().node_count() > most_nodes) return {};
        for (std::size_t i = first; i < to.size(); ++i) {
            auto* wait = std::get_if<io::wait_decision>(&to[i].what);
            if (wait == nullptr) continue;
            if (const auto job = engine_.find_job(wait->job)) note_nearest(engine_, engine_.explain(*job), *wait);
        }
        return {};
    }
    double wake_at() const override { return engine_.wake_at(); }

private:
    event_calls calls_;
    berth::scheduler<Policies> engine_;
};

template <class Policies>
std::unique_ptr<log_engine> make(const log_counters& counters, const log_engine_options& options, Policies policies) {
    return std::make_unique<policy_engine<Policies>>(counters, options, std::move(policies));
}

constexpr log_policy policies[] = {
    {"berth", "by priority, then age; scarcity decides where (the default)"},
    {"best_fit", "by priority, then age; where least is left free (the default of placement \"pack\")"},
    {"spread", "by priority, then age; where most is left free (the default of placement \"spread\")"},
    {"fifo", "by age alone; scarcity decides where"},
    {"srtf", "least time still to run first, by `duration` or `work`; scarcity decides where"},
};

}  // namespace

std::span<const log_policy> log_policies() noexcept { return policies; }

std::unique_ptr<log_engine> make_log_engine(const log_counters& counters, const log_engine_options& options) {
    const std::string& name = options.policy;
    const auto base =
        berth::scheduler_policies<>{}.with_preemption(berth::share_rules{.consolidate = options.consolidate});
    if (name == "berth") return make(counters, options, base);
    if (name == "best_fit") return make(counters, options, base.with_placement(berth::greedy{berth::best_fit{}}));
    if (name == "spread")
        return make(counters, options, base.with_placement(berth::greedy{berth::worst_fit{}, berth::loosest_gpu{}}));
    if (name == "fifo") return make(counters, options, base.with_order(berth::fifo{}));
    if (name == "srtf") return make(counters, options, base.with_order(berth::shortest_remaining{}));
    return nullptr;
}

namespace {

/// Inserts the levels of a node into those that are known. All nodes use one order, which the fleet checks.
void merge_levels(std::vector<std::string>& known, const std::vector<std::pair<std::string, std::string>>& domains) {
    auto at = known.begin();  // where the next one belongs
    for (const auto& [level, domain] : domains) {
        if (level == "host") continue;
        const auto found = std::find(known.begin(), known.end(), level);
        at = found != known.end() ? found + 1 : known.insert(at, level) + 1;
    }
}

}  // namespace

log_counters counters_of(std::span<const io::event> log) {
    log_counters found;
    const auto of_node = [&](const io::counter_amounts& amounts) {
        for (const io::counter_amount& one : amounts) found.node.insert(one.counter);
    };
    const auto of_gpu = [&](const io::counter_amounts& amounts) {
        for (const io::counter_amount& one : amounts) {
            if (one.counter != "share") found.gpu.insert(one.counter);
        }
    };
    const auto of_demand = [&](const io::task_demand& demand) {
        of_node(demand.node_demand);
        of_gpu(demand.gpu_demand);
    };
    for (const io::event& e : log) {
        if (const auto* node = std::get_if<io::node_event>(&e)) {
            of_node(node->capacity);
            for (const io::gpu_entry& gpu : node->gpus) of_gpu(gpu.capacity);
            merge_levels(found.levels, node->domains);
        } else if (const auto* queue = std::get_if<io::queue_event>(&e)) {
            for (const auto* amounts : {&queue->quota, &queue->limit}) {
                for (const io::counter_quota& one : *amounts) {
                    if (one.counter == "gpu_memory") {
                        found.gpu.insert("memory");
                    } else if (one.counter != "gpu") {
                        found.node.insert(one.counter);
                    }
                }
            }
        } else if (const auto* job = std::get_if<io::job_event>(&e)) {
            of_demand(job->demand);
            for (const io::task_demand& one : job->task_list) of_demand(one);
            for (const io::task_alternative& one : job->alternatives) of_demand(one.demand);
        }
    }
    return found;
}

std::optional<not_yet> find_not_yet(const io::event& e) {
    const auto later = [](std::string field, const char* what) {
        return not_yet{std::move(field), std::string{"asks for "} + what + ", which this version cannot do yet"};
    };
    if (const auto* node = std::get_if<io::node_event>(&e)) {
        for (std::size_t i = 0; i < node->gpus.size(); ++i) {
            if (node->gpus[i].mig_board) return later("gpus[" + std::to_string(i) + "].mig", "MIG slices");
        }
    } else if (const auto* job = std::get_if<io::job_event>(&e)) {
        if (job->mig) return later("mig", "MIG slices");
        if (!job->alternatives.empty() && job->tasks > 1)
            return later("alternatives", "alternatives of a job of several tasks");
    } else if (const auto* running = std::get_if<io::running_event>(&e)) {
        if (running->mig) return later("mig", "MIG slices");
    }
    return std::nullopt;
}

}  // namespace bench
