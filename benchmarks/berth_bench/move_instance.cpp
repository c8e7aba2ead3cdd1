// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/move_instance.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace bench {

namespace {

constexpr int gpu_size = 80;
constexpr std::size_t gpus_per_node = 8;
constexpr std::array<int, 11> sizes{5, 8, 10, 16, 20, 24, 32, 40, 48, 64, 80};
constexpr std::array<std::uint32_t, 11> weights{8, 8, 10, 12, 10, 8, 8, 8, 4, 3, 3};

std::size_t below(berth::xoshiro256& g, std::size_t n) { return berth::bounded(g, static_cast<std::uint32_t>(n)); }

std::vector<int> draw_sizes(berth::xoshiro256& g, double memory) {
    const std::uint32_t all = std::accumulate(weights.begin(), weights.end(), 0U);
    std::vector<int> drawn;
    for (int sum = 0; sum < memory; sum += drawn.back()) {
        std::uint32_t ticket = berth::bounded(g, all);
        std::size_t i = 0;
        while (ticket >= weights[i]) ticket -= weights[i++];
        drawn.push_back(sizes[i]);
    }
    return drawn;
}

bool place_randomly(berth::xoshiro256& g, move_instance& instance, std::vector<int>& left) {
    left.assign(instance.gpus, gpu_size);
    instance.from.clear();
    std::vector<std::size_t> with_room;
    for (const int size : instance.sizes) {
        with_room.clear();
        for (std::size_t i = 0; i < left.size(); ++i) {
            if (left[i] >= size) with_room.push_back(i);
        }
        if (with_room.empty()) return false;
        const std::size_t chosen = with_room[below(g, with_room.size())];
        left[chosen] -= size;
        instance.from.push_back(chosen);
    }
    return true;
}

void exchange_pairs(berth::xoshiro256& g, move_instance& instance, std::vector<int>& left) {
    instance.to = instance.from;
    for (std::size_t i = 0; i < instance.sizes.size() / 5; ++i) {
        const std::size_t a = below(g, instance.sizes.size());
        const std::size_t b = below(g, instance.sizes.size());
        const std::size_t on_a = instance.to[a];
        const std::size_t on_b = instance.to[b];
        const int more = instance.sizes[b] - instance.sizes[a];
        if (on_a == on_b || left[on_a] < more || left[on_b] < -more) continue;
        left[on_a] -= more;
        left[on_b] += more;
        std::swap(instance.to[a], instance.to[b]);
    }
}

bool pack_anew(move_instance& instance, bool fullest) {
    std::vector<std::size_t> order(instance.sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return instance.sizes[a] != instance.sizes[b] ? instance.sizes[a] > instance.sizes[b] : a < b;
    });
    std::vector<int> left(instance.gpus, gpu_size);
    instance.to.assign(instance.sizes.size(), 0);
    for (const std::size_t t : order) {
        std::size_t best = instance.gpus;
        for (std::size_t i = 0; i < left.size(); ++i) {
            if (left[i] < instance.sizes[t]) continue;
            if (best == instance.gpus || (fullest ? left[i] < left[best] : left[i] > left[best])) best = i;
        }
        if (best == instance.gpus) return false;
        left[best] -= instance.sizes[t];
        instance.to[t] = best;
    }
    return true;
}

}  // namespace

berth::result<move_instance> make_move_instance(std::size_t gpus, double fill, move_kind kind, std::uint64_t seed) {
    berth::xoshiro256 g{seed};
    move_instance instance;
    instance.gpus = gpus;
    std::vector<int> left;
    for (int attempt = 0; attempt < 100'000; ++attempt) {
        instance.sizes = draw_sizes(g, fill * static_cast<double>(gpus) * gpu_size);
        berth::shuffle(g, std::span<int>{instance.sizes});
        if (!place_randomly(g, instance, left)) continue;
        if (kind == move_kind::swap) {
            exchange_pairs(g, instance, left);
            return instance;
        }
        if (pack_anew(instance, kind == move_kind::best_fit)) return instance;
    }
    return berth::error{berth::error_code::limit_exceeded,
                        "no random placement at this fill: the tasks do not fit on that many GPUs in 100000 draws"};
}

move_problem lower(const move_instance& instance) {
    berth::fleet_builder fleet{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const berth::amount capacity[] = {berth::whole_gpu, gpu_size};
    const std::vector<berth::gpu_description> gpus(gpus_per_node, {.capacity = capacity});
    for (std::size_t first = 0; first < instance.gpus; first += gpus_per_node) {
        const std::size_t count = std::min(gpus_per_node, instance.gpus - first);
        (void)fleet.add_node({.gpus = std::span{gpus}.first(count)});
    }
    auto machines = std::move(fleet).build();
    berth::workload_builder work{*machines};
    for (const int size : instance.sizes) {
        const berth::amount demand[] = {berth::whole_gpu * size / gpu_size, size};
        (void)work.add_task({.gpus = 1, .gpu_demand = demand, .state_bytes = berth::amount{size} * 1'000'000'000});
    }
    auto tasks = std::move(work).build();
    const auto slots = [](const std::vector<std::size_t>& on) {
        berth::assignment made;
        for (const std::size_t g : on) {
            made.push_back({berth::node_index{g / gpus_per_node}, berth::gpu_mask{1} << (g % gpus_per_node)});
        }
        return made;
    };
    return {std::move(machines).value(), std::move(tasks).value(), slots(instance.from), slots(instance.to)};
}

namespace {

constexpr std::size_t in_memory = ~std::size_t{0};

/// The books of the plain method.
struct naive_books {
    const move_instance& in;
    std::vector<int> left;
    std::vector<std::size_t> at;
    std::vector<std::size_t> pending;  ///< largest first

    explicit naive_books(const move_instance& instance)
        : in{instance}, left(instance.gpus, gpu_size), at{instance.from} {
        for (std::size_t t = 0; t < at.size(); ++t) {
            left[at[t]] -= in.sizes[t];
            if (at[t] != in.to[t]) pending.push_back(t);
        }
        std::sort(pending.begin(), pending.end(), [&](std::size_t a, std::size_t b) {
            return in.sizes[a] != in.sizes[b] ? in.sizes[a] > in.sizes[b] : a < b;
        });
    }
    /// Whatever has room goes. False if nothing has.
    bool wave() {
        std::vector<std::size_t> going;
        std::vector<std::size_t> waiting;
        for (const std::size_t t : pending) {
            if (left[in.to[t]] < in.sizes[t]) {
                waiting.push_back(t);
                continue;
            }
            left[in.to[t]] -= in.sizes[t];
            going.push_back(t);
        }
        for (const std::size_t t : going) {
            if (at[t] != in_memory) left[at[t]] += in.sizes[t];
            at[t] = in.to[t];
        }
        pending = waiting;
        return !going.empty();
    }
    [[nodiscard]] bool unblocks_another(std::size_t t) const {
        if (at[t] == in_memory) return false;
        return std::any_of(pending.begin(), pending.end(), [&](std::size_t other) {
            return other != t && in.to[other] == at[t] && left[at[t]] + in.sizes[t] >= in.sizes[other];
        });
    }
    /// The smallest blocked task whose leaving lets another go, or the smallest one that still holds memory.
    [[nodiscard]] std::optional<std::size_t> breaker() const {
        std::optional<std::size_t> any;
        for (std::size_t i = pending.size(); i > 0; --i) {
            const std::size_t t = pending[i - 1];
            if (unblocks_another(t)) return t;
            if (!any && at[t] != in_memory) any = t;
        }
        return any;
    }
    /// The fullest GPU with room, other than its own.
    [[nodiscard]] std::optional<std::size_t> fullest(std::size_t t) const {
        std::optional<std::size_t> best;
        for (std::size_t g = 0; g < left.size(); ++g) {
            if (g == at[t] || left[g] < in.sizes[t]) continue;
            if (!best || left[g] < left[*best]) best = g;
        }
        return best;
    }
};

}  // namespace

naive_order order_naively(const move_instance& instance) {
    naive_order done;
    naive_books jammed{instance};
    done.relocations = jammed.pending.size();
    while (jammed.wave()) {}
    done.stuck = jammed.pending.size();

    naive_books books{instance};
    std::vector<char> staged(instance.sizes.size(), 0);
    while (!books.pending.empty()) {
        ++done.waves;
        if (books.wave()) continue;
        const auto t = books.breaker();
        if (!t) break;
        books.left[books.at[*t]] += instance.sizes[*t];
        // Staged twice would go round in circles.
        const auto third = staged[*t] != 0 ? std::nullopt : books.fullest(*t);
        staged[*t] = 1;
        if (third) {
            books.left[*third] -= instance.sizes[*t];
            books.at[*t] = *third;
            ++done.staged;
        } else {
            books.at[*t] = in_memory;
            ++done.parked;
        }
    }
    return done;
}

}  // namespace bench
