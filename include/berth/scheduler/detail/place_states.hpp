// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/place_reading.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace berth::inline v0::detail {

/// Why a place takes nothing new, or is to be left. A cluster knows two such states of a node and one of a GPU; here
/// each cause is kept by itself, and the cluster is told what follows from all of them.
struct place_state {
    std::uint32_t generation = 0;
    bool healthy = true;        // as it was reported
    bool watched_sick = false;  // as the watch sees it: neither undoes the other
    bool closed = false;
    bool draining = false;
    bool hot = false;                             // above its limit of temperature: it is drained
    bool pressed = false;                         // above its limit of load or power: it takes nothing new
    bool relieves = false;                        // one task may leave, since the last reading
    const char* pressure = "";                    // which limit
    std::uint32_t holds = 0;                      // of a node: claims that its room is held for
    std::uint32_t mig_board = ~std::uint32_t{0};  // of a GPU in MIG mode: its board
    place_limits limits{};
    place_reading last{};

    [[nodiscard]] bool leaves() const noexcept { return !healthy || watched_sick || draining || hot; }
    [[nodiscard]] const char* why() const noexcept {
        return !healthy || watched_sick ? "unhealthy"
               : hot                    ? "temperature"
               : draining               ? "drain"
               : pressed && relieves    ? pressure
                                        : nullptr;
    }
};

/// The states of all nodes and GPUs of a cluster, by handle. What takes a vacated position inherits nothing.
class place_states {
public:
    explicit place_states(cluster& of) : cluster_{&of} {}

    [[nodiscard]] place_state& of(node_handle node) { return record(nodes_, node); }
    [[nodiscard]] place_state& of(gpu_handle gpu) { return record(gpus_, gpu); }
    [[nodiscard]] const place_state* known(node_handle node) const noexcept { return found(nodes_, node); }
    [[nodiscard]] const place_state* known(gpu_handle gpu) const noexcept { return found(gpus_, gpu); }

    /// A node joined or was reported again: names that are new bring their health, the others keep theirs.
    void adopt(node_index n) {
        const node_handle node = cluster_->handle(n);
        if (known(node) == nullptr) of(node).healthy = cluster_->healthy(n);
        const gpu_mask healthy = cluster_->healthy_gpus(n);
        for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            const gpu_handle gpu = cluster_->handle(n, i);
            // The GPUs of a sick node are not told apart: they are well once the node is.
            if (known(gpu) == nullptr) of(gpu).healthy = !cluster_->healthy(n) || (healthy >> i & 1U) != 0;
        }
        apply(n);
    }
    /// Tells the cluster what follows from the states of a node and its GPUs.
    void apply(node_index n) {
        const node_handle node = cluster_->handle(n);
        const place_state& own = of(node);
        cluster_->set_healthy(node, !own.leaves());
        cluster_->set_open(node, !own.closed && !own.draining && !own.pressed && own.holds == 0);
        for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
            const gpu_handle gpu = cluster_->handle(n, lowest_gpu(rest));
            const place_state& s = of(gpu);
            cluster_->set_healthy(gpu, !s.leaves() && !s.closed && !s.pressed);
        }
    }
    /// Why a task at this slot is to leave; null if it is not.
    [[nodiscard]] const char* why_leave(const slot& at) const noexcept {
        const place_state* own = known(cluster_->handle(at.node));
        if (own != nullptr && own->why() != nullptr) return own->why();
        for (gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if ((cluster_->gpus_there(at.node) >> i & 1U) == 0) return "missing";
            const place_state* s = known(cluster_->handle(at.node, i));
            if (s != nullptr && s->why() != nullptr) return s->why();
        }
        return nullptr;
    }
    /// True if a task at this slot need not leave in any case: the place is only under pressure.
    [[nodiscard]] bool only_pressed(const slot& at) const noexcept {
        const place_state* own = known(cluster_->handle(at.node));
        if (own != nullptr && own->leaves()) return false;
        for (gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if ((cluster_->gpus_there(at.node) >> i & 1U) == 0) return false;
            const place_state* s = known(cluster_->handle(at.node, i));
            if (s != nullptr && s->leaves()) return false;
        }
        return true;
    }
    /// A task left the slot: places that are under pressure give no other away before the next reading.
    void relieved(const slot& at) {
        of(cluster_->handle(at.node)).relieves = false;
        for (gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if ((cluster_->gpus_there(at.node) >> i & 1U) != 0) of(cluster_->handle(at.node, i)).relieves = false;
        }
    }

    [[nodiscard]] const label_set& labels_of(node_index n) const noexcept {
        static constexpr label_set none{};
        const node_handle node = cluster_->handle(n);
        const bool known = node.position() < labels_.size() && labels_[node.position()].generation == node.generation();
        return known ? labels_[node.position()].labels : none;
    }
    /// False if it has them already.
    [[nodiscard]] bool set_labels(node_handle node, label_set labels) {
        if (labels_.size() <= node.position()) labels_.resize(node.position() + std::size_t{1});
        node_labels& of = labels_[node.position()];
        const bool known = of.generation == node.generation();
        if (known ? of.labels == labels : labels.empty()) return false;
        of = {node.generation(), std::move(labels)};
        return true;
    }

    /// All of them, for the text of a scheduler.
    [[nodiscard]] flat<place_state>& nodes() noexcept { return nodes_; }
    [[nodiscard]] flat<place_state>& gpus() noexcept { return gpus_; }
    [[nodiscard]] std::vector<node_labels>& labels() noexcept { return labels_; }

    place_limits limits{};  ///< of places that have none of their own

private:
    template <class Handle>
    [[nodiscard]] static place_state& record(flat<place_state>& states, Handle h) {
        if (states.size() <= h.position()) states.resize(h.position() + std::size_t{1});
        place_state& s = states[h.position()];
        if (s.generation != h.generation()) {
            s = place_state{};
            s.generation = h.generation();
        }
        return s;
    }
    template <class Handle>
    [[nodiscard]] static const place_state* found(const flat<place_state>& states, Handle h) noexcept {
        const bool there = h.position() < states.size() && states[h.position()].generation == h.generation();
        return there && h.valid() ? &states[h.position()] : nullptr;
    }

    cluster* cluster_;
    flat<place_state> nodes_;
    flat<place_state> gpus_;
    std::vector<node_labels> labels_;  // per position of a node
};

}  // namespace berth::inline v0::detail
