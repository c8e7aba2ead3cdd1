// SPDX-License-Identifier: Apache-2.0
// One way compiles the whole library; in the others a header is enough to see that it is found.
#ifdef WHOLE_LIBRARY
#include <berth/berth.hpp>
#else
#include <berth/core/result.hpp>
#endif
#include <berth/version.hpp>

#include <cstdio>

int main() {
    std::printf("built with berth %d.%d.%d\n", BERTH_VERSION_MAJOR, BERTH_VERSION_MINOR, BERTH_VERSION_PATCH);
    return 0;
}
