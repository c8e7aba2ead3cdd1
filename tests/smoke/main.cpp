// SPDX-License-Identifier: Apache-2.0
// What is tested is mostly that the other translation units of this program compile, and that they link together.
#include <berth/search.hpp>

bool run_every_search();
bool run_every_migration();

int main() { return run_every_search() && run_every_migration() ? 0 : 1; }
