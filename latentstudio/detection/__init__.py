"""Was a picture made by this generator? Projection, calibrated statistics, a careful verdict."""
