// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_instance.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/number_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <system_error>
#include <tuple>
#include <utility>

namespace bench {

using berth::amount;
using berth::error;
using berth::error_code;
using berth::reassignment_input;
using berth::result;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_value = (std::uint64_t{1} << 32U) - 1;
constexpr std::uint64_t most_items = most_value - 1;  // a position fits into 32 bits

std::string name_of(const char* what, std::size_t item) { return std::string{what} + ' ' + std::to_string(item); }
std::string name_of(const char* field, const char* what, std::size_t item) {
    return std::string{field} + " of " + name_of(what, item);
}
std::string name_of(const char* field, const char* what, std::size_t item, const char* by, std::size_t at) {
    return name_of(field, what, item) + ", " + name_of(by, at);
}

amount next_amount(number_stream& in, auto field) { return static_cast<amount>(in.next(most_value, field)); }
std::size_t next_count(number_stream& in, std::uint64_t most, auto field) {
    return static_cast<std::size_t>(in.next(most, field));
}
/// A position among `count` items, of which there may be none.
std::uint32_t next_position(number_stream& in, std::size_t count, auto field) {
    if (count > 0) return static_cast<std::uint32_t>(in.next(count - 1, field));
    in.refuse(field(), "there is none");
    return 0;
}

void read_resources(number_stream& in, reassignment_input& read) {
    const std::size_t count = next_count(in, most_items, [] { return "number of resources"; });
    for (std::size_t r = 0; r < count && in.good(); ++r) {
        const bool transient = in.next(1, [&] { return name_of("transient flag", "resource", r); }) == 1;
        const amount weight = next_amount(in, [&] { return name_of("load weight", "resource", r); });
        read.resources.push_back({transient, weight});
    }
}

void read_machines(number_stream& in, reassignment_input& read) {
    const std::size_t resources = read.resources.size();
    const std::size_t count = next_count(in, most_items, [] { return "number of machines"; });
    read.pair_costs = berth::node_pair_costs{count};
    std::vector<std::uint32_t> row;
    for (std::size_t m = 0; m < count && in.good(); ++m) {
        const auto name = [m](const char* field) { return [m, field] { return name_of(field, "machine", m); }; };
        read.neighbourhood.push_back(static_cast<std::uint32_t>(in.next(most_value, name("neighbourhood"))));
        read.location.push_back(static_cast<std::uint32_t>(in.next(most_value, name("location"))));
        for (std::size_t r = 0; r < resources && in.good(); ++r) {
            read.capacity.push_back(next_amount(in, [&] { return name_of("capacity", "machine", m, "resource", r); }));
        }
        for (std::size_t r = 0; r < resources && in.good(); ++r) {
            read.safety_capacity.push_back(
                next_amount(in, [&] { return name_of("safety capacity", "machine", m, "resource", r); }));
        }
        row.clear();
        for (std::size_t to = 0; to < count && in.good(); ++to) {
            row.push_back(static_cast<std::uint32_t>(
                in.next(most_value, [&] { return name_of("cost of moves", "machine", m, "to machine", to); })));
        }
        if (in.good()) read.pair_costs.add_row(row);
    }
    if (in.good()) read.pair_costs.finish();
}

void read_services(number_stream& in, reassignment_input& read) {
    const std::size_t count = next_count(in, most_items, [] { return "number of services"; });
    for (std::size_t s = 0; s < count && in.good(); ++s) {
        read.spread.push_back(
            static_cast<std::uint32_t>(in.next(most_value, [&] { return name_of("spread", "service", s); })));
        const std::size_t needed =
            next_count(in, most_items, [&] { return name_of("number of dependencies", "service", s); });
        for (std::size_t d = 0; d < needed && in.good(); ++d) {
            read.dependencies.push_back(
                next_position(in, count, [&] { return name_of("dependency", "service", s, "number", d); }));
        }
        read.dependency_ends.push_back(read.dependencies.size());
    }
}

void read_processes(number_stream& in, reassignment_input& read) {
    const std::size_t resources = read.resources.size();
    const std::size_t count = next_count(in, most_items, [] { return "number of processes"; });
    for (std::size_t p = 0; p < count && in.good(); ++p) {
        read.group.push_back(next_position(in, read.spread.size(), [&] { return name_of("service", "process", p); }));
        for (std::size_t r = 0; r < resources && in.good(); ++r) {
            read.demand.push_back(next_amount(in, [&] { return name_of("requirement", "process", p, "resource", r); }));
        }
        read.move_cost.push_back(next_amount(in, [&] { return name_of("cost of a move", "process", p); }));
    }
}

void read_costs(number_stream& in, reassignment_input& read) {
    const std::size_t resources = read.resources.size();
    const std::size_t count = next_count(in, most_items, [] { return "number of balances"; });
    for (std::size_t b = 0; b < count && in.good(); ++b) {
        berth::reassignment_balance balance;
        balance.first = next_position(in, resources, [&] { return name_of("first resource", "balance", b); });
        balance.second = next_position(in, resources, [&] { return name_of("second resource", "balance", b); });
        balance.target = next_amount(in, [&] { return name_of("target", "balance", b); });
        balance.weight = next_amount(in, [&] { return name_of("weight", "balance", b); });
        read.balances.push_back(balance);
    }
    read.task_weight = next_amount(in, [] { return "weight of moves of processes"; });
    read.group_weight = next_amount(in, [] { return "weight of moves of services"; });
    read.pair_weight = next_amount(in, [] { return "weight of moves between machines"; });
}

}  // namespace

result<reassignment_input> read_mrp_model(const std::string& file, block_source blocks) {
    number_stream in{file, std::move(blocks)};
    reassignment_input read;
    read_resources(in, read);
    if (in.good()) read_machines(in, read);
    if (in.good()) read_services(in, read);
    if (in.good()) read_processes(in, read);
    if (in.good()) read_costs(in, read);
    in.finish("the weight of moves between machines");
    if (!in.good()) return in.failure();
    return read;
}

result<std::vector<std::uint32_t>> read_mrp_assignment(const std::string& file, block_source blocks,
                                                       std::size_t processes, std::size_t machines) {
    number_stream in{file, std::move(blocks)};
    std::vector<std::uint32_t> machine_of;
    for (std::size_t p = 0; p < processes && in.good(); ++p) {
        machine_of.push_back(next_position(
            in, machines, [&] { return name_of("machine", "process", p) + " of " + std::to_string(processes); }));
    }
    in.finish("the machine of the last process");
    if (!in.good()) return in.failure();
    return machine_of;
}

result<mrp_instance> read_mrp_instance(const mrp_files& files) {
    auto blocks = file_blocks(files.model);
    if (!blocks) return blocks.error();
    auto input = read_mrp_model(files.model, *std::move(blocks));
    if (!input) return input.error();
    blocks = file_blocks(files.assignment);
    if (!blocks) return blocks.error();
    auto initial =
        read_mrp_assignment(files.assignment, *std::move(blocks), input->group.size(), input->location.size());
    if (!initial) return initial.error();
    input->initial = *std::move(initial);
    return mrp_instance{mrp_instance_name(files.model), *std::move(input)};
}

// ---- writing
// ---------------------------------------------------------------------------------------------------------

namespace {

/// Numbers into a stream, through a buffer: a large model has 25 million.
class number_writer {
public:
    explicit number_writer(std::ostream& out) : out_{out} {}
    ~number_writer() { out_ << buffer_; }
    number_writer(const number_writer&) = delete;
    number_writer& operator=(const number_writer&) = delete;

    template <class Number>
    number_writer& operator<<(Number value) {
        char text[24];
        const auto [end, code] = std::to_chars(text, text + sizeof text, value);
        if (!begin_) buffer_ += ' ';
        begin_ = false;
        buffer_.append(text, end);
        return *this;
    }
    void line() {
        buffer_ += '\n';
        begin_ = true;
        if (buffer_.size() < std::size_t{1} << 16U) return;
        out_ << buffer_;
        buffer_.clear();
    }

private:
    std::ostream& out_;
    std::string buffer_;
    bool begin_ = true;
};

}  // namespace

void write_mrp_model(std::ostream& stream, const reassignment_input& input) {
    number_writer out{stream};
    const std::size_t resources = input.resources.size();
    const std::size_t machines = input.location.size();
    const auto row = [&](const std::vector<amount>& rows, std::size_t i) {
        for (std::size_t r = 0; r < resources; ++r) out << rows[i * resources + r];
    };
    (out << resources).line();
    for (const auto& resource : input.resources) (out << int{resource.transient} << resource.load_weight).line();
    (out << machines).line();
    for (std::size_t m = 0; m < machines; ++m) {
        out << input.neighbourhood[m] << input.location[m];
        row(input.capacity, m);
        row(input.safety_capacity, m);
        for (std::size_t to = 0; to < machines; ++to) {
            out << input.pair_costs(berth::node_index{m}, berth::node_index{to});
        }
        out.line();
    }
    (out << input.spread.size()).line();
    for (std::size_t s = 0; s < input.spread.size(); ++s) {
        const std::size_t begin = s == 0 ? 0 : input.dependency_ends[s - 1];
        out << input.spread[s] << input.dependency_ends[s] - begin;
        for (std::size_t d = begin; d < input.dependency_ends[s]; ++d) out << input.dependencies[d];
        out.line();
    }
    (out << input.group.size()).line();
    for (std::size_t p = 0; p < input.group.size(); ++p) {
        out << input.group[p];
        row(input.demand, p);
        (out << input.move_cost[p]).line();
    }
    (out << input.balances.size()).line();
    for (const auto& b : input.balances) {
        (out << b.first << b.second << b.target).line();
        (out << b.weight).line();
    }
    (out << input.task_weight << input.group_weight << input.pair_weight).line();
}

std::string mrp_assignment_text(std::span<const berth::node_index> assignment) {
    std::string text;
    for (const berth::node_index machine : assignment) {
        if (!text.empty()) text += ' ';
        text += std::to_string(machine.value());
    }
    return text + '\n';
}

result<void> write_mrp_instance(const mrp_files& files, const reassignment_input& input) {
    for (const bool model : {true, false}) {
        const std::string& path = model ? files.model : files.assignment;
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        if (model) {
            write_mrp_model(out, input);
        } else {
            out << mrp_assignment_text(observed_nodes(input));
        }
        out.flush();
        if (!out) return error{error_code::io, path + ": cannot be written"};
    }
    return {};
}

std::vector<berth::node_index> observed_nodes(const reassignment_input& input) {
    std::vector<berth::node_index> nodes;
    nodes.reserve(input.initial.size());
    for (const std::uint32_t machine : input.initial) nodes.emplace_back(machine);
    return nodes;
}

// ---- finding instances ---------------------------------------------------------------------------------------------

namespace {

constexpr const char* endings[] = {".txt", ".txt.xz"};

std::string file_in(const std::string& folder, const char* what, const std::string& name) {
    std::error_code ignored;
    for (const char* ending : endings) {
        const fs::path file = fs::path{folder} / (what + name + ending);
        if (fs::is_regular_file(file, ignored)) return file.string();
    }
    return {};
}

}  // namespace

std::string mrp_instance_name(const std::string& model_file) {
    constexpr std::string_view prefix = "model_";
    std::string name = fs::path{model_file}.filename().string();
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    return name.substr(0, name.find('.'));
}

result<mrp_files> find_mrp_instance(const std::string& name) {
    std::string looked;
    for (const auto& folder : data_folders("mrp")) {
        mrp_files files{file_in(folder, "model_", name), file_in(folder, "assignment_", name)};
        if (!files.model.empty() && !files.assignment.empty()) return files;
        looked += (looked.empty() ? "" : ", ") + folder;
    }
    std::string message = shown(name) + ": no instance of this name in ";
    message += looked.empty() ? "the project's data, which was not found" : looked;
    std::error_code ignored;
    const std::string outside = outside_data_folder("mrp");
    if (!fs::is_directory(outside, ignored)) message += " (" + outside + " is not there)";
    return error{error_code::io, message};
}

std::vector<std::string> mrp_instance_names() {
    std::vector<std::string> names;
    for (const auto& folder : data_folders("mrp")) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored)) {
            const std::string file = entry.path().filename().string();
            if (!file.starts_with("model_")) continue;
            std::string name = mrp_instance_name(file);
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;
            if (!file_in(folder, "model_", name).empty() && !file_in(folder, "assignment_", name).empty()) {
                names.push_back(std::move(name));
            }
        }
    }
    // a1_5, a2_1, ..., b_2, b_10: by set, then number.
    const auto order = [](const std::string& name) {
        const std::size_t set = std::min(name.find('_'), name.size());
        return std::tuple{name.substr(0, set), name.size(), name};
    };
    std::sort(names.begin(), names.end(),
              [&](const std::string& a, const std::string& b) { return order(a) < order(b); });
    return names;
}

}  // namespace bench
