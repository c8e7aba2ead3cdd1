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
# Its durations: 5, 25, 50, 75, 90, 99 % last at most so many seconds. They are shortened, 600 s to 1 s.
QUANTILES = [(0.0, 20), (0.05, 50), (0.25, 175), (0.5, 616), (0.75, 2246), (0.9, 7764), (1.0, 20000)]
SHORTER = float(os.environ.get("BERTH_SLURM_SHORTER", "600"))


def draw_jobs(count, seed=42):
    """(GRES, seconds, minutes of its limit) of each job."""
    rng = random.Random(seed)
    jobs = []
    for kind, amount, _ in rng.choices(MIX, weights=[m[2] for m in MIX], k=count):
        u = rng.random()
        for (a, low), (b, high) in zip(QUANTILES, QUANTILES[1:]):
            if a <= u <= b:
                seconds = math.exp(math.log(low) + (u - a) / (b - a) * (math.log(high) - math.log(low)))
                break
        jobs.append((f"{kind}:{amount}", max(1.0, seconds / SHORTER), max(1, round(seconds / 60))))
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


def check_overlaps(ids, runs):
    """By the jobs' own words: no GPU has more than one whole at any time."""
    changes = {}
    for job, (node, gpus, begin, end) in runs.items():
        share = 1.0 if ids[job][0].startswith("gpu") else share_of(ids[job][0])
        for index in gpus:
            changes.setdefault((node, index), []).extend([(begin, share), (end, -share)])
    for gpu, list_of in changes.items():
        used = 0.0
        for _, change in sorted(list_of):
            used += change
            assert used < 1.0001, f"GPU {gpu} is given twice"


def wait_for_end(trial, count, seconds, watch=None):
    end = time.time() + seconds
    runs = {}
    while time.time() < end:
        time.sleep(1.0)
        if watch:
            watch()
        runs = trial.runs.read()
        if sum(r[3] is not None for r in runs.values()) == count:
            return runs
    raise AssertionError(f"{sum(r[3] is not None for r in runs.values())} of {count} jobs have ended within {seconds} s")


def figures(ids, runs, begun, gpus):
    """Mean wait in seconds; the share of all GPUs that was allocated while more than a tenth of the jobs waited."""
    waits = [runs[i][2] - begun for i in ids]
    full = sorted(r[2] for r in runs.values())[len(runs) * 9 // 10]
    used = sum(share_of(ids[i][0]) * max(0.0, min(runs[i][3], full) - runs[i][2]) for i in ids)
    return sum(waits) / len(waits), used / (gpus * (full - begun)), max(r[3] for r in runs.values()) - begun


def with_berth(count, nodes, options=()):
    jobs = draw_jobs(count)
    with Trial(*options, "--quiet", nodes=nodes, gpus=8, cpus=96, memory=200000, period=0.2) as t:
        t.runs = Runs(t)
        ids = submit(t, jobs, t.runs)
        assert {r.state for r in t.records().values()} == {"PENDING"}
        begun = time.time()
        t.berth.start()
        runs = wait_for_end(t, count, 1500, watch=lambda: check_no_gpu_twice(t.records()) if count <= 300 else None)
        decided = decided_places(t.berth.state)
        for job, (node, gpus, _, _) in runs.items():
            assert decided[job] == {node: gpus}, f"job {job} ran on {node} {gpus}, berth decided {decided[job]}"
        check_overlaps(ids, runs)
        status = t.settle(60)
        spent = status["spent"]
        starts = spent["pin"]["count"]
        wait, allocated, span = figures(ids, runs, begun, nodes * 8)
        print(f"berth, {count} jobs on {nodes} nodes of 8: mean wait {wait:.1f} s, {100 * allocated:.1f} % of the GPUs allocated at saturation, "
              f"all done after {span:.0f} s")
        per_start = 1e3 * spent["decide"]["seconds"] / starts
        print(f"inside berth: {per_start:.3f} ms a start, longest round of decisions {1e3 * spent['decide']['longest']:.1f} ms for "
              f"{count} held jobs, {1e3 * spent['observe']['seconds'] / spent['observe']['count']:.2f} ms a reading; Slurm: "
              f"{1e3 * spent['pin']['seconds'] / starts:.2f} ms an update that starts a job, "
              f"{1e3 * spent['read']['seconds'] / spent['read']['count']:.1f} ms a reading")
        assert per_start <= 3.3, f"{per_start} ms inside berth a start"
        assert starts >= count
        t.berth.stop()
        return wait, allocated, span


def with_slurm(count, nodes):
    jobs = draw_jobs(count)
    with Trial(nodes=nodes, gpus=8, cpus=96, memory=200000, hook=False) as t:
        t.runs = Runs(t)
        # All are there before the first starts, as for berth.
        t.slurm.run("scontrol", "update", "partitionname=gpu", "state=down")
        ids = submit(t, jobs, t.runs)
        begun = time.time()
        t.slurm.run("scontrol", "update", "partitionname=gpu", "state=up")
        runs = wait_for_end(t, count, 1500)
        wait, allocated, span = figures(ids, runs, begun, nodes * 8)
        print(f"Slurm's own selection and backfill, {count} jobs on {nodes} nodes of 8: mean wait {wait:.1f} s, {100 * allocated:.1f} % of "
              f"the GPUs allocated at saturation, all done after {span:.0f} s")
        return wait, allocated, span


def thousand():
    """1,000 jobs on 8 nodes: each runs where berth decided, no GPU is given twice."""
    with_berth(int(os.environ.get("BERTH_SLURM_JOBS", "1000")), 8)


def wide():
    """The same on 64 nodes, with fewer jobs for each."""
    with_berth(int(os.environ.get("BERTH_SLURM_JOBS", "1000")), 64)


def compared():
    """berth beside Slurm's own selection and backfill. The mean wait is less. Allocation is printed, not asserted: with durations of
    seconds the time between an end and the next start counts, in which berth reads, decides and releases before Slurm looks again."""
    count = int(os.environ.get("BERTH_SLURM_JOBS", "1000"))
    nodes = int(os.environ.get("BERTH_SLURM_NODES", "8"))
    own = with_slurm(count, nodes)
    ours = with_berth(count, nodes, ("--shortest",))
    assert ours[0] < own[0], "berth's mean wait is not less"


main(thousand=thousand, wide=wide, compared=compared)
