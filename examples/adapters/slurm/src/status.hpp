// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge.hpp"
#include "move_desk.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace berth_slurm {

/// How often something was done, and how long it took.
struct timed {
    std::uint64_t count = 0;
    double total = 0.0;    ///< seconds
    double longest = 0.0;  ///< seconds

    /// Does it, and measures.
    template <class Act>
    void time(Act act) {
        const auto begin = std::chrono::steady_clock::now();
        act();
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        ++count;
        total += seconds;
        longest = std::max(longest, seconds);
    }
};

/// Where the time goes.
struct timings {
    timed observe;                ///< what Slurm says becomes events
    timed decide;                 ///< events become decisions
    timed pin;                    ///< Slurm's updates that start a job
    timed other;                  ///< its other updates
    std::uint64_t decisions = 0;  ///< starts, evictions, moves and reasons
};

/// Writes what berth knows into a file, which is never seen half written.
inline void write_status(const std::filesystem::path& file, const bridge& scheduler, const move_desk& desk,
                         const timings& spent, const snapshot& seen, const std::vector<std::string>& differences) {
    nlohmann::json jobs = nlohmann::json::object();
    for (const auto& [id, known] : scheduler.jobs()) {
        nlohmann::json places = nlohmann::json::array();
        for (const allocation& a : known.places) {
            nlohmann::json gpus = nlohmann::json::array();
            for (berth::gpu_mask rest = a.gpus; rest != 0; rest &= rest - 1) gpus.push_back(berth::lowest_gpu(rest));
            places.push_back({{"node", a.node}, {"gpus", std::move(gpus)}, {"share", a.share}});
        }
        jobs[std::to_string(id)] = {{"phase", to_string(known.phase)}, {"places", std::move(places)}};
    }
    const auto entry = [](const timed& t) {
        return nlohmann::json{{"count", t.count}, {"seconds", t.total}, {"longest", t.longest}};
    };
    const auto moves = [&](berth::migration_outcome outcome) { return desk.count(outcome); };
    const nlohmann::json status{
        {"time", seen.time},
        {"serial", seen.serial},
        {"jobs", std::move(jobs)},
        {"differences", differences},
        {"moves",
         {{"under_way", desk.size()},
          {"done", moves(berth::migration_outcome::done)},
          {"rolled_back", moves(berth::migration_outcome::rolled_back)},
          {"lost", moves(berth::migration_outcome::lost)},
          {"gone", moves(berth::migration_outcome::gone)},
          {"invalid", moves(berth::migration_outcome::invalid)},
          {"unresolved", moves(berth::migration_outcome::unresolved)}}},
        {"spent",
         {{"observe", entry(spent.observe)},
          {"decide", entry(spent.decide)},
          {"pin", entry(spent.pin)},
          {"other", entry(spent.other)},
          {"decisions", spent.decisions}}}};
    const std::filesystem::path fresh{file.string() + ".new"};
    std::ofstream{fresh} << status.dump(1) << '\n';
    std::error_code ignored;
    std::filesystem::rename(fresh, file, ignored);
}

}  // namespace berth_slurm
