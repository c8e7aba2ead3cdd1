#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Doxygen's input filter for pages: a Markdown file as GitHub shows it, on stdout as doxygen 1.9.4 wants it.

Pages and headings get identifiers of their own (`balancing`, `balancing_figures`), and links to pages, headings, examples and
images become names in the folder that doxygen writes. Line numbers stay the same, so warnings point at the page."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def slug(heading):
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def lines_outside_code(text):
    """Yields (line number from 0, line) for lines outside of ``` blocks."""
    fenced = False
    for number, line in enumerate(text.splitlines()):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if not fenced:
            yield number, line


def headings(path):
    """The anchors of a page in order: GitHub numbers the second of two equal ones."""
    seen, found = {}, []
    for number, line in lines_outside_code(path.read_text()):
        match = re.match(r"#{1,6} +(.*?) *#*$", line)
        if match:
            name = slug(match[1])
            count = seen.get(name, 0)
            seen[name] = count + 1
            found.append((number, name if count == 0 else f"{name}-{count}"))
    return found


def page_name(path):
    """The identifier of a page: README.md is the main page, docs/README.md `guide`, others are named after their path."""
    relative = path.relative_to(ROOT)
    if relative == pathlib.Path("README.md"):
        return "index"
    if relative == pathlib.Path("docs/README.md"):
        return "guide"
    if relative.name == "README.md":
        relative = relative.parent
    parts = relative.with_suffix("").parts
    return re.sub(r"[^a-z0-9]", "-", "-".join(parts[1:] if parts[0] == "docs" else parts).lower())


def is_page(path):
    """True for Markdown files that make_docs.py hands to doxygen."""
    relative = path.relative_to(ROOT).as_posix()
    return path.suffix == ".md" and ("/" not in relative or relative.startswith(("docs/", "benchmarks/data/", "packaging/", "examples/adapters/")))


def example_page(path):
    """The file that doxygen makes of an example."""
    return path.name.replace("_", "__").replace(".", "_8").replace("__", "_") + "-example.html"


def target(page, link):
    """A link of a page as the site wants it; None if the repository has no such file or heading."""
    if re.match(r"[a-z]+:", link):
        return link
    place, _, anchor = link.partition("#")
    path = (page.parent / place).resolve() if place else page
    if not path.exists() or not path.is_relative_to(ROOT):
        return None
    if anchor and anchor not in [name for _, name in headings(path)]:
        return None
    if is_page(path):
        return f"{page_name(path)}.html" + (f"#{page_name(path)}_{anchor}" if anchor else "")
    relative = path.relative_to(ROOT).as_posix()
    if relative.startswith("examples/") and path.suffix in (".cpp", ".cu"):
        return example_page(path)
    if path.suffix in (".svg", ".png"):
        return path.name  # copied by doxygen
    return relative.replace("/", "_") if path.is_file() else None  # copied by make_docs.py


LINK = re.compile(r"(!?)\[((?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def links(page):
    """Yields (line number from 1, link) of a page."""
    for number, line in lines_outside_code(page.read_text()):
        for match in LINK.finditer(re.sub(r"`[^`]*`", lambda code: "`" + "x" * (len(code[0]) - 2) + "`", line)):
            yield number + 1, match[3]


def public_names():
    """Types, concepts and aliases at namespace level outside detail/ and wings: `greedy` in a page links to the class of that name.
    Names that two headers declare are left alone."""
    found = {}
    for header in (ROOT / "include/berth").rglob("*.hpp"):
        relative = header.relative_to(ROOT / "include/berth")
        if "detail" in relative.parts or relative.parts[0] == "cuda":
            continue
        text = header.read_text()
        if not re.search(r"^namespace berth::inline v0 \{", text, re.M):
            continue
        documented = re.findall(r"^(?:///.*\n)(?:template <.*>\n|    requires.*\n|requires.*\n)*"
                                r"(?:struct|class|concept)(?: \[\[\w+\]\])* (\w+)(?: final)?(?: :| =| \{)", text, re.M)
        for name in documented:
            found[name] = found.get(name, 0) + 1
    return {name for name, count in found.items() if count == 1}


def link_names(line, names):
    """`name` and `berth::name` outside of links become references."""
    parts = re.split(r"(!?\[(?:[^\[\]`]|`[^`]*`)*\]\([^()\s]+\))", line)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"(?<![`*])`(?:berth::)?(\w+)(?:\{\}|<>)?`(?!`)",
                          lambda m: f"[{m[0][1:-1]}](@ref berth::{m[1]})" if m[1] in names else m[0], parts[i])
    return "".join(parts)


def convert(page):
    text = page.read_text().splitlines()
    names = public_names()
    anchors = dict(headings(page))
    plain = {number for number, _ in lines_outside_code(page.read_text())}
    name = page_name(page)
    first = True
    for number, line in enumerate(text):
        if number in anchors:
            own = name if first and name != "index" else f"{name}_{anchors[number]}"
            line = re.sub(r" *#*$", "", line) + f" {{#{own}}}"
            first = False
        elif number in plain:
            line = link_names(LINK.sub(lambda m: f"{m[1]}[{m[2]}]({target(page, m[3]) or m[3]})", line), names)
        yield line


if __name__ == "__main__":
    print("\n".join(convert(pathlib.Path(sys.argv[1]).resolve())))
