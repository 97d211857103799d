"""The parts of the photo panel."""
