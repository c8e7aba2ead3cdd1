// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"
#include "berth/core/part_exchange.hpp"

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0::mpi {

/// What a rank has sent to other ranks, in bytes of messages and in calls. What stays within a rank does not count.
struct traffic {
    std::uint64_t shared_bytes = 0;  ///< of its own records in `share`, once for each other rank
    std::uint64_t sent_bytes = 0;    ///< of boxes in `send`
    std::uint64_t told_bytes = 0;    ///< of boxes in `tell`, counted at the rank that holds the part
    std::uint64_t shares = 0;        ///< calls of `share`
    std::uint64_t sends = 0;         ///< calls of `send`
};

/// A `part_exchange` over the ranks of a communicator: rank r of n holds the parts from r × parts / n on, so every rank
/// has work if there are as many parts as ranks. A handle: cheap to copy; the communicator outlives it.
class ranks {
public:
    /// All ranks of the job.
    ranks() : ranks{MPI_COMM_WORLD} {}
    /// @param among    its ranks, all of which take part; no other messages of the program use it meanwhile
    /// @param counted  adds up what this rank sends; null: nothing is counted
    explicit ranks(MPI_Comm among, traffic* counted = nullptr) : among_{among}, counted_{counted} {
        MPI_Comm_rank(among_, &rank_);
        MPI_Comm_size(among_, &size_);
    }

    /// The number of this rank, from 0.
    [[nodiscard]] int rank() const noexcept { return rank_; }
    /// Number of ranks.
    [[nodiscard]] int size() const noexcept { return size_; }
    /// Waits until all ranks have come here.
    void barrier() const { MPI_Barrier(among_); }

    /// See `part_exchange`.
    [[nodiscard]] held_parts held(std::size_t parts) const noexcept { return held_by(rank_, parts); }
    /// See `part_exchange`.
    void share(std::size_t parts, std::span<std::byte> records, std::size_t size) const {
        if (size_ == 1) return;
        std::vector<int> counts;
        std::vector<int> begins;
        for (int r = 0; r < size_; ++r) {
            const held_parts theirs = held_by(r, parts);
            counts.push_back(static_cast<int>(theirs.size() * size));
            begins.push_back(static_cast<int>(theirs.first * size));
        }
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, records.data(), counts.data(), begins.data(), MPI_BYTE, among_);
        if (counted_ == nullptr) return;
        ++counted_->shares;
        counted_->shared_bytes += held(parts).size() * size * static_cast<std::size_t>(size_ - 1);
    }
    /// See `part_exchange`.
    void send(std::size_t parts, std::span<const std::uint32_t> to, std::span<byte_box> boxes) const {
        const held_parts mine = held(parts);
        BERTH_ASSERT(to.size() == parts && boxes.size() == mine.size(), "berth: a box for every part that is held");
        std::vector<std::uint32_t> from(parts);
        for (std::size_t i = 0; i < parts; ++i) from[to[i]] = static_cast<std::uint32_t>(i);
        std::vector<byte_box> arrived(mine.size());
        std::deque<std::uint64_t> lengths;  // stay where they are until sent
        std::vector<MPI_Request> sending;
        for (std::size_t i = mine.first; i < mine.end; ++i) {
            byte_box& box = boxes[i - mine.first];
            if (mine.holds(to[i])) {
                arrived[to[i] - mine.first] = std::move(box);
                continue;
            }
            const int target = holder(to[i], parts);
            const int tag = static_cast<int>(i % tags);
            lengths.push_back(box.size());
            sending.emplace_back();
            MPI_Isend(&lengths.back(), 1, MPI_UINT64_T, target, tag, among_, &sending.back());
            for_each_piece(box, [&](std::byte* piece, int bytes) {
                sending.emplace_back();
                MPI_Isend(piece, bytes, MPI_BYTE, target, tag, among_, &sending.back());
            });
            if (counted_ != nullptr) counted_->sent_bytes += box.size();
        }
        // Two parts whose numbers have the same tag are told apart by their order, which is that of the sender.
        for (std::size_t i = 0; i < parts; ++i) {
            if (mine.holds(i) || !mine.holds(to[i])) continue;
            const int source = holder(i, parts);
            const int tag = static_cast<int>(i % tags);
            std::uint64_t length = 0;
            MPI_Recv(&length, 1, MPI_UINT64_T, source, tag, among_, MPI_STATUS_IGNORE);
            byte_box& box = arrived[to[i] - mine.first];
            box.resize(length);
            for_each_piece(box, [&](std::byte* piece, int bytes) {
                MPI_Recv(piece, bytes, MPI_BYTE, source, tag, among_, MPI_STATUS_IGNORE);
            });
        }
        MPI_Waitall(static_cast<int>(sending.size()), sending.data(), MPI_STATUSES_IGNORE);
        for (std::size_t k = 0; k < arrived.size(); ++k) boxes[k] = std::move(arrived[k]);
        if (counted_ != nullptr) ++counted_->sends;
    }
    /// See `part_exchange`.
    void tell(std::size_t parts, std::size_t part, byte_box& box) const {
        if (size_ == 1) return;
        const int source = holder(part, parts);
        std::uint64_t length = box.size();
        MPI_Bcast(&length, 1, MPI_UINT64_T, source, among_);
        box.resize(length);
        for_each_piece(box, [&](std::byte* piece, int bytes) { MPI_Bcast(piece, bytes, MPI_BYTE, source, among_); });
        if (counted_ != nullptr && source == rank_) counted_->told_bytes += length;
    }

private:
    static constexpr std::size_t tags = 32'768;                          // what MPI promises
    static constexpr std::size_t longest_piece = std::size_t{1} << 30U;  // MPI counts in int

    [[nodiscard]] held_parts held_by(int rank, std::size_t parts) const noexcept {
        const auto r = static_cast<std::size_t>(rank);
        const auto n = static_cast<std::size_t>(size_);
        return {r * parts / n, (r + 1) * parts / n};
    }
    [[nodiscard]] int holder(std::size_t part, std::size_t parts) const noexcept {
        // The first rank whose end lies behind the part.
        const auto n = static_cast<std::size_t>(size_);
        return static_cast<int>(((part + 1) * n + parts - 1) / parts - 1);
    }
    template <class F>
    static void for_each_piece(byte_box& box, F&& f) {
        for (std::size_t at = 0; at < box.size(); at += longest_piece) {
            const std::size_t left = box.size() - at;
            f(box.data() + at, static_cast<int>(left < longest_piece ? left : longest_piece));
        }
    }

    MPI_Comm among_;
    traffic* counted_;
    int rank_ = 0;
    int size_ = 1;
};

static_assert(part_exchange<ranks>);

}  // namespace berth::inline v0::mpi
