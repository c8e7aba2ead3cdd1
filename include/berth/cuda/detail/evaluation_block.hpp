// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a block of threads evaluates some individuals, written once for devices and hosts. A *team* is the threads:
//
//   team.each(f)          every thread calls f(its number, its tally)
//   team.meet()           a barrier: waits for all threads, and makes their writes visible
//   team.add(to, by)      an atomic addition
//   team.copy(to, from)   a copy that is complete after `settle`; the copies between two calls of `close` are a group
//   team.close()          ends a group of copies
//   team.settle(newer)    waits for all groups of copies of this thread but the last `newer`
//
// On a device they run at the same time (`cuda/detail/evaluation_kernel.cuh`); `threads_in_turn` runs them one after
// the other, for tests on the host. Sums are of integers, so both give the same results.

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/cuda/assignment_measures.hpp"
#include "berth/cuda/detail/evaluation_shape.hpp"
#include "berth/cuda/detail/evaluation_source.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>

// Length: the layouts of one kernel, which share its stages and tallies.

namespace berth::inline v0::detail::evaluation {

/// Threads of a block on the host.
struct threads_in_turn {
    tally* tallies;
    std::uint32_t threads;

    template <class F>
    BERTH_HD void each(const F& f) const {
        for (std::uint32_t t = 0; t < threads; ++t) f(t, tallies[t]);
    }
    BERTH_HD static void meet() noexcept {}
    template <class T>
    BERTH_HD static void add(T& to, T by) noexcept {
        to = static_cast<T>(to + by);
    }
    template <class T>
    BERTH_HD static void copy(T* to, const T* from) noexcept {
        *to = *from;
    }
    BERTH_HD static void close() noexcept {}
    BERTH_HD static void settle(unsigned /*newer*/) noexcept {}
};

/// The arguments of a launch. Addresses are in the memory of the threads that run it; `individuals` rows of genes.
template <class Source, gene Gene>
struct evaluation_pass {
    using word = typename Source::word;

    Source source;
    const Gene* genes = nullptr;
    std::size_t individuals = 0;
    std::size_t first_task = 0;
    std::size_t last_task = 0;                ///< one past it
    word* carried_loads = nullptr;            ///< individuals × GPUs
    std::uint64_t* carried_sums = nullptr;    ///< two for each individual
    const std::uint32_t* initial = nullptr;   ///< null: moved tasks are not counted
    const std::uint32_t* weights = nullptr;   ///< null: all are 1
    assignment_value* values = nullptr;       ///< null: not wanted
    assignment_measures* measures = nullptr;  ///< null: not wanted
    amount* loads = nullptr;                  ///< null: not wanted

    [[nodiscard]] BERTH_HD bool begins() const noexcept { return first_task == 0; }
    [[nodiscard]] BERTH_HD bool ends() const noexcept { return last_task == source.tasks(); }
    [[nodiscard]] BERTH_HD std::uint64_t moved_weight(std::size_t task, std::size_t gpu) const noexcept {
        const std::uint32_t from = initial[task];
        if (from == no_initial_gpu || from == gpu) return 0;
        return weights == nullptr ? 1U : weights[task];
    }
};

/// Sixteen bytes, copied at once.
struct alignas(16) sixteen_bytes {
    std::uint64_t half[2];
};
struct two_genes {
    std::uint32_t both;
};

/// The block that evaluates individuals `block × shape.individuals` and on. `Lanes`: neighbouring threads are
/// individuals; otherwise they are tasks of one individual.
template <class Source, gene Gene, bool Lanes, bool LoadsShared, class Team>
class evaluation_block {
    using word = typename Source::word;
    using unit = typename Source::unit;
    static_assert(LoadsShared || !Lanes);

public:
    BERTH_HD evaluation_block(const evaluation_pass<Source, Gene>& pass, const evaluation_shape& shape,
                              std::size_t block, unsigned char* shared, Team& team) noexcept
        : p_{pass}, s_{shape}, first_{block * shape.individuals}, shared_{shared}, team_{team} {}

    BERTH_HD void run() const {
        begin();
        if constexpr (Lanes) {
            pass_rows();
        } else {
            team_.each([this](std::uint32_t thread, tally& mine) { add_directly(thread, mine); });
        }
        team_.meet();
        team_.each([this](std::uint32_t thread, tally& mine) { end(thread, mine); });
        team_.meet();
        merge();
    }

private:
    [[nodiscard]] BERTH_HD std::uint32_t lane_of(std::uint32_t thread) const noexcept {
        return Lanes ? thread & (s_.individuals - 1) : thread >> s_.minor_bits;
    }
    [[nodiscard]] BERTH_HD std::uint32_t part_of(std::uint32_t thread) const noexcept {
        return Lanes ? thread >> s_.minor_bits : thread & (s_.parts - 1);
    }
    [[nodiscard]] BERTH_HD bool present(std::uint32_t lane) const noexcept { return first_ + lane < p_.individuals; }
    /// The address of the load of GPU 0 of a lane, and the distance between loads of its GPUs.
    [[nodiscard]] BERTH_HD word* loads_of(std::uint32_t lane) const noexcept {
        if constexpr (!LoadsShared) return p_.carried_loads + (first_ + lane) * p_.source.gpus();
        return reinterpret_cast<word*>(shared_) + (Lanes ? lane : lane * p_.source.gpus());
    }
    [[nodiscard]] BERTH_HD std::size_t load_stride() const noexcept { return Lanes ? s_.individuals : 1; }
    /// 32 bits where shared memory bounds it.
    [[nodiscard]] BERTH_HD auto load_index(std::size_t gpu) const noexcept {
        if constexpr (Lanes) {
            return static_cast<std::uint32_t>(gpu) << s_.minor_bits;
        } else if constexpr (LoadsShared) {
            return static_cast<std::uint32_t>(gpu);
        } else {
            return gpu;
        }
    }
    [[nodiscard]] BERTH_HD tally& merged(std::uint32_t part, std::uint32_t lane) const noexcept {
        return reinterpret_cast<tally*>(shared_)[part * s_.individuals + lane];
    }

    BERTH_HD void begin() const {
        team_.each([this](std::uint32_t thread, tally& mine) {
            const std::uint32_t lane = lane_of(thread);
            mine = {};
            if (!present(lane)) return;
            word* loads = loads_of(lane);
            const std::size_t gpus = p_.source.gpus();
            const std::size_t from = (first_ + lane) * gpus;
            for (std::size_t g = part_of(thread); g < gpus; g += s_.parts) {
                if (p_.begins()) {
                    loads[g * load_stride()] = 0;
                } else if constexpr (LoadsShared) {
                    loads[g * load_stride()] = p_.carried_loads[from + g];
                }
            }
            if (part_of(thread) == 0 && !p_.begins()) {
                mine.sum = p_.carried_sums[2 * (first_ + lane)];
                mine.moved_weight = p_.carried_sums[2 * (first_ + lane) + 1];
            }
        });
        team_.meet();
    }

    BERTH_HD void add(tally& mine, word* loads, std::size_t task, std::size_t gpu,
                      const gene_entry<word>& entry) const {
        team_.add(loads[load_index(gpu)], entry.load);
        mine.sum += entry.summand;
        if (p_.initial != nullptr) mine.moved_weight += p_.moved_weight(task, gpu);
    }

    // ---- lanes as tasks ---------------------------------------------------------------------------------------------

    BERTH_HD void add_directly(std::uint32_t thread, tally& mine) const {
        const std::uint32_t lane = lane_of(thread);
        if (!present(lane)) return;
        const Gene* genes = p_.genes + (first_ + lane) * p_.source.tasks();
        word* loads = loads_of(lane);
        const std::size_t step = s_.parts;
        std::size_t t = p_.first_task + part_of(thread);
        // Four loads of words are in flight at a time.
        for (; t + 3 * step < p_.last_task; t += 4 * step) {
            std::size_t gpu[4];
            gene_entry<word> entry[4];
            for (std::size_t i = 0; i < 4; ++i) gpu[i] = genes[t + i * step];
            for (std::size_t i = 0; i < 4; ++i) entry[i] = look(t + i * step, gpu[i]);
            for (std::size_t i = 0; i < 4; ++i) add(mine, loads, t + i * step, gpu[i], entry[i]);
        }
        for (; t < p_.last_task; t += step) {
            const std::size_t gpu = genes[t];
            add(mine, loads, t, gpu, look(t, gpu));
        }
    }
    [[nodiscard]] BERTH_HD gene_entry<word> look(std::size_t task, std::size_t gpu) const {
        BERTH_ASSERT(gpu < p_.source.gpus(), "berth: a gene names a GPU");
        return p_.source.look(p_.source.row(task), p_.source.fixed(), gpu);
    }

    // ---- lanes as individuals ---------------------------------------------------------------------------------------

    [[nodiscard]] BERTH_HD unit* staged_rows(std::size_t tile) const noexcept {
        return reinterpret_cast<unit*>(shared_ + s_.first_bytes + tile % 2 * s_.stage_bytes);
    }
    [[nodiscard]] BERTH_HD Gene* staged_genes(std::size_t tile) const noexcept {
        return reinterpret_cast<Gene*>(shared_ + s_.first_bytes + tile % 2 * s_.stage_bytes + s_.row_bytes);
    }
    [[nodiscard]] BERTH_HD unit* staged_fixed() const noexcept {
        return reinterpret_cast<unit*>(shared_ + s_.first_bytes + 2 * s_.stage_bytes);
    }
    [[nodiscard]] BERTH_HD std::uint32_t rows_of(std::size_t tile) const noexcept {
        const std::size_t left = p_.source.tasks() - tile * s_.rows;
        return left < s_.rows ? static_cast<std::uint32_t>(left) : s_.rows;
    }

    /// Both addresses are multiples of 16 bytes.
    BERTH_HD void copy_units(unit* to, const unit* from, std::size_t count, std::uint32_t thread) const {
        constexpr std::size_t each = sizeof(sixteen_bytes) / sizeof(unit);
        const std::size_t chunks = count / each;
        for (std::size_t i = thread; i < chunks; i += s_.threads()) {
            team_.copy(reinterpret_cast<sixteen_bytes*>(to) + i, reinterpret_cast<const sixteen_bytes*>(from) + i);
        }
        for (std::size_t i = chunks * each + thread; i < count; i += s_.threads()) team_.copy(to + i, from + i);
    }
    BERTH_HD void stage(std::size_t tile, std::uint32_t thread) const {
        const std::size_t task = tile * s_.rows;
        const std::uint32_t rows = rows_of(tile);
        copy_units(staged_rows(tile), p_.source.row(task), rows * p_.source.row_units(), thread);
        const std::size_t tasks = p_.source.tasks();
        const std::size_t left = p_.individuals - first_;
        const std::uint32_t lanes = left < s_.individuals ? static_cast<std::uint32_t>(left) : s_.individuals;
        const std::uint32_t pitch = evaluation_shape::pitch(s_.rows, sizeof(Gene));
        const Gene* from = p_.genes + first_ * tasks + task;
        Gene* to = staged_genes(tile);
        if constexpr (sizeof(Gene) == 2) {
            if (tasks % 2 == 0 && reinterpret_cast<std::uintptr_t>(p_.genes) % 4 == 0) {
                const std::uint32_t pairs = s_.rows / 2;
                for (std::uint32_t i = thread; i < lanes * pairs; i += s_.threads()) {
                    const std::uint32_t lane = i >> (s_.row_bits - 1);
                    const std::uint32_t pair = i & (pairs - 1);
                    if (2 * pair >= rows) continue;
                    team_.copy(reinterpret_cast<two_genes*>(to + lane * pitch) + pair,
                               reinterpret_cast<const two_genes*>(from + lane * tasks) + pair);
                }
                return;
            }
        }
        for (std::uint32_t i = thread; i < lanes * s_.rows; i += s_.threads()) {
            const std::uint32_t lane = i >> s_.row_bits;
            const std::uint32_t row = i & (s_.rows - 1);
            if (row < rows) team_.copy(to + lane * pitch + row, from + lane * tasks + row);
        }
    }
    /// The threads work on one stage while the other is filled.
    BERTH_HD void pass_rows() const {
        const std::size_t tiles = (p_.source.tasks() + s_.rows - 1) / s_.rows;
        if (tiles == 0) return;
        team_.each([this](std::uint32_t thread, tally&) {
            copy_units(staged_fixed(), p_.source.fixed(), p_.source.fixed_units(), thread);
            stage(0, thread);
            team_.close();
        });
        for (std::size_t tile = 0; tile < tiles; ++tile) {
            const bool last = tile + 1 == tiles;
            team_.each([this, tile, last](std::uint32_t thread, tally&) {
                if (!last) stage(tile + 1, thread);
                team_.close();
                team_.settle(1);
            });
            team_.meet();
            team_.each([this, tile](std::uint32_t thread, tally& mine) { add_staged(tile, thread, mine); });
            team_.meet();
        }
    }
    BERTH_HD void add_staged(std::size_t tile, std::uint32_t thread, tally& mine) const {
        const std::uint32_t lane = lane_of(thread);
        if (!present(lane)) return;
        const unit* fixed = staged_fixed();
        const Gene* genes = staged_genes(tile) + lane * evaluation_shape::pitch(s_.rows, sizeof(Gene));
        word* loads = loads_of(lane);
        const std::uint32_t count = rows_of(tile);
        const auto units = static_cast<std::uint32_t>(p_.source.row_units());
        const std::uint32_t first = part_of(thread);
        const unit* row = staged_rows(tile) + first * units;
        for (std::uint32_t r = first; r < count; r += s_.parts, row += s_.parts * units) {
            const std::size_t gpu = genes[r];
            BERTH_ASSERT(gpu < p_.source.gpus(), "berth: a gene names a GPU");
            add(mine, loads, tile * s_.rows + r, gpu, p_.source.look(row, fixed, gpu));
        }
    }

    // ---- values -----------------------------------------------------------------------------------------------------

    BERTH_HD void end(std::uint32_t thread, tally& mine) const {
        const std::uint32_t lane = lane_of(thread);
        if (!present(lane)) return;
        const word* loads = loads_of(lane);
        const std::size_t gpus = p_.source.gpus();
        const std::size_t row = (first_ + lane) * gpus;
        for (std::size_t g = part_of(thread); g < gpus; g += s_.parts) {
            const word load = loads[g * load_stride()];
            if (!p_.ends()) {
                if constexpr (LoadsShared) p_.carried_loads[row + g] = load;
                continue;
            }
            mine.see(load, p_.source.capacity(g));
            if (p_.loads != nullptr) p_.loads[row + g] = static_cast<amount>(load);
        }
    }
    BERTH_HD void merge() const {
        team_.each([this](std::uint32_t thread, tally& mine) { merged(part_of(thread), lane_of(thread)) = mine; });
        team_.meet();
        for (std::uint32_t step = s_.parts / 2; step > 0; step /= 2) {
            team_.each([this, step](std::uint32_t thread, tally&) {
                const std::uint32_t part = part_of(thread);
                if (part < step) merged(part, lane_of(thread)).merge(merged(part + step, lane_of(thread)));
            });
            team_.meet();
        }
        team_.each([this](std::uint32_t thread, tally&) {
            const std::uint32_t lane = lane_of(thread);
            if (part_of(thread) == 0 && present(lane)) write(first_ + lane, merged(0, lane));
        });
    }
    BERTH_HD void write(std::size_t individual, const tally& all) const {
        if (!p_.ends()) {
            p_.carried_sums[2 * individual] = all.sum;
            p_.carried_sums[2 * individual + 1] = all.moved_weight;
            return;
        }
        const assignment_value value{p_.source.cost(all.sum, all.total), static_cast<amount>(all.excess)};
        if (p_.values != nullptr) p_.values[individual] = value;
        if (p_.measures != nullptr) {
            const std::uint64_t least = p_.source.gpus() == 0 ? 0 : all.least;
            p_.measures[individual] = {value, static_cast<amount>(all.most), static_cast<amount>(least), all.squares,
                                       all.moved_weight};
        }
    }

    const evaluation_pass<Source, Gene>& p_;
    const evaluation_shape& s_;
    std::size_t first_;
    unsigned char* shared_;
    Team& team_;
};

}  // namespace berth::inline v0::detail::evaluation
