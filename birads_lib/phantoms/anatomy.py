"""The breast without findings: outline, pectoral muscle, parenchyma, strands, and the exposure.

Sources:

- Anatomical background of mammograms as power-law noise, spectrum 1/f^beta with beta about 3:
  Burgess AE, Jacobson FL, Judy PF. Med Phys 28 (2001) 419-437, doi 10.1118/1.1355308.
- Its main alternative, clustered lumpy backgrounds, not used here: Bochud FO, Abbey CK,
  Eckstein MP. Opt Express 4 (1999) 33-42, doi 10.1364/OE.4.000033.
- Stochastic anatomy by parts, with glands, ligaments and ducts: Bakic PR, Albert M, Brzakovic D,
  Maidment ADA. Med Phys 29 (2002) 2131-2139, doi 10.1118/1.1501143; Graff CG. Proc SPIE 9783 (2016)
  978309, doi 10.1117/12.2216312, used by the VICTRE trial: Badano A, et al. JAMA Netw Open 1 (2018)
  e185474, doi 10.1001/jamanetworkopen.2018.5474.

Lengths are fractions of the image's side; x runs from the chest wall (the left edge, as a left
breast hangs) to the nipple, y downwards. Brightness is in arbitrary units of attenuation until
``expose`` turns it into grey levels.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy import fft

DENSITIES = ("A", "B", "C", "D")
DENSITY_SHARES = (0.20, 0.40, 0.30, 0.10)
DENSITY_LEVEL = {"A": -2.2, "B": -1.0, "C": 0.1, "D": 1.0}  # shift of the glandular field, in SD
MODALITIES = ("DM", "s2D", "DBT")
MODALITY_SHARES = (0.5, 0.25, 0.25)


@dataclass(frozen=True)
class Patient:
    """What a patient's four views share."""

    density: str
    modality: str
    depth: float  # chest wall to nipple
    half_height: float
    roundness: float  # exponent of the outline
    wobble: np.ndarray  # (3, 2) amplitude and phase of the outline's unevenness
    beta: float  # exponent of the power spectrum
    strands: float  # brightness of ligaments and ducts
    skin: float  # width of the soft edge
    contrast: float
    gamma: float


def describe_patient(rng: np.random.Generator, modality: str) -> Patient:
    """Draw a patient. ``modality`` is one of ``MODALITIES``, or "mixed" to draw that too."""
    density = DENSITIES[rng.choice(4, p=DENSITY_SHARES)]
    drawn = MODALITIES[rng.choice(3, p=MODALITY_SHARES)]
    wobble = np.stack([rng.uniform(0, 0.012, 3), rng.uniform(0, 2 * np.pi, 3)], axis=1)
    return Patient(
        density=density,
        modality=drawn if modality == "mixed" else modality,
        depth=rng.uniform(0.50, 0.80),
        half_height=rng.uniform(0.34, 0.46),
        roundness=rng.uniform(1.8, 2.5),
        wobble=wobble,
        beta=rng.uniform(2.8, 3.4),
        strands=rng.uniform(0.06, 0.14),
        skin=rng.uniform(0.05, 0.10),
        contrast=rng.uniform(0.85, 1.15),
        gamma=rng.uniform(0.9, 1.3),
    )


def outline(patient: Patient, view: str, y: np.ndarray) -> np.ndarray:
    """Return the skin's x at heights ``y`` (0..1): a superellipse, drawn out to the axilla on MLO.

    It is 0 where there is no breast.
    """
    centre = centre_height(view)
    above = patient.half_height if view == "CC" else 0.78
    below = patient.half_height if view == "CC" else 0.9 * patient.half_height
    t = np.where(y < centre, (centre - y) / above, (y - centre) / below)
    x = patient.depth * np.sqrt(np.clip(1 - np.abs(t) ** patient.roundness, 0, None))
    waves = sum(a * np.sin(2 * np.pi * (k + 1) * y + p) for k, (a, p) in enumerate(patient.wobble))
    nipple = 0.022 * np.exp(-(((y - centre) / 0.022) ** 4))
    return np.where(x > 0, np.clip(x + waves * np.sqrt(x) + nipple, 0, None), 0)


def centre_height(view: str) -> float:
    """Return the nipple's y."""
    return 0.5 if view == "CC" else 0.6


@cache
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixel centres, each float32 (size, size), in 0..1."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(axis, axis)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


@cache
def _frequency(size: int) -> np.ndarray:
    """Return log spatial frequency, float32 (size, size); the mean's own is infinite."""
    f = fft.fftfreq(size, 1 / size).astype(np.float32)
    radius = np.hypot(f[:, None], f[None, :])
    radius[0, 0] = np.inf
    return np.log(radius)


def power_law_pair(white: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Filter complex white noise (size, size) to a spectrum 1/f^beta; return two unit-SD fields.

    The real and imaginary parts of one complex transform are independent, which halves the cost.
    """
    amplitude = np.exp(-0.5 * beta * _frequency(len(white)))
    field = fft.ifft2(white * amplitude, overwrite_x=True)
    return field.real / field.real.std(), field.imag / field.imag.std()


def _white(rngs: list[np.random.Generator], size: int) -> np.ndarray:
    """Mix equal parts of what patient, breast and view contribute: complex64 (size, size)."""
    total = sum(rng.standard_normal((size, size, 2), dtype=np.float32) for rng in rngs)
    return total.view(np.complex64)[..., 0]


def tissue(
    patient: Patient, view: str, rngs: list[np.random.Generator], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return attenuation and thickness of a breast without findings, each float32 (size, size).

    ``rngs`` are the generators of patient, breast and view: views of a patient resemble each other.
    Thickness is 0 outside the breast and 1 inside, with a soft edge.
    """
    x, y = _grid(size)
    skin_x = outline(patient, view, y[:, 0]).astype(np.float32)[:, None]
    inside = (x < skin_x).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / size
    thickness = np.sqrt(1 - (1 - np.minimum(distance / patient.skin, 1)) ** 2)

    gland, other = power_law_pair(_white(rngs, size), patient.beta)
    # Glands fill a cone behind the nipple: less under the skin, less at the chest wall.
    place = 1.6 * np.minimum(distance / 0.16, 1) + np.minimum(x / 0.25, 1) - 2.2
    level = DENSITY_LEVEL[patient.density]
    dense = 1 / (1 + np.exp(-2.2 * (gland + place + level)))
    overlap = 0.7 if patient.modality == "DBT" else 1.0  # a slice shows less of what lies over it
    body = 0.30 + overlap * (0.30 * dense + 0.03 * gland) + _strands(patient, view, other, size)
    body += 0.12 * (distance < 0.010)  # the skin itself
    if view == "MLO":
        body = _pectoral(body, gland, rngs[1], size)
    return body * inside, thickness


def _strands(patient: Patient, view: str, field: np.ndarray, size: int) -> np.ndarray:
    """Return thin bright curves that run towards the nipple: ligaments, ducts and vessels.

    They are the zero crossings of a power-law field, read in polar coordinates at the nipple.
    """
    x, y = _grid(size)
    dx = x - np.float32(patient.depth)
    dy = y - np.float32(centre_height(view))
    radius, angle = cv2.cartToPolar(dx, dy)
    columns = np.float32(0.32 * size) * angle
    rows = np.float32(0.30 * size) * radius
    smooth = cv2.GaussianBlur(field, (0, 0), 0.005 * size)
    warped = cv2.remap(smooth, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    broken = 0.5 + 0.5 * np.tanh(2 * field)  # strands come and go
    return np.float32(patient.strands) * broken * np.exp(-((warped / 0.06) ** 2))


def _pectoral(
    body: np.ndarray, field: np.ndarray, rng: np.random.Generator, size: int
) -> np.ndarray:
    """Lay the pectoral muscle, a bright triangle at the top of the chest wall, over ``body``."""
    x, y = _grid(size)
    width, height, bow, level = rng.uniform([0.26, 0.45, -0.1, 0.5], [0.42, 0.75, 0.1, 0.66])
    t = 1 - x / np.float32(width) - y / np.float32(height)
    t += np.float32(4 * bow / (width * height)) * x * y
    muscle = 0.5 + 0.5 * np.tanh(t / np.float32(0.06))
    return body * (1 - muscle) + muscle * (np.float32(level) + 0.025 * field)


def expose(
    body: np.ndarray, thickness: np.ndarray, patient: Patient, rng: np.random.Generator
) -> np.ndarray:
    """Turn attenuation (size, size) into grey levels, uint8: blur, noise, window, as the modality.

    Gain and offset vary from image to image, whatever the grade.
    """
    size = len(body)
    gain, offset = rng.uniform([0.85, -0.06], [1.15, 0.06])
    noise = rng.standard_normal((size, size), dtype=np.float32)
    if patient.modality == "s2D":  # synthesised with edges enhanced
        body = body + 0.8 * (body - cv2.GaussianBlur(body, (0, 0), 1.5 * size / 256))
    signal = body + noise * np.float32(0.022 if patient.modality == "DBT" else 0.016)
    shade = (signal - 0.18) * np.float32(1.25 * gain * patient.contrast) + np.float32(offset + 0.08)
    shade = np.clip(shade, 0.02, 1) ** np.float32(patient.gamma) * thickness
    return np.clip(255 * shade, 0, 255).astype(np.uint8)
