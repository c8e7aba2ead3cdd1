// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace top {

inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// What a fleet was like at one time.
struct fleet_sample {
    double time = 0.0;
    double in_use = 0.0;       ///< share of the compute of all GPUs, 0 to 1; more if over-committed
    double running = 0.0;      ///< jobs
    double waiting = 0.0;      ///< jobs with a task that waits
    double power = unknown;    ///< W, of the GPUs whose power is known
    double hottest = unknown;  ///< °C, the most since the sample before
    double out = 0.0;          ///< GPUs that take nothing new: sick, hot, closed, drained
};

/// A few hundred samples of any length of time: when there are too many, every second one is dropped, and the next ones
/// are that much further apart.
class sampled_history {
public:
    static constexpr std::size_t most = 1025;  // odd, so that the last one is kept

    /// True if a sample of that time is wanted.
    [[nodiscard]] bool wants(double time) const { return samples_.empty() || time >= samples_.back().time + step_; }
    /// Takes a sample; one of the same time replaces the last.
    void add(const fleet_sample& s);
    [[nodiscard]] const std::vector<fleet_sample>& samples() const { return samples_; }

private:
    std::vector<fleet_sample> samples_;
    double step_ = 0.0;
};

/// What occupied a GPU, or kept it out of use, from when to when.
struct lane_segment {
    enum class kind : std::uint8_t { task, sick, hot, closed };

    kind is = kind::task;
    std::uint32_t job = 0;   ///< in `lanes::job_names`, of a task
    std::uint32_t task = 0;  ///< of a task
    double begin = 0.0;
    double end = unknown;  ///< NaN: still so
};
/// A GPU and its past.
struct gpu_lane {
    std::string gpu{};
    std::string node{};
    std::vector<lane_segment> segments{};
};

/// The past of every GPU. Keeps the last `most` segments; `forgotten` says how many it dropped.
class gpu_lanes {
public:
    static constexpr std::size_t most = 200'000;

    /// The lane of a GPU, made if there is none.
    std::size_t lane(const std::string& gpu, const std::string& node);
    /// The number of a job's name.
    std::uint32_t job(const std::string& name);
    void begin(std::size_t lane, lane_segment::kind is, std::uint32_t job, std::uint32_t task, double time);
    /// Ends what has begun. One that ends when it began is no part of the past.
    void end(std::size_t lane, lane_segment::kind is, std::uint32_t job, std::uint32_t task, double time);

    [[nodiscard]] const std::vector<gpu_lane>& lanes() const { return lanes_; }
    [[nodiscard]] const std::vector<std::string>& job_names() const { return job_names_; }
    [[nodiscard]] std::size_t forgotten() const { return forgotten_; }

private:
    void forget_half();

    std::vector<gpu_lane> lanes_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::vector<std::string> job_names_;
    std::map<std::string, std::uint32_t, std::less<>> job_index_;
    std::size_t segments_ = 0;
    std::size_t forgotten_ = 0;
};

}  // namespace top
