"""From a photograph to a recipe: targets, distances, projectors, encoders."""
