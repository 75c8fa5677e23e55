"""Where a face will be: constant velocity in seconds, not in frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# All in units of the face's own size (the square root of its box area), so that a near and a
# far face are treated alike.
_MEASURED_STD = 0.05  # jitter of detectors' boxes
_ACCELERATION_STD = 4.0  # per second squared: people start, stop and turn
_FIRST_SPEED_STD = 2.0  # per second, before any motion was seen
_SIZE_ACCELERATION_STD = 0.5  # of the logarithm of the size
_FIRST_GROWTH_STD = 0.3


@dataclass(slots=True)
class Axis:
    """A position and its velocity with their uncertainty: a Kalman filter of two states.

    ``value`` is in any unit, ``speed`` in that unit per second; ``p_*`` are the covariance.
    """

    value: float
    speed: float = 0.0
    p_value: float = 0.0
    p_cross: float = 0.0
    p_speed: float = 0.0

    def predict(self, elapsed_s: float, acceleration_std: float) -> None:
        """Move on by ``elapsed_s`` seconds, 0 or more."""
        dt = elapsed_s
        noise = acceleration_std**2 * dt
        self.value += self.speed * dt
        self.p_value += 2 * dt * self.p_cross + dt * dt * self.p_speed + noise * dt * dt / 3
        self.p_cross += dt * self.p_speed + noise * dt / 2
        self.p_speed += noise

    def correct(self, measured: float, std: float) -> None:
        """Take a measurement with its standard deviation, which is above 0."""
        total = self.p_value + std * std
        gain_value, gain_speed = self.p_value / total, self.p_cross / total
        residual = measured - self.value
        self.value += gain_value * residual
        self.speed += gain_speed * residual
        self.p_speed -= gain_speed * self.p_cross
        self.p_cross *= 1 - gain_value
        self.p_value *= 1 - gain_value


@dataclass(slots=True)
class Motion:
    """Motion of one face: centre in pixels and the logarithm of its size.

    ``aspect`` is the logarithm of width over height as last seen.
    """

    x: Axis
    y: Axis
    log_size: Axis
    aspect: float
    seen_x_px: float = field(init=False)
    seen_y_px: float = field(init=False)

    def __post_init__(self) -> None:
        self.seen_x_px, self.seen_y_px = self.x.value, self.y.value

    @classmethod
    def start(cls, box: tuple[float, float, float, float]) -> Motion:
        """Begin at a box (x, y, width, height) in pixels; sides above 0."""
        x_px, y_px, size_px, aspect = centre_and_size(box)
        spread = (_MEASURED_STD * size_px) ** 2
        speed = (_FIRST_SPEED_STD * size_px) ** 2
        return cls(
            x=Axis(x_px, p_value=spread, p_speed=speed),
            y=Axis(y_px, p_value=spread, p_speed=speed),
            log_size=Axis(
                math.log(size_px), p_value=_MEASURED_STD**2, p_speed=_FIRST_GROWTH_STD**2
            ),
            aspect=aspect,
        )

    @property
    def size_px(self) -> float:
        """Square root of the predicted box's area."""
        return math.exp(self.log_size.value)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Predicted box: x, y, width, height in pixels."""
        width = self.size_px * math.exp(self.aspect / 2)
        height = self.size_px * math.exp(-self.aspect / 2)
        return self.x.value - width / 2, self.y.value - height / 2, width, height

    def predict(self, elapsed_s: float, image_size: tuple[int, int]) -> None:
        """Move on by ``elapsed_s``; a centre that leaves the image waits at its border."""
        push = _ACCELERATION_STD * self.size_px
        self.x.predict(elapsed_s, push)
        self.y.predict(elapsed_s, push)
        # Growth is not carried over a loss for long: an exponential runs away quickly.
        self.log_size.speed *= math.exp(-2.0 * elapsed_s)
        self.log_size.predict(elapsed_s, _SIZE_ACCELERATION_STD)
        self.x.value = min(max(self.x.value, 0.0), float(image_size[0]))
        self.y.value = min(max(self.y.value, 0.0), float(image_size[1]))

    def correct(self, box: tuple[float, float, float, float], trust: float = 1.0) -> None:
        """Take a detected box. ``trust`` below 1 makes the measurement weigh less."""
        x_px, y_px, size_px, self.aspect = centre_and_size(box)
        std = _MEASURED_STD / trust
        self.x.correct(x_px, std * size_px)
        self.y.correct(y_px, std * size_px)
        self.log_size.correct(math.log(size_px), std)
        self.seen_x_px, self.seen_y_px = x_px, y_px

    def distances(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Distances of a centre to the predicted place and to the way there, in face sizes.

        The way is the segment from where the face was last seen to where it is expected: a
        face that slowed down while it was hidden is found on it.
        """
        way_x, way_y = self.x.value - self.seen_x_px, self.y.value - self.seen_y_px
        off_x, off_y = x_px - self.seen_x_px, y_px - self.seen_y_px
        length = way_x * way_x + way_y * way_y
        part = 0.0
        if length > 0:
            part = min(1.0, max(0.0, (off_x * way_x + off_y * way_y) / length))
        to_way = math.hypot(off_x - part * way_x, off_y - part * way_y)
        to_place = math.hypot(x_px - self.x.value, y_px - self.y.value)
        return to_place / self.size_px, to_way / self.size_px


def centre_and_size(
    box: tuple[float, float, float, float],
) -> tuple[float, float, float, float]:
    """Centre x, centre y, square root of the area, log of width over height."""
    x, y, width, height = box
    return x + width / 2, y + height / 2, math.sqrt(width * height), math.log(width / height)


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes (x, y, width, height), 0 to 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
