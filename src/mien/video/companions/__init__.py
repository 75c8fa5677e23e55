"""Depth and thermal videos beside a color video: reading, units, matching, cutting."""
