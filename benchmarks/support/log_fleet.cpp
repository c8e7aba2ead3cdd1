// SPDX-License-Identifier: Apache-2.0
#include "support/log_fleet.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <variant>

namespace bench {

namespace {

using berth::error_code;
using berth::result;
using namespace berth::io;
using state = logged_task::state;

constexpr berth::amount unlimited = std::numeric_limits<berth::amount>::max();

berth::amount capacity_of(const counter_amounts& capacity, std::string_view counter, berth::amount absent = unlimited) {
    for (const counter_amount& one : capacity) {
        if (one.counter == counter) return one.value;
    }
    return absent;
}

/// Nothing of a GPU in MIG mode: it takes slices only.
berth::amount gpu_capacity(const gpu_entry& gpu, std::string_view counter) {
    if (gpu.mig_board) return 0;
    return capacity_of(gpu.capacity, counter, counter == "share" ? 1000 : unlimited);
}

/// What a task takes of each of its GPUs, the share included.
counter_totals gpu_amounts(const task_demand& demand) {
    counter_totals found{{"share", demanded_share(demand)}};
    for (const counter_amount& one : demand.gpu_demand) found[one.counter] = one.value;
    return found;
}

bool same_place(log_place a, log_place b) {
    std::sort(a.gpus.begin(), a.gpus.end());
    std::sort(b.gpus.begin(), b.gpus.end());
    return a == b;
}

bool names(const std::optional<job_affinity>& whom, const job_event& job) {
    if (!whom) return false;
    if (whom->job_class && whom->job_class == job.job_class) return true;
    return std::find(whom->jobs.begin(), whom->jobs.end(), job.job) != whom->jobs.end();
}

/// Where a task is, or will be when its move has ended.
const log_place& last_place(const logged_task& task) { return task.to ? *task.to : task.place; }

berth::error broken(const char* decision, const std::string& job, std::uint32_t task, const std::string& why) {
    return {error_code::inconsistent, std::string{"decision "} + decision + " of job " + shown(job) + ", task " +
                                          std::to_string(task) + ": " + why};
}

}  // namespace

std::size_t logged_job::count(state wanted) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(tasks.begin(), tasks.end(), [&](const logged_task& t) { return t.is == wanted; }));
}

const task_demand& logged_job::demand(std::size_t task, std::size_t form) const noexcept {
    if (!what.task_list.empty()) return what.task_list[task];
    return form == 0 ? what.demand : what.alternatives[form - 1].demand;
}

berth::error log_fleet::fault(std::string_view field, error_code code, std::string_view what) const {
    return file_fault(code, file_, line_, field, what);
}

berth::error log_fleet::unknown(std::string_view field, const char* kind, std::string_view name) const {
    return fault(field, error_code::unknown_name, "there is no " + std::string{kind} + " " + shown(name));
}

const logged_job* log_fleet::job(std::string_view name) const {
    const auto found = jobs_.find(name);
    return found == jobs_.end() ? nullptr : &found->second;
}

const logged_node* log_fleet::node(std::string_view name) const {
    const auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : &found->second;
}

std::string log_fleet::domain(std::string_view name, std::string_view level) const {
    if (level == "host") return std::string{name};
    // The racks of two zones may have the same name.
    std::string path;
    if (const logged_node* found = node(name)) {
        for (const auto& [its_level, domain] : found->what.domains) {
            path += (path.empty() ? "" : "/") + domain;
            if (its_level == level) return path;
        }
    }
    return {};
}

// ---- slices ---------------------------------------------------------------------------------------------------------

const berth::mig_board* log_fleet::board_of(const gpu_entry& gpu) const {
    for (const berth::mig_board& board : boards_) {
        if (gpu.mig_board && board.name() == *gpu.mig_board) return &board;
    }
    return nullptr;
}

/// Why a GPU has no such slice at such an offset, whatever is there; empty if it has.
std::string log_fleet::may_be_cut(const logged_gpu& gpu, const berth::io::mig_slice& slice) const {
    const berth::mig_board* board = board_of(gpu.what);
    if (board == nullptr) return "GPU " + shown(gpu.what.gpu) + " is not in MIG mode";
    const auto p = board->find(slice.profile);
    if (!p) return "board " + shown(board->name()) + " has no profile " + shown(slice.profile);
    const auto& starts = board->profiles()[*p].starts;
    if (std::find(starts.begin(), starts.end(), slice.offset) != starts.end()) return {};
    return "board " + shown(board->name()) + " has no " + shown(slice.profile) + " at offset " +
           std::to_string(slice.offset);
}

/// Why the slices of a GPU cannot be there together; empty if they can.
std::string log_fleet::conflict(const logged_gpu& gpu) const {
    if (gpu.slices.empty()) return {};
    const berth::mig_board* board = board_of(gpu.what);
    if (board == nullptr || !gpu.there) return "slices on a GPU that is not in MIG mode";
    std::vector<bool> taken(board->memory_slices(), false);
    std::map<std::string, std::uint32_t> count;
    std::uint32_t compute = 0;
    for (const logged_slice& one : gpu.slices) {
        if (const std::string why = may_be_cut(gpu, one.what); !why.empty()) return why;
        const berth::mig_profile& profile = board->profiles()[*board->find(one.what.profile)];
        for (std::uint32_t s = one.what.offset; s < one.what.offset + profile.memory_slices; ++s) {
            if (taken[s]) return "slices overlap at " + std::to_string(s);
            taken[s] = true;
        }
        compute += profile.compute_slices;
        if (++count[profile.name] > profile.max_instances) return "too many slices of " + shown(profile.name);
    }
    return compute > board->compute_slices() ? "too many compute slices" : std::string{};
}

/// Where an observed slice is: on the GPU that is given; else on the first that has the position free, else the first
/// that has it.
result<log_place> log_fleet::slice_place(const logged_job& job, const running_event& e) const {
    if (!job.what.mig)
        return fault("mig", error_code::inconsistent, "is given, and job " + shown(e.job) + " asks for no slice");
    if (!e.mig) {
        return fault("mig", error_code::malformed,
                     "is missing: job " + shown(e.job) + " asks for a slice " + shown(*job.what.mig));
    }
    if (e.mig->profile != *job.what.mig) {
        return fault("mig.profile", error_code::inconsistent,
                     "is " + shown(e.mig->profile) + ", the job asks for " + shown(*job.what.mig));
    }
    if (e.gpus.size() > 1) return fault("gpus", error_code::inconsistent, "has several GPUs, a slice is on one");
    if (!e.gpus.empty()) {
        const std::string why = may_be_cut(gpus_.find(e.gpus[0])->second, *e.mig);
        const bool is_cut = gpus_.find(e.gpus[0])->second.what.mig_board.has_value();
        if (!why.empty()) return fault(is_cut ? "mig.offset" : "gpus[0]", error_code::inconsistent, why);
        return log_place{e.node, e.gpus};
    }
    const logged_task& task = job.tasks[e.task];
    std::optional<log_place> first;
    for (const gpu_entry& entry : nodes_.find(e.node)->second.what.gpus) {
        const logged_gpu& gpu = gpus_.find(entry.gpu)->second;
        if (!may_be_cut(gpu, *e.mig).empty()) continue;
        const log_place here{e.node, {entry.gpu}};
        if (task.is == state::running && task.place == here && task.slice == e.mig) return here;
        if (!first) first = here;
        logged_gpu with = gpu;
        with.slices.push_back({e.job, e.task, *e.mig});
        if (conflict(with).empty()) return here;
    }
    if (first) return *first;
    return fault("mig.offset", error_code::inconsistent,
                 "is " + std::to_string(e.mig->offset) + ", and no GPU of node " + shown(e.node) +
                     " has a position for " + shown(e.mig->profile) + " there");
}

// ---- events ---------------------------------------------------------------------------------------------------------

result<bool> log_fleet::apply(const event& e, std::size_t line) {
    line_ = line;
    return std::visit([&](const auto& one) { return take(one); }, e);
}

result<void> log_fleet::check_domains(const node_event& e) {
    for (std::size_t i = 0; i < e.domains.size(); ++i) {
        const auto& [level, domain] = e.domains[i];
        const std::string field = "domains." + level;
        for (std::size_t k = 0; k < i; ++k) {
            if (level_order_.contains({level, e.domains[k].first})) {
                return fault(field, error_code::inconsistent,
                             "stands below " + shown(e.domains[k].first) + ", elsewhere above it");
            }
        }
        if (level != "host") continue;
        if (i + 1 < e.domains.size())
            return fault(field, error_code::inconsistent, "is the innermost level, so none stands below it");
        const auto other = hosts_.find(domain);
        if (other != hosts_.end() && other->second != e.node) {
            return fault(field, error_code::duplicate,
                         shown(domain) + " is already the host of node " + shown(other->second));
        }
    }
    for (std::size_t i = 0; i < e.domains.size(); ++i) {
        if (e.domains[i].first == "host") hosts_[e.domains[i].second] = e.node;
        for (std::size_t k = 0; k < i; ++k) level_order_.insert({e.domains[k].first, e.domains[i].first});
    }
    return {};
}

result<void> log_fleet::check_gpus(const node_event& e) const {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < e.gpus.size(); ++i) {
        const std::string field = "gpus[" + std::to_string(i) + "].gpu";
        if (!names.insert(e.gpus[i].gpu).second)
            return fault(field, error_code::duplicate, shown(e.gpus[i].gpu) + " is there twice");
        const auto known = gpus_.find(e.gpus[i].gpu);
        if (known != gpus_.end() && known->second.there && known->second.node != e.node) {
            return fault(field, error_code::duplicate,
                         shown(e.gpus[i].gpu) + " is on node " + shown(known->second.node));
        }
    }
    for (std::size_t i = 0; i < e.gpus.size(); ++i) {
        const auto& board = e.gpus[i].mig_board;
        if (board && board_of(e.gpus[i]) == nullptr)
            return unknown("gpus[" + std::to_string(i) + "].mig.board", "MIG board", *board);
        for (const auto& link : e.gpus[i].links) {
            if (!names.contains(link.first))
                return unknown("gpus[" + std::to_string(i) + "].links." + link.first, "GPU on this node of name",
                               link.first);
        }
    }
    return {};
}

result<bool> log_fleet::take(const node_event& e) {
    if (const auto ok = check_gpus(e); !ok) return ok.error();
    if (const auto ok = check_domains(e); !ok) return ok.error();
    for (const counter_amount& one : e.capacity) node_counters_.insert(one.counter);
    for (const gpu_entry& gpu : e.gpus) {
        for (const counter_amount& one : gpu.capacity) gpu_counters_.insert(one.counter);
    }
    const auto [at, fresh] = nodes_.try_emplace(e.node);
    logged_node& node = at->second;
    node_event before = node.what;
    before.time = e.time;
    if (!fresh && node.there && before == e) return false;
    if (!node.there) node.closed = node.draining = false, node.healthy = true;
    for (const gpu_entry& gpu : node.what.gpus) gpus_[gpu.gpu].there = false;
    for (const gpu_entry& gpu : e.gpus) {
        logged_gpu& its = gpus_[gpu.gpu];
        if (its.node != e.node) its = {{}, {}, true, false, false, true, its.used, its.slices};
        its.what = gpu;
        its.node = e.node;
        its.there = true;
    }
    node.what = e;
    node.there = true;
    return true;
}

result<logged_node*> log_fleet::find_node(const std::string& name, const std::optional<std::string>& gpu) {
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) return unknown("node", "node", name);
    if (gpu) {
        const auto its = gpus_.find(*gpu);
        if (its == gpus_.end() || its->second.node != name)
            return unknown("gpu", ("GPU on node " + shown(name) + " of name").c_str(), *gpu);
    }
    return &found->second;
}

bool log_fleet::there(const logged_node& node, const std::optional<std::string>& gpu) const {
    return node.there && (!gpu || gpus_.find(*gpu)->second.there);
}

result<bool> log_fleet::take(const node_gone_event& e) {
    const auto found = find_node(e.node, std::nullopt);
    if (!found) return found.error();
    if (!(*found)->there) return false;
    const auto tasks = on_node_[e.node];
    for (const auto& [name, task] : tasks) {
        logged_job& job = jobs_.find(name)->second;
        remove(job, task, job.what.restart ? state::waiting : state::done);
    }
    if (acknowledged_) {  // moves to it end where they began
        for (auto& [name, job] : jobs_) {
            for (logged_task& task : job.tasks) {
                if (task.to && task.to->node == e.node) task.to.reset(), task.to_slice.reset();
            }
        }
    }
    for (const gpu_entry& gpu : (*found)->what.gpus) gpus_[gpu.gpu] = {gpu, e.node, false, false, false, true, {}, {}};
    (*found)->there = false;
    return true;
}

result<bool> log_fleet::take(const place_event& e) {
    const auto found = find_node(e.node, e.gpu);
    if (!found) return found.error();
    if (!there(**found, e.gpu)) return false;
    bool& closed = e.gpu ? gpus_[*e.gpu].closed : (*found)->closed;
    bool& draining = e.gpu ? gpus_[*e.gpu].draining : (*found)->draining;
    const std::pair before{closed, draining};
    closed = e.change != place_change::open;
    draining = e.change == place_change::drain;
    return before != std::pair{closed, draining};
}

result<bool> log_fleet::take(const health_event& e) {
    const auto found = find_node(e.node, e.gpu);
    if (!found) return found.error();
    if (!there(**found, e.gpu)) return false;
    bool& healthy = e.gpu ? gpus_[*e.gpu].healthy : (*found)->healthy;
    const bool before = healthy;
    healthy = e.healthy;
    return healthy != before;
}

result<bool> log_fleet::take(const reading_event& e) {
    const auto found = find_node(e.node, e.gpu);
    if (!found) return found.error();
    return there(**found, e.gpu);
}

result<bool> log_fleet::take(const threshold_event& e) {
    if (e.node) {
        const auto found = find_node(*e.node, e.gpu);
        if (!found) return found.error();
        return there(**found, e.gpu);
    }
    if (e.gpu && !gpus_.contains(*e.gpu)) { return unknown("gpu", "GPU", *e.gpu); }
    return true;
}

result<bool> log_fleet::take(const queue_event& e) {
    if (e.parent && !queues_.contains(*e.parent)) return unknown("parent", "queue", *e.parent);
    for (const auto* amounts : {&e.quota, &e.limit}) {
        for (const counter_quota& one : *amounts) divided_.insert(one.counter);
    }
    const auto [at, fresh] = queues_.try_emplace(e.queue, e);
    if (fresh) return true;
    queue_event before = at->second;
    before.time = e.time;
    if (before == e) return false;
    at->second = e;
    count_queues_anew();
    return true;
}

result<bool> log_fleet::take(const job_event& e) {
    if (jobs_.contains(e.job)) {
        return fault("job", error_code::duplicate,
                     shown(e.job) + " is there already, since line " + std::to_string(jobs_.find(e.job)->second.line));
    }
    if (e.queue && !queues_.contains(*e.queue)) return unknown("queue", "queue", *e.queue);
    if (e.mig) {
        const bool known = std::any_of(boards_.begin(), boards_.end(),
                                       [&](const berth::mig_board& board) { return board.find(*e.mig).has_value(); });
        if (!known) return unknown("mig", "MIG profile", *e.mig);
        if (!e.alternatives.empty()) return fault("mig", error_code::inconsistent, "is given beside alternatives");
        const auto of_gpus = [](const task_demand& demand) { return demand.gpus > 1 || !demand.gpu_demand.empty(); };
        if (of_gpus(e.demand) || std::any_of(e.task_list.begin(), e.task_list.end(), of_gpus))
            return fault("mig", error_code::inconsistent, "is given beside a demand of GPUs");
    }
    logged_job job;
    job.what = e;
    job.line = line_;
    job.tasks.resize(e.tasks);
    if (e.away) shy_jobs_.push_back(e.job);
    jobs_.emplace(e.job, std::move(job));
    return true;
}

result<logged_job*> log_fleet::find_job(const std::string& name, std::optional<std::uint32_t> task) {
    const auto found = jobs_.find(name);
    if (found == jobs_.end()) return unknown("job", "job", name);
    if (task && *task >= found->second.tasks.size()) {
        return fault("task", error_code::unknown_name,
                     "is " + std::to_string(*task) + ", and job " + shown(name) + " has " +
                         std::to_string(found->second.tasks.size()) + " tasks, from 0");
    }
    return &found->second;
}

result<bool> log_fleet::take(const running_event& e) {
    const auto found = find_job(e.job, e.task);
    if (!found) return found.error();
    const auto node = find_node(e.node, std::nullopt);
    if (!node) return node.error();
    if (!(*node)->there) return unknown("node", "node", e.node);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < e.gpus.size(); ++i) {
        const std::string field = "gpus[" + std::to_string(i) + "]";
        const auto gpu = gpus_.find(e.gpus[i]);
        if (gpu == gpus_.end() || !gpu->second.there || gpu->second.node != e.node)
            return unknown(field, ("GPU on node " + shown(e.node) + " of name").c_str(), e.gpus[i]);
        if (!names.insert(e.gpus[i]).second)
            return fault(field, error_code::duplicate, shown(e.gpus[i]) + " is there twice");
    }
    logged_job& job = **found;
    if (e.mig || job.what.mig) {
        const auto where = slice_place(job, e);
        if (!where) return where.error();
        logged_task& task = job.tasks[e.task];
        if (task.is == state::done)
            return fault("job", error_code::inconsistent, "task " + std::to_string(e.task) + " has ended");
        if (task.is == state::running && task.place == *where && task.slice == e.mig) return false;
        if (task.is == state::running) remove(job, e.task, state::waiting);
        put(job, e.task, *where, e.mig, e.time);
        return true;
    }
    const std::size_t forms = job.what.task_list.empty() ? 1 + job.what.alternatives.size() : 1;
    std::size_t form = 0;
    while (form < forms && job.demand(e.task, form).gpus != e.gpus.size()) ++form;
    if (form == forms) {
        return fault("gpus", error_code::inconsistent,
                     "has " + std::to_string(e.gpus.size()) + " GPUs, the job asks for " +
                         std::to_string(job.demand(e.task, 0).gpus));
    }
    logged_task& task = job.tasks[e.task];
    if (task.is == state::done)
        return fault("job", error_code::inconsistent, "task " + std::to_string(e.task) + " has ended");
    const log_place place{e.node, e.gpus};
    if (task.is == state::running && same_place(task.place, place)) return false;
    if (task.is == state::running) remove(job, e.task, state::waiting);
    task.form = form;
    put(job, e.task, place, {}, e.time);
    return true;
}

result<bool> log_fleet::take(const task_event& e) {
    const auto found = find_job(e.job, e.task);
    if (!found) return found.error();
    // Where decisions are done at once, nothing is left to report.
    if (!acknowledged_ && e.report != task_report::finish && e.report != task_report::cancel) return false;
    logged_job& job = **found;
    const std::size_t begin = e.task.value_or(0);
    const std::size_t end = e.task ? begin + 1 : job.tasks.size();
    bool changed = false;
    for (std::size_t i = begin; i < end; ++i) {
        logged_task& task = job.tasks[i];
        switch (e.report) {
            case task_report::finish:
            case task_report::cancel:
                if (task.is == state::done) continue;
                remove(job, i, state::done);
                break;
            case task_report::stopped:
                if (!task.stopping) continue;
                remove(job, i, state::waiting);
                break;
            case task_report::moved: {
                if (!task.to) continue;
                const log_place to = *task.to;
                const auto slice = task.to_slice;
                remove(job, i, state::waiting);
                put(job, i, to, slice, e.time);
                break;
            }
            case task_report::failed:
                if (task.stopping || task.to) {
                    task.stopping = false;
                    task.to.reset();
                    task.to_slice.reset();
                } else if (task.started) {
                    remove(job, i, state::waiting);
                } else {
                    continue;
                }
                break;
        }
        changed = true;
    }
    return changed;
}

result<bool> log_fleet::take(const progress_event& e) {
    const auto found = find_job(e.job, e.task);
    if (!found) return found.error();
    return true;
}

result<bool> log_fleet::take(const expectation& e) {
    if (const auto ok = check_expected(e, "expect"); !ok) return ok.error();
    return true;
}

result<void> log_fleet::check_expected(const expectation& e, const std::string& at) const {
    const auto known = [&](const char* key, const std::string& name) -> result<void> {
        if (jobs_.contains(name)) return {};
        return unknown(at + "." + key, "job", name);
    };
    const std::pair<const char*, const std::vector<std::string>*> lists[] = {
        {"running", &e.running}, {"waiting", &e.waiting}, {"evicted", &e.evicted},
        {"moved", &e.moved},     {"stopped", &e.stopped}, {"lost", &e.lost}};
    for (const auto& [key, names] : lists) {
        for (const std::string& name : *names) {
            if (const auto ok = known(key, name); !ok) return ok;
        }
    }
    const std::pair<const char*, const std::vector<expectation::names_of_job>*> tables[] = {
        {"on", &e.on}, {"models", &e.models}, {"gpus", &e.gpus}, {"reasons", &e.reasons}};
    for (const auto& [key, entries] : tables) {
        for (const auto& [name, values] : *entries) {
            if (const auto ok = known(key, name); !ok) return ok;
            for (const std::string& value : values) {
                const std::string field = at + "." + key + "." + name;
                if (key == std::string_view{"on"} && !nodes_.contains(value)) return unknown(field, "node", value);
                if (key == std::string_view{"gpus"} && !gpus_.contains(value)) return unknown(field, "GPU", value);
            }
        }
    }
    for (const auto& one : e.same_node) {
        for (const std::string& name : one) {
            if (const auto ok = known("same_node", name); !ok) return ok;
        }
    }
    for (const auto& one : e.apart) {
        for (const std::string& name : one.first) {
            if (const auto ok = known("apart", name); !ok) return ok;
        }
    }
    for (const auto& one : e.tasks) {
        if (const auto ok = known("tasks", one.first); !ok) return ok;
    }
    for (const auto& one : e.started_at) {
        if (const auto ok = known("started_at", one.first); !ok) return ok;
    }
    for (std::size_t i = 0; i < e.any_of.size(); ++i) {
        if (const auto ok = check_expected(e.any_of[i], at + ".any_of[" + std::to_string(i) + "]"); !ok) return ok;
    }
    return {};
}

// ---- decisions ------------------------------------------------------------------------------------------------------

result<void> log_fleet::apply(const decision& d, std::size_t form) {
    return std::visit([&](const auto& one) { return carry_out(one, form); }, d);
}

result<logged_task*> log_fleet::decided_task(const char* decision, const std::string& name, std::uint32_t task,
                                             logged_job*& of) {
    const auto found = jobs_.find(name);
    if (found == jobs_.end()) return broken(decision, name, task, "there is no such job");
    if (task >= found->second.tasks.size()) return broken(decision, name, task, "there is no such task");
    of = &found->second;
    return &of->tasks[task];
}

/// Why a place cannot take a task, whatever is free there; empty if it can.
std::string log_fleet::may_take(const logged_job& job, std::size_t task, std::size_t form, const log_place& place,
                                const std::optional<mig_slice>& slice) const {
    const logged_node* node = this->node(place.node);
    if (node == nullptr || !node->there) return "there is no node " + shown(place.node);
    if (node->closed) return "node " + shown(place.node) + " is closed";
    if (!node->healthy) return "node " + shown(place.node) + " is not healthy";
    const auto& labels = node->what.labels;
    const auto labelled = [&](const std::string& one) {
        return std::find(labels.begin(), labels.end(), one) != labels.end();
    };
    for (const std::string& one : job.what.required_labels) {
        if (!labelled(one)) return "node " + shown(place.node) + " has no label " + shown(one);
    }
    for (const std::string& one : job.what.excluded_labels) {
        if (labelled(one)) return "node " + shown(place.node) + " has the label " + shown(one);
    }
    const task_demand& demand = job.demand(task, form);
    if (job.what.mig && (!slice || slice->profile != *job.what.mig))
        return "it asks for a slice " + shown(*job.what.mig);
    const std::size_t gpus = job.what.mig ? 1 : demand.gpus;
    if (gpus != place.gpus.size()) return "it asks for " + std::to_string(gpus) + " GPUs";
    std::set<std::string_view> names;
    for (const std::string& name : place.gpus) {
        const auto gpu = gpus_.find(name);
        if (gpu == gpus_.end() || !gpu->second.there || gpu->second.node != place.node)
            return "GPU " + shown(name) + " is not on node " + shown(place.node);
        if (!names.insert(name).second) return "GPU " + shown(name) + " is given twice";
        if (gpu->second.closed) return "GPU " + shown(name) + " is closed";
        if (!gpu->second.healthy) return "GPU " + shown(name) + " is not healthy";
        if (!job.what.mig && gpu->second.what.mig_board)
            return "GPU " + shown(name) + " is in MIG mode and takes slices only";
        if (job.what.mig) {
            if (const std::string why = may_be_cut(gpu->second, *slice); !why.empty()) return why;
        }
        const std::string model = gpu->second.what.model.value_or("");
        const auto& accepted = demand.accepted_models;
        if (!accepted.empty() && std::find(accepted.begin(), accepted.end(), model) == accepted.end())
            return "it does not accept model " + shown(model);
    }
    for (const counter_amount& one : demand.node_demand) {
        if (one.value > 0 && !node_counters_.contains(one.counter))
            return "no node has the counter " + shown(one.counter);
    }
    if (demand.gpus > 0) {
        for (const counter_amount& one : demand.gpu_demand) {
            if (one.value > 0 && !gpu_counters_.contains(one.counter))
                return "no GPU has the counter " + shown(one.counter);
        }
    }
    return {};
}

result<void> log_fleet::carry_out(const start_decision& d, std::size_t form) {
    logged_job* job = nullptr;
    const auto task = decided_task("start", d.job, d.task, job);
    if (!task) return task.error();
    if ((*task)->is != state::waiting) return broken("start", d.job, d.task, "it does not wait");
    if (form > job->what.alternatives.size()) return broken("start", d.job, d.task, "there is no such alternative");
    if (const std::string why = may_take(*job, d.task, form, d.place, d.mig); !why.empty())
        return broken("start", d.job, d.task, why);
    if (!keeps_near(*job, d.place)) return broken("start", d.job, d.task, "it is to be near to others");
    (*task)->form = form;
    put(*job, d.task, d.place, d.mig, d.time);
    (*task)->started = true;
    placed_.emplace_back(d.job, d.task);
    started_.emplace_back(d.job, d.task);
    if (job->what.same_model) touched_jobs_.insert(d.job);
    touched_nodes_.insert(d.place.node);
    touched_gpus_.insert(d.place.gpus.begin(), d.place.gpus.end());
    return {};
}

result<void> log_fleet::carry_out(const evict_decision& d, std::size_t) {
    logged_job* job = nullptr;
    const auto task = decided_task("evict", d.job, d.task, job);
    if (!task) return task.error();
    if ((*task)->is != state::running || !same_place((*task)->place, d.place))
        return broken("evict", d.job, d.task, "it does not run there");
    if (d.for_job && *d.for_job != d.job) {
        if (!job->what.preemptible) return broken("evict", d.job, d.task, "it may not be stopped");
        const logged_job* whom = this->job(*d.for_job);
        if (whom == nullptr) return broken("evict", d.job, d.task, "there is no job " + shown(*d.for_job));
        if (whom->what.queue == job->what.queue && whom->what.priority <= job->what.priority)
            return broken("evict", d.job, d.task, "job " + shown(*d.for_job) + " has no higher priority in its queue");
    }
    const auto stays = [](const logged_task& one) { return one.is == state::running && !one.stopping; };
    const auto left = static_cast<std::size_t>(std::count_if(job->tasks.begin(), job->tasks.end(), stays));
    evicted_from_.try_emplace(d.job, left >= job->least());
    ++evictions_;
    job->stopped = true;
    job->evicted = job->evicted || (d.for_job && *d.for_job != d.job);
    if (acknowledged_) {
        (*task)->started = false;
        (*task)->stopping = true;
    } else {
        remove(*job, d.task, state::waiting);
    }
    return {};
}

result<void> log_fleet::carry_out(const move_decision& d, std::size_t) {
    logged_job* job = nullptr;
    const auto task = decided_task("move", d.job, d.task, job);
    if (!task) return task.error();
    if ((*task)->is != state::running || !same_place((*task)->place, d.from) || (*task)->slice != d.from_mig)
        return broken("move", d.job, d.task, "it does not run there");
    if (!job->what.preemptible) return broken("move", d.job, d.task, "it may not be moved");
    if (const std::string why = may_take(*job, d.task, (*task)->form, d.to, d.to_mig); !why.empty())
        return broken("move", d.job, d.task, why);
    placed_.emplace_back(d.job, d.task);
    ++moves_;
    job->moved = true;
    if (job->what.same_model) touched_jobs_.insert(d.job);
    touched_nodes_.insert(d.to.node);
    touched_gpus_.insert(d.to.gpus.begin(), d.to.gpus.end());
    if (acknowledged_) {
        (*task)->started = false;
        (*task)->to = d.to;
        (*task)->to_slice = d.to_mig;
    } else {
        remove(*job, d.task, state::waiting);
        put(*job, d.task, d.to, d.to_mig, d.time);
    }
    return {};
}

result<void> log_fleet::carry_out(const wait_decision& d, std::size_t) {
    const auto found = jobs_.find(d.job);
    if (found == jobs_.end()) return broken("wait", d.job, 0, "there is no such job");
    found->second.reasons.clear();
    for (const auto& one : d.reasons) found->second.reasons.push_back(one.first);
    return {};
}

result<void> log_fleet::carry_out(const lost_decision& d, std::size_t) {
    logged_job* job = nullptr;
    const auto task = decided_task("lost", d.job, d.task, job);
    if (!task) return task.error();
    job->lost = true;
    if ((*task)->is == state::running) remove(*job, d.task, job->what.restart ? state::waiting : state::done);
    return {};
}

result<void> log_fleet::check_room() {
    const auto over = [](const counter_totals& used, const auto& capacity) -> std::string {
        for (const auto& [counter, value] : used) {
            if (value > capacity(counter)) return counter;
        }
        return {};
    };
    for (const std::string& name : touched_nodes_) {
        const logged_node& node = nodes_.find(name)->second;
        const auto counter = over(node.used, [&](const std::string& c) { return capacity_of(node.what.capacity, c); });
        if (!counter.empty())
            return berth::error{error_code::inconsistent, "node " + shown(name) + " has no room left in " + counter};
    }
    for (const std::string& name : touched_gpus_) {
        const logged_gpu& gpu = gpus_.find(name)->second;
        const auto counter = over(gpu.used, [&](const std::string& c) { return gpu_capacity(gpu.what, c); });
        if (!counter.empty())
            return berth::error{error_code::inconsistent, "GPU " + shown(name) + " has no room left in " + counter};
        if (const std::string why = conflict(gpu); !why.empty())
            return berth::error{error_code::inconsistent, "GPU " + shown(name) + ": " + why};
    }
    for (const std::string& name : touched_jobs_) {
        const logged_job& job = jobs_.find(name)->second;
        std::set<std::string> models;
        for (const logged_task& task : job.tasks) {
            if (task.is != state::running) continue;
            for (const std::string& gpu : (task.to ? *task.to : task.place).gpus)
                models.insert(gpus_.find(gpu)->second.what.model.value_or(""));
        }
        if (models.size() > 1)
            return berth::error{error_code::inconsistent, "job " + shown(name) + " has GPUs of several models"};
    }
    for (const auto& [name, task] : placed_) {
        const logged_job& job = jobs_.find(name)->second;
        if (job.tasks[task].is != state::running) continue;
        if (const std::string why = breaks_rules(job, task); !why.empty())
            return berth::error{error_code::inconsistent,
                                "job " + shown(name) + ", task " + std::to_string(task) + ": " + why};
    }
    for (const auto& [name, task] : started_) {
        const logged_job& job = jobs_.find(name)->second;
        if (job.tasks[task].is != state::running) continue;
        if (const std::string why = breaks_shares(job, task); !why.empty())
            return berth::error{error_code::inconsistent,
                                "job " + shown(name) + ", task " + std::to_string(task) + ": " + why};
    }
    for (const auto& [name, whole_before] : evicted_from_) {
        const logged_job& job = jobs_.find(name)->second;
        const auto stays = [](const logged_task& one) { return one.is == state::running && !one.stopping; };
        const auto left = static_cast<std::size_t>(std::count_if(job.tasks.begin(), job.tasks.end(), stays));
        if (whole_before && left > 0 && left < job.least())
            return berth::error{error_code::inconsistent, "job " + shown(name) + " was evicted by halves"};
    }
    touched_nodes_.clear();
    touched_gpus_.clear();
    touched_jobs_.clear();
    placed_.clear();
    started_.clear();
    evicted_from_.clear();
    return {};
}

// ---- rules of jobs and queues ---------------------------------------------------------------------------------------

std::string log_fleet::breaks_rules(const logged_job& job, std::size_t task) const {
    const std::string& node = last_place(job.tasks[task]).node;
    if (job.what.within_required) {
        const std::string& level = *job.what.within_required;
        const std::string own = domain(node, level);
        if (own.empty()) return "node " + shown(node) + " is in no " + shown(level);
        bool alone = true;
        bool together = false;
        for (std::size_t t = 0; t < job.tasks.size(); ++t) {
            if (t == task || job.tasks[t].is != state::running) continue;
            alone = false;
            together = together || domain(last_place(job.tasks[t]).node, level) == own;
        }
        if (!alone && !together) return "its tasks are to be in one " + shown(level);
    }
    if (job.what.apart) {
        const std::string own = domain(node, *job.what.apart);
        if (own.empty()) return "node " + shown(node) + " is in no " + shown(*job.what.apart);
        for (std::size_t t = 0; t < job.tasks.size(); ++t) {
            if (t == task || job.tasks[t].is != state::running) continue;
            if (domain(last_place(job.tasks[t]).node, *job.what.apart) == own)
                return "another of its tasks is in " + shown(*job.what.apart) + " " + shown(own);
        }
    }
    const auto meets = [&](const logged_job& other, const std::string& level) {
        const std::string own = domain(node, level);
        return !own.empty() && std::any_of(other.tasks.begin(), other.tasks.end(), [&](const logged_task& its) {
            return its.is == state::running && !its.stopping && domain(last_place(its).node, level) == own;
        });
    };
    for (const std::string& name : shy_jobs_) {
        const logged_job& other = jobs_.find(name)->second;
        if (&other == &job || !names(other.what.away, job.what)) continue;
        if (meets(other, other.what.away->level)) return "job " + shown(name) + " is to be away from it";
    }
    if (!job.what.away) return {};
    for (const auto& [name, other] : jobs_) {
        if (&other == &job || !names(job.what.away, other.what)) continue;
        if (meets(other, job.what.away->level)) return "it is to be away from job " + shown(name);
    }
    return {};
}

bool log_fleet::keeps_near(const logged_job& job, const log_place& place) const {
    if (!job.what.near) return true;
    const std::string own = domain(place.node, job.what.near->level);
    bool anybody = false;
    for (const auto& [name, other] : jobs_) {
        if (&other == &job || !names(job.what.near, other.what)) continue;
        for (const logged_task& its : other.tasks) {
            if (its.is != state::running) continue;
            anybody = true;
            const bool is_there = domain(its.place.node, job.what.near->level) == own;
            if (!own.empty() && (is_there || domain(last_place(its).node, job.what.near->level) == own)) return true;
        }
    }
    return !anybody;
}

counter_totals log_fleet::queue_amounts(const logged_job& job, std::size_t task) const {
    const task_demand& demand = job.demand(task, job.tasks[task].form);
    counter_totals found;
    for (const counter_amount& one : demand.node_demand) found[one.counter] += one.value;
    if (job.what.mig) {  // its compute slices, in parts of the first board that has the profile
        const auto with = std::find_if(boards_.begin(), boards_.end(),
                                       [&](const berth::mig_board& board) { return board.find(*job.what.mig); });
        const berth::mig_profile& profile = with->profiles()[*with->find(*job.what.mig)];
        const berth::amount all = with->compute_slices();
        found["gpu"] += (1000 * berth::amount{profile.compute_slices} + all - 1) / all;
        found["gpu_memory"] += profile.memory_mib;
        return found;
    }
    found["gpu"] += static_cast<berth::amount>(demand.gpus) * demanded_share(demand);
    for (const counter_amount& one : demand.gpu_demand) {
        if (one.counter == "memory") found["gpu_memory"] += static_cast<berth::amount>(demand.gpus) * one.value;
    }
    return found;
}

void log_fleet::count_in_queues(const logged_job& job, std::size_t task, int sign) {
    if (!job.what.queue) return;
    const counter_totals amounts = queue_amounts(job, task);
    for (const std::string* q = &*job.what.queue; q != nullptr;) {
        for (const auto& [counter, value] : amounts) {
            queue_used_[*q][counter] += sign * value;
            if (!job.what.preemptible) queue_hard_[*q][counter] += sign * value;
        }
        const auto& parent = queues_.find(*q)->second.parent;
        q = parent ? &*parent : nullptr;
    }
}

void log_fleet::count_queues_anew() {
    queue_used_.clear();
    queue_hard_.clear();
    for (const auto& [name, queue] : queues_) {  // a circle is refused by who is told next
        std::size_t steps = 0;
        for (const queue_event* q = &queue; q->parent; q = &queues_.find(*q->parent)->second) {
            if (++steps > queues_.size()) return;
        }
    }
    for (const auto& [name, job] : jobs_) {
        for (std::size_t t = 0; t < job.tasks.size(); ++t) {
            if (job.tasks[t].is == state::running) count_in_queues(job, t, 1);
        }
    }
}

std::string log_fleet::breaks_shares(const logged_job& job, std::size_t task) const {
    if (!job.what.queue) return {};
    const counter_totals amounts = queue_amounts(job, task);
    const auto value_in = [](const std::vector<counter_quota>& of, const std::string& counter, berth::amount absent) {
        for (const counter_quota& one : of) {
            if (one.counter == counter) return one.value.value_or(unlimited);
        }
        return absent;
    };
    for (const std::string* q = &*job.what.queue; q != nullptr;) {
        const queue_event& queue = queues_.find(*q)->second;
        for (const auto& asked : amounts) {
            if (asked.second <= 0) continue;
            const auto& counter = asked.first;
            const auto has = [&](const auto& totals) {
                const auto its = totals.find(*q)->second.find(counter);
                return its->second;
            };
            if (has(queue_used_) > value_in(queue.limit, counter, unlimited))
                return "queue " + shown(*q) + " is above its limit of " + counter;
            if (job.what.preemptible || queue.unlimited_quota || !divided_.contains(counter)) continue;
            if (has(queue_hard_) > value_in(queue.quota, counter, 0))
                return "it may not be stopped, and queue " + shown(*q) + " is guaranteed less " + counter;
        }
        q = queue.parent ? &*queue.parent : nullptr;
    }
    return {};
}

// ---- who is where ---------------------------------------------------------------------------------------------------

void log_fleet::use(const logged_job& job, std::size_t task, const log_place& place, int sign) {
    const task_demand& demand = job.demand(task, job.tasks[task].form);
    counter_totals& of_node = nodes_[place.node].used;
    for (const counter_amount& one : demand.node_demand) of_node[one.counter] += sign * one.value;
    if (job.what.mig) {
        std::vector<logged_slice>& slices = gpus_[place.gpus[0]].slices;
        if (sign > 0) {
            slices.push_back({job.what.job, static_cast<std::uint32_t>(task), *job.tasks[task].slice});
        } else {
            std::erase_if(slices, [&](const logged_slice& s) { return s.job == job.what.job && s.task == task; });
        }
        return;
    }
    const counter_totals each = gpu_amounts(demand);
    for (const std::string& name : place.gpus) {
        for (const auto& [counter, value] : each) gpus_[name].used[counter] += sign * value;
    }
}

void log_fleet::put(logged_job& job, std::size_t task, const log_place& place, const std::optional<mig_slice>& slice,
                    double time) {
    logged_task& its = job.tasks[task];
    its = {state::running, its.form, place, false, false, {}, slice, {}};
    use(job, task, place, 1);
    count_in_queues(job, task, 1);
    on_node_[place.node].emplace_back(job.what.job, static_cast<std::uint32_t>(task));
    if (!job.started_at && job.runs()) job.started_at = time;
}

void log_fleet::remove(logged_job& job, std::size_t task, state then) {
    logged_task& its = job.tasks[task];
    if (its.is == state::running) {
        use(job, task, its.place, -1);
        count_in_queues(job, task, -1);
        auto& there = on_node_[its.place.node];
        const auto at =
            std::find(there.begin(), there.end(), std::pair{job.what.job, static_cast<std::uint32_t>(task)});
        *at = there.back();
        there.pop_back();
    }
    its = {then, its.form, {}, false, false, {}, {}, {}};
}

std::set<std::string> log_fleet::undeclared() const {
    std::set<std::string> found;
    const auto look = [&](const task_demand& demand) {
        for (const counter_amount& one : demand.node_demand) {
            if (one.value > 0 && !node_counters_.contains(one.counter)) found.insert(one.counter);
        }
        for (const counter_amount& one : demand.gpu_demand) {
            if (demand.gpus > 0 && one.value > 0 && !gpu_counters_.contains(one.counter)) found.insert(one.counter);
        }
    };
    for (const auto& [name, job] : jobs_) {
        if (job.ended()) continue;
        if (job.what.task_list.empty()) look(job.what.demand);
        for (const task_demand& one : job.what.task_list) look(one);
        for (const task_alternative& one : job.what.alternatives) look(one.demand);
    }
    return found;
}

std::vector<std::pair<std::string, berth::amount>> log_fleet::overcommitted() const {
    std::vector<std::pair<std::string, berth::amount>> found;
    for (const auto& [name, node] : nodes_) {
        for (const auto& [counter, value] : node.used) {
            const berth::amount capacity = capacity_of(node.what.capacity, counter);
            if (node.there && value > capacity) found.emplace_back(name + ", " + counter, capacity - value);
        }
    }
    for (const auto& [name, gpu] : gpus_) {
        for (const auto& [counter, value] : gpu.used) {
            const berth::amount capacity = gpu.there ? gpu_capacity(gpu.what, counter) : 0;
            if (value > capacity) found.emplace_back(gpu.node + " " + name + ", " + counter, capacity - value);
        }
        if (!conflict(gpu).empty()) found.emplace_back(gpu.node + " " + name + ", mig: " + conflict(gpu), -1);
    }
    return found;
}

counter_totals log_fleet::free() const {
    counter_totals found;
    const auto add = [&](const std::string& key, berth::amount capacity, const counter_totals& used,
                         std::string_view counter) {
        const auto taken = used.find(counter);
        const berth::amount left = capacity - (taken == used.end() ? 0 : taken->second);
        found[key] += std::max<berth::amount>(left, 0);
    };
    for (const auto& [name, node] : nodes_) {
        if (!node.there) continue;
        for (const counter_amount& one : node.what.capacity) add(one.counter, one.value, node.used, one.counter);
        for (const gpu_entry& entry : node.what.gpus) {
            const logged_gpu& gpu = gpus_.find(entry.gpu)->second;
            if (const berth::mig_board* board = board_of(entry)) {
                berth::amount left = board->compute_slices();
                for (const logged_slice& one : gpu.slices) {
                    const auto p = board->find(one.what.profile);
                    left -= p ? board->profiles()[*p].compute_slices : 0;
                }
                found["mig_slices"] += std::max<berth::amount>(left, 0);
                continue;
            }
            add("gpu", gpu_capacity(entry, "share"), gpu.used, "share");
            for (const counter_amount& one : entry.capacity) {
                if (one.counter != "share") add("gpu_" + one.counter, one.value, gpu.used, one.counter);
            }
        }
    }
    return found;
}

}  // namespace bench
