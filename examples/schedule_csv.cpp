// SPDX-License-Identifier: Apache-2.0
// Reads tasks.csv and gpus.csv, gives every task a GPU by the load model (least C · P among the GPUs that admit it),
// and prints each task's GPU and each GPU's load, power and temperature before and after. Two steps follow. Balance: a
// task that no GPU admits whole is split over several, and load leaves GPUs that are over their limit. Hot migration:
// with --fault, a GPU fails (after a number of seconds of work at 20 GFLOPS) and its remaining load is split over the
// others.
//
//   schedule_csv [--skip-bad] [--fault GPU [--after SECONDS]] [--max-load GFLOP] [--max-temp C] [tasks.csv gpus.csv]
//
//   tasks.csv  data_size (GB), complexity or complicity (GFLOP), output_size (GB); optional: name or id, and divisible
//              (1: may be split, the default without this column; 0: may not)
//   gpus.csv   load and max_load (GFLOP, present and maximum); optional: power (W), temp and max_temp (°C), name or id.
//              Or what nvidia-smi prints, whose loads are shares:
//              nvidia-smi --query-gpu=uuid,utilization.gpu,power.draw,temperature.gpu --format=csv
//
// --max-load and --max-temp are for GPUs whose file does not say them; nvidia-smi never says a max_load.
//
// Readings are taken as the scheduler takes them. A GPU at or above its own max_temp takes nothing new, whatever its
// load says. A reading that is missing, empty, or in brackets as nvidia-smi has it (`[N/A]`) is unknown, never 0: an
// unknown temperature limits nothing, a GPU of unknown load attracts no work.
//
// Every malformed row is reported with line and field, and the program ends with exit code 2; with --skip-bad the other
// rows are scheduled. A task that no GPU admits is listed, not an error.
#include "berth/io/nvidia_smi_csv.hpp"
#include "berth/search.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

struct task_row {
    std::string name;
    double data_size = 0.0;
    double complexity = 0.0;
    double output_size = 0.0;
    double divisible = 1.0;
};

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

struct gpu_row {
    std::string name;
    double load = unknown;
    double power = unknown;
    double temp = unknown;
    double max_load = unknown;
    double max_temp = unknown;
};

/// A numeric column and the member that takes its value.
template <class Row>
struct field {
    std::vector<std::string_view> names;  // accepted spellings
    double Row::* value;
    double least;
    double most;
    bool required = true;
    bool may_be_unknown = false;  // its cells may be empty or say so
};

/// True if a cell says that nothing was measured.
bool says_unknown(std::string_view cell) {
    return cell.empty() || cell.front() == '[' || cell == "N/A" || cell == "ERR!" || cell == "nan" || cell == "NaN";
}

/// Reads all rows of a file. Adds every error to `problems`; rows with an error are left out.
template <class Row>
std::vector<Row> read_rows(const std::string& path, std::string_view kind, const std::vector<field<Row>>& fields,
                           std::vector<std::string>& problems) {
    std::vector<Row> rows;
    std::vector<berth::error> bad_rows;
    const auto table = bench::csv_table::read(path, &bad_rows);
    if (!table) return problems.push_back(table.error().message), rows;
    for (const auto& bad : bad_rows) problems.push_back(bad.message);

    std::vector<std::pair<std::size_t, field<Row>>> columns;
    bool complete = true;
    for (const auto& field : fields) {
        std::optional<std::size_t> found;
        for (const auto name : field.names) {
            if (!found) found = table->find_column(name);
        }
        if (found) {
            columns.emplace_back(*found, field);
        } else if (field.required) {
            problems.push_back(table->column(field.names.front()).error().message);
            complete = false;
        }
    }
    if (!complete) return rows;
    auto name_column = table->find_column("name");
    if (!name_column) name_column = table->find_column("id");

    std::set<std::string, std::less<>> names;
    for (std::size_t r = 0; r < table->row_count(); ++r) {
        Row row;
        row.name = name_column ? std::string{table->cell(r, *name_column)} : std::string{};
        if (row.name.empty()) row.name = std::string{kind} + '-' + std::to_string(r + 1);
        bool good = names.insert(row.name).second;
        if (!good) {
            problems.push_back(
                table->fault(r, name_column.value_or(0), berth::error_code::duplicate, "this name was given before")
                    .message);
        }
        for (const auto& [column, field] : columns) {
            if (field.may_be_unknown && says_unknown(table->cell(r, column))) continue;
            const auto value = table->number(r, column, field.least, field.most);
            if (value) {
                row.*field.value = *value;
            } else {
                problems.push_back(value.error().message);
                good = false;
            }
        }
        if (good) rows.push_back(std::move(row));
    }
    return rows;
}

/// What nvidia-smi prints, if the file is that; nothing if it is a table of this program's own.
std::optional<std::vector<gpu_row>> read_nvidia_smi(const std::string& path, std::vector<std::string>& problems) {
    const auto text = bench::read_file(path);
    if (!text || text->substr(0, text->find('\n')).find("utilization.gpu") == std::string::npos) return std::nullopt;
    berth::io::nvidia_smi_csv smi;
    std::vector<gpu_row> rows;
    if (const auto ok = smi.read(*text, 0.0); !ok) return problems.push_back(path + ": " + ok.error().message), rows;
    if (smi.first_refusal()) problems.push_back(path + ": " + smi.first_refusal()->message);
    for (const berth::io::gpu_metrics& gpu : smi.gpus()) {
        rows.push_back({.name = std::string{gpu.uuid},
                        .load = gpu.sample.load,  // a share, until it is known of how much
                        .power = gpu.sample.power,
                        .temp = gpu.sample.temperature});
    }
    return rows;
}

/// How a reading of the GPUs rises from no load to full load: the slope of the least-squares line through all GPUs of
/// which it is known. 0 if it is not determined. Never negative.
double rise_with_load(const std::vector<gpu_row>& all, double gpu_row::* reading) {
    std::vector<gpu_row> gpus;
    for (const auto& gpu : all) {
        if (!std::isnan(gpu.load) && !std::isnan(gpu.*reading)) gpus.push_back(gpu);
    }
    double mean_x = 0.0;
    double mean_y = 0.0;
    const auto share = [](const gpu_row& gpu) { return gpu.load / gpu.max_load; };
    for (const auto& gpu : gpus) {
        mean_x += share(gpu) / static_cast<double>(gpus.size());
        mean_y += gpu.*reading / static_cast<double>(gpus.size());
    }
    double xx = 0.0;
    double xy = 0.0;
    for (const auto& gpu : gpus) {
        xx += (share(gpu) - mean_x) * (share(gpu) - mean_x);
        xy += (share(gpu) - mean_x) * (gpu.*reading - mean_y);
    }
    return xx > 1e-12 ? std::max(0.0, xy / xx) : 0.0;
}

/// Loads are thousandths inside the library, so that admission is exact.
berth::amount milli(double value) { return static_cast<berth::amount>(std::llround(value * 1000.0)); }

int refuse(const std::string& message) {
    std::fprintf(stderr, "schedule_csv: %s\n", message.c_str());
    return 2;
}

constexpr double gflops = 20.0;  // of every GPU

/// The same limits, and the earlier load of each GPU as a further task.
berth::result<berth::load_cost> with_what_was_there(const berth::load_cost& placed) {
    std::vector<berth::load_task> tasks(placed.tasks().begin(), placed.tasks().end());
    std::vector<berth::load_gpu> gpus(placed.gpus().begin(), placed.gpus().end());
    for (auto& gpu : gpus) tasks.push_back({.load = std::exchange(gpu.load, 0)});
    return berth::make_load_cost(std::move(tasks), std::move(gpus), placed.measure());
}

/// The GPUs' work, as pieces of tasks: the earlier load is a divisible task of its own on each GPU.
class work_on_gpus {
public:
    work_on_gpus(const std::vector<task_row>& tasks, const std::vector<gpu_row>& gpus, const berth::load_cost& model,
                 const berth::plan& plan)
        : gpus_{&gpus}, model_{model}, divisible_(tasks.size() + gpus.size(), 1) {
        for (const auto& task : tasks) {
            names_.push_back(task.name);
            if (task.divisible == 0.0) divisible_[names_.size() - 1] = 0;
        }
        for (const auto& gpu : gpus) names_.push_back("what was on " + gpu.name);
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            const berth::slot where = plan.assignment[t];
            if (where.placed()) {
                pieces_.place(berth::task_index{t}, berth::gpu_index{where.node.value()},
                              model_.task(berth::task_index{t}).load);
            }
        }
        for (std::size_t g = 0; g < gpus.size(); ++g)
            if (gpus[g].load > 0.0)
                pieces_.place(berth::task_index{tasks.size() + g}, berth::gpu_index{g}, milli(gpus[g].load));
    }
    work_on_gpus(const work_on_gpus&) = delete;

    /// Splits each task that no GPU admits whole, completely or not at all, and takes load off GPUs that are over their
    /// limit.
    void balance(const berth::plan& plan) {
        for (const berth::task_index t : plan.left_out) {
            if (divisible_[t.value()] == 0) continue;
            berth::load_pieces with = pieces_;
            const auto step = with.spread(t, model_.task(t).load);
            if (!step.stranded.empty()) {
                std::printf("balance: not even all GPUs together have room for %s\n", names_[t.value()].c_str());
                continue;
            }
            pieces_ = with;
            print("balance", step);
        }
        print("balance", pieces_.balance());
    }

    /// Works for a number of seconds: earlier load first.
    void run(double seconds) {
        for (std::size_t g = 0; g < gpus_->size(); ++g) {
            const berth::gpu_index at{g};
            berth::amount left = milli(seconds * gflops);
            for (std::size_t i = 0; i < names_.size(); ++i) {
                const berth::task_index t{i < gpus_->size() ? names_.size() - gpus_->size() + i : i - gpus_->size()};
                const berth::amount part = std::min(left, pieces_.load_on(t, at));
                pieces_.done(t, at, part);
                left -= part;
            }
        }
    }

    void fail(std::size_t g, double seconds) {
        run(seconds);
        std::printf("hot-migrate: %s fails after %.1f s\n", (*gpus_)[g].name.c_str(), seconds);
        print("hot-migrate", pieces_.migrate_from(berth::gpu_index{g}));
    }

    void print_loads() const {
        for (std::size_t g = 0; g < gpus_->size(); ++g) {
            const berth::gpu_index at{g};
            std::printf("then: %s has %.1f of at most %.1f GFLOP to do, done after %.1f s\n", (*gpus_)[g].name.c_str(),
                        static_cast<double>(pieces_.loads().load_micro(at)) * 1e-6,
                        static_cast<double>(model_.gpu(at).max_load) / 1000.0, pieces_.finish(at) / 1000.0);
        }
    }

private:
    void print(const char* name, const berth::load_step& step) const {
        for (const auto& s : step.shifts) {
            std::printf("%s: %.1f GFLOP of %s", name, static_cast<double>(s.load) / 1000.0,
                        names_[s.task.value()].c_str());
            if (s.from.valid()) std::printf(" from %s", (*gpus_)[s.from.value()].name.c_str());
            std::printf(" to %s\n", (*gpus_)[s.to.value()].name.c_str());
        }
        for (const auto& s : step.stranded) {
            std::printf("%s: %.1f GFLOP of %s find no room\n", name, static_cast<double>(s.load) / 1000.0,
                        names_[s.task.value()].c_str());
        }
    }

    const std::vector<gpu_row>* gpus_;
    std::vector<std::string> names_;
    const berth::load_cost& model_;
    std::vector<std::uint8_t> divisible_;
    double speed_[1] = {gflops};
    berth::load_pieces pieces_{model_, speed_, {.divisible = divisible_, .min_piece = 1000}};
};

/// A reading in so many columns; `?` if it is unknown.
std::string shown(double value, int width) {
    char text[64];
    if (std::isnan(value)) {
        std::snprintf(text, sizeof text, "%*s", width, "?");
    } else {
        std::snprintf(text, sizeof text, "%*.1f", width, value);
    }
    return text;
}

/// The most load that a GPU may have: its maximum, or less if it would reach its maximum temperature before.
double most_load_of(const gpu_row& gpu, double warms) {
    if (std::isnan(gpu.load)) return 0.0;
    double most = gpu.max_load;
    if (warms > 0.0 && !std::isnan(gpu.temp) && !std::isnan(gpu.max_temp))
        most = std::min(most, gpu.load + (gpu.max_temp - gpu.temp) / warms * gpu.max_load);
    if (gpu.temp >= gpu.max_temp) most = std::min(most, gpu.load);
    return std::clamp(most, 0.0, gpu.max_load);
}

/// Pads text on the right to a number of characters.
std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    bool skip_bad = false;
    std::string fault;
    double fails_after = 0.0;
    double usual_max_load = unknown;
    double usual_max_temp = unknown;
    std::vector<std::string> files;
    const std::string usage = "; usage: schedule_csv [--skip-bad] [--fault GPU [--after SECONDS]] [--max-load GFLOP] "
                              "[--max-temp C] [tasks.csv gpus.csv]";
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--skip-bad") {
            skip_bad = true;
        } else if (argument == "--fault" && i + 1 < argc) {
            fault = argv[++i];
        } else if (argument == "--after" && i + 1 < argc) {
            char* end = nullptr;
            fails_after = std::strtod(argv[++i], &end);
            if (*end != '\0' || !(fails_after >= 0.0 && fails_after <= 1e6))
                return refuse("--after is 0 to 1000000 seconds" + usage);
        } else if ((argument == "--max-load" || argument == "--max-temp") && i + 1 < argc) {
            char* end = nullptr;
            const double value = std::strtod(argv[++i], &end);
            const bool load = argument == "--max-load";
            if (*end != '\0' || !(load ? value >= 0.001 && value <= 1e9 : value >= -100.0 && value <= 1000.0))
                return refuse(argument + (load ? " is 0.001 to 1e9 GFLOP" : " is -100 to 1000 degrees") + usage);
            (load ? usual_max_load : usual_max_temp) = value;
        } else if (argument.starts_with("-")) {
            return refuse("unknown option or no value: " + argument + usage);
        } else {
            files.push_back(argument);
        }
    }
    const std::string samples = BERTH_DATA_DIR "/../../examples/data";
    if (files.empty()) files = {samples + "/tasks.csv", samples + "/gpus.csv"};
    if (files.size() != 2) return refuse("two files expected" + usage);

    constexpr double most_load = 1e9;
    std::vector<std::string> problems;
    const auto tasks = read_rows<task_row>(files[0], "task",
                                           {{{"data_size"}, &task_row::data_size, 0.0, 1e12},
                                            {{"complexity", "complicity"}, &task_row::complexity, 0.0, most_load},
                                            {{"output_size"}, &task_row::output_size, 0.0, 1e12},
                                            {{"divisible"}, &task_row::divisible, 0.0, 1.0, false}},
                                           problems);
    auto measured = read_nvidia_smi(files[1], problems);
    const bool shares = measured.has_value();
    auto gpus =
        shares ? std::move(*measured)
               : read_rows<gpu_row>(files[1], "gpu",
                                    {{{"load"}, &gpu_row::load, 0.0, most_load, true, true},
                                     {{"power"}, &gpu_row::power, 0.0, 1e6, false, true},
                                     {{"temp"}, &gpu_row::temp, -100.0, 1000.0, false, true},
                                     {{"max_load"}, &gpu_row::max_load, 0.001, most_load, std::isnan(usual_max_load)},
                                     {{"max_temp"}, &gpu_row::max_temp, -100.0, 1000.0, false, true}},
                                    problems);
    if (shares && std::isnan(usual_max_load))
        problems.push_back(files[1] + ": nvidia-smi does not say how much load a GPU may have: give --max-load GFLOP");
    for (auto& gpu : gpus) {
        if (std::isnan(gpu.max_load)) gpu.max_load = usual_max_load;
        if (std::isnan(gpu.max_temp)) gpu.max_temp = usual_max_temp;
        if (shares) gpu.load *= gpu.max_load;
    }
    for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
    if (!problems.empty() && (!skip_bad || (shares && std::isnan(usual_max_load)))) {
        return refuse(std::to_string(problems.size()) +
                      " problems, nothing scheduled (--skip-bad leaves those rows out)");
    }
    if (tasks.empty()) return refuse(files[0] + ": no task to schedule");
    if (gpus.empty()) return refuse(files[1] + ": no GPU to schedule on");
    std::size_t failing = 0;
    while (failing < gpus.size() && gpus[failing].name != fault) ++failing;
    if (!fault.empty() && failing == gpus.size()) return refuse(files[1] + ": no GPU is called " + fault);

    // C: seconds on a GPU of 20 GFLOPS behind a link of 12 GB/s. L: the GFLOP that the task adds to its GPU.
    const berth::execution_time seconds{.seconds_per_input_gb = 1.0 / 12, .seconds_per_output_gb = 1.0 / 12};
    const double reference_gpu[] = {gflops};
    std::vector<berth::load_task> load_tasks;
    for (const auto& task : tasks) {
        const double features[] = {task.data_size, task.complexity, task.output_size};
        load_tasks.push_back({.execution_cost = seconds(features, reference_gpu), .load = milli(task.complexity)});
    }
    const double warms = rise_with_load(gpus, &gpu_row::temp);
    const double draws = rise_with_load(gpus, &gpu_row::power);
    std::vector<berth::load_gpu> load_gpus;
    for (const auto& gpu : gpus) {
        load_gpus.push_back({.max_load = milli(most_load_of(gpu, warms)),
                             .load = std::isnan(gpu.load) ? berth::amount{0} : milli(gpu.load)});
    }
    const auto model =
        berth::make_load_cost(std::move(load_tasks), std::move(load_gpus), berth::load_measure::relative);
    if (!model) return refuse(model.error().message);

    // Bare GPUs: one node each. Their share is no limit here, only the load model decides which task fits.
    berth::fleet_builder machines{berth::resource_schema{.gpu = {"tasks"}, .node = {}}};
    const berth::amount plenty[] = {berth::max_amount};
    for (const auto& gpu : gpus) {
        const berth::gpu_description one[] = {{.model = {}, .capacity = plenty}};
        if (const auto added = machines.add_node({.name = gpu.name, .gpus = one}); !added)
            return refuse(added.error().message);
    }
    const auto fleet = std::move(machines).build();
    if (!fleet) return refuse(fleet.error().message);
    berth::workload_builder work{*fleet};
    const berth::amount one_task[] = {1};
    for (const auto& task : tasks) {
        const auto added = work.add_task({.name = task.name, .gpus = 1, .gpu_demand = one_task});
        if (!added) return refuse(added.error().message);
    }
    const auto workload = std::move(work).build();
    if (!workload) return refuse(workload.error().message);

    const berth::greedy policy{berth::load_cost_score{*model}};
    const berth::plan plan = policy.run(berth::problem{*fleet, *workload});

    berth::load_state loads{*model};
    std::printf("%s  %10s %12s %10s  %s\n", padded("task", 20).c_str(), "data GB", "GFLOP", "output GB", "GPU");
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const berth::slot where = plan.assignment[t];
        if (where.placed()) loads.place(berth::task_index{t}, fleet->gpu(where.node, berth::lowest_gpu(where.gpus)));
        std::printf("%s  %10.1f %12.1f %10.1f  %s\n", padded(tasks[t].name, 20).c_str(), tasks[t].data_size,
                    tasks[t].complexity, tasks[t].output_size,
                    where.placed() ? fleet->name(where.node).c_str() : "none");
    }
    std::printf("\n%s  %21s %10s  %17s  %17s %8s\n", padded("GPU", 20).c_str(), "load before, after", "max", "power W",
                "temp C", "max");
    for (std::size_t g = 0; g < gpus.size(); ++g) {
        const double after = static_cast<double>(loads.load_micro(berth::gpu_index{g})) * 1e-6;
        const gpu_row& gpu = gpus[g];
        const double more = (after - gpu.load) / gpu.max_load;
        std::printf("%s  %s %s %10.1f  %s %s  %s %s %s\n", padded(gpu.name, 20).c_str(), shown(gpu.load, 10).c_str(),
                    shown(std::isnan(gpu.load) ? unknown : after, 10).c_str(), gpu.max_load,
                    shown(gpu.power, 8).c_str(), shown(gpu.power + draws * more, 8).c_str(), shown(gpu.temp, 8).c_str(),
                    shown(gpu.temp + warms * more, 8).c_str(), shown(gpu.max_temp, 8).c_str());
    }
    std::printf("\n%zu of %zu tasks placed", tasks.size() - plan.left_out.size(), tasks.size());
    for (std::size_t i = 0; i < plan.left_out.size(); ++i) {
        berth::gpu_index roomiest{0};
        for (std::size_t g = 1; g < gpus.size(); ++g) {
            if (loads.room(berth::gpu_index{g}) > loads.room(roomiest)) roomiest = berth::gpu_index{g};
        }
        const std::size_t t = plan.left_out[i].value();
        std::printf("%s%s wants %.1f GFLOP, the most room left is %.1f on %s", i == 0 ? ": " : "; ",
                    tasks[t].name.c_str(), tasks[t].complexity, static_cast<double>(loads.room(roomiest)) / 1000.0,
                    gpus[roomiest.value()].name.c_str());
    }
    std::printf("\nPower and temperature afterwards are estimates: both are taken to rise with load as they do from "
                "GPU to GPU in the file.\n\n");

    const auto all_work = with_what_was_there(*model);
    if (!all_work) return refuse(all_work.error().message);
    work_on_gpus work_now{tasks, gpus, *all_work, plan};
    work_now.balance(plan);
    if (!fault.empty()) work_now.fail(failing, fails_after);
    work_now.print_loads();
}
