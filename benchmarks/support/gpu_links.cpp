// SPDX-License-Identifier: Apache-2.0
#include "support/gpu_links.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace bench {

using berth::result;

namespace {

struct raw_link {
    std::size_t a;
    std::size_t b;
    std::int32_t score;
};
struct raw_machine {
    std::string name;
    std::size_t gpus = 0;
    std::vector<raw_link> links;
};
constexpr std::pair<std::string_view, berth::pcie_path> paths[] = {{"SYS", berth::pcie_path::sys},
                                                                   {"NODE", berth::pcie_path::node},
                                                                   {"PHB", berth::pcie_path::phb},
                                                                   {"PXB", berth::pcie_path::pxb},
                                                                   {"PIX", berth::pcie_path::pix}};

}  // namespace

result<std::vector<linked_machine>> parse_gpu_links(const std::string& file, std::string_view text) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    constexpr const char* names[] = {"system", "a", "b", "nvlinks", "pcie"};
    std::size_t columns[5] = {};
    if (auto ok = table->find_columns(names, columns); !ok) return ok.error();
    std::vector<raw_machine> raw;
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        const auto name = table->text(row, columns[0]);
        if (!name) return name.error();
        std::vector<std::size_t> numbers;
        for (std::size_t i = 1; i <= 3; ++i) {
            const auto number = table->integer(row, columns[i], 0, i == 3 ? 1000 : 63);
            if (!number) return number.error();
            numbers.push_back(static_cast<std::size_t>(*number));
        }
        if (numbers[0] == numbers[1]) {
            return table->fault(row, columns[2], berth::error_code::inconsistent, "a GPU has no link to itself");
        }
        const std::string_view pcie = table->cell(row, columns[4]);
        const auto path = std::ranges::find(paths, pcie, &std::pair<std::string_view, berth::pcie_path>::first);
        if (path == std::end(paths) && !pcie.empty()) {
            return table->fault(row, columns[4], berth::error_code::unknown_name,
                                "is " + shown(pcie) + ", expected SYS, NODE, PHB, PXB, PIX or nothing");
        }
        const auto nvlinks = static_cast<std::int32_t>(100 * numbers[2]);
        const std::int32_t score = nvlinks + (path == std::end(paths) ? 0 : berth::link_score(path->second, 0));
        auto machine = std::ranges::find(raw, *name, &raw_machine::name);
        if (machine == raw.end()) machine = raw.insert(raw.end(), {std::string{*name}, 0, {}});
        machine->gpus = std::max({machine->gpus, numbers[0] + 1, numbers[1] + 1});
        machine->links.push_back({numbers[0], numbers[1], score});
    }
    std::vector<linked_machine> machines;
    for (const raw_machine& machine : raw) {
        machines.push_back({machine.name, berth::link_matrix{machine.gpus}});
        for (const raw_link& link : machine.links) machines.back().links.set(link.a, link.b, link.score);
    }
    return machines;
}

result<std::vector<linked_machine>> read_gpu_links(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_gpu_links(path, *text);
}

}  // namespace bench
