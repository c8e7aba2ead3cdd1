// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/fleet_watch.hpp"

#include "support/watched_fleet.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using berth::cluster;
using berth::gpu_handle;
using berth::gpu_sample;
using berth::health_state;
using berth::node_handle;

namespace {

cluster joined(std::size_t racks, std::size_t nodes_each, std::size_t gpus_each) {
    cluster made{{.gpu = {"share"}, .node = {}}};
    std::size_t n = 0;
    for (std::size_t r = 0; r < racks; ++r) {
        const std::string rack = "r" + std::to_string(r);
        REQUIRE(made.add_domain(rack, 0));
        const std::string_view domains[] = {rack};
        for (std::size_t i = 0; i < nodes_each; ++i) {
            const std::string name = "n" + std::to_string(n++);
            const std::vector<berth::gpu_description> gpus(gpus_each);
            REQUIRE(made.join(berth::node_description{.name = name, .gpus = gpus, .domains = domains}));
        }
    }
    return made;
}

/// Racks of nodes, and a watch over them; a step is a minute.
struct small_fleet {
    cluster living;
    berth::cluster_watch<berth::fleet_watch<>> watch;
    std::vector<gpu_handle> gpus;
    double now = 1000.0;
    std::vector<std::string> said;

    small_fleet(std::size_t racks, std::size_t nodes_each, std::size_t gpus_each,
                const berth::fleet_watch<>& policy = {})
        : living{joined(racks, nodes_each, gpus_each)}, watch{policy.start(living)} {
        for (std::size_t n = 0; n < racks * nodes_each; ++n)
            for (std::size_t g = 0; g < gpus_each; ++g) gpus.push_back(living.handle(berth::node_index{n}, g));
    }

    /// Every GPU is heard of but those for which `silent` holds.
    template <class Silent>
    void minute(Silent silent, gpu_sample like = {.load = 0.5, .temperature = 60.0, .xid = 0U}) {
        now += 60.0;
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            like.time = now;
            like.gpu = gpus[g];
            if (!silent(g)) (void)watch.observe(like);
        }
        update();
    }
    void update() {
        const auto report = watch.update(now);
        REQUIRE(report);
        for (const auto& c : report->contact) said.push_back(berth::describe(c, living));
        for (const auto& c : report->health) said.push_back(berth::describe(c, living));
        (void)berth::apply_health(living, report->health);
    }
    void minutes(int n) {
        for (int i = 0; i < n; ++i) minute([](std::size_t) { return false; });
    }
};

/// Whether a sample was news.
bool news(const berth::result<bool>& answer) { return answer && *answer; }

constexpr auto none = [](std::size_t) { return false; };

}  // namespace

TEST_CASE("an XID error drains at once, and the GPU returns by itself") {
    small_fleet f{1, 2, 2};
    f.minutes(5);
    CHECK(f.said.empty());
    f.now += 60.0;
    REQUIRE(news(f.watch.observe({.time = f.now, .gpu = f.gpus[1], .xid = 79U})));
    f.update();
    REQUIRE(f.said.size() == 1);
    CHECK(f.said[0] == "GPU 1 (\"\") of node \"n0\": well -> sick: XID error 79");
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b01);
    CHECK(f.watch.state(f.gpus[1]).health == health_state::sick);
    CHECK(f.watch.state(f.gpus[0]).health == health_state::well);
    f.minutes(8);
    CHECK(f.said.back() == "GPU 1 (\"\") of node \"n0\": recovering -> well");
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b11);
}

TEST_CASE("a GPU whose driver asks for a reset is drained, and returns once the driver asks no more") {
    small_fleet f{1, 2, 2};
    f.minutes(5);
    const auto ask = [&](berth::recovery_action action) {
        f.now += 60.0;
        REQUIRE(news(f.watch.observe({.time = f.now, .gpu = f.gpus[1], .recovery = action})));
        f.update();
    };
    ask(berth::recovery_action::none);
    CHECK(f.said.empty());
    ask(berth::recovery_action::drain_and_reset);
    REQUIRE(f.said.size() == 1);
    CHECK(f.said[0] == "GPU 1 (\"\") of node \"n0\": well -> sick: the driver asks for a drain and a GPU reset");
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b01);
    f.minutes(20);  // good samples, but the driver is not heard of: it has not taken back what it said
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b01);
    CHECK(f.watch.state(f.gpus[0]).health == health_state::well);
    for (int i = 0; i < 8; ++i) ask(berth::recovery_action::none);
    CHECK(f.said.back() == "GPU 1 (\"\") of node \"n0\": recovering -> well");
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b11);
}

TEST_CASE("a lost exporter is unknown after three missed samples, and nothing is sick") {
    small_fleet f{2, 2, 2};
    f.minutes(5);
    CHECK(f.watch.state(f.gpus[0]).load.value == doctest::Approx(0.5));
    const auto first_node = [](std::size_t g) { return g < 2; };
    for (int i = 0; i < 2; ++i) f.minute(first_node);
    CHECK(f.watch.state(f.gpus[0]).heard);
    f.minute(first_node);
    CHECK_FALSE(f.watch.state(f.gpus[0]).heard);
    CHECK_FALSE(f.watch.state(f.gpus[0]).load.known());
    CHECK_FALSE(f.watch.state(f.living.handle(berth::node_index{0})).heard);
    for (int i = 0; i < 300; ++i) f.minute(first_node);
    CHECK(f.watch.state(f.gpus[0]).health == health_state::well);
    f.minutes(1);
    REQUIRE(f.said.size() == 2);
    CHECK(f.said[0] == "node \"n0\": silent");
    CHECK(f.said[1] == "node \"n0\": heard of again");
}

TEST_CASE("a GPU that alone is silent is gone") {
    small_fleet f{1, 2, 2};
    f.minutes(5);
    for (int i = 0; i < 9; ++i) f.minute([](std::size_t g) { return g == 3; });
    CHECK(f.watch.state(f.gpus[3]).health == health_state::suspect);
    f.minute([](std::size_t g) { return g == 3; });
    CHECK(f.watch.state(f.gpus[3]).health == health_state::sick);
    CHECK(f.living.healthy_gpus(berth::node_index{1}) == 0b01);
    f.minutes(8);
    CHECK(f.watch.state(f.gpus[3]).health == health_state::well);
}

TEST_CASE("a rack that falls silent is one fault of telemetry, it may come back piece by piece") {
    berth::fleet_watch<> policy;
    policy.contact.node_lost = 900.0;  // silent nodes are sick in the end
    small_fleet f{2, 2, 4, policy};
    f.minutes(5);
    for (int i = 0; i < 60; ++i) f.minute([](std::size_t g) { return g < 8; });
    REQUIRE(f.said.size() == 1);
    CHECK(f.said[0] == "domain \"r0\": silent at once, a fault of telemetry");
    f.minute([](std::size_t g) { return g < 7; });  // one GPU of the second node, then the others
    f.minutes(3);
    CHECK(f.living.healthy_gpus(berth::node_index{0}) == 0b1111);
    CHECK(f.living.healthy_gpus(berth::node_index{1}) == 0b1111);
    for (int i = 0; i < 20; ++i) f.minute([](std::size_t g) { return g < 4; });  // a node alone
    CHECK_FALSE(f.living.healthy(berth::node_index{0}));
    CHECK(f.watch.state(f.living.handle(berth::node_index{0})).health == health_state::sick);
    for (int i = 0; i < 10; ++i) {
        f.minutes(1);
        REQUIRE(f.watch.observe(berth::node_sample{.time = f.now, .node = f.living.handle(berth::node_index{0})}));
    }
    CHECK(f.living.healthy(berth::node_index{0}));
}

TEST_CASE("clocks that are set make nothing old") {
    small_fleet f{1, 2, 2};
    f.minutes(5);
    f.now += 1e6;
    f.minutes(3);
    f.now -= 5e5;
    f.minutes(3);
    CHECK(f.said.empty());
    CHECK(f.watch.state(f.gpus[0]).heard);
    CHECK(f.watch.state(f.gpus[0]).load.value == doctest::Approx(0.5));
}

TEST_CASE("a value that is no longer measured is unknown, though the GPU is heard of") {
    small_fleet f{1, 2, 1};
    f.minutes(5);
    for (int i = 0; i < 4; ++i) f.minute(none, {.load = 0.2});
    CHECK(f.watch.state(f.gpus[0]).heard);
    CHECK(f.watch.state(f.gpus[0]).load.known());
    CHECK_FALSE(f.watch.state(f.gpus[0]).temperature.known());
    berth::cluster_readings readings{f.living};
    f.watch.report_to(readings);
    const berth::fleet_readings read = readings.at(f.now);
    CHECK(read.gpu_load.size() == 2);
    CHECK(read.gpu_temperature.empty());
    CHECK(read.node_power.empty());
}

TEST_CASE("joins and leaves: what takes a place inherits nothing") {
    small_fleet f{1, 3, 1};
    f.minutes(3);
    (void)f.watch.observe({.time = f.now + 1.0, .gpu = f.gpus[0], .xid = 48U});
    f.update();
    REQUIRE(f.living.leave(f.living.handle(berth::node_index{0})));
    CHECK_FALSE(news(f.watch.observe({.time = f.now + 2.0, .gpu = f.gpus[0]})));
    CHECK(f.watch.state(f.gpus[0]).health == health_state::well);  // not there: nothing is known
    const std::vector<berth::gpu_description> one(1);
    const auto again = f.living.join(berth::node_description{.name = "again", .gpus = one});
    REQUIRE(again);
    f.gpus[0] = f.living.handle(*f.living.find(*again), 0);
    f.update();
    CHECK(f.watch.state(f.gpus[0]).health == health_state::well);
    CHECK_FALSE(f.watch.state(f.gpus[0]).heard);
    f.minutes(2);
    CHECK(f.watch.state(f.gpus[0]).heard);
}

TEST_CASE("a watch that starts over a sick fleet brings it back, and tells a cluster that forgot") {
    cluster living = joined(1, 1, 2);
    const gpu_handle first = living.handle(berth::node_index{0}, 0);
    const gpu_handle second = living.handle(berth::node_index{0}, 1);
    REQUIRE(living.set_healthy(first, false));
    auto watch = berth::fleet_watch<>{}.start(living);
    CHECK(watch.state(first).health == health_state::sick);
    double now = 0.0;
    const auto pass = [&](int minutes) {
        for (int i = 0; i < minutes; ++i) {
            now += 60.0;
            (void)watch.observe({.time = now, .gpu = first, .xid = 0U});
            (void)watch.observe({.time = now, .gpu = second, .xid = now < 100.0 ? 79U : 0U});
            (void)berth::apply_health(living, watch.update(now)->health);
        }
    };
    pass(1);
    CHECK(living.healthy_gpus(berth::node_index{0}) == 0);
    REQUIRE(living.set_healthy(second, true));  // a report of the node says so by default
    pass(1);
    CHECK(living.healthy_gpus(berth::node_index{0}) == 0);
    pass(8);
    CHECK(living.healthy_gpus(berth::node_index{0}) == 0b11);
}

TEST_CASE("node samples: power, and a fault of the node") {
    small_fleet f{1, 2, 1};
    const node_handle node = f.living.handle(berth::node_index{1});
    REQUIRE(news(f.watch.observe(berth::node_sample{.time = 1.0, .node = node, .power = 900.0, .fault = false})));
    f.update();
    CHECK(f.watch.state(node).power.value == 900.0);
    REQUIRE(news(f.watch.observe(berth::node_sample{.time = 61.0, .node = node, .fault = true})));
    f.update();
    CHECK_FALSE(f.living.healthy(berth::node_index{1}));
    CHECK(f.said.back() == "node \"n1\": well -> sick: node fault");
    for (int i = 2; i < 10; ++i)
        REQUIRE(news(f.watch.observe(berth::node_sample{.time = 1.0 + 60.0 * i, .node = node, .fault = false})));
    f.update();
    CHECK(f.living.healthy(berth::node_index{1}));
}

TEST_CASE("bad input names GPU and field, and changes nothing") {
    small_fleet f{1, 1, 2};
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    const auto refused = [&](const gpu_sample& s) {
        const auto answer = f.watch.observe(s);
        return answer ? std::string{} : answer.error().message;
    };
    CHECK(refused({.time = nan, .gpu = f.gpus[1]}) == "sample of GPU 1: time is not a number");
    CHECK(refused({.time = -inf, .gpu = f.gpus[1]}) == "sample of GPU 1: time is not finite");
    CHECK(refused({.time = 1.0, .gpu = f.gpus[1], .load = -0.1}) == "sample of GPU 1: load is negative");
    CHECK(refused({.time = 1.0, .gpu = f.gpus[1], .temperature = inf}) == "sample of GPU 1: temperature is infinite");
    CHECK(refused({.time = 1.0, .gpu = f.gpus[1], .power = -1.0}) == "sample of GPU 1: power is negative");
    CHECK(refused({.time = 1.0, .gpu = f.gpus[1], .energy = inf}) == "sample of GPU 1: energy is infinite");
    CHECK_FALSE(f.watch.observe(berth::node_sample{.time = nan}));
    CHECK(f.watch.update(nan).error().message == "update: time is not a number");
    CHECK_FALSE(news(f.watch.observe(gpu_sample{.time = 1.0})));  // of no GPU
    f.update();
    CHECK_FALSE(f.watch.state(f.gpus[1]).heard);
    berth::fleet_watch<> policy;
    CHECK(policy.check());
    policy.contact.lost = 2.0;
    CHECK(policy.check().error().message == "contact_rule: lost is below missed");
    policy.contact.interval = 0.0;
    CHECK(policy.check().error().message == "contact_rule: interval is not a finite number above 0");
}

TEST_CASE("a day of 64 GPUs in four racks, with faults of every kind") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        bench::watched_fleet fleet{4, 2, 8, seed};
        const bench::watched_result found = fleet.run(1, 3.0);
        CAPTURE(seed);
        for (const std::string& line : found.first_reasons) MESSAGE(line);
        CHECK(found.false_drains == 0);
        CHECK(found.flaps == 0);
        CHECK(found.left_out == 0);
        CHECK(found.wrong_energy == 0);
        CHECK(found.telemetry_faults >= 1);
        for (std::size_t k = 1; k < bench::watch_fault_count; ++k) {
            const bench::watch_outcome& o = found.of[k];
            const auto kind = static_cast<bench::watch_fault>(k);
            CAPTURE(bench::watch_fault_names[k]);
            CHECK(o.faults > 0);
            if (kind == bench::watch_fault::exporter) CHECK(o.worst_delay == 3);
            if (kind > bench::watch_fault::gone) continue;
            CHECK(o.noticed == o.faults);
            CHECK(o.returned == o.faults);
            CHECK(o.worst_delay <= (kind == bench::watch_fault::gone ? 10U : 3U));
            CHECK(o.worst_recovery <= 10);
        }
    }
}
