// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/detail/rescue_draft.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::detail {

/// How wide a long search looks.
struct rescue_beam {
    std::size_t width = 100;  ///< drafts followed for each number of relocations
    std::size_t alternatives =
        2;  ///< of drafts in which tasks of the same shapes wait, and of evictions of the same shapes
};

/// Chains and repackings by beam search over drafts. A draft has some tasks without a place: first the new one. Its largest takes
/// the place of others, which wait in turn; what has room goes there at once, at best where the draft has left something over.
/// Drafts are ranked by what still waits less the largest piece they have left over: room is collected from GPU to GPU until it
/// is in one place. A level holds the drafts of one number of relocations.
template <class Draft>
class long_rescue {
public:
    long_rescue(const rescue_beam& beam, std::size_t tasks) : beam_{beam}, moved_(tasks) {}

    /// Looks until the budget of evaluations is spent, nothing is left to follow, or nothing shorter can come.
    void run(Draft& draft, std::uint64_t budget) {
        draft_ = &draft;
        const std::size_t most = draft_->most_steps();
        drafts_.clear();
        evicted_.clear();
        waiting_.clear();
        put_.clear();
        if (levels_.size() < most + 1) levels_.resize(most + 1);
        for (auto& level : levels_) level.clear();
        largest_hole_ = 0;
        for (std::size_t g = 0; g < draft_->fleet.machines().gpu_count(); ++g) {
            largest_hole_ = std::max(largest_hole_, draft_->fleet.books().free(gpu_index{g})[0]);
        }
        draft_node first{};
        first.key = mix(draft_->root());
        first.waits_share = draft_->demand(draft_->root()).total_share();
        drafts_.push_back(first);
        levels_[0].push_back(0);
        for (std::size_t used = 0; used <= most; ++used) {
            if (draft_->found_shortest() && used >= draft_->best_steps()) return;
            choose(levels_[used]);
            for (const std::size_t d : chosen_) {
                if (draft_->evaluations >= budget) return;
                expand(d);
            }
        }
    }

private:
    static constexpr std::size_t most_waiting = 4;
    static constexpr std::size_t most_offers = 48;

    struct draft_node {
        std::uint64_t key = 0;  ///< of the shapes that wait
        std::size_t parent = 0;
        node_index node{};  ///< where the parent's largest waiting task goes
        std::uint32_t used = 0;
        std::size_t first_evicted = 0;
        std::size_t evicted = 0;
        std::size_t first_waiting = 0;
        std::size_t waiting = 0;
        std::size_t first_put = 0;
        std::size_t put = 0;
        amount waits_share = 0;
        amount lacks = 0;  ///< what waits, less the largest piece left over
        amount left = 0;
    };

    [[nodiscard]] std::uint64_t mix(task_index t) const noexcept { return splitmix64(draft_->shape(t).value() + 1); }
    [[nodiscard]] const slot& where(task_index t) const { return draft_->fleet.where(t); }
    [[nodiscard]] ledger& books() { return draft_->fleet.books(); }

    /// The drafts of a level that are followed.
    void choose(flat<std::size_t>& level) {
        const auto before = [&](std::size_t a, std::size_t b) {
            const draft_node& x = drafts_[a];
            const draft_node& y = drafts_[b];
            if (x.lacks != y.lacks) return x.lacks < y.lacks;
            if (x.left != y.left) return x.left > y.left;
            return a < b;
        };
        sort_positions(level, before);
        chosen_.clear();
        for (const std::size_t d : level) {
            if (chosen_.size() == beam_.width) break;
            std::size_t alike = 0;
            for (const std::size_t other : chosen_) alike += drafts_[other].key == drafts_[d].key ? 1 : 0;
            if (alike < beam_.alternatives) chosen_.push_back(d);
        }
    }

    void expand(std::size_t at) {
        // The table knows the observed placement: whatever may be asked of it is looked up before the ledger leaves that.
        if (at == 0) (void)draft_->table.of(draft_->shape(draft_->root()), draft_->fleet);
        for (std::size_t k = 0; k < drafts_[at].evicted; ++k) {
            const task_index t = evicted_[drafts_[at].first_evicted + k];
            (void)draft_->table.of(draft_->shape(t), draft_->fleet);
        }
        books().checkpoint();
        touched_.clear();
        gone_.clear();
        replay(at);
        if (take_place(at)) {
            settle(at);
            if (drafts_[at].waiting == 0) {
                books().rollback();
                finish(at);
            } else {
                branch(at);
                books().rollback();
            }
        } else {
            books().rollback();
        }
        for (const task_index t : gone_) moved_[t.value()] = 0;
    }
    /// Brings the ledger to where the parent stood.
    void replay(std::size_t at) {
        line_.clear();
        for (std::size_t d = at; d != 0; d = drafts_[d].parent) line_.push_back(d);
        for (std::size_t i = line_.size(); i-- > 1;) {
            const draft_node& d = drafts_[line_[i]];
            evict(d);
            for (std::size_t k = 0; k < d.put; ++k) {
                const relocation& r = put_[d.first_put + k];
                books().place(draft_->demand(r.task), r.to);
                touch(r.to.node);
            }
        }
    }
    void evict(const draft_node& d) {
        for (std::size_t k = 0; k < d.evicted; ++k) {
            const task_index t = evicted_[d.first_evicted + k];
            books().remove(draft_->demand(t), where(t));
            moved_[t.value()] = 1;
            gone_.push_back(t);
            touch(where(t).node);
        }
    }
    void touch(node_index n) {
        for (const node_index m : touched_) {
            if (m == n) return;
        }
        touched_.push_back(n);
    }
    [[nodiscard]] bool touched(node_index n) const {
        for (const node_index m : touched_) {
            if (m == n) return true;
        }
        return false;
    }
    void put(task_index t, const slot& to) {
        books().place(draft_->demand(t), to);
        put_.push_back({t, where(t), to});
        touch(to.node);
    }

    /// The task for which the draft's evictions are goes there; the evicted wait.
    bool take_place(std::size_t at) {
        drafts_[at].first_put = put_.size();
        drafts_[at].first_waiting = waiting_.size();
        if (at == 0) {
            waiting_.push_back(draft_->root());
            return true;
        }
        const draft_node d = drafts_[at];
        const draft_node parent = drafts_[d.parent];
        const task_index t = waiting_[parent.first_waiting];
        evict(d);
        if (!books().fits(draft_->demand(t), d.node)) return false;
        const auto offer = draft_->best_slot(t, d.node);
        if (!offer.where.placed()) return false;
        put(t, offer.where);
        for (std::size_t k = 1; k < parent.waiting; ++k) waiting_.push_back(waiting_[parent.first_waiting + k]);
        for (std::size_t k = 0; k < d.evicted; ++k) waiting_.push_back(evicted_[d.first_evicted + k]);
        return true;
    }
    /// Largest first, those that wait go where there is room.
    void settle(std::size_t at) {
        const std::size_t first = drafts_[at].first_waiting;
        std::size_t count = waiting_.size() - first;
        const auto larger = [&](task_index a, task_index b) {
            const demand_view x = draft_->demand(a);
            const demand_view y = draft_->demand(b);
            if (x.total_share() != y.total_share()) return x.total_share() > y.total_share();
            return a < b;
        };
        for (std::size_t i = 1; i < count; ++i) {
            for (std::size_t j = i; j > 0 && larger(waiting_[first + j], waiting_[first + j - 1]); --j) {
                std::swap(waiting_[first + j], waiting_[first + j - 1]);
            }
        }
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const task_index t = waiting_[first + i];
            const slot to = room_for(t);
            if (to.placed()) {
                put(t, to);
            } else {
                waiting_[first + kept++] = t;
            }
        }
        waiting_.resize(first + kept);
        drafts_[at].waiting = kept;
        drafts_[at].put = put_.size() - drafts_[at].first_put;
    }
    slot room_for(task_index t) {
        const demand_view wanted = draft_->demand(t);
        slot best = unplaced;
        double least = 0.0;
        const auto look = [&](node_index n) {
            if (!books().fits(wanted, n)) return;
            const auto offer = draft_->best_slot(t, n);
            if (!offer.where.placed() || (best.placed() && offer.waste >= least)) return;
            best = offer.where;
            least = offer.waste;
        };
        for (const node_index n : touched_) look(n);
        std::size_t looked = 0;
        for (const node_index n : draft_->table.of(draft_->shape(t), draft_->fleet).direct) {
            if (looked == most_offers) break;
            if (touched(n)) continue;
            ++looked;
            look(n);
        }
        return best;
    }

    /// Nothing waits: the draft is a way.
    void finish(std::size_t at) {
        moves_.clear();
        node_index home{};
        for (std::size_t d = at;; d = drafts_[d].parent) {
            for (std::size_t k = 0; k < drafts_[d].put; ++k) {
                const relocation& r = put_[drafts_[d].first_put + k];
                if (r.task == draft_->root()) {
                    home = r.to.node;
                } else {
                    moves_.push_back(r);
                }
            }
            if (d == 0) break;
        }
        (void)draft_->consider(moves_.view(), home);
    }

    /// New drafts: the largest waiting task takes the place of others.
    void branch(std::size_t at) {
        const draft_node d = drafts_[at];
        const task_index t = waiting_[d.first_waiting];
        amount rest = 0;
        std::uint64_t key = 0;
        for (std::size_t k = 1; k < d.waiting; ++k) {
            rest += draft_->demand(waiting_[d.first_waiting + k]).total_share();
            key += mix(waiting_[d.first_waiting + k]);
        }
        amount piece = 0;
        amount pieces = 0;
        for (const node_index n : touched_) {
            const node_view node = books().node(n);
            for (std::size_t g = 0; g < node.gpu_count(); ++g) {
                piece = std::max(piece, node.free_share(g));
                pieces += node.free_share(g);
            }
        }
        const auto add = [&](node_index n, std::span<const task_index> tasks, amount share, amount left) {
            ++draft_->evaluations;
            const std::size_t used = d.used + tasks.size();
            if (used > draft_->most_steps()) return;
            const std::size_t waiting = d.waiting - 1 + tasks.size();
            if (waiting > most_waiting && d.used > 0) return;
            // Every task that waits or will still fills at most one piece.
            const auto places = static_cast<amount>(waiting + draft_->most_steps() - used);
            if (rest + share > pieces + left + places * largest_hole_) return;
            for (const task_index e : tasks) {
                if (moved_[e.value()] != 0) return;
            }
            draft_node next{};
            next.parent = at;
            next.node = n;
            next.used = static_cast<std::uint32_t>(used);
            next.first_evicted = evicted_.size();
            next.evicted = tasks.size();
            next.left = left;
            next.waits_share = rest + share;
            next.lacks = next.waits_share - std::max(piece, left);
            next.key = key;
            for (const task_index e : tasks) {
                evicted_.push_back(e);
                next.key += mix(e);
            }
            levels_[used].push_back(drafts_.size());
            drafts_.push_back(next);
        };
        const auto& listed = draft_->table.listed(draft_->shape(t), draft_->fleet, beam_.alternatives);
        for (const std::size_t o : listed.best_first) {
            const eviction& e = listed.options[o];
            if (!touched(e.node)) add(e.node, e.all(), e.share, e.left);
        }
        here_.direct.clear();
        here_.options.clear();
        for (const node_index n : touched_) {
            draft_->table.look(draft_->shape(t), n, draft_->fleet, here_, moved_.view());
        }
        for (const eviction& e : here_.options) add(e.node, e.all(), e.share, e.left);
        if (at == 0) clear_nodes(t, add);
    }

    /// For each node the tasks to evict where three are not enough: GPUs with the fewest tasks are cleared first, then the
    /// largest users of a host counter that is short leave.
    template <class Add>
    void clear_nodes(task_index t, Add add) {
        const demand_view wanted = draft_->demand(t);
        if (wanted.gpus < 2) return;
        const fleet& machines = draft_->fleet.machines();
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_index n{i};
            if (!eviction_table::could_host(wanted, n, machines)) continue;
            set_.clear();
            books().checkpoint();
            const auto out = [&](task_index e) {
                books().remove(draft_->demand(e), where(e));
                set_.push_back(e);
            };
            const auto is_out = [&](task_index e) {
                for (const task_index other : set_) {
                    if (other == e) return true;
                }
                return false;
            };
            gpu_mask closed = machines.healthy_gpus(n) & ~books().fitting_gpus(wanted, n);
            while (set_.size() <= draft_->most_steps() && !has_gpus(books().fitting_gpus(wanted, n), wanted.gpus) &&
                   closed != 0) {
                std::size_t fewest = draft_->fleet.tasks_on(n).size() + 1;
                std::size_t gpu = lowest_gpu(closed);
                for (gpu_mask rest = closed; rest != 0; rest &= rest - 1) {
                    std::size_t count = 0;
                    for (const task_index e : draft_->fleet.tasks_on(n)) {
                        if ((where(e).gpus >> lowest_gpu(rest) & 1U) != 0 && !is_out(e)) ++count;
                    }
                    const bool accepted =
                        (wanted.accepted_models >> machines.model(machines.gpu(n, lowest_gpu(rest))).value() & 1U) != 0;
                    if (accepted && count < fewest) {
                        fewest = count;
                        gpu = lowest_gpu(rest);
                    }
                }
                for (const task_index e : draft_->fleet.tasks_on(n)) {
                    if ((where(e).gpus >> gpu & 1U) != 0 && !is_out(e) &&
                        (books().fitting_gpus(wanted, n) >> gpu & 1U) == 0) {
                        out(e);
                    }
                }
                closed &= ~(gpu_mask{1} << gpu);
            }
            while (set_.size() <= draft_->most_steps() && !books().fits(wanted, n)) {
                task_index most{};
                for (const task_index e : draft_->fleet.tasks_on(n)) {
                    if (!is_out(e) && (!most.valid() || host(e) > host(most))) most = e;
                }
                if (!most.valid()) break;
                out(most);
            }
            const bool fits = books().fits(wanted, n);
            books().rollback();
            amount share = 0;
            for (const task_index e : set_) share += draft_->demand(e).total_share();
            if (fits && set_.size() > 2 && set_.size() <= draft_->most_steps()) add(n, set_.view(), share, 0);
        }
    }
    [[nodiscard]] amount host(task_index t) const {
        const demand_view wanted = draft_->demand(t);
        return wanted.node.empty() ? 0 : wanted.node[0];
    }

    Draft* draft_ = nullptr;
    rescue_beam beam_;
    flat<std::uint8_t> moved_;
    amount largest_hole_ = 0;
    flat<draft_node> drafts_;
    std::vector<flat<std::size_t>> levels_;
    flat<task_index> evicted_;
    flat<task_index> waiting_;
    flat<relocation> put_;
    flat<relocation> moves_;
    flat<std::size_t> chosen_;
    flat<std::size_t> line_;
    flat<node_index> touched_;
    flat<task_index> gone_;
    flat<task_index> set_;
    eviction_table::entry here_;
};

}  // namespace berth::detail
