"""Ways out of the house: one module per provider, all behind `base.Transport`."""
