// SPDX-License-Identifier: Apache-2.0
#if __has_include(<berth/berth.hpp>)
#include <berth/berth.hpp>
#endif
#include <berth/version.hpp>

#include <cstdio>

int main() {
    std::printf("built with berth %d.%d.%d\n", BERTH_VERSION_MAJOR, BERTH_VERSION_MINOR, BERTH_VERSION_PATCH);
    return 0;
}
