# SPDX-License-Identifier: GPL-2.0-or-later
"""Logins in files of other programs, and pages that a service may name."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.earthdata_pages import PROFILE_PAGE, trusted_page
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.login_files import netrc_file, read_credit_pool, read_netrc


def test_a_credit_pool(tmp_path):
    file = tmp_path / ".credit_pool"
    file.write_bytes("\ufeff# accounts\r\n\r\nanna:pass:with:colons \r\n  # off:x\n otto:wörd\n".encode())
    assert read_credit_pool(file) == [("anna", "pass:with:colons "), ("otto", "wörd")]
    file.write_text("")
    assert read_credit_pool(file) == []


@pytest.mark.parametrize("line", ["anna", ":secret", "anna:", "secret secret"])
def test_a_line_that_is_no_login_is_named_by_its_number_only(tmp_path, line):
    file = tmp_path / ".credit_pool"
    file.write_text(f"otto:x\n{line}\n")
    with pytest.raises(InsarError) as caught:
        read_credit_pool(file)
    assert (caught.value.code, caught.value.fields["line"]) == ("login_file.not_readable", 2)
    assert "secret" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"anna:\xff\xfe\n")
    with pytest.raises(InsarError) as caught:
        read_credit_pool(file)
    assert caught.value.code == "login_file.not_readable"


def test_the_netrc_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    assert netrc_file() == tmp_path / ".netrc"
    (tmp_path / "_netrc").write_text("machine urs.earthdata.nasa.gov login anna password any\n")
    assert netrc_file() == tmp_path / "_netrc"
    assert read_netrc(netrc_file()) == ("anna", "any")
    monkeypatch.setenv("NETRC", str(tmp_path / "mine"))
    assert netrc_file() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("https://urs.earthdata.nasa.gov/approve_app?client_id=x", True),
        ("https://hyp3-docs.asf.alaska.edu/using/", True),
        ("http://urs.earthdata.nasa.gov/", False),
        ("https://urs.earthdata.nasa.gov.evil.example/", False),
        ("https://evilearthdata.nasa.gov/", False),
        ("https://urs.earthdata.nasa.gov@evil.example/", False),
        ("https://urs.earthdata.nasa.gov:8443/", False),
        ("https://evil.example/urs.earthdata.nasa.gov", False),
        ("https://urs.earthdata.nasa.gov\\@evil.example/", False),
        ("https://urs.earthdata.nasa.gov", True),
        ("https://urs.earthdata.nasa.gov?x=1", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_pages_of_the_services_are_opened(address, is_trusted):
    assert trusted_page(address, PROFILE_PAGE) == (address if is_trusted else PROFILE_PAGE)
