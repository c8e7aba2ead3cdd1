#!/usr/bin/env python3
"""The header list in cmake/headers.cmake must equal the tree under include/berth.

  check_headers.py            compare, print what differs, exit 1 if anything does
  check_headers.py --update   rewrite the list from the tree
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "cmake" / "headers.cmake"
WINGS = {"cuda", "nvml", "io"}  # targets of their own, listed where those targets are defined
SUFFIXES = {".hpp", ".h", ".cuh", ".ipp", ".inl"}


def in_tree():
    base = ROOT / "include"
    found = []
    for path in sorted((base / "berth").rglob("*")):
        relative = path.relative_to(base)
        if path.is_file() and path.suffix in SUFFIXES and not (len(relative.parts) > 2 and relative.parts[1] in WINGS):
            found.append("include/" + relative.as_posix())
    return found


def in_list():
    return re.findall(r"include/berth/\S+\.\w+", LIST.read_text()) if LIST.exists() else []


def main():
    tree = in_tree()
    if "--update" in sys.argv[1:]:
        lines = ["# The headers of berth::berth. scripts/check_headers.py proves that this list equals the tree", "# (--update rewrites it).",
                 "set(berth_headers"]
        lines += [f'    "${{CMAKE_CURRENT_LIST_DIR}}/../{h}"' for h in tree]
        LIST.write_text("\n".join(lines) + ")\n")
        print(f"headers: wrote {len(tree)} to {LIST.relative_to(ROOT)}")
        return 0
    listed = in_list()
    bad = [f"{LIST.relative_to(ROOT)}: lists {h}, which is not in the tree" for h in listed if h not in tree]
    bad += [f"{h}: is not listed in {LIST.relative_to(ROOT)}" for h in tree if h not in listed]
    bad += [f"{LIST.relative_to(ROOT)}: lists {h} twice" for h in sorted(set(listed)) if listed.count(h) > 1]
    if not tree:
        bad.append("include/berth: no headers at all")
    for line in bad:
        print(line)
    print(f"headers: {len(tree)} in the tree, {len(listed)} listed, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
