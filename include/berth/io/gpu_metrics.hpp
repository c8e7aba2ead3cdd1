// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/io/detail/exporter_metrics.hpp"
#include "berth/io/prometheus_text.hpp"
#include "berth/watch/samples.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace berth::inline v0::io {

/// What one scrape of an exporter says of one GPU. What it does not say is absent, never 0.
struct gpu_metrics {
    std::string_view uuid{};                  ///< as the exporter names the GPU; where it names none, `hostname/number`
    std::string_view hostname{};              ///< as the exporter says; empty: it does not
    std::string_view model{};                 ///< as the exporter says; empty: it does not
    gpu_sample sample{};                      ///< its `gpu` is for you to fill in, see `read_gpu_metrics`
    double memory_used = gpu_sample::absent;  ///< MiB
    double memory_free = gpu_sample::absent;  ///< MiB
    double memory_temperature = gpu_sample::absent;  ///< °C
    std::size_t slices = 0;                          ///< rows of MIG instances or partitions that were read
};

/// Reads what the exporters of three vendors serve to Prometheus, scrape by scrape: NVIDIA's dcgm-exporter, AMD's
/// device-metrics-exporter and Intel's xpumanager, alone or mixed in one text.
///
/// ```
/// berth::io::exporter_reader exporter;
/// exporter.read(body, seconds_since_epoch);
/// for (const berth::io::gpu_metrics& gpu : exporter.gpus()) {
///     if (const auto known = cluster.find_gpu(gpu.uuid)) watch(*known, gpu.sample);
/// }
/// ```
///
/// 1. Units become those of `gpu_sample`: shares, °C, W, J. The energy of NVIDIA is in mJ, of AMD in µJ, of Intel in J.
/// 2. Blanks are absent: DCGM's numbers for "not supported" of 32 and 64 bits and of doubles, NaN, and what cannot be
///    (a negative load, 400 °C); the last are counted in `implausible`.
/// 3. A label that Prometheus renamed to `exported_...` goes before the one that it put in its place.
/// 4. Rows of a MIG instance, a partition or a tile add up where that is right (memory), and are the largest where the
///    whole GPU is meant (temperature, power, error codes); the load of a part says nothing about the GPU. A row of the
///    whole GPU goes before them. The same row for several pods counts once.
/// 5. The time of a sample is the largest that its rows carry, else that of the scrape.
///
/// O(length of the text). Allocates only for GPUs that it has not seen before; keeps the names of those of the last
/// scrapes, and forgets all when there are more than `max_names`. Deterministic. A GPU that a scrape does
/// not name is not in `gpus()`: it is silent, which is for `fleet_watch` to judge.
class exporter_reader {
public:
    static constexpr std::size_t max_names = 1'000'000;  ///< of GPUs, hosts and models, over all scrapes

    /// Has seen no GPU yet.
    exporter_reader() { (void)texts_.intern({}); }
    exporter_reader(const exporter_reader&) = delete;             ///< its GPUs view its names
    exporter_reader& operator=(const exporter_reader&) = delete;  ///< its GPUs view its names

    /// Reads one scrape; what the one before said is forgotten.
    ///
    /// @param text  the exporter's answer; need not stay
    /// @param now   seconds since the epoch, for rows without a time
    /// @return      how many GPUs it names
    std::size_t read(std::string_view text, double now) {
        ++scrape_;
        gpus_.clear();
        names_.clear();
        if (uuids_.size() > max_names || texts_.size() > max_names) forget();
        rows_ = 0;
        implausible_ = 0;
        refusal_.reset();
        prometheus_text lines{text};
        std::string_view last_name;
        const detail::exporter_metric* metric = nullptr;
        while (lines.next()) {
            if (lines.line().name != last_name) {
                last_name = lines.line().name;
                metric = detail::find_exporter_metric(last_name);
            }
            if (metric != nullptr) read_row(*metric, lines.line(), now);
        }
        refused_ = lines.refused();
        if (refused_ > 0) refusal_ = lines.first_refusal();
        // Only now, because the tables move their texts while they grow.
        for (std::size_t i = 0; i < gpus_.size(); ++i) {
            gpus_[i].uuid = uuids_[names_[i].uuid];
            gpus_[i].hostname = texts_[names_[i].hostname];
            gpus_[i].model = texts_[names_[i].model];
        }
        return gpus_.size();
    }
    /// The GPUs of the last scrape, in the order in which it names them. Views; valid until the next call of `read`.
    [[nodiscard]] std::span<const gpu_metrics> gpus() const noexcept { return gpus_; }
    /// Rows of the last scrape that said something about a GPU.
    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    /// Values of the last scrape that cannot be, and were left out.
    [[nodiscard]] std::size_t implausible() const noexcept { return implausible_; }
    /// Lines of the last scrape that could not be read.
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; }
    /// The first of them, with its number; nothing if all were read.
    [[nodiscard]] const std::optional<error>& first_refusal() const noexcept { return refusal_; }

private:
    struct seen_gpu {
        std::uint64_t scrape = 0;  // the last one that named it
        std::size_t at = 0;        // in gpus_, of that scrape
        std::uint32_t whole = 0;   // fields that a row of the whole GPU gave
    };
    struct gpu_names {
        std::size_t uuid = 0;      // in uuids_
        std::size_t hostname = 0;  // in texts_, whose first text is empty
        std::size_t model = 0;
    };

    void read_row(const detail::exporter_metric& metric, const metric_line& line, double now) {
        const detail::exporter_labels labels = detail::read_exporter_labels(line.labels);
        const bool is_load =
            metric.field == detail::exporter_field::load || metric.field == detail::exporter_field::engine_load;
        if (labels.part && is_load) return;
        if (metric.field == detail::exporter_field::temperature && labels.location == "mem") {
            put(detail::exporter_field::memory_temperature, metric.scale, labels, line, now);
        } else if (labels.location.empty() || labels.location == "gpu") {
            put(metric.field, metric.scale, labels, line, now);
        }
    }
    void put(detail::exporter_field field, double scale, const detail::exporter_labels& labels, const metric_line& line,
             double now) {
        std::string_view uuid = labels.uuid;
        if (uuid.empty()) {
            if (labels.number.empty()) return;
            key_.assign(labels.hostname).append("/").append(labels.number);
            uuid = key_;
        }
        seen_gpu& seen = entry(uuid, labels);
        gpu_metrics& gpu = gpus_[seen.at];
        ++rows_;
        if (labels.part) ++gpu.slices;
        const double time = line.time.value_or(now);
        if (!(gpu.sample.time >= time)) gpu.sample.time = time;
        if (detail::is_blank(line.value)) return;
        const double value = line.value * scale;
        if (!detail::plausible(field, value)) {
            ++implausible_;
            return;
        }
        const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(field);
        if (labels.part && (seen.whole & bit) != 0) return;
        const bool replace = !labels.part && (seen.whole & bit) == 0;
        if (!labels.part) seen.whole |= bit;
        set(gpu, field, value, replace, labels.part);
    }
    /// An exporter that invents names must not fill the memory.
    void forget() {
        uuids_ = {};
        texts_ = {};
        seen_.clear();
        (void)texts_.intern({});
    }
    seen_gpu& entry(std::string_view uuid, const detail::exporter_labels& labels) {
        const std::size_t known = uuids_.intern(uuid);
        if (known >= seen_.size()) seen_.resize(known + 1);
        seen_gpu& seen = seen_[known];
        if (seen.scrape != scrape_) {
            seen.scrape = scrape_;
            seen.at = gpus_.size();
            seen.whole = 0;
            gpus_.push_back({});
            names_.push_back({.uuid = known});
        }
        gpu_names& names = names_[seen.at];
        if (names.hostname == 0) names.hostname = texts_.intern(labels.hostname);
        if (names.model == 0) names.model = texts_.intern(labels.model);
        return seen;
    }

    static void set(gpu_metrics& gpu, detail::exporter_field field, double value, bool replace, bool part) {
        const auto largest = [&](double& x) { x = replace || !(x >= value) ? value : x; };
        const auto sum = [&](double& x) {
            x = part && !std::isnan(x) ? x + value : replace || !(x >= value) ? value : x;
        };
        const auto count = [&](auto& x) {
            using number = typename std::remove_reference_t<decltype(x)>::value_type;
            const auto whole = static_cast<number>(value);
            if (replace || !x || *x < whole) x = whole;
        };
        switch (field) {
            case detail::exporter_field::load:
            case detail::exporter_field::engine_load:
                // The finer measure of the same thing fills in where the usual one is missing.
                if (field == detail::exporter_field::load || std::isnan(gpu.sample.load)) largest(gpu.sample.load);
                break;
            case detail::exporter_field::temperature: largest(gpu.sample.temperature); break;
            case detail::exporter_field::memory_temperature: largest(gpu.memory_temperature); break;
            case detail::exporter_field::power: largest(gpu.sample.power); break;
            case detail::exporter_field::energy: largest(gpu.sample.energy); break;
            case detail::exporter_field::memory_used: sum(gpu.memory_used); break;
            case detail::exporter_field::memory_free: sum(gpu.memory_free); break;
            case detail::exporter_field::xid: count(gpu.sample.xid); break;
            case detail::exporter_field::ecc_correctable: count(gpu.sample.ecc_correctable); break;
            case detail::exporter_field::ecc_uncorrectable: count(gpu.sample.ecc_uncorrectable); break;
            case detail::exporter_field::remapped_rows: count(gpu.sample.remapped_rows); break;
            case detail::exporter_field::throttle_reasons: count(gpu.sample.throttle_reasons); break;
            case detail::exporter_field::remap_failed:
                gpu.sample.remap_failed = value != 0.0 || (!replace && gpu.sample.remap_failed.value_or(false));
                break;
            case detail::exporter_field::recovery:
                // Of the parts of a GPU, the first that asks for something.
                if (replace || gpu.sample.recovery.value_or(recovery_action::none) == recovery_action::none) {
                    gpu.sample.recovery = to_recovery_action(static_cast<std::uint64_t>(value));
                }
                break;
        }
    }

    name_table uuids_;
    name_table texts_;
    std::vector<seen_gpu> seen_;  // per name in uuids_
    std::vector<gpu_metrics> gpus_;
    std::vector<gpu_names> names_;  // of each of gpus_
    std::string key_;
    std::uint64_t scrape_ = 0;
    std::size_t rows_ = 0;
    std::size_t implausible_ = 0;
    std::size_t refused_ = 0;
    std::optional<error> refusal_;
};

}  // namespace berth::inline v0::io
