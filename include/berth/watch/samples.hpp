// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace berth::inline v0 {

/// What the driver of a GPU asks for, by the numbers of NVML and DCGM.
enum class recovery_action : std::uint8_t {
    none = 0,                 ///< nothing
    gpu_reset = 1,            ///< a reset of the GPU
    node_reboot = 2,          ///< a reboot of its node
    drain_peers = 3,          ///< that the GPUs in contact with it be drained
    drain_and_reset = 4,      ///< both: a drain, then a reset
    recover_imex_domain = 5,  ///< that the nodes which share memory over NVLink connect anew
    bus_reset = 6,            ///< a reset of the bus that it is on
    system_reboot = 7,        ///< a reboot of the whole system
};

/// The action of a number as NVML and DCGM write it; nothing for one of a driver to come.
[[nodiscard]] constexpr std::optional<recovery_action> to_recovery_action(std::uint64_t number) noexcept {
    if (number > static_cast<std::uint64_t>(recovery_action::system_reboot)) return std::nullopt;
    return static_cast<recovery_action>(number);
}

/// What a monitor reads of a GPU at one moment. What was not measured stays absent: a NaN, or an empty optional. It is
/// never taken for 0. An exporter's own sign for "not supported" is for the reader to leave out.
struct gpu_sample {
    static constexpr double absent = std::numeric_limits<double>::quiet_NaN();  ///< not measured

    double time = absent;         ///< seconds, by the exporter's clock; a sample of the same time is no news
    gpu_handle gpu{};             ///< of which GPU
    double load = absent;         ///< share of its capability in use, 0 or more
    double temperature = absent;  ///< °C
    double power = absent;        ///< W, 0 or more
    double energy = absent;       ///< J, 0 or more: a counter that grows until it is reset

    std::optional<std::uint32_t> xid{};                ///< code of the last XID error, 0: none; may stay shown for long
    std::optional<std::uint64_t> xid_count{};          ///< number of XID errors: a counter
    std::optional<std::uint64_t> ecc_correctable{};    ///< corrected memory errors: a counter
    std::optional<std::uint64_t> ecc_uncorrectable{};  ///< memory errors that were not corrected: a counter
    std::optional<std::uint64_t> remapped_rows{};      ///< rows remapped after uncorrectable errors: a counter
    std::optional<bool> remap_failed{};                ///< a row could not be remapped
    std::optional<std::uint64_t> throttle_reasons{};   ///< NVML's bits of clock event reasons
    std::optional<recovery_action> recovery{};         ///< what the driver asks for
};

/// What a monitor reads of a node at one moment. A sample without any field is a sign of life.
struct node_sample {
    double time = gpu_sample::absent;   ///< seconds, by the exporter's clock
    node_handle node{};                 ///< of which node
    double power = gpu_sample::absent;  ///< W, 0 or more
    std::optional<bool> fault{};        ///< the node as a whole does not work: a host error, a failed self-test
};

namespace detail {

/// What is wrong with a number that may be absent; null if nothing is.
[[nodiscard]] constexpr const char* fault_of_number(double x, double lowest) noexcept {
    if (x != x || (x >= lowest && x < std::numeric_limits<double>::infinity())) return nullptr;
    return x > lowest ? " is infinite" : lowest < 0.0 ? " is not finite" : " is negative";
}
/// What is wrong with a time; null if nothing is.
[[nodiscard]] constexpr const char* fault_of_time(double x) noexcept {
    return x != x ? " is not a number" : fault_of_number(x, std::numeric_limits<double>::lowest());
}

}  // namespace detail

/// Whether a sample is usable: an error names the GPU's handle and the field. NaN is right for every field but `time`.
[[nodiscard]] inline result<void> check(const gpu_sample& s) {
    const char* field = "time";
    const char* wrong = detail::fault_of_time(s.time);
    const auto next = [&](const char* name, double x, double lowest) {
        if (wrong != nullptr) return;
        field = name;
        wrong = detail::fault_of_number(x, lowest);
    };
    next("load", s.load, 0.0);
    next("temperature", s.temperature, std::numeric_limits<double>::lowest());
    next("power", s.power, 0.0);
    next("energy", s.energy, 0.0);
    if (wrong == nullptr) return {};
    return detail::refuse(error_code::invalid_value, {"sample of GPU ", s.gpu.position(), ": ", field, wrong});
}
/// The same for a node.
[[nodiscard]] inline result<void> check(const node_sample& s) {
    const char* field = "time";
    const char* wrong = detail::fault_of_time(s.time);
    if (wrong == nullptr) {
        field = "power";
        wrong = detail::fault_of_number(s.power, 0.0);
    }
    if (wrong == nullptr) return {};
    return detail::refuse(error_code::invalid_value, {"sample of node ", s.node.position(), ": ", field, wrong});
}

}  // namespace berth::inline v0
