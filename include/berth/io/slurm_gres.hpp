// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0::io {

/// One item of a list of generic resources (GRES) of Slurm. Views into the text that was read.
struct slurm_gres {
    std::string_view name{};            ///< `gpu`, `shard`, ...
    std::string_view type{};            ///< `a100`; empty: any
    std::uint64_t count = 1;            ///< how many; with K, M, G, T as Slurm counts them, in steps of 1024
    std::optional<gpu_mask> indices{};  ///< after `IDX:`: which ones, bit i for index i; nothing: it does not say
    bool consumed = true;               ///< false after `no_consume`: named, but not counted

    /// Equal in every field.
    friend bool operator==(const slurm_gres&, const slurm_gres&) = default;
};

namespace detail {

/// Takes what stands before the separator, and the separator, off a text.
[[nodiscard]] inline std::string_view take_until(std::string_view& rest, char separator) noexcept {
    const std::size_t end = rest.find(separator);
    const std::string_view taken = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return taken;
}

/// A count of Slurm, with the letter of its unit.
[[nodiscard]] inline std::optional<std::uint64_t> to_gres_count(std::string_view word) noexcept {
    if (word.empty()) return std::nullopt;
    constexpr std::string_view units = "kmgtKMGT";
    const std::size_t unit = units.find(word.back());
    unsigned shift = 0;
    if (unit != std::string_view::npos) {
        shift = 10U * static_cast<unsigned>(unit % 4 + 1);
        word.remove_suffix(1);
    }
    const auto number = berth::detail::to_number(word, std::numeric_limits<std::uint64_t>::max() >> shift);
    return number ? std::optional{*number << shift} : std::nullopt;
}

/// The indices of `0-1,3`, or none of `N/A`.
[[nodiscard]] inline std::optional<gpu_mask> to_indices(std::string_view list) noexcept {
    gpu_mask mask = 0;
    if (list.empty() || list == "N/A") return mask;
    while (true) {
        const bool more = list.find(',') != std::string_view::npos;
        std::string_view range = take_until(list, ',');
        const bool single = range.find('-') == std::string_view::npos;
        const auto first = berth::detail::to_number(take_until(range, '-'), 63);
        const auto last = single ? first : berth::detail::to_number(range, 63);
        if (!first || !last || *last < *first) return std::nullopt;
        for (std::uint64_t i = *first; i <= *last; ++i) mask |= gpu_mask{1} << i;
        if (!more) return mask;
    }
}

/// One item, or what is wrong with it.
[[nodiscard]] inline result<slurm_gres> read_gres_item(std::string_view item) {
    const auto refused = [&](const char* why) {
        return berth::detail::refuse(error_code::malformed, {"GRES ", berth::detail::phrase::quoted(item), ": ", why});
    };
    std::string_view rest = item;
    if (rest.starts_with("gres:") || rest.starts_with("gres/")) rest.remove_prefix(5);
    slurm_gres read;
    if (const std::size_t open = rest.find('('); open != std::string_view::npos) {
        if (rest.back() != ')') return refused("the parenthesis is not closed");
        std::string_view inside = rest.substr(open + 1, rest.size() - open - 2);
        rest = rest.substr(0, open);
        if (inside.starts_with("IDX:")) {
            read.indices = to_indices(inside.substr(4));
            if (!read.indices) return refused("IDX is no list of indices from 0 to 63, such as 0-1,3");
        } else if (!inside.starts_with("S:") && !inside.starts_with("CNT:")) {
            return refused("the parenthesis holds neither IDX: nor S:");
        }
    }
    if (const std::size_t equals = rest.find('='); equals != std::string_view::npos) {
        const auto count = to_gres_count(rest.substr(equals + 1));
        if (!count) return refused("the count is not a whole number");
        read.count = *count;
        rest = rest.substr(0, equals);
        read.name = take_until(rest, ':');
        read.type = rest;
    } else {
        read.name = take_until(rest, ':');
        bool counted = false;
        while (!rest.empty()) {
            const std::string_view word = take_until(rest, ':');
            const auto count = to_gres_count(word);
            if (word == "no_consume") {
                read.consumed = false;
            } else if (counted) {
                return refused("something follows the count");
            } else if (count && rest.empty()) {
                read.count = *count;
                counted = true;
            } else if (read.type.empty() && !word.empty()) {
                read.type = word;
            } else {
                return refused("it has more than a name, a type and a count");
            }
        }
    }
    if (read.name.empty()) return refused("it has no name");
    return read;
}

}  // namespace detail

/// Reads what Slurm writes and takes as generic resources, in all its forms:
///
/// | where | text |
/// |---|---|
/// | a node's `Gres` | `gpu:a100:4(S:0-1),shard:400`, `gpu:2`, `gpu`, `bandwidth:lustre:no_consume:4G` |
/// | a node's `GresUsed`, a job's `GRES` | `gpu:a100:2(IDX:0-1)`, `gpu:a100:0(IDX:N/A)`, `shard:50(IDX:0,2-3)` |
/// | a request | `gres:gpu:i1:1,gres:gpu:i3:1` (Slurm 22.05), `gres/gpu:2` (later) |
/// | TRES | `gres/gpu=2,gres/gpu:a100=2` |
///
/// @param text  `(null)` and the empty text are an empty list
/// @return      the items in their order, or an error that names the item and what is wrong with it
///
/// Views into `text`. O(its length). Deterministic.
[[nodiscard]] inline result<std::vector<slurm_gres>> read_slurm_gres(std::string_view text) {
    std::vector<slurm_gres> items;
    if (text == "(null)" || text.empty()) return items;
    std::size_t begin = 0;
    bool inside = false;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && (text[i] != ',' || inside)) {
            inside = text[i] == '(' || (inside && text[i] != ')');
            continue;
        }
        const auto item = detail::read_gres_item(text.substr(begin, i - begin));
        if (!item) return item.error();
        items.push_back(*item);
        begin = i + 1;
        inside = false;
    }
    return items;
}

/// The text of a request for these GPUs on a cluster whose GRES types are the indices, one type for each:
/// `gres:gpu:i1:1,gres:gpu:i3:1`.
///
/// @param gpus    which indices
/// @param prefix  of the types
[[nodiscard]] inline std::string slurm_gres_of(gpu_mask gpus, std::string_view prefix = "i") {
    std::string text;
    for (std::size_t i = 0; i < 64; ++i) {
        if ((gpus >> i & 1U) == 0) continue;
        if (!text.empty()) text.push_back(',');
        text.append("gres:gpu:").append(prefix);
        berth::detail::phrase{i}.append_to(text);
        text.append(":1");
    }
    return text;
}

}  // namespace berth::inline v0::io
