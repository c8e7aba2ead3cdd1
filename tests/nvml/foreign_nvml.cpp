// SPDX-License-Identifier: Apache-2.0
// NVML as somebody else wrote it for tests of their own: the library of Performance Co-Pilot's test suite. It has the
// 16 functions of long ago, of two GPUs. scripts/check_nvml fetches it from Debian and runs this.
#include "berth/nvml/nvml_reader.hpp"

#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using berth::nvml_reader;
using berth::nvml_reading;

TEST_CASE("a library that others wrote is read, and what it does not say is absent") {
    const char* path = std::getenv("BERTH_FOREIGN_NVML");
    if (path == nullptr || *path == '\0') return berth_test::skipped("BERTH_FOREIGN_NVML names no library");
    auto reader = nvml_reader::open(path);
    REQUIRE_MESSAGE(reader, (reader ? "" : reader.error().message));
    REQUIRE(reader->gpu_count() == 2);
    CHECK((reader->functions().uuid == nullptr));
    CHECK((reader->functions().field_values == nullptr));
    for (const double now : {1.0, 2.0}) {
        const auto gpus = reader->read(now);
        REQUIRE(gpus.size() == 2);
        CHECK(gpus[0].model == "GeForce 100M Series");
        CHECK(gpus[0].sample.load == doctest::Approx(0.07));
        CHECK(gpus[0].sample.temperature == 6.0);
        CHECK(gpus[0].memory_used == 100.0);
        CHECK(gpus[0].memory_total == 256.0);
        CHECK(gpus[1].model == "Quadro FX 200M Series");
        CHECK(gpus[1].sample.load == doctest::Approx(0.27));
        CHECK(gpus[1].sample.temperature == 26.0);
        CHECK(gpus[1].memory_used == 6144.0);
        CHECK(gpus[1].memory_total == 8192.0);
        for (const nvml_reading& gpu : gpus) {
            CHECK(gpu.sample.time == now);
            CHECK(gpu.uuid.empty());
            CHECK_FALSE(gpu.lost);
            CHECK(std::isnan(gpu.sample.power));
            CHECK(std::isnan(gpu.sample.energy));
            CHECK_FALSE(gpu.sample.xid);
            CHECK_FALSE(gpu.sample.xid_count);
            CHECK_FALSE(gpu.sample.ecc_correctable);
            CHECK_FALSE(gpu.sample.ecc_uncorrectable);
            CHECK_FALSE(gpu.sample.remapped_rows);
            CHECK_FALSE(gpu.sample.remap_failed);
            CHECK_FALSE(gpu.sample.throttle_reasons);
            CHECK_FALSE(gpu.sample.recovery);
            CHECK(berth::check(gpu.sample));
        }
    }
}
