// SPDX-License-Identifier: Apache-2.0
#include "bridge.hpp"
#include "fake_slurm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace berth_slurm;

namespace {

void carry_out(fake_slurm& slurm, bridge& berth, const std::vector<order>& orders, const snapshot& seen) {
    for (const order& o : orders) {
        berth::result<void> done;
        switch (o.kind) {
            case order_kind::pin: done = slurm.pin(*seen.find(o.job), o.nodes, o.gres, false); break;
            case order_kind::hold: done = slurm.hold(o.job); break;
            case order_kind::requeue: done = slurm.requeue(o.job); break;
            case order_kind::cancel: done = slurm.cancel(o.job); break;
            case order_kind::drain: done = slurm.drain(o.nodes, o.reason); break;
            case order_kind::resume: done = slurm.resume(o.nodes); break;
        }
        berth.carried_out(o, done, seen.time);
    }
}
/// One round: Slurm's step, a reading, decisions, orders.
std::vector<order> round(fake_slurm& slurm, bridge& berth) {
    slurm.tick();
    const snapshot seen = *slurm.read();
    berth.observe(seen);
    const auto orders = berth.decide(seen.time);
    carry_out(slurm, berth, orders, seen);
    return orders;
}
bool runs(fake_slurm& slurm, std::uint32_t id) { return slurm.record(id).activity == job_activity::running; }
bool has(const std::vector<order>& orders, order_kind kind, std::uint32_t job) {
    return std::any_of(orders.begin(), orders.end(), [&](const order& o) { return o.kind == kind && o.job == job; });
}

}  // namespace

TEST_CASE("bridge: held jobs are pinned to what was decided, and run there") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    slurm.add_node("n2", 2);
    bridge berth;
    const auto two = slurm.submit("gres:gpu:2");
    const auto half = slurm.submit("gres:shard:50");
    const auto wide = slurm.submit("gres:gpu:1", 2);
    const auto orders = round(slurm, berth);
    REQUIRE(orders.size() == 2);
    CHECK(has(orders, order_kind::pin, two));
    CHECK(has(orders, order_kind::pin, half));
    round(slurm, berth);
    CHECK(runs(slurm, two));
    CHECK(runs(slurm, half));
    CHECK(slurm.record(half).places.front().share == 500);
    CHECK_FALSE(runs(slurm, wide));
    CHECK(berth.explain(wide).find("waits") != std::string::npos);
    CHECK(berth.differences(*slurm.read()).empty());
    slurm.end(two);
    slurm.end(half);
    for (int i = 0; i < 3; ++i) round(slurm, berth);
    REQUIRE(runs(slurm, wide));
    CHECK(slurm.record(wide).places[0].gpus == slurm.record(wide).places[1].gpus);
    CHECK(slurm.record(wide).places[0].node != slurm.record(wide).places[1].node);
    CHECK(berth.take_troubles().empty());
}

TEST_CASE("bridge: a job of several nodes gets equal indices on different nodes, or waits") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    slurm.add_node("n2", 2);
    slurm.add_node("n3", 2);
    bridge berth;
    std::vector<std::uint32_t> ones;
    for (int i = 0; i < 6; ++i) ones.push_back(slurm.submit("gres:gpu:1"));
    for (int i = 0; i < 2; ++i) round(slurm, berth);
    // Free: another index on each of two nodes.
    for (const std::uint32_t id : ones) {
        const auto& a = slurm.record(id).places.front();
        if ((a.node == "n1" && a.gpus == 1) || (a.node == "n2" && a.gpus == 2)) slurm.end(id);
    }
    const auto wide = slurm.submit("gres:gpu:1", 2);
    for (int i = 0; i < 3; ++i) round(slurm, berth);
    CHECK_FALSE(runs(slurm, wide));
    CHECK(berth.explain(wide).find("same GPU indices") != std::string::npos);
    for (const std::uint32_t id : ones) {
        if (runs(slurm, id) && slurm.record(id).places.front().node == "n3") slurm.end(id);
    }
    for (int i = 0; i < 30 && !runs(slurm, wide); ++i) round(slurm, berth);
    REQUIRE(runs(slurm, wide));
    CHECK(slurm.record(wide).places[0].gpus == slurm.record(wide).places[1].gpus);
    CHECK(berth.differences(*slurm.read()).empty());
}

TEST_CASE("bridge: priority evicts, and the victim starts again with its indices") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    bridge berth;
    const auto low = slurm.submit("gres:gpu:1", 1, -10);
    const auto other = slurm.submit("gres:gpu:1", 1, -10);
    for (int i = 0; i < 2; ++i) round(slurm, berth);
    REQUIRE(runs(slurm, low));
    const auto places = slurm.record(low).places;
    const auto high = slurm.submit("gres:gpu:2", 1, 5);
    for (int i = 0; i < 6; ++i) round(slurm, berth);
    CHECK(runs(slurm, high));
    CHECK_FALSE(runs(slurm, low));
    CHECK_FALSE(runs(slurm, other));
    slurm.end(high);
    for (int i = 0; i < 40 && !(runs(slurm, low) && runs(slurm, other)); ++i) round(slurm, berth);
    REQUIRE(runs(slurm, low));
    REQUIRE(runs(slurm, other));
    CHECK(slurm.record(low).places == places);
    CHECK(slurm.record(low).restarts == 1);
    CHECK(berth.differences(*slurm.read()).empty());
}

TEST_CASE("bridge: what was to be held before it starts, and has started, is stopped") {
    fake_slurm slurm;
    slurm.add_node("n1", 1);
    bridge berth;
    const auto low = slurm.submit("gres:gpu:1", 1, -10);
    round(slurm, berth);  // released
    const auto high = slurm.submit("gres:gpu:1", 1, 5);
    const snapshot before = *slurm.read();
    slurm.tick();  // starts, which berth does not see
    REQUIRE(runs(slurm, low));
    berth.observe(before);
    const auto orders = berth.decide(before.time);
    REQUIRE(has(orders, order_kind::hold, low));
    carry_out(slurm, berth, orders, before);
    for (int i = 0; i < 20 && !runs(slurm, high); ++i) round(slurm, berth);
    CHECK(runs(slurm, high));
    CHECK_FALSE(runs(slurm, low));
    CHECK(berth.differences(*slurm.read()).empty());
}

TEST_CASE("bridge: reality wins") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    slurm.add_node("n2", 2);
    bridge berth;
    const auto job = slurm.submit("gres:gpu:1");
    for (int i = 0; i < 2; ++i) round(slurm, berth);
    REQUIRE(runs(slurm, job));
    SUBCASE("something unknown runs: its GPUs are taken") {
        const auto foreign = slurm.submit("");
        slurm.record(foreign).comment.clear();
        slurm.record(foreign).activity = job_activity::running;
        slurm.record(foreign).held = false;
        const std::string free = slurm.record(job).places.front().node == "n1" ? "n2" : "n1";
        slurm.record(foreign).places = {{free, 0b11, 1000}};
        const auto next = slurm.submit("gres:gpu:2");
        for (int i = 0; i < 4; ++i) round(slurm, berth);
        CHECK_FALSE(runs(slurm, next));
        CHECK(berth.differences(*slurm.read()).empty());
        slurm.end(foreign);
        for (int i = 0; i < 3; ++i) round(slurm, berth);
        CHECK(runs(slurm, next));
    }
    SUBCASE("it was put back and runs elsewhere") {
        slurm.record(job).places.front().node = "n2";
        slurm.record(job).places.front().gpus = 0b10;
        round(slurm, berth);
        CHECK(berth.differences(*slurm.read()).empty());
    }
    SUBCASE("its node failed: it is held, and starts elsewhere with its index") {
        const std::string node = slurm.record(job).places.front().node;
        slurm.node(node).up = slurm.node(node).open = false;
        slurm.put_back(slurm.jobs.at(job), false);
        for (int i = 0; i < 8; ++i) round(slurm, berth);
        REQUIRE(runs(slurm, job));
        CHECK(slurm.record(job).places.front().node != node);
        CHECK(berth.differences(*slurm.read()).empty());
    }
    SUBCASE("it is gone without a word") {
        slurm.jobs.erase(job);
        round(slurm, berth);
        CHECK(berth.jobs().empty());
        CHECK(berth.differences(*slurm.read()).empty());
    }
}

TEST_CASE("bridge: one that is made anew goes on where the one before was") {
    fake_slurm slurm;
    slurm.add_node("n1", 4);
    const auto a = slurm.submit("gres:gpu:2");
    const auto b = slurm.submit("gres:gpu:2");
    const auto c = slurm.submit("gres:gpu:2");
    {
        bridge first;
        round(slurm, first);  // a and b are released, not yet started
    }
    bridge second;
    const snapshot seen = *slurm.read();
    second.observe(seen);
    CHECK(second.jobs().at(a).phase == job_phase::pinned);
    CHECK(second.decide(seen.time).empty());  // c has no room
    for (int i = 0; i < 2; ++i) round(slurm, second);
    CHECK(runs(slurm, a));
    CHECK(runs(slurm, b));
    CHECK_FALSE(runs(slurm, c));
    CHECK(second.differences(*slurm.read()).empty());
}

TEST_CASE("bridge: a release that slurmctld forgot is said again, one that does not start is taken back") {
    fake_slurm slurm;
    slurm.add_node("n1", 1);
    slurm.add_node("n2", 1);
    bridge berth{{.start_timeout = 5.0}};
    const auto job = slurm.submit("gres:gpu:1");
    round(slurm, berth);
    slurm.record(job).held = true;
    std::vector<order> again;
    for (int i = 0; i < 3 && again.empty(); ++i) again = round(slurm, berth);
    CHECK(has(again, order_kind::pin, job));
    // Somebody berth cannot see has the GPU.
    const std::string node = slurm.record(job).nodes_wanted;
    slurm.node(node).open = false;
    std::vector<order> taken_back;
    for (int i = 0; i < 10 && !has(taken_back, order_kind::hold, job); ++i) taken_back = round(slurm, berth);
    CHECK(has(taken_back, order_kind::hold, job));
    for (int i = 0; i < 80 && !runs(slurm, job); ++i) round(slurm, berth);
    CHECK(runs(slurm, job));
}

TEST_CASE("bridge: an operator's hold is respected after the release, too") {
    fake_slurm slurm;
    slurm.add_node("n1", 1);
    bridge berth;
    const auto job = slurm.submit("gres:gpu:1");
    round(slurm, berth);
    slurm.record(job).held = slurm.record(job).held_by_admin = true;
    for (int i = 0; i < 5; ++i) CHECK(round(slurm, berth).empty());
    const auto next = slurm.submit("gres:gpu:1");
    for (int i = 0; i < 2; ++i) round(slurm, berth);
    CHECK(runs(slurm, next));
}

TEST_CASE("bridge: what an operator holds, and what cannot be read, stays held") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    bridge berth;
    const auto held = slurm.submit("gres:gpu:1");
    slurm.record(held).held_by_admin = true;
    const auto later = slurm.submit("gres:gpu:1");
    slurm.record(later).eligible = false;
    const auto odd = slurm.submit("gres:gpu:i1:1");
    CHECK(round(slurm, berth).empty());
    CHECK(berth.explain(odd).find("berth decides which GPU") != std::string::npos);
    CHECK(berth.explain(held).find("held by an operator") != std::string::npos);
    slurm.record(held).held_by_admin = false;
    slurm.record(later).eligible = true;
    CHECK(round(slurm, berth).size() == 2);
}

TEST_CASE("bridge: hot nodes are drained in Slurm and used again") {
    fake_slurm slurm;
    slurm.add_node("n1", 2);
    bridge berth{{.temperature = 90.0}};
    const auto text = [](int a, int b) {
        return "DCGM_FI_DEV_GPU_TEMP{gpu=\"0\",UUID=\"GPU-a\",Hostname=\"n1\"} " + std::to_string(a) +
               "\nDCGM_FI_DEV_GPU_TEMP{gpu=\"1\",UUID=\"GPU-b\",Hostname=\"n1\"} " + std::to_string(b) +
               "\nDCGM_FI_DEV_GPU_TEMP{gpu=\"7\",UUID=\"GPU-c\",Hostname=\"n1\"} 200\n";
    };
    round(slurm, berth);
    CHECK(berth.read_metrics(text(95, 50), slurm.now) == 2);
    round(slurm, berth);
    CHECK(slurm.node("n1").open);
    berth.read_metrics(text(95, 91), slurm.now);
    round(slurm, berth);
    CHECK_FALSE(slurm.node("n1").open);
    CHECK(slurm.node("n1").reason.find("berth: temperature") == 0);
    round(slurm, berth);
    berth.read_metrics(text(88, 80), slurm.now);  // not cool enough
    round(slurm, berth);
    CHECK_FALSE(slurm.node("n1").open);
    berth.read_metrics(text(70, 70), slurm.now);
    round(slurm, berth);
    CHECK(slurm.node("n1").open);
}

TEST_CASE(
    "bridge: a node that Slurm drained for a job it had forgotten is used again, one that an operator drained is not") {
    fake_slurm slurm;
    for (const char* name : {"n1", "n2"}) slurm.add_node(name, 2);
    bridge berth;
    round(slurm, berth);
    (void)slurm.drain("n1", "Duplicate jobid");
    (void)slurm.drain("n2", "fan");
    std::vector<order> all;
    for (int i = 0; i < 5; ++i) {
        for (order& o : round(slurm, berth)) all.push_back(std::move(o));
    }
    CHECK(all.empty());  // not before what still runs there has ended
    for (int i = 0; i < 20; ++i) {
        for (order& o : round(slurm, berth)) all.push_back(std::move(o));
    }
    REQUIRE(all.size() == 1);
    CHECK(all.front().kind == order_kind::resume);
    CHECK(all.front().nodes == "n1");
    CHECK(slurm.node("n1").open);
    CHECK_FALSE(slurm.node("n2").open);
    (void)slurm.drain("n1", "Duplicate jobid");  // it waits anew
    CHECK(round(slurm, berth).empty());
}
