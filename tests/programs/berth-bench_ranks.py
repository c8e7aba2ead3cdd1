#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench scale under mpirun: the same plan on any number of ranks and threads, killed and started again, bad checkpoints."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from program import Checks

t = Checks()
PLAN = "fbfc9d4071ffff6b"  # of every compiler
SMALL = ["scale", "--tasks", "1000", "--gpus", "100", "--seed", "3", "--seconds", "1000", "--region-evaluations", "100",
         "--parts", "8", "--threads", "1"]


def skip(why):
    print(f"SKIPPED: {why}")
    raise SystemExit(0)


if shutil.which("mpirun") is None:
    skip("mpirun is not installed")
if "built with MPI" in t.run(*SMALL, "--checkpoint", "none", "--evaluations", "1").stderr:
    skip("berth-bench was built without MPI")

# Open MPI keeps files of its own in TMPDIR, and leaves them there when it is killed.
ENVIRONMENT = {**os.environ, "TMPDIR": str(t.folder), "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
LAUNCH = ["mpirun", "--oversubscribe", "--mca", "btl", "self,vader", "--mca", "oob_tcp_if_include", "lo"]
if os.geteuid() == 0:
    LAUNCH.insert(1, "--allow-run-as-root")


def on_ranks(n, *arguments):
    return subprocess.run([*LAUNCH, "-n", str(n), t.program, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL, cwd=t.folder, env=ENVIRONMENT)


def result_of(name):
    return json.loads((t.folder / name).read_text())


# ---- the same plan everywhere ----------------------------------------------------------------------------------------
plans = {}
for ranks, threads in ((1, 1), (2, 1), (4, 1), (7, 1), (2, 2), (0, 1), (0, 2), (0, 4)):
    arguments = [*SMALL[:-1], threads, "--evaluations", "60000", "--json", "out.json"]
    done = on_ranks(ranks, *arguments) if ranks > 0 else t.good(*arguments)
    t.check(done.returncode == 0, f"{ranks} ranks of {threads} threads: exit code {done.returncode}, {done.stderr!r}")
    found = result_of("out.json")
    plans[ranks, threads] = found["plan"]
    t.check(found["feasible"] and found["evaluations"] >= 60000, f"{ranks} ranks: {found}")
    t.check(found["cost"] < found["start_cost"], f"{ranks} ranks: better than greedy: {found}")
    t.check(len(found["peak_megabytes"]) == max(ranks, 1), f"{ranks} ranks: each says what it used")
    t.check((sum(found["traded_bytes_a_round"]) > 0) == (ranks > 1), f"{ranks} ranks: {found['traded_bytes_a_round']} bytes traded")
t.check(set(plans.values()) == {PLAN}, f"one plan for all numbers of ranks and threads, {PLAN}: {plans}")

# ---- ranks that are lost ---------------------------------------------------------------------------------------------
LONG = [*SMALL, "--evaluations", "120000", "--checkpoint"]
t.check(on_ranks(2, *LONG, "whole", "--json", "whole.json").returncode == 0, "a run with checkpoints")
whole = result_of("whole.json")
t.check(whole["rounds"] >= 8, f"{whole['rounds']} rounds to be killed after")


def ranks_of(launcher):
    """The processes that a launcher started."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rsplit(")", 1)[1].split()[1]) == launcher:
                found.append(int(status.parent.name))
        except OSError:
            pass
    return found


draw = random.Random(7)
killed = finished = 0
rounds = []
while killed < 10 and finished < 20:
    folder = f"lost{killed}"
    job = subprocess.Popen([*LAUNCH, "-n", "2", t.program, *LONG, folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           stdin=subprocess.DEVNULL, cwd=t.folder, env=ENVIRONMENT)
    # Some checkpoints, then a while.
    wanted = draw.randrange(1, max(2, whole["rounds"] - 1))
    last = t.folder / folder / "last"
    while job.poll() is None and not (last.exists() and int(last.read_text() or 0) >= wanted):
        time.sleep(0.002)
    time.sleep(draw.random() * 0.02)
    for victim in draw.sample(ranks_of(job.pid), 1) if ranks_of(job.pid) else []:
        os.kill(victim, signal.SIGKILL)
    if job.wait() == 0:
        finished += 1  # before it was killed
        continue
    rounds.append(int(last.read_text()))
    again = on_ranks(draw.choice((1, 2, 3)), *LONG, folder, "--json", "again.json")
    t.check(again.returncode == 0 and "from a checkpoint" in again.stdout, f"started again: {again.stderr!r}")
    found = result_of("again.json")
    t.check(found["resumed"] and found["plan"] == whole["plan"] and found["evaluations"] == whole["evaluations"],
            f"killed after round {rounds[-1]}: {found['plan']}, expected {whole['plan']}")
    killed += 1
t.check(killed == 10, f"{killed} jobs were killed, after rounds {rounds}")

# ---- bad checkpoints -------------------------------------------------------------------------------------------------
last = (t.folder / "whole" / "last").read_text().strip()
part = t.folder / "whole" / f"round-{last}.part-5"
other_seed = ["4" if word == "3" and SMALL[i - 1] == "--seed" else word for i, word in enumerate(SMALL)]
other = on_ranks(2, *other_seed, "--evaluations", "9", "--checkpoint", "whole")
t.check(other.returncode != 0 and "part-" in other.stderr and "field format" in other.stderr, f"other options: {other.stderr!r}")
part.write_bytes(part.read_bytes()[:-9] + b"?" + part.read_bytes()[-8:])
for ranks in (1, 2):
    damaged = on_ranks(ranks, *LONG, "whole")
    t.check(damaged.returncode != 0 and ("part-5: field checksum" in damaged.stderr or "failed at its files" in damaged.stderr),
            f"a damaged file, {ranks} ranks: {damaged.stderr!r}")
t.bad(["scale", "--tasks", "10", "--gpus", "5", "--checkpoint", "none"], "--parts")

t.finish()
