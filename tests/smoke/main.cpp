// SPDX-License-Identifier: Apache-2.0
// What is tested is mostly that the other translation units of this program compile, and that they link together.
#include <berth/search.hpp>

bool run_every_search();

int main() { return run_every_search() ? 0 : 1; }
