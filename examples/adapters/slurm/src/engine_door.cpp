// SPDX-License-Identifier: Apache-2.0
#include "engine_door.hpp"

#include "berth/io/event_log_writer.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

template class berth::scheduler<decltype(berth_slurm::slurm_policies(false, false, nullptr))>;

namespace berth_slurm {

namespace {

[[nodiscard]] berth::amount amount_of(const berth::io::counter_amounts& amounts, std::string_view counter,
                                      berth::amount otherwise) noexcept {
    for (const berth::io::counter_amount& a : amounts) {
        if (a.counter == counter) return a.value;
    }
    return otherwise;
}
template <class Outcome>
[[nodiscard]] berth::result<void> ok(const Outcome& outcome) {
    if (!outcome) return outcome.error();
    return {};
}

[[nodiscard]] berth::place_ref place_of(const std::string& node, const std::optional<std::string>& gpu) noexcept {
    return {node, gpu ? std::string_view{*gpu} : std::string_view{}};
}
template <class... Visitors>
struct overloaded : Visitors... {
    using Visitors::operator()...;
};
template <class... Visitors>
overloaded(Visitors...) -> overloaded<Visitors...>;

}  // namespace

engine_door::engine_door(bool shortest, bool preempt)
    : stays_{std::make_shared<std::vector<std::uint8_t>>()},
      engine_{slurm_policies(shortest, preempt, stays_),
              {.gpu = {"share"}, .node = {"cpu", "memory"}},
              {.acknowledge = berth::acknowledgement::reported, .back_off = 5.0}} {}

berth::result<void> engine_door::tell(const berth::io::event& e) {
    constexpr double absent = berth::place_reading::absent;
    auto done =
        std::visit(overloaded{
                       [&](const berth::io::node_event& one) { return take(one); },
                       [&](const berth::io::job_event& one) { return take(one); },
                       [&](const berth::io::task_event& one) { return take(one); },
                       [&](const berth::io::running_event& one) {
                           const std::vector<std::string_view> gpus{one.gpus.begin(), one.gpus.end()};
                           return ok(engine_.running(one.time, one.job, one.task, one.node, gpus));
                       },
                       [&](const berth::io::node_gone_event& one) { return ok(engine_.node_gone(one.time, one.node)); },
                       [&](const berth::io::place_event& one) {
                           const berth::place_ref place = place_of(one.node, one.gpu);
                           if (one.change == berth::io::place_change::close) return ok(engine_.close(one.time, place));
                           if (one.change == berth::io::place_change::open) return ok(engine_.open(one.time, place));
                           return ok(engine_.drain(one.time, place));
                       },
                       [&](const berth::io::health_event& one) {
                           return ok(engine_.health(one.time, place_of(one.node, one.gpu), one.healthy));
                       },
                       [&](const berth::io::reading_event& one) {
                           return ok(engine_.reading(one.time, place_of(one.node, one.gpu),
                                                     {.load = one.load.value_or(absent),
                                                      .temperature = one.temperature.value_or(absent),
                                                      .power = one.power.value_or(absent),
                                                      .memory = one.memory.value_or(absent),
                                                      .age = one.age.value_or(0.0)}));
                       },
                       [&](const berth::io::threshold_event& one) {
                           return ok(engine_.threshold(one.time, {.temperature = one.temperature.value_or(absent)}));
                       },
                       [](const auto&) { return berth::result<void>{}; },  // the format line, and what Slurm never says
                   },
                   e);
    if (!done) return done;
    berth::io::append_event(log_, e);
    return {};
}

berth::gpu_mask engine_door::indices(const berth::slot& where) const {
    berth::gpu_mask mask = 0;
    for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const std::string& name = engine_.cluster().uuid(where.node, berth::lowest_gpu(rest));
        mask |= berth::gpu_mask{1} << std::stoul(name.substr(name.rfind("/i") + 2));
    }
    return mask;
}

berth::result<void> engine_door::take(const berth::io::node_event& e) {
    const berth::amount room[] = {amount_of(e.capacity, "cpu", berth::max_amount),
                                  amount_of(e.capacity, "memory", berth::max_amount)};
    std::vector<berth::gpu_description> gpus;
    for (const berth::io::gpu_entry& g : e.gpus)
        gpus.push_back({.model = g.model ? std::string_view{*g.model} : std::string_view{}, .uuid = g.gpu});
    return ok(engine_.node(e.time, {.name = e.node, .capacity = room, .gpus = gpus}));
}

berth::result<void> engine_door::take(const berth::io::job_event& e) {
    const auto demands = [](const berth::io::task_demand& d) {
        struct spelled {
            berth::amount gpu[1];
            berth::amount node[2];
            std::vector<std::string_view> models;
        };
        return spelled{{berth::io::demanded_share(d)},
                       {amount_of(d.node_demand, "cpu", 0), amount_of(d.node_demand, "memory", 0)},
                       {d.accepted_models.begin(), d.accepted_models.end()}};
    };
    const auto own = demands(e.demand);
    std::vector<decltype(demands(e.demand))> listed;
    for (const berth::io::task_demand& d : e.task_list) listed.push_back(demands(d));
    std::vector<berth::job_task> tasks;
    for (std::size_t i = 0; i < listed.size(); ++i) {
        berth::job_task task{.gpus = e.task_list[i].gpus, .node_demand = listed[i].node};
        if (task.gpus > 0) task.gpu_demand = listed[i].gpu;
        task.accepted_models = listed[i].models;
        tasks.push_back(task);
    }
    berth::job_description job{.name = e.job, .task_count = e.tasks, .tasks = tasks, .gpus = e.demand.gpus};
    if (e.demand.gpus > 0) job.gpu_demand = own.gpu;
    job.node_demand = own.node;
    job.accepted_models = own.models;
    job.priority = e.priority;
    job.terms.preemptible = e.preemptible;
    if (e.duration) job.terms.duration = *e.duration;
    const auto admitted = engine_.job(e.time, job);
    if (!admitted) return admitted.error();
    for (std::uint32_t t = 0; t < engine_.task_count(*admitted); ++t) {
        const std::size_t at = engine_.task(*admitted, t).position();
        if (at >= stays_->size()) stays_->resize(at + 1);
        (*stays_)[at] = engine_.task_count(*admitted) > 1 ? 1 : 0;
    }
    return {};
}

berth::result<void> engine_door::take(const berth::io::task_event& e) {
    const std::uint32_t task = e.task.value_or(berth::every_task);
    switch (e.report) {
        case berth::io::task_report::finish: return ok(engine_.finish(e.time, e.job, task));
        case berth::io::task_report::cancel: return ok(engine_.cancel(e.time, e.job, task));
        case berth::io::task_report::stopped: return ok(engine_.stopped(e.time, e.job, task));
        case berth::io::task_report::moved: return ok(engine_.moved(e.time, e.job, task));
        case berth::io::task_report::failed: return ok(engine_.failed(e.time, e.job, task));
    }
    return {};
}

}  // namespace berth_slurm
