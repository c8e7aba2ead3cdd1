// SPDX-License-Identifier: Apache-2.0
// The other translation units of this program are what is tested: that they compile, and that they link together.
#if __has_include(<berth/search.hpp>)
#include <berth/search.hpp>
#endif

int main() { return 0; }
