// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/traits.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace berth::inline v0::detail {

template <class T>
concept counter_value = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

/// Any integer as an amount; one that does not fit becomes the largest amount, which every check refuses.
template <class T>
[[nodiscard]] constexpr amount to_amount(T value) {
    static_assert(counter_value<T>,
                  "berth: capacities and demands are integers (thousandths, MiB); convert yours in the traits");
    if constexpr (std::unsigned_integral<T>) {
        constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<amount>::max());
        return static_cast<amount>(value < largest ? value : largest);
    } else {
        return static_cast<amount>(value);
    }
}

/// One integer, or a range of them.
template <class Values>
void read_amounts(const Values& from, flat<amount>& into) {
    if constexpr (requires { std::begin(from); }) {
        for (const auto& value : from) into.push_back(to_amount(value));
    } else {
        into.push_back(to_amount(from));
    }
}

/// Strings, string literals, `const char*` (null reads as empty), arrays of char (up to the first zero, if there is
/// one).
template <class Text>
[[nodiscard]] constexpr std::string_view as_text(const Text& text) {
    static_assert(std::convertible_to<const Text&, std::string_view>,
                  "berth: names, models and groups are text; convert yours in the traits (std::to_string for numbers)");
    if constexpr (std::is_array_v<Text>) {
        const std::string_view all{text, std::extent_v<Text>};
        return all.substr(0, all.find('\0'));
    } else if constexpr (std::is_pointer_v<Text>) {
        return text == nullptr ? std::string_view{} : std::string_view{text};
    } else {
        return text;
    }
}

template <class Flag>
[[nodiscard]] constexpr bool as_flag(const Flag& flag) {
    static_assert(std::integral<Flag>,
                  "berth: `healthy`, `gang` and `same_model` are bool; compare yours in the traits");
    return flag != 0;
}

/// Copies of texts, because the user's type may return temporaries.
class text_list {
public:
    void clear() noexcept { size_ = 0; }
    void add(std::string_view text) {
        if (size_ == texts_.size()) texts_.push_back({});
        texts_[size_++].assign(text);
    }
    /// A range of texts, or one text joined by `|`.
    template <class Names>
    void read(const Names& from) {
        clear();
        if constexpr (std::convertible_to<const Names&, std::string_view>) {
            std::string_view rest = as_text(from);
            if (rest.empty()) return;
            for (std::size_t bar = rest.find('|'); bar != std::string_view::npos; bar = rest.find('|')) {
                add(rest.substr(0, bar));
                rest.remove_prefix(bar + 1);
            }
            add(rest);
        } else {
            for (const auto& name : from) add(as_text(name));
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return texts_[i]; }
    /// Valid until the next change.
    [[nodiscard]] std::span<const std::string_view> views() {
        views_.clear();
        for (std::size_t i = 0; i < size_; ++i) views_.push_back(texts_[i]);
        return views_.view();
    }

private:
    std::vector<std::string> texts_;  // kept when cleared, to reuse their memory
    std::size_t size_ = 0;
    flat<std::string_view> views_;
};

/// The GPUs of one node. Its memory is reused for the next node.
class gpu_list {
public:
    void clear() noexcept {
        gpus_.clear();
        amounts_.clear();
        models_.clear();
    }
    template <class Gpu>
    void read(const Gpu& gpu) {
        static_assert(gpu_like<Gpu>,
                      "berth: a GPU offers at least `model` or `capacity`, as a member or in gpu_traits");
        const std::size_t before = amounts_.size();
        if constexpr (offers_gpu_capacity<Gpu>()) read_amounts(read_gpu_capacity(gpu), amounts_);
        if constexpr (offers_gpu_model<Gpu>()) {
            models_.add(as_text(read_gpu_model(gpu)));
        } else {
            models_.add({});
        }
        gpu_description described{.capacity = {amounts_.data(), amounts_.size() - before}};
        if constexpr (offers_gpu_healthy<Gpu>()) described.healthy = as_flag(read_gpu_healthy(gpu));
        gpus_.push_back(described);
    }
    /// Valid until the next change.
    [[nodiscard]] std::span<const gpu_description> views() {
        std::size_t first = 0;
        for (std::size_t i = 0; i < gpus_.size(); ++i) {
            gpus_[i].model = models_[i];
            gpus_[i].capacity = {amounts_.data() + first, gpus_[i].capacity.size()};  // the amounts may have moved
            first += gpus_[i].capacity.size();
        }
        return gpus_.view();
    }

private:
    flat<gpu_description> gpus_;
    flat<amount> amounts_;  // of one GPU after the other
    text_list models_;
};

/// Adds the domains of one node that are new. The position in a node's list is the level; an empty name skips a level.
inline result<void> add_domains(fleet_builder& builder, name_table& seen, flat<std::size_t>& levels,
                                const text_list& names, phrase node) {
    for (std::size_t level = 0; level < names.size(); ++level) {
        if (names[level].empty()) continue;
        const std::size_t at = seen.intern(names[level]);
        if (at == levels.size()) {
            levels.push_back(level);
            if (auto added = builder.add_domain(names[level], level); !added) return added.error();
        } else if (levels[at] != level) {
            return refuse(error_code::inconsistent, {node, ": domains[", level, "] is ", phrase::quoted(names[level]),
                                                     ", which is of level ", levels[at], " elsewhere"});
        }
    }
    return {};
}

}  // namespace berth::inline v0::detail
