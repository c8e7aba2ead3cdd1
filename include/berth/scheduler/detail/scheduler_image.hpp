// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/detail/mig_copies.hpp"
#include "berth/scheduler/detail/queue_copies.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"
#include "berth/scheduler/scheduler_interface.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What of a scheduler's events has to survive it, in one description for writing and reading. What follows from it
// (classes of demand, the line, owners of tasks) is made anew.

// Length: each thing that is kept, in both directions.

namespace berth::inline v0::detail {

inline constexpr std::uint64_t scheduler_text_version = 4;

template <class Archive>
class scheduler_image {
public:
    scheduler_image(scheduler_events& of, Archive& a) : e_{of}, a_{a} {}

    void visit_all() {
        a_.line("engine");
        both("now", e_.now_, "began", e_.began_, "sequence", e_.sequence_, "level entries", e_.level_entries_);
        both("claims", e_.claim_serial_, "ended", e_.ended_next_, "relief due", e_.relief_due_);
        both("room freed", e_.room_freed_, "relief at", e_.relief_at_, "move at", e_.move_again_at_);
        limits(e_.places_.limits);
        a_.line("counts");
        for (std::uint64_t& n : e_.counts_.events) both("events", n);
        for (std::uint64_t& n : e_.counts_.decisions) both("decisions", n);
        both("duplicates", e_.counts_.duplicates);
        names("class", e_.class_names_);
        names("ended", e_.ended_);
        if (e_.ended_next_ > e_.ended_.size()) a_.refuse("ended", "at most as many as there are");
        if constexpr (Archive::reads) fit_ended();
        boards();
        places("node", e_.places_.nodes(), [&](std::uint32_t position, std::uint32_t generation) {
            return e_.cluster_.find(node_handle{position, generation}).has_value();
        });
        places("gpu", e_.places_.gpus(), [&](std::uint32_t position, std::uint32_t generation) {
            return e_.cluster_.find(gpu_handle{position, generation}).placed();
        });
        labels();
        queues();
        jobs();
        asked();
        rest();
        if constexpr (Archive::reads) make_rest();
    }

private:
    template <class T>
    void both(const char* field, T& value) {
        if (a_.ok()) visit(a_, field, value);
    }
    template <class T, class... More>
    void both(const char* field, T& value, More&&... more) {
        both(field, value);
        both(std::forward<More>(more)...);
    }
    template <class Enum>
    void choice(const char* field, Enum& value, std::uint8_t most) {
        auto number = static_cast<std::uint8_t>(value);
        both(field, number);
        if (number > most) a_.refuse(field, "a number of its range");
        value = static_cast<Enum>(number);
    }
    template <class T, class Each>
    void list(const char* kind, flat<T>& of, Each each) {
        const std::size_t count = visit_count(a_, kind, of.size());
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            if constexpr (Archive::reads) of.push_back(T{});
            a_.line("-");
            each(of[i]);
        }
    }
    void literal(const char* field, const char*& value) {
        std::string text = value;
        a_.string(field, text);
        if constexpr (Archive::reads) value = e_.keep(text);
    }
    void limits(place_limits& l) { both("temperature", l.temperature, "power", l.power, "load", l.load); }
    void read(place_reading& r) {
        both("load", r.load, "temperature", r.temperature, "power", r.power, "memory", r.memory, "age", r.age);
    }
    void names(const char* kind, name_table& of) {
        const std::size_t count = visit_count(a_, kind, of.size());
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            a_.line("-");
            std::string name = Archive::reads ? std::string{} : of[i];
            a_.string("name", name);
            if constexpr (Archive::reads) {
                if (name.empty()) continue;
                if (of.find(name)) return a_.refuse("name", "one that is not listed yet");
                of.assign(i, name);
            }
        }
    }
    /// The ring of names that ended, with the latest of them if it may hold fewer than were written, and with room for
    /// more behind the latest if it may hold more.
    void fit_ended() {
        name_table& ring = e_.ended_;
        const std::size_t most = e_.options_.remembered;
        if (!a_.ok() || ring.size() == 0) return;
        const bool wrapped = e_.ended_next_ < ring.size();
        if (ring.size() == most || (ring.size() < most && !wrapped)) {
            e_.ended_next_ %= most;
            return;
        }
        const std::size_t kept = ring.size() < most ? ring.size() : most;
        name_table fitted;
        for (std::size_t i = 0; i < kept; ++i) {
            const std::string& name = ring[(e_.ended_next_ + ring.size() - kept + i) % ring.size()];
            fitted.extend(i + 1);
            if (!name.empty()) fitted.assign(i, name);
        }
        ring = std::move(fitted);
        e_.ended_next_ = most == 0 ? 0 : kept % most;
    }
    /// Only those that are there, and of which there is something to say.
    template <class There>
    void places(const char* kind, flat<place_state>& of, There there) {
        const auto tells = [&](std::uint32_t p) { return says_something(of[p]) && there(p, of[p].generation); };
        std::size_t telling = 0;
        for (std::uint32_t p = 0; p < of.size(); ++p) telling += tells(p) ? 1U : 0U;
        const std::size_t count = visit_count(a_, kind, telling);
        std::uint32_t position = 0;
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            if constexpr (!Archive::reads) {
                while (!tells(position)) ++position;
            }
            a_.line("-");
            both("position", position);
            place_state s;
            if constexpr (!Archive::reads) s = of[position];
            both("generation", s.generation);
            health(s);
            both("closed", s.closed, "draining", s.draining);
            both("hot", s.hot, "pressed", s.pressed, "relieves", s.relieves, "holds", s.holds);
            both("mig board", s.mig_board);
            if (s.mig_board != no_position && s.mig_board >= e_.slices_.board_count())
                return a_.refuse("mig board", "one that is listed");
            literal("pressure", s.pressure);
            limits(s.limits);
            read(s.last);
            if constexpr (Archive::reads) {
                // A text may name any position; memory is for places of the cluster.
                if (!a_.ok() || !there(position, s.generation)) continue;
                if (of.size() <= position) of.resize(position + std::size_t{1});
                of[position] = s;
            }
            ++position;
        }
    }
    /// What was reported, and the watch's word as a second bit: one number, as before there were two.
    void health(place_state& s) {
        auto number = static_cast<std::uint8_t>((s.healthy ? 1 : 0) + (s.watched_sick ? 2 : 0));
        both("healthy", number);
        if (number > 3) a_.refuse("healthy", "0..3");
        s.healthy = (number & 1U) != 0;
        s.watched_sick = (number & 2U) != 0;
    }
    [[nodiscard]] static bool says_something(const place_state& s) noexcept {
        const auto known = [](double x) { return x == x; };
        const bool limited = known(s.limits.temperature) || known(s.limits.power) || known(s.limits.load);
        const bool was_read =
            known(s.last.temperature) || known(s.last.power) || known(s.last.load) || known(s.last.memory);
        return !s.healthy || s.watched_sick || s.closed || s.draining || s.hot || s.pressed || s.relieves ||
               s.holds > 0 || s.mig_board != no_position || limited || was_read;
    }
    void boards() {
        const std::size_t count = visit_count(a_, "boards", e_.slices_.board_count());
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            a_.line("-");
            mig_board_copy copy;
            if constexpr (!Archive::reads) copy.assign(e_.slices_.board(i));
            copy.visit_all(a_);
            if constexpr (Archive::reads) {
                if (!a_.ok()) return;
                auto made = copy.make();
                if (!made || !e_.slices_.add(std::move(*made))) return a_.refuse("board", "one that can be, and once");
            }
        }
    }
    /// How often slices of each profile were asked for; after the jobs, which count.
    void asked() {
        a_.line("slices");
        for (std::uint64_t& n : e_.slices_.asked()) both("asked", n);
    }
    void labels() {
        names("label", e_.label_names_);
        std::vector<node_labels>& of = e_.places_.labels();
        const std::size_t count = visit_count(a_, "labels", of.size());
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            if constexpr (Archive::reads) of.push_back({});
            a_.line("-");
            both("generation", of[i].generation, "labels", of[i].labels);
            for (const std::uint32_t label : of[i].labels) {
                if (label >= e_.label_names_.size()) return a_.refuse("labels", "numbers of labels");
            }
        }
    }
    void queues() {
        names("counter", e_.queues_.counter_names());
        std::vector<queue_record>& all = e_.queues_.records();
        const std::size_t count = visit_count(a_, "queues", all.size() - 2);
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            if constexpr (Archive::reads) all.push_back({});
            a_.line("-");
            std::string name;
            if constexpr (!Archive::reads) name = e_.queues_.names()[i + 2];
            a_.string("name", name);
            if constexpr (Archive::reads) {
                if (name.empty() || e_.queues_.names().find(name))
                    return a_.refuse("name", "one that is not listed yet");
                e_.queues_.names().assign(i + 2, name);
            }
            both("parent", all[i + 2].parent);
            visit_queue(a_, all[i + 2]);
        }
        if constexpr (Archive::reads) {
            if (a_.ok() && !e_.queues_.settle(e_.cluster_.fleet())) a_.refuse("queues", "a tree of them");
            e_.by_turns_ = e_.by_turns_ || !e_.queues_.trivial();
        }
    }
    void rules(std::uint32_t position) {
        bool any = e_.rules_of(position) != nullptr;
        both("rules", any);
        if (!any) return;
        job_rules kept;
        if constexpr (!Archive::reads) kept = *e_.rules_of(position);
        visit_rules(a_, kept);
        if constexpr (Archive::reads) {
            if (e_.rules_.size() <= position) e_.rules_.resize(position + std::size_t{1});
            e_.rules_[position] = std::make_unique<job_rules>(std::move(kept));
        }
    }
    void jobs() {
        const std::size_t count = visit_count(a_, "jobs", e_.records_.size());
        for (std::size_t j = 0; j < count && a_.ok(); ++j) {
            a_.line("job");
            bool taken = false;
            std::uint32_t generation = 0;
            if constexpr (!Archive::reads) {
                taken = e_.jobs_.is_taken(j);
                generation = e_.jobs_.generation(j);
            }
            both("taken", taken, "generation", generation);
            if constexpr (Archive::reads) {
                if (taken && generation == 0) return a_.refuse("generation", "1 or more");
                e_.jobs_.extend(j + 1);
                e_.jobs_.set_generation(j, taken ? generation - 1 : generation);
                if (taken) e_.jobs_.take(j);
                e_.records_.resize(j + 1, {});
                e_.tasks_.resize(j + 1);
                e_.heap_.resize(j + 1);
                e_.reclaimed_.resize(j + 1);
            }
            if (taken) job(static_cast<std::uint32_t>(j));
        }
    }
    void job(std::uint32_t position) {
        job_record& r = e_.records_[position];
        std::string name;
        if constexpr (!Archive::reads) name = e_.name(e_.handle(position));
        a_.string("name", name);
        if constexpr (Archive::reads) {
            if (!name.empty() && e_.names_.find(name)) return a_.refuse("name", "one that is not listed yet");
            if (!name.empty()) e_.names_.assign(position, name);
        }
        both("sequence", r.sequence, "arrival", r.arrival, "waiting since", r.waiting_since, "priority", r.priority);
        both("preemptible", r.preemptible, "restart", r.restart, "same model", r.same_model, "tasks", r.tasks);
        both("least", r.min_tasks, "gpus", r.gpus, "work", r.work, "duration", r.duration, "delay", r.delay);
        both("attained", r.attained, "since", r.since, "done", r.done, "done at", r.done_at, "rate", r.rate);
        both("rate known", r.rate_known, "class", r.job_class, "level", r.level, "entry", r.level_entry);
        both("not before", r.not_before, "short since", r.short_since, "told", r.told, "claim", r.claim);
        both("delayed", r.delayed, "queue", r.leaf, "evicted at", r.evicted_at, "runs since", r.runs_since);
        reclaimed(position);
        if (!e_.queues_.is_leaf(r.leaf)) return a_.refuse("queue", "one that has none below it");
        both("mig profile", r.mig_profile);
        if (r.mig_profile != no_position && r.mig_profile >= e_.slices_.asked().size())
            return a_.refuse("mig profile", "one of a board");
        rules(position);
        if (r.tasks > (1U << 20U)) return a_.refuse("tasks", "at most 1048576");
        for (std::uint32_t t = 0; t < r.tasks && a_.ok(); ++t) {
            if constexpr (Archive::reads) e_.tasks_.push_back(position, {});
            a_.line("task");
            task_record& task = e_.tasks_.at(position, t);
            both("handle", task.task);
            choice("activity", task.activity, static_cast<std::uint8_t>(task_activity::ended));
            both("started", task.started, "failures", task.failures, "failed starts", task.failed_starts);
            both("claim", task.claim, "not before", task.not_before);
            mig_states::task_slice slice;
            if constexpr (!Archive::reads) {
                if (const auto at = e_.cluster_.find(task.task)) slice = e_.slices_.of(*at);
            }
            if (r.mig_profile != no_position) both("offset", slice.offset, "target", slice.target);
            if constexpr (Archive::reads) own(position, t, slice);
        }
    }
    /// Who has taken its place, of those that are there still: others are forgotten anyway.
    void reclaimed(std::uint32_t position) {
        eviction_pairs& of = e_.reclaimed_;
        std::uint32_t count = 0;
        for (const job_handle by : of.of(position)) count += e_.has(by) ? 1 : 0;
        both("evicted for", count);
        if (count > eviction_pairs::most) return a_.refuse("evicted for", "at most 64");
        if constexpr (Archive::reads) {
            for (std::uint32_t i = 0; i < count && a_.ok(); ++i) {
                job_handle by{};
                both("evicted for", by);
                // Jobs that follow are not there yet.
                of.note(position, by, [](job_handle) { return true; });
            }
        } else {
            for (job_handle by : of.of(position)) {
                if (e_.has(by)) both("evicted for", by);
            }
        }
    }
    /// A task that was read has to be one of the cluster's, and do what the cluster says.
    void own(std::uint32_t job, std::uint32_t task, const mig_states::task_slice& slice) {
        const task_record& t = e_.tasks_[job][task];
        if (t.activity == task_activity::ended) return;
        const auto known = e_.cluster_.find(t.task);
        if (!known) return a_.refuse("handle", "a task of the cluster");
        const task_state state = e_.cluster_.state(*known);
        e_.slices_.admit(*known, e_.records_[job].mig_profile);
        e_.slices_.set_offset(*known, slice.offset);
        e_.slices_.set_target(*known, slice.target);
        const bool moves = state == task_state::moving ||
                           (state == task_state::running && e_.slices_.is_slice(*known) && slice.target != no_offset);
        if ((state == task_state::waiting) != (t.activity == task_activity::waiting) ||
            moves != (t.activity == task_activity::moving))
            return a_.refuse("activity", "what the cluster says");
        if (e_.owners_.size() <= known->value()) e_.owners_.resize(known->value() + 1);
        if (e_.owners_[known->value()].job != no_position) return a_.refuse("handle", "a task that no job has yet");
        e_.owners_[known->value()] = {job, task};
        job_record& r = e_.records_[job];
        ++(t.activity == task_activity::waiting ? r.waiting : r.running);
        e_.moves_in_flight_ += t.activity == task_activity::moving ? 1 : 0;
    }
    void rest() {
        list("short", e_.short_, [&](job_handle& h) { both("job", h); });
        list("sleeping", e_.sleeping_, [&](sleeping_job& s) { both("until", s.until, "job", s.job); });
        list("claims", e_.claims_, [&](claim_record& c) {
            both("serial", c.serial, "job", c.job, "pending", c.pending, "broken", c.broken);
            if (c.job >= e_.records_.size() || !e_.jobs_.is_taken(c.job)) a_.refuse("job", "one that is there");
        });
        list("held", e_.held_, [&](held_node& h) { both("claim", h.claim, "node", h.node); });
        list("planned", e_.planned_, [&](planned_move& m) {
            both("task", m.task, "to", m.to, "target", m.target, "wave", m.wave);
            literal("reason", m.reason);
        });
        list("readings", e_.readings_, [&](pending_reading& r) {
            both("time", r.time, "node", r.node, "gpu", r.gpu);
            read(r.read);
        });
        list("decided", e_.decided_, [&](decision& d) {
            choice("kind", d.kind, decision_kind_count - 1);
            both("time", d.time, "job", d.job, "task", d.task);
            literal("reason", d.reason);
        });
        const std::size_t count = visit_count(a_, "names", e_.lost_names_.size());
        for (std::size_t i = 0; i < count && a_.ok(); ++i) {
            if constexpr (Archive::reads) e_.lost_names_.push_back({});
            a_.line("-");
            both("job", e_.lost_names_[i].job);
            a_.string("name", e_.lost_names_[i].name);
        }
        both_lost_told();
    }
    void both_lost_told() {
        a_.line("told");
        std::uint64_t told = e_.lost_told_;
        both("names", told);
        if (told > e_.lost_names_.size()) a_.refuse("names", "at most as many as there are");
        e_.lost_told_ = static_cast<std::size_t>(told);
    }
    void make_rest() {
        for (std::size_t j = 0; j < e_.records_.size() && a_.ok(); ++j) {
            const job_record& r = e_.records_[j];
            if (e_.jobs_.is_taken(j) && r.waiting + r.running == 0) a_.refuse("tasks", "one that has not ended");
        }
        // What is there is known, also where there is nothing to say of it.
        const cluster& living = e_.cluster_;
        for (std::size_t i = 0; i < living.fleet().node_count(); ++i) {
            const node_index n{i};
            if (!living.fleet().present(n)) continue;
            (void)e_.places_.of(living.handle(n));
            for (gpu_mask rest = living.gpus_there(n); rest != 0; rest &= rest - 1)
                (void)e_.places_.of(living.handle(n, lowest_gpu(rest)));
        }
        std::size_t owned = 0;
        for (const task_owner& o : e_.owners_) owned += o.job != no_position ? 1 : 0;
        if (a_.ok() && owned != e_.cluster_.task_count()) a_.refuse("cluster", "no task that is no job's");
    }

    scheduler_events& e_;
    Archive& a_;
};

}  // namespace berth::inline v0::detail
