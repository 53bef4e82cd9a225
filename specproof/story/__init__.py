"""Counterexamples and proofs that a person follows, shows to others and runs: one `Story`, many forms."""
