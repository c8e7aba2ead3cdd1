// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// A slot as one word of the texts that berth saves: `12:3`, node and hexadecimal GPUs, or `-`.

namespace berth::inline v0::detail {

inline constexpr std::uint64_t most_nodes_of_text = 999'999'999;
inline constexpr const char* slot_form = "- or a node and hexadecimal GPUs, such as 12:3";

inline void append_slot(std::string& text, const slot& where) {
    if (!where.placed()) {
        text.push_back('-');
        return;
    }
    phrase{where.node.value()}.append_to(text);
    text.push_back(':');
    append_hex(text, where.gpus);
}

[[nodiscard]] inline std::optional<slot> to_slot(std::string_view word) noexcept {
    if (word == "-") return unplaced;
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto node = to_number(word.substr(0, colon), most_nodes_of_text);
    const auto gpus = from_hex(word.substr(colon + 1));
    if (!node || !gpus) return std::nullopt;
    return slot{node_index{static_cast<std::size_t>(*node)}, *gpus};
}

}  // namespace berth::inline v0::detail
