"""One file per architecture: how its checkpoints are recognised, and its network as stages."""
