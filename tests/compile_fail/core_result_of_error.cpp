// expect: berth: result<T> holds an object that is not itself an error
// SPDX-License-Identifier: Apache-2.0
#include <berth/core/result.hpp>

#ifdef BERTH_FIXED
using inner = int;
#else
using inner = berth::error;
#endif

int main() { return berth::result<inner>{inner{}} ? 0 : 1; }
