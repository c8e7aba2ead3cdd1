#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes include/berth/fwd.hpp: a forward declaration of every public class, struct and enumeration, room by room.

  scripts/update_fwd.py           writes the file, formatted by clang-format-19
  scripts/update_fwd.py --check   exit code 1 if the file is not what would be written; writes nothing
  scripts/update_fwd.py --left    lists the public types without a declaration there, and why

Left out are aliases, and templates constrained by a concept that fwd.hpp does not include: their declaration would need the
concept. Wings and testing/ are left out because no entry reaches them.
Exit code 77: clang-format-19 is not installed.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include/berth"
# Light headers of core/ that fwd.hpp includes: indices, and the concepts and defaults that templates name.
INCLUDED = ["core/index.hpp", "core/observer.hpp", "core/parallelism.hpp", "core/run_control.hpp"]
CONCEPTS = {"stoppable", "observer", "parallelism"}
FLOORS = ["core", "model", "feature", "cost", "objective", "allocate", "balance", "migrate", "metrics", "queue", "watch", "learn",
          "scheduler", "simulate"]
PLAIN = re.compile(r"(class|typename|bool|auto|int|std::size_t|unsigned)\b")
HEAD = re.compile(r"(template <.*?> )?(requires .*? )?(class|struct|enum class) (?:\[\[nodiscard\]\] )?([a-z_0-9]+)"
                  r"(?: final)?( : .*)? ?\{")
TOP = """// SPDX-License-Identifier: Apache-2.0
#pragma once

// Forward declarations of the classes, structs and enumerations of all rooms, for headers that only name them. Aliases
// (`assignment`, `gpu_mask`) and templates that a concept constrains are left out: include their own headers.

// Length: one line for each public type. Written by scripts/update_fwd.py.

"""


def split(text):
    """The parts between commas outside brackets."""
    parts, depth, part = [], 0, ""
    for c in text:
        depth += (c in "<({") - (c in ">)}")
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return parts + [part.strip()] if part.strip() else parts


def without_default(parameter):
    depth = 0
    for i, c in enumerate(parameter):
        depth += (c in "<({") - (c in ">)}")
        if c == "=" and depth == 0 and parameter[i - 1] not in "<>!=" and parameter[i + 1:i + 2] != "=":
            return parameter[:i].strip()
    return parameter


def heads(text):
    """What stands before each outermost `{` of the first block of namespace berth."""
    text = re.sub(r"//[^\n]*", "", text)
    begin = re.search(r"^namespace berth::inline v0 \{", text, re.M)
    if not begin:
        return
    depth, head, i = 0, "", begin.end()
    while i < len(text) and depth >= 0:
        c = text[i]
        if c == "{":
            if depth == 0:
                yield " ".join((head + c).split()).lstrip(": ")
                head = ""
            depth += 1
        elif c == "}":
            depth -= 1
            head = ""
        elif depth == 0:
            if c == "#":  # a line of the preprocessor
                i = text.index("\n", i)
            head = "" if c == ";" else head + c.replace("#", "")
        i += 1


def declarations():
    """Rooms with their (name, declaration, types of template parameters), and what is left out with the reason."""
    rooms, left = {}, []
    for header in sorted(INCLUDE.rglob("*.hpp")):
        path = header.relative_to(INCLUDE).as_posix()
        if "/" not in path or "/detail/" in path or path.startswith(("cuda/", "io/", "mpi/", "nvml/", "testing/")) or path in INCLUDED:
            continue
        room = rooms.setdefault(path.rsplit("/", 1)[0], [])
        for head in heads(header.read_text(encoding="utf-8")):
            match = HEAD.fullmatch(head)
            if not match or head.startswith("template <> "):
                continue
            template, requires, key, name, base = match.groups()
            if requires:
                left.append((path, name, "a requires clause"))
            elif key == "enum class" and not base:
                left.append((path, name, "no underlying type"))
            elif key == "enum class":
                room.append((name, f"enum class {name}{base.rstrip()};", []))
            elif not template:
                room.append((name, f"{key} {name};", []))
            else:
                parameters = [without_default(p) for p in split(template.strip()[len("template <"):-1])]
                known = [p for p in parameters if PLAIN.match(p) or re.split(r"[ .<]", p)[0] in CONCEPTS]
                values = [p for p in parameters if p not in known and re.fullmatch(r"[a-z_]+ [A-Z]\w*", p)]
                other = [p for p in parameters if p not in known and p not in values]
                if other:
                    left.append((path, name, ", ".join(other)))
                else:
                    room.append((name, f"template <{', '.join(parameters)}>\n{key} {name};", values))
    enumerations = {name for room in rooms.values() for name, text, _ in room if text.startswith("enum")}
    for path, room in rooms.items():
        for entry in list(room):
            unknown = [p for p in entry[2] if p.split()[0] not in enumerations]
            if unknown:
                room.remove(entry)
                left.append((path, entry[0], ", ".join(unknown)))
    return rooms, left


def written(rooms):
    lines = [f'#include "berth/{header}"' for header in INCLUDED] + ["", "#include <cstdint>", "", "namespace berth::inline v0 {"]
    seen = set()
    for room in sorted(rooms, key=lambda r: (FLOORS.index(r.split("/")[0]), r)):
        order = sorted(rooms[room], key=lambda e: (not e[1].startswith("enum"), e[1].startswith("template"), e[0]))
        new = [text for name, text, _ in order if name not in seen]
        seen |= {name for name, _, _ in order}
        if new:
            lines += ["", f"// {room}/"] + new
    text = TOP + "\n".join(lines + ["", "}  // namespace berth::inline v0", ""])
    return subprocess.run(["clang-format-19", "--assume-filename", str(INCLUDE / "fwd.hpp")], input=text, text=True,
                          capture_output=True, check=True, cwd=ROOT).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--left", action="store_true", help="list what is left out")
    args = parser.parse_args()
    if not shutil.which("clang-format-19"):
        print("fwd: no clang-format-19, skipped")
        return 77
    rooms, left = declarations()
    if args.left:
        for path, name, why in left:
            print(f"{path}: {name}: {why}")
        return 0
    text = written(rooms)
    file = INCLUDE / "fwd.hpp"
    same = file.exists() and file.read_text(encoding="utf-8") == text
    if args.check and not same:
        print("fwd: include/berth/fwd.hpp is out of date: run scripts/update_fwd.py")
        return 1
    if not args.check and not same:
        file.write_text(text, encoding="utf-8")
    print(f"fwd: {sum(map(len, rooms.values()))} types declared, {len(left)} left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
