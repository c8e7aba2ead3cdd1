// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_engine.hpp"

#include "berth/io/event_log_policies.hpp"
#include "berth/scheduler/expected_start.hpp"

#include "support/data_folders.hpp"
#include "support/mig_table.hpp"

#include <algorithm>
#include <variant>

namespace bench {

namespace io = berth::io;

berth::result<void> log_engine::apply(const io::event& e, const log_fleet& fleet) {
    // An engine forgets the names of jobs that ended long ago; this fleet does not.
    const auto* progress = std::get_if<io::progress_event>(&e);
    if (progress != nullptr && fleet.job(progress->job)->ended()) return {};
    // A slice may stand without its GPU; the fleet knows which it is.
    if (const auto* running = std::get_if<io::running_event>(&e); running != nullptr && running->mig) {
        io::running_event whole = *running;
        whole.gpus = fleet.job(running->job)->tasks[running->task].place.gpus;
        return calls_.call(engine_, io::event{whole});
    }
    return calls_.call(engine_, e);
}

berth::result<void> log_engine::decide(double time, std::vector<named_decision>& to) {
    const auto decided = engine_.decide(time);
    if (!decided) return decided.error();
    const std::size_t first = to.size();
    for (const berth::decision& one : *decided) to.push_back(io::named(engine_.known(), one));
    // A look at every node for each job: not on large fleets.
    constexpr std::size_t most_nodes = 1000;
    // A look at every job that runs, for each job.
    constexpr std::size_t most_expected = 100;
    std::size_t expected = 0;
    if (engine_.cluster().fleet().node_count() > most_nodes) return {};
    for (std::size_t i = first; i < to.size(); ++i) {
        auto* wait = std::get_if<io::wait_decision>(&to[i].what);
        if (wait == nullptr) continue;
        const auto job = engine_.find_job(wait->job);
        if (!job) continue;
        // A slice fits or not by its position, which no counter tells.
        if (engine_.known().mig_profile(*job).empty()) io::note_nearest(engine_.known(), engine_.explain(*job), *wait);
        if (!wait->at && expected++ < most_expected) wait->at = berth::expected_start(engine_, *job);
    }
    return {};
}

std::unique_ptr<log_engine> make_log_engine(const log_counters& counters, const log_engine_options& options) {
    io::event_log_calls calls{counters};
    auto engine = io::make_log_scheduler(
        options.policy, calls.schema(),
        {.acknowledge = options.acknowledged ? berth::acknowledgement::reported : berth::acknowledgement::at_once,
         .grace = options.grace},
        options.consolidate);
    if (!engine) return nullptr;
    for (const berth::mig_board& board : options.boards) (void)engine->mig_board(board);
    return std::make_unique<log_engine>(std::move(calls), std::move(*engine));
}

namespace {

bool mentions_slices(const io::event& e) {
    if (const auto* job = std::get_if<io::job_event>(&e)) return job->mig.has_value();
    if (const auto* running = std::get_if<io::running_event>(&e)) return running->mig.has_value();
    const auto* node = std::get_if<io::node_event>(&e);
    return node != nullptr && std::any_of(node->gpus.begin(), node->gpus.end(),
                                          [](const io::gpu_entry& gpu) { return gpu.mig_board.has_value(); });
}

}  // namespace

berth::result<std::vector<berth::mig_board>> boards_for(std::span<const io::event> log, const std::string& file) {
    if (file.empty() && std::none_of(log.begin(), log.end(), mentions_slices)) return std::vector<berth::mig_board>{};
    return read_mig_boards(file.empty() ? own_data_folder("mig") + "/mig-profiles.csv" : file);
}

}  // namespace bench
