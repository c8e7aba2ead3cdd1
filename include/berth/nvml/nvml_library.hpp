// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/nvml/nvml_functions.hpp"

#include <dlfcn.h>

#include <cstddef>
#include <utility>

namespace berth::inline v0 {

/// NVML, found when the program runs: nothing of NVIDIA's is needed to build, and a machine without a driver gets an
/// error to print instead of a program that does not start.
///
/// Initialises NVML when it is opened and shuts it down when it is destroyed. Link with `${CMAKE_DL_LIBS}`, or with the
/// target `berth::nvml`. Not copied; moving leaves the other one empty. As thread-safe as NVML, which is.
class nvml_library {
public:
    /// Opens and initialises it.
    ///
    /// @param path  of the library; by default the driver's, found as all libraries are
    /// @return      the library, or an error that says why there is none: not installed, it is another library, the
    ///              driver is not loaded
    [[nodiscard]] static result<nvml_library> open(const char* path = "libnvidia-ml.so.1") {
        nvml_library lib;
        lib.handle_ = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (lib.handle_ == nullptr) {
            const char* why = ::dlerror();
            return detail::refuse(error_code::device, {"NVML: ", why != nullptr ? why : path});
        }
        lib.find_functions();
        const nvml_functions& f = lib.functions_;
        if (f.init == nullptr || f.device_count == nullptr || f.device_by_index == nullptr) {
            return detail::refuse(
                error_code::device,
                {"NVML: ", path, " lacks nvmlInit, nvmlDeviceGetCount or nvmlDeviceGetHandleByIndex"});
        }
        const nvml_status started = f.init();
        if (started != nvml_status::success) {
            return detail::refuse(error_code::device, {"NVML: ", path, ": ", lib.describe(started)});
        }
        lib.initialised_ = true;
        return lib;
    }
    /// Takes it over; the other one is empty then.
    nvml_library(nvml_library&& other) noexcept
        : functions_{std::exchange(other.functions_, {})},
          handle_{std::exchange(other.handle_, nullptr)},
          initialised_{std::exchange(other.initialised_, false)} {}
    /// Changes places with it.
    nvml_library& operator=(nvml_library&& other) noexcept {
        std::swap(functions_, other.functions_);
        std::swap(handle_, other.handle_);
        std::swap(initialised_, other.initialised_);
        return *this;
    }
    nvml_library(const nvml_library&) = delete;
    nvml_library& operator=(const nvml_library&) = delete;
    ~nvml_library() {
        if (initialised_ && functions_.shutdown != nullptr) (void)functions_.shutdown();
        if (handle_ != nullptr) (void)::dlclose(handle_);
    }

    /// What it offers.
    [[nodiscard]] const nvml_functions& functions() const noexcept { return functions_; }
    /// What a code means, as NVML says.
    [[nodiscard]] const char* describe(nvml_status status) const noexcept {
        const char* text = functions_.error_string != nullptr ? functions_.error_string(status) : nullptr;
        return text != nullptr ? text : "unknown error";
    }

private:
    nvml_library() = default;

    // The first of these names that the library has.
    template <class Function, std::size_t Count>
    void find(Function& to, const char* const (&names)[Count]) {
        for (std::size_t i = 0; i < Count && to == nullptr; ++i) {
            to = reinterpret_cast<Function>(::dlsym(handle_, names[i]));
        }
    }
    void find_functions() {
        nvml_functions& f = functions_;
        find(f.init, {"nvmlInit_v2", "nvmlInit"});
        find(f.shutdown, {"nvmlShutdown"});
        find(f.error_string, {"nvmlErrorString"});
        find(f.device_count, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"});
        find(f.device_by_index, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"});
        find(f.name, {"nvmlDeviceGetName"});
        find(f.uuid, {"nvmlDeviceGetUUID"});
        find(f.utilisation, {"nvmlDeviceGetUtilizationRates"});
        find(f.memory, {"nvmlDeviceGetMemoryInfo"});
        find(f.temperature, {"nvmlDeviceGetTemperature"});
        find(f.power, {"nvmlDeviceGetPowerUsage"});
        find(f.energy, {"nvmlDeviceGetTotalEnergyConsumption"});
        find(f.throttle_reasons,
             {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"});
        find(f.ecc_errors, {"nvmlDeviceGetTotalEccErrors"});
        find(f.remapped_rows, {"nvmlDeviceGetRemappedRows"});
        find(f.field_values, {"nvmlDeviceGetFieldValues"});
        find(f.event_set_create, {"nvmlEventSetCreate"});
        find(f.register_events, {"nvmlDeviceRegisterEvents"});
        // Without _v2 the event is a shorter structure, so the older name will not do.
        find(f.event_wait, {"nvmlEventSetWait_v2"});
        find(f.event_set_free, {"nvmlEventSetFree"});
    }

    nvml_functions functions_;
    void* handle_ = nullptr;
    bool initialised_ = false;
};

}  // namespace berth::inline v0
