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

int draw_size(berth::xoshiro256& g) {
    std::uint32_t token = berth::bounded(g, std::accumulate(weights.begin(), weights.end(), 0U));
    std::size_t i = 0;
    while (token >= weights[i]) token -= weights[i++];
    return sizes[i];
}

std::vector<int> draw_sizes(berth::xoshiro256& g, double memory) {
    std::vector<int> drawn;
    for (int sum = 0; sum < memory; sum += drawn.back()) drawn.push_back(draw_size(g));
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

/// Exchanges two random tasks, if both fit.
void exchange_pair(berth::xoshiro256& g, move_instance& instance, std::vector<int>& left) {
    const std::size_t a = below(g, instance.sizes.size());
    const std::size_t b = below(g, instance.sizes.size());
    const std::size_t on_a = instance.to[a];
    const std::size_t on_b = instance.to[b];
    const int more = instance.sizes[b] - instance.sizes[a];
    if (on_a == on_b || left[on_a] < more || left[on_b] < -more) return;
    left[on_a] -= more;
    left[on_b] += more;
    std::swap(instance.to[a], instance.to[b]);
}

/// Packs tasks by decreasing size into the free memory. False if one does not fit.
bool pack_anew(move_instance& instance, std::vector<std::size_t> order, std::vector<int>& left, bool fullest) {
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return instance.sizes[a] != instance.sizes[b] ? instance.sizes[a] > instance.sizes[b] : a < b;
    });
    for (const std::size_t t : order) {
        std::size_t best = left.size();
        for (std::size_t i = 0; i < left.size(); ++i) {
            if (left[i] < instance.sizes[t]) continue;
            if (best == left.size() || (fullest ? left[i] < left[best] : left[i] > left[best])) best = i;
        }
        if (best == left.size()) return false;
        left[best] -= instance.sizes[t];
        instance.to[t] = best;
    }
    return true;
}

std::vector<std::size_t> all_tasks(const move_instance& instance) {
    std::vector<std::size_t> all(instance.sizes.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
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
        instance.to = instance.from;
        if (kind == move_kind::swap) {
            for (std::size_t i = 0; i < instance.sizes.size() / 5; ++i) exchange_pair(g, instance, left);
            return instance;
        }
        left.assign(gpus, gpu_size);
        if (pack_anew(instance, all_tasks(instance), left, kind == move_kind::best_fit)) return instance;
    }
    return berth::error{berth::error_code::limit_exceeded,
                        "no random placement at this fill: the tasks do not fit on that many GPUs in 100000 draws"};
}

move_instance make_large_move_instance(std::size_t gpus, double fill, move_kind kind, std::size_t moves,
                                       std::uint64_t seed) {
    berth::xoshiro256 g{seed};
    move_instance instance;
    instance.gpus = gpus;
    std::vector<int> left(gpus, gpu_size);
    const double memory = fill * static_cast<double>(gpus) * gpu_size;
    std::size_t refused = 0;
    for (double used = 0.0; used < memory && refused < 1000 * gpus;) {
        const int size = draw_size(g);
        std::size_t on = gpus;
        for (int i = 0; i < 200 && on == gpus; ++i) {
            const std::size_t candidate = below(g, gpus);
            if (left[candidate] >= size) on = candidate;
        }
        if (on == gpus) {
            ++refused;
            continue;
        }
        left[on] -= size;
        used += size;
        instance.sizes.push_back(size);
        instance.from.push_back(on);
    }
    instance.to = instance.from;
    moves = std::min(moves, instance.sizes.size());
    if (kind == move_kind::swap) {
        std::size_t moved = 0;
        for (std::size_t i = 0; moved < moves && i < 100 * moves; ++i) {
            exchange_pair(g, instance, left);
            if (i % 64 != 0) continue;
            moved = 0;
            for (std::size_t t = 0; t < instance.to.size(); ++t) moved += instance.to[t] != instance.from[t] ? 1 : 0;
        }
        return instance;
    }
    std::vector<std::size_t> some = all_tasks(instance);
    berth::shuffle(g, std::span{some});
    some.resize(moves);
    for (const std::size_t t : some) left[instance.from[t]] += instance.sizes[t];
    if (!pack_anew(instance, some, left, kind == move_kind::best_fit)) instance.to = instance.from;
    return instance;
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

/// The ledger of the plain method.
struct naive_ledger {
    const move_instance& in;
    std::vector<int> left;
    std::vector<std::size_t> at;
    std::vector<std::size_t> pending;  ///< largest first

    explicit naive_ledger(const move_instance& instance)
        : in{instance}, left(instance.gpus, gpu_size), at{instance.from} {
        for (std::size_t t = 0; t < at.size(); ++t) {
            left[at[t]] -= in.sizes[t];
            if (at[t] != in.to[t]) pending.push_back(t);
        }
        std::sort(pending.begin(), pending.end(), [&](std::size_t a, std::size_t b) {
            return in.sizes[a] != in.sizes[b] ? in.sizes[a] > in.sizes[b] : a < b;
        });
    }
    /// Starts all moves with room. False if there is none.
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
    /// The smallest blocked task whose removal lets another one move, or the smallest one that still holds memory.
    [[nodiscard]] std::optional<std::size_t> breaker() const {
        std::vector<int> smallest_for(left.size(), gpu_size + 1);
        for (const std::size_t t : pending) smallest_for[in.to[t]] = std::min(smallest_for[in.to[t]], in.sizes[t]);
        std::optional<std::size_t> any;
        for (std::size_t i = pending.size(); i > 0; --i) {
            const std::size_t t = pending[i - 1];
            if (at[t] == in_memory) continue;
            if (left[at[t]] + in.sizes[t] >= smallest_for[at[t]]) return t;
            if (!any) any = t;
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
    naive_ledger blocked{instance};
    done.moves = blocked.pending.size();
    while (blocked.wave()) {}
    done.stuck = blocked.pending.size();

    naive_ledger ledger{instance};
    std::vector<char> staged(instance.sizes.size(), 0);
    while (!ledger.pending.empty()) {
        ++done.waves;
        if (ledger.wave()) continue;
        const auto t = ledger.breaker();
        if (!t) break;
        ledger.left[ledger.at[*t]] += instance.sizes[*t];
        // A second stage could loop for ever.
        const auto third = staged[*t] != 0 ? std::nullopt : ledger.fullest(*t);
        staged[*t] = 1;
        if (third) {
            ledger.left[*third] -= instance.sizes[*t];
            ledger.at[*t] = *third;
            ++done.staged;
        } else {
            ledger.at[*t] = in_memory;
            ++done.parked;
        }
    }
    return done;
}

}  // namespace bench
