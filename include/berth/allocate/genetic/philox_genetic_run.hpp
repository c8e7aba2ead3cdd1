// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/genetic/detail/generation.hpp"
#include "berth/allocate/genetic/detail/generation_setup.hpp"
#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// The state of a run of `philox_genetic` on the CPU: makes one member after the other, in a plain loop that the
/// device's kernels are tested against. Allocates when it is made. One thread at a time.
class philox_genetic_run {
public:
    /// As `philox_genetic::start`, which makes it.
    philox_genetic_run(const detail::evolution::generation_rules& rules, const packed_problem& p,
                       const candidate_lists& lists, warm_start start)
        : problem_{&p}, rules_{rules}, width_{lists.width()} {
        lists_ = detail::evolution::genes_of(lists, p.tasks());
        chunks_ = detail::evolution::chunks_of(p.tasks());
        members_.resize(rules_.population * chunks_);
        children_.resize(rules_.population * chunks_);
        values_.resize(rules_.population);
        child_values_.resize(rules_.population);
        narrow_loads_.resize(p.word_bits() == 32 ? p.gpus() : 0);
        wide_loads_.resize(p.word_bits() == 32 ? 0 : p.gpus());
        const auto given = detail::evolution::chunks_of(start);
        for (std::size_t c = 0; c < given.size(); ++c) children_[c] = given[c];
        const auto never = [] { return false; };
        if (p.tasks() > 0) (void)make(start.empty() ? 0 : 1, never);
    }

    /// Makes the next generations. O(1) without tasks.
    void advance(std::size_t generations = 1) {
        (void)advance(generations, [] { return false; });
    }
    /// The same, unless `ends()` returns true, which is called at least once per millisecond of work: then it drops the
    /// generation that it is making and returns false.
    template <class Ends>
    [[nodiscard]] bool advance(std::size_t generations, Ends&& ends) {
        for (std::size_t i = 0; i < generations; ++i) {
            ++generation_;
            if (problem_->tasks() == 0 || make(0, ends)) continue;
            --generation_;
            return false;
        }
        return true;
    }

    /// Number of the present generation; the first is 0.
    [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
    /// Members evaluated so far, the first generation included.
    [[nodiscard]] std::uint64_t evaluations() const noexcept {
        return (std::uint64_t{generation_} + 1) * rules_.population;
    }
    /// Number of members.
    [[nodiscard]] std::size_t size() const noexcept { return rules_.population; }
    /// The GPU of every task of a member. O(tasks).
    [[nodiscard]] gpu_assignment member(std::size_t i) const {
        return detail::evolution::assignment_of(members_.data() + i * chunks_, problem_->tasks());
    }
    /// Cost and excess of a member.
    [[nodiscard]] assignment_value value(std::size_t i) const noexcept {
        return detail::evolution::value_of(*problem_, values_[i]);
    }
    /// The state of the population after the present generation. O(population).
    [[nodiscard]] generation_report report() const noexcept {
        return detail::evolution::report_of(*problem_, generation_, summary());
    }
    /// The best member so far: elites keep it. O(population + tasks).
    [[nodiscard]] assignment_plan best() const {
        const std::uint32_t i = summary().best_member;
        return {.gpu_of = member(i),
                .cost = value(i).cost,
                .excess = value(i).excess,
                .evaluations = evaluations(),
                .accepted = generation_};
    }

private:
    [[nodiscard]] detail::evolution::population_summary summary() const noexcept {
        detail::evolution::population_summary all;
        for (std::uint32_t i = 0; i < rules_.population; ++i) {
            all = detail::evolution::merge_summaries{}(all, detail::evolution::population_summary::of(values_[i], i));
        }
        return all;
    }
    template <class Ends>
    [[nodiscard]] bool make(std::uint32_t given, Ends& ends) {
        const bool made = problem_->word_bits() == 32
                              ? make(problem_->table<std::uint32_t>(), narrow_loads_.data(), given, ends)
                              : make(problem_->table<std::uint64_t>(), wide_loads_.data(), given, ends);
        if (!made) return false;
        members_.swap(children_);
        values_.swap(child_values_);
        return true;
    }
    template <class Word, class Ends>
    [[nodiscard]] bool make(const detail::packed_table<Word>& table, Word* loads, std::uint32_t given, Ends& ends) {
        using namespace detail::evolution;
        const listed_table<Word> listed{table, lists_.data(), static_cast<std::uint32_t>(width_)};
        constexpr std::size_t poll_every = 20'000;
        const std::size_t work = table.tasks + table.gpus + std::size_t{rules_.steps} * (width_ + 1);  // of a member
        std::size_t done = 0;                                                                          // since a poll
        for (std::uint32_t i = 0; i < rules_.population; ++i) {
            if (done += work; done >= poll_every) {
                done = 0;
                if (ends()) return false;
            }
            make_genes(listed, i, given);
            gene_chunk* child = children_.data() + i * chunks_;
            for (std::size_t g = 0; g < table.gpus; ++g) loads[g] = 0;
            std::uint64_t cost = 0;
            for (std::size_t t = 0; t < table.tasks; ++t) {
                const std::size_t g = child[t / chunk_genes].get(t % chunk_genes);
                const Word word = table.words[t * table.gpus + g];
                loads[g] = static_cast<Word>(loads[g] + packing_of<Word>::load(word));
                cost += packing_of<Word>::cost(word);
            }
            amount excess = 0;
            for (std::size_t g = 0; g < table.gpus; ++g) {
                excess += over(static_cast<amount>(loads[g]), table.capacities[g]);
            }
            loaded_child<Word> loaded{child, loads, 1, {static_cast<std::int64_t>(cost), excess}};
            improver<Word>{rules_, listed, rules_.is_elite(i)}(loaded, generation_, i);
            child_values_[i] = loaded.value;
        }
        return true;
    }
    template <class Word>
    using packing_of = detail::packing<Word>;

    template <class Word>
    void make_genes(const detail::evolution::listed_table<Word>& listed, std::uint32_t i, std::uint32_t given) {
        using namespace detail::evolution;
        gene_chunk* child = children_.data() + i * chunks_;
        const auto chunks = static_cast<std::uint32_t>(chunks_);
        if (generation_ == 0) {
            for (std::uint32_t c = 0; c < chunks && i >= given; ++c) child[c] = initial_chunk(rules_, listed, i, c);
            return;
        }
        if (rules_.is_elite(i)) {
            const gene_chunk* best = members_.data() + best_member(values_.data(), i, rules_.group_end(i), 1) * chunks_;
            for (std::uint32_t c = 0; c < chunks; ++c) child[c] = best[c];
            return;
        }
        const std::uint32_t first = detail::evolution::tournament(rules_, values_.data(), generation_, i, draw::parent);
        const std::uint32_t second =
            detail::evolution::tournament(rules_, values_.data(), generation_, i, draw::other_parent);
        const bool crossed = is_crossed(rules_, generation_, i);
        for (std::uint32_t c = 0; c < chunks; ++c) {
            child[c] = child_chunk(rules_, listed, generation_, i, c, crossed, members_[first * chunks_ + c],
                                   members_[second * chunks_ + c]);
        }
    }

    const packed_problem* problem_;
    detail::evolution::generation_rules rules_;
    std::size_t width_;
    std::size_t chunks_ = 0;
    std::uint32_t generation_ = 0;
    detail::flat<std::uint16_t> lists_;
    detail::flat<detail::evolution::gene_chunk> members_;
    detail::flat<detail::evolution::gene_chunk> children_;
    detail::flat<detail::evolution::member_value> values_;
    detail::flat<detail::evolution::member_value> child_values_;
    detail::flat<std::uint32_t> narrow_loads_;
    detail::flat<std::uint64_t> wide_loads_;
};

}  // namespace berth::inline v0
