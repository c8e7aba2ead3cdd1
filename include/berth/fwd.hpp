// SPDX-License-Identifier: Apache-2.0
#pragma once

// Forward declarations of the classes, structs and enumerations of all rooms, for headers that only name them. Aliases
// (`assignment`, `gpu_mask`) and templates that a concept constrains are left out: include their own headers.

// Length: one line for each public type. Written by scripts/update_fwd.py.

#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/run_control.hpp"

#include <cstdint>

namespace berth::inline v0 {

// core/
enum class error_code : std::uint8_t;
class byte_reader;
class byte_writer;
struct error;
struct held_parts;
class name_table;
struct one_process;
struct philox_block;
class philox_source;
class thread_pool;
class xoshiro256;
template <class Tag>
class basic_handle;
template <stoppable Stop>
struct deadline;
template <class T>
class matrix_view;
template <class T>
class result;

// model/
enum class refusal : std::uint8_t;
enum class task_state : std::uint8_t;
struct alternative_description;
class arrival_mix;
struct arrival_mix_options;
class cluster;
struct counter_roles;
struct demand_view;
struct domain_description;
class fleet;
class fleet_builder;
struct gpu_description;
class gpu_links;
class ledger;
struct near_miss;
struct node_description;
struct node_view;
class problem;
struct resource_schema;
struct role_names;
struct slot;
struct task_alternative;
struct task_description;
struct task_mix;
struct why_not;
class workload;
class workload_builder;
template <class T>
struct gpu_traits;
template <class T>
struct node_traits;
template <class T>
struct task_traits;

// feature/
struct affine_map;
struct column_summary;
class feature_matrix;
class fitted_scaling;
struct max_abs;
struct min_max;
struct standardise;
template <class Projection>
struct column;
template <class... Parts>
class columns;
template <class Projection>
class one_hot;

// cost/
class cost_table;
struct execution_time;
struct expected_duration;
struct known_durations;
class linear_cost;
struct matrix_cost;
struct unknown_durations;
template <class Model>
struct cost_term;
template <class F, class Task, class Gpu>
struct object_cost;

// cost/divisible/
enum class load_measure : std::uint8_t;
class load_cost;
struct load_gpu;
struct load_piece;
class load_pieces;
struct load_shift;
struct load_split;
class load_state;
struct load_step;
struct load_task;
struct piece_options;
struct split_options;
struct split_target;
struct stranded_load;
struct task_piece;

// cost/energy/
class energy_curve;
struct energy_point;
struct energy_time_cost;
struct gpu_limits;
struct gpu_power;
struct limit_option;
struct limit_plan;
struct limit_point;
struct limit_sharing;
struct power_profile;
struct profiled_task;

// cost/sites/
enum class route_goal : std::uint8_t;
enum class transfer_quantity : std::uint8_t;
enum class transfer_way : std::uint8_t;
struct fewest_sites_options;
struct geo_point;
struct latency_bound;
struct migration_egress;
struct route_wish;
struct site_bandwidth;
struct site_coverage;
struct site_link;
class site_links;
struct site_route;
struct site_transfer;
struct transfer_cost;

// objective/
struct gpu_move;
struct on_domains;
struct on_gpus;
struct on_nodes;
struct place_of;
struct task_move;
struct term_value;
template <class... Tiers>
class objective;
template <class... Tiers>
class objective_state;
template <class... Terms>
struct objective_tier;
template <std::size_t N>
struct tier_values;

// objective/measures/
struct cpu_watts;
class expected_fragmentation;
class fragmentation;
struct fragmentation_weights;
struct gpu_watts;
class memory_stranding;
struct memory_weights;
class power_model;
struct power_table;
class share_profile;

// objective/terms/
struct balance_goal;
struct capacity_excess;
struct colocation_of_groups;
struct domain_distance;
struct each_move;
struct group_dependencies;
struct group_dependency;
struct least_spread;
struct load_dependent_cost;
struct load_to_power;
struct matrix_distance;
struct matrix_load;
struct move_bytes;
struct move_weights;
struct over_limit;
struct share_load;
struct spread_of_groups;
struct whole_gpu_holes;
template <class Weight>
struct group_move_peak;
template <class Weight>
struct left_out;
template <class Weight>
struct move_cost;

// allocate/
class cluster_scope;
struct plan;
struct run_counters;
struct search_scope;

// allocate/assignment/
struct assignment_plan;
struct block_search;
struct bound_options;
class candidate_lists;
struct dive;
struct exact;
struct lagrangian_bound;
struct opening;
struct portfolio;
struct priced_greedy;
class priced_problem;
struct pricing_options;
struct slicing_options;
template <class... Allocators>
class best_of;
template <class Parallelism, class... Allocators>
class best_of_on;
template <class Allocator>
struct limited;
template <class... Allocators>
class then;
template <class... Allocators>
class time_sliced;

// allocate/assignment/batch/
struct assignment_value;
class packed_problem;
struct packing_options;
struct scalar_evaluator;
struct tile_options;
struct tiled_evaluator;
template <parallelism Parallelism>
struct threaded_evaluator;

// allocate/assignment/makespan/
struct makespan_bound;
struct makespan_plan;
struct makespan_search;

// allocate/genetic/
struct candidate_descent;
struct candidate_mutation;
struct generational;
class individual;
struct island_ring;
struct near_start;
struct no_improvement;
struct no_mutation;
struct no_opening;
struct no_repair;
struct parents;
struct penalty_only;
struct philox_genetic;
class philox_genetic_run;
class population;
struct price_guided;
struct price_repair;
struct random_start;
struct randomised_greedy;
struct rank_selection;
struct reset_mutation;
struct steady_state;
struct swap_mutation;
struct tournament;
struct uniform_selection;
template <class Initialisation, class Selection, class Crossover, class Mutation, class Repair, class Improvement,
          class Replacement, class Evaluator, class Parallelism, class Opening>
struct genetic;

// allocate/genetic/crossover/
struct gpu_bundle;
struct one_point;
struct path_relinking;
struct two_point;
struct uniform_crossover;

// allocate/greedy/
enum class explain_left_out : bool;
enum class followed : std::uint8_t;
enum class gang_outcome : std::uint8_t;
enum class node_scan : std::uint8_t;
enum class score_scope : std::uint8_t;
struct alternative_candidate;
struct arrival_order;
struct best_scored_gpu;
struct candidate;
struct cheapest_first;
struct chosen_alternative;
struct cluster_placer_options;
struct fastest_first;
struct first_gpu;
class fleet_room;
struct gang_options;
struct gang_placement;
struct largest_first;
struct loosest_gpu;
struct lowest_index;
struct no_memory;
struct priority_first;
struct priority_order;
struct random_gpu;
struct random_order;
struct sampled_greedy;
struct scarcest_first;
struct shuffled;
struct tightest_gpu;
template <class Score, class GpuSelection, class Ties, node_scan Scan>
class cluster_placer;
template <class Score>
struct gpu_scored_by;
template <class Score, class GpuSelection, class Ties, node_scan Scan>
class greedy;
template <class Parts>
struct part_range;
template <class S>
struct rescaled;
template <class Value>
struct scored_gpus;
template <class... Scores>
class tiers;
template <class S>
struct weighted;
template <class... Scores>
class weighted_sum;

// allocate/greedy/scores/
struct best_fit;
struct dot_product;
struct fgd;
struct first_fit;
struct gpu_clustering;
struct gpu_packing;
class load_cost_score;
struct power_score;
class prepared_load_cost;
struct random_score;
struct scarcity;
class scarcity_state;
struct worst_fit;

// allocate/mig/
enum class mig_mode_step : std::uint8_t;
class mig_board;
struct mig_fleet_repartition;
struct mig_gpus_needed;
class mig_layout;
struct mig_mode_change;
struct mig_mode_demand;
struct mig_mode_gpu;
struct mig_mode_options;
struct mig_move;
struct mig_place;
class mig_positions;
struct mig_profile;
struct mig_repartition;
struct mig_slice;

// allocate/reassignment/
enum class reassignment_place : std::uint8_t;
class node_pair_costs;
struct reassignment_balance;
struct reassignment_cost;
struct reassignment_counter;
struct reassignment_counter_balance;
class reassignment_door;
struct reassignment_evaluation;
struct reassignment_input;
struct reassignment_mix;
struct reassignment_plan;
class reassignment_problem;
struct reassignment_resource;
class reassignment_search;
struct reassignment_search_options;
struct reassignment_violations;
struct reassignment_wishes;
template <std::size_t Wides>
class reassignment_state;

// allocate/search/
struct adaptive_cooling;
struct annealer_options;
struct any_node;
class change_log;
struct constant_temperature;
struct descent;
struct distributed_options;
struct geometric_cooling;
struct island_options;
struct island_turn;
struct late_acceptance;
struct linear_cooling;
struct local_search_options;
struct lundy_mees_cooling;
class move_list;
struct partition_options;
struct record_to_record;
struct search_region;
template <class Value, class Rule>
class acceptor;
template <std::size_t Tiers>
struct distributed_answer;
template <class Gene, class Value>
struct island_answer;
template <class Neighbourhood, class Acceptance, class Candidates>
class local_search;
template <class ObjectiveState, class Neighbourhood, class Acceptance, class Lists>
class local_search_state;
template <class Search>
class partitioned_search;
template <std::size_t N>
struct proposed_step;
template <class Node, class Task>
struct region_records;

// allocate/search/neighbourhoods/
struct chain;
struct ejection_chain;
struct ruin_and_recreate;
struct shift;
struct shift_group;
struct swap;
struct take_out;
template <class... Ns>
class neighbourhoods;

// allocate/topology/
enum class domain_mode : std::uint8_t;
enum class pcie_path : std::uint8_t;
enum class set_tie_break : std::uint8_t;
struct domain_assignment;
struct domain_leaf;
struct domain_part;
struct domain_request;
class domain_tree;
struct gpu_set_choice;
struct gpu_set_demand;
class gpu_set_value;
class link_matrix;

// balance/
enum class stay_reason : std::uint8_t;
struct alarm;
struct all_movable;
struct balance_round;
struct choice_options;
struct chosen_move;
class cluster_readings;
struct except_pinned;
struct fleet_observation;
struct fleet_readings;
struct fleet_status;
struct migration_budget;
class migration_budget_state;
struct migration_weights;
struct observation_limits;
class projected_state;
struct room_made;
struct same_gpu_model;
template <class Triggers, class Choice, class Budget>
struct balancer;
template <class Triggers, class Choice, class Budget>
class cluster_balancer;
template <class Valuation, class Movable>
struct move_choice;
template <class... Each>
struct triggers;

// balance/defragment/
enum class eviction_outcome : std::uint8_t;
struct cluster_defragment_options;
struct defragment_options;
struct eviction_beam;
struct eviction_plan;
struct expected_fragmentation_cost;
struct mix_fragmentation_cost;
struct no_fragmentation_cost;
template <class FragmentationCost, class Movable, class Cost>
class cluster_defragment;
template <class FragmentationCost, class Movable, class Cost>
class defragment_state;

// balance/triggers/
struct fragmented;
class fragmented_state;
struct load_above;
struct load_above_mean;
struct overcommitted;
class overcommitted_state;
struct power_above;
struct temperature_above;
struct unhealthy;
class unhealthy_state;

// migrate/order/
enum class drop_reason : std::uint8_t;
enum class step_kind : std::uint8_t;
struct dropped_move;
struct migration_estimate;
struct migration_plan;
struct migration_step;
struct order_options;
struct uniform_migration;

// migrate/order/costs/
struct checkpoint_speed;
struct node_links;
struct part_of_state;
struct uniform_link;

// migrate/run/
enum class action_status : std::uint8_t;
enum class journal_write : std::uint8_t;
enum class migration_action : std::uint8_t;
enum class migration_direction : std::uint8_t;
enum class migration_failure : std::uint8_t;
enum class migration_outcome : std::uint8_t;
enum class migration_phase : std::uint8_t;
enum class on_stop : std::uint8_t;
enum class task_location : std::uint8_t;
enum class torn_line : std::uint8_t;
struct action_limit;
struct fencing_token;
class ledger_adapter;
struct migration_job;
struct migration_limits;
struct migration_names;
struct migration_progress;
struct migration_record;
struct migration_report;
class migration_run;
struct migration_state;
struct no_journal;
struct protocol_step;
struct text_journal;
struct undone_step;

// metrics/
struct counter_use;
struct gpu_share_use;
struct no_measure;
struct placement_metrics;

// queue/
enum class preemption_reason : std::uint8_t;
enum class round_aim : std::uint8_t;
enum class victim_rule : std::uint8_t;
struct attained_levels;
struct berth_rounds;
struct cohort_job;
struct cohort_queue;
struct fifo;
struct fifo_shares;
struct isolated_shares;
struct least_attained;
struct lending_quota;
struct level_options;
struct level_program;
struct level_solution;
struct look_ahead;
class look_ahead_planner;
struct makespan_shares;
struct max_min_shares;
struct preemption_victim;
struct queue_amount;
struct queue_description;
struct queue_key;
struct queued_job;
class round_assignment;
struct round_choice;
struct round_job;
struct round_outcome;
struct round_view;
struct shortest_remaining;
struct shortest_service;

// queue/backfill/
enum class backfill_mode : std::uint8_t;
class conservative_queue;
class easy_queue;
class room_timeline;

// queue/shares/
enum class fair_tree_ties : std::uint8_t;
class decayed_use;
struct dominant_share;
struct fair_standing;
struct flavor_use;
struct queue_claim;
struct queue_turn;
struct queue_use;
struct share_holder;
struct share_queue;

// watch/
enum class health_state : std::uint8_t;
enum class recovery_action : std::uint8_t;
enum class severity : std::uint8_t;
struct contact_change;
struct contact_rule;
struct counter_increase;
struct driver_advice;
struct elapsed_time;
struct energy_meter;
struct energy_reading;
struct error_codes;
struct estimate;
struct evidence;
struct exponential_smoothing;
struct gated_smoothing;
struct gpu_sample;
struct gpu_view;
struct gpu_watched;
struct health_change;
struct health_hysteresis;
struct latest_value;
struct memory_errors;
struct node_sample;
struct node_watched;
struct sample_steps;
struct thermal_limit;
struct throttling;
struct verdict;
struct watch_report;
template <class Policy>
class cluster_watch;
template <class... Checks>
class health_checks;

// learn/
struct by_median;
class class_speed;
struct class_speed_options;
class drift_detector;
struct drift_options;
struct interval;
class interval_scale;
struct interval_scale_options;
class learned_cost;
struct learned_cost_form;
struct learned_cost_options;
struct learned_duration;
class learned_migration;
struct learned_migration_options;
struct log_estimate;
class log_regression;
struct log_regression_options;
struct optimism;
struct posterior_draw;
class recursive_ridge;
struct regressor;
struct ridge_options;
struct speed_effects;
struct surprise;
struct trial_limit;
class user_durations;

// scheduler/
enum class acknowledgement : std::uint8_t;
enum class decision_kind : std::uint8_t;
enum class event_kind : std::uint8_t;
enum class wait_reason : std::uint8_t;
enum class wait_reports : std::uint8_t;
class any_scheduler;
struct decision;
struct easy_backfill;
struct for_priority;
struct job_affinity;
struct job_description;
class job_ref;
struct job_reservation;
struct job_task;
struct job_terms;
struct mig_mode_advice;
class mig_modes;
struct no_backfill;
struct no_preemption;
struct no_relief;
struct no_watch;
struct place_limits;
struct place_reading;
class place_ref;
struct place_rules;
struct place_status;
struct replan;
struct scheduler_counts;
class scheduler_events;
struct scheduler_options;
struct share_rules;
struct wait_count;
template <class Policies>
class scheduler;
template <class Order, class Placement, class Balance, class MoveOrder, class Watch, class Preemption, class Durations,
          class Choice, class Backfill>
struct scheduler_policies;

// simulate/
enum class duration_source : std::uint8_t;
enum class pass_time : std::uint8_t;
enum class restart_charge : std::uint8_t;
enum class seating : std::uint8_t;
enum class simulated_act : std::uint8_t;
struct addition;
struct completion_times;
class counting_engine;
struct energy_used;
struct event_rules;
struct finish_time_fairness;
struct fixed_order;
struct gpu_use;
struct job_record;
struct logged_job;
struct no_event_watch;
struct no_round_watch;
struct no_slot_watch;
struct node_offer;
struct round_rules;
struct round_time;
struct scheduler_engine_options;
struct simulated_decision;
struct simulated_job;
struct simulation_run;
struct speed_drift;
struct table_speeds;
struct uneven_speeds;
struct virtual_time;
template <class Watch>
struct event_simulation;
template <class Order, class Watch>
struct round_simulation;
template <class Scheduler, class Watch>
class scheduler_engine;

}  // namespace berth::inline v0
