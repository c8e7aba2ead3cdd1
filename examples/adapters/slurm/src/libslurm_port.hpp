// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "port.hpp"

#include <cstdint>
#include <ctime>
#include <string>

namespace berth_slurm {

/// Slurm itself, over libslurm. One at a time: libslurm keeps its configuration in globals.
class libslurm_port final : public slurm_port {
public:
    /// Reads the configuration.
    ///
    /// @param configuration  path of slurm.conf; empty: as SLURM_CONF says
    explicit libslurm_port(const std::string& configuration);
    ~libslurm_port() override;
    libslurm_port(const libslurm_port&) = delete;             ///< it owns libslurm's globals
    libslurm_port& operator=(const libslurm_port&) = delete;  ///< it owns libslurm's globals

    berth::result<snapshot> read() override;
    berth::result<void> pin(const job_record& job, const std::string& nodes, const std::string& gres,
                            bool first) override;
    berth::result<void> hold(std::uint32_t job) override;
    berth::result<void> requeue(std::uint32_t job) override;
    berth::result<void> signal(std::uint32_t job, int number) override;
    berth::result<void> cancel(std::uint32_t job) override;
    berth::result<std::uint32_t> submit_holder(const holder_request& wanted) override;
    berth::result<void> drain(const std::string& node, const std::string& reason) override;
    berth::result<void> resume(const std::string& node) override;

private:
    std::uint64_t serial_ = 0;
    std::time_t told_at_ = 0;    // after the configuration that was read last
    std::time_t booted_at_ = 0;  // of slurmctld
};

}  // namespace berth_slurm
