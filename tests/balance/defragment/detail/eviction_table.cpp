// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/eviction_table.hpp"

#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/run_control.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

using namespace berth;
using berth::detail::eviction;
using berth::detail::eviction_table;
using berth::detail::occupied_fleet;
using berth::detail::stop_poll;
using berth_test::below;
using berth_test::fleet_shape;
using berth_test::make_tight;
using berth_test::tight_fleet;

namespace {

using task_set = std::set<std::size_t>;
using evictions = std::set<std::pair<std::size_t, task_set>>;

occupied_fleet occupy(const tight_fleet& f) {
    occupied_fleet fleet{f.problem()};
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        if (f.initial[t].placed()) REQUIRE(fleet.add(task_index{t}, f.initial[t]));
    }
    return fleet;
}

/// True if the demand fits on the node without these tasks.
bool fits_without(const occupied_fleet& fleet, const demand_view& demand, node_index n, const task_set& tasks) {
    ledger ledger = fleet.ledger();
    for (const std::size_t t : tasks) ledger.remove(fleet.work().demand(task_index{t}), fleet.where(task_index{t}));
    return ledger.fits(demand, n);
}

/// All single evictions of a node, and all pairs of which neither task is enough; for a demand on one GPU that only a
/// GPU is short of, pairs on one GPU, the only ones of which both are necessary.
evictions by_force(const occupied_fleet& fleet, const demand_view& demand, node_index n) {
    evictions found;
    if (!eviction_table::could_host(demand, n, fleet.machines()) || fleet.ledger().fits(demand, n)) return found;
    std::vector<std::size_t> placed;
    for (std::size_t t = 0; t < fleet.slots().size(); ++t) {
        if (fleet.where(task_index{t}).placed()) placed.push_back(t);
    }
    std::vector<std::size_t> rest;
    for (const std::size_t t : placed) {
        if (fits_without(fleet, demand, n, {t})) {
            found.insert({n.value(), {t}});
        } else {
            rest.push_back(t);
        }
    }
    for (const std::size_t a : rest) {
        for (const std::size_t b : rest) {
            if (a < b && fits_without(fleet, demand, n, {a, b})) found.insert({n.value(), {a, b}});
        }
    }
    return found;
}

evictions listed(const eviction_table::entry& e, std::size_t max_tasks) {
    evictions found;
    for (const eviction& o : e.options) {
        task_set tasks;
        for (const task_index t : o.all()) tasks.insert(t.value());
        CHECK(tasks.size() == o.count);
        if (o.count <= max_tasks) CHECK(found.insert({o.node.value(), tasks}).second);  // each once
    }
    return found;
}

std::vector<std::size_t> sorted(const detail::flat<node_index>& nodes) {
    std::vector<std::size_t> values;
    for (const node_index n : nodes) values.push_back(n.value());
    std::sort(values.begin(), values.end());
    return values;
}

/// Asks to stop from the given poll on.
struct stop_at {
    std::size_t* polls;
    std::size_t last;
    [[nodiscard]] bool stop_requested() const { return ++*polls >= last; }
};

constexpr fleet_shape shapes[] = {{.nodes = 4}, {.nodes = 3, .gpus = 3, .gangs = true}, {.nodes = 4, .domains = true}};

}  // namespace

TEST_CASE("eviction_table: single evictions and pairs, compared with every set of one and two tasks") {
    std::size_t pairs = 0;
    std::size_t triples = 0;
    for (const fleet_shape& shape : shapes) {
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            const tight_fleet f = make_tight(seed, shape);
            occupied_fleet fleet = occupy(f);
            const demand_view demand = f.work.demand(f.waiting);
            eviction_table table{f.work.shape_count(), f.machines.node_count(), false};
            stop_poll poll;
            const auto& entry = table.of(f.work.shape(f.waiting), fleet, poll);
            CHECK(entry.complete(fleet));
            evictions expected;
            std::vector<std::size_t> direct;
            for (std::size_t i = 0; i < f.machines.node_count(); ++i) {
                if (fleet.ledger().fits(demand, node_index{i})) direct.push_back(i);
                expected.merge(by_force(fleet, demand, node_index{i}));
            }
            CHECK(sorted(entry.direct) == direct);
            CHECK(listed(entry, 2) == expected);
            for (const eviction& o : entry.options) {
                task_set tasks;
                amount share = 0;
                for (const task_index t : o.all()) {
                    tasks.insert(t.value());
                    share += f.work.demand(t).total_share();
                }
                CHECK(fits_without(fleet, demand, o.node, tasks));
                CHECK(o.share == share);
                pairs += o.count == 2 ? 1 : 0;
                triples += o.count == 3 ? 1 : 0;
            }
        }
    }
    CHECK(pairs > 50);
    CHECK(triples > 5);
}

TEST_CASE("eviction_table: of interchangeable tasks one stands for all") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, {.nodes = 4});
        occupied_fleet fleet = occupy(f);
        stop_poll poll;
        using kind = std::pair<std::size_t, std::multiset<std::pair<std::size_t, gpu_mask>>>;
        const auto kinds = [&](bool alike) {
            eviction_table table{f.work.shape_count(), f.machines.node_count(), alike};
            std::set<kind> found;
            std::size_t count = 0;
            for (const eviction& o : table.of(f.work.shape(f.waiting), fleet, poll).options) {
                kind k{o.node.value(), {}};
                for (const task_index t : o.all()) k.second.insert({f.work.shape(t).value(), fleet.where(t).gpus});
                found.insert(k);
                ++count;
            }
            if (alike) CHECK(count == found.size());
            return found;
        };
        CHECK(kinds(true) == kinds(false));
    }
}

TEST_CASE("eviction_table: a repaired entry equals a new one") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, shapes[seed % 3]);
        occupied_fleet fleet = occupy(f);
        eviction_table table{f.work.shape_count(), f.machines.node_count(), false};
        xoshiro256 g{seed};
        stop_poll poll;
        for (int round = 0; round < 12; ++round) {
            const task_index t{below(g, f.initial.size())};
            if (fleet.where(t).placed()) {
                REQUIRE(fleet.remove(t));
            } else if (f.initial[t.value()].placed()) {
                (void)fleet.add(t, f.initial[t.value()]);
            }
            const shape_index shape = f.work.shape(task_index{below(g, f.initial.size())});
            eviction_table fresh{f.work.shape_count(), f.machines.node_count(), false};
            const auto& expected = fresh.of(shape, fleet, poll);
            const auto& entry = table.of(shape, fleet, poll);
            REQUIRE(sorted(entry.direct) == sorted(expected.direct));
            REQUIRE(listed(entry, 3) == listed(expected, 3));
        }
    }
}

TEST_CASE("eviction_table: an interrupted entry lists nothing wrong, and is completed later") {
    std::size_t partial = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, {.nodes = 400});
        occupied_fleet fleet = occupy(f);
        const shape_index shape = f.work.shape(f.waiting);
        eviction_table table{f.work.shape_count(), f.machines.node_count(), false};
        xoshiro256 g{seed};
        for (int round = 0; round < 8; ++round) {
            for (int i = 0; i < 100; ++i) {
                const task_index t{below(g, f.initial.size())};
                if (fleet.where(t).placed()) {
                    REQUIRE(fleet.remove(t));
                } else if (f.initial[t.value()].placed()) {
                    (void)fleet.add(t, f.initial[t.value()]);
                }
            }
            stop_poll forever;
            eviction_table fresh{f.work.shape_count(), f.machines.node_count(), false};
            const auto& expected = fresh.of(shape, fleet, forever);
            const evictions all = listed(expected, 3);
            std::size_t polls = 0;
            const run_control<stop_at> control{.stop = {&polls, 1U + static_cast<std::size_t>(round) % 4}};
            stop_poll poll{control};
            const auto& entry = table.of(shape, fleet, poll);
            const evictions found = listed(entry, 3);
            CHECK(std::includes(all.begin(), all.end(), found.begin(), found.end()));
            const auto nodes = sorted(entry.direct);
            const auto all_nodes = sorted(expected.direct);
            CHECK(std::includes(all_nodes.begin(), all_nodes.end(), nodes.begin(), nodes.end()));
            CHECK(entry.complete(fleet) == (poll.reason() == stop_reason::completed));
            partial += entry.complete(fleet) ? 0 : 1;
            if (!entry.complete(fleet)) CHECK(polls == control.stop.last);
            if (round % 2 == 0) continue;  // the next round goes on from a part
            (void)table.of(shape, fleet, forever);
            CHECK(listed(entry, 3) == all);
            CHECK(sorted(entry.direct) == all_nodes);
            CHECK(table.ranked(shape, fleet, 2, forever).ranked.size() ==
                  fresh.ranked(shape, fleet, 2, forever).ranked.size());
        }
    }
    CHECK(partial > 5);
}
