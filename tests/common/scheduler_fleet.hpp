// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler.hpp"

#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// A node with so many GPUs, which are called `NODE-0`, `NODE-1`, ...
template <class Engine>
void join_described(Engine& engine, const char* node, std::size_t gpus, const char* model = "A100", double time = 0.0) {
    std::vector<std::string> names;
    for (std::size_t g = 0; g < gpus; ++g) names.push_back(std::string{node} + "-" + std::to_string(g));
    std::vector<berth::gpu_description> described;
    for (const std::string& name : names) described.push_back({.model = model, .uuid = name});
    (void)engine.node(time, berth::node_description{.name = node, .gpus = described});
}
/// Several of them.
template <class Engine>
void join(Engine& engine, std::initializer_list<const char*> nodes, std::size_t gpus, const char* model = "A100") {
    for (const char* node : nodes) join_described(engine, node, gpus, model, engine.now());
}

/// A decision in words: kind, job, task, nodes, reasons.
template <class Engine>
std::string in_words(const Engine& engine, const berth::decision& d) {
    const auto node = [&](const berth::slot& at) { return std::string{engine.cluster().fleet().name(at.node)}; };
    std::string text = std::string{to_string(d.kind)} + " " + std::string{engine.name(d.job)};
    if (d.kind != berth::decision_kind::wait) text += "/" + std::to_string(d.task);
    if (d.from.placed()) text += " " + node(d.from);
    if (d.where.placed()) text += " " + node(d.where);
    if (*d.reason != '\0') text += " " + std::string{d.reason};
    if (d.beneficiary.valid()) text += " for " + std::string{engine.name(d.beneficiary)};
    for (const berth::wait_count& r : d.reasons)
        text += " " + std::string{engine.name(r)} + "=" + std::to_string(r.places);
    return text;
}
