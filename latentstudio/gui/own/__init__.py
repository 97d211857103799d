"""Directions of a person's own: from examples, from scores, from files. Qt; GUI thread."""
