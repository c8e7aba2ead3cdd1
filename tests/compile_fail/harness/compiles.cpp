// expect: never said
// SPDX-License-Identifier: Apache-2.0
// A file that compiles is never a passed case.
int main() {}
