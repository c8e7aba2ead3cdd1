// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/slurm_gres.hpp"

#include "records.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth_slurm {

/// What a job asks for on each of its nodes.
struct gpu_wish {
    std::uint32_t gpus = 0;
    berth::amount share = berth::whole_gpu;  ///< of each GPU, in thousandths
    std::vector<std::string> models{};       ///< accepted ones; empty: all

    friend bool operator==(const gpu_wish&, const gpu_wish&) = default;
};

/// The index that the type of a GRES stands for: 3 of `i3`; nothing for other types.
[[nodiscard]] inline std::optional<unsigned> index_of_type(std::string_view type) noexcept {
    if (type.size() < 2 || type.size() > 3 || type.front() != 'i') return std::nullopt;
    unsigned index = 0;
    const auto [end, code] = std::from_chars(type.data() + 1, type.data() + type.size(), index);
    if (code != std::errc{} || end != type.data() + type.size() || index >= berth::max_gpus_per_node)
        return std::nullopt;
    return index;
}

/// A share in shards of a GPU that has so many, rounded up to thousandths.
[[nodiscard]] inline berth::amount share_of(std::uint64_t shards, std::uint64_t of_gpu) noexcept {
    if (of_gpu == 0 || shards >= of_gpu) return berth::whole_gpu;
    return static_cast<berth::amount>((shards * 1000 + of_gpu - 1) / of_gpu);
}
/// The shards of a share, rounded so that `share_of` gives the share again for whole shards.
[[nodiscard]] inline std::uint64_t shards_of(berth::amount share, std::uint64_t of_gpu) noexcept {
    return static_cast<std::uint64_t>(share) * of_gpu / 1000;
}

namespace detail {

[[nodiscard]] inline berth::error refused(std::string_view text, const char* why) {
    return berth::error{berth::error_code::invalid_value, "wish \"" + std::string{text} + "\": " + why};
}

}  // namespace detail

/// Reads the wish that the submission hook has written down, and the features that the job asks for.
///
/// @param comment     the administrator's comment: `berth:gres:gpu:2`, `berth:gpu:a100:1`, `berth:gres:shard:50`
/// @param constraint  features: one, or alternatives such as `a100|h100`; empty: none
/// @param shards      of each GPU on this cluster; 0: GPUs are not shared
/// @return            or an error that says what berth does not understand, so that the job stays held
[[nodiscard]] inline berth::result<gpu_wish> read_wish(std::string_view comment, std::string_view constraint,
                                                       std::uint64_t shards) {
    std::string_view text = comment;
    if (text.starts_with(wish_mark)) text.remove_prefix(wish_mark.size());
    const auto items = berth::io::read_slurm_gres(text);
    if (!items) return items.error();
    gpu_wish wish;
    for (const berth::io::slurm_gres& item : *items) {
        if (item.name != "gpu" && item.name != "shard") return detail::refused(text, "only gpu and shard are known");
        if (wish.gpus != 0) return detail::refused(text, "it has more than one item");
        if (item.count == 0) return detail::refused(text, "the count is 0");
        if (item.name == "shard") {
            if (shards == 0) return detail::refused(text, "the GPUs of this cluster are not shared");
            if (item.count > shards) return detail::refused(text, "it asks for more shards than a GPU has");
            wish.gpus = 1;
            wish.share = share_of(item.count, shards);
        } else {
            if (item.count > berth::max_gpus_per_node) return detail::refused(text, "no node has so many GPUs");
            wish.gpus = static_cast<std::uint32_t>(item.count);
        }
        if (index_of_type(item.type)) return detail::refused(text, "berth decides which GPU: ask for a number of them");
        if (!item.type.empty()) wish.models.emplace_back(item.type);
    }
    if (wish.gpus == 0) return detail::refused(text, "it asks for nothing");
    if (constraint.empty()) return wish;
    std::vector<std::string> models;
    std::string_view rest = constraint;
    if (rest.size() > 1 && rest.front() == '[' && rest.back() == ']') rest = rest.substr(1, rest.size() - 2);
    while (!rest.empty()) {
        const std::size_t bar = rest.find('|');
        const std::string_view one = rest.substr(0, bar);
        if (one.empty() || bar + 1 == rest.size() || one.find_first_of("&*()[], ") != std::string_view::npos) {
            return detail::refused(constraint, "as a constraint berth knows one feature, or several with | between");
        }
        models.emplace_back(one);
        rest.remove_prefix(bar == std::string_view::npos ? rest.size() : bar + 1);
    }
    if (!wish.models.empty() && wish.models != models)
        return detail::refused(text, "its type and its constraint name different models");
    wish.models = std::move(models);
    return wish;
}

/// What Slurm is told so that a job gets exactly these GPUs on each of its nodes: `gres:gpu:i1:1,gres:gpu:i3:1`, of
/// shared ones `gres:shard:i1:50`.
[[nodiscard]] inline std::string gres_text(berth::gpu_mask gpus, berth::amount share, std::uint64_t shards) {
    if (share >= berth::whole_gpu || shards == 0) return berth::io::slurm_gres_of(gpus);
    std::string text;
    for (berth::gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
        if (!text.empty()) text += ',';
        text +=
            "gres:shard:i" + std::to_string(berth::lowest_gpu(rest)) + ':' + std::to_string(shards_of(share, shards));
    }
    return text;
}
/// True if a request names GPUs or shares of them. An update of a request is merged with it, so what it names stays
/// named: a job keeps the indices of its first start. (`gpu:0` is ignored. The empty text sets the counts to 0 and
/// leaves the names, with which slurmctld 22.05 finds no room for the job, or ends.)
[[nodiscard]] inline bool names_gpus(std::string_view asked) noexcept {
    return asked.find("gpu") != std::string_view::npos || asked.find("shard") != std::string_view::npos;
}

/// Reads what a running job has on a node, `gpu:i1:1(IDX:1),gpu:i3:1(IDX:3)` or `shard:i0:50(IDX:0)`, or what a pending
/// one was told, `gres:gpu:i1:1`. A text that names no index leaves the GPUs out.
[[nodiscard]] inline allocation read_allocation(std::string node, std::string_view text, std::uint64_t shards) {
    allocation read{std::move(node), 0, berth::whole_gpu};
    const auto items = berth::io::read_slurm_gres(text);
    if (!items) return read;
    for (const berth::io::slurm_gres& item : *items) {
        if ((item.name != "gpu" && item.name != "shard") || item.count == 0) continue;
        if (item.indices) {
            read.gpus |= *item.indices;
        } else if (const auto index = index_of_type(item.type)) {
            read.gpus |= berth::gpu_mask{1} << *index;
        }
        if (item.name == "shard") read.share = share_of(item.count, shards);
    }
    return read;
}

/// Reads the GRES of a node into its record: its GPUs by the types `i0`, `i1`, ..., and the shards of each.
inline void read_node_gres(node_record& node, std::string_view text) {
    const auto items = berth::io::read_slurm_gres(text);
    if (!items) return;
    for (const berth::io::slurm_gres& item : *items) {
        const auto index = index_of_type(item.type);
        if (!index) continue;
        if (item.name == "gpu") node.gpus |= berth::gpu_mask{1} << *index;
        if (item.name == "shard") node.shards = item.count;
    }
}

}  // namespace berth_slurm
