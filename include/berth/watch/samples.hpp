// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace berth::inline v0 {

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
};

/// What a monitor reads of a node at one moment. A sample without any field is a sign of life.
struct node_sample {
    double time = gpu_sample::absent;   ///< seconds, by the exporter's clock
    node_handle node{};                 ///< of which node
    double power = gpu_sample::absent;  ///< W, 0 or more
    std::optional<bool> fault{};        ///< the node as a whole does not work: a host error, a failed self-test
};

namespace detail {

[[nodiscard]] inline result<void> check_number(phrase item, const char* field, double x, double lowest) {
    if (x != x || (x >= lowest && x < std::numeric_limits<double>::infinity())) return {};
    const char* says = x < lowest ? (lowest < 0.0 ? " is not finite" : " is negative") : " is infinite";
    return refuse(error_code::invalid_value, {item, ": ", field, says});
}
[[nodiscard]] inline result<void> check_time(phrase item, double time) {
    if (time == time) return check_number(item, "time", time, std::numeric_limits<double>::lowest());
    return refuse(error_code::invalid_value, {item, ": time is not a number"});
}

}  // namespace detail

/// Whether a sample is usable: an error names the GPU's handle and the field. NaN is right for every field but `time`.
[[nodiscard]] inline result<void> check(const gpu_sample& s) {
    constexpr double any = std::numeric_limits<double>::lowest();
    const std::uint32_t position = s.gpu.position();
    const std::string item = detail::sentence({"sample of GPU ", position});
    if (auto ok = detail::check_time(item, s.time); !ok) return ok;
    if (auto ok = detail::check_number(item, "load", s.load, 0.0); !ok) return ok;
    if (auto ok = detail::check_number(item, "temperature", s.temperature, any); !ok) return ok;
    if (auto ok = detail::check_number(item, "power", s.power, 0.0); !ok) return ok;
    return detail::check_number(item, "energy", s.energy, 0.0);
}
/// The same for a node.
[[nodiscard]] inline result<void> check(const node_sample& s) {
    const std::string item = detail::sentence({"sample of node ", s.node.position()});
    if (auto ok = detail::check_time(item, s.time); !ok) return ok;
    return detail::check_number(item, "power", s.power, 0.0);
}

}  // namespace berth::inline v0
