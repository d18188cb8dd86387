# SPDX-License-Identifier: GPL-2.0-or-later
"""Perpendicular baselines of pairs: the pairwise value first, the difference of the scenes' values if it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PairBaselines:
    """Signed baselines in metres, the later scene seen from the earlier one. Unknown is absent or None.

    Attributes
    ----------
    scenes_m
        Scene -> metres relative to the earliest scene, as the stack file holds them.
    pairs_m
        (earlier, later) -> metres, computed with the earlier scene as reference.
    """

    scenes_m: Mapping[str, float] = field(default_factory=dict)
    pairs_m: Mapping[tuple[str, str], float | None] = field(default_factory=dict)

    def of_scenes(self, earlier: str, later: str) -> float | None:
        """Give the baseline of two scenes.

        >>> PairBaselines({"a": 0.0, "b": 40.0}, {("a", "b"): 43.5}).of_scenes("a", "b")
        43.5
        >>> PairBaselines({"a": 0.0, "b": 40.0}).of_scenes("a", "b")
        40.0
        """
        value = self.pairs_m.get((earlier, later))
        if value is None:
            first, second = self.scenes_m.get(earlier), self.scenes_m.get(later)
            value = second - first if first is not None and second is not None else None
        return value if value is not None and math.isfinite(value) else None

    def of_date(self, scenes: Sequence[str]) -> float | None:
        """Give the value of a date: that of its first scene that has one, relative to the earliest scene."""
        for scene in scenes:
            value = self.scenes_m.get(scene)
            if value is not None and math.isfinite(value):
                return value
        return None

    def of_dates(self, earlier: Sequence[str], later: Sequence[str]) -> float | None:
        """Give the baseline of two dates with one or more scenes each: the first known pairwise value, in order.

        The scenes of a date fly on one orbit, so that one value speaks for all.
        """
        if self.pairs_m:
            for first in earlier:
                for second in later:
                    value = self.pairs_m.get((first, second))
                    if value is not None and math.isfinite(value):
                        return value
        first_m, second_m = self.of_date(earlier), self.of_date(later)
        return None if first_m is None or second_m is None else second_m - first_m

    def of_many(
        self,
        dates: Sequence[Sequence[str]],
        earlier: NDArray[np.intp],
        later: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Give the baselines of many pairs of dates at once.

        Parameters
        ----------
        dates
            Scenes of each date.
        earlier, later
            Numbers of the dates of each pair, shape (n,).

        Returns
        -------
        ndarray
            Metres, shape (n,); NaN = unknown.
        """
        unknown = float("nan")
        alone = [self.of_date(scenes) for scenes in dates]
        values = np.array([unknown if value is None else value for value in alone], dtype=np.float64)
        found: NDArray[np.float64] = values[later] - values[earlier] if len(dates) else np.empty(0)
        if self.pairs_m:
            scenes = [tuple(names) for names in dates]
            for index, (first, second) in enumerate(zip(earlier.tolist(), later.tolist())):
                value = self._pairwise(scenes[first], scenes[second])
                if value is not None:
                    found[index] = value
        return found

    def _pairwise(self, earlier: Sequence[str], later: Sequence[str]) -> float | None:
        for first in earlier:
            for second in later:
                value = self.pairs_m.get((first, second))
                if value is not None and math.isfinite(value):
                    return value
        return None
