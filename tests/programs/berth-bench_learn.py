#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench learn: hidden speeds of a small table, both file formats, bad input."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"
GAIN = {"k80": 1.0, "p100": 3.0, "v100": 5.0}
TYPES = [(family, batch) for family in ("A", "B", "C") for batch in (16, 32, 64)]


def speed(family, batch, gpu):
    return (1 + "ABC".index(family)) * GAIN[gpu] * 100 / batch


by_type = "table,gpu,job_type,scale_factor,steps_per_s\n" + "".join(
    f"mine,{gpu},{family} (batch size {batch}),1,{speed(family, batch, gpu)}\n" for gpu in GAIN for family, batch in TYPES)
by_model = "gpu,placement,model,batch,scale_factor,co_model,co_batch,throughput_steps_per_s\n" + "".join(
    f"{gpu},consolidated,{family},{batch},1,{other},,{speed(family, batch, gpu) * (0.5 if other else 1)}\n"
    for gpu in GAIN for family, batch in TYPES for other in ("", "A"))
first = t.write("by_type.csv", by_type)
second = t.write("by_model.csv", by_model)

# ---- one type ----------------------------------------------------------------------------------------------------------
one = ["--hide-type", "B (batch size 32)", "--target", "v100", "--json", out]
t.good("learn", "--table", first, "--speed-table", "mine", *one)
seen = json.loads(out.read_text())
row = seen["rows"][0]
t.check(len(seen["rows"]) == 1 and row["measured"] == speed("B", 32, "v100"), "the hidden speed is that of the table")
t.check(row["relative_error"] < 0.1 and row["low_80"] < row["predicted"] < row["high_80"], f"a regular table is predicted: {row}")
t.good("learn", "--table", second, *one)
t.check(json.loads(out.read_text())["rows"] == seen["rows"], "both formats say the same")
t.good("learn", "--table", first, "--speed-table", "mine", *one, "--hide-family")
unseen = json.loads(out.read_text())["rows"][0]
t.check(unseen["high_80"] / unseen["low_80"] > row["high_80"] / row["low_80"], "without the family the interval is wider")

# ---- all types ---------------------------------------------------------------------------------------------------------
done = t.good("learn", "--table", first, "--speed-table", "mine", "--json", out)
result = json.loads(out.read_text())
t.check(len(result["rows"]) == 2 * 3 * len(TYPES), "every type on every GPU model, with and without its family")
t.check(set(result["intervals_80_hold"]) == {"family_seen", "family_unseen"} and "one global ratio" in done.stdout, "the bars")

# ---- bad input ---------------------------------------------------------------------------------------------------------
t.bad(["learn", "--table", t.folder / "none.csv"], "none.csv")
t.bad(["learn", "--table", first], 'no speeds of table "simulation"')
t.bad(["learn", "--table", first, "--speed-table", "mine", "--hide-type", "Z"], 'no speed of type "Z"')
t.bad(["learn", "--table", first, "--speed-table", "mine", "--target", "t4"], 'no speed on GPU "t4"')
t.bad(["learn", "--table", t.write("bad.csv", by_type.replace("mine,k80,A (batch size 16),1,", "mine,k80,A (batch size 16),x,", 1)),
       "--speed-table", "mine"], "scale_factor")
t.finish()
