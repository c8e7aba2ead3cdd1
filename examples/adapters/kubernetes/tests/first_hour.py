#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the first hour of the README word for word: every `sh` block of that section in one shell, in the folder of the programs.

  first_hour.py FOLDER   with berth-kube and tests/berth-kube-test-server

A `text` block after an `sh` block is what that block prints; `...` stands for any text. The block that builds is left out, because
without it this would not run. What the shell starts in the background is ended with it.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys

ADAPTER = pathlib.Path(__file__).resolve().parent.parent
MARK = "-- end of block --"


def blocks():
    """(commands, expected output or None) of the section."""
    text = (ADAPTER / "README.md").read_text()
    section = re.search(r"^## The first hour\n(.*?)^## ", text, re.S | re.M)
    found = []
    for kind, body in re.findall(r"^```(sh|text)\n(.*?)^```$", section[1], re.S | re.M):
        if kind == "sh":
            found.append([body, None])
        else:
            found[-1][1] = body
    return [b for b in found if "scripts/adapters" not in b[0]]


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             cwd=folder, start_new_session=True, env={**os.environ, "samples": str(ADAPTER / "samples")})
    bad = 0
    try:
        signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("a block takes too long")))
        for commands, expected in blocks():
            signal.alarm(60)
            # What the shell is told about folders does not apply here: it is there already.
            commands = re.sub(r"^(cd|samples=).*\n", "", commands, flags=re.M)
            shell.stdin.write(commands + f"\necho '{MARK}'\n")
            shell.stdin.flush()
            printed = ""
            for line in shell.stdout:
                if line.strip() == MARK:
                    break
                printed += line
            print(f"$ {commands.rstrip()}\n{printed}", end="")
            if expected is None:
                continue
            pattern = ".*".join(re.escape(piece) for piece in expected.split("..."))
            if not re.search(pattern, printed, re.S):
                print(f"expected:\n{expected}", end="")
                bad += 1
    finally:
        signal.alarm(0)
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()
    print(f"first hour: {len(blocks())} blocks, {bad} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
