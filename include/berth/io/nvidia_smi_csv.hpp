// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"
#include "berth/io/gpu_metrics.hpp"
#include "berth/watch/samples.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// Length: the table of columns and their one reader.

namespace berth::inline v0::io {

/// Reads what `nvidia-smi --query-gpu=uuid,utilization.gpu,temperature.gpu,power.draw,... --format=csv` prints, with or
/// without units, in any order of columns:
///
/// ```
/// berth::io::nvidia_smi_csv smi;
/// if (auto ok = smi.read(text, seconds_since_epoch); !ok) return say(ok.error().message);
/// for (const berth::io::gpu_metrics& gpu : smi.gpus()) watch(gpu.uuid, gpu.sample);
/// ```
///
/// 1. Columns that it knows, by the names of old and new drivers: `uuid`, `gpu_uuid`, `index`, `name`, `gpu_name`,
///    `utilization.gpu`, `temperature.gpu`, `temperature.memory`, `power.draw` (and `.average`, `.instant`),
///    `memory.used`, `memory.free`, `ecc.errors.corrected.volatile.total`, `ecc.errors.uncorrected.volatile.total`,
///    `remapped_rows.uncorrectable`, `remapped_rows.failure`, `clocks_throttle_reasons.active`,
///    `clocks_event_reasons.active`, `gpu_recovery_action`. Others are passed over.
/// 2. `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `ERR!` and whatever else stands in brackets is absent, never 0.
/// 3. A row that cannot be read is counted and passed over; the first one is kept as an error with line and column.
///
/// A GPU without a `uuid` is named by its `index`. Several answers one after the other (`-l 5`) may stand in one text
/// without their headers: the last row of each GPU counts. Views into a copy of the text. O(its length + rows × GPUs).
class nvidia_smi_csv {
public:
    /// Has read nothing yet.
    nvidia_smi_csv() = default;
    nvidia_smi_csv(const nvidia_smi_csv&) = delete;             ///< its GPUs view its text
    nvidia_smi_csv& operator=(const nvidia_smi_csv&) = delete;  ///< its GPUs view its text

    /// Reads one answer; what the one before said is forgotten.
    ///
    /// @param text  need not stay
    /// @param now   the time of its samples, seconds by your clock
    /// @return      an error if there is no header with a column `uuid` or `index`, or a column stands twice
    [[nodiscard]] result<void> read(std::string_view text, double now) {
        gpus_.clear();
        refused_ = 0;
        refusal_.reset();
        text_.assign(text);
        std::string_view rest = text_;
        std::size_t number = 0;
        columns_.clear();
        while (!rest.empty()) {
            ++number;
            const std::size_t end = rest.find('\n');
            const std::string_view line = trimmed(berth::detail::without_cr(rest.substr(0, end)));
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            if (line.empty()) continue;
            if (columns_.empty()) {
                if (auto ok = read_header(line, number); !ok) return ok.error();
            } else {
                read_row(line, number, now);
            }
        }
        if (columns_.empty())
            return berth::detail::refuse(error_code::malformed, {"nvidia-smi: the text has no header"});
        return {};
    }
    /// The GPUs of the last answer, in the order in which it names them first. Valid until the next call of `read`.
    [[nodiscard]] std::span<const gpu_metrics> gpus() const noexcept { return gpus_; }
    /// Rows of the last answer that could not be read.
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; }
    /// The first of them; nothing if all were read.
    [[nodiscard]] const std::optional<error>& first_refusal() const noexcept { return refusal_; }

private:
    enum class column : std::uint8_t {
        other,
        uuid,
        index,
        model,
        load,
        temperature,
        memory_temperature,
        power,
        memory_used,
        memory_free,
        ecc_correctable,
        ecc_uncorrectable,
        remapped_rows,
        remap_failed,
        throttle_reasons,
        recovery,
    };
    static constexpr std::array<std::pair<std::string_view, column>, 20> names = {{
        {"uuid", column::uuid},
        {"gpu_uuid", column::uuid},
        {"index", column::index},
        {"name", column::model},
        {"gpu_name", column::model},
        {"utilization.gpu", column::load},
        {"temperature.gpu", column::temperature},
        {"temperature.memory", column::memory_temperature},
        {"power.draw", column::power},
        {"power.draw.average", column::power},
        {"power.draw.instant", column::power},
        {"memory.used", column::memory_used},
        {"memory.free", column::memory_free},
        {"ecc.errors.corrected.volatile.total", column::ecc_correctable},
        {"ecc.errors.uncorrected.volatile.total", column::ecc_uncorrectable},
        {"remapped_rows.uncorrectable", column::remapped_rows},
        {"remapped_rows.failure", column::remap_failed},
        {"clocks_throttle_reasons.active", column::throttle_reasons},
        {"clocks_event_reasons.active", column::throttle_reasons},
        {"gpu_recovery_action", column::recovery},
    }};

    [[nodiscard]] static std::string_view trimmed(std::string_view text) noexcept {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
        return text;
    }
    [[nodiscard]] static std::string_view next_field(std::string_view& line) noexcept {
        const std::size_t end = line.find(',');
        const std::string_view field = trimmed(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
        return field;
    }
    [[nodiscard]] static bool absent(std::string_view field) noexcept {
        return field.empty() || field.front() == '[' || field == "N/A" || field == "Not Supported" || field == "ERR!" ||
               field == "Unknown Error";
    }

    [[nodiscard]] result<void> read_header(std::string_view line, std::size_t number) {
        bool named = false;
        while (!line.empty()) {
            std::string_view field = next_field(line);
            field = trimmed(field.substr(0, field.find('[')));  // the unit
            column found = column::other;
            for (const auto& [name, kind] : names) {
                if (name == field) found = kind;
            }
            for (const auto& [kind, earlier] : columns_) {
                if (earlier != field) continue;
                columns_.clear();
                return berth::detail::refuse(
                    error_code::duplicate,
                    {"nvidia-smi: line ", number, ": column ", berth::detail::phrase::quoted(field), " stands twice"});
            }
            // Of two columns of one kind (average and instant power) the first counts.
            for (const auto& [kind, earlier] : columns_) {
                if (kind == found) found = column::other;
            }
            named = named || found == column::uuid || found == column::index;
            columns_.push_back({found, field});
        }
        if (named) return {};
        columns_.clear();
        return berth::detail::refuse(error_code::malformed, {"nvidia-smi: line ", number,
                                                             ": neither a column \"uuid\" nor \"index\"; ask for one"});
    }

    // A number with or without its unit; `0x...` as well.
    [[nodiscard]] static std::optional<double> to_value(std::string_view field) noexcept {
        if (field.starts_with("0x")) {
            std::uint64_t bits = 0;
            const char* last = field.data() + field.size();
            const auto read = std::from_chars(field.data() + 2, last, bits, 16);
            if (read.ec != std::errc{} || read.ptr != last) return std::nullopt;
            return static_cast<double>(bits);
        }
        double value = 0.0;
        const char* last = field.data() + field.size();
        const auto read = std::from_chars(field.data(), last, value);
        if (read.ec != std::errc{} || !std::isfinite(value)) return std::nullopt;
        const std::string_view unit = trimmed({read.ptr, static_cast<std::size_t>(last - read.ptr)});
        if (!unit.empty() && unit != "%" && unit != "W" && unit != "MiB" && unit != "C") return std::nullopt;
        return value;
    }
    // Words that are not known, of a driver to come, are absent.
    [[nodiscard]] static std::optional<recovery_action> to_recovery(std::string_view field) noexcept {
        if (field == "None") return recovery_action::none;
        if (field == "Reset" || field == "GPU Reset") return recovery_action::gpu_reset;
        if (field == "Reboot" || field == "Node Reboot") return recovery_action::node_reboot;
        if (field == "Drain P2P") return recovery_action::drain_peers;
        if (field == "Drain and Reset") return recovery_action::drain_and_reset;
        if (field == "Recover IMEX Domain") return recovery_action::recover_imex_domain;
        if (field == "Bus Reset") return recovery_action::bus_reset;
        if (field == "System Reboot") return recovery_action::system_reboot;
        return std::nullopt;
    }
    void refuse_row(std::size_t number, std::string_view name, std::string_view found, const char* why) {
        if (refused_++ > 0) return;
        refusal_ = berth::detail::refuse(error_code::malformed,
                                         {"nvidia-smi: line ", number, ": ", name, " is ",
                                          berth::detail::phrase::quoted(found.substr(0, 40)), ", expected ", why});
    }
    void read_row(std::string_view line, std::size_t number, double now) {
        gpu_metrics gpu;
        gpu.sample.time = now;
        std::string_view index;
        const std::string_view whole = line;
        for (const auto& [kind, name] : columns_) {
            if (line.empty() && &name != &columns_.front().second) {
                return refuse_row(number, "the row", whole, "as many fields as columns");
            }
            const std::string_view field = next_field(line);
            if (kind == column::other || absent(field)) continue;
            if (kind == column::uuid) {
                gpu.uuid = field;
            } else if (kind == column::index) {
                index = field;
            } else if (kind == column::model) {
                gpu.model = field;
            } else if (kind == column::remap_failed && (field == "Yes" || field == "No")) {
                gpu.sample.remap_failed = field == "Yes";
            } else if (kind == column::recovery) {
                gpu.sample.recovery = to_recovery(field);
            } else {
                const auto value = to_value(field);
                if (!value || !set(gpu, kind, *value)) return refuse_row(number, name, field, "a number that can be");
            }
        }
        if (!line.empty()) return refuse_row(number, "the row", whole, "as many fields as columns");
        if (gpu.uuid.empty()) gpu.uuid = index;
        if (gpu.uuid.empty()) return refuse_row(number, "the row", whole, "a uuid or an index");
        for (gpu_metrics& earlier : gpus_) {
            if (earlier.uuid == gpu.uuid) {
                earlier = gpu;
                return;
            }
        }
        gpus_.push_back(gpu);
    }
    // False for a number that cannot be.
    [[nodiscard]] static bool set(gpu_metrics& gpu, column kind, double value) {
        using detail::exporter_field;
        using detail::plausible;
        const auto put = [&](exporter_field field, double& to, double scale = 1.0) {
            to = value * scale;
            return plausible(field, to);
        };
        const auto count = [&](exporter_field field, std::optional<std::uint64_t>& to) {
            if (!plausible(field, value)) return false;
            to = static_cast<std::uint64_t>(value);
            return true;
        };
        switch (kind) {
            case column::load: return put(exporter_field::load, gpu.sample.load, 0.01);
            case column::temperature: return put(exporter_field::temperature, gpu.sample.temperature);
            case column::memory_temperature: return put(exporter_field::memory_temperature, gpu.memory_temperature);
            case column::power: return put(exporter_field::power, gpu.sample.power);
            case column::memory_used: return put(exporter_field::memory_used, gpu.memory_used);
            case column::memory_free: return put(exporter_field::memory_free, gpu.memory_free);
            case column::ecc_correctable: return count(exporter_field::ecc_correctable, gpu.sample.ecc_correctable);
            case column::ecc_uncorrectable:
                return count(exporter_field::ecc_uncorrectable, gpu.sample.ecc_uncorrectable);
            case column::remapped_rows: return count(exporter_field::remapped_rows, gpu.sample.remapped_rows);
            case column::throttle_reasons: return count(exporter_field::throttle_reasons, gpu.sample.throttle_reasons);
            case column::remap_failed:
                gpu.sample.remap_failed = value != 0.0;
                return plausible(exporter_field::remap_failed, value);
            case column::other:
            case column::uuid:
            case column::index:
            case column::model:
            case column::recovery: break;
        }
        return true;
    }

    std::string text_;
    std::vector<std::pair<column, std::string_view>> columns_;
    std::vector<gpu_metrics> gpus_;
    std::size_t refused_ = 0;
    std::optional<error> refusal_;
};

}  // namespace berth::inline v0::io
