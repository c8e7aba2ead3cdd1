// SPDX-License-Identifier: Apache-2.0
// NVML as the tests need it: says what `stub_nvml` holds. Built twice: STUB_NVML_OLD has the names of long ago and none of the
// functions that came later, as the libraries of old drivers.
#include "common/stub_nvml.hpp"

#include "berth/nvml/nvml_functions.hpp"

#include <cstdio>
#include <cstring>

#if defined(STUB_NVML_OLD)
#define VERSIONED(name) name
#else
#define VERSIONED(name) name##_v2
#endif

using berth::nvml_device;
using berth::nvml_status;
using berth_test::stub_gpu;

extern "C" {
extern berth_test::stub_nvml_state stub_nvml;
berth_test::stub_nvml_state stub_nvml;
}

namespace {

nvml_device handle_of(stub_gpu& gpu) { return reinterpret_cast<nvml_device>(&gpu); }
stub_gpu& gpu_of(nvml_device handle) { return *reinterpret_cast<stub_gpu*>(handle); }

// The answer of a call about a GPU: its status, and the value if that is success.
template <class T, class V>
nvml_status answer(nvml_device handle, T* to, V value) {
    const auto status = static_cast<nvml_status>(gpu_of(handle).status);
    if (status == nvml_status::success) *to = static_cast<T>(value);
    return status;
}

nvml_status write(const char* text, char* to, unsigned length) {
    if (std::strlen(text) >= length) return static_cast<nvml_status>(7);
    std::snprintf(to, length, "%s", text);
    return nvml_status::success;
}

}  // namespace

extern "C" {

nvml_status VERSIONED(nvmlInit)() {
    if (stub_nvml.init_status == 0) ++stub_nvml.initialised;
    return static_cast<nvml_status>(stub_nvml.init_status);
}
nvml_status nvmlShutdown() {
    --stub_nvml.initialised;
    return nvml_status::success;
}
const char* nvmlErrorString(nvml_status s) {
    return s == nvml_status::driver_not_loaded ? "Driver Not Loaded" : "Some Error";
}
nvml_status VERSIONED(nvmlDeviceGetCount)(unsigned* count) {
    *count = static_cast<unsigned>(stub_nvml.gpu_count);
    return static_cast<nvml_status>(stub_nvml.count_status);
}
nvml_status VERSIONED(nvmlDeviceGetHandleByIndex)(unsigned i, nvml_device* to) {
    *to = handle_of(stub_nvml.gpus[i]);
    return static_cast<nvml_status>(stub_nvml.gpus[i].status);
}
nvml_status nvmlDeviceGetName(nvml_device, char* to, unsigned length) { return write("Stub 9000", to, length); }
nvml_status nvmlDeviceGetTemperature(nvml_device d, unsigned, unsigned* to) {
    return answer(d, to, gpu_of(d).temperature);
}
nvml_status nvmlDeviceGetUtilizationRates(nvml_device d, berth::nvml_utilisation* to) {
    return answer(d, &to->gpu, gpu_of(d).load);
}
nvml_status nvmlDeviceGetMemoryInfo(nvml_device d, berth::nvml_memory* to) {
    to->total = 16ULL << 30U;
    return answer(d, &to->used, gpu_of(d).memory_used);
}
#if !defined(STUB_NVML_OLD)
nvml_status nvmlDeviceGetUUID(nvml_device d, char* to, unsigned length) { return write(gpu_of(d).uuid, to, length); }
nvml_status nvmlDeviceGetPowerUsage(nvml_device d, unsigned* to) { return answer(d, to, gpu_of(d).milliwatts); }
nvml_status nvmlDeviceGetTotalEnergyConsumption(nvml_device d, unsigned long long* to) {
    return answer(d, to, gpu_of(d).millijoules);
}
nvml_status nvmlDeviceGetCurrentClocksEventReasons(nvml_device d, unsigned long long* to) {
    return answer(d, to, gpu_of(d).throttle_reasons);
}
nvml_status nvmlDeviceGetTotalEccErrors(nvml_device d, unsigned kind, unsigned, unsigned long long* to) {
    return answer(d, to, gpu_of(d).errors[kind]);
}
nvml_status nvmlDeviceGetRemappedRows(nvml_device d, unsigned* corrected, unsigned* to, unsigned* pending,
                                      unsigned* failed) {
    *corrected = 1000;
    *pending = 0;
    *failed = gpu_of(d).remap_failed;
    return answer(d, to, gpu_of(d).remapped_rows);
}
nvml_status nvmlDeviceGetFieldValues(nvml_device d, int, berth::nvml_field* field) {
    field->status = static_cast<nvml_status>(gpu_of(d).field_status);
    std::memcpy(&field->value, &gpu_of(d).recovery, sizeof(unsigned));
    return field->id == berth::nvml_recovery_field ? static_cast<nvml_status>(gpu_of(d).status)
                                                   : nvml_status::invalid_argument;
}
nvml_status nvmlEventSetCreate(berth::nvml_event_set* to) {
    ++stub_nvml.event_sets;
    *to = reinterpret_cast<berth::nvml_event_set>(&stub_nvml);
    return nvml_status::success;
}
nvml_status nvmlDeviceRegisterEvents(nvml_device d, unsigned long long, berth::nvml_event_set) {
    return gpu_of(d).events ? nvml_status::success : nvml_status::not_supported;
}
nvml_status nvmlEventSetWait_v2(berth::nvml_event_set, berth::nvml_event* to, unsigned) {
    if (stub_nvml.event_count == 0) return nvml_status::timeout;
    const berth_test::stub_event& event = stub_nvml.events[--stub_nvml.event_count];
    *to = {handle_of(stub_nvml.gpus[event.gpu]), event.type, event.code, ~0U, ~0U};
    return nvml_status::success;
}
nvml_status nvmlEventSetFree(berth::nvml_event_set) {
    --stub_nvml.event_sets;
    return nvml_status::success;
}
#endif
}
