// expect: never said
// A file that compiles is never a passed case.
int main() {}
