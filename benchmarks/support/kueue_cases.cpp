// SPDX-License-Identifier: Apache-2.0
#include "support/kueue_cases.hpp"

#include "berth/io/kubernetes_quantity.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

namespace bench {
namespace {

using namespace berth;
using nlohmann::json;

// Positions of names in the order in which they come.
template <class Name>
class numbering {
public:
    std::size_t operator[](const Name& name) { return positions_.try_emplace(name, positions_.size()).first->second; }
    [[nodiscard]] std::size_t size() const noexcept { return positions_.size(); }

private:
    std::map<Name, std::size_t> positions_;
};

error malformed(const std::string& path, const std::string& what) {
    return file_fault(error_code::malformed, path, 1, "", what);
}

template <class Read>
auto read_json(const std::string& path, Read read) -> decltype(read(json{})) {
    const auto text = read_text(path);
    if (!text) return text.error();
    try {
        return read(json::parse(*text));
    } catch (const json::exception& fault) { return malformed(path, fault.what()); }
}

victim_rule rule(const std::string& name) {
    if (name == "Any") return victim_rule::any;
    if (name == "LowerPriority") return victim_rule::lower_priority;
    return name == "Never" ? victim_rule::never : victim_rule::lower_or_newer_priority;
}

preemption_reason reason(const std::string& name) {
    if (name == "InClusterQueue") return preemption_reason::in_queue;
    return name == "InCohortReclamation" ? preemption_reason::reclaimed : preemption_reason::reclaimed_for_borrowing;
}

preemption_case read_preemption_case(const json& entry, const json& default_queues) {
    preemption_case one;
    one.name = entry.at("name");
    const json& queues = entry.at("cqs").is_null() ? default_queues : entry.at("cqs");
    numbering<std::pair<std::string, std::string>> counters;  // flavor, resource
    for (const json& queue : queues) {
        for (const json& quota : queue.at("quota")) counters[{quota[0], quota[1]}];
    }
    for (const json& part : entry.at("incoming").at("req")) counters[{part[1], part[0]}];
    for (const json& job : entry.at("admitted")) {
        for (const json& part : job.at("use")) counters[{part[1], part[0]}];
    }
    numbering<std::string> cohorts;
    std::map<std::string, std::size_t> names;
    for (const json& queue : queues) {
        cohort_queue added;
        const std::string cohort = queue.at("cohort");
        if (!cohort.empty()) added.cohort = cohorts[cohort];
        added.quotas.resize(counters.size());
        for (const json& quota : queue.at("quota")) {
            lending_quota& own = added.quotas[counters[{quota[0], quota[1]}]];
            own.nominal = quota[2];
            if (!quota[3].is_null()) own.borrowing_limit = quota[3];
            if (!quota[4].is_null()) own.lending_limit = quota[4];
        }
        added.within = rule(queue.at("within"));
        added.reclaim = rule(queue.at("reclaim"));
        if (queue.contains("borrow") && !queue["borrow"].is_null()) {
            added.reclaims_while_borrowing = queue["borrow"][0] != "Never";
            if (!queue["borrow"][1].is_null()) added.borrowing_threshold = queue["borrow"][1];
        }
        names[queue.at("name")] = one.queues.size();
        one.queues.push_back(std::move(added));
    }
    std::map<std::string, std::size_t> jobs;
    const auto add_job = [&](const json& job, const json& use, std::size_t queue) {
        cohort_job added;
        added.queue = queue;
        added.priority = job.at("prio");
        added.created = job.value("created", std::int64_t{0});
        added.reserved = job.value("t", std::int64_t{0});
        added.demand.assign(counters.size(), 0);
        for (const json& part : use) added.demand[counters[{part[1], part[0]}]] += part[2].get<amount>();
        return added;
    };
    for (const json& job : entry.at("admitted")) {
        jobs[job.at("name")] = one.running.size();
        one.running.push_back(add_job(job, job.at("use"), names.at(job.at("cq"))));
    }
    one.job = add_job(entry.at("incoming"), entry.at("incoming").at("req"), names.at(entry.at("target")));
    one.needed.assign(counters.size(), false);
    for (const json& mode : entry.at("assign")) {
        if (mode[2] == "Preempt") one.needed[counters[{mode[1], mode[0]}]] = true;
    }
    for (const json& victim : entry.at("want")) one.expected.push_back({jobs.at(victim[1]), reason(victim[2])});
    return one;
}

result<domain_case> read_domain_case(const json& entry) {
    domain_case one;
    one.name = entry.at("name");
    const std::vector<std::string> levels = entry.at("levels");
    one.levels = levels.size();
    one.hosts = levels.back() == "host";
    numbering<std::string> counters;
    counters["pods"];
    for (const json& set : entry.at("podsets")) {
        for (const auto& [name, value] : set.at("requests").items()) counters[name];
    }
    one.counters = counters.size();
    for (const json& node : entry.at("nodes")) {
        if (!node.at("ready").get<bool>()) continue;
        domain_leaf leaf;
        for (const std::string& level : levels) {
            if (node.at("labels").contains(level)) leaf.labels.push_back(node["labels"][level]);
        }
        if (leaf.labels.size() != levels.size()) continue;
        leaf.free.assign(one.counters, 0);
        for (const auto& [name, value] : node.at("alloc").items()) {
            const std::size_t counter = counters[name];
            if (counter >= one.counters) continue;  // nobody asks for it
            // As Kueue counts: CPU in thousandths, memory in bytes.
            const auto unit = name == "cpu" ? io::quantity_unit::thousandths : io::quantity_unit::plain;
            const auto read = io::read_quantity(value.get<std::string>(), unit, io::quantity_rounding::down);
            if (!read) return read.error();
            leaf.free[counter] = *read;
        }
        one.leaves.push_back(std::move(leaf));
    }
    for (const json& set : entry.at("podsets")) {
        domain_case::pod_set added;
        const std::string mode = set.at("mode");
        if (mode == "required" || mode == "preferred") {
            added.request.mode = mode == "required" ? domain_mode::required : domain_mode::preferred;
            const auto at = std::ranges::find(levels, set.at("level").get<std::string>());
            if (at == levels.end()) {
                return error{error_code::unknown_name,
                             "case \"" + one.name + "\": a pod set's level is none of the levels"};
            }
            added.request.level = static_cast<std::size_t>(at - levels.begin());
        }
        added.request.count = set.at("count");
        added.request.demand.assign(one.counters, 0);
        added.request.demand[counters["pods"]] = 1;
        for (const auto& [name, value] : set.at("requests").items()) added.request.demand[counters[name]] = value;
        if (!set.at("want").is_null()) {
            added.expected.emplace();
            for (const json& part : set["want"]) added.expected->emplace_back(part[1], part[0]);
        }
        one.pod_sets.push_back(std::move(added));
    }
    return one;
}

}  // namespace

result<std::vector<preemption_case>> read_preemption_cases(const std::string& path) {
    return read_json(path, [](const json& file) -> result<std::vector<preemption_case>> {
        std::vector<preemption_case> cases;
        for (const json& entry : file.at("cases")) cases.push_back(read_preemption_case(entry, file.at("default_cqs")));
        return cases;
    });
}

result<std::vector<domain_case>> read_domain_cases(const std::string& path) {
    return read_json(path, [](const json& file) -> result<std::vector<domain_case>> {
        std::vector<domain_case> cases;
        for (const json& entry : file) {
            auto one = read_domain_case(entry);
            if (!one) return one.error();
            cases.push_back(std::move(*one));
        }
        return cases;
    });
}

}  // namespace bench
