#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API reference and the pages as HTML, by doxygen and graphviz.

    scripts/make_docs.py [--out FOLDER] [--strict]

Writes FOLDER/html/index.html; FOLDER is build/docs unless given. With --strict every complaint is an error: a public entity
without a comment, a wrong @param, a link of a page to a file or heading that does not exist, a link in the HTML that leads
nowhere. Exit code 77: doxygen or graphviz is not installed."""
import argparse
import collections
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import docs_page

ROOT = docs_page.ROOT


def version():
    lines = (ROOT / "include/berth/version.hpp").read_text()
    return ".".join(re.search(rf"BERTH_VERSION_{part} +(\d+)", lines)[1] for part in ("MAJOR", "MINOR", "PATCH"))


def pages():
    """README.md, then the pages in the order in which docs/README.md names them, then the rest."""
    index = ROOT / "docs/README.md"
    named = [(index.parent / link.partition("#")[0]).resolve() for _, link in docs_page.links(index) if ":" not in link]
    rest = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
            ROOT / "packaging/README.md", *sorted((ROOT / "benchmarks/data").rglob("*.md")),
            *sorted((ROOT / "examples/adapters").glob("*/README.md"))]
    ordered = [ROOT / "README.md", index, *named, *rest]
    return [page for page in dict.fromkeys(ordered) if page.exists() and docs_page.is_page(page)]


def dead_links(page):
    """Links of a page to files or headings that the repository does not have, as GitHub would resolve them."""
    name = page.relative_to(ROOT).as_posix()
    return [f"{name}:{line}: dead link: {link}" for line, link in docs_page.links(page) if docs_page.target(page, link) is None]


def extra_files():
    """Files other than pages, examples and images that pages link to, by their name in the HTML folder."""
    found = {}
    for page in pages():
        for _, link in docs_page.links(page):
            path, name = (page.parent / link.partition("#")[0]).resolve(), docs_page.target(page, link)
            if path.is_file() and name == path.relative_to(ROOT).as_posix().replace("/", "_"):
                found[name] = path
    return found


class Html(html.parser.HTMLParser):
    """The names and the local links of one HTML file."""

    def __init__(self, text):
        super().__init__()
        self.names, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values[key] for key in ("id", "name") if values.get(key)}
        for key in ("href", "src", "xlink:href"):
            link = values.get(key)
            if link and not re.match(r"[a-z]+:|//", link):
                self.links.add(link)


def dead_html_links(folder):
    """Links that lead nowhere. Left out is what doxygen 1.9.4 writes itself: its lists of members also name friends that have no
    entry, and the head of a class names nested classes that are hidden. A page's own links have been checked in its source."""
    files = {path.name: Html(path.read_text(errors="replace")) for path in folder.glob("*.html")}
    bad = []
    for name, file in sorted(files.items()):
        if name.endswith("-members.html") or name.startswith("functions"):
            continue
        for link in sorted(file.links - {"#nested-classes"}):
            place, _, anchor = urllib.parse.unquote(link).partition("#")
            place = place.partition("?")[0] or name
            if place.endswith(".md"):
                continue
            if not (folder / place).exists():
                bad.append(f"html/{name}: dead link: {link}")
            elif anchor and place in files and anchor not in files[place].names:
                bad.append(f"html/{name}: dead anchor: {link}")
    return bad


def write_examples(path):
    """A file that makes each example a page, with the first comment of the example as its text."""
    parts = []
    for example in sorted([*(ROOT / "examples").glob("*.cpp"), *(ROOT / "examples").glob("*.cu")]):
        said = []
        for line in example.read_text().splitlines():
            if line.startswith("//") and "SPDX" not in line:
                said.append(line[2:].strip())
            elif said:
                break
        parts.append(f"/** @example {example.name}\n" + "\n".join(said).replace("*/", "") + "\n*/\n")
    path.write_text("\n".join(parts))


def folder_of(line):
    """Where a complaint belongs, for the summary: the folder of a header, else the file."""
    place = line.split(":", 1)[0]
    return place.rsplit("/", 1)[0] if place.startswith("include/") else place


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=str(ROOT / "build/docs"))
    parser.add_argument("--strict", action="store_true", help="every complaint is an error")
    options = parser.parse_args()
    missing = [package for tool, package in (("doxygen", "doxygen"), ("dot", "graphviz")) if not shutil.which(tool)]
    if missing:
        print(f"docs: not installed: {' '.join(missing)}; `scripts/setup --all` or `apt-get install doxygen graphviz`")
        return 77

    out = pathlib.Path(options.out).resolve()
    shutil.rmtree(out / "html", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    write_examples(out / "examples.dox")
    values = {"OUT": out, "SOURCE": ROOT, "VERSION": version(), "PYTHON": sys.executable,
              "PAGES": " ".join(map(str, [*pages(), out / "examples.dox"]))}
    settings = re.sub(r"@([A-Z]+)@", lambda match: str(values[match[1]]), (ROOT / "docs/Doxyfile.in").read_text())
    (out / "Doxyfile").write_text(settings)
    subprocess.run(["doxygen", str(out / "Doxyfile")], check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    for name, path in extra_files().items():
        shutil.copy(path, out / "html" / name)

    said = [line.replace(f"{ROOT}/", "") for line in (out / "warnings.txt").read_text().splitlines() if line.strip()]
    # A note of doxygen's own that goes on over several lines starts without a place; it belongs to the line before.
    said = list(dict.fromkeys(line for line in said if re.match(r"\S+:\d+: ", line) or line.startswith(("error", "warning"))))
    said += [line for page in pages() for line in dead_links(page)]
    said += dead_html_links(out / "html")
    links = sum(1 for page in pages() for _ in docs_page.links(page))
    if links < 100 or not (out / "html/classberth_1_1result.html").exists():
        said.append(f"docs:1: only {links} links found, or no reference: is a filter broken?")
    counts = collections.Counter(map(folder_of, said))
    for line in said if options.strict else ():
        print(line)
    for folder, count in sorted(counts.items()):
        print(f"docs: {count:5d}  {folder}")
    print(f"docs: {len(pages())} pages with {links} links, {len(list((out / 'html').glob('*.html')))} HTML files in {out / 'html'}, "
          f"{len(said)} problems")
    return 1 if options.strict and said else 0


if __name__ == "__main__":
    sys.exit(main())
