# SPDX-License-Identifier: Apache-2.0
"""Pretty-printers of gdb for berth's values.

    (gdb) source PREFIX/share/berth/gdb/berth.py        # in a checkout scripts/gdb/berth.py

    node_index                  node 3, or `no node`
    slot                        node 3, GPUs {0,2}; node 3, no GPU; unplaced
    assignment                  a vector of slots: with libstdc++'s printers, as above for each task
    task_move                   task 7: node 3, GPUs {0} -> unplaced
    result<T>                   the value as a child, or: error duplicate: "the message"
    plan, assignment_plan,      what they hold in one line, with the lists as children
    migration_plan
    matrix_view                 rows x columns, with the rows as children
    detail::flat<T>             length and elements, what fleet, workload and ledger consist of

`disable pretty-printer global berth` shows the members as they are.
"""
import re

import gdb
import gdb.printing


def unqualified(type_):
    return type_.strip_typedefs().unqualified()


def mask_text(mask):
    gpus = [str(bit) for bit in range(64) if mask >> bit & 1]
    return "GPUs {" + ",".join(gpus) + "}" if gpus else "no GPU"


def index_text(value):
    """What the tag names and where: `gpu_tag` reads `gpu 5`."""
    tag = str(unqualified(value.type).template_argument(0)).rsplit("::", 1)[-1]
    name = re.sub(r"_tag$", "", tag).replace("_", " ")
    position = int(value["value_"])
    return f"no {name}" if position == 0xFFFFFFFF else f"{name} {position}"


def slot_text(value):
    node = index_text(value["node"])
    return "unplaced" if node == "no node" else f"{node}, {mask_text(int(value['gpus']))}"


def enumerator(value):
    """The enumerator without its type."""
    return str(value).rsplit("::", 1)[-1]


def text_of(value):
    """A std::string in quotes, with libstdc++'s printer if it is loaded."""
    visualizer = gdb.default_visualizer(value)
    if visualizer is None:
        return '"..."'
    shown = visualizer.to_string()
    if hasattr(shown, "value"):  # a gdb.LazyString: a place and a length
        shown = shown.value().string(length=shown.length)
    return f'"{shown}"'


def error_text(value):
    return f"error {enumerator(value['code'])}: {text_of(value['message'])}"


def vector_size(value):
    start, finish = value["_M_impl"]["_M_start"], value["_M_impl"]["_M_finish"]
    return int(finish - start)


class Text:
    """A value that is one line."""

    def __init__(self, line):
        self.line = line

    def to_string(self):
        return self.line


class Summary:
    """A line, and members to look into."""

    def __init__(self, line, value, members):
        self.line, self.value, self.members = line, value, members

    def to_string(self):
        return self.line

    def children(self):
        for name in self.members:
            yield name, self.value[name]


class Sequence:
    """Elements one after the other, from a pointer."""

    def __init__(self, line, first, size):
        self.line, self.first, self.size = line, first, size

    def to_string(self):
        return self.line

    def children(self):
        for i in range(self.size):
            yield f"[{i}]", self.first[i]

    def display_hint(self):
        return "array"


class Rows:
    def __init__(self, value):
        self.value = value
        self.rows, self.cols = int(value["rows_"]), int(value["cols_"])

    def to_string(self):
        return f"matrix {self.rows} x {self.cols}"

    def children(self):
        if self.cols:
            for r in range(self.rows):
                yield f"[{r}]", (self.value["data_"] + r * self.cols).dereference().address.cast(
                    self.value["data_"].type.target().array(self.cols - 1).pointer()).dereference()

    def display_hint(self):
        return "array"


def index(value):
    return Text(index_text(value))


def slot(value):
    return Text(slot_text(value))


def task_move(value):
    return Text(f"{index_text(value['task'])}: {slot_text(value['from'])} -> {slot_text(value['to'])}")


def gpu_move(value):
    return Text(f"{index_text(value['task'])}: {index_text(value['from'])} -> {index_text(value['to'])}")


def error(value):
    return Text(error_text(value))


def result(value):
    if not bool(value["ok_"]):
        return Text(error_text(value["error_"]))
    if unqualified(value.type).template_argument(0).code == gdb.TYPE_CODE_VOID:
        return Text("ok")
    return Summary("ok", value, ["value_"])


def plan(value):
    counters = value["counters"]
    line = (f"plan of {vector_size(value['assignment'])} tasks: {int(counters['placed'])} placed, {int(counters['rejected'])} rejected, "
            f"{vector_size(value['moves'])} moves, {enumerator(value['stopped'])}")
    return Summary(line, value, ["assignment", "moves", "left_out", "by_term"])


def assignment_plan(value):
    excess = int(value["excess"])
    state = "feasible" if excess == 0 else f"excess {excess}"
    line = (f"plan of {vector_size(value['gpu_of'])} tasks: cost {float(value['cost']):g}, bound {float(value['lower_bound']):g}, {state}, "
            f"{enumerator(value['stopped'])}")
    return Summary(line, value, ["gpu_of"])


def migration_plan(value):
    line = (f"{vector_size(value['steps'])} steps in {vector_size(value['wave_ends'])} waves, {int(value['extra_steps'])} extra, "
            f"{vector_size(value['dropped'])} dropped")
    return Summary(line, value, ["steps", "wave_ends", "dropped"])


def flat(value):
    element = unqualified(value.type).template_argument(0)
    size = int(value["used_"]) // element.sizeof
    return Sequence(f"flat of length {size}", value["bytes_"].cast(element.pointer()), size)


PRINTERS = {
    r"basic_index<.*>": index,
    r"slot": slot,
    r"task_move": task_move,
    r"gpu_move": gpu_move,
    r"error": error,
    r"result<.*>": result,
    r"plan": plan,
    r"assignment_plan": assignment_plan,
    r"migration_plan": migration_plan,
    r"matrix_view<.*>": Rows,
    r"detail::flat<.*>": flat,
}


def build():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("berth")
    for pattern, printer in PRINTERS.items():
        name = re.sub(r"<.*", "", pattern)
        # The inline namespace of the version is between; any version will do.
        printers.add_printer(name, rf"^berth::(v\d+::)?{pattern}$", printer)
    return printers


gdb.printing.register_pretty_printer(None, build(), replace=True)
