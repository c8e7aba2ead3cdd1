// A case without an expectation.
static_assert(false, "no expectation");
