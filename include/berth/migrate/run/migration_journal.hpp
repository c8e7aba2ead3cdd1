// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/model/checked_text.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Length: a text form, written and read line by line; each line has its pair.

namespace berth::inline v0 {

/// How a text is written to a journal.
enum class journal_write : std::uint8_t {
    replace,  ///< in place of what the journal holds
    append    ///< after what the journal holds
};

/// Latest version of the journal's text form, the second word of its first line: 2 is that of runs on a cluster, with
/// the names of tasks, nodes and GPUs; runs elsewhere are written as version 1.
///
/// Policy: every change that an older reader would misread raises it, and CHANGELOG marks that. `load_migration` reads
/// versions 1 and 2, and refuses every other with a sentence, because a journal lives no longer than its run: finish or
/// abandon the runs before an upgrade that drops one. Lines end in LF; a reader accepts CRLF.
inline constexpr std::uint64_t journal_format_version = 2;

/// Stores what a run is about to do, before it does it. Write one to let a run survive a crash of the scheduler:
///
/// ```
/// struct my_journal {
///     bool write(std::string_view text, journal_write how);  // true once the text is durable
/// };
/// ```
///
/// `j.write(text, how)` returns true once a crash of the scheduler cannot lose the text (after `fsync`, say). A
/// `replace` leaves the old or the new text behind, whatever happens (write another file, then rename it). An `append`
/// may be cut short by a crash. After false nothing is started, and the next `advance` writes the same text.
///
/// There is one write for each `advance` that decided something, however many steps that concerns.
/// `examples/drain_node.cpp` uses `text_journal`.
template <class J>
concept migration_journal = requires(J& j, std::string_view text, journal_write how) {
    { j.write(text, how) } -> std::convertible_to<bool>;
};

/// Keeps nothing: the run is lost if the scheduler crashes.
struct no_journal {
    /// Always true.
    [[nodiscard]] constexpr bool write(std::string_view, journal_write) const noexcept { return true; }
};

/// Keeps the text in memory. For tests, and for schedulers that store it themselves.
struct text_journal {
    std::string text{};  ///< all that was written since the last `replace`

    /// Always true.
    [[nodiscard]] bool write(std::string_view more, journal_write how) {
        if (how == journal_write::replace) text.clear();
        text.append(more);
        return true;
    }
};

static_assert(migration_journal<no_journal> && migration_journal<text_journal>);

/// What to do with an incomplete line at the end of a text.
enum class torn_line : std::uint8_t {
    refuse,  ///< the whole text is refused
    drop     ///< the line is ignored: after a crash in the middle of an append nothing in it was begun
};

namespace detail {

[[nodiscard]] constexpr const char* phase_word(migration_phase phase) noexcept {
    constexpr const char* names[] = {"waiting", "intended", "acting", "settling", "pausing", "ended"};
    return names[static_cast<std::size_t>(phase)];
}
[[nodiscard]] constexpr const char* direction_word(migration_direction direction) noexcept {
    return direction == migration_direction::forward ? "forward" : "back";
}

inline void write_record(checked_writer& out, std::size_t step, const migration_record& r) {
    out.line("state").number(step).number(r.serial).word(phase_word(r.phase)).word(to_string(r.outcome));
    out.word(direction_word(r.direction)).word(to_string(r.action)).word(to_string(r.failure));
    out.word(to_string(r.failed)).word(to_string(r.known.task)).number(r.known.source_held ? 1 : 0);
    out.number(r.known.target_held ? 1 : 0).number(r.known.image_at_source ? 1 : 0).number(r.known.busy ? 1 : 0);
    out.number(r.attempts).real(r.since).real(r.begun).real(r.ended).real(r.stopped).real(r.downtime).end();
}

inline void write_run(checked_writer& out, const migration_progress& p) {
    out.line("run").number(p.serial).number(p.actions).number(p.retries);
    out.number(static_cast<std::uint64_t>(p.stopped)).number(p.given_up ? 1 : 0).end();
}

[[nodiscard]] inline std::uint64_t journal_version(const migration_progress& p) noexcept {
    return p.names == migration_names{} ? 1 : journal_format_version;
}

inline void write_names(checked_writer& out, const migration_names& names) {
    out.line("names").number(names.tasks.size()).number(names.nodes.size()).number(names.gpus.size()).end();
    for (const migration_names::task& t : names.tasks) {
        out.line("task").number(t.at.value()).number(t.generation).text(t.name).end();
    }
    for (const migration_names::node& n : names.nodes) out.line("node").number(n.at.value()).text(n.name).end();
    for (const migration_names::gpu& g : names.gpus) {
        out.line("gpu").number(g.node.value()).number(g.position).text(g.uuid).end();
    }
}

inline void write_whole(checked_writer& out, const migration_progress& p) {
    out.line("berth-migration")
        .number(journal_version(p))
        .number(p.run)
        .bits(p.fingerprint)
        .number(p.plan.steps.size());
    out.number(p.plan.wave_ends.size()).number(p.plan.extra_steps).real(p.plan.duration).real(p.plan.downtime).end();
    for (const std::size_t end : p.plan.wave_ends) out.line("wave").number(end).end();
    for (const migration_step& s : p.plan.steps) {
        out.line("step").number(s.task.value()).place(s.from).place(s.to).word(to_string(s.kind));
        out.real(s.duration).real(s.downtime).end();
    }
    if (journal_version(p) > 1) write_names(out, p.names);
    for (std::size_t i = 0; i < p.records.size(); ++i) {
        if (p.records[i] != migration_record{}) write_record(out, i, p.records[i]);
    }
    write_run(out, p);
}

inline void read_record(checked_reader& in, migration_progress& p) {
    if (p.records.empty()) return in.refuse("first word", "state", {"run, in a text without steps"});
    const std::uint64_t step = in.number("step", p.records.size() - 1);
    migration_record r;
    r.serial = in.number("serial");
    r.phase = in.name<migration_phase>("phase", 6, phase_word);
    r.outcome = in.name<migration_outcome>("outcome", migration_outcome_count, to_string);
    r.direction = in.name<migration_direction>("direction", 2, direction_word);
    r.action = in.name<migration_action>("action", migration_action_count, to_string);
    r.failure = in.name<migration_failure>("failure", migration_failure_count, to_string);
    r.failed = in.name<migration_action>("failed", migration_action_count, to_string);
    r.known.task = in.name<task_location>("task", task_location_count, to_string);
    r.known.source_held = in.flag("source_held");
    r.known.target_held = in.flag("target_held");
    r.known.image_at_source = in.flag("image_at_source");
    r.known.busy = in.flag("busy");
    r.attempts = static_cast<std::uint32_t>(in.number("attempts", 0xffffffffU));
    r.since = in.real("since");
    r.begun = in.real("begun");
    r.ended = in.real("ended");
    r.stopped = in.real("stopped");
    r.downtime = in.real("downtime");
    in.end_line();
    if ((r.phase == migration_phase::ended) == (r.outcome == migration_outcome::open)) {
        in.refuse("outcome", to_string(r.outcome), {"open exactly while the phase is not ended"});
    }
    if (in.ok()) p.records[step] = r;
}

inline void read_run(checked_reader& in, migration_progress& p) {
    p.serial = in.number("serial");
    p.actions = in.number("actions");
    p.retries = in.number("retries");
    p.stopped = static_cast<stop_reason>(in.number("stopped", 3));
    p.given_up = in.flag("given_up");
    in.end_line();
}

/// Each list is in ascending order, so that names are found by their positions.
inline void read_names(checked_reader& in, migration_names& names) {
    if (const auto kind = in.next_line(); kind != "names") in.refuse("first word", kind, {"names"});
    const std::uint64_t tasks = in.number("tasks", 0xffffffffU);
    const std::uint64_t nodes = in.number("nodes", 0xffffffffU);
    const std::uint64_t gpus = in.number("gpus", 0xffffffffU);
    in.end_line();
    const auto position = [&](const char* field) {
        return static_cast<std::size_t>(in.number(field, gone_position - 1));
    };
    const auto begin = [&](const char* kind) {
        if (const auto found = in.next_line(); found != kind) in.refuse("first word", found, {kind});
    };
    const auto check_order = [&](const auto& list, auto key) {
        if (list.size() < 2 || key(list[list.size() - 2]) < key(list.back())) return;
        in.refuse("position", "not behind that of the line before", {"ascending order"});
    };
    for (std::uint64_t i = 0; i < tasks && in.ok(); ++i) {
        begin("task");
        migration_names::task t;
        t.at = task_index{position("task")};
        t.generation = static_cast<std::uint32_t>(in.number("generation", 0xffffffffU));
        t.name = in.text("name");
        in.end_line();
        names.tasks.push_back(std::move(t));
        check_order(names.tasks, [](const migration_names::task& each) { return each.at; });
    }
    for (std::uint64_t i = 0; i < nodes && in.ok(); ++i) {
        begin("node");
        migration_names::node n;
        n.at = node_index{position("node")};
        n.name = in.text("name");
        in.end_line();
        names.nodes.push_back(std::move(n));
        check_order(names.nodes, [](const migration_names::node& each) { return each.at; });
    }
    for (std::uint64_t i = 0; i < gpus && in.ok(); ++i) {
        begin("gpu");
        migration_names::gpu g;
        g.node = node_index{position("node")};
        g.position = static_cast<std::size_t>(in.number("position", max_gpus_per_node - 1));
        g.uuid = in.text("uuid");
        in.end_line();
        names.gpus.push_back(std::move(g));
        check_order(names.gpus, [](const migration_names::gpu& each) { return std::pair{each.node, each.position}; });
    }
}

inline void read_plan(checked_reader& in, migration_progress& p) {
    // Before the sum of the line, which another version may compute in another way.
    const auto [name, version] = in.peek_words();
    if (in.whole_line() && name != "berth-migration") in.refuse_line(1, "first word", name, {"berth-migration"});
    if (in.whole_line() && version != "1" && version != "2") {
        in.refuse_line(1, "version", version, {"1 or 2, the versions of a journal that this reader knows"});
    }
    (void)in.next_line();
    const bool with_names = in.number("version") > 1;
    p.run = in.number("run");
    p.fingerprint = in.bits("fingerprint");
    const std::uint64_t steps = in.number("steps", 0xffffffffU);
    const std::uint64_t waves = in.number("waves", 0xffffffffU);
    p.plan.extra_steps = static_cast<std::size_t>(in.number("extra_steps", 0xffffffffU));
    p.plan.duration = in.real("duration");
    p.plan.downtime = in.real("downtime");
    in.end_line();
    for (std::uint64_t w = 0; w < waves && in.ok(); ++w) {
        if (const auto kind = in.next_line(); kind != "wave") in.refuse("first word", kind, {"wave"});
        const std::uint64_t end = in.number("end", steps);
        in.end_line();
        if (end < (p.plan.wave_ends.empty() ? 0 : p.plan.wave_ends.back()) || (w + 1 == waves && end != steps)) {
            in.refuse("end", sentence({end}), {"ends of waves in order, the last one ", steps});
        }
        p.plan.wave_ends.push_back(static_cast<std::size_t>(end));
    }
    if (waves == 0 && steps > 0) in.refuse("waves", "0", {"some, for so many steps"});
    for (std::uint64_t s = 0; s < steps && in.ok(); ++s) {
        if (const auto kind = in.next_line(); kind != "step") in.refuse("first word", kind, {"step"});
        migration_step step;
        step.task = task_index{static_cast<std::size_t>(in.number("task", 0xfffffffeU))};
        step.from = in.place("from");
        step.to = in.place("to");
        step.kind = in.name<step_kind>("kind", 4, to_string);
        step.duration = in.real("duration");
        step.downtime = in.real("downtime");
        in.end_line();
        if (step.from == step.to) in.refuse("to", "the same as from", {"another slot"});
        p.plan.steps.push_back(step);
    }
    if (with_names) read_names(in, p.names);
    p.records.resize(p.plan.steps.size());
}

}  // namespace detail

/// The whole run as text, as `replace` writes it. O(steps).
[[nodiscard]] inline std::string save_migration(const migration_progress& progress) {
    detail::checked_writer out;
    detail::write_whole(out, progress);
    return out.text();
}

/// Reads a journal, or what `save_migration` made: the last line about every step counts. Deterministic, O(text).
///
/// @return the run; or an error that names line and field, if the text ends too early, has lost, doubled or moved a
///         line, was changed, or has another format version. CRLF at the end of lines is accepted.
[[nodiscard]] inline result<migration_progress> load_migration(std::string_view text,
                                                               torn_line torn = torn_line::refuse) {
    detail::checked_reader in{text};
    migration_progress progress;
    detail::read_plan(in, progress);
    bool whole = false;
    while (in.ok() && !(whole && in.at_end())) {
        if (whole && in.torn() && torn == torn_line::drop) break;
        const std::string_view kind = in.next_line();
        if (kind == "state") {
            detail::read_record(in, progress);
        } else if (kind == "run") {
            detail::read_run(in, progress);
            whole = true;
        } else {
            in.refuse("first word", kind, {"state or run"});
        }
    }
    if (!in.ok()) return in.failure();
    return progress;
}

}  // namespace berth::inline v0
