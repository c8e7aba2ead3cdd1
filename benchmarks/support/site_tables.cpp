// SPDX-License-Identifier: Apache-2.0
#include "support/site_tables.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <cstddef>
#include <set>
#include <utility>

namespace bench {

using berth::error_code;
using berth::result;

namespace {}  // namespace

result<berth::site_links> parse_site_links(const std::string& file, std::string_view text) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    std::size_t column[5] = {};
    if (auto ok = in.find_columns({"src", "dst", "rtt_ms", "gbit_per_s_64conn", "usd_per_gb"}, column); !ok) {
        return ok.error();
    }
    berth::site_links links;
    std::set<std::pair<std::size_t, std::size_t>> seen;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        berth::site_index ends[2];
        for (std::size_t e = 0; e < 2; ++e) {
            const auto name = in.text(row, column[e]);
            if (!name) return name.error();
            const auto known = links.find(*name);
            ends[e] = known ? *known : *links.add_site(*name);
        }
        if (!seen.emplace(ends[0].value(), ends[1].value()).second) {
            return in.fault(row, column[1], error_code::duplicate, "this link was given on an earlier line");
        }
        berth::site_link link = ends[0] == ends[1] ? links.link(ends[0], ends[1]) : berth::site_link{};
        double* const fields[3] = {&link.round_trip, &link.bytes_per_second, &link.price_per_gb};
        constexpr double least[3] = {0.0, 1e-9, 0.0};
        constexpr double factor[3] = {1e-3, 1e9 / 8.0, 1.0};
        for (std::size_t f = 0; f < 3; ++f) {
            if (in.cell(row, column[2 + f]).empty()) continue;
            const auto number = in.number(row, column[2 + f], least[f], 1e9);
            if (!number) return number.error();
            *fields[f] = *number * factor[f];
        }
        if (auto ok = links.set_link(ends[0], ends[1], link); !ok) return ok.error();
    }
    return links;
}

result<edge_positions> parse_positions(const std::string& file, std::string_view text) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    std::size_t column[3] = {};
    if (auto ok = in.find_columns({"kind", "latitude", "longitude"}, column); !ok) return ok.error();
    edge_positions positions;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        const std::string_view kind = in.cell(row, column[0]);
        if (kind != "server" && kind != "user") {
            return in.fault(row, column[0], error_code::unknown_name, shown(kind) + " is none of server, user");
        }
        const auto latitude = in.number(row, column[1], -90.0, 90.0);
        if (!latitude) return latitude.error();
        const auto longitude = in.number(row, column[2], -180.0, 180.0);
        if (!longitude) return longitude.error();
        (kind == "server" ? positions.sites : positions.users).push_back({*latitude, *longitude});
    }
    return positions;
}

result<berth::site_links> read_site_links(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_site_links(path, *text);
}

result<edge_positions> read_positions(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_positions(path, *text);
}

}  // namespace bench
