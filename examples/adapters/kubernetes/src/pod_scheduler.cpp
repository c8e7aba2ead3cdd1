// SPDX-License-Identifier: Apache-2.0
#include "pod_scheduler.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

namespace berth_kube {

namespace {

using berth::io::task_report;

// Two things that happen one after the other are never at the same time, or a replay could not tell their order.
constexpr double instant = 1e-6;
constexpr double never = std::numeric_limits<double>::infinity();

std::string job_name(const pod_object& pod) { return pod.space + "/" + pod.name + "/" + pod.uid; }
std::string group_key(const pod_object& pod) { return pod.group.empty() ? "" : pod.space + "/" + pod.group; }

std::string name_of(const json& object) {
    std::string failure;
    return object_fields{object, "object", failure}.object("metadata").text("name");
}
std::string uid_of(const json& object) {
    std::string failure;
    return object_fields{object, "object", failure}.object("metadata").text("uid");
}

}  // namespace

pod_scheduler::pod_scheduler(pod_scheduler_options options, told_options engine)
    : options_{std::move(options)}, engine_{std::move(engine)} {}

void pod_scheduler::refuse(const berth::error& why) {
    ++counts_.refused;
    if (options_.problems) options_.problems(why.message);
}

/// All that is told between two decisions happens at one time, as it does in a replay of the log.
double pod_scheduler::event_time(double now) {
    if (engine_.pending()) return told_at_;
    catch_up(now);
    told_at_ = std::max({now, told_at_, decided_at_ + instant});
    return told_at_;
}

/// What the scheduler was to decide before now, at the times that it asked for.
void pod_scheduler::catch_up(double now) {
    for (int i = 0; i < 100; ++i) {
        const double at = engine_.wake_at();
        if (!(at > decided_at_ && at >= told_at_ && at <= now)) return;
        decided_at_ = at;
        carry_out(engine_.decide(at), at);
    }
}

pod_scheduler::seat* pod_scheduler::seat_of(const pod_entry& entry) {
    if (entry.state != pod_state::seated) return nullptr;
    const auto job = jobs_.find(entry.job);
    return job == jobs_.end() ? nullptr : &job->second.seats[entry.task];
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

void pod_scheduler::node_seen(double now, const json& object) {
    const auto node = read_node(object, options_.names);
    if (!node) return refuse(node.error());
    take_node(event_time(now), *node);
}

void pod_scheduler::take_node(double now, const node_object& node) {
    if (auto told = engine_.node(now, node); !told) return refuse(told.error());
    const auto strays = strays_.find(node.name);
    if (strays == strays_.end()) return;
    const std::set<std::string> uids = std::move(strays->second);
    strays_.erase(strays);
    for (const std::string& uid : uids) enter_running(now, uid);
}

void pod_scheduler::node_deleted(double now, const json& object) {
    engine_.node_gone(event_time(now), name_of(object));
}

void pod_scheduler::nodes_listed(double now, const std::vector<json>& objects) {
    const double time = event_time(now);
    std::set<std::string> there;
    for (const json& object : objects) {
        there.insert(name_of(object));
        node_seen(time, object);
    }
    for (const std::string& name : engine_.node_names()) {
        if (!there.contains(name)) engine_.node_gone(time, name);
    }
}

// ---- pods -----------------------------------------------------------------------------------------------------------

void pod_scheduler::pod_seen(double now, const json& object) {
    auto pod = read_pod(object, options_.names);
    if (!pod) return refuse(pod.error());
    take_pod(event_time(now), std::move(*pod));
}

void pod_scheduler::pod_deleted(double now, const json& object) { pod_gone(event_time(now), uid_of(object)); }

void pod_scheduler::pods_listed(double now, const std::vector<json>& objects) {
    const double time = event_time(now);
    std::set<std::string> there;
    std::vector<pod_object> read;
    for (const json& object : objects) {
        there.insert(uid_of(object));
        auto pod = read_pod(object, options_.names);
        if (!pod) {
            refuse(pod.error());
            continue;
        }
        read.push_back(std::move(*pod));
    }
    std::vector<std::string> gone;
    for (const auto& [uid, entry] : pods_) {
        if (!there.contains(uid)) gone.push_back(uid);
    }
    std::sort(gone.begin(), gone.end());
    for (const std::string& uid : gone) pod_gone(time, uid);
    // What runs comes first, because a group may be half bound; then by age, because a list is in the order of names.
    std::sort(read.begin(), read.end(), [](const pod_object& a, const pod_object& b) {
        if (a.node.empty() != b.node.empty()) return b.node.empty();
        return std::tie(a.created, a.space, a.name) < std::tie(b.created, b.space, b.name);
    });
    for (pod_object& pod : read) take_pod(time, std::move(pod));
}

void pod_scheduler::take_pod(double now, pod_object pod) {
    const auto known = pods_.find(pod.uid);
    if (pod.ended) {
        if (known != pods_.end()) pod_gone(now, pod.uid);
        return;
    }
    if (known == pods_.end()) return enter(now, std::move(pod));
    pod_entry& entry = known->second;
    const bool unbound = pod.node.empty();
    if (unbound && pod.deleting) return pod_gone(now, pod.uid);
    // Of a list that is older than an answer: a pod that is bound stays so.
    const bool older = unbound && !entry.pod.node.empty();
    if (older) return;
    const bool newly_bound = !unbound && entry.pod.node.empty();
    entry.pod = std::move(pod);
    if (!newly_bound) return;
    switch (entry.state) {
        case pod_state::seated: return follow_binding(now, entry);
        case pod_state::gathering:
            if (const auto group = gathering_.find(group_key(entry.pod)); group != gathering_.end())
                group->second.erase(entry.pod.uid);
            break;
        case pod_state::stray:
        case pod_state::unplaced:
        case pod_state::unsupported: break;
    }
    ++counts_.elsewhere;
    enter_running(now, entry.pod.uid);
}

void pod_scheduler::enter(double now, pod_object pod) {
    const bool own = pod.scheduler == options_.names.scheduler;
    const bool bound = !pod.node.empty();
    if (!bound && (!own || pod.gated || pod.deleting)) return;
    const std::string uid = pod.uid;
    pod_entry& entry = pods_.emplace(uid, pod_entry{.pod = std::move(pod)}).first->second;
    if (bound) return enter_running(now, uid);
    if (!entry.pod.unsupported.empty()) {
        entry.state = pod_state::unsupported;
        const std::string why = "berth cannot check " + entry.pod.unsupported + ", so it does not place this pod";
        if (options_.problems) options_.problems("pod \"" + entry.pod.space + "/" + entry.pod.name + "\": " + why);
        return note(entry, why, now);
    }
    if (adopt(now, uid)) return;
    if (!entry.pod.group.empty()) return gather(now, uid);
    start_job(now, next_name(entry), {uid}, {});
}

/// A name is never used again: a pod may count once more, when its node went and came.
std::string pod_scheduler::next_name(pod_entry& entry) {
    const std::string name = job_name(entry.pod);
    return ++entry.entries > 1 ? name + "/" + std::to_string(entry.entries) : name;
}

void pod_scheduler::enter_running(double now, const std::string& uid) {
    const auto found = pods_.find(uid);
    if (found == pods_.end()) return;
    pod_entry& entry = found->second;
    const pod_object& pod = entry.pod;
    entry.state = pod_state::stray;
    if (!engine_.has_node(pod.node)) return void(strays_[pod.node].insert(uid));
    named_place where{pod.node, pod.positions};
    if (where.positions.size() != pod.gpus) where.positions = engine_.free_positions(pod.node, pod.gpus);
    for (std::size_t i = 0; where.positions.size() < pod.gpus; ++i) {
        // More run there than berth can see how: what is held twice is over-committed until one of them ends.
        if (std::find(where.positions.begin(), where.positions.end(), i) == where.positions.end())
            where.positions.push_back(i);
    }
    std::sort(where.positions.begin(), where.positions.end());
    const bool own = pod.scheduler == options_.names.scheduler;
    const std::string name = next_name(entry);
    const told_job job{.name = name,
                       .pods = {&pod},
                       .priority = pod.priority,
                       .preemptible = own && pod.preemptible,
                       .restart = own && !pod.owner.empty(),
                       .may_preempt = pod.may_preempt};
    if (auto told = engine_.job(now, job); !told) return refuse(told.error());
    if (auto told = engine_.running(now, name, 0, where); !told) {
        (void)engine_.report(now, task_report::cancel, name, 0);
        return refuse(told.error());
    }
    entry.state = pod_state::seated;
    entry.job = name;
    entry.task = 0;
    jobs_[name] = {.seats = {seat{.pod = uid,
                                  .state = seat_state::bound,
                                  .place = where,
                                  .owner = own ? pod.owner : "",
                                  .space = pod.space,
                                  .requests = pod.requests,
                                  .gpus = pod.gpus,
                                  .rule = pod.rule}},
                   .group = group_key(pod)};
    count_running(pod, 1);
}

void pod_scheduler::count_running(const pod_object& pod, int sign) {
    if (pod.group.empty()) return;
    int& count = running_of_group_[group_key(pod)];
    count += sign;
    if (count <= 0) running_of_group_.erase(group_key(pod));
}

std::size_t pod_scheduler::present_of(const std::string& group) const {
    const auto members = gathering_.find(group);
    const auto running = running_of_group_.find(group);
    return (members == gathering_.end() ? 0 : members->second.size()) +
           (running == running_of_group_.end() ? 0 : static_cast<std::size_t>(running->second));
}

void pod_scheduler::gather(double now, const std::string& uid) {
    pod_entry& entry = pods_.at(uid);
    entry.state = pod_state::gathering;
    const std::string group = group_key(entry.pod);
    std::set<std::string>& members = gathering_[group];
    members.insert(uid);
    if (present_of(group) < entry.pod.group_size) return;
    const std::vector<std::string> uids{members.begin(), members.end()};
    gathering_.erase(group);
    start_job(now, group + "/" + uid, uids, group);
}

void pod_scheduler::start_job(double now, const std::string& name, const std::vector<std::string>& uids,
                              const std::string& group) {
    told_job job{.name = name, .priority = std::numeric_limits<int>::min()};
    job_entry made{.group = group};
    for (const std::string& uid : uids) {
        const pod_object& pod = pods_.at(uid).pod;
        job.pods.push_back(&pod);
        job.priority = std::max(job.priority, pod.priority);
        job.preemptible = job.preemptible && pod.preemptible;
        job.restart = job.restart && !pod.owner.empty();
        job.may_preempt = job.may_preempt && pod.may_preempt;
        made.seats.push_back({.pod = uid,
                              .owner = pod.owner,
                              .space = pod.space,
                              .requests = pod.requests,
                              .gpus = pod.gpus,
                              .rule = pod.rule});
    }
    if (auto told = engine_.job(now, job); !told) {
        refuse(told.error());
        for (const std::string& uid : uids) {
            pods_.at(uid).state = pod_state::unsupported;
            note(pods_.at(uid), told.error().message, now);
        }
        return;
    }
    for (std::uint32_t t = 0; t < uids.size(); ++t) {
        pod_entry& entry = pods_.at(uids[t]);
        entry.state = pod_state::seated;
        entry.job = name;
        entry.task = t;
    }
    jobs_[name] = std::move(made);
}

bool pod_scheduler::adopt(double now, const std::string& uid) {
    pod_entry& entry = pods_.at(uid);
    const pod_object& pod = entry.pod;
    const auto seats = pod.owner.empty() ? vacant_.end() : vacant_.find(pod.owner);
    if (seats == vacant_.end()) return false;
    for (const auto& [job, task] : seats->second) {
        seat& of = jobs_.at(job).seats[task];
        if (of.space != pod.space || of.requests != pod.requests || of.gpus != pod.gpus || of.rule != pod.rule)
            continue;
        ++counts_.adopted;
        of.pod = uid;
        of.attempts = 0;
        of.wanted = seat_state::ended;
        entry.state = pod_state::seated;
        entry.job = job;
        entry.task = task;
        of.state = of.place.node.empty() ? seat_state::waiting : seat_state::binding;
        seats->second.erase({entry.job, entry.task});
        if (seats->second.empty()) vacant_.erase(seats);
        if (of.state == seat_state::binding) bind(entry, of, now);
        return true;
    }
    return false;
}

/// The API server says where the pod is: as decided, or elsewhere.
void pod_scheduler::follow_binding(double now, pod_entry& entry) {
    seat* of = seat_of(entry);
    if (of == nullptr) return;
    named_place where{entry.pod.node, entry.pod.positions};
    if (where.positions.size() != entry.pod.gpus) {
        where.positions =
            of->place.node == where.node ? of->place.positions : engine_.free_positions(where.node, entry.pod.gpus);
    }
    const bool as_decided = of->state == seat_state::binding && of->place == where;
    if (as_decided) return report_bound(now, entry, *of);
    if (of->state != seat_state::waiting && of->state != seat_state::binding) return;
    ++counts_.elsewhere;
    const std::string job = entry.job;
    const std::string uid = entry.pod.uid;
    const std::uint32_t task = entry.task;
    if (auto told = engine_.running(now, job, task, where); told) {
        of->place = where;
        of->state = seat_state::bound;
        return count_running(entry.pod, 1);
    }
    // Its node is not there, or has no such GPUs: this seat is over, and the pod counts once its node does.
    end_seat(job, task, *of, task_report::cancel, now);
    enter_running(now, uid);
}

void pod_scheduler::report_bound(double now, pod_entry& entry, seat& of) {
    ++counts_.bound;
    of.state = seat_state::bound;
    of.attempts = 0;
    if (entry.pod.node.empty()) {
        entry.pod.node = of.place.node;
        entry.pod.positions = of.place.positions;
    }
    count_running(entry.pod, 1);
    if (of.wanted == seat_state::stopping || of.wanted == seat_state::moving)
        evict(entry, of, std::exchange(of.wanted, seat_state::ended), now);
}

void pod_scheduler::pod_gone(double now, const std::string& uid) {
    const auto found = pods_.find(uid);
    if (found == pods_.end()) return;
    const pod_entry entry = found->second;
    const std::string group = group_key(entry.pod);
    if (const auto members = gathering_.find(group); members != gathering_.end()) {
        members->second.erase(uid);
        if (members->second.empty()) gathering_.erase(members);
    }
    if (const auto strays = strays_.find(entry.pod.node); strays != strays_.end()) strays->second.erase(uid);
    seat* of = seat_of(entry);
    pods_.erase(uid);
    if (of == nullptr || of->pod != uid) return;
    if (holds_pod(of->state)) count_running(entry.pod, -1);
    of->pod.clear();
    switch (of->state) {
        case seat_state::stopping:
            (void)engine_.report(now, task_report::stopped, entry.job, entry.task);
            of->place = {};
            return vacate(now, entry.job, entry.task, *of);
        case seat_state::moving:
            if (engine_.report(now, task_report::moved, entry.job, entry.task)) of->place = of->target;
            return vacate(now, entry.job, entry.task, *of);
        case seat_state::bound: return end_seat(entry.job, entry.task, *of, task_report::finish, now);
        case seat_state::waiting:
        case seat_state::binding: return end_seat(entry.job, entry.task, *of, task_report::cancel, now);
        case seat_state::vacant:
        case seat_state::ended: return;
    }
}

void pod_scheduler::vacate(double now, const std::string& job, std::uint32_t task, seat& of) {
    if (of.owner.empty()) return end_seat(job, task, of, task_report::cancel, now);
    of.state = seat_state::vacant;
    of.pod.clear();
    of.vacant_until = now + options_.replacement_wait;
    vacant_[of.owner].insert({job, task});
}

void pod_scheduler::end_seat(const std::string& job, std::uint32_t task, seat& of, task_report how, double now) {
    (void)engine_.report(now, how, job, task);
    of.state = seat_state::ended;
    forget_job_if_over(std::string{job});
}

void pod_scheduler::forget_job_if_over(const std::string& job) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    const auto& seats = found->second.seats;
    if (std::all_of(seats.begin(), seats.end(), [](const seat& one) { return one.state == seat_state::ended; }))
        jobs_.erase(found);
}

void pod_scheduler::give_up_vacant(double now) {
    std::vector<std::pair<std::string, std::uint32_t>> over;
    for (auto owner = vacant_.begin(); owner != vacant_.end();) {
        for (auto one = owner->second.begin(); one != owner->second.end();) {
            const bool late = jobs_.at(one->first).seats[one->second].vacant_until <= now;
            if (late) over.push_back(*one);
            one = late ? owner->second.erase(one) : std::next(one);
        }
        owner = owner->second.empty() ? vacant_.erase(owner) : std::next(owner);
    }
    for (const auto& [job, task] : over) end_seat(job, task, jobs_.at(job).seats[task], task_report::cancel, now);
}

// ---- decisions ------------------------------------------------------------------------------------------------------

std::vector<api_call> pod_scheduler::decide(double now) {
    const double time = event_time(now);
    for (const pending_report& one : std::exchange(reports_, {})) {
        if (one.what == task_report::moved) {
            const auto job = jobs_.find(one.job);
            if (job != jobs_.end() && engine_.report(time, one.what, one.job, one.task))
                job->second.seats[one.task].place = job->second.seats[one.task].target;
        } else {
            (void)engine_.report(time, one.what, one.job, one.task);
        }
    }
    for (const std::string& uid : std::exchange(unplaced_, {})) {
        const auto pod = pods_.find(uid);
        if (pod == pods_.end() || pod->second.state != pod_state::unplaced) continue;
        start_job(time, next_name(pod->second), {uid}, group_key(pod->second.pod));
    }
    give_up_vacant(time);
    if (engine_.pending()) {
        decided_at_ = time;
        carry_out(engine_.decide(time), time);
    }
    return std::exchange(calls_, {});
}

double pod_scheduler::wake_at() const {
    if (!reports_.empty() || !unplaced_.empty() || engine_.pending()) return decided_at_;
    double at = engine_.wake_at();
    if (at <= decided_at_) at = never;  // it has been asked, and had nothing to do
    for (const auto& [owner, seats] : vacant_) {
        for (const auto& [job, task] : seats) at = std::min(at, jobs_.at(job).seats[task].vacant_until);
    }
    return at;
}

void pod_scheduler::carry_out(const std::vector<named_decision>& decisions, double now) {
    for (const named_decision& d : decisions) {
        const auto job = jobs_.find(d.job);
        if (job == jobs_.end() || d.task >= job->second.seats.size()) continue;
        seat& of = job->second.seats[d.task];
        const auto pod = of.pod.empty() ? pods_.end() : pods_.find(of.pod);
        pod_entry* entry = pod == pods_.end() ? nullptr : &pod->second;
        switch (d.kind) {
            case berth::decision_kind::start:
                of.place = d.where;
                if (entry == nullptr || of.state != seat_state::waiting) break;
                of.state = seat_state::binding;
                of.attempts = 0;
                bind(*entry, of, now);
                break;
            case berth::decision_kind::evict:
            case berth::decision_kind::move: {
                const bool stops = d.kind == berth::decision_kind::evict;
                if (!stops) of.target = d.where;
                const seat_state as = stops ? seat_state::stopping : seat_state::moving;
                if (entry == nullptr) {
                    // Nobody sits there, so it is done.
                    if (stops) of.place = {};
                    reports_.push_back({stops ? task_report::stopped : task_report::moved, d.job, d.task});
                } else if (of.state == seat_state::bound) {
                    evict(*entry, of, as, now);
                } else if (of.state == seat_state::binding) {
                    of.wanted = as;
                } else {
                    reports_.push_back({task_report::failed, d.job, d.task});
                }
                break;
            }
            case berth::decision_kind::wait:
                for (const seat& one : job->second.seats) {
                    const auto waits = pods_.find(one.pod);
                    if (one.state == seat_state::waiting && waits != pods_.end()) note(waits->second, d.reason, now);
                }
                break;
            case berth::decision_kind::lost:
                // A pod that is not bound yet still waits. One that is bound to a node that is gone counts again if the
                // node comes back before the pod is deleted.
                if (entry != nullptr && entry->pod.node.empty()) {
                    of.place = {};
                    of.state = engine_.has_task(d.job, d.task) ? seat_state::waiting : seat_state::ended;
                    if (of.state == seat_state::waiting) break;
                    entry->state = pod_state::unplaced;
                    unplaced_.push_back(of.pod);
                    of.pod.clear();
                    forget_job_if_over(d.job);
                    break;
                }
                if (entry != nullptr) {
                    if (holds_pod(of.state)) count_running(entry->pod, -1);
                    entry->state = pod_state::stray;
                    strays_[entry->pod.node].insert(of.pod);
                }
                of.pod.clear();
                of.place = {};
                if (!engine_.has_task(d.job, d.task)) {
                    of.state = seat_state::ended;
                    forget_job_if_over(d.job);
                } else {
                    vacate(now, d.job, d.task, of);
                }
                break;
        }
    }
}

// ---- questions ------------------------------------------------------------------------------------------------------

std::size_t pod_scheduler::waiting() const {
    std::size_t count = 0;
    for (const auto& [uid, entry] : pods_) count += entry.pod.node.empty() ? 1U : 0U;
    return count;
}

std::vector<std::string> pod_scheduler::why_waiting() {
    std::vector<std::string> found;
    for (const auto& [uid, entry] : pods_) {
        if (!entry.pod.node.empty()) continue;
        const std::string name = entry.pod.space + "/" + entry.pod.name + ": ";
        if (entry.state == pod_state::unsupported) {
            found.push_back(name + "berth cannot check " + entry.pod.unsupported);
        } else if (entry.state == pod_state::gathering) {
            found.push_back(name + "its group has " + std::to_string(present_of(group_key(entry.pod))) + " of " +
                            std::to_string(entry.pod.group_size) + " pods");
        } else if (const seat* of = seat_of(entry); of != nullptr && of->state == seat_state::binding) {
            found.push_back(name + "is being bound to " + of->place.node);
        } else {
            found.push_back(name + engine_.explain(entry.job));
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace berth_kube
