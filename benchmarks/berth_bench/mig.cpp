// SPDX-License-Identifier: Apache-2.0
// berth-bench mig: legal layouts of boards, orders of arrival on one GPU, and a stream of slices on a fleet.
#include "berth/allocate/mig/mig_choice.hpp"
#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/core/random.hpp"

#include "berth_bench/commands.hpp"
#include "support/data_folders.hpp"
#include "support/mig_table.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/splitmix_source.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace {

using berth::mig_board;
using berth::mig_layout;
using berth::mig_place;
using berth::mig_positions;
using berth::mig_slice;

struct mig_options {
    std::string profiles;
    std::string board = "A100-40";
    std::size_t gpus = 100;
    std::size_t arrivals = 6000;
    std::size_t seeds = 10;
    std::vector<double> loads = {0.8, 0.9, 1.0, 1.1};
    std::string json;
};

void print_layouts(const std::vector<mig_board>& boards, nlohmann::ordered_json& json) {
    fmt::print("{:14} {:>10} {:>14} {:>10} {:>12} {:>12}\n", "board", "profiles", "legal layouts", "full", "sets",
               "of them plain");
    for (const mig_board& board : boards) {
        const auto plain = berth::plain_mig_profiles(board);
        const mig_positions positions{board, plain};
        fmt::print("{:14} {:10} {:14} {:10} {:12} {:12}\n", board.name(), board.profiles().size(),
                   positions.layout_count(), positions.full_count(), positions.set_count(), plain.size());
        json["boards"][board.name()] = {
            {"layouts", positions.layout_count()}, {"full", positions.full_count()}, {"sets", positions.set_count()}};
    }
}

/// Every order in which slices arrive whose set fits on one GPU: with our positions, the lowest starts, and moves.
void print_orders(const mig_positions& positions, const std::vector<std::size_t>& plain, nlohmann::ordered_json& json) {
    const mig_board& board = positions.board();
    std::set<std::vector<std::size_t>> orders;
    berth::for_each_layout(board, plain, [&](const mig_layout& layout) {
        std::vector<std::size_t> order;
        for (const mig_slice& slice : layout.slices()) order.push_back(slice.profile);
        std::ranges::sort(order);
        if (order.empty() || orders.contains(order)) return;
        do orders.insert(order);
        while (std::ranges::next_permutation(order).found);
    });
    std::size_t by_value = 0;
    std::size_t by_lowest = 0;
    std::size_t with_moves = 0;
    std::size_t moves = 0;
    for (const auto& order : orders) {
        mig_layout ours;
        mig_layout lowest;
        bool moved = false;
        bool placed = true;
        bool low = true;
        for (const std::size_t profile : order) {
            const auto& starts = board.profiles()[profile].starts;
            low = low &&
                  std::ranges::any_of(starts, [&](std::uint32_t start) { return lowest.add(board, {profile, start}); });
            if (const auto at = positions.best(ours, profile)) {
                ours.add(board, *at);
                continue;
            }
            moved = true;
            const auto how = positions.repartition(ours, profile);
            placed = placed && how.has_value();
            if (!how) break;
            moves += how->moves.size();
            for (const auto& move : how->moves) ours.remove(board, move.from);
            for (const auto& move : how->moves) ours.add(board, move.to);
            ours.add(board, how->place);
        }
        by_value += moved ? 0U : 1U;
        by_lowest += low ? 1U : 0U;
        with_moves += placed ? 1U : 0U;
    }
    fmt::print("\n{} orders of arrival on one {}: lowest start {}, berth {}, berth with moves {} ({} moves)\n",
               orders.size(), board.name(), by_lowest, by_value, with_moves, moves);
    json["orders"] = {{"all", orders.size()},
                      {"lowest_start", by_lowest},
                      {"berth", by_value},
                      {"with_moves", with_moves},
                      {"moves", moves}};
}

using stream_policy = std::function<std::optional<mig_place>(std::vector<mig_layout>&, std::size_t)>;

std::optional<mig_slice> first_start(const mig_board& board, const mig_layout& layout, std::size_t profile, bool high) {
    const auto& starts = board.profiles()[profile].starts;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const mig_slice slice{profile, starts[high ? starts.size() - 1 - i : i]};
        if (layout.allows(board, slice)) return slice;
    }
    return std::nullopt;
}

struct stream_figures {
    double slices = 0.0;    // compute slices accepted, of those asked for
    double requests = 0.0;  // requests accepted
};

stream_figures run_stream(const mig_options& options, const mig_board& board, const std::vector<std::size_t>& plain,
                          double load, std::uint64_t seed, const stream_policy& place) {
    splitmix_source draw{seed * 0x2545f4914f6cdd1dULL};
    double mean = 0.0;
    for (const std::size_t p : plain) mean += board.profiles()[p].compute_slices;
    mean /= static_cast<double>(plain.size());
    const double rate = load * static_cast<double>(options.gpus) * board.compute_slices() / mean;
    struct end {
        double time;
        std::size_t gpu;
        std::size_t profile;
        bool operator<(const end& other) const { return time > other.time; }
    };
    std::vector<mig_layout> fleet(options.gpus);
    std::priority_queue<end> ends;
    double now = 0.0;
    double asked[2] = {};
    double accepted[2] = {};
    for (std::size_t j = 0; j < options.arrivals; ++j) {
        now -= std::log(1.0 - berth::uniform01(draw)) / rate;
        const std::size_t profile =
            plain[static_cast<std::size_t>(berth::uniform01(draw) * static_cast<double>(plain.size()))];
        const double length = -std::log(1.0 - berth::uniform01(draw));
        for (; !ends.empty() && ends.top().time <= now; ends.pop()) {
            // Slices of one profile are alike, and moves may have changed their positions.
            mig_layout& layout = fleet[ends.top().gpu];
            const auto at = std::ranges::find(layout.slices(), ends.top().profile, &mig_slice::profile);
            const mig_slice gone = *at;
            layout.remove(board, gone);
        }
        const auto at = place(fleet, profile);
        if (at) {
            fleet[at->gpu].add(board, at->slice);
            ends.push({now + length, at->gpu, profile});
        }
        if (j < options.arrivals / 10) continue;  // the fleet fills first
        const double size = board.profiles()[profile].compute_slices;
        asked[0] += size;
        asked[1] += 1.0;
        if (at) {
            accepted[0] += size;
            accepted[1] += 1.0;
        }
    }
    return {accepted[0] / asked[0], accepted[1] / asked[1]};
}

void print_stream(const mig_options& options, const mig_positions& positions, const std::vector<std::size_t>& plain,
                  nlohmann::ordered_json& json) {
    const mig_board& board = positions.board();
    std::vector<double> shares(board.profiles().size(), 0.0);
    for (const std::size_t p : plain) shares[p] = 1.0;
    std::size_t moves = 0;
    const stream_policy ours = [&](std::vector<mig_layout>& fleet, std::size_t profile) {
        return berth::choose_mig_place(positions, fleet, profile, shares);
    };
    const std::vector<std::pair<const char*, stream_policy>> policies = {
        {"first_fit",
         [&](std::vector<mig_layout>& fleet, std::size_t profile) -> std::optional<mig_place> {
             for (std::size_t g = 0; g < fleet.size(); ++g) {
                 if (const auto s = first_start(board, fleet[g], profile, false)) return mig_place{g, *s};
             }
             return std::nullopt;
         }},
        // HAMi tries the starts of 1g and 3g from high to low, of the others from low to high.
        {"hami",
         [&](std::vector<mig_layout>& fleet, std::size_t profile) -> std::optional<mig_place> {
             const auto compute = board.profiles()[profile].compute_slices;
             for (std::size_t g = 0; g < fleet.size(); ++g) {
                 if (const auto s = first_start(board, fleet[g], profile, compute == 1 || compute == 3)) {
                     return mig_place{g, *s};
                 }
             }
             return std::nullopt;
         }},
        {"best_fit_memory",
         [&](std::vector<mig_layout>& fleet, std::size_t profile) {
             std::optional<mig_place> best;
             int most = -1;
             for (std::size_t g = 0; g < fleet.size(); ++g) {
                 const int used = std::popcount(fleet[g].covered());
                 if (used <= most) continue;
                 if (const auto s = first_start(board, fleet[g], profile, false)) {
                     best = mig_place{g, *s};
                     most = used;
                 }
             }
             return best;
         }},
        {"berth", ours},
        {"berth_with_moves", [&](std::vector<mig_layout>& fleet, std::size_t profile) {
             auto at = ours(fleet, profile);
             if (at) return at;
             const auto how = berth::choose_repartition(positions, fleet, profile);
             if (!how) return at;
             for (const auto& move : how->how.moves) fleet[how->gpu].remove(board, move.from);
             for (const auto& move : how->how.moves) fleet[how->gpu].add(board, move.to);
             moves += how->how.moves.size();
             return std::optional{mig_place{how->gpu, how->how.place}};
         }}};
    fmt::print(
        "\nA stream of slices on {} x {}, {} seeds: share of the compute slices accepted (of the requests)\n\n{:18}",
        options.gpus, board.name(), options.seeds, "policy");
    for (const double load : options.loads) fmt::print(" {:>18}", fmt::format("load {:.0f} %", 100.0 * load));
    fmt::print(" {:>12}\n", "moves");
    for (const auto& [name, policy] : policies) {
        moves = 0;
        fmt::print("{:18}", name);
        for (const double load : options.loads) {
            stream_figures mean;
            for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
                const stream_figures one = run_stream(options, board, plain, load, seed, policy);
                mean.slices += one.slices / static_cast<double>(options.seeds);
                mean.requests += one.requests / static_cast<double>(options.seeds);
            }
            fmt::print(" {:>18}", fmt::format("{:.4f} ({:.4f})", mean.slices, mean.requests));
            json["stream"][name][fmt::format("{:.2f}", load)] = {{"slices", mean.slices}, {"requests", mean.requests}};
            if (interrupted()) break;
        }
        fmt::print(" {:12}\n", moves);
        json["stream"][name]["moves"] = moves;
        if (interrupted()) return;
    }
}

int run_mig(const mig_options& options) {
    if (auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const std::string file = options.profiles.empty() ? own_data_folder("mig") + "/mig-profiles.csv" : options.profiles;
    const auto boards = read_mig_boards(file);
    if (!boards) return fail(boards.error().message);
    const auto board = std::ranges::find(*boards, options.board, &mig_board::name);
    if (board == boards->end()) return fail(fmt::format("--board {}: {} has no such board", options.board, file));
    nlohmann::ordered_json json;
    print_layouts(*boards, json);
    const auto plain = berth::plain_mig_profiles(*board);
    const mig_positions positions{*board, plain};
    print_orders(positions, plain, json);
    print_stream(options, positions, plain, json);
    if (!options.json.empty()) {
        if (auto ok = write_file(options.json, json.dump(2) + "\n"); !ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_mig(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<mig_options>();
    subcommand = program.add_subcommand("mig", "GPUs in MIG mode: legal layouts, positions, a stream of slices");
    subcommand->add_option("--mig-profiles", options->profiles, "Profile table (CSV); default: the project's own");
    subcommand->add_option("--board", options->board, "The board of orders and stream")->capture_default_str();
    subcommand->add_option("--gpus", options->gpus, "GPUs of the stream")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    subcommand->add_option("--arrivals", options->arrivals, "Slices of the stream")
        ->check(CLI::Range(std::size_t{100}, std::size_t{100'000'000}))
        ->capture_default_str();
    subcommand->add_option("--seeds", options->seeds, "Streams, whose mean is printed")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    subcommand->add_option("--load", options->loads, "Shares of all compute slices that are asked for")
        ->check(CLI::Range(0.01, 10.0))
        ->capture_default_str();
    subcommand->add_option("--json", options->json, "Writes the figures as JSON");
    return [options] { return run_mig(*options); };
}

}  // namespace bench
