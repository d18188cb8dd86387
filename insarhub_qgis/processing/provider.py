# SPDX-License-Identifier: GPL-2.0-or-later
"""The Processing provider ``insarhub``: one line per algorithm."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingModelAlgorithm, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from insarhub_qgis.host.paths import icon_path, plugin_version
from insarhub_qgis.processing.add_jobs import AddJobs
from insarhub_qgis.processing.best_season import BestSeason
from insarhub_qgis.processing.check_forecast import CheckForecast
from insarhub_qgis.processing.check_network import CheckNetwork
from insarhub_qgis.processing.coherence_statistics import CoherenceStatistics
from insarhub_qgis.processing.download_hyp3 import DownloadHyp3
from insarhub_qgis.processing.expected_coherence import ExpectedCoherence
from insarhub_qgis.processing.export_footprint import ExportFootprint
from insarhub_qgis.processing.export_points import ExportPoints
from insarhub_qgis.processing.export_results import ExportResults
from insarhub_qgis.processing.fetch_decay_maps import FetchDecayMaps
from insarhub_qgis.processing.hyp3_credits import Hyp3Credits
from insarhub_qgis.processing.load_products import LoadProducts
from insarhub_qgis.processing.longest_baseline import LongestBaseline
from insarhub_qgis.processing.network_coherence import NetworkCoherence
from insarhub_qgis.processing.network_to_layers import NetworkToLayers
from insarhub_qgis.processing.open_products import OpenProducts
from insarhub_qgis.processing.prepare_analysis import PrepareAnalysis
from insarhub_qgis.processing.refresh_hyp3 import RefreshHyp3
from insarhub_qgis.processing.retry_hyp3 import RetryHyp3
from insarhub_qgis.processing.run_analysis import RunAnalysis
from insarhub_qgis.processing.sample_time_series import SampleTimeSeries
from insarhub_qgis.processing.score_pairs import ScorePairs
from insarhub_qgis.processing.search_scenes import SearchScenes
from insarhub_qgis.processing.select_pairs import SelectPairs
from insarhub_qgis.processing.submit_hyp3 import SubmitHyp3
from insarhub_qgis.processing.suggest_bridges import SuggestBridges
from insarhub_qgis.processing.watch_hyp3 import WatchHyp3
from insarhub_qgis.processing.zonal_time_series import ZonalTimeSeries

ALGORITHMS = (
    SearchScenes,
    AddJobs,
    SelectPairs,
    CheckNetwork,
    SuggestBridges,
    NetworkToLayers,
    ScorePairs,
    CheckForecast,
    SubmitHyp3,
    RefreshHyp3,
    RetryHyp3,
    DownloadHyp3,
    WatchHyp3,
    Hyp3Credits,
    FetchDecayMaps,
    ExpectedCoherence,
    LongestBaseline,
    BestSeason,
    NetworkCoherence,
    CoherenceStatistics,
    OpenProducts,
    LoadProducts,
    PrepareAnalysis,
    RunAnalysis,
    ExportResults,
    ExportFootprint,
    ExportPoints,
    SampleTimeSeries,
    ZonalTimeSeries,
)

MODELS_FOLDER = Path(__file__).parent / "models"


class InsarHubProvider(QgsProcessingProvider):
    """All algorithms of the plugin and the models that ship with it."""

    def id(self) -> str:
        return "insarhub"

    def name(self) -> str:
        return "InSARHub"

    def longName(self) -> str:
        return f"InSARHub {plugin_version()}"

    def icon(self) -> QIcon:
        return QIcon(str(icon_path("insarhub")))

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        for path in sorted(MODELS_FOLDER.glob("*.model3")):
            model = QgsProcessingModelAlgorithm()
            if model.fromFile(str(path)):
                self.addAlgorithm(model)
