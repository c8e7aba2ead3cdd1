// SPDX-License-Identifier: Apache-2.0
// The files of the machine reassignment problem, model and assignment with a bar between them: whatever the bytes, reading ends with an
// instance or with a message that names the file; what was read can be written and read again; what makes a problem is searched, and the
// checker agrees with the answer.
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"
#include "support/reassignment_run.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

template <class T>
bool good(const berth::result<T>& read, std::string_view file) {
    if (read) return true;
    require(read.error().message.starts_with(file), "a message does not begin with the file");
    require(read.error().message.find('\n') == std::string::npos, "a message is longer than a line");
    return false;
}

std::string text_of(const berth::reassignment_input& input) {
    std::ostringstream out;
    bench::write_mrp_model(out, input);
    return out.str();
}

void search(const berth::reassignment_input& input) {
    const auto problem = berth::make_reassignment_problem(input);
    if (!problem) return;
    bench::progress_line quiet{bench::progress_line::mode::off};
    const auto run =
        bench::run_reassignment(input, *problem, bench::run_clock{}, {.evaluations = 500}, 0.0, quiet, "fuzz");
    require(run.fault.empty(), run.fault.c_str());
    require(run.plan.violations == run.verdict.violations, "the search counts other violations than the checker");
    require(!run.initial.feasible() || run.verdict.feasible(), "a feasible start became infeasible");
    if (run.verdict.feasible()) {
        require(run.verdict.cost.total() >= bench::mrp_lower_bound(input), "a cost below the lower bound");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const std::size_t bar = std::min(text.find('|'), text.size());
    auto model = bench::read_mrp_model("model", bench::text_blocks(text.substr(0, bar)));
    if (!good(model, "model:")) return 0;
    const std::string written = text_of(*model);
    const auto again = bench::read_mrp_model("again", bench::text_blocks(written));
    require(again.has_value() && text_of(*again) == written, "a model that was written does not read back");
    const std::string_view rest = text.substr(std::min(bar + 1, text.size()));
    auto initial =
        bench::read_mrp_assignment("assignment", bench::text_blocks(rest), model->group.size(), model->location.size());
    if (!good(initial, "assignment:")) return 0;
    model->initial = *std::move(initial);
    search(*model);
    return 0;
}
