// SPDX-License-Identifier: Apache-2.0
// The scheduler without a socket: objects in, requests out.
#include <berth/io/event_log_reader.hpp>

#include "api_server.hpp"
#include "pod_scheduler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using berth_kube::api_call;
using berth_kube::call_kind;
using berth_kube::json;
using kube_test::make_node;

json pod_of(const std::string& name, int gpus, const char* owner = "") {
    json pod = kube_test::make_pod(name, gpus);
    pod["metadata"]["uid"] = "uid-" + name;
    if (*owner != '\0') pod["metadata"]["ownerReferences"] = {{{"uid", owner}, {"controller", true}}};
    return pod;
}
json in_group(json pod, const char* group, int size) {
    pod["metadata"]["labels"] = {{"berth.dev/group", group}, {"berth.dev/group-size", std::to_string(size)}};
    return pod;
}
json on(json pod, const char* node, const char* positions = "") {
    pod["spec"]["nodeName"] = node;
    if (*positions != '\0') pod["metadata"]["annotations"]["berth.dev/gpus"] = positions;
    return pod;
}

/// A scheduler, its clock, and the API server's side of what it asks.
struct bench {
    explicit bench(bool preempt = true, std::size_t spare = 12)
        : scheduler{{.problems = [this](std::string_view what) { problems.emplace_back(what); }},
                    {.preempt = preempt,
                     .spare = spare,
                     .events = [this](std::string_view line) { log += line; },
                     .decisions = [this](std::string_view line) { decisions += line; }}} {}

    /// What is asked now, without Events.
    std::vector<api_call> decide() {
        now += 0.01;
        std::vector<api_call> calls = scheduler.decide(now);
        for (const api_call& call : calls) {
            if (call.kind == call_kind::note) notes.push_back(json::parse(call.body)["message"].get<std::string>());
        }
        std::erase_if(calls, [](const api_call& call) { return call.kind == call_kind::note; });
        return calls;
    }
    /// The same, and every binding succeeds: node and positions by pod.
    std::map<std::string, std::string> bind_all() {
        std::map<std::string, std::string> bound;
        for (const api_call& call : decide()) {
            REQUIRE(call.kind == call_kind::bind);
            const json body = json::parse(call.body);
            const json::json_pointer positions{"/metadata/annotations/berth.dev~1gpus"};
            bound[body["metadata"]["name"].get<std::string>()] =
                body["target"]["name"].get<std::string>() +
                (body.contains(positions) ? ":" + body[positions].get<std::string>() : "");
            answer(call, 201);
        }
        return bound;
    }
    void answer(const api_call& call, int status, const std::string& body = "") {
        scheduler.answered(now += 0.001, {call.id, status, body});
    }
    void node(const json& object) { scheduler.node_seen(now += 0.001, object); }
    void pod(const json& object) { scheduler.pod_seen(now += 0.001, object); }
    void gone(const json& object) { scheduler.pod_deleted(now += 0.001, object); }

    double now = 0.0;
    std::vector<std::string> problems;
    std::vector<std::string> notes;
    std::string log;
    std::string decisions;
    berth_kube::pod_scheduler scheduler;
};

using places = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("a pod that waits is bound to a node, with the positions of its GPUs") {
    bench b;
    b.node(make_node("rhea", 4));
    b.pod(pod_of("train", 2));
    const auto calls = b.decide();
    REQUIRE(calls.size() == 1);
    CHECK(calls[0].path == "/api/v1/namespaces/default/pods/train/binding");
    CHECK(json::parse(calls[0].body) == json{{"apiVersion", "v1"},
                                             {"kind", "Binding"},
                                             {"metadata",
                                              {{"name", "train"},
                                               {"namespace", "default"},
                                               {"uid", "uid-train"},
                                               {"annotations", {{"berth.dev/gpus", "0,1"}}}}},
                                             {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "rhea"}}}});
    b.answer(calls[0], 201);
    CHECK(b.scheduler.counts().bound == 1);
    b.pod(on(pod_of("train", 2), "rhea", "0,1"));
    CHECK(b.decide().empty());
    // The next one gets the others.
    b.pod(pod_of("serve", 2));
    CHECK(b.bind_all() == places{{"serve", "rhea:2,3"}});
    CHECK(b.problems.empty());
}

TEST_CASE("only berth's pods are placed, and everybody's pods take room") {
    bench b;
    b.node(make_node("rhea", 4, "8"));
    json foreign = pod_of("foreign", 0);
    foreign["spec"]["schedulerName"] = "default-scheduler";
    b.pod(foreign);
    CHECK(b.decide().empty());
    foreign["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "7500m";
    b.pod(on(foreign, "rhea"));
    b.pod(pod_of("train", 1));
    CHECK(b.decide().empty());
    CHECK(b.notes == std::vector<std::string>{"1 node: too little cpu free (1)"});
    b.gone(foreign);
    CHECK(b.bind_all() == places{{"train", "rhea:0"}});
}

TEST_CASE("labels, taints and cordons are kept") {
    bench b;
    json a100 = make_node("rhea", 4);
    a100["metadata"]["labels"]["gpu"] = "a100";
    json tainted = make_node("hera", 4);
    tainted["metadata"]["labels"]["gpu"] = "t4";
    tainted["spec"]["taints"] = {{{"key", "team"}, {"value", "x"}, {"effect", "NoSchedule"}}};
    b.node(a100);
    b.node(tainted);
    json wants_t4 = pod_of("t4", 1);
    wants_t4["spec"]["nodeSelector"] = {{"gpu", "t4"}};
    b.pod(wants_t4);
    CHECK(b.decide().empty());
    json tolerates = pod_of("team", 1);
    tolerates["spec"]["nodeSelector"] = {{"gpu", "t4"}};
    tolerates["spec"]["tolerations"] = {{{"key", "team"}, {"operator", "Exists"}}};
    b.pod(tolerates);
    for (int i = 0; i < 4; ++i) b.pod(pod_of("plain-" + std::to_string(i), 1));
    const places bound = b.bind_all();
    CHECK(bound.at("team") == "hera:0");
    CHECK(bound.size() == 5);
    for (const auto& [name, place] : bound) CHECK((name == "team") == place.starts_with("hera"));
    // The taint goes, and with it the reason to wait.
    tainted["spec"].erase("taints");
    tainted["spec"]["unschedulable"] = true;
    b.node(tainted);
    CHECK(b.decide().empty());
    tainted["spec"]["unschedulable"] = false;
    b.node(tainted);
    CHECK(b.bind_all() == places{{"t4", "hera:1"}});
}

TEST_CASE("more different rules and resources than there are spare counters") {
    bench b{true, 2};
    for (int i = 0; i < 40; ++i) {
        json node = make_node("node-" + std::to_string(i), 2);
        node["status"]["allocatable"]["example.com/thing-" + std::to_string(i)] = "1";
        b.node(node);
    }
    places expected;
    for (int i = 0; i < 40; ++i) {
        const std::string n = std::to_string(i);
        json pod = pod_of("pod-" + n, 1);
        if (i % 2 == 0) pod["spec"]["nodeSelector"] = {{"kubernetes.io/hostname", "node-" + n}};
        if (i % 2 == 1) pod["spec"]["containers"][0]["resources"]["requests"]["example.com/thing-" + n] = "1";
        b.pod(pod);
        expected["pod-" + n] = "node-" + n + ":0";
    }
    CHECK(b.bind_all() == expected);
    CHECK(b.scheduler.engine().renewals() >= 3);
    CHECK(b.problems.empty());
    // What runs is still known: there is one GPU on each node.
    for (int i = 0; i < 50; ++i) b.pod(pod_of("more-" + std::to_string(i), 1));
    CHECK(b.bind_all().size() == 40);
    // Counters are used again.
    const std::size_t renewals = b.scheduler.engine().renewals();
    for (int i = 0; i < 40; ++i) b.gone(pod_of("pod-" + std::to_string(i), 1));
    for (int i = 0; i < 30; ++i) {
        json pod = pod_of("again-" + std::to_string(i), 0);
        pod["spec"]["nodeSelector"] = {{"kubernetes.io/hostname", "node-" + std::to_string(i)}, {"x", "y"}};
        b.pod(pod);
    }
    (void)b.decide();
    CHECK(b.scheduler.engine().renewals() == renewals);
}

TEST_CASE("a group starts as a whole, once it is complete") {
    bench b;
    b.node(make_node("rhea", 4));
    b.node(make_node("juno", 2));
    for (int i = 0; i < 2; ++i) b.pod(in_group(pod_of("member-" + std::to_string(i), 2), "run", 3));
    CHECK(b.decide().empty());
    CHECK(b.scheduler.why_waiting()[0] == "default/member-0: its group has 2 of 3 pods");
    b.pod(pod_of("single", 1));
    CHECK(b.bind_all().size() == 1);
    b.pod(in_group(pod_of("member-2", 2), "run", 3));
    CHECK(b.decide().empty());  // room for two of three is not enough
    b.gone(pod_of("single", 1));
    const places bound = b.bind_all();
    CHECK(bound.size() == 3);
    CHECK(bound.contains("member-0"));
}

TEST_CASE("half a group was bound when the scheduler was killed") {
    bench b;
    b.scheduler.nodes_listed(0.0, {make_node("rhea", 4), make_node("juno", 4)});
    std::vector<json> pods;
    for (int i = 0; i < 4; ++i) pods.push_back(in_group(pod_of("member-" + std::to_string(i), 2), "run", 4));
    pods[1] = on(pods[1], "rhea", "0,1");
    pods[3] = on(pods[3], "juno", "2,3");
    b.scheduler.pods_listed(0.1, pods);
    b.now = 0.2;
    CHECK(b.bind_all().size() == 2);
}

TEST_CASE("higher priority evicts lower, holds the room, and the evicted pod's successor waits") {
    bench b;
    b.node(make_node("rhea", 4));
    b.pod(pod_of("low", 4, "set-1"));
    CHECK(b.bind_all().size() == 1);
    json high = pod_of("high", 4);
    high["spec"]["priority"] = 1000;
    SUBCASE("which its policy allows") {
        b.pod(high);
        auto calls = b.decide();
        REQUIRE(calls.size() == 1);
        CHECK(calls[0].kind == call_kind::evict);
        CHECK(calls[0].path == "/api/v1/namespaces/default/pods/low/eviction");
        CHECK(json::parse(calls[0].body)["apiVersion"] == "policy/v1");
        b.answer(calls[0], 201);
        CHECK(b.decide().empty());  // not before the pod is gone
        b.gone(pod_of("low", 4));
        CHECK(b.bind_all() == places{{"high", "rhea:0,1,2,3"}});
        b.pod(pod_of("low-again", 4, "set-1"));
        CHECK(b.decide().empty());
        b.gone(high);
        CHECK(b.bind_all() == places{{"low-again", "rhea:0,1,2,3"}});
        CHECK(b.scheduler.counts().adopted == 1);
    }
    SUBCASE("which a disruption budget forbids for now") {
        b.pod(high);
        auto calls = b.decide();
        REQUIRE(calls.size() == 1);
        b.answer(calls[0], 429);
        CHECK(b.decide().empty());
        b.now += 40.0;  // the back-off has ended
        calls = b.decide();
        REQUIRE(calls.size() == 1);
        CHECK(calls[0].kind == call_kind::evict);
    }
    SUBCASE("which its policy forbids") {
        high["spec"]["preemptionPolicy"] = "Never";
        b.pod(high);
        CHECK(b.decide().empty());
    }
    SUBCASE("of pods that no controller makes anew, nobody is evicted") {
        bench other;
        other.node(make_node("rhea", 4));
        other.pod(pod_of("bare", 4));
        CHECK(other.bind_all().size() == 1);
        other.pod(high);
        CHECK(other.decide().empty());
    }
}

TEST_CASE("a move ends where it was planned, or is given up") {
    bench b;
    b.node(make_node("rhea", 4));
    b.pod(pod_of("train", 2, "set-1"));
    CHECK(b.bind_all() == places{{"train", "rhea:0,1"}});
    b.node(make_node("juno", 4));
    json drained = make_node("rhea", 4);
    drained["metadata"]["annotations"] = {{"berth.dev/drain", "true"}};
    b.node(drained);
    auto calls = b.decide();
    REQUIRE(calls.size() == 1);
    CHECK(calls[0].kind == call_kind::evict);
    b.answer(calls[0], 201);
    b.gone(pod_of("train", 2));
    CHECK(b.decide().empty());
    // Somebody else asks for all of juno, which is held in part.
    b.pod(pod_of("greedy", 4));
    CHECK(b.decide().empty());
    SUBCASE("the next pod comes") {
        b.pod(pod_of("train-again", 2, "set-1"));
        CHECK(b.bind_all() == places{{"train-again", "juno:0,1"}});
    }
    SUBCASE("no other pod comes") {
        b.now = std::max(b.now, b.scheduler.wake_at());
        CHECK(b.now > 60.0);
        CHECK(b.bind_all() == places{{"greedy", "juno:0,1,2,3"}});
    }
    SUBCASE("a pod comes that wants something else") {
        b.pod(pod_of("train-other", 1, "set-1"));
        CHECK(b.bind_all() == places{{"train-other", "juno:2"}});
    }
}

TEST_CASE("a binding that is refused or not answered is looked at, and never done twice") {
    bench b;
    b.node(make_node("rhea", 4));
    b.node(make_node("juno", 4));
    b.pod(pod_of("train", 2));
    auto calls = b.decide();
    REQUIRE(calls.size() == 1);
    const std::string target = json::parse(calls[0].body)["target"]["name"];
    const std::string other = target == "rhea" ? "juno" : "rhea";
    SUBCASE("it was carried out") {
        b.answer(calls[0], 0);
        calls = b.decide();
        REQUIRE(calls.size() == 1);
        CHECK(calls[0].kind == call_kind::look);
        CHECK(calls[0].path == "/api/v1/namespaces/default/pods/train");
        CHECK(calls[0].not_before > b.now);
        b.answer(calls[0], 200, on(pod_of("train", 2), target.c_str(), "0,1").dump());
        CHECK(b.decide().empty());
        CHECK(b.scheduler.counts().bound == 1);
    }
    SUBCASE("the watch says so before the answer does") {
        b.pod(on(pod_of("train", 2), target.c_str(), "0,1"));
        CHECK(b.scheduler.counts().bound == 1);
        b.answer(calls[0], 0);
        CHECK(b.decide().empty());
    }
    SUBCASE("somebody else was faster") {
        b.answer(calls[0], 409);
        calls = b.decide();
        REQUIRE(calls.size() == 1);
        b.answer(calls[0], 200, on(pod_of("train", 2), other.c_str()).dump());
        CHECK(b.decide().empty());
        CHECK(b.scheduler.counts().elsewhere == 1);
        b.pod(pod_of("a", 4));
        CHECK(b.bind_all() == places{{"a", target + ":0,1,2,3"}});
        b.pod(pod_of("b", 2));
        CHECK(b.bind_all() == places{{"b", other + ":2,3"}});
    }
    SUBCASE("nothing has happened: again, to the same place, and not for ever") {
        int bindings = 1;
        for (int i = 0; i < 20 && !calls.empty(); ++i) {
            b.answer(calls[0], calls[0].kind == call_kind::bind ? 409 : 200, pod_of("train", 2).dump());
            calls = b.decide();
            if (!calls.empty() && calls[0].kind == call_kind::bind) {
                ++bindings;
                CHECK(json::parse(calls[0].body)["target"]["name"] == target);
            }
        }
        CHECK(bindings == 4);
        CHECK(calls.empty());
        CHECK(b.scheduler.counts().failed == 1);
        b.now = b.scheduler.wake_at();
        CHECK(b.bind_all().size() == 1);
    }
    SUBCASE("the pod is gone, or another one has its name") {
        b.answer(calls[0], 409);
        calls = b.decide();
        json another = pod_of("train", 2);
        another["metadata"]["uid"] = "uid-another";
        b.answer(calls[0], 200, another.dump());
        CHECK(b.scheduler.waiting() == 0);
        b.pod(another);
        CHECK(b.bind_all().size() == 1);
    }
    SUBCASE("the API server is away for a while") {
        b.answer(calls[0], 0);
        for (int i = 0; i < 50; ++i) {
            calls = b.decide();
            REQUIRE(calls.size() == 1);
            CHECK(calls[0].kind == call_kind::look);
            CHECK(calls[0].not_before <= b.now + 5.01);
            b.answer(calls[0], i % 2 == 0 ? 0 : 503);
        }
        calls = b.decide();
        b.answer(calls[0], 200, pod_of("train", 2).dump());
        CHECK(b.bind_all().size() == 1);
    }
}

TEST_CASE("pods on a node that is not there count once it is, and a node that goes takes its pods along") {
    bench b;
    b.pod(on(pod_of("early", 3), "rhea", "1,2,3"));
    b.node(make_node("rhea", 4));
    b.pod(pod_of("train", 1, "set-1"));
    CHECK(b.bind_all() == places{{"train", "rhea:0"}});
    b.scheduler.node_deleted(b.now, make_node("rhea", 4));
    b.node(make_node("juno", 1));
    CHECK(b.decide().empty());  // the pod is bound to rhea until somebody deletes it
    b.gone(pod_of("train", 1));
    b.pod(pod_of("train-again", 1, "set-1"));
    CHECK(b.bind_all() == places{{"train-again", "juno:0"}});
    b.node(make_node("rhea", 4));
    b.pod(pod_of("next", 2));
    CHECK(b.decide().empty());  // early is still there
}

TEST_CASE("a node goes while a pod is being bound to it") {
    bench b;
    b.node(make_node("rhea", 4));
    b.pod(pod_of("bare", 1));
    b.pod(pod_of("owned", 1, "set-1"));
    const auto calls = b.decide();
    REQUIRE(calls.size() == 2);
    b.scheduler.node_deleted(b.now, make_node("rhea", 4));
    CHECK(b.decide().empty());
    b.node(make_node("juno", 4));
    SUBCASE("the bindings are refused") {
        for (const api_call& call : calls) b.answer(call, 500);
        places bound = b.bind_all();
        bound.merge(b.bind_all());
        CHECK(bound == places{{"bare", "juno:1"}, {"owned", "juno:0"}});
    }
    SUBCASE("one was carried out") {
        b.pod(on(pod_of("bare", 1), "rhea", "0"));
        places bound = b.bind_all();
        bound.merge(b.bind_all());
        CHECK(bound == places{{"owned", "juno:0"}});
        CHECK(b.scheduler.waiting() == 0);
    }
}

TEST_CASE("a pod with a requirement that berth cannot check is not placed, and is told") {
    bench b;
    b.node(make_node("rhea", 4));
    json pod = pod_of("spread", 1);
    pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = {
        {{"topologyKey", "zone"}}};
    b.pod(pod);
    b.pod(pod);
    CHECK(b.decide().empty());
    CHECK(b.notes ==
          std::vector<std::string>{"berth cannot check spec.affinity.podAntiAffinity, so it does not place this pod"});
    CHECK(b.scheduler.why_waiting() ==
          std::vector<std::string>{"default/spread: berth cannot check spec.affinity.podAntiAffinity"});
}

TEST_CASE("gates, deletion and the end of a pod") {
    bench b;
    b.node(make_node("rhea", 1));
    json gated = pod_of("gated", 1);
    gated["spec"]["schedulingGates"] = {{{"name", "quota"}}};
    b.pod(gated);
    CHECK(b.decide().empty());
    gated["spec"].erase("schedulingGates");
    b.pod(gated);
    CHECK(b.bind_all().size() == 1);
    json deleting = pod_of("deleting", 1);
    b.pod(deleting);
    CHECK(b.decide().empty());
    deleting["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    b.pod(deleting);
    b.pod(pod_of("next", 1));
    json ended = on(pod_of("gated", 1), "rhea", "0");
    ended["status"]["phase"] = "Succeeded";
    b.pod(ended);
    CHECK(b.bind_all() == places{{"next", "rhea:0"}});
}

TEST_CASE("the event log is one, and tells of everything") {
    bench b;
    b.node(make_node("rhea", 4));
    b.pod(on(pod_of("old", 1, "set-0"), "rhea", "3"));
    b.pod(pod_of("train", 2, "set-1"));
    (void)b.bind_all();
    json sick = make_node("rhea", 4);
    sick["status"]["conditions"] = {{{"type", "Ready"}, {"status", "False"}}};
    b.node(sick);
    b.node(make_node("juno", 4));
    for (const api_call& call : b.decide()) b.answer(call, 429);
    b.gone(pod_of("train", 2));
    (void)b.decide();
    b.scheduler.node_deleted(b.now += 1.0, make_node("rhea", 4));
    (void)b.decide();
    const auto read = berth::io::read_event_log(b.log);
    REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
    std::map<std::string, int> count;
    for (const auto& one : *read) ++count[std::string{berth::io::event_name(one.what)}];
    CHECK(count["format"] == 1);
    CHECK(count["node"] == 2);
    CHECK(count["job"] == 2);
    CHECK(count["running"] == 1);
    CHECK(count["health"] == 1);
    CHECK(count["failed"] == 2);
    CHECK(count["finish"] == 1);
    CHECK(count["node_gone"] == 1);
    CHECK(b.decisions.find("\"decision\": \"start\"") != std::string::npos);
    CHECK(b.decisions.find("\"decision\": \"move\"") != std::string::npos);
    CHECK(b.decisions.find("\"decision\": \"lost\"") != std::string::npos);
}
