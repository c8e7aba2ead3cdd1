# SPDX-License-Identifier: Apache-2.0
"""What the tests over a real Slurm share: the private Slurm, berth-slurm beside it, and what Slurm's own records say."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LOADER = importlib.machinery.SourceFileLoader("private_slurm", str(HERE.parent / "private_slurm"))
private_slurm = importlib.util.module_from_spec(importlib.util.spec_from_loader("private_slurm", LOADER))
sys.dont_write_bytecode = True
LOADER.exec_module(private_slurm)
SKIPPED = 77


def unusable():
    """Why these tests cannot run here; empty: they can."""
    if os.geteuid() != 0:
        return "slurmd starts jobs as other users: run the tests as root"
    missing = [p for p in ("slurmctld", "slurmd", "munged", "sbatch") if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")]
    return f"not installed: {', '.join(missing)}" if missing else ""


class Record:
    """A job as `scontrol -d show job` shows it."""

    def __init__(self, line):
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        self.id = int(fields["JobId"])
        self.state = fields["JobState"]
        self.restarts = int(fields.get("Restarts", 0))
        self.comment = fields.get("AdminComment", "")
        self.reason = fields.get("Reason", "")
        self.places = {}  # node: {index: shards, 100 of a whole GPU}
        for nodes, gres in re.findall(r"Nodes=(\S+) CPU_IDs=\S* Mem=\d* GRES=(\S*)", line):
            for node in expand(nodes):
                self.places[node] = indices(gres)
        self.start = stamp(fields.get("StartTime", ""))
        self.submit = stamp(fields.get("SubmitTime", ""))
        self.end = stamp(fields.get("EndTime", ""))
        self.gpus = sum(sum(s.values()) for s in self.places.values()) / 100


def stamp(text):
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return None


def expand(nodes):
    match = re.fullmatch(r"(\w+)\[([\d,-]+)\]", nodes)
    if not match:
        return nodes.split(",")
    names = []
    for part in match.group(2).split(","):
        first, _, last = part.partition("-")
        names += [f"{match.group(1)}{i}" for i in range(int(first), int(last or first) + 1)]
    return names


def indices(gres):
    """{index: shards} of `gpu:i0:1(IDX:0),shard:i1:50(IDX:1)`."""
    found = {}
    for name, count, idx in re.findall(r"(gpu|shard)(?::\w+)?:(\d+)\(IDX:([\d,-]+)\)", gres):
        for part in idx.split(","):
            first, _, last = part.partition("-")
            for i in range(int(first), int(last or first) + 1):
                found[i] = 100 if name == "gpu" else int(count)
    return found


class Berth:
    """berth-slurm beside a Slurm."""

    def __init__(self, slurm, *options, period=0.2):
        self.slurm, self.options, self.period = slurm, list(options), period
        self.state = slurm.folder / "berth"
        self.log = slurm.folder / "log" / "berth.log"
        self.process = None
        self.program = os.environ["BERTH_SLURM"]

    def start(self):
        with open(self.log, "a", encoding="utf-8") as out:
            self.process = subprocess.Popen([self.program, "--state", self.state, "--period", str(self.period), *self.options],
                                            env=self.slurm.env, stdout=out, stderr=out, cwd="/")
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)
        code, self.process = self.process.returncode, None
        if number == signal.SIGTERM and code != 0:
            raise AssertionError(f"berth-slurm ended with {code}; {self.log.read_text()[-2000:]}")

    def status(self):
        try:
            return json.loads((self.state / "status.json").read_text())
        except (OSError, ValueError):
            return None

    def say(self, *words):
        return subprocess.run([self.program, *words], env=self.slurm.env, text=True, capture_output=True, check=False, cwd="/")


class Trial:
    """A private Slurm with berth in a folder that goes with it."""

    def __init__(self, *options, period=0.2, **shape):
        self.folder = tempfile.mkdtemp(prefix="berth-slurm-")
        self.slurm = private_slurm.Slurm(self.folder, **shape)
        self.berth = Berth(self.slurm, *options, period=period)
        self.kept = False

    def __enter__(self):
        try:
            self.slurm.start()
        except BaseException:
            self.slurm.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print((self.berth.log.read_text() if self.berth.log.exists() else "")[-4000:])
            print((self.slurm.folder / "log" / "slurmctld.log").read_text()[-2000:])
        try:
            self.berth.stop(signal.SIGKILL)
        finally:
            self.slurm.stop()
        if os.environ.get("BERTH_KEEP"):
            print("kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, *words, script="sleep 3600"):
        out = self.slurm.run("sbatch", "--parsable", "-o", "/dev/null", *words, "--wrap", script)
        return int(out.strip())

    def records(self):
        out = self.slurm.run("scontrol", "-d", "-o", "show", "job")
        return {r.id: r for r in (Record(line) for line in out.splitlines() if line.startswith("JobId="))}

    def jobs(self):
        """Without berth's holders."""
        return {i: r for i, r in self.records().items() if not r.comment.startswith("berth-hold")}

    def wait(self, what, until, seconds=120.0, every=0.2):
        """Waits until a function of the records is true; answers them."""
        end = time.time() + seconds
        while True:
            records = self.records()
            if until(records):
                return records
            if time.time() > end:
                states = {i: (r.state, r.reason, r.places) for i, r in records.items()}
                raise AssertionError(f"not within {seconds} s: {what}; {states}")
            time.sleep(every)

    def settle(self, seconds=120.0):
        """Waits until berth has looked, and knows of no difference from Slurm."""
        end = time.time() + seconds
        status = None
        begun = time.time()
        while time.time() < end:
            status = self.berth.status()
            if status and status["time"] > begun + 1.0 and not status["differences"] and not status["moves"]["under_way"]:
                return status
            time.sleep(0.2)
        raise AssertionError(f"berth and Slurm differ: {status and status['differences']}, {status and status['moves']}")


def check_no_gpu_twice(records):
    """By Slurm's own records of what runs."""
    used = {}
    for r in records.values():
        if r.state not in ("RUNNING", "SUSPENDED"):
            continue
        for node, gpus in r.places.items():
            for index, shards in gpus.items():
                used[node, index] = used.get((node, index), 0) + shards
                assert used[node, index] <= 100, f"GPU {index} of {node} is given twice: {r.id} as well"
    return used


def decided_places(state):
    """{job: {node: {indices}}} of the start decisions in berth's logs; the last one of each job."""
    places = {}
    times = {}
    for file in sorted(pathlib.Path(state).glob("decisions-*.jsonl")):
        for line in file.read_text().splitlines():
            d = json.loads(line)
            if d.get("decision") != "start":
                continue
            job = int(d["job"].split(".")[0])
            if times.get(job) != d["time"]:
                places[job] = {}
            times[job] = d["time"]
            places[job][d["node"]] = {int(g.rsplit("/i", 1)[1]) for g in d.get("gpus", [])}
    return places


def main(**tests):
    why = unusable()
    if why:
        print("skipped:", why)
        sys.exit(SKIPPED)
    os.environ.setdefault("BERTH_SLURM", str(HERE.parent / "build" / "berth-slurm"))
    tests[sys.argv[1]](*sys.argv[2:])
    print("ok")
