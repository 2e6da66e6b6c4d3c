"""Findings as small patches of attenuation with their true extent.

Masses are radial functions with a margin; all else is strokes (short segments with a Gaussian
profile): a speck is a stroke of no length, a spicule a tapering one. Lesions modelled by shape and
margin and inserted into the background follow de Sisternes L, Brankov JG, Zysk AM, et al. Med Phys
42 (2015) 1098-1118, doi 10.1118/1.4905232. Terms: ACR BI-RADS Atlas, 5th edition (2013).

Every function draws from ``rng`` alone, so that both views of a breast show the same lesion, seen
under another angle ``turn`` (radians). Lengths are pixels of an image of 256, times ``scale``.
"""

from collections.abc import Callable

import cv2
import numpy as np

Patch = tuple[np.ndarray, np.ndarray]  # attenuation float32 (n, n), extent bool (n, n); n odd


def draw(kind: str, descriptors: str, rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw the finding that ``kind`` and ``descriptors`` (of the catalogue) name."""
    terms = [term.strip() for term in descriptors.split(",")]
    if kind == "mass":
        return _mass(terms, rng, turn, scale)
    if kind == "calcification":
        return _strokes_patch(*CALCIFICATIONS[terms[0]](rng), turn, scale)
    return {"architectural_distortion": _distortion, "asymmetry": _asymmetry}[kind](
        rng, turn, scale
    )


def _axes(half: int, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates about a patch's centre, turned, each float32 (n, n), n = 2 half + 1."""
    axis = np.arange(-half, half + 1, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return c * x + s * y, c * y - s * x


def _strokes(strokes: np.ndarray, half: int, turn: float) -> np.ndarray:
    """Return the brightest of many strokes at each pixel, float32 (n, n).

    ``strokes`` is (k, 6): x0, y0, x1, y1, width (SD), brightness, in pixels about the centre.
    """
    x, y = _axes(half, turn)
    x0, y0, x1, y1, width, peak = strokes.astype(np.float32).T[:, :, None, None]
    dx, dy = x1 - x0, y1 - y0
    t = ((x - x0) * dx + (y - y0) * dy) / np.maximum(dx**2 + dy**2, 1e-6)  # (k, n, n)
    t = np.clip(t, 0, 1)
    squared = (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2
    return (peak * np.exp(-0.5 * squared / width**2)).max(axis=0)


def _hull(seed: np.ndarray) -> np.ndarray:
    """Return the convex hull of the true pixels of ``seed``, bool (n, n), one pixel wider."""
    points = cv2.findNonZero(seed.astype(np.uint8))
    filled = np.zeros(seed.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return cv2.dilate(filled, np.ones((3, 3), np.uint8)) > 0


def _strokes_patch(strokes: np.ndarray, whole: bool, turn: float, scale: float) -> Patch:
    """Draw strokes given at 256 px; the extent is their hull if ``whole``, else just beside them."""
    strokes = strokes * np.array([scale] * 5 + [1])
    strokes[:, 4] = np.maximum(strokes[:, 4], 0.5)
    half = int(np.ceil(np.hypot(strokes[:, :4:2], strokes[:, 1:4:2]).max() + 4 * scale)) + 1
    field = _strokes(strokes, half, turn)
    seed = field > 0.3 * field.max()
    if whole:
        return field, _hull(seed)
    return field, cv2.dilate(seed.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _specks(points: np.ndarray, lengths, angles, widths, peaks) -> np.ndarray:  # noqa: ANN001
    """Return strokes (k, 6) centred on ``points`` (k, 2)."""
    ends = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * np.asarray(lengths)[..., None] / 2
    columns = [np.broadcast_to(v, len(points))[:, None] for v in (widths, peaks)]
    return np.hstack([points - ends, points + ends, *columns])


def _group(rng: np.random.Generator, count: int, radius: float, gap: float) -> np.ndarray:
    """Return about ``count`` points in a disc, no two nearer than ``gap``: (k, 2)."""
    points: list[np.ndarray] = []
    for _ in range(6 * count):
        point = rng.uniform(-radius, radius, 2)
        clear = all(np.hypot(*(point - other)) > gap for other in points)
        if np.hypot(*point) < radius and clear and len(points) < count:
            points.append(point)
    return np.array(points)


def _round(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(7, 14), rng.uniform(9, 14), 4)
    return _specks(points, np.zeros(len(points)), 0.0, 0.85, rng.uniform(0.42, 0.5)), True


def _amorphous(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(16, 26), rng.uniform(9, 14), 2.5)
    k = len(points)
    return _specks(points, np.zeros(k), 0.0, rng.uniform(1.0, 1.6, k), rng.uniform(0.2, 0.3, k)), True


def _coarse_heterogeneous(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(5, 10), rng.uniform(9, 14), 6)
    k = len(points)
    parts = [
        _specks(
            points + rng.uniform(-1.3, 1.3, (k, 2)), rng.uniform(0, 3, k), rng.uniform(0, np.pi, k),
            rng.uniform(0.9, 1.4, k), rng.uniform(0.3, 0.6, k),
        )
        for _ in range(2)
    ]  # fmt: skip
    return np.vstack(parts), True


def _fine_pleomorphic(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(12, 20), rng.uniform(9, 14), 3)
    k = len(points)
    return _specks(
        points, rng.uniform(0, 4, k), rng.uniform(0, np.pi, k), rng.uniform(0.5, 0.8, k),
        rng.uniform(0.25, 0.7, k),
    ), True  # fmt: skip


def _fine_linear_branching(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Casts of a branching duct: broken thin lines in a wedge that points along +x, the nipple."""
    strokes = []
    for angle in rng.uniform(-0.45, 0.45, 4):
        point, heading = np.array([20.0, 0.0]), np.pi + angle
        for _ in range(rng.integers(4, 7)):
            heading += rng.normal(0, 0.25)
            step = np.array([np.cos(heading), np.sin(heading)])
            start = point + rng.uniform(1.5, 3) * step
            end = start + rng.uniform(2.5, 6) * step
            strokes.append([*start, *end, 0.6, rng.uniform(0.3, 0.55)])
            if rng.random() < 0.5:
                fork = heading + rng.choice([-1, 1]) * rng.uniform(0.6, 0.9)
                tip = start + rng.uniform(3, 6) * np.array([np.cos(fork), np.sin(fork)])
                strokes.append([*start, *tip, 0.6, rng.uniform(0.25, 0.5)])
            point = end
    return np.array(strokes), True


def _popcorn(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(5, 9), rng.uniform(4, 7), 2.5)
    k = len(points)
    return _specks(points, np.zeros(k), 0.0, rng.uniform(1.6, 2.6, k), rng.uniform(0.4, 0.55, k)), True


def _rim(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    angle = np.linspace(0, 2 * np.pi, 25)
    ring = rng.uniform(5, 9) * np.stack([np.cos(angle), rng.uniform(0.8, 1) * np.sin(angle)], 1)
    peaks = rng.uniform(0.4, 0.55, (24, 1))
    return np.hstack([ring[:-1], ring[1:], np.full((24, 1), 0.8), peaks]), True


def _vascular(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Two parallel broken lines along a winding artery."""
    t = np.linspace(-1, 1, 15)
    bend, phase = rng.uniform(3, 8), rng.uniform(0, 2 * np.pi)
    length = rng.uniform(22, 34)
    strokes = []
    for side in (-1.7, 1.7):
        path = np.stack([length * t, bend * np.sin(2.5 * t + phase) + side], axis=1)
        peaks = rng.uniform(0.1, 0.4, (14, 1))
        strokes.append(np.hstack([path[:-1], path[1:], np.full((14, 1), 0.6), peaks]))
    return np.vstack(strokes), False


def _rods(rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    points = _group(rng, rng.integers(5, 9), 28, 9)
    k = len(points)
    return _specks(
        points, rng.uniform(7, 13, k), rng.normal(0, 0.2, k), 1.1, rng.uniform(0.3, 0.5, k)
    ), True


CALCIFICATIONS: dict[str, Callable] = {
    "round": _round,
    "amorphous": _amorphous,
    "coarse heterogeneous": _coarse_heterogeneous,
    "fine pleomorphic": _fine_pleomorphic,
    "fine linear branching": _fine_linear_branching,
    "coarse popcorn-like": _popcorn,
    "rim": _rim,
    "vascular": _vascular,
    "large rod-like": _rods,
}


def _mass(terms: list[str], rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw a mass: r(angle) by its shape, the fall at r by its margin."""
    node = "intramammary lymph node" in terms
    radius = scale * (rng.uniform(6.5, 9) if node else rng.uniform(9, 18))
    peak = rng.uniform(0.20, 0.32)
    aspect = rng.uniform(0.62, 0.8) if "oval" in terms else rng.uniform(0.9, 1)
    x, y = _axes(int(2.6 * radius) + 2, turn)
    distance, angle = np.hypot(x, y / np.float32(aspect)), np.arctan2(y, x)
    edge = radius * (1 + _unevenness(terms, rng, angle))
    soft = 0.20 * radius if "indistinct" in terms else 0.6 * scale
    inside = 1 / (1 + np.exp(np.clip((distance - edge) / soft, -30, 30)))
    field = peak * inside * (0.75 + 0.25 * np.sqrt(np.clip(1 - (distance / edge) ** 2, 0, 1)))
    if node:  # the fatty hilum
        field -= peak * np.exp(-((x**2 + (y - 0.55 * radius * aspect) ** 2) / (0.4 * radius) ** 2))
    if "fat-containing" in terms:  # lucent, in a thin capsule
        capsule = np.exp(-0.5 * ((distance - edge + 1) / (0.9 * scale)) ** 2)
        field = peak * (1.2 * capsule - 0.55 * inside)
    extent = distance < edge
    if "spiculated" in terms:
        spicules = _strokes(_spicules(rng, 0.6 * radius, (1.3, 2.4), radius, scale), len(x) // 2, turn)
        field = np.maximum(field, spicules)
        extent |= spicules > 0.06
    return field.astype(np.float32), extent


def _unevenness(terms: list[str], rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """Return the relative departure of a mass's outline from an ellipse at ``angle``."""
    total = np.zeros_like(angle)
    if "irregular" in terms:
        for k in (2, 3, 4, 5):
            total += rng.uniform(0.06, 0.13) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    if "microlobulated" in terms:
        k = rng.integers(8, 12)
        total += 0.13 * np.abs(np.cos(0.5 * k * angle + rng.uniform(0, np.pi))) - 0.06
    return total


def _spicules(
    rng: np.random.Generator, start: float, reach: tuple[float, float], radius: float, scale: float
) -> np.ndarray:
    """Return strokes (k, 6) of thin tapering lines, from ``start`` to ``reach`` times ``radius``."""
    strokes = []
    for base in np.linspace(0, 2 * np.pi, rng.integers(14, 24), endpoint=False):
        angle, bend = base + rng.normal(0, 0.15), rng.normal(0, 0.2)
        end, width = radius * rng.uniform(*reach), scale * rng.uniform(0.5, 0.8)
        distances, angles = np.linspace(start, end, 4), angle + bend * np.linspace(0, 1, 4)
        path = distances[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for i, peak in enumerate((0.25, 0.2, 0.12)):
            strokes.append([*path[i], *path[i + 1], width, peak])
    return np.array(strokes)


def _distortion(rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw lines that converge on a point with no mass there."""
    radius = scale * rng.uniform(12, 17)
    strokes = _spicules(rng, 0.25 * radius, (1.1, 2.1), radius, scale)
    field = _strokes(strokes, int(2.2 * radius) + 2, turn)
    return field, _hull(field > 0.08)


def _asymmetry(rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw a focal asymmetry: overlapping soft lobes without an outline, fat between them."""
    radius = scale * rng.uniform(11, 17)
    x, y = _axes(int(2.2 * radius) + 2, turn)
    field = np.zeros_like(x)
    for cx, cy in rng.uniform(-0.6, 0.6, (5, 2)) * radius:
        width = radius * rng.uniform(0.3, 0.5)
        field = np.maximum(field, np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / width**2))
    return np.float32(rng.uniform(0.22, 0.32)) * field, field > 0.4
