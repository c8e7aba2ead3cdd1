// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/simulate/detail/seat_packing.hpp"
#include "berth/simulate/event_rules.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0::detail {

enum class seated : std::uint8_t { not_at_all, as_before, elsewhere };

/// Who sits on which node of equal nodes, decided anew in the order of a queue: `begin`, then `seat` for each job.
class seats {
public:
    void start(std::uint32_t nodes, std::uint32_t gpus_per_node, std::span<const simulated_job> jobs, seating rule) {
        jobs_ = jobs;
        rule_ = rule;
        size_ = gpus_per_node;
        total_ = std::uint64_t{nodes} * gpus_per_node;
        room_.assign(nodes, gpus_per_node);
        idle_.assign(nodes, gpus_per_node);
        whole_.assign(nodes, nobody);
        node_.assign(jobs.size(), nobody);
        state_.assign(jobs.size(), absent);
    }
    /// Nobody is seated yet; who ran so far, in the order of the queue, may keep its seat.
    void begin(std::span<const std::uint32_t> running) {
        runners_ = running;
        left_ = total_;
        for (std::size_t n = 0; n < room_.size(); ++n) {
            room_[n] = size_;
            idle_[n] = size_;
        }
        for (const std::uint32_t id : running) {
            state_[id] = sits;
            if (keeps()) {
                each_node(id, [this](std::size_t n, std::uint32_t gpus) { idle_[n] -= gpus; });
            }
        }
    }
    /// True while a GPU is left for the jobs to come.
    [[nodiscard]] bool room() const noexcept { return left_ > 0; }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t used() const noexcept { return total_ - left_; }
    /// True if the job was given a seat since `begin`.
    [[nodiscard]] bool has(std::uint32_t id) const noexcept { return state_[id] == confirmed; }
    /// A job is done, or has to wait.
    void leave(std::uint32_t id) noexcept {
        forget_nodes(id);
        state_[id] = absent;
    }

    /// The nodes on which a job sits; valid until the next call. None where nodes play no part.
    [[nodiscard]] std::span<const std::uint32_t> nodes_of(std::uint32_t id) {
        chosen_.clear();
        if (rule_ != seating::pooled) {
            each_node(id, [this](std::size_t n, std::uint32_t) { chosen_.push_back(static_cast<std::uint32_t>(n)); });
        }
        return chosen_.view();
    }

    /// Seats all of these at once, after `begin`. Who ran stays where it is, except that smaller jobs move to other
    /// nodes where a larger one finds no room. False, and nobody is seated, if they do not all find room this way.
    ///
    /// @param moved  who starts or goes on elsewhere is added to it
    [[nodiscard]] bool pack(std::span<const std::uint32_t> jobs, flat<std::uint32_t>& moved) {
        packing_.begin(room_.size(), size_, jobs_.size());
        for (const std::uint32_t id : jobs) {
            if (state_[id] != sits) {
                packing_.add(id, jobs_[id].gpus);
            } else if (jobs_[id].gpus <= size_) {
                packing_.keep(id, jobs_[id].gpus, node_[id]);
            } else {
                each_node(id, [&](std::size_t n, std::uint32_t) { packing_.keep_whole(id, n); });
            }
        }
        if (!packing_.run()) return false;
        for (std::size_t n = 0; n < whole_.size(); ++n) whole_[n] = packing_.whole(n);
        for (const std::uint32_t id : jobs) {
            const bool small = jobs_[id].gpus <= size_;
            const bool same = state_[id] == sits && (!small || packing_.node(id) == node_[id]);
            if (small) node_[id] = packing_.node(id);
            if (!same) moved.push_back(id);
            static_cast<void>(confirm(id, same));
        }
        return true;
    }

    seated seat(std::uint32_t id) {
        const std::uint32_t gpus = jobs_[id].gpus;
        if (gpus > left_) return seated::not_at_all;
        const bool ran = state_[id] == sits;
        if (rule_ == seating::pooled) return confirm(id, ran);
        if (ran && keeps()) {
            each_node(id, [this](std::size_t n, std::uint32_t taken) { room_[n] -= taken; });
            return confirm(id, true);
        }
        return gpus <= size_ ? seat_on_one(id, gpus) : seat_on_whole(id, gpus / size_);
    }

private:
    static constexpr std::uint32_t nobody = ~std::uint32_t{0};
    enum : char { absent, sits, stolen, confirmed };

    [[nodiscard]] bool keeps() const noexcept { return rule_ == seating::kept || rule_ == seating::packed; }
    seated confirm(std::uint32_t id, bool same) noexcept {
        state_[id] = confirmed;
        left_ -= jobs_[id].gpus;
        return same ? seated::as_before : seated::elsewhere;
    }
    void forget_nodes(std::uint32_t id) noexcept {
        if (jobs_[id].gpus > size_) {
            for (std::uint32_t& w : whole_) w = w == id ? nobody : w;
        }
        node_[id] = nobody;
    }
    template <class Visit>
    void each_node(std::uint32_t id, Visit visit) {
        if (jobs_[id].gpus <= size_) {
            visit(node_[id], jobs_[id].gpus);
            return;
        }
        for (std::size_t n = 0; n < whole_.size(); ++n) {
            if (whole_[n] == id) visit(n, size_);
        }
    }

    seated seat_on_one(std::uint32_t id, std::uint32_t gpus) {
        const std::size_t n = rule_ == seating::repacked ? first_with_room(gpus) : best_node(gpus);
        if (n == room_.size()) return seated::not_at_all;
        const bool same = rule_ == seating::repacked && state_[id] == sits && node_[id] == n;
        if (keeps() && idle_[n] < gpus) steal(n, gpus);
        room_[n] -= gpus;
        idle_[n] -= keeps() ? gpus : 0;
        node_[id] = static_cast<std::uint32_t>(n);
        return confirm(id, same);
    }
    seated seat_on_whole(std::uint32_t id, std::uint32_t count) {
        chosen_.clear();
        for (std::size_t n = 0; n < room_.size(); ++n) {
            if (room_[n] == size_) chosen_.push_back(static_cast<std::uint32_t>(n));
        }
        if (chosen_.size() < count) return seated::not_at_all;
        if (keeps()) { prefer_idle(count); }
        chosen_.resize(count);
        bool same = state_[id] == sits;
        for (const std::uint32_t n : chosen_) same = same && whole_[n] == id;
        for (const std::uint32_t n : chosen_) {
            if (keeps() && idle_[n] < size_) steal(n, size_);
        }
        for (std::uint32_t& w : whole_) w = w == id ? nobody : w;
        for (const std::uint32_t n : chosen_) {
            room_[n] = 0;
            idle_[n] = keeps() ? 0 : idle_[n];
            whole_[n] = id;
        }
        return confirm(id, same);
    }
    [[nodiscard]] std::size_t first_with_room(std::uint32_t gpus) const noexcept {
        std::size_t n = 0;
        while (n < room_.size() && room_[n] < gpus) ++n;
        return n;
    }
    /// The fullest node where so many are idle; else the one where only the last in the queue have to give way.
    [[nodiscard]] std::size_t best_node(std::uint32_t gpus) {
        std::size_t best = room_.size();
        for (std::size_t n = 0; n < room_.size(); ++n) {
            if (idle_[n] >= gpus && (best == room_.size() || idle_[n] < idle_[best])) best = n;
        }
        if (best != room_.size()) return best;
        clear_from_last([&](std::size_t n) {
            if (room_[n] < gpus || cleared_[n] < gpus) return false;
            best = n;
            return true;
        });
        return best;
    }
    /// Moves nodes to the front that are idle, then those that become so as the last in the queue give way.
    void prefer_idle(std::size_t count) {
        std::size_t have = 0;
        for (std::size_t k = 0; k < chosen_.size(); ++k) {
            if (idle_[chosen_[k]] == size_) std::swap(chosen_[have++], chosen_[k]);
        }
        if (have >= count) return;
        clear_from_last([&](std::size_t n) {
            if (room_[n] < size_ || cleared_[n] < size_ || idle_[n] == size_) return false;
            std::swap(chosen_[have], *std::find(chosen_.begin() + have, chosen_.end(), static_cast<std::uint32_t>(n)));
            return ++have == count;
        });
    }
    /// Lets those who may still keep their seat give way in thought, from the last in the queue on, until a node on
    /// which GPUs became idle pleases.
    template <class Pleases>
    void clear_from_last(Pleases pleases) {
        cleared_.clear();
        cleared_.append(idle_.view());
        bool found = false;
        for (std::size_t r = runners_.size(); r-- > 0 && !found;) {
            if (state_[runners_[r]] != sits) continue;
            each_node(runners_[r], [&](std::size_t n, std::uint32_t freed) {
                cleared_[n] += freed;
                found = found || pleases(n);
            });
        }
    }
    /// Takes the seats of those on a node who are not confirmed, from the last in the queue on, until so many are idle.
    void steal(std::size_t node, std::uint32_t gpus) {
        for (std::size_t r = runners_.size(); r-- > 0 && idle_[node] < gpus;) {
            const std::uint32_t id = runners_[r];
            if (state_[id] != sits) continue;
            const bool here = jobs_[id].gpus <= size_ ? node_[id] == node : whole_[node] == id;
            if (!here) continue;
            each_node(id, [this](std::size_t n, std::uint32_t freed) { idle_[n] += freed; });
            forget_nodes(id);
            state_[id] = stolen;
        }
    }

    std::span<const simulated_job> jobs_{};
    std::span<const std::uint32_t> runners_{};
    seating rule_ = seating::kept;
    std::uint32_t size_ = 1;
    std::uint64_t total_ = 0;
    std::uint64_t left_ = 0;
    flat<std::uint32_t> room_{};   // GPUs of each node that nobody is confirmed on
    flat<std::uint32_t> idle_{};   // GPUs of each node that nobody is confirmed on or may still keep
    flat<std::uint32_t> whole_{};  // who has the whole node as one of several
    flat<std::uint32_t> node_{};   // of each job on one node
    flat<char> state_{};           // of each job
    flat<std::uint32_t> chosen_{};
    seat_packing packing_{};
    flat<std::uint32_t> cleared_{};  // idle_, had some given way
};

}  // namespace berth::inline v0::detail
