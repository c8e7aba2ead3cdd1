// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "records.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace berth_slurm {

/// A job of berth's own that keeps room on a node: an end of a move.
struct holder_request {
    std::string comment{};  ///< `berth-hold:JOB:source` or `berth-hold:JOB:target`
    std::string node{};
    std::string gres{};  ///< as `gres_text`
    std::uint32_t cpus = 1;
    berth::amount memory = 0;  ///< MiB
};

/// All that berth asks of Slurm. Each call is carried out when it returns, or answers why not.
class slurm_port {
public:
    virtual ~slurm_port() = default;
    /// Everything that Slurm knows now.
    [[nodiscard]] virtual berth::result<snapshot> read() = 0;
    /// Pins a pending job to nodes and GPUs, and releases it.
    ///
    /// @param job    as the last reading had it
    /// @param nodes  separated by commas
    /// @param gres   of each node; of a job that was started before, what it was then
    /// @param first  true: before all other jobs that wait
    virtual berth::result<void> pin(const job_record& job, const std::string& nodes, const std::string& gres,
                                    bool first) = 0;
    /// Keeps a pending job from starting.
    virtual berth::result<void> hold(std::uint32_t job) = 0;
    /// Stops a running job; it is held then.
    virtual berth::result<void> requeue(std::uint32_t job) = 0;
    /// Sends a signal to the processes of a running job.
    virtual berth::result<void> signal(std::uint32_t job, int number) = 0;
    /// Ends a job.
    virtual berth::result<void> cancel(std::uint32_t job) = 0;
    /// Submits a holder, before all other jobs that wait.
    virtual berth::result<std::uint32_t> submit_holder(const holder_request& wanted) = 0;
    /// Lets a node take nothing new.
    virtual berth::result<void> drain(const std::string& node, const std::string& reason) = 0;
    /// Lets it take jobs again.
    virtual berth::result<void> resume(const std::string& node) = 0;
};

}  // namespace berth_slurm
