// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/result.hpp"
#include "berth/scheduler/detail/queue_copies.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::inline v0::detail {

/// The table of a board, for journals and saved texts.
struct mig_board_copy {
    std::string name{};
    std::uint32_t compute_slices = 0;
    std::uint32_t memory_slices = 0;
    std::vector<mig_profile> profiles{};

    void assign(const mig_board& board) {
        name = board.name();
        compute_slices = board.compute_slices();
        memory_slices = board.memory_slices();
        profiles.assign(board.profiles().begin(), board.profiles().end());
    }
    template <class Archive>
    void visit_all(Archive& a) {
        a.string("board", name);
        visit(a, "compute", compute_slices);
        visit(a, "memory", memory_slices);
        auto count = static_cast<std::uint32_t>(profiles.size());
        visit(a, "profiles", count);
        if (count > mig_board::max_profiles) return a.refuse("profiles", "at most 16");
        profiles.resize(count);
        for (mig_profile& p : profiles) {
            a.string("profile", p.name);
            visit(a, "compute", p.compute_slices);
            visit(a, "memory", p.memory_slices);
            visit(a, "starts", p.starts);
            visit(a, "most", p.max_instances);
            visit(a, "mib", p.memory_mib);
        }
    }
    [[nodiscard]] result<mig_board> make() const {
        return mig_board::make(name, compute_slices, memory_slices, profiles);
    }
};

}  // namespace berth::inline v0::detail
