# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the engine: request class and the function that answers, imported on use."""

from __future__ import annotations

from insarhub_qgis.core import requests
from insarhub_qgis.engine.command_table import CommandTable

COMMANDS = CommandTable(
    {
        requests.CheckEnvironment: "insarhub_qgis.engine.environment:check",
        requests.CreateEnvironment: "insarhub_qgis.engine.environment:create",
        requests.OpenProducts: "insarhub_qgis.engine.open_products:run",
        requests.PrepareAnalysis: "insarhub_qgis.engine.prepare_analysis:run",
        requests.RunAnalysis: "insarhub_qgis.engine.mintpy_run:run",
        requests.StackFacts: "insarhub_qgis.engine.stack_facts:run",
        requests.CleanUp: "insarhub_qgis.engine.clean_up:run",
        requests.ExportResults: "insarhub_qgis.engine.export_results:run",
        requests.ExportFootprint: "insarhub_qgis.engine.export_footprint:run",
        requests.ExportPoints: "insarhub_qgis.engine.export_points:run",
        requests.SampleSeries: "insarhub_qgis.engine.sample_series:run",
        requests.ZonalSeries: "insarhub_qgis.engine.zonal_series:run",
        requests.IndexSeries: "insarhub_qgis.engine.index_series:run",
        requests.CopyDataset: "insarhub_qgis.engine.copy_dataset:run",
        requests.SearchScenes: "insarhub_qgis.engine.search:run",
        requests.OpenSearchAnswer: "insarhub_qgis.engine.search:open_answer",
        requests.AddJobs: "insarhub_qgis.engine.add_jobs:run",
        requests.ComputeBaselines: "insarhub_qgis.engine.baselines:run",
        requests.BuildPairDatabase: "insarhub_qgis.engine.pair_quality:run",
        requests.ReweightPairDatabase: "insarhub_qgis.engine.pair_quality:reweight",
        requests.CheckForecast: "insarhub_qgis.engine.forecast_check:run",
        requests.FetchDecayMaps: "insarhub_qgis.engine.decay_maps:run",
        requests.DeriveFromDecay: "insarhub_qgis.engine.decay_derived:run",
        requests.ZonalDecay: "insarhub_qgis.engine.decay_derived:statistics",
        requests.RefreshHyp3: "insarhub_qgis.engine.hyp3_refresh:run",
        requests.DownloadHyp3: "insarhub_qgis.engine.hyp3_download:run",
        requests.WatchHyp3: "insarhub_qgis.engine.hyp3_watch:run",
        requests.Hyp3Account: "insarhub_qgis.engine.hyp3_account:run",
        requests.PlanHyp3: "insarhub_qgis.engine.hyp3_plan:run",
        requests.SubmitHyp3: "insarhub_qgis.engine.hyp3_submit:run",
        requests.RetryHyp3: "insarhub_qgis.engine.hyp3_retry:run",
    }
)
