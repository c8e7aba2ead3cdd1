// expect: berth: the sentence
// Rejected for another reason than the expected one.
static_assert(sizeof(int) == 1, "something else");
