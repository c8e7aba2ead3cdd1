// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/run/migration_journal.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/detail/event_record.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"
#include "berth/scheduler/scheduler_text.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// Length: the events of `scheduler` once more, each with its line in the journal.

namespace berth::inline v0 {

/// A scheduler that a crash does not set back: what it was told is in a journal before it decides on it.
///
/// ```
/// berth::journalled_scheduler engine{policies, my_journal{}};
/// ...                                                                       // events and decisions as of `scheduler`
/// auto again = berth::resume_scheduler(text, policies, my_journal{});       // after a crash, from the journal's text
/// for (const berth::decision& d : (*again)->unconfirmed()) ...              // of the last `decide`: were they seen?
/// ```
///
/// The journal (`migration_journal`, such as `text_journal`) holds a text of the scheduler and a line for each event
/// since then; after `page` lines it is written anew, so it stays short. Same events, same decisions: a scheduler that
/// is resumed repeats none and loses none. Only those of the last `decide` may or may not have reached the caller, who
/// can say so by `carried_out`.
///
/// Where the journal does not take a line, the event has happened nevertheless, `decide` answers with an error before
/// it decides, and the next call writes both lines. If not even the first text was taken, `decide` tries that first.
/// Events by own types of nodes and tasks are not offered: describe them. A description with a list of more than 4096
/// amounts, models or domains is refused.
///
/// @tparam Policies  as of `scheduler`
/// @tparam Journal   a `migration_journal`
template <class Policies = scheduler_policies<>, migration_journal Journal = text_journal>
class journalled_scheduler {
public:
    /// A new scheduler, with a new journal.
    ///
    /// @param page  lines after which the journal is written anew, 1 or more
    explicit journalled_scheduler(Policies policies = {}, Journal journal = {}, resource_schema schema = {},
                                  scheduler_options options = {}, std::size_t page = 500)
        : journal_{std::move(journal)},
          engine_{std::make_unique<scheduler<Policies>>(std::move(policies), std::move(schema), options)},
          page_{page} {
        turn_page();
    }
    /// One that was there, with its journal and the number of lines in it.
    journalled_scheduler(std::unique_ptr<scheduler<Policies>> engine, Journal journal, std::size_t lines,
                         bool unconfirmed, std::size_t page)
        : journal_{std::move(journal)},
          engine_{std::move(engine)},
          page_{page},
          lines_{lines},
          unconfirmed_{unconfirmed},
          has_page_{true} {}

    /// As of `scheduler_events`; likewise below.
    result<domain_index> domain(std::string_view name, std::size_t level, std::span<const amount> capacity = {}) {
        if (!detail::event_record::holds(capacity)) return too_long("domain", name);
        return note(engine_->domain(name, level, capacity), event_kind::node, engine_->now(),
                    [&](detail::event_record& e) { e.domain(name, level, capacity); });
    }
    /// As of `scheduler_events`.
    result<void> mig_board(berth::mig_board board) {
        const berth::mig_board kept = board;
        return note(engine_->mig_board(std::move(board)), event_kind::node, engine_->now(),
                    [&](detail::event_record& e) { e.board(kept); });
    }
    /// As of `scheduler_events`.
    result<node_handle> node(double time, const node_description& described) {
        if (!detail::event_record::holds(described)) return too_long("node", described.name);
        return note(engine_->node(time, described), event_kind::node, time,
                    [&](detail::event_record& e) { e.node(described); });
    }
    /// As of `scheduler_events`.
    result<bool> node_gone(double time, const place_ref& node) {
        return note(engine_->node_gone(time, node), event_kind::node_gone, time,
                    [&](detail::event_record& e) { e.place(node); });
    }
    /// As of `scheduler_events`.
    result<bool> close(double time, const place_ref& place) {
        return note(engine_->close(time, place), event_kind::close, time,
                    [&](detail::event_record& e) { e.place(place); });
    }
    /// As of `scheduler_events`.
    result<bool> open(double time, const place_ref& place) {
        return note(engine_->open(time, place), event_kind::open, time,
                    [&](detail::event_record& e) { e.place(place); });
    }
    /// As of `scheduler_events`.
    result<bool> drain(double time, const place_ref& place) {
        return note(engine_->drain(time, place), event_kind::drain, time,
                    [&](detail::event_record& e) { e.place(place); });
    }
    /// As of `scheduler_events`.
    result<bool> health(double time, const place_ref& place, bool healthy) {
        return note(engine_->health(time, place, healthy), event_kind::health, time,
                    [&](detail::event_record& e) { e.place(place).flag(healthy); });
    }
    /// As of `scheduler_events`.
    result<bool> reading(double time, const place_ref& place, const place_reading& r) {
        return note(engine_->reading(time, place, r), event_kind::reading, time, [&](detail::event_record& e) {
            e.place(place).numbers({r.load, r.temperature, r.power, r.memory, r.age});
        });
    }
    /// As of `scheduler_events`.
    result<bool> threshold(double time, const place_ref& place, const place_limits& l) {
        return note(engine_->threshold(time, place, l), event_kind::threshold, time,
                    [&](detail::event_record& e) { e.place(place).numbers({l.temperature, l.power, l.load}); });
    }
    /// As of `scheduler_events`.
    result<bool> threshold(double time, const place_limits& l) {
        return note(engine_->threshold(time, l), event_kind::threshold, time,
                    [&](detail::event_record& e) { e.numbers({l.temperature, l.power, l.load}).flag(true); });
    }
    /// As of `scheduler_events`.
    result<bool> labels(double time, const place_ref& node, std::span<const std::string_view> labels) {
        if (labels.size() > detail::most_listed) return too_long("node", node.node_name());
        return note(engine_->labels(time, node, labels), event_kind::labels, time,
                    [&](detail::event_record& e) { e.place(node).labels(labels); });
    }
    /// As of `scheduler_events`.
    result<bool> queue(double time, const queue_description& described) {
        if (!detail::event_record::holds(described)) return too_long("queue", described.name);
        return note(engine_->queue(time, described), event_kind::queue, time,
                    [&](detail::event_record& e) { e.queue(described); });
    }
    /// As of `scheduler_events`.
    result<job_handle> job(double time, const job_description& described) {
        if (!detail::event_record::holds(described)) return too_long("job", described.name);
        return note(engine_->job(time, described), event_kind::job, time,
                    [&](detail::event_record& e) { e.job(described); });
    }
    /// As of `scheduler_events`.
    result<bool> running(double time, const job_ref& job, std::uint32_t task, const slot& where) {
        return note(engine_->running(time, job, task, where), event_kind::running, time,
                    [&](detail::event_record& e) { e.job(job, task).where(where); });
    }
    /// As of `scheduler_events`.
    result<bool> running_slice(double time, const job_ref& job, std::uint32_t task, const place_ref& gpu,
                               std::uint32_t offset) {
        return note(engine_->running_slice(time, job, task, gpu, offset), event_kind::running, time,
                    [&](detail::event_record& e) { e.job(job, task).place(gpu).offset(offset); });
    }
    /// As of `scheduler_events`.
    result<bool> finish(double time, const job_ref& job, std::uint32_t task = every_task) {
        return note(engine_->finish(time, job, task), event_kind::finish, time,
                    [&](detail::event_record& e) { e.job(job, task); });
    }
    /// As of `scheduler_events`.
    result<bool> cancel(double time, const job_ref& job, std::uint32_t task = every_task) {
        return note(engine_->cancel(time, job, task), event_kind::cancel, time,
                    [&](detail::event_record& e) { e.job(job, task); });
    }
    /// As of `scheduler_events`.
    result<bool> stopped(double time, const job_ref& job, std::uint32_t task = every_task) {
        return note(engine_->stopped(time, job, task), event_kind::stopped, time,
                    [&](detail::event_record& e) { e.job(job, task); });
    }
    /// As of `scheduler_events`.
    result<bool> moved(double time, const job_ref& job, std::uint32_t task = every_task) {
        return note(engine_->moved(time, job, task), event_kind::moved, time,
                    [&](detail::event_record& e) { e.job(job, task); });
    }
    /// As of `scheduler_events`.
    result<bool> failed(double time, const job_ref& job, std::uint32_t task = every_task) {
        return note(engine_->failed(time, job, task), event_kind::failed, time,
                    [&](detail::event_record& e) { e.job(job, task); });
    }
    /// As of `scheduler_events`.
    result<bool> progress(double time, const job_ref& job, double rate) {
        return note(engine_->progress(time, job, rate), event_kind::progress, time,
                    [&](detail::event_record& e) { e.job(job).numbers({rate}); });
    }
    /// As of `scheduler`; an error as well if the journal does not take what was told.
    [[nodiscard]] result<std::span<const decision>> decide(double time) {
        unconfirmed_ = false;
        if (lines_ >= page_ || !has_page_) turn_page();
        if (!engine_->accepts(time)) return engine_->decide(time);  // refused
        const std::size_t before = backlog_.size();
        append(detail::event_record::of(event_kind::decide, time));
        if (!flush()) {
            if (has_page_) --lines_;
            backlog_.resize(before);
            return detail::refuse(error_code::io, {"scheduler journal: the text was not taken, nothing is decided"});
        }
        return engine_->decide(time);
    }
    /// Says that the decisions of the last `decide` are known to the executor, whatever happens.
    void carried_out() {
        unconfirmed_ = false;
        detail::event_record e;
        e.kind = detail::event_record::carried_out;
        e.time = engine_->now();
        append(e);
        (void)flush();
    }
    /// After a crash: the decisions of the last `decide`, if it was the last that happened. Empty otherwise, and after
    /// the next event or decision.
    [[nodiscard]] std::span<const decision> unconfirmed() const noexcept {
        return unconfirmed_ ? engine_->last_decisions() : std::span<const decision>{};
    }

    /// As of `scheduler`.
    [[nodiscard]] double wake_at() const { return engine_->wake_at(); }
    /// The scheduler, for questions.
    [[nodiscard]] const scheduler<Policies>& known() const noexcept { return *engine_; }
    /// The journal.
    [[nodiscard]] const Journal& journal() const noexcept { return journal_; }
    /// Lines of events in the journal.
    [[nodiscard]] std::size_t lines() const noexcept { return lines_; }

private:
    [[nodiscard]] static error too_long(const char* kind, std::string_view name) {
        return detail::refuse(error_code::invalid_value,
                              {kind, " ", detail::phrase::quoted(name), ": a list is too long for a journal"});
    }
    template <class Outcome, class Fill>
    [[nodiscard]] Outcome note(Outcome outcome, event_kind kind, double time, const Fill& fill) {
        if (!outcome) return outcome;
        unconfirmed_ = false;
        detail::event_record e = detail::event_record::of(kind, time);
        fill(e);
        append(e);
        (void)flush();
        return outcome;
    }
    void append(detail::event_record e) {
        if (!has_page_) return;  // the page to come has it all
        detail::archive_writer line;
        e.visit_all(line);
        backlog_.append(line.text);
        backlog_.push_back('\n');
        ++lines_;
    }
    [[nodiscard]] bool flush() {
        if (!has_page_) return false;
        if (!backlog_.empty() && !journal_.write(backlog_, journal_write::append)) return false;
        backlog_.clear();
        return true;
    }
    void turn_page() {
        std::string text = engine_->save();
        text.append("events\n");
        lines_ = 0;
        if (journal_.write(text, journal_write::replace)) {
            backlog_.clear();
            has_page_ = true;
            return;
        }
        // The page is turned here, so one that is resumed from the old text has to turn it, too.
        detail::event_record e;
        e.kind = detail::event_record::page_turned;
        append(e);
    }

    Journal journal_;
    std::unique_ptr<scheduler<Policies>> engine_;
    std::size_t page_ = 500;
    std::size_t lines_ = 0;
    std::string backlog_;
    bool unconfirmed_ = false;
    bool has_page_ = false;  // the journal holds a text of the scheduler
};

/// Goes on from the text of a journal, and writes to a journal that holds this text. A line that was cut short by the
/// crash is dropped. O(text), and of its events.
///
/// @param page  as of `journalled_scheduler`
/// @return      the scheduler; or an error that names line and field
template <class Policies = scheduler_policies<>, migration_journal Journal = text_journal>
[[nodiscard]] result<std::unique_ptr<journalled_scheduler<Policies, Journal>>>
resume_scheduler(std::string_view text, Policies policies = {}, Journal journal = {}, scheduler_options options = {},
                 std::size_t page = 500) {
    constexpr std::string_view mark = "\nevents\n";
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos)
        return error{error_code::malformed, "scheduler journal: the line \"events\" is missing"};
    auto engine = load_scheduler(text.substr(0, at + 1), std::move(policies), options);
    if (!engine) return engine.error();
    std::string_view rest = text.substr(at + mark.size());
    rest = rest.substr(0, rest.rfind('\n') + 1);
    detail::archive_reader a{rest};
    std::size_t lines = 0;
    bool unconfirmed = false;
    while (!a.rest().empty()) {
        detail::event_record e;
        e.visit_all(a);
        if (!a.ok()) return a.failure();
        ++lines;
        unconfirmed = e.is(event_kind::decide);
        if (e.kind == detail::event_record::carried_out) continue;
        if (e.kind == detail::event_record::page_turned) {
            (void)(*engine)->save();
            continue;
        }
        if (unconfirmed) {
            if (auto done = (*engine)->decide(e.time); !done) return done.error();
        } else if (auto done = e.replay(**engine); !done) {
            return done.error();
        }
    }
    return std::make_unique<journalled_scheduler<Policies, Journal>>(std::move(*engine), std::move(journal), lines,
                                                                     unconfirmed, page);
}

}  // namespace berth::inline v0
