#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The header lists in cmake/ must equal the tree under include/berth: headers.cmake, and WING_headers.cmake for wings.

  check_headers.py            compare, print what differs, exit 1 if anything does
  check_headers.py --update   rewrite the lists from the tree
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WINGS = {"cuda", "nvml", "io", "mpi"}  # targets of their own
# Which file lists the headers of which part of the tree; wings that have none yet are listed nowhere.
LISTS = {"": (ROOT / "cmake" / "headers.cmake", "berth_headers", "berth::berth"),
         "cuda": (ROOT / "cmake" / "cuda_headers.cmake", "berth_cuda_headers", "berth::cuda"),
         "io": (ROOT / "cmake" / "io_headers.cmake", "berth_io_headers", "berth::io"),
         "mpi": (ROOT / "cmake" / "mpi_headers.cmake", "berth_mpi_headers", "berth::mpi"),
         "nvml": (ROOT / "cmake" / "nvml_headers.cmake", "berth_nvml_headers", "berth::nvml")}
SUFFIXES = {".hpp", ".h", ".cuh", ".ipp", ".inl"}


def in_tree(wing):
    base = ROOT / "include"
    found = []
    for path in sorted((base / "berth").rglob("*")):
        relative = path.relative_to(base)
        own = relative.parts[1] if len(relative.parts) > 2 and relative.parts[1] in WINGS else ""
        if path.is_file() and path.suffix in SUFFIXES and own == wing:
            found.append("include/" + relative.as_posix())
    return found


def in_list(path):
    return re.findall(r"include/berth/\S+\.\w+", path.read_text()) if path.exists() else []


def write(path, name, target, tree):
    lines = ["# SPDX-License-Identifier: Apache-2.0", f"# The headers of {target}. scripts/check_headers.py proves that this list equals the tree", "# (--update rewrites it).",
             f"set({name}"]
    lines += [f'    "${{CMAKE_CURRENT_LIST_DIR}}/../{h}"' for h in tree]
    path.write_text("\n".join(lines) + ")\n")
    print(f"headers: wrote {len(tree)} to {path.relative_to(ROOT)}")


def main():
    bad, total, in_lists = [], 0, 0
    for wing, (path, name, target) in LISTS.items():
        tree = in_tree(wing)
        if "--update" in sys.argv[1:]:
            write(path, name, target, tree)
        listed = in_list(path)
        shown = path.relative_to(ROOT)
        bad += [f"{shown}: lists {h}, which is not in the tree" for h in listed if h not in tree]
        bad += [f"{h}: is not listed in {shown}" for h in tree if h not in listed]
        bad += [f"{shown}: lists {h} twice" for h in sorted(set(listed)) if listed.count(h) > 1]
        if not tree:
            bad.append(f"include/berth/{wing}: no headers at all")
        total += len(tree)
        in_lists += len(listed)
    for line in bad:
        print(line)
    print(f"headers: {total} in the tree, {in_lists} listed, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
