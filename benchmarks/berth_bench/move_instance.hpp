// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// The kind of new plan of a random instance.
enum class move_kind : std::uint8_t { swap, worst_fit, best_fit };

/// Tasks of 5 to 80 GB on GPUs of 80 GB: initial and wanted assignment.
struct move_instance {
    std::vector<int> sizes;         ///< GB
    std::vector<std::size_t> from;  ///< GPU of each task
    std::vector<std::size_t> to;
    std::size_t gpus = 0;
};

/// Sizes are drawn until they reach `fill` of all memory; in random order each task goes to a random GPU with room, and
/// all is drawn again if one has none. Wanted: pairs exchanged a fifth as many times as there are tasks, where both
/// fit; or everything packed anew by decreasing size. Refused if no draw succeeds in 100,000.
[[nodiscard]] berth::result<move_instance> make_move_instance(std::size_t gpus, double fill, move_kind kind,
                                                              std::uint64_t seed);

/// The same for any number of GPUs: tasks that find no room in 200 tries are not drawn, and about so many tasks move
/// (pairs are exchanged, or random tasks packed anew among the others).
[[nodiscard]] move_instance make_large_move_instance(std::size_t gpus, double fill, move_kind kind, std::size_t moves,
                                                     std::uint64_t seed);

/// Bare GPUs, eight to a node (the last may have less), with a counter of memory in GB and a share in proportion to it;
/// a task's state is all its memory.
struct move_problem {
    berth::fleet machines;
    berth::workload tasks;
    berth::assignment initial;
    berth::assignment wanted;
};
[[nodiscard]] move_problem lower(const move_instance& instance);

/// What the plain method does: waves, largest first; if nothing fits, the smallest blocked task whose leaving lets
/// another go is staged on the fullest GPU with room, else parked.
struct naive_order {
    std::size_t moves = 0;
    std::size_t stuck = 0;  ///< moves that never go without breakers
    std::size_t staged = 0;
    std::size_t parked = 0;
    std::size_t waves = 0;
};
[[nodiscard]] naive_order order_naively(const move_instance& instance);

}  // namespace bench
