// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_replay.hpp"

#include "berth/io/event_log_policies.hpp"

#include "berth_bench/log_engine.hpp"
#include "support/cpu_deadline.hpp"
#include "support/csv_table.hpp"
#include "support/progress.hpp"

#include <fmt/format.h>

#include <limits>
#include <memory>
#include <utility>
#include <variant>

namespace bench {

namespace {

using berth::error_code;
using berth::result;
namespace io = berth::io;

/// The engine and the names beside it, told of everything together.
class replay {
public:
    replay(std::string file, replayed_log& found, log_engine& engine)
        : file_{std::move(file)}, found_{found}, engine_{engine} {}

    [[nodiscard]] result<void> take(const io::numbered_event& e) {
        const auto time = io::event_time(e.what);
        if (time && now_ && *time > *now_) {
            if (auto ok = advance(*time); !ok) return ok;
        }
        if (time) now_ = time;
        ++found_.events[std::string{io::event_name(e.what)}];
        if (const auto missing = find_not_yet(e.what))
            return file_fault(error_code::invalid_value, file_, e.line, missing->field, missing->why);
        const auto changed = found_.end.apply(e.what, e.line);
        if (!changed) return changed.error();
        if (const auto* expected = std::get_if<io::expectation>(&e.what)) found_.expected = *expected;
        if (!*changed) {
            ++found_.duplicates;
        } else if (const auto ok = engine_.apply(e.what, found_.end); !ok) {
            return berth::error{ok.error().code, fmt::format("{}:{}: {}", file_, e.line, ok.error().message)};
        }
        if (std::holds_alternative<io::decide_event>(e.what)) return decide(*time);
        return {};
    }
    /// Decides what is due at the last time, and whenever the engine wakes until then.
    [[nodiscard]] result<void> finish(double until) {
        if (!now_) return {};
        if (auto ok = decide(*now_); !ok) return ok;
        return wake(until, true);
    }

private:
    [[nodiscard]] result<void> advance(double next) {
        if (auto ok = decide(*now_); !ok) return ok;
        return wake(next, false);
    }
    /// An engine that wakes at `next` itself is asked with the events of that time.
    [[nodiscard]] result<void> wake(double next, bool at_next) {
        while (!found_.broken && !interrupted()) {
            const double at = engine_.wake_at();
            if (!(at > decided_at_) || at > next || (at == next && !at_next)) break;
            if (auto ok = decide(at); !ok) return ok;
        }
        return {};
    }
    [[nodiscard]] result<void> decide(double time) {
        if (found_.broken) return {};
        decided_at_ = time;
        made_.clear();
        const double begin = cpu_seconds();
        const auto decided = engine_.decide(time, made_);
        found_.decide_seconds += cpu_seconds() - begin;
        ++found_.times_decided;
        if (!decided) return decided.error();
        for (named_decision& one : made_) {
            ++found_.decisions[std::string{io::decision_name(one.what)}];
            const auto ok = found_.end.apply(one.what, one.form);
            if (!ok && !found_.broken) found_.broken = fmt::format("at {}: {}", time, ok.error().message);
            found_.decided.push_back(std::move(one.what));
        }
        const auto fits = found_.end.check_room();
        if (!fits && !found_.broken) found_.broken = fmt::format("at {}: {}", time, fits.error().message);
        return {};
    }

    std::string file_;
    replayed_log& found_;
    log_engine& engine_;
    std::optional<double> now_;
    double decided_at_ = -1.0;
    std::vector<named_decision> made_;
};

}  // namespace

result<replayed_log> replay_log(const std::vector<io::numbered_event>& log, const std::string& file,
                                const replay_settings& settings) {
    std::vector<io::event> events;
    for (const io::numbered_event& one : log) events.push_back(one.what);
    const io::log_defaults defaults = events.empty() ? io::log_defaults{} : io::defaults_of(events.front());
    const bool acknowledged = defaults.options.acknowledge == berth::acknowledgement::reported;
    log_engine_options options{.policy = settings.policy.empty() ? defaults.policy : settings.policy,
                               .acknowledged = settings.acknowledged.value_or(acknowledged),
                               .grace = defaults.options.grace,
                               .consolidate = defaults.consolidate};
    auto boards = boards_for(events, settings.mig_profiles);
    if (!boards) return boards.error();
    options.boards = std::move(*boards);
    const std::unique_ptr<log_engine> engine = make_log_engine(counters_of(events), options);
    if (engine == nullptr) {
        const std::string known = fmt::format("{}", fmt::join(
                                                        [] {
                                                            std::vector<std::string_view> names;
                                                            for (const io::log_policy& one : io::log_policies())
                                                                names.push_back(one.name);
                                                            return names;
                                                        }(),
                                                        ", "));
        const std::string why = "there is no policy " + shown(options.policy) + "; there are " + known;
        if (!settings.policy.empty()) return berth::error{error_code::unknown_name, "--policy: " + why};
        return file_fault(error_code::unknown_name, file, log.front().line, "policy", why);
    }
    replayed_log found{.policy = options.policy,
                       .acknowledged = options.acknowledged,
                       .end = log_fleet{file, options.acknowledged, options.boards}};
    replay run{file, found, *engine};
    for (const io::numbered_event& one : log) {
        if (interrupted()) return berth::error{error_code::io, "interrupted"};
        if (auto ok = run.take(one); !ok) return ok.error();
    }
    if (auto ok = run.finish(settings.until.value_or(-1.0)); !ok) return ok.error();
    return found;
}

}  // namespace bench
