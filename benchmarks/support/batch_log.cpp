// SPDX-License-Identifier: Apache-2.0
#include "support/batch_log.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>

namespace bench {

namespace {

using berth::error_code;
using berth::result;

constexpr std::int64_t latest = 1'000'000'000'000;  // seconds: 30,000 years
constexpr std::size_t swf_fields = 18;

/// A job before it is known whether it can run.
struct raw_job {
    std::string id;
    std::int64_t submit = 0;
    std::int64_t run = 0;
    std::int64_t request = 0;
    std::uint64_t user = 0;
    std::vector<berth::amount> demand;
};

std::optional<std::int64_t> to_whole(std::string_view word) {
    std::int64_t value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec != std::errc{} || read.ptr != word.data() + word.size()) return std::nullopt;
    return value;
}

/// The words of a line between blanks, and how many there are; nothing if there are more than there is room for.
template <std::size_t Size>
std::optional<std::size_t> split(std::string_view line, std::array<std::string_view, Size>& words) {
    std::size_t count = 0;
    while (true) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos) return count;
        if (count == Size) return std::nullopt;
        line.remove_prefix(begin);
        words[count] = line.substr(0, line.find_first_of(" \t\r"));
        line.remove_prefix(words[count].size());
        ++count;
    }
}

/// Reads `; MaxProcs: 100`.
void read_header(std::string_view line, std::int64_t& procs) {
    constexpr std::string_view key = "MaxProcs:";
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos) return;
    std::string_view word = line.substr(at + key.size());
    word.remove_prefix(std::min(word.find_first_not_of(" \t"), word.size()));
    if (const auto value = to_whole(word.substr(0, word.find_first_of(" \t\r"))); value && *value > 0) procs = *value;
}

result<std::vector<raw_job>> parse_swf(const std::string& file, std::string_view text, std::int64_t& procs) {
    constexpr std::array<const char*, 12> names = {
        "job number",           "submit time",      "wait time",   "run time",
        "allocated processors", "average CPU time", "used memory", "requested processors",
        "requested time",       "requested memory", "status",      "user"};
    std::vector<raw_job> jobs;
    std::int64_t listed = 0;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.starts_with(';')) {
            read_header(line, listed);
            continue;
        }
        std::array<std::string_view, swf_fields> words;
        const auto count = split(line, words);
        if (count == std::size_t{0}) continue;
        if (!count || *count < names.size()) {
            return file_fault(error_code::malformed, file, number, "line",
                              "has fewer than 12 or more than 18 fields of the Standard Workload Format");
        }
        std::array<std::int64_t, names.size()> value{};
        for (const std::size_t field : std::array<std::size_t, 6>{1, 3, 4, 7, 8, 11}) {
            const auto whole = to_whole(words[field]);
            if (!whole || *whole < -1 || *whole > latest) {
                return file_fault(error_code::malformed, file, number, names[field],
                                  "is " + shown(words[field]) + ", expected a whole number from -1 to " +
                                      std::to_string(latest));
            }
            value[field] = *whole;
        }
        raw_job job;
        job.id = words[0];
        job.submit = value[1];
        job.run = value[3];
        job.demand.push_back(value[7] > 0 ? value[7] : value[4]);
        job.request = value[8] > 0 ? value[8] : value[3];
        job.user = static_cast<std::uint64_t>(value[11]);
        jobs.push_back(std::move(job));
    }
    if (procs == 0) procs = listed;
    return jobs;
}

result<std::vector<raw_job>> parse_csv(const std::string& file, std::string_view text,
                                       const batch_log_options& options) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    std::vector<std::size_t> columns;
    std::vector<std::string> names = {"submit", "run", "req"};
    if (options.procs > 0 || options.counters.empty()) names.emplace_back("procs");
    for (const auto& [name, capacity] : options.counters) names.push_back(name);
    for (const std::string& name : names) {
        const auto column = table->column(name);
        if (!column) return column.error();
        columns.push_back(*column);
    }
    const auto id = table->find_column("id");
    const auto user = table->find_column("user");
    std::vector<raw_job> jobs(table->row_count());
    for (std::size_t row = 0; row < jobs.size(); ++row) {
        raw_job& job = jobs[row];
        std::vector<std::int64_t> values;
        for (const std::size_t column : columns) {
            const auto value = table->integer(row, column, -1, latest);
            if (!value) return value.error();
            values.push_back(*value);
        }
        job.id = id ? std::string{table->cell(row, *id)} : std::to_string(row + 1);
        job.submit = values[0];
        job.run = values[1];
        job.request = values[2] > 0 ? values[2] : values[1];
        job.demand.assign(values.begin() + 3, values.end());
        if (user) {
            const auto value = table->integer(row, *user, -1, latest);
            if (!value) return value.error();
            job.user = static_cast<std::uint64_t>(*value);
        }
    }
    return jobs;
}

/// The first line that is neither empty nor a comment of SWF has letters and commas in CSV only.
bool is_csv(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.starts_with(';') || line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        return line.find(',') != std::string_view::npos;
    }
    return false;
}

}  // namespace

result<batch_log> parse_batch_log(const std::string& file, std::string_view text, const batch_log_options& options) {
    const bool csv = is_csv(text);
    if (!csv && !options.counters.empty()) {
        return berth::error{error_code::inconsistent, file + ": a log in SWF has no counters beside processors"};
    }
    batch_log log;
    std::int64_t procs = options.procs;
    const auto raw = csv ? parse_csv(file, text, options) : parse_swf(file, text, procs);
    if (!raw) return raw.error();
    const bool counts_procs = procs > 0 || options.counters.empty();
    if (counts_procs) {
        if (procs <= 0) {
            return berth::error{error_code::inconsistent,
                                file + ": the log does not say how many processors there are"};
        }
        log.counters.emplace_back("procs");
        log.capacity.push_back(procs);
    }
    for (const auto& [name, capacity] : options.counters) {
        log.counters.push_back(name);
        log.capacity.push_back(capacity);
    }
    std::vector<std::size_t> order;
    for (std::size_t j = 0; j < raw->size(); ++j) {
        const raw_job& job = (*raw)[j];
        bool runs = job.submit >= 0 && job.run > 0 && job.request > 0;
        bool wants = false;
        for (std::size_t c = 0; c < job.demand.size(); ++c) {
            runs = runs && job.demand[c] >= 0 && job.demand[c] <= log.capacity[c];
            wants = wants || job.demand[c] > 0;
        }
        if (runs && wants) order.push_back(j);
    }
    log.dropped = raw->size() - order.size();
    std::ranges::sort(order, {}, [&](std::size_t j) { return std::pair{(*raw)[j].submit, j}; });
    for (const std::size_t j : order) {
        const raw_job& job = (*raw)[j];
        log.ids.push_back(job.id);
        log.jobs.push_back({job.submit, std::min(job.run, job.request), job.request, job.user});
        log.demands.insert(log.demands.end(), job.demand.begin(), job.demand.end());
    }
    return log;
}

result<batch_log> read_batch_log(const std::string& path, const batch_log_options& options) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_batch_log(path, *text, options);
}

}  // namespace bench
