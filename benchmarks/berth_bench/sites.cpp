// SPDX-License-Identifier: Apache-2.0
// berth-bench sites: links between cloud regions with relays, and edge sites that serve users within a distance.
#include "berth/cost/sites/site_coverage.hpp"
#include "berth/cost/sites/site_route.hpp"

#include "berth_bench/commands.hpp"
#include "support/cpu_deadline.hpp"
#include "support/data_folders.hpp"
#include "support/output_file.hpp"
#include "support/site_tables.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace bench {

namespace {

struct sites_options {
    std::string links;
    std::string positions;
    double metres = 450.0;
    std::size_t most_capacity = 10;
    std::string json;
};

/// Links that were published with the data, as a check.
struct published_link {
    const char *from, *to;
    double seconds, price;  // of 100 GB
};
constexpr published_link published[] = {{"aws:us-east-1", "aws:us-west-2", 153.9, 2.0},
                                        {"aws:us-east-1", "gcp:europe-west1-b", 155.8, 9.0},
                                        {"azure:eastus", "aws:ap-northeast-1", 167.2, 8.75}};

void print_links(const berth::site_links& links, nlohmann::ordered_json& json) {
    fmt::print("Links: {} sites. 100 GB over a link, and over the widest route with at most one relay\n"
               "{:<16} {:<20} {:>9} {:>9} {:>9} {:>8} {:>9}  {}\n",
               links.count(), "from", "to", "ms", "s", "expected", "$", "expected", "widest route");
    for (const auto& p : published) {
        const auto from = links.find(p.from);
        const auto to = links.find(p.to);
        if (!from || !to) continue;
        const auto direct = links.transfer(*from, *to, 100e9);
        const auto route = find_route(links, *from, *to, {.price_at_most = 1e9});
        std::string over;
        for (const auto s : route.sites) over += (over.empty() ? "" : " > ") + links.name(s);
        fmt::print("{:<16} {:<20} {:>9.3f} {:>9.1f} {:>9.1f} {:>8.2f} {:>9.2f}  {}: {:.1f} s, ${:.2f}\n", p.from, p.to,
                   links.link(*from, *to).round_trip * 1e3, direct.seconds, p.seconds, direct.price, p.price, over,
                   100e9 / route.link.bytes_per_second, 100.0 * route.link.price_per_gb);
        json["links"].push_back({{"from", p.from}, {"to", p.to}, {"seconds", direct.seconds}, {"price", direct.price}});
    }

    // Over pairs of which all is known: relays whose links are known, too.
    std::size_t pairs = 0;
    std::size_t wider = 0;
    std::size_t cheaper = 0;
    std::vector<double> gains;
    berth::site_links complete = links;
    for (std::size_t a = 0; a < links.count(); ++a) {
        for (std::size_t b = 0; b < links.count(); ++b) {
            const berth::site_index from{a};
            const berth::site_index to{b};
            if (a != b && !links.link(from, to).complete()) (void)complete.set_link(from, to, {});
        }
    }
    for (std::size_t a = 0; a < links.count(); ++a) {
        for (std::size_t b = 0; b < links.count(); ++b) {
            const auto direct = complete.link(berth::site_index{a}, berth::site_index{b});
            if (a == b || !direct.complete()) continue;
            ++pairs;
            const auto wide = find_route(complete, berth::site_index{a}, berth::site_index{b});
            const auto cheap =
                find_route(complete, berth::site_index{a}, berth::site_index{b}, {.goal = berth::route_goal::cheapest});
            if (wide.link.bytes_per_second > direct.bytes_per_second) {
                ++wider;
                gains.push_back(wide.link.bytes_per_second / direct.bytes_per_second);
            }
            cheaper += static_cast<std::size_t>(cheap.link.price_per_gb < direct.price_per_gb);
        }
    }
    std::sort(gains.begin(), gains.end());
    const double median = gains.empty() ? 1.0 : gains[gains.size() / 2];
    fmt::print("{} pairs of which all is known (expected 3540): a relay is wider on {} (3305), median {:.2f} times "
               "(1.15), and "
               "cheaper on {} (107)\n",
               pairs, wider, median, cheaper);
    json["relays"] = {{"pairs", pairs}, {"wider", wider}, {"median_gain", median}, {"cheaper", cheaper}};
}

bool print_coverage(const edge_positions& at, const sites_options& options, nlohmann::ordered_json& json) {
    const auto reach = berth::sites_within(at.users, at.sites, options.metres);
    fmt::print("\nEdge: {} sites, {} users, within {:g} m. Most users (a flow, exact), then few sites\n"
               "{:>8} {:>8} {:>7} {:>13} {:>10} {:>9}\n",
               at.sites.size(), at.users.size(), options.metres, "capacity", "served", "sites", "proven least",
               "above, %", "CPU s");
    for (std::size_t capacity = 1; capacity <= options.most_capacity; ++capacity) {
        const double begin = cpu_seconds();
        const auto most = berth::most_users(reach, at.sites.size(), capacity);
        const auto few = berth::fewest_sites(reach, at.sites.size(), capacity);
        const double above =
            few.least_sites == 0
                ? 0.0
                : 100.0 * (static_cast<double>(few.sites) / static_cast<double>(few.least_sites) - 1.0);
        fmt::print("{:>8} {:>8} {:>7} {:>13} {:>10.1f} {:>9.2f}\n", capacity, most.served, few.sites, few.least_sites,
                   above, cpu_seconds() - begin);
        json["coverage"].push_back(
            {{"capacity", capacity}, {"served", most.served}, {"sites", few.sites}, {"least_sites", few.least_sites}});
        if (few.served != most.served || few.sites < few.least_sites) return false;
    }
    return true;
}

int sites(const sites_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const std::string folder = own_data_folder("sites");
    const auto links = read_site_links(options.links.empty() ? folder + "/skyplane_links.csv.xz" : options.links);
    if (!links) return fail(links.error().message);
    const auto positions =
        read_positions(options.positions.empty() ? folder + "/eua_melbourne_cbd.csv.xz" : options.positions);
    if (!positions) return fail(positions.error().message);
    nlohmann::ordered_json json;
    print_links(*links, json);
    if (!print_coverage(*positions, options, json)) {
        fmt::print(stderr, "berth-bench: coverage: wrong answer\n");
        return exit_wrong_answer;
    }
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    return exit_ok;
}

}  // namespace

command add_sites(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<sites_options>();
    subcommand =
        program.add_subcommand("sites", "Sites: transfers and relays between regions, edge sites that serve users");
    subcommand->add_option("--links", options->links, "Links between sites, CSV (may be .xz); default: Skyplane's");
    subcommand->add_option("--positions", options->positions, "Edge sites and users, CSV (may be .xz); default: EUA's");
    subcommand->add_option("--metres", options->metres, "How far a site reaches")
        ->check(CLI::Range(0.0, 1e8))
        ->capture_default_str();
    subcommand->add_option("--most-capacity", options->most_capacity, "Users of a site: all numbers from 1 to this")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}))
        ->capture_default_str();
    subcommand->add_option("--json", options->json, "Write all figures as JSON");
    return [options] { return sites(*options); };
}

}  // namespace bench
