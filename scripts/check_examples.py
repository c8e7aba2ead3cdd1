#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every example and adapter is listed in README.md by its path, and the README names none that is not there."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    examples = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "examples").glob("*.cpp"))
    readme = ROOT / "README.md"
    named = set(re.findall(r"examples/[\w.-]+\.cpp", readme.read_text())) if readme.exists() else set()
    bad = [f"{e}: not listed in README.md" for e in examples if e not in named]
    bad += [f"README.md: lists {e}, which does not exist" for e in sorted(named) if e not in examples]
    adapters = sorted(p.parent.relative_to(ROOT).as_posix() for p in (ROOT / "examples/adapters").glob("*/CMakeLists.txt"))
    linked = set(re.findall(r"examples/adapters/[\w-]+", readme.read_text())) if readme.exists() else set()
    bad += [f"{a}: not listed in README.md" for a in adapters if a not in linked]
    bad += [f"README.md: lists {a}, which does not exist" for a in sorted(linked) if a not in adapters]
    bad += [f"{a}: lacks {n}" for a in adapters for n in ("README.md", "packages") if not (ROOT / a / n).exists()]
    if not examples:
        bad.append("examples: there are none")
    for line in bad:
        print(line)
    print(f"examples: {len(examples)}, and {len(adapters)} adapters, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
