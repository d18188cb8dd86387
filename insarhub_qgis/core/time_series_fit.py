# SPDX-License-Identifier: GPL-2.0-or-later
"""Least-squares models of a displacement series, with honest uncertainties.

Times are decimal years since the first date of the series, counted as ``mintpy.utils.ptime.yyyymmdd2years``
does, so that a linear fit equals the velocity that MintPy writes. The uncertainties assume independent dates
of equal variance. docs: analysis.md 8.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from insarhub_qgis.core.errors import InsarError

DAYS_PER_YEAR = 365.25
#: Median absolute deviation of a normal distribution to its standard deviation.
MAD_TO_SIGMA = 1.4826
#: Below this length an annual term and a rate cannot be told apart well.
SHORTEST_ANNUAL_YEARS = 1.5


@dataclass(frozen=True)
class TimeModel:
    """Which terms a fit has; they add up.

    Attributes
    ----------
    polynomial_degree
        0 constant, 1 linear, 2 quadratic.
    annual
        Sine and cosine of one year.
    step_dates
        A step from each date on.
    exponentials, logarithms
        ``(onset, days)``: ``1 - exp(-t/days)`` and ``log(1 + t/days)`` after the onset.
    """

    polynomial_degree: int = 1
    annual: bool = False
    step_dates: tuple[dt.date, ...] = ()
    exponentials: tuple[tuple[dt.date, float], ...] = ()
    logarithms: tuple[tuple[dt.date, float], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each parameter, in the order of the columns of `design_matrix`."""
        polynomial = ("constant", "rate", "acceleration_half", "cubic")[: self.polynomial_degree + 1]
        return (
            *polynomial,
            *(("annual_sine", "annual_cosine") if self.annual else ()),
            *(f"step_{date:%Y%m%d}" for date in self.step_dates),
            *(f"exponential_{date:%Y%m%d}_{days:g}" for date, days in self.exponentials),
            *(f"logarithm_{date:%Y%m%d}_{days:g}" for date, days in self.logarithms),
        )

    def design_matrix(self, dates: Sequence[dt.date], origin: dt.date) -> np.ndarray:
        """Give the matrix A of ``values = A @ parameters``, shape (n_dates, n_parameters)."""
        years = years_since(dates, origin)
        columns = [years**power for power in range(self.polynomial_degree + 1)]
        if self.annual:
            columns += [np.sin(2 * np.pi * years), np.cos(2 * np.pi * years)]
        for date in self.step_dates:
            columns.append(np.array([each >= date for each in dates], dtype=np.float64))
        for date, days in self.exponentials:
            columns.append(1 - np.exp(-_days_after(dates, date) / days))
        for date, days in self.logarithms:
            columns.append(np.log1p(_days_after(dates, date) / days))
        return np.column_stack(columns)


@dataclass(frozen=True)
class SeriesFit:
    """A fitted model of one series; units are those of the values, times in years.

    Attributes
    ----------
    values, covariance
        Parameters in the order of ``model.names``, shapes (m,) and (m, m).
    residuals
        Observed minus modelled on all dates, shape (n_dates,); NaN where there is no value. Dates that were
        left out of the fit have their residual too.
    is_used, is_outlier
        Shape (n_dates,): dates in the fit, and dates that the outlier rule took out.
    rmse
        Root of the mean squared residual of the used dates.
    r2
        Share of the variance explained; NaN for a constant series.
    n
        Number of dates used.
    first_used, last_used
        First and last of them.
    warnings
        Codes: ``fit.short_for_annual``.
    """

    model: TimeModel
    origin: dt.date
    values: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray
    is_used: np.ndarray
    is_outlier: np.ndarray
    rmse: float
    r2: float
    n: int
    first_used: dt.date
    last_used: dt.date
    warnings: tuple[str, ...] = ()

    @property
    def sigmas(self) -> np.ndarray:
        """One standard deviation of each parameter, shape (m,)."""
        deviations: np.ndarray = np.sqrt(np.diag(self.covariance))
        return deviations

    def parameter(self, name: str) -> tuple[float, float]:
        """Give a parameter and its sigma; KeyError for a term that the model has not."""
        if name not in self.model.names:
            raise KeyError(name)
        index = self.model.names.index(name)
        return float(self.values[index]), float(self.sigmas[index])

    @property
    def velocity(self) -> tuple[float, float]:
        """Rate per year and its sigma; with a quadratic term the rate in the middle of the used dates."""
        gradient = np.zeros(len(self.values))
        gradient[1] = 1.0
        if self.model.polynomial_degree >= 2:
            middle = float(np.mean(years_since((self.first_used, self.last_used), self.origin)))
            for power in range(2, self.model.polynomial_degree + 1):
                gradient[power] = power * middle ** (power - 1)
        return float(gradient @ self.values), math.sqrt(float(gradient @ self.covariance @ gradient))

    @property
    def acceleration(self) -> tuple[float, float]:
        """Second derivative of a quadratic model per year squared, and its sigma."""
        value, sigma = self.parameter("acceleration_half")
        return 2 * value, 2 * sigma

    @property
    def annual_amplitude(self) -> tuple[float, float]:
        """Half of the peak-to-peak of the annual term and its sigma by propagation."""
        sine, cosine, covariance = self._annual_parts()
        amplitude = math.hypot(sine, cosine)
        if amplitude == 0:
            return 0.0, math.sqrt(float(np.trace(covariance)) / 2)
        gradient = np.array([sine, cosine]) / amplitude
        return amplitude, math.sqrt(float(gradient @ covariance @ gradient))

    @property
    def annual_peak_day(self) -> tuple[float, float]:
        """Days after ``origin`` of the first maximum of the annual term (0..365.25), and its sigma."""
        sine, cosine, covariance = self._annual_parts()
        power = sine * sine + cosine * cosine
        if power == 0:
            return math.nan, math.nan
        days = (math.atan2(sine, cosine) % (2 * math.pi)) / (2 * math.pi) * DAYS_PER_YEAR
        gradient = np.array([cosine, -sine]) / power
        sigma = math.sqrt(float(gradient @ covariance @ gradient)) / (2 * math.pi) * DAYS_PER_YEAR
        return days, sigma

    def predict(self, dates: Sequence[dt.date]) -> np.ndarray:
        """Give the modelled value on dates, shape (n_dates,)."""
        modelled: np.ndarray = self.model.design_matrix(dates, self.origin) @ self.values
        return modelled

    def predict_sigma(self, dates: Sequence[dt.date]) -> np.ndarray:
        """Give one sigma of the modelled value on dates, shape (n_dates,)."""
        design = self.model.design_matrix(dates, self.origin)
        deviations: np.ndarray = np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))
        return deviations

    def _annual_parts(self) -> tuple[float, float, np.ndarray]:
        if not self.model.annual:
            raise KeyError("annual_sine")
        start = self.model.names.index("annual_sine")
        part = slice(start, start + 2)
        return float(self.values[start]), float(self.values[start + 1]), self.covariance[part, part]


def years_since(dates: Sequence[dt.date], origin: dt.date) -> np.ndarray:
    """Give the decimal years from ``origin`` to each date, shape (n_dates,).

    A date is year + (day of year - 1) / 365.25. Over a year end this differs from days / 365.25 by at most
    0.75 day; days / 365.25 would give velocities up to 0.1 % off MintPy's.
    """
    return np.array([_decimal_year(date) for date in dates], dtype=np.float64) - _decimal_year(origin)


def _decimal_year(date: dt.date) -> float:
    return date.year + (date.timetuple().tm_yday - 1) / DAYS_PER_YEAR


def _days_after(dates: Sequence[dt.date], onset: dt.date) -> np.ndarray:
    return np.array([max((date - onset).days, 0) for date in dates], dtype=np.float64)


def fit_series(
    dates: Sequence[dt.date],
    values: Any,
    model: TimeModel | None = None,
    *,
    is_excluded: Any = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    outlier_mads: float | None = None,
) -> SeriesFit:
    """Fit a model to one series by least squares.

    Parameters
    ----------
    dates, values
        Shape (n_dates,); NaN is a missing value.
    model
        Linear when None.
    is_excluded
        Shape (n_dates,), True for dates left out by hand.
    start, end
        Only dates from ``start`` to ``end`` (both included) are used.
    outlier_mads
        Leave out dates whose residual is further from the median residual than this many
        1.4826 x MAD (3 is usual), and fit again until none is left.

    Raises
    ------
    InsarError
        ``fit.not_enough_dates`` when n <= m; ``fit.undetermined`` when terms cannot be told apart with
        these dates, e.g. a step before the first date.
    """
    model = model or TimeModel()
    observed = np.asarray(values, dtype=np.float64)
    dates = tuple(dates)
    if observed.shape != (len(dates),):
        raise ValueError(f"values have shape {observed.shape}, dates are {len(dates)}")
    can_use = np.isfinite(observed)
    if is_excluded is not None:
        can_use &= ~np.asarray(is_excluded, dtype=bool)
    if start is not None:
        can_use &= np.array([date >= start for date in dates], dtype=bool)
    if end is not None:
        can_use &= np.array([date <= end for date in dates], dtype=bool)
    origin = dates[0] if dates else dt.date(1970, 1, 1)
    design = (
        model.design_matrix(dates, origin) if dates else np.empty((0, len(model.names)), dtype=np.float64)
    )
    is_used = can_use.copy()
    while True:
        parameters, covariance = _solve(design[is_used], observed[is_used], model)
        residuals = observed - design @ parameters
        if outlier_mads is None:
            break
        keeps = _within_mads(residuals, is_used, outlier_mads)
        if keeps.sum() == is_used.sum() or keeps.sum() <= len(parameters):
            break
        is_used = keeps
    return _describe(model, dates, origin, observed, parameters, covariance, residuals, is_used, can_use)


def _describe(
    model: TimeModel,
    dates: tuple[dt.date, ...],
    origin: dt.date,
    observed: np.ndarray,
    parameters: np.ndarray,
    covariance: np.ndarray,
    residuals: np.ndarray,
    is_used: np.ndarray,
    can_use: np.ndarray,
) -> SeriesFit:
    rss = float(np.sum(residuals[is_used] ** 2))
    used_values = observed[is_used]
    total = float(np.sum((used_values - used_values.mean()) ** 2))
    count = int(is_used.sum())
    used_dates = [date for date, used in zip(dates, is_used) if used]
    first_used, last_used = min(used_dates), max(used_dates)
    is_short = model.annual and (last_used - first_used).days / DAYS_PER_YEAR < SHORTEST_ANNUAL_YEARS
    return SeriesFit(
        model=model,
        origin=origin,
        values=parameters,
        covariance=covariance,
        residuals=residuals,
        is_used=is_used,
        is_outlier=can_use & ~is_used,
        rmse=math.sqrt(rss / count),
        r2=1 - rss / total if total > 0 else math.nan,
        n=count,
        first_used=first_used,
        last_used=last_used,
        warnings=("fit.short_for_annual",) if is_short else (),
    )


def _solve(design: np.ndarray, observed: np.ndarray, model: TimeModel) -> tuple[np.ndarray, np.ndarray]:
    """Solve one least-squares problem: parameters and sigma^2 (A'A)^-1 with sigma^2 = RSS / (n - m)."""
    count, size = design.shape
    if count <= size:
        raise InsarError("fit.not_enough_dates", n=count, needed=size + 1)
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    if singular[-1] <= singular[0] * 1e-10:
        raise InsarError("fit.undetermined", terms=list(model.names))
    parameters = right.T @ ((left.T @ observed) / singular)
    rss = float(np.sum((observed - design @ parameters) ** 2))
    inverse = (right.T / singular**2) @ right
    return parameters, inverse * (rss / (count - size))


def _within_mads(residuals: np.ndarray, is_used: np.ndarray, mads: float) -> np.ndarray:
    median = np.median(residuals[is_used])
    spread = MAD_TO_SIGMA * np.median(np.abs(residuals[is_used] - median))
    if spread == 0:
        return is_used.copy()
    keeps: np.ndarray = is_used & (np.abs(residuals - median) <= mads * spread)
    return keeps


def bootstrap_sigmas(
    fit: SeriesFit, dates: Sequence[dt.date], values: Any, count: int = 400, seed: int = 0
) -> np.ndarray:
    """Give the standard deviation of each parameter over resampled dates, shape (m,).

    Dates are drawn with replacement, as MintPy's ``uncertaintyQuantification = bootstrap`` does; draws that
    cannot determine the model are drawn again, at most ten times ``count``.

    Raises
    ------
    InsarError
        ``fit.undetermined`` when hardly any draw determines the model.
    """
    observed = np.asarray(values, dtype=np.float64)[fit.is_used]
    design = fit.model.design_matrix(tuple(dates), fit.origin)[fit.is_used]
    generator = np.random.default_rng(seed)
    draws: list[np.ndarray] = []
    for _ in range(10 * count):
        chosen = generator.integers(0, len(observed), len(observed))
        parameters, _, rank, singular = np.linalg.lstsq(design[chosen], observed[chosen], rcond=None)
        if rank == design.shape[1] and singular[-1] > singular[0] * 1e-8:
            draws.append(parameters)
            if len(draws) == count:
                break
    if len(draws) < count:
        raise InsarError("fit.undetermined", terms=list(fit.model.names))
    deviations: np.ndarray = np.std(draws, axis=0, ddof=1)
    return deviations


def fit_velocities(dates: Sequence[dt.date], values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Fit a straight line to many series at once.

    Parameters
    ----------
    dates
        n_dates dates.
    values
        Shape (n_dates, n); NaN is missing. A series with fewer than three values gives NaN.

    Returns
    -------
    velocity, sigma
        Shape (n,), unit of the values per year.
    """
    observed = np.asarray(values, dtype=np.float64)
    years = years_since(dates, dates[0])[:, None]
    has_value = np.isfinite(observed)
    filled = np.where(has_value, observed, 0.0)
    count = has_value.sum(axis=0)
    is_enough = count >= 3
    divisor = np.where(is_enough, count, 1)
    mean_year = (years * has_value).sum(axis=0) / divisor
    mean_value = filled.sum(axis=0) / divisor
    centred_years = np.where(has_value, years - mean_year, 0.0)
    centred_values = np.where(has_value, filled - mean_value, 0.0)
    spread = (centred_years**2).sum(axis=0)
    is_enough = is_enough & (spread > 0)
    spread = np.where(is_enough, spread, 1.0)
    velocity = (centred_years * centred_values).sum(axis=0) / spread
    rss = ((centred_values - velocity * centred_years) ** 2).sum(axis=0)
    sigma = np.sqrt(rss / np.where(is_enough, count - 2, 1) / spread)
    return np.where(is_enough, velocity, np.nan), np.where(is_enough, sigma, np.nan)


def median_and_mad(values: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give median, 1.4826 x MAD and number of values along the last axis, NaN left out.

    Parameters
    ----------
    values
        Shape (..., n).

    Returns
    -------
    median, mad, count
        Shape (...); NaN, NaN and 0 where there is no value.
    """
    observed = np.asarray(values, dtype=np.float64)
    count = np.isfinite(observed).sum(axis=-1)
    median = _finite_median(observed, count)
    mad = MAD_TO_SIGMA * _finite_median(np.abs(observed - median[..., None]), count)
    return median, mad, count


def _finite_median(values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Median over the last axis where NaN sorts last; NaN where nothing is left, without a warning."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=-1)
    low = np.maximum((count - 1) // 2, 0)[..., None]
    high = np.minimum(count // 2, values.shape[-1] - 1)[..., None]
    middle = (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1)) / 2
    return np.where(count > 0, middle[..., 0], np.nan)
