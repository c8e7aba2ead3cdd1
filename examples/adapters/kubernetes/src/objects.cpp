// SPDX-License-Identifier: Apache-2.0
#include "objects.hpp"

#include <berth/io/kubernetes_quantity.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace berth_kube {

namespace {

using berth::amount;
using berth::io::quantity_rounding;
using berth::io::quantity_unit;

quantity_unit unit_of(std::string_view resource) {
    if (resource == "cpu") return quantity_unit::thousandths;
    const bool bytes = resource == "memory" || resource == "ephemeral-storage" || resource.starts_with("hugepages-");
    return bytes ? quantity_unit::mebibytes : quantity_unit::plain;
}

/// A list of resources. `gpus` gets the amount of the GPU resource.
amounts read_amounts(const object_fields& fields, const char* key, const object_names& names, bool demand,
                     std::size_t& gpus) {
    amounts found;
    fields.each_member(key, [&](const std::string& resource, const json& value, const std::string& path) {
        const std::string text = object_fields::scalar(value);
        if (text.empty()) return fields.fail(path + " is " + value.type_name() + ", expected a quantity");
        const auto read =
            berth::io::read_quantity(text, unit_of(resource), demand ? quantity_rounding::up : quantity_rounding::down);
        if (!read) {
            // A node may have more than berth counts: then there is no limit.
            if (!demand && read.error().code == berth::error_code::overflow && text.front() != '-')
                return void(found[resource] = berth::max_amount);
            return fields.fail(path + ": " + read.error().message);
        }
        if (resource != names.gpu) return void(found[resource] = *read);
        if (*read > static_cast<amount>(berth::max_gpus_per_node))
            return fields.fail(path + ": " + text + " GPUs are more than 64");
        gpus = static_cast<std::size_t>(*read);
    });
    return found;
}

struct demand {
    amounts of{};
    std::size_t gpus = 0;

    void add(const demand& other) {
        for (const auto& [resource, value] : other.of) of[resource] += value;
        gpus += other.gpus;
    }
    void raise_to(const demand& other) {
        for (const auto& [resource, value] : other.of) of[resource] = std::max(of[resource], value);
        gpus = std::max(gpus, other.gpus);
    }
};

demand read_container(const json& container, const std::string& path, std::string& failure, const object_names& names) {
    const object_fields resources = object_fields{container, path, failure}.object("resources");
    demand limit;
    limit.of = read_amounts(resources, "limits", names, true, limit.gpus);
    demand request;
    request.gpus = limit.gpus;
    request.of = read_amounts(resources, "requests", names, true, request.gpus);
    for (const auto& [resource, value] : limit.of) request.of.try_emplace(resource, value);
    return request;
}

/// What all containers ask for together, at the worst moment of the pod's life.
demand read_demand(const object_fields& spec, const object_names& names) {
    demand running;
    demand starting;
    demand beside;  // init containers that go on running
    spec.each("containers", [&](const json& one, const std::string& path) {
        running.add(read_container(one, path, spec.failure(), names));
    });
    spec.each("initContainers", [&](const json& one, const std::string& path) {
        demand wanted = read_container(one, path, spec.failure(), names);
        const bool stays = object_fields{one, path, spec.failure()}.text("restartPolicy") == "Always";
        if (stays) beside.add(wanted);
        if (!stays) wanted.add(beside);
        starting.raise_to(stays ? beside : wanted);
    });
    running.add(beside);
    running.raise_to(starting);
    demand overhead;
    overhead.of = read_amounts(spec, "overhead", names, true, overhead.gpus);
    running.add(overhead);
    running.of["pods"] = 1;
    return running;
}

/// A label or an annotation.
std::string marked(const object_fields& meta, const std::string& name) {
    for (const char* where : {"labels", "annotations"}) {
        const object_fields fields = meta.object(where);
        std::string found = fields.text(name.c_str());
        if (!found.empty()) return found;
    }
    return {};
}
bool marked_true(const object_fields& meta, const std::string& name, bool absent) {
    const std::string text = marked(meta, name);
    if (text.empty()) return absent;
    if (text != "true" && text != "false")
        meta.fail(meta.path() + ": " + name + " is \"" + text + "\", expected true or false");
    return text == "true";
}

bool has_required(const object_fields& affinity, const char* kind) {
    const json& terms = affinity.object(kind).any("requiredDuringSchedulingIgnoredDuringExecution");
    return !terms.is_null() && !terms.empty();
}

/// What only kube-scheduler can check.
std::string read_unsupported(const object_fields& spec) {
    const object_fields affinity = spec.object("affinity");
    if (has_required(affinity, "podAffinity")) return "spec.affinity.podAffinity";
    if (has_required(affinity, "podAntiAffinity")) return "spec.affinity.podAntiAffinity";
    std::string found;
    spec.each("topologySpreadConstraints", [&](const json& one, const std::string& path) {
        const object_fields fields{one, path, spec.failure()};
        if (fields.text("whenUnsatisfiable") != "ScheduleAnyway") found = "spec.topologySpreadConstraints";
    });
    spec.each("containers", [&](const json& one, const std::string& path) {
        const object_fields container{one, path, spec.failure()};
        container.each("ports", [&](const json& port, const std::string& at) {
            if (object_fields{port, at, spec.failure()}.whole("hostPort", 0) != 0) found = "a hostPort";
        });
    });
    const json& claims = spec.any("resourceClaims");
    if (claims.is_array() && !claims.empty()) found = "spec.resourceClaims";
    return found;
}

}  // namespace

berth::result<node_object> read_node(const json& object, const object_names& names) {
    std::string failure;
    node_object found;
    const object_fields node{object, "node", failure};
    const object_fields meta = node.object("metadata");
    found.name = meta.text("name");
    if (found.name.empty()) meta.fail("node.metadata.name is missing");
    meta.each_text("labels",
                   [&](const std::string& key, const std::string& value) { found.labels.emplace(key, value); });
    const object_fields spec = node.object("spec");
    found.taints = read_taints(spec);
    found.unschedulable = spec.flag("unschedulable");
    found.drain = marked_true(meta, names.drain, false);
    const object_fields status = node.object("status");
    found.allocatable = read_amounts(status, "allocatable", names, false, found.gpus);
    if (const auto label = found.labels.find(names.model); label != found.labels.end()) found.model = label->second;
    status.each("conditions", [&](const json& one, const std::string& path) {
        const object_fields condition{one, path, failure};
        if (condition.text("type") == "Ready") found.ready = condition.text("status") == "True";
    });
    if (!failure.empty()) {
        return berth::error{berth::error_code::malformed,
                            (found.name.empty() ? "" : "node \"" + found.name + "\": ") + failure};
    }
    return found;
}

berth::result<pod_object> read_pod(const json& object, const object_names& names) {
    std::string failure;
    pod_object found;
    const object_fields pod{object, "pod", failure};
    const object_fields meta = pod.object("metadata");
    found.name = meta.text("name");
    found.space = meta.text("namespace");
    found.uid = meta.text("uid");
    if (found.name.empty()) meta.fail("pod.metadata.name is missing");
    if (found.space.empty()) meta.fail("pod.metadata.namespace is missing");
    if (found.uid.empty()) meta.fail("pod.metadata.uid is missing");
    meta.each("ownerReferences", [&](const json& one, const std::string& path) {
        const object_fields owner{one, path, failure};
        if (owner.flag("controller")) found.owner = owner.text("uid");
    });
    found.created = meta.text("creationTimestamp");
    found.deleting = !meta.text("deletionTimestamp").empty();
    const object_fields annotations = meta.object("annotations");
    if (const std::string list = annotations.text(names.gpus.c_str()); !list.empty()) {
        auto positions = read_positions(list);
        if (!positions) meta.fail("pod.metadata.annotations." + names.gpus + ": " + positions.error().message);
        if (positions) found.positions = std::move(*positions);
    }
    found.group = marked(meta, names.group);
    if (const std::string size = marked(meta, names.group_size); !size.empty()) {
        const auto [end, bad] = std::from_chars(size.data(), size.data() + size.size(), found.group_size);
        if (bad != std::errc{} || end != size.data() + size.size() || found.group_size == 0 ||
            found.group_size > 10'000)
            meta.fail("pod.metadata: " + names.group_size + " is \"" + size + "\", expected 1 to 10000");
    } else if (!found.group.empty()) {
        meta.fail("pod.metadata: " + names.group + " is there, but not " + names.group_size);
    }
    const object_fields spec = pod.object("spec");
    found.preemptible = marked_true(meta, names.preemptible, !found.owner.empty());
    found.scheduler = spec.text("schedulerName");
    found.node = spec.text("nodeName");
    const demand wanted = read_demand(spec, names);
    found.requests = wanted.of;
    found.gpus = wanted.gpus;
    if (found.gpus > berth::max_gpus_per_node) spec.fail("pod.spec: more than 64 GPUs");
    for (const auto& [resource, value] : found.requests) {
        if (value > berth::max_amount) spec.fail("pod.spec: its containers want too much " + resource);
    }
    found.rule = read_rule(spec);
    const std::int64_t priority = spec.whole("priority", 0);
    if (priority < std::numeric_limits<int>::min() || priority > std::numeric_limits<int>::max())
        spec.fail("pod.spec.priority is " + std::to_string(priority) + ", expected 32 bits");
    found.priority = static_cast<int>(priority);
    found.may_preempt = spec.text("preemptionPolicy") != "Never";
    const json& gates = spec.any("schedulingGates");
    found.gated = gates.is_array() && !gates.empty();
    found.unsupported = read_unsupported(spec);
    const std::string phase = pod.object("status").text("phase");
    found.ended = phase == "Succeeded" || phase == "Failed";
    if (!failure.empty()) {
        return berth::error{berth::error_code::malformed,
                            (found.name.empty() ? "" : "pod \"" + found.space + "/" + found.name + "\": ") + failure};
    }
    return found;
}

berth::result<std::vector<std::size_t>> read_positions(std::string_view text) {
    std::vector<std::size_t> found;
    for (std::string_view rest = text; !rest.empty();) {
        std::size_t position = 0;
        const auto [end, bad] = std::from_chars(rest.data(), rest.data() + rest.size(), position);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const bool more = rest.starts_with(',') && rest.size() > 1;
        if (bad != std::errc{} || position >= berth::max_gpus_per_node || (!rest.empty() && !more) ||
            std::find(found.begin(), found.end(), position) != found.end()) {
            return berth::error{berth::error_code::malformed,
                                "\"" + std::string{text.substr(0, 80)} + "\" is no list of positions such as \"0,2\""};
        }
        found.push_back(position);
        if (more) rest.remove_prefix(1);
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string write_positions(const std::vector<std::size_t>& positions) {
    std::string text;
    for (const std::size_t position : positions) text += (text.empty() ? "" : ",") + std::to_string(position);
    return text;
}

}  // namespace berth_kube
