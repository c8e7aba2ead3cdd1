#!/usr/bin/env python3
"""Proves the floors of include/berth from its #include lines (see CONTRIBUTING.md for the floors).

  * includes go down: a header includes its own floor and lower ones, never higher;
  * no cycle of files, and none of folders;
  * core includes the standard library only; Eigen (only <Eigen/Core>) starts at floor 2; no other third party;
  * no <iostream>, <random> or <ranges>: global streams, generators that differ by standard library, compile time;
  * wings (cuda, nvml, io) are reached neither from an umbrella nor from any floor; cuda never sees Eigen;
  * there are three umbrellas: berth.hpp, search.hpp (berth.hpp and the searches) and migrate.hpp (berth.hpp and what moves
    running tasks). Nothing else includes one, and
    together they reach every header that is no wing's and not opt-in;
  * opt-in headers (OPT_IN below: threads, clocks, Eigen) cost more to compile than all the rest, so nothing that an umbrella
    reaches includes them;
  * every <berth/...> that is included exists.

Prints file:line: what is wrong; exit code 1 if anything is. --root DIR checks another tree; --self-test plants one
fault of each kind in a small tree and fails unless every one is found.
"""
import argparse
import pathlib
import re
import sys
import tempfile

FLOORS = {"core": 0, "model": 1, "feature": 2, "cost": 3, "objective": 4, "allocate": 5, "metrics": 5, "migrate": 6,
          "watch": 7, "learn": 7}
TOP = {"version.hpp": -1, "scheduler.hpp": 8, "berth.hpp": 9, "search.hpp": 10, "migrate.hpp": 11}
UMBRELLAS = ("berth.hpp", "search.hpp", "migrate.hpp")
WINGS = {"cuda": ("cuda", "cooperative_groups", "cub/", "thrust/"), "nvml": ("nvml.h",), "io": ()}
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

    def floor(name):
        return FLOORS.get(folder(name)) if "/" in name else TOP.get(name)

    for name, path in headers.items():
        shown = path.relative_to(root).as_posix()
        own, wing = floor(name), folder(name) in WINGS
        edges[name] = []
        if own is None and not wing:
            problems.append(f"{shown}:1: belongs to no floor (floors: {', '.join(FLOORS)}; wings: {', '.join(WINGS)})")
            continue
        for number, line in enumerate(code_lines(path.read_text(encoding="utf-8")), 1):
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
                if target in UMBRELLAS and name not in UMBRELLAS:
                    problems.append(f"{at} includes the umbrella; include what is used")
                elif folder(target) in WINGS and folder(target) != folder(name):
                    problems.append(f"{at} reaches the wing {folder(target)}/ from outside")
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
    folders = {}
    for name, targets in edges.items():
        for target in targets:
            if folder(name) and folder(target) and folder(name) != folder(target):
                folders.setdefault(folder(name), set()).add(folder(target))
    cycle = cycle_in({k: sorted(v) for k, v in folders.items()})
    if cycle:
        problems.append(f"include/berth/{cycle[0]}:1: cycle of folders: {' -> '.join(cycle)}")

    reached = set()
    for umbrella in UMBRELLAS:
        if umbrella not in headers:
            continue
        found, todo = set(), [umbrella]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += edges.get(name, [])
        for name in sorted(found - reached):
            if folder(name) in WINGS:
                problems.append(f"include/berth/{umbrella}:1: reaches the wing header {name}")
            if name in OPT_IN:
                problems.append(f"include/berth/{umbrella}:1: reaches the opt-in header {name}")
        reached |= found
    if reached:
        for name in headers:
            if folder(name) not in WINGS and name not in OPT_IN and name not in reached:
                problems.append(f"include/berth/{name}:1: not reached from {' or '.join(UMBRELLAS)}")
    return problems, len(headers)


GOOD = {
    "version.hpp": "", "berth.hpp": "#include <berth/version.hpp>\n#include <berth/metrics/m.hpp>\n#include <berth/cost/c.hpp>\n",
    "search.hpp": "#include <berth/berth.hpp>\n#include <berth/allocate/s.hpp>\n", "allocate/s.hpp": "#include <berth/allocate/g.hpp>\n",
    "core/a.hpp": "#include <vector>\n/* #include <berth/cost/c.hpp>\n*/\n// #include <iostream>\n", "model/b.hpp": "#include <berth/core/a.hpp>\n",
    "feature/f.hpp": "#include <Eigen/Core>\n#include <berth/model/b.hpp>\n", "cost/c.hpp": "#include <berth/feature/f.hpp>\n",
    "allocate/g.hpp": "#include <berth/cost/c.hpp>\n", "metrics/m.hpp": "#include <berth/allocate/g.hpp>\n",
    "core/thread_pool.hpp": "#include <thread>\n#include <berth/core/a.hpp>\n",
    "io/i.hpp": "#include <iostream>\n#include <berth/model/b.hpp>\n", "cuda/k.cuh": "#include <cuda_runtime.h>\n#include <berth/core/a.hpp>\n",
}
FAULTS = [  # file, text that is put in front, what must be said
    ("core/a.hpp", "#include <berth/model/b.hpp>\n", "include/berth/core/a.hpp:1: goes up"),
    ("core/a.hpp", '#include "berth/model/b.hpp"\n', "include/berth/core/a.hpp:1: goes up"),
    ("model/b.hpp", "\n  #  include <berth/cost/c.hpp>\n", "include/berth/model/b.hpp:2: goes up"),
    ("core/a.hpp", "#include <berth/core/a.hpp>\n", "cycle of headers"),
    ("allocate/g.hpp", "#include <berth/metrics/n.hpp>\n", "cycle of folders"),
    ("core/a.hpp", "#include <Eigen/Core>\n", "Eigen starts at floor"),
    ("model/b.hpp", "#include <Eigen/Core>\n", "Eigen starts at floor"),
    ("feature/f.hpp", "#include <Eigen/Dense>\n", "only <Eigen/Core>"),
    ("core/a.hpp", "#include <iostream>\n", "<iostream> is not used"),
    ("cost/c.hpp", "#include <random>\n", "<random> is not used"),
    ("cost/c.hpp", "#include <ranges>\n", "<ranges> is not used"),
    ("core/a.hpp", "#include <fmt/format.h>\n", "is neither"),
    ("model/b.hpp", "#include <cuda_runtime.h>\n", "is neither"),
    ("core/a.hpp", "#include <math.h>\n", "is neither"),
    ("cuda/k.cuh", "#include <Eigen/Core>\n", "must not include Eigen"),
    ("berth.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing header io/i.hpp"),
    ("cost/c.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing io/ from outside"),
    ("cost/c.hpp", "#include <berth/berth.hpp>\n", "includes the umbrella"),
    ("cost/c.hpp", "#include <berth/cost/none.hpp>\n", "does not exist"),
    ("cost/c.hpp", '#include "c2.hpp"\n', 'write "berth/'),
    ("cost/c.hpp", "#include BERTH_HEADER\n", "cannot be checked"),
    ("cost/c.hpp", "#include <berth/core/thread_pool.hpp>\n", "reaches the opt-in header core/thread_pool.hpp"),
    ("other/o.hpp", "", "belongs to no floor"),
    ("cost/unused.hpp", "", "not reached from berth.hpp or search.hpp or migrate.hpp"),
    ("cost/c.hpp", "#include <berth/search.hpp>\n", "includes the umbrella"),
    ("berth.hpp", "#include <berth/search.hpp>\n", "goes up"),
    ("search.hpp", "#include <berth/io/i.hpp>\n", "reaches the wing header io/i.hpp"),
    ("allocate/s.hpp", "#include <berth/core/thread_pool.hpp>\n", "reaches the opt-in header core/thread_pool.hpp"),
]


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
    for name, text, said in FAULTS:
        files = dict(GOOD)
        files[name] = text + files.get(name, "")
        if "metrics/n.hpp" in text:
            files["metrics/n.hpp"] = ""
        found = run(files)
        if not any(said in p for p in found):
            wrong.append(f"not found: {said!r} after {text!r} in {name}; said {found}")
    for line in wrong:
        print(f"self-test: {line}")
    print(f"floors: self-test, {len(FAULTS)} planted faults, {len(wrong)} problems")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    problems, count = check(arguments.root.resolve())
    for line in problems:
        print(line)
    print(f"floors: {count} headers, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
