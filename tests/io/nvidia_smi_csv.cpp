// SPDX-License-Identifier: Apache-2.0
#include "berth/io/nvidia_smi_csv.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace berth;
using namespace berth::io;

TEST_CASE("an answer of nvidia-smi is read with units and without") {
    nvidia_smi_csv smi;
    const char* answers[] = {
        "index, name, uuid, utilization.gpu [%], temperature.gpu, power.draw [W], memory.used [MiB], memory.free "
        "[MiB], "
        "clocks_event_reasons.active, remapped_rows.failure, fan.speed [%]\n"
        "0, NVIDIA A100-SXM4-80GB, GPU-a, 45 %, 61, 250.50 W, 1024 MiB, 80000 MiB, 0x0000000000000048, No, [N/A]\r\n"
        "1, NVIDIA A100-SXM4-80GB, GPU-b, [N/A], [Unknown Error], [Not Supported], ERR!, , [N/A], Yes, 30 %\n",
        "gpu_uuid,gpu_name,memory.free,memory.used,power.draw.instant,utilization.gpu,temperature.gpu,"
        "clocks_throttle_reasons.active,remapped_rows.failure\n\n"
        "GPU-a,NVIDIA A100-SXM4-80GB,80000,1024,250.5,45,61,0x48,0\n"
        "GPU-b,NVIDIA A100-SXM4-80GB,[N/A],[N/A],N/A,[GPU is lost],Not Supported,[N/A],1"};
    for (const char* answer : answers) {
        CAPTURE(answer);
        REQUIRE(smi.read(answer, 7.0));
        CHECK(smi.refused() == 0);
        REQUIRE(smi.gpus().size() == 2);
        const gpu_metrics& a = smi.gpus()[0];
        CHECK(a.uuid == "GPU-a");
        CHECK(a.model == "NVIDIA A100-SXM4-80GB");
        CHECK(a.sample.time == 7.0);
        CHECK(a.sample.load == doctest::Approx(0.45));
        CHECK(a.sample.temperature == 61.0);
        CHECK(a.sample.power == 250.5);
        CHECK(a.memory_used == 1024.0);
        CHECK(a.memory_free == 80000.0);
        CHECK(a.sample.throttle_reasons == 0x48U);
        CHECK(a.sample.remap_failed == false);
        const gpu_metrics& b = smi.gpus()[1];
        CHECK(std::isnan(b.sample.load));
        CHECK(std::isnan(b.sample.temperature));
        CHECK(std::isnan(b.sample.power));
        CHECK(std::isnan(b.memory_used));
        CHECK_FALSE(b.sample.throttle_reasons);
        CHECK(b.sample.remap_failed == true);
        CHECK(check(b.sample));
    }
}

TEST_CASE("what the driver asks for is read in nvidia-smi's words, and unknown ones are absent") {
    nvidia_smi_csv smi;
    REQUIRE(smi.read("uuid, gpu_recovery_action\na, None\nb, Reset\nc, Reboot\nd, Drain P2P\ne, Drain and Reset\n"
                     "f, [N/A]\ng, Pray\n",
                     1.0));
    REQUIRE(smi.gpus().size() == 7);
    CHECK(smi.refused() == 0);
    CHECK(smi.gpus()[0].sample.recovery == recovery_action::none);
    CHECK(smi.gpus()[1].sample.recovery == recovery_action::gpu_reset);
    CHECK(smi.gpus()[2].sample.recovery == recovery_action::node_reboot);
    CHECK(smi.gpus()[3].sample.recovery == recovery_action::drain_peers);
    CHECK(smi.gpus()[4].sample.recovery == recovery_action::drain_and_reset);
    CHECK_FALSE(smi.gpus()[5].sample.recovery);
    CHECK_FALSE(smi.gpus()[6].sample.recovery);
}

TEST_CASE("without a uuid the index is the name, and the last row of a GPU counts") {
    nvidia_smi_csv smi;
    REQUIRE(smi.read("index, ecc.errors.uncorrected.volatile.total\n0, 1\n1, 0\n0, 2\n", 1.0));
    REQUIRE(smi.gpus().size() == 2);
    CHECK(smi.gpus()[0].uuid == "0");
    CHECK(smi.gpus()[0].sample.ecc_uncorrectable == 2U);
}

TEST_CASE("a bad header is an error, a bad row hides no other") {
    nvidia_smi_csv smi;
    const auto message = [&](const char* text) { return smi.read(text, 1.0).error().message; };
    CHECK(message("") == "nvidia-smi: the text has no header");
    CHECK(message("\n\n") == "nvidia-smi: the text has no header");
    CHECK(message("name, temperature.gpu\nA, 1\n") ==
          "nvidia-smi: line 1: neither a column \"uuid\" nor \"index\"; ask for one");
    CHECK(message("\nuuid, power.draw [W], power.draw [W]\n") ==
          "nvidia-smi: line 2: column \"power.draw\" stands twice");
    REQUIRE(smi.read("uuid,gpu_uuid,power.draw,power.draw.instant\na,a,1,2\n", 1.0));
    CHECK(smi.gpus().front().sample.power == 1.0);
    (void)smi.read("", 1.0);
    CHECK(smi.gpus().empty());
    struct broken {
        const char* row;
        const char* message;
    };
    const broken cases[] = {
        {"GPU-b", "nvidia-smi: line 3: the row is \"GPU-b\", expected as many fields as columns"},
        {"GPU-b, 1, 2, 3", "nvidia-smi: line 3: the row is \"GPU-b, 1, 2, 3\", expected as many fields as columns"},
        {"GPU-b, hot, 2", "nvidia-smi: line 3: temperature.gpu is \"hot\", expected a number that can be"},
        {"GPU-b, 999, 2", "nvidia-smi: line 3: temperature.gpu is \"999\", expected a number that can be"},
        {"GPU-b, 1, -2 W", "nvidia-smi: line 3: power.draw is \"-2 W\", expected a number that can be"},
        {"GPU-b, 1, 2 kW", "nvidia-smi: line 3: power.draw is \"2 kW\", expected a number that can be"},
        {"GPU-b, 1, 0xg", "nvidia-smi: line 3: power.draw is \"0xg\", expected a number that can be"},
        {"[N/A], 1, 2", "nvidia-smi: line 3: the row is \"[N/A], 1, 2\", expected a uuid or an index"},
    };
    for (const broken& each : cases) {
        CAPTURE(each.row);
        REQUIRE(smi.read(
            std::string{"uuid, temperature.gpu, power.draw [W]\nGPU-a, 1, 2\n"} + each.row + "\nGPU-c, 3, 4\n", 1.0));
        CHECK(smi.gpus().size() == 2);
        CHECK(smi.refused() == 1);
        REQUIRE(smi.first_refusal());
        CHECK(smi.first_refusal()->message == each.message);
    }
}
