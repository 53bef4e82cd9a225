"""Which assumptions each verdict needs: `specproof check --assumptions`."""
