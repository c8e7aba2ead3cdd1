// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/run/migration_journal.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/model/cluster.hpp"

#include "bridge.hpp"
#include "port.hpp"
#include "slurm_executor.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth_slurm {

/// A file that survives a crash: what `write` has answered true to is on the disk.
class file_journal {
public:
    /// @param path   of the file
    /// @param first  its first line, before the journal; with its end
    file_journal(std::filesystem::path path, std::string first) : path_{std::move(path)}, first_{std::move(first)} {}
    /// As of `berth::migration_journal`.
    bool write(std::string_view text, berth::journal_write how);

private:
    std::filesystem::path path_;
    std::string first_;
};

/// Carries the moves out, each by a `berth::migration_run` of its own over a small cluster of its two nodes, with a
/// journal in a file of its own. The engine holds both ends meanwhile.
class move_desk {
public:
    /// @param port    carries out; must outlive the desk
    /// @param folder  of the journals; it exists
    move_desk(slurm_port& port, std::filesystem::path folder, move_options options)
        : port_{&port}, folder_{std::move(folder)}, options_{options} {}
    move_desk(const move_desk&) = delete;             ///< its executors see its reading
    move_desk& operator=(const move_desk&) = delete;  ///< its executors see its reading

    /// Takes up the moves whose journals are there, after a restart. What cannot be read is named in `troubles` and set
    /// aside: its job is then found where Slurm has it.
    [[nodiscard]] std::vector<wanted_move> resume(std::vector<std::string>& troubles);
    /// Begins a move.
    void begin(const wanted_move& move, double now);
    /// Advances all moves once.
    ///
    /// @param seen  the latest reading
    /// @param told  hears of those that have ended
    void advance(const snapshot& seen, double now, bridge& told);

    /// Moves under way.
    [[nodiscard]] std::size_t size() const noexcept { return moves_.size(); }
    /// The sentences about moves that ended since the last call.
    [[nodiscard]] std::vector<std::string> take_sentences() { return std::exchange(sentences_, {}); }
    /// How many have ended, by `berth::migration_outcome`.
    [[nodiscard]] std::uint64_t count(berth::migration_outcome outcome) const noexcept {
        return counts_[static_cast<std::size_t>(outcome)];
    }

private:
    struct active_move {
        active_move(slurm_port& port, const snapshot& seen, const wanted_move& move, move_options options,
                    std::filesystem::path file);

        berth::cluster world;  // its two nodes and its job
        berth::task_handle task{};
        slurm_executor executor;
        file_journal journal;
        std::filesystem::path file;
        std::optional<berth::migration_run> run;
        double began = 0.0;
        unsigned put_back = 0;  // how often, after a slurmctld that forgot it
    };

    [[nodiscard]] std::filesystem::path file_of(std::uint32_t job) const {
        return folder_ / (std::to_string(job) + ".move");
    }

    slurm_port* port_;
    std::filesystem::path folder_;
    move_options options_;
    snapshot seen_;
    std::vector<std::unique_ptr<active_move>> moves_;
    std::vector<std::string> sentences_;
    std::uint64_t counts_[berth::migration_outcome_count] = {};
    std::uint64_t last_run_ = 0;
};

}  // namespace berth_slurm
