// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/recorder.hpp"

#include "berth/model/task_mix.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/measures/power.hpp"

#include <cmath>
#include <limits>

namespace bench {

namespace {

double round2(double x) { return std::round(x * 100.0) / 100.0; }

/// Sums of one bin of the arrival axis.
struct bin {
    std::size_t events = 0;
    double allocated = 0.0;
    double fragment = 0.0;
    double ratio = 0.0;

    void add(const bin& other) {
        events += other.events;
        allocated += other.allocated;
        fragment += other.fragment;
        ratio += other.ratio;
    }
};

/// Carries out a plan wave by wave: takes all targets of a wave before it gives any source back. False if a target has
/// no room.
bool replay(const berth::migration_plan& plan, berth::ledger& ledger, const experiment& input) {
    const auto demand = [&](const berth::migration_step& s) {
        return input.workload->demand(input.arrivals[s.task.value()]);
    };
    for (std::size_t w = 0; w < plan.wave_count(); ++w) {
        for (const auto& s : plan.wave(w)) {
            if (!s.to.placed()) continue;
            if (!ledger.fits(demand(s), s.to)) return false;
            ledger.place(demand(s), s.to);
        }
        for (const auto& s : plan.wave(w)) {
            if (s.from.placed()) ledger.remove(demand(s), s.from);
        }
    }
    return true;
}

}  // namespace

double arrival_curve::at(const std::vector<double>& curve, int b) noexcept {
    const auto i = static_cast<std::size_t>(b);
    return i < curve.size() ? curve[i] : std::numeric_limits<double>::quiet_NaN();
}

placement_record record_run(const experiment& input, std::span<const berth::slot> placements, bool with_reasons,
                            std::span<const arrival_rescue> rescues) {
    const berth::fleet& fleet = *input.fleet;
    const berth::workload& work = *input.workload;
    berth::ledger ledger{fleet};
    placement_record record;
    record.arrivals = placements.size();

    const berth::fragmentation fragmentation{input.problem(), berth::typical_mix(work)};
    const berth::power_model power{fleet, input.power};
    const auto capacity = static_cast<double>(input.capacity_milli);
    std::vector<double> of_node(fleet.node_count());
    double fragment = 0.0;
    for (std::size_t n = 0; n < fleet.node_count(); ++n) {
        of_node[n] = fragmentation(ledger.node(berth::node_index{n}));
        fragment += of_node[n];
    }

    const auto measure = [&](berth::node_index n) {
        double& here = of_node[n.value()];
        fragment -= here;
        here = fragmentation(ledger.node(n));
        fragment += here;
    };
    std::size_t next_rescue = 0;
    std::vector<bin> bins;
    for (std::size_t i = 0; i < placements.size(); ++i) {
        const berth::task_index task = input.arrivals[i];
        const berth::demand_view demand = work.demand(task);
        const berth::slot& where = placements[i];
        record.arrived_milli += demand.total_share();
        ++record.arrived_by_class[input.classes[task.value()]];
        if (next_rescue < rescues.size() && rescues[next_rescue].arrival == i) {
            const berth::migration_plan& moved = rescues[next_rescue++].plan;
            ++record.evicted;
            record.moves += moved.steps.size();
            record.parked += moved.extra_steps;
            if (!replay(moved, ledger, input)) {
                record.relocations_fit = false;
                return record;
            }
            for (const auto& s : moved.steps) {
                if (s.from.placed()) measure(s.from.node);
                if (s.to.placed()) measure(s.to.node);
            }
        }
        if (where.placed()) {
            ledger.place(demand, where);
            record.allocated_milli += demand.total_share();
            ++record.accepted_by_class[input.classes[task.value()]];
            measure(where.node);
        } else {
            ++record.rejected;
            if (with_reasons) record.rejections.push_back({.arrival = i, .why = berth::explain(ledger, work, task)});
        }

        if (record.arrived_milli <= input.capacity_milli) {
            record.rejected_at_100 = record.rejected;
            record.relocations_at_100 = record.moves;
            record.arrivals_at_100 = i + 1;
        }
        const auto b =
            static_cast<std::size_t>(std::llround(100.0 * static_cast<double>(record.arrived_milli) / capacity));
        if (b >= bins.size()) bins.resize(b + 1);
        const auto idle = static_cast<double>(input.capacity_milli - record.allocated_milli);
        bins[b].add({.events = 1,
                     .allocated = round2(100.0 * static_cast<double>(record.allocated_milli) / capacity),
                     .fragment = fragment,
                     .ratio = idle > 0.0 ? 100.0 * fragment / idle : 0.0});
    }

    for (std::size_t b = 0; b < bins.size(); ++b) {
        bin cell = bins[b];
        if (cell.events == 0) {  // a large task can jump over a bin
            if (b > 0) cell.add(bins[b - 1]);
            if (b + 1 < bins.size()) cell.add(bins[b + 1]);
        }
        const auto events =
            cell.events > 0 ? static_cast<double>(cell.events) : std::numeric_limits<double>::quiet_NaN();
        record.curve.unallocated_percent.push_back(round2(100.0 - round2(cell.allocated / events)));
        record.curve.fragmentation_percent.push_back(round2(100.0 * cell.fragment / events / capacity));
        record.curve.fragmentation_ratio_percent.push_back(round2(cell.ratio / events));
    }

    double cpu = 0.0;
    double cpu_capacity = 0.0;
    double memory = 0.0;
    double memory_capacity = 0.0;
    for (std::size_t n = 0; n < fleet.node_count(); ++n) {
        const berth::node_index node{n};
        record.power_watts += power(ledger.node(node));
        cpu_capacity += static_cast<double>(fleet.capacity(node)[0]);
        memory_capacity += static_cast<double>(fleet.capacity(node)[1]);
        cpu += static_cast<double>(fleet.capacity(node)[0] - ledger.free(node)[0]);
        memory += static_cast<double>(fleet.capacity(node)[1] - ledger.free(node)[1]);
        for (std::size_t g = 0; g < fleet.gpu_count(node); ++g) {
            if (ledger.free(fleet.gpu(node, g))[0] < berth::whole_gpu) ++record.gpus_in_use;
        }
    }
    record.cpu_percent = cpu_capacity > 0.0 ? 100.0 * cpu / cpu_capacity : 0.0;
    record.memory_percent = memory_capacity > 0.0 ? 100.0 * memory / memory_capacity : 0.0;
    return record;
}

}  // namespace bench
