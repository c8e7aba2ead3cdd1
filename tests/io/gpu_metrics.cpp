// SPDX-License-Identifier: Apache-2.0
#include "berth/io/gpu_metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace berth;
using namespace berth::io;

namespace {

const gpu_metrics& only(exporter_reader& exporter, std::string_view text, double now = 100.0) {
    REQUIRE(exporter.read(text, now) == 1);
    return exporter.gpus().front();
}

}  // namespace

TEST_CASE("what NVIDIA's exporter says is in the units of a sample") {
    const std::string labels =
        "{gpu=\"3\",UUID=\"GPU-c2f7\",pci_bus_id=\"00000000:31:00.0\",device=\"nvidia3\",modelName=\"NVIDIA "
        "L4\",Hostname=\"node7\"} ";
    const std::string text =
        "DCGM_FI_DEV_SM_CLOCK" + labels + "210\n" + "DCGM_FI_DEV_GPU_UTIL" + labels + "75\n" + "DCGM_FI_DEV_GPU_TEMP" +
        labels + "41\n" + "DCGM_FI_DEV_MEMORY_TEMP" + labels + "51\n" + "DCGM_FI_DEV_POWER_USAGE" + labels + "61.5\n" +
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION" + labels + "2500\n" + "DCGM_FI_DEV_XID_ERRORS" + labels + "79\n" +
        "DCGM_FI_DEV_FB_USED" + labels + "1000\n" + "DCGM_FI_DEV_FB_FREE" + labels + "22000\n" +
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS" + labels + "2\n" + "DCGM_FI_DEV_ROW_REMAP_FAILURE" + labels + "1\n" +
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL" + labels + "7\n" + "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL" + labels + "1\n" +
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS" + labels + "72\n" + "DCGM_FI_PROF_GR_ENGINE_ACTIVE" + labels + "0.5\n" +
        "DCGM_FI_DEV_GPU_RECOVERY_ACTION" + labels + "4\n";
    exporter_reader exporter;
    const gpu_metrics& gpu = only(exporter, text);
    CHECK(gpu.uuid == "GPU-c2f7");
    CHECK(gpu.hostname == "node7");
    CHECK(gpu.model == "NVIDIA L4");
    CHECK(gpu.sample.time == 100.0);
    CHECK(gpu.sample.load == 0.75);
    CHECK(gpu.sample.temperature == 41.0);
    CHECK(gpu.memory_temperature == 51.0);
    CHECK(gpu.sample.power == 61.5);
    CHECK(gpu.sample.energy == 2.5);
    CHECK(gpu.memory_used == 1000.0);
    CHECK(gpu.memory_free == 22000.0);
    CHECK(gpu.sample.xid == 79U);
    CHECK(gpu.sample.remapped_rows == 2U);
    CHECK(gpu.sample.remap_failed == true);
    CHECK(gpu.sample.ecc_correctable == 7U);
    CHECK(gpu.sample.ecc_uncorrectable == 1U);
    CHECK(gpu.sample.throttle_reasons == 72U);
    CHECK(gpu.sample.recovery == recovery_action::drain_and_reset);
    CHECK(exporter.rows() == 15);
    CHECK(exporter.refused() == 0);
    CHECK(check(gpu.sample));
}

TEST_CASE("what the driver asks for is read by its new name and its old, and unknown where it is not said") {
    exporter_reader exporter;
    for (const char* name : {"DCGM_FI_DEV_GPU_RECOVERY_ACTION", "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION"}) {
        const auto read = [&](const char* value) {
            return only(exporter, std::string{name} + "{UUID=\"a\"} " + value + "\n").sample.recovery;
        };
        CHECK(read("0") == recovery_action::none);
        CHECK(read("2") == recovery_action::node_reboot);
        CHECK(read("7") == recovery_action::system_reboot);
        CHECK_FALSE(read("8"));  // of a driver to come
        CHECK(exporter.implausible() == 0);
        CHECK_FALSE(read("9223372036854775794"));
        CHECK(exporter.implausible() == 0);
        CHECK_FALSE(read("-1"));
        CHECK_FALSE(read("1.5"));
        CHECK(exporter.implausible() == 1);
        const std::string part = std::string{name} + "{UUID=\"a\",GPU_I_ID=\"";
        CHECK(only(exporter, part + "1\"} 0\n" + part + "2\"} 1\n" + part + "3\"} 0\n").sample.recovery ==
              recovery_action::gpu_reset);
        CHECK(only(exporter, part + "1\"} 1\n" + name + "{UUID=\"a\"} 0\n").sample.recovery ==
              recovery_action::none);  // the whole GPU's row goes before those of its parts
    }
    CHECK_FALSE(only(exporter, "DCGM_FI_DEV_GPU_TEMP{UUID=\"a\"} 40\n").sample.recovery);
}

TEST_CASE("blanks and what cannot be are absent, never 0") {
    exporter_reader exporter;
    for (const char* blank : {"NaN", "9223372036854775794", "9223372036854776000", "2147483632", "2147483647",
                              "140737488355328", "140737488355331"}) {
        CAPTURE(blank);
        const std::string row = std::string{"{UUID=\"a\"} "} + blank + "\n";
        const gpu_metrics& gpu =
            only(exporter, "DCGM_FI_DEV_GPU_UTIL" + row + "DCGM_FI_DEV_GPU_TEMP" + row + "DCGM_FI_DEV_XID_ERRORS" +
                               row + "DCGM_FI_DEV_POWER_USAGE" + row + "DCGM_FI_DEV_FB_USED" + row);
        CHECK(std::isnan(gpu.sample.load));
        CHECK(std::isnan(gpu.sample.temperature));
        CHECK(std::isnan(gpu.sample.power));
        CHECK(std::isnan(gpu.memory_used));
        CHECK_FALSE(gpu.sample.xid);
        CHECK(exporter.implausible() == 0);
        CHECK(exporter.rows() == 5);
    }
    const gpu_metrics& gpu =
        only(exporter, "DCGM_FI_DEV_GPU_UTIL{UUID=\"a\"} -1\nDCGM_FI_DEV_GPU_TEMP{UUID=\"a\"} 400\n"
                       "DCGM_FI_DEV_XID_ERRORS{UUID=\"a\"} 1.5\nDCGM_FI_DEV_POWER_USAGE{UUID=\"a\"} -Inf\n");
    CHECK(std::isnan(gpu.sample.load));
    CHECK(std::isnan(gpu.sample.temperature));
    CHECK_FALSE(gpu.sample.xid);
    CHECK(std::isnan(gpu.sample.power));
    CHECK(exporter.implausible() == 4);
}

TEST_CASE("AMD's and Intel's exporters are read in their units") {
    exporter_reader exporter;
    {
        const std::string labels = "{card_series=\"AMD Instinct MI300X "
                                   "OAM\",gpu_id=\"2\",gpu_uuid=\"amd-2\",serial_number=\"S1\",hostname=\"h\"} ";
        const gpu_metrics& gpu =
            only(exporter, "gpu_gfx_activity" + labels + "30\ngpu_package_power" + labels + "750\ngpu_energy_consumed" +
                               labels + "5000000\n" + "gpu_junction_temperature" + labels + "66\ngpu_used_vram" +
                               labels + "283\ngpu_ecc_uncorrect_total" + labels + "0\n");
        CHECK(gpu.uuid == "amd-2");
        CHECK(gpu.model == "AMD Instinct MI300X OAM");
        CHECK(gpu.sample.load == 0.3);
        CHECK(gpu.sample.power == 750.0);
        CHECK(gpu.sample.energy == doctest::Approx(5.0));
        CHECK(gpu.sample.temperature == 66.0);
        CHECK(gpu.memory_used == 283.0);
        CHECK(gpu.sample.ecc_uncorrectable == 0U);
    }
    const std::string labels = "{uuid=\"intel-1\",dev_name=\"Max 1550\",src=\"direct\"";
    const gpu_metrics& gpu =
        only(exporter, "xpum_engine_ratio" + labels + "} 50\nxpum_power_watts" + labels + "} 300\n" +
                           "xpum_power_watts" + labels + ",sub_dev=\"0\"} 140\nxpum_energy_joules_total" + labels +
                           "} 9\nxpum_temperature_celsius" + labels + ",location=\"gpu\"} 60\n" +
                           "xpum_temperature_celsius" + labels + ",location=\"mem\"} 70\nxpum_memory_used_bytes" +
                           labels + "} 1048576\n");
    CHECK(gpu.model == "Max 1550");
    CHECK(gpu.sample.load == 0.5);
    CHECK(gpu.sample.power == 300.0);
    CHECK(gpu.sample.energy == 9.0);
    CHECK(gpu.sample.temperature == 60.0);
    CHECK(gpu.memory_temperature == 70.0);
    CHECK(gpu.memory_used == 1.0);
    CHECK(gpu.slices == 1);
}

TEST_CASE("rows of slices say what is right to say of the GPU, in any order of rows") {
    std::vector<std::string> rows = {
        "DCGM_FI_DEV_GPU_TEMP{UUID=\"a\",GPU_I_ID=\"7\",GPU_I_PROFILE=\"1g.10gb\"} 50\n",
        "DCGM_FI_DEV_GPU_TEMP{UUID=\"a\",GPU_I_ID=\"8\"} 51\n",
        "DCGM_FI_DEV_FB_USED{UUID=\"a\",GPU_I_ID=\"7\"} 100\n",
        "DCGM_FI_DEV_FB_USED{UUID=\"a\",GPU_I_ID=\"8\"} 20\n",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE{UUID=\"a\",GPU_I_ID=\"7\"} 0.9\n",
        "DCGM_FI_DEV_POWER_USAGE{UUID=\"a\",GPU_I_ID=\"7\"} 299\n",
        "DCGM_FI_DEV_POWER_USAGE{UUID=\"a\"} 300\n",
        "DCGM_FI_DEV_POWER_USAGE{UUID=\"a\",pod=\"x\"} 300\n",
    };
    std::mt19937 random{7};
    exporter_reader exporter;
    for (int round = 0; round < 50; ++round) {
        std::ranges::shuffle(rows, random);
        std::string text;
        for (const std::string& row : rows) text += row;
        const gpu_metrics& gpu = only(exporter, text);
        CHECK(gpu.sample.temperature == 51.0);
        CHECK(gpu.memory_used == 120.0);
        CHECK(gpu.sample.power == 300.0);
        CHECK(std::isnan(gpu.sample.load));
    }
    // The load where there is no engine's share, and before it where there are both.
    CHECK(only(exporter, "DCGM_FI_PROF_GR_ENGINE_ACTIVE{UUID=\"a\"} 0.9\n").sample.load == 0.9);
    CHECK(only(exporter, "DCGM_FI_PROF_GR_ENGINE_ACTIVE{UUID=\"a\"} 0.9\nDCGM_FI_DEV_GPU_UTIL{UUID=\"a\"} 20\n")
              .sample.load == 0.2);
    CHECK(only(exporter, "DCGM_FI_DEV_GPU_UTIL{UUID=\"a\"} 20\nDCGM_FI_PROF_GR_ENGINE_ACTIVE{UUID=\"a\"} 0.9\n")
              .sample.load == 0.2);
}

TEST_CASE("labels that Prometheus renamed go before those that it put there") {
    exporter_reader exporter;
    for (const char* labels : {"{hostname=\"pod-of-exporter\",exported_hostname=\"node7\",UUID=\"a\"}",
                               "{exported_hostname=\"node7\",hostname=\"pod-of-exporter\",uuid=\"a\"}"}) {
        const gpu_metrics& gpu = only(exporter, std::string{"DCGM_FI_DEV_GPU_TEMP"} + labels + " 40\n");
        CHECK(gpu.hostname == "node7");
        CHECK(gpu.uuid == "a");
    }
    // Without a UUID a GPU is known by its node and number.
    CHECK(only(exporter, "gpu_package_power{gpu_id=\"2\",hostname=\"h\"} 1\n").uuid == "h/2");
    CHECK(exporter.read("gpu_package_power{hostname=\"h\"} 1\n", 0.0) == 0);
}

TEST_CASE("a scrape forgets the one before, names stay right while tables grow") {
    exporter_reader exporter;
    std::string text;
    for (int i = 0; i < 100; ++i) {
        const std::string labels = "{UUID=\"" + std::to_string(i) + "\",Hostname=\"h" + std::to_string(i / 8) + "\"} ";
        text += "DCGM_FI_DEV_GPU_TEMP" + labels + std::to_string(i) + " " + std::to_string(1000 * i) + "\n";
    }
    REQUIRE(exporter.read(text, 0.0) == 100);
    for (std::size_t i = 0; i < 100; ++i) {
        const gpu_metrics& gpu = exporter.gpus()[i];
        CHECK(gpu.uuid == std::to_string(i));
        CHECK(gpu.hostname == "h" + std::to_string(i / 8));
        CHECK(gpu.sample.temperature == static_cast<double>(i));
        CHECK(gpu.sample.time == static_cast<double>(i));
    }
    const gpu_metrics& gpu = only(exporter, "DCGM_FI_DEV_POWER_USAGE{UUID=\"42\"} 10\nbroken\n");
    CHECK(gpu.uuid == "42");
    CHECK(std::isnan(gpu.sample.temperature));
    CHECK(exporter.refused() == 1);
    REQUIRE(exporter.first_refusal());
    CHECK(exporter.first_refusal()->message == "line 2: value is not a number");
    CHECK(exporter.read("", 0.0) == 0);
    CHECK_FALSE(exporter.first_refusal());
}
