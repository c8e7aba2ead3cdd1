// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

// What berth uses of NVML, declared anew, so that nothing of NVIDIA's is needed to build. The types are laid out as in
// nvml.h, which never changes what has once been released; tests compare them with that header where it is there.

namespace berth::inline v0 {

/// NVML's return codes, as far as their difference matters here.
enum class nvml_status : int {
    success = 0,
    uninitialised = 1,
    invalid_argument = 2,
    not_supported = 3,
    no_permission = 4,
    driver_not_loaded = 9,
    timeout = 10,
    gpu_is_lost = 15,
    reset_required = 16,
    unknown = 999,
};

using nvml_device = struct nvmlDevice_st*;       ///< a GPU, for NVML
using nvml_event_set = struct nvmlEventSet_st*;  ///< a list of events that are waited for

/// `nvmlUtilization_t`: percent of the time.
struct nvml_utilisation {
    unsigned gpu;     ///< of the multiprocessors
    unsigned memory;  ///< of the memory interface
};
/// `nvmlMemory_t`: bytes.
struct nvml_memory {
    unsigned long long total;  ///< all
    unsigned long long free;   ///< not in use
    unsigned long long used;   ///< in use or reserved
};
/// `nvmlEventData_t`.
struct nvml_event {
    nvml_device device;         ///< where
    unsigned long long type;    ///< which kind, one bit
    unsigned long long data;    ///< the code of an XID error
    unsigned gpu_instance;      ///< of MIG, all bits: none
    unsigned compute_instance;  ///< of MIG, all bits: none
};
/// `nvmlFieldValue_t`, whose value is read as a whole number.
struct nvml_field {
    unsigned id;               ///< which field
    unsigned scope;            ///< 0 here
    long long time;            ///< µs since 1970
    long long latency;         ///< µs
    unsigned type;             ///< of the value
    nvml_status status;        ///< whether there is a value
    unsigned long long value;  ///< the first bytes are the value, little end first
};

inline constexpr unsigned nvml_recovery_field = 230;     ///< NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
inline constexpr unsigned long long nvml_xid_event = 8;  ///< nvmlEventTypeXidCriticalError
inline constexpr unsigned nvml_temperature_of_gpu = 0;   ///< NVML_TEMPERATURE_GPU
inline constexpr unsigned nvml_corrected_errors = 0;     ///< NVML_MEMORY_ERROR_TYPE_CORRECTED
inline constexpr unsigned nvml_uncorrected_errors = 1;   ///< NVML_MEMORY_ERROR_TYPE_UNCORRECTED
inline constexpr unsigned nvml_errors_since_boot = 0;    ///< NVML_VOLATILE_ECC

/// The functions of NVML that berth calls; null where a library lacks one.
struct nvml_functions {
    nvml_status (*init)() = nullptr;                                         ///< `nvmlInit_v2`, else `nvmlInit`
    nvml_status (*shutdown)() = nullptr;                                     ///< `nvmlShutdown`
    const char* (*error_string)(nvml_status) = nullptr;                      ///< `nvmlErrorString`
    nvml_status (*device_count)(unsigned*) = nullptr;                        ///< `nvmlDeviceGetCount_v2`, else without
    nvml_status (*device_by_index)(unsigned, nvml_device*) = nullptr;        ///< `nvmlDeviceGetHandleByIndex_v2`
    nvml_status (*name)(nvml_device, char*, unsigned) = nullptr;             ///< `nvmlDeviceGetName`
    nvml_status (*uuid)(nvml_device, char*, unsigned) = nullptr;             ///< `nvmlDeviceGetUUID`
    nvml_status (*utilisation)(nvml_device, nvml_utilisation*) = nullptr;    ///< `nvmlDeviceGetUtilizationRates`
    nvml_status (*memory)(nvml_device, nvml_memory*) = nullptr;              ///< `nvmlDeviceGetMemoryInfo`
    nvml_status (*temperature)(nvml_device, unsigned, unsigned*) = nullptr;  ///< `nvmlDeviceGetTemperature`
    nvml_status (*power)(nvml_device, unsigned*) = nullptr;                  ///< `nvmlDeviceGetPowerUsage`, mW
    nvml_status (*energy)(nvml_device, unsigned long long*) = nullptr;       ///< `...TotalEnergyConsumption`, mJ
    nvml_status (*throttle_reasons)(nvml_device, unsigned long long*) = nullptr;  ///< `...CurrentClocksEventReasons`
    /// `nvmlDeviceGetTotalEccErrors`: kind of error, kind of counter
    nvml_status (*ecc_errors)(nvml_device, unsigned, unsigned, unsigned long long*) = nullptr;
    /// `nvmlDeviceGetRemappedRows`: after corrected and uncorrected errors, pending, failed
    nvml_status (*remapped_rows)(nvml_device, unsigned*, unsigned*, unsigned*, unsigned*) = nullptr;
    nvml_status (*field_values)(nvml_device, int, nvml_field*) = nullptr;  ///< `nvmlDeviceGetFieldValues`
    nvml_status (*event_set_create)(nvml_event_set*) = nullptr;            ///< `nvmlEventSetCreate`
    nvml_status (*register_events)(nvml_device, unsigned long long, nvml_event_set) = nullptr;  ///< `...RegisterEvents`
    nvml_status (*event_wait)(nvml_event_set, nvml_event*, unsigned) = nullptr;  ///< `nvmlEventSetWait_v2`, ms
    nvml_status (*event_set_free)(nvml_event_set) = nullptr;                     ///< `nvmlEventSetFree`
};

static_assert(std::is_trivially_copyable_v<nvml_field> && sizeof(nvml_field) == 40);
static_assert(sizeof(nvml_event) == 32 && sizeof(nvml_memory) == 24 && sizeof(nvml_utilisation) == 8);

}  // namespace berth::inline v0
