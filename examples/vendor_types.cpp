// SPDX-License-Identifier: Apache-2.0
// Types of a vendor that cannot be edited: each needs one specialisation of a few lines.
#include <berth/model/ledger.hpp>
#include <berth/model/lower.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace vendor {  // a header of the vendor

struct DeviceInfo {
    char product_name[32];
    std::uint64_t framebuffer_mib;
    int xid_errors;
};
struct HostRecord {
    std::string fqdn;
    std::string rack_id;
    std::vector<DeviceInfo> accelerators;
    unsigned logical_cores;
};
struct JobSpec {
    long job_id;
    std::int64_t milli_gpu;
    std::int64_t gpu_memory_mib;
    unsigned cores;
};

}  // namespace vendor

template <>
struct berth::gpu_traits<vendor::DeviceInfo> {
    static auto& model(const vendor::DeviceInfo& d) { return d.product_name; }
    static auto capacity(const vendor::DeviceInfo& d) { return std::array<std::uint64_t, 2>{1000, d.framebuffer_mib}; }
    static bool healthy(const vendor::DeviceInfo& d) { return d.xid_errors == 0; }
};
template <>
struct berth::node_traits<vendor::HostRecord> {
    static auto& name(const vendor::HostRecord& h) { return h.fqdn; }
    static auto& gpus(const vendor::HostRecord& h) { return h.accelerators; }
    static auto capacity(const vendor::HostRecord& h) { return h.logical_cores; }
};
template <>
struct berth::task_traits<vendor::JobSpec> {
    static auto name(const vendor::JobSpec& j) { return "job-" + std::to_string(j.job_id); }
    static auto gpu_demand(const vendor::JobSpec& j) { return std::array{j.milli_gpu, j.gpu_memory_mib}; }
    static auto node_demand(const vendor::JobSpec& j) { return j.cores; }
};

int main() {
    const std::vector<vendor::HostRecord> hosts{
        {"gpu-01.example", "r1", {{"A100", 81920, 0}, {"A100", 81920, 0}}, 64},
        {"gpu-02.example", "r2", {{"T4", 15360, 0}, {"T4", 15360, 13}}, 16},
    };
    const std::vector<vendor::JobSpec> jobs{{17, 1000, 40000, 8}, {18, 250, 8000, 24}, {19, 500, 12000, 4}};

    const auto fleet = berth::make_fleet(hosts, {.gpu = {"share", "memory_mib"}, .node = {"cores"}});
    if (!fleet) return std::printf("%s\n", fleet.error().message.c_str()), 1;
    const auto work = berth::make_workload(jobs, *fleet);
    if (!work) return std::printf("%s\n", work.error().message.c_str()), 1;

    for (std::size_t i = 0; i < fleet->node_count(); ++i) {
        const berth::node_index n{i};
        std::printf("%s: %lld cores, %zu of %zu GPUs are healthy\n", fleet->name(n).c_str(),
                    static_cast<long long>(fleet->capacity(n)[0]), berth::gpu_count(fleet->healthy_gpus(n)),
                    fleet->gpu_count(n));
    }
    const berth::ledger ledger{*fleet};
    for (std::size_t t = 0; t < work->task_count(); ++t) {
        const berth::task_index task{t};
        std::printf("%s fits on:", work->name(task).c_str());
        for (std::size_t i = 0; i < fleet->node_count(); ++i) {
            if (ledger.fits(work->demand(task), berth::node_index{i})) {
                std::printf(" %s", fleet->name(berth::node_index{i}).c_str());
            }
        }
        std::printf("\n");
    }
    return 0;
}
