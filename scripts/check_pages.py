#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every link, path and identifier that a page names exists.

  * a relative link leads to a file or folder of the repository, and its #anchor to a heading of that page;
  * a path under include/berth, tests, examples, scripts, benchmarks, docs, cmake or .ci exists (`*` stands for any text;
    a component in capitals, such as NAME.cpp, stands for the reader's own);
  * a header (`berth/place.hpp`, `model/traits.hpp`, `detail/eviction_table.hpp`, `fgd.hpp`) and a folder (`allocate/greedy/`) in
    backquotes exist, from include/, from include/berth/ or as the end of a path there;
  * every identifier in backquotes occurs in the code, comments left out (words of OTHERS belong to other programs).

Pages: README.md, CONTRIBUTING.md, SECURITY.md, docs/**/*.md and the README.md files under benchmarks/, packaging/ and
examples/adapters/, where a path may also start in the page's own folder. CHANGELOG.md
names what is gone, so it is not among them. C++ blocks are the business of check_snippets.py.

Prints file:line: what is wrong; exit code 1 if anything is. --root DIR checks another tree; --self-test plants one fault of
each kind in a small tree and fails unless every one is found.
"""
import argparse
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREES = r"(?:include/berth|tests|examples|scripts|benchmarks|docs|cmake|packaging|\.ci)"
PATH = re.compile(rf"(?<![\w./$-])({TREES}/[\w./*+-]*)")
HEADER = re.compile(r"(?<![\w./$-])((?:[\w-]+/)*[\w-]+\.(?:hpp|cuh))\b")
FOLDER = re.compile(r"(?<![\w./$-])((?:[a-z_]+/)+)(?![\w.*<{-])")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
IDENTIFIER = re.compile(r"(?<![\w.$/<-])(?:(?:std|berth|cuda)::)*([A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)(?![\w/]|\.\w)")
# Words in backquotes that no code of ours has: names of other programs and of files that tools make.
OTHERS = {"stop_token", "size_t", "string_view", "jthread_pool", "binary_search", "compile_commands"}
CODE = {".hpp", ".cpp", ".cuh", ".cu", ".h", ".py", ".cmake", ".txt", ".json", ".csv", ".ipp", ".in", ".sh", ".lua", ".yaml", ""}


def pages(root):
    found = [root / n for n in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted((root / "docs").rglob("*.md"))
    for folder in ("benchmarks", "packaging", "examples/adapters"):
        found += sorted((root / folder).rglob("README.md"))
    return [p for p in found if p.exists()]


def slug(heading):
    """The anchor that a heading gets."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"[`*]", "", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page):
    seen, fenced = {}, False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        match = re.match(r"#{1,6}\s+(.*)", line)
        if match and not fenced:
            name = slug(match[1])
            seen[name] = seen.get(name, -1) + 1
            if seen[name]:
                seen[f"{name}-{seen[name]}"] = 0
        for name in re.findall(r'<a (?:id|name)="([^"]+)"', line):
            seen[name] = 0
    return seen


def words_of_code(root):
    words = set()
    for folder in ("include", "examples", "benchmarks", "tests", "scripts", "cmake", "packaging", ".ci", "."):
        base = root / folder
        if not base.is_dir():
            continue
        for file in base.glob("*") if folder == "." else base.rglob("*"):
            words.update(re.findall(r"\w+", file.stem))
            if not file.is_file() or file.suffix not in CODE or "/corpus/" in file.as_posix() or file.stat().st_size > 2_000_000:
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
            if file.suffix in {".hpp", ".cpp", ".cuh", ".cu", ".h"}:
                text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
                text = re.sub(r"(?<!:)//[^\n]*", " ", text)
            words.update(re.findall(r"\w+", text))
    return words


def headers_of(root):
    base = root / "include"
    return {p.relative_to(base).as_posix() for p in base.rglob("*") if p.suffix in {".hpp", ".cuh"}}


def is_placeholder(path):
    return any(re.fullmatch(r"[A-Z]{2,}", part.split(".")[0]) and part.split(".")[0] != "README" for part in path.split("/"))


def path_exists(root, path):
    path = path.rstrip(".")
    if is_placeholder(path):
        return True
    if "*" in path:
        return any(root.glob(path.rstrip("/")))
    return (root / path).exists() or any(root.glob(path + ".*")) or any((root / path).parent.glob(pathlib.Path(path).name + "_*"))


def check(root):
    headers, words, problems, named = headers_of(root), words_of_code(root), [], 0
    folders = {h.rsplit("/", 1)[0] for h in headers}
    folders |= {f[:i] for f in list(folders) for i, c in enumerate(f) if c == "/"}
    anchors_of = {}
    adapters = root / "examples" / "adapters"

    def has_header(name):
        return name in headers or any(h.endswith("/" + name) for h in headers) or (root / name).exists() or any(
            p.name == name.rsplit("/", 1)[-1] for d in ("tests", "benchmarks", "examples/adapters") for p in (root / d).rglob("*.hpp"))

    def has_folder(name):
        name = name.rstrip("/")
        return name in folders or any(f.endswith("/" + name) for f in folders) or (root / name).exists() or any(
            (root / d).is_dir() and any(p.is_dir() and p.as_posix().endswith("/" + name) for p in (root / d).rglob("*"))
            for d in ("benchmarks", "tests", "examples/adapters"))

    for page in pages(root):
        name, fenced = page.relative_to(root).as_posix(), ""
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            at = f"{name}:{number}"
            if line.startswith("```"):
                fenced = "" if fenced else (line[3:].strip() or "text")
                continue
            if fenced == "cpp":
                continue
            spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", line)
            plain = line if fenced else re.sub(r"`[^`]*`", "", line)
            if not fenced:
                for target in LINK.findall(plain) + LINK.findall(line):
                    if re.match(r"[a-z]+:", target):
                        continue
                    named += 1
                    file, _, anchor = target.partition("#")
                    goal = (page.parent / file).resolve() if file else page
                    if not goal.exists():
                        problems.append(f"{at}: the link {target} leads nowhere")
                    elif anchor and goal.suffix == ".md":
                        if anchor not in anchors_of.setdefault(goal, anchors(goal)):
                            problems.append(f"{at}: the link {target} names an anchor that its page has not")
            for path in PATH.findall(line):
                named += 1
                if not path_exists(root, path) and not (adapters in page.parents and path_exists(page.parent, path)):
                    problems.append(f"{at}: there is no {path}")
            if fenced:
                continue
            for span in spans:
                for header in HEADER.findall(span):
                    named += 1
                    if not is_placeholder(header) and not has_header(header):
                        problems.append(f"{at}: there is no header {header}")
                folder = FOLDER.fullmatch(span)
                if folder:
                    named += 1
                    if not has_folder(folder[1]):
                        problems.append(f"{at}: there is no folder {folder[1]}")
                for word in IDENTIFIER.findall(span):
                    named += 1
                    if word not in words and word not in OTHERS and not word.isupper():
                        problems.append(f"{at}: no code has {word}")
                    if word.startswith("BERTH_") and word not in words:
                        problems.append(f"{at}: no code has {word}")
    return sorted(set(problems), key=problems.index), named


FAULTS = {
    "dead link": ("[page](gone.md)", "leads nowhere"),
    "dead anchor": ("[page](other.md#gone)", "an anchor that its page has not"),
    "dead path": ("see tests/gone/test.cpp", "there is no tests/gone/test.cpp"),
    "dead header": ("see `model/gone.hpp`", "there is no header model/gone.hpp"),
    "dead folder": ("see `model/gone/`", "there is no folder model/gone/"),
    "dead identifier": ("use `gone_policy{}`", "no code has gone_policy"),
    "identifier of a comment": ("use `old_policy{}`", "no code has old_policy"),
    "dead macro": ("set `BERTH_GONE`", "no code has BERTH_GONE"),
}
SOUND = ("[a](other.md#a-heading-twice), [b](#b), [c](https://x.y/z), tests/NAME.cpp, `tests/*.cpp`, `berth/model/traits.hpp`, `traits.hpp`, "
         "`model/`, `my_type`, `BERTH_HD`\n\n## b\n")


def self_test():
    missed = []
    for fault, (line, expected) in {"nothing": (SOUND, None), **FAULTS}.items():
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in {"include/berth/model/traits.hpp": "struct my_type {};  // old_policy\n#define BERTH_HD\n",
                               "tests/one.cpp": "", "docs/page.md": line + "\n", "docs/other.md": "# A `heading`: twice\n"}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            problems, _ = check(root)
            if (expected is None and problems) or (expected is not None and not any(expected in p for p in problems)):
                missed.append(f"self-test: {fault}: {problems}")
    for line in missed:
        print(line)
    print(f"pages self-test: {len(FAULTS)} faults planted, {len(missed)} missed")
    return 1 if missed else 0


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--root", type=pathlib.Path, default=ROOT)
    arguments.add_argument("--self-test", action="store_true")
    given = arguments.parse_args()
    if given.self_test:
        return self_test()
    problems, named = check(given.root)
    for line in problems:
        print(line)
    print(f"pages: {len(pages(given.root))} pages, {named} links, paths and names, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
