"""Studies: results of many inputs as one table, persons, conditions, episodes and comparisons."""
