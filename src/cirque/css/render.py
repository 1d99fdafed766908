"""Draw a scene in 3D with Mitsuba's path tracer (`scalar_rgb`, on the CPU): the same bytes again on one kind of CPU.

Materials and lights are those of CLEVR's base scene, as near as Mitsuba has them: matte rubber, colours as linear
values, a light grey ground, no sky.
"""

import functools
import importlib.metadata
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cirque import draws
from cirque.css import blobs, placement
from cirque.css.grammar import SOLIDS, Object
from cirque.css.placement import Placed, Point, Solid
from cirque.errors import CirqueError

#: As CLEVR's table, of which 2D has two brighter; read as linear values, so that they come out paler.
PAINT = {**blobs.PAINT, "red": (173, 35, 35), "green": (29, 105, 20)}

#: Bounces of light, as CLEVR's.
BOUNCES = 8

#: Of the ground, which has no material of its own in Blender.
GROUND = 0.8

#: Of rubber: how blurred its highlights are, and how strong. (Mitsuba's `roughplastic` takes 40 ms more to load.)
ROUGHNESS, SPECULAR = 0.6, 0.3

#: Loads of a scene until its lights are in order, and how many of them name the lights in one order.
MOST_LOADS, LOADS_OF_AN_ORDER = 480, 10


def version() -> str:
    """Version of the installed Mitsuba.

    Raises:
        CirqueError: it is not installed.
    """
    try:
        return importlib.metadata.version("mitsuba")
    except importlib.metadata.PackageNotFoundError as error:
        raise CirqueError(
            "the 3D pictures of CSS need Mitsuba, which is not installed: pip install mitsuba; the 2D tables run"
            " without it"
        ) from error


@functools.cache
def mitsuba() -> Any:
    """The library, with one thread; imported when the first picture is drawn.

    Raises:
        CirqueError: it is not installed, or does not start on this machine.
    """
    version()
    try:
        import drjit  # noqa: PLC0415  (an optional package, 200 MB large)
        import mitsuba as library  # noqa: PLC0415

        library.set_variant("scalar_rgb")
        drjit.set_thread_count(1)
    except (ImportError, RuntimeError, OSError) as error:
        raise CirqueError(
            f"Mitsuba {version()} does not start here ({error}); pip install --upgrade mitsuba"
        ) from error
    return library


def draw(
    scene: Sequence[Object], *, seed: int, split: str, number: int, width: int, height: int, samples: int
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The picture of an image, [height, width, 3], 0 to 255.

    Args:
        scene: its objects.
        seed: of the jitter and of the samples.
        split: train or test.
        number: of the image in its split.
        width: in pixels.
        height: in pixels.
        samples: paths of light for each pixel.

    Raises:
        CirqueError: Mitsuba is not installed or does not start.
    """
    mi = mitsuba()
    placed = placement.place(scene, seed, split, number)
    loaded = _load(placed, width, height)
    noise = draws.seed_of(seed, "css samples", split, number) & 0x7FFFFFFF
    picture = mi.Bitmap(mi.render(loaded, spp=samples, seed=noise))
    return np.array(picture.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.UInt8, srgb_gamma=True))


def _load(placed: Placed, width: int, height: int) -> Any:
    """The scene, loaded anew until its lights are in the order of their names.

    Mitsuba puts them in the order of their places in memory, which differs from load to load, and each order makes
    another picture. What is named last mostly lies first; where that does not help, other orders are tried.
    """
    mi = mitsuba()
    orders = list(itertools.permutations(sorted(("sun", *placement.LIGHTS), reverse=True)))
    for load in range(MOST_LOADS):
        lights = orders[load // LOADS_OF_AN_ORDER % len(orders)]
        scene = mi.load_dict(_described(placed, width, height, lights), parallel=False)
        names = [shape.id() for shape in scene.shapes() if shape.is_emitter()]
        if names == sorted(names):
            return scene
    raise CirqueError(
        f"Mitsuba {version()}: the lights of a scene were in no order after {MOST_LOADS} loads; run again"
    )


# ---- the scene as Mitsuba reads it ---------------------------------------------------------------------------------


def _described(placed: Placed, width: int, height: int, lights: Sequence[str]) -> dict[str, Any]:
    shapes: dict[str, Any] = {}
    for number, solid in enumerate(placed.solids):
        shapes |= {f"solid_{number}_{part}": shape for part, shape in _solid(solid).items()}
    shapes |= {f"light_{name}": _light(name, placed) for name in lights}
    return {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": BOUNCES, "hide_emitters": True},
        "sensor": {
            "type": "perspective",
            "fov": placement.FIELD_OF_VIEW,
            "fov_axis": "x",
            "to_world": _looking(placed.camera),
            "sampler": {"type": "independent"},
            "film": {
                "type": "hdrfilm",
                "width": width,
                "height": height,
                "pixel_format": "rgb",
                "rfilter": {"type": "gaussian"},
            },
        },
        "ground": {
            "type": "rectangle",
            "to_world": mitsuba().ScalarTransform4f().scale(100),
            "bsdf": {"type": "diffuse", "reflectance": _rgb([GROUND] * 3)},
        },
        **shapes,
    }


def _solid(solid: Solid) -> dict[str, dict[str, Any]]:
    """The shapes of an object: a cylinder has a lid of its own."""
    turn = mitsuba().ScalarTransform4f
    radius = solid.radius
    stand = turn().translate([solid.x, solid.y, radius]) @ turn().rotate([0, 0, 1], solid.turn) @ turn().scale(radius)
    paint = {
        "type": "principled",
        "base_color": _rgb([value / 255 for value in PAINT[solid.item.colour]]),
        "roughness": ROUGHNESS,
        "specular": SPECULAR,
    }
    kind = SOLIDS[solid.item.shape]
    if kind == "cylinder":
        return {
            "wall": {"type": "cylinder", "p0": [0, 0, -1], "p1": [0, 0, 1], "to_world": stand, "bsdf": paint},
            "lid": {"type": "disk", "to_world": stand @ turn().translate([0, 0, 1]), "bsdf": paint},
        }
    return {"body": {"type": kind, "to_world": stand, "bsdf": paint}}


def _light(name: str, placed: Placed) -> dict[str, Any]:
    """A square that shines towards the origin; the sun is one too, as wide in the sky as Blender's."""
    if name == "sun":
        place, distance = placement.SUN, math.dist(placement.SUN, (0, 0, 0))
        side = 2 * distance * math.tan(placement.SUN_ANGLE / 2)
        radiance = [placement.SUN_IRRADIANCE * distance**2 / side**2] * 3
    else:
        light = placement.LIGHTS[name]
        place, side = placed.lights[name], light.side
        radiance = [light.watts / (math.pi * side**2) * share for share in light.colour]
    return {
        "type": "rectangle",
        "to_world": _looking(place) @ mitsuba().ScalarTransform4f().scale(side / 2),
        "emitter": {"type": "area", "radiance": _rgb(radiance)},
    }


def _looking(place: Point) -> Any:
    """Stand somewhere and look at the origin."""
    return mitsuba().ScalarTransform4f().look_at(origin=list(place), target=[0, 0, 0], up=[0, 0, 1])


def _rgb(values: Sequence[float]) -> dict[str, Any]:
    return {"type": "rgb", "value": list(values)}
