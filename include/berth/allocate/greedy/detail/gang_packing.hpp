// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/detail/gang_books.hpp"
#include "berth/allocate/greedy/detail/gang_budget.hpp"
#include "berth/allocate/greedy/detail/gang_node.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

// Length: one search; its bounds, its fillings and its way back share the same arrays.

namespace berth::inline v0::detail {

/// The members of a gang, the largest first: most GPU share, then most GPUs, then most of the other counters.
template <class Ledger>
[[nodiscard, gnu::cold]] flat<std::size_t> gang_order(const gang_books<Ledger>& books) {
    return sorted_positions(books.size(), [&](std::size_t a, std::size_t b) {
        if (books.shape(a) == books.shape(b)) return a < b;
        const demand_view x = books.demand(a);
        const demand_view y = books.demand(b);
        if (x.total_share() != y.total_share()) return x.total_share() > y.total_share();
        if (x.gpus != y.gpus) return x.gpus > y.gpus;
        const auto more = [](std::span<const amount> of_x, std::span<const amount> of_y) {
            for (std::size_t r = 0; r < of_x.size(); ++r) {
                if (of_x[r] != of_y[r]) return of_x[r] > of_y[r] ? 1 : -1;
            }
            return 0;
        };
        if (const int by_gpu = more(x.gpu, y.gpu); by_gpu != 0) return by_gpu > 0;
        if (const int by_node = more(x.node, y.node); by_node != 0) return by_node > 0;
        if (const int by_domain = more(x.domain, y.domain); by_domain != 0) return by_domain > 0;
        return books.shape(a).value() < books.shape(b).value();
    });
}

/// Finds slots for a gang or proves that there are none, within a budget. It fills one node after the other: which
/// numbers of tasks of each kind go there. What is left to place after a node decides whether the rest can succeed, so
/// combinations with the same rest are looked at once; counting what the rest of the nodes offers proves most absences
/// before any combination is tried.
///
/// First it counts only (counters, health, models); a plan is then carried out on the books. If the policy refuses a
/// slot of it, the search starts again with every filling carried out at once, and asks the policy for each slot.
template <class Ledger>
class gang_packing {
public:
    /// @param slots   one per member, all unplaced; has the slots after success
    /// @param models  GPUs of other models are not used
    /// @param slack   so many members may stay without a slot
    [[gnu::cold]] gang_packing(gang_books<Ledger>& books, std::span<slot> slots, std::uint64_t models,
                               std::size_t slack, gang_budget& budget)
        : books_{&books}, slots_{slots}, slack_{slack}, budget_{&budget}, order_{gang_order(books)} {
        for (std::size_t i = 0; i < order_.size(); ++i) {
            if (i > 0 && books.shape(order_[i]) == books.shape(order_[i - 1])) {
                ++kinds_.back().count;
                continue;
            }
            gang_kind kind{.demand = books.demand(order_[i]), .first = i, .count = 1};
            kind.demand.accepted_models &= models;
            kinds_.push_back(kind);
        }
        const auto& fleet = books.ledger().fleet();
        for (const gang_kind& kind : kinds_) {
            left_.push_back(kind.count);
            used_.push_back(0);
            most_gpus_ = kind.demand.gpus > most_gpus_ ? kind.demand.gpus : most_gpus_;
            for (const amount wanted : kind.demand.domain) coupled_ = coupled_ || wanted != 0;
        }
        rest_ = order_.size();
        if (coupled_) {
            for (std::size_t d = 0; d < fleet.domain_count(); ++d) {
                domain_left_.append(books.ledger().free(domain_index{d}));
            }
            for (amount& left : domain_left_) left = summable(left);
        }
    }

    [[nodiscard, gnu::cold]] gang_outcome run() {
        if (rest_ <= slack_) return gang_outcome::placed;
        list_nodes();
        compare_kinds();
        sum_up();
        if (!bounds_allow(0)) return gang_outcome::absent;
        if (order_.size() > most_members || kinds_.size() > most_kinds) return gang_outcome::undecided;
        every_filling_ = coupled_;
        set_up_memory(true);
        if (solve(0)) {
            if (carry_out()) return gang_outcome::placed;
        } else {
            return budget_->out() ? gang_outcome::undecided : gang_outcome::absent;
        }
        // The policy refused: now it is asked at every step.
        if (budget_->out()) return gang_outcome::undecided;
        live_ = true;
        every_filling_ = true;
        set_up_memory(books_->by_shape());
        if (solve(0)) return gang_outcome::placed;
        return budget_->out() || !books_->by_shape() ? gang_outcome::undecided : gang_outcome::absent;
    }

private:
    static constexpr std::size_t most_members = 1024;
    static constexpr std::size_t most_kinds = 64;
    /// Tasks and GPUs of one node in one combination, a limit of the recursion.
    static constexpr std::size_t most_choices = 4096;

    struct filled_node {
        std::size_t candidate;
        std::size_t filling;  ///< position of the first count in `fillings_`
    };

    /// Nodes that can take a member as they are, the fullest first, equal ones side by side.
    [[gnu::cold]] void list_nodes() {
        const Ledger& ledger = books_->ledger();
        const auto& fleet = ledger.fleet();
        flat<node_index> nodes;
        flat<std::size_t> totals;
        flat<std::size_t> classes;
        flat<std::uint32_t> copies;
        flat<std::uint32_t> slots;
        name_table states;
        std::string state;
        for (const node_index n : books_->nodes()) {
            if (!books_->open(n) || !fleet.healthy(n)) continue;
            const std::size_t before = copies.size();
            std::size_t total = 0;
            bool loaded = false;
            for (const gang_kind& kind : kinds_) {
                std::size_t offered = 0;
                std::size_t most = 0;
                if (kind.demand.gpus == 0 || (fleet.models_on(n) & kind.demand.accepted_models) != 0) {
                    if (!loaded) node_.load(ledger, n);
                    loaded = true;
                    most = node_.copies(kind.demand, room_on_host(kind, n), order_.size(), offered);
                }
                copies.push_back(static_cast<std::uint32_t>(most));
                slots.push_back(static_cast<std::uint32_t>(offered));
                total += most;
            }
            if (total == 0) {
                copies.resize(before);
                slots.resize(before);
                continue;
            }
            state.clear();
            for (const amount free : ledger.free(n)) append_bytes(state, free);
            node_.load(ledger, n);
            node_.append_state(state);
            if (coupled_) {
                for (const domain_index d : fleet.domains(n)) append_bytes(state, d.value());
            }
            nodes.push_back(n);
            totals.push_back(total);
            classes.push_back(states.intern(state));
        }
        const flat<std::size_t> sorted = sorted_positions(nodes.size(), [&](std::size_t a, std::size_t b) {
            if (totals[a] != totals[b]) return totals[a] < totals[b];
            return classes[a] != classes[b] ? classes[a] < classes[b] : a < b;
        });
        for (const std::size_t at : sorted) {
            nodes_.push_back(nodes[at]);
            class_.push_back(classes[at]);
            copies_.append({copies.data() + at * kinds_.size(), kinds_.size()});
            gpu_slots_.append({slots.data() + at * kinds_.size(), kinds_.size()});
        }
        class_count_ = states.size();
    }
    /// The most tasks of the kind, up to the size of the gang, that the counters of the node and its domains hold.
    [[nodiscard, gnu::cold]] std::size_t room_on_host(const gang_kind& kind, node_index n) const {
        const auto free = books_->ledger().free(n);
        std::size_t most = gang_node::times(kind.demand.node.data(), free.data(), free.size(), order_.size());
        for (const domain_index d : books_->ledger().fleet().domains(n)) {
            const auto shared = books_->ledger().free(d);
            most = gang_node::times(kind.demand.domain.data(), shared.data(), shared.size(), most);
        }
        return most;
    }

    /// Where a task of one kind fits, one that it covers fits as well.
    [[gnu::cold]] void compare_kinds() {
        const auto no_less = [](std::span<const amount> a, std::span<const amount> b) {
            for (std::size_t r = 0; r < a.size(); ++r) {
                if (a[r] < b[r]) return false;
            }
            return true;
        };
        for (const gang_kind& a : kinds_) {
            for (const gang_kind& b : kinds_) {
                const demand_view& x = a.demand;
                const demand_view& y = b.demand;
                const bool gpu =
                    x.gpus > 0 && y.gpus > 0 && (x.accepted_models & ~y.accepted_models) == 0 && no_less(x.gpu, y.gpu);
                const bool all = (y.gpus == 0 || (gpu && x.gpus >= y.gpus && (x.same_model || !y.same_model))) &&
                                 no_less(x.node, y.node) && no_less(x.domain, y.domain);
                covers_on_gpu_.push_back(gpu ? 1 : 0);
                covers_.push_back(all ? 1 : 0);
            }
        }
    }
    /// What the nodes from each one on offer together.
    [[gnu::cold]] void sum_up() {
        const Ledger& ledger = books_->ledger();
        const auto& schema = ledger.fleet().schema();
        const std::size_t width = kinds_.size();
        counters_ = schema.node.size() + schema.gpu.size();
        later_copies_.resize((nodes_.size() + 1) * width, 0);
        later_slots_.resize((nodes_.size() + 1) * width, 0);
        later_free_.resize((nodes_.size() + 1) * counters_, 0);
        for (std::size_t j = nodes_.size(); j-- > 0;) {
            for (std::size_t k = 0; k < width; ++k) {
                later_copies_[j * width + k] = later_copies_[(j + 1) * width + k] + copies_[j * width + k];
                later_slots_[j * width + k] = later_slots_[(j + 1) * width + k] + gpu_slots_[j * width + k];
            }
            amount* const sum = later_free_.data() + j * counters_;
            for (std::size_t r = 0; r < counters_; ++r) sum[r] = sum[r + counters_];
            const auto host = ledger.free(nodes_[j]);
            for (std::size_t r = 0; r < host.size(); ++r) add_up(sum[r], host[r]);
            node_.load(ledger, nodes_[j]);
            for (std::size_t g = 0; g < node_.gpu_count(); ++g) {
                bool used = false;
                for (const gang_kind& kind : kinds_)
                    used = used || (kind.demand.gpus > 0 && node_.accepts(kind.demand, g));
                for (std::size_t r = 0; used && r < schema.gpu.size(); ++r) {
                    if (node_.left(g)[r] > 0) add_up(sum[host.size() + r], node_.left(g)[r]);
                }
            }
        }
    }

    /// Unlimited counters of a large fleet may add up to more than a number holds.
    static void add_up(amount& sum, amount free) noexcept {
        constexpr amount enough = amount{1} << 61U;
        sum = free < max_amount && sum + free < enough ? sum + free : enough;
    }

    /// False if counting alone shows that the nodes from `j` on cannot take enough of what is left.
    [[nodiscard, gnu::cold]] bool bounds_allow(std::size_t j) const {
        const std::size_t width = kinds_.size();
        for (std::size_t s = 0; s < width; ++s) {
            std::size_t tasks = 0;
            std::size_t gpus = 0;
            for (std::size_t t = 0; t < width; ++t) {
                if (covers_[t * width + s] != 0) tasks += left_[t];
                if (covers_on_gpu_[t * width + s] != 0) gpus += left_[t] * kinds_[t].demand.gpus;
            }
            if (tasks > later_copies_[j * width + s] + slack_) return false;
            if (gpus > later_slots_[j * width + s] + slack_ * most_gpus_) return false;
        }
        if (slack_ > 0 || order_.size() > most_members) return true;
        const std::size_t hosts = counters_ - (width == 0 ? 0 : kinds_[0].demand.gpu.size());
        for (std::size_t r = 0; r < counters_; ++r) {
            amount wanted = 0;
            for (std::size_t k = 0; k < width; ++k) {
                const demand_view& d = kinds_[k].demand;
                const amount one = r < hosts ? d.node[r] : static_cast<amount>(d.gpus) * d.gpu[r - hosts];
                wanted += static_cast<amount>(left_[k]) * one;
            }
            if (wanted > later_free_[j * counters_ + r]) return false;
        }
        return true;
    }

    /// Numbers for (node, rest) and (class, filling), if they are small enough to be exact.
    [[gnu::cold]] void set_up_memory(bool allowed) {
        failed_.clear();
        fits_.clear();
        radix_.clear();
        std::uint64_t product = 1;
        bool exact = true;
        for (const gang_kind& kind : kinds_) {
            radix_.push_back(product);
            exact = exact && product < (std::uint64_t{1} << 62U) / (kind.count + 1);
            if (exact) product *= kind.count + 1;
        }
        states_ = product;
        const std::uint64_t limit = (std::uint64_t{1} << 62U) / product;
        knows_fillings_ = exact && class_count_ < limit / 2;
        knows_rests_ = exact && allowed && !coupled_ && nodes_.size() < limit;
        // Without a memory equal nodes are filled in descending order.
        in_order_ = !knows_rests_ && (!live_ || books_->anonymous());
    }
    [[nodiscard]] std::uint64_t code(const std::size_t* counts) const noexcept {
        std::uint64_t number = 0;
        for (std::size_t k = 0; k < kinds_.size(); ++k) number += radix_[k] * counts[k];
        return number;
    }

    /// Places what is left on the nodes from `j` on.
    [[nodiscard, gnu::cold]] bool solve(std::size_t j) {
        if (rest_ <= slack_) return true;
        const std::size_t first = j;
        for (; j < nodes_.size(); ++j) {
            if (!budget_->spend()) return false;
            if (!bounds_allow(j)) break;
            if (knows_rests_ && failed_.contains(j * states_ + code(left_.data()))) break;
            if (!offers_anything(j)) continue;
            if (fill(j)) return true;
            if (budget_->out()) return false;
            if (!every_filling_) break;
            // From here on this node stays empty, and so do equal ones if they are filled in order.
            while (in_order_ && j + 1 < nodes_.size() && class_[j + 1] == class_[j]) ++j;
        }
        if (knows_rests_) failed_.insert(first * states_ + code(left_.data()));
        return false;
    }
    [[nodiscard, gnu::cold]] bool offers_anything(std::size_t j) const {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (left_[k] > 0 && copies_[j * kinds_.size() + k] > 0) return true;
        }
        return false;
    }
    /// Tries the fillings of node `j`, in descending order.
    [[nodiscard, gnu::cold]] bool fill(std::size_t j) {
        const std::size_t width = kinds_.size();
        const std::size_t at = fillings_.size();
        fillings_.resize(at + width, 0);
        bool found = false;
        maximise(j, at, 0);
        for (bool more = !is_empty(at); more && !found && !budget_->out(); more = !found && step_down(j, at)) {
            if (!budget_->spend()) break;
            if (in_order_ && follows_equal(j) && above(at, plan_.back().filling)) continue;
            if (!every_filling_ && !is_maximal(j, at)) continue;
            if (live_ && !is_admitted(j, at)) continue;
            apply(j, at, +1);
            plan_.push_back({j, at});
            found = solve(j + 1);
            if (found) break;
            plan_.pop_back();
            apply(j, at, -1);
            if (live_) take_back(at);
        }
        if (!found) fillings_.resize(at);
        return found;
    }
    [[nodiscard, gnu::cold]] bool follows_equal(std::size_t j) const {
        return !plan_.empty() && plan_[plan_.size() - 1].candidate + 1 == j && class_[j - 1] == class_[j];
    }
    [[nodiscard, gnu::cold]] bool above(std::size_t a, std::size_t b) const {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (fillings_[a + k] != fillings_[b + k]) return fillings_[a + k] > fillings_[b + k];
        }
        return false;
    }
    [[nodiscard, gnu::cold]] bool is_empty(std::size_t at) const {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (fillings_[at + k] != 0) return false;
        }
        return true;
    }
    [[nodiscard, gnu::cold]] std::size_t most_of(std::size_t j, std::size_t k) const {
        const std::size_t copies = copies_[j * kinds_.size() + k];
        return left_[k] < copies ? left_[k] : copies;
    }
    /// From kind `k` on as many of each as fit beside those before.
    [[gnu::cold]] void maximise(std::size_t j, std::size_t at, std::size_t k) {
        for (; k < kinds_.size(); ++k) {
            fillings_[at + k] = most_of(j, k);
            while (fillings_[at + k] > 0 && !fits_together(j, at)) --fillings_[at + k];
        }
    }
    /// The next lower filling; false after the last one that is not empty.
    [[nodiscard, gnu::cold]] bool step_down(std::size_t j, std::size_t at) {
        std::size_t k = kinds_.size();
        while (k > 0 && fillings_[at + k - 1] == 0) --k;
        if (k == 0) return false;
        --fillings_[at + k - 1];
        maximise(j, at, k);
        return !is_empty(at);
    }
    [[nodiscard, gnu::cold]] bool is_maximal(std::size_t j, std::size_t at) {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (fillings_[at + k] >= most_of(j, k)) continue;
            ++fillings_[at + k];
            const bool more = fits_together(j, at);
            --fillings_[at + k];
            if (more) return false;
        }
        return true;
    }

    /// True if these numbers of tasks fit on node `j` together. False too once the budget ran out.
    [[nodiscard, gnu::cold]] bool fits_together(std::size_t j, std::size_t at) {
        std::size_t kinds = 0;
        std::size_t choices = 0;
        bool exact = true;
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (fillings_[at + k] == 0) continue;
            ++kinds;
            exact = exact && !kinds_[k].demand.same_model;
            choices += kinds_[k].demand.gpus == 0 ? 0 : fillings_[at + k] * (kinds_[k].demand.gpus + 1);
        }
        if (kinds == 0) return true;
        if (!domains_hold(j, at)) return false;
        if (kinds == 1 && exact) return true;  // as counted in `copies_`
        if (!host_holds(j, at)) return false;
        if (choices == 0) return true;
        const std::uint64_t number =
            knows_fillings_ ? 2 * (class_[j] * states_ + code(fillings_.data() + at)) : std::uint64_t{0};
        if (knows_fillings_) {
            if (fits_.contains(number)) return false;
            if (fits_.contains(number + 1)) return true;
        }
        if (choices > most_choices) budget_->give_up();
        if (!budget_->spend()) return false;
        list_members(at);
        node_.load(books_->ledger(), nodes_[j]);
        const bool packed =
            node_.pack({.kinds = kinds_.data(), .members = &members_}, true, true, *budget_, [] { return true; });
        if (knows_fillings_ && !budget_->out()) fits_.insert(number + (packed ? 1 : 0));
        return packed;
    }
    [[nodiscard, gnu::cold]] bool host_holds(std::size_t j, std::size_t at) const {
        const auto free = books_->ledger().free(nodes_[j]);
        for (std::size_t r = 0; r < free.size(); ++r) {
            if (wanted_by(at, [&](const demand_view& d) { return d.node[r]; }) > summable(free[r])) return false;
        }
        return true;
    }
    [[nodiscard, gnu::cold]] bool domains_hold(std::size_t j, std::size_t at) const {
        if (!coupled_) return true;
        const auto& fleet = books_->ledger().fleet();
        const std::size_t counters = fleet.schema().domain.size();
        for (const domain_index d : fleet.domains(nodes_[j])) {
            for (std::size_t r = 0; r < counters; ++r) {
                const amount wanted = wanted_by(at, [&](const demand_view& of) { return of.domain[r]; });
                if (wanted > domain_left_[d.value() * counters + r]) return false;
            }
        }
        return true;
    }
    template <class Of>
    [[nodiscard, gnu::cold]] amount wanted_by(std::size_t at, const Of& of) const {
        amount wanted = 0;
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            wanted += static_cast<amount>(fillings_[at + k]) * of(kinds_[k].demand);
        }
        return wanted;
    }
    [[gnu::cold]] void list_members(std::size_t at) {
        members_.clear();
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            for (std::size_t i = 0; i < fillings_[at + k]; ++i) members_.push_back(k);
        }
    }

    [[gnu::cold]] void apply(std::size_t j, std::size_t at, int sign) {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            const std::size_t count = fillings_[at + k];
            left_[k] = sign > 0 ? left_[k] - count : left_[k] + count;
            rest_ = sign > 0 ? rest_ - count : rest_ + count;
        }
        if (!coupled_) return;
        const auto& fleet = books_->ledger().fleet();
        const std::size_t counters = fleet.schema().domain.size();
        for (const domain_index d : fleet.domains(nodes_[j])) {
            for (std::size_t r = 0; r < counters; ++r) {
                domain_left_[d.value() * counters + r] -=
                    sign * wanted_by(at, [&](const demand_view& of) { return of.domain[r]; });
            }
        }
    }

    /// Carries out a filling, unless the policy refused it there before.
    [[nodiscard, gnu::cold]] bool is_admitted(std::size_t j, std::size_t at) {
        const bool lasts = knows_fillings_ && books_->by_shape() && nodes_.size() < (std::uint64_t{1} << 62U) / states_;
        const std::uint64_t number = lasts ? j * states_ + code(fillings_.data() + at) : 0;
        if (lasts && refused_.contains(number)) return false;
        const bool admitted = carry_out_filling(j, at);
        if (!admitted && lasts && !budget_->out()) refused_.insert(number);
        return admitted;
    }
    /// Places the tasks of a filling on the books, on the first combination of GPUs that the policy admits.
    [[nodiscard, gnu::cold]] bool carry_out_filling(std::size_t j, std::size_t at) {
        list_members(at);
        node_.load(books_->ledger(), nodes_[j]);
        return node_.pack({.kinds = kinds_.data(), .members = &members_}, false, books_->anonymous(), *budget_, [&] {
            for (std::size_t i = 0; i < members_.size(); ++i) {
                const std::size_t k = members_[i];
                const std::size_t member = order_[kinds_[k].first + used_[k]];
                const slot where{nodes_[j], node_.gpus(i)};
                if (budget_->spend() && books_->place_at(member, where)) {
                    slots_[member] = where;
                    ++used_[k];
                    continue;
                }
                while (i > 0) take_back_one(members_[--i]);
                return false;
            }
            return true;
        });
    }
    [[gnu::cold]] void take_back_one(std::size_t k) {
        const std::size_t member = order_[kinds_[k].first + --used_[k]];
        books_->remove(member, slots_[member]);
        slots_[member] = unplaced;
    }
    [[gnu::cold]] void take_back(std::size_t at) {
        for (std::size_t k = kinds_.size(); k-- > 0;) {
            for (std::size_t i = 0; i < fillings_[at + k]; ++i) take_back_one(k);
        }
    }
    /// Carries out the plan that counting found; false, and nothing is placed, if the policy refuses some of it.
    [[nodiscard, gnu::cold]] bool carry_out() {
        bool all = true;
        std::size_t done = 0;
        while (all && done < plan_.size()) {
            all = carry_out_filling(plan_[done].candidate, plan_[done].filling);
            done += all ? 1 : 0;
        }
        if (all) return true;
        while (done > 0) take_back(plan_[--done].filling);
        while (!plan_.empty()) {
            apply(plan_.back().candidate, plan_.back().filling, -1);
            plan_.pop_back();
        }
        fillings_.clear();
        return false;
    }

    gang_books<Ledger>* books_;
    std::span<slot> slots_;
    std::size_t slack_;
    gang_budget* budget_;
    flat<std::size_t> order_;
    flat<gang_kind> kinds_;
    flat<std::size_t> left_;  // to place, per kind
    flat<std::size_t> used_;  // placed on the books, per kind
    std::size_t rest_ = 0;    // to place, of all kinds
    std::size_t most_gpus_ = 0;
    bool coupled_ = false;  // nodes share counters of domains that the gang takes from
    flat<amount> domain_left_;

    // The nodes, in the order in which they are filled.
    flat<node_index> nodes_;
    flat<std::size_t> class_;  // equal for nodes with equal GPUs and free counters
    std::size_t class_count_ = 0;
    flat<std::uint32_t> copies_;     // per node and kind: so many fit there alone
    flat<std::uint32_t> gpu_slots_;  // per node and kind: so often its demand on one GPU fits
    std::size_t counters_ = 0;
    flat<std::size_t> later_copies_;  // sums from each node on
    flat<std::size_t> later_slots_;
    flat<amount> later_free_;
    flat<std::uint8_t> covers_;  // per pair of kinds
    flat<std::uint8_t> covers_on_gpu_;

    bool live_ = false;           // every filling is carried out at once
    bool every_filling_ = false;  // not only those that no task can be added to
    bool in_order_ = false;
    bool knows_rests_ = false;
    bool knows_fillings_ = false;
    flat<std::uint64_t> radix_;
    std::uint64_t states_ = 1;
    number_set failed_;
    number_set fits_;
    number_set refused_;
    gang_node node_;
    flat<std::size_t> members_;  // kinds of the tasks of one filling
    flat<std::size_t> fillings_;
    flat<filled_node> plan_;
};

}  // namespace berth::inline v0::detail
