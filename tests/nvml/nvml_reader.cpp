// SPDX-License-Identifier: Apache-2.0
#include "berth/nvml/nvml_reader.hpp"

#include "common/stub_nvml.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

using namespace berth;
using berth_test::stub_nvml_state;

namespace {

// The state of a stub, reset; the library stays loaded.
struct stub {
    explicit stub(const char* path) : handle{::dlopen(path, RTLD_NOW)} {
        REQUIRE(handle != nullptr);
        state = static_cast<stub_nvml_state*>(::dlsym(handle, "stub_nvml"));
        REQUIRE(state != nullptr);
        *state = {};
    }
    ~stub() { ::dlclose(handle); }
    stub(const stub&) = delete;
    stub& operator=(const stub&) = delete;

    void* handle;
    stub_nvml_state* state = nullptr;
};

void check_all_absent(const gpu_sample& s) {
    CHECK(std::isnan(s.load));
    CHECK(std::isnan(s.temperature));
    CHECK(std::isnan(s.power));
    CHECK(std::isnan(s.energy));
    CHECK_FALSE(s.ecc_correctable);
    CHECK_FALSE(s.ecc_uncorrectable);
    CHECK_FALSE(s.remapped_rows);
    CHECK_FALSE(s.remap_failed);
    CHECK_FALSE(s.throttle_reasons);
}

}  // namespace

TEST_CASE("every reading has the unit of a sample") {
    stub nvml{BERTH_STUB_NVML};
    nvml.state->gpu_count = 2;
    nvml.state->gpus[1] = {.uuid = "GPU-1",
                           .load = 75,
                           .temperature = 61,
                           .milliwatts = 250'500,
                           .millijoules = 12'500,
                           .throttle_reasons = 72,
                           .errors = {7, 1},
                           .remapped_rows = 2,
                           .remap_failed = 1,
                           .recovery = 4,
                           .memory_used = 3ULL << 20U};
    auto reader = nvml_reader::open(BERTH_STUB_NVML);
    REQUIRE(reader);
    CHECK(reader->gpu_count() == 2);
    const auto gpus = reader->read(5.0);
    REQUIRE(gpus.size() == 2);
    const nvml_reading& gpu = gpus[1];
    CHECK(gpu.uuid == "GPU-1");
    CHECK(gpu.model == "Stub 9000");
    CHECK(gpu.sample.time == 5.0);
    CHECK(gpu.sample.load == 0.75);
    CHECK(gpu.sample.temperature == 61.0);
    CHECK(gpu.sample.power == 250.5);
    CHECK(gpu.sample.energy == 12.5);
    CHECK(gpu.sample.throttle_reasons == 72U);
    CHECK(gpu.sample.ecc_correctable == 7U);
    CHECK(gpu.sample.ecc_uncorrectable == 1U);
    CHECK(gpu.sample.remapped_rows == 2U);
    CHECK(gpu.sample.remap_failed == true);
    CHECK(gpu.sample.xid == 0U);
    CHECK(gpu.sample.xid_count == 0U);
    CHECK(gpu.sample.recovery == recovery_action::drain_and_reset);
    CHECK(gpu.memory_used == 3.0);
    CHECK(gpu.memory_total == 16384.0);
    CHECK_FALSE(gpu.lost);
    CHECK(gpus[0].sample.recovery == recovery_action::none);
    CHECK(check(gpu.sample));
}

TEST_CASE("XID errors are counted where they happened, and the last code stays") {
    stub nvml{BERTH_STUB_NVML};
    nvml.state->gpu_count = 3;
    nvml.state->gpus[2].events = false;
    auto reader = nvml_reader::open(BERTH_STUB_NVML);
    REQUIRE(reader);
    nvml.state->events = {{{0, 8, 31}, {1, 2, 5}, {0, 8, 79}}};  // an event of another kind is none of ours
    nvml.state->event_count = 3;
    auto gpus = reader->read(1.0);
    CHECK(gpus[0].sample.xid == 31U);
    CHECK(gpus[0].sample.xid_count == 2U);
    CHECK(gpus[1].sample.xid == 0U);
    CHECK(gpus[1].sample.xid_count == 0U);
    CHECK_FALSE(gpus[2].sample.xid);
    CHECK_FALSE(gpus[2].sample.xid_count);
    gpus = reader->read(2.0);
    CHECK(gpus[0].sample.xid == 31U);
    CHECK(gpus[0].sample.xid_count == 2U);
}

TEST_CASE("what is not supported is absent, and a GPU that is lost is said to be") {
    stub nvml{BERTH_STUB_NVML};
    auto reader = nvml_reader::open(BERTH_STUB_NVML);
    REQUIRE(reader);
    for (const int status : {3, 4, 15, 16, 999}) {
        CAPTURE(status);
        nvml.state->gpus[0].status = status;
        const nvml_reading& gpu = reader->read(1.0)[0];
        check_all_absent(gpu.sample);
        CHECK(std::isnan(gpu.memory_used));
        if (status == 16) CHECK(gpu.sample.recovery == recovery_action::gpu_reset);
        if (status != 16) CHECK_FALSE(gpu.sample.recovery);
        CHECK(gpu.lost == (status == 15 || status == 16));
        CHECK(gpu.uuid == "GPU-stub");
    }
    nvml.state->gpus[0].status = 0;
    CHECK_FALSE(reader->read(2.0)[0].lost);
    nvml.state->gpus[0].field_status = 3;
    CHECK_FALSE(reader->read(3.0)[0].sample.recovery);
    nvml.state->gpus[0].field_status = 0;
    nvml.state->gpus[0].recovery = 12;  // of a driver to come
    CHECK_FALSE(reader->read(4.0)[0].sample.recovery);
    nvml.state->gpus[0].recovery = 2;
    CHECK(reader->read(5.0)[0].sample.recovery == recovery_action::node_reboot);
}

TEST_CASE("an old library lacks functions, and what they say is absent") {
    stub nvml{BERTH_STUB_NVML_OLD};
    nvml.state->gpus[0].temperature = 40;
    nvml.state->gpus[0].load = 10;
    auto reader = nvml_reader::open(BERTH_STUB_NVML_OLD);
    REQUIRE(reader);
    const nvml_reading& gpu = reader->read(1.0)[0];
    CHECK(gpu.uuid.empty());
    CHECK(gpu.model == "Stub 9000");
    CHECK(gpu.sample.temperature == 40.0);
    CHECK(gpu.sample.load == 0.1);
    CHECK(std::isnan(gpu.sample.power));
    CHECK(std::isnan(gpu.sample.energy));
    CHECK_FALSE(gpu.sample.xid);
    CHECK_FALSE(gpu.sample.throttle_reasons);
    CHECK_FALSE(gpu.sample.recovery);
}

TEST_CASE("no library, another library, no driver: an error that says so") {
    auto none = nvml_reader::open("/nonexistent/libnvidia-ml.so.1");
    REQUIRE_FALSE(none);
    CHECK(none.error().code == error_code::device);
    CHECK(none.error().message.starts_with("NVML: /nonexistent/libnvidia-ml.so.1"));
    auto other = nvml_reader::open("libm.so.6");
    REQUIRE_FALSE(other);
    CHECK(other.error().message == "NVML: libm.so.6 lacks nvmlInit, nvmlDeviceGetCount or nvmlDeviceGetHandleByIndex");
    stub nvml{BERTH_STUB_NVML};
    nvml.state->init_status = 9;
    auto unloaded = nvml_reader::open(BERTH_STUB_NVML);
    REQUIRE_FALSE(unloaded);
    CHECK(unloaded.error().message.ends_with(": Driver Not Loaded"));
    nvml.state->init_status = 0;
    nvml.state->count_status = 999;
    auto uncounted = nvml_reader::open(BERTH_STUB_NVML);
    REQUIRE_FALSE(uncounted);
    CHECK(uncounted.error().message == "NVML: number of GPUs: Some Error");
    CHECK(nvml.state->initialised == 0);
    CHECK(nvml.state->event_sets == 0);
}

TEST_CASE("a reader moves, and gives back what it opened") {
    stub nvml{BERTH_STUB_NVML};
    {
        auto first = nvml_reader::open(BERTH_STUB_NVML);
        REQUIRE(first);
        nvml_reader second{std::move(*first)};
        auto third = nvml_reader::open(BERTH_STUB_NVML);
        REQUIRE(third);
        CHECK(nvml.state->initialised == 2);
        second = std::move(*third);
        CHECK(second.read(1.0).size() == 1);
    }
    CHECK(nvml.state->initialised == 0);
    CHECK(nvml.state->event_sets == 0);
}
