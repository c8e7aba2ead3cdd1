// SPDX-License-Identifier: Apache-2.0
#include "support/zeus_power.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace bench {

using berth::error_code;
using berth::result;

berth::amount zeus_table::most_watts(std::string_view gpu) const {
    for (const zeus_profile& p : profiles) {
        if (p.gpu == gpu) return p.profile.points.back().limit;
    }
    return 0;
}

result<zeus_table> parse_zeus_power(const std::string& file, std::string_view text) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    enum : std::size_t { gpu, dataset, network, batch, optimizer, limit, seconds, watts, columns };
    constexpr const char* names[columns] = {"gpu",       "dataset",       "network",          "batch_size",
                                            "optimizer", "power_limit_w", "time_per_epoch_s", "average_power_w"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    zeus_table table;
    std::map<std::string, std::size_t, std::less<>> position;
    std::map<std::string, berth::amount, std::less<>> most;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        std::string key;
        for (const std::size_t c : {gpu, dataset, network, batch, optimizer}) {
            const auto word = in.text(row, column[c]);
            if (!word) return word.error();
            key += key.empty() ? "" : " ";
            key += *word;
        }
        const auto at_most = in.integer(row, column[limit], 1, 1'000'000);
        if (!at_most) return at_most.error();
        const auto time = in.number(row, column[seconds], 1e-9, 1e12);
        if (!time) return time.error();
        const auto power = in.number(row, column[watts], 1e-9, 1e9);
        if (!power) return power.error();
        const auto [entry, is_new] = position.try_emplace(key, table.profiles.size());
        if (is_new) table.profiles.push_back({std::string{in.cell(row, column[gpu])}, {key, {}}});
        auto& points = table.profiles[entry->second].profile.points;
        const auto place = std::lower_bound(points.begin(), points.end(), *at_most,
                                            [](const auto& p, berth::amount w) { return p.limit < w; });
        if (place != points.end() && place->limit == *at_most) {
            return in.fault(row, column[limit], error_code::duplicate,
                            std::to_string(*at_most) + " was given for this job on an earlier line");
        }
        points.insert(place, {*at_most, *time, *power});
        berth::amount& largest = most[table.profiles[entry->second].gpu];
        largest = std::max(largest, *at_most);
    }
    table.left_out = std::erase_if(table.profiles,
                                   [&](const zeus_profile& p) { return p.profile.points.back().limit != most[p.gpu]; });
    return table;
}

result<zeus_table> read_zeus_power(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_zeus_power(path, *text);
}

}  // namespace bench
