// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/allocate/mig/mig_gpus_needed.hpp"
#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/core/config.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A GPU that may be switched to MIG mode and back.
struct mig_mode_gpu {
    bool sliced = false;       ///< in MIG mode
    bool idle = true;          ///< nothing runs on it, and nothing is on its way there
    bool emptying = false;     ///< an earlier `mig_mode_step::empty` holds: it takes nothing new
    std::uint32_t node = 0;    ///< of which node: nodes are kept whole where that costs nothing
    double switched = -1e300;  ///< when it was last switched, seconds
    mig_layout slices{};       ///< of a GPU in MIG mode: what runs on it
};

/// What waits although everything was tried.
struct mig_mode_demand {
    std::span<const std::size_t> slices{};  ///< slices that wait, for each profile of the board
    std::size_t gpus = 0;                   ///< GPUs of tasks that wait for whole GPUs or shares of them
};

/// When to switch.
struct mig_mode_options {
    double keep_seconds = 600.0;  ///< a GPU that was switched stays as it is for so long, from 0 on
    std::size_t max_moves = 2;    ///< slices that may have to move away so that a GPU can be taken out of MIG mode
};

/// What to do with a GPU.
enum class mig_mode_step : std::uint8_t {
    slice,    ///< switch it to MIG mode; it is idle
    unslice,  ///< take it out of MIG mode; it is idle
    empty,    ///< give it nothing new, and move its slices if `moves` says so: it will be switched when it is idle
    reopen,   ///< an earlier `empty` no longer holds
};

/// A step for one GPU.
struct mig_mode_change {
    std::size_t gpu = 0;                        ///< position in the list of GPUs
    mig_mode_step step = mig_mode_step::slice;  ///< what to do
    std::size_t moves = 0;                      ///< of `empty`: slices that have room elsewhere and shall move

    /// Equal in all members.
    friend bool operator==(const mig_mode_change&, const mig_mode_change&) = default;
};

namespace detail {

class mig_mode_choice {
public:
    mig_mode_choice(const mig_positions& positions, std::span<const mig_mode_gpu> gpus, const mig_mode_demand& demand,
                    const mig_mode_options& options, double now)
        : positions_{positions}, gpus_{gpus}, options_{options}, now_{now}, lacks_slices_{!none(demand.slices)} {
        std::vector<std::size_t> slices(demand.slices.begin(), demand.slices.end());
        slices.resize(positions.board().profiles().size(), 0);
        const std::size_t for_slices = fewest_mig_gpus(positions, slices).enough;
        std::size_t busy = 0;  // whole GPUs
        for (const mig_mode_gpu& gpu : gpus) {
            if (gpu.sliced) {
                ++sliced_;
                ++sliced_on_[gpu.node];
            }
            if (!gpu.sliced && !gpu.idle) ++busy;
            for (const mig_slice& slice : gpu.slices.slices()) ++slices[slice.profile];
        }
        // What both sides ask for, in GPUs; slices as if they were packed well.
        const std::size_t asked_sliced = fewest_mig_gpus(positions, slices).enough;
        const std::size_t asked_whole = busy + demand.gpus;
        const std::size_t all = gpus.size();
        const bool enough = asked_sliced + asked_whole <= all;
        const std::size_t due = enough ? all - asked_whole : fair_part(all, asked_sliced, asked_whole);
        const std::size_t least = enough ? asked_sliced : due;
        to_slices_ = std::min(for_slices, due > sliced_ ? due - sliced_ : 0);
        to_whole_ = std::min(demand.gpus, sliced_ > least ? sliced_ - least : 0);
    }

    [[nodiscard]] std::vector<mig_mode_change> run() {
        take(false, to_slices_);
        take(true, to_whole_);
        return std::move(changes_);
    }

private:
    [[nodiscard]] static bool none(std::span<const std::size_t> slices) {
        return std::ranges::all_of(slices, [](std::size_t n) { return n == 0; });
    }
    /// The part of all in proportion, rounded down, but at least one for each side that asks while there are two.
    [[nodiscard]] static std::size_t fair_part(std::size_t all, std::size_t asked, std::size_t others) {
        const double part = static_cast<double>(all) * static_cast<double>(asked) /
                            (static_cast<double>(asked) + static_cast<double>(others));
        if (all < 2 || asked == 0 || others == 0) return static_cast<std::size_t>(part);
        return std::clamp<std::size_t>(static_cast<std::size_t>(part), 1, all - 1);
    }
    /// Takes GPUs from those in MIG mode, or from the others.
    void take(bool sliced, std::size_t wanted) {
        const mig_mode_step step = sliced ? mig_mode_step::unslice : mig_mode_step::slice;
        for (std::size_t g = 0; g < gpus_.size(); ++g) {
            if (gpus_[g].sliced != sliced || !gpus_[g].emptying) continue;
            if (wanted == 0) {
                changes_.push_back({g, mig_mode_step::reopen});
                continue;
            }
            --wanted;
            if (gpus_[g].idle) changes_.push_back({g, step});
        }
        std::vector<std::size_t> order;
        for (std::size_t g = 0; g < gpus_.size(); ++g) {
            const bool may = gpus_[g].sliced == sliced && !gpus_[g].emptying;
            if (may && now_ - gpus_[g].switched >= options_.keep_seconds) order.push_back(g);
        }
        // Idle ones first, then those with the fewest slices; of equal ones to slice those whose node has most GPUs in
        // MIG mode, to take back those whose node has the fewest.
        std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
            if (gpus_[a].idle != gpus_[b].idle) return gpus_[a].idle;
            const std::size_t on_a = gpus_[a].slices.slices().size();
            const std::size_t on_b = gpus_[b].slices.slices().size();
            if (on_a != on_b) return on_a < on_b;
            const std::size_t near_a = sliced_on_[gpus_[a].node];
            const std::size_t near_b = sliced_on_[gpus_[b].node];
            if (near_a != near_b) return sliced ? near_a < near_b : near_a > near_b;
            return a < b;
        });
        if (sliced) collect_room();
        std::vector<std::size_t> stuck;  // no room for their slices
        for (const std::size_t g : order) {
            if (wanted == 0) return;
            if (gpus_[g].idle) {
                changes_.push_back({g, step});
            } else if (const auto moves = sliced && stuck.size() < most_stuck ? moves_away(g) : 0; moves != no_room) {
                changes_.push_back({g, mig_mode_step::empty, moves});
            } else {
                stuck.push_back(g);
                continue;
            }
            --wanted;
        }
        for (std::size_t i = 0; i < stuck.size() && wanted > 0; ++i, --wanted) {
            changes_.push_back({stuck[i], mig_mode_step::empty});
        }
    }
    /// The GPUs to which slices may move.
    void collect_room() {
        room_.clear();
        for (std::size_t g = 0; g < gpus_.size(); ++g) {
            if (gpus_[g].sliced && !gpus_[g].emptying && !gpus_[g].idle) room_.push_back({g, gpus_[g].slices});
        }
    }
    static constexpr std::size_t no_room = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t most_stuck = 64;  // GPUs that are looked at in vain
    /// The slices of a GPU, if they are few and have room on others, which is taken then. 0 while slices wait: they go
    /// first, and this GPU empties by itself.
    [[nodiscard]] std::size_t moves_away(std::size_t g) {
        if (lacks_slices_) return 0;
        const std::span<const mig_slice> slices = gpus_[g].slices.slices();
        if (slices.size() > options_.max_moves) return no_room;
        const auto own = std::ranges::find(room_, g, &other_gpu::gpu);
        if (own->slices.slices().size() != slices.size()) return no_room;  // another one is being emptied onto it
        std::vector<std::pair<std::size_t, mig_slice>> placed;
        for (const mig_slice& slice : slices) {
            std::optional<mig_slice> at;
            for (std::size_t o = 0; o < room_.size() && !at; ++o) {
                if (room_[o].gpu == g) continue;
                at = positions_.best(room_[o].slices, slice.profile);
                if (!at) continue;
                room_[o].slices.add(positions_.board(), *at);
                placed.emplace_back(o, *at);
            }
            if (at) continue;
            for (const auto& [o, put] : placed) room_[o].slices.remove(positions_.board(), put);
            return no_room;
        }
        room_.erase(own);
        return slices.size();
    }

    struct other_gpu {
        std::size_t gpu;
        mig_layout slices;
    };
    const mig_positions& positions_;
    std::span<const mig_mode_gpu> gpus_;
    const mig_mode_options& options_;
    double now_;
    bool lacks_slices_;
    std::size_t sliced_ = 0;
    std::size_t to_slices_ = 0;
    std::size_t to_whole_ = 0;
    std::map<std::uint32_t, std::size_t> sliced_on_;  // GPUs in MIG mode of each node
    std::vector<other_gpu> room_;
    std::vector<mig_mode_change> changes_;
};

}  // namespace detail

/// Which GPUs to switch to MIG mode, and which to take out of it, as demand changes: as many as lack room, idle ones
/// first. A switch resets the GPU, so nothing may run there; where no idle one is left, others are emptied.
///
/// - While all that is asked for has room in the fleet, each side gets what it lacks, and keeps what it uses. What is
///   asked for in slices is the fewest GPUs that would hold them (`fewest_mig_gpus`), what in whole GPUs those in use
///   and those that waiting tasks want.
/// - Beyond, the GPUs are divided in proportion to what is asked for, slices rounded down, with at least one for each.
/// - A GPU in MIG mode is emptied by moves if no slice waits and the others have room for its few slices; else it is
///   closed and ends by itself, as a GPU in whole use does.
/// - Nobody lacks anything: nothing is switched, and GPUs that were being emptied are used again.
///
/// @param positions  of the board of all these GPUs, made for every profile that runs or waits
/// @param gpus       those that may be switched; nothing of a GPU that is sick, drained or closed for other reasons
/// @param demand     what waits after the last decision, so that no idle GPU as it is would do
/// @param options    when to switch
/// @param now        seconds
/// @return           steps, at most one for each GPU; say in `emptying` and `switched` which were carried out
///
/// O(GPUs log GPUs + GPUs x GPUs emptied) and `fewest_mig_gpus`, twice. Deterministic: of equal GPUs the first.
[[nodiscard]] inline std::vector<mig_mode_change> choose_mig_modes(const mig_positions& positions,
                                                                   std::span<const mig_mode_gpu> gpus,
                                                                   const mig_mode_demand& demand,
                                                                   const mig_mode_options& options, double now) {
    BERTH_ASSERT(demand.slices.empty() || demand.slices.size() == positions.board().profiles().size(),
                 "berth: a number for each profile of the board");
    return detail::mig_mode_choice{positions, gpus, demand, options, now}.run();
}

}  // namespace berth::inline v0
