// SPDX-License-Identifier: Apache-2.0
#include "objects.hpp"
#include "placement_rule.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using berth_kube::json;
using berth_kube::node_object;
using berth_kube::object_fields;
using berth_kube::placement_rule;

placement_rule rule_of(const json& spec, std::string* failure = nullptr) {
    std::string kept;
    placement_rule found = berth_kube::read_rule(object_fields{spec, "spec", kept});
    if (failure != nullptr) *failure = kept;
    if (failure == nullptr) CHECK(kept == "");
    return found;
}
json affinity(json terms) {
    return {{"affinity",
             {{"nodeAffinity",
               {{"requiredDuringSchedulingIgnoredDuringExecution", {{"nodeSelectorTerms", std::move(terms)}}}}}}}};
}
json term(json expressions) { return {{"matchExpressions", std::move(expressions)}}; }

const node_object rhea{.name = "rhea", .labels = {{"gpu", "a100"}, {"zone", "b"}, {"cores", "96"}}};

}  // namespace

TEST_CASE("a node selector wants all of its labels") {
    CHECK(rule_of({{"nodeSelector", {{"gpu", "a100"}}}}).selects(rhea));
    CHECK_FALSE(rule_of({{"nodeSelector", {{"gpu", "a100"}, {"zone", "a"}}}}).selects(rhea));
    CHECK_FALSE(rule_of({{"nodeSelector", {{"none", ""}}}}).selects(rhea));
    CHECK(rule_of(json::object()).selects(rhea));
}

TEST_CASE("node affinity: one term holds, all of its conditions") {
    const auto selects = [](json terms) { return rule_of(affinity(std::move(terms))).selects(rhea); };
    const auto expression = [](const char* key, const char* how, json values = nullptr) {
        json found{{"key", key}, {"operator", how}};
        if (!values.is_null()) found["values"] = std::move(values);
        return found;
    };
    const json a100 = expression("gpu", "In", {"h100", "a100"});
    const json other_zone = expression("zone", "NotIn", {"b"});
    CHECK(selects(json::array({term(json::array({a100}))})));
    CHECK_FALSE(selects(json::array({term(json::array({a100, other_zone}))})));
    CHECK(selects(json::array({term(json::array({other_zone})), term(json::array({a100}))})));
    CHECK(selects(json::array({term(json::array({expression("absent", "NotIn", {"x"})}))})));
    CHECK(selects(json::array({term(json::array({expression("zone", "Exists")}))})));
    CHECK_FALSE(selects(json::array({term(json::array({expression("zone", "DoesNotExist")}))})));
    CHECK(selects(json::array({term(json::array({expression("cores", "Gt", {"95"})}))})));
    CHECK_FALSE(selects(json::array({term(json::array({expression("cores", "Gt", {"96"})}))})));
    CHECK(selects(json::array({term(json::array({expression("cores", "Lt", {"100"})}))})));
    CHECK_FALSE(selects(json::array({term(json::array({expression("gpu", "Lt", {"100"})}))})));
    // An empty term holds nowhere, and so does no term.
    CHECK_FALSE(selects(json::array({json::object()})));
    CHECK_FALSE(selects(json::array()));
    const json by_name{{"matchFields", {{{"key", "metadata.name"}, {"operator", "In"}, {"values", {"rhea"}}}}}};
    CHECK(selects(json::array({by_name})));
}

TEST_CASE("taints keep pods away that do not tolerate them") {
    node_object node = rhea;
    node.taints = {{"gpu", "yes", "NoSchedule"}};
    const auto passes = [&](json tolerations) {
        return rule_of({{"tolerations", std::move(tolerations)}}).untolerated(node) == nullptr;
    };
    CHECK_FALSE(passes(json::array()));
    CHECK(passes(json::array({{{"key", "gpu"}, {"operator", "Exists"}}})));
    CHECK(passes(json::array({{{"key", "gpu"}, {"value", "yes"}, {"effect", "NoSchedule"}}})));
    CHECK_FALSE(passes(json::array({{{"key", "gpu"}, {"value", "no"}}})));
    CHECK_FALSE(passes(json::array({{{"key", "gpu"}, {"operator", "Exists"}, {"effect", "NoExecute"}}})));
    CHECK(passes(json::array({{{"operator", "Exists"}}})));
    node.taints.push_back({"lost", "", "NoExecute"});
    CHECK_FALSE(passes(json::array({{{"key", "gpu"}, {"operator", "Exists"}}})));
    CHECK(rule_of(json::object()).refusal(node) == "its taint gpu=yes:NoSchedule is not tolerated");
}

TEST_CASE("equal rules have equal texts, and the tolerations that every pod has make no difference") {
    const json usual = json::array({{{"key", "node.kubernetes.io/not-ready"},
                                     {"operator", "Exists"},
                                     {"effect", "NoExecute"},
                                     {"tolerationSeconds", 300}},
                                    {{"key", "node.kubernetes.io/unreachable"},
                                     {"operator", "Exists"},
                                     {"effect", "NoExecute"},
                                     {"tolerationSeconds", 300}}});
    CHECK(rule_of({{"tolerations", usual}}) == placement_rule{});
    CHECK(placement_rule{}.text() == "untainted");
    CHECK(rule_of({{"nodeSelector", {{"gpu", "a100"}}}}).text() == "gpu=a100");
    const json one =
        affinity(json::array({term(json::array({{{"key", "gpu"}, {"operator", "In"}, {"values", {"b", "a"}}}}))}));
    const json two =
        affinity(json::array({term(json::array({{{"key", "gpu"}, {"operator", "In"}, {"values", {"a", "b"}}}}))}));
    CHECK(rule_of(one) == rule_of(two));
    CHECK(rule_of(one).text() == "(gpu in (a,b))");
    CHECK(rule_of({{"tolerations", {{{"key", "gpu"}, {"operator", "Exists"}}}}}).text() == "tolerating gpu");
}

TEST_CASE("what is no rule is refused by its path") {
    std::string failure;
    (void)rule_of({{"nodeSelector", {{"gpu", 3}}}}, &failure);
    CHECK(failure == "spec.nodeSelector.gpu is number, expected a text");
    (void)rule_of(affinity(json::array({term(json::array({{{"key", "gpu"}, {"operator", "Like"}}}))})), &failure);
    CHECK(failure.find("nodeSelectorTerms[0].matchExpressions[0].operator is \"Like\"") != std::string::npos);
    (void)rule_of({{"tolerations", {{{"operator", "Equal"}}}}}, &failure);
    CHECK(failure == "spec.tolerations[0].key is missing, and the operator is not Exists");
}
