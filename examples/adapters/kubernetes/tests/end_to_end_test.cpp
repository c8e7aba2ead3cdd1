// SPDX-License-Identifier: Apache-2.0
// A scheduler at the API server of the tests, over sockets: nothing lost, nothing twice, whatever goes wrong.
#include "api_server.hpp"
#include "scheduler_loop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using kube_test::api_server;
using kube_test::json;
using kube_test::make_node;
using kube_test::make_pod;

// Machines under load are slow; what holds is seen at once.
constexpr double patience = 60.0;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool wait_until(double limit, const std::function<bool()>& holds) {
    const double end = seconds_now() + limit;
    while (!holds()) {
        if (seconds_now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
}

/// A scheduler in a thread, until the end of the scope.
class running_scheduler {
public:
    explicit running_scheduler(const api_server& server, bool preempt = true, double timeout = 2.0,
                               double replacement_wait = 5.0)
        : scheduler_{{.replacement_wait = replacement_wait,
                      .notes = false,
                      .problems = [this](std::string_view what) { say(std::string{what}); }},
                     {.preempt = preempt, .back_off = 0.3}},
          loop_{{.endpoint = {server.url(), {}, {}, timeout},
                 .watch = {.silence = 5.0, .first_pause = 0.01, .longest_pause = 0.2}},
                scheduler_,
                [this](const std::string& what) { say(what); }},
          thread_{[this] { loop_.run(); }} {}
    ~running_scheduler() {
        loop_.stop();
        thread_.join();
    }
    running_scheduler(const running_scheduler&) = delete;
    running_scheduler& operator=(const running_scheduler&) = delete;

    berth_kube::pod_scheduler_counts counts() {
        berth_kube::pod_scheduler_counts found;
        (void)loop_.ask([&](berth_kube::pod_scheduler& s) {
            found = s.counts();
            return std::string{};
        });
        return found;
    }
    std::string ask(berth_kube::scheduler_loop::question what) { return loop_.ask(std::move(what)); }
    [[nodiscard]] bool ready() const { return loop_.ready(); }
    [[nodiscard]] std::uint64_t pod_lists() const { return loop_.pod_lists(); }
    std::vector<std::string> problems() {
        const std::lock_guard lock{mutex_};
        return problems_;
    }

private:
    void say(std::string what) {
        const std::lock_guard lock{mutex_};
        problems_.push_back(std::move(what));
    }

    std::mutex mutex_;
    std::vector<std::string> problems_;
    berth_kube::pod_scheduler scheduler_;
    berth_kube::scheduler_loop loop_;
    std::thread thread_;
};

std::size_t bound(const api_server& server) {
    std::size_t count = 0;
    for (const json& pod : server.all("Pod")) count += pod["spec"].contains("nodeName") ? 1U : 0U;
    return count;
}

/// 1,000 nodes of 8 GPUs take 10,000 such pods, and then no GPU is free.
void add_fleet(api_server& server, int nodes) {
    for (int n = 0; n < nodes; ++n) server.create(make_node("node-" + std::to_string(n), 8, "96", "768Gi"));
}
void add_pods(api_server& server, int pods) {
    for (int p = 0; p < pods; ++p) {
        const int gpus = p % 20 == 0 ? 2 : p % 4 == 1 ? 0 : 1;
        server.create(make_pod("pod-" + std::to_string(p), gpus, gpus == 0 ? "500m" : "4", "8Gi"));
    }
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (std::size_t i = 0; i < lines.size() && i < 20; ++i) text += lines[i] + "\n";
    return text;
}

/// Deletes pods that are bound to nodes that are gone, as Kubernetes' garbage collector does.
void collect_garbage(api_server& server) {
    for (const json& pod : server.all("Pod")) {
        if (pod["spec"].contains("nodeName") &&
            server.find("Node", pod["spec"]["nodeName"].get<std::string>()).is_null())
            server.remove("Pod", "default/" + pod["metadata"]["name"].get<std::string>());
    }
}

/// What the scheduler thinks of where pods are is what the API server says.
std::string differences(running_scheduler& scheduler, const api_server& server) {
    const std::vector<json> pods = server.all("Pod");
    return scheduler.ask([&](berth_kube::pod_scheduler& s) {
        std::string text;
        std::size_t known = 0;
        const berth::scheduler_events& engine = s.engine().scheduler().known();
        for (const berth::job_handle job : engine.jobs()) known += engine.running(job);
        std::size_t running = 0;
        for (const json& pod : pods) running += pod["spec"].contains("nodeName") ? 1U : 0U;
        if (known != running)
            text += std::to_string(known) + " tasks run for the scheduler, " + std::to_string(running) +
                    " pods are bound\n";
        for (const json& pod : pods) {
            if (!pod["spec"].contains("nodeName")) continue;
            const std::string job = "default/" + pod["metadata"]["name"].get<std::string>() + "/" +
                                    pod["metadata"]["uid"].get<std::string>();
            const auto handle = engine.find_job(job);
            if (!handle) continue;  // a pod that took the seat of another one
            const auto task = engine.cluster().find(engine.task(*handle, 0));
            if (!task) {
                text += job + " does not run for the scheduler\n";
                continue;
            }
            const berth::slot at = engine.cluster().slots()[task->value()];
            if (!at.placed() || engine.cluster().fleet().name(at.node) != pod["spec"]["nodeName"].get<std::string>())
                text += job + " runs elsewhere for the scheduler\n";
        }
        return text;
    });
}

}  // namespace

TEST_CASE("pods are bound, with the positions of their GPUs, and nothing is over-committed") {
    api_server server;
    add_fleet(server, 20);
    add_pods(server, 100);
    running_scheduler scheduler{server};
    REQUIRE(wait_until(patience, [&] { return bound(server) == 100; }));
    add_pods(server, 150);  // 50 more: those that are there keep their names
    REQUIRE(wait_until(patience, [&] { return bound(server) == 150; }));
    CHECK(text_of(server.check()) == "");
    CHECK(wait_until(patience, [&] { return scheduler.counts().bound == 150; }));
    CHECK(differences(scheduler, server) == "");
    CHECK(text_of(scheduler.problems()) == "");
}

TEST_CASE("what does not fit waits, and starts when room comes") {
    api_server server;
    server.create(make_node("rhea", 4));
    server.create(make_pod("big", 8));
    int second = 0;
    for (const auto& [name, gpus] : {std::pair{"train", 4}, std::pair{"next", 1}}) {
        json pod = make_pod(name, gpus);
        pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:0" + std::to_string(++second) + "Z";
        server.create(pod);
    }
    running_scheduler scheduler{server};
    REQUIRE(wait_until(patience, [&] { return bound(server) == 1; }));
    CHECK(server.find("Pod", "default/train")["spec"]["nodeName"] == "rhea");
    const std::string why = scheduler.ask([](berth_kube::pod_scheduler& s) {
        std::string text;
        for (const std::string& line : s.why_waiting()) text += line + "\n";
        return text;
    });
    CHECK(why.find("default/big: 1 node: ") != std::string::npos);
    CHECK(why.find("none could take it if it were empty") != std::string::npos);
    server.create(make_node("juno", 8));
    REQUIRE(wait_until(patience, [&] { return server.find("Pod", "default/big")["spec"].contains("nodeName"); }));
    server.remove("Pod", "default/train");
    REQUIRE(wait_until(patience, [&] { return server.find("Pod", "default/next")["spec"].contains("nodeName"); }));
    CHECK(text_of(server.check()) == "");
}

TEST_CASE("a drained node is left by eviction, and the next pod comes where it was planned") {
    api_server server{{.recreate = true}};
    server.create(make_node("rhea", 4));
    json pod = make_pod("train", 2);
    pod["metadata"]["ownerReferences"] = {{{"uid", "job-1"}, {"kind", "Job"}, {"name", "train"}, {"controller", true}}};
    server.create(pod);
    running_scheduler scheduler{server};
    REQUIRE(wait_until(patience, [&] { return bound(server) == 1; }));
    server.create(make_node("juno", 4));
    json rhea = server.find("Node", "rhea");
    rhea["metadata"]["annotations"]["berth.dev/drain"] = "true";
    server.replace(rhea);
    REQUIRE(wait_until(patience, [&] {
        const std::vector<json> pods = server.all("Pod");
        return pods.size() == 1 && pods[0]["spec"].value("nodeName", "") == "juno";
    }));
    const auto counts = scheduler.counts();
    CHECK(counts.evictions == 1);
    CHECK(counts.adopted == 1);
    CHECK(text_of(server.check()) == "");
}

TEST_CASE("conflicts, rivals, lost answers and watches that break: nothing twice, nothing forgotten") {
    api_server server{{.history = 400,
                       .bookmark_every = 0.05,
                       .seed = 7,
                       .faults = {.spurious_conflict = 50,
                                  .rival = 30,
                                  .bound_unanswered = 50,
                                  .broken = 50,
                                  .error = 50,
                                  .watch_lines = 40,
                                  .list_error = 200}}};
    add_fleet(server, 40);
    running_scheduler scheduler{server};
    add_pods(server, 300);
    for (int round = 0; round < 5; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        server.break_watches(round % 2 == 0);
    }
    REQUIRE(wait_until(patience, [&] { return bound(server) == 300; }));
    server.set_faults({});
    CHECK(text_of(server.check()) == "");
    CHECK(wait_until(patience, [&] { return differences(scheduler, server).empty(); }));
    CHECK(differences(scheduler, server) == "");
    const auto counts = scheduler.counts();
    CHECK(counts.conflicts > 0);
    CHECK(counts.unanswered > 0);
    CHECK(scheduler.pod_lists() > 1);
    CHECK(counts.bound + counts.elsewhere == 300);
    CHECK(server.bindings() + server.rivals() == 300);
}

TEST_CASE("a scheduler that is killed and started anew goes on with what is there") {
    api_server server{{.faults = {.bound_unanswered = 100, .slow = 50, .slow_seconds = 0.05}}};
    add_fleet(server, 30);
    add_pods(server, 200);
    for (int life = 0; life < 4; ++life) {
        const running_scheduler scheduler{server};
        const std::size_t before = bound(server);
        (void)wait_until(0.4, [&] { return bound(server) > before + 40; });
    }
    running_scheduler scheduler{server};
    REQUIRE(wait_until(patience, [&] { return bound(server) == 200; }));
    CHECK(text_of(server.check()) == "");
    CHECK(wait_until(patience, [&] { return differences(scheduler, server).empty(); }));
    CHECK(server.bindings() == 200);
}

TEST_SUITE("long") {
    TEST_CASE("10,000 pods on 1,000 nodes, at 500 bindings a second or more") {
        api_server server;
        add_fleet(server, 1000);
        add_pods(server, 10'000);
        const double begin = seconds_now();
        running_scheduler scheduler{server};
        double first = 0.0;
        REQUIRE(wait_until(200.0, [&] {
            if (first == 0.0 && server.bindings() > 0) first = seconds_now();
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
            return server.bindings() == 10'000;
        }));
        const double end = seconds_now();
        std::printf(
            "10,000 bindings: %.2f s from the start, %.2f s of it until the first; %.0f bindings a second, %.0f "
            "from the first on\n",
            end - begin, first - begin, 10'000.0 / (end - begin), 10'000.0 / (end - first));
        CHECK(10'000.0 / (end - begin) >= 500.0);
        CHECK(text_of(server.check()) == "");
        CHECK(wait_until(patience, [&] { return differences(scheduler, server).empty(); }));
        CHECK(scheduler.counts().bindings == 10'000);
    }

    TEST_CASE("3,000 pods come and go under every fault, and the scheduler is killed in between") {
        api_server server{{.history = 2'000,
                           .recreate = true,
                           .bookmark_every = 0.1,
                           .seed = 11,
                           .faults = {.spurious_conflict = 30,
                                      .rival = 20,
                                      .bound_unanswered = 30,
                                      .broken = 30,
                                      .error = 30,
                                      .slow = 10,
                                      .slow_seconds = 0.5,
                                      .budget = 300,
                                      .watch_lines = 300,
                                      .list_error = 100}}};
        add_fleet(server, 300);
        int made = 0;
        for (int life = 0; life < 6; ++life) {
            running_scheduler scheduler{server, true, 0.3};
            for (int p = 0; p < 500; ++p, ++made) {
                json pod = make_pod("pod-" + std::to_string(made), made % 4 == 0 ? 0 : 1, "2", "4Gi");
                pod["metadata"]["ownerReferences"] = {{{"uid", "set-" + std::to_string(made)}, {"controller", true}}};
                pod["spec"]["priority"] = made % 3;
                server.create(pod);
            }
            (void)wait_until(2.0, [&] { return bound(server) >= static_cast<std::size_t>(made) * 9 / 10; });
            server.break_watches(life % 2 == 0);
            for (int p = life; p < made; p += 17) server.remove("Pod", "default/pod-" + std::to_string(p));
            // A node is drained, one becomes sick, one is gone with all its pods.
            json node = server.find("Node", "node-" + std::to_string(life));
            node["metadata"]["annotations"]["berth.dev/drain"] = "true";
            server.replace(node);
            node = server.find("Node", "node-" + std::to_string(50 + life));
            node["status"]["conditions"] = {{{"type", "Ready"}, {"status", "Unknown"}}};
            server.replace(node);
            const std::string gone = "node-" + std::to_string(100 + life);
            server.remove("Node", gone);
            collect_garbage(server);
            std::this_thread::sleep_for(std::chrono::milliseconds{300});
        }
        running_scheduler scheduler{server, true, 0.3};
        const auto all_bound = [&] {
            collect_garbage(server);
            const auto pods = server.all("Pod");
            return bound(server) == pods.size();
        };
        CHECK(wait_until(2 * patience, all_bound));
        server.set_faults({});
        CHECK(wait_until(patience, [&] { return all_bound() && differences(scheduler, server).empty(); }));
        CHECK(differences(scheduler, server) == "");
        CHECK(text_of(server.check()) == "");
        CHECK(server.all("Pod").size() == 3000);
        for (const auto& [name, times] : server.went_wrong()) std::printf("%s %zu, ", name.c_str(), times);
        std::printf("bound by berth %zu, by rivals %zu\n", server.bindings(), server.rivals());
    }
}
