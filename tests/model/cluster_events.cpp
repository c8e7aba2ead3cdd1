// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster.hpp"
#include "berth/model/cluster_text.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/random_events.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using berth_test::need;
using berth_test::random_events;

namespace {

/// Long runs set BERTH_CLUSTER_EVENTS, `.ci/run --all` to a million.
std::size_t event_count(std::size_t usual) {
    const char* more = std::getenv("BERTH_CLUSTER_EVENTS");
    return more == nullptr ? usual : static_cast<std::size_t>(std::strtoull(more, nullptr, 10));
}

/// Another cluster with the same nodes, and tasks that hold the same room: joined, admitted and entered one by one. A GPU
/// that is missing joins without capacity; what a target or a reservation holds is held by a task of its own.
class fresh_cluster {
public:
    explicit fresh_cluster(const berth::cluster& c) : c_{c}, fresh_{c.fleet().schema()} {
        const berth::fleet& fleet = c.fleet();
        for (std::size_t i = 0; i < fleet.domain_count(); ++i) {
            const berth::domain_index d{i};
            (void)need(fresh_.add_domain(fleet.name(d), fleet.level(d), fleet.capacity(d)));
        }
        // From the last to the first, so that positions differ.
        for (std::size_t i = fleet.node_count(); i-- > 0;) {
            if (fleet.present(berth::node_index{i})) join(berth::node_index{i});
        }
        for (std::size_t i = 0; i < c.slots().size(); ++i) {
            if (!c.workload().present(berth::task_index{i})) continue;
            const berth::shape_index shape = c.workload().shape(berth::task_index{i});
            enter(shape, c.slots()[i]);
            enter(shape, c.targets()[i]);
        }
        c.for_each_reservation([&](auto, berth::shape_index shape, berth::slot where) { enter(shape, where); });
    }

    void check_equal() const {
        const auto same = [](auto a, auto b) { return std::ranges::equal(a, b); };
        const berth::fleet& fleet = c_.fleet();
        REQUIRE(fresh_.node_count() == c_.node_count());
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const berth::node_index n{i};
            if (!fleet.present(n)) continue;
            const berth::node_index other = *fresh_.fleet().find_node(fleet.name(n));
            REQUIRE(same(c_.ledger().free(n), fresh_.ledger().free(other)));
            REQUIRE(fleet.gpu_count(n) == fresh_.fleet().gpu_count(other));
            REQUIRE(c_.healthy_gpus(n) == fresh_.healthy_gpus(other));
            REQUIRE(c_.tasks_on(n).size() <= fresh_.tasks_on(other).size());
            REQUIRE(fleet.links(n).known() == fresh_.fleet().links(other).known());
            REQUIRE(fleet.links(n).score(berth::first_gpus(fleet.links(n).size())) ==
                    fresh_.fleet().links(other).score(berth::first_gpus(fleet.links(n).size())));
            for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) {
                REQUIRE(same(c_.ledger().free(fleet.gpu(n, g)), fresh_.ledger().free(fresh_.fleet().gpu(other, g))));
            }
        }
        for (std::size_t d = 0; d < fleet.domain_count(); ++d) {
            REQUIRE(same(c_.ledger().free(berth::domain_index{d}), fresh_.ledger().free(berth::domain_index{d})));
        }
    }
    [[nodiscard]] const berth::cluster& cluster() const { return fresh_; }

private:
    void join(berth::node_index n) {
        const berth::fleet& fleet = c_.fleet();
        std::vector<berth::gpu_description> gpus;
        for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) {
            gpus.push_back({.model = fleet.name(fleet.model(fleet.gpu(n, g))),
                            .capacity = fleet.capacity(fleet.gpu(n, g)),
                            .healthy = (c_.healthy_gpus(n) >> g & 1U) != 0,
                            .uuid = c_.uuid(n, g)});
        }
        std::vector<std::string_view> domains;
        for (const berth::domain_index d : fleet.domains(n)) domains.push_back(fleet.name(d));
        const berth::gpu_links known = fleet.links(n);
        std::vector<berth::amount> links;
        for (std::size_t g = 0; g < known.size(); ++g) {
            for (std::size_t h = 0; h < known.size(); ++h) links.push_back(known(g, h));
        }
        (void)need(fresh_.join({.name = fleet.name(n),
                                .capacity = fleet.capacity(n),
                                .gpus = gpus,
                                .domains = domains,
                                .healthy = c_.healthy(n),
                                .gpu_links = links}));
    }
    void enter(berth::shape_index shape, const berth::slot& where) {
        const berth::demand_view demand = c_.workload().demand(shape);
        const auto task = need(fresh_.admit({.gpus = demand.gpus,
                                             .gpu_demand = demand.gpu,
                                             .node_demand = demand.node,
                                             .domain_demand = demand.domain}));
        if (!where.placed()) return;
        CHECK(fresh_.occupy(task, {*fresh_.fleet().find_node(c_.fleet().name(where.node)), where.gpus}));
    }

    const berth::cluster& c_;
    berth::cluster fresh_;
};

}  // namespace

TEST_CASE(
    "cluster: no counter differs from a recount after any sequence of events, nor from those of a fresh cluster") {
    const std::size_t total = event_count(6000);
    const std::size_t per_seed = total / 6 < 20'000 ? total / 6 : 20'000;
    std::size_t placed = 0;
    std::size_t moved = 0;
    std::size_t reserved = 0;
    for (std::uint64_t seed = 0; seed * per_seed < total; ++seed) {
        random_events events{seed};
        berth::cluster c{events.schema()};
        events.add_domains(c);
        for (std::size_t i = 0; i < per_seed; ++i) {
            events.step(c);
            for (const berth::slot& where : c.slots()) placed += where.placed() ? 1 : 0;
            moved += c.moving().size();
            reserved += c.reservation_count();
            if (i % 5 != 0 && i + 1 < per_seed) continue;
            const auto ok = berth::check_cluster(c);
            if (!ok) FAIL("seed ", seed, ", event ", i, ": ", ok.error().message);
            if (i % (per_seed / 5) != 0 && i + 1 < per_seed) continue;
            CAPTURE(seed);
            CAPTURE(i);
            const fresh_cluster fresh{c};
            fresh.check_equal();
            REQUIRE(berth::check_cluster(fresh.cluster()));
            const std::string text = berth::save_cluster(c);
            const berth::cluster loaded = need(berth::load_cluster(text));
            REQUIRE(berth::check_cluster(loaded));
            REQUIRE(berth::save_cluster(loaded) == text);
        }
    }
    // The events are no idle ones.
    CHECK(placed > 2 * total);
    CHECK(moved > total / 4);
    CHECK(reserved > total / 4);
}
