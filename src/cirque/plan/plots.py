"""Plots of the configuration: which there are, and what each draws."""

from collections.abc import Mapping
from typing import Any

from cirque.plan import composers, jobs

Config = Mapping[str, Any]


def names(config: Config) -> list[str]:
    """Every plot of the configuration whose data are there."""
    missing = config.get("missing", {})
    return [
        name
        for name, entry in config.get("plots", {}).items()
        if not set(entry.get("scores", {})) & set(missing.get("benchmarks", {}))
        and not set(trained_methods(config, name) if "methods" in entry else ()) & set(missing.get("methods", {}))
        and (len(decoded(config, name)) == len(entry["methods"]) if "benchmark" in entry else True)
        and all(jobs.runs(config, table) for table in entry.get("tables", []))
        and (has_css(config) if "n_scenes" in entry else True)
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


def decoded(config: Config, plot: str) -> dict[str, dict[str, str]]:
    """The composer of each method of a plot whose features it shows as pictures, as wildcard values.

    It is that of the method's first run on the plot's benchmark that a table lists; a method without one is left out.
    """
    entry = config["plots"][plot]
    if "benchmark" not in entry:
        return {}
    runs = [run for table in jobs.tables(config) for run in jobs.runs(config, table)]
    found: dict[str, dict[str, str]] = {}
    for method in entry["methods"]:
        own = (run for run in runs if (run["benchmark"], run["method"]) == (entry["benchmark"], method))
        first = next(own, None)
        if first is not None:
            found[method] = composers.composer(config, first)
    return found


def css_image_sets(config: Config, view: str) -> list[str]:
    """Image sets of CSS, of train and of test, that show its scenes in 2d or 3d; those that are described."""
    of_split = {entry["split"]: name for name, entry in config["image_sets"].items() if entry["dataset"] == "css"}
    return [of_split[split] for split in (f"train_{view}", f"test_{view}") if split in of_split]


def has_css(config: Config) -> bool:
    """Whether both splits of CSS are described in both views, and no benchmark lacks data of it."""
    lacking = config.get("missing", {}).get("benchmarks", {})
    return all(len(css_image_sets(config, view)) == 2 for view in ("2d", "3d")) and not any(
        config["benchmarks"][name]["dataset"] == "css" for name in lacking
    )


def settings(config: Config, plot: str) -> dict[str, Any]:
    """A plot's entry, without the tables, which are given as files; with the networks, where it draws their times.

    One that shows features as pictures takes the pictures' headings by the name of each composer, and the scale.
    """
    entry = config["plots"][plot]
    if "benchmark" in entry:
        labels = {
            composer["method"]: config["methods"][method]["label"] for method, composer in decoded(config, plot).items()
        }
        return {"labels": labels, "scale": config["scale"], "comparable": config["comparable"]}
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
