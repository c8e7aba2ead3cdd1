// SPDX-License-Identifier: Apache-2.0
// berth-bench learn: hides speeds of a measured table, predicts them from the rest, prints errors and intervals.
#include "berth/learn/class_speed.hpp"

#include "berth_bench/commands.hpp"
#include "support/csv_table.hpp"
#include "support/output_file.hpp"
#include "support/text_blocks.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct learn_options {
    std::string table;
    std::string speed_table = "simulation";
    std::string hide_type;
    bool hide_family = false;
    std::string target;
    std::string json;
};

/// A measured speed: a type of job alone on `scale` GPUs of one model that lie together.
struct measurement {
    std::string type;
    std::string gpu;
    std::int64_t scale = 1;
    double speed = 0.0;
};

std::string family_of(const std::string& type) { return type.substr(0, type.find(" (")); }

double batch_of(const std::string& type) {
    constexpr std::string_view before = "(batch size ";
    const auto at = type.find(before);
    double batch = 0.0;
    if (at != std::string::npos) {
        const char* first = type.data() + at + before.size();
        std::from_chars(first, type.data() + type.size(), batch);
    }
    return batch > 0.0 ? batch : 1.0;
}

berth::result<std::string> read_whole(const std::string& path) {
    const auto blocks = file_blocks(path);
    if (!blocks) return blocks.error();
    std::string text;
    while (true) {
        const auto block = (*blocks)();
        if (!block) return block.error();
        if (block->empty()) return text;
        text.append(*block);
    }
}

/// Reads `gpu, job_type, scale_factor, steps_per_s` (and `table`), or `gpu, placement, model, batch, scale_factor,
/// co_model, throughput_steps_per_s`. A speed of 0 was not measured, or does not fit: such rows are left out, and so
/// are pairs of jobs that share a GPU and GPUs that lie apart.
berth::result<std::vector<measurement>> read_speeds(const learn_options& options) {
    const auto text = read_whole(options.table);
    if (!text) return text.error();
    const auto table = csv_table::parse(options.table, *text);
    if (!table) return table.error();
    const bool by_type = table->find_column("job_type").has_value();
    std::vector<std::size_t> columns;
    const std::vector<const char*> names =
        by_type ? std::vector<const char*>{"gpu", "scale_factor", "steps_per_s", "job_type"}
                : std::vector<const char*>{"gpu",       "scale_factor", "throughput_steps_per_s", "model", "batch",
                                           "placement", "co_model"};
    for (const char* name : names) {
        const auto column = table->column(name);
        if (!column) return column.error();
        columns.push_back(*column);
    }
    const auto which = table->find_column("table");
    std::vector<measurement> speeds;
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        if (by_type && which && table->cell(row, *which) != options.speed_table) continue;
        if (!by_type && (table->cell(row, columns[5]) != "consolidated" || !table->cell(row, columns[6]).empty())) {
            continue;
        }
        measurement one;
        const auto gpu = table->text(row, columns[0]);
        if (!gpu) return gpu.error();
        one.gpu = *gpu;
        if (one.gpu.ends_with("_unconsolidated")) continue;
        const auto scale = table->integer(row, columns[1], 1, 1'000'000);
        if (!scale) return scale.error();
        one.scale = *scale;
        const auto speed = table->number(row, columns[2], 0.0, 1e300);
        if (!speed) return speed.error();
        one.speed = *speed;
        const auto type = table->text(row, columns[3]);
        if (!type) return type.error();
        one.type = *type;
        if (!by_type) {
            const auto batch = table->integer(row, columns[4], 0, 1'000'000'000);
            if (!batch) return batch.error();
            if (*batch > 0) one.type += fmt::format(" (batch size {})", *batch);
        }
        if (one.speed > 0.0) speeds.push_back(std::move(one));
    }
    if (speeds.empty()) {
        return berth::error{berth::error_code::inconsistent,
                            fmt::format("{}: no speeds of table {}", options.table, shown(options.speed_table))};
    }
    return speeds;
}

/// Peak TFLOPS (FP32) and GB/s by data sheet, of the GPU models that the published tables have.
struct data_sheet {
    const char* gpu;
    double tflops;
    double bandwidth;
};
constexpr data_sheet data_sheets[] = {{"k80", 4.1, 240.0}, {"p100", 9.3, 732.0}, {"v100", 14.0, 900.0}};

const data_sheet* find_sheet(const std::string& gpu) {
    for (const data_sheet& sheet : data_sheets) {
        if (gpu == sheet.gpu) return &sheet;
    }
    return nullptr;
}

/// A hidden speed and its prediction.
struct outcome {
    measurement hidden;
    berth::log_estimate expected;

    [[nodiscard]] double error() const { return std::abs(expected.median() / hidden.speed - 1.0); }
    [[nodiscard]] bool held() const { return expected.interval(0.8).holds(hidden.speed); }
};

/// Learns all speeds of one scale but the hidden type on the target GPU, and predicts it. With `hide_family` the other
/// types of its family are not learned at all.
berth::result<outcome> predict_hidden(const std::vector<measurement>& all, const measurement& hidden,
                                      bool hide_family) {
    std::vector<measurement> rows;
    for (const measurement& m : all) {
        if (m.scale == hidden.scale) rows.push_back(m);
    }
    std::map<std::string, std::pair<double, double>> batches;  // of each family: sum of logarithms, number
    std::set<std::string> gpus;
    std::set<std::string> counted;
    for (const measurement& m : rows) {
        gpus.insert(m.gpu);
        if (!counted.insert(m.type).second) continue;
        auto& [sum, number] = batches[family_of(m.type)];
        sum += std::log(batch_of(m.type));
        number += 1.0;
    }
    double middle[2] = {};
    bool sheets = true;
    for (const std::string& gpu : gpus) sheets = sheets && find_sheet(gpu) != nullptr;
    if (sheets) {
        for (const std::string& gpu : gpus) {
            middle[0] += std::log(find_sheet(gpu)->tflops) / static_cast<double>(gpus.size());
            middle[1] += std::log(find_sheet(gpu)->bandwidth) / static_cast<double>(gpus.size());
        }
    }

    berth::class_speed model;
    std::map<std::string, std::size_t> gpu_at;
    std::map<std::string, std::size_t> class_at;
    for (const std::string& gpu : gpus) {
        double features[2] = {};
        if (sheets) {
            features[0] = std::log(find_sheet(gpu)->tflops) - middle[0];
            features[1] = std::log(find_sheet(gpu)->bandwidth) - middle[1];
        }
        const auto at = model.add_gpu_model(gpu, {features, sheets ? 2U : 0U});
        if (!at) return at.error();
        gpu_at[gpu] = *at;
    }
    const auto learn_class = [&](const std::string& type) -> berth::result<std::size_t> {
        if (const auto known = class_at.find(type); known != class_at.end()) return known->second;
        const auto& [sum, number] = batches[family_of(type)];
        const double feature = std::log(batch_of(type)) - sum / number;
        auto at = model.add_class(type, family_of(type), {&feature, 1});
        if (at) class_at[type] = *at;
        return at;
    };
    for (const measurement& m : rows) {
        if (m.type == hidden.type && m.gpu == hidden.gpu) continue;
        if (hide_family && m.type != hidden.type && family_of(m.type) == family_of(hidden.type)) continue;
        const auto at = learn_class(m.type);
        if (!at) return at.error();
        if (const auto told = model.observe(*at, gpu_at[m.gpu], m.speed); !told) return told.error();
    }
    const auto at = learn_class(hidden.type);
    if (!at) return at.error();
    return outcome{hidden, model.predict(*at, gpu_at[hidden.gpu])};
}

double median(std::vector<double> values) {
    if (values.empty()) return 0.0;
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

/// The median error of one ratio for all types, the mean of log ratios, from `source` to `target`.
double ratio_error(const std::vector<measurement>& all, const std::string& target, const std::string& source) {
    std::map<std::string, std::map<std::string, double>> speeds;
    for (const measurement& m : all) {
        if (m.scale == 1) speeds[m.type][m.gpu] = std::log(m.speed);
    }
    std::vector<double> ratios;
    for (const auto& [type, by_gpu] : speeds) {
        if (by_gpu.contains(target) && by_gpu.contains(source)) ratios.push_back(by_gpu.at(target) - by_gpu.at(source));
    }
    if (ratios.size() < 2) return 0.0;
    double sum = 0.0;
    for (const double ratio : ratios) sum += ratio;
    std::vector<double> errors;
    for (const double ratio : ratios) {
        const double others = (sum - ratio) / static_cast<double>(ratios.size() - 1);
        errors.push_back(std::abs(std::exp(others - ratio) - 1.0));
    }
    return median(errors);
}

nlohmann::ordered_json row_json(const outcome& o, bool hide_family) {
    const auto range = o.expected.interval(0.8);
    nlohmann::ordered_json json;
    json["type"] = o.hidden.type;
    json["target"] = o.hidden.gpu;
    json["scale_factor"] = o.hidden.scale;
    json["family_hidden"] = hide_family;
    json["measured"] = o.hidden.speed;
    json["predicted"] = o.expected.median();
    json["low_80"] = range.low;
    json["high_80"] = range.high;
    json["relative_error"] = o.error();
    json["inside"] = o.held();
    return json;
}

/// One hidden type, row by row.
int one_type(const learn_options& options, const std::vector<measurement>& speeds) {
    nlohmann::ordered_json json;
    json["table"] = options.speed_table;
    json["rows"] = nlohmann::ordered_json::array();
    std::vector<double> errors;
    const auto hidden = [&options](const measurement& m) {
        return m.type == options.hide_type && (options.target.empty() || m.gpu == options.target);
    };
    if (std::none_of(speeds.begin(), speeds.end(), hidden)) {
        return fail(fmt::format("{}: no speed of type {}{}", options.table, shown(options.hide_type),
                                options.target.empty() ? std::string{} : " on GPU " + shown(options.target)));
    }
    fmt::print("{:<10} {:>5} {:>12} {:>12} {:>24} {:>8}\n", "target", "GPUs", "measured", "predicted", "80 % interval",
               "error");
    for (const measurement& m : speeds) {
        if (!hidden(m)) continue;
        const auto o = predict_hidden(speeds, m, options.hide_family);
        if (!o) return fail(o.error().message);
        const auto range = o->expected.interval(0.8);
        fmt::print("{:<10} {:>5} {:>12.4g} {:>12.4g} {:>11.4g} .. {:>9.4g} {:>6.1f} %\n", m.gpu, m.scale, m.speed,
                   o->expected.median(), range.low, range.high, 100.0 * o->error());
        errors.push_back(o->error());
        json["rows"].push_back(row_json(*o, options.hide_family));
    }
    json["median_relative_error"] = median(errors);
    fmt::print("median error {:.1f} %\n", 100.0 * median(errors));
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    return exit_ok;
}

/// Every type hidden in turn on every target: the bars.
int all_types(const learn_options& options, const std::vector<measurement>& speeds) {
    std::set<std::string> gpus;
    std::set<std::int64_t> scales;
    for (const measurement& m : speeds) {
        if (options.target.empty() || m.gpu == options.target) gpus.insert(m.gpu);
        if (m.scale <= 8) scales.insert(m.scale);
    }
    if (gpus.empty()) return fail(fmt::format("{}: no speed on GPU {}", options.table, shown(options.target)));
    nlohmann::ordered_json json;
    json["table"] = options.speed_table;
    json["median_relative_error"] = nlohmann::ordered_json::object();
    json["rows"] = nlohmann::ordered_json::array();
    fmt::print("Every type hidden in turn on the target GPU, predicted from the other GPUs (table {})\n\n",
               options.speed_table);
    fmt::print("{:<8} {:>22} {:>24} {:>18}\n", "target", "median error, 1 GPU", "the same, family unseen",
               "one global ratio");
    std::map<bool, std::map<std::int64_t, std::vector<bool>>> held;
    std::map<std::string, std::map<bool, double>> errors_of;
    for (const std::string& gpu : gpus) {
        for (const bool hide_family : {false, true}) {
            std::vector<double> errors;
            for (const measurement& m : speeds) {
                if (m.gpu != gpu || !scales.contains(m.scale)) continue;
                const auto o = predict_hidden(speeds, m, hide_family);
                if (!o) return fail(o.error().message);
                if (m.scale == 1) errors.push_back(o->error());
                held[hide_family][m.scale].push_back(o->held());
                json["rows"].push_back(row_json(*o, hide_family));
            }
            errors_of[gpu][hide_family] = median(errors);
            json["median_relative_error"][gpu][hide_family ? "family_unseen" : "family_seen"] = median(errors);
        }
        const std::string source = gpu == "p100" ? "v100" : "p100";
        fmt::print("{:<8} {:>20.1f} % {:>22.1f} % {:>16.1f} %\n", gpu, 100.0 * errors_of[gpu][false],
                   100.0 * errors_of[gpu][true], 100.0 * ratio_error(speeds, gpu, source));
    }
    for (const bool hide_family : {false, true}) {
        std::size_t inside = 0;
        std::size_t count = 0;
        std::string by_scale;
        for (const auto& [scale, rows] : held[hide_family]) {
            const auto here = static_cast<std::size_t>(std::count(rows.begin(), rows.end(), true));
            inside += here;
            count += rows.size();
            by_scale += fmt::format("  {} GPUs {:.0f} %", scale,
                                    100.0 * static_cast<double>(here) / static_cast<double>(rows.size()));
        }
        const double share = static_cast<double>(inside) / static_cast<double>(count);
        fmt::print("\n80 % intervals, family {}: hold {:.1f} % of {} ({} )", hide_family ? "unseen" : "seen",
                   100.0 * share, count, by_scale);
        json["intervals_80_hold"][hide_family ? "family_unseen" : "family_seen"] = share;
    }
    fmt::print("\n");
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    return exit_ok;
}

int learn(const learn_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const auto speeds = read_speeds(options);
    if (!speeds) return fail(speeds.error().message);
    return options.hide_type.empty() ? all_types(options, *speeds) : one_type(options, *speeds);
}

}  // namespace

command add_learn(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<learn_options>();
    subcommand = program.add_subcommand(
        "learn", "Hides measured speeds and predicts them: by default every type on every GPU model in turn");
    CLI::App& app = *subcommand;
    app.add_option("--table", options->table, "Speeds by type and GPU model, CSV, may be .xz")->required();
    app.add_option("--speed-table", options->speed_table, "Which part, if the file has a column `table`")
        ->capture_default_str();
    app.add_option("--hide-type", options->hide_type, "Hide this type alone, such as \"ResNet-50 (batch size 64)\"");
    app.add_flag("--hide-family", options->hide_family, "With --hide-type: learn nothing of its family");
    app.add_option("--target", options->target, "The GPU model on which it is hidden (default: each in turn)");
    app.add_option("--json", options->json, "Write predictions, intervals and errors as JSON");
    return [options] { return learn(*options); };
}

}  // namespace bench
