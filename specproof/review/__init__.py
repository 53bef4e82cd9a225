"""Review of a change: of a design, of a policy, or of the pool of hosts that it runs on."""
