# SPDX-License-Identifier: Apache-2.0
"""Over a real Slurm, many jobs: real_load.py TEST. BERTH_SLURM_JOBS sets their number."""
import math
import os
import random
import time

from real_slurm import Trial, check_no_gpu_twice, decided_places, main

# The mix of the openb trace (Alibaba, 2023), default list: shares of its GPU pods.
MIX = [("gpu", 1, 3911), ("gpu", 2, 16), ("gpu", 4, 15), ("gpu", 8, 44), ("shard", 10, 31), ("shard", 15, 75), ("shard", 20, 62),
       ("shard", 25, 144), ("shard", 30, 329), ("shard", 35, 60), ("shard", 45, 880), ("shard", 50, 19), ("shard", 55, 72),
       ("shard", 60, 75), ("shard", 65, 253), ("shard", 80, 1078)]
# Its durations: 5, 25, 50, 75, 90, 99 % last at most so many seconds. They are shortened.
QUANTILES = [(0.0, 20), (0.05, 50), (0.25, 175), (0.5, 616), (0.75, 2246), (0.9, 7764), (1.0, 20000)]


def draw_jobs(count, shorter, whole=False, seed=42):
    """(GRES, seconds, minutes of its limit) of each job, durations divided by `shorter`; `whole`: without shares of GPUs."""
    shorter = float(os.environ.get("BERTH_SLURM_SHORTER", shorter))
    rng = random.Random(seed)
    jobs = []
    mix = [m for m in MIX if m[0] == "gpu" or not whole]
    for kind, amount, _ in rng.choices(mix, weights=[m[2] for m in mix], k=count):
        u = rng.random()
        for (a, low), (b, high) in zip(QUANTILES, QUANTILES[1:]):
            if a <= u <= b:
                seconds = math.exp(math.log(low) + (u - a) / (b - a) * (math.log(high) - math.log(low)))
                break
        jobs.append((f"{kind}:{amount}", max(1.0, seconds / shorter), max(1, round(seconds / 60))))
    return jobs


class Runs:
    """What the jobs themselves saw: the node, the GPUs and the times at which they began and ended."""

    def __init__(self, trial):
        self.file = trial.slurm.folder / "runs"
        self.file.touch()
        self.script = (f"echo $SLURM_JOB_ID $SLURMD_NODENAME ${{CUDA_VISIBLE_DEVICES:--}} $(date +%s.%N) >> {self.file}; sleep SECONDS; "
                       f"echo $SLURM_JOB_ID end - $(date +%s.%N) >> {self.file}")

    def read(self):
        """{job: [node, {indices}, begin, end]}"""
        runs = {}
        for line in self.file.read_text().splitlines():
            words = line.split()
            if len(words) != 4:
                continue
            job = int(words[0])
            if words[1] == "end":
                runs[job][3] = float(words[3])
            else:
                assert job not in runs, f"job {job} ran twice"
                runs[job] = [words[1], {int(i) for i in words[2].split(",") if i != "-"}, float(words[3]), None]
        return runs


def submit(trial, jobs, runs):
    ids = {}
    for gres, seconds, minutes in jobs:
        ids[trial.submit(f"--gres={gres}", "-t", str(minutes), script=runs.script.replace("SECONDS", f"{seconds:.2f}"))] = (gres, seconds)
    return ids


def share_of(gres):
    kind, amount = gres.split(":")
    return int(amount) if kind == "gpu" else int(amount) / 100


def changes_of(ids, runs):
    """{GPU: [(time, more or less of it that is used)]}, by the jobs' own words."""
    changes = {}
    for job, (node, gpus, begin, end) in runs.items():
        share = 1.0 if ids[job][0].startswith("gpu") else share_of(ids[job][0])
        for index in gpus:
            changes.setdefault((node, index), []).extend([(begin, share), (math.inf if end is None else end, -share)])
    return changes


def overlaps(ids, runs):
    """How often a GPU that had no room was given once more."""
    found = 0
    for list_of in changes_of(ids, runs).values():
        used = 0.0
        for _, change in sorted(list_of):
            used += change
            found += change > 0 and used > 1.0001
    return found


def wait_for_jobs(trial, count, seconds, ended, watch=None):
    """Waits until all have begun, or ended."""
    end = time.time() + seconds
    runs = {}
    while time.time() < end:
        time.sleep(1.0)
        if watch:
            watch()
        runs = trial.runs.read()
        if sum(r[3] is not None or not ended for r in runs.values()) == count:
            return runs
    raise AssertionError(f"{len(runs)} of {count} jobs have begun within {seconds} s, {sum(r[3] is not None for r in runs.values())} ended")


def figures(ids, runs, begun, gpus):
    """Mean wait in seconds; the share of all GPUs that was allocated while more than a tenth of the jobs waited."""
    waits = [runs[i][2] - begun for i in ids]
    full = sorted(r[2] for r in runs.values())[len(runs) * 9 // 10]
    used = 0.0
    for changes in changes_of(ids, runs).values():
        share, since = 0.0, begun
        for at, change in sorted((min(at, full), change) for at, change in changes):
            used += min(share, 1.0) * (at - since)  # a GPU that is given twice is not two
            share, since = share + change, at
    return sum(waits) / len(waits), used / (gpus * (full - begun)), max(waits)


def with_berth(count, nodes, options=(), shorter=600, ended=True, whole=False, **shape):
    jobs = draw_jobs(count, shorter, whole)
    with Trial(*options, "--quiet", nodes=nodes, gpus=8, cpus=96, memory=200000, period=0.2, **shape) as t:
        t.runs = Runs(t)
        ids = submit(t, jobs, t.runs)
        assert {r.state for r in t.records().values()} == {"PENDING"}
        begun = time.time()
        t.berth.start()
        runs = wait_for_jobs(t, count, 1500, ended, watch=lambda: check_no_gpu_twice(t.records()) if count <= 300 else None)
        decided = decided_places(t.berth.state)
        for job, (node, gpus, _, _) in runs.items():
            assert decided[job] == {node: gpus}, f"job {job} ran on {node} {gpus}, berth decided {decided[job]}"
        assert overlaps(ids, runs) == 0, "a GPU is given twice"
        status = t.settle()
        spent = status["spent"]
        starts = spent["pin"]["count"]
        wait, allocated, span = figures(ids, runs, begun, nodes * 8)
        print(f"berth, {count} jobs on {nodes} nodes of 8: mean wait {wait:.1f} s, {100 * allocated:.1f} % of the GPUs allocated at saturation, "
              f"the last began after {span:.0f} s")
        per_start = 1e3 * spent["decide"]["seconds"] / starts
        print(f"inside berth: {per_start:.3f} ms a start, longest round of decisions {1e3 * spent['decide']['longest']:.1f} ms for "
              f"{count} held jobs, {1e3 * spent['observe']['seconds'] / spent['observe']['count']:.2f} ms a reading; Slurm: "
              f"{1e3 * spent['pin']['seconds'] / starts:.2f} ms an update that starts a job, "
              f"{1e3 * spent['read']['seconds'] / spent['read']['count']:.1f} ms a reading")
        assert per_start <= 3.3, f"{per_start} ms inside berth a start"
        assert starts >= count
        t.berth.stop()
        return wait, allocated, span


def with_slurm(count, nodes, shorter, whole):
    jobs = draw_jobs(count, shorter, whole)
    with Trial(nodes=nodes, gpus=8, cpus=96, memory=200000, hook=False, defer=False, indexed=False) as t:
        t.runs = Runs(t)
        # All are there before the first starts, as for berth.
        t.slurm.run("scontrol", "update", "partitionname=gpu", "state=down")
        ids = submit(t, jobs, t.runs)
        begun = time.time()
        t.slurm.run("scontrol", "update", "partitionname=gpu", "state=up")
        runs = wait_for_jobs(t, count, 1500, ended=False)
        wait, allocated, span = figures(ids, runs, begun, nodes * 8)
        print(f"Slurm's own selection and backfill, {count} jobs on {nodes} nodes of 8: mean wait {wait:.1f} s, {100 * allocated:.1f} % of "
              f"the GPUs allocated at saturation, the last began after {span:.0f} s; {overlaps(ids, runs)} times a GPU without room")
        return wait, allocated, span


def thousand():
    """1,000 jobs on 8 nodes: each runs where berth decided, no GPU is given twice."""
    with_berth(int(os.environ.get("BERTH_SLURM_JOBS", "1000")), 8)


def wide():
    """The same on 64 nodes, with fewer jobs for each."""
    with_berth(int(os.environ.get("BERTH_SLURM_JOBS", "1000")), 64)


def compared():
    """berth beside Slurm's own selection and backfill, both without `defer`, until all jobs have begun: the mean wait is less, and no GPU
    is given twice. Allocation is printed, not asserted: README.md says why it is not more. Durations are those of the trace divided by
    30: Slurm looks at its queue once a second, and with durations of a few seconds that is all that one would see."""
    count = int(os.environ.get("BERTH_SLURM_JOBS", "300"))
    nodes = int(os.environ.get("BERTH_SLURM_NODES", "8"))
    whole = bool(os.environ.get("BERTH_SLURM_WHOLE"))
    own = with_slurm(count, nodes, 30, whole)
    ours = with_berth(count, nodes, os.environ.get("BERTH_SLURM_OPTIONS", "--shortest").split(), 30, ended=False, whole=whole, defer=False)
    assert ours[0] < own[0], "berth's mean wait is not less"


main(thousand=thousand, wide=wide, compared=compared)
