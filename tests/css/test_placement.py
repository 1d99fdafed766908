import itertools
import math

import numpy as np
import pytest

from cirque.css import grammar, placement
from cirque.css.grammar import Object

ASPECT = 180 / 120
GRID = [Object("rectangle", "red", "large", grammar.centre(cell)) for cell in range(9)]


def test_the_camera_sees_the_grid_as_its_cells_are_named():
    for number in range(50):
        placed = placement.place(GRID, 0, "train", number)
        seen = [placement.projected(placed.camera, (s.x, s.y, s.radius), ASPECT) for s in placed.solids]
        rows, columns = np.array(seen).reshape(3, 3, 2).transpose(2, 0, 1)
        assert (np.diff(rows.mean(1)) > 0.12).all()
        assert (np.diff(columns, axis=1) > 0.1).all()


def test_no_object_is_cut_off_wherever_the_jitter_puts_it():
    for number in range(100):
        placed = placement.place(GRID, 0, "train", number)
        for solid in placed.solids:
            half = solid.radius
            around = half * math.sqrt(2)  # a cube in any turn
            for turn, z in itertools.product(range(0, 360, 30), (0.0, 2 * half)):
                angle = math.radians(turn)
                corner = (solid.x + around * math.cos(angle), solid.y + around * math.sin(angle), z)
                assert all(0 < side < 1 for side in placement.projected(placed.camera, corner, ASPECT))


def test_objects_never_touch():
    for number in range(100):
        solids = placement.place(GRID, 0, "test", number).solids
        for one, other in itertools.combinations(solids, 2):
            assert math.dist((one.x, one.y), (other.x, other.y)) > 2 * 0.7 * math.sqrt(2) - 1e-9


def test_the_camera_without_jitter_sees_the_origin_in_the_middle():
    assert placement.projected(placement.CAMERA, (0, 0, 0), ASPECT) == pytest.approx((0.5, 0.5))
    away, right = placement.AWAY, placement.RIGHT
    assert right == pytest.approx((0.656, 0.754), abs=0.001)
    for columns, reach in ((0.5, 0.0), (0.74, 2.3)):
        point = (0.4 * away[0] + reach * right[0], 0.4 * away[1] + reach * right[1], 0.5)
        assert placement.projected(placement.CAMERA, point, ASPECT) == pytest.approx((0.41, columns), abs=0.03)


def test_the_jitter_belongs_to_the_image_and_stays_in_its_bounds():
    placed = [placement.place(GRID, 5, "train", number) for number in range(200)]
    assert placed == [placement.place(GRID, 5, "train", number) for number in range(200)]
    others = (placement.place(GRID, 6, "train", 0), placement.place(GRID, 5, "test", 0), placed[1])
    assert all(other != placed[0] for other in others)
    shifts = np.abs([np.subtract(one.camera, placement.CAMERA) for one in placed])
    assert 0.45 < shifts.max() <= 0.5
    for name, light in placement.LIGHTS.items():
        shifts = np.abs([np.subtract(one.lights[name], light.place) for one in placed])
        assert 0.9 < shifts.max() <= 1.0


def test_an_added_object_moves_no_light_and_no_camera():
    few, more = (placement.place(GRID[:n], 5, "train", 0) for n in (2, 3))
    assert few.camera == more.camera
    assert few.lights == more.lights
    assert few.solids == more.solids[:2]
