// SPDX-License-Identifier: Apache-2.0
#include "berth/io/kubernetes_quantity.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace berth::io;

namespace {

using unit = quantity_unit;

berth::amount value(const char* text, unit u, quantity_rounding r = quantity_rounding::up) {
    const auto found = read_quantity(text, u, r);
    REQUIRE_MESSAGE(found.has_value(), found.error().message);
    return *found;
}

bool refused(const std::string& text, unit u = unit::thousandths) {
    return !read_quantity(text, u, quantity_rounding::down).has_value();
}

}  // namespace

TEST_CASE("quantities are read as Kubernetes reads them") {
    CHECK(value("500m", unit::thousandths) == 500);
    CHECK(value("2", unit::thousandths) == 2000);
    CHECK(value("1.5", unit::thousandths) == 1500);
    CHECK(value(".5", unit::thousandths) == 500);
    CHECK(value("1.", unit::thousandths) == 1000);
    CHECK(value("+3", unit::thousandths) == 3000);
    CHECK(value("1e3", unit::thousandths) == 1'000'000);
    CHECK(value("12E-1", unit::thousandths) == 1200);
    CHECK(value("0", unit::thousandths) == 0);
    CHECK(value("-0", unit::thousandths) == 0);
    CHECK(value("0.000", unit::plain) == 0);
    CHECK(value("100n", unit::thousandths) == 1);
    CHECK(value("100n", unit::thousandths, quantity_rounding::down) == 0);
    CHECK(value("16Gi", unit::mebibytes) == 16384);
    CHECK(value("128974848", unit::mebibytes) == 123);
    CHECK(value("129e6", unit::mebibytes, quantity_rounding::down) == 123);
    CHECK(value("129M", unit::mebibytes) == 124);
    CHECK(value("65821708Ki", unit::mebibytes, quantity_rounding::down) == 64279);
    CHECK(value("1.123456789012Ti", unit::mebibytes, quantity_rounding::down) == 1178029);
    CHECK(value("1Ki", unit::plain) == 1024);
    CHECK(value("3k", unit::plain) == 3000);
    CHECK(value("1000m", unit::plain) == 1);
    CHECK(value("1E", unit::mebibytes, quantity_rounding::down) == 953674316406);
    CHECK(value("0.5Gi", unit::plain) == 536870912);
    CHECK(value("100000000000000000000000000000e-29", unit::plain) == 1);
}

TEST_CASE("what is no quantity is refused") {
    for (const char* text :
         {"",    ".",  "-",      "+",     "m",    "Gi",  "1 ",   " 1",  "1 m", "1g",    "16GB", "1K",   "1ki", "1e",
          "1e+", "e3", "1e1000", "1.2.3", "0x10", "1mm", "1Gim", "NaN", "inf", "1_000", "--1",  "1e3m", "\n1"}) {
        CAPTURE(text);
        CHECK(refused(text));
    }
    CHECK(refused("-1"));
    CHECK(refused("-1m"));
    CHECK(refused("500m", unit::plain));
    CHECK(refused("1Ei", unit::plain));
    CHECK(refused("1e999", unit::plain));
    CHECK(refused("1234567890123456789", unit::plain));
    CHECK(refused("1." + std::string(500, '3')));
    CHECK(refused("1" + std::string(1000, '0')));
    CHECK(refused(std::string("5\0", 2)));
}

TEST_CASE("rounding is by less than a unit, to the right side") {
    // Against whole numbers: n Ki are n / 1024 MiB.
    std::uint64_t state = 1;
    for (int i = 0; i < 2000; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        const std::uint64_t n = state >> 30U;
        const std::string text = std::to_string(n) + "Ki";
        CHECK(value(text.c_str(), unit::mebibytes) == static_cast<berth::amount>((n + 1023) / 1024));
        CHECK(value(text.c_str(), unit::mebibytes, quantity_rounding::down) == static_cast<berth::amount>(n / 1024));
    }
}
