// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/genetic/philox_genetic.hpp"
#include "berth/core/index.hpp"
#include "berth/core/philox.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace berth_test {

/// The generations of `philox_genetic`, written a second time from its description: vectors of whole assignments, every
/// value recomputed from scratch, every random number computed from its counter. Slow.
class naive_generations {
public:
    using member = std::vector<std::size_t>;
    using value = std::pair<std::int64_t, std::int64_t>;  // excess and cost in units

    naive_generations(const berth::philox_genetic& description, const berth::packed_problem& p,
                      const berth::candidate_lists& lists, std::vector<member> given = {})
        : g_{description}, p_{&p}, lists_{&lists}, rules_{berth::detail::evolution::rules_of(description, p)} {
        for (std::size_t i = 0; i < g_.population; ++i) {
            member m(p.tasks());
            for (std::size_t t = 0; t < p.tasks(); ++t) {
                const std::uint32_t word = draw(i, 0, static_cast<std::uint32_t>(t / 4))[t % 4];
                const bool cheapest = lists.width() > 0 && word < 0x80000000U;
                m[t] = cheapest ? lists.of(berth::task_index{t})[0].value() : any_gpu(t, word << 1U);
            }
            if (i < given.size()) m = given[i];
            look_around(m, i);
            members.push_back(m);
            values.push_back(value_of(m));
        }
    }

    void advance() {
        ++generation_;
        std::vector<member> children;
        for (std::size_t i = 0; i < g_.population; ++i) {
            member m;
            if (i % g_.elite_group == 0) {
                std::size_t best = i;
                for (std::size_t j = i; j < i + g_.elite_group && j < g_.population; ++j) {
                    if (values[j] < values[best]) best = j;
                }
                m = members[best];
            } else {
                m = members[winner(i, 1)];
                const member& second = members[winner(i, 2)];
                const bool crossed = draw(i, 3, 0)[0] < rules_.crossed_below;
                for (std::size_t t = 0; t < m.size(); ++t) {
                    const berth::philox_block words = draw(i, 4, static_cast<std::uint32_t>(t / 8));
                    bool exchanged = crossed;
                    for (std::size_t byte = 0; byte < 4; ++byte) {
                        exchanged = exchanged && (words[0] >> (8 * byte + t % 8) & 1U) == 1;
                    }
                    if (exchanged) m[t] = second[t];
                    if (words[1] < rules_.mutated_below && words[2] >> 29U == t % 8) m[t] = any_gpu(t, words[3]);
                }
            }
            look_around(m, i);
            children.push_back(m);
        }
        members = children;
        for (std::size_t i = 0; i < members.size(); ++i) values[i] = value_of(members[i]);
    }

    [[nodiscard]] value value_of(const member& m) const {
        std::vector<std::int64_t> room(p_->capacities().begin(), p_->capacities().end());
        value v{0, 0};
        for (std::size_t t = 0; t < m.size(); ++t) {
            v.second += pair(t, m[t]).first;
            room[m[t]] -= pair(t, m[t]).second;
        }
        for (const std::int64_t left : room) v.first += left < 0 ? -left : 0;
        return v;
    }

    std::vector<member> members;
    std::vector<value> values;

private:
    [[nodiscard]] std::pair<std::int64_t, std::int64_t> pair(std::size_t t, std::size_t g) const {
        if (p_->word_bits() == 32) {
            const std::uint32_t word = p_->table<std::uint32_t>().words[t * p_->gpus() + g];
            return {word >> 16U, word & 0xffffU};
        }
        const std::uint64_t word = p_->table<std::uint64_t>().words[t * p_->gpus() + g];
        return {static_cast<std::int64_t>(word >> 32U), static_cast<std::int64_t>(word & 0xffffffffU)};
    }
    [[nodiscard]] berth::philox_block draw(std::size_t i, std::uint32_t what, std::uint32_t which) const {
        return berth::philox4x32({{which, static_cast<std::uint32_t>(i), generation_, what}}, g_.seed);
    }
    [[nodiscard]] std::size_t any_gpu(std::size_t t, std::uint32_t word) const {
        const std::size_t width = lists_->width();
        const std::size_t at = (std::uint64_t{word} * (width > 0 ? width : p_->gpus())) >> 32U;
        return width > 0 ? lists_->of(berth::task_index{t})[at].value() : at;
    }
    [[nodiscard]] std::int64_t price(const value& v) const { return v.second + rules_.penalty * v.first; }
    [[nodiscard]] std::size_t winner(std::size_t i, std::uint32_t what) const {
        std::size_t best = 0;
        for (std::uint32_t k = 0; k < g_.tournament; ++k) {
            const std::size_t it = (std::uint64_t{draw(i, what, k / 4)[k % 4]} * g_.population) >> 32U;
            if (k == 0 || price(values[it]) < price(values[best])) best = it;
        }
        return best;
    }
    /// True if the first is better for a member that is an elite or is not.
    [[nodiscard]] bool better(const value& a, const value& b, bool elite) const {
        return elite ? a < b : price(a) < price(b);
    }
    void look_around(member& m, std::size_t i) const {
        const bool elite = i % g_.elite_group == 0;
        for (std::uint32_t s = 0; s < g_.steps; ++s) {
            const berth::philox_block words = draw(i, 5, s);
            const std::size_t t = (std::uint64_t{words[0]} * m.size()) >> 32U;
            const std::size_t u = (std::uint64_t{words[1]} * m.size()) >> 32U;
            std::vector<member> around;
            if (lists_->width() == 0) {
                around.push_back(m);
                around.back()[t] = any_gpu(t, words[2]);
            }
            for (std::size_t k = 0; k < lists_->width(); ++k) {
                around.push_back(m);
                around.back()[t] = lists_->of(berth::task_index{t})[k].value();
            }
            around.push_back(m);
            std::swap(around.back()[t], around.back()[u]);
            member best = m;
            for (const member& it : around) {
                if (better(value_of(it), value_of(best), elite)) best = it;
            }
            m = best;
        }
    }

    berth::philox_genetic g_;
    const berth::packed_problem* p_;
    const berth::candidate_lists* lists_;
    berth::detail::evolution::generation_rules rules_;
    std::uint32_t generation_ = 0;
};

}  // namespace berth_test
