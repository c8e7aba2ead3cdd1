#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leaves_nothing.py SCRIPT ARGUMENT...: runs a test with a temporary directory of its own, which has to be empty afterwards."""
import os
import pathlib
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory(prefix="berth_programs_") as folder:
    code = subprocess.run([sys.executable, "-B", *sys.argv[1:]], env={**os.environ, "TMPDIR": folder}).returncode
    left = sorted(path.name for path in pathlib.Path(folder).iterdir())
if left:
    print(f"FAILED: left behind in the temporary directory: {', '.join(left)}")
sys.exit(code or (1 if left else 0))
