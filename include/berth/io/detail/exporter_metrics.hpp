// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which metric of which exporter says what of a GPU, and by which labels. Sources: the metric lists of dcgm-exporter
// (field names of DCGM), of AMD's device-metrics-exporter and of Intel's xpumanager.

#include "berth/io/prometheus_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

namespace berth::inline v0::io::detail {

enum class exporter_field : std::uint8_t {
    load,
    engine_load,  // the share of time in which the engine works; where there is no load
    temperature,
    memory_temperature,
    power,
    energy,
    memory_used,
    memory_free,
    xid,
    ecc_correctable,
    ecc_uncorrectable,
    remapped_rows,
    remap_failed,
    throttle_reasons,
    recovery,
};

struct exporter_metric {
    std::string_view name;
    exporter_field field;
    double scale;  // to the unit of gpu_sample
};

inline constexpr double bytes_in_mib = 1024.0 * 1024.0;

// In the order of their names.
inline constexpr std::array exporter_metrics = {
    exporter_metric{"DCGM_FI_DEV_CLOCKS_EVENT_REASONS", exporter_field::throttle_reasons, 1.0},
    exporter_metric{"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", exporter_field::throttle_reasons, 1.0},
    exporter_metric{"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", exporter_field::ecc_uncorrectable, 1.0},
    exporter_metric{"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", exporter_field::ecc_correctable, 1.0},
    exporter_metric{"DCGM_FI_DEV_FB_FREE", exporter_field::memory_free, 1.0},
    exporter_metric{"DCGM_FI_DEV_FB_USED", exporter_field::memory_used, 1.0},
    exporter_metric{"DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION", exporter_field::recovery, 1.0},  // its name until DCGM 4.5
    exporter_metric{"DCGM_FI_DEV_GPU_RECOVERY_ACTION", exporter_field::recovery, 1.0},
    exporter_metric{"DCGM_FI_DEV_GPU_TEMP", exporter_field::temperature, 1.0},
    exporter_metric{"DCGM_FI_DEV_GPU_UTIL", exporter_field::load, 0.01},
    exporter_metric{"DCGM_FI_DEV_MEMORY_TEMP", exporter_field::memory_temperature, 1.0},
    exporter_metric{"DCGM_FI_DEV_POWER_USAGE", exporter_field::power, 1.0},
    exporter_metric{"DCGM_FI_DEV_ROW_REMAP_FAILURE", exporter_field::remap_failed, 1.0},
    exporter_metric{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", exporter_field::energy, 1e-3},
    exporter_metric{"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", exporter_field::remapped_rows, 1.0},
    exporter_metric{"DCGM_FI_DEV_XID_ERRORS", exporter_field::xid, 1.0},
    exporter_metric{"DCGM_FI_PROF_GR_ENGINE_ACTIVE", exporter_field::engine_load, 1.0},
    exporter_metric{"gpu_average_package_power", exporter_field::power, 1.0},
    exporter_metric{"gpu_ecc_correct_total", exporter_field::ecc_correctable, 1.0},
    exporter_metric{"gpu_ecc_uncorrect_total", exporter_field::ecc_uncorrectable, 1.0},
    exporter_metric{"gpu_edge_temperature", exporter_field::temperature, 1.0},
    exporter_metric{"gpu_energy_consumed", exporter_field::energy, 1e-6},
    exporter_metric{"gpu_free_vram", exporter_field::memory_free, 1.0},
    exporter_metric{"gpu_gfx_activity", exporter_field::load, 0.01},
    exporter_metric{"gpu_junction_temperature", exporter_field::temperature, 1.0},
    exporter_metric{"gpu_memory_temperature", exporter_field::memory_temperature, 1.0},
    exporter_metric{"gpu_package_power", exporter_field::power, 1.0},
    exporter_metric{"gpu_power_usage", exporter_field::power, 1.0},
    exporter_metric{"gpu_used_vram", exporter_field::memory_used, 1.0},
    exporter_metric{"xpum_energy_joules", exporter_field::energy, 1.0},
    exporter_metric{"xpum_energy_joules_total", exporter_field::energy, 1.0},
    exporter_metric{"xpum_engine_ratio", exporter_field::load, 0.01},
    exporter_metric{"xpum_memory_used_bytes", exporter_field::memory_used, 1.0 / bytes_in_mib},
    exporter_metric{"xpum_power_watts", exporter_field::power, 1.0},
    exporter_metric{"xpum_temperature_celsius", exporter_field::temperature, 1.0},
};
static_assert(std::ranges::is_sorted(exporter_metrics, {}, &exporter_metric::name));

[[nodiscard]] inline const exporter_metric* find_exporter_metric(std::string_view name) noexcept {
    const auto at = std::ranges::lower_bound(exporter_metrics, name, {}, &exporter_metric::name);
    return at != exporter_metrics.end() && at->name == name ? &*at : nullptr;
}

// Which GPU a row is about. Views into the text.
struct exporter_labels {
    std::string_view uuid;
    std::string_view number;  // of the GPU on its node, where there is no uuid
    std::string_view hostname;
    std::string_view model;
    std::string_view location;  // Intel: of a temperature
    bool part = false;          // of a MIG instance, a partition or a tile
};

[[nodiscard]] inline exporter_labels read_exporter_labels(std::span<const metric_label> labels) noexcept {
    exporter_labels read;
    bool exported_host = false;
    std::string_view serial;
    for (const metric_label& label : labels) {
        std::string_view name = label.name;
        // Prometheus puts its target's labels in the place of the exporter's, which it renames.
        const bool exported = name.starts_with("exported_");
        if (exported) name.remove_prefix(9);
        const auto take = [&](std::string_view& to) {
            if (exported || to.empty()) to = label.value;
        };
        switch (name.size()) {
            case 3:
                if (name == "gpu") take(read.number);
                break;
            case 4:
                if (name == "UUID" || name == "uuid") take(read.uuid);
                break;
            case 6:
                if (name == "gpu_id") take(read.number);
                break;
            case 7:
                if (name == "sub_dev") read.part = read.part || !label.value.empty();
                break;
            case 8:
                if (name == "GPU_I_ID") read.part = read.part || !label.value.empty();
                if (name == "gpu_uuid") take(read.uuid);
                if (name == "dev_name") take(read.model);
                if (name == "location") take(read.location);
                if (name == "hostname" || name == "Hostname") {
                    if (!exported_host) read.hostname = label.value;
                    exported_host = exported_host || exported;
                }
                break;
            case 9:
                if (name == "modelName") take(read.model);
                break;
            case 10:
                if (name == "model_name") take(read.model);
                break;
            case 11:
                if (name == "card_series") take(read.model);
                break;
            case 13:
                if (name == "serial_number") take(serial);
                break;
            case 16:
                if (name == "gpu_partition_id") read.part = read.part || (!label.value.empty() && label.value != "0");
                break;
            default: break;
        }
    }
    if (read.uuid.empty()) read.uuid = serial;
    return read;
}

// DCGM's numbers for what it does not know: from the least of each kind of number upwards, sixteen of them.
[[nodiscard]] inline bool is_blank(double value) noexcept {
    constexpr double blank32 = 2147483632.0;            // 0x7ffffff0
    constexpr double blank_double = 140737488355328.0;  // 2^47
    constexpr double blank64 = 9223372036854775792.0;   // 0x7ffffffffffffff0, rounded
    return std::isnan(value) || value >= blank64 || (value >= blank32 && value < blank32 + 16.0) ||
           (value >= blank_double && value < blank_double + 16.0);
}

// What a sensor can show; beyond it is a fault of the sensor or of the exporter.
[[nodiscard]] inline bool plausible(exporter_field field, double value) noexcept {
    constexpr double exact_counts = 9007199254740992.0;  // 2^53
    switch (field) {
        case exporter_field::load:
        case exporter_field::engine_load: return value >= 0.0 && value <= 2.0;
        case exporter_field::temperature:
        case exporter_field::memory_temperature: return value >= -50.0 && value <= 200.0;
        case exporter_field::power: return value >= 0.0 && value <= 1e5;
        case exporter_field::energy:
        case exporter_field::memory_used:
        case exporter_field::memory_free: return value >= 0.0 && value <= 1e15;
        case exporter_field::remap_failed: return value == 0.0 || value == 1.0;
        case exporter_field::xid: return value >= 0.0 && value < 4294967296.0 && value == std::floor(value);
        case exporter_field::ecc_correctable:
        case exporter_field::ecc_uncorrectable:
        case exporter_field::remapped_rows:
        case exporter_field::throttle_reasons:
        case exporter_field::recovery: return value >= 0.0 && value <= exact_counts && value == std::floor(value);
    }
    return false;
}

}  // namespace berth::inline v0::io::detail
