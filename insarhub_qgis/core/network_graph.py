# SPDX-License-Identifier: GPL-2.0-or-later
"""Graph routines of the pair network in linear time: components, bridges, articulation dates, loops.

They are written here because the editor calls them after each click, and QGIS may run without networkx.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: A pair of two dates by their numbers, the earlier one first.
PairKey = tuple[int, int]


class UnionFind:
    """Disjoint sets of the numbers 0..count-1."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self.set_count = count

    def find(self, number: int) -> int:
        """Give the number that stands for the set of a number."""
        parent = self._parent
        root = number
        while parent[root] != root:
            root = parent[root]
        while parent[number] != root:
            parent[number], number = root, parent[number]
        return root

    def join(self, one: int, other: int) -> bool:
        """Unite two sets; False when they are one already."""
        first, second = self.find(one), self.find(other)
        if first == second:
            return False
        # The smaller number stands for the set, so that the result does not depend on the order of calls.
        self._parent[max(first, second)] = min(first, second)
        self.set_count -= 1
        return True


class GraphStructure(NamedTuple):
    """What holds a network together.

    Attributes
    ----------
    components
        Node numbers of each component, ascending; components by their first node. Single nodes are components.
    bridges
        Pairs whose loss would split a component, ascending.
    articulation
        Nodes whose loss would split a component, ascending.
    """

    components: tuple[tuple[int, ...], ...]
    bridges: tuple[PairKey, ...]
    articulation: tuple[int, ...]


def neighbours_of(count: int, pairs: Iterable[PairKey]) -> list[list[int]]:
    """Give the neighbours of each node, in the order of the pairs."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for one, other in pairs:
        neighbours[one].append(other)
        neighbours[other].append(one)
    return neighbours


def structure_of(count: int, pairs: Sequence[PairKey], nodes: Iterable[int] | None = None) -> GraphStructure:
    """Find components, bridges and articulation nodes by one depth-first search without recursion.

    Parameters
    ----------
    count
        Number of nodes.
    pairs
        Each at most once, between nodes that count.
    nodes
        Nodes that count, all by default.

    Source: Tarjan, A note on finding the bridges of a graph (1974).

    >>> structure_of(4, [(0, 1), (1, 2), (0, 2), (2, 3)]).bridges
    ((2, 3),)
    """
    neighbours = neighbours_of(count, pairs)
    entered = [-1] * count
    lowest = [0] * count
    components: list[tuple[int, ...]] = []
    bridges: list[PairKey] = []
    articulation: list[int] = []
    clock = 0
    for root in range(count) if nodes is None else sorted(nodes):
        if entered[root] >= 0:
            continue
        members = [root]
        entered[root] = lowest[root] = clock
        clock += 1
        root_children = 0
        stack = [(root, -1, iter(neighbours[root]))]
        cuts: set[int] = set()
        while stack:
            node, parent, rest = stack[-1]
            for other in rest:
                if other == parent:
                    continue
                if entered[other] >= 0:
                    if entered[other] < lowest[node]:
                        lowest[node] = entered[other]
                else:
                    entered[other] = lowest[other] = clock
                    clock += 1
                    members.append(other)
                    stack.append((other, node, iter(neighbours[other])))
                    break
            else:
                stack.pop()
                if parent < 0:
                    continue
                if lowest[node] < lowest[parent]:
                    lowest[parent] = lowest[node]
                if lowest[node] > entered[parent]:
                    bridges.append((min(parent, node), max(parent, node)))
                if parent == root:
                    root_children += 1
                elif lowest[node] >= entered[parent]:
                    cuts.add(parent)
        if root_children > 1:
            cuts.add(root)
        components.append(tuple(sorted(members)))
        articulation += cuts
    return GraphStructure(tuple(sorted(components)), tuple(sorted(bridges)), tuple(sorted(articulation)))


def pairs_without_loop(count: int, pairs: Sequence[PairKey]) -> list[PairKey]:
    """Give the pairs that stand in no triangle, in their order: their phase closure cannot be checked."""
    around = [set(found) for found in neighbours_of(count, pairs)]
    return [(one, other) for one, other in pairs if around[one].isdisjoint(around[other])]


def triangle_count(count: int, pairs: Sequence[PairKey]) -> int:
    """Give the number of triangles (closure loops of three pairs)."""
    around = [set(found) for found in neighbours_of(count, pairs)]
    return sum(len(around[one] & around[other]) for one, other in pairs) // 3


class RootedForest:
    """A spanning forest with its subtrees as number ranges, to ask on which side of a tree pair a node is.

    Parameters
    ----------
    count
        Number of nodes.
    pairs
        Pairs of a graph; the forest is the one that a breadth-first search finds, or all of them for a forest.
    """

    def __init__(self, count: int, pairs: Sequence[PairKey]) -> None:
        neighbours = neighbours_of(count, pairs)
        self.parent = [-1] * count
        self.depth = [0] * count
        #: Nodes of the subtree of n have their ``entered`` in entered[n]..left[n].
        self.entered = [-1] * count
        self.left = [0] * count
        clock = 0
        for root in range(count):
            if self.entered[root] >= 0:
                continue
            self.entered[root] = clock
            clock += 1
            stack = [(root, iter(neighbours[root]))]
            while stack:
                node, rest = stack[-1]
                for other in rest:
                    if self.entered[other] < 0:
                        self.entered[other] = clock
                        clock += 1
                        self.parent[other] = node
                        self.depth[other] = self.depth[node] + 1
                        stack.append((other, iter(neighbours[other])))
                        break
                else:
                    self.left[node] = clock - 1
                    stack.pop()
