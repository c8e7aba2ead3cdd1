// SPDX-License-Identifier: Apache-2.0
// Our declarations of NVML beside NVIDIA's own header, which is not ours to copy: scripts/check_nvml fetches it and compiles this.
#include "berth/nvml/nvml_functions.hpp"
#include "berth/watch/samples.hpp"

#include <nvml.h>

#include <cstddef>
#include <type_traits>

using namespace berth;

static_assert(sizeof(nvmlFieldValue_t) == sizeof(nvml_field) &&
              offsetof(nvmlFieldValue_t, value) == offsetof(nvml_field, value) &&
              offsetof(nvmlFieldValue_t, nvmlReturn) == offsetof(nvml_field, status));
static_assert(sizeof(nvmlEventData_t) == sizeof(nvml_event) &&
              offsetof(nvmlEventData_t, eventType) == offsetof(nvml_event, type) &&
              offsetof(nvmlEventData_t, eventData) == offsetof(nvml_event, data) &&
              offsetof(nvmlEventData_t, gpuInstanceId) == offsetof(nvml_event, gpu_instance));
static_assert(sizeof(nvmlMemory_t) == sizeof(nvml_memory) &&
              offsetof(nvmlMemory_t, used) == offsetof(nvml_memory, used));
static_assert(sizeof(nvmlUtilization_t) == sizeof(nvml_utilisation) &&
              offsetof(nvmlUtilization_t, gpu) == offsetof(nvml_utilisation, gpu));
static_assert(NVML_FI_DEV_GET_GPU_RECOVERY_ACTION == nvml_recovery_field &&
              nvmlEventTypeXidCriticalError == nvml_xid_event);
static_assert(NVML_TEMPERATURE_GPU == nvml_temperature_of_gpu && NVML_VOLATILE_ECC == nvml_errors_since_boot &&
              NVML_MEMORY_ERROR_TYPE_CORRECTED == nvml_corrected_errors &&
              NVML_MEMORY_ERROR_TYPE_UNCORRECTED == nvml_uncorrected_errors);
static_assert(NVML_ERROR_UNINITIALIZED == static_cast<int>(nvml_status::uninitialised) &&
              NVML_ERROR_INVALID_ARGUMENT == static_cast<int>(nvml_status::invalid_argument) &&
              NVML_ERROR_NOT_SUPPORTED == static_cast<int>(nvml_status::not_supported) &&
              NVML_ERROR_NO_PERMISSION == static_cast<int>(nvml_status::no_permission) &&
              NVML_ERROR_DRIVER_NOT_LOADED == static_cast<int>(nvml_status::driver_not_loaded) &&
              NVML_ERROR_TIMEOUT == static_cast<int>(nvml_status::timeout) &&
              NVML_ERROR_GPU_IS_LOST == static_cast<int>(nvml_status::gpu_is_lost) &&
              NVML_ERROR_RESET_REQUIRED == static_cast<int>(nvml_status::reset_required) &&
              NVML_ERROR_UNKNOWN == static_cast<int>(nvml_status::unknown));
static_assert(NVML_GPU_RECOVERY_ACTION_NONE == static_cast<int>(recovery_action::none) &&
              NVML_GPU_RECOVERY_ACTION_GPU_RESET == static_cast<int>(recovery_action::gpu_reset) &&
              NVML_GPU_RECOVERY_ACTION_NODE_REBOOT == static_cast<int>(recovery_action::node_reboot) &&
              NVML_GPU_RECOVERY_ACTION_DRAIN_P2P == static_cast<int>(recovery_action::drain_peers) &&
              NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET == static_cast<int>(recovery_action::drain_and_reset) &&
              NVML_GPU_RECOVERY_ACTION_SYSTEM_REBOOT == static_cast<int>(recovery_action::system_reboot));

// A function of theirs is called as one of ours: as many parameters, each as wide as its counterpart.
template <class Ours, class Theirs>
struct same_shape : std::false_type {};
template <class R, class... Our, class S, class... Their>
    requires(sizeof...(Our) == sizeof...(Their))
struct same_shape<R (*)(Our...), S (*)(Their...)>
    : std::bool_constant<sizeof(R) == sizeof(S) &&
                         ((sizeof(Our) == sizeof(Their) && std::is_pointer_v<Our> == std::is_pointer_v<Their>) &&
                          ...)> {};
#define SAME(member, function)                                                                                         \
    static_assert(same_shape<decltype(nvml_functions::member), decltype(&(function))>::value, #function)
SAME(init, nvmlInit_v2);
SAME(shutdown, nvmlShutdown);
SAME(error_string, nvmlErrorString);
SAME(device_count, nvmlDeviceGetCount_v2);
SAME(device_by_index, nvmlDeviceGetHandleByIndex_v2);
SAME(name, nvmlDeviceGetName);
SAME(uuid, nvmlDeviceGetUUID);
SAME(utilisation, nvmlDeviceGetUtilizationRates);
SAME(memory, nvmlDeviceGetMemoryInfo);
SAME(temperature, nvmlDeviceGetTemperature);
SAME(power, nvmlDeviceGetPowerUsage);
SAME(energy, nvmlDeviceGetTotalEnergyConsumption);
SAME(throttle_reasons, nvmlDeviceGetCurrentClocksEventReasons);
SAME(ecc_errors, nvmlDeviceGetTotalEccErrors);
SAME(remapped_rows, nvmlDeviceGetRemappedRows);
SAME(field_values, nvmlDeviceGetFieldValues);
SAME(event_set_create, nvmlEventSetCreate);
SAME(register_events, nvmlDeviceRegisterEvents);
SAME(event_wait, nvmlEventSetWait_v2);
SAME(event_set_free, nvmlEventSetFree);
