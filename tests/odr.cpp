// SPDX-License-Identifier: Apache-2.0
// A second translation unit with the whole library in it, linked into every test binary: a function that lacks
// `inline` is defined twice and the link fails.
#if __has_include(<berth/search.hpp>)
#include <berth/search.hpp>
#endif
#if __has_include(<berth/migrate.hpp>)
#include <berth/migrate.hpp>
#endif
