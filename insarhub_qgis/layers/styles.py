# SPDX-License-Identifier: GPL-2.0-or-later
"""Styles as data: one row per kind of raster in ``styles/layer_styles.json``, one function that makes the renderer.

Stored values stay as they are (metres, m/yr, radians); the row's factor makes the shown unit in legends and texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsBilinearRasterResampler,
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsPalettedRasterRenderer,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRasterRange,
    QgsRasterRenderer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

STYLE_FILE = Path(__file__).parent.parent / "styles" / "layer_styles.json"


@dataclass(frozen=True)
class LayerStyle:
    """One row of the style table.

    Attributes
    ----------
    kind
        Key of the row: a product kind (``unw_phase``) or a kind of result (``velocity``).
    quantity, unit, sign
        As in layer names; ``unit`` is the shown one.
    stored_unit, factor
        shown value = stored value x ``factor``.
    low_means, high_means
        What the two ends of a diverging ramp stand for, in words.
    colors
        Ramp from low to high, empty for classes.
    classes
        (value, colour, label), empty for ramps.
    range_rule
        ``rule`` and its parameters, in stored units and percents.
    undeclared_nodata
        Value that means "no data" where the file declares none.
    zero_is_missing
        MintPy marks pixels that were not inverted with 0.
    is_relative
        Values are relative to a reference pixel, so they can be re-referenced.
    """

    kind: str
    quantity: str
    unit: str = ""
    stored_unit: str = ""
    factor: float = 1.0
    decimals: int = 2
    sign: str = ""
    low_means: str = ""
    high_means: str = ""
    colors: tuple[str, ...] = ()
    classes: tuple[tuple[int, str, str], ...] = ()
    range_rule: dict[str, Any] = field(default_factory=dict)
    resampling: str = "nearest"
    undeclared_nodata: float | None = None
    zero_is_missing: bool = False
    is_relative: bool = False

    @property
    def bracket(self) -> str:
        """Unit and sign as they stand in layer names, e.g. ``[mm/yr, + toward satellite]``; may be empty."""
        parts = [part for part in (self.unit, self.sign) if part]
        return f"[{', '.join(parts)}]" if parts else ""

    def value_text(self, value: float) -> str:
        """Text of a stored value in the shown unit, with the sign spelled out: ``3.42 rad (+ away)``."""
        for number, _, label in self.classes:
            if value == number:
                return f"{number} ({label})" if label != str(number) else label
        text = f"{self.number_text(value)} {self.unit}".strip() if not self.classes else f"{value:g}"
        return f"{text} ({self.sign})" if self.sign else text

    def number_text(self, value: float) -> str:
        text = f"{value * self.factor:.{self.decimals}f}"
        return text[1:] if text.startswith("-") and not text.strip("-0.") else text


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(STYLE_FILE.read_text(encoding="utf-8"))
    return tables


@cache
def style_for(kind: str) -> LayerStyle:
    """Give the style row of a kind; an unknown kind gets the neutral row ``other``."""
    tables = _tables()
    row = dict(tables["styles"].get(kind) or tables["styles"]["other"])
    ramp = row.pop("ramp", None)
    classes = row.pop("classes", None)
    return LayerStyle(
        kind=kind,
        colors=tuple(tables["ramps"][ramp]) if ramp else (),
        classes=tuple((int(c[0]), str(c[1]), str(c[2])) for c in tables["classes"][classes])
        if classes
        else (),
        range_rule=row.pop("range", {}),
        **row,
    )


def needs_sample(style: LayerStyle) -> bool:
    """Tell whether the range depends on the values, so that some have to be read."""
    return style.range_rule.get("rule") in ("symmetric", "from_zero", "percentiles")


def value_range(style: LayerStyle, sample: np.ndarray | None) -> tuple[float, float]:
    """Give the ends of the ramp in stored units.

    Parameters
    ----------
    sample
        Values of any shape; non-finite ones are ignored. May be empty or None. Classes have no range.
    """
    rule = style.range_rule
    name = rule.get("rule")
    if name is None:
        return 0.0, 1.0
    if name == "fixed":
        return float(rule["low"]), float(rule["high"])
    values = np.empty(0) if sample is None else np.asarray(sample)[np.isfinite(sample)]
    if name == "percentiles":
        if values.size == 0:
            return 0.0, 1.0
        low, high = (float(v) for v in np.percentile(values, [rule["low"], rule["high"]]))
        return (low, high) if high > low else (low, low + 1.0)
    top = float(np.percentile(np.abs(values), rule["percentile"])) if values.size else 0.0
    top = max(top, float(rule["minimum"]))
    return (-top, top) if name == "symmetric" else (0.0, top)


def make_renderer(
    style: LayerStyle, provider: QgsRasterDataProvider, band: int, low: float, high: float
) -> QgsRasterRenderer:
    """Make the renderer of a style: a ramp from ``low`` to ``high`` (stored units), or classes."""
    if style.classes:
        return QgsPalettedRasterRenderer(
            provider,
            band,
            [
                QgsPalettedRasterRenderer.Class(float(v), QColor(color), label)
                for v, color, label in style.classes
            ],
        )
    colors = [QColor(color) for color in style.colors]
    positions = np.linspace(0.0, 1.0, len(colors))
    stops = [QgsGradientStop(float(p), c) for p, c in zip(positions[1:-1], colors[1:-1])]
    shader_function = QgsColorRampShader(low, high, QgsGradientColorRamp(colors[0], colors[-1], False, stops))
    shader_function.setColorRampType(QgsColorRampShader.Type.Interpolated)
    shader_function.setColorRampItemList(
        [
            QgsColorRampShader.ColorRampItem(value, color, _legend_text(style, value))
            for value, color in zip((low + (high - low) * float(p) for p in positions), colors)
        ]
    )
    shader_function.setLegendSettings(_legend_settings(style, low, high))
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(shader_function)
    renderer = QgsSingleBandPseudoColorRenderer(provider, band, shader)
    renderer.setClassificationMin(low)
    renderer.setClassificationMax(high)
    return renderer


def apply_style(layer: QgsRasterLayer, style: LayerStyle, band: int, low: float, high: float) -> None:
    """Set renderer, resampling and, where the file declares none, the nodata value."""
    provider = layer.dataProvider()
    if style.undeclared_nodata is not None and not provider.sourceHasNoDataValue(band):
        value = style.undeclared_nodata
        provider.setUserNoDataValue(band, [QgsRasterRange(value, value)])
    layer.setRenderer(make_renderer(style, provider, band, low, high))
    if style.resampling == "bilinear":
        layer.resampleFilter().setZoomedInResampler(QgsBilinearRasterResampler())


def shown_range(layer: QgsRasterLayer) -> tuple[float, float] | None:
    """Give the ends of a layer's ramp in stored units; None for classes."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsSingleBandPseudoColorRenderer):
        return None
    return renderer.classificationMin(), renderer.classificationMax()


def _legend_text(style: LayerStyle, value: float) -> str:
    return f"{style.number_text(value)} {style.unit}".strip()


def _legend_settings(style: LayerStyle, low: float, high: float) -> QgsColorRampLegendNodeSettings:
    """Labels at the two ends, in the shown unit and with the meaning of the sign in words."""
    settings = QgsColorRampLegendNodeSettings()
    settings.setUseContinuousLegend(True)
    plus = "+" if style.low_means else ""
    low_text, high_text = _legend_text(style, low), f"{plus}{_legend_text(style, high)}"
    settings.setMinimumLabel(f"{low_text} ({style.low_means})" if style.low_means else low_text)
    settings.setMaximumLabel(f"{high_text} ({style.high_means})" if style.high_means else high_text)
    return settings
