// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A kind of slice of a GPU in MIG mode, as the driver lists it (`nvidia-smi mig -lgip`, `-lgipp`).
struct mig_profile {
    std::string name;                     ///< `1g.10gb`
    std::uint32_t compute_slices = 1;     ///< 1..8
    std::uint32_t memory_slices = 1;      ///< consecutive ones that it covers, 1..8
    std::vector<std::uint32_t> starts{};  ///< the first memory slice of each legal position
    std::uint32_t max_instances = 1;      ///< on one GPU
    std::int64_t memory_mib = 0;          ///< 0: not known
};

/// Position of a profile in its board.
using mig_profile_index = std::size_t;

/// A slice on a GPU: which profile, and its first memory slice.
struct mig_slice {
    mig_profile_index profile = 0;  ///< which kind of slice
    std::uint32_t start = 0;        ///< its first memory slice

    /// Equal in both.
    friend constexpr bool operator==(const mig_slice&, const mig_slice&) = default;
    /// By start, then profile.
    friend constexpr auto operator<=>(const mig_slice& a, const mig_slice& b) {
        return std::pair{a.start, a.profile} <=> std::pair{b.start, b.profile};
    }
};

/// What a GPU model can be cut into. Drivers differ, so read the table at run time.
class mig_board {
public:
    static constexpr std::size_t max_profiles = 16;  ///< of a board

    /// Checks a table.
    ///
    /// @param compute_slices  of the whole GPU: 7 or 4
    /// @param memory_slices   of the whole GPU: 8 or 4
    /// @return                the board, or an error that names profile and field
    [[nodiscard]] static result<mig_board> make(std::string name, std::uint32_t compute_slices,
                                                std::uint32_t memory_slices, std::vector<mig_profile> profiles) {
        const auto refused = [&](std::string_view profile, const char* field, const char* why) {
            return detail::refuse(error_code::invalid_value, {"MIG board ", detail::phrase::quoted(name), ": profile ",
                                                              detail::phrase::quoted(profile), ": ", field, " ", why});
        };
        if (compute_slices == 0 || compute_slices > 8 || memory_slices == 0 || memory_slices > 8) {
            return refused("", "slices", "of the board are not 1 to 8");
        }
        if (profiles.empty() || profiles.size() > max_profiles) return refused("", "number", "is not 1 to 16");
        for (std::size_t i = 0; i < profiles.size(); ++i) {
            mig_profile& p = profiles[i];
            if (p.name.empty()) return refused(p.name, "name", "is empty");
            for (std::size_t k = 0; k < i; ++k) {
                if (profiles[k].name == p.name) return refused(p.name, "name", "is there twice");
            }
            if (p.compute_slices == 0 || p.compute_slices > compute_slices) {
                return refused(p.name, "compute_slices", "are none or more than the board has");
            }
            if (p.memory_slices == 0 || p.memory_slices > memory_slices) {
                return refused(p.name, "memory_slices", "are none or more than the board has");
            }
            if (p.starts.empty()) return refused(p.name, "starts", "are missing");
            std::ranges::sort(p.starts);
            if (p.starts.back() > memory_slices - p.memory_slices) return refused(p.name, "starts", "leave the board");
            if (std::ranges::adjacent_find(p.starts) != p.starts.end()) return refused(p.name, "starts", "repeat one");
            if (p.max_instances == 0 || p.max_instances > p.starts.size()) {
                return refused(p.name, "max_instances", "are none or more than its starts");
            }
            if (p.memory_mib < 0) return refused(p.name, "memory_mib", "is negative");
        }
        return mig_board{std::move(name), compute_slices, memory_slices, std::move(profiles)};
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }  ///< as given
    /// Of the whole GPU.
    [[nodiscard]] std::uint32_t compute_slices() const noexcept { return compute_slices_; }
    /// Of the whole GPU.
    [[nodiscard]] std::uint32_t memory_slices() const noexcept { return memory_slices_; }
    /// The profiles, by their positions.
    [[nodiscard]] std::span<const mig_profile> profiles() const noexcept { return profiles_; }
    /// The profile of this name, if the board has it.
    [[nodiscard]] std::optional<mig_profile_index> find(std::string_view profile) const noexcept {
        for (std::size_t i = 0; i < profiles_.size(); ++i) {
            if (profiles_[i].name == profile) return i;
        }
        return std::nullopt;
    }
    /// The memory slices that a slice covers, one bit each.
    [[nodiscard]] std::uint32_t cover(const mig_slice& slice) const noexcept {
        return ((1U << profiles_[slice.profile].memory_slices) - 1U) << slice.start;
    }

private:
    mig_board(std::string name, std::uint32_t compute_slices, std::uint32_t memory_slices,
              std::vector<mig_profile> profiles)
        : name_{std::move(name)},
          compute_slices_{compute_slices},
          memory_slices_{memory_slices},
          profiles_{std::move(profiles)} {}

    std::string name_;
    std::uint32_t compute_slices_;
    std::uint32_t memory_slices_;
    std::vector<mig_profile> profiles_;
};

/// The profiles of a board that share nothing: those with media engines or more memory of their own are variants.
[[nodiscard]] inline std::vector<mig_profile_index> plain_mig_profiles(const mig_board& board) {
    std::vector<mig_profile_index> plain;
    for (mig_profile_index p = 0; p < board.profiles().size(); ++p) {
        const mig_profile& profile = board.profiles()[p];
        const bool media = profile.name.find('+') != std::string::npos;
        const bool more_memory = std::ranges::any_of(board.profiles(), [&](const mig_profile& other) {
            return other.compute_slices == profile.compute_slices && other.memory_slices < profile.memory_slices;
        });
        if (!media && !more_memory) plain.push_back(p);
    }
    return plain;
}

/// The slices of one GPU. Legal at all times: no overlap, no more compute slices than there are, no more instances of a
/// profile than allowed.
class mig_layout {
public:
    /// An empty GPU.
    mig_layout() = default;

    /// The slices, by start.
    [[nodiscard]] std::span<const mig_slice> slices() const noexcept { return slices_; }
    /// Memory slices in use, one bit each.
    [[nodiscard]] std::uint32_t covered() const noexcept { return covered_; }
    /// Compute slices in use.
    [[nodiscard]] std::uint32_t compute() const noexcept { return compute_; }
    /// How many slices of a profile there are.
    [[nodiscard]] std::size_t count(mig_profile_index profile) const noexcept {
        return static_cast<std::size_t>(std::ranges::count(slices_, profile, &mig_slice::profile));
    }
    /// True if the slice may be added.
    [[nodiscard]] bool allows(const mig_board& board, const mig_slice& slice) const noexcept {
        if (slice.profile >= board.profiles().size()) return false;
        const mig_profile& p = board.profiles()[slice.profile];
        return std::ranges::binary_search(p.starts, slice.start) && (covered_ & board.cover(slice)) == 0 &&
               compute_ + p.compute_slices <= board.compute_slices() && count(slice.profile) < p.max_instances;
    }
    /// Adds a slice. False, and nothing is changed, if it is not allowed.
    bool add(const mig_board& board, const mig_slice& slice) {
        if (!allows(board, slice)) return false;
        slices_.insert(std::ranges::upper_bound(slices_, slice), slice);
        covered_ |= board.cover(slice);
        compute_ += board.profiles()[slice.profile].compute_slices;
        return true;
    }
    /// Takes a slice away. False if it is not there.
    bool remove(const mig_board& board, const mig_slice& slice) {
        const auto at = std::ranges::find(slices_, slice);
        if (at == slices_.end()) return false;
        slices_.erase(at);
        covered_ &= ~board.cover(slice);
        compute_ -= board.profiles()[slice.profile].compute_slices;
        return true;
    }
    /// Equal slices.
    friend bool operator==(const mig_layout&, const mig_layout&) = default;

private:
    std::vector<mig_slice> slices_;
    std::uint32_t covered_ = 0;
    std::uint32_t compute_ = 0;
};

/// Calls `visit(layout)` for every legal layout of a board, the empty one first. 298 for an A100 with its five profiles
/// without media engines and double memory.
///
/// @param board     what may be cut
/// @param profiles  which profiles to use
template <class Visit>
void for_each_layout(const mig_board& board, std::span<const mig_profile_index> profiles, Visit&& visit) {
    std::vector<mig_slice> positions;
    for (const mig_profile_index p : profiles) {
        for (const std::uint32_t start : board.profiles()[p].starts) positions.push_back({p, start});
    }
    std::ranges::sort(positions);
    mig_layout layout;
    const auto extend = [&](const auto& self, std::size_t from) -> void {
        visit(std::as_const(layout));
        for (std::size_t i = from; i < positions.size(); ++i) {
            if (!layout.add(board, positions[i])) continue;
            self(self, i + 1);
            layout.remove(board, positions[i]);
        }
    };
    extend(extend, 0);
}

}  // namespace berth::inline v0
