"""Findings as small patches of attenuation with their true extent.

Masses are radial functions with a margin; all else is strokes (short segments with a Gaussian
profile): a speck is a stroke of no length, a spicule a tapering one. Lesions modelled by shape and
margin and inserted into the background follow de Sisternes L, Brankov JG, Zysk AM, et al. Med Phys
42 (2015) 1098-1118, doi 10.1118/1.4905232. Terms: ACR BI-RADS Atlas, 5th edition (2013).

Every function draws from ``rng`` alone, so that both views of a breast show the same lesion, seen
under another angle ``turn`` (radians). Lengths are pixels of an image of 256, times ``scale``.
"""

from typing import NamedTuple

import cv2
import numpy as np

Patch = tuple[np.ndarray, np.ndarray]  # attenuation float32 (n, n), extent bool (n, n); n odd


def draw(kind: str, descriptors: str, rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw the finding that ``kind`` and ``descriptors`` (of the catalogue) name."""
    terms = [term.strip() for term in descriptors.split(",")]
    if kind == "mass":
        return _mass(terms, rng, turn, scale)
    if kind == "calcification":
        return _calcification(terms[0], rng, turn, scale)
    soft = {"architectural_distortion": _distortion, "asymmetry": _asymmetry}
    return soft[kind](rng, turn, scale)


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


def _unit(angle: np.ndarray | float) -> np.ndarray:
    """Return vectors (..., 2) of length 1."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _along(path: np.ndarray, width: float, peaks: np.ndarray | tuple) -> np.ndarray:
    """Return the strokes (k, 6) that join the points (k + 1, 2) of a path."""
    return np.column_stack([path[:-1], path[1:], np.full(len(peaks), width), peaks])


def _extent(pixels: np.ndarray, hull: bool = True) -> np.ndarray:
    """Return the convex hull of the true pixels, or these, one pixel wider: bool (n, n)."""
    extent = pixels.astype(np.uint8)
    if hull:
        corners = cv2.convexHull(cv2.findNonZero(extent))
        extent = cv2.fillConvexPoly(np.zeros_like(extent), corners, 1)
    return cv2.dilate(extent, np.ones((3, 3), np.uint8)) > 0


def _calcification(name: str, rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw calcifications; their extent is the hull, but of a winding vessel the vessel itself."""
    strokes = _group(GROUPS[name], rng) if name in GROUPS else DRAWN[name](rng)
    strokes = strokes * np.array([scale] * 5 + [1])
    strokes[:, 4] = np.maximum(strokes[:, 4], 0.5)
    half = int(np.abs(strokes[:, :4]).max() * 2**0.5 + 4 * scale) + 2
    field = _strokes(strokes, half, turn)
    return field, _extent(field > 0.3 * field.max(), hull=name != "vascular")


class Group(NamedTuple):
    """Separate particles: ranges of their number, of the group's radius, and of each particle."""

    count: tuple[int, int]
    radius: tuple[float, float]
    gap: float  # least distance of two particles
    length: tuple[float, float]  # 0: a round speck
    width: tuple[float, float]  # SD across
    peak: tuple[float, float]
    angle: float = np.pi  # SD of the direction about +x
    parts: int = 1  # strokes that make up a particle


GROUPS = {
    "round": Group((7, 13), (9, 14), 4, (0, 0), (0.8, 0.9), (0.42, 0.5)),
    "amorphous": Group((16, 25), (9, 14), 2.5, (0, 0), (1.0, 1.6), (0.2, 0.3)),
    "coarse heterogeneous": Group((5, 9), (9, 14), 6, (0, 3), (0.9, 1.4), (0.3, 0.6), parts=2),
    "fine pleomorphic": Group((12, 19), (9, 14), 3, (0, 4), (0.5, 0.8), (0.25, 0.7)),
    "coarse popcorn-like": Group((6, 10), (4, 8), 2.5, (0, 1), (1.6, 2.6), (0.4, 0.55)),
    "large rod-like": Group((5, 8), (28, 28), 9, (7, 13), (1.0, 1.2), (0.3, 0.5), angle=0.2),
}


def _group(group: Group, rng: np.random.Generator) -> np.ndarray:
    """Return the strokes (k, 6) of a group of calcifications."""
    radius, count = rng.uniform(*group.radius), rng.integers(*group.count, endpoint=True)
    centres: list[np.ndarray] = []
    for point in rng.uniform(-radius, radius, (8 * count, 2)):
        clear = all(np.hypot(*(point - centre)) > group.gap for centre in centres)
        if clear and np.hypot(*point) < radius and len(centres) < count:
            centres.append(point)
    points = np.repeat(centres, group.parts, axis=0)
    k = len(points)
    points = points + rng.uniform(-1.3, 1.3, (k, 2)) * (group.parts > 1)
    angles = rng.normal(0, group.angle, k)
    ends = _unit(angles) * rng.uniform(*group.length, (k, 1)) / 2
    shape = rng.uniform(*group.width, (k, 1)), rng.uniform(*group.peak, (k, 1))
    return np.hstack([points - ends, points + ends, *shape])


def _fine_linear_branching(rng: np.random.Generator) -> np.ndarray:
    """Casts of a branching duct: broken thin lines in a wedge that points along +x, the nipple."""
    strokes = []
    for angle in rng.uniform(-0.45, 0.45, 4):
        point, heading = np.array([20.0, 0.0]), np.pi + angle
        for _ in range(rng.integers(4, 7)):
            heading += rng.normal(0, 0.25)
            start = point + rng.uniform(1.5, 3) * _unit(heading)
            end = start + rng.uniform(2.5, 6) * _unit(heading)
            strokes.append([*start, *end, 0.6, rng.uniform(0.3, 0.55)])
            if rng.random() < 0.5:
                fork = heading + rng.choice([-1, 1]) * rng.uniform(0.6, 0.9)
                tip = start + rng.uniform(3, 6) * _unit(fork)
                strokes.append([*start, *tip, 0.6, rng.uniform(0.25, 0.5)])
            point = end
    return np.array(strokes)


def _rim(rng: np.random.Generator) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 25)
    ring = rng.uniform(5, 9) * np.stack([np.cos(angle), rng.uniform(0.8, 1) * np.sin(angle)], 1)
    return _along(ring, 0.8, rng.uniform(0.4, 0.55, 24))


def _vascular(rng: np.random.Generator) -> np.ndarray:
    """Two parallel broken lines along a winding artery."""
    t = np.linspace(-1, 1, 15)
    bend, phase, length = rng.uniform([3, 0, 22], [8, 2 * np.pi, 34])
    y = bend * np.sin(2.5 * t + phase)
    walls = [np.stack([length * t, y + side], axis=1) for side in (-1.7, 1.7)]
    return np.vstack([_along(wall, 0.6, rng.uniform(0.1, 0.4, 14)) for wall in walls])


DRAWN = {"fine linear branching": _fine_linear_branching, "rim": _rim, "vascular": _vascular}


def _mass(terms: list[str], rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw a mass: r(angle) by its shape, the fall at r by its margin."""
    node = "intramammary lymph node" in terms
    radius = scale * (rng.uniform(6.5, 9) if node else rng.uniform(9, 18))
    peak = rng.uniform(0.22, 0.34)
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
        lines = _spicules(rng, 0.6 * radius, (1.3, 2.4), radius, scale)
        spicules = _strokes(lines, len(x) // 2, turn)
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
    """Return strokes (k, 6) of thin tapering lines that end at ``reach`` times ``radius``."""
    strokes = []
    for base in np.linspace(0, 2 * np.pi, rng.integers(14, 24), endpoint=False):
        angle, bend = base + rng.normal(0, 0.15), rng.normal(0, 0.2)
        end, width = radius * rng.uniform(*reach), scale * rng.uniform(0.5, 0.8)
        distances, angles = np.linspace(start, end, 4), angle + bend * np.linspace(0, 1, 4)
        path = distances[:, None] * _unit(angles)
        strokes.append(_along(path, width, (0.25, 0.2, 0.12)))
    return np.vstack(strokes)


def _distortion(rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw lines that converge on a point with no mass there."""
    radius = scale * rng.uniform(12, 17)
    strokes = _spicules(rng, 0.25 * radius, (1.1, 2.1), radius, scale)
    field = 0.85 * _strokes(strokes, int(2.2 * radius) + 2, turn)
    return field, _extent(field > 0.07)


def _asymmetry(rng: np.random.Generator, turn: float, scale: float) -> Patch:
    """Draw a focal asymmetry: overlapping soft lobes without an outline, fat between them."""
    radius = scale * rng.uniform(11, 17)
    x, y = _axes(int(2.2 * radius) + 2, turn)
    field = np.zeros_like(x)
    for cx, cy in rng.uniform(-0.6, 0.6, (5, 2)) * radius:
        width = radius * rng.uniform(0.3, 0.5)
        field = np.maximum(field, np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / width**2))
    return np.float32(rng.uniform(0.22, 0.32)) * field, field > 0.4
