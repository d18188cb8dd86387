# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import find_product_archives, read_product_archive
from tests.makers.job_folders import BURST, GAMMA, MULTI_BURST, make_product_zip

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mexico_city" / "hyp3"


@pytest.mark.parametrize("name", [GAMMA, BURST, MULTI_BURST])
def test_a_product(tmp_path: Path, name: str) -> None:
    path = make_product_zip(tmp_path / f"{name}.zip", name, ("unw_phase", "corr", "conncomp", "inc_map_ell"))
    archive = read_product_archive(path)
    assert archive.product.name == name
    assert list(archive.members) == ["unw_phase", "corr", "conncomp", "inc_map_ell"]
    assert archive.gdal_path("corr") == f"/vsizip/{{{path}}}/{name}/{name}_corr.tif"
    assert archive.metadata_member == f"{name}/{name}.txt"
    assert archive.read_metadata().perpendicular_baseline_m == -30.3411
    assert archive.size_bytes == path.stat().st_size
    with pytest.raises(InsarError, match=r"product\.no_member"):
        archive.gdal_path("amp")


def test_non_ascii_and_blank_paths_open_in_gdal(tmp_path: Path) -> None:
    gdal = pytest.importorskip("osgeo.gdal")
    np = pytest.importorskip("numpy")
    gdal.UseExceptions()
    raster = tmp_path / "r.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(raster), 3, 2, 1, gdal.GDT_Float32)
    dataset.GetRasterBand(1).WriteArray(np.arange(6, dtype="f4").reshape(2, 3))
    dataset = None
    path = tmp_path / "Ärger mit Leerzeichen.zip {x}" / f"{GAMMA} (1) – копия.zip"
    make_product_zip(path, kinds=("corr",), content=raster.read_bytes())
    archive = read_product_archive(path)
    assert archive.product.name == GAMMA
    assert gdal.Open(archive.gdal_path("corr")).ReadAsArray().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_archive_without_a_folder(tmp_path: Path) -> None:
    archive = read_product_archive(make_product_zip(tmp_path / "x.zip", folder=""))
    assert archive.members["dem"] == f"{GAMMA}_dem.tif"
    assert archive.read_metadata().missing_for_mintpy("gamma") == []


def test_an_archive_with_several_folders_of_one_product(tmp_path: Path) -> None:
    path = make_product_zip(tmp_path / "x.zip", folder=f"old/copy/{GAMMA}/", kinds=("corr",))
    make_product_zip(path)
    make_product_zip(path, folder="__MACOSX/", kinds=("corr", "unw_phase"))
    archive = read_product_archive(path)
    assert len(archive.members) == 6
    assert all(member.startswith(f"{GAMMA}/") for member in archive.members.values())


def test_an_archive_with_several_products(tmp_path: Path) -> None:
    path = make_product_zip(tmp_path / f"{BURST}.zip", BURST)
    make_product_zip(path, GAMMA)
    assert read_product_archive(path).product.name == BURST
    other = tmp_path / "batch.zip"
    path.rename(other)
    with pytest.raises(InsarError) as caught:
        read_product_archive(other)
    assert caught.value.code == "product.several"
    assert caught.value.fields["names"] == sorted([BURST, GAMMA])


def code_of(path: Path) -> str:
    with pytest.raises(InsarError) as caught:
        read_product_archive(path)
    return caught.value.code


def test_a_truncated_zip_has_a_code_of_its_own_at_every_length(tmp_path: Path) -> None:
    whole = make_product_zip(tmp_path / f"{GAMMA}.zip").read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(0, len(whole), 100):
        path.write_bytes(whole[:length])
        assert code_of(path) == "product.truncated", length
        assert path.read_bytes() == whole[:length]


def test_a_zip_with_a_hole_in_the_middle(tmp_path: Path) -> None:
    whole = make_product_zip(tmp_path / f"{GAMMA}.zip").read_bytes()
    path = tmp_path / "hole.zip"
    path.write_bytes(whole[:200] + whole[400:])
    assert code_of(path) == "product.truncated"


def test_what_is_no_product(tmp_path: Path) -> None:
    html = tmp_path / "page.zip"
    html.write_text("<html>please log in</html>")
    assert code_of(html) == "product.not_a_zip"
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a/readme.txt", "hello")
    assert code_of(tmp_path / "other.zip") == "product.no_product"
    with zipfile.ZipFile(tmp_path / f"{GAMMA}.zip", "w"):
        pass
    assert code_of(tmp_path / f"{GAMMA}.zip") == "product.no_product"
    assert code_of(make_product_zip(tmp_path / "odd.zip", "S1XX_mine")) == "product.name"
    assert code_of(tmp_path / "absent.zip") == "file.missing"
    assert code_of(tmp_path) == "file.not_readable"


def test_missing_and_damaged_metadata(tmp_path: Path) -> None:
    archive = read_product_archive(make_product_zip(tmp_path / "x.zip", metadata=None))
    with pytest.raises(InsarError, match=r"product\.no_metadata"):
        archive.read_metadata()
    path = make_product_zip(tmp_path / "y.zip")
    archive = read_product_archive(path)
    with zipfile.ZipFile(path) as opened:
        offset = opened.getinfo(f"{GAMMA}/{GAMMA}.txt").header_offset
    data = bytearray(path.read_bytes())
    start = offset + 30 + len(f"{GAMMA}/{GAMMA}.txt")
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(InsarError, match=r"product\.damaged"):
        archive.read_metadata()


def test_finding_products(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_product_zip(two / f"{GAMMA}.zip")
    make_product_zip(one / f"{BURST}.zip", BURST)
    make_product_zip(two / f"{BURST}.zip", BURST)
    (one / f"{GAMMA}.zip").write_bytes(b"PK\x03\x04 cut")
    (one / "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D.zip").write_bytes(b"scene")
    (one / "notes.txt").write_text("no zip")
    (one / f".{GAMMA}.zip").write_bytes(b"")
    archives, problems = find_product_archives([one, two, one, tmp_path / "none"])
    assert [(archive.product.name, archive.path.parent.name) for archive in archives] == [
        (BURST, "one"),
        (GAMMA, "two"),
    ]
    assert [(path.name, error.code) for path, error in problems] == [
        (f"{GAMMA}.zip", "product.truncated"),
        ("none", "file.missing"),
    ]


def test_a_zip_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_product_zip(tmp_path / "x.zip")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert code_of(path) == "file.not_readable"


def test_the_real_products() -> None:
    if not REAL.is_dir():
        pytest.skip(f"real products are not at {REAL}")
    archives, problems = find_product_archives([REAL])
    assert (len(archives), problems) == (30, [])
    for archive in archives:
        metadata = archive.read_metadata()
        assert metadata.missing_for_mintpy(archive.product.product_type) == []
        assert metadata.lines_without_colon == ()
        assert metadata.reference_granule is not None
        assert archive.product.reference_start in metadata.reference_granule
    assert len({day for a in archives for day in (a.product.reference_date, a.product.secondary_date)}) == 13
