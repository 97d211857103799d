"""The parts of the detect panel."""
