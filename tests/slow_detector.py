"""A detector that takes its time, for runs that are killed in the middle."""

from __future__ import annotations

import time

from face_doubles import ScriptedDetector, make_face


def slow() -> ScriptedDetector:
    def script(_: int) -> list:
        time.sleep(0.05)
        return [make_face(2, 2, 10), make_face(12.0, 16.0, 40.0)]

    return ScriptedDetector(script)
