// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// Watts of one GPU model: completely free, and with any task on it.
struct gpu_watts {
    std::string_view model;
    double idle = 0.0;
    double full = 0.0;
};

/// Watts of host processors, by the package.
struct cpu_watts {
    amount milli_per_package = 32'000;  ///< how much of the first node counter one package supplies
    double idle = 20.0;
    double full = 120.0;
};

/// Idle and full watts per GPU model: the inputs of `power_model`. Data sheets and the table of Lettich et al. ("Power- and
/// fragmentation-aware online scheduling for GPU datacenters", CCGrid 2025, arXiv 2412.17484).
struct power_table {
    std::vector<gpu_watts> gpus;
    gpu_watts other{.model = {}, .idle = 30.0, .full = 300.0};  ///< models that are not listed
    cpu_watts cpu{};
};

/// The table used for the openb trace. G2 and G3 are undisclosed models; they are given the watts of an A100 and a V100 class
/// card here, by choice.
[[nodiscard]] inline power_table openb_power_table() {
    return {.gpus = {{"T4", 10.0, 70.0},
                     {"A10", 30.0, 150.0},
                     {"P100", 25.0, 250.0},
                     {"V100M16", 30.0, 300.0},
                     {"V100M32", 30.0, 300.0},
                     {"A100", 50.0, 400.0},
                     {"G2", 30.0, 150.0},
                     {"G3", 50.0, 400.0}}};
}

/// Electric power of a node, in watts: each GPU draws idle power while it is completely free and full power otherwise; the
/// host draws full power for the packages that cover the CPU in use and idle power for the others (the step model of the
/// paper above; real cards draw less, so replace it when you have measurements: any `double(const node_view&)` will do).
/// A host with unlimited CPU has no idle packages. O(GPUs). Immutable.
class power_model {
public:
    power_model(const fleet& fleet, const power_table& table) : cpu_{table.cpu} {
        BERTH_ASSERT(table.cpu.milli_per_package > 0, "berth: a CPU package supplies something");
        for (std::size_t m = 0; m < fleet.model_count(); ++m) {
            const std::string& name = fleet.name(model_index{m});
            const gpu_watts* watts = &table.other;
            for (std::size_t i = table.gpus.size(); i-- > 0;) {
                if (table.gpus[i].model == name) watts = &table.gpus[i];  // the first of that name
            }
            gpus_.push_back({watts->idle, watts->full});
        }
    }

    /// The node as it stands.
    [[nodiscard]] double operator()(const node_view& node) const noexcept { return (*this)(node, 0, 0); }
    /// The node if these GPUs and this much CPU were in use as well.
    [[nodiscard]] double operator()(const node_view& node, gpu_mask gpus, amount cpu) const noexcept {
        double watts = 0.0;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            const auto& gpu = gpus_[node.model(i).value()];
            const bool busy =
                (gpus >> i & 1U) != 0 || node.free_share(i) < node.fleet->capacity(node.fleet->gpu(node.index, i))[0];
            watts += busy ? gpu.full : gpu.idle;
        }
        if (node.free_node.empty()) return watts;
        const amount capacity = node.capacity()[0];
        const amount used = capacity - node.free_node[0] + cpu;
        const auto packages_for = [&](amount cpu_milli) {
            return (cpu_milli + cpu_.milli_per_package - 1) / cpu_.milli_per_package;
        };
        const amount busy = packages_for(used);
        const amount packages = capacity == max_amount ? busy : packages_for(capacity);
        return watts + static_cast<double>(busy) * cpu_.full + static_cast<double>(packages - busy) * cpu_.idle;
    }

private:
    struct draw {
        double idle;
        double full;
    };
    cpu_watts cpu_;
    detail::flat<draw> gpus_;
};

}  // namespace berth
