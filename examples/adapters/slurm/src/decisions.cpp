// SPDX-License-Identifier: Apache-2.0
// The half of `bridge` that decides: from decisions of the engine to orders and moves, and answers to questions.
#include "berth/io/event_log_writer.hpp"
#include "berth/model/why_not_text.hpp"
#include "berth/scheduler/decision_text.hpp"

#include "allocations.hpp"
#include "bridge.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace berth_slurm {

namespace io = berth::io;

// ---- decisions ------------------------------------------------------------------------------------------------------

io::log_place bridge::place_of(const berth::slot& where) const {
    io::log_place place{.node = door_.node_name(where)};
    for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
        place.gpus.push_back(door_.engine().cluster().uuid(where.node, berth::lowest_gpu(rest)));
    return place;
}
allocation bridge::allocation_of(const berth::slot& where, berth::amount share) const {
    return {door_.node_name(where), door_.indices(where), share};
}

void bridge::note_decision(const berth::decision& d) {
    const slurm_engine& engine = door_.engine();
    const std::string job{engine.name(d.job)};
    sentences_.push_back(berth::describe(d, engine));
    switch (d.kind) {
        case berth::decision_kind::start: return;  // noted when its places are certain
        case berth::decision_kind::evict: {
            io::evict_decision e{
                .time = d.time, .job = job, .task = d.task, .place = place_of(d.where), .reason = d.reason};
            if (d.beneficiary.valid()) e.for_job = std::string{engine.name(d.beneficiary)};
            return io::append_decision(decision_lines_, e);
        }
        case berth::decision_kind::move:
            return io::append_decision(decision_lines_, io::move_decision{.time = d.time,
                                                                          .job = job,
                                                                          .task = d.task,
                                                                          .from = place_of(d.from),
                                                                          .to = place_of(d.where),
                                                                          .wave = d.wave,
                                                                          .reason = d.reason});
        case berth::decision_kind::wait: {
            io::wait_decision e{.time = d.time, .job = job};
            for (const berth::wait_count& w : d.reasons) e.reasons.emplace_back(std::string{engine.name(w)}, w.places);
            return io::append_decision(decision_lines_, e);
        }
        case berth::decision_kind::lost:
            return io::append_decision(
                decision_lines_, io::lost_decision{.time = d.time, .job = job, .task = d.task, .reason = d.reason});
    }
}

std::vector<order> bridge::decide(double now) {
    now_ = std::max(now_, now);
    sentences_.clear();
    const auto decided = door_.engine().decide(now_);
    if (!decided) {
        troubles_.push_back(decided.error().message);
        return std::exchange(orders_, {});
    }
    // The next event ends the decisions: what they mean is copied first.
    const std::vector<berth::decision> all{decided->begin(), decided->end()};
    for (const berth::decision& d : all) note_decision(d);
    std::vector<std::pair<std::uint32_t, berth::decision>> moves;
    std::vector<std::uint32_t> starts;
    std::vector<std::uint32_t> evictions;
    for (const berth::decision& d : all) {
        const std::uint32_t id = id_of(door_.engine().name(d.job));
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) continue;
        known_job& known = found->second;
        if (d.kind == berth::decision_kind::start) {
            if (std::find(starts.begin(), starts.end(), id) == starts.end()) {
                starts.push_back(id);
                known.places.clear();
            }
            known.places.push_back(allocation_of(d.where, known.wish.share));
        } else if (d.kind == berth::decision_kind::evict) {
            if (evictions.empty() || evictions.back() != id) evictions.push_back(id);
        } else if (d.kind == berth::decision_kind::move) {
            moves.emplace_back(id, d);
            moves.back().second.reasons = {};
        } else if (d.kind == berth::decision_kind::lost && known.phase != job_phase::moving) {
            known.places.clear();
            set(known, job_phase::waiting);
        }
    }
    for (auto& [id, d] : moves) begin_move(id, jobs_.at(id), d);
    for (const std::uint32_t id : evictions) evict(id, jobs_.at(id));
    for (const std::uint32_t id : starts) start(id, jobs_.at(id));
    return std::exchange(orders_, {});
}

void bridge::start(std::uint32_t id, known_job& known) {
    // Slurm has one request for all nodes of a job, so its GPUs have the same indices on each, and keeps them.
    const berth::gpu_mask bound = names_gpus(known.asked) ? read_allocation({}, known.asked, shards_).gpus : 0;
    std::set<std::string> nodes;
    bool suits = true;
    for (const allocation& a : known.places)
        suits = suits && a.gpus == (bound != 0 ? bound : known.places.front().gpus) && nodes.insert(a.node).second;
    if (!suits && !find_places(known, bound)) {
        known.note = bound != 0 ? "Slurm keeps a job on the GPU indices that it had, and they are not free on any node"
                                : "Slurm gives a job the same GPU indices on each of its nodes, and no set of " +
                                      std::to_string(known.wish.gpus) + " is free on " + std::to_string(known.nodes) +
                                      " nodes at once";
        known.places.clear();
        tell_task(io::task_report::failed, known.name);
        return set(known, job_phase::waiting);
    }
    known.note.clear();
    set(known, job_phase::pinned);
    for (std::uint32_t t = 0; t < known.places.size(); ++t) {
        io::start_decision d{.time = now_, .job = known.name, .task = t, .place = {.node = known.places[t].node}};
        for (berth::gpu_mask rest = known.places[t].gpus; rest != 0; rest &= rest - 1)
            d.place.gpus.push_back(engine_door::gpu_name(d.place.node, berth::lowest_gpu(rest)));
        io::append_decision(decision_lines_, d);
    }
    if (!suits) sentences_.push_back("job \"" + known.name + "\" starts on " + spelled(known.places) + " instead");
    want({.kind = order_kind::pin,
          .job = id,
          .nodes = joined(known.places),
          .gres = gres_text(known.places.front().gpus, known.places.front().share, shards_),
          .reason = "starts on " + spelled(known.places)});
}

/// The slot of these indices on a node; `unplaced` if one of them is not there.
berth::slot bridge::slot_of(const berth::cluster& c, const std::string& node, berth::gpu_mask indices) const {
    const auto found = c.find_node(node);
    if (!found) return berth::unplaced;
    berth::slot where{*c.find(*found), 0};
    for (berth::gpu_mask rest = indices; rest != 0; rest &= rest - 1) {
        const auto gpu = c.find_gpu(engine_door::gpu_name(node, berth::lowest_gpu(rest)));
        if (!gpu) return berth::unplaced;
        where.gpus |= c.find(*gpu).gpus;
    }
    return where;
}

/// Looks for places with the same indices on each node, the decided nodes first, and enters them. False if there are
/// none.
///
/// @param bound  the indices that it has to have; 0: any
bool bridge::find_places(known_job& known, berth::gpu_mask bound) {
    const auto job = door_.engine().find_job(known.name);
    if (!job) return false;
    berth::cluster trial{door_.engine().cluster()};
    for (std::uint32_t t = 0; t < known.places.size(); ++t) trial.release(door_.engine().task(*job, t));
    const auto task = trial.find(door_.engine().task(*job, 0));
    if (!task) return false;
    const berth::demand_view demand = trial.workload().demand(*task);
    std::vector<std::string> names;
    for (const allocation& a : known.places) {
        if (std::find(names.begin(), names.end(), a.node) == names.end()) names.push_back(a.node);
    }
    berth::gpu_mask all = bound;
    for (const auto& [name, node] : nodes_) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        if (bound == 0) all |= node.gpus;
    }
    std::vector<unsigned> indices;
    for (berth::gpu_mask rest = all; rest != 0; rest &= rest - 1)
        indices.push_back(static_cast<unsigned>(berth::lowest_gpu(rest)));
    const std::size_t wanted = known.wish.gpus;
    if (wanted == 0 || wanted > indices.size()) return false;
    // All sets of so many indices, in a fixed order, up to a limit that no node of 16 GPUs reaches.
    std::vector<std::size_t> chosen(wanted);
    for (std::size_t i = 0; i < wanted; ++i) chosen[i] = i;
    for (std::size_t tried = 0; tried < 20'000; ++tried) {
        berth::gpu_mask mask = 0;
        for (const std::size_t c : chosen) mask |= berth::gpu_mask{1} << indices[c];
        std::vector<allocation> places;
        for (const std::string& name : names) {
            const berth::slot where = slot_of(trial, name, mask);
            if (!where.placed() || !trial.admissible(demand, where)) continue;
            places.push_back({name, mask, known.wish.share});
            if (places.size() == known.nodes) break;
        }
        if (places.size() == known.nodes) {
            known.places = std::move(places);
            return tell_running(known.name, known.places);
        }
        std::size_t i = wanted;
        while (i > 0 && chosen[i - 1] == indices.size() - wanted + i - 1) --i;
        if (i == 0) return false;
        ++chosen[i - 1];
        for (std::size_t k = i; k < wanted; ++k) chosen[k] = chosen[k - 1] + 1;
    }
    return false;
}

void bridge::evict(std::uint32_t id, known_job& known) {
    const bool started = known.phase == job_phase::running;
    if (!started && known.phase != job_phase::pinned) return tell_task(io::task_report::failed, known.name);
    set(known, job_phase::stopping);
    want({.kind = started ? order_kind::requeue : order_kind::hold,
          .job = id,
          .reason = "leaves " + spelled(known.places) + " for another job"});
}

void bridge::begin_move(std::uint32_t id, known_job& known, const berth::decision& d) {
    const auto source = nodes_.find(door_.node_name(d.from));
    const bool lost_there = source == nodes_.end() || !source->second.up;  // Slurm puts it back into the queue itself
    if (known.phase != job_phase::running || known.places.size() != 1 || !known.ours || lost_there)
        return tell_task(io::task_report::failed, known.name, d.task);
    const allocation from = allocation_of(d.from, known.wish.share);
    const allocation to = allocation_of(d.where, known.wish.share);
    if (to.gpus == from.gpus) {
        set(known, job_phase::moving);
        moves_.push_back({.job = id,
                          .from = from,
                          .to = to,
                          .cpus = known.cpus,
                          .memory = known.memory,
                          .shards = shards_,
                          .reason = d.reason});
        return;
    }
    // It keeps its indices: another node that has them free will do.
    const std::string reason = d.reason;
    tell_task(io::task_report::failed, known.name, d.task);
    for (const auto& [name, node] : nodes_) {
        if (has_room(known, name)) return begin_move_to(id, known, name, reason);
    }
    known.note = "it should leave (" + reason + "), and no other node has the GPU indices free that Slurm keeps it on";
}

/// True if another node has room for a job of one node, at its indices.
bool bridge::has_room(const known_job& known, const std::string& node) const {
    const auto job = door_.engine().find_job(known.name);
    const berth::cluster& c = door_.engine().cluster();
    const auto task = job ? c.find(door_.engine().task(*job, 0)) : std::nullopt;
    if (!task || node == known.places.front().node) return false;
    const berth::slot where = slot_of(c, node, known.places.front().gpus);
    return where.placed() && c.admissible(c.workload().demand(*task), where);
}
void bridge::begin_move_to(std::uint32_t id, known_job& known, const std::string& node, const std::string& reason) {
    wanted_move move{.job = id,
                     .from = known.places.front(),
                     .to = known.places.front(),
                     .cpus = known.cpus,
                     .memory = known.memory,
                     .shards = shards_,
                     .reason = reason};
    move.to.node = node;
    if (!hold_room(known, move.to)) return;
    sentences_.push_back("job \"" + known.name + "\" moves to " + spelled({move.to}) +
                         ", because it keeps its GPU indices: " + reason);
    set(known, job_phase::moving);
    moves_.push_back(std::move(move));
}
bool bridge::ask_move(std::uint32_t job, const std::string& node) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || found->second.phase != job_phase::running || !found->second.ours ||
        found->second.places.size() != 1 || !has_room(found->second, node))
        return false;
    begin_move_to(job, found->second, node, "asked for");
    return found->second.phase == job_phase::moving;
}

std::vector<wanted_move> bridge::take_moves() { return std::exchange(moves_, {}); }
void bridge::adopt(const wanted_move& move) { adopted_[move.job] = move; }

void bridge::carried_out(const order& done, const berth::result<void>& outcome, double now) {
    now_ = std::max(now_, now);
    if (outcome) return;
    troubles_.push_back(std::string{to_string(done.kind)} + ": " + outcome.error().message);
    if (done.kind == order_kind::drain) draining_.erase(done.nodes);
    const auto found = jobs_.find(done.job);
    if (found == jobs_.end()) return;
    known_job& known = found->second;
    if (done.kind == order_kind::pin && known.phase == job_phase::pinned) {
        known.note = "Slurm refused: " + outcome.error().message;
        known.places.clear();
        tell_task(io::task_report::failed, known.name);
        set(known, job_phase::waiting);
    } else if (done.kind == order_kind::requeue && known.phase == job_phase::stopping) {
        tell_task(io::task_report::failed, known.name);
        set(known, job_phase::running);
    }
}

void bridge::move_ended(std::uint32_t job, bool arrived, double now) {
    now_ = std::max(now_, now);
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || found->second.phase != job_phase::moving) return;
    known_job& known = found->second;
    if (!known.room.empty()) {
        const auto room = door_.engine().find_job(known.room);
        const berth::slot target =
            room ? door_.engine().cluster().where(door_.engine().task(*room, 0)) : berth::unplaced;
        const allocation to = target.placed() ? allocation_of(target, known.wish.share) : known.places.front();
        tell_task(io::task_report::finish, known.room);
        known.room.clear();
        if (arrived) {
            known.places = {to};
            tell_running(known.name, known.places);
        }
    } else {
        tell_task(arrived ? io::task_report::moved : io::task_report::failed, known.name, 0);
        const auto handle = door_.engine().find_job(known.name);
        const berth::slot where =
            handle ? door_.engine().cluster().where(door_.engine().task(*handle, 0)) : berth::unplaced;
        if (where.placed()) known.places = {allocation_of(where, known.wish.share)};
    }
    set(known, job_phase::running);
}

// ---- questions ------------------------------------------------------------------------------------------------------

std::string bridge::explain(std::uint32_t job) {
    const auto found = jobs_.find(job);
    const std::string subject = "job " + std::to_string(job);
    if (found == jobs_.end())
        return subject + ": berth has nothing to do with it: it has ended, asks for no GPU, is held by an operator, or "
                         "waits for its dependency or begin time.";
    const known_job& known = found->second;
    switch (known.phase) {
        case job_phase::refused: return subject + " stays held. " + known.note + ".";
        case job_phase::running: return subject + " runs on " + spelled(known.places) + ".";
        case job_phase::pinned:
            return subject + " is released to " + spelled(known.places) + "; Slurm starts it there.";
        case job_phase::stopping:
            return subject + " is being stopped on " + spelled(known.places) + " and waits again then.";
        case job_phase::moving: return subject + " moves away from " + spelled(known.places) + ".";
        case job_phase::waiting: break;
    }
    const auto handle = door_.engine().find_job(known.name);
    if (!handle) return subject + ": berth does not know it.";
    std::string text = berth::describe(door_.engine().explain(*handle), door_.engine().cluster().fleet());
    if (door_.engine().claims(*handle)) text += " Room is being made for it.";
    if (!known.note.empty()) text += " " + known.note + ".";
    return subject + ": " + text;
}

std::vector<std::string> bridge::differences(const snapshot& seen) const {
    std::vector<std::string> found;
    std::map<std::pair<std::string, unsigned>, berth::amount> used;
    for (const job_record& r : seen.jobs) {
        if (r.activity != job_activity::running || r.is_holder()) continue;
        for (const allocation& a : r.places) {
            for (berth::gpu_mask rest = a.gpus; rest != 0; rest &= rest - 1) {
                const auto index = static_cast<unsigned>(berth::lowest_gpu(rest));
                if ((used[{a.node, index}] += a.share) > berth::whole_gpu)
                    found.push_back("GPU " + std::to_string(index) + " of " + a.node + " is given twice, to job " +
                                    std::to_string(r.id) + " as well");
            }
        }
        const auto known = jobs_.find(r.id);
        if (known == jobs_.end()) {
            found.push_back("job " + std::to_string(r.id) + " runs on " + spelled(r.places) +
                            ", and berth has no such job");
            continue;
        }
        const auto handle = door_.engine().find_job(known->second.name);
        std::vector<allocation> places;
        for (std::uint32_t t = 0; handle && t < door_.engine().task_count(*handle); ++t) {
            const berth::task_handle task = door_.engine().task(*handle, t);
            const berth::slot where = door_.engine().cluster().where(task);
            if (!where.placed()) continue;
            const auto at = door_.engine().cluster().find(task);
            const berth::amount share =
                where.gpus == 0 ? berth::whole_gpu : door_.engine().cluster().workload().demand(*at).gpu[0];
            places.push_back(allocation_of(where, share));
        }
        if (sorted(places) != sorted(r.places))
            found.push_back("job " + std::to_string(r.id) + " runs on " + spelled(r.places) + ", berth has it on " +
                            (places.empty() ? std::string{"no node"} : spelled(places)));
    }
    for (const auto& [id, known] : jobs_) {
        const job_record* r = seen.find(id);
        if (known.phase == job_phase::running && (r == nullptr || r->activity != job_activity::running))
            found.push_back("job " + std::to_string(id) + " runs for berth, and not for Slurm");
    }
    return found;
}

}  // namespace berth_slurm
