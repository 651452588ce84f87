"""From echo strength to a grey picture: speckle, beam, attenuation, log compression, scan conversion.

The signal model is the usual linear one (Bamber and Dickinson, Phys Med Biol 1980;25:463; Meunier and Bertrand, IEEE
Trans Biomed Eng 1995;42:1293): white complex scatterers, weighted by the local echo amplitude, convolved with a
separable point-spread function whose lateral width grows away from the focus, envelope detected and log compressed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from inference.phantom.spec import PhantomSpec

Array = NDArray[np.float32]
ComplexArray = NDArray[np.complex64]
_RADIAL, _LATERAL = 512, 160
_GRAIN_MM = 0.14
_SPEED_MM_US = 1.54


@dataclass(frozen=True)
class Beam:
    """The polar grid of one clip and everything on it that does not move.

    ``x``, ``y`` are mm (right and down from the middle of the probe surface), shape (radial, lateral).
    """

    r: Array
    theta: Array
    x: Array
    y: Array
    transfer: Array
    axial_sigma: float
    level: Array

    @property
    def shape(self) -> tuple[int, int]:
        return (_RADIAL, _LATERAL)


def build_beam(spec: PhantomSpec) -> Beam:
    """Grid, lateral transfer function per depth and the depth gain of one clip."""
    r = np.linspace(0.0, spec.depth_mm, _RADIAL, dtype=np.float32)
    theta = np.linspace(-spec.half_angle, spec.half_angle, _LATERAL, dtype=np.float32)
    reach = (r + spec.apex_mm)[:, None]
    x, y = reach * np.sin(theta), reach * np.cos(theta) - spec.apex_mm
    wavelength = _SPEED_MM_US / spec.frequency_mhz
    step = float(theta[1] - theta[0])
    focal_width = 0.42 * wavelength / spec.aperture_mm * (spec.focus_mm + spec.apex_mm)
    defocus = np.abs(r - spec.focus_mm) * spec.aperture_mm / (2.0 * max(spec.focus_mm, 10.0)) * 0.2
    width_mm = np.sqrt(focal_width**2 + defocus**2)
    sigma = np.clip(width_mm / reach[:, 0] / step, 0.7, 9.0)
    frequency = np.fft.fftfreq(_LATERAL)[None, :]
    transfer = np.exp(-2 * (np.pi * frequency * sigma[:, None]) ** 2) * np.sqrt(2 * np.sqrt(np.pi) * sigma[:, None])
    axial_mm = 0.9 * wavelength
    bend = spec.tgc_error_db * np.sin(np.pi * r / spec.depth_mm * 1.5)
    loss = -0.9 * spec.attenuation_db_cm * r / 10.0
    level = (bend + loss)[:, None].astype(np.float32)
    axial = float(axial_mm / 2 / (r[1] - r[0]))
    return Beam(r, theta, x.astype(np.float32), y.astype(np.float32), transfer.astype(np.float32), axial, level)


class Tissue:
    """Scatterers and texture that are fixed in the tissue and move with it."""

    def __init__(self, spec: PhantomSpec) -> None:
        rng = np.random.default_rng((spec.seed, 3))
        half = (spec.depth_mm + spec.apex_mm) * np.sin(spec.half_angle) + 4.0
        self._x0, self._y0 = -half, -4.0
        columns = int(2 * half / _GRAIN_MM)
        rows = int((spec.depth_mm + 8.0) / _GRAIN_MM)
        self._grain: ComplexArray = (
            rng.standard_normal((rows, columns), dtype=np.float32)
            + 1j * rng.standard_normal((rows, columns), dtype=np.float32)
        ).astype(np.complex64)
        if spec.density < 1.0:
            # Sparse scatterers of the same mean power (Goodman: partially developed speckle).
            self._grain *= (rng.random((rows, columns), dtype=np.float32) < spec.density) / np.sqrt(spec.density)
        coarse = (rows // 8 + 2, columns // 8 + 2)
        blobs = gaussian_filter(rng.standard_normal(coarse), (2.0, 4.5)) * 38
        layers = gaussian_filter(rng.standard_normal(coarse), (0.9, 9.0)) * 34
        fine = gaussian_filter(rng.standard_normal(coarse), (1.0, 1.4)) * 11
        strands = np.maximum(layers - 3.5, 0) * 1.5
        texture = np.clip(blobs + layers + strands + fine, -16, 12) * spec.texture
        self._texture: Array = texture.astype(np.float32)
        self._plaque: Array = (np.clip(fine * 0.9 + blobs * 0.25, -7, 6) * min(spec.texture, 1.0)).astype(np.float32)

    def sample(self, x: Array, y: Array) -> tuple[ComplexArray, Array, Array]:
        """Scatterers, tissue texture (dB) and plaque texture (dB) at material points given in mm."""
        row = np.clip(((y - self._y0) / _GRAIN_MM).astype(np.int32), 0, self._grain.shape[0] - 1)
        column = np.clip(((x - self._x0) / _GRAIN_MM).astype(np.int32), 0, self._grain.shape[1] - 1)
        r8, c8 = row >> 3, column >> 3
        return self._grain[row, column], self._texture[r8, c8], self._plaque[r8, c8]


def form_image(
    beam: Beam, amplitude_db: Array, grain: ComplexArray, spec: PhantomSpec, rng: np.random.Generator
) -> Array:
    """Envelope in dB on the polar grid from echo levels and scatterers (both of the grid's shape)."""
    if spec.family == "painted":
        return _paint(beam, amplitude_db, spec, rng)
    amplitude = np.power(np.float32(10.0), amplitude_db / np.float32(20.0))
    if spec.family == "incoherent":
        power = _intensity(beam, amplitude, grain, spec, rng)
    else:
        power = _power(beam, amplitude * grain, spec, rng)
        for _ in range(spec.looks - 1):
            # Another look from another angle: other speckle on the same tissue.
            turned = rng.standard_normal((2, *beam.shape), dtype=np.float32)
            power = power + _power(beam, amplitude * (turned[0] + 1j * turned[1]), spec, rng)
        power = power / np.float32(spec.looks)
    level = 10.0 * np.log10(power + 1e-9) + beam.level
    return np.asarray(_soften(level, beam, spec), dtype=np.float32)


def _soften(level: Array, beam: Beam, spec: PhantomSpec) -> Array:
    """Blur of ``blur_mm`` on the log-compressed signal, as smoothing filters on a scanner leave it."""
    if spec.blur_mm <= 0.05:
        return level
    down = spec.blur_mm / float(beam.r[1] - beam.r[0])
    across = spec.blur_mm / (float(beam.theta[1] - beam.theta[0]) * (0.5 * spec.depth_mm + spec.apex_mm))
    return np.asarray(gaussian_filter(level, (down, across), truncate=2.5), dtype=np.float32)


def _paint(beam: Beam, amplitude_db: Array, spec: PhantomSpec, rng: np.random.Generator) -> Array:
    """No physics: the echo level itself with uneven light, grain of random size, and blur."""
    rows, columns = beam.shape
    coarse = gaussian_filter(rng.standard_normal((rows // 32 + 3, columns // 10 + 3)), 1.2)
    light = np.repeat(np.repeat(coarse, 32, axis=0), 10, axis=1)[:rows, :columns]
    light = gaussian_filter(light, (20.0, 6.0)) * 14.0
    size = (float(rng.uniform(0.0, 2.5)), float(rng.uniform(0.0, 1.6)))
    grain = gaussian_filter(rng.standard_normal(beam.shape), size)
    grain = grain * float(rng.uniform(0.5, 5.0)) / max(float(grain.std()), 1e-6)
    floor = np.float32(spec.noise_db + 8.0)
    level = np.logaddexp(amplitude_db / 4.0, floor / 4.0) * 4.0 + light + grain + 0.5 * beam.level
    return _soften(np.asarray(level, dtype=np.float32), beam, spec)


def _intensity(beam: Beam, amplitude: Array, grain: ComplexArray, spec: PhantomSpec, rng: np.random.Generator) -> Array:
    """Incoherent sum: exponential intensity per scatterer, smeared by the beam, with a noise floor."""
    power = amplitude**2 * (grain.real**2 + grain.imag**2) * np.float32(0.5)
    spread = np.clip(beam.transfer.astype(np.float32), 0.0, None)
    share = spread / np.maximum(spread[:, :1], 1e-6)
    smeared = ifft(fft(power, axis=1) * share, axis=1).real
    smeared = gaussian_filter1d(smeared, max(beam.axial_sigma, 0.8), axis=0, truncate=3.0)
    noise = rng.standard_exponential(beam.shape, dtype=np.float32)
    floor = np.power(10.0, (spec.noise_db + 12.0 * (beam.r / 80.0)) / 10.0).astype(np.float32)[:, None]
    ring = _near_field(beam, spec)
    return np.asarray(np.abs(smeared) + floor * noise + 0.15 * ring**2 * noise, dtype=np.float32)


def _power(beam: Beam, field: ComplexArray, spec: PhantomSpec, rng: np.random.Generator) -> Array:
    """Echo power of complex scatterers through the beam, with side lobes, clutter, reverberation and noise."""
    spectrum = fft(field, axis=1)
    field = ifft(spectrum * beam.transfer, axis=1)
    sidelobe = gaussian_filter1d(np.abs(field), 7.0, axis=1) * np.float32(10 ** (-30.0 / 20))
    sigma = beam.axial_sigma
    scale = np.float32(np.sqrt(2 * np.sqrt(np.pi) * sigma) * 0.5)
    real = gaussian_filter1d(field.real, sigma, axis=0, truncate=3.0) * scale
    imag = gaussian_filter1d(field.imag, sigma, axis=0, truncate=3.0) * scale
    noise = rng.standard_normal((2, *beam.shape), dtype=np.float32)
    floor = np.power(10.0, (spec.noise_db + 12.0 * (beam.r / 80.0)) / 20.0).astype(np.float32)[:, None]
    ring = _near_field(beam, spec)
    haze = noise[0] * (floor + sidelobe) + gaussian_filter(noise[0], (2.0, 1.2)) * 4.0 * ring
    echo = _reverberate(real + 1j * imag, spec, beam)
    power = (echo.real + haze) ** 2 + (echo.imag + noise[1] * (floor + sidelobe)) ** 2
    return np.asarray(power, dtype=np.float32)


def _near_field(beam: Beam, spec: PhantomSpec) -> Array:
    """Amplitude of the probe's ring-down and of the clutter behind it, over depth."""
    ring = 2.0 * np.exp(-((beam.r / 1.6) ** 2)) + 10 ** (spec.clutter_db / 20) * 3.0 * np.exp(-beam.r / 7.0)
    return np.asarray(ring[:, None], dtype=np.float32)


def _reverberate(echo: ComplexArray, spec: PhantomSpec, beam: Beam) -> ComplexArray:
    """The first strong wall seen a second time, deeper and weak."""
    distance = max(spec.centre[1] - spec.radius, 2.0)
    shift = int(distance / float(beam.r[1] - beam.r[0]))
    if shift >= echo.shape[0]:
        return echo
    ghost = np.zeros_like(echo)
    ghost[shift:] = echo[: echo.shape[0] - shift]
    return np.asarray(echo + ghost * np.float32(10 ** (spec.reverberation_db / 20)), dtype=np.complex64)


def to_grey(level_db: Array, spec: PhantomSpec) -> Array:
    """Log-compressed grey values, 0 to 255, from an envelope in dB."""
    value = 1.0 + (level_db - 7.0 + spec.gain_db) / spec.dynamic_range_db
    value = np.clip(value, 0.0, 1.0)
    curve = value * value * (3 - 2 * value) * spec.curve + value ** (1.0 + 1.5 * (1 - spec.curve)) * (1 - spec.curve)
    return np.asarray(255.0 * curve**spec.gamma, dtype=np.float32)


class ScanConverter:
    """Bilinear scan conversion from the polar grid into the sector's box, with the weights worked out once."""

    def __init__(self, spec: PhantomSpec, row_mm: float, col_mm: float) -> None:
        self.shape = (spec.box_rows, spec.box_columns)
        y = (np.arange(spec.box_rows, dtype=np.float32) + 0.5) * row_mm
        x = (np.arange(spec.box_columns, dtype=np.float32) + 0.5 - spec.box_columns / 2) * col_mm
        self.x, self.y = np.meshgrid(x, y)
        reach = np.hypot(self.x, self.y + spec.apex_mm)
        angle = np.arctan2(self.x, self.y + spec.apex_mm)
        depth = reach - spec.apex_mm
        inside = (depth >= 0) & (depth < spec.depth_mm) & (np.abs(angle) < spec.half_angle)
        self.inside: NDArray[np.bool_] = inside
        at_r = depth[inside] / spec.depth_mm * (_RADIAL - 1)
        at_t = (angle[inside] + spec.half_angle) / (2 * spec.half_angle) * (_LATERAL - 1)
        r0 = np.minimum(at_r.astype(np.int32), _RADIAL - 2)
        t0 = np.minimum(at_t.astype(np.int32), _LATERAL - 2)
        self._index = r0 * _LATERAL + t0
        self._fr, self._ft = (at_r - r0).astype(np.float32), (at_t - t0).astype(np.float32)

    def __call__(self, polar: Array) -> NDArray[np.uint8]:
        """The picture inside the box (rows, columns), black outside the sector."""
        flat, i = polar.ravel(), self._index
        upper = flat[i] + (flat[i + 1] - flat[i]) * self._ft
        lower = flat[i + _LATERAL] + (flat[i + _LATERAL + 1] - flat[i + _LATERAL]) * self._ft
        out = np.zeros(self.shape, dtype=np.uint8)
        out[self.inside] = np.clip(upper + (lower - upper) * self._fr + 0.5, 0, 255).astype(np.uint8)
        return out
