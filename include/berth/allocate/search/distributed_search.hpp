// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/distributed_run.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/allocate/search/region_records.hpp"
#include "berth/core/part_exchange.hpp"

#include <utility>

namespace berth::inline v0 {

/// A partitioned search that holds no problem as a whole: parts keep the records of their own nodes and tasks, wherever
/// they are held, in this process or spread over MPI ranks. In a round every part searches some small regions of its
/// nodes, each as a problem of its own, and then trades a share of its nodes, drawn at random and with their tasks, for
/// nodes of another part.
///
/// ```
/// const berth::distributed_search search{model{prices}, {.seed = 7, .parts = 64}};
/// auto run = search.start(berth::one_process{});                      // or berth::mpi::ranks{}
/// for (std::size_t part = run.held().first; part < run.held().end; ++part) fill(run, part);
/// if (auto ok = run.open(threads, cheapest_first); !ok) return report(ok.error());
/// const auto answer = run.improve(threads, berth::run_control<>{.max_evaluations = 1'000'000'000});
/// ```
///
/// When to use: the problem does not fit one machine, or ranks share its work. `partitioned_search` takes any objective
/// and needs no records; this one wants terms that add up over nodes (`distributed_model`).
///
/// 1. Never worse than its start; anytime.
/// 2. The number of the part, not the process or thread that holds it, owns every random stream: the same plan for any
///    number of processes and threads, under a budget of evaluations.
/// 3. Between rounds a run can be saved part by part and restored in another process (`distributed_run::save`).
///
/// Memory of a part: its records and 16 bytes for every task, a quarter of that again while it trades, and one region's
/// search. A description: immutable and shareable.
template <distributed_model Model, class Search = local_search<>>
class distributed_search {
public:
    /// @param model    see `distributed_model`; copied into runs
    /// @param options  see `distributed_options`
    /// @param search   of each region: a `local_search`; it starts anew in each, with the seed of that region
    explicit distributed_search(Model model, const distributed_options& options = {}, Search search = Search{})
        : model_{std::move(model)}, options_{options}, search_{std::move(search)} {}

    /// The state of a run, empty: fill the parts that it holds, then call `open`.
    ///
    /// @param exchange  see `part_exchange`; every process starts the same run
    template <part_exchange Exchange = one_process>
    [[nodiscard]] distributed_run<Model, Search, Exchange> start(Exchange exchange = {}) const {
        return {model_, search_, options_, std::move(exchange)};
    }

private:
    Model model_;
    distributed_options options_;
    Search search_;
};
template <class Model>
distributed_search(Model) -> distributed_search<Model>;
template <class Model>
distributed_search(Model, distributed_options) -> distributed_search<Model>;
template <class Model, class Search>
distributed_search(Model, distributed_options, Search) -> distributed_search<Model, Search>;

}  // namespace berth::inline v0
