# SPDX-License-Identifier: Apache-2.0
"""Runs a program and checks what it says. Used by the tests beside this file."""
import pathlib
import subprocess
import sys
import tempfile


class Checks:
    def __init__(self):
        self.program = sys.argv[1]
        self.source = pathlib.Path(sys.argv[2])
        self.failures = 0
        self.count = 0
        # Removed when the interpreter ends, however it ends.
        self.temporary = tempfile.TemporaryDirectory(prefix="work_")
        self.folder = pathlib.Path(self.temporary.name)

    def check(self, holds, what):
        self.count += 1
        if not holds:
            self.failures += 1
            print(f"FAILED: {what}")

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def run(self, *arguments, timeout=300):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, cwd=self.folder)

    def good(self, *arguments):
        done = self.run(*arguments)
        self.check(done.returncode == 0, f"{arguments}: exit code {done.returncode}, stderr {done.stderr!r}")
        return done

    def bad(self, arguments, *pieces, lines=1):
        """Bad usage or input: exit code 2, one line on stderr that holds all pieces, nothing on stdout."""
        done = self.run(*arguments)
        said = done.stderr.strip()
        self.check(done.returncode == 2, f"{arguments}: exit code {done.returncode}, expected 2")
        if lines is not None:
            self.check(len(said.splitlines()) == lines, f"{arguments}: stderr has other than {lines} lines: {said!r}")
        for piece in pieces:
            self.check(str(piece) in said, f"{arguments}: {piece!r} is not in {said!r}")
        self.check("terminate" not in said and "what()" not in said, f"{arguments}: an exception got out: {said!r}")

    def finish(self):
        print(f"{self.count} checks, {self.failures} failed")
        sys.exit(1 if self.failures else 0)
