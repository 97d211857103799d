"""Small controls that the panels are made of; they know neither document nor engine."""
