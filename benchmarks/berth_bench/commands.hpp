// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <functional>
#include <string>

namespace bench {

/// Exit codes of the program.
inline constexpr int exit_ok = 0;
inline constexpr int exit_wrong_answer = 1;  ///< an allocator disagrees with the checker: a bug
inline constexpr int exit_bad_input = 2;
inline constexpr int exit_interrupted = 130;

/// Says on the error stream why a command ends, and yields its exit code.
[[nodiscard]] inline int fail(const std::string& message) {
    fmt::print(stderr, "berth-bench: {}\n", message);
    return exit_bad_input;
}

/// Each function adds a subcommand with its options to the program and returns the function that runs it. One file
/// each.
using command = std::function<int()>;

/// `berth-bench place`: places a trace with one or several policies. The default command.
[[nodiscard]] command add_place(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench assign`: one instance of the generalised assignment problem, one allocator, a budget.
[[nodiscard]] command add_assign(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench reassign`: one instance of the machine reassignment problem.
[[nodiscard]] command add_reassign(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench compare`: allocators on every instance of a suite, by gap and time.
[[nodiscard]] command add_compare(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench makespan`: a random instance of R||Cmax.
[[nodiscard]] command add_makespan(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench evaluate`: genes per second of every evaluator of populations, and of the plain scalar loop.
[[nodiscard]] command add_evaluate(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench scale`: a million tasks on ten thousand GPUs, nothing materialised.
[[nodiscard]] command add_scale(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench moves`: moves in an order that always fits.
[[nodiscard]] command add_moves(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench rebalance`: the gain of a small budget of moves, on random fleets.
[[nodiscard]] command add_rebalance(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench churn`: events per second of policies on a living cluster.
[[nodiscard]] command add_churn(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench watch`: a simulated fleet with scripted faults under a watch.
[[nodiscard]] command add_watch(CLI::App& program, CLI::App*& subcommand);

/// `berth-bench power`: power limits of jobs and of a fleet.
[[nodiscard]] command add_power(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench sites`: links between sites, and edge sites that serve users.
[[nodiscard]] command add_sites(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench learn`: hides measured speeds and predicts them.
[[nodiscard]] command add_learn(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench simulate`: traces under policies of time, in virtual time.
[[nodiscard]] command add_simulate(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench replay`: an event log through the scheduler.
[[nodiscard]] command add_replay(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench queue`: the jobs of a batch system's log under queues with and without backfilling.
[[nodiscard]] command add_queue(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench topology`: which GPUs of a machine.
[[nodiscard]] command add_topology(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench shares`: queues with quotas on a fleet that is asked for more than it has.
[[nodiscard]] command add_shares(CLI::App& program, CLI::App*& subcommand);
/// `berth-bench mig`: GPUs in MIG mode.
[[nodiscard]] command add_mig(CLI::App& program, CLI::App*& subcommand);

}  // namespace bench
