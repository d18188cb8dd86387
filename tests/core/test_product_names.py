# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from datetime import date

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_metadata import ProductMetadata
from insarhub_qgis.core.product_names import ProductName
from tests.makers.job_folders import BURST, GAMMA, METADATA, MULTI_BURST


def test_gamma_name() -> None:
    name = ProductName.parse(GAMMA)
    assert name.product_type == "gamma"
    assert (name.reference_date, name.secondary_date) == (date(2018, 1, 6), date(2018, 1, 30))
    assert (name.reference_start, name.secondary_start) == ("20180106T004006", "20180130T004005")
    assert (name.polarization, name.orbit, name.pixel_spacing_m) == ("VV", "P", 80)
    assert (name.is_water_masked, name.is_entire, name.swath, name.unique_id) == (False, True, "F", "3BEA")
    assert (name.reference_platform, name.secondary_platform) == ("S1A", "S1A")
    assert name.pair_id == "20180106_20180130"
    assert name.temporal_baseline_days == 24


def test_burst_names() -> None:
    burst = ProductName.parse(BURST)
    assert (burst.product_type, burst.pair_id, burst.swath, burst.path) == (
        "burst",
        "20170411_20170517",
        "1",
        None,
    )
    assert burst.is_water_masked is None
    assert burst.reference_start is None
    multi = ProductName.parse(MULTI_BURST)
    assert (multi.product_type, multi.path, multi.pair_id) == ("multi_burst", 64, "20200604_20200616")
    assert multi.bursts == "000000s1n00-136231s2n02-000000s3n00"


@pytest.mark.parametrize(
    "text",
    [
        "S1AC_20180106T004006_20190130T004005_HHR0389_INT20_G_wc2_00ff",
        "S1BB_20180106T004006_20180130T004005_VVO024_INT40_G_ueF_3BEA",
        "/a folder/S1DA_20180106T004006_20180130T004005_VVP024_INT80_G_weF_3BEA.zip",
        "C:\\x\\S1_213524_IW3_20170411_20170517_VH_INT20_8E81.ZIP",
    ],
)
def test_other_spacings_platforms_and_paths(text: str) -> None:
    assert ProductName.parse(text).name in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "readme.zip",
        GAMMA[:-1],
        GAMMA + "0",
        GAMMA + "_corr",
        GAMMA.replace("20180106", "20181306"),
        GAMMA.replace("VVP", "XXP"),
        GAMMA.replace("S1AA", "S1EA"),
        BURST.replace("IW1", "IW4"),
        "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D.zip",
    ],
)
def test_no_product_names(text: str) -> None:
    with pytest.raises(InsarError, match=r"product\.name"):
        ProductName.parse(text)


def test_name_at_the_start_of_a_raster() -> None:
    found = ProductName.at_start_of(f"{GAMMA}_unw_phase_clip.tif")
    assert found is not None
    assert found.name == GAMMA
    assert ProductName.at_start_of("x" + GAMMA) is None


# --- the .txt ---


def test_metadata_of_a_product() -> None:
    metadata = ProductMetadata.parse(METADATA)
    assert metadata.reference_granule is not None
    assert metadata.reference_granule.endswith("_770D")
    assert metadata.perpendicular_baseline_m == -30.3411
    assert metadata.get("UTC TIME") == "2421.890880"
    assert metadata.missing_for_mintpy("gamma") == []
    assert metadata.text == METADATA


def test_case_and_blanks_of_keys_do_not_matter() -> None:
    metadata = ProductMetadata.parse("REFERENCE  granule : a\r\nbaseline:\t7\r\n")
    assert metadata.reference_granule == "a"
    assert metadata.perpendicular_baseline_m == 7.0


def test_missing_and_unreadable_values() -> None:
    text = METADATA.replace("Baseline: -30.3411", "Baseline: nan").replace(
        "Heading: -12.2742586\n", "\nHeading\n"
    )
    text = text.replace("Unwrapping type: mcf", "Unwrapping type:").replace("Reference Granule", "Granule")
    metadata = ProductMetadata.parse(text)
    assert metadata.perpendicular_baseline_m is None
    assert metadata.reference_granule is None
    assert metadata.missing_for_mintpy("gamma") == [
        "Heading",
        "Unwrapping type",
        "Baseline",
        "Reference Granule",
    ]
    assert metadata.missing_for_mintpy("burst") == ["Heading", "Unwrapping type", "Baseline"]
    assert metadata.lines_without_colon == (6, 7)
