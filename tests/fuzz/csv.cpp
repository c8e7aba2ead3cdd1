// SPDX-License-Identifier: Apache-2.0
// The CSV edge: whatever the bytes, reading ends with a table or with a message that names the file; what was read can be
// written and read again; inputs that pass every check make a problem that a policy can be run on.
#include "berth_bench/policies.hpp"
#include "support/csv_table.hpp"
#include "support/openb.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

template <class T>
void check_message(const berth::result<T>& read, std::string_view file) {
    if (read) return;
    require(read.error().message.starts_with(file), "a message does not begin with the file");
    require(read.error().message.find('\n') == std::string::npos, "a message is longer than a line");
}

void check_round_trip(const bench::csv_table& table) {
    const std::size_t columns = table.column_count();
    std::string text;
    for (std::size_t c = 0; c < columns; ++c) text += (c == 0 ? "c" : ",c") + std::to_string(c);
    text += '\n';
    for (std::size_t r = 0; r < table.row_count(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            if (c > 0) text += ',';
            text += '"';
            for (const char byte : table.cell(r, c)) text += byte == '"' ? std::string{"\"\""} : std::string{byte};
            text += '"';
        }
        text += '\n';
    }
    const auto again = bench::csv_table::parse("again", text);
    require(again.has_value(), "a table that was written cannot be read");
    require(again->row_count() == table.row_count(), "rows got lost");
    for (std::size_t r = 0; r < table.row_count(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) require(again->cell(r, c) == table.cell(r, c), "a cell changed");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto table = bench::csv_table::parse("in.csv", text);
    check_message(table, "in.csv");
    if (table) {
        check_round_trip(*table);
        for (std::size_t r = 0; r < table->row_count(); ++r) {
            for (std::size_t c = 0; c < table->column_count(); ++c) {
                const auto integer = table->integer(r, c, -5, 5);
                const auto number = table->number(r, c, -5.0, 5.0);
                check_message(integer, "in.csv:");
                check_message(number, "in.csv:");
                require(!integer || (number && *number == static_cast<double>(*integer)),
                        "an integer is another number");
            }
        }
    }
    const auto nodes = bench::parse_openb_nodes("nodes.csv", text);
    check_message(nodes, "nodes.csv");
    const auto pods = bench::parse_openb_pods("pods.csv", text);
    check_message(pods, "pods.csv");
    const auto order = bench::parse_order("order.txt", text, 7, 3);
    check_message(order, "order.txt");

    const auto some_nodes =
        bench::parse_openb_nodes("n", "sn,cpu_milli,memory_mib,gpu,model\nx,64000,1000,2,T4\ny,9000,50,8,P100\n");
    const auto some_pods = bench::parse_openb_pods(
        "p", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\nx,1000,1,1,300\ny,100,10,2,1000\nz,5000,1,0,0\n");
    const auto& used_nodes = nodes && nodes->nodes.size() <= 64 ? nodes : some_nodes;
    const auto& used_pods = pods && pods->pods.size() <= 256 ? pods : some_pods;
    bench::arrival_order arrivals;
    for (std::uint32_t p = 0; p < used_pods->pods.size(); ++p) arrivals.arrivals.push_back(p);
    for (std::uint32_t n = 0; n < used_nodes->nodes.size(); ++n) arrivals.priorities.push_back(n);
    const auto input = bench::make_experiment(*used_nodes, *used_pods, arrivals);
    if (!input) return 0;
    const auto go_on = [](std::size_t) { return true; };
    const auto library = bench::find_policy("fgd")->run(*input, go_on);
    const auto naive = bench::find_policy("fgd_naive")->run(*input, go_on);
    require(library.placements == naive.placements, "fgd and the naive loop differ");
    return 0;
}
