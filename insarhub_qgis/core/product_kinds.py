# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds of raster that a HyP3 product holds: suffix, quantity, unit and sign."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProductKind:
    """One kind of raster inside a product.

    Attributes
    ----------
    key
        Stable name, also the value of the KINDS parameter of ``insarhub:loadproducts``.
    quantity
        English name of the quantity, as in layer names.
    unit
        Unit of the stored values; empty for classes and ratios.
    sign
        What a positive value means; empty where the sign carries no meaning.
    is_primary
        Shown first in View Data; the others stand under More.
    """

    key: str
    quantity: str
    unit: str = ""
    sign: str = ""
    is_primary: bool = False

    @property
    def suffix(self) -> str:
        return f"_{self.key}.tif"


#: In the order of View Data.
PRODUCT_KINDS: tuple[ProductKind, ...] = (
    ProductKind("unw_phase", "unwrapped phase", "rad", "+ away", is_primary=True),
    ProductKind("corr", "coherence", is_primary=True),
    ProductKind("dem", "elevation", "m", is_primary=True),
    ProductKind("lv_theta", "look vector elevation", "rad", "above horizontal", is_primary=True),
    ProductKind("lv_phi", "look vector azimuth", "rad", "counter-clockwise from east", is_primary=True),
    ProductKind("water_mask", "water mask", is_primary=True),
    ProductKind("conncomp", "connected components"),
    ProductKind("wrapped_phase", "wrapped phase", "rad"),
    ProductKind("amp", "amplitude"),
    ProductKind("los_disp", "line-of-sight displacement", "m", "+ toward satellite"),
    ProductKind("vert_disp", "vertical displacement", "m", "+ up"),
    ProductKind("inc_map", "incidence angle", "rad"),
    ProductKind("inc_map_ell", "incidence angle to the ellipsoid", "rad"),
)

KIND_BY_KEY: dict[str, ProductKind] = {kind.key: kind for kind in PRODUCT_KINDS}
