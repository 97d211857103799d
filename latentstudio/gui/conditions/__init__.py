"""The sections of the conditions panel: what a generator is given besides its latent."""
