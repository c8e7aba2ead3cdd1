// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the tests' own NVML says; a test finds it in the loaded library as `stub_nvml`.

#include <array>
#include <cstddef>
#include <cstdint>

namespace berth_test {

struct stub_gpu {
    const char* uuid = "GPU-stub";
    int status = 0;  // of every call about it
    int field_status = 0;
    unsigned load = 0;
    unsigned temperature = 0;
    unsigned milliwatts = 0;
    unsigned long long millijoules = 0;
    unsigned long long throttle_reasons = 0;
    std::array<unsigned long long, 2> errors{};
    unsigned remapped_rows = 0;
    unsigned remap_failed = 0;
    unsigned recovery = 0;
    unsigned long long memory_used = 0;
    bool events = true;  // it tells of XID errors
};

struct stub_event {
    std::size_t gpu = 0;
    unsigned long long type = 8;
    unsigned long long code = 0;
};

struct stub_nvml_state {
    int init_status = 0;
    int count_status = 0;
    int initialised = 0;  // calls of init less those of shutdown
    int event_sets = 0;   // that were created and not freed
    std::size_t gpu_count = 1;
    std::array<stub_gpu, 4> gpus{};
    std::size_t event_count = 0;
    std::array<stub_event, 8> events{};  // the last one is told first
};

}  // namespace berth_test
