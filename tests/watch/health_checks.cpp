// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/health_checks.hpp"

#include "common/seen_samples.hpp"

#include <doctest/doctest.h>

#include <string>

using berth::driver_advice;
using berth::error_codes;
using berth::gpu_sample;
using berth::gpu_view;
using berth::memory_errors;
using berth::recovery_action;
using berth::severity;
using berth::throttling;
using berth_test::seen;

TEST_CASE("XID errors count while they are shown, but not for ever") {
    seen<error_codes> c;
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.xid = 0U}).level == severity::good);
    CHECK(c.sees({.xid = 13U}).level == severity::good);  // the program's fault
    CHECK(c.sees({.xid = 63U}).level == severity::warning);
    const berth::evidence fatal = c.sees({.xid = 79U});
    CHECK(fatal.level == severity::bad);
    CHECK(fatal.value == 79.0);
    CHECK(std::string{fatal.reason} == "XID error");
    CHECK(c.sees({.xid = 79U}, 3600.0).level == severity::bad);
    CHECK(c.sees({.xid = 79U}).level == severity::good);  // an exporter that shows the last code for ever
    CHECK(c.sees({.xid = 48U}).level == severity::bad);
    CHECK(c.sees({.xid = 0U}).level == severity::good);
}

TEST_CASE("a counter of XID errors tells the same code again") {
    seen<error_codes> c;
    CHECK(c.sees({.xid = 79U, .xid_count = 1U}).level == severity::bad);
    CHECK(c.sees({.xid = 79U, .xid_count = 1U}, 4000.0).level == severity::good);
    CHECK(c.sees({.xid = 79U, .xid_count = 2U}).level == severity::bad);
    seen<error_codes> no_code;
    CHECK(no_code.sees({.xid_count = 4U}).level == severity::good);
    CHECK(no_code.sees({.xid_count = 5U}).level == severity::bad);
    CHECK(no_code.sees({.xid_count = 5U}).level == severity::good);
}

TEST_CASE("memory errors") {
    seen<memory_errors> c;
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.ecc_uncorrectable = 4U}).level == severity::good);  // of old
    CHECK(c.sees({.ecc_uncorrectable = 5U}).level == severity::bad);
    CHECK(c.sees({.ecc_uncorrectable = 0U}).level == severity::good);
    CHECK(c.sees({.ecc_uncorrectable = 5U}).level == severity::good);  // shown again
    CHECK(c.sees({.remapped_rows = 0U}).level == severity::good);
    CHECK(c.sees({.remapped_rows = 1U}).level == severity::bad);
    CHECK(c.sees({.remap_failed = true}).level == severity::bad);
    CHECK(c.sees({.remap_failed = false}).level == severity::good);
    CHECK(c.sees({.ecc_correctable = 10U}).level == severity::good);
    CHECK(c.sees({.ecc_correctable = 200U}).level == severity::warning);
    CHECK(c.sees({.ecc_correctable = 200U}, 7200.0).level == severity::good);
}

TEST_CASE("a GPU that slows itself down by heat three times in a row is sick") {
    seen<throttling> c;
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.throttle_reasons = 0x5U}).level == severity::good);  // idle, power cap
    CHECK(c.sees({.throttle_reasons = 0x20U}).level == severity::warning);
    for (int i = 0; i < 2; ++i) CHECK(c.sees({.throttle_reasons = 0x40U}).level == severity::warning);
    CHECK(c.sees({.throttle_reasons = 0x0U}).level == severity::good);
    for (int i = 0; i < 2; ++i) CHECK(c.sees({.throttle_reasons = 0x48U}).level == severity::warning);
    CHECK(c.sees({.throttle_reasons = 0x48U}).level == severity::bad);
}

TEST_CASE("a GPU whose driver asks for a reset, a reboot or a drain is sick until it asks no more") {
    seen<driver_advice> c;
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.recovery = recovery_action::none}).level == severity::good);
    for (const auto action :
         {recovery_action::gpu_reset, recovery_action::node_reboot, recovery_action::drain_peers,
          recovery_action::drain_and_reset, recovery_action::bus_reset, recovery_action::system_reboot}) {
        const berth::evidence said = c.sees({.recovery = action}, 1e6);  // however long ago it began
        CHECK(said.level == severity::bad);
        CHECK(std::string{said.reason}.starts_with("the driver asks for a "));
    }
    CHECK(c.sees({.recovery = recovery_action::recover_imex_domain}).level == severity::warning);
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.recovery = recovery_action::none}).level == severity::good);
    const auto ignores_peers = [](recovery_action a) {
        return a == recovery_action::drain_peers ? severity::warning : berth::recovery_severity(a);
    };
    seen<driver_advice> lenient{{.classify = ignores_peers}};
    CHECK(lenient.sees({.recovery = recovery_action::drain_peers}).level == severity::warning);
    CHECK(lenient.sees({.recovery = recovery_action::bus_reset}).level == severity::bad);
    CHECK(berth::to_recovery_action(7) == recovery_action::system_reboot);
    CHECK_FALSE(berth::to_recovery_action(8));
}

TEST_CASE("the first of the worst is the reason") {
    const berth::usual_checks checks{};
    berth::usual_checks::state state{};
    const gpu_sample s{.temperature = 70.0, .xid = 79U, .remap_failed = true, .throttle_reasons = 0U};
    const berth::verdict v = checks.judge(state, {s, 60.0, {70.0, 0.0, 0.0}, {}});
    CHECK(std::string{v.worst.reason} == "XID error");
    CHECK(v.bad == 0b0'0011);
    CHECK(v.good == 0b0'1100);
    CHECK(checks.judge(state, {{.recovery = recovery_action::gpu_reset}, 60.0, {}, {}}).bad == 0b1'0000);
}
