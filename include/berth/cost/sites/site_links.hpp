// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0 {

using site_index = basic_index<struct site_tag>;  ///< a site (an edge location, a cloud region) of `site_links`

/// What was measured of one direction between two sites. A field that was not measured is NaN: missing is not free.
struct site_link {
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();  ///< not measured

    double round_trip = unknown;        ///< seconds, 0 or more
    double bytes_per_second = unknown;  ///< above 0; infinity: no limit
    double price_per_gb = unknown;      ///< money for 1e9 bytes, 0 or more

    /// True if all three are known.
    [[nodiscard]] bool complete() const noexcept {
        return round_trip == round_trip && bytes_per_second == bytes_per_second && price_per_gb == price_per_gb;
    }
};

/// Time and price of sending bytes over a link. NaN where the link does not say.
struct site_transfer {
    double seconds = 0.0;  ///< bytes / bandwidth; the latency is not in it
    double price = 0.0;    ///< money
};

/// Sites and the links between them: directed, so that the way back may differ, and incomplete. Within a site
/// everything is free and at once unless a link says otherwise. 24 bytes for each pair.
class site_links {
public:
    /// Adds a site. Fails if the name is empty or taken. O(sites^2).
    [[nodiscard]] result<site_index> add_site(std::string_view name) {
        if (name.empty()) return error{error_code::invalid_value, "site links: a site has no name"};
        if (find(name)) {
            return detail::refuse(error_code::duplicate, {"site links: site ", detail::phrase::quoted(name)},
                                  {" was added before"});
        }
        const std::size_t before = count();
        detail::flat<site_link> links((before + 1) * (before + 1));
        for (std::size_t a = 0; a < before; ++a) {
            for (std::size_t b = 0; b < before; ++b) links[a * (before + 1) + b] = links_[a * before + b];
        }
        links.back() = {0.0, std::numeric_limits<double>::infinity(), 0.0};
        names_.emplace_back(name);
        links_.swap(links);
        return site_index{before};
    }
    /// Sets what is known of one direction; fields that are NaN become unknown. Fails if a site does not exist or a
    /// field is out of range; the error names the sites and the field. O(1).
    [[nodiscard]] result<void> set_link(site_index from, site_index to, const site_link& link) {
        if (!from.below(count()) || !to.below(count())) {
            return error{error_code::unknown_name, "site links: a link names a site that was not added"};
        }
        const auto refused = [&](const char* what) {
            return detail::refuse(error_code::invalid_value, {"link from ", detail::phrase::quoted(name(from)), " to "},
                                  {detail::phrase::quoted(name(to)), ": ", what});
        };
        if (link.round_trip < 0.0 || std::isinf(link.round_trip)) {
            return refused("round_trip is not a finite number of seconds from 0 on");
        }
        if (link.bytes_per_second <= 0.0) return refused("bytes_per_second is not above 0");
        if (link.price_per_gb < 0.0 || std::isinf(link.price_per_gb)) {
            return refused("price_per_gb is not a finite number from 0 on");
        }
        links_[from.value() * count() + to.value()] = link;
        return {};
    }

    /// Number of sites.
    [[nodiscard]] std::size_t count() const noexcept { return names_.size(); }
    /// The name of a site, which must exist.
    [[nodiscard]] const std::string& name(site_index s) const { return names_[s.value()]; }
    /// The site of this name. O(sites).
    [[nodiscard]] std::optional<site_index> find(std::string_view name) const noexcept {
        for (std::size_t s = 0; s < names_.size(); ++s) {
            if (names_[s] == name) return site_index{s};
        }
        return std::nullopt;
    }
    /// What is known of a direction; nothing if either site is not valid. O(1).
    [[nodiscard]] site_link link(site_index from, site_index to) const noexcept {
        if (!from.below(count()) || !to.below(count())) return {};
        return links_[from.value() * count() + to.value()];
    }
    /// Time and price of sending so many bytes. NaN where the link does not say, also for 0 bytes between sites without
    /// a link. O(1).
    [[nodiscard]] site_transfer transfer(site_index from, site_index to, double bytes) const noexcept {
        const site_link over = link(from, to);
        return {bytes / over.bytes_per_second, bytes / 1e9 * over.price_per_gb};
    }

private:
    std::vector<std::string> names_;
    detail::flat<site_link> links_;  // from, then to
};

/// The site of every node: the domain of the node whose name is a site's. An index that is not valid, so that nothing
/// is known of its links, where no domain of the node is a site. Fails if a node lies in two sites; the error names it.
/// O(nodes * levels + domains * sites).
[[nodiscard]] inline result<std::vector<site_index>> sites_of_nodes(const fleet& machines, const site_links& links) {
    std::vector<site_index> of_domain(machines.domain_count());
    for (std::size_t d = 0; d < of_domain.size(); ++d) {
        if (const auto site = links.find(machines.name(domain_index{d}))) of_domain[d] = *site;
    }
    std::vector<site_index> sites(machines.node_count());
    for (std::size_t n = 0; n < sites.size(); ++n) {
        for (const domain_index d : machines.domains(node_index{n})) {
            if (!of_domain[d.value()].valid()) continue;
            if (sites[n].valid()) {
                return detail::refuse(error_code::inconsistent,
                                      {detail::phrase::item("node", n, machines.name(node_index{n}))},
                                      {": domains name two sites, ", detail::phrase::quoted(links.name(sites[n])),
                                       " and ", detail::phrase::quoted(links.name(of_domain[d.value()]))});
            }
            sites[n] = of_domain[d.value()];
        }
    }
    return sites;
}

}  // namespace berth::inline v0
