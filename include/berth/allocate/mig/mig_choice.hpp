// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/core/config.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A slice on one of several GPUs.
struct mig_place {
    std::size_t gpu = 0;  ///< position in the list of layouts
    mig_slice slice;      ///< where on it
};

/// Where a slice goes in a fleet of GPUs in MIG mode: where it makes the least of the free slices useless for others,
/// as FGD does for shares of GPUs; among equals on the fullest GPU.
///
/// A profile counts by how much of the fleet it asks for: its share of the requests times its compute slices. By the
/// share alone a few large slices would not count, and every GPU would be broken for small ones.
///
/// @param positions  of the board of all these GPUs
/// @param layouts    of the GPUs that may take a slice
/// @param profile    of the slice
/// @param shares     how often each profile is asked for, per profile of the board
/// @return           nothing if no GPU has a free position
///
/// O(GPUs × starts × profiles). Deterministic: the first of equal places.
[[nodiscard]] inline std::optional<mig_place> choose_mig_place(const mig_positions& positions,
                                                               std::span<const mig_layout> layouts,
                                                               mig_profile_index profile,
                                                               std::span<const double> shares) {
    const mig_board& board = positions.board();
    BERTH_ASSERT(shares.size() == board.profiles().size(), "berth: a share for each profile of the board");
    constexpr double fuller = 0.1;  // of a compute slice: a full GPU is worth that much for each slice in use
    std::vector<double> weights(shares.begin(), shares.end());
    for (mig_profile_index p = 0; p < weights.size(); ++p) weights[p] *= board.profiles()[p].compute_slices;
    std::optional<mig_place> chosen;
    double least = 0.0;
    mig_layout after;
    for (std::size_t gpu = 0; gpu < layouts.size(); ++gpu) {
        double before = -1.0;
        for (const std::uint32_t start : board.profiles()[profile].starts) {
            const mig_slice slice{profile, start};
            if (!layouts[gpu].allows(board, slice)) continue;
            if (before < 0.0) before = positions.fragmentation(layouts[gpu], weights);
            after = layouts[gpu];
            after.add(board, slice);
            const double cost = positions.fragmentation(after, weights) - before - fuller * after.compute();
            if (chosen && cost >= least - 1e-12) continue;
            least = cost;
            chosen = mig_place{gpu, slice};
        }
    }
    return chosen;
}

/// A repartition of one of several GPUs.
struct mig_fleet_repartition {
    std::size_t gpu = 0;    ///< position in the list of layouts
    mig_repartition how{};  ///< what moves there
};

/// The GPU on which the fewest slices have to move for a new one; the first of equal ones.
///
/// @return  nothing if no moves within one GPU help
[[nodiscard]] inline std::optional<mig_fleet_repartition>
choose_repartition(const mig_positions& positions, std::span<const mig_layout> layouts, mig_profile_index profile) {
    std::optional<mig_fleet_repartition> chosen;
    for (std::size_t gpu = 0; gpu < layouts.size(); ++gpu) {
        if (!positions.fits_anyhow(layouts[gpu], profile)) continue;
        auto how = positions.repartition(layouts[gpu], profile);
        if (!how || (chosen && how->moves.size() >= chosen->how.moves.size())) continue;
        chosen = mig_fleet_repartition{gpu, std::move(*how)};
    }
    return chosen;
}

}  // namespace berth::inline v0
