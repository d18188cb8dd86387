# SPDX-License-Identifier: GPL-2.0-or-later
"""The one module that imports asf_search: pages of a search, products of kept items, baselines of a stack.

Each rule here answers a pitfall of asf_search 14.1.0; the tests show one by one what happens without it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asf_search
import requests
from asf_search.baseline import calc
from asf_search.search.search_generator import as_ASFProduct, search_generator

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.progress import IsCancelled, never_cancelled
from insarhub_qgis.engine.archive_http import ArchiveAdapter

# It would post the user's area and filters to a host of ASF at each error.
asf_search.REPORT_ERRORS = False

# Each baseline reads the same times again; reading them once makes a table of 300 scenes four times as fast.
calc.parse_datetime = lru_cache(maxsize=65_536)(calc.parse_datetime)


@dataclass(frozen=True)
class Page:
    """One page of a search: UMM items, and how many the archive counts for the whole query (None: not told)."""

    items: list[dict[str, Any]]
    hits: int | None


def search_pages(
    options: Mapping[str, Any],
    endpoints: Endpoints,
    is_cancelled: IsCancelled = never_cancelled,
    log: Callable[..., None] | None = None,
) -> Iterator[Page]:
    """Run one query and give its pages as they come.

    A session of its own serves each query: the library leaves the place of its last page in the headers, and a
    search that starts with them gives nothing.

    Parameters
    ----------
    options
        Keywords of `asf_search.search`, such that they make one query: no list with several entries except the
        ones that the library sends as lists.

    Raises
    ------
    InsarError
        Codes of `ArchiveAdapter.send`; ``search.area_refused``: the library does not take the area;
        ``archive.bad_answer``: JSON of another shape.
    """
    hits: list[int | None] = [None]

    def note_hits(response: requests.Response) -> None:
        if response.status_code == 200:
            value = response.json()
            count = value.get("hits") if isinstance(value, dict) else None
            if not isinstance(count, int) or not isinstance(value.get("items"), list):
                raise InsarError("archive.bad_answer", reason="no hits and items")
            hits[0] = count

    session = open_session(endpoints, is_cancelled, log, note_hits)
    try:
        for results in search_generator(opts=asf_search.ASFSearchOptions(session=session, **options)):
            items = [{"meta": product.meta, "umm": product.umm} for product in results]
            yield Page(items, hits[0])
            if not items:
                # An empty page with a place for the next one would go on for ever.
                return
    except asf_search.ASFWKTError as error:
        raise InsarError("search.area_refused", reason=str(error)[:200]) from error
    except asf_search.ASFError as error:
        raise InsarError("archive.bad_answer", reason=str(error)[:300]) from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InsarError("archive.bad_answer", reason=f"{type(error).__name__}: {error}"[:300]) from error
    finally:
        session.close()


def open_session(
    endpoints: Endpoints,
    is_cancelled: IsCancelled = never_cancelled,
    log: Callable[..., None] | None = None,
    on_answer: Callable[[requests.Response], None] | None = None,
) -> asf_search.ASFSession:
    """Give a session for public searches: no login, no ``.netrc``, one transport for all hosts."""
    session = asf_search.ASFSession()
    # Sessions with equal headers count as equal in the library, whatever their adapters, and the default one
    # would take the place of ours.
    session.headers["User-Agent"] = f"{session.headers['User-Agent']}; insarhub-qgis/{plugin_version()}"
    session.auth = _no_login
    session.rebuild_auth = _no_login_after_redirect
    adapter = ArchiveAdapter(endpoints, is_cancelled, log, on_answer)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from taking a login out of ``.netrc``, which it does for sessions without one."""
    return request


def _no_login_after_redirect(request: requests.PreparedRequest, response: requests.Response) -> None:
    """Keep the library from doing the same after a redirect."""
    request.headers.pop("Authorization", None)


@dataclass(frozen=True)
class BaselineRow:
    """Baselines of later scenes seen from one; ``is_known``: that one has state vectors itself."""

    is_known: bool
    values_m: list[int | None]


def perpendicular_baselines(items: Sequence[Mapping[str, Any]]) -> Iterator[BaselineRow]:
    """Compute the baselines of a stack pairwise, without network.

    Parameters
    ----------
    items
        UMM items in chronological order.

    Yields
    ------
    row
        For each item in turn the baselines of the items after it, seen from it: whole metres, signed as asf_search
        defines them; None where a state vector is missing or the value exceeds 100 km.
    """
    products = [_product_of(item) for item in items]
    for index, reference in enumerate(products):
        later = products[index + 1 :]
        if reference is None:
            yield BaselineRow(False, [None] * len(later))
            continue
        usable = [reference, *(product for product in later if product is not None)]
        calc.calculate_perpendicular_baselines(reference.properties["sceneName"], usable)
        # Copied out at once: the next call writes over the values on the shared products.
        yield BaselineRow(True, [_value_of(product) for product in later])


def _value_of(product: Any) -> int | None:
    value = None if product is None else product.properties.get("perpendicularBaseline")
    return None if value is None else int(value)


def _product_of(item: Mapping[str, Any]) -> Any:
    """Build the library's product of an item; None when it lacks what a baseline needs."""
    try:
        product = as_ASFProduct({"meta": item.get("meta", {}), "umm": item["umm"]}, _OFFLINE_SESSION)
        baseline = product.baseline
        positions = baseline["stateVectors"]["positions"]
        velocities = baseline["stateVectors"]["velocities"]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
    needed = (*positions.values(), *velocities.values(), baseline["ascendingNodeTime"])
    has_centre = None not in (product.properties.get("centerLat"), product.properties.get("centerLon"))
    return product if positions and has_centre and None not in needed else None


_OFFLINE_SESSION = asf_search.ASFSession()


@contextmanager
def library_log(log: Callable[..., None]) -> Iterator[None]:
    """Send what the library logs and warns about to ``log(text, level)``, for who looks for details.

    What matters in it is said in our own sentences; its advice about reports goes to authors of programs.
    """

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log(record.getMessage()[:500], "debug")

    handler = Handler(logging.WARNING)
    asf_search.ASF_LOGGER.addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            asf_search.ASF_LOGGER.removeHandler(handler)
            for text in sorted({str(warning.message) for warning in caught}):
                log(text[:500], "debug")
