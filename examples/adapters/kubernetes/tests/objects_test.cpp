// SPDX-License-Identifier: Apache-2.0
#include "api_server.hpp"
#include "objects.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using berth_kube::json;
using berth_kube::object_names;
using berth_kube::read_node;
using berth_kube::read_pod;

json sound_pod() {
    json pod = kube_test::make_pod("train", 2, "1500m", "1.5Gi");
    pod["metadata"]["uid"] = "u-1";
    return pod;
}

std::string refusal(const json& pod) {
    const auto read = read_pod(pod, object_names{});
    return read ? "" : read.error().message;
}

}  // namespace

TEST_CASE("a pod's requests are read as Kubernetes reads quantities") {
    const auto pod = read_pod(sound_pod(), object_names{});
    REQUIRE(pod);
    CHECK(pod->gpus == 2);
    CHECK(pod->requests.at("cpu") == 1500);
    CHECK(pod->requests.at("memory") == 1536);
    CHECK(pod->requests.at("pods") == 1);
    CHECK(pod->scheduler == "berth");
    CHECK_FALSE(pod->preemptible);
}

TEST_CASE("the worst moment of a pod's life counts: containers, init containers, overhead") {
    json pod = sound_pod();
    const auto container = [](const char* cpu, const char* memory) {
        return json{{"name", "c"}, {"resources", {{"requests", {{"cpu", cpu}, {"memory", memory}}}}}};
    };
    pod["spec"]["containers"] = {container("1", "1Gi"), container("500m", "3Gi")};
    SUBCASE("containers together") {
        CHECK(read_pod(pod, {})->requests.at("cpu") == 1500);
        CHECK(read_pod(pod, {})->requests.at("memory") == 4096);
    }
    SUBCASE("an init container that wants more of one thing") {
        pod["spec"]["initContainers"] = {container("4", "1Gi"), container("2", "2Gi")};
        CHECK(read_pod(pod, {})->requests.at("cpu") == 4000);
        CHECK(read_pod(pod, {})->requests.at("memory") == 4096);
    }
    SUBCASE("an init container that goes on running") {
        json sidecar = container("1", "1Gi");
        sidecar["restartPolicy"] = "Always";
        pod["spec"]["initContainers"] = {sidecar, container("3", "1Gi")};
        CHECK(read_pod(pod, {})->requests.at("cpu") == 4000);     // 3 beside the sidecar, more than 1.5 beside it
        CHECK(read_pod(pod, {})->requests.at("memory") == 5120);  // 4 beside the sidecar
    }
    SUBCASE("overhead") {
        pod["spec"]["overhead"] = {{"cpu", "250m"}, {"memory", "120Mi"}};
        CHECK(read_pod(pod, {})->requests.at("cpu") == 1750);
        CHECK(read_pod(pod, {})->requests.at("memory") == 4216);
    }
    SUBCASE("a limit alone is the request, and zero is zero") {
        pod["spec"]["containers"] = {json{{"name", "c"}, {"resources", {{"limits", {{"nvidia.com/gpu", 4}}}}}},
                                     json{{"name", "d"}}};
        CHECK(read_pod(pod, {})->gpus == 4);
        CHECK_FALSE(read_pod(pod, {})->requests.contains("cpu"));
    }
}

TEST_CASE("a node's allocatable, taints, conditions and marks") {
    json object = kube_test::make_node("rhea", 8, "95500m", "1056Gi");
    object["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-A100-SXM4-80GB";
    object["status"]["allocatable"]["rdma/hca"] = "4";
    object["spec"]["taints"] = {{{"key", "gpu"}, {"value", "yes"}, {"effect", "NoSchedule"}},
                                {{"key", "old"}, {"effect", "PreferNoSchedule"}}};
    auto node = read_node(object, {});
    REQUIRE(node);
    CHECK(node->gpus == 8);
    CHECK(node->model == "NVIDIA-A100-SXM4-80GB");
    CHECK(node->allocatable.at("cpu") == 95'500);
    CHECK(node->allocatable.at("memory") == 1056 * 1024);
    CHECK(node->allocatable.at("rdma/hca") == 4);
    CHECK(node->taints.size() == 1);
    CHECK(node->ready);
    CHECK_FALSE(node->drain);
    object["status"]["conditions"][0]["status"] = "Unknown";
    object["spec"]["unschedulable"] = true;
    object["metadata"]["annotations"]["berth.dev/drain"] = "true";
    node = read_node(object, {});
    REQUIRE(node);
    CHECK_FALSE(node->ready);
    CHECK(node->unschedulable);
    CHECK(node->drain);
}

TEST_CASE("a node with more than berth counts has no limit") {
    json object = kube_test::make_node("rhea", 1);
    object["status"]["allocatable"]["ephemeral-storage"] = "900Ei";
    const auto node = read_node(object, {});
    CHECK(node->allocatable.at("ephemeral-storage") == berth::max_amount);
}

TEST_CASE("positions of GPUs as a text") {
    using berth_kube::read_positions;
    CHECK(*read_positions("2,0") == std::vector<std::size_t>{0, 2});
    CHECK(berth_kube::write_positions({0, 2, 11}) == "0,2,11");
    for (const char* bad : {",", "1,", ",1", "1,,2", "a", "-1", "64", "1,1", "1 2", "99999999999999999999"})
        CHECK_FALSE(read_positions(bad));
}

TEST_CASE("groups, priorities and gates") {
    json pod = sound_pod();
    pod["metadata"]["labels"] = {{"berth.dev/group", "team-run"}, {"berth.dev/group-size", "4"}};
    pod["metadata"]["ownerReferences"] = {{{"uid", "o-1"}, {"controller", true}}, {{"uid", "o-2"}}};
    pod["spec"]["priority"] = -5;
    pod["spec"]["preemptionPolicy"] = "Never";
    pod["spec"]["schedulingGates"] = {{{"name", "quota"}}};
    const auto read = read_pod(pod, {});
    REQUIRE(read);
    CHECK(read->group == "team-run");
    CHECK(read->group_size == 4);
    CHECK(read->owner == "o-1");
    CHECK(read->preemptible);
    CHECK(read->priority == -5);
    CHECK_FALSE(read->may_preempt);
    CHECK(read->gated);
    pod["metadata"]["labels"].erase("berth.dev/group-size");
    CHECK(refusal(pod).find("berth.dev/group-size") != std::string::npos);
}

TEST_CASE("what berth cannot check is named") {
    json pod = sound_pod();
    CHECK(read_pod(pod, {})->unsupported == "");
    SUBCASE("pod affinity") {
        pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = {
            {{"topologyKey", "kubernetes.io/hostname"}}};
        CHECK(read_pod(pod, {})->unsupported == "spec.affinity.podAntiAffinity");
    }
    SUBCASE("a host port") {
        pod["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}, {"hostPort", 80}}};
        CHECK(read_pod(pod, {})->unsupported == "a hostPort");
    }
    SUBCASE("spread") {
        pod["spec"]["topologySpreadConstraints"] = {{{"maxSkew", 1}, {"whenUnsatisfiable", "ScheduleAnyway"}}};
        CHECK(read_pod(pod, {})->unsupported == "");
        pod["spec"]["topologySpreadConstraints"][0]["whenUnsatisfiable"] = "DoNotSchedule";
        CHECK(read_pod(pod, {})->unsupported == "spec.topologySpreadConstraints");
    }
}

TEST_CASE("an error names object and field") {
    json pod = sound_pod();
    pod["spec"]["containers"][0]["resources"]["requests"]["memory"] = "16 Gi";
    CHECK(refusal(pod) ==
          "pod \"default/train\": pod.spec.containers[0].resources.requests.memory: \"16 Gi\" is no quantity such as "
          "\"500m\" or \"16Gi\"");
    pod = sound_pod();
    pod["spec"]["priority"] = "high";
    CHECK(refusal(pod) == "pod \"default/train\": pod.spec.priority is string, expected a whole number");
}
