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

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

DENSITY_SHARES = {"A": 0.20, "B": 0.40, "C": 0.30, "D": 0.10}
DENSITY_LEVEL = {"A": -2.2, "B": -1.0, "C": 0.1, "D": 1.0}  # shift of the glandular field, in SD
MODALITY_SHARES = {"DM": 0.5, "s2D": 0.25, "DBT": 0.25}
NIPPLE = {"CC": 0.5, "MLO": 0.6}  # its height y
Pair = tuple[np.ndarray, np.ndarray]  # each float32 (size, size)


@dataclass(frozen=True)
class Rendering:
    """The rendering of tissue by a modality: everything in which modalities differ here."""

    overlap: float  # share of the glandular tissue that an image shows on top of each other
    sharpening: float  # strength of the unsharp mask, of SHARPENED pixels
    noise: float  # SD, in the units of attenuation


SHARPENED = 1.5  # SD of the unsharp mask's blur, pixels of an image of 256
RENDERING = {
    "DM": Rendering(overlap=1.0, sharpening=0.0, noise=0.016),  # digital mammography
    "s2D": Rendering(overlap=1.0, sharpening=0.8, noise=0.016),  # synthesised, edges enhanced
    "DBT": Rendering(overlap=0.7, sharpening=0.0, noise=0.022),  # a slice shows less tissue
}


@dataclass(frozen=True)
class Patient:
    """The properties that a patient's four views share."""

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


def describe_patient(
    rng: np.random.Generator, modality: str, density_shares: Sequence[float] | None = None
) -> Patient:
    """Draw a patient. ``modality`` is one of ``MODALITY_SHARES``, or "mixed" to draw that too.

    ``density_shares`` are those of A to D, in place of ``DENSITY_SHARES``.
    """
    shares = density_shares or DENSITY_SHARES.values()
    density = _draw_by(dict(zip(DENSITY_SHARES, shares, strict=True)), rng)
    drawn = _draw_by(MODALITY_SHARES, rng)
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


def _draw_by(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def outline(patient: Patient, view: str, y: np.ndarray) -> np.ndarray:
    """Return the skin's x at heights ``y`` (0..1): a superellipse, drawn out to the axilla on MLO.

    It is 0 where there is no breast.
    """
    above = patient.half_height if view == "CC" else 0.78
    below = patient.half_height if view == "CC" else 0.9 * patient.half_height
    t = np.where(y < NIPPLE[view], (NIPPLE[view] - y) / above, (y - NIPPLE[view]) / below)
    x = patient.depth * np.sqrt(np.clip(1 - np.abs(t) ** patient.roundness, 0, None))
    waves = sum(a * np.sin(2 * np.pi * (k + 1) * y + p) for k, (a, p) in enumerate(patient.wobble))
    nipple = 0.022 * np.exp(-(((y - NIPPLE[view]) / 0.022) ** 4))
    return np.where(x > 0, np.clip(x + waves * np.sqrt(x) + nipple, 0, None), 0)


def _grid(size: int) -> Pair:
    """Return x and y of the pixel centres, in 0..1."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    return tuple(np.meshgrid(axis, axis))


def power_law_pair(white: np.ndarray, beta: float) -> Pair:
    """Filter complex white noise (size, size) to a spectrum 1/f^beta; return two unit-SD fields.

    The real and imaginary parts of one complex transform are independent, which halves the cost.
    """
    f = fft.fftfreq(len(white), 1 / len(white)).astype(np.float32)
    frequency = np.hypot(f[:, None], f[None, :])
    frequency[0, 0] = np.inf  # no mean
    amplitude = np.exp(-0.5 * beta * np.log(frequency))
    field = fft.ifft2(white * amplitude, overwrite_x=True)
    return field.real / field.real.std(), field.imag / field.imag.std()


def tissue(patient: Patient, view: str, rngs: list[np.random.Generator], size: int) -> Pair:
    """Return attenuation and thickness of a breast without findings.

    ``rngs`` are the generators of patient, breast and view: views of a patient resemble each other.
    Thickness is 0 outside the breast and 1 inside, with a soft edge.
    """
    x, y = _grid(size)
    skin_x = outline(patient, view, y[:, 0]).astype(np.float32)[:, None]
    inside = (x < skin_x).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / size
    thickness = np.sqrt(1 - (1 - np.minimum(distance / patient.skin, 1)) ** 2)

    white = sum(rng.standard_normal((size, size, 2), dtype=np.float32) for rng in rngs)
    gland, strand_noise = power_law_pair(white.view(np.complex64)[..., 0], patient.beta)
    # Glands fill a cone behind the nipple: less under the skin, less at the chest wall.
    place = 1.6 * np.minimum(distance / 0.16, 1) + np.minimum(x / 0.25, 1) - 2.2
    level = DENSITY_LEVEL[patient.density]
    dense = 1 / (1 + np.exp(-2.2 * (gland + place + level)))
    overlap = RENDERING[patient.modality].overlap
    body = 0.30 + overlap * (0.30 * dense + 0.03 * gland) + _strands(patient, view, strand_noise)
    body += 0.12 * (distance < 0.010)  # the skin itself
    if view == "MLO":
        body = _pectoral(body, gland, rngs[1])
    return body * inside, thickness


def _strands(patient: Patient, view: str, field: np.ndarray) -> np.ndarray:
    """Return thin bright curves that run towards the nipple: ligaments, ducts and vessels.

    They are the zero crossings of a power-law field, read in polar coordinates at the nipple.
    """
    size = len(field)
    x, y = _grid(size)
    radius, angle = cv2.cartToPolar(x - np.float32(patient.depth), y - np.float32(NIPPLE[view]))
    columns = np.float32(0.32 * size) * angle
    rows = np.float32(0.30 * size) * radius
    smooth = cv2.GaussianBlur(field, (0, 0), 0.005 * size)
    warped = cv2.remap(smooth, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    broken = 0.5 + 0.5 * np.tanh(2 * field)  # strands come and go
    return np.float32(patient.strands) * broken * np.exp(-((warped / 0.06) ** 2))


def _pectoral(body: np.ndarray, field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay the pectoral muscle, a bright triangle at the top of the chest wall, over ``body``."""
    x, y = _grid(len(body))
    width, height, bow, level = rng.uniform([0.26, 0.45, -0.1, 0.5], [0.42, 0.75, 0.1, 0.66])
    t = 1 - x / np.float32(width) - y / np.float32(height)
    t += np.float32(4 * bow / (width * height)) * x * y
    muscle = 0.5 + 0.5 * np.tanh(t / np.float32(0.06))
    return body * (1 - muscle) + muscle * (np.float32(level) + 0.025 * field)


def expose(
    body: np.ndarray,
    thickness: np.ndarray,
    patient: Patient,
    rng: np.random.Generator,
    noise_factor: float = 1.0,
) -> np.ndarray:
    """Turn attenuation (size, size) into grey levels, uint8: edges, noise, window, as the modality.

    Gain and offset vary from image to image, whatever the grade.
    """
    size, rendering = len(body), RENDERING[patient.modality]
    gain, offset = rng.uniform([0.85, -0.06], [1.15, 0.06])
    noise = rng.standard_normal((size, size), dtype=np.float32)
    if rendering.sharpening:
        blurred = cv2.GaussianBlur(body, (0, 0), SHARPENED * size / 256)
        body = body + rendering.sharpening * (body - blurred)
    signal = body + noise * np.float32(noise_factor * rendering.noise)
    shade = (signal - 0.18) * np.float32(1.25 * gain * patient.contrast) + np.float32(offset + 0.08)
    shade = np.clip(shade, 0.02, 1) ** np.float32(patient.gamma) * thickness
    return np.clip(255 * shade, 0, 255).astype(np.uint8)
