// SPDX-License-Identifier: Apache-2.0
#include "picture.hpp"

#include "text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

namespace top {

namespace io = berth::io;

namespace {

/// An amount with its unit, where the name of the counter says which.
std::string amount_text(std::string_view counter, berth::amount value) {
    const auto number = static_cast<double>(value);
    if (counter == "gpu" || counter == "share" || counter == "cpu") return fmt::format("{:g}", number / 1000.0);
    if (counter == "memory" || counter == "gpu_memory") return fmt::format("{:.3g} GiB", number / 1024.0);
    return fmt::format("{}", value);
}

std::string task_name(const std::string& job, std::uint32_t task) {
    return printable(job) + "/" + std::to_string(task);
}

std::string place_text(const io::log_place& place) {
    if (place.node.empty()) return "nowhere";
    std::string found = printable(place.node);
    for (std::size_t i = 0; i < place.gpus.size(); ++i) found += (i == 0 ? " " : ", ") + printable(place.gpus[i]);
    return found;
}

std::string demand_text(const io::task_demand& d) {
    const berth::amount share = io::demanded_share(d);
    std::string found = d.gpus == 0                 ? "no GPU"
                        : share == berth::whole_gpu ? fmt::format("{} GPU", d.gpus)
                        : d.gpus == 1               ? fmt::format("{:g} GPU", static_cast<double>(share) / 1000.0)
                                      : fmt::format("{} × {:g} GPU", d.gpus, static_cast<double>(share) / 1000.0);
    for (const io::counter_amount& one : d.gpu_demand) {
        if (one.counter != "share" && d.gpus > 0)
            found += ", GPU " + printable(one.counter) + " " + amount_text(one.counter, one.value);
    }
    for (const io::counter_amount& one : d.node_demand)
        found += ", " + printable(one.counter) + " " + amount_text(one.counter, one.value);
    for (std::size_t i = 0; i < d.accepted_models.size(); ++i)
        found += (i == 0 ? ", on " : " or ") + printable(d.accepted_models[i]);
    return found;
}

std::string wants_text(const io::job_event& job) {
    const io::task_demand& first = job.task_list.empty() ? job.demand : job.task_list.front();
    const bool alike = std::all_of(job.task_list.begin(), job.task_list.end(),
                                   [&](const io::task_demand& one) { return one == first; });
    std::string found = job.tasks > 1 ? fmt::format("{} × ", job.tasks) : std::string{};
    found += alike ? demand_text(first) : "tasks of several kinds";
    if (!job.alternatives.empty()) found += fmt::format(" (or {} others)", job.alternatives.size());
    return found;
}

std::string why_text(const std::optional<io::wait_decision>& wait) {
    if (!wait) return "";
    std::string found;
    for (const auto& [reason, places] : wait->reasons)
        found += (found.empty() ? "" : ", ") + printable(reason) + fmt::format(" on {}", places);
    if (wait->nearest_node) {
        found += "; nearest " + printable(*wait->nearest_node);
        for (std::size_t i = 0; i < wait->missing.size(); ++i) {
            found += (i == 0 ? " lacks " : ", ") + printable(wait->missing[i].counter) + " " +
                     amount_text(wait->missing[i].counter, wait->missing[i].value);
        }
    }
    return found;
}

/// Tasks by place, from the scheduler's own record.
class task_names {
public:
    explicit task_names(const berth::scheduler_events& known) {
        for (const berth::job_handle job : known.jobs()) {
            for (std::size_t t = 0; t < known.task_count(job); ++t) {
                const auto task = known.task(job, static_cast<std::uint32_t>(t));
                if (const auto at = known.cluster().find(task)) {
                    if (names_.size() <= at->value()) names_.resize(at->value() + std::size_t{1});
                    names_[at->value()] = task_name(std::string{known.name(job)}, static_cast<std::uint32_t>(t));
                }
            }
        }
    }
    [[nodiscard]] const std::string& of(berth::task_index t) const {
        static const std::string none = "?";
        return t.value() < names_.size() ? names_[t.value()] : none;
    }

private:
    std::vector<std::string> names_;
};

void add_nodes(fleet_picture& to, const fleet_log& log) {
    const berth::scheduler_events& known = log.engine()->known();
    const berth::cluster& cluster = known.cluster();
    const berth::fleet& fleet = cluster.fleet();
    const task_names names{known};
    const double oldest = to.time - known.options().reading_age;
    const auto fresh = [&](const measured& m) { return m.time >= oldest ? m.value : unknown; };
    std::vector<berth::gpu_mask> arriving(fleet.node_count(), 0);
    for (const berth::task_index t : cluster.moving()) {
        const berth::slot target = cluster.targets()[t.value()];
        if (target.placed()) arriving[target.node.value()] |= target.gpus;
    }
    double used = 0.0;
    double capacity = 0.0;
    for (std::size_t i = 0; i < fleet.node_count(); ++i) {
        const berth::node_index n{i};
        if (!fleet.present(n)) continue;
        node_picture node{.name = printable(fleet.name(n)), .is = condition_of(known.status(cluster.handle(n)))};
        for (const berth::amount free : cluster.ledger().free(n)) node.over = node.over || free < 0;
        std::map<std::size_t, std::size_t> at;  // position on the node, in node.gpus
        std::size_t whole = 0;
        for (berth::gpu_mask rest = cluster.gpus_there(n); rest != 0; rest &= rest - 1) {
            const std::size_t position = berth::lowest_gpu(rest);
            const berth::gpu_index g = fleet.gpu(n, position);
            gpu_picture gpu{.name = printable(cluster.uuid(n, position)),
                            .model = printable(fleet.name(fleet.model(g)))};
            gpu.arriving = (arriving[i] >> position & 1U) != 0;
            gpu.is = std::max(node.is, condition_of(known.status(cluster.handle(n, position))));
            const berth::amount has = fleet.capacity(g)[0];
            const berth::amount left = cluster.ledger().free(g)[0];
            gpu.in_use = has > 0 ? static_cast<double>(has - left) / static_cast<double>(has) : 0.0;
            for (const berth::amount free : cluster.ledger().free(g)) node.over = node.over || free < 0;
            used += static_cast<double>(has - left);
            capacity += static_cast<double>(has);
            if (const place_readings* r = log.readings(cluster.uuid(n, position))) {
                gpu.load = fresh(r->load);
                gpu.temperature = fresh(r->temperature);
                gpu.power = fresh(r->power);
                gpu.memory = fresh(r->memory);
            }
            ++to.gpus;
            to.gpus_in_use += left < has ? 1 : 0;
            to.out += gpu.is == condition::well ? 0 : 1;
            whole += gpu.is == condition::well && left == has ? 1 : 0;
            if (!std::isnan(gpu.power)) { to.power = to.power_known++ == 0 ? gpu.power : to.power + gpu.power; }
            if (!std::isnan(gpu.temperature) && !(to.hottest >= gpu.temperature)) {
                to.hottest = gpu.temperature;
                to.hottest_gpu = gpu.name;
            }
            at[position] = node.gpus.size();
            node.gpus.push_back(std::move(gpu));
        }
        to.free_gpus += whole;
        to.free_together = std::max(to.free_together, whole);
        for (const berth::task_index t : cluster.tasks_on(n)) {
            const berth::slot where = cluster.slots()[t.value()];
            if (where.gpus == 0) ++node.tasks_without_gpu;
            for (const auto& [position, index] : at) {
                if ((where.gpus >> position & 1U) != 0) node.gpus[index].tasks.push_back(names.of(t));
            }
        }
        to.nodes.push_back(std::move(node));
    }
    to.share = capacity > 0.0 ? used / capacity : 0.0;
    std::sort(to.nodes.begin(), to.nodes.end(),
              [](const node_picture& a, const node_picture& b) { return a.name < b.name; });
}

void add_queue(fleet_picture& to, const fleet_log& log) {
    const berth::scheduler_events& known = log.engine()->known();
    std::vector<std::pair<const job_facts*, std::size_t>> waiting;
    for (const auto& [name, facts] : log.jobs()) {
        const auto job = known.find_job(name);
        if (!job) continue;
        to.jobs_running += known.running(*job) > 0 ? 1 : 0;
        if (known.waiting(*job) == 0) continue;
        ++to.jobs_waiting;
        waiting.emplace_back(&facts, known.waiting(*job));
    }
    std::sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) {
        const auto key = [](const io::job_event& job) {
            return std::tuple{-std::int64_t{job.priority}, job.time, job.job};
        };
        return key(a.first->what) < key(b.first->what);
    });
    for (const auto& [facts, tasks] : waiting) {
        to.queue.push_back({.job = printable(facts->what.job),
                            .priority = facts->what.priority,
                            .waits = to.time - facts->waits_since,
                            .waiting = tasks,
                            .tasks = facts->what.tasks,
                            .wants = wants_text(facts->what),
                            .why = why_text(facts->wait)});
    }
}

void add_steps(fleet_picture& to, const fleet_log& log) {
    for (const auto& [task, step] : log.under_way()) {
        step_picture one{.task = task_name(task.first, task.second), .since = to.time - step.since};
        if (const auto* move = std::get_if<io::move_decision>(&step.what)) {
            one.from = place_text(move->from);
            one.to = place_text(move->to);
            one.wave = move->wave;
            one.reason = printable(move->reason);
        } else if (const auto* evict = std::get_if<io::evict_decision>(&step.what)) {
            one.move = false;
            one.from = place_text(evict->place);
            one.to = printable(evict->for_job.value_or(""));
            one.reason = printable(evict->reason);
        }
        to.steps.push_back(std::move(one));
    }
    std::stable_sort(to.steps.begin(), to.steps.end(), [](const step_picture& a, const step_picture& b) {
        return std::tuple{!a.move, a.wave} < std::tuple{!b.move, b.wave};
    });
}

}  // namespace

const char* word(condition c) {
    constexpr const char* words[] = {"well", "pressed", "closed", "draining", "hot", "sick"};
    return words[static_cast<std::size_t>(c)];
}

condition condition_of(const berth::place_status& status) {
    if (!status.healthy || status.watched_sick) return condition::sick;
    if (status.hot) return condition::hot;
    if (status.draining) return condition::draining;
    if (status.closed) return condition::closed;
    return status.pressed ? condition::pressed : condition::well;
}

std::string sentence(const io::decision& d) {
    if (const auto* one = std::get_if<io::start_decision>(&d))
        return "start " + task_name(one->job, one->task) + " on " + place_text(one->place);
    if (const auto* one = std::get_if<io::evict_decision>(&d)) {
        return "evict " + task_name(one->job, one->task) + " from " + place_text(one->place) +
               (one->for_job ? " for " + printable(*one->for_job) : "") + ": " + printable(one->reason);
    }
    if (const auto* one = std::get_if<io::move_decision>(&d)) {
        return "move " + task_name(one->job, one->task) + " from " + place_text(one->from) + " to " +
               place_text(one->to) + ": " + printable(one->reason);
    }
    if (const auto* one = std::get_if<io::lost_decision>(&d))
        return "lost " + task_name(one->job, one->task) + ": " + printable(one->reason);
    const auto& wait = std::get<io::wait_decision>(d);
    return "wait " + printable(wait.job) + ": " + why_text(wait);
}

fleet_picture make_picture(const fleet_log& log) {
    fleet_picture found{.file = printable(log.settings().file),
                        .policy = printable(log.policy()),
                        .time = log.now(),
                        .lines = log.lines(),
                        .ended = log.ended()};
    if (log.engine() == nullptr) return found;
    add_nodes(found, log);
    add_queue(found, log);
    add_steps(found, log);
    for (auto d = log.recent().rbegin(); d != log.recent().rend(); ++d) {
        const double time = std::visit([](const auto& one) { return one.time; }, *d);
        found.recent.push_back(moment(time) + "  " + sentence(*d));
    }
    return found;
}

}  // namespace top
