// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/divisible/load_step.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Pieces in order of their first placement, linked by task and by GPU in that order. Finding a piece costs O(pieces of
/// the task); adding and taking load O(1) more. A piece that ends leaves a gap until `compact`.
class piece_table {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    piece_table(std::size_t tasks, std::size_t gpus) : of_task_(tasks), on_gpu_(gpus) {}

    /// The pieces, if there are no gaps.
    [[nodiscard]] std::span<const task_piece> view() const noexcept {
        BERTH_ASSERT(gaps_ == 0, "berth: piece_table::view() of a table with gaps");
        return pieces_.view();
    }
    [[nodiscard]] const task_piece& operator[](std::uint32_t piece) const noexcept { return pieces_[piece]; }
    [[nodiscard]] std::uint32_t first_of(task_index t) const noexcept { return of_task_[t.value()].first; }
    [[nodiscard]] std::uint32_t first_on(gpu_index g) const noexcept { return on_gpu_[g.value()].first; }
    [[nodiscard]] std::uint32_t next_of_task(std::uint32_t piece) const noexcept { return links_[piece].task.next; }
    [[nodiscard]] std::uint32_t next_on_gpu(std::uint32_t piece) const noexcept { return links_[piece].gpu.next; }

    [[nodiscard]] std::uint32_t find(task_index t, gpu_index g) const noexcept {
        std::uint32_t i = first_of(t);
        while (i != none && pieces_[i].gpu != g) i = next_of_task(i);
        return i;
    }

    /// @param load  above 0
    void add(task_index t, gpu_index g, amount load) {
        if (const std::uint32_t i = find(t, g); i != none) {
            pieces_[i].load += load;
            return;
        }
        const auto i = static_cast<std::uint32_t>(pieces_.size());
        links_.reserve(links_.size() + 1);
        pieces_.push_back({t, g, load});
        links_.push_back(
            {.task = append(of_task_[t.value()], i, &links::task), .gpu = append(on_gpu_[g.value()], i, &links::gpu)});
    }
    /// @param load  at most that of the piece
    void take(std::uint32_t piece, amount load) noexcept {
        task_piece& at = pieces_[piece];
        at.load -= load;
        if (at.load > 0) return;
        unlink(of_task_[at.task.value()], piece, &links::task);
        unlink(on_gpu_[at.gpu.value()], piece, &links::gpu);
        ++gaps_;
    }
    /// Closes the gaps. O(pieces) if there are any.
    void compact() noexcept {
        if (gaps_ == 0) return;
        for (ends& e : of_task_) e = {};
        for (ends& e : on_gpu_) e = {};
        std::uint32_t kept = 0;
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            const task_piece piece = pieces_[i];
            if (piece.load == 0) continue;
            pieces_[kept] = piece;
            links_[kept] = {.task = append(of_task_[piece.task.value()], kept, &links::task),
                            .gpu = append(on_gpu_[piece.gpu.value()], kept, &links::gpu)};
            ++kept;
        }
        pieces_.resize(kept);
        links_.resize(kept);
        gaps_ = 0;
    }

private:
    struct neighbours {
        std::uint32_t before = none;
        std::uint32_t next = none;
    };
    struct links {
        neighbours task;
        neighbours gpu;
    };
    struct ends {
        std::uint32_t first = none;
        std::uint32_t last = none;
    };

    [[nodiscard]] neighbours append(ends& chain, std::uint32_t piece, neighbours links::* which) noexcept {
        const neighbours made{.before = chain.last};
        (chain.last == none ? chain.first : (links_[chain.last].*which).next) = piece;
        chain.last = piece;
        return made;
    }
    void unlink(ends& chain, std::uint32_t piece, neighbours links::* which) noexcept {
        const neighbours at = links_[piece].*which;
        (at.before == none ? chain.first : (links_[at.before].*which).next) = at.next;
        (at.next == none ? chain.last : (links_[at.next].*which).before) = at.before;
    }

    flat<task_piece> pieces_;
    flat<links> links_;
    flat<ends> of_task_;
    flat<ends> on_gpu_;
    std::size_t gaps_ = 0;
};

}  // namespace berth::inline v0::detail
