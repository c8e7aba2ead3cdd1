// SPDX-License-Identifier: Apache-2.0
#include "placement_rule.hpp"

#include "objects.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace berth_kube {

namespace {

using comparison = label_condition::comparison;

std::optional<std::int64_t> whole(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

constexpr std::pair<const char*, comparison> operators[] = {
    {"In", comparison::in},         {"NotIn", comparison::not_in},
    {"Exists", comparison::exists}, {"DoesNotExist", comparison::does_not_exist},
    {"Gt", comparison::greater},    {"Lt", comparison::less},
};

label_condition read_condition(const json& value, const std::string& path, std::string& failure, bool on_name) {
    const object_fields fields{value, path, failure};
    label_condition found{.key = fields.text("key"), .on_name = on_name};
    if (found.key.empty()) fields.fail(path + ".key is missing");
    const std::string name = fields.text("operator");
    const auto known =
        std::find_if(std::begin(operators), std::end(operators), [&](const auto& one) { return name == one.first; });
    if (known == std::end(operators)) {
        fields.fail(path + ".operator is \"" + name + "\", expected In, NotIn, Exists, DoesNotExist, Gt or Lt");
        return found;
    }
    found.how = known->second;
    fields.each("values", [&](const json& one, const std::string& at) {
        if (!one.is_string()) return fields.fail(at + " is " + one.type_name() + ", expected a text");
        found.values.push_back(one.get<std::string>());
    });
    std::sort(found.values.begin(), found.values.end());
    const bool compares = found.how == comparison::greater || found.how == comparison::less;
    if (compares && (found.values.size() != 1 || !whole(found.values.front())))
        fields.fail(path + ".values is not one whole number");
    if ((found.how == comparison::in || found.how == comparison::not_in) && found.values.empty())
        fields.fail(path + ".values is empty");
    if (on_name && (found.key != "metadata.name" || compares))
        fields.fail(path + ": only metadata.name can be compared, by In and NotIn");
    return found;
}

std::string text_of(const label_condition& c) {
    std::string list;
    for (const std::string& value : c.values) list += (list.empty() ? "" : ",") + value;
    switch (c.how) {
        case comparison::in: return c.key + (c.values.size() == 1 ? "=" + list : " in (" + list + ")");
        case comparison::not_in: return c.key + (c.values.size() == 1 ? "!=" + list : " notin (" + list + ")");
        case comparison::exists: return c.key;
        case comparison::does_not_exist: return "!" + c.key;
        case comparison::greater: return c.key + ">" + list;
        case comparison::less: break;
    }
    return c.key + "<" + list;
}

std::string text_of(const std::vector<label_condition>& all) {
    std::string text;
    for (const label_condition& one : all) text += (text.empty() ? "" : " and ") + text_of(one);
    return text.empty() ? "nothing" : text;
}

}  // namespace

bool toleration::tolerates(const taint& t) const {
    if (!effect.empty() && effect != t.effect) return false;
    if (!key.empty() && key != t.key) return false;
    return exists || (!key.empty() && value == t.value);
}

bool label_condition::holds(const node_object& node) const {
    const std::string* value = &node.name;
    if (!on_name) {
        const auto found = node.labels.find(key);
        value = found == node.labels.end() ? nullptr : &found->second;
    }
    const bool listed = value != nullptr && std::binary_search(values.begin(), values.end(), *value);
    switch (how) {
        case comparison::in: return listed;
        case comparison::not_in: return !listed;
        case comparison::exists: return value != nullptr;
        case comparison::does_not_exist: return value == nullptr;
        case comparison::greater:
        case comparison::less: break;
    }
    if (value == nullptr) return false;
    const auto have = whole(*value);
    const auto limit = whole(values.front());
    return have && limit && (how == comparison::greater ? *have > *limit : *have < *limit);
}

bool placement_rule::selects(const node_object& node) const {
    const auto holds = [&](const label_condition& one) { return one.holds(node); };
    if (!std::all_of(all.begin(), all.end(), holds)) return false;
    if (!restricted) return true;
    return std::any_of(any.begin(), any.end(), [&](const std::vector<label_condition>& term) {
        return !term.empty() && std::all_of(term.begin(), term.end(), holds);
    });
}

const taint* placement_rule::untolerated(const node_object& node) const {
    for (const taint& t : node.taints) {
        if (std::none_of(tolerations.begin(), tolerations.end(),
                         [&](const toleration& one) { return one.tolerates(t); }))
            return &t;
    }
    return nullptr;
}

std::string placement_rule::refusal(const node_object& node) const {
    if (!selects(node)) return "its labels do not match the pod's node selector or affinity";
    if (const taint* t = untolerated(node))
        return "its taint " + t->key + (t->value.empty() ? "" : "=" + t->value) + ":" + t->effect + " is not tolerated";
    return {};
}

std::string placement_rule::text() const {
    std::string text;
    if (!all.empty()) text = text_of(all);
    if (restricted) {
        std::string terms;
        for (const auto& term : any) terms += (terms.empty() ? "" : " or ") + text_of(term);
        text += (text.empty() ? "" : " and ") + std::string{"("} + (terms.empty() ? "nothing" : terms) + ")";
    }
    std::string tolerated;
    for (const toleration& one : tolerations) {
        tolerated += tolerated.empty() ? "" : ",";
        tolerated += one.key.empty() ? "*" : one.key;
        if (!one.exists && !one.value.empty()) tolerated += "=" + one.value;
        if (!one.effect.empty()) tolerated += ":" + one.effect;
    }
    if (!tolerated.empty()) text += (text.empty() ? "" : " ") + std::string{"tolerating "} + tolerated;
    return text.empty() ? "untainted" : text;
}

placement_rule read_rule(const object_fields& spec) {
    placement_rule found;
    spec.each_text("nodeSelector", [&](const std::string& key, const std::string& value) {
        found.all.push_back({.key = key, .how = comparison::in, .values = {value}});
    });
    const object_fields affinity = spec.object("affinity").object("nodeAffinity");
    const char* required = "requiredDuringSchedulingIgnoredDuringExecution";
    found.restricted = !affinity.any(required).is_null();
    affinity.object(required).each("nodeSelectorTerms", [&](const json& term, const std::string& path) {
        const object_fields fields{term, path, spec.failure()};
        std::vector<label_condition> conditions;
        fields.each("matchExpressions", [&](const json& one, const std::string& at) {
            conditions.push_back(read_condition(one, at, spec.failure(), false));
        });
        fields.each("matchFields", [&](const json& one, const std::string& at) {
            conditions.push_back(read_condition(one, at, spec.failure(), true));
        });
        std::sort(conditions.begin(), conditions.end());
        found.any.push_back(std::move(conditions));
    });
    spec.each("tolerations", [&](const json& one, const std::string& path) {
        const object_fields fields{one, path, spec.failure()};
        const std::string how = fields.text("operator");
        if (!how.empty() && how != "Exists" && how != "Equal")
            fields.fail(path + ".operator is \"" + how + "\", expected Exists or Equal");
        toleration t{fields.text("key"), fields.text("value"), fields.text("effect"), how == "Exists"};
        if (t.key.empty() && !t.exists) fields.fail(path + ".key is missing, and the operator is not Exists");
        // Where it makes no difference to placement it makes no difference to the rule either.
        if (t.effect == "PreferNoSchedule") return;
        if (t.effect == "NoExecute" &&
            (t.key == "node.kubernetes.io/not-ready" || t.key == "node.kubernetes.io/unreachable"))
            return;
        if (t.exists) t.value.clear();
        found.tolerations.push_back(std::move(t));
    });
    std::sort(found.tolerations.begin(), found.tolerations.end());
    return found;
}

std::vector<taint> read_taints(const object_fields& spec) {
    std::vector<taint> found;
    spec.each("taints", [&](const json& one, const std::string& path) {
        const object_fields fields{one, path, spec.failure()};
        taint t{fields.text("key"), fields.text("value"), fields.text("effect")};
        if (t.key.empty()) fields.fail(path + ".key is missing");
        if (t.effect == "PreferNoSchedule") return;
        if (t.effect != "NoSchedule" && t.effect != "NoExecute")
            return fields.fail(path + ".effect is \"" + t.effect +
                               "\", expected NoSchedule, PreferNoSchedule or NoExecute");
        found.push_back(std::move(t));
    });
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace berth_kube
