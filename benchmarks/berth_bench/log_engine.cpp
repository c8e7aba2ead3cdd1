// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_engine.hpp"

#include "berth/io/event_log_policies.hpp"

#include <variant>

namespace bench {

namespace io = berth::io;

berth::result<void> log_engine::apply(const io::event& e, const log_fleet& fleet) {
    // An engine forgets the names of jobs that ended long ago; this fleet does not.
    const auto* progress = std::get_if<io::progress_event>(&e);
    if (progress != nullptr && fleet.job(progress->job)->ended()) return {};
    return calls_.call(engine_, e);
}

berth::result<void> log_engine::decide(double time, std::vector<named_decision>& to) {
    const auto decided = engine_.decide(time);
    if (!decided) return decided.error();
    const std::size_t first = to.size();
    for (const berth::decision& one : *decided) to.push_back(io::named(engine_.known(), one));
    // A look at every node for each job: not on large fleets.
    constexpr std::size_t most_nodes = 1000;
    if (engine_.cluster().fleet().node_count() > most_nodes) return {};
    for (std::size_t i = first; i < to.size(); ++i) {
        auto* wait = std::get_if<io::wait_decision>(&to[i].what);
        if (wait == nullptr) continue;
        if (const auto job = engine_.find_job(wait->job))
            io::note_nearest(engine_.known(), engine_.explain(*job), *wait);
    }
    return {};
}

std::unique_ptr<log_engine> make_log_engine(const log_counters& counters, const log_engine_options& options) {
    io::event_log_calls calls{counters};
    auto engine = io::make_log_scheduler(
        options.policy, calls.schema(),
        {.acknowledge = options.acknowledged ? berth::acknowledgement::reported : berth::acknowledgement::at_once,
         .grace = options.grace});
    if (!engine) return nullptr;
    return std::make_unique<log_engine>(std::move(calls), std::move(*engine));
}

}  // namespace bench
