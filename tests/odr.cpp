// SPDX-License-Identifier: Apache-2.0
// A second translation unit with the whole library in it, linked into every test binary: a function that lacks
// `inline` is defined twice and the link fails.
#include <berth/berth.hpp>
#include <berth/testing/check_migration.hpp>
#include <berth/testing/simulated_executor.hpp>
