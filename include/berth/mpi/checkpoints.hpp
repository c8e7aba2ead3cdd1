// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/byte_box.hpp"
#include "berth/core/message.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// Length: one class, the files of a run: written, found, read, removed.

namespace berth::inline v0::mpi {

/// Checkpoints of a run in files, one for each part and round, in a folder that all processes see. MPI ends the whole
/// job when a rank is lost; a job that is started again, on any number of ranks, goes on from the last checkpoint with
/// the same answer. Works with every run that has `held()`, `part_count()`, `rounds()`, `save` and `restore`:
/// `distributed_run`, `island_run`, `genetic_run`.
///
/// ```
/// berth::mpi::checkpoints saved{"run-7", ranks, {.every = 10}};
/// const auto found = saved.resume(run);                           // every process
/// if (!found) return report(found.error());
/// if (!*found) { fill(run); open(run); }                          // there was none
/// const auto answer = run.improve(threads, control, saved);       // written after every tenth round
/// if (!saved.status()) return report(saved.status().error());
/// ```
///
/// A checkpoint counts once the file `last` names its round, which happens after all parts are on the disk; a job that
/// is lost while it writes leaves the one before. Files have a checksum, and are for the program and the processors
/// that wrote them. Two checkpoints lie on the disk at most.
template <part_exchange Exchange>
class checkpoints {
public:
    /// How often they are written.
    struct options {
        std::uint64_t every = 1;  ///< rounds between two, above 0
    };

    /// @param folder    made if it is not there
    /// @param exchange  that of the run
    checkpoints(std::string folder, Exchange exchange, options how = {})
        : folder_{std::move(folder)}, exchange_{std::move(exchange)}, options_{how} {}

    /// Restores a run from the last checkpoint of the folder. Every process calls it.
    ///
    /// @return  false if there is none; an error, in every process, that names the file if one cannot be used
    template <class Run>
    [[nodiscard]] result<bool> resume(Run& run) {
        byte_box box;
        if (run.held().holds(0)) {
            const auto last = read_file(path("last"));
            byte_writer{box}.put(
                round_of(last ? std::string_view{reinterpret_cast<const char*>(last->data()), last->size()}
                              : std::string_view{}));
        }
        exchange_.tell(run.part_count(), 0, box);
        const auto round = byte_reader{box}.get<std::int64_t>();
        if (round == no_round) return false;
        std::optional<error> refused;
        if (round == bad_round) {
            refused = error{error_code::malformed, "berth: " + path("last") + ": field round: expected digits"};
        }
        for (std::size_t part = run.held().first; part < run.held().end && !refused; ++part) {
            const std::string name = path(file_of(static_cast<std::uint64_t>(round), part));
            const auto file = read_file(name);
            const auto content = file ? checked(*file) : std::nullopt;
            if (!file) {
                refused = error{error_code::io, "berth: " + name + ": cannot be read"};
            } else if (!content) {
                refused = error{error_code::malformed, "berth: " + name + ": field checksum: the file is damaged"};
            } else if (const auto taken = run.restore(part, *content); !taken) {
                refused = error{taken.error().code, "berth: " + name + ": " + taken.error().message};
            }
        }
        if (auto all = agreed(run.part_count(), std::move(refused)); !all) return all.error();
        written_ = static_cast<std::uint64_t>(round);
        return true;
    }

    /// After a round: writes a checkpoint if one is due. False if that failed, in every process. What `improve` calls.
    template <class Run>
    bool operator()(const Run& run) {
        if (options_.every == 0 || run.rounds() % options_.every != 0) return true;
        status_ = write(run);
        return status_.has_value();
    }
    /// Success, or why the last checkpoint was not written.
    [[nodiscard]] const result<void>& status() const noexcept { return status_; }

    /// Writes a checkpoint now, unless that of this round is there. Every process calls it, between rounds.
    template <class Run>
    [[nodiscard]] result<void> write(const Run& run) {
        if (written_ && *written_ == run.rounds()) return {};  // its files count, and are not touched
        std::error_code ignored;                               // what is amiss shows when a file is opened
        std::filesystem::create_directories(folder_, ignored);
        std::optional<error> failed;
        for (std::size_t part = run.held().first; part < run.held().end && !failed; ++part) {
            byte_box content;
            run.save(part, content);
            byte_writer{content}.put(checksum(content));
            failed = write_file(path(file_of(run.rounds(), part)), content);
        }
        if (auto all = agreed(run.part_count(), std::move(failed)); !all) return all;
        failed.reset();
        if (run.held().holds(0)) {
            byte_box name;
            const std::string digits = std::to_string(run.rounds()) + "\n";
            byte_writer{name}.put_all(std::span<const char>{digits});
            failed = write_file(path("last.new"), name);
            if (!failed && std::rename(path("last.new").c_str(), path("last").c_str()) != 0) {
                failed = error{error_code::io, "berth: " + path("last") + ": " + std::strerror(errno)};
            }
        }
        if (auto all = agreed(run.part_count(), std::move(failed)); !all) return all;
        if (written_) {
            for (std::size_t part = run.held().first; part < run.held().end; ++part)
                std::filesystem::remove(path(file_of(*written_, part)), ignored);
        }
        written_ = run.rounds();
        return {};
    }

private:
    static constexpr std::int64_t no_round = -1;
    static constexpr std::int64_t bad_round = -2;

    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
    [[nodiscard]] static std::string file_of(std::uint64_t round, std::size_t part) {
        return "round-" + std::to_string(round) + ".part-" + std::to_string(part);
    }
    /// The number in `last`.
    [[nodiscard]] static std::int64_t round_of(std::string_view text) noexcept {
        if (text.empty()) return no_round;
        std::int64_t round = 0;
        std::size_t digits = 0;
        for (; digits < text.size() && digits < 18 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
            round = 10 * round + (text[digits] - '0');
        return digits > 0 && text.substr(digits) == "\n" ? round : bad_round;
    }
    [[nodiscard]] static std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
        std::uint64_t sum = bytes.size();
        for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            const std::size_t left = bytes.size() - at;
            std::memcpy(&word, bytes.data() + at, left < sizeof(word) ? left : sizeof(word));
            sum = splitmix64(sum ^ word);
        }
        return sum;
    }
    /// What stands before the checksum, if that is right.
    [[nodiscard]] static std::optional<std::span<const std::byte>> checked(const byte_box& file) {
        if (file.size() < sizeof(std::uint64_t)) return std::nullopt;
        const std::span<const std::byte> content{file.data(), file.size() - sizeof(std::uint64_t)};
        const auto written = byte_reader{std::span{file}.subspan(content.size())}.get<std::uint64_t>();
        if (written != checksum(content)) return std::nullopt;
        return content;
    }
    [[nodiscard]] static std::optional<byte_box> read_file(const std::string& name) {
        std::FILE* file = std::fopen(name.c_str(), "rb");
        if (file == nullptr) return std::nullopt;
        byte_box content;
        std::byte block[1U << 16U];
        for (std::size_t read = 0; (read = std::fread(block, 1, sizeof block, file)) > 0;)
            content.insert(content.end(), block, block + read);
        const bool whole = std::ferror(file) == 0;
        std::fclose(file);
        if (!whole) return std::nullopt;
        return content;
    }
    /// Nothing, or why the file is not on the disk.
    [[nodiscard]] static std::optional<error> write_file(const std::string& name, const byte_box& content) {
        std::FILE* file = std::fopen(name.c_str(), "wb");
        bool whole = file != nullptr && std::fwrite(content.data(), 1, content.size(), file) == content.size();
        whole = whole && std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
        const int why = errno;
        if (file != nullptr) whole = std::fclose(file) == 0 && whole;
        if (whole) return std::nullopt;
        return error{error_code::io, "berth: " + name + ": cannot be written: " + std::strerror(why)};
    }
    /// Success if no process has an error; else that of this process, or that another has one.
    [[nodiscard]] result<void> agreed(std::size_t parts, std::optional<error> own) {
        std::vector<std::uint8_t> failed(parts, 0);
        const held_parts held = exchange_.held(parts);
        for (std::size_t part = held.first; part < held.end; ++part) failed[part] = own ? 1 : 0;
        detail::share_records(exchange_, std::span{failed});
        if (own) return *own;
        for (std::size_t part = 0; part < parts; ++part) {
            if (failed[part] == 0) continue;
            return error{error_code::io, "berth: " + folder_ + ": the process with part " + std::to_string(part) +
                                             " failed at its files"};
        }
        return {};
    }

    std::string folder_;
    Exchange exchange_;
    options options_;
    result<void> status_{};
    std::optional<std::uint64_t> written_;
};

}  // namespace berth::inline v0::mpi
