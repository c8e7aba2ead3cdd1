# SPDX-License-Identifier: Apache-2.0
"""Runs a program and checks what it says. Used by the tests beside this file."""
import pathlib
import signal
import subprocess
import sys
import tempfile
import time


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

    def interrupted(self, *arguments, seconds=0.0, ready=lambda: True):
        """Runs until it would notice Ctrl-C, `seconds` more, and until ready() holds; then Ctrl-C. Loaded machines are slow."""
        running = subprocess.Popen([self.program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, cwd=self.folder)
        begin = time.monotonic()

        def wait_for(holds):
            while running.poll() is None and not holds() and time.monotonic() < begin + 60:
                time.sleep(0.02)

        wait_for(lambda: self.catches_interrupts(running.pid))
        time.sleep(seconds)
        wait_for(ready)
        running.send_signal(signal.SIGINT)  # nothing if it has ended
        out, err = running.communicate(timeout=120)
        self.check(running.returncode == 130, f"{arguments}: Ctrl-C: exit code {running.returncode}")
        return out, err

    @staticmethod
    def catches_interrupts(process):
        """True once a process has a handler for SIGINT."""
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1 == 1
        return False

    @staticmethod
    def has_rows(path):
        """True if a CSV file has more than its header."""
        return path.exists() and path.read_text().count("\n") > 1

    def finish(self):
        print(f"{self.count} checks, {self.failures} failed")
        sys.exit(1 if self.failures else 0)
