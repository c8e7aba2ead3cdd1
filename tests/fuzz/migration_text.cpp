// SPDX-License-Identifier: Apache-2.0
// Saved runs: any text is loaded or refused. Then the sums of its lines are put right, so that what stands in them is read, too;
// what is loaded comes back when it is saved, and a run that is resumed from it keeps its ledger, or its cluster, whatever its
// executor says.
#include "berth/migrate/run/migration_run.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

/// The same lines, the last word of each replaced by the sum that belongs there.
std::string with_right_sums(std::string_view text) {
    std::string sealed;
    std::uint64_t chain = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::string_view body = line.substr(0, line.rfind(' '));
        chain = berth::detail::text_sum(body, chain);
        sealed.append(body).push_back(' ');
        berth::detail::append_hex(sealed, chain, 16);
        sealed.push_back('\n');
    }
    return sealed;
}

/// Says anything.
struct babbler {
    berth::xoshiro256 random;

    void start(berth::migration_action, const berth::migration_job&, double) {}
    berth::action_status poll(berth::migration_action, const berth::migration_job&, double) {
        return static_cast<berth::action_status>(berth::bounded(random, 3));
    }
    void abort(berth::migration_action, const berth::migration_job&, double) {}
    berth::migration_state query(const berth::migration_job&, double) {
        berth::migration_state seen;
        seen.task = static_cast<berth::task_location>(berth::bounded(random, berth::task_location_count));
        seen.source_held = berth::bounded(random, 4) > 0;
        seen.target_held = berth::bounded(random, 4) > 0;
        seen.image_at_source = berth::bounded(random, 2) > 0;
        seen.busy = berth::bounded(random, 5) == 0;
        return seen;
    }
};

/// Nodes n0..n3 of two GPUs, and jobs j0..j5, two of them running.
berth::cluster a_cluster() {
    berth::cluster made{{.gpu = {"share"}, .node = {}}};
    for (int n = 0; n < 4; ++n) {
        const std::string name = "n" + std::to_string(n);
        const std::string uuids[2] = {name + "a", name + "b"};
        const berth::amount share[] = {1000};
        const berth::gpu_description gpus[2] = {{.capacity = share, .uuid = uuids[0]},
                                                {.capacity = share, .uuid = uuids[1]}};
        if (!made.join(berth::node_description{.name = name, .gpus = gpus})) std::abort();
    }
    for (int t = 0; t < 6; ++t) {
        const std::string name = "j" + std::to_string(t);
        const berth::amount share[] = {400};
        const auto task = made.admit(berth::task_description{.name = name, .gpu_demand = share});
        if (!task) std::abort();
        if (t < 2) (void)made.place(*task, {berth::node_index{0}, 1});
    }
    return made;
}

void resume_on_cluster(const berth::migration_progress& loaded, std::size_t size) {
    berth::cluster cluster{a_cluster()};
    auto run = berth::resume_migration(cluster, loaded, {.max_attempts_back = 3, .settle_seconds = 20.0});
    if (!run) return;
    (void)run->hold();
    const auto again = berth::load_migration(run->save());
    require(again.has_value() && *again == run->progress(), "what is saved is not what was resumed");
    babbler executor{berth::xoshiro256{size}};
    for (int look = 0; look < 400 && run->advance(executor, look * 3.0); ++look) {
        if (look == 5) (void)cluster.leave(cluster.handle(berth::node_index{1}));
        if (look == 9) (void)cluster.retire(cluster.handle(berth::task_index{2}));
    }
    berth::ledger recount{cluster.fleet()};
    for (std::size_t t = 0; t < cluster.slots().size(); ++t) {
        if (!cluster.workload().present(berth::task_index{t})) continue;
        for (const berth::slot& held : {cluster.slots()[t], cluster.targets()[t]}) {
            if (held.placed()) (void)recount.occupy(cluster.workload().demand(berth::task_index{t}), held);
        }
    }
    require(recount == cluster.ledger(), "the cluster differs from a recount");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto raw = berth::load_migration(text, berth::torn_line::drop);
    require(raw || !raw.error().message.empty(), "an error without a message");
    auto loaded = berth::load_migration(with_right_sums(text));
    if (!loaded) return 0;
    const auto again = berth::load_migration(berth::save_migration(*loaded));
    require(again.has_value() && *again == *loaded, "what is saved is not what is loaded");

    resume_on_cluster(*loaded, size);
    berth::fleet_builder nodes;
    for (int n = 0; n < 4; ++n) {
        const berth::gpu_description gpus[2] = {};
        if (!nodes.add_node({.gpus = gpus})) std::abort();
    }
    const auto fleet = std::move(nodes).build();
    berth::workload_builder tasks{*fleet};
    for (int t = 0; t < 6; ++t) {
        const berth::amount share[] = {400};
        if (!tasks.add_task({.gpu_demand = share})) std::abort();
    }
    const auto work = std::move(tasks).build();
    const berth::problem problem{*fleet, *work};
    if (berth::detail::check_plan(problem, loaded->plan)) {
        loaded->fingerprint = berth::detail::fingerprint(problem, loaded->plan);
    }
    auto run = berth::resume_migration(problem, *std::move(loaded), {.max_attempts_back = 3, .settle_seconds = 20.0});
    if (!run) return 0;
    berth::ledger ledger{*fleet};
    berth::ledger_adapter keeper{problem, ledger};
    if (!run->hold(keeper)) return 0;
    babbler executor{berth::xoshiro256{size}};
    for (int look = 0; look < 400 && run->advance(executor, keeper, look * 3.0); ++look) {}
    berth::ledger anew{*fleet};
    berth::ledger_adapter fresh{problem, anew};
    require(run->hold(fresh) && anew == ledger, "the ledger differs from the records");
    (void)run->report();
    return 0;
}
