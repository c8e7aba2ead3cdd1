// SPDX-License-Identifier: Apache-2.0
#include "support/mig_table.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace bench {

using berth::mig_board;
using berth::mig_profile;
using berth::result;

namespace {

struct raw_board {
    std::string name;
    std::size_t first_row = 0;
    std::vector<mig_profile> profiles;
};

result<std::vector<std::uint32_t>> read_starts(const csv_table& table, std::size_t row, std::size_t column) {
    std::string_view text = table.cell(row, column);
    std::vector<std::uint32_t> starts;
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        if (text.empty()) return starts;
        std::uint32_t start = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), start);
        const auto length = static_cast<std::size_t>(read.ptr - text.data());
        if (read.ec != std::errc{} || start > 7 || (length < text.size() && text[length] != ' ')) {
            return table.fault(row, column, berth::error_code::malformed,
                               "expected numbers from 0 to 7 between blanks");
        }
        starts.push_back(start);
        text.remove_prefix(length);
    }
}

}  // namespace

result<std::vector<mig_board>> parse_mig_boards(const std::string& file, std::string_view text) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    constexpr const char* names[] = {"gpu", "profile", "compute_slices", "memory_slices", "starts", "max_instances"};
    std::size_t columns[6] = {};
    if (auto ok = table->find_columns(names, columns); !ok) return ok.error();
    const auto memory = table->find_column("memory_mib");
    std::vector<raw_board> raw;
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        const auto gpu = table->text(row, columns[0]);
        if (!gpu) return gpu.error();
        auto board = std::ranges::find(raw, *gpu, &raw_board::name);
        if (board == raw.end()) board = raw.insert(raw.end(), {std::string{*gpu}, row, {}});
        mig_profile profile;
        const auto name = table->text(row, columns[1]);
        if (!name) return name.error();
        profile.name = *name;
        for (const auto& [column, to] : {std::pair{columns[2], &profile.compute_slices},
                                         {columns[3], &profile.memory_slices},
                                         {columns[5], &profile.max_instances}}) {
            const auto number = table->integer(row, column, 1, 8);
            if (!number) return number.error();
            *to = static_cast<std::uint32_t>(*number);
        }
        auto starts = read_starts(*table, row, columns[4]);
        if (!starts) return starts.error();
        profile.starts = std::move(*starts);
        if (memory && !table->cell(row, *memory).empty()) {
            const auto mib = table->integer(row, *memory, 0, 1'000'000'000);
            if (!mib) return mib.error();
            profile.memory_mib = *mib;
        }
        board->profiles.push_back(std::move(profile));
    }
    std::vector<mig_board> boards;
    for (raw_board& board : raw) {
        std::uint32_t compute = 0;
        std::uint32_t slices = 0;
        for (const mig_profile& p : board.profiles) {
            compute = std::max(compute, p.compute_slices);
            slices = std::max(slices, p.memory_slices);
        }
        auto made = mig_board::make(board.name, compute, slices, std::move(board.profiles));
        if (!made) {
            return berth::error{made.error().code, file + ":" + std::to_string(table->line(board.first_row)) + ": " +
                                                       made.error().message};
        }
        boards.push_back(std::move(*made));
    }
    return boards;
}

result<std::vector<mig_board>> read_mig_boards(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_mig_boards(path, *text);
}

}  // namespace bench
