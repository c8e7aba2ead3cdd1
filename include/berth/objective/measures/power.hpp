// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/ledger.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0 {

/// Watts of one GPU model: completely free, and with any task on it.
struct gpu_watts {
    std::string model;  ///< as the fleet names it
    double idle = 0.0;  ///< watts, completely free
    double full = 0.0;  ///< watts, with any task on it
};

/// Watts of host processors, by the package.
struct cpu_watts {
    amount milli_per_package = 32'000;  ///< units of the CPU counter per package, at least 1
    double idle = 20.0;                 ///< watts of a package without work
    double full = 120.0;                ///< watts of a package in use
};

/// Idle and full watts per GPU model: the input of `power_model`, to be filled from data sheets or, better,
/// measurements. By default every GPU counts as `other`.
struct power_table {
    std::vector<gpu_watts> gpus{};                              ///< no model twice
    gpu_watts other{.model = {}, .idle = 30.0, .full = 300.0};  ///< models that are not listed
    cpu_watts cpu{};                                            ///< of every node
};

/// Checks that watts are finite, not negative and no less in use than idle, that no model is listed twice, and that a
/// CPU package has counter units. O(models²).
///
/// @return  an error that names the entry and its field
[[nodiscard]] inline result<void> validate(const power_table& table) {
    const auto check = [](const detail::phrase& subject, double idle, double full) -> result<void> {
        constexpr double most = std::numeric_limits<double>::max();
        if (!(idle >= 0.0 && idle <= most)) {
            return detail::refuse(error_code::invalid_value, {subject}, {": idle is not a finite number from 0 on"});
        }
        if (!(full >= 0.0 && full <= most)) {
            return detail::refuse(error_code::invalid_value, {subject}, {": full is not a finite number from 0 on"});
        }
        if (idle > full) return detail::refuse(error_code::inconsistent, {subject}, {": idle is more than full"});
        return {};
    };
    for (std::size_t i = 0; i < table.gpus.size(); ++i) {
        const gpu_watts& gpu = table.gpus[i];
        const auto subject = detail::phrase::item("gpu model", i, gpu.model);
        if (auto ok = check(subject, gpu.idle, gpu.full); !ok) return ok;
        for (std::size_t j = 0; j < i; ++j) {
            if (table.gpus[j].model != gpu.model) continue;
            return detail::refuse(error_code::duplicate, {subject}, {": model is also that of position ", j});
        }
    }
    if (auto ok = check("other", table.other.idle, table.other.full); !ok) return ok;
    if (auto ok = check("cpu", table.cpu.idle, table.cpu.full); !ok) return ok;
    if (table.cpu.milli_per_package <= 0) {
        return detail::refuse(error_code::invalid_value, {"cpu: milli_per_package is "},
                              {table.cpu.milli_per_package, ", expected 1 or more"});
    }
    return {};
}

/// Electric power of a node, in watts: each GPU draws idle power while it is completely free and full power otherwise;
/// the host draws full power for the packages that cover the CPU in use and idle power for the others (the step model
/// of Lettich et al., "Power- and fragmentation-aware online scheduling for GPU datacenters", CCGrid 2025, arXiv
/// 2412.17484). Real cards draw less: replace it by any `double(const node_view&)` when you have measurements. Of a
/// host with unlimited CPU only the task in question counts: no ledger knows how much is in use. O(GPUs). Immutable.
class power_model {
public:
    /// Tables per model of the fleet; of models listed twice the first counts. O(models²).
    power_model(const fleet& fleet, const power_table& table) : cpu_{table.cpu} {
        BERTH_ASSERT(table.cpu.milli_per_package > 0, "berth: cpu_watts::milli_per_package must be at least 1");
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
    /// The node with these GPUs and this much CPU in use as well.
    [[nodiscard]] double operator()(const node_view& node, gpu_mask gpus, amount cpu) const noexcept {
        double watts = 0.0;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            const auto& gpu = gpus_[node.model(i).value()];
            const bool busy = (gpus >> i & 1U) != 0 || !node.untouched(i);
            watts += busy ? gpu.full : gpu.idle;
        }
        const counter_roles& roles = node.fleet->roles();
        if (roles.cpu == counter_roles::none) return watts;
        const amount capacity = roles.cpu_of(node.capacity());
        const amount used = capacity - node.free_cpu() + cpu;
        const auto packages_for = [&](amount cpu_milli) {
            return (cpu_milli + cpu_.milli_per_package - 1) / cpu_.milli_per_package;
        };
        const amount busy = packages_for(used);
        const amount packages = node.fleet->unlimited(node.index, roles.cpu) ? busy : packages_for(capacity);
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

}  // namespace berth::inline v0
