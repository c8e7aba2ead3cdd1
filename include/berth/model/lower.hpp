// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/traits.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

namespace detail {

template <class T>
concept counter_value = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

/// Any integer as an amount. What does not fit becomes the largest amount, which every check refuses.
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

/// Strings, string literals, `const char*` (null reads as empty), arrays of char (up to the first zero, if there is one).
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
    static_assert(std::integral<Flag>, "berth: `healthy` and `gang` are bool; compare yours in the traits");
    return flag != 0;
}

/// Texts that outlive whatever they were read from, so that the user's side may yield temporaries.
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
    std::vector<std::string> texts_;  // kept when cleared: their memory is used again
    std::size_t size_ = 0;
    flat<std::string_view> views_;
};

/// The GPUs of one node, read into memory that the next node uses again.
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

}  // namespace detail

/// Reads your machines once, into flat arrays. An element is a node (it offers `gpus`) or a bare GPU, which becomes a node
/// of its own. O(places × counters). Fails with the position, name and field of the first element that is not acceptable.
///
/// @param nodes    any range whose elements `node_traits` / `gpu_traits` can read; it is read once.
/// @param schema   which counters the capacities stand for.
/// @param domains  racks and zones that have capacities; those that nodes name beyond these are unlimited.
template <class Nodes>
[[nodiscard]] result<fleet> make_fleet(const Nodes& nodes, resource_schema schema = {},
                                       std::span<const domain_description> domains = {}) {
    using node_type = std::remove_cvref_t<decltype(*std::begin(nodes))>;
    static_assert(
        node_like<node_type> || gpu_like<node_type>,
        "berth: make_fleet cannot read this type; give it a member `gpus` (node) or `model`/`capacity` (GPU), or "
        "specialise berth::node_traits / berth::gpu_traits for it");
    fleet_builder builder{std::move(schema)};
    name_table seen_domains;
    detail::flat<std::size_t> levels;
    for (const domain_description& domain : domains) {
        if (auto added = builder.add_domain(domain.name, domain.level, domain.capacity); !added) return added.error();
        seen_domains.intern(domain.name);
        levels.push_back(domain.level);
    }
    detail::gpu_list gpus;
    detail::text_list node_domains;
    detail::flat<amount> capacity;
    detail::flat<std::string_view> present_domains;
    std::string name;
    std::size_t position = 0;
    for (const auto& node : nodes) {
        name.clear();
        gpus.clear();
        capacity.clear();
        present_domains.clear();
        node_description described{};
        if constexpr (detail::offers_node_name<node_type>()) name = detail::as_text(detail::read_node_name(node));
        if constexpr (detail::offers_node_gpus<node_type>()) {
            static_assert(
                requires { std::begin(detail::read_node_gpus(node)); },
                "berth: `gpus` of a node is a range of GPUs, not their number; make the range in node_traits");
            for (const auto& gpu : detail::read_node_gpus(node)) gpus.read(gpu);
            if constexpr (detail::offers_node_capacity<node_type>()) {
                detail::read_amounts(detail::read_node_capacity(node), capacity);
            }
            if constexpr (detail::offers_node_healthy<node_type>()) {
                described.healthy = detail::as_flag(detail::read_node_healthy(node));
            }
        } else {
            gpus.read(node);
        }
        if constexpr (detail::offers_node_domains<node_type>()) {
            node_domains.read(detail::read_node_domains(node));
            const auto item = detail::phrase::item("node", position, name);
            if (auto ok = detail::add_domains(builder, seen_domains, levels, node_domains, item); !ok)
                return ok.error();
            for (const std::string_view domain : node_domains.views()) {
                if (!domain.empty()) present_domains.push_back(domain);
            }
        }
        described.name = name;
        described.capacity = capacity.view();
        described.gpus = gpus.views();
        described.domains = present_domains.view();
        if (auto added = builder.add_node(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

/// Reads your tasks once, into flat arrays, for one fleet. O(tasks × counters). Fails with the position, name and field of
/// the first task that is not acceptable.
template <class Tasks>
[[nodiscard]] result<workload> make_workload(const Tasks& tasks, const fleet& fleet) {
    using task_type = std::remove_cvref_t<decltype(*std::begin(tasks))>;
    static_assert(
        task_like<task_type>,
        "berth: make_workload cannot read this type; give it a member `gpus`, `gpu_demand` or `node_demand`, or "
        "specialise berth::task_traits for it");
    workload_builder builder{fleet};
    detail::flat<amount> gpu_demand;
    detail::flat<amount> node_demand;
    detail::flat<amount> domain_demand;
    detail::text_list models;
    std::string name;
    std::string group;
    std::size_t position = 0;
    for (const auto& task : tasks) {
        name.clear();
        group.clear();
        gpu_demand.clear();
        node_demand.clear();
        domain_demand.clear();
        models.clear();
        task_description described{};
        if constexpr (detail::offers_task_name<task_type>()) name = detail::as_text(detail::read_task_name(task));
        if constexpr (detail::offers_task_group<task_type>()) group = detail::as_text(detail::read_task_group(task));
        const auto refuse = [&](const char* field, amount value, const char* expected) {
            return detail::refuse(error_code::invalid_value, {detail::phrase::item("task", position, name), ": ", field,
                                                              " is ", value, ", expected ", expected});
        };
        if constexpr (detail::offers_task_gpus<task_type>()) {
            static_assert(
                detail::counter_value<std::remove_cvref_t<decltype(detail::read_task_gpus(task))>>,
                "berth: `gpus` of a task is how many it wants, an integer; a share of one goes into gpu_demand");
            const amount gpus = detail::to_amount(detail::read_task_gpus(task));
            if (gpus < 0) return refuse("gpus", gpus, "0..64");
            described.gpus = static_cast<std::size_t>(gpus);
        }
        if constexpr (detail::offers_task_priority<task_type>()) {
            const amount priority = detail::to_amount(detail::read_task_priority(task));
            if (!std::in_range<int>(priority)) return refuse("priority", priority, "an int");
            described.priority = static_cast<int>(priority);
        }
        if constexpr (detail::offers_task_state_bytes<task_type>()) {
            described.state_bytes = detail::to_amount(detail::read_task_state_bytes(task));
        }
        if constexpr (detail::offers_task_gpu_demand<task_type>()) {
            detail::read_amounts(detail::read_task_gpu_demand(task), gpu_demand);
        }
        if constexpr (detail::offers_task_node_demand<task_type>()) {
            detail::read_amounts(detail::read_task_node_demand(task), node_demand);
        }
        if constexpr (detail::offers_task_domain_demand<task_type>()) {
            detail::read_amounts(detail::read_task_domain_demand(task), domain_demand);
        }
        if constexpr (detail::offers_task_accepted_models<task_type>()) {
            models.read(detail::read_task_accepted_models(task));
        }
        if constexpr (detail::offers_task_gang<task_type>())
            described.gang = detail::as_flag(detail::read_task_gang(task));
        described.name = name;
        described.group = group;
        described.gpu_demand = gpu_demand.view();
        described.node_demand = node_demand.view();
        described.domain_demand = domain_demand.view();
        described.accepted_models = models.views();
        if (auto added = builder.add_task(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

}  // namespace berth::inline v0
