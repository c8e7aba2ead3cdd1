// SPDX-License-Identifier: Apache-2.0
// berth-bench: runs berth on public instances and prints measured beside published results. One subcommand per file.
#include "berth/version.hpp"

#include "berth_bench/commands.hpp"
#include "support/progress.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace {

int run(int argc, char** argv) {
    CLI::App program{"berth-bench: places public instances and prints measured beside published results",
                     "berth-bench"};
    program.set_version_flag("--version", std::to_string(BERTH_VERSION_MAJOR) + '.' +
                                              std::to_string(BERTH_VERSION_MINOR) + '.' +
                                              std::to_string(BERTH_VERSION_PATCH));
    program.require_subcommand(0, 1);
    program.footer("Without a subcommand: `berth-bench place` on the project's own data.");

    std::vector<std::pair<CLI::App*, bench::command>> commands;
    const auto add = [&](auto&& make) {
        CLI::App* subcommand = nullptr;
        bench::command command = make(program, subcommand);
        commands.emplace_back(subcommand, std::move(command));
    };
    add(bench::add_place);
    add(bench::add_assign);
    add(bench::add_reassign);
    add(bench::add_compare);
    add(bench::add_makespan);
    add(bench::add_evaluate);
    add(bench::add_scale);
    add(bench::add_moves);
    add(bench::add_rebalance);
    add(bench::add_churn);
    add(bench::add_power);
    add(bench::add_sites);
    add(bench::add_watch);
    add(bench::add_learn);
    add(bench::add_simulate);
    add(bench::add_replay);
    add(bench::add_queue);
    add(bench::add_topology);
    add(bench::add_shares);
    add(bench::add_mig);

    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
        std::fprintf(stderr, "berth-bench: %s (try --help)\n", error.what());
        return bench::exit_bad_input;
    }

    bench::catch_interrupts();
    for (const auto& [subcommand, command] : commands) {
        if (subcommand->parsed()) return command();
    }
    return commands.front().second();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) { std::fprintf(stderr, "berth-bench: %s\n", error.what()); }
    return bench::exit_bad_input;
}
