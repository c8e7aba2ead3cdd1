#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench replay: the logs beside this file, which are tests themselves; outputs, options, exit codes, bad input."""
import json
import lzma
import pathlib
import random

from program import Checks

t = Checks()
logs = sorted((pathlib.Path(__file__).parent / "logs").glob("*.jsonl"))
t.check(len(logs) >= 10, f"{len(logs)} logs")
for log in logs:
    done = t.good("replay", log, "--check")
    t.check("all of it holds" in done.stdout, f"{log.name}: {done.stdout}")

# Names, GPUs and keys in another order say the same.
draw = random.Random(7)
for log in logs:
    lines = []
    for line in log.read_text().splitlines():
        event = json.loads(line)
        keys = list(event)
        draw.shuffle(keys)
        if "expect" in event:
            keys = ["expect"]
        lines.append(json.dumps({key: event[key] for key in keys}))
    t.good("replay", t.write("shuffled.jsonl", "\r\n".join(lines)), "--check")

# Outputs.
example = t.source / "examples" / "data" / "small_fleet.jsonl"
out, summary = t.folder / "decisions.jsonl", t.folder / "summary.json"
said = t.good("replay", example, "--check", "--out", out, "--json", summary).stdout
t.check("start" in said and "all of it holds" in said, said)
decisions = [json.loads(line) for line in out.read_text().splitlines()]
result = json.loads(summary.read_text())
t.check(sum(result["decisions"].values()) == len(decisions) > 0, "the summary counts the decisions")
t.check(all(d["decision"] in ("start", "evict", "move", "wait", "lost") for d in decisions), f"{decisions}")
t.check([d["time"] for d in decisions] == sorted(d["time"] for d in decisions), "decisions come in the order of time")
t.check(result["differences"] == [] and result["duplicates"] == 1 and result["policy"] == "berth", f"{result}")
waits = [d for d in decisions if d["decision"] == "wait"]
t.check(waits and waits[0]["nearest"] == {"node": "n1", "missing": {"gpu": 1000}}, f"{waits}")
t.check(all(r["node"] and isinstance(r["gpus"], list) for r in result["running"]), f"{result['running']}")
packed = t.folder / "log.jsonl.xz"
packed.write_bytes(lzma.compress(example.read_bytes()))
again = t.folder / "again.jsonl"
t.good("replay", packed, "--out", again)
t.check(again.read_bytes() == out.read_bytes(), "the same log, the same decisions")
for policy in ("best_fit", "spread", "fifo", "srtf"):
    t.good("replay", example, "--policy", policy, "--acknowledge", "log", "--until", "1e6")

# When a job that waits may start, as far as durations are known.
timed = "".join(json.dumps(e) + "\n" for e in [
    {"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "g0"}, {"gpu": "g1"}]},
    {"event": "job", "time": 0, "job": "x", "duration": 100}, {"event": "job", "time": 0, "job": "y"},
    {"event": "job", "time": 5, "job": "one", "duration": 10}, {"event": "job", "time": 5, "job": "two", "gpus": 2}])
t.good("replay", t.write("timed.jsonl", timed), "--out", out)
at = {d["job"]: d.get("at") for d in map(json.loads, out.read_text().splitlines()) if d["decision"] == "wait"}
t.check(at == {"one": 100, "two": None}, f"expected starts: {at}")

# What differs is an exit code of its own.
node = '{"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "g"}]}\n'
job = '{"event": "job", "time": 1, "job": "j"}\n'
other = t.run("replay", t.write("other.jsonl", node + job + '{"expect": {"waiting": ["j"]}}'), "--check")
t.check(other.returncode == 1 and "differs        job j runs, expected to wait" in other.stdout, f"{other}")
t.good("replay", t.write("other.jsonl", node + job + '{"expect": {"waiting": ["j"]}}'))
t.good("replay", t.write("empty.jsonl", ""))

# Bad input: file, line and field, and nothing is decided.
t.bad(["replay", t.write("log.jsonl", node + job), "--check"], "log.jsonl", '"expect"')
t.bad(["replay", "nowhere.jsonl"], "nowhere.jsonl")
t.bad(["replay"], "log")
t.bad(["replay", t.write("log.jsonl", node), "--policy", "lifo"], "--policy", "lifo", "best_fit")
t.bad(["replay", t.write("log.jsonl", node), "--acknowledge", "maybe"], "--acknowledge")
t.bad(["replay", t.write("log.jsonl", node), "--until", "-1"], "--until")
t.bad(["replay", t.write("log.jsonl", node), "--out", "no/such/folder"], "no/such/folder")
for line, field in [('{"event": "job", "time": 1, "job": "j", "gpu": 2}', "gpu"),
                    ('{"event": "job", "time": -1, "job": "j"}', "time"),
                    ('{"event": "close", "time": 1, "node": "b"}', "node"),
                    ('{"event": "running", "time": 1, "job": "j", "node": "a"}', "job"),
                    ('{"event": "job", "time": 1, "job": "j", "apart": 3}', "apart"),
                    ('{"event": "queue", "time": 1, "queue": "q", "limit": {"gpu": -1}}', "limit.gpu"),
                    ('{"event": "job", "time": 1, "job": "j", "queue": "nowhere"}', "queue"),
                    ('{"event": "job", "time": 1, "job": "j", "gpus": ', "gpus"),
                    ('{"event": "node", "time": 1, "node": "b", "gpus": [{"gpu": "g"}]}', "gpus[0].gpu")]:
    out.unlink(missing_ok=True)
    t.bad(["replay", t.write("bad.jsonl", node + line + "\n"), "--out", out], f'bad.jsonl:2: field "{field}"')
    t.check(not out.exists(), "a log that is refused leaves no decisions")
t.finish()
