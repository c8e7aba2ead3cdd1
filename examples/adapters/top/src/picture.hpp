// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/place_reading.hpp"

#include "fleet_log.hpp"
#include "history.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace top {

/// The one word that matters most of a place; later ones are worse.
enum class condition : std::uint8_t {
    well,
    pressed,   ///< above its limit of load or power
    closed,    ///< takes nothing new
    draining,  ///< is emptied
    hot,       ///< above its limit of temperature
    sick,
};
[[nodiscard]] const char* word(condition c);
[[nodiscard]] condition condition_of(const berth::place_status& status);

/// A GPU as it is now. What is not known, or was measured too long ago, is NaN.
struct gpu_picture {
    std::string name{};
    std::string model{};
    condition is = condition::well;    ///< its own, or its node's
    double in_use = 0.0;               ///< share of its compute, 0 to 1; more if over-committed
    double load = unknown;             ///< share, measured
    double temperature = unknown;      ///< °C
    double power = unknown;            ///< W
    double memory = unknown;           ///< MiB in use, measured
    bool arriving = false;             ///< a task is on its way here
    std::vector<std::string> tasks{};  ///< `JOB/TASK` of those that run here
};
struct node_picture {
    std::string name{};
    condition is = condition::well;
    bool over = false;  ///< a counter has less than nothing free
    std::size_t tasks_without_gpu = 0;
    std::vector<gpu_picture> gpus{};
};
/// A job that waits.
struct queue_entry {
    std::string job{};
    std::int32_t priority = 0;
    double waits = 0.0;  ///< s
    std::size_t waiting = 0;
    std::size_t tasks = 0;
    std::string wants{};  ///< `2 × 1 GPU, cpu 8`
    std::string why{};    ///< `gpu on 2; n1 lacks gpu 1`
};
/// A move or an eviction whose end is not reported yet.
struct step_picture {
    bool move = true;
    std::string task{};
    std::string from{};
    std::string to{};  ///< of an eviction: for whom
    std::uint32_t wave = 0;
    std::string reason{};
    double since = 0.0;  ///< s
};

/// Everything that is shown of a fleet at one time.
struct fleet_picture {
    std::string file{};
    std::string policy{};
    double time = 0.0;
    std::size_t lines = 0;
    bool ended = false;
    std::size_t gpus = 0;
    std::size_t gpus_in_use = 0;    ///< in part, too
    double share = 0.0;             ///< of all compute, 0 to 1
    std::size_t free_gpus = 0;      ///< whole ones that take something
    std::size_t free_together = 0;  ///< the most of them on one node
    std::size_t out = 0;            ///< GPUs that are not well
    std::size_t jobs_running = 0;
    std::size_t jobs_waiting = 0;
    double power = unknown;  ///< W
    std::size_t power_known = 0;
    double hottest = unknown;
    std::string hottest_gpu{};
    std::vector<node_picture> nodes{};
    std::vector<queue_entry> queue{};   ///< by priority, then age
    std::vector<step_picture> steps{};  ///< by wave
    std::vector<std::string> recent{};  ///< decisions as sentences, the newest first
};

/// What a log shows at its present time. O(nodes + GPUs + tasks + jobs log jobs).
[[nodiscard]] fleet_picture make_picture(const fleet_log& log);

/// A decision as a sentence, without its time.
[[nodiscard]] std::string sentence(const berth::io::decision& d);

}  // namespace top
