// SPDX-License-Identifier: Apache-2.0
// berth-bench scale in parts, over MPI ranks where a launcher started several.
#include "berth/mpi/checkpoints.hpp"
#include "berth/mpi/ranks.hpp"
#include "berth/mpi/session.hpp"

#include "berth_bench/scale_parts.hpp"

namespace bench {

namespace {

template <class Exchange, class Traffic>
int over(const scale_options& options, Exchange exchange, int ranks, bool first, Traffic&& traffic) {
    berth::mpi::checkpoints saved{options.checkpoint, exchange, {.every = options.checkpoint_rounds}};
    const bool wanted = !options.checkpoint.empty();
    const int code = scale_in_parts_over(
        options, exchange, ranks, first,
        [&](auto& run) { return wanted ? saved.resume(run) : berth::result<bool>{false}; },
        [&](const auto& run) { return !wanted || saved(run); }, traffic);
    if (saved.status()) return code;
    return first ? fail(saved.status().error().message) : exit_wrong_answer;
}

}  // namespace

int scale_in_parts(const scale_options& options) {
    // A program that no launcher started needs no MPI, which would take half a second to begin.
    if (!among_ranks()) {
        return over(options, berth::one_process{}, 1, true, [] { return scale_traffic{}; });
    }
    const berth::mpi::session session;
    berth::mpi::traffic counted;
    const berth::mpi::ranks ranks{MPI_COMM_WORLD, &counted};
    return over(options, ranks, ranks.size(), ranks.rank() == 0,
                [&counted] { return scale_traffic{counted.shared_bytes, counted.sent_bytes}; });
}

}  // namespace bench
