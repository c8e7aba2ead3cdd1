// SPDX-License-Identifier: Apache-2.0
#include "berth/core/observer.hpp"

#include <doctest/doctest.h>

#include <string>

using berth::no_observer;
using berth::observer;
using berth::progress;

namespace {

struct only_progress {
    std::size_t seen = 0;
    void on_progress(const progress& p) { seen += p.done; }
};
struct everything {
    std::string log;
    void on_begin(const progress&) { log += 'b'; }
    void on_progress(const progress&) { log += 'p'; }
    void on_end(const progress&) { log += 'e'; }
};
struct by_value {
    void on_end(progress) const {}
};
struct misspelt {
    void on_progres(const progress&) {}
};
struct wrong_argument {
    void on_progress(int) {}
};
struct needs_mutable_progress {
    void on_progress(progress&) {}
};
struct hidden {
private:
    void on_progress(const progress&) {}
};

}  // namespace

static_assert(observer<no_observer> && observer<const no_observer>);
static_assert(observer<only_progress> && observer<everything> && observer<by_value>);
static_assert(!observer<const only_progress>, "its only hook is not const");
static_assert(!observer<misspelt> && !observer<wrong_argument> && !observer<needs_mutable_progress>);
static_assert(!observer<hidden> && !observer<int>);

TEST_CASE("observer: existing hooks are called, absent ones are skipped") {
    const progress p{.done = 3};
    only_progress partial;
    berth::notify::begin(partial, p);
    berth::notify::step(partial, p);
    berth::notify::step(partial, p);
    berth::notify::end(partial, p);
    CHECK(partial.seen == 6);

    everything full;
    berth::notify::begin(full, p);
    berth::notify::step(full, p);
    berth::notify::end(full, p);
    CHECK(full.log == "bpe");

    no_observer none;
    berth::notify::begin(none, p);
    berth::notify::step(none, p);
    berth::notify::end(none, p);
}
