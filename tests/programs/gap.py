# SPDX-License-Identifier: Apache-2.0
"""Instances of the generalised assignment problem and their assignments, apart from the program. Used by the tests beside this file."""


class Instance:
    def __init__(self, path):
        numbers = [int(word) for word in open(path).read().split()]
        self.agents, self.tasks = numbers[:2]
        pairs = self.agents * self.tasks
        rows = [numbers[2 + a * self.tasks:2 + (a + 1) * self.tasks] for a in range(2 * self.agents)]
        self.costs, self.amounts = rows[:self.agents], rows[self.agents:]
        self.capacities = numbers[2 + 2 * pairs:]
        assert len(self.capacities) == self.agents

    def cost(self, agent_of):
        return sum(self.costs[agent][task] for task, agent in enumerate(agent_of))

    def excess(self, agent_of):
        left = list(self.capacities)
        for task, agent in enumerate(agent_of):
            left[agent] -= self.amounts[agent][task]
        return sum(max(0, -room) for room in left)


def text(costs, amounts, capacities):
    """An instance file; rows are agents."""
    rows = [[len(costs), len(costs[0])], *costs, *amounts, capacities]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)
