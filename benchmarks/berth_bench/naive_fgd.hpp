// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include "support/openb.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// Fragmentation gradient descent written directly from the paper: every arrival scores all nodes × GPUs × typical
/// tasks again. The baseline of every speed figure, and the oracle of the library's placements, since it shares no code
/// with the library's scores.
///
/// Floating-point sums run in the order of the published simulator, so that truncated scores are equal bit for bit.
class naive_fgd {
public:
    explicit naive_fgd(const experiment& input);

    /// The node with the best score, lowest priority number first among equals; `unplaced` if the task fits nowhere.
    berth::slot place(berth::task_index task);

    /// The expected fragmentation of a node in its present state, in thousandths of a GPU.
    [[nodiscard]] double fragmentation(std::size_t node) const;

    struct typical_task {
        std::int64_t cpu = 0;
        std::int64_t milli = 0;
        std::size_t gpus = 0;
        std::uint64_t models = 0;  ///< accepted models, bit m for model m
        std::string spec;
        std::size_t count = 0;
        double popularity = 0.0;
    };
    /// The typical tasks, most frequent first.
    [[nodiscard]] const std::vector<typical_task>& typical() const noexcept { return typical_; }

private:
    struct node_state {
        std::int64_t cpu = 0;
        std::int64_t memory = 0;
        std::vector<std::int64_t> gpus;  // free thousandths of each
        std::uint64_t model = 0;         // one bit
    };
    struct demand {
        std::int64_t cpu = 0;
        std::int64_t memory = 0;
        std::int64_t milli = 0;
        std::size_t gpus = 0;
        std::uint64_t models = 0;
    };
    struct choice {
        int score = -1;
        berth::gpu_mask gpus = 0;
    };

    [[nodiscard]] double fragmentation(const node_state& node) const;
    [[nodiscard]] static bool fits(const demand& task, const node_state& node);
    [[nodiscard]] choice score(const demand& task, const node_state& node) const;
    static void take(const demand& task, berth::gpu_mask gpus, node_state& node);

    std::vector<node_state> nodes_;
    std::vector<demand> demands_;  // per task
    std::vector<std::uint32_t> priorities_;
    std::vector<typical_task> typical_;
    mutable node_state trial_;  // reused, so that scoring does not allocate
};

}  // namespace bench
