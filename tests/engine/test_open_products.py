# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of zips becomes a job folder: pairs, scenes, baselines, options; every bad zip is named."""

from __future__ import annotations

import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.product_archive import find_product_archives
from insarhub_qgis.core.requests import OpenProducts
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import scene_start
from insarhub_qgis.engine import open_products
from tests.makers.products import DATES, ProductSpec, chain, truncate, write_chain, write_product

MEXICO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mexico_city"


def open_folder(products: Path, job: Path) -> dict:
    return open_products.run(OpenProducts(str(products), str(job)), RunContext())


def excluded_codes(result: dict) -> dict[str, str]:
    return {Path(entry["file"]).name: entry["code"] for entry in result["excluded"]}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_gamma_products_become_a_job(tmp_path: Path) -> None:
    paths = write_chain(tmp_path / "zips")
    result = open_folder(tmp_path / "zips", tmp_path / "job")
    assert (result["pair_count"], result["product_count"], result["excluded"]) == (5, 5, [])
    assert (result["direction"], result["looks"]) == ("ASCENDING", "20x4")
    # (36013 - 73) % 175 + 1
    assert result["path"] == 66
    job = JobFolder(tmp_path / "job")
    config = job.read_config()
    assert config["downloader"] == {
        "type": "S1_SLC",
        "config": {
            "start": "2021-01-04",
            "end": "2021-02-09",
            "relativeOrbit": 66,
            "flightDirection": "ASCENDING",
        },
    }
    assert config["processor"] == {"type": "Hyp3_S1", "config": {"looks": "20x4"}}
    assert "analyzer" not in config
    stack = job.read_stack()
    assert job.stack_file().name == "stack_p0_f0.json"
    assert stack.scenes[0] == "S1A_IW_SLC__1SDV_20210104T004006_20210104T004006_036013_0221EC_770D"
    # Pair baselines were made as 10 (j^2 - i^2).
    assert [stack.baselines[name] for name in stack.scenes] == pytest.approx([0, 10, 40, 90])
    assert all(stack.baseline_of(pair) > 0 for pair in stack.pairs)
    cache = json.loads((tmp_path / "job" / ".insarhub_cache.json").read_text())
    assert cache["out_dir"] == (tmp_path / "zips").as_posix()
    assert sorted(cache["filenames"]) == sorted(path.name for path in paths)
    assert not list((tmp_path / "job").rglob("*.zip"))


@pytest.mark.parametrize(("product_type", "granule_count"), [("burst", 1), ("multi_burst", 2)])
def test_burst_products_become_a_job(tmp_path: Path, product_type: str, granule_count: int) -> None:
    write_chain(tmp_path, product_type)
    result = open_folder(tmp_path, tmp_path)
    assert result["pair_count"] == 5
    # Burst 136231 and the multi-burst's own name agree on the path.
    assert result["path"] == 64
    job = JobFolder(tmp_path)
    assert job.read_config().stage_type("downloader") == "S1_Burst"
    scene = job.read_stack().scenes[0]
    assert scene == "S1_136231_IW2_20210104T004006_VV_7C85-BURST"
    bursts = job.read_config().own.get("bursts", {})
    if granule_count == 2:
        assert bursts[scene] == [scene, "S1_136232_IW2_20210104T004009_VV_7C85-BURST"]
    else:
        assert bursts == {}


@pytest.mark.parametrize(
    "first", [date(2021, 1, 4), date(2021, 1, 31), date(2020, 2, 28), date(2020, 12, 31)]
)
def test_passes_over_midnight_are_one_date_each(tmp_path: Path, first: date) -> None:
    """In the middle and at the end of a month, on a leap day, and at the end of a year."""
    dates = [first + timedelta(days=12 * index) for index in range(3)]
    specs = chain("multi_burst", dates, start_time="235958")
    for spec in specs:
        write_product(tmp_path, spec)
    day_after = dates[1] + timedelta(days=1)
    assert f"_{dates[0]:%Y%m%d}_{day_after:%Y%m%d}_" in specs[0].name
    result = open_folder(tmp_path, tmp_path)
    assert result["excluded"] == []
    assert result["dates"] == [day.isoformat() for day in dates]
    assert (result["pair_count"], result["pairs_without_product"]) == (3, [])
    stack = JobFolder(tmp_path).read_stack()
    assert [scene_start(name) for name in stack.scenes] == [f"{day:%Y%m%d}T235958" for day in dates]
    before = contents(tmp_path)
    assert open_folder(tmp_path, tmp_path)["pair_count"] == 3
    assert contents(tmp_path) == before


def test_bursts_of_two_passes_are_no_acquisition(tmp_path: Path) -> None:
    """The name fits the last burst, but no pass lasts for days."""

    class TwoPasses(ProductSpec):
        def granules(self, day: date) -> str:
            return f"{super().granules(day - timedelta(days=6))}, {super().granules(day)}"

    good = write_chain(tmp_path, "multi_burst")
    bad = write_product(tmp_path, TwoPasses(DATES[0], DATES[3], product_type="multi_burst"))
    result = open_folder(tmp_path, tmp_path)
    assert result["pair_count"] == len(good)
    assert excluded_codes(result) == {bad.name: "product.metadata_disagrees"}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    open_folder(tmp_path / "zips", tmp_path / "job")
    before = contents(tmp_path / "job")
    open_folder(tmp_path / "zips", tmp_path / "job")
    assert contents(tmp_path / "job") == before


def test_opening_again_adds_new_pairs_and_keeps_edits(tmp_path: Path) -> None:
    specs = chain()
    for spec in specs[:3]:
        write_product(tmp_path / "zips", spec)
    open_folder(tmp_path / "zips", tmp_path / "job")
    job = JobFolder(tmp_path / "job")
    stack = job.read_stack()
    removed = stack.pairs[0]
    job.write_stack(stack.with_pairs(stack.pairs[1:]))
    aoi = "POLYGON((-99.1 19.4,-99.0 19.4,-99.0 19.3,-99.1 19.4))"
    job.write_config_section(
        "downloader", {"config": {"intersectsWith": aoi, "theirs": 1, "start": "2020-12-01"}}
    )
    job.write_config_section("processor", {"config": {"looks": "10x2"}})
    for spec in specs[3:]:
        write_product(tmp_path / "zips", spec)
    result = open_folder(tmp_path / "zips", tmp_path / "job")
    pairs = [pair.pair_id for pair in job.read_stack().pairs]
    assert len(pairs) == 4
    assert removed.pair_id not in pairs
    assert excluded_codes(result) == {f"{specs[0].name}.zip": "product.pair_removed"}
    options = job.read_config().stage_options("downloader")
    assert (options["intersectsWith"], options["theirs"], options["start"]) == (aoi, 1, "2020-12-01")
    assert job.read_config().stage_options("processor")["looks"] == "10x2"


def test_stack_of_a_search_keeps_its_pairs_and_baselines(tmp_path: Path) -> None:
    specs = chain()
    write_chain(tmp_path)
    names = [spec.granules(DATES[index]) for index, spec in enumerate([specs[0]] * 4)]
    document = {
        "pairs": [[names[0], names[1]], [names[1], names[2]]],
        "baselines": {names[0]: 0.0, names[1]: 11.5},
        "scenes": names,
        "foreign": {"kept": True},
    }
    (tmp_path / "stack_p66_f60.json").write_text(json.dumps(document))
    result = open_folder(tmp_path, tmp_path)
    stack = JobFolder(tmp_path).read_stack()
    assert result["pair_count"] == 2
    assert set(excluded_codes(result).values()) == {"product.not_in_stack"}
    assert [pair.pair_id for pair in stack.pairs] == ["20210104_20210116", "20210116_20210128"]
    assert stack.baselines[names[1]] == 11.5
    # Least squares of the two unknown scenes over (0,2)=40, (1,2)=30, (1,3)=80, (2,3)=50 with the known two held.
    assert stack.baselines[names[2]] == pytest.approx(40.9)
    assert json.loads((tmp_path / "stack_p66_f60.json").read_text())["foreign"] == {"kept": True}


def test_unknown_baseline_stays_unknown(tmp_path: Path) -> None:
    write_product(tmp_path, ProductSpec(DATES[0], DATES[1], baseline_m=12.0))
    write_product(tmp_path, ProductSpec(DATES[1], DATES[2], baseline_m=None))
    result = open_folder(tmp_path, tmp_path)
    stack = JobFolder(tmp_path).read_stack()
    assert list(excluded_codes(result).values()) == ["product.metadata_incomplete"]
    assert set(stack.baselines) == {stack.scenes[0], stack.scenes[1]}


def test_scenes_beyond_a_gap_have_no_baseline(tmp_path: Path) -> None:
    write_product(tmp_path, ProductSpec(DATES[0], DATES[1], baseline_m=12.0))
    write_product(tmp_path, ProductSpec(DATES[2], DATES[3], baseline_m=7.0))
    open_folder(tmp_path, tmp_path)
    stack = JobFolder(tmp_path).read_stack()
    assert {name[17:25]: value for name, value in stack.baselines.items()} == {
        "20210104": 0.0,
        "20210116": 12.0,
    }
    assert len(stack.scenes) == 4


def test_every_bad_zip_is_named_and_the_rest_opened(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    good = write_chain(folder)
    cut = write_product(folder, ProductSpec(DATES[0], DATES[3]))
    truncate(cut)
    (folder / "letter.zip").write_bytes(b"no zip at all")
    with zipfile.ZipFile(folder / "holiday.zip", "w") as package:
        package.writestr("picture.txt", "hello")
    bare = write_product(folder, ProductSpec(DATES[0], DATES[4], has_metadata=False))
    empty = write_product(folder, ProductSpec(DATES[1], DATES[4], kinds=("unw_phase", "dem")))
    zone = write_product(folder, ProductSpec(DATES[2], DATES[4], epsg=32613))
    grid = write_product(folder, ProductSpec(DATES[3], DATES[4], shift_px=0.3))
    track = write_product(folder, ProductSpec(DATES[0], DATES[4], orbit_offset=7))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = open_folder(folder, tmp_path / "job")
    assert result["pair_count"] == len(good)
    assert excluded_codes(result) == {
        cut.name: "product.truncated",
        "letter.zip": "product.not_a_zip",
        "holiday.zip": "product.no_product",
        bare.name: "product.no_metadata",
        empty.name: "product.incomplete",
        zone.name: "product.other_crs",
        grid.name: "product.other_lattice",
        track.name: "product.other_track",
    }
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_of_two_products_of_a_pair_the_newer_is_kept(tmp_path: Path) -> None:
    import os

    write_chain(tmp_path)
    old = write_product(tmp_path, ProductSpec(DATES[0], DATES[3], unique="a"))
    new = write_product(tmp_path, ProductSpec(DATES[0], DATES[3], unique="b"))
    os.utime(old, (1_600_000_000, 1_600_000_000))
    result = open_folder(tmp_path, tmp_path)
    assert excluded_codes(result) == {old.name: "product.duplicate_pair"}
    assert result["excluded"][0]["fields"]["kept"] == new.stem


def test_of_two_frames_of_a_pair_the_usual_one_is_kept(tmp_path: Path) -> None:
    write_chain(tmp_path)
    spec = chain()[0]
    next_frame = write_product(
        tmp_path, ProductSpec(spec.reference, spec.secondary, start_time="004031", baseline_m=spec.baseline_m)
    )
    result = open_folder(tmp_path, tmp_path)
    assert excluded_codes(result) == {next_frame.name: "product.duplicate_pair"}


def test_hyp3_sub_folder_is_read(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips" / "hyp3")
    result = open_folder(tmp_path / "zips", tmp_path / "job")
    assert result["pair_count"] == 5
    assert JobFolder(tmp_path / "job").product_folders()[-1] == tmp_path / "zips" / "hyp3"


def test_other_track_does_not_enter_a_job(tmp_path: Path) -> None:
    write_chain(tmp_path / "one")
    open_folder(tmp_path / "one", tmp_path / "job")
    before = contents(tmp_path / "job")
    write_chain(tmp_path / "other", orbit_offset=7)
    with pytest.raises(InsarError) as caught:
        open_folder(tmp_path / "other", tmp_path / "job")
    assert caught.value.code == "open.no_usable_product"
    (reason,) = caught.value.fields["reasons"]
    assert (reason["code"], reason["count"]) == ("product.other_track", 5)
    assert contents(tmp_path / "job") == before


def test_non_ascii_and_blank_paths(tmp_path: Path) -> None:
    products, job = tmp_path / "Días de [prueba] 1", tmp_path / "目 录 ñ"
    write_chain(products)
    assert open_folder(products, job)["pair_count"] == 5
    assert JobFolder(job).product_folders()[-1] == products


def test_errors_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InsarError, match=r"folder\.missing"):
        open_folder(tmp_path / "nowhere", tmp_path / "job")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InsarError, match=r"open\.no_zips"):
        open_folder(tmp_path / "empty", tmp_path / "job")
    write_chain(tmp_path / "zips")
    job = tmp_path / "isce"
    JobFolder(job).write_config_section("processor", {"type": "ISCE_S1", "config": {}})
    with pytest.raises(InsarError, match=r"open\.other_processor"):
        open_folder(tmp_path / "zips", job)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "insarhub_config.json").write_text('{"downloader": ')
    with pytest.raises(InsarError, match=r"file\.malformed"):
        open_folder(tmp_path / "zips", broken)
    assert [path.name for path in broken.iterdir()] == ["insarhub_config.json"]
    assert not (tmp_path / "job").exists()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InsarError) as caught:
        open_folder(tmp_path / "zips", tmp_path / "file" / "job")
    assert caught.value.code in ("file.write_failed", "file.not_writable")


def test_cancel_leaves_nothing_behind(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    asked = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        open_products.run(
            OpenProducts(str(tmp_path / "zips"), str(tmp_path / "job")), RunContext(is_cancelled=is_cancelled)
        )
    assert not (tmp_path / "job").exists()


@pytest.mark.skipif(not MEXICO.is_dir(), reason="real data not present beside the project")
def test_real_products_of_mexico_city(tmp_path: Path) -> None:
    result = open_folder(MEXICO / "hyp3", tmp_path / "job")
    truth = json.loads((MEXICO / "stack.json").read_text())
    stack = JobFolder(tmp_path / "job").read_stack()
    assert (result["pair_count"], result["path"], result["direction"]) == (30, 5, "ASCENDING")
    assert list(stack.scenes) == [scene["name"] for scene in truth["scenes"]]
    for scene in truth["scenes"]:
        assert stack.baselines[scene["name"]] == pytest.approx(scene["perpendicular_baseline_m"], abs=1e-3)


def test_products_in_both_folders_are_found_again(tmp_path: Path) -> None:
    specs = chain()
    for index, spec in enumerate(specs):
        write_product(tmp_path / "zips" / ("hyp3" if index % 2 else ""), spec)
    assert open_folder(tmp_path / "zips", tmp_path / "job")["pair_count"] == 5
    archives, problems = find_product_archives(JobFolder(tmp_path / "job").product_folders())
    assert {archive.product.name for archive in archives} == {spec.name for spec in specs}
    assert problems == []
