// SPDX-License-Identifier: Apache-2.0
// The other translation units of this program are what is tested: that they compile, and that they link together.
#if __has_include(<berth/berth.hpp>)
#include <berth/berth.hpp>
#endif

int main() { return 0; }
