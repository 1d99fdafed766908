"""Plots of the configuration: which there are, and what each draws."""

from collections.abc import Mapping
from typing import Any

from cirque.plan import jobs

Config = Mapping[str, Any]


def names(config: Config) -> list[str]:
    """Every plot of the configuration whose data are there."""
    missing = config.get("missing", {})
    return [
        name
        for name, entry in config.get("plots", {}).items()
        if not set(entry.get("scores", {})) & set(missing.get("benchmarks", {}))
        and not set(trained_methods(config, name) if "methods" in entry else ()) & set(missing.get("methods", {}))
        and all(jobs.runs(config, table) for table in entry.get("tables", []))
    ]


def trained_methods(config: Config, plot: str) -> dict[str, str]:
    """The network φ of each method of a plot that is in all tables and has a trained one."""
    named = [method for method in config["plots"][plot]["methods"] if method in config["run"]["methods"]]
    found = {method: jobs.needs(config, method).get("phi", "") for method in named}
    return {
        method: network
        for method, network in found.items()
        if network and config["networks"][network]["source"] == "trained"
    }


def settings(config: Config, plot: str) -> dict[str, Any]:
    """A plot's entry, without the tables, which are given as files; with the networks, where it draws their times."""
    entry = config["plots"][plot]
    settings = {key: value for key, value in entry.items() if key not in ("methods", "tables")}
    return {**settings, "networks": trained_methods(config, plot)} if "clock" in entry else settings


def trainings(config: Config, plot: str) -> list[dict[str, str]]:
    """Every training (network, backbone, seed) whose time a plot draws, as wildcard values."""
    if "clock" not in config["plots"][plot]:
        return []
    return [
        {"network": network, "backbone": backbone, "seed": str(seed)}
        for network in dict.fromkeys(trained_methods(config, plot).values())
        for backbone in config["run"]["backbones"]
        for seed in config["run"]["seeds"]
    ]
