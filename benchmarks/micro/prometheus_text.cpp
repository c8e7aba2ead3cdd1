// SPDX-License-Identifier: Apache-2.0
//
// 100,000 lines as dcgm-exporter writes them for 5,000 GPUs with Kubernetes labels: the text format alone, and what it says of
// each GPU. A plain count of its line ends is the baseline.

#include "berth/io/prometheus_text.hpp"

#include "berth/io/gpu_metrics.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

const std::string& scrape() {
    static const std::string text = [] {
        constexpr const char* metrics[] = {
            "DCGM_FI_DEV_SM_CLOCK",
            "DCGM_FI_DEV_MEM_CLOCK",
            "DCGM_FI_DEV_MEMORY_TEMP",
            "DCGM_FI_DEV_GPU_TEMP",
            "DCGM_FI_DEV_POWER_USAGE",
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
            "DCGM_FI_DEV_GPU_UTIL",
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
            "DCGM_FI_DEV_MEM_COPY_UTIL",
            "DCGM_FI_DEV_ENC_UTIL",
            "DCGM_FI_DEV_DEC_UTIL",
            "DCGM_FI_DEV_XID_ERRORS",
            "DCGM_FI_DEV_FB_FREE",
            "DCGM_FI_DEV_FB_USED",
            "DCGM_FI_DEV_FB_RESERVED",
            "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
            "DCGM_FI_DEV_VGPU_LICENSE_STATUS",
            "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
            "DCGM_FI_DEV_ROW_REMAP_FAILURE",
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        };
        std::string lines;
        for (const char* metric : metrics) {
            for (int gpu = 0; gpu < 5000; ++gpu) {
                const std::string number = std::to_string(gpu % 8);
                lines += metric;
                lines += "{gpu=\"" + number + "\",UUID=\"GPU-c2f7a1b2-0000-0000-0000-" +
                         std::to_string(100'000'000 + gpu) + "\",pci_bus_id=\"00000000:31:00.0\",device=\"nvidia" +
                         number + "\",modelName=\"NVIDIA A100-SXM4-80GB\",Hostname=\"node" + std::to_string(gpu / 8) +
                         "\",DCGM_FI_DRIVER_VERSION=\"580.105.08\",container=\"train\",namespace=\"ml\",pod=\"job-" +
                         std::to_string(gpu) + "\"} " + std::to_string(gpu * 7 % 100) + "\n";
            }
        }
        return lines;
    }();
    return text;
}

void finish(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * scrape().size()));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 100'000);
}

void prometheus_line_ends(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::ranges::count(scrape(), '\n'));
    finish(state);
}
BENCHMARK(prometheus_line_ends)->Unit(benchmark::kMillisecond);

void prometheus_lines(benchmark::State& state) {
    for (auto _ : state) {
        berth::io::prometheus_text lines{scrape()};
        double sum = 0.0;
        while (lines.next()) sum += lines.line().value;
        benchmark::DoNotOptimize(sum);
    }
    finish(state);
}
BENCHMARK(prometheus_lines)->Unit(benchmark::kMillisecond);

void prometheus_gpus(benchmark::State& state) {
    berth::io::exporter_reader exporter;
    for (auto _ : state) benchmark::DoNotOptimize(exporter.read(scrape(), 1.0));
    finish(state);
}
BENCHMARK(prometheus_gpus)->Unit(benchmark::kMillisecond);

}  // namespace
