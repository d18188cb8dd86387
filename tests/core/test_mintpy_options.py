# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_options import OPTION_BY_KEY, OPTIONS, option
from insarhub_qgis.core.mintpy_steps import STEP_NAMES


def _defaults_folder() -> Path:
    spec = importlib.util.find_spec("mintpy")
    if spec is None or spec.origin is None:
        pytest.skip("MintPy is not installed in this environment")
    return Path(spec.origin).parent / "defaults"


def _pairs(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(mintpy\.\S+)\s*=\s*(\S+)", path.read_text(), re.MULTILINE))


def test_the_table_has_the_keys_of_the_installed_mintpy():
    keys = _pairs(_defaults_folder() / "smallbaselineApp.cfg")
    assert len(OPTIONS) == len(OPTION_BY_KEY) == 121
    assert set(OPTION_BY_KEY) == set(keys)


def test_the_defaults_are_those_of_the_installed_mintpy():
    automatic = _pairs(_defaults_folder() / "smallbaselineApp_auto.cfg")
    assert {key: OPTION_BY_KEY[key].default for key in automatic} == automatic


@pytest.mark.parametrize("entry", OPTIONS, ids=lambda entry: entry.key)
def test_every_row_is_complete_and_accepts_its_own_default(entry):
    assert entry.help.endswith(".")
    assert len(entry.help) > 15
    assert entry.first_step in ("", *STEP_NAMES)
    entry.validate("auto")
    for value in (entry.default, *entry.choices):
        if value:
            entry.validate(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network.minCoherence", "0,7"),
        ("network.minCoherence", "1.2"),
        ("network.minCoherence", "nan"),
        ("network.coherenceBased", "maybe"),
        ("network.excludeDate", "2018-01-06"),
        ("network.excludeDate", "20181301"),
        ("network.excludeDate12", "20180130_20180106"),
        ("network.excludeDate12", "20180106"),
        ("networkInversion.weightFunc", "variance"),
        ("networkInversion.minNumPixel", "1.5"),
        ("subset.yx", "10:5,0:20"),
        ("subset.yx", "10-50,0-20"),
        ("reference.yx", "12.5,3"),
        ("reference.lalo", "north"),
        ("timeFunc.exp", "20110311"),
        ("timeFunc.periodic", "annual"),
        ("compute.numWorker", "0"),
        ("compute.numWorker", "120%"),
        ("geocode.SNWE", "1,2,3"),
        ("load.unwFile", "/jobs/a#b/clip/*.tif"),
        ("deramp", ""),
        ("deramp", "linear\nmintpy.plot = no"),
    ],
)
def test_an_invalid_value_is_refused_with_the_reason(name, value):
    with pytest.raises(InsarError) as caught:
        option(f"mintpy.{name}").validate(value)
    assert caught.value.code == "mintpy.option_invalid"
    assert caught.value.fields["key"] == f"mintpy.{name}"
    assert caught.value.fields["reason"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network.excludeDate", "20180106,20180130"),
        ("network.excludeDate12", "20180106_20180130 20180106_20180211"),
        ("network.excludeIfgIndex", "1:5,25"),
        ("network.tempBaseMax", "no"),
        ("reference.yx", "13,10"),
        ("reference.lalo", "31.8,-130.8"),
        ("reference.date", "20180130"),
        ("timeFunc.exp", "20110311,60;20170908,120"),
        ("timeFunc.periodic", "1,0.5"),
        ("timeFunc.stepDate", "20120928T1733"),
        ("topographicResidual.excludeDate", "exclude_date.txt"),
        ("subset.lalo", "19.36:19.45,-99.19:-99.05"),
        ("geocode.SNWE", "-1.2,0.5,-92,-91"),
        ("compute.numWorker", "80%"),
        ("networkInversion.shadowMask", "false"),
    ],
)
def test_what_mintpy_reads_is_accepted(name, value):
    option(f"mintpy.{name}").validate(value)


def test_effective_values():
    assert option("mintpy.deramp").effective("auto") == "no"
    assert option("mintpy.deramp").effective(None) == "no"
    assert option("mintpy.plot").effective("True") == "yes"
    assert option("mintpy.plot").effective("off") == "no"
    assert option("mintpy.network.minCoherence").effective("0.5") == "0.5"


def test_an_unknown_key_is_named():
    with pytest.raises(InsarError) as caught:
        option("mintpy.nothing")
    assert caught.value.code == "mintpy.option_unknown"
