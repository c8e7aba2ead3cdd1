// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

namespace berth::inline v0::mpi {

/// MPI for the time of a program: initialises it, and ends it on the way out. One per process, in `main`; nothing else
/// of `mpi/` is used before or after. Calls come from one thread; other threads may run beside it. MPI's own errors end
/// the job, as does a rank that is lost.
class session {
public:
    /// Initialises MPI, unless the program has.
    session() {
        int running = 0;
        MPI_Initialized(&running);
        if (running != 0) return;
        int provided = 0;
        MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
        owned_ = true;
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    /// Ends MPI if this session began it. Waits for the other ranks.
    ~session() {
        if (owned_) MPI_Finalize();
    }

private:
    bool owned_ = false;
};

}  // namespace berth::inline v0::mpi
