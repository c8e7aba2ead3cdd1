// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/nvml/nvml_functions.hpp"
#include "berth/nvml/nvml_library.hpp"
#include "berth/watch/samples.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// What NVML says of one GPU of this machine. What it does not say is absent, never 0.
struct nvml_reading {
    std::string uuid{};                        ///< empty: NVML does not say
    std::string model{};                       ///< empty: NVML does not say
    gpu_sample sample{};                       ///< its `gpu` is for you to fill in
    double memory_used = gpu_sample::absent;   ///< MiB
    double memory_total = gpu_sample::absent;  ///< MiB
    bool lost = false;                         ///< the GPU does not answer: it fell off the bus or waits for a reset
};

/// Reads the GPUs of this machine through NVML, as often as you like:
///
/// ```
/// auto nvml = berth::nvml_reader::open();
/// if (!nvml) return say(nvml.error().message);  // no driver here
/// for (const berth::nvml_reading& gpu : nvml->read(seconds_since_epoch)) {
///     if (const auto known = cluster.find_gpu(gpu.uuid)) watch(*known, gpu.sample);
/// }
/// ```
///
/// 1. A function that the library lacks, `NOT_SUPPORTED` and every other failure leave their field absent.
/// 2. XID errors are events of the driver: `xid_count` counts those since opening, the last one's code stays in `xid`,
///    0 as long as there was none. Without events both are absent.
/// 3. A GPU that is lost stays in the list, with its UUID, `lost` and no readings but the action that the driver asks
///    for, if it says one. Where it only says that the GPU must be reset, that is a `gpu_reset`.
///
/// Keeps no thread; `read` waits for nothing. Allocates only for names, at first.
class nvml_reader {
public:
    /// Opens NVML and lists the GPUs.
    ///
    /// @param path  of the library, as of `nvml_library::open`
    /// @return      an error if there is no NVML here, or it does not list its GPUs
    [[nodiscard]] static result<nvml_reader> open(const char* path = "libnvidia-ml.so.1") {
        auto library = nvml_library::open(path);
        if (!library) return library.error();
        nvml_reader reader{std::move(*library)};
        if (auto ok = reader.list_gpus(); !ok) return ok.error();
        return reader;
    }
    /// Takes it over; the other one reads no GPUs then.
    nvml_reader(nvml_reader&& other) noexcept
        : library_{std::move(other.library_)},
          devices_{std::move(other.devices_)},
          readings_{std::move(other.readings_)},
          events_{std::exchange(other.events_, nullptr)} {}
    /// Changes places with it.
    nvml_reader& operator=(nvml_reader&& other) noexcept {
        std::swap(library_, other.library_);
        devices_.swap(other.devices_);
        readings_.swap(other.readings_);
        std::swap(events_, other.events_);
        return *this;
    }
    ~nvml_reader() {
        if (events_ != nullptr && functions().event_set_free != nullptr) (void)functions().event_set_free(events_);
    }

    /// Reads all GPUs. O(GPUs).
    ///
    /// @param now  the time of the samples, seconds by your clock
    /// @return     one for each GPU, in NVML's order; valid until the next call
    std::span<const nvml_reading> read(double now) {
        collect_events();
        for (std::size_t i = 0; i < devices_.size(); ++i) read_gpu(i, now);
        return readings_;
    }
    /// The number of GPUs.
    [[nodiscard]] std::size_t gpu_count() const noexcept { return devices_.size(); }
    /// What the library offers.
    [[nodiscard]] const nvml_functions& functions() const noexcept { return library_.functions(); }

private:
    static constexpr double mib = 1024.0 * 1024.0;
    static constexpr std::size_t longest_name = 96;  // NVML's own buffers are at most that long

    struct device {
        nvml_device handle = nullptr;
        std::uint32_t xid = 0;
        std::uint64_t xid_count = 0;
        bool events = false;
    };

    explicit nvml_reader(nvml_library library) noexcept : library_{std::move(library)} {}

    [[nodiscard]] result<void> list_gpus() {
        unsigned count = 0;
        if (const nvml_status s = functions().device_count(&count); s != nvml_status::success) {
            return detail::refuse(error_code::device, {"NVML: number of GPUs: ", library_.describe(s)});
        }
        const nvml_functions& f = functions();
        const bool has_events = f.event_set_create != nullptr && f.register_events != nullptr &&
                                f.event_wait != nullptr && f.event_set_free != nullptr;
        if (has_events && f.event_set_create(&events_) != nvml_status::success) events_ = nullptr;
        devices_.resize(count);
        readings_.resize(count);
        for (unsigned i = 0; i < count; ++i) {
            // One that is lost at the start has no handle, and stays in the list.
            if (f.device_by_index(i, &devices_[i].handle) != nvml_status::success) devices_[i].handle = nullptr;
            if (devices_[i].handle == nullptr) continue;
            readings_[i].uuid = text(f.uuid, devices_[i].handle);
            readings_[i].model = text(f.name, devices_[i].handle);
            devices_[i].events = events_ != nullptr &&
                                 f.register_events(devices_[i].handle, nvml_xid_event, events_) == nvml_status::success;
        }
        return {};
    }
    template <class Function>
    [[nodiscard]] static std::string text(Function read, nvml_device device) {
        std::array<char, longest_name + 1> buffer{};
        if (read == nullptr || read(device, buffer.data(), longest_name) != nvml_status::success) return {};
        return buffer.data();
    }

    // NVML keeps a bounded list of events; more than that at once says nothing new.
    void collect_events() {
        for (int i = 0; events_ != nullptr && i < 1024; ++i) {
            nvml_event event{};
            if (functions().event_wait(events_, &event, 0) != nvml_status::success) return;
            if ((event.type & nvml_xid_event) == 0) continue;
            for (device& each : devices_) {
                if (each.handle != event.device) continue;
                each.xid = static_cast<std::uint32_t>(event.data);
                ++each.xid_count;
            }
        }
    }
    // True if there is a value; notes a GPU that is lost.
    template <class... Parameters, class... Arguments>
    [[nodiscard]] static bool has(nvml_reading& reading, nvml_status (*function)(Parameters...),
                                  Arguments... arguments) {
        if (function == nullptr) return false;
        const nvml_status status = function(arguments...);
        if (status == nvml_status::gpu_is_lost || status == nvml_status::reset_required) reading.lost = true;
        if (status == nvml_status::reset_required) reading.sample.recovery = recovery_action::gpu_reset;
        return status == nvml_status::success;
    }
    void read_gpu(std::size_t i, double now) {
        const nvml_functions& f = functions();
        const device& gpu = devices_[i];
        nvml_reading& reading = readings_[i];
        gpu_sample& sample = reading.sample;
        sample = gpu_sample{.time = now, .gpu = sample.gpu};
        reading.memory_used = reading.memory_total = gpu_sample::absent;
        reading.lost = gpu.handle == nullptr;
        if (reading.lost) return;
        if (nvml_utilisation u{}; has(reading, f.utilisation, gpu.handle, &u)) sample.load = u.gpu / 100.0;
        if (unsigned c = 0; has(reading, f.temperature, gpu.handle, nvml_temperature_of_gpu, &c))
            sample.temperature = c;
        if (unsigned mw = 0; has(reading, f.power, gpu.handle, &mw)) sample.power = mw / 1000.0;
        unsigned long long number = 0;
        if (has(reading, f.energy, gpu.handle, &number)) sample.energy = static_cast<double>(number) / 1000.0;
        if (has(reading, f.throttle_reasons, gpu.handle, &number)) sample.throttle_reasons = number;
        if (has(reading, f.ecc_errors, gpu.handle, nvml_corrected_errors, nvml_errors_since_boot, &number)) {
            sample.ecc_correctable = number;
        }
        if (has(reading, f.ecc_errors, gpu.handle, nvml_uncorrected_errors, nvml_errors_since_boot, &number)) {
            sample.ecc_uncorrectable = number;
        }
        unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
        if (has(reading, f.remapped_rows, gpu.handle, &corrected, &uncorrected, &pending, &failed)) {
            sample.remapped_rows = uncorrected;
            sample.remap_failed = failed != 0;
        }
        if (nvml_memory m{}; has(reading, f.memory, gpu.handle, &m)) {
            reading.memory_used = static_cast<double>(m.used) / mib;
            reading.memory_total = static_cast<double>(m.total) / mib;
        }
        if (const auto asked = read_recovery(gpu.handle, reading)) sample.recovery = asked;
        if (reading.lost) {  // what was read before it fell away is not true any more
            sample = gpu_sample{.time = now, .gpu = sample.gpu, .recovery = sample.recovery};
            reading.memory_used = reading.memory_total = gpu_sample::absent;
        }
        if (gpu.events) {
            sample.xid = gpu.xid;
            sample.xid_count = gpu.xid_count;
        }
    }
    [[nodiscard]] std::optional<recovery_action> read_recovery(nvml_device handle, nvml_reading& reading) const {
        nvml_field field{};
        field.id = nvml_recovery_field;
        field.status = nvml_status::unknown;
        if (!has(reading, functions().field_values, handle, 1, &field) || field.status != nvml_status::success)
            return {};
        unsigned action = 0;
        std::memcpy(&action, &field.value, sizeof action);
        return to_recovery_action(action);
    }

    nvml_library library_;
    std::vector<device> devices_;
    std::vector<nvml_reading> readings_;
    nvml_event_set events_ = nullptr;
};

}  // namespace berth::inline v0
