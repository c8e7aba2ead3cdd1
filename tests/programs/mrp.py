# SPDX-License-Identifier: Apache-2.0
"""Instances of the machine reassignment problem and their assignments, apart from the program. Used by the tests beside this file."""
import lzma
import random


class Instance:
    """A model and what was initial, as text."""

    def __init__(self, model, assignment):
        numbers = iter([int(word) for word in model.split()])
        take = lambda count: [next(numbers) for _ in range(count)]
        self.resources = [take(2) for _ in range(next(numbers))]
        self.machines = []
        count = next(numbers)
        for _ in range(count):
            neighbourhood, location = take(2)
            self.machines.append((neighbourhood, location, take(len(self.resources)), take(len(self.resources)), take(count)))
        self.services = []
        for _ in range(next(numbers)):
            spread, needed = take(2)
            self.services.append((spread, set(take(needed))))
        self.processes = [(next(numbers), take(len(self.resources)), next(numbers)) for _ in range(next(numbers))]
        self.balances = [take(4) for _ in range(next(numbers))]
        self.weights = take(3)
        assert next(numbers, None) is None
        self.initial = [int(word) for word in assignment.split()]
        assert len(self.initial) == len(self.processes)

    def usage(self, where):
        used = [[0] * len(self.resources) for _ in self.machines]
        for (_, demand, _), machines in zip(self.processes, where):
            for machine in machines:
                for r, amount in enumerate(demand):
                    used[machine][r] += amount
        return used

    def cost(self, machine_of):
        """By parts."""
        used = self.usage([{machine} for machine in machine_of])
        load = sum(self.resources[r][1] * max(0, row[r] - machine[3][r])
                   for row, machine in zip(used, self.machines) for r in range(len(row)))
        balance = sum(weight * max(0, target * (machine[2][a] - row[a]) - (machine[2][b] - row[b]))
                      for a, b, target, weight in self.balances for row, machine in zip(used, self.machines))
        moved = [p for p, machine in enumerate(machine_of) if machine != self.initial[p]]
        by_service = [0] * len(self.services)
        for p in moved:
            by_service[self.processes[p][0]] += 1
        return {"load": load, "balance": balance, "tasks": self.weights[0] * sum(self.processes[p][2] for p in moved),
                "groups": self.weights[1] * max(by_service, default=0),
                "pairs": self.weights[2] * sum(self.machines[self.initial[p]][4][machine_of[p]] for p in moved)}

    def violations(self, machine_of):
        used = self.usage([{machine} for machine in machine_of])
        held = self.usage([{now, then} for now, then in zip(machine_of, self.initial)])
        beyond = sum(max(0, (held if self.resources[r][0] else used)[m][r] - machine[2][r])
                     for m, machine in enumerate(self.machines) for r in range(len(self.resources)))
        of = [[machine_of[p] for p, process in enumerate(self.processes) if process[0] == s]
              for s in range(len(self.services))]
        near = [{self.machines[m][0] for m in machines} for machines in of]
        return {"capacity": beyond, "conflicts": sum(len(machines) - len(set(machines)) for machines in of),
                "spread": sum(max(0, spread - len({self.machines[m][1] for m in machines}))
                              for (spread, _), machines in zip(self.services, of)),
                "dependencies": sum(len(near[s] - near[on]) for s, (_, needed) in enumerate(self.services) for on in needed)}


def read(path):
    data = open(path, "rb").read()
    return (lzma.decompress(data) if path.endswith(".xz") else data).decode()


def make(seed, machines=6, processes=30, services=12):
    """A small instance whose placement is feasible: the text of its two files."""
    rng = random.Random(seed)
    group = [rng.randrange(services) for _ in range(processes)]
    where = []
    for p in range(processes):
        taken = {where[q] for q in range(p) if group[q] == group[p]}
        free = [m for m in range(machines) if m not in taken]
        if not free:
            group[p] = next(s for s in range(services) if sum(g == s for g in group[:p]) < machines)
            free = [m for m in range(machines) if m not in {where[q] for q in range(p) if group[q] == group[p]}]
        where.append(rng.choice(free))
    demand = [[rng.randint(1, 40), rng.randint(1, 40)] for _ in range(processes)]
    used = [[sum(demand[p][r] for p in range(processes) if where[p] == m) for r in (0, 1)] for m in range(machines)]
    lines = ["2", "1 10", "0 7", str(machines)]
    for m in range(machines):
        capacity = [max(used[m][r], 150) for r in (0, 1)]
        safety = [c * 3 // 4 for c in capacity]
        costs = [0 if a == m else 1 + (a + m) % 3 for a in range(machines)]
        lines.append(" ".join(map(str, [m % 2, m // 2, *capacity, *safety, *costs])))
    lines.append(str(services))
    lines += [f"{1 if any(g == s for g in group) else 0} 0" for s in range(services)]
    lines.append(str(processes))
    lines += [" ".join(map(str, [group[p], *demand[p], rng.randint(1, 9)])) for p in range(processes)]
    lines += ["1", "0 1 2", "10", "1 10 3"]
    return "\n".join(lines) + "\n", " ".join(map(str, where)) + "\n"
