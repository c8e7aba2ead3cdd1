// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_references.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"

#include <cstddef>

namespace bench {

berth::result<mrp_references> mrp_references::read(const std::string& file) {
    const auto in = csv_table::read(file);
    if (!in) return in.error();
    enum : std::size_t { instance, name, seconds, value, source, columns };
    constexpr const char* names[columns] = {"instance", "name", "seconds", "value", "source"};
    std::size_t column[columns] = {};
    for (std::size_t c = 0; c < columns; ++c) {
        const auto at = in->column(names[c]);
        if (!at) return at.error();
        column[c] = *at;
    }
    mrp_references read;
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        mrp_reference known;
        for (const std::size_t c : {std::size_t{instance}, std::size_t{name}}) {
            const auto text = in->text(row, column[c]);
            if (!text) return text.error();
            (c == instance ? known.instance : known.name) = *text;
        }
        if (!in->cell(row, column[seconds]).empty()) {
            const auto time = in->number(row, column[seconds], 0.0, 1e9);
            if (!time) return time.error();
            known.seconds = *time;
        }
        const auto number = in->number(row, column[value], -1e15, 1e15);
        if (!number) return number.error();
        known.value = *number;
        known.source = in->cell(row, column[source]);
        read.rows_.push_back(known);
    }
    return read;
}

std::string mrp_references::own_file() { return own_data_folder("mrp") + "/references.csv"; }

const mrp_reference* mrp_references::find(std::string_view instance, std::string_view name,
                                          std::string_view source) const noexcept {
    for (const auto& row : rows_) {
        if (row.instance == instance && row.name == name && (source.empty() || row.source == source)) return &row;
    }
    return nullptr;
}

std::optional<double> mrp_references::goal(std::string_view instance, std::string_view name,
                                           double seconds) const noexcept {
    for (const auto& row : rows_) {
        if (row.instance == instance && row.name == name && row.seconds == seconds) return row.value;
    }
    return std::nullopt;
}

}  // namespace bench
