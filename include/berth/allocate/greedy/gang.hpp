// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// How the tasks of a gang are placed together.
struct gang_options {
    /// The gang starts when so many of its tasks have a slot; the others may be added later. 0: all of them.
    std::size_t min_tasks = 0;
    bool same_model = false;  ///< all GPUs of the gang are of one model
    /// Where they are: one of these, bit m for model m. That of the tasks that run already, if there are any.
    std::uint64_t models = ~std::uint64_t{0};
    /// The budget of the search for another combination, when the best place in turn does not do: partial combinations
    /// looked at. 0: none is looked for.
    std::uint64_t max_steps = 10'000;
    /// The nodes that may be used, each once, in order of preference between equally good ones; empty: all. With a
    /// list, the best node is found by a look at each of it.
    std::span<const node_index> among{};
};

/// How an attempt to place a gang ended.
enum class gang_outcome : std::uint8_t {
    placed,     ///< enough tasks have a slot
    absent,     ///< proven: there is no combination of slots
    undecided,  ///< none was found, but the budget ran out, or the policy refused slots in a way that proves nothing
};

/// A word or two for messages and tables.
[[nodiscard]] constexpr const char* to_string(gang_outcome outcome) noexcept {
    return outcome == gang_outcome::placed ? "placed" : outcome == gang_outcome::absent ? "proven absent" : "undecided";
}

/// The answer of an attempt to place a gang.
struct gang_placement {
    gang_outcome outcome = gang_outcome::undecided;  ///< how it ended
    std::vector<slot>
        slots;  ///< one per task, in their order; `unplaced` for one that may be added later, all if not placed
    std::uint64_t steps = 0;  ///< of the budget that were used

    /// True if enough tasks have a slot.
    [[nodiscard]] bool placed() const noexcept { return outcome == gang_outcome::placed; }
};

}  // namespace berth::inline v0
