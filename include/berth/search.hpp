// SPDX-License-Identifier: Apache-2.0
#pragma once

// The library with its searches: berth.hpp, and what improves, proves or combines plans instead of placing greedily. It is a
// second umbrella because it takes a quarter as much compile time again, which a scheduler that only places need not pay. Each
// header can also be included alone.

// clang-format off
#include "berth/berth.hpp"

#include "berth/core/philox.hpp"
#include "berth/objective/places.hpp"
#include "berth/objective/place_of.hpp"
#include "berth/objective/terms/counter_balance.hpp"
#include "berth/objective/terms/group_dependencies.hpp"
#include "berth/objective/terms/group_relocation_peak.hpp"
#include "berth/objective/terms/least_spread.hpp"
#include "berth/objective/terms/load_over_safety.hpp"
#include "berth/objective/terms/relocation_distance.hpp"
#include "berth/objective/terms/transient_excess.hpp"
#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/assignment_problem.hpp"
#include "berth/allocate/candidate_lists.hpp"
#include "berth/allocate/priced_problem.hpp"
#include "berth/allocate/priced_greedy.hpp"
#include "berth/allocate/block_search.hpp"
#include "berth/allocate/dive.hpp"
#include "berth/allocate/exact.hpp"
#include "berth/allocate/compositions.hpp"
#include "berth/allocate/opening.hpp"
#include "berth/allocate/portfolio.hpp"

#include "berth/allocate/genetic.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/crossover/gene_mixing.hpp"
#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"
#include "berth/allocate/genetic/crossover/path_relinking.hpp"
#include "berth/allocate/genetic/improvement.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/genetic/initialisation.hpp"
#include "berth/allocate/genetic/mutation.hpp"
#include "berth/allocate/genetic/population.hpp"
#include "berth/allocate/genetic/repair.hpp"
#include "berth/allocate/genetic/replacement.hpp"
#include "berth/allocate/genetic/run.hpp"
#include "berth/allocate/genetic/selection.hpp"
#include "berth/allocate/relocation_penalty.hpp"

#include "berth/allocate/packed_problem.hpp"
#include "berth/allocate/population_evaluator.hpp"

#include "berth/allocate/acceptance.hpp"
#include "berth/allocate/local_search.hpp"
#include "berth/allocate/neighbourhoods/concepts.hpp"
#include "berth/allocate/neighbourhoods/ejection_chain.hpp"
#include "berth/allocate/neighbourhoods/neighbourhoods.hpp"
#include "berth/allocate/neighbourhoods/ruin_and_recreate.hpp"
#include "berth/allocate/neighbourhoods/shift.hpp"
#include "berth/allocate/neighbourhoods/swap.hpp"
#include "berth/allocate/partitioned_search.hpp"
#include "berth/allocate/relocation_list.hpp"
#include "berth/allocate/sampled_greedy.hpp"
#include "berth/allocate/search_space.hpp"
#include "berth/allocate/slot_candidates.hpp"

#include "berth/allocate/makespan_bound.hpp"
#include "berth/allocate/makespan_search.hpp"
// clang-format on
