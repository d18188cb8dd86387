# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.mintpy_steps import (
    STEP_BY_NAME,
    STEP_NAMES,
    enabled_steps,
    failure_cause,
    fatal_warning,
    final_series_name,
    in_order,
    last_traceback_line,
    parse_percent,
    steps_after,
    wrote,
)


def _values(text: str) -> dict[str, str]:
    return MintpyConfig(text).effective_values()


def test_the_steps_are_those_of_the_installed_mintpy():
    template = pytest.importorskip("mintpy.defaults.template")
    assert [*template.STEP_LIST, "plot"] == list(STEP_NAMES)


def test_steps_that_options_switch_on():
    plain = enabled_steps(
        _values(
            "mintpy.load.processor = hyp3\nmintpy.troposphericDelay.method = no\nmintpy.plot = no\nmintpy.save.kmz = no"
        )
    )
    assert plain == [
        "load_data", "modify_network", "reference_point", "quick_overview", "invert_network",
        "correct_topography", "residual_RMS", "reference_date", "velocity",
    ]  # fmt: skip
    assert "geocode" in enabled_steps(_values("mintpy.load.processor = isce"))
    assert "geocode" not in enabled_steps(_values("mintpy.load.processor = hyp3"))
    no_residual = enabled_steps(_values("mintpy.topographicResidual = no"))
    assert "residual_RMS" not in no_residual
    assert "reference_date" not in no_residual
    assert "reference_date" in enabled_steps(
        _values("mintpy.topographicResidual = no\nmintpy.reference.date = 20180106")
    )


def test_the_final_series_carries_all_corrections():
    text = "mintpy.solidEarthTides = yes\nmintpy.troposphericDelay.method = gacos\nmintpy.deramp = linear"
    assert final_series_name(_values(text)) == "timeseries_SET_GACOS_ramp_demErr.h5"
    assert final_series_name(_values("")) == "timeseries_ERA5_demErr.h5"


@pytest.mark.parametrize(
    ("file", "step"),
    [
        ("timeseries.h5", "invert_network"),
        ("timeseries_ERA5_ramp.h5", "deramp"),
        ("timeseries_ERA5_ramp_demErr.h5", "correct_topography"),
        ("timeseriesResidual.h5", "correct_topography"),
        ("timeseriesResidual_ramp.h5", "residual_RMS"),
        ("exclude_date.txt", "residual_RMS"),
        ("coherenceSpatialAvg.txt", "modify_network"),
        ("velocityERA5.h5", "velocity"),
        ("inputs/ERA5.h5", "load_data"),
        ("geo/geo_velocity.h5", "geocode"),
    ],
)
def test_each_result_belongs_to_a_step(file, step):
    owners = [name for name in STEP_NAMES if wrote(STEP_BY_NAME[name], file)]
    assert step in owners
    assert len(owners) == (2 if file == "inputs/ERA5.h5" else 1)


def test_files_of_the_user_belong_to_no_step():
    for file in (
        "velocity.tif",
        "notes.txt",
        "mask.h5",
        ".mintpy.cfg",
        "inputs/notes.txt",
        "exports/velocity.h5",
    ):
        assert not any(wrote(step, file) for step in STEP_BY_NAME.values())


def test_what_a_repeated_step_outdates():
    assert steps_after(["quick_overview"]) == ["quick_overview"]
    assert steps_after(["velocity"])[:2] == ["velocity", "geocode"]
    assert steps_after(["invert_network"])[0] == "invert_network"
    assert "quick_overview" not in steps_after(["invert_network"])
    assert "quick_overview" in steps_after(["reference_point"])


def test_a_step_that_is_none():
    with pytest.raises(InsarError) as caught:
        in_order(["velocity", "invert"])
    assert caught.value.code == "analysis.unknown_step"


def test_progress_of_real_output():
    assert parse_percent("[=>                       3%                       ] 1/30    0s /     0s") == 3
    assert parse_percent("[>                                                 ]") == 0
    assert parse_percent("[==================================================] 30/30    0s /     0s") == 100
    assert parse_percent("[########                                ] | 20% Completed |  1.2s") == 20
    assert parse_percent("number of pixels to invert: 18240 out of 18338 (99.5%)") is None
    assert parse_percent("box: [0, 0, 87, 106]") is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (
            "RuntimeError: Not enough reliable pixels (minimum of 100). Try the following:",
            "analysis.too_few_pixels",
        ),
        (
            "Exception: Zero interferogram left! Please adjust your setting and try again.",
            "analysis.no_pair_left",
        ),
        ("    Input network of interferograms is not fully connected!", "analysis.network_split"),
        (
            "RuntimeError: No pixel with average spatial coherence > 0.85 are found for automatic",
            "analysis.no_reference_pixel",
        ),
        ("OSError: [Errno 28] No space left on device", "disk.full"),
        (
            "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://cds",
            "era5.key_rejected",
        ),
        ("403 Client Error: Forbidden: required licences not accepted", "era5.licence"),
        (
            "ConnectionError: HTTPSConnectionPool(host='cds.climate.copernicus.eu'): Max retries",
            "era5.unreachable",
        ),
        (
            "WARNING: NOT all input unwrapped interferograms have the same row/column number!",
            "analysis.size_mismatch",
        ),
    ],
)
def test_known_causes(line, code):
    found = failure_cause(["before", line, ""])
    assert found is not None
    assert found[0] == code


def test_fields_of_a_cause_and_unknown_ones():
    assert failure_cause(["Not enough reliable pixels (minimum of 250)."]) == (
        "analysis.too_few_pixels",
        {"pixels": "250"},
    )
    assert failure_cause(["KeyError: 'x'"]) is None
    lines = ["Traceback (most recent call last):", '  File "x.py", line 3', "KeyError: 'x'", ""]
    assert last_traceback_line(lines) == "KeyError: 'x'"


def test_a_warning_that_drops_data_is_fatal_others_are_not():
    assert (
        fatal_warning("WARNING: NOT all types of dataset have the same number of files.")
        == "analysis.files_missing"
    )
    assert fatal_warning("WARNING: the network is NOT fully connected.") is None
