// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "records.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace berth_slurm {

/// The nodes, separated by commas, as Slurm takes them.
[[nodiscard]] inline std::string joined(const std::vector<allocation>& places) {
    std::string text;
    for (const allocation& a : places) text += (text.empty() ? "" : ",") + a.node;
    return text;
}
/// The same by the names of nodes.
[[nodiscard]] inline std::vector<allocation> sorted(std::vector<allocation> places) {
    std::sort(places.begin(), places.end(), [](const allocation& a, const allocation& b) { return a.node < b.node; });
    return places;
}
/// For people: `n1 GPUs 0 2, n2 GPU 1 (50 %)`.
[[nodiscard]] inline std::string spelled(const std::vector<allocation>& places) {
    std::string text;
    for (const allocation& a : places) {
        text += (text.empty() ? "" : ", ") + a.node;
        const char* before = a.gpus == 0 ? "" : berth::gpu_count(a.gpus) == 1 ? " GPU " : " GPUs ";
        for (berth::gpu_mask rest = a.gpus; rest != 0; rest &= rest - 1, before = " ")
            text += before + std::to_string(berth::lowest_gpu(rest));
        if (a.gpus != 0 && a.share < berth::whole_gpu) text += " (" + std::to_string(a.share / 10) + " %)";
    }
    return text;
}

}  // namespace berth_slurm
