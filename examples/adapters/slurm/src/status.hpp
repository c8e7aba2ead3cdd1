// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge.hpp"
#include "move_desk.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
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

    /// Does it, and measures by the clock on the wall.
    template <class Act>
    void time(Act act) {
        const auto begin = std::chrono::steady_clock::now();
        act();
        add(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    /// Does it, and measures the processor time of this thread: what waits for nobody.
    template <class Act>
    void compute(Act act) {
        const double begin = processor_seconds();
        act();
        add(processor_seconds() - begin);
    }

private:
    [[nodiscard]] static double processor_seconds() noexcept {
        std::timespec t{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
    }
    void add(double seconds) noexcept {
        ++count;
        total += seconds;
        longest = std::max(longest, seconds);
    }
};

/// Where the time goes.
struct timings {
    timed read;                   ///< Slurm is asked for all jobs and nodes
    timed observe;                ///< what it says becomes events; processor time
    timed decide;                 ///< events become decisions; processor time
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
    const nlohmann::json status{{"time", seen.time},
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
                                 {{"read", entry(spent.read)},
                                  {"observe", entry(spent.observe)},
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
