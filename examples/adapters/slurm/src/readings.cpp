// SPDX-License-Identifier: Apache-2.0
#include "berth/io/gpu_metrics.hpp"
#include "berth/io/prometheus_text.hpp"

#include "bridge.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace berth_slurm {

namespace {

struct named_gpu {
    std::string node;
    unsigned index = 0;
};

/// Where the GPU of each UUID is: Slurm knows GPUs by their host and number, exporters name both beside the UUID.
[[nodiscard]] std::map<std::string, named_gpu, std::less<>> read_places(std::string_view text) {
    std::map<std::string, named_gpu, std::less<>> places;
    berth::io::prometheus_text lines{text};
    while (lines.next()) {
        std::string_view uuid;
        std::string_view host;
        std::string_view number;
        for (const berth::io::metric_label& label : lines.line().labels) {
            if (label.name == "UUID" || label.name == "uuid" || label.name == "gpu_uuid") uuid = label.value;
            if (label.name == "Hostname" || label.name == "hostname" || label.name == "node") host = label.value;
            if (label.name == "gpu" || label.name == "gpu_id") number = label.value;
        }
        unsigned index = 0;
        const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), index);
        if (host.empty() || number.empty() || code != std::errc{} || end != number.data() + number.size()) continue;
        const std::string name = uuid.empty() ? std::string{host} + "/" + std::string{number} : std::string{uuid};
        places.try_emplace(name, named_gpu{std::string{host.substr(0, host.find('.'))}, index});
    }
    return places;
}

[[nodiscard]] std::optional<double> known(double value) {
    return std::isnan(value) ? std::nullopt : std::optional{value};
}

}  // namespace

std::size_t bridge::read_metrics(std::string_view text, double now) {
    now_ = std::max(now_, now);
    const auto places = read_places(text);
    berth::io::exporter_reader exporter;
    exporter.read(text, now_);
    std::size_t spoken_of = 0;
    std::set<std::string> nodes;
    for (const berth::io::gpu_metrics& gpu : exporter.gpus()) {
        const auto place = places.find(gpu.uuid);
        if (place == places.end()) continue;
        const auto node = nodes_.find(place->second.node);
        if (node == nodes_.end() || (node->second.gpus >> place->second.index & 1U) == 0) continue;
        const double age = std::max(0.0, now_ - gpu.sample.time);
        const std::string name = engine_door::gpu_name(node->first, place->second.index);
        if (!tell(berth::io::reading_event{.time = now_,
                                           .node = node->first,
                                           .gpu = name,
                                           .load = known(gpu.sample.load),
                                           .temperature = known(gpu.sample.temperature),
                                           .power = known(gpu.sample.power),
                                           .memory = known(gpu.memory_used),
                                           .age = age > 0.0 ? std::optional{age} : std::nullopt}))
            continue;
        ++spoken_of;
        nodes.insert(node->first);
        if (std::isnan(gpu.sample.temperature)) continue;
        temperatures_[node->first][place->second.index] = gpu.sample.temperature;
    }
    for (const std::string& name : nodes) {
        const node_record& node = nodes_.find(name)->second;
        double coolest = std::numeric_limits<double>::infinity();
        double hottest = -coolest;
        for (const auto& [index, degrees] : temperatures_[name]) {
            coolest = std::min(coolest, degrees);
            hottest = std::max(hottest, degrees);
        }
        const bool all_known = temperatures_[name].size() == static_cast<std::size_t>(berth::gpu_count(node.gpus));
        const bool by_berth = std::string_view{node.reason}.starts_with("berth:");
        if (all_known && coolest >= options_.temperature && node.open && draining_.insert(name).second) {
            want({.kind = order_kind::drain,
                  .nodes = name,
                  .reason =
                      "berth: temperature, all GPUs at " + std::to_string(static_cast<int>(coolest)) + " C or more"});
        } else if (hottest < options_.temperature - options_.cooling && !node.open && node.up && by_berth) {
            draining_.erase(name);
            want({.kind = order_kind::resume, .nodes = name, .reason = "it has cooled down"});
        }
    }
    return spoken_of;
}

}  // namespace berth_slurm
