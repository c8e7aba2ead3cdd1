// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/cost/sites/site_links.hpp"
#include "berth/cost/sites/site_reach.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// Reads links with the columns `src`, `dst`, `rtt_ms`, `gbit_per_s_64conn` and `usd_per_gb`; an empty cell is unknown,
/// and within a site keeps what holds there by default. The file may be compressed with xz. Errors name file, line and
/// field.
[[nodiscard]] berth::result<berth::site_links> read_site_links(const std::string& path);
[[nodiscard]] berth::result<berth::site_links> parse_site_links(const std::string& file, std::string_view text);

/// Positions of edge sites and of users.
struct edge_positions {
    std::vector<berth::geo_point> sites;
    std::vector<berth::geo_point> users;
};

/// Reads positions with the columns `kind` (`server`, `user`), `latitude` and `longitude`, likewise.
[[nodiscard]] berth::result<edge_positions> read_positions(const std::string& path);
[[nodiscard]] berth::result<edge_positions> parse_positions(const std::string& file, std::string_view text);

}  // namespace bench
