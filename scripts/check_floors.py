#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves the floors of include/berth from its #include lines (see CONTRIBUTING.md for the floors).

  * includes go down: a header includes its own floor and lower ones, never higher;
  * no cycle of files, and none of folders;
  * core includes the standard library only; Eigen (only <Eigen/Core>) starts at floor 2; no other third party;
  * no <iostream>, <random> or <ranges>: global streams, generators that differ by standard library, compile time;
  * rooms (ROOMS below: the longest folder that a header lies in) form no cycle either, and a room's own detail/ is included
    only from inside that room (wings may share the kernel bodies of the room that they accelerate);
  * wings (cuda, nvml, io, mpi) and testing/ are reached neither from an entry nor from any floor; cuda never sees Eigen;
  * there are four entries: berth.hpp (the whole library) and the light ones place.hpp, search.hpp and operate.hpp. No other header
    includes one. berth.hpp reaches every header that is neither a wing's nor in testing/;
  * opt-in headers (OPT_IN below: threads, clocks, Eigen) cost more to compile than all the rest, so no light entry reaches them;
  * fwd.hpp only declares: it includes core headers at most;
  * no line of a header is wider than 120 columns (clang-format leaves comments alone);
  * no header but fwd.hpp is longer than 600 lines; one above 250 says why in a line that starts with "// Length:";
  * every <berth/...> that is included exists;
  * adapters (examples/adapters) see what is installed: they include <berth/...> headers that exist, none of a detail/ folder, and no
    path that leaves their folder; their files keep to the same width and length.

Prints file:line: what is wrong; exit code 1 if anything is. --root DIR checks another tree; --self-test plants one
fault of each kind in a small tree and fails unless every one is found.
"""
import argparse
import pathlib
import re
import sys
import tempfile

FLOORS = {"core": 0, "model": 1, "feature": 2, "cost": 3, "objective": 4, "allocate": 5, "metrics": 5, "balance": 6, "migrate": 6,
          "queue": 6, "watch": 7, "learn": 7, "scheduler": 8, "simulate": 8, "testing": 9}
ROOMS = sorted(FLOORS) + ["cost/divisible", "cost/energy", "cost/sites", "objective/measures", "objective/terms", "allocate/greedy", "allocate/search",
                          "allocate/assignment", "allocate/assignment/batch", "allocate/assignment/makespan", "allocate/genetic", "allocate/mig", "allocate/topology",
                          "allocate/reassignment", "balance/triggers", "balance/defragment", "migrate/order", "migrate/run", "queue/backfill", "queue/shares"]
TOP = {"version.hpp": -1, "fwd.hpp": 0, "place.hpp": 10, "search.hpp": 11, "operate.hpp": 11, "berth.hpp": 12}
LIGHT = ("place.hpp", "search.hpp", "operate.hpp")
ENTRIES = ("berth.hpp",) + LIGHT
LONGEST, LONG, WIDEST = 600, 250, 120
WINGS = {"cuda": ("cuda", "cooperative_groups", "cub/", "thrust/"), "nvml": ("dlfcn.h",), "io": ("nlohmann/",),
         "mpi": ("mpi.h", "unistd.h")}
EIGEN_FROM = 2
OPT_IN = {"core/deadline.hpp", "core/thread_pool.hpp", "feature/eigen.hpp"}
BANNED = {"iostream": "global streams; a library prints nothing", "random": "its distributions differ between standard libraries",
          "ranges": "43,000 lines, and its views fail on clang 14"}
SUFFIXES = {".hpp", ".h", ".cuh", ".ipp", ".inl"}
STD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream
functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view syncstream system_error
thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version""".split())
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)"|(\S+))')


def code_lines(text):
    """The lines with block comments blanked, so that an #include inside one does not count."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return text.splitlines()


def cycle_in(graph):
    """One cycle of the graph {node: [node]} as a list, or None."""
    state, path = {}, []

    def visit(node):
        state[node] = 1
        path.append(node)
        for other in graph.get(node, ()):
            if state.get(other) == 1:
                return path[path.index(other):] + [other]
            if other not in state:
                found = visit(other)
                if found:
                    return found
        state[node] = 2
        path.pop()
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node)
            if found:
                return found
    return None


def check(root):
    base = root / "include" / "berth"
    headers = {p.relative_to(base).as_posix(): p for p in sorted(base.rglob("*")) if p.suffix in SUFFIXES}
    problems, edges, where = [], {}, {}
    if not headers:
        return ["include/berth: no headers"], 0

    def folder(name):
        return name.split("/")[0] if "/" in name else ""

    def room(name):
        inside = [r for r in ROOMS if name.startswith(r + "/")]
        return max(inside, key=len) if inside else folder(name)

    def floor(name):
        return FLOORS.get(folder(name)) if "/" in name else TOP.get(name)

    for name, path in headers.items():
        shown = path.relative_to(root).as_posix()
        own, wing = floor(name), folder(name) in WINGS
        edges[name] = []
        if own is None and not wing:
            problems.append(f"{shown}:1: belongs to no floor (floors: {', '.join(FLOORS)}; wings: {', '.join(WINGS)})")
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > LONGEST and name != "fwd.hpp":  # that one is written by a script, a line for each type
            problems.append(f"{shown}:{LONGEST}: {lines} lines, at most {LONGEST}")
        elif lines > LONG and "// Length:" not in text:
            problems.append(f"{shown}:{LONG}: {lines} lines: split it, or say why in a line that starts with // Length:")
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > WIDEST:
                problems.append(f"{shown}:{number}: {len(line)} columns, at most {WIDEST}")
        for number, line in enumerate(code_lines(text), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            at = f"{shown}:{number}:"
            if match.group(3):
                problems.append(f"{at} computed #include {match.group(3)}: cannot be checked")
                continue
            target = match.group(1) or match.group(2)
            if match.group(2) and not target.startswith("berth/"):
                problems.append(f'{at} "{target}": write "berth/<floor>/..." or <...>')
                continue
            if target.startswith("berth/"):
                target = target[len("berth/"):]
                if target not in headers:
                    problems.append(f"{at} <berth/{target}> does not exist")
                    continue
                edges[name].append(target)
                where.setdefault((name, target), at)
                if target in ENTRIES and name not in ENTRIES:
                    problems.append(f"{at} includes an entry; include what is used")
                elif folder(target) in WINGS and folder(target) != folder(name):
                    problems.append(f"{at} reaches the wing {folder(target)}/ from outside")
                elif folder(target) == "testing" and folder(name) != "testing":
                    problems.append(f"{at} reaches testing/ from outside")
                elif "/detail/" in target and not wing and not name.startswith(target.split("detail/")[0]):
                    problems.append(f"{at} reaches the detail of another room: {target}")
                elif name == "fwd.hpp" and folder(target) != "core":
                    problems.append(f"{at} fwd.hpp only declares: it includes core headers at most")
                elif not wing and floor(target) is not None and floor(target) > own:
                    problems.append(f"{at} goes up: floor {own} ({name}) includes floor {floor(target)} ({target})")
            elif target in STD:
                if target in BANNED and not (folder(name) == "io" and target == "iostream"):
                    problems.append(f"{at} <{target}> is not used in berth: {BANNED[target]}")
            elif target.startswith(("Eigen/", "unsupported/Eigen")) or target == "Eigen":
                if target != "Eigen/Core":
                    problems.append(f"{at} <{target}>: only <Eigen/Core>")
                if folder(name) in ("cuda", "nvml"):
                    problems.append(f"{at} <{target}>: a device header must not include Eigen")
                elif not wing and own < EIGEN_FROM:
                    problems.append(f"{at} <{target}>: Eigen starts at floor {EIGEN_FROM}, this is floor {own}")
            elif not (wing and target.startswith(WINGS[folder(name)])):
                problems.append(f"{at} <{target}> is neither berth's, nor a C++ standard header, nor <Eigen/Core>")

    cycle = cycle_in(edges)
    if cycle:
        problems.append(f"{where[(cycle[0], cycle[1])]} cycle of headers: {' -> '.join(cycle)}")
    rooms = {}
    for name, targets in edges.items():
        for target in targets:
            if room(name) and room(target) and room(name) != room(target):
                rooms.setdefault(room(name), set()).add(room(target))
    cycle = cycle_in({k: sorted(v) for k, v in rooms.items()})
    if cycle:
        problems.append(f"include/berth/{cycle[0]}:1: cycle of rooms: {' -> '.join(cycle)}")

    def reached_from(entry):
        found, todo = set(), [entry]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += edges.get(name, [])
        return found

    for entry in ENTRIES:
        if entry not in headers:
            problems.append(f"include/berth/{entry}:1: is missing")
            continue
        found = reached_from(entry)
        for name in sorted(found):
            if folder(name) in WINGS:
                problems.append(f"include/berth/{entry}:1: reaches the wing header {name}")
            if name in OPT_IN and entry in LIGHT:
                problems.append(f"include/berth/{entry}:1: reaches the opt-in header {name}")
        if entry == "berth.hpp":
            for name in headers:
                if folder(name) not in WINGS and folder(name) != "testing" and name not in found:
                    problems.append(f"include/berth/{name}:1: not reached from berth.hpp")
    return problems, len(headers)


def check_adapters(root):
    """Problems of the adapters' sources, and how many there are."""
    base, problems = root / "examples" / "adapters", []
    files = [p for p in sorted(base.rglob("*")) if p.suffix in SUFFIXES | {".cpp"}]
    for path in files:
        shown, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST:
            problems.append(f"{shown}:{LONGEST}: {text.count(chr(10))} lines, at most {LONGEST}")
        elif text.count("\n") > LONG and path.suffix in SUFFIXES and "// Length:" not in text:
            problems.append(f"{shown}:{LONG}: {text.count(chr(10))} lines: split it, or say why in a line that starts with // Length:")
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > WIDEST:
                problems.append(f"{shown}:{number}: {len(line)} columns, at most {WIDEST}")
        for number, line in enumerate(code_lines(text), 1):
            match = INCLUDE.match(line)
            target = match and (match.group(1) or match.group(2) or "")
            if not target:
                continue
            own = path.relative_to(base).parts[0]
            if target.startswith("berth/") and not (root / "include" / target).exists():
                problems.append(f"{shown}:{number}: <{target}> does not exist")
            elif target.startswith("berth/") and "/detail/" in target:
                problems.append(f"{shown}:{number}: <{target}> is internal")
            elif ".." in target and not (path.parent / target).resolve().is_relative_to((base / own).resolve()):
                problems.append(f"{shown}:{number}: {target} leaves the adapter's folder")
    return problems, len(files)


GOOD = {
    "version.hpp": "", "fwd.hpp": "#include <berth/core/a.hpp>\n",
    "place.hpp": "#include <berth/version.hpp>\n#include <berth/metrics/m.hpp>\n#include <berth/cost/c.hpp>\n",
    "search.hpp": "#include <berth/place.hpp>\n#include <berth/allocate/search/s.hpp>\n",
    "operate.hpp": "#include <berth/place.hpp>\n#include <berth/migrate/run/r.hpp>\n",
    "berth.hpp": "#include <berth/fwd.hpp>\n#include <berth/search.hpp>\n#include <berth/operate.hpp>\n"
                 "#include <berth/core/thread_pool.hpp>\n",
    "core/a.hpp": "#include <vector>\n/* #include <berth/cost/c.hpp>\n*/\n// #include <iostream>\n",
    "model/b.hpp": "#include <berth/core/a.hpp>\n",
    "feature/f.hpp": "#include <Eigen/Core>\n#include <berth/model/b.hpp>\n", "cost/c.hpp": "#include <berth/feature/f.hpp>\n",
    "allocate/greedy/g.hpp": "#include <berth/allocate/greedy/detail/d.hpp>\n", "metrics/m.hpp": "#include <berth/allocate/greedy/g.hpp>\n",
    "allocate/greedy/detail/d.hpp": "#include <berth/cost/c.hpp>\n", "allocate/search/s.hpp": "#include <berth/allocate/greedy/g.hpp>\n",
    "migrate/order/o.hpp": "#include <berth/model/b.hpp>\n", "migrate/run/r.hpp": "#include <berth/migrate/order/o.hpp>\n",
    "testing/t.hpp": "#include <berth/migrate/run/r.hpp>\n",
    "core/thread_pool.hpp": "#include <thread>\n#include <berth/core/a.hpp>\n",
    "io/i.hpp": "#include <iostream>\n#include <berth/model/b.hpp>\n", "cuda/k.cuh": "#include <cuda_runtime.h>\n#include <berth/core/a.hpp>\n",
}
FAULTS = [  # file, text that is put in front, the message that must come
    ("core/a.hpp", "#include <berth/model/b.hpp>\n", "include/berth/core/a.hpp:1: goes up"),
    ("core/a.hpp", '#include "berth/model/b.hpp"\n', "include/berth/core/a.hpp:1: goes up"),
    ("model/b.hpp", "\n  #  include <berth/cost/c.hpp>\n", "include/berth/model/b.hpp:2: goes up"),
    ("core/a.hpp", "#include <berth/core/a.hpp>\n", "cycle of headers"),
    ("allocate/greedy/g.hpp", "#include <berth/metrics/n.hpp>\n", "cycle of rooms"),
    ("allocate/greedy/g.hpp", "#include <berth/allocate/search/n.hpp>\n", "cycle of rooms"),
    ("allocate/search/s.hpp", "#include <berth/allocate/greedy/detail/d.hpp>\n", "reaches the detail of another room"),
    ("migrate/run/r.hpp", "#include <berth/testing/t.hpp>\n", "reaches testing/ from outside"),
    ("fwd.hpp", "#include <berth/model/b.hpp>\n", "fwd.hpp only declares"),
    ("core/a.hpp", "\n" * 700, "at most 600"),
    ("core/a.hpp", "\n" * 300, "split it, or say why"),
    ("core/a.hpp", "// " + "x" * 120 + "\n", "123 columns"),
    ("core/a.hpp", "#include <Eigen/Core>\n", "Eigen starts at floor"),
    ("model/b.hpp", "#include <Eigen/Core>\n", "Eigen starts at floor"),
    ("feature/f.hpp", "#include <Eigen/QR>\n", "only <Eigen/Core>"),
    ("core/a.hpp", "#include <iostream>\n", "<iostream> is not used"),
    ("cost/c.hpp", "#include <random>\n", "<random> is not used"),
    ("cost/c.hpp", "#include <ranges>\n", "<ranges> is not used"),
    ("core/a.hpp", "#include <fmt/format.h>\n", "is neither"),
    ("model/b.hpp", "#include <cuda_runtime.h>\n", "is neither"),
    ("core/a.hpp", "#include <math.h>\n", "is neither"),
    ("cuda/k.cuh", "#include <Eigen/Core>\n", "must not include Eigen"),
    ("berth.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing header io/i.hpp"),
    ("cost/c.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing io/ from outside"),
    ("allocate/search/s.hpp", "#include <mpi.h>\n", "is neither"),
    ("cost/c.hpp", "#include <berth/berth.hpp>\n", "includes an entry"),
    ("cost/c.hpp", "#include <berth/place.hpp>\n", "includes an entry"),
    ("cost/c.hpp", "#include <berth/cost/none.hpp>\n", "does not exist"),
    ("cost/c.hpp", '#include "c2.hpp"\n', 'write "berth/'),
    ("cost/c.hpp", "#include BERTH_HEADER\n", "cannot be checked"),
    ("cost/c.hpp", "#include <berth/core/thread_pool.hpp>\n", "place.hpp:1: reaches the opt-in header core/thread_pool.hpp"),
    ("other/o.hpp", "", "belongs to no floor"),
    ("cost/unused.hpp", "", "not reached from berth.hpp"),
    ("place.hpp", "#include <berth/search.hpp>\n", "goes up"),
    ("search.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing header io/i.hpp"),
]


ADAPTER_FAULTS = [
    ('#include <berth/core/none.hpp>\n', "does not exist"),
    ('#include <berth/allocate/greedy/detail/d.hpp>\n', "is internal"),
    ('#include "../../other/b.hpp"\n', "leaves the adapter's folder"),
    ("\n" * 700, "at most 600"),
    ("// " + "x" * 120 + "\n", "123 columns"),
]


def self_test_adapters():
    wrong = []
    for text, message in [("", None), *ADAPTER_FAULTS]:
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            for name, content in {"include/berth/core/a.hpp": "", "include/berth/allocate/greedy/detail/d.hpp": "",
                                  "examples/adapters/one/src/a.cpp": '#include <berth/core/a.hpp>\n#include "../b.hpp"\n' + text}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            found = check_adapters(root)[0]
            if bool(found) != bool(message) or not all(message in p for p in found):
                wrong.append(f"adapters: {message!r} after {text[:60]!r}; found {found}")
    return wrong


def self_test():
    def run(files):
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            for name, text in files.items():
                path = root / "include" / "berth" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(root)[0]

    wrong = [f"a good tree is refused: {p}" for p in run(GOOD)]
    if not run({}):
        wrong.append("an empty tree is accepted")
    for name, text, message in FAULTS:
        files = dict(GOOD)
        files[name] = text + files.get(name, "")
        for other in ("metrics/n.hpp", "allocate/search/n.hpp"):
            if other in text:
                files[other] = "#include <berth/allocate/greedy/g.hpp>\n" if "search" in other else ""
        found = run(files)
        if not any(message in p for p in found):
            wrong.append(f"not found: {message!r} after {text[:60]!r} in {name}; found {found}")
    wrong += self_test_adapters()
    for line in wrong:
        print(f"self-test: {line}")
    print(f"floors: self-test, {len(FAULTS) + len(ADAPTER_FAULTS)} planted faults, {len(wrong)} problems")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    problems, count = check(arguments.root.resolve())
    of_adapters, sources = check_adapters(arguments.root.resolve())
    problems += of_adapters
    for line in problems:
        print(line)
    print(f"floors: {count} headers and {sources} files of adapters, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
