// SPDX-License-Identifier: Apache-2.0
#include "support/gap_instance.hpp"

#include "berth/core/random.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <system_error>
#include <tuple>
#include <utility>

namespace bench {

using berth::amount;
using berth::error;
using berth::error_code;
using berth::result;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most = berth::max_amount;
constexpr std::int64_t most_agents = std::int64_t{1} << 20U;
constexpr std::int64_t most_tasks = std::int64_t{1} << 31U;
constexpr std::int64_t exact_in_double = std::int64_t{1} << 53U;

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f'; }

/// The whole numbers of a text, one after the other, with the line of each.
class number_reader {
public:
    number_reader(const std::string& file, std::string_view text) : file_{file}, text_{text} {
        if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    }

    /// @param field  makes the name of the number, called only for an error
    template <class Field>
    result<std::int64_t> next(std::int64_t least, std::int64_t greatest, const Field& field) {
        const std::string_view word = next_word();
        if (word.empty()) {
            return file_fault(error_code::malformed, file_, line_, field(),
                              "missing: the file ends after " + std::to_string(count_) + " numbers");
        }
        std::int64_t value = 0;
        const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
        const bool whole = end == word.data() + word.size();
        if (whole && code == std::errc::result_out_of_range) {
            return file_fault(error_code::overflow, file_, line_, field(), shown(word) + " does not fit into 64 bits");
        }
        if (!whole || code != std::errc{}) {
            return file_fault(error_code::malformed, file_, line_, field(), shown(word) + " is not a whole number");
        }
        if (value < least || value > greatest) {
            return file_fault(
                value > greatest ? error_code::overflow : error_code::invalid_value, file_, line_, field(),
                shown(word) + " is not within " + std::to_string(least) + ".." + std::to_string(greatest));
        }
        ++count_;
        return value;
    }

    /// The next word, empty at the end of the text.
    std::string_view next_word() {
        while (at_ < text_.size() && is_space(text_[at_])) {
            if (text_[at_] == '\n') ++line_;
            ++at_;
        }
        const std::size_t begin = at_;
        while (at_ < text_.size() && !is_space(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }

    [[nodiscard]] std::size_t line() const noexcept { return line_; }
    [[nodiscard]] std::size_t left() const noexcept { return text_.size() - at_; }

private:
    const std::string& file_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t count_ = 0;
};

std::string pair_name(const char* what, std::size_t agent, std::size_t task) {
    return std::string{what} + " of agent " + std::to_string(agent) + ", task " + std::to_string(task);
}

std::string instance_name(const std::string& file) { return fs::path{file}.stem().string(); }

/// Sums of one number per task must be exact: in a double for costs, in 64 bits for loads.
template <class T>
bool sums_within(const std::vector<T>& table, std::size_t tasks, std::size_t agents, std::int64_t limit) {
    std::int64_t sum = 0;
    for (std::size_t t = 0; t < tasks; ++t) {
        std::int64_t largest = 0;
        for (std::size_t a = 0; a < agents; ++a) {
            const auto value = static_cast<std::int64_t>(table[t * agents + a]);
            largest = std::max(largest, value < 0 ? -value : value);
        }
        sum += largest;
        if (sum > limit) return false;
    }
    return true;
}

}  // namespace

char gap_instance::type() const noexcept {
    if (name.size() < 2 || name[1] < '0' || name[1] > '9') return 0;
    const char letter = name.front();
    return letter >= 'a' && letter <= 'e' ? letter : '\0';
}

result<gap_instance> parse_gap_instance(const std::string& file, std::string_view text) {
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
        return file_fault(error_code::malformed, file, static_cast<std::size_t>(line), {},
                          "contains a NUL byte; this is not a text file");
    }
    if (number_reader{file, text}.next_word().empty()) {
        return file_fault(error_code::malformed, file, 1, {},
                          "the file is empty, expected the numbers of agents and tasks");
    }
    number_reader in{file, text};
    const auto agents = in.next(1, most_agents, [] { return "number of agents"; });
    if (!agents) return agents.error();
    const auto tasks = in.next(1, most_tasks, [] { return "number of tasks"; });
    if (!tasks) return tasks.error();

    gap_instance read;
    read.name = instance_name(file);
    read.agents = static_cast<std::size_t>(*agents);
    read.tasks = static_cast<std::size_t>(*tasks);
    const std::size_t m = read.agents;
    const std::size_t n = read.tasks;
    // Two bytes a number: what cannot be there is not allocated.
    const std::size_t numbers = 2 * m * n + m;
    if (in.left() / 2 < numbers) {
        std::size_t there = 0;
        while (!in.next_word().empty()) ++there;
        const std::string field = there < m * n       ? pair_name("cost", there / n, there % n)
                                  : there < 2 * m * n ? pair_name("amount", there / n - m, there % n)
                                                      : "capacity of agent " + std::to_string(there - 2 * m * n);
        return file_fault(error_code::malformed, file, in.line(), field,
                          "missing: " + std::to_string(m) + " agents and " + std::to_string(n) + " tasks take " +
                              std::to_string(numbers) + " further numbers, the file has " + std::to_string(there));
    }
    read.costs.resize(m * n);
    read.loads.resize(m * n);
    for (std::size_t a = 0; a < m; ++a) {
        for (std::size_t t = 0; t < n; ++t) {
            const auto cost = in.next(-most, most, [&] { return pair_name("cost", a, t); });
            if (!cost) return cost.error();
            read.costs[t * m + a] = static_cast<double>(*cost);
        }
    }
    for (std::size_t a = 0; a < m; ++a) {
        for (std::size_t t = 0; t < n; ++t) {
            const auto load = in.next(0, most, [&] { return pair_name("amount", a, t); });
            if (!load) return load.error();
            read.loads[t * m + a] = *load;
        }
    }
    for (std::size_t a = 0; a < m; ++a) {
        const auto capacity = in.next(0, most, [&] { return "capacity of agent " + std::to_string(a); });
        if (!capacity) return capacity.error();
        read.capacities.push_back(*capacity);
    }
    if (const std::string_view more = in.next_word(); !more.empty()) {
        return file_fault(error_code::malformed, file, in.line(), "after the last capacity",
                          shown(more) + " is one too many: the file should end after " + std::to_string(numbers + 2) +
                              " numbers");
    }
    if (!sums_within(read.costs, n, m, exact_in_double)) {
        return file_fault(error_code::overflow, file, 0, "costs", "the sum of the largest of each task exceeds 2^53");
    }
    if (!sums_within(read.loads, n, m, std::int64_t{1} << 61U)) {
        return file_fault(error_code::overflow, file, 0, "amounts", "the sum of the largest of each task exceeds 2^61");
    }
    return read;
}

result<gap_instance> read_gap_instance(const std::string& file) {
    const auto text = read_file(file);
    if (!text) return text.error();
    return parse_gap_instance(file, *text);
}

std::string to_text(const gap_instance& instance) {
    std::string text = std::to_string(instance.agents) + ' ' + std::to_string(instance.tasks) + '\n';
    const auto rows = [&](const auto& table) {
        for (std::size_t a = 0; a < instance.agents; ++a) {
            for (std::size_t t = 0; t < instance.tasks; ++t) {
                if (t > 0) text += ' ';
                text += std::to_string(static_cast<std::int64_t>(table[t * instance.agents + a]));
            }
            text += '\n';
        }
    };
    rows(instance.costs);
    rows(instance.loads);
    for (std::size_t a = 0; a < instance.agents; ++a) {
        if (a > 0) text += ' ';
        text += std::to_string(instance.capacities[a]);
    }
    return text + '\n';
}

gap_instance generate_gap_instance(char type, std::size_t agents, std::size_t tasks, std::uint64_t seed) {
    BERTH_ASSERT(type >= 'a' && type <= 'e', "bench: instances are of type a, b, c, d or e");
    BERTH_ASSERT(agents > 0 && tasks > 0, "bench: an instance has agents and tasks");
    gap_instance made;
    made.name = std::string{type} + std::to_string(agents) + 'x' + std::to_string(tasks);
    made.agents = agents;
    made.tasks = tasks;
    made.costs.resize(agents * tasks);
    made.loads.resize(agents * tasks);
    berth::xoshiro256 random{seed};
    const auto within = [&](std::int64_t least, std::int64_t greatest) {
        return least + berth::bounded(random, static_cast<std::uint32_t>(greatest - least + 1));
    };
    for (std::size_t a = 0; a < agents; ++a) {
        for (std::size_t t = 0; t < tasks; ++t) {
            amount load = 0;
            std::int64_t cost = 0;
            if (type == 'd') {
                load = within(1, 100);
                cost = 111 - load;
                cost += within(-10, 10);
            } else if (type == 'e') {
                const double first = 1.0 - berth::uniform01(random);  // (0, 1]
                const double second = berth::uniform01(random);
                load = static_cast<amount>(1.0 - 10.0 * std::log(first));
                cost = static_cast<std::int64_t>(1000.0 / static_cast<double>(load) - 10.0 * second);
            } else {
                load = within(5, 25);
                cost = within(10, 50);
            }
            made.loads[t * agents + a] = load;
            made.costs[t * agents + a] = static_cast<double>(cost);
        }
    }
    std::vector<amount> all(agents, 0);
    std::vector<amount> cheapest(agents, 0);  // of the tasks that are cheapest on the agent
    for (std::size_t t = 0; t < tasks; ++t) {
        std::size_t best = 0;
        for (std::size_t a = 0; a < agents; ++a) {
            all[a] += made.loads[t * agents + a];
            if (made.costs[t * agents + a] < made.costs[t * agents + best]) best = a;
        }
        cheapest[best] += made.loads[t * agents + best];
    }
    const amount largest = *std::max_element(cheapest.begin(), cheapest.end());
    const auto share = static_cast<double>(tasks) / static_cast<double>(agents);
    for (std::size_t a = 0; a < agents; ++a) {
        const double loose = 0.6 * share * 15.0 + 0.4 * static_cast<double>(largest);
        const double tight = 0.8 * static_cast<double>(all[a]) / static_cast<double>(agents);
        made.capacities.push_back(static_cast<amount>(type == 'a' ? loose : type == 'b' ? 0.7 * loose : tight));
    }
    return made;
}

gap_verdict check_assignment(const gap_instance& instance, std::span<const berth::gpu_index> agent_of) {
    gap_verdict verdict;
    if (agent_of.size() != instance.tasks) return verdict;
    std::vector<amount> used(instance.agents, 0);
    for (std::size_t t = 0; t < instance.tasks; ++t) {
        if (!agent_of[t].valid() || agent_of[t].value() >= instance.agents) return {};
        const std::size_t at = t * instance.agents + agent_of[t].value();
        verdict.cost += static_cast<std::int64_t>(instance.costs[at]);
        used[agent_of[t].value()] += instance.loads[at];
    }
    verdict.complete = true;
    for (std::size_t a = 0; a < instance.agents; ++a) {
        const amount over = used[a] - instance.capacities[a];
        if (over <= 0) continue;
        verdict.excess += over;
        ++verdict.overloaded;
    }
    return verdict;
}

// ---- published bounds
// -------------------------------------------------------------------------------------------------

result<std::vector<gap_reference>> read_gap_references(const std::string& file) {
    const auto in = csv_table::read(file);
    if (!in) return in.error();
    enum : std::size_t { instance, tasks, agents, lower, upper, columns };
    constexpr const char* names[columns] = {"instance", "n_tasks", "m_agents", "ref_lb", "ref_ub"};
    std::size_t column[columns] = {};
    for (std::size_t c = 0; c < columns; ++c) {
        const auto at = in->column(names[c]);
        if (!at) return at.error();
        column[c] = *at;
    }
    std::vector<gap_reference> known;
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        const auto name = in->text(row, column[instance]);
        if (!name) return name.error();
        const auto n = in->integer(row, column[tasks], 1, most_tasks);
        if (!n) return n.error();
        const auto m = in->integer(row, column[agents], 1, most_agents);
        if (!m) return m.error();
        const auto least = in->number(row, column[lower], -1e15, 1e15);
        if (!least) return least.error();
        const auto best = in->number(row, column[upper], -1e15, 1e15);
        if (!best) return best.error();
        if (*best < *least) { return in->fault(row, column[upper], error_code::inconsistent, "is less than ref_lb"); }
        if (std::any_of(known.begin(), known.end(), [&](const auto& k) { return k.name == *name; })) {
            return in->fault(row, column[instance], error_code::duplicate,
                             shown(*name) + " was given on an earlier line");
        }
        known.push_back(
            {std::string{*name}, static_cast<std::size_t>(*m), static_cast<std::size_t>(*n), *least, *best});
    }
    return known;
}

result<std::optional<gap_reference>> find_gap_reference(const std::string& file, const gap_instance& instance) {
    for (const char* name : {"best_known.csv", "best-known.csv"}) {
        const fs::path table = fs::path{file}.parent_path() / name;
        std::error_code ignored;
        if (!fs::is_regular_file(table, ignored)) continue;
        const auto known = read_gap_references(table.string());
        if (!known) return known.error();
        for (const auto& row : *known) {
            if (row.name == instance.name && row.agents == instance.agents && row.tasks == instance.tasks) {
                return std::optional{row};
            }
        }
    }
    return std::optional<gap_reference>{};
}

// ---- finding instances ---------------------------------------------------------------------------------------------

std::string outside_gap_folder() { return outside_data_folder("gap"); }

std::vector<std::string> gap_folders() { return data_folders("gap"); }

result<std::string> find_gap_instance(const std::string& path_or_name) {
    std::error_code ignored;
    const fs::path given{path_or_name};
    if (fs::exists(given, ignored) || given.has_parent_path() || given.has_extension()) return path_or_name;
    std::string looked;
    for (const auto& folder : gap_folders()) {
        const fs::path file = fs::path{folder} / (path_or_name + ".txt");
        if (fs::is_regular_file(file, ignored)) return file.string();
        looked += (looked.empty() ? "" : ", ") + folder;
    }
    std::string message = shown(path_or_name) + ": no such file, and no instance of this name in ";
    message += looked.empty() ? "the project's data, which was not found" : looked;
    if (!fs::is_directory(outside_gap_folder(), ignored)) message += " (" + outside_gap_folder() + " is not there)";
    return error{error_code::io, message};
}

std::vector<std::string> gap_instance_files() {
    struct found {
        char type;
        std::size_t length;  // of the name: 1600 tasks after 900
        std::string name;
        std::string file;
    };
    std::vector<found> all;
    for (const auto& folder : gap_folders()) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored)) {
            const fs::path& path = entry.path();
            if (path.extension() != ".txt") continue;
            const std::string name = path.stem().string();
            if (name.empty() || std::any_of(all.begin(), all.end(), [&](const auto& f) { return f.name == name; }))
                continue;
            all.push_back({name.front(), name.size(), name, path.string()});
        }
    }
    // d20400 is 20 agents and 400 tasks: by type, tasks, agents.
    const auto order = [](const found& f) {
        const std::string tasks = f.name.size() > 3 ? f.name.substr(3) : std::string{};
        return std::tuple{f.type, f.length, tasks, f.name};
    };
    std::sort(all.begin(), all.end(), [&](const found& a, const found& b) { return order(a) < order(b); });
    std::vector<std::string> files;
    for (auto& entry : all) files.push_back(std::move(entry.file));
    return files;
}

}  // namespace bench
