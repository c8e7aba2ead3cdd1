// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <clocale>

int main(int argc, char** argv) {
    (void)std::setlocale(LC_CTYPE, "C.UTF-8");
    return doctest::Context{argc, argv}.run();
}
