// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/candidate_tree.hpp"
#include "berth/balance/defragment/detail/eviction_table.hpp"
#include "berth/balance/defragment/detail/node_clearing.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Length: the steps of one expansion, which share its scratch.

namespace berth::inline v0::detail {

/// Beam search for plans of three steps and more: chains, and repackings of several nodes. A candidate is a fleet in
/// which some tasks wait: first the new one. Its largest waiting task takes the place of others, which wait in turn;
/// those that fit somewhere go there at once, first to nodes where the candidate has left pieces over. Candidates are
/// ranked by the share that waits less the largest piece left over, so that room is collected from GPU to GPU until it
/// is in one place. A level holds the candidates of one number of moves.
///
/// @tparam Context  an `eviction_context`
template <class Context>
class beam_eviction {
public:
    beam_eviction(const eviction_beam& beam, std::size_t tasks) : beam_{beam}, moved_(tasks) {}

    /// More tasks.
    void resize(std::size_t tasks) { moved_.resize(tasks); }
    /// Searches until the context's poll ends it, nothing is left to follow, or nothing better can follow.
    void run(Context& context) {
        context_ = &context;
        const std::size_t most = context_->max_steps();
        largest_hole_ = 0;
        for (std::size_t n = 0; n < context_->fleet.machines().node_count(); ++n) {
            const node_view node = ledger().node(node_index{n});
            for (std::size_t g = 0; g < node.gpu_count(); ++g) {
                largest_hole_ = std::max(largest_hole_, node.free_share(g));
            }
        }
        tree_.start(key_of(context_->root()), most);
        for (std::size_t used = 0; used <= most; ++used) {
            if (context_->found_shortest() && used >= context_->best().steps) return;
            for (const std::size_t d : tree_.choose(used, beam_, context_->poll)) {
                if (context_->poll.stopped(16)) return;
                expand(d);
            }
        }
    }

private:
    static constexpr std::size_t max_waiting = 4;
    static constexpr std::size_t max_offers = 48;

    [[nodiscard]] std::uint64_t key_of(task_index t) const noexcept {
        return splitmix64(context_->shape(t).value() + 1);
    }
    [[nodiscard]] const slot& where(task_index t) const { return context_->fleet.where(t); }
    [[nodiscard]] amount share(task_index t) const { return context_->demand(t).total_share(); }
    [[nodiscard]] berth::ledger& ledger() { return context_->fleet.ledger(); }

    void expand(std::size_t at) {
        // The table is made of the occupied slots: fill in all that is needed below before the ledger changes.
        if (at == 0) (void)context_->evictions(context_->root());
        for (const task_index t : tree_.evicted(at)) (void)context_->evictions(t);
        ledger().checkpoint();
        touched_.clear();
        gone_.clear();
        replay(at);
        const bool placed = take_place(at);
        if (placed) settle(at);
        const bool complete = placed && tree_[at].waiting == 0;
        if (placed && !complete) branch(at);
        ledger().rollback();
        if (complete) finish(at);
        for (const task_index t : gone_) moved_[t.value()] = 0;
    }
    /// Brings the ledger to the parent's state.
    void replay(std::size_t at) {
        line_.clear();
        for (std::size_t d = at; d != 0; d = tree_[d].parent) line_.push_back(d);
        for (std::size_t i = line_.size(); i-- > 1;) {
            evict(line_[i]);
            for (const task_move& r : tree_.put(line_[i])) {
                ledger().place(context_->demand(r.task), r.to);
                touch(r.to.node);
            }
        }
    }
    void evict(std::size_t at) {
        for (const task_index t : tree_.evicted(at)) {
            ledger().remove(context_->demand(t), where(t));
            moved_[t.value()] = 1;
            gone_.push_back(t);
            touch(where(t).node);
        }
    }
    void touch(node_index n) {
        if (!touched(n)) touched_.push_back(n);
    }
    [[nodiscard]] bool touched(node_index n) const {
        for (const node_index m : touched_) {
            if (m == n) return true;
        }
        return false;
    }
    void put(std::size_t at, task_index t, const slot& to) {
        ledger().place(context_->demand(t), to);
        tree_.put(at, {t, t == context_->root() ? unplaced : where(t), to});
        touch(to.node);
    }

    /// Places the parent's first waiting task; the evicted tasks wait.
    bool take_place(std::size_t at) {
        tree_.open(at);
        if (at == 0) {
            tree_.wait(at, context_->root());
            return true;
        }
        const std::size_t parent = tree_[at].parent;
        const task_index t = tree_.waiting(parent)[0];
        evict(at);
        if (!ledger().fits(context_->demand(t), tree_[at].node)) return false;
        const auto offer = context_->best_slot(t, tree_[at].node);
        if (!offer.where.placed()) return false;
        put(at, t, offer.where);
        for (std::size_t k = 1; k < tree_[parent].waiting; ++k) tree_.wait(at, tree_.waiting(parent)[k]);
        for (const task_index e : tree_.evicted(at)) tree_.wait(at, e);
        return true;
    }
    /// Places the waiting tasks that fit somewhere, largest first.
    void settle(std::size_t at) {
        const std::span<task_index> all = tree_.waiting(at);
        const auto larger = [&](task_index a, task_index b) {
            return share(a) != share(b) ? share(a) > share(b) : a < b;
        };
        for (std::size_t i = 1; i < all.size(); ++i) {
            for (std::size_t j = i; j > 0 && larger(all[j], all[j - 1]); --j) std::swap(all[j], all[j - 1]);
        }
        std::size_t kept = 0;
        for (const task_index t : all) {
            const slot to = context_->poll.interrupted(64) ? unplaced : room_for(t);
            if (to.placed()) {
                put(at, t, to);
            } else {
                all[kept++] = t;
            }
        }
        tree_.keep_waiting(at, kept);
    }
    slot room_for(task_index t) {
        const demand_view wanted = context_->demand(t);
        slot best = unplaced;
        double least = 0.0;
        const auto look = [&](node_index n) {
            if (!ledger().fits(wanted, n)) return;
            const auto offer = context_->best_slot(t, n);
            if (!offer.where.placed() || (best.placed() && offer.fragmentation >= least)) return;
            best = offer.where;
            least = offer.fragmentation;
        };
        for (const node_index n : touched_) look(n);
        std::size_t looked = 0;
        for (const node_index n : context_->evictions(t).direct) {
            if (looked == max_offers) break;
            if (touched(n)) continue;
            ++looked;
            look(n);
        }
        return best;
    }

    /// Nothing waits: the moves are a plan.
    void finish(std::size_t at) {
        moves_.clear();
        node_index node_of_root{};
        for (std::size_t d = at;; d = tree_[d].parent) {
            for (const task_move& r : tree_.put(d)) {
                if (r.task == context_->root()) {
                    node_of_root = r.to.node;
                } else {
                    moves_.push_back(r);
                }
            }
            if (d == 0) break;
        }
        (void)context_->consider(moves_.view(), node_of_root);
    }

    /// Adds candidates in which the largest waiting task takes the place of others.
    void branch(std::size_t at) {
        const task_index t = tree_.waiting(at)[0];
        rest_ = 0;
        rest_key_ = 0;
        for (const task_index other : tree_.waiting(at).subspan(1)) {
            rest_ += share(other);
            rest_key_ += key_of(other);
        }
        piece_ = 0;
        pieces_ = 0;
        for (const node_index n : touched_) {
            const node_view node = ledger().node(n);
            for (std::size_t g = 0; g < node.gpu_count(); ++g) {
                piece_ = std::max(piece_, node.free_share(g));
                if (node.free_share(g) > 0) pieces_ += node.free_share(g);
            }
        }
        const auto& listed =
            context_->table.ranked(context_->shape(t), context_->fleet, beam_.alternatives, context_->poll);
        for (const std::size_t o : listed.ranked) {
            if (context_->poll.interrupted()) return;
            const eviction& e = listed.options[o];
            if (!touched(e.node)) follow(at, e.node, e.all(), e.share, e.left);
        }
        here_.direct.clear();
        here_.options.clear();
        for (const node_index n : touched_) {
            (void)context_->table.look(context_->shape(t), n, context_->fleet, here_, context_->poll, moved_.view());
        }
        for (const eviction& e : here_.options) follow(at, e.node, e.all(), e.share, e.left);
        if (at == 0) clear_nodes(t);
    }
    /// Adds the candidate in which these tasks leave a node to the largest waiting task, unless it cannot succeed.
    void follow(std::size_t at, node_index n, std::span<const task_index> tasks, amount freed, amount left) {
        context_->poll.count();
        const std::size_t used = tree_[at].used + tasks.size();
        if (used > context_->max_steps()) return;
        const std::size_t waiting = tree_[at].waiting - 1 + tasks.size();
        if (waiting > max_waiting && tree_[at].used > 0) return;
        // Every task that waits, now or later, fills at most one piece.
        const auto places = static_cast<amount>(waiting + context_->max_steps() - used);
        if (rest_ + freed > pieces_ + left + places * largest_hole_) return;
        std::uint64_t key = rest_key_;
        for (const task_index e : tasks) {
            if (moved_[e.value()] != 0) return;
            key += key_of(e);
        }
        const amount shortage = rest_ + freed - std::max(piece_, left);
        tree_.add({.key = key, .parent = at, .node = n, .used = used, .shortage = shortage, .left = left}, tasks);
    }
    /// Adds candidates that evict more tasks from a node than the table covers.
    void clear_nodes(task_index t) {
        const demand_view wanted = context_->demand(t);
        if (wanted.gpus < 2) return;
        const fleet& machines = context_->fleet.machines();
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            if (context_->poll.interrupted(8)) return;
            const node_index n{i};
            if (!eviction_table::could_host(wanted, n, machines)) continue;
            const auto tasks = clearing_.tasks(wanted, n, context_->fleet, context_->max_steps());
            if (tasks.size() < 3) continue;
            amount freed = 0;
            for (const task_index e : tasks) freed += share(e);
            follow(0, n, tasks, freed, 0);
        }
    }

    Context* context_ = nullptr;
    eviction_beam beam_;
    candidate_tree tree_;
    node_clearing<typename Context::fleet_type> clearing_;
    flat<std::uint8_t> moved_;
    amount largest_hole_ = 0;
    amount rest_ = 0;  // share of the waiting tasks but the largest
    std::uint64_t rest_key_ = 0;
    amount piece_ = 0;   // the largest piece that the candidate has left over
    amount pieces_ = 0;  // all of them
    flat<task_move> moves_;
    flat<std::size_t> line_;
    flat<node_index> touched_;
    flat<task_index> gone_;
    eviction_table::entry here_;
};

}  // namespace berth::inline v0::detail
